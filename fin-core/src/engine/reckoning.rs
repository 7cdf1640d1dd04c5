//! Dead reckoning: where the car is when neither fixes nor wheel speed nor scans tell. It flows with the traffic, as fast as
//! surveys usually drove there, or as the speed limits have it, for who drove as it did where its last fix was; or it has come to
//! stand somewhere on the way. The longer no fix comes back, the less likely it is out of the tunnel.

use super::alone::{Alone, LEAST_SPEED_MPS, PLACES};
use super::belief::Spot;
use super::drift::{DriftModel, Queued};
use super::hypothesis::Hypothesis;
use super::{ALONE_PATIENCE_S, EngineOptions};
use crate::estimate::{AlongTrack, MotionModel};
use crate::fingerprint::FingerprintDb;
use crate::fingerprint::matcher::{Leg, Window};
use crate::network::RoadNetwork;
use crate::time::Time;

/// The step in which the car is moved on, seconds, and the most steps that are taken; where these are not enough they are longer.
const STEP_S: f64 = 1.0;
const MOST_STEPS: f64 = 600.0;
/// The shortest open stretch after a tunnel on which fixes come back, metres.
const LEAST_OPEN_M: f64 = 150.0;
/// How near a portal a car that stood is taken to have driven in when no more fixes come, metres.
const NEAR_PORTAL_M: f64 = 200.0;

/// How a car moves on that nothing tells of.
#[derive(Clone, Copy)]
pub(super) struct Reckoning<'a> {
    /// The roads, and how fast surveys drove there.
    pub db: &'a FingerprintDb,
    /// Motion while something tells of it.
    motion: &'a MotionModel,
    /// Motion while GNSS is away.
    pub drift: &'a DriftModel,
    /// From when on neither fixes nor wheel speed tell of it; `None` before the first fix.
    since: Option<Time>,
}

impl<'a> Reckoning<'a> {
    pub(super) fn new(db: &'a FingerprintDb, options: &'a EngineOptions, since: Option<Time>) -> Self {
        Self {
            db,
            motion: &options.motion,
            drift: &options.drift,
            since,
        }
    }
}

impl Hypothesis {
    /// Variance that the chance of a queue adds to the filter's place when something tells of the car again, at the filter's time, m².
    pub(super) fn stop_var_m2(&self, by: &Reckoning<'_>) -> f64 {
        let alone = self.alone_by_filter(self.track.time, by);
        alone.map_or(0.0, |alone| alone.stop_var_m2(by.drift))
    }

    /// The filter's prediction for `to`.
    pub(super) fn predict(&self, to: Time, by: &Reckoning<'_>) -> AlongTrack {
        let alone = self.alone_by_filter(to, by);
        alone.map_or_else(|| self.track.predict(to, by.motion), |alone| alone.track)
    }

    /// The car at `to` when nothing tells of it by then and the filter alone has it.
    fn alone_by_filter(&self, to: Time, by: &Reckoning<'_>) -> Option<Alone> {
        match self.belief {
            Some(_) => None,
            None => self.alone(to, by),
        }
    }

    /// Where the car is on the route at `time`, which is not before the filter's.
    pub(super) fn spot_at(&self, time: Time, by: &Reckoning<'_>) -> Spot {
        let alone = self.alone(time, by);
        let spot = alone.and_then(|alone| self.spot_of(&alone, by));
        spot.unwrap_or_else(|| self.spot_ahead(&self.track.predict(time, by.motion), by.drift))
    }

    /// The car at `to` when nothing tells of it by then.
    fn alone(&self, to: Time, by: &Reckoning<'_>) -> Option<Alone> {
        self.fixed_at_m?;
        let since = match &self.belief {
            None => by.since?,
            Some(belief) => {
                let followed_to = belief.speeds_followed_to()?;
                by.since?.max(followed_to.plus_seconds(ALONE_PATIENCE_S))
            }
        };
        if since >= to {
            return None;
        }
        let (start, from_m, queue) = match &self.belief {
            None => {
                let queue = by.drift.queue_share(self.entry.mps, &Queued::default());
                (self.track.predict(since, by.motion), self.told_to_m, (0.0, queue))
            }
            Some(belief) => {
                let then = AlongTrack {
                    time: since,
                    ..self.track
                };
                let settled = belief.settled(&then, by.drift).unaccelerated(by.motion);
                (settled, settled.offset_m(), belief.queuing(by.drift))
            }
        };
        let (portal_m, exit_m) = self.way_through(&by.db.network);
        // Who stood far from a tunnel may have parked; near it fixes would go on if it still did.
        if start.speed_mps() < LEAST_SPEED_MPS && portal_m > from_m + NEAR_PORTAL_M {
            return None;
        }
        let exit_m = exit_m.max(from_m);
        let (track, out_s) = self.in_traffic((start, queue.1), to, exit_m, by);
        Some(Alone {
            since,
            from_m,
            queue,
            track,
            exit_m,
            out_s,
        })
    }

    /// The state `start` at `to` for a car in the traffic, and for how long it has been beyond `exit_m` by then, seconds.
    fn in_traffic(
        &self,
        (start, queue): (AlongTrack, f64),
        to: Time,
        exit_m: f64,
        by: &Reckoning<'_>,
    ) -> (AlongTrack, f64) {
        let mut course = self.course(&by.db.network, start.offset_m());
        let mut pace = |offset_m: f64| self.entry.pace(by.db, course.at(offset_m));
        let left_s = to.seconds_since(start.time);
        let steps = libm::ceil(left_s / STEP_S).clamp(1.0, MOST_STEPS);
        let step_s = left_s / steps;
        let (mut track, mut here) = (start, pace(start.offset_m()));
        let mut out_s = (start.offset_m() - exit_m).max(0.0) / start.speed_mps().max(LEAST_SPEED_MPS);
        for step in 1..=steps as usize {
            let before_m = track.offset_m();
            let motion = by.drift.in_traffic(by.motion, (self.entry.mps, here), queue);
            track = track.predict(start.time.plus_seconds(step_s * step as f64), &motion);
            let next = pace(track.offset_m());
            track = track.quickened(here.quickening(next));
            here = next;
            let beyond_m = track.offset_m() - before_m.max(exit_m);
            if beyond_m > 0.0 {
                out_s += step_s * beyond_m / (track.offset_m() - before_m);
            }
        }
        (track, out_s)
    }

    /// Where a car is that nothing tells of; `None` when it is nowhere.
    fn spot_of(&self, alone: &Alone, by: &Reckoning<'_>) -> Option<Spot> {
        let flowing = self.spot_by_filter(&alone.track);
        let places = alone.places(&flowing);
        let open_m = self.open_road_m(&places, alone.exit_m, &by.db.network);
        alone.spot(&flowing, (&places, &open_m), by.drift)
    }

    /// How many metres of open road, on which fixes come back, lie between `exit_m` and each of some places.
    fn open_road_m(&self, places: &Window, exit_m: f64, network: &RoadNetwork) -> [f64; PLACES] {
        let mut course = self.course(network, places.base_m);
        let (mut was_open, mut open_m) = (false, 0.0);
        std::array::from_fn(|place| {
            let at_m = places.base_m + place as f64 * places.step_m;
            let here = course.at(at_m);
            let is_open = at_m > exit_m && network.edge(here.edge).tunnel.is_none();
            if is_open {
                open_m += if was_open {
                    places.step_m
                } else {
                    places.step_m.min(here.offset_m)
                };
            }
            was_open = is_open;
            open_m
        })
    }

    /// Where the route goes into the first tunnel after the last fix, and where it comes out onto an open road that is long enough for
    /// fixes to come back, metres.
    fn way_through(&self, network: &RoadNetwork) -> (f64, f64) {
        let from_m = self.fixed_at_m.unwrap_or(f64::NEG_INFINITY);
        let inside = |leg: &Leg| network.edge(leg.edge).tunnel.is_some();
        let (mut portal_m, mut out_m) = (None, None);
        for leg in self.legs_ahead(network, from_m).skip_while(|leg| !inside(leg)) {
            portal_m = portal_m.or(Some(leg.start_m));
            if inside(&leg) {
                out_m = None;
                continue;
            }
            let start_m = *out_m.get_or_insert(leg.start_m);
            if leg.end_m() - start_m >= LEAST_OPEN_M {
                break;
            }
        }
        (portal_m.unwrap_or(f64::INFINITY), out_m.unwrap_or(f64::INFINITY))
    }
}
