//! What the engine takes from the allocator: counted over a drive through a tunnel of 10 km that 16 cells are heard in.

use std::alloc::System;
use std::sync::Arc;

use fin_benches::tube;
use fin_core::dtw::{Frames, LevelRow};
use fin_core::engine::Engine;
use fin_core::observation::Observation;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Memory that an engine may hold beyond the database, bytes.
const MOST_HELD: usize = 4 << 20;
/// Seconds after the first fix, and after the last one before the tunnel, in which buffers grow to what they need.
const WARM_UP_S: f64 = 15.0;
/// When the drive is in the tunnel, seconds: 10 km at 22 m/s after an approach of 1 km.
const INSIDE_S: (f64, f64) = (1000.0 / 22.0, 11_000.0 / 22.0);
/// When fixes are missing for a second time, seconds.
const MISSING_S: (f64, f64) = (INSIDE_S.1 + 15.0, INSIDE_S.1 + 30.0);

/// Drives a new engine through `observations`, and holds it to what is allowed.
fn drive(name: &str, engine: &mut Engine, observations: &[Observation]) {
    let begin = Region::new(COUNTED);
    let first = observations[0].time();
    let (mut peak, mut warming, mut late) = (0, 0, 0);
    for observation in observations {
        let step = Region::new(COUNTED);
        engine.step(observation).expect("a drive without faults");
        let change = step.change();
        let now = begin.change();
        let held = now.bytes_allocated.saturating_sub(now.bytes_deallocated);
        // Whatever a step takes and gives back counts as if it were held all at once.
        peak = peak.max(held + change.bytes_deallocated);
        let at_s = observation.time().seconds_since(first);
        let is_warm = (WARM_UP_S..INSIDE_S.0).contains(&at_s) || at_s > INSIDE_S.0 + WARM_UP_S;
        *(if is_warm { &mut late } else { &mut warming }) += change.allocations + change.reallocations;
    }
    let steps = observations.len();
    eprintln!(
        "{name}: {steps} steps, {warming} allocations while warming up and {late} afterwards, at most {peak} bytes at once"
    );
    assert_eq!(late, 0, "{name}: allocations after the warm-up");
    assert!(peak < MOST_HELD, "{name}: at most {MOST_HELD} bytes, got {peak}");
}

/// One test, since allocations are counted over all threads.
#[test]
fn the_engine_holds_little_and_steps_and_the_live_row_allocate_nothing() {
    let tube = tube(10_000.0, 16, 22.0, 3);
    let mut observations = tube.drive.observations();
    let first = observations[0].time();
    observations.retain(|observation| match observation {
        Observation::Gnss(fix) => !(MISSING_S.0..MISSING_S.1).contains(&fix.time.seconds_since(first)),
        _ => true,
    });
    let mut engine = Engine::new(Arc::clone(&tube.db));
    drive("with wheel speed", &mut engine, &observations);
    let taken = engine.diagnostics();
    assert_eq!((taken.starts, taken.scans_taken > 400), (1, true), "{taken:?}");

    observations.retain(|observation| !matches!(observation, Observation::Speed(_)));
    let mut engine = Engine::new(Arc::clone(&tube.db));
    drive("without wheel speed", &mut engine, &observations);
    assert!(
        engine.diagnostics().scans_taken > 400,
        "{:?}",
        engine.diagnostics()
    );

    let levels: Vec<u8> = (0..16 * 4000).map(|at| (at * 7 % 97) as u8).collect();
    let mut row = LevelRow::new(Frames::new(&levels, 16).expect("whole frames"), 10).expect("16 channels");
    row.start_anywhere();
    let live = Region::new(COUNTED);
    for sample in levels.chunks(16).take(100) {
        row.advance(sample, &[1, 0, 0, 1]).expect("16 channels");
        row.advance_freely(sample).expect("16 channels");
    }
    let best = row.best();
    assert_eq!(live.change().allocations, 0, "after {best:?}");
}
