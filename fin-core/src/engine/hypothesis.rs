//! One way that the car may have gone: a route through the graph, the filter along it, and its probability.

use serde::{Deserialize, Serialize};

use super::belief::{Belief, Spot};
use super::drift::DriftModel;
use super::misled::Credit;
use super::pace::Entry;
use super::reckoning::Reckoning;
use crate::estimate::{AlongTrack, Gaussian, state};
use crate::fingerprint::FingerprintDb;
use crate::fingerprint::matcher::{EarlierReading, Lasting, Leg, LevelOffset, Room, ScanScore, Shifts};
use crate::frame::bearing_difference_deg;
use crate::network::{EdgePosition, RoadNetwork};
use crate::observation::{CellReading, GnssFix};
use crate::time::Time;

/// Half the width of a carriageway and what its centre line is off, metres.
const ROAD_SIGMA_M: f64 = 4.0;
/// Standard deviation of the course of a fix about the road's bearing, degrees.
const COURSE_SIGMA_DEG: f64 = 12.0;
/// Standard deviation of the speed of a fix, m/s.
const GNSS_SPEED_SIGMA_MPS: f64 = 0.5;
/// The same where the fix states no accuracy: logs that keep none have stale speeds and coarse time stamps too.
const PLAIN_SPEED_SIGMA_MPS: f64 = 1.0;
/// Speed from which the course of a fix means something, m/s.
const COURSE_SPEED_MPS: f64 = 3.0;
/// Speed from which a car that stood has started, m/s, and the most starts that are told apart.
const STARTED_MPS: f64 = 0.4;
const MOST_STARTS: u32 = 1000;
/// Edges that a route has room for at first.
const USUAL_LEGS: usize = 32;
/// Cost of a fix beyond which it tells no more against a hypothesis than that it is wrong.
const MOST_FIX_COST: f64 = 20.0;

/// The farthest that a drive gets, metres, and the fastest, m/s: what goes beyond comes from damaged bytes.
pub(super) const MOST_OFFSET_M: f64 = 1e8;
pub(super) const MOST_SPEED_MPS: f64 = 300.0;
/// Earlier readings that a state may hold.
const MOST_EARLIER: usize = 1 << 12;
/// Route that may have to be laid on at a stroke, metres.
const MOST_BEYOND_M: f64 = 2e4;

/// A route with a position on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Hypothesis {
    /// The edges of the route, end to end.
    pub legs: Vec<Leg>,
    /// The filter along the route.
    pub track: AlongTrack,
    /// Places while GNSS is away and scans tell something.
    pub belief: Option<Belief>,
    /// The phone's level offset on this route.
    pub level_offset: LevelOffset,
    /// The cells that have become weaker or stronger.
    pub shifts: Shifts,
    /// Logarithm of the unnormalised probability.
    pub log_weight: f64,
    /// Route offset of the last fix that was taken.
    pub fixed_at_m: Option<f64>,
    /// How the car and others drove there.
    pub entry: Entry,
    /// Route offset up to which fixes or wheel speed told of the car.
    pub told_to_m: f64,
    /// When the car was first searched for along the route.
    pub sought_since: Option<Time>,
    /// Time and route offset of the last scan that counted.
    pub last_scan: Option<(Time, f64)>,
    /// What its scans may still cost where little fits.
    pub credit: Credit,
    /// The latest level of each cell heard lately while GNSS was away.
    pub earlier: Vec<EarlierReading>,
    /// What lasts of their differences, and the time and the filter's place at the last scan that told of it.
    pub lasting: Lasting,
    pub lasting_from: Option<(Time, f64)>,
    /// Variance of the place that the filter does not know of, m²: what wheel speed has left open since the last fix.
    pub drift_var_m2: f64,
    /// Starts from standstill since then that count in it.
    pub starts: u32,
}

/// How a fix lies to a hypothesis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FixFit {
    /// Offset of the fix along the route, metres.
    pub offset_m: f64,
    /// Distance of the fix from the road, metres.
    pub cross_m: f64,
    /// Squared Mahalanobis distance of the fix, along and across and in course.
    pub nis: f64,
}

impl Hypothesis {
    /// A hypothesis on one edge.
    pub(super) fn new(
        network: &RoadNetwork,
        at: EdgePosition,
        track: AlongTrack,
        level_offset: LevelOffset,
        log_weight: f64,
    ) -> Self {
        let mut legs = Vec::with_capacity(USUAL_LEGS);
        legs.push(Leg {
            edge: at.edge,
            start_m: 0.0,
            length_m: network.edge(at.edge).length_m,
        });
        let fixed_at_m = Some(track.offset_m());
        Self {
            legs,
            track,
            belief: None,
            level_offset,
            shifts: Shifts::unknown(),
            log_weight,
            fixed_at_m,
            entry: Entry::at(track.speed_mps()),
            told_to_m: track.offset_m(),
            sought_since: None,
            last_scan: None,
            credit: Credit::default(),
            earlier: Vec::new(),
            lasting: Lasting::default(),
            lasting_from: None,
            drift_var_m2: 0.0,
            starts: 0,
        }
    }

    /// Whether this is a hypothesis that driving on `network` can have led to: for one read from bytes.
    pub(super) fn is_sound(&self, network: &RoadNetwork) -> bool {
        let Self {
            legs,
            track,
            belief,
            level_offset,
            shifts,
            log_weight,
            fixed_at_m,
            entry,
            told_to_m,
            sought_since: _,
            last_scan,
            credit,
            earlier,
            lasting,
            lasting_from,
            drift_var_m2,
            starts,
        } = self;
        let AlongTrack {
            time: _,
            state: Gaussian { mean, covariance },
            last_wheel: _,
        } = track;
        let is_offset = |m: f64| m.abs() <= MOST_OFFSET_M;
        let leg_is_sound = |leg: &Leg| {
            (leg.edge.0 as usize) < network.edge_count()
                && leg.length_m == network.edge(leg.edge).length_m
                && is_offset(leg.start_m)
        };
        let follows = |pair: &[Leg]| {
            pair[1].start_m == pair[0].start_m + pair[0].length_m
                && network.successors(pair[0].edge).contains(&pair[1].edge)
        };
        !legs.is_empty()
            && legs.iter().all(leg_is_sound)
            && legs.windows(2).all(follows)
            && is_offset(mean[state::OFFSET])
            && mean[state::SPEED].abs() <= MOST_SPEED_MPS
            && mean[state::ACCELERATION].abs() <= MOST_SPEED_MPS
            && (0.1..=10.0).contains(&mean[state::SCALE])
            && mean[state::LATENCY].abs() <= 60.0
            && covariance
                .iter()
                .all(|v| v.abs() <= MOST_OFFSET_M * MOST_OFFSET_M)
            && covariance.diagonal().iter().all(|&v| v >= 0.0)
            && belief
                .as_ref()
                .is_none_or(|belief| belief.is_sound(MOST_OFFSET_M))
            && earlier.len() <= MOST_EARLIER
            && earlier
                .iter()
                .all(|reading| reading.rsrp_dbm.abs() <= 1e3 && is_offset(reading.track_m))
            && lasting.is_sound()
            && lasting_from.is_none_or(|(_, m)| is_offset(m))
            && (0.0..=MOST_OFFSET_M).contains(drift_var_m2)
            && *starts <= MOST_STARTS
            && level_offset.is_sound()
            && shifts.is_sound()
            && entry.is_sound()
            && is_offset(*told_to_m)
            && credit.is_sound()
            && log_weight.abs() <= 1e6
            && fixed_at_m.is_none_or(is_offset)
            && last_scan.is_none_or(|(_, m)| is_offset(m))
            && (self.needed_m() - self.end_m() <= MOST_BEYOND_M || !self.has_way_on(network))
    }

    /// Whether the car is searched for along a whole tunnel, so that there is no answer yet.
    pub(super) fn is_search(&self) -> bool {
        self.belief.as_ref().is_some_and(Belief::is_search)
    }

    /// Where the car is on the route at the filter's time.
    pub(super) fn spot(&self, drift: &DriftModel) -> Spot {
        self.spot_ahead(&self.track, drift)
    }

    /// Where the car is on the route at the time of `track`, the filter's prediction.
    pub(super) fn spot_ahead(&self, track: &AlongTrack, drift: &DriftModel) -> Spot {
        match &self.belief {
            Some(belief) => belief.spot(track, drift),
            None => self.spot_by_filter(track),
        }
    }

    /// Where the car is on the route as the filter's prediction `track` has it.
    pub(super) fn spot_by_filter(&self, track: &AlongTrack) -> Spot {
        let sigma_m = libm::hypot(track.offset_sigma_m(), self.drift_var_m2.sqrt());
        Spot {
            offset_m: track.offset_m(),
            half68_m: 0.994 * sigma_m,
            half95_m: 1.96 * sigma_m,
            caution: 1.0,
            speed_mps: track.speed_mps(),
        }
    }

    /// How `fix` lies to this hypothesis, which has the car at `spot`. `lag_s` is the age of the fix, `sigma_m` its
    /// standard deviation along the road.
    pub(super) fn fit(
        &self,
        network: &RoadNetwork,
        spot: &Spot,
        fix: &GnssFix,
        (lag_s, sigma_m): (f64, f64),
    ) -> Option<FixFit> {
        let moved_m = lag_s * spot.speed_mps;
        let spot_sigma_m = spot.half95_m / 1.96;
        let reach_m = 5.0 * libm::hypot(spot_sigma_m, sigma_m) + 50.0;
        let (low, high) = (spot.offset_m - reach_m, spot.offset_m + reach_m);
        let across_var = sigma_m * sigma_m + ROAD_SIGMA_M * ROAD_SIGMA_M;
        let along_var = spot_sigma_m * spot_sigma_m + sigma_m * sigma_m;
        let mut best: Option<FixFit> = None;
        for leg in self
            .legs
            .iter()
            .filter(|leg| leg.start_m <= high && leg.end_m() >= low)
        {
            let projection = network.project(leg.edge, fix.position);
            let offset_m = leg.start_m + projection.offset_m + moved_m;
            let mut nis =
                projection.distance_m.powi(2) / across_var + (offset_m - spot.offset_m).powi(2) / along_var;
            if let (Some(course), Some(speed)) = (fix.bearing_deg, fix.speed_mps)
                && speed > COURSE_SPEED_MPS
            {
                let off = bearing_difference_deg(course, projection.bearing_deg) / COURSE_SIGMA_DEG;
                nis += (off * off).min(MOST_FIX_COST);
            }
            if best.is_none_or(|fit| nis < fit.nis) {
                best = Some(FixFit {
                    offset_m,
                    cross_m: projection.distance_m,
                    nis,
                });
            }
        }
        best
    }

    /// Takes a trusted fix: the belief, if any, goes back into the filter, and the filter takes the fix.
    pub(super) fn take_fix(
        &mut self,
        db: &FingerprintDb,
        fix: &GnssFix,
        fit: &FixFit,
        sigma_m: f64,
        drift: &DriftModel,
        work: &mut Workspace,
    ) {
        if let Some(belief) = self.belief.take() {
            self.track = belief.settled(&self.track, drift);
            work.belief = Some(belief);
        }
        self.drift_var_m2 = 0.0;
        self.starts = 0;
        self.credit = Credit::default();
        self.earlier.clear();
        self.lasting.clear(&mut work.lasting);
        self.lasting_from = None;
        self.track = self.track.update_position(fit.offset_m, sigma_m, None).track;
        if let Some(speed_mps) = fix.speed_mps {
            let speed_sigma_mps = if fix.accuracy_m.is_some() {
                GNSS_SPEED_SIGMA_MPS
            } else {
                PLAIN_SPEED_SIGMA_MPS
            };
            self.track = self
                .track
                .update_gnss_speed(speed_mps, speed_sigma_mps, None)
                .track;
        }
        self.log_weight -= 0.5 * fit.nis.min(MOST_FIX_COST);
        self.fixed_at_m = Some(fit.offset_m);
        self.told_to_m = fit.offset_m;
        self.entry = self.entry(db, fit.offset_m, self.track.speed_mps());
    }

    /// Follows a wheel speed while GNSS is away: `track` is the filter with it, `dt_s` the time since the one before.
    pub(super) fn follow_wheel(&mut self, track: AlongTrack, dt_s: f64, drift: &DriftModel) {
        if self.belief.is_none() {
            let moved_m = dt_s * track.speed_mps();
            let change_mps = track.speed_mps() - self.track.speed_mps();
            self.drift_var_m2 += drift.wheel_var_m2(dt_s, moved_m, change_mps);
            if self.track.speed_mps() < STARTED_MPS && track.speed_mps() >= STARTED_MPS {
                self.drift_var_m2 += drift.start_var_m2(self.starts);
                self.starts = (self.starts + 1).min(MOST_STARTS);
            }
        }
        self.told_to_m = track.offset_m();
        self.track = track;
    }

    /// Has the hypothesis know that wheel speed was away up to the filter's time, so that the next one does not make it sure
    /// of what was driven meanwhile.
    pub(super) fn doubt_distance(&mut self, by: &Reckoning<'_>) {
        self.drift_var_m2 += self.stop_var_m2(by);
        self.belief = self.belief.take().map(|belief| self.followed(belief, false, by));
    }

    /// A belief at the filter's time, with wheel speed or without.
    pub(super) fn followed(&self, mut belief: Belief, wheel: bool, by: &Reckoning<'_>) -> Belief {
        belief.advance(&self.track, by.drift, |offset_m| self.pace(by.db, offset_m));
        belief.with_rates(&self.track, wheel, by.drift)
    }
}

/// Room that steps work in, kept so that they do not allocate.
#[derive(Clone, Debug, Default)]
pub(super) struct Workspace {
    pub score: ScanScore,
    /// How likely the places that a scan was held against are.
    pub likelihood: Vec<f32>,
    /// How likely those are at each gait.
    pub by_gait: Vec<f32>,
    /// Room for what lasts of differences.
    pub lasting: Room,
    /// How a fix lies to each hypothesis.
    pub fits: Vec<Option<FixFit>>,
    /// Hypotheses with their numbers while they are sorted out.
    pub ranked: Vec<(usize, Hypothesis)>,
    /// The readings of the scan before the last.
    pub readings: Vec<CellReading>,
    /// A belief that has ended.
    pub belief: Option<Belief>,
}
