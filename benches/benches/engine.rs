//! Whole drives through a tunnel of 2 km, per observation.

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fin_benches::tube;
use fin_core::engine::Engine;
use fin_core::observation::Observation;

fn drives(c: &mut Criterion) {
    let mut group = c.benchmark_group("engine");
    group.sample_size(20);
    for cells in [1, 6] {
        let tube = tube(2000.0, cells, 22.0, 3);
        let all = tube.drive.observations();
        let without_wheel: Vec<Observation> = all
            .iter()
            .filter(|observation| !matches!(observation, Observation::Speed(_)))
            .cloned()
            .collect();
        for (inputs, observations) in [("all", &all), ("no_wheel", &without_wheel)] {
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

criterion_group!(benches, drives);
criterion_main!(benches);
