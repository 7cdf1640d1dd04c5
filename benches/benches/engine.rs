//! The engine: whole drives through a tunnel of 2 km, and single scans in the middle of one of 10 km.

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fin_benches::tube;
use fin_core::dtw::{Frames, LevelRow};
use fin_core::engine::Engine;
use fin_core::observation::Observation;

fn without_wheel(observations: &[Observation]) -> Vec<Observation> {
    let is_wheel = |observation: &&Observation| matches!(observation, Observation::Speed(_));
    observations.iter().filter(|o| !is_wheel(o)).cloned().collect()
}

fn drives(c: &mut Criterion) {
    let mut group = c.benchmark_group("engine");
    group.sample_size(20);
    for cells in [1, 6] {
        let tube = tube(2000.0, cells, 22.0, 3);
        let all = tube.drive.observations();
        for (inputs, observations) in [("all", &all), ("no_wheel", &without_wheel(&all))] {
            group.throughput(Throughput::Elements(observations.len() as u64));
            group.bench_function(format!("drive/{inputs}/{cells}_cells"), |b| {
                b.iter(|| {
                    let mut engine = Engine::new(Arc::clone(&tube.db));
                    let changed = |observation| matches!(engine.step(observation), Ok(Some(_)));
                    observations
                        .iter()
                        .map(changed)
                        .filter(|&changed| changed)
                        .count()
                });
            });
        }
    }
    group.finish();
}

/// One scan of 16 cells 5 km inside; the observations between the scans are taken as well, and not counted. One question for the place
/// of a car of which nothing has been heard for 100 s. Beside them, as a measure of the machine, one sample of a live row over 4000
/// positions of 16 levels.
fn steps(c: &mut Criterion) {
    let mut group = c.benchmark_group("step");
    let tube = tube(10_000.0, 16, 22.0, 3);
    let all = tube.drive.observations();
    for (inputs, observations) in [("wheel", &all), ("no_wheel", &without_wheel(&all))] {
        let (before, after) = observations.split_at(observations.len() / 2);
        let mut there = Engine::new(Arc::clone(&tube.db));
        for observation in before {
            there.step(observation).expect("a drive without faults");
        }
        group.bench_function(format!("scan_of_16_cells/{inputs}"), |b| {
            b.iter_custom(|wanted| scans(&there, &after[..200], wanted));
        });
    }
    let mut alone = Engine::new(Arc::clone(&tube.db));
    let is_fix = |observation: &&Observation| matches!(observation, Observation::Gnss(_));
    let before = all.iter().take(all.len() / 2).filter(is_fix);
    let last = before
        .map(|fix| alone.step(fix).expect("a drive without faults"))
        .last();
    let last = last.flatten().expect("a fix that is taken");
    let later = last.time.plus_seconds(100.0);
    group.bench_function("place_after_100_s_alone", |b| b.iter(|| alone.predict(later)));
    let levels: Vec<u8> = (0..16 * 4000).map(|at| (at * 7 % 97) as u8).collect();
    let mut row = LevelRow::new(Frames::new(&levels, 16).expect("whole frames"), 10).expect("16 channels");
    row.start_anywhere();
    let mut samples = levels.chunks(16).cycle();
    group.bench_function("yardstick/live_row_4000", |b| {
        b.iter(|| row.advance_freely(samples.next().expect("it goes round")));
    });
    group.finish();
}

/// How long `wanted` scans among `observations` take, gone through again and again from the state of `there`.
fn scans(there: &Engine, observations: &[Observation], wanted: u64) -> Duration {
    let (mut taken, mut total) = (0, Duration::ZERO);
    loop {
        let mut engine = there.clone();
        for observation in observations {
            let begin = Instant::now();
            let changed = engine.step(observation);
            let step = begin.elapsed();
            assert!(matches!(changed, Ok(Some(_))), "{observation:?}");
            if matches!(observation, Observation::Cells(_)) {
                total += step;
                taken += 1;
            }
            if taken == wanted {
                return total;
            }
        }
    }
}

criterion_group!(benches, drives, steps);
criterion_main!(benches);
