//! How the levels of one drive differ from the mean of all drives: another lane, a lorry parked, another load of the network.
//!
//! Along the road the difference is a first-order Gauss–Markov process, and so what two readings of a drive close to each other tell of
//! how the mean changes between them is free of it.

use std::collections::BTreeMap;

use nalgebra::{Matrix1, Vector1};

use crate::estimate::{self, Gaussian, Step, predict, update};

/// Standard deviation of the difference, dB: drives differ by 3 to 4 dB with the noise of their readings.
pub(super) const SHAPE_SIGMA_DB: f64 = 2.5;
/// Distance over which what is left of it falls by a factor e, metres.
pub(super) const SHAPE_LENGTH_M: f64 = 30.0;

/// Which readings of a line are of which drive.
pub(super) struct Shapes(Vec<Vec<usize>>);

/// A reading's difference from the mean of all drives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Difference {
    /// Place on the line, metres.
    pub(super) x_m: f64,
    /// The difference, dB.
    pub(super) by_db: f64,
    /// Variance of the reading's own noise, dB².
    pub(super) noise_db2: f64,
}

impl Shapes {
    /// Of readings in the order of their places; those of `None` are of no one drive.
    pub(super) fn new<Drive: Ord>(drives: impl Iterator<Item = Option<Drive>>) -> Self {
        let mut readings: BTreeMap<Drive, Vec<usize>> = BTreeMap::new();
        for (index, drive) in drives.enumerate() {
            if let Some(drive) = drive {
                readings.entry(drive).or_default().push(index);
            }
        }
        Self(readings.into_values().collect())
    }

    /// What of each of `differences` is its drive's shape, dB: the best linear estimate from those before and after it. 0 for readings of
    /// no one drive.
    pub(super) fn of(&self, differences: &[Difference]) -> Vec<f64> {
        let mut shapes_db = vec![0.0; differences.len()];
        for readings in &self.0 {
            let own: Vec<Difference> = readings.iter().map(|&index| differences[index]).collect();
            for (&index, shape_db) in readings.iter().zip(smooth(&own)) {
                shapes_db[index] = shape_db;
            }
        }
        shapes_db
    }
}

/// The shape of one drive at its `readings`, dB.
fn smooth(readings: &[Difference]) -> Vec<f64> {
    let mut state = Gaussian::independent([0.0], [SHAPE_SIGMA_DB]);
    let (mut states, mut steps) = (Vec::with_capacity(readings.len()), Vec::new());
    let mut last_m = None;
    for reading in readings {
        if let Some(last_m) = last_m.replace(reading.x_m) {
            let left = libm::exp((last_m - reading.x_m) / SHAPE_LENGTH_M);
            let f = Matrix1::new(left);
            let q = Matrix1::new((1.0 - left * left) * SHAPE_SIGMA_DB * SHAPE_SIGMA_DB);
            state = predict(&state, &f, &q);
            steps.push(Step {
                f,
                q,
                predicted: state,
            });
        }
        let (z, r) = (Vector1::new(reading.by_db), Matrix1::new(reading.noise_db2));
        state = update(&state, &z, &state.mean, &Matrix1::new(1.0), &r)
            .expect("differences are finite and noise is above zero")
            .posterior;
        states.push(state);
    }
    let smoothed = estimate::smooth(&states, &steps).expect("a step between states, variances above zero");
    smoothed.iter().map(|state| state.mean[0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(x_m: f64, by_db: f64) -> Difference {
        Difference {
            x_m,
            by_db,
            noise_db2: 2.25,
        }
    }

    #[test]
    fn what_a_drive_has_for_long_is_its_shape_and_what_one_reading_has_alone_is_noise() {
        let along = |by_db: [f64; 5]| -> Vec<f64> {
            let places = [0.0, 5.0, 10.0, 15.0, 20.0];
            let all: Vec<_> = places
                .into_iter()
                .zip(by_db)
                .map(|(x, by)| difference(x, by))
                .collect();
            Shapes::new(all.iter().map(|_| Some(7))).of(&all)
        };
        let lasting = along([3.0; 5]);
        assert!(lasting.iter().all(|db| (2.3..3.0).contains(db)), "{lasting:?}");
        let alone = along([0.0, 0.0, 3.0, 0.0, 0.0]);
        assert!(alone[2] < 1.5, "{alone:?}");
    }

    #[test]
    fn drives_have_shapes_of_their_own_and_sums_of_many_none() {
        let all = [difference(0.0, 4.0), difference(1.0, -4.0), difference(2.0, 4.0)];
        let shapes = Shapes::new([Some(0), Some(1), None].into_iter()).of(&all);
        assert!(shapes[0] > 2.0 && (shapes[0] + shapes[1]).abs() < 1e-12);
        assert_eq!(shapes[2], 0.0);
    }
}
