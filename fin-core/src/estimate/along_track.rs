//! The state of a car along its route at one instant, and how measurements change it.

use nalgebra::Vector1;
use serde::{Deserialize, Serialize};

use super::error::EstimateError;
use super::filter::{predict_with_mean, update_considering};
use super::gaussian::Gaussian;
use super::motion::{Expected, MotionModel, in_range, since, state};
use crate::time::Time;

/// Where a car is along its route at an instant, how fast, and how its odometer errs.
///
/// A plain value: the functions return a new one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlongTrack {
    /// The instant that the state is for.
    pub time: Time,
    /// The state; components are placed as in [`state`].
    pub state: Gaussian<{ state::DIM }>,
    /// When the last wheel speed came, accepted or not; `None` before the first.
    pub last_wheel: Option<Time>,
}

/// What a measurement did to an [`AlongTrack`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The state with the measurement in it, or as it was when that was refused.
    pub track: AlongTrack,
    /// Innovation squared over its variance, χ² with one degree of freedom when the model is right; infinite for
    /// a measurement that is not finite or whose sigma is not above 0.
    pub nis: f64,
    /// Natural logarithm of the density of the measurement before it was used, per metre or per m/s; minus infinity where `nis` is infinite.
    pub log_likelihood: f64,
    /// Whether the measurement was used.
    pub accepted: bool,
}

impl AlongTrack {
    /// The state at `time` for an offset and a speed with their standard deviations, unknown acceleration, and the
    /// odometer as `model` has it.
    ///
    /// # Errors
    /// [`EstimateError::Range`] for numbers that are not finite, sigmas that are not above 0, and a model that
    /// [`MotionModel::check`] refuses.
    pub fn start(
        time: Time,
        offset_m: f64,
        offset_sigma_m: f64,
        speed_mps: f64,
        speed_sigma_mps: f64,
        model: &MotionModel,
    ) -> Result<Self, EstimateError> {
        model.check()?;
        in_range("offset, m", "finite", offset_m, true)?;
        in_range(
            "offset sigma, m",
            "above 0 and finite",
            offset_sigma_m,
            offset_sigma_m > 0.0,
        )?;
        in_range("speed, m/s", "finite", speed_mps, true)?;
        in_range(
            "speed sigma, m/s",
            "above 0 and finite",
            speed_sigma_mps,
            speed_sigma_mps > 0.0,
        )?;
        let state = Gaussian::independent(
            [offset_m, speed_mps, 0.0, 1.0, model.latency_s],
            [
                offset_sigma_m,
                speed_sigma_mps,
                model.acceleration_sigma_mps2,
                model.scale_sigma,
                model.latency_sigma_s,
            ],
        );
        Ok(Self {
            time,
            state,
            last_wheel: None,
        })
    }

    /// The state at `to`; unchanged when `to` is not after the state's own time.
    #[must_use]
    pub fn predict(&self, to: Time, model: &MotionModel) -> Self {
        if to <= self.time {
            return *self;
        }
        let step = model.transition(to.seconds_since(self.time));
        let mean = step.f * self.state.mean + step.shift;
        Self {
            time: to,
            state: predict_with_mean(&self.state, mean, &step.f, &step.q),
            ..*self
        }
    }

    /// The state of a car that has become `factor` (above 0) times as fast where all cars do: those that were one behind the other are
    /// that much farther apart.
    #[must_use]
    pub fn quickened(&self, factor: f64) -> Self {
        let mut quickened = *self;
        let Gaussian { mean, covariance } = &mut quickened.state;
        mean[state::SPEED] *= factor;
        for i in [state::OFFSET, state::SPEED] {
            covariance.row_mut(i).scale_mut(factor);
            covariance.column_mut(i).scale_mut(factor);
        }
        quickened
    }

    /// The state of a car whose acceleration nothing tells: 0 m/s² with the deviation that `model` has in the long run, whatever the
    /// rest of the state.
    #[must_use]
    pub fn unaccelerated(&self, model: &MotionModel) -> Self {
        let mut unaccelerated = *self;
        let Gaussian { mean, covariance } = &mut unaccelerated.state;
        mean[state::ACCELERATION] = 0.0;
        covariance.row_mut(state::ACCELERATION).fill(0.0);
        covariance.column_mut(state::ACCELERATION).fill(0.0);
        covariance[(state::ACCELERATION, state::ACCELERATION)] = model.acceleration_sigma_mps2.powi(2);
        unaccelerated
    }

    /// The state with an offset along the route of `offset_m` ± `sigma_m` at its own time.
    ///
    /// A measurement whose NIS is above `gate` is refused; see [`gate`](super::consistency::gate).
    #[must_use]
    pub fn update_position(&self, offset_m: f64, sigma_m: f64, gate: Option<f64>) -> Outcome {
        self.apply(
            offset_m,
            &MotionModel::expect_position(&self.state.mean, sigma_m),
            gate,
            &[],
        )
    }

    /// The state with a speed over ground of `speed_mps` ± `sigma_mps` at its own time; gated as a position.
    #[must_use]
    pub fn update_gnss_speed(&self, speed_mps: f64, sigma_mps: f64, gate: Option<f64>) -> Outcome {
        self.apply(
            speed_mps,
            &MotionModel::expect_speed(&self.state.mean, sigma_mps),
            gate,
            &[],
        )
    }

    /// The state with a wheel speed as the car reported it at the state's own time; gated as a position.
    ///
    /// Scale and latency are learnt from it; see [`MotionModel::expect_wheel`].
    #[must_use]
    pub fn update_wheel(&self, reported_mps: f64, model: &MotionModel, gate: Option<f64>) -> Outcome {
        self.apply_wheel(reported_mps, model, gate, &[])
    }

    /// The state with a wheel speed as [`update_wheel`](Self::update_wheel) has it, but with scale and latency left as
    /// they are: while nothing else tells of speed or place, wheel speeds cannot teach them and only lead them astray.
    #[must_use]
    pub fn follow_wheel(&self, reported_mps: f64, model: &MotionModel, gate: Option<f64>) -> Outcome {
        self.apply_wheel(reported_mps, model, gate, &[state::SCALE, state::LATENCY])
    }

    fn apply_wheel(
        &self,
        reported_mps: f64,
        model: &MotionModel,
        gate: Option<f64>,
        considered: &[usize],
    ) -> Outcome {
        let expected = model.expect_wheel(&self.state.mean, reported_mps, since(self.last_wheel, self.time));
        // Not f64::max, which would turn NaN into a car at rest.
        let z = if reported_mps < 0.0 { 0.0 } else { reported_mps };
        let counted = Self {
            last_wheel: Some(self.time),
            ..*self
        };
        counted.apply(z, &expected, gate, considered)
    }

    /// The outcome of a scalar measurement `z`.
    fn apply(&self, z: f64, expected: &Expected, gate: Option<f64>, considered: &[usize]) -> Outcome {
        let Expected { hx, h, r } = expected;
        let refused = Outcome {
            track: *self,
            nis: f64::INFINITY,
            log_likelihood: f64::NEG_INFINITY,
            accepted: false,
        };
        if !z.is_finite() || !r[0].is_finite() || r[0] <= 0.0 {
            return refused;
        }
        let Ok(u) = update_considering(&self.state, &Vector1::new(z), hx, h, r, considered) else {
            return refused;
        };
        let accepted = gate.is_none_or(|limit| u.nis <= limit) && u.posterior.is_finite();
        let state = if accepted { u.posterior } else { self.state };
        Outcome {
            track: Self { state, ..*self },
            nis: u.nis,
            log_likelihood: u.log_likelihood,
            accepted,
        }
    }

    /// The same state counted from another origin: `delta_m` is added to the offset.
    #[must_use]
    pub fn shift(&self, delta_m: f64) -> Self {
        let mut shifted = *self;
        shifted.state.mean[state::OFFSET] += delta_m;
        shifted
    }

    /// Offset along the route, metres.
    pub fn offset_m(&self) -> f64 {
        self.state.mean[state::OFFSET]
    }

    /// Standard deviation of the offset, metres.
    pub fn offset_sigma_m(&self) -> f64 {
        self.state.sigma(state::OFFSET)
    }

    /// Speed along the route, m/s, at least 0: the mean may dip below it by noise while the car stands.
    pub fn speed_mps(&self) -> f64 {
        self.state.mean[state::SPEED].max(0.0)
    }

    /// Standard deviation of the speed, m/s.
    pub fn speed_sigma_mps(&self) -> f64 {
        self.state.sigma(state::SPEED)
    }

    /// Acceleration along the route, m/s².
    pub fn acceleration_mps2(&self) -> f64 {
        self.state.mean[state::ACCELERATION]
    }

    /// Odometer scale, reported over true.
    pub fn scale(&self) -> f64 {
        self.state.mean[state::SCALE]
    }

    /// Standard deviation of the odometer scale.
    pub fn scale_sigma(&self) -> f64 {
        self.state.sigma(state::SCALE)
    }

    /// Odometer latency, seconds.
    pub fn latency_s(&self) -> f64 {
        self.state.mean[state::LATENCY]
    }

    /// Standard deviation of the odometer latency, seconds.
    pub fn latency_sigma_s(&self) -> f64 {
        self.state.sigma(state::LATENCY)
    }
}
