//! Filter and smoother along one route, with the slow error of GNSS as a state of its own.
//!
//! GNSS errors hardly change from one second to the next. Taken as white they would average out within seconds on paper,
//! and never in truth. So the state of [`crate::estimate`] is extended by one: b, the slow error in units of its own
//! standard deviation, a first-order Gauss–Markov process (Brown and Hwang 2012, *Introduction to Random Signals and
//! Applied Kalman Filtering*, section 4.6) with unit variance and correlation time T:
//!
//! ```text
//! b⁺ = ρ b + noise of variance 1 − ρ²,  ρ = exp(−dt/T)       z = s + σ_c b + white noise of variance σ_w²
//! ```

use super::LabelOptions;
use super::track::{TrackPoint, monotone};
use crate::estimate::{
    EstimateError, Expected, Gaussian, MotionModel, SpeedReversion, Step, predict_with_mean, smooth, state,
    update,
};
use crate::network::Route;
use crate::observation::{GnssFix, SpeedSample};
use crate::time::Time;
use nalgebra::{RowSVector, SMatrix, SVector, Vector1};
use std::collections::BTreeSet;

/// The state of the motion model and the slow error of GNSS.
const DIM: usize = state::DIM + 1;
/// Place of the slow error in the state.
const BIAS: usize = state::DIM;

/// √(−2 ln 0.32): the 68 % radius of a round normal distribution with unit deviation per axis.
const RADIUS_68: f64 = 1.509_6;
/// Seconds from one point of the track to the next, at most.
const POINT_STEP_S: f64 = 1.0;
/// Innovations count as at most this many standard deviations: beyond, the noise of the measurement is raised until they do.
const INNOVATION_LIMIT: f64 = 3.0;
/// Standard deviation of the speed at the start, m/s.
const START_SPEED_SIGMA_MPS: f64 = 10.0;
/// Without any measurement for longer than this, seconds, the car leans towards the mean speed over the gap …
const BLIND_S: f64 = 10.0;
/// … with this time constant, seconds.
const BLIND_REVERSION_S: f64 = 12.0;

/// A fix with its place on a route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Positioned {
    /// Metres along the route.
    pub(super) route_m: f64,
    /// The fix.
    pub(super) fix: GnssFix,
}

/// The track along a route.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SmoothedSegment {
    /// At every fix and at least every second.
    pub(super) points: Vec<TrackPoint>,
    /// Measurements whose weight was reduced.
    pub(super) outliers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Measured {
    Wheel {
        speed_mps: f64,
    },
    Position {
        offset_m: f64,
        slow_m: f64,
        white_m: f64,
    },
    Speed {
        speed_mps: f64,
    },
    /// Nothing: a point of the track is wanted.
    Point,
}

/// The track along `route` from the first to the last of `positions`, which are in time order, with those of the `wheel`
/// speeds that lie between; `None` when there are not two positions at different times.
pub(super) fn smooth_segment(
    route: &Route,
    positions: &[Positioned],
    wheel: &[SpeedSample],
    options: &LabelOptions,
) -> Result<Option<SmoothedSegment>, EstimateError> {
    let (Some(first), Some(last)) = (positions.first(), positions.last()) else {
        return Ok(None);
    };
    if last.fix.time <= first.fix.time {
        return Ok(None);
    }
    let events = events(positions, wheel, options);
    let leans = blind_speeds(&events);
    let mut filter = Filter {
        options,
        last_wheel: None,
        outliers: 0,
    };
    let mut now = start(first, last, &options.motion);
    let (mut filtered, mut steps) = (Vec::with_capacity(events.len()), Vec::with_capacity(events.len()));
    for (i, &(time, measured)) in events.iter().enumerate() {
        if i > 0 {
            let (f, shift, q) = transition(time.seconds_since(events[i - 1].0), leans[i], options);
            now = predict_with_mean(&now, f * now.mean + shift, &f, &q);
            steps.push(Step { f, q, predicted: now });
        }
        now = filter.measure(&now, time, measured)?;
        filtered.push(now);
    }
    let smoothed = smooth(&filtered, &steps)?;
    let points = events
        .iter()
        .zip(&smoothed)
        .filter(|((_, measured), _)| *measured == Measured::Point);
    let points = points.map(|(&(time, _), state)| TrackPoint {
        time,
        offset_m: state.mean[state::OFFSET],
        sigma_m: state.sigma(state::OFFSET),
        speed_mps: state.mean[state::SPEED].max(0.0),
    });
    let points = monotone(points.collect(), route.length_m());
    Ok(Some(SmoothedSegment {
        points,
        outliers: filter.outliers,
    }))
}

/// All measurements between the first and the last position, and the points wanted, in time order.
fn events(positions: &[Positioned], wheel: &[SpeedSample], options: &LabelOptions) -> Vec<(Time, Measured)> {
    let (first, last) = (positions[0].fix.time, positions[positions.len() - 1].fix.time);
    let mut events: Vec<(Time, Measured)> = Vec::new();
    let driven = wheel
        .iter()
        .filter(|sample| sample.time >= first && sample.time <= last);
    events.extend(driven.map(|sample| {
        (
            sample.time,
            Measured::Wheel {
                speed_mps: sample.speed_mps,
            },
        )
    }));
    let mut wanted: BTreeSet<Time> = BTreeSet::new();
    for placed in positions {
        let time = placed.fix.time;
        events.push((time, position(placed, options)));
        events.extend(
            placed
                .fix
                .speed_mps
                .map(|speed_mps| (time, Measured::Speed { speed_mps })),
        );
        wanted.insert(time);
    }
    let steps = (last.seconds_since(first) / POINT_STEP_S) as usize;
    wanted.extend(
        (1..=steps)
            .map(|i| first.plus_seconds(i as f64 * POINT_STEP_S))
            .filter(|time| *time < last),
    );
    events.extend(wanted.into_iter().map(|time| (time, Measured::Point)));
    events.sort_by_key(|event| event.0);
    events
}

/// A fix as a measurement: its accuracy per axis and the road's own error, split into a slow and a white part.
fn position(placed: &Positioned, options: &LabelOptions) -> Measured {
    let fix = &placed.fix;
    let axis_m = fix.accuracy_m.unwrap_or(options.default_accuracy_m) / RADIUS_68;
    let variance = axis_m * axis_m + options.road_sigma_m * options.road_sigma_m;
    let clock_m = options.time_sigma_s * fix.speed_mps.unwrap_or(0.0);
    Measured::Position {
        offset_m: placed.route_m,
        slow_m: (options.correlated_share * variance).sqrt(),
        white_m: ((1.0 - options.correlated_share) * variance + clock_m * clock_m).sqrt(),
    }
}

/// For each event, the mean speed over the gap that leads to it, when nothing is measured there for long, m/s.
fn blind_speeds(events: &[(Time, Measured)]) -> Vec<Option<f64>> {
    let mut leans = vec![None; events.len()];
    let seen: Vec<usize> = (0..events.len())
        .filter(|&i| events[i].1 != Measured::Point)
        .collect();
    let place = |i: usize| match events[i] {
        (time, Measured::Position { offset_m, .. }) => Some((time, offset_m)),
        _ => None,
    };
    for pair in seen.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        if events[to].0.seconds_since(events[from].0) <= BLIND_S {
            continue;
        }
        let before = (0..=from).rev().find_map(place);
        let after = (to..events.len()).find_map(place);
        if let (Some((t0, s0)), Some((t1, s1))) = (before, after) {
            leans[from + 1..=to].fill(Some(((s1 - s0) / t1.seconds_since(t0)).max(0.0)));
        }
    }
    leans
}

/// The state before the first measurement.
fn start(first: &Positioned, last: &Positioned, motion: &MotionModel) -> Gaussian<DIM> {
    let mean_mps = (last.route_m - first.route_m) / last.fix.time.seconds_since(first.fix.time);
    let speed_mps = first.fix.speed_mps.unwrap_or(mean_mps);
    // The first position, whatever its accuracy, has to weigh more than this start.
    let offset_sigma_m = 1e3;
    Gaussian::independent(
        [first.route_m, speed_mps, 0.0, 1.0, motion.latency_s, 0.0],
        [
            offset_sigma_m,
            START_SPEED_SIGMA_MPS,
            motion.acceleration_sigma_mps2,
            motion.scale_sigma,
            motion.latency_sigma_s,
            1.0,
        ],
    )
}

/// F, what is added to F x, and Q over `dt_s` seconds.
fn transition(
    dt_s: f64,
    lean_mps: Option<f64>,
    options: &LabelOptions,
) -> (SMatrix<f64, DIM, DIM>, SVector<f64, DIM>, SMatrix<f64, DIM, DIM>) {
    let lean = lean_mps.map(|speed_mps| SpeedReversion {
        speed_mps,
        time_s: BLIND_REVERSION_S,
    });
    let motion = MotionModel {
        reversion: lean.or(options.motion.reversion),
        ..options.motion
    };
    let step = motion.transition(dt_s);
    let mut f = SMatrix::<f64, DIM, DIM>::identity();
    let mut q = SMatrix::<f64, DIM, DIM>::zeros();
    let mut shift = SVector::<f64, DIM>::zeros();
    f.fixed_view_mut::<{ state::DIM }, { state::DIM }>(0, 0)
        .copy_from(&step.f);
    q.fixed_view_mut::<{ state::DIM }, { state::DIM }>(0, 0)
        .copy_from(&step.q);
    shift.fixed_rows_mut::<{ state::DIM }>(0).copy_from(&step.shift);
    let dt_s = dt_s.max(0.0);
    f[(BIAS, BIAS)] = libm::exp(-dt_s / options.correlation_s);
    q[(BIAS, BIAS)] = -libm::expm1(-2.0 * dt_s / options.correlation_s);
    (f, shift, q)
}

struct Filter<'a> {
    options: &'a LabelOptions,
    last_wheel: Option<Time>,
    outliers: usize,
}

impl Filter<'_> {
    /// `prior` with the measurement in it. One that is far from what is expected gets more noise (Huber 1964, "Robust
    /// estimation of a location parameter", in its effect), so that no bad value can lock the filter out for good.
    fn measure(
        &mut self,
        prior: &Gaussian<DIM>,
        time: Time,
        measured: Measured,
    ) -> Result<Gaussian<DIM>, EstimateError> {
        let motion = &self.options.motion;
        let x: SVector<f64, { state::DIM }> = prior.mean.fixed_rows::<{ state::DIM }>(0).into_owned();
        let (z, expected, bias) = match measured {
            Measured::Point => return Ok(*prior),
            Measured::Wheel { speed_mps } => {
                let since_s = self.last_wheel.map(|last| time.seconds_since(last));
                self.last_wheel = Some(time);
                (speed_mps, motion.expect_wheel(&x, speed_mps, since_s), 0.0)
            }
            Measured::Speed { speed_mps } => (
                speed_mps,
                MotionModel::expect_speed(&x, self.options.speed_sigma_mps),
                0.0,
            ),
            Measured::Position {
                offset_m,
                slow_m,
                white_m,
            } => (offset_m, MotionModel::expect_position(&x, white_m), slow_m),
        };
        let Expected { hx, h, mut r } = expected;
        let hx = Vector1::new(hx[0] + bias * prior.mean[BIAS]);
        let mut h6 = RowSVector::<f64, DIM>::zeros();
        h6.fixed_columns_mut::<{ state::DIM }>(0).copy_from(&h);
        h6[BIAS] = bias;
        let y = z - hx[0];
        let predicted = (h6 * prior.covariance * h6.transpose())[0];
        let allowed = y * y / (INNOVATION_LIMIT * INNOVATION_LIMIT) - predicted;
        if allowed > r[0] {
            r[0] = allowed;
            self.outliers += 1;
        }
        Ok(update(prior, &Vector1::new(z), &hx, &h6, &r)?.posterior)
    }
}
