//! Where the car is while GNSS is away: a likelihood over places along a route, moved by the filter's prediction and
//! weighed by cell scans.

use std::ops::Range;

use nalgebra::{Matrix2, Vector2};
use serde::{Deserialize, Serialize};

use super::drift::{DriftModel, Queued};
use super::pace::Pace;
use super::speeds::{Changes, Flow, GAITS, SPEED_LANES, SpeedChanges, gait_of};
use super::spread::Spread;
use crate::dtw::lanes::{Moments, RateLanes};
use crate::estimate::{AlongTrack, state};
use crate::fingerprint::matcher::{GaitChanges, Prior, Window};
use crate::time::Time;

/// Grid points of a lane.
const POINTS: usize = 256;
/// Least distance between grid points with and without wheel speed, metres.
const LEAST_STEP_M: (f64, f64) = (1.0, 2.0);
/// Greatest distance between grid points, metres.
const MOST_STEP_M: f64 = 64.0;
/// Distance between grid points while the car is searched for along a whole tunnel, metres, but for what makes the lane a
/// multiple of [`POINTS`], and the most that such a lane has.
const SEARCH_STEP_M: f64 = 10.0;
const MOST_SEARCH_POINTS: usize = 8 * POINTS;
/// Speeds that are thought of when nothing is known of them, mean and standard deviation, m/s.
pub(super) const ANY_SPEED_MPS: (f64, f64) = (14.0, 8.0);
/// A search has found the car when the standard deviation of the place is below this share of [`POINTS`] steps.
const NARROW: f64 = 0.1;
/// Lanes over the odometer's scale.
const SCALE_LANES: usize = 15;
/// How far the scale lanes reach, standard deviations.
const SCALE_REACH: f64 = 3.0;
/// Bounds of the standard deviation of the scale that the lanes cover.
const SCALE_SIGMA: (f64, f64) = (0.002, 0.04);
/// Random walk of the scale, 1/s.
const SCALE_WALK_PER_S: f64 = 1e-9;
/// Steps in which the time without scans is gone through again, seconds, and how many they are at most.
const REPEATED_S: f64 = 1.0;
const MOST_REPEATED: f64 = 300.0;
/// More time than GNSS is ever away without a stop in the observations, seconds.
const LONGEST_AWAY_S: f64 = 1e6;
/// By how much the half-widths of 68 % and 95 % grow with the relative uncertainty of the speed, where scans alone tell it.
/// Chosen on simulated drives, like the next: what the level differences have in common over a queue is more than the
/// model says.
const UNSURE_SPEED_GROWTH: (f64, f64) = (0.2, 1.2);
/// By how much they grow towards standstill with wheel speed, and the speed below which they do, m/s.
const CRAWLING_GROWTH: f64 = 0.1;
const CRAWLING_MPS: f64 = 8.0;

/// By how much more is stated than those half-widths with wheel speed: what few surveys have wrong about a stretch they have wrong for
/// all of its cells. Chosen on simulated drives. The filter goes on with the half-widths as they are.
const WHEEL_CAUTION: f64 = 1.1;

/// What the lanes of a belief stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Rates {
    /// Speeds, m/s: there is no wheel speed.
    Speed,
    /// Errors of the filter's odometer scale: a lane at κ advances by 1 + κ times what the filter does.
    Scale,
}

impl Rates {
    /// Number of lanes.
    fn lanes(self) -> usize {
        match self {
            Rates::Speed => SPEED_LANES,
            Rates::Scale => SCALE_LANES,
        }
    }

    /// Least distance between grid points, metres.
    fn least_step_m(self) -> f64 {
        match self {
            Rates::Scale => LEAST_STEP_M.0,
            Rates::Speed => LEAST_STEP_M.1,
        }
    }
}

/// A likelihood over places and rates, and the filter state that it goes on from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Belief {
    row: RateLanes,
    rates: Rates,
    time: Time,
    track_offset_m: f64,
    track_speed_mps: f64,
    /// Speed before GNSS went, m/s.
    entry_mps: f64,
    /// Where and how fast the car was thought to be when the belief was started, and when that was.
    started: (Time, Moments),
    /// Time in queues without wheel speed.
    queued: Queued,
    marginal: Vec<f32>,
    moments: Moments,
    spread: Spread,
    /// The share of each gait that went over to each with the last step.
    #[serde(skip)]
    changes: Changes,
}

/// A place along the route and how far from it the car may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spot {
    /// Offset along the route, metres.
    pub offset_m: f64,
    /// Half-width of the 68 % interval, metres.
    pub half68_m: f64,
    /// Half-width of the 95 % interval, metres.
    pub half95_m: f64,
    /// By what factor larger half-widths are stated.
    pub caution: f64,
    /// Speed, m/s.
    pub speed_mps: f64,
}

impl Belief {
    /// The belief that the filter's state stands for, with `drift_var_m2` added to the variance of its place; over odometer
    /// scales when there is wheel speed. `room` is a belief that is no longer needed, whose memory it takes over.
    pub(super) fn start(track: &AlongTrack, drift_var_m2: f64, wheel: bool, room: Option<Belief>) -> Belief {
        let (mean, p) = (&track.state.mean, &track.state.covariance);
        let (rates, anchor) = if wheel {
            let scale = mean[state::SCALE];
            let sigma = (p[(state::SCALE, state::SCALE)].sqrt() / scale).clamp(SCALE_SIGMA.0, SCALE_SIGMA.1);
            let (rate_var, covariance) = (sigma * sigma, -p[(state::OFFSET, state::SCALE)] / scale);
            let anchor = Moments {
                position_m: mean[state::OFFSET],
                position_var: p[(state::OFFSET, state::OFFSET)] + drift_var_m2,
                rate: 0.0,
                rate_var,
                covariance,
            };
            (Rates::Scale, anchor)
        } else {
            let anchor = Moments {
                position_m: mean[state::OFFSET],
                position_var: p[(state::OFFSET, state::OFFSET)] + drift_var_m2,
                rate: mean[state::SPEED],
                rate_var: p[(state::SPEED, state::SPEED)].max(0.25),
                covariance: p[(state::OFFSET, state::SPEED)],
            };
            (Rates::Speed, anchor)
        };
        Self::from_moments(&anchor, rates, track, room)
    }

    /// The belief that the car is anywhere between two offsets along the route, at any usual speed or, when there is wheel
    /// speed, at that.
    pub(super) fn anywhere(from_m: f64, to_m: f64, track: &AlongTrack, wheel: bool) -> Belief {
        let length_m = to_m - from_m;
        let (rates, rate, sigma) = if wheel {
            (Rates::Scale, 0.0, SCALE_SIGMA.1)
        } else {
            (Rates::Speed, ANY_SPEED_MPS.0, ANY_SPEED_MPS.1)
        };
        let lanes = libm::ceil(length_m / (SEARCH_STEP_M * POINTS as f64)) as usize;
        let points = (lanes.max(2) * POINTS).min(MOST_SEARCH_POINTS);
        let step_m = (length_m / (points - 1) as f64).clamp(rates.least_step_m(), MOST_STEP_M);
        let anchor = Moments {
            position_m: from_m + 0.5 * length_m,
            position_var: libm::pow(1e3 * length_m, 2.0),
            rate,
            rate_var: sigma * sigma,
            covariance: 0.0,
        };
        Self::on_grid(&anchor, rates, track, (points, step_m), None)
    }

    fn from_moments(anchor: &Moments, rates: Rates, track: &AlongTrack, room: Option<Belief>) -> Belief {
        let sigma = anchor.position_var.sqrt();
        let mut step_m = rates.least_step_m();
        while step_m < MOST_STEP_M && sigma > 10.0 * step_m {
            step_m *= 2.0;
        }
        Self::on_grid(anchor, rates, track, (POINTS, step_m), room)
    }

    fn on_grid(
        anchor: &Moments,
        rates: Rates,
        track: &AlongTrack,
        (points, step_m): (usize, f64),
        room: Option<Belief>,
    ) -> Belief {
        let reach = SCALE_REACH * anchor.rate_var.sqrt();
        let middle = (SCALE_LANES / 2) as f64;
        let lanes = (0..rates.lanes()).map(|lane| match rates {
            Rates::Speed => lane as f64,
            Rates::Scale => anchor.rate + reach * (lane as f64 - middle) / middle,
        });
        let (row, marginal) = match room {
            Some(Belief {
                mut row, marginal, ..
            }) => {
                row.start_again(anchor, lanes, points, step_m);
                (row, marginal)
            }
            None => (
                RateLanes::start(anchor, lanes.collect(), points, step_m),
                Vec::new(),
            ),
        };
        let mut belief = Belief {
            moments: *anchor,
            row,
            rates,
            time: track.time,
            track_offset_m: track.offset_m(),
            track_speed_mps: track.speed_mps(),
            entry_mps: track.speed_mps(),
            started: (track.time, *anchor),
            queued: Queued::default(),
            marginal,
            spread: Spread::default(),
            changes: Changes::default(),
        };
        belief.refresh();
        belief
    }

    /// Whether the car is still searched for along a whole tunnel.
    pub(super) fn is_search(&self) -> bool {
        self.row.points() > POINTS
    }

    /// Ends a search that has come to one place; what is left elsewhere is given up.
    pub(super) fn narrow(&mut self) {
        if self.is_search() && self.moments.position_var.sqrt() < NARROW * POINTS as f64 * self.row.step_m() {
            self.row.crop(self.moments.position_m, POINTS);
            self.refresh();
        }
    }

    /// Mean and spread of place and rate.
    pub(super) fn moments(&self) -> &Moments {
        &self.moments
    }

    /// How much of the mean distance driven is sure, 0.2…1: where the speed is not known, the car may well have stood, and
    /// what it hears may be no news.
    pub(super) fn sureness(&self) -> f64 {
        match self.rates {
            Rates::Scale => 1.0,
            Rates::Speed => (1.0 - self.moments.rate_var.sqrt() / self.moments.rate.max(0.1)).max(0.2),
        }
    }

    /// All places that the belief covers.
    pub(super) fn grid(&self) -> Window {
        Window {
            base_m: self.row.base_m(),
            step_m: self.row.step_m(),
            points: self.row.points(),
        }
    }

    /// Those of them where the car may be at all.
    pub(super) fn window(&self) -> Window {
        let (grid, support) = (self.grid(), self.row.support());
        Window {
            base_m: grid.base_m + support.start as f64 * grid.step_m,
            points: support.len(),
            ..grid
        }
    }

    /// The time up to which speeds have been followed; `None` with wheel speed and while the car is searched for.
    pub(super) fn speeds_followed_to(&self) -> Option<Time> {
        (self.rates == Rates::Speed && !self.is_search()).then_some(self.time)
    }

    /// Share of the time that the car is in queues.
    pub(super) fn queue_share(&self, model: &DriftModel) -> f64 {
        model.queue_share(self.entry_mps, &self.queued)
    }

    /// How probable it is that the car is in a queue, and that it is one of later on.
    pub(super) fn queuing(&self, model: &DriftModel) -> (f64, f64) {
        let now = self.row.share_below(model.slow_below_mps).min(1.0);
        (now, now.max(self.queue_share(model)))
    }

    /// Mean speed, m/s.
    pub(super) fn speed_mps(&self, track: &AlongTrack) -> f64 {
        match self.rates {
            Rates::Speed => self.moments.rate,
            Rates::Scale => track.speed_mps() * (1.0 + self.moments.rate),
        }
    }

    /// Moves the belief to the time of `track`, the filter's prediction, where traffic flows as `pace(offset_m)` tells.
    pub(super) fn advance(&mut self, track: &AlongTrack, model: &DriftModel, pace: impl Fn(f64) -> Pace) {
        let dt_s = track.time.seconds_since(self.time);
        if dt_s <= 0.0 {
            return;
        }
        match self.rates {
            Rates::Scale => {
                let moved_m = track.offset_m() - self.track_offset_m;
                let frame_m = if self.is_search() { 0.0 } else { moved_m };
                self.row.advance(frame_m, |scale| moved_m * (1.0 + scale));
                let change_mps = track.speed_mps() - self.track_speed_mps;
                self.row.diffuse(model.wheel_var_m2(dt_s, moved_m, change_mps));
                self.row
                    .wander(&[SCALE_WALK_PER_S * dt_s; SCALE_LANES], &[1.0; SCALE_LANES]);
            }
            Rates::Speed => {
                let frame_m = if self.is_search() {
                    0.0
                } else {
                    self.moments.rate * dt_s
                };
                self.row.advance(frame_m, |speed| speed * dt_s);
                let walk = model.speed_walk_m2_per_s3 * dt_s;
                let slow = self.row.share_below(model.queue_below_mps).min(1.0);
                self.queued.add(slow, dt_s, model.queue_memory_s);
                let queue = self.queue_share(model);
                let here = pace(self.moments.position_m);
                let next = pace(self.moments.position_m + self.moments.rate * dt_s);
                let flow = Flow {
                    mps: model.flow_mps(self.entry_mps, here),
                    quickening: here.quickening(next),
                };
                let changes = SpeedChanges::within(dt_s, model, flow, queue);
                self.changes = changes.of_gaits(&self.row);
                changes.make(&mut self.row);
                self.row.diffuse(walk * dt_s * dt_s / 12.0);
            }
        }
        self.time = track.time;
        self.track_offset_m = track.offset_m();
        self.track_speed_mps = track.speed_mps();
        self.refresh();
    }

    /// What would be believed at the time of `track` had no scan been heard since the belief was started, where traffic flows as
    /// `pace(offset_m)` tells; this belief where wheel speed tells how far the car has come, or where it is
    /// still searched for.
    pub(super) fn without_scans(
        self,
        track: &AlongTrack,
        model: &DriftModel,
        pace: impl Fn(f64) -> Pace,
    ) -> Belief {
        if self.rates == Rates::Scale || self.is_search() {
            return self;
        }
        let (since, anchor) = self.started;
        let (dt_s, entry_mps) = (self.time.seconds_since(since), self.entry_mps);
        let at_start = AlongTrack {
            time: since,
            ..*track
        };
        let mut belief = Self::from_moments(&anchor, Rates::Speed, &at_start, Some(self));
        belief.entry_mps = entry_mps;
        let steps = libm::ceil(dt_s / REPEATED_S).clamp(1.0, MOST_REPEATED);
        for step in 1..=steps as usize {
            let time = since.plus_seconds(dt_s * step as f64 / steps);
            let at = AlongTrack { time, ..*track };
            belief.advance(&at, model, &pace);
        }
        belief
    }

    /// The belief over speeds when the wheel speed has gone, and over scales when it has come, at the time of `track`, to which
    /// it has been advanced.
    #[must_use]
    pub(super) fn with_rates(self, track: &AlongTrack, wheel: bool, model: &DriftModel) -> Belief {
        let (mean, p) = (&track.state.mean, &track.state.covariance);
        let mut place = self.moments;
        let rates = if wheel { Rates::Scale } else { Rates::Speed };
        if rates == self.rates {
            return self;
        }
        if self.is_search() {
            let length_m = (self.row.points() - 1) as f64 * self.row.step_m();
            return Self::anywhere(self.row.base_m(), self.row.base_m() + length_m, track, wheel);
        }
        let (rate, rate_var) = if wheel {
            let sigma = (p[(state::SCALE, state::SCALE)].sqrt() / mean[state::SCALE])
                .clamp(SCALE_SIGMA.0, SCALE_SIGMA.1);
            (0.0, sigma * sigma)
        } else {
            place.position_var += model.wheelless_var_m2(track);
            (
                mean[state::SPEED] * (1.0 + place.rate),
                p[(state::SPEED, state::SPEED)].max(0.25),
            )
        };
        let anchor = Moments {
            rate,
            rate_var,
            covariance: 0.0,
            ..place
        };
        Self::from_moments(&anchor, rates, track, Some(self))
    }

    /// Metres driven at each gait from a time and the filter's place then to `time`; only the first is of use where there is one gait.
    pub(super) fn moved_at_gaits_m(
        &self,
        then: (Time, f64),
        time: Time,
        track: &AlongTrack,
    ) -> [f64; GAITS.len()] {
        std::array::from_fn(|gait| self.moved_m(Some(gait), then, time, track))
    }

    /// What became of each gait in the last [`advance`](Self::advance).
    pub(super) fn changes(&self) -> GaitChanges<'_> {
        match self.rates {
            Rates::Scale => GaitChanges::default(),
            Rates::Speed => self.changes.shares(),
        }
    }

    /// Writes into `out` how likely the places of `support` are at each gait, gait after gait.
    fn by_gait(&self, support: &Range<usize>, out: &mut Vec<f32>) {
        out.clear();
        out.reserve(self.gaits() * self.row.points());
        out.resize(self.gaits() * support.len(), 0.0);
        for (lane, cells) in self.row.lanes().enumerate() {
            let gait = match self.rates {
                Rates::Scale => 0,
                Rates::Speed => gait_of(lane),
            };
            let row = &mut out[gait * support.len()..][..support.len()];
            for (sum, cell) in row.iter_mut().zip(&cells[support.clone()]) {
                *sum += cell;
            }
        }
    }

    /// Number of gaits that scans are scored for.
    pub(super) fn gaits(&self) -> usize {
        match self.rates {
            Rates::Scale => 1,
            Rates::Speed => GAITS.len(),
        }
    }

    /// What is thought of the car at the places of [`window`](Self::window): nothing while it is searched for.
    pub(super) fn prior(&self) -> Prior<'_> {
        if self.is_search() {
            return Prior::default();
        }
        Prior {
            places: &self.marginal[self.row.support()],
            gait: match self.rates {
                Rates::Scale => 0,
                Rates::Speed => gait_of(libm::round(self.moments.rate.max(0.0)) as usize),
            },
        }
    }

    /// Metres driven from a time and the filter's place then to `time` at a gait, or, for `None`, on average.
    pub(super) fn moved_m(
        &self,
        gait: Option<usize>,
        (then, track_m): (Time, f64),
        time: Time,
        track: &AlongTrack,
    ) -> f64 {
        match self.rates {
            Rates::Scale => (track.offset_m() - track_m) * (1.0 + self.moments.rate),
            Rates::Speed => {
                let speed_mps = gait.map_or(self.moments.rate, |gait| GAITS[gait].1);
                speed_mps * time.seconds_since(then)
            }
        }
    }

    /// Weighs the places of [`window`](Self::window) by their likelihoods, gait after gait. Returns the logarithm of the evidence and
    /// writes to `after` what the places are then, or returns `None` when the scan fits nowhere and is left out.
    pub(super) fn weigh(
        &mut self,
        likelihood: &[f32],
        after: &mut Vec<f32>,
        by_gait: &mut Vec<f32>,
    ) -> Option<f64> {
        let (places, rates) = (self.row.support(), self.rates);
        let evidence = self.row.weigh(|lane| {
            let gait = match rates {
                Rates::Scale => 0,
                Rates::Speed => gait_of(lane),
            };
            &likelihood[gait * places.len()..][..places.len()]
        })?;
        self.by_gait(&places, by_gait);
        self.row.marginal(&mut self.marginal);
        after.clear();
        after.reserve(self.row.points());
        after.extend_from_slice(&self.marginal[places]);
        let grid = self.grid();
        self.fit_grid();
        if self.grid() != grid {
            self.row.marginal(&mut self.marginal);
        }
        self.spread = Spread::of(&self.marginal);
        Some(evidence)
    }

    /// The median place at the time of `track`, the half-widths about it, and the speed.
    pub(super) fn spot(&self, track: &AlongTrack, model: &DriftModel) -> Spot {
        let dt_s = track.time.seconds_since(self.time).max(0.0);
        let speed_mps = self.speed_mps(track);
        let (moved_m, sigma_m, growth) = match self.rates {
            Rates::Speed => {
                let sigma_mps = self.moments.rate_var.sqrt();
                let unsure = (sigma_mps / self.moments.rate.max(0.1)).min(1.0);
                let growth = (
                    1.0 + UNSURE_SPEED_GROWTH.0 * unsure,
                    1.0 + UNSURE_SPEED_GROWTH.1 * unsure,
                );
                let sigma_m = libm::hypot(sigma_mps * dt_s, model.free_var_m2(dt_s).sqrt());
                (self.moments.rate * dt_s, sigma_m, growth)
            }
            Rates::Scale => {
                let moved_m = (track.offset_m() - self.track_offset_m) * (1.0 + self.moments.rate);
                let growth = 1.0 + CRAWLING_GROWTH * (1.0 - speed_mps / CRAWLING_MPS).clamp(0.0, 1.0);
                let sigma_m = (0.09 * dt_s + model.wheelless_var_m2(track)).sqrt();
                (moved_m, sigma_m, (growth, growth))
            }
        };
        let widen = |half: f64, z: f64| libm::hypot(half * self.row.step_m(), z * sigma_m);
        Spot {
            offset_m: self.row.base_m() + self.spread.median * self.row.step_m() + moved_m,
            half68_m: growth.0 * widen(self.spread.half68, 0.994),
            half95_m: growth.1 * widen(self.spread.half95, 1.96),
            caution: match self.rates {
                Rates::Speed => 1.0,
                Rates::Scale => WHEEL_CAUTION,
            },
            speed_mps,
        }
    }

    /// The filter's state with its place, and its speed or scale, as the belief has them; what goes with those in the
    /// filter follows.
    pub(super) fn settled(&self, track: &AlongTrack, model: &DriftModel) -> AlongTrack {
        let m = &self.moments;
        let spot = self.spot(track, model);
        let (index, rate, rate_var, covariance) = match self.rates {
            Rates::Speed => (state::SPEED, m.rate, m.rate_var, m.covariance),
            Rates::Scale => {
                let scale = track.scale();
                (
                    state::SCALE,
                    scale / (1.0 + m.rate),
                    m.rate_var * scale * scale,
                    -m.covariance * scale,
                )
            }
        };
        let position_var = libm::pow(spot.half95_m / 1.96, 2.0).max(0.25);
        let rate_var = rate_var.max(if index == state::SPEED { 0.04 } else { 1e-6 });
        let limit = 0.99 * (position_var * rate_var).sqrt();
        let covariance = covariance.clamp(-limit, limit);
        let mean = Vector2::new(spot.offset_m, rate);
        let covariance = Matrix2::new(position_var, covariance, covariance, rate_var);
        let state = track
            .state
            .with_marginal([state::OFFSET, index], &mean, &covariance);
        AlongTrack {
            state: state.unwrap_or(track.state),
            ..*track
        }
    }

    /// Offsets along the route between which the car is, but for a ten-thousandth.
    pub(super) fn reach(&self) -> (f64, f64) {
        let at = |index| self.row.base_m() + index * self.row.step_m();
        (at(self.spread.low), at(self.spread.high))
    }

    /// Whether this is a belief that can have come from the functions here, at an offset of at most `most_m`: for one read
    /// from bytes.
    pub(super) fn is_sound(&self, most_m: f64) -> bool {
        let Self {
            row,
            rates,
            time,
            track_offset_m,
            track_speed_mps,
            entry_mps,
            started: (since, anchor),
            queued,
            marginal,
            moments,
            spread,
            changes: _,
        } = self;
        let least_rate = match rates {
            Rates::Speed => 0.0,
            Rates::Scale => -0.5,
        };
        let numbers = [
            *track_offset_m,
            *track_speed_mps,
            *entry_mps,
            moments.position_m,
            moments.rate,
            anchor.position_m,
            anchor.rate,
            row.base_m(),
        ];
        row.is_sound()
            && row.rates().len() == rates.lanes()
            && row.points() % POINTS == 0
            && (POINTS..=MOST_SEARCH_POINTS).contains(&row.points())
            && (0.5 * rates.least_step_m()..=MOST_STEP_M).contains(&row.step_m())
            && row
                .rates()
                .iter()
                .chain([&moments.rate])
                .all(|rate| (least_rate..=SPEED_LANES as f64).contains(rate))
            && numbers.iter().all(|v| v.abs() <= most_m)
            && [moments.position_var, moments.rate_var]
                .iter()
                .all(|v| (0.0..=most_m * most_m).contains(v))
            && moments.covariance.abs() <= most_m * most_m
            && (0.0..=LONGEST_AWAY_S).contains(&time.seconds_since(*since))
            && [anchor.position_var, anchor.rate_var]
                .iter()
                .all(|v| (0.0..f64::INFINITY).contains(v))
            && anchor.covariance.is_finite()
            && queued.is_sound()
            && marginal.len() == row.points()
            && marginal.iter().all(|p| (0.0..=2.0).contains(p))
            && *spread == Spread::of(marginal)
    }

    /// Brings moments and marginal up to date, and the grid to where and how wide the belief is.
    fn refresh(&mut self) {
        self.fit_grid();
        self.row.marginal(&mut self.marginal);
        self.spread = Spread::of(&self.marginal);
    }

    /// Brings the moments up to date, and the grid to where and how wide the belief is.
    fn fit_grid(&mut self) {
        self.moments = self.row.moments();
        if self.is_search() {
            return;
        }
        let sigma = self.moments.position_var.sqrt();
        self.row.recentre(self.moments.position_m);
        let step = self.row.step_m();
        if sigma > 0.07 * POINTS as f64 * step && step < MOST_STEP_M {
            self.row.rescale(true);
        } else if sigma < 0.016 * POINTS as f64 * step && step > self.rates.least_step_m() {
            self.row.rescale(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::MotionModel;

    #[test]
    fn without_its_scans_a_belief_is_as_if_none_had_been_heard() {
        let (model, motion) = (DriftModel::default(), MotionModel::default());
        let track = AlongTrack::start(Time::default(), 0.0, 3.0, 20.0, 0.5, &motion).unwrap();
        let mut deaf = Belief::start(&track, 0.0, false, None);
        let mut misled = deaf.clone();
        let mut room = Vec::new();
        for second in 1..=20 {
            let track = track.predict(Time::from_millis(1000 * second), &motion);
            deaf.advance(&track, &model, |_| Pace::ByLimits(1.0));
            misled.advance(&track, &model, |_| Pace::ByLimits(1.0));
            let places = misled.window().points;
            let standing: Vec<f32> = (0..places * misled.gaits())
                .map(|at| if at < places { 1.0 } else { 1e-4 })
                .collect();
            misled.weigh(&standing, &mut room, &mut Vec::new());
        }
        let track = track.predict(Time::from_millis(20_000), &motion);
        assert!(misled.moments().rate < 2.0 && deaf.moments().rate > 15.0);
        let undone = misled.without_scans(&track, &model, |_| Pace::ByLimits(1.0));
        let (undone, deaf) = (undone.moments(), deaf.moments());
        assert!((undone.position_m - deaf.position_m).abs() < 0.5);
        assert!((undone.rate - deaf.rate).abs() < 0.05);
        let wider = undone.position_var / deaf.position_var;
        assert!((0.95..1.05).contains(&wider), "{wider}");
    }

    #[test]
    fn a_belief_that_was_started_at_no_place_or_later_than_now_is_not_sound() {
        let motion = MotionModel::default();
        let track = AlongTrack::start(Time::default(), 0.0, 3.0, 20.0, 0.5, &motion).unwrap();
        let belief = Belief::start(&track, 0.0, false, None);
        assert!(belief.is_sound(1e6));
        let (since, anchor) = belief.started;
        let unsound = |started: (Time, Moments)| {
            let belief = Belief {
                started,
                ..belief.clone()
            };
            !belief.is_sound(1e6)
        };
        let nowhere = Moments {
            position_var: f64::NAN,
            ..anchor
        };
        assert!(unsound((since, nowhere)));
        assert!(unsound((since.plus_seconds(1.0), anchor)));
    }
}
