//! Alignment of whole series, and the two live rows that advance by a sample.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fin_core::dtw::lanes::{Moments, RateLanes};
use fin_core::dtw::{
    self, AbsoluteDifference, AnchoredRow, Frames, Level, LevelRow, Metric, NearestNeighbours,
    SquaredDifference,
};
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

/// The same alignment at each level of vector instructions that the processor has.
fn levels_of_instructions(c: &mut Criterion) {
    let narrow = |levels: &[u8]| -> Vec<f32> { levels.iter().map(|&level| f32::from(level)).collect() };
    let (a, b) = (narrow(&levels(1)), narrow(&levels(2)));
    let mut group = c.benchmark_group("dtw");
    group.throughput(Throughput::Elements((SAMPLES * SAMPLES) as u64));
    for level in Level::available() {
        group.bench_function(format!("full_f32/{}", level.name()), |bench| {
            bench.iter(|| SquaredDifference.distance(level, black_box(&a), black_box(&b), None));
        });
        group.bench_function(format!("band_f32/{}", level.name()), |bench| {
            bench
                .iter(|| SquaredDifference.distance(level, black_box(&a), black_box(&b), Some(SAMPLES / 10)));
        });
    }
    group.finish();
}

/// The nearest of 1000 series of 250 samples, all pairs of 100, and the mean of 20.
fn collections(c: &mut Criterion) {
    let narrow = |levels: &[u8]| -> Vec<f32> { levels.iter().map(|&level| f32::from(level)).collect() };
    let series: Vec<Vec<f32>> = (0..251)
        .flat_map(|seed| {
            narrow(&levels(seed))
                .chunks(250)
                .map(<[f32]>::to_vec)
                .collect::<Vec<_>>()
        })
        .collect();
    let series: Vec<&[f32]> = series.iter().map(Vec::as_slice).collect();
    let among =
        NearestNeighbours::new(&series[1..1001], 25, SquaredDifference).expect("series of one length");
    c.bench_function("dtw/nearest_of_1000", |bench| {
        bench.iter(|| among.nearest(black_box(series[0]), 1));
    });
    c.bench_function("dtw/all_pairs_of_100", |bench| {
        bench.iter(|| dtw::pairwise(black_box(&series[..100]), None, SquaredDifference));
    });
    let wide: Vec<Vec<f64>> = series[..20]
        .iter()
        .map(|one| one.iter().map(|&v| f64::from(v)).collect())
        .collect();
    let wide: Vec<&[f64]> = wide.iter().map(Vec::as_slice).collect();
    c.bench_function("dtw/barycenter_of_20", |bench| {
        bench.iter(|| dtw::barycenter(black_box(&wide), wide[0], None, 3));
    });
}

/// One sample of 16 channels against 4000 points.
fn live_row(c: &mut Criterion) {
    let reference: Vec<u8> = (0..64).flat_map(levels).collect();
    let reference = Frames::new(&reference, 16).expect("64,000 levels");
    let mut row = LevelRow::new(reference, 10).expect("16 channels");
    row.start_anywhere();
    let sample: Vec<u8> = levels(99)[..16].to_vec();
    let gaps: Vec<u8> = sample
        .iter()
        .enumerate()
        .map(|(at, &level)| if at % 8 == 0 { 255 } else { level })
        .collect();
    for (name, sample) in [("", &sample), ("_gaps", &gaps)] {
        c.bench_function(&format!("dtw/live_row_of_4000{name}"), |b| {
            b.iter(|| row.advance_freely(black_box(sample)));
        });
        c.bench_function(&format!("dtw/live_row_of_4000_bounded{name}"), |b| {
            b.iter(|| row.advance(black_box(sample), &[4, 2, 0, 0, 2, 4]));
        });
    }
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
                row.wander(&[0.5; 46], &[1.0; 46]);
                row.weigh(|_| black_box(&likelihood))
            },
            criterion::BatchSize::SmallInput,
        );
    });
}

criterion_group!(
    benches,
    series,
    levels_of_instructions,
    collections,
    live_row,
    anchored_row,
    rate_lanes
);
criterion_main!(benches);
