//! A cell's level along a line, estimated from readings of several drives.
//!
//! The mean level is a random walk over distance; its best linear estimate from readings before and after (kriging, here as
//! a scalar Kalman filter with the Rauch–Tung–Striebel backward pass: Rauch, Tung, Striebel 1965, AIAA Journal 3(8)) costs
//! one step per reading. Readings far off the estimate are given less weight (Huber 1964).

use super::placed::{FIELD_DB2_PER_M, LEAST_VARIANCE_DB2, READING_SIGMA_DB};

/// Standard deviation of the level before anything is known, dB: so large that it says nothing.
const PRIOR_SIGMA_DB: f64 = 1e4;
/// Residuals up to so many standard deviations keep their full weight (95 % efficient on Gaussian errors is 1.345; levels
/// are worth more caution with few drives).
const HUBER_SIGMAS: f64 = 2.0;
/// Rounds of re-weighting.
const HUBER_ROUNDS: usize = 2;
/// Change of a cell's level between drives where nothing is known of it, dB, and how many readings that is worth.
const BETWEEN_PRIOR_DB: f64 = 3.0;
const BETWEEN_PRIOR_READINGS: f64 = 4.0;
/// The change between drives is estimated from residuals within this distance, metres.
const BETWEEN_WINDOW_M: f64 = 60.0;
/// Residuals count as no larger than this in it, dB.
const BETWEEN_MAX_DB: f64 = 10.0;

/// One level on a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FieldReading {
    /// Place on the line, metres.
    pub(super) x_m: f64,
    /// Level with the drive's offset removed, dBm.
    pub(super) level_dbm: f64,
    /// Variance about the mean of all drives, dB².
    pub(super) variance_db2: f64,
    /// Which drive.
    pub(super) drive: u32,
    /// What it stands for when it is the sum of many; its drive is then of no meaning.
    pub(super) summary: Option<Summary>,
}

/// What a reading that is the mean of many says besides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Summary {
    /// Mean square of what they differ from it, dB².
    pub(super) scatter_db2: f64,
    /// Of how many drives they are.
    pub(super) drives: u16,
}

/// What readings tell of a line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    /// By grid point.
    pub(super) levels: Vec<Level>,
    /// The variance that each reading was given in the end, dB²: more than it had when it is far off.
    pub(super) variances_db2: Vec<f64>,
}

/// Estimate at one point of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    /// Mean over drives, dBm.
    pub(super) mean_dbm: f64,
    /// Standard deviation of a new drive's smoothed level about it, dB.
    pub(super) spread_db: f64,
}

#[derive(Clone, Copy, Debug)]
struct Estimate {
    mean_dbm: f64,
    variance_db2: f64,
}

/// The levels at `grid_m` (ascending) that `readings` (ascending by place, at least one) tell.
pub(super) fn estimate(readings: &[FieldReading], grid_m: &[f64]) -> Field {
    let mut weighted = readings.to_vec();
    let mut at_readings = smooth(&weighted, &places(readings));
    for _ in 0..HUBER_ROUNDS {
        // Sums have had their readings weighed when they were made.
        let single = weighted
            .iter_mut()
            .zip(readings)
            .zip(&at_readings)
            .filter(|((_, given), _)| given.summary.is_none());
        for ((weighted, given), estimate) in single {
            let sigmas = (given.level_dbm - estimate.mean_dbm).abs() / given.variance_db2.sqrt();
            weighted.variance_db2 = given.variance_db2 * (sigmas / HUBER_SIGMAS).max(1.0);
        }
        at_readings = smooth(&weighted, &places(readings));
    }
    let at_grid = smooth(&weighted, grid_m);
    let between = between_drives(readings, &at_readings, grid_m);
    let levels = at_grid.iter().zip(between).map(|(estimate, between_db2)| Level {
        mean_dbm: estimate.mean_dbm,
        spread_db: (estimate.variance_db2 + between_db2).sqrt(),
    });
    Field {
        levels: levels.collect(),
        variances_db2: weighted.iter().map(|reading| reading.variance_db2).collect(),
    }
}

fn places(readings: &[FieldReading]) -> Vec<f64> {
    readings.iter().map(|r| r.x_m).collect()
}

/// Mean and variance of the random walk at `grid_m` given all `readings`; both ascending.
fn smooth(readings: &[FieldReading], grid_m: &[f64]) -> Vec<Estimate> {
    let total: f64 = readings.iter().map(|r| r.level_dbm).sum();
    let mut state = Estimate {
        mean_dbm: total / readings.len().max(1) as f64,
        variance_db2: PRIOR_SIGMA_DB * PRIOR_SIGMA_DB,
    };
    // Steps in order of place, grid points before readings at the same place: the backward pass brings the reading in.
    let mut steps: Vec<(f64, Estimate, Option<usize>)> = Vec::with_capacity(readings.len() + grid_m.len());
    let (mut reading, mut point) = (0, 0);
    while reading < readings.len() || point < grid_m.len() {
        let is_point = point < grid_m.len() && readings.get(reading).is_none_or(|r| grid_m[point] <= r.x_m);
        let x_m = if is_point {
            grid_m[point]
        } else {
            readings[reading].x_m
        };
        if let Some(&(before_m, ..)) = steps.last() {
            state.variance_db2 += FIELD_DB2_PER_M * (x_m - before_m);
        }
        if is_point {
            steps.push((x_m, state, Some(point)));
            point += 1;
        } else {
            let gain = state.variance_db2 / (state.variance_db2 + readings[reading].variance_db2);
            state.mean_dbm += gain * (readings[reading].level_dbm - state.mean_dbm);
            state.variance_db2 *= 1.0 - gain;
            steps.push((x_m, state, None));
            reading += 1;
        }
    }
    let mut estimates = vec![state; grid_m.len()];
    let mut after: Option<(f64, Estimate)> = None;
    for (x_m, filtered, point) in steps.into_iter().rev() {
        let smoothed = match after {
            None => filtered,
            Some((after_m, after)) => {
                let predicted_db2 = filtered.variance_db2 + FIELD_DB2_PER_M * (after_m - x_m);
                let gain = filtered.variance_db2 / predicted_db2;
                Estimate {
                    mean_dbm: filtered.mean_dbm + gain * (after.mean_dbm - filtered.mean_dbm),
                    variance_db2: filtered.variance_db2 + gain * gain * (after.variance_db2 - predicted_db2),
                }
            }
        };
        if let Some(point) = point {
            estimates[point] = smoothed;
        }
        after = Some((x_m, smoothed));
    }
    estimates
}

/// Variance of the level between drives at each of `grid_m`, dB²: from the residuals near by, without the noise of single
/// readings, drawn to the prior where drives are few.
///
/// A residual about an estimate that it has itself been part of is too small by the estimate's variance, which is added back.
fn between_drives(readings: &[FieldReading], at_readings: &[Estimate], grid_m: &[f64]) -> Vec<f64> {
    let single = readings.iter().filter(|reading| reading.summary.is_none());
    let least_db2 = single
        .map(|r| r.variance_db2)
        .reduce(f64::min)
        .unwrap_or(LEAST_VARIANCE_DB2);
    // Running sums of weights and weighted squares, so that any window is a difference.
    let mut sums = vec![(0.0, 0.0)];
    let (mut weights, mut squares) = (0.0, 0.0);
    for (reading, estimate) in readings.iter().zip(at_readings) {
        let residual_db = (reading.level_dbm - estimate.mean_dbm).clamp(-BETWEEN_MAX_DB, BETWEEN_MAX_DB);
        let scatter_db2 = reading.summary.map_or(0.0, |summary| summary.scatter_db2);
        let square_db2 = residual_db * residual_db + scatter_db2 + estimate.variance_db2
            - READING_SIGMA_DB * READING_SIGMA_DB;
        // Readings that share their drive's shape with many others are together worth one.
        let weight = least_db2 / reading.variance_db2;
        weights += weight;
        squares += weight * square_db2;
        sums.push((weights, squares));
    }
    let mut drives = DriveCount::new(readings);
    let (mut from, mut to) = (0, 0);
    let near = grid_m.iter().map(|&x_m| {
        while to < readings.len() && readings[to].x_m <= x_m + BETWEEN_WINDOW_M {
            drives.add(&readings[to]);
            to += 1;
        }
        while from < to && readings[from].x_m < x_m - BETWEEN_WINDOW_M {
            drives.remove(&readings[from]);
            from += 1;
        }
        // With one drive the residuals tell of noise only; each further one adds what it can.
        let told = 1.0 - 1.0 / drives.distinct.max(1) as f64;
        let weight = told * (sums[to].0 - sums[from].0);
        let square_db2 = told * (sums[to].1 - sums[from].1);
        let prior_db2 = BETWEEN_PRIOR_DB * BETWEEN_PRIOR_DB;
        ((BETWEEN_PRIOR_READINGS * prior_db2 + square_db2) / (BETWEEN_PRIOR_READINGS + weight)).max(0.0)
    });
    near.collect()
}

/// How many different drives the readings of a moving window are of.
struct DriveCount {
    readings: Vec<u32>,
    singles: usize,
    distinct: u32,
}

impl DriveCount {
    fn new(all: &[FieldReading]) -> Self {
        let single = all.iter().filter(|r| r.summary.is_none());
        let singles = single.map(|r| r.drive as usize + 1).max().unwrap_or(0);
        let summed = all
            .iter()
            .filter_map(|r| r.summary)
            .map(|summary| usize::from(summary.drives))
            .max();
        Self {
            readings: vec![0; singles + summed.unwrap_or(0)],
            singles,
            distinct: 0,
        }
    }

    /// The drives of a reading. Which ones a sum is of is not known: near ones are taken to be of the same.
    fn drives(&self, reading: &FieldReading) -> std::ops::Range<usize> {
        match reading.summary {
            None => reading.drive as usize..reading.drive as usize + 1,
            Some(summary) => self.singles..self.singles + usize::from(summary.drives),
        }
    }

    fn add(&mut self, reading: &FieldReading) {
        for drive in self.drives(reading) {
            self.distinct += u32::from(self.readings[drive] == 0);
            self.readings[drive] += 1;
        }
    }

    fn remove(&mut self, reading: &FieldReading) {
        for drive in self.drives(reading) {
            self.readings[drive] -= 1;
            self.distinct -= u32::from(self.readings[drive] == 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(readings: &[FieldReading], grid_m: &[f64]) -> Vec<Level> {
        estimate(readings, grid_m).levels
    }
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, Normal};

    fn reading(x_m: f64, level_dbm: f64, drive: u32) -> FieldReading {
        FieldReading {
            x_m,
            level_dbm,
            variance_db2: 9.0,
            drive,
            summary: None,
        }
    }

    #[test]
    fn one_reading_gives_its_level_and_less_certainty_further_off() {
        let levels = levels(&[reading(50.0, -80.0, 0)], &[0.0, 50.0, 100.0]);
        assert!(levels.iter().all(|level| (level.mean_dbm + 80.0).abs() < 1e-9));
        assert!(levels[0].spread_db > levels[1].spread_db);
        assert!((levels[0].spread_db - levels[2].spread_db).abs() < 1e-5);
    }

    #[test]
    fn turning_the_line_round_turns_the_levels_round() {
        let forward: Vec<_> = (0..20_u8)
            .map(|i| reading(7.0 * f64::from(i), -80.0 - f64::from(i % 5), u32::from(i % 3)))
            .collect();
        let backward: Vec<_> = forward
            .iter()
            .rev()
            .map(|r| FieldReading {
                x_m: 140.0 - r.x_m,
                ..*r
            })
            .collect();
        let grid: Vec<f64> = (0..29_u8).map(|i| 5.0 * f64::from(i)).collect();
        let (a, b) = (levels(&forward, &grid), levels(&backward, &grid));
        for (a, b) in a.iter().zip(b.iter().rev()) {
            assert!((a.mean_dbm - b.mean_dbm).abs() < 1e-6 && (a.spread_db - b.spread_db).abs() < 1e-6);
        }
    }

    #[test]
    fn an_outlier_moves_the_level_by_less_than_its_share() {
        let readings = |odd_dbm| {
            let all = (0..9_u8).map(|i| {
                reading(
                    10.0 * f64::from(i),
                    if i == 4 { odd_dbm } else { -80.0 },
                    u32::from(i),
                )
            });
            all.collect::<Vec<_>>()
        };
        let shift_db = |odd_dbm| levels(&readings(odd_dbm), &[40.0])[0].mean_dbm + 80.0;
        assert!(
            shift_db(-110.0) > 6.0 * shift_db(-84.0),
            "{} {}",
            shift_db(-110.0),
            shift_db(-84.0)
        );
    }

    /// Estimates from simulated drives over a simulated field are as wrong as they say.
    #[test]
    fn a_new_drive_lies_within_the_spread() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let normal = |sigma: f64| Normal::new(0.0, sigma).unwrap();
        let (mut total, mut count) = (0.0, 0.0);
        for _ in 0..40 {
            let mut field = vec![-80.0];
            for i in 0..200 {
                field.push(field[i] + normal((5.0 * FIELD_DB2_PER_M).sqrt()).sample(&mut rng));
            }
            // Each drive has a smooth shape of its own: noise held over 30 m.
            let drive = |rng: &mut ChaCha8Rng| -> Vec<f64> {
                let shape: Vec<f64> = (0..40).map(|_| normal(2.5).sample(rng)).collect();
                (0..=200).map(|i| field[i] + shape[i / 6]).collect()
            };
            let mut readings = Vec::new();
            for index in 0..5 {
                let levels = drive(&mut rng);
                readings.extend((index as usize..200).step_by(4).map(|i| FieldReading {
                    x_m: 5.0 * i as f64,
                    level_dbm: levels[i] + normal(READING_SIGMA_DB).sample(&mut rng),
                    variance_db2: READING_SIGMA_DB.powi(2) + 2.5 * 2.5 * 1.5,
                    drive: index,
                    summary: None,
                }));
            }
            readings.sort_by(|a, b| a.x_m.total_cmp(&b.x_m));
            let new = drive(&mut rng);
            let grid: Vec<f64> = (0..=200).map(|i| 5.0 * f64::from(i)).collect();
            for (level, new_dbm) in levels(&readings, &grid).iter().zip(new) {
                total += ((new_dbm - level.mean_dbm) / level.spread_db).powi(2);
                count += 1.0;
            }
        }
        let normalised: f64 = total / count;
        assert!((0.8..1.25).contains(&normalised), "{normalised}");
    }
}
