//! What cell scans do to a hypothesis: where GNSS is away they tell where the car is; where it is not, the phone and its clock are
//! learnt from them.

use super::belief::Belief;
use super::hypothesis::{Hypothesis, Workspace};
use super::radio_clock::{LAGS, RadioClock};
use super::reckoning::Reckoning;
use crate::fingerprint::FingerprintDb;
use crate::fingerprint::matcher::{
    EarlierReading, Gaits, History, Places, Prior, RadioModel, Room, ScanScore, Shifts, Window,
};
use crate::observation::CellScan;
use crate::time::Time;

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
        let Heard {
            scan,
            news,
            trust,
            doubted,
            ..
        } = *heard;
        let dt_s = self.since_scan_s(scan.time);
        self.level_offset = self.level_offset.drifted(dt_s, radio);
        let mut belief = self.believed(wheel, by, &mut work.belief);
        self.score_following(heard, &belief, by.db, radio, work);
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
                belief = self.unless_misled((belief, evidence), by.db, by.drift, &mut work.lasting);
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

    /// Seconds from the last scan that counted to `time`; one when there was none.
    fn since_scan_s(&self, time: Time) -> f64 {
        self.last_scan
            .map_or(1.0, |(before, _)| time.seconds_since(before))
    }

    /// What is believed at the filter's time before a scan, with wheel speed or without. `room` is a belief that has ended.
    fn believed(&mut self, wheel: bool, by: &Reckoning<'_>, room: &mut Option<Belief>) -> Belief {
        match self.belief.take() {
            Some(belief) => self.followed(belief, wheel, by),
            None => {
                let drift_var_m2 = self.drift_var_m2 + self.stop_var_m2(by);
                Belief::start(&self.track, drift_var_m2, wheel, room.take())
            }
        }
    }

    /// Scores a scan at the places that `belief` has the car at, against what was heard before, and learns what lasts of its differences.
    fn score_following(
        &mut self,
        heard: &Heard<'_>,
        belief: &Belief,
        db: &FingerprintDb,
        radio: &RadioModel,
        work: &mut Workspace,
    ) {
        let Heard {
            scan, lag_s, trust, ..
        } = *heard;
        let lag_m = belief.speed_mps(&self.track) * lag_s;
        let at_scan = |window: Window| Window {
            base_m: window.base_m - lag_m,
            ..window
        };
        let track = self.track;
        // Where no fix ever came none can be missed.
        let silence_s = self
            .fixed_at_m
            .map_or(0.0, |_| self.since_scan_s(scan.time).clamp(0.0, 10.0));
        let window = at_scan(belief.window());
        let here = (scan.time, track.offset_m());
        let before = self.lasting_from.replace(here).unwrap_or(here);
        self.carry_lasting(belief, window, (before, scan.time), radio, &mut work.lasting);
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
    }

    /// Scores a scan on its own at the places of `window`.
    fn score_alone(
        &self,
        db: &FingerprintDb,
        scan: &CellScan,
        window: Window,
        radio: &RadioModel,
        score: &mut ScanScore,
    ) {
        let places = Places {
            db,
            legs: &self.legs,
            window,
            around: window,
        };
        score.score(places, scan, self.level_offset, &NO_HISTORY, radio);
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
        let dt_s = self.since_scan_s(scan.time);
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
        self.score_alone(db, scan, window, radio, &mut work.score);
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
        self.score_alone(db, scan, window, radio, &mut work.score);
        if work.score.known > 0 {
            let share = self.last_scan.map_or(0.5, |(time, before_m)| {
                let moved_m = self.track.offset_m() - before_m;
                radio.news(moved_m, scan.time.seconds_since(time))
            });
            clock.learn(scan.time, &work.score.likelihood, trust * share);
        }
    }
}
