//! Online: one observation at a time to where the car is.
//!
//! Every way that the car may have gone is a hypothesis: a route through the graph, a Kalman filter along it, and a
//! probability. While GNSS is trusted the filter takes fixes and wheel speeds. When GNSS goes, the filter only
//! predicts, and a row of likelihoods over the places ahead (see [`crate::dtw::lanes`]) is moved by that prediction
//! and weighed by each cell scan. At a fork the row carries over into every branch.

mod alone;
mod belief;
mod drift;
mod gate;
mod hearing;
mod hypothesis;
mod misled;
mod navigator;
mod onward;
mod output;
mod pace;
mod radio_clock;
mod reckoning;
mod route;
mod search;
mod shown;
mod snapshot;
mod speeds;
mod spread;
mod staleness;

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::estimate::{AlongTrack, MotionModel};
use crate::fingerprint::FingerprintDb;
use crate::fingerprint::format::DatabaseSum;
use crate::fingerprint::matcher::{LevelOffset, RadioModel};
use crate::frame::{LatLon, bearing_difference_deg};
use crate::network::{EdgeId, RoadNetwork};
use crate::observation::{CellReading, CellScan, GnssFix, Observation, SpeedSample};
use crate::time::Time;

pub use drift::DriftModel;
use gate::{FixGate, Prediction, Verdict};
pub use gate::{GateModel, Refusal};
use hearing::Heard;
use hypothesis::{Hypothesis, Workspace};
pub use navigator::{Navigator, StepError};
pub use output::{Estimate, Mode, RoadPosition};
use radio_clock::RadioClock;
use reckoning::Reckoning;
use shown::Shown;
pub use snapshot::SnapshotError;
pub use staleness::TunnelFit;
use staleness::TunnelFits;

/// Hypotheses kept at most after a scan or a fix.
const MOST_HYPOTHESES: usize = 16;
/// Hypotheses that forks make of them at most until the next scan or fix.
const MOST_BRANCHES: usize = 2 * MOST_HYPOTHESES;
/// Probability relative to the best below which a hypothesis is given up, with GNSS and without.
const LEAST_PROBABILITY: (f64, f64) = (1e-3, 1e-4);
/// Probability that another branch needs before the answer goes over to it.
const SWITCH_PROBABILITY: f64 = 0.6;
/// Share of a scan's evidence that counts between branches: where the surveys are off on one of them, they are so for scan after
/// scan. Chosen on simulated drives, so that branches held for 90 % probable are wrong in few cases. Places that the car was only
/// sought at have to be told apart sooner.
const BRANCH_NEWS: f64 = 0.4;
/// Age of the last wheel speed up to which there is wheel speed, seconds.
const WHEEL_PATIENCE_S: f64 = 3.0;
/// Age of the last wheel speed or scan up to which the car is taken to drive on as it did, seconds: adapters and phones hang now and then.
const ALONE_PATIENCE_S: f64 = 12.0;
/// Age of the last scan that the database knew up to which fingerprints are in use, seconds.
const SCAN_PATIENCE_S: f64 = 12.0;
/// Least time between scans that are used, seconds; their noise is alike below that.
const LEAST_SCAN_INTERVAL_S: f64 = 0.4;
/// Age beyond which an observation is of no use any more, seconds.
const MOST_AGE_S: f64 = 5.0;
/// After so many seconds without an observation nothing of use is known of the car any more.
const LONGEST_SILENCE_S: f64 = 300.0;
/// Observations in a row that are too old before the clock is taken to have been set back.
const LATE_TO_RESTART: u32 = 50;
/// How near to an open road a fix may well be of a car on it, metres.
const OPEN_ROAD_M: f64 = 30.0;
/// How far from a road a car may be thought to be on it, metres.
const START_RADIUS_M: f64 = 60.0;

/// Everything that can be set; the defaults are for phones in cars.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EngineOptions {
    /// Motion along the road and wheel speed.
    pub motion: MotionModel,
    /// Motion while GNSS is away.
    pub drift: DriftModel,
    /// The radio world.
    pub radio: RadioModel,
    /// Trust in fixes.
    pub gate: GateModel,
}

/// Why an observation cannot be used at all.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ObservationError {
    /// A value is not a number or out of its range.
    #[error("{field} is {value}, expected {expected}")]
    Value {
        /// Which field.
        field: &'static str,
        /// What it holds.
        value: f64,
        /// What it may hold.
        expected: &'static str,
    },
    /// The observation is older than others that were taken already.
    #[error("observation is {late_s:.1} s older than the latest one, expected at most {most_s} s")]
    Late {
        /// How much older, seconds.
        late_s: f64,
        /// How much it may be, seconds.
        most_s: f64,
    },
}

/// Counts of what came in and what became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostics {
    /// Fixes that moved the estimate.
    pub fixes_taken: u64,
    /// Fixes refused: stated accuracy beyond use.
    pub fixes_inaccurate: u64,
    /// Fixes refused: position repeated on the move.
    pub fixes_stale: u64,
    /// Fixes refused: inside a tunnel.
    pub fixes_inside: u64,
    /// Fixes refused: away from the prediction.
    pub fixes_outlying: u64,
    /// Fixes held back until others agreed.
    pub fixes_awaiting: u64,
    /// Times that the engine started on fixes away from what it had tracked.
    pub starts: u64,
    /// Wheel speeds taken.
    pub speeds_taken: u64,
    /// Scans that moved the estimate or taught the phone's level offset.
    pub scans_taken: u64,
    /// Scans left out: the same list as before, or too soon after the last one.
    pub scans_repeated: u64,
    /// Scans of which the database knew nothing at that place.
    pub scans_unknown: u64,
    /// Observations refused: late or not a number.
    pub observations_refused: u64,
    /// Times that the car was forgotten, as nothing had come for five minutes or the clock had leapt ahead.
    pub silences: u64,
    /// Times that the car was forgotten, as the clock had been set back.
    pub clocks_set_back: u64,
}

impl Diagnostics {
    /// Whether every count is one that counting can have come to.
    fn is_sound(&self) -> bool {
        let Self {
            fixes_taken,
            fixes_inaccurate,
            fixes_stale,
            fixes_inside,
            fixes_outlying,
            fixes_awaiting,
            starts,
            speeds_taken,
            scans_taken,
            scans_repeated,
            scans_unknown,
            observations_refused,
            silences,
            clocks_set_back,
        } = *self;
        let fixes =
            fixes_taken | fixes_inaccurate | fixes_stale | fixes_inside | fixes_outlying | fixes_awaiting;
        let scans = scans_taken | scans_repeated | scans_unknown;
        let restarts = starts | silences | clocks_set_back;
        (fixes | restarts | speeds_taken | scans | observations_refused) < 1 << 48
    }
}

/// The positioning engine: observations in, estimates out. No clock, no threads, no files.
#[derive(Clone, Debug)]
pub struct Engine {
    db: Arc<FingerprintDb>,
    db_sum: OnceLock<DatabaseSum>,
    options: EngineOptions,
    now: Option<Time>,
    hypotheses: Vec<Hypothesis>,
    best: usize,
    gate: FixGate,
    last_wheel: Option<Time>,
    last_scan: Option<CellScan>,
    last_known_scan: Option<Time>,
    radio_clock: RadioClock,
    /// Behind which the answer does not fall, while GNSS is away.
    shown: Option<Shown>,
    /// Observations in a row that were too old.
    late: u32,
    work: Workspace,
    fits: TunnelFits,
    diagnostics: Diagnostics,
}

impl Engine {
    /// An engine on `db` that knows nothing yet.
    pub fn new(db: Arc<FingerprintDb>) -> Self {
        Self::with_options(db, EngineOptions::default())
    }

    /// An engine with other than the default options.
    pub fn with_options(db: Arc<FingerprintDb>, options: EngineOptions) -> Self {
        Self {
            db,
            db_sum: OnceLock::new(),
            options,
            now: None,
            hypotheses: Vec::new(),
            best: 0,
            gate: FixGate::default(),
            last_wheel: None,
            last_scan: None,
            last_known_scan: None,
            radio_clock: RadioClock::default(),
            shown: None,
            late: 0,
            work: Workspace::default(),
            fits: TunnelFits::default(),
            diagnostics: Diagnostics::default(),
        }
    }

    /// An engine on the same database and with the same options that knows nothing yet.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self {
            db_sum: self.db_sum.clone(),
            ..Self::with_options(Arc::clone(&self.db), self.options.clone())
        }
    }

    /// The database in use.
    pub fn db(&self) -> &FingerprintDb {
        &self.db
    }

    /// Counts since the engine was made.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    /// Takes one observation. Returns the estimate at the latest time seen when the observation changed it, `None`
    /// when it changed nothing.
    ///
    /// Observations may come in any mix, 0.1–10 a second, repeated, and up to 5 s late. When nothing came for five minutes, or
    /// the clock leapt, the car may be anywhere: the engine forgets it, not its counts, and starts anew. So it does when 50 in
    /// a row were refused as too late, since the clock has been set back then.
    ///
    /// # Errors
    /// When a value is not a number or out of range, or the observation is too late; the engine is unchanged, but for its
    /// counts.
    pub fn step(&mut self, observation: &Observation) -> Result<Option<Estimate>, ObservationError> {
        if let Err(refused) = self.check(observation) {
            self.diagnostics.observations_refused += 1;
            if matches!(refused, ObservationError::Late { .. }) {
                self.count_late();
            }
            return Err(refused);
        }
        self.late = 0;
        if self.is_silent_until(observation.time()) {
            self.diagnostics.silences += 1;
            self.forget();
        }
        let now = self
            .now
            .map_or(observation.time(), |now| now.max(observation.time()));
        self.settle_shown(now);
        self.now = Some(now);
        let changed = match observation {
            Observation::Gnss(fix) => self.take_fix(fix, now),
            Observation::Speed(sample) => self.take_speed(sample, now),
            Observation::Cells(scan) => self.take_scan(scan, now),
        };
        Ok(if changed { self.predict(now) } else { None })
    }

    /// Keeps what is answered for `now` before anything new is taken, so that the answer runs on from it.
    fn settle_shown(&mut self, now: Time) {
        let road = self.predict(now).and_then(|estimate| estimate.road);
        self.shown = road.as_ref().map(Shown::at);
    }

    /// The estimate at `time`, or `None` while nothing is tracked: before the first fix, unless the car was found in a tunnel
    /// by what its phone hears there, and long after the last one.
    /// Does not change the engine; times before the latest observation give the estimate at that.
    pub fn predict(&self, time: Time) -> Option<Estimate> {
        let now = self.now?;
        let time = now.max(time);
        let Some(best) = self.hypotheses.get(self.best) else {
            return self.free_estimate(time);
        };
        if best.is_search() {
            return None;
        }
        let by = Reckoning::new(&self.db, &self.options, self.alone_since());
        let spot = best.spot_at(time, &by);
        let (since_s, by_fixes) = (time.seconds_since(now), self.gate.is_trusted(time));
        let network = &self.db.network;
        let offset_m = self.shown.map_or(spot.offset_m, |shown| {
            shown.run_on_m((best, network), &spot, since_s, by_fixes)
        });
        let to_go_m = (offset_m - spot.offset_m).abs();
        let lag_m = match best.belief {
            Some(_) => self.radio_clock.lag_sigma_s() * spot.speed_mps,
            None => 0.0,
        };
        let laid = best.locate(offset_m);
        let beyond = best.onward(network, offset_m).last();
        let (at, taken) = beyond.map_or((laid, 1.0), |onward| (onward.at(offset_m), onward.share));
        let pose = network.point_at(at.edge, at.offset_m);
        let (way_id, way_offset_m) = network.way_position(at.edge, at.offset_m);
        let total: f64 = self.hypotheses.iter().map(|h| libm::exp(h.log_weight)).sum();
        let here = |h: &&Hypothesis| h.legs.iter().any(|leg| leg.edge == laid.edge);
        let share: f64 = self
            .hypotheses
            .iter()
            .filter(here)
            .map(|h| libm::exp(h.log_weight))
            .sum();
        Some(Estimate {
            time,
            position: pose.position,
            accuracy_m: libm::hypot(spot.caution * spot.half68_m, 0.994 * lag_m) + to_go_m,
            accuracy95_m: libm::hypot(spot.caution * spot.half95_m, 1.96 * lag_m) + to_go_m,
            speed_mps: Some(spot.speed_mps.max(0.0)),
            bearing_deg: Some(pose.bearing_deg),
            road: Some(RoadPosition {
                edge: at.edge,
                edge_offset_m: at.offset_m,
                way_id,
                offset_m: way_offset_m,
                tunnel: network.edge(at.edge).tunnel,
            }),
            mode: self.mode(best, (at.edge, offset_m), time),
            branch_probability: (taken * share / total).clamp(0.0, 1.0),
        })
    }

    /// The estimate where no road of the database is near: the last fix.
    fn free_estimate(&self, time: Time) -> Option<Estimate> {
        let fix = self.gate.last_seen()?;
        let age_s = time.seconds_since(fix.time);
        let accuracy_m = fix.accuracy_m.unwrap_or(self.options.gate.default_accuracy_m);
        let accuracy_m = accuracy_m + age_s * fix.speed_mps.unwrap_or(15.0);
        (age_s <= 10.0).then_some(Estimate {
            time,
            position: fix.position,
            accuracy_m,
            accuracy95_m: 1.96 * accuracy_m,
            speed_mps: fix.speed_mps,
            bearing_deg: fix.bearing_deg,
            road: None,
            mode: Mode::Gnss,
            branch_probability: 0.0,
        })
    }

    /// The mode at `time` of a car on an edge, at an offset along the route of `best` or beyond it.
    fn mode(&self, best: &Hypothesis, (edge, offset_m): (EdgeId, f64), time: Time) -> Mode {
        let network = &self.db.network;
        let inside = |edge: EdgeId| network.edge(edge).tunnel.is_some();
        let in_tunnel = inside(edge);
        if self.gate.is_trusted(time) && !(in_tunnel && best.belief.is_some()) {
            return Mode::Gnss;
        }
        let passed_tunnel = || {
            let index = best.legs.partition_point(|leg| leg.start_m <= offset_m);
            let entered = self.fix_offset_m(best);
            let beyond = best.onward(network, offset_m).map(|onward| onward.leg);
            let mut driven = best.legs[..index].iter().copied().chain(beyond);
            driven.any(|leg| inside(leg.edge) && leg.end_m() > entered)
        };
        if !in_tunnel && passed_tunnel() {
            Mode::Reacquiring
        } else if self
            .last_known_scan
            .is_some_and(|last| time.seconds_since(last) <= SCAN_PATIENCE_S)
        {
            Mode::Tunnel
        } else {
            Mode::DeadReckoning
        }
    }

    /// Route offset of the last taken fix on a hypothesis.
    fn fix_offset_m(&self, hypothesis: &Hypothesis) -> f64 {
        hypothesis.fixed_at_m.unwrap_or(f64::NEG_INFINITY)
    }

    fn wheel(&self, now: Time) -> bool {
        self.last_wheel
            .is_some_and(|last| now.seconds_since(last) <= WHEEL_PATIENCE_S)
    }

    /// From when on neither fixes nor wheel speed tell of the car; `None` before the first fix.
    fn alone_since(&self) -> Option<Time> {
        let fixes = self.gate.last_taken()?.plus_seconds(self.gate.patience_s());
        let wheel = self.last_wheel.map(|last| last.plus_seconds(ALONE_PATIENCE_S));
        Some(wheel.map_or(fixes, |wheel| wheel.max(fixes)))
    }

    /// Brings every hypothesis to `now` and lays their routes on.
    fn advance(&mut self, now: Time) {
        let by = Reckoning::new(&self.db, &self.options, self.alone_since());
        let network = &self.db.network;
        for hypothesis in &mut self.hypotheses {
            hypothesis.track = hypothesis.predict(now, &by);
            hypothesis.lay_on(network);
        }
        let needs_more = self.hypotheses.iter().any(|h| h.needs_route(network));
        if needs_more {
            let best = self.best;
            let mut extended = Vec::with_capacity(self.hypotheses.len() + 4);
            let mut to_come = self.hypotheses.len();
            for (index, hypothesis) in std::mem::take(&mut self.hypotheses).into_iter().enumerate() {
                if index == best {
                    self.best = extended.len();
                }
                to_come -= 1;
                let room = MOST_BRANCHES.saturating_sub(extended.len() + to_come);
                extended.extend(hypothesis.extended(network, room.max(1)));
            }
            self.hypotheses = extended;
        }
    }

    /// Normalises probabilities, gives up what is improbable, joins what has become one, and settles on the best.
    fn sort_out(&mut self, with_gnss: bool) {
        let Some(most) = self.hypotheses.iter().map(|h| h.log_weight).reduce(f64::max) else {
            return;
        };
        let best_before = self.best;
        let mut kept = None;
        let least = if with_gnss {
            LEAST_PROBABILITY.0
        } else {
            LEAST_PROBABILITY.1
        };
        let ranked = &mut self.work.ranked;
        ranked.extend(self.hypotheses.drain(..).enumerate());
        ranked.sort_unstable_by(|a, b| b.1.log_weight.total_cmp(&a.1.log_weight).then(a.0.cmp(&b.0)));
        let (joined, drift) = (&mut self.hypotheses, &self.options.drift);
        for (index, mut hypothesis) in ranked.drain(..) {
            hypothesis.log_weight -= most;
            if hypothesis.log_weight < libm::log(least) {
                continue;
            }
            let same = joined
                .iter()
                .position(|other| other.has_same_future(&hypothesis, drift));
            let at = same.unwrap_or(joined.len());
            match joined.get_mut(at) {
                Some(other) => {
                    other.log_weight =
                        libm::log(libm::exp(other.log_weight) + libm::exp(hypothesis.log_weight));
                }
                None => joined.push(hypothesis),
            }
            if index == best_before {
                kept = Some(at);
            }
        }
        joined.truncate(MOST_HYPOTHESES);
        let total: f64 = joined.iter().map(|h| libm::exp(h.log_weight)).sum();
        let log_total = libm::log(total);
        let mut best: Option<(usize, f64)> = None;
        for (at, hypothesis) in joined.iter_mut().enumerate() {
            hypothesis.log_weight -= log_total;
            hypothesis.forget_behind();
            if !hypothesis.is_search() && best.is_none_or(|(_, weight)| hypothesis.log_weight > weight) {
                best = Some((at, hypothesis.log_weight));
            }
        }
        let kept = kept.filter(|&kept| kept < joined.len());
        let (likeliest, weight) = best.unwrap_or((0, 0.0));
        self.best = match kept {
            Some(kept) if libm::exp(weight) < SWITCH_PROBABILITY => kept,
            _ => likeliest,
        };
    }

    fn take_speed(&mut self, sample: &SpeedSample, now: Time) -> bool {
        if self.last_wheel.is_some_and(|last| sample.time <= last) {
            return false;
        }
        self.advance(now);
        let teaches = self.gate.is_trusted(now);
        let (motion, drift) = (&self.options.motion, &self.options.drift);
        let by = Reckoning::new(&self.db, &self.options, self.alone_since());
        let since_s = self
            .last_wheel
            .map_or(0.0, |last| sample.time.seconds_since(last));
        let dt_s = since_s.min(WHEEL_PATIENCE_S);
        for hypothesis in &mut self.hypotheses {
            if since_s > WHEEL_PATIENCE_S {
                hypothesis.doubt_distance(&by);
            }
            let track = &hypothesis.track;
            if teaches {
                hypothesis.track = track.update_wheel(sample.speed_mps, motion, None).track;
            } else {
                let followed = track.follow_wheel(sample.speed_mps, motion, None).track;
                hypothesis.follow_wheel(followed, dt_s, drift);
            }
        }
        self.last_wheel = Some(sample.time);
        self.diagnostics.speeds_taken += 1;
        !self.hypotheses.is_empty()
    }

    fn take_scan(&mut self, scan: &CellScan, now: Time) -> bool {
        let usable = usable_readings(scan, std::mem::take(&mut self.work.readings));
        if self.last_scan.as_ref().is_some_and(|last| repeats(last, &usable)) {
            self.work.readings = usable.cells;
            self.diagnostics.scans_repeated += 1;
            return false;
        }
        self.advance(now);
        let wheel = self.wheel(now);
        self.search_everywhere(&usable, now, wheel);
        let open = self
            .gate
            .last_taken()
            .is_some_and(|last| now.seconds_since(last) < 1.8);
        let sought = self.hypotheses.iter().any(|h| h.fixed_at_m.is_none());
        let age_s = now.seconds_since(scan.time) + self.options.radio.scan_lag_s;
        let lag_s = age_s + self.radio_clock.lag_s();
        let heard = Heard {
            scan: &usable,
            lag_s,
            news: if sought { 1.0 } else { BRANCH_NEWS },
            trust: self.fits.trust(),
            doubted: self.fits.doubted(),
        };
        let radio = &self.options.radio;
        let by = Reckoning::new(&self.db, &self.options, self.alone_since());
        if let Some(best) = self.hypotheses.get(self.best).filter(|_| open) {
            let since = Heard {
                lag_s: age_s,
                ..heard
            };
            best.time_scan(&self.db, &since, radio, &mut self.work, &mut self.radio_clock);
        }
        let mut known = 0;
        for hypothesis in &mut self.hypotheses {
            let known_here = if open && hypothesis.belief.is_none() {
                hypothesis.learn_offset(&self.db, &heard, radio, &mut self.work)
            } else {
                hypothesis.take_scan(&heard, wheel, radio, &by, &mut self.work)
            };
            known = known.max(known_here);
        }
        if known > 0 {
            self.diagnostics.scans_taken += 1;
            self.last_known_scan = Some(now);
            self.sort_out(open);
        } else {
            self.diagnostics.scans_unknown += 1;
        }
        self.hold_against_surveys(&usable, lag_s);
        let before = self.last_scan.replace(usable);
        self.work.readings = before.map_or(Vec::new(), |scan| scan.cells);
        known > 0
    }

    fn take_fix(&mut self, fix: &GnssFix, now: Time) -> bool {
        self.advance(now);
        let lag_s = now.seconds_since(fix.time);
        let sigma_m = fix
            .accuracy_m
            .unwrap_or(self.options.gate.default_accuracy_m)
            .clamp(2.0, 100.0)
            / 1.5;
        let network = Arc::clone(&self.db.network);
        let mut fits = std::mem::take(&mut self.work.fits);
        fits.clear();
        let by = Reckoning::new(&self.db, &self.options, self.alone_since());
        fits.extend(self.hypotheses.iter().map(|h| {
            let spot = h.spot_at(now, &by);
            h.fit(&network, &spot, fix, (lag_s, 1.5 * sigma_m))
        }));
        // A place that no fix has ever confirmed does not stand against one.
        let is_confirmed = |best: &&Hypothesis| best.fixed_at_m.is_some();
        let prediction = self.hypotheses.get(self.best).filter(is_confirmed).map(|best| {
            let spot = best.spot_at(now, &by);
            let portals = best.to_portals_m(&network, spot.offset_m);
            let nis = fits.iter().flatten().map(|fit| fit.nis).reduce(f64::min);
            let agrees = nis.is_some_and(|nis| nis <= self.options.gate.most_nis);
            let open_road = |edge| network.edge(edge).tunnel.is_none();
            let open_road_near = || network.is_near(fix.position, OPEN_ROAD_M, open_road);
            Prediction {
                nis,
                speed_mps: spot.speed_mps,
                surely_inside_m: portals.map(|(back, on)| back.min(on) - spot.half95_m),
                open_road_near: !agrees && open_road_near(),
            }
        });
        let last_taken = self.gate.last_taken();
        let changed = match self.gate.judge(fix, prediction.as_ref(), &self.options.gate) {
            Verdict::Refuse(reason) => {
                self.count_refusal(reason);
                false
            }
            Verdict::StartAnew => {
                self.start(fix, sigma_m);
                true
            }
            Verdict::Take => {
                self.diagnostics.fixes_taken += 1;
                let dt_s = last_taken.map_or(f64::INFINITY, |last| fix.time.seconds_since(last));
                let alike = 1.0 + self.options.gate.error_time_s / dt_s.max(0.1);
                let inflated_m = sigma_m * alike.sqrt();
                for (hypothesis, fit) in self.hypotheses.iter_mut().zip(&fits) {
                    match fit {
                        Some(fit) => {
                            hypothesis.take_fix(
                                &self.db,
                                fix,
                                fit,
                                inflated_m,
                                &self.options.drift,
                                &mut self.work,
                            );
                        }
                        None => hypothesis.log_weight -= 30.0,
                    }
                }
                self.sort_out(true);
                true
            }
        };
        self.work.fits = fits;
        changed
    }

    /// Starts on the roads near a fix, in every direction that it allows.
    fn start(&mut self, fix: &GnssFix, sigma_m: f64) {
        self.diagnostics.starts += 1;
        let before = self.hypotheses.get(self.best);
        let known_offset = before
            .filter(|best| best.fixed_at_m.is_some())
            .map(|best| best.level_offset);
        let level_offset = known_offset.unwrap_or(LevelOffset::unknown(&self.options.radio));
        self.hypotheses.clear();
        self.best = 0;
        let network: &RoadNetwork = &self.db.network;
        let radius_m = (3.0 * sigma_m).clamp(20.0, START_RADIUS_M);
        for near in network.nearest(fix.position, radius_m, MOST_HYPOTHESES) {
            let mut log_weight = -0.5 * (near.distance_m / sigma_m.max(4.0)).powi(2);
            if let (Some(course), Some(speed)) = (fix.bearing_deg, fix.speed_mps)
                && speed > 3.0
            {
                let off = bearing_difference_deg(course, near.bearing_deg).abs();
                if off > 75.0 {
                    continue;
                }
                log_weight -= 0.5 * (off / 20.0).powi(2);
            }
            let (speed_mps, speed_sigma_mps) = fix.speed_mps.map_or((8.0, 8.0), |speed| (speed, 1.0));
            let motion = &self.options.motion;
            let Ok(track) = AlongTrack::start(
                fix.time,
                near.offset_m,
                sigma_m,
                speed_mps,
                speed_sigma_mps,
                motion,
            ) else {
                continue;
            };
            let hypothesis = Hypothesis::new(network, near.place(), track, level_offset, log_weight);
            self.hypotheses.push(hypothesis);
        }
        self.sort_out(true);
    }

    /// Whether nothing came for so long before `time` that the car may be anywhere.
    fn is_silent_until(&self, time: Time) -> bool {
        self.now
            .is_some_and(|now| time.seconds_since(now) > LONGEST_SILENCE_S)
    }

    fn count_late(&mut self) {
        self.late += 1;
        if self.late >= LATE_TO_RESTART {
            self.diagnostics.clocks_set_back += 1;
            self.forget();
        }
    }

    /// Forgets the car, not the counts.
    fn forget(&mut self) {
        *self = Self {
            fits: std::mem::take(&mut self.fits),
            diagnostics: self.diagnostics,
            ..self.anew()
        };
    }

    fn count_refusal(&mut self, reason: Refusal) {
        let count = match reason {
            Refusal::Inaccurate => &mut self.diagnostics.fixes_inaccurate,
            Refusal::Stale => &mut self.diagnostics.fixes_stale,
            Refusal::Inside => &mut self.diagnostics.fixes_inside,
            Refusal::Outlying => &mut self.diagnostics.fixes_outlying,
            Refusal::Awaiting => &mut self.diagnostics.fixes_awaiting,
        };
        *count += 1;
    }

    fn check(&self, observation: &Observation) -> Result<(), ObservationError> {
        if let Some(now) = self.now {
            let late_s = now.seconds_since(observation.time());
            if late_s > MOST_AGE_S {
                return Err(ObservationError::Late {
                    late_s,
                    most_s: MOST_AGE_S,
                });
            }
        }
        let value = |field, value, ok: bool, expected| {
            if ok {
                Ok(())
            } else {
                Err(ObservationError::Value {
                    field,
                    value,
                    expected,
                })
            }
        };
        let optional = |field, v: Option<f64>, low: f64, high: f64, expected| match v {
            Some(v) => value(field, v, v >= low && v <= high, expected),
            None => Ok(()),
        };
        match observation {
            Observation::Gnss(fix) => {
                let LatLon {
                    lat_deg: lat,
                    lon_deg: lon,
                } = fix.position;
                value(
                    "latitude",
                    lat,
                    (-90.0..=90.0).contains(&lat),
                    "-90 to 90 degrees",
                )?;
                value(
                    "longitude",
                    lon,
                    (-180.0..=180.0).contains(&lon),
                    "-180 to 180 degrees",
                )?;
                optional("accuracy", fix.accuracy_m, 0.0, 1e7, "0 m or more")?;
                optional("speed", fix.speed_mps, 0.0, 150.0, "0 to 150 m/s")?;
                optional("bearing", fix.bearing_deg, -360.0, 360.0, "-360 to 360 degrees")
            }
            Observation::Speed(sample) => {
                let v = sample.speed_mps;
                value("wheel speed", v, (0.0..=150.0).contains(&v), "0 to 150 m/s")
            }
            Observation::Cells(scan) => scan
                .cells
                .iter()
                .try_for_each(|reading| optional("level", reading.rsrp_dbm, -1e3, 1e3, "a level in dBm")),
        }
    }
}

/// Whether `scan` only hands out `last` again, as phones do when asked too often, or comes too soon after it. One or two
/// levels may well be the same twice.
fn repeats(last: &CellScan, scan: &CellScan) -> bool {
    let since_s = scan.time.seconds_since(last.time);
    since_s < LEAST_SCAN_INTERVAL_S || (since_s < 10.0 && scan.cells.len() > 2 && last.cells == scan.cells)
}

/// The scan without levels that its technology cannot report, and without cells that have no identity; its readings in
/// the memory of `room`.
fn usable_readings(scan: &CellScan, room: Vec<CellReading>) -> CellScan {
    let usable = |reading: &CellReading| CellReading {
        rsrp_dbm: reading
            .rsrp_dbm
            .filter(|dbm| reading.cell.rat.level_range_dbm().contains(dbm)),
        ..*reading
    };
    let identified = scan.cells.iter().filter(|reading| reading.cell.is_identified());
    let mut cells = room;
    cells.clear();
    cells.extend(identified.map(usable));
    CellScan {
        time: scan.time,
        cells,
    }
}
