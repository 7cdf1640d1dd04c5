//! Agreement with filterpy 2.0.0; `oracle/kalman.py` wrote the numbers.

use std::collections::BTreeMap;

use fin_core::estimate::{
    AlongTrack, Gaussian, Measured, Measurement, MotionModel, Step, predict, smooth, smooth_track, update,
};
use fin_core::time::Time;
use nalgebra::{Matrix2, SMatrix, SVector, Vector2};

/// Difference allowed, in standard deviations or relative, whichever is the larger unit.
const TOLERANCE: f64 = 1e-9;

/// One row of an oracle file, by column name.
struct Row(BTreeMap<String, String>);

impl Row {
    fn text(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("no column {name}"))
    }

    fn number(&self, name: &str) -> f64 {
        self.text(name)
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {}", self.text(name)))
    }

    fn vector<const N: usize>(&self, prefix: &str) -> SVector<f64, N> {
        SVector::from_fn(|i, _| self.number(&format!("{prefix}{i}")))
    }

    fn matrix<const N: usize>(&self, prefix: &str) -> SMatrix<f64, N, N> {
        SMatrix::from_fn(|i, j| self.number(&format!("{prefix}{}{}", i.min(j), i.max(j))))
    }

    fn gaussian<const N: usize>(&self, mean: &str, covariance: &str) -> Gaussian<N> {
        Gaussian {
            mean: self.vector(mean),
            covariance: self.matrix(covariance),
        }
    }
}

fn rows(csv_text: &str) -> Vec<Row> {
    csv::Reader::from_reader(csv_text.as_bytes())
        .deserialize()
        .map(|row| Row(row.expect("the oracle file is well formed")))
        .collect()
}

fn assert_same<const N: usize>(got: &Gaussian<N>, expected: &Gaussian<N>, what: &str) {
    for i in 0..N {
        let unit = expected.mean[i].abs().max(expected.sigma(i));
        let off = (got.mean[i] - expected.mean[i]).abs() / unit;
        assert!(off <= TOLERANCE, "{what}: mean {i} is {off:e} off");
        for j in 0..N {
            let unit = expected.sigma(i) * expected.sigma(j);
            let off = (got.covariance[(i, j)] - expected.covariance[(i, j)]).abs() / unit;
            assert!(off <= TOLERANCE, "{what}: covariance {i},{j} is {off:e} off");
        }
    }
}

fn assert_close(got: f64, expected: f64, what: &str) {
    assert!(
        (got - expected).abs() <= TOLERANCE * expected.abs().max(1.0),
        "{what}: {got} for {expected}"
    );
}

#[test]
fn a_linear_filter_and_its_smoother_agree_with_filterpy() {
    let dt: f64 = 0.5;
    let block = Matrix2::new(1.0, dt, 0.0, 1.0);
    let noise = Matrix2::new(dt.powi(3) / 3.0, dt * dt / 2.0, dt * dt / 2.0, dt) * 0.3;
    let (f, q): (SMatrix<f64, 4, 4>, SMatrix<f64, 4, 4>) = (
        Matrix2::identity().kronecker(&block),
        Matrix2::identity().kronecker(&noise),
    );
    let h = SMatrix::<f64, 2, 4>::from_row_slice(&[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    let r = Matrix2::new(4.0, 1.0, 1.0, 2.0);

    let rows = rows(include_str!("../oracle/linear.csv"));
    assert_eq!(rows.len(), 40);
    let mut now = Gaussian::independent([0.0; 4], [10.0, 5.0, 10.0, 5.0]);
    let (mut filtered, mut steps) = (Vec::new(), Vec::new());
    for (i, row) in rows.iter().enumerate() {
        let predicted = predict(&now, &f, &q);
        if i > 0 {
            steps.push(Step { f, q, predicted });
        }
        let u = update(&predicted, &row.vector("z"), &(h * predicted.mean), &h, &r).unwrap();
        now = u.posterior;
        filtered.push(now);
        assert_same(&now, &row.gaussian("x", "p"), &format!("filtered {i}"));
        let (y, s): (Vector2<f64>, Matrix2<f64>) = (row.vector("y"), row.matrix("s"));
        assert!(
            (u.innovation - y).norm() <= TOLERANCE * y.norm().max(1.0),
            "innovation {i}"
        );
        assert!(
            (u.innovation_covariance - s).norm() <= TOLERANCE * s.norm(),
            "innovation covariance {i}"
        );
        assert_close(u.nis, row.number("nis"), &format!("NIS {i}"));
        assert_close(
            u.log_likelihood,
            row.number("log_likelihood"),
            &format!("log-likelihood {i}"),
        );
    }
    for (i, (got, row)) in smooth(&filtered, &steps).unwrap().iter().zip(&rows).enumerate() {
        assert_same(got, &row.gaussian("sx", "sp"), &format!("smoothed {i}"));
    }
}

#[test]
fn the_motion_model_and_its_smoother_agree_with_filterpy() {
    let model = MotionModel::default();
    let start = AlongTrack::start(Time::from_millis(0), 90.0, 10.0, 15.0, 2.0, &model).unwrap();
    let rows = rows(include_str!("../oracle/along_track.csv"));
    let mut now = start;
    let mut measurements = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let time = Time::from_millis(row.text("t_ms").parse().unwrap());
        let predicted = now.predict(time, &model);
        let value = row.number("value");
        let (measured, outcome) = match row.text("kind") {
            "position" => {
                let sigma_m = row.number("sigma");
                let outcome = predicted.update_position(value, sigma_m, None);
                (
                    Measured::Position {
                        offset_m: value,
                        sigma_m,
                    },
                    Some(outcome),
                )
            }
            "speed" => {
                let sigma_mps = row.number("sigma");
                let outcome = predicted.update_gnss_speed(value, sigma_mps, None);
                (
                    Measured::GnssSpeed {
                        speed_mps: value,
                        sigma_mps,
                    },
                    Some(outcome),
                )
            }
            "wheel" => (
                Measured::Wheel { speed_mps: value },
                Some(predicted.update_wheel(value, &model, None)),
            ),
            kind => {
                assert_eq!(kind, "query");
                (Measured::Query, None)
            }
        };
        if let Some(outcome) = outcome {
            assert!(outcome.accepted);
            assert_close(outcome.nis, row.number("nis"), &format!("NIS {i}"));
            assert_close(
                outcome.log_likelihood,
                row.number("log_likelihood"),
                &format!("log-likelihood {i}"),
            );
        }
        now = outcome.map_or(predicted, |o| o.track);
        assert_same(&now.state, &row.gaussian("x", "p"), &format!("filtered {i}"));
        measurements.push(Measurement { time, measured });
    }
    let smoothed = smooth_track(&measurements, &start, &model, None).unwrap();
    assert_eq!(smoothed.rejected(), 0);
    for (i, (got, row)) in smoothed.tracks.iter().zip(&rows).enumerate() {
        assert_same(&got.state, &row.gaussian("sx", "sp"), &format!("smoothed {i}"));
    }
}
