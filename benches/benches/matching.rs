//! Five minutes of fixes through a city of small blocks.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fin_benches::city;
use fin_core::matching::{MatchOptions, Odometer, match_track};

fn matching(c: &mut Criterion) {
    let city = city(60, 300, 2);
    let odometer = Odometer::new(&[]);
    let options = MatchOptions::default();
    let mut group = c.benchmark_group("matching");
    group.throughput(Throughput::Elements(city.track.len() as u64));
    group.bench_function("five_minutes", |b| {
        b.iter(|| match_track(&city.network, black_box(&city.track), &odometer, &options));
    });
    group.finish();
}

criterion_group!(benches, matching);
criterion_main!(benches);
