//! The motion and measurement model of a car along its route: what the survey and the engine share.
//!
//! `docs/model.md` of the repository derives every default below.

use nalgebra::{Matrix1, RowVector5, SMatrix, SVector, Vector1, Vector5};

use super::error::EstimateError;
use super::process;
use crate::time::Time;

/// Places of the quantities in the state vector.
pub mod state {
    /// Offset along the route, metres.
    pub const OFFSET: usize = 0;
    /// Speed along the route, m/s.
    pub const SPEED: usize = 1;
    /// Acceleration along the route, m/s².
    pub const ACCELERATION: usize = 2;
    /// Odometer scale: reported speed over true speed.
    pub const SCALE: usize = 3;
    /// Odometer latency: age of a wheel speed at its time stamp, seconds.
    pub const LATENCY: usize = 4;
    /// Number of components.
    pub const DIM: usize = 5;
}
use state::DIM;

/// Longest ratio of a repeated reading's variance to that of an independent one.
const MAX_INFLATION: f64 = 1e6;

/// A speed that the car leans towards while nothing is measured.
///
/// Without one, Singer's model lets the speed wander off without bound, which over a minute claims about twice the
/// position error that real town driving has. The speed at the portal, or the limit of the road, is a good reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpeedReversion {
    /// The reference speed, m/s.
    pub speed_mps: f64,
    /// Time constant of the return to it, seconds, above 0.
    pub time_s: f64,
}

/// Parameters of the model; [`MotionModel::default`] holds the values measured on real drives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MotionModel {
    /// Stationary standard deviation of the acceleration, m/s². Default 0.8.
    pub acceleration_sigma_mps2: f64,
    /// Correlation time of the acceleration, seconds. Default 2.5.
    pub acceleration_time_s: f64,
    /// The speed that the car leans towards, or `None` (default) for Singer's model as it stands.
    pub reversion: Option<SpeedReversion>,
    /// Standard deviation of the odometer scale around 1 at the start. Default 0.03.
    pub scale_sigma: f64,
    /// Random walk of the scale, per √s. Default 5e-5.
    pub scale_walk_per_sqrt_s: f64,
    /// Odometer latency at the start, seconds. Default 0.3.
    pub latency_s: f64,
    /// Standard deviation of the latency at the start, seconds. Default 0.15.
    pub latency_sigma_s: f64,
    /// Random walk of the latency, seconds per √s. Default 0.002.
    pub latency_walk_s_per_sqrt_s: f64,
    /// Standard deviation of a wheel speed besides its rounding, m/s. Default 0.23.
    pub wheel_sigma_mps: f64,
    /// Step that wheel speeds are rounded to, m/s. Default 1/3.6 (whole km/h).
    pub wheel_step_mps: f64,
    /// Correlation time of the error of wheel speeds, seconds; 0 takes every reading as independent. Default 0.4.
    pub wheel_correlation_s: f64,
    /// Standard deviation of the true speed while the wheels report 0, m/s. Default 0.16.
    pub zero_speed_sigma_mps: f64,
}

impl Default for MotionModel {
    fn default() -> Self {
        Self {
            acceleration_sigma_mps2: 0.8,
            acceleration_time_s: 2.5,
            reversion: None,
            scale_sigma: 0.03,
            scale_walk_per_sqrt_s: 5e-5,
            latency_s: 0.3,
            latency_sigma_s: 0.15,
            latency_walk_s_per_sqrt_s: 0.002,
            wheel_sigma_mps: 0.23,
            wheel_step_mps: 1.0 / 3.6,
            wheel_correlation_s: 0.4,
            zero_speed_sigma_mps: 0.16,
        }
    }
}

/// A time step of the model: x⁺ = F (x − c) + c + (c_v dt, 0, 0, 0, 0) with noise Q, where c holds the reference speed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transition {
    /// Transition F.
    pub f: SMatrix<f64, DIM, DIM>,
    /// Noise Q.
    pub q: SMatrix<f64, DIM, DIM>,
    /// What is added to F x; zero without a reference speed.
    pub shift: SVector<f64, DIM>,
}

/// What a measurement is expected to be: h(x), H and R of a scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Expected value h(x).
    pub hx: SVector<f64, 1>,
    /// Jacobian H of it.
    pub h: SMatrix<f64, 1, DIM>,
    /// Noise variance R.
    pub r: SMatrix<f64, 1, 1>,
}

impl MotionModel {
    /// The step over `dt_s` seconds; the identity without noise when that is not above 0.
    pub fn transition(&self, dt_s: f64) -> Transition {
        let dt_s = dt_s.max(0.0);
        let beta = self.reversion.map_or(0.0, |to| 1.0 / to.time_s);
        let alpha = 1.0 / self.acceleration_time_s;
        let (f3, q3) = process::transition(alpha, beta, self.acceleration_sigma_mps2, dt_s);
        let mut f = SMatrix::<f64, DIM, DIM>::identity();
        f.fixed_view_mut::<3, 3>(0, 0).copy_from(&f3);
        let mut q = SMatrix::<f64, DIM, DIM>::zeros();
        q.fixed_view_mut::<3, 3>(0, 0).copy_from(&q3);
        q[(state::SCALE, state::SCALE)] = self.scale_walk_per_sqrt_s * self.scale_walk_per_sqrt_s * dt_s;
        q[(state::LATENCY, state::LATENCY)] =
            self.latency_walk_s_per_sqrt_s * self.latency_walk_s_per_sqrt_s * dt_s;
        let speed_mps = self.reversion.map_or(0.0, |to| to.speed_mps);
        let c = Vector5::new(0.0, speed_mps, 0.0, 0.0, 0.0);
        Transition {
            f,
            q,
            shift: c - f * c + Vector5::new(speed_mps * dt_s, 0.0, 0.0, 0.0, 0.0),
        }
    }

    /// A position along the route: h = s.
    pub fn expect_position(x: &SVector<f64, DIM>, sigma_m: f64) -> Expected {
        Expected {
            hx: Vector1::new(x[state::OFFSET]),
            h: RowVector5::new(1.0, 0.0, 0.0, 0.0, 0.0),
            r: Matrix1::new(sigma_m * sigma_m),
        }
    }

    /// A speed over ground: h = v.
    pub fn expect_speed(x: &SVector<f64, DIM>, sigma_mps: f64) -> Expected {
        Expected {
            hx: Vector1::new(x[state::SPEED]),
            h: RowVector5::new(0.0, 1.0, 0.0, 0.0, 0.0),
            r: Matrix1::new(sigma_mps * sigma_mps),
        }
    }

    /// A wheel speed of `reported_mps`, `since_last_s` seconds after the reading before it (`None` for the first).
    ///
    /// h = k (v − τ a): the speed τ ago to first order, times the scale. R is the variance of the residual plus
    /// that of rounding, step²/12 (Widrow and Kollár 2008, *Quantization Noise*, section 1.1), times
    /// (1 + ρ)/(1 − ρ) with ρ = exp(−dt/T): errors correlated over T carry that much less (Bayley and Hammersley
    /// 1946, "The effective number of independent observations in an autocorrelated time series").
    /// A reading of 0 tells only that the car moved less than a step then, so there h = v − τ a, of which scale and latency learn
    /// nothing.
    pub fn expect_wheel(
        &self,
        x: &SVector<f64, DIM>,
        reported_mps: f64,
        since_last_s: Option<f64>,
    ) -> Expected {
        let inflation = since_last_s.map_or(1.0, |dt_s| self.inflation(dt_s));
        let (v, a) = (x[state::SPEED], x[state::ACCELERATION]);
        let (k, tau) = (x[state::SCALE], x[state::LATENCY]);
        if reported_mps <= 0.0 {
            return Expected {
                hx: Vector1::new(v - tau * a),
                h: RowVector5::new(0.0, 1.0, -tau, 0.0, 0.0),
                r: Matrix1::new(self.zero_speed_sigma_mps.powi(2) * inflation),
            };
        }
        let variance =
            self.wheel_sigma_mps * self.wheel_sigma_mps + self.wheel_step_mps * self.wheel_step_mps / 12.0;
        Expected {
            hx: Vector1::new(k * (v - tau * a)),
            h: RowVector5::new(0.0, k, -k * tau, v - tau * a, -k * a),
            r: Matrix1::new(variance * inflation),
        }
    }

    /// (1 + ρ)/(1 − ρ) for readings `dt_s` apart, at most a million.
    fn inflation(&self, dt_s: f64) -> f64 {
        if self.wheel_correlation_s <= 0.0 {
            return 1.0;
        }
        let loss = -libm::expm1(-dt_s.max(0.0) / self.wheel_correlation_s);
        if loss > 0.0 {
            ((2.0 - loss) / loss).min(MAX_INFLATION)
        } else {
            MAX_INFLATION
        }
    }

    /// `Ok` when every parameter is finite and in its range.
    ///
    /// # Errors
    /// [`EstimateError::Range`] for the first one that is not.
    pub fn check(&self) -> Result<(), EstimateError> {
        const POSITIVE: &str = "above 0 and finite";
        const NOT_NEGATIVE: &str = "at least 0 and finite";
        let above = |name, value: f64| in_range(name, POSITIVE, value, value > 0.0);
        let at_least = |name, value: f64| in_range(name, NOT_NEGATIVE, value, value >= 0.0);
        above("acceleration sigma, m/s²", self.acceleration_sigma_mps2)?;
        above("acceleration time, s", self.acceleration_time_s)?;
        if let Some(to) = self.reversion {
            above("reversion time, s", to.time_s)?;
            in_range("reversion speed, m/s", "finite", to.speed_mps, true)?;
        }
        above("scale sigma", self.scale_sigma)?;
        at_least("scale walk, 1/√s", self.scale_walk_per_sqrt_s)?;
        at_least("latency, s", self.latency_s)?;
        above("latency sigma, s", self.latency_sigma_s)?;
        at_least("latency walk, s/√s", self.latency_walk_s_per_sqrt_s)?;
        above("wheel sigma, m/s", self.wheel_sigma_mps)?;
        at_least("wheel step, m/s", self.wheel_step_mps)?;
        at_least("wheel correlation, s", self.wheel_correlation_s)?;
        above("zero speed sigma, m/s", self.zero_speed_sigma_mps)
    }
}

/// `Ok` when `value` is finite and `ok` holds, else the range error.
pub(super) fn in_range(
    name: &'static str,
    range: &'static str,
    value: f64,
    ok: bool,
) -> Result<(), EstimateError> {
    if ok && value.is_finite() {
        Ok(())
    } else {
        Err(EstimateError::Range { name, range, value })
    }
}

/// Seconds from `earlier` to `later`, or `None` when there is no earlier instant.
pub(super) fn since(earlier: Option<Time>, later: Time) -> Option<f64> {
    earlier.map(|t| later.seconds_since(t))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wheel_jacobian_is_the_derivative() {
        let model = MotionModel::default();
        let x = Vector5::new(100.0, 12.0, -1.3, 0.97, 0.35);
        let expected = model.expect_wheel(&x, 11.0, None);
        let step = 1e-6;
        for i in 0..DIM {
            let mut moved = x;
            moved[i] += step;
            let slope = (model.expect_wheel(&moved, 11.0, None).hx[0] - expected.hx[0]) / step;
            assert!((slope - expected.h[i]).abs() < 1e-5, "column {i}");
        }
    }

    #[test]
    fn no_wheel_speed_is_no_speed_a_while_ago() {
        let model = MotionModel::default();
        let starting = Vector5::new(100.0, 0.6, 2.0, 0.97, 0.3);
        let expected = model.expect_wheel(&starting, 0.0, None);
        assert!(expected.hx[0].abs() < 1e-12);
        assert_eq!(expected.h, RowVector5::new(0.0, 1.0, -0.3, 0.0, 0.0));
    }

    #[test]
    fn repeated_readings_carry_little() {
        let model = MotionModel::default();
        let x = Vector5::new(0.0, 10.0, 0.0, 1.0, 0.3);
        let r = |since| model.expect_wheel(&x, 10.0, since).r[0];
        assert_eq!(r(Some(0.0)), r(None) * MAX_INFLATION);
        assert!(r(Some(0.2)) > 3.0 * r(None) && r(Some(0.2)) < 5.0 * r(None));
        assert!(r(Some(5.0)) < 1.0001 * r(None));
    }

    #[test]
    fn a_reference_speed_pulls_the_mean() {
        let model = MotionModel {
            reversion: Some(SpeedReversion {
                speed_mps: 20.0,
                time_s: 30.0,
            }),
            ..MotionModel::default()
        };
        let t = model.transition(1e4);
        let x = t.f * Vector5::new(0.0, 10.0, 0.0, 1.0, 0.3) + t.shift;
        assert!((x[state::SPEED] - 20.0).abs() < 1e-9);
        // 30 s behind with a tenth of the distance made up at each time constant: 10 m/s · 30 s short.
        assert!((x[state::OFFSET] - (20.0 * 1e4 - 300.0)).abs() < 1e-6);
    }

    #[test]
    fn parameters_out_of_range_are_named() {
        let model = MotionModel {
            acceleration_time_s: 0.0,
            ..MotionModel::default()
        };
        let text = model.check().unwrap_err().to_string();
        assert_eq!(
            text,
            "expected acceleration time, s to be above 0 and finite, got 0"
        );
        assert!(
            MotionModel {
                scale_sigma: f64::NAN,
                ..MotionModel::default()
            }
            .check()
            .is_err()
        );
        assert!(MotionModel::default().check().is_ok());
    }
}
