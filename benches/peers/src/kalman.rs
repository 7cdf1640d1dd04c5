//! A position in the plane, measured with its speed unknown: filter and smoother over 100,000 steps.

use adskalman::{
    KalmanFilterNoControl, ObservationModel, StateAndCovariance, TransitionModelLinearNoControl,
};
use fin_core::estimate::{Gaussian, LinearModel};
use nalgebra::{Matrix2, Matrix2x4, Matrix4, Matrix4x2, U2, U4, Vector2, Vector4};

use crate::Work;
use crate::inputs::{Inputs, STEPS};

fn transition() -> Matrix4<f64> {
    Matrix4::new(
        1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0,
    )
}

fn noise() -> Matrix4<f64> {
    Matrix4::from_diagonal(&Vector4::new(0.0025, 0.0025, 0.01, 0.01))
}

fn observed() -> Matrix2x4<f64> {
    Matrix2x4::new(1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0)
}

/// Models of the other library, with their transposes.
struct Moving {
    f: Matrix4<f64>,
    ft: Matrix4<f64>,
    q: Matrix4<f64>,
}

impl TransitionModelLinearNoControl<f64, U4> for Moving {
    fn F(&self) -> &Matrix4<f64> {
        &self.f
    }
    fn FT(&self) -> &Matrix4<f64> {
        &self.ft
    }
    fn Q(&self) -> &Matrix4<f64> {
        &self.q
    }
}

struct Seen {
    h: Matrix2x4<f64>,
    ht: Matrix4x2<f64>,
    r: Matrix2<f64>,
}

impl ObservationModel<f64, U4, U2> for Seen {
    fn H(&self) -> &Matrix2x4<f64> {
        &self.h
    }
    fn HT(&self) -> &Matrix4x2<f64> {
        &self.ht
    }
    fn R(&self) -> &Matrix2<f64> {
        &self.r
    }
}

/// One series by the library that has its matrices from another version of nalgebra.
fn by_kalmanfilt(series: &[Vector2<f64>]) -> Vec<f64> {
    use kalmanfilt::kalman::kalman_filter::{KalmanFilter, RTSSmoothedResults};
    use nalgebra_0_33 as other;

    let mut filter = KalmanFilter::<f64, other::U4, other::U2, other::U1> {
        x: other::Vector4::zeros(),
        P: other::Matrix4::identity() * 100.0,
        F: other::Matrix4::from_column_slice(transition().as_slice()),
        Q: other::Matrix4::from_column_slice(noise().as_slice()),
        H: other::Matrix2x4::from_column_slice(observed().as_slice()),
        R: other::Matrix2::identity() * 4.0,
        ..KalmanFilter::default()
    };
    let (mut means, mut covariances) = (Vec::with_capacity(STEPS), Vec::with_capacity(STEPS));
    for measured in series {
        filter.predict(None, None, None, None);
        let measured = other::Vector2::new(measured.x, measured.y);
        filter.update(&measured, None, None).expect("a definite model");
        means.push(filter.x);
        covariances.push(filter.P);
    }
    let smoothed = filter
        .rts_smoother(&means, &covariances, None, None, RTSSmoothedResults::new())
        .expect("a definite model");
    [0, STEPS / 2, STEPS - 1]
        .iter()
        .flat_map(|&at| [smoothed.x[at].as_slice(), smoothed.P[at].as_slice()].concat())
        .collect()
}

/// First, middle and last state of a series.
fn some<T>(states: &[T], numbers: impl Fn(&T) -> Vec<f64>) -> Vec<f64> {
    [0, STEPS / 2, STEPS - 1]
        .iter()
        .flat_map(|&at| numbers(&states[at]))
        .collect()
}

/// `kalman_1` or `kalman_8`.
pub fn prepare(inputs: &'static Inputs, kind: &str, count: usize, by: &str) -> Option<Work> {
    if kind != "kalman" {
        return None;
    }
    let series: Vec<Vec<Vector2<f64>>> = inputs
        .measured
        .chunks(2 * STEPS)
        .take(count)
        .map(|one| one.chunks(2).map(|pair| Vector2::new(pair[0], pair[1])).collect())
        .collect();
    if by == "adskalman" {
        let moving = Moving {
            f: transition(),
            ft: transition().transpose(),
            q: noise(),
        };
        let seen = Seen {
            h: observed(),
            ht: observed().transpose(),
            r: Matrix2::identity() * 4.0,
        };
        return Some(Box::new(move || {
            let filter = KalmanFilterNoControl::new(&moving, &seen);
            let start = StateAndCovariance::new(Vector4::zeros(), Matrix4::identity() * 100.0);
            series
                .iter()
                .flat_map(|one| {
                    let states = filter.smooth(&start, one).expect("a definite model");
                    some(&states, |state| {
                        [state.state().as_slice(), state.covariance().as_slice()].concat()
                    })
                })
                .collect()
        }));
    }
    if by == "kalmanfilt" {
        return Some(Box::new(move || {
            series.iter().flat_map(|one| by_kalmanfilt(one)).collect()
        }));
    }
    let model = LinearModel {
        f: transition(),
        q: noise(),
        h: observed(),
        r: Matrix2::identity() * 4.0,
    };
    Some(Box::new(move || {
        let start = Gaussian {
            mean: Vector4::zeros(),
            covariance: Matrix4::identity() * 100.0,
        };
        let series: Vec<&[Vector2<f64>]> = series.iter().map(Vec::as_slice).collect();
        let all = model
            .filter_and_smooth(&start, &series)
            .expect("a definite model");
        let numbers = |state: Gaussian<4>| [state.mean.as_slice(), state.covariance.as_slice()].concat();
        (0..series.len())
            .flat_map(|one| [0, STEPS / 2, STEPS - 1].map(|step| all.state(one, step)))
            .flatten()
            .flat_map(numbers)
            .collect()
    }))
}
