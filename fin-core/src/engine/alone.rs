//! A car that nothing tells of, and where it may be: as one of the traffic, or stopped on the way, and all the less out of the tunnel
//! the longer no fix comes.

use std::f64::consts::TAU;

use super::belief::Spot;
use super::drift::DriftModel;
use super::shown::MOST_BACK_MPS;
use super::spread::half_width;
use crate::estimate::AlongTrack;
use crate::fingerprint::matcher::{FIX_RETURN_S, Window};
use crate::time::Time;

/// Places that are weighed, and how far beyond the mean they reach, standard deviations.
pub(super) const PLACES: usize = 192;
const REACH: f64 = 4.0;
/// Probability that no fix comes back at all after a tunnel.
const NO_FIX: f64 = 1e-6;
/// The slowest that a car goes with the traffic, m/s.
pub(super) const LEAST_SPEED_MPS: f64 = 1.0;
/// The least standard deviation of a place, metres.
const LEAST_SIGMA_M: f64 = 0.1;

/// A car that nothing tells of.
#[derive(Clone, Copy)]
pub(super) struct Alone {
    /// Since when.
    pub since: Time,
    /// Where it was then, metres along the route.
    pub from_m: f64,
    /// How probable it is that it was in a queue then, and that it is in the long run.
    pub queue: (f64, f64),
    /// Where it is by now as one of the traffic.
    pub track: AlongTrack,
    /// Where the route comes out of the tunnel, metres; where it was then if that is farther on.
    pub exit_m: f64,
    /// For how long it would have been beyond that by now, seconds.
    pub out_s: f64,
}

/// How likely such a car is at some places, up to a factor.
struct Likely {
    /// Place after place, and all of it.
    row: [f32; PLACES],
    total: f64,
    /// What of the total is of cars that stopped.
    stopped: f64,
}

impl Alone {
    /// How probable it is that the car is in a queue by now.
    fn stop_share(&self, drift: &DriftModel) -> f64 {
        let changes = drift.speed_jump_per_s * self.track.time.seconds_since(self.since);
        let (then, later) = self.queue;
        later + (then - later) * libm::exp(-changes)
    }

    /// What the chance of a queue adds to the place of one of the traffic: a variance, m².
    pub(super) fn stop_var_m2(&self, drift: &DriftModel) -> f64 {
        let moved_m = self.track.offset_m() - self.from_m;
        self.stop_share(drift) * moved_m * moved_m / 3.0
    }

    /// The places where it may be when one of the traffic is at `flowing`.
    pub(super) fn places(&self, flowing: &Spot) -> Window {
        let reach_m = REACH * sigma_m(flowing);
        let base_m = self.from_m.min(flowing.offset_m - reach_m);
        Window {
            base_m,
            step_m: (flowing.offset_m + reach_m - base_m) / (PLACES - 1) as f64,
            points: PLACES,
        }
    }

    /// Where it is when one of the traffic is at `flowing`, and as many metres of open road as `open_m` has lie between the exit and each of
    /// the `places`; `None` when it is nowhere.
    pub(super) fn spot(
        &self,
        flowing: &Spot,
        (places, open_m): (&Window, &[f64; PLACES]),
        drift: &DriftModel,
    ) -> Option<Spot> {
        let likely = self.weigh(flowing, (places, open_m), drift);
        if likely.total.is_nan() || likely.total <= 0.0 {
            return None;
        }
        // The answer goes with the traffic as far as the exit, and from there as slowly as any back to the middle of where it may stand.
        let back_m = (MOST_BACK_MPS * self.out_s).min(0.5 * (self.exit_m - self.from_m));
        let offset_m = if self.out_s > 0.0 {
            self.exit_m - back_m
        } else {
            flowing.offset_m
        };
        let centre = (offset_m - places.base_m) / places.step_m;
        let half_m = |share: f64| half_width(&likely.row, centre, share * likely.total) * places.step_m;
        let stopped = likely.stopped / likely.total;
        Some(Spot {
            offset_m,
            half68_m: half_m(0.68),
            half95_m: half_m(0.95),
            speed_mps: (1.0 - stopped) * flowing.speed_mps + stopped * drift.queue_mps,
            ..*flowing
        })
    }

    /// How likely it is at each of the places, in the terms of [`spot`](Self::spot).
    fn weigh(
        &self,
        flowing: &Spot,
        (places, open_m): (&Window, &[f64; PLACES]),
        drift: &DriftModel,
    ) -> Likely {
        let (from_m, mean_m, sigma_m, step_m) =
            (self.from_m, flowing.offset_m, sigma_m(flowing), places.step_m);
        let stop_share = self.stop_share(drift);
        let flow_share = 1.0 - stop_share;
        let fix_return_m = flowing.speed_mps.max(LEAST_SPEED_MPS) * FIX_RETURN_S;
        let mut stopped = 0.0;
        let row: [f32; PLACES] = std::array::from_fn(|place| {
            let at_m = places.base_m + place as f64 * step_m;
            let silent = libm::exp(-open_m[place] / fix_return_m).max(NO_FIX);
            let off = (at_m - mean_m) / sigma_m;
            let flows = flow_share * libm::exp(-0.5 * off * off) / (sigma_m * TAU.sqrt());
            let (behind_m, ahead_m) = (at_m - 0.5 * step_m, at_m + 0.5 * step_m);
            let within_m = (ahead_m.min(mean_m) - behind_m.max(from_m)).max(0.0);
            let stops = stop_share * within_m / (step_m * (mean_m - from_m).max(step_m));
            stopped += silent * stops;
            (silent * (flows + stops)) as f32
        });
        Likely {
            total: row.iter().map(|&p| f64::from(p)).sum(),
            row,
            stopped,
        }
    }
}

/// The standard deviation of a place of one of the traffic, metres.
fn sigma_m(flowing: &Spot) -> f64 {
    (flowing.half68_m / 0.994).max(LEAST_SIGMA_M)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::MotionModel;

    const EXIT_M: f64 = 2000.0;
    const FROM_M: f64 = 100.0;

    /// A car that flows at 20 m/s from [`FROM_M`] on, after `seconds`, in a queue with the probability `queue`.
    fn alone(seconds: f64, queue: f64) -> (Alone, Spot) {
        let now = Time::from_millis(0).plus_seconds(seconds);
        let mean_m = FROM_M + 20.0 * seconds;
        let track = AlongTrack::start(now, mean_m, 50.0, 20.0, 3.0, &MotionModel::default()).unwrap();
        let alone = Alone {
            since: Time::from_millis(0),
            from_m: FROM_M,
            queue: (queue, queue),
            track,
            exit_m: EXIT_M,
            out_s: ((mean_m - EXIT_M) / 20.0).max(0.0),
        };
        let flowing = Spot {
            offset_m: mean_m,
            half68_m: 49.7,
            half95_m: 98.0,
            caution: 1.0,
            speed_mps: 20.0,
        };
        (alone, flowing)
    }

    /// Where it is, with open road from the exit on or none.
    fn spot((alone, flowing): (Alone, Spot), is_open: bool) -> Option<Spot> {
        let places = alone.places(&flowing);
        let open_m = std::array::from_fn(|place| {
            let beyond_m = places.base_m + place as f64 * places.step_m - EXIT_M;
            if is_open { beyond_m.max(0.0) } else { 0.0 }
        });
        alone.spot(&flowing, (&places, &open_m), &DriftModel::default())
    }

    #[test]
    fn without_queues_it_is_one_of_the_traffic_inside() {
        let (alone, flowing) = alone(40.0, 0.0);
        let spot = spot((alone, flowing), true).unwrap();
        assert_eq!(
            (spot.offset_m, spot.speed_mps),
            (flowing.offset_m, flowing.speed_mps)
        );
        assert!((spot.half68_m / flowing.half68_m - 1.0).abs() < 0.05, "{spot:?}");
        assert!((spot.half95_m / flowing.half95_m - 1.0).abs() < 0.05, "{spot:?}");
    }

    #[test]
    fn a_queue_makes_it_slower_and_less_sure() {
        let spots = [0.0, 0.3, 0.6].map(|queue| spot(alone(60.0, queue), true).unwrap());
        assert!(spots.is_sorted_by(|a, b| a.speed_mps > b.speed_mps && a.half95_m < b.half95_m));
    }

    #[test]
    fn it_waits_at_the_exit_and_goes_back_slowly_while_no_fix_comes() {
        let out = |seconds: f64| spot(alone(seconds, 0.3), true).unwrap();
        let first = out((EXIT_M - FROM_M) / 20.0 + 1.0);
        assert!(
            (first.offset_m - (EXIT_M - MOST_BACK_MPS)).abs() < 1e-9,
            "{first:?}"
        );
        let later = out(120.0);
        assert!(
            later.offset_m < first.offset_m && later.offset_m > FROM_M,
            "{later:?}"
        );
        let middle_m = 0.5 * (FROM_M + EXIT_M);
        assert!(out(3000.0).offset_m >= middle_m);
    }

    #[test]
    fn no_fix_on_open_road_tells_that_it_has_stopped() {
        let (silent, told) = (alone(110.0, 0.3), alone(110.0, 0.3));
        let (silent, told) = (spot(silent, true).unwrap(), spot(told, false).unwrap());
        assert!(silent.speed_mps < told.speed_mps, "{silent:?}, {told:?}");
    }

    #[test]
    fn the_chance_of_a_queue_goes_from_what_it_was_to_what_it_is_in_the_long_run() {
        let drift = DriftModel::default();
        let share = |seconds: f64| {
            let (alone, _) = alone(seconds, 0.0);
            Alone {
                queue: (0.9, 0.2),
                ..alone
            }
            .stop_share(&drift)
        };
        assert!((share(0.0) - 0.9).abs() < 1e-9);
        assert!((share(1.0 / drift.speed_jump_per_s) - (0.2 + 0.7 / std::f64::consts::E)).abs() < 1e-9);
        assert!((share(1e4) - 0.2).abs() < 1e-9);
    }
}
