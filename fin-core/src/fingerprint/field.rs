//! A cell's level along a line, estimated from readings of several drives.
//!
//! The slope of the mean level is a first-order Gauss–Markov process over distance, as a phone averages what changes within metres, and so is
//! what the level in the other direction of the same road differs by: phones hear better ahead than behind. The best linear
//! estimate of both from readings before and after (co-kriging, here as a Kalman filter with the Rauch–Tung–Striebel
//! backward pass) costs one step per reading. It is worked out in turn with the shape of each drive, each from what the
//! other leaves of the readings (backfitting: Hastie and Tibshirani 1990), and what is left in the end is taken to be of
//! Student's distribution: readings that are far off are given less weight (Lange, Little and Taylor 1989).

use nalgebra::{Matrix1, Matrix3, RowVector3, Vector1, Vector3};

use super::placed::{FIELD_DB2_PER_M, LEAST_VARIANCE_DB2, READING_SIGMA_DB};
use super::radio_model::STUDENT_DOF;
use super::shape::{Difference, Shapes};
use crate::estimate::{self, Gaussian, Step, predict, update};

/// Standard deviation of the level before anything is known, dB: so large that it says nothing.
const PRIOR_SIGMA_DB: f64 = 1e4;
/// Distance over which the slope of the level falls by a factor e, metres.
const SLOPE_LENGTH_M: f64 = 5.0;
/// Variance of the slope of the level, dB² per square metre: over distances much longer than [`SLOPE_LENGTH_M`] the level is then a random walk
/// with [`FIELD_DB2_PER_M`].
const SLOPE_VARIANCE: f64 = FIELD_DB2_PER_M / (2.0 * SLOPE_LENGTH_M);
/// What the level of the other direction differs by: standard deviation, dB, and distance over which it falls by a factor e, metres.
/// The likeliest ones of the drives through Cork, 15 one way and 12 the other, and of simulated towns alike.
const ACROSS_SIGMA_DB: f64 = 4.0;
const ACROSS_LENGTH_M: f64 = 150.0;
/// How often levels and shapes are worked out in turn.
const ROUNDS: usize = 6;
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
    /// Variance about its drive's level, dB².
    pub(super) noise_db2: f64,
    /// Variance about the mean of all drives when the shapes of drives count as noise, dB².
    pub(super) variance_db2: f64,
    /// Which drive.
    pub(super) drive: u32,
    /// Whether it was heard in the other direction of the road.
    pub(super) across: bool,
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
    /// The variance that each reading was given in the end, dB²: more than it had when it is far off, less when it fits.
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
    let places_m: Vec<f64> = readings.iter().map(|reading| reading.x_m).collect();
    let (bare, means_dbm) = without_shapes(readings, &places_m);
    let mut weighted = readings.to_vec();
    for (reading, mean_dbm) in weighted.iter_mut().zip(&means_dbm) {
        reading.variance_db2 = weighed(reading, reading.variance_db2, reading.level_dbm - mean_dbm);
    }
    let uncertain = smooth(&weighted, &places_m).into_iter().zip(readings);
    let at_readings: Vec<Estimate> = uncertain
        .zip(means_dbm)
        .map(|((levels, reading), mean_dbm)| Estimate {
            mean_dbm,
            variance_db2: variance_db2(&levels, reading.across),
        })
        .collect();
    let between = between_drives(readings, &at_readings, grid_m);
    let at_grid = smooth(&bare, grid_m).into_iter().zip(smooth(&weighted, grid_m));
    let levels = at_grid
        .zip(between)
        .map(|((mean, uncertain), between_db2)| Level {
            mean_dbm: mean_dbm(&mean, false),
            spread_db: (variance_db2(&uncertain, false) + between_db2).sqrt(),
        });
    Field {
        levels: levels.collect(),
        variances_db2: weighted.iter().map(|reading| reading.variance_db2).collect(),
    }
}

/// The readings less the shapes of their drives, with the variances that they have then, and the mean level where each was read, dBm.
/// At first the shapes count as noise.
fn without_shapes(readings: &[FieldReading], places_m: &[f64]) -> (Vec<FieldReading>, Vec<f64>) {
    let means_dbm = |bare: &[FieldReading]| -> Vec<f64> {
        let levels = smooth(bare, places_m).into_iter().zip(readings);
        levels
            .map(|(levels, reading)| mean_dbm(&levels, reading.across))
            .collect()
    };
    let shapes = Shapes::new(readings.iter().map(|reading| {
        let single = reading.summary.is_none();
        single.then_some((reading.drive, reading.across))
    }));
    let mut bare = readings.to_vec();
    let mut at_readings_dbm = means_dbm(&bare);
    let mut noise_db2: Vec<f64> = readings.iter().map(|reading| reading.noise_db2).collect();
    for _ in 0..ROUNDS {
        let differences: Vec<Difference> = readings
            .iter()
            .zip(&at_readings_dbm)
            .zip(&noise_db2)
            .map(|((reading, mean_dbm), &noise_db2)| Difference {
                x_m: reading.x_m,
                by_db: reading.level_dbm - mean_dbm,
                noise_db2,
            })
            .collect();
        let shapes_db = shapes.of(&differences);
        for (index, (reading, difference)) in readings.iter().zip(&differences).enumerate() {
            let shape_db = shapes_db[index];
            noise_db2[index] = weighed(reading, reading.noise_db2, difference.by_db - shape_db);
            bare[index].level_dbm = reading.level_dbm - shape_db;
            bare[index].variance_db2 = noise_db2[index];
        }
        at_readings_dbm = means_dbm(&bare);
    }
    (bare, at_readings_dbm)
}

/// The variance that a reading gets which has `variance_db2` and lies `off_db` away, dB²: the weight of Student's distribution. Sums have
/// had their readings weighed when they were made.
fn weighed(reading: &FieldReading, variance_db2: f64, off_db: f64) -> f64 {
    if reading.summary.is_some() {
        return variance_db2;
    }
    (STUDENT_DOF * variance_db2 + off_db * off_db) / (STUDENT_DOF + 1.0)
}

/// The level in this direction, dBm, its slope, dB per metre, and by how much more the level of the other direction is, dB.
type Levels = Gaussian<3>;

/// What a reading measures of the levels.
fn measured(across: bool) -> RowVector3<f64> {
    RowVector3::new(1.0, 0.0, f64::from(u8::from(across)))
}

/// The level in this direction or, `across`, in the other, dBm.
fn mean_dbm(levels: &Levels, across: bool) -> f64 {
    (measured(across) * levels.mean)[0]
}

/// The variance of that, dB².
fn variance_db2(levels: &Levels, across: bool) -> f64 {
    let h = measured(across);
    (h * levels.covariance * h.transpose())[0]
}

/// The step over `distance_m` from `levels`: the slope's integral is exact (Singer 1970, for speeds and places of aircraft).
fn step(levels: &Levels, distance_m: f64) -> Step<3> {
    let across = libm::exp(-distance_m / ACROSS_LENGTH_M);
    let lengths = distance_m / SLOPE_LENGTH_M;
    let slope = libm::exp(-lengths);
    let gone = 1.0 - slope;
    let f = Matrix3::new(1.0, SLOPE_LENGTH_M * gone, 0.0, 0.0, slope, 0.0, 0.0, 0.0, across);
    let level = (2.0 * lengths - 3.0 + 4.0 * slope - slope * slope).max(0.0);
    let mut q = Matrix3::from_diagonal(&Vector3::new(
        SLOPE_VARIANCE * SLOPE_LENGTH_M * SLOPE_LENGTH_M * level,
        SLOPE_VARIANCE * (1.0 - slope * slope),
        ACROSS_SIGMA_DB * ACROSS_SIGMA_DB * (1.0 - across * across),
    ));
    q[(0, 1)] = SLOPE_VARIANCE * SLOPE_LENGTH_M * gone * gone;
    q[(1, 0)] = q[(0, 1)];
    Step {
        f,
        q,
        predicted: predict(levels, &f, &q),
    }
}

/// `levels` with what `reading` tells.
fn told(levels: &Levels, reading: &FieldReading) -> Levels {
    let h = measured(reading.across);
    let (z, r) = (
        Vector1::new(reading.level_dbm),
        Matrix1::new(reading.variance_db2),
    );
    update(levels, &z, &(h * levels.mean), &h, &r)
        .expect("levels are finite and variances above zero")
        .posterior
}

/// The levels at `grid_m` given all `readings`; both ascending.
fn smooth(readings: &[FieldReading], grid_m: &[f64]) -> Vec<Levels> {
    let total: f64 = readings.iter().map(|r| r.level_dbm).sum();
    let mean_dbm = total / readings.len().max(1) as f64;
    let mut levels = Gaussian::independent(
        [mean_dbm, 0.0, 0.0],
        [PRIOR_SIGMA_DB, SLOPE_VARIANCE.sqrt(), ACROSS_SIGMA_DB],
    );
    // States in order of place, grid points before readings at the same place: the backward pass brings the reading in.
    let room = readings.len() + grid_m.len();
    let (mut states, mut steps) = (Vec::with_capacity(room), Vec::with_capacity(room));
    let mut state_of_point = Vec::with_capacity(grid_m.len());
    let (mut reading, mut last_m) = (0, None);
    while reading < readings.len() || state_of_point.len() < grid_m.len() {
        let point_m = grid_m.get(state_of_point.len());
        let next = readings.get(reading);
        let point_m = point_m.filter(|&&point_m| next.is_none_or(|next| point_m <= next.x_m));
        let x_m = point_m.copied().or(next.map(|next| next.x_m)).unwrap_or_default();
        if let Some(last_m) = last_m.replace(x_m) {
            let step = step(&levels, x_m - last_m);
            levels = step.predicted;
            steps.push(step);
        }
        match next {
            Some(next) if point_m.is_none() => {
                levels = told(&levels, next);
                reading += 1;
            }
            _ => state_of_point.push(states.len()),
        }
        states.push(levels);
    }
    let smoothed =
        estimate::smooth(&states, &steps).expect("steps fit the states and variances are above zero");
    state_of_point.iter().map(|&state| smoothed[state]).collect()
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
            noise_db2: 3.0,
            variance_db2: 9.0,
            drive,
            across: false,
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

    #[test]
    fn the_mean_does_not_go_from_the_shape_of_one_drive_to_that_of_another() {
        // One drive hears 3 dB more and one 3 dB less all along; they read in turn, every 15 m.
        let all: Vec<_> = (0..20_u8)
            .map(|i| {
                let by_db = if i.is_multiple_of(2) { 3.0 } else { -3.0 };
                reading(15.0 * f64::from(i), -80.0 + by_db, u32::from(i % 2))
            })
            .collect();
        let grid: Vec<f64> = (8..50_u8).map(|i| 5.0 * f64::from(i)).collect();
        let levels = levels(&all, &grid);
        let most_db = levels
            .iter()
            .map(|level| (level.mean_dbm + 80.0).abs())
            .fold(0.0, f64::max);
        assert!(most_db < 0.5, "{most_db}");
    }

    #[test]
    fn the_other_direction_tells_how_levels_go_on_where_this_one_heard_nothing() {
        let field = |x_m: f64| -80.0 + 8.0 * libm::sin(x_m / 40.0);
        let own = (0..20_u8)
            .map(f64::from)
            .map(|i| 10.0 * i)
            .filter(|x_m| !(60.0..140.0).contains(x_m));
        let own: Vec<_> = own.map(|x_m| reading(x_m, field(x_m), 0)).collect();
        // The other direction reads 3 dB more, with a drive that read everything.
        let other = (0..20_u8).map(f64::from).map(|i| 10.0 * i + 5.0);
        let other = other.map(|x_m| FieldReading {
            across: true,
            ..reading(x_m, field(x_m) + 3.0, 1)
        });
        let mut both: Vec<_> = own.iter().copied().chain(other).collect();
        both.sort_by(|a, b| a.x_m.total_cmp(&b.x_m));
        let (alone, both) = (levels(&own, &[100.0])[0], levels(&both, &[100.0])[0]);
        let off_db = |level: &Level| (level.mean_dbm - field(100.0)).abs();
        assert!(off_db(&both) < 0.5 * off_db(&alone), "{alone:?} {both:?}");
        assert!(both.spread_db < 0.8 * alone.spread_db, "{alone:?} {both:?}");
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
                    noise_db2: READING_SIGMA_DB.powi(2),
                    variance_db2: READING_SIGMA_DB.powi(2) + 2.5 * 2.5 * 1.5,
                    drive: index,
                    across: false,
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
