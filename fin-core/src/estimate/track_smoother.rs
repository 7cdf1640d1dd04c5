//! A whole drive at once: forward filter and backward smoother along the route.

use super::along_track::AlongTrack;
use super::error::EstimateError;
use super::motion::MotionModel;
use super::smoother::{Step, smooth};
use crate::time::Time;

/// One measurement of a drive along its route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// When it was true (GNSS), or when it arrived (wheel speed).
    pub time: Time,
    /// What was measured.
    pub measured: Measured,
}

/// What can be measured along a route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measured {
    /// An offset along the route.
    Position {
        /// The offset, metres.
        offset_m: f64,
        /// Its standard deviation, metres.
        sigma_m: f64,
    },
    /// A speed over ground.
    GnssSpeed {
        /// The speed, m/s.
        speed_mps: f64,
        /// Its standard deviation, m/s.
        sigma_mps: f64,
    },
    /// A wheel speed as the car reported it.
    Wheel {
        /// The reported speed, m/s.
        speed_mps: f64,
    },
    /// Nothing: the state is asked for at this time.
    Query,
}

/// A smoothed drive.
#[derive(Clone, Debug, PartialEq)]
pub struct Smoothed {
    /// The state at each measurement's time given all measurements, one per measurement.
    pub tracks: Vec<AlongTrack>,
    /// Whether each measurement was used; queries are always.
    pub accepted: Vec<bool>,
}

impl Smoothed {
    /// How many measurements the gate refused.
    pub fn rejected(&self) -> usize {
        self.accepted.iter().filter(|used| !**used).count()
    }
}

/// The states of a drive at the times of its `measurements`, each given all of them.
///
/// Measurements are in time order and none is before `start`; times may repeat and gaps may be as long as they like.
/// Those whose NIS in the forward pass is above `gate` are left out and counted. An empty slice gives an empty result.
///
/// # Errors
/// [`EstimateError::Order`] when time goes back, [`EstimateError::Measurement`] for a number that is not finite or a
/// sigma that is not above 0, [`EstimateError::Range`] for a bad model, [`EstimateError::Covariance`] when a
/// covariance has overflown.
pub fn smooth_track(
    measurements: &[Measurement],
    start: &AlongTrack,
    model: &MotionModel,
    gate: Option<f64>,
) -> Result<Smoothed, EstimateError> {
    model.check()?;
    let mut now = *start;
    let mut filtered = Vec::with_capacity(measurements.len());
    let mut steps = Vec::with_capacity(measurements.len());
    let mut accepted = Vec::with_capacity(measurements.len());
    for (index, measurement) in measurements.iter().enumerate() {
        let dt_s = measurement.time.seconds_since(now.time);
        if dt_s < 0.0 {
            return Err(EstimateError::Order { index, back_s: -dt_s });
        }
        check_measurement(index, &measurement.measured)?;
        let predicted = now.predict(measurement.time, model);
        if index > 0 {
            let transition = model.transition(dt_s);
            steps.push(Step {
                f: transition.f,
                q: transition.q,
                predicted: predicted.state,
            });
        }
        let (updated, used) = measure(&predicted, &measurement.measured, model, gate);
        now = updated;
        accepted.push(used);
        filtered.push(now);
    }
    let states: Vec<_> = filtered.iter().map(|track| track.state).collect();
    let smoothed = smooth(&states, &steps)?;
    let tracks = filtered
        .iter()
        .zip(smoothed)
        .map(|(track, state)| AlongTrack { state, ..*track })
        .collect();
    Ok(Smoothed { tracks, accepted })
}

/// `predicted` with the measurement in it, and whether it was used.
fn measure(
    predicted: &AlongTrack,
    measured: &Measured,
    model: &MotionModel,
    gate: Option<f64>,
) -> (AlongTrack, bool) {
    let outcome = match *measured {
        Measured::Position { offset_m, sigma_m } => predicted.update_position(offset_m, sigma_m, gate),
        Measured::GnssSpeed { speed_mps, sigma_mps } => {
            predicted.update_gnss_speed(speed_mps, sigma_mps, gate)
        }
        Measured::Wheel { speed_mps } => predicted.update_wheel(speed_mps, model, gate),
        Measured::Query => return (*predicted, true),
    };
    (outcome.track, outcome.accepted)
}

/// `Ok` when the numbers of a measurement can be used.
fn check_measurement(index: usize, measured: &Measured) -> Result<(), EstimateError> {
    let (value, sigma) = match *measured {
        Measured::Position { offset_m, sigma_m } => (offset_m, sigma_m),
        Measured::GnssSpeed { speed_mps, sigma_mps } => (speed_mps, sigma_mps),
        // The model, which is checked already, holds the sigma of wheel speeds.
        Measured::Wheel { speed_mps } => (speed_mps, 1.0),
        Measured::Query => return Ok(()),
    };
    if value.is_finite() && sigma.is_finite() && sigma > 0.0 {
        Ok(())
    } else {
        Err(EstimateError::Measurement { index, value, sigma })
    }
}
