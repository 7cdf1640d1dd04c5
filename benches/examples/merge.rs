//! Whether survey passes should be aligned by their levels before they are merged: `cargo run --release --package fin-benches
//! --example merge`.
//!
//! Passes through a tunnel of 2 km are merged by the places that they think they have, and after they were aligned with their mean
//! by dynamic time warping (Petitjean, Ketterlin and Gançarski 2011, with frames of several cells). Told are the error of the
//! merged levels, and of the places at which windows of other drives fit the levels best.

use fin_core::dtw::{Constraints, Frames, Missing, SquaredDifference, WithMissing, warping_path};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const STEP_M: f64 = 5.0;
const POINTS: usize = 401;
const LENGTH_M: f64 = STEP_M * (POINTS - 1) as f64;
const CELLS: usize = 4;
const PASSES: usize = 5;
const TOWNS: u64 = 20;
/// Scans of a window that is looked for.
const WINDOW: usize = 10;

/// The level of each cell at each grid point, dBm.
type Levels = Vec<[f64; CELLS]>;

/// Levels heard on a drive, a second apart.
struct Pass {
    /// Where the scans were, metres from the portal.
    true_m: Vec<f64>,
    /// Where they are thought to have been.
    thought_m: Vec<f64>,
    levels: Vec<[f64; CELLS]>,
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| rng.random_range(-0.5..0.5)).sum()
}

/// Random walks, about 4 dB rms apart over 22 m.
fn truth(rng: &mut ChaCha8Rng) -> Levels {
    let mut level_dbm = [-95.0; CELLS];
    let mut next = || {
        for level in &mut level_dbm {
            *level = f64::clamp(*level + rng.random_range(-3.3..3.3), -115.0, -75.0);
        }
        level_dbm
    };
    (0..POINTS).map(|_| next()).collect()
}

fn at(levels: &Levels, along_m: f64, cell: usize) -> f64 {
    let at = (along_m / STEP_M).clamp(0.0, (POINTS - 1) as f64);
    let before = (at as usize).min(POINTS - 2);
    let share = at - before as f64;
    levels[before][cell] + share * (levels[before + 1][cell] - levels[before][cell])
}

/// A drive at 12 to 25 m/s that hears whole levels with noise of 2.5 dB, and whose places are right at the portals and off by
/// `place_sd_m` in the middle, as those of a smoothed odometer are.
fn drive(truth: &Levels, place_sd_m: f64, rng: &mut ChaCha8Rng) -> Pass {
    let bends: [f64; 4] = std::array::from_fn(|_| normal(rng));
    // A Brownian bridge by its first sines; the variance of all of them together is 1/4 in the middle.
    let off = |share: f64| -> f64 {
        let wave = |(k, bend): (f64, &f64)| bend * (k * std::f64::consts::PI * share).sin() / k;
        let bridge: f64 = (1..).map(f64::from).zip(&bends).map(wave).sum();
        2.0 * place_sd_m * std::f64::consts::SQRT_2 / std::f64::consts::PI * bridge
    };
    let (mut along_m, mut speed_mps) = (0.0, rng.random_range(15.0..22.0));
    let (mut true_m, mut levels) = (Vec::new(), Vec::new());
    while along_m <= LENGTH_M {
        true_m.push(along_m);
        levels.push(std::array::from_fn(|cell| {
            (at(truth, along_m, cell) + 2.5 * normal(rng)).round()
        }));
        speed_mps = f64::clamp(speed_mps + 0.5 * normal(rng), 12.0, 25.0);
        along_m += speed_mps;
    }
    let thought_m = true_m.iter().map(|&m| m + off(m / LENGTH_M)).collect();
    Pass {
        true_m,
        thought_m,
        levels,
    }
}

/// Means of the readings around each grid point, weighted by a Gaussian of 10 m.
fn merged(readings: &[(f64, [f64; CELLS])]) -> Levels {
    let mean = |point: usize| {
        let (mut total, mut sums) = (1e-12, [0.0; CELLS]);
        for (along_m, levels) in readings {
            let weight = (-0.5 * ((along_m - point as f64 * STEP_M) / 10.0).powi(2)).exp();
            total += weight;
            for (sum, level) in sums.iter_mut().zip(levels) {
                *sum += weight * level;
            }
        }
        sums.map(|sum| sum / total)
    };
    (0..POINTS).map(mean).collect()
}

fn readings<'a>(pass: &'a Pass, places_m: &'a [f64]) -> impl Iterator<Item = (f64, [f64; CELLS])> + 'a {
    places_m.iter().copied().zip(pass.levels.iter().copied())
}

/// Where the scans of a pass are when the pass, drawn on the grid, is warped onto `mean` within `radius_m`.
fn warped(pass: &Pass, mean: &Levels, radius_m: f64) -> Vec<f64> {
    let grid = merged(&readings(pass, &pass.thought_m).collect::<Vec<_>>());
    let frames = |levels: &Levels| levels.concat();
    let (query, reference) = (frames(&grid), frames(mean));
    let metric = WithMissing {
        metric: SquaredDifference,
        missing: Missing::LeftOut,
    };
    let rules = Constraints {
        radius: Some((radius_m / STEP_M).ceil() as usize),
        ..Constraints::default()
    };
    let frames = |values| Frames::new(values, CELLS).expect("whole frames");
    let path = warping_path(frames(&query), frames(&reference), metric, &rules).expect("finite levels");
    let mut sums = vec![(0.0, 0.0); POINTS];
    for (i, j) in path.cells {
        sums[i].0 += j as f64 * STEP_M;
        sums[i].1 += 1.0;
    }
    let moved = |thought_m: &f64| {
        let at = (thought_m / STEP_M).clamp(0.0, (POINTS - 1) as f64);
        let (sum_m, count) = sums[at.round() as usize];
        sum_m / count + (at - at.round()) * STEP_M
    };
    pass.thought_m.iter().map(moved).collect()
}

/// Merged after `rounds` of alignment with the mean, of which the first is the merge by place.
fn aligned(passes: &[Pass], radius_m: f64, rounds: usize) -> Levels {
    let by_place: Vec<_> = passes
        .iter()
        .flat_map(|pass| readings(pass, &pass.thought_m))
        .collect();
    let mut mean = merged(&by_place);
    for _ in 0..rounds {
        let places: Vec<Vec<f64>> = passes.iter().map(|pass| warped(pass, &mean, radius_m)).collect();
        let warped: Vec<_> = passes
            .iter()
            .zip(&places)
            .flat_map(|(pass, places)| readings(pass, places))
            .collect();
        mean = merged(&warped);
    }
    mean
}

/// Square of the rms difference, dB².
fn level_error(levels: &Levels, truth: &Levels) -> f64 {
    let pairs = levels.iter().flatten().zip(truth.iter().flatten());
    pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>() / (POINTS * CELLS) as f64
}

/// How far from where they were windows of a drive with a good odometer fit best, metres.
fn place_errors(levels: &Levels, drive: &Pass) -> impl Iterator<Item = f64> {
    (0..drive.levels.len() - WINDOW)
        .step_by(WINDOW / 2)
        .map(move |first| {
            let cost = |shift_m: f64| -> f64 {
                let scans = drive.true_m[first..]
                    .iter()
                    .zip(&drive.levels[first..])
                    .take(WINDOW);
                scans
                    .flat_map(|(&along_m, heard)| {
                        (0..CELLS)
                            .map(move |cell| (at(levels, along_m + shift_m, cell) - heard[cell]).powi(2))
                    })
                    .sum()
            };
            let shifts = (-60..=60).map(|shift| f64::from(shift) * 2.0);
            let best = shifts.min_by(|&a, &b| cost(a).total_cmp(&cost(b)));
            best.unwrap_or(0.0).abs()
        })
}

fn main() {
    println!("| places off by, m | merged | levels off by, dB rms | windows off by, m (median / 95 %) |");
    println!("|---|---|---|---|");
    for place_sd_m in [0.0, 5.0, 10.0, 20.0, 40.0] {
        for rounds in [0, 1, 5] {
            let (mut square_db2, mut errors_m) = (0.0, Vec::new());
            for town in 0..TOWNS {
                let mut rng = ChaCha8Rng::seed_from_u64(town);
                let truth = truth(&mut rng);
                let passes: Vec<Pass> = (0..PASSES).map(|_| drive(&truth, place_sd_m, &mut rng)).collect();
                let levels = aligned(&passes, 2.5 * place_sd_m + STEP_M, rounds);
                square_db2 += level_error(&levels, &truth) / TOWNS as f64;
                errors_m.extend(place_errors(&levels, &drive(&truth, 0.0, &mut rng)));
            }
            errors_m.sort_by(f64::total_cmp);
            let quantile = |share: f64| errors_m[(share * (errors_m.len() - 1) as f64) as usize];
            let how = match rounds {
                0 => "by place".to_string(),
                rounds => format!("aligned, {rounds} rounds"),
            };
            println!(
                "| {place_sd_m} | {how} | {:.2} | {:.0} / {:.0} |",
                square_db2.sqrt(),
                quantile(0.5),
                quantile(0.95)
            );
        }
    }
}
