//! Edges near a point.

use criterion::{Criterion, criterion_group, criterion_main};
use fin_benches::city;
use fin_core::network::SegmentGrid;

fn nearest(c: &mut Criterion) {
    let city = city(100, 1000, 1);
    let mut group = c.benchmark_group("nearest");
    group.throughput(criterion::Throughput::Elements(city.points.len() as u64));
    for (name, radius_m, max) in [("one_within_100_m", 100.0, 1), ("all_within_200_m", 200.0, 64)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let of = |&point| city.network.nearest(point, radius_m, max).len();
                city.points.iter().map(of).sum::<usize>()
            });
        });
    }
    let grid = SegmentGrid::new(&city.network, 100.0).expect("streets");
    group.bench_function("grid", |b| {
        b.iter(|| {
            city.points
                .iter()
                .filter_map(|&point| grid.nearest(point, 100.0, None))
                .count()
        });
    });
    group.bench_function("grid_along_a_drive", |b| {
        b.iter(|| {
            let mut last = None;
            for fix in &city.track {
                last = grid.nearest(fix.position, 100.0, last.as_ref());
            }
            last
        });
    });
    group.finish();
}

criterion_group!(benches, nearest);
criterion_main!(benches);
