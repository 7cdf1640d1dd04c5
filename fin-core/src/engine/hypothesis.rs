//! One way that the car may have gone: a route through the graph, the filter along it, and its probability.

use serde::{Deserialize, Serialize};

use super::belief::{Belief, Spot};
use super::drift::DriftModel;
use super::misled::Credit;
use super::pace::Entry;
use super::radio_clock::{LAGS, RadioClock};
use super::reckoning::Reckoning;
use crate::estimate::{AlongTrack, Gaussian, state};
use crate::fingerprint::FingerprintDb;
use crate::fingerprint::matcher::{
    EarlierReading, Gaits, History, Lasting, Leg, LevelOffset, Places, Prior, RadioModel, Room, ScanScore,
    Shifts, Window,
};
use crate::frame::bearing_difference_deg;
use crate::network::{EdgeId, EdgePosition, RoadNetwork, TunnelId};
use crate::observation::{CellReading, CellScan, GnssFix};
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
/// Route that is kept behind the car, metres.
const KEPT_BEHIND_M: f64 = 300.0;
/// Edges that a route has room for at first.
const USUAL_LEGS: usize = 32;
/// Cost of a fix beyond which it tells no more against a hypothesis than that it is wrong.
const MOST_FIX_COST: f64 = 20.0;

/// Speed from which it can be told when a scan was heard, m/s, and how well the place has to be known, metres.
const TIMING_SPEED_MPS: f64 = 6.0;
const SURE_PLACE_M: f64 = 8.0;
/// A scan on its own.
const NO_HISTORY: History<'static, fn(Option<usize>, &EarlierReading) -> f64> = History {
    earlier: &[],
    lasting: None,
    since_scan_m: 0.0,
    gaits: 1,
    silence_s: 0.0,
    trust: 1.0,
    searching: false,
    shifts: Shifts::none(),
    prior: Prior { places: &[], gait: 0 },
    moved_m: |_, _| 0.0,
};
/// Least time that the car is searched for, seconds: a few scans alone are too sure of themselves.
const LEAST_SEARCH_S: f64 = 12.0;

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
    last_scan: Option<(Time, f64)>,
    /// What its scans may still cost where little fits.
    pub credit: Credit,
    /// The latest level of each cell heard lately while GNSS was away.
    pub earlier: Vec<EarlierReading>,
    /// What lasts of their differences, and the time and the filter's place at the last scan that told of it.
    pub lasting: Lasting,
    pub lasting_from: Option<(Time, f64)>,
    /// Variance of the place that the filter does not know of, m²: what wheel speed has left open since the last fix.
    drift_var_m2: f64,
    /// Starts from standstill since then that count in it.
    pub(super) starts: u32,
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

/// A cell scan as the engine hands it on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard<'a> {
    /// The scan, without what cannot be used.
    pub scan: &'a CellScan,
    /// Its age, seconds.
    pub lag_s: f64,
    /// Share of its evidence that counts between hypotheses.
    pub news: f64,
    /// Share of its evidence that counts at all.
    pub trust: f64,
    /// Whether so few of the last readings fitted the surveys that those may have by chance.
    pub doubted: bool,
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

    /// The edge position at a route offset, held to the ends of the route.
    pub(super) fn locate(&self, offset_m: f64) -> EdgePosition {
        let index = self
            .legs
            .partition_point(|leg| leg.start_m <= offset_m)
            .saturating_sub(1);
        let leg = &self.legs[index];
        EdgePosition {
            edge: leg.edge,
            offset_m: (offset_m - leg.start_m).clamp(0.0, leg.length_m),
        }
    }

    /// The offset of the end of the route, metres.
    pub(super) fn end_m(&self) -> f64 {
        self.legs.last().map_or(0.0, |leg| leg.start_m + leg.length_m)
    }

    /// The offset up to which the route has to be known now.
    fn needed_m(&self) -> f64 {
        let ahead = 1.5 * self.track.speed_mps().max(0.0) + 15.0;
        match &self.belief {
            Some(belief) => belief.reach().1 + ahead,
            None => self.track.offset_m() + 3.5 * self.track.offset_sigma_m().min(300.0) + ahead,
        }
    }

    /// Lays the route on as far as it has to be known, or up to the first fork.
    pub(super) fn lay_on(&mut self, network: &RoadNetwork) {
        let needed_m = self.needed_m();
        while self.end_m() < needed_m {
            let last = self.legs.last().map(|leg| leg.edge);
            let mut ways = last.into_iter().flat_map(|last| ways_on(network, last));
            match (ways.next(), ways.next()) {
                (Some(edge), None) => self.push_leg(network, edge),
                _ => return,
            }
        }
    }

    fn push_leg(&mut self, network: &RoadNetwork, edge: EdgeId) {
        self.legs.push(Leg {
            edge,
            start_m: self.end_m(),
            length_m: network.edge(edge).length_m,
        });
    }

    /// Whether the route has to be laid on.
    pub(super) fn needs_route(&self, network: &RoadNetwork) -> bool {
        self.end_m() < self.needed_m() && self.has_way_on(network)
    }

    fn has_way_on(&self, network: &RoadNetwork) -> bool {
        self.legs
            .last()
            .is_some_and(|leg| ways_on(network, leg.edge).next().is_some())
    }

    /// The hypotheses that this one becomes when its route is laid on as far as it has to be known: one for each way
    /// on at every fork. Rows carry over: each branch starts with the whole row, so that the branches differ only by
    /// what is seen from then on. `most` bounds their number.
    pub(super) fn extended(self, network: &RoadNetwork, most: usize) -> Vec<Hypothesis> {
        let needed_m = self.needed_m();
        let mut done = Vec::new();
        let mut open = vec![self];
        while let Some(mut hypothesis) = open.pop() {
            let last = hypothesis.legs.last().map(|leg| leg.edge);
            let ways_on: Vec<EdgeId> = last.map_or(Vec::new(), |edge| ways_on(network, edge).collect());
            let crowded = ways_on.len() > 1 && done.len() + open.len() + ways_on.len() > most;
            if hypothesis.end_m() >= needed_m || ways_on.is_empty() || crowded {
                done.push(hypothesis);
                continue;
            }
            let share = libm::log(ways_on.len() as f64);
            hypothesis.log_weight -= share;
            for &edge in ways_on[1..].iter().rev() {
                let mut branch = hypothesis.clone();
                branch.push_leg(network, edge);
                open.push(branch);
            }
            hypothesis.push_leg(network, ways_on[0]);
            open.push(hypothesis);
        }
        done
    }

    /// Forgets the route that lies well behind.
    pub(super) fn forget_behind(&mut self) {
        let low = self
            .belief
            .as_ref()
            .map_or(self.track.offset_m(), |belief| belief.reach().0)
            - KEPT_BEHIND_M;
        let keep_from = self.legs.partition_point(|leg| leg.start_m + leg.length_m < low);
        let keep_from = keep_from.min(self.legs.len().saturating_sub(1));
        self.legs.drain(..keep_from);
    }

    /// Whether the car is on the same roads as in `other` now and from here on, so that only the past differs.
    pub(super) fn has_same_future(&self, other: &Hypothesis, drift: &DriftModel) -> bool {
        let ahead = |h: &Hypothesis| {
            let low = h
                .belief
                .as_ref()
                .map_or(h.track.offset_m() - 3.5 * h.track.offset_sigma_m(), |b| {
                    b.reach().0
                });
            let first = h.legs.partition_point(|leg| leg.start_m + leg.length_m < low);
            (first.min(h.legs.len() - 1), h.spot(drift).offset_m)
        };
        let ((mine, my_m), (theirs, their_m)) = (ahead(self), ahead(other));
        let apart = (my_m - self.legs[mine].start_m) - (their_m - other.legs[theirs].start_m);
        let my_edges = self.legs[mine..].iter().map(|leg| leg.edge);
        let their_edges = other.legs[theirs..].iter().map(|leg| leg.edge);
        apart.abs() < 15.0 && my_edges.eq(their_edges)
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
            .filter(|leg| leg.start_m <= high && leg.start_m + leg.length_m >= low)
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
        if let Some(mut belief) = self.belief.take() {
            belief.advance(&self.track, by.drift, |offset_m| self.pace(by.db, offset_m));
            self.belief = Some(belief.with_rates(&self.track, false, by.drift));
        }
    }

    /// Takes a cell scan while GNSS is away, at the filter's time. Returns the number
    /// of its readings that the database knows hereabouts.
    pub(super) fn take_scan(
        &mut self,
        heard: &Heard<'_>,
        wheel: bool,
        radio: &RadioModel,
        by: &Reckoning<'_>,
        work: &mut Workspace,
    ) -> usize {
        let (db, drift) = (by.db, by.drift);
        let Heard {
            scan,
            lag_s,
            news,
            trust,
            doubted,
        } = *heard;
        let dt_s = self
            .last_scan
            .map_or(1.0, |(time, _)| scan.time.seconds_since(time));
        self.level_offset = self.level_offset.drifted(dt_s, radio);
        let mut belief = match self.belief.take() {
            Some(mut belief) => {
                belief.advance(&self.track, drift, |offset_m| self.pace(db, offset_m));
                belief.with_rates(&self.track, wheel, drift)
            }
            None => {
                let drift_var_m2 = self.drift_var_m2 + self.stop_var_m2(by);
                Belief::start(&self.track, drift_var_m2, wheel, work.belief.take())
            }
        };
        let lag_m = belief.speed_mps(&self.track) * lag_s;
        let at_scan = |window: Window| Window {
            base_m: window.base_m - lag_m,
            ..window
        };
        let track = self.track;
        // Where no fix ever came none can be missed.
        let silence_s = self.fixed_at_m.map_or(0.0, |_| dt_s.clamp(0.0, 10.0));
        let window = at_scan(belief.window());
        let here = (scan.time, track.offset_m());
        let before = self.lasting_from.replace(here).unwrap_or(here);
        self.carry_lasting(&belief, window, (before, scan.time), radio, &mut work.lasting);
        let history = History {
            earlier: &self.earlier,
            lasting: Some(&self.lasting),
            since_scan_m: belief.moved_m(None, before, scan.time, &track),
            gaits: belief.gaits(),
            silence_s,
            trust,
            searching: belief.is_search(),
            shifts: &self.shifts,
            prior: belief.prior(),
            moved_m: |gait, earlier: &EarlierReading| {
                belief.moved_m(gait, (earlier.time, earlier.track_m), scan.time, &track)
            },
        };
        let places = Places {
            db,
            legs: &self.legs,
            window,
            around: at_scan(belief.grid()),
        };
        work.score.score(places, scan, self.level_offset, &history, radio);
        work.score.remember(&mut self.lasting, &mut work.lasting);
        let known = work.score.known;
        let place_m = belief.moments().position_m;
        let share = self.last_scan.map_or(0.5, |(_, before_m)| {
            radio.news(belief.sureness() * (place_m - before_m), dt_s)
        });
        work.by_gait.clear();
        if let Some(evidence) = belief.weigh(&work.score.likelihood, &mut work.likelihood, &mut work.by_gait)
        {
            self.log_weight += news * evidence;
            let levels = (&mut self.level_offset, &mut self.shifts);
            work.score.teach(levels, &work.likelihood, trust * share, radio);
            if doubted && known > 0 {
                belief = self.unless_misled((belief, evidence), db, drift, &mut work.lasting);
            }
            self.last_scan = Some((scan.time, belief.moments().position_m));
        }
        if known > 0 {
            self.remember(scan.time, &work.score, radio);
            let patient = |since: Time| scan.time.seconds_since(since) >= LEAST_SEARCH_S;
            if self.sought_since.is_some_and(patient) {
                belief.narrow();
            }
        }
        let earlier = &self.earlier;
        let is_kept = |cell| earlier.iter().any(|earlier| earlier.cell == cell);
        self.lasting.settle(&work.by_gait, is_kept, &mut work.lasting);
        self.belief = Some(belief);
        known
    }

    /// Has what lasts of differences go on from `before`, a time and the filter's place then, to a scan at `time` that is heard at the
    /// places of `window`.
    fn carry_lasting(
        &mut self,
        belief: &Belief,
        window: Window,
        (before, time): ((Time, f64), Time),
        radio: &RadioModel,
        room: &mut Room,
    ) {
        let moved_m = belief.moved_at_gaits_m(before, time, &self.track);
        let gaits = Gaits {
            moved_m: &moved_m[..belief.gaits()],
            changes: belief.changes(),
        };
        let (offset, shifts) = (self.level_offset, &self.shifts);
        let offset_db = |cell| offset.mean_db + shifts.of(cell, radio).mean_db;
        let places = (window, belief.grid().points);
        self.lasting.carry(places, &gaits, radio, offset_db, room);
    }

    /// Keeps the levels of a scan for the next ones, and forgets old ones.
    fn remember(&mut self, time: Time, score: &ScanScore, radio: &RadioModel) {
        let heard = &score.heard;
        self.earlier.retain(|earlier| {
            time.seconds_since(earlier.time) < radio.memory_s
                && heard.iter().all(|level| level.cell != earlier.cell)
        });
        let track_m = self.track.offset_m();
        let readings = heard.iter().map(|level| EarlierReading {
            cell: level.cell,
            rsrp_dbm: level.rsrp_dbm,
            time,
            track_m,
        });
        self.earlier.extend(readings);
    }

    /// Learns the phone's level offset from a scan at a place that GNSS knows. Returns the number of its readings that the
    /// database knows there.
    pub(super) fn learn_offset(
        &mut self,
        db: &FingerprintDb,
        heard: &Heard<'_>,
        radio: &RadioModel,
        work: &mut Workspace,
    ) -> usize {
        let Heard { scan, lag_s, .. } = *heard;
        let dt_s = self
            .last_scan
            .map_or(1.0, |(time, _)| scan.time.seconds_since(time));
        self.level_offset = self.level_offset.drifted(dt_s, radio);
        let sigma_m = self.track.offset_sigma_m().clamp(3.0, 30.0);
        let offset_m = self.track.offset_m() - lag_s * self.track.speed_mps();
        let points = 7;
        let step_m = sigma_m * 2.0 / 3.0;
        let window = Window {
            base_m: offset_m - 3.0 * step_m,
            step_m,
            points,
        };
        let places = Places {
            db,
            legs: &self.legs,
            window,
            around: window,
        };
        work.score
            .score(places, scan, self.level_offset, &NO_HISTORY, radio);
        if work.score.known == 0 {
            return 0;
        }
        let share = self
            .last_scan
            .map_or(0.5, |(_, before_m)| radio.news(offset_m - before_m, dt_s));
        work.likelihood.clear();
        work.likelihood.extend((0..points).map(|j| {
            let off = (j as f64 - 3.0) * step_m / sigma_m;
            libm::expf((-0.5 * off * off) as f32)
        }));
        let total: f32 = work.likelihood.iter().sum();
        work.likelihood.iter_mut().for_each(|p| *p /= total);
        let levels = (&mut self.level_offset, &mut self.shifts);
        work.score.teach(levels, &work.likelihood, share, radio);
        self.last_scan = Some((scan.time, offset_m));
        work.score.known
    }

    /// Has `clock` learn from a scan at a place that GNSS knows, when the car is fast enough.
    pub(super) fn time_scan(
        &self,
        db: &FingerprintDb,
        heard: &Heard<'_>,
        radio: &RadioModel,
        work: &mut Workspace,
        clock: &mut RadioClock,
    ) {
        let Heard {
            scan, lag_s, trust, ..
        } = *heard;
        let (longest_s, step_s) = RadioClock::span_s();
        let speed_mps = self.track.speed_mps();
        let window = Window {
            base_m: self.track.offset_m() - (lag_s + longest_s) * speed_mps,
            step_m: step_s * speed_mps,
            points: LAGS,
        };
        let start_m = self.legs.first().map_or(0.0, |leg| leg.start_m);
        let last_m = window.base_m + (LAGS - 1) as f64 * window.step_m;
        let is_sure = self.belief.is_none() && self.track.offset_sigma_m() < SURE_PLACE_M;
        if speed_mps < TIMING_SPEED_MPS || !is_sure || window.base_m < start_m || last_m > self.end_m() {
            return;
        }
        let places = Places {
            db,
            legs: &self.legs,
            window,
            around: window,
        };
        work.score
            .score(places, scan, self.level_offset, &NO_HISTORY, radio);
        if work.score.known > 0 {
            let share = self.last_scan.map_or(0.5, |(time, before_m)| {
                let moved_m = self.track.offset_m() - before_m;
                radio.news(moved_m, scan.time.seconds_since(time))
            });
            clock.learn(scan.time, &work.score.likelihood, trust * share);
        }
    }

    /// The tunnel at a route offset.
    pub(super) fn tunnel_at(&self, network: &RoadNetwork, offset_m: f64) -> Option<TunnelId> {
        network.edge(self.locate(offset_m).edge).tunnel
    }

    /// Distance from a route offset back to where its tunnel was entered and on to where it is left, metres; as far
    /// as the route goes. `None` outside tunnels.
    pub(super) fn to_portals_m(&self, network: &RoadNetwork, offset_m: f64) -> Option<(f64, f64)> {
        let index = self
            .legs
            .partition_point(|leg| leg.start_m <= offset_m)
            .saturating_sub(1);
        let inside = |leg: &Leg| network.edge(leg.edge).tunnel.is_some();
        if !inside(&self.legs[index]) {
            return None;
        }
        let first = self.legs[..index]
            .iter()
            .rposition(|leg| !inside(leg))
            .map_or(0, |at| at + 1);
        let last = self.legs[index..]
            .iter()
            .position(|leg| !inside(leg))
            .map_or(self.legs.len(), |at| index + at)
            - 1;
        let end_m = self.legs[last].start_m + self.legs[last].length_m;
        Some((offset_m - self.legs[first].start_m, end_m - offset_m))
    }
}

/// Where one can drive on from an edge without turning back; a dead end of the database is where its roads end.
pub(super) fn ways_on(network: &RoadNetwork, edge: EdgeId) -> impl Iterator<Item = EdgeId> + '_ {
    let opposite = network.opposite(edge);
    network
        .successors(edge)
        .iter()
        .copied()
        .filter(move |&next| Some(next) != opposite)
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
