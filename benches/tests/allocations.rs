//! What the engine takes from the allocator: counted over a drive through a tunnel of 10 km that 16 cells are heard in.

use std::alloc::System;
use std::sync::Arc;

use fin_benches::tube;
use fin_core::dtw::{Frames, LevelRow};
use fin_core::engine::Engine;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Memory that an engine may hold beyond the database, bytes.
const MOST_HELD: usize = 4 << 20;

#[test]
fn the_engine_holds_little_and_the_live_row_allocates_nothing() {
    let tube = tube(10_000.0, 16, 22.0, 3);
    let observations = tube.drive.observations();
    let begin = Region::new(COUNTED);
    let mut engine = Engine::new(Arc::clone(&tube.db));
    let (mut held, mut peak, mut steps, mut allocations) = (0usize, 0usize, 0usize, 0usize);
    for observation in &observations {
        let step = Region::new(COUNTED);
        let _ = engine.step(observation);
        let change = step.change();
        let now = begin.change();
        held = (now.bytes_allocated + now.bytes_reallocated.max(0) as usize)
            .saturating_sub(now.bytes_deallocated);
        // Whatever a step takes and gives back counts as if it were held all at once.
        peak = peak.max(held + change.bytes_deallocated);
        steps += 1;
        allocations += change.allocations + change.reallocations;
    }
    eprintln!(
        "{steps} steps, {allocations} allocations, {held} bytes held at the end, at most {peak} at once"
    );
    assert!(peak < MOST_HELD, "at most {MOST_HELD} bytes, got {peak}");

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
