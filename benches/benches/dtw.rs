//! Alignment of whole series, and the two live rows that advance by a sample.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fin_core::dtw::lanes::{Moments, RateLanes};
use fin_core::dtw::{self, AbsoluteDifference, AnchoredRow, SquaredDifference};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SAMPLES: usize = 1000;

/// A random walk in whole dB above −140 dBm.
fn levels(seed: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut level: i16 = 45;
    let mut walk = || {
        level = (level + rng.random_range(-2..=2)).clamp(0, 96);
        level as u8
    };
    (0..SAMPLES).map(|_| walk()).collect()
}

fn series(c: &mut Criterion) {
    let (a, b) = (levels(1), levels(2));
    let real = |levels: &[u8]| -> Vec<f64> { levels.iter().map(|&level| f64::from(level)).collect() };
    let (x, y) = (real(&a), real(&b));
    let mut group = c.benchmark_group("dtw");
    group.throughput(Throughput::Elements((SAMPLES * SAMPLES) as u64));
    group.bench_function("full_f64", |bench| {
        bench.iter(|| dtw::full(black_box(&x), black_box(&y), SquaredDifference));
    });
    group.bench_function("full_u8", |bench| {
        bench.iter(|| dtw::full(black_box(&a), black_box(&b), SquaredDifference));
    });
    group.bench_function("subsequence_u8", |bench| {
        bench.iter(|| dtw::subsequence(black_box(&a[..100]), black_box(&b), AbsoluteDifference));
    });
    group.finish();
}

/// A row over 2 km at 5 m, on which a sample moves on by 0–9 points.
fn anchored_row(c: &mut Criterion) {
    let local: Vec<u32> = levels(3)[..400].iter().map(|&level| u32::from(level)).collect();
    let penalties: Vec<u32> = (0..10_u32).map(|k| k.abs_diff(4)).collect();
    let row = AnchoredRow::start(local.len(), 0, &[0_u32, 1, 2, 3]).expect("the anchor is on the row");
    c.bench_function("dtw/anchored_row_of_400", |b| {
        b.iter_batched_ref(
            || row.clone(),
            |row| row.advance(black_box(&local), black_box(&penalties)),
            criterion::BatchSize::SmallInput,
        );
    });
}

/// The engine's row: 46 speeds × 256 points, moved, blurred and weighed.
fn rate_lanes(c: &mut Criterion) {
    let anchor = Moments {
        position_m: 0.0,
        position_var: 100.0,
        rate: 22.0,
        rate_var: 4.0,
        covariance: 0.0,
    };
    let row = RateLanes::start(&anchor, (0..46).map(f64::from).collect(), 256, 2.0);
    let likelihood = vec![1.0_f32; row.points()];
    c.bench_function("dtw/rate_lanes_46_by_256", |b| {
        b.iter_batched_ref(
            || row.clone(),
            |row| {
                row.advance(22.0, |rate| rate);
                row.diffuse(1.0);
                row.wander(0.5, &[1.0; 46]);
                row.weigh(|_| black_box(&likelihood))
            },
            criterion::BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, series, anchored_row, rate_lanes);
criterion_main!(benches);
