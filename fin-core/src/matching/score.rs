//! How well a place fits a fix, and one place follows another.

use super::branches::closest_in_length;
use super::tables::Roads;
use super::{MatchOptions, Odometer};
use crate::frame::{LatLon, bearing_difference_deg};
use crate::network::{EdgeId, EdgePosition, Path, Projection, RoadNetwork};
use crate::observation::GnssFix;
use crate::time::Time;

/// A course is compared with the road above this speed, m/s; below it, courses are noise.
const MIN_COURSE_SPEED_MPS: f64 = 3.0;
/// Standard deviation of the angle between course and road, degrees.
const COURSE_SIGMA_DEG: f64 = 25.0;
/// Larger angles count as this, degrees: a wrong course must not outweigh several good positions.
const COURSE_LIMIT_DEG: f64 = 90.0;
/// A route may be longer than the straight line by this factor and this many metres.
const DETOUR: (f64, f64) = (3.0, 500.0);
/// A route may be longer than the odometer's distance by this factor and this many metres.
const ODOMETER_DETOUR: (f64, f64) = (1.15, 200.0);
/// Part of the straight line by which roads commonly differ from it, added to β.
const BEND_SHARE: f64 = 0.02;
/// Score that turning back at a dead end costs: few drives do, and noise around the end must not look like it.
const TURN_COST: f64 = 5.0;
/// Noise explains differences of up to this many σ.
const NOISE_SIGMAS: f64 = 3.0;

/// A fix with the places where it may have been.
#[derive(Clone, Debug)]
pub(super) struct Site {
    /// Index of the fix.
    pub(super) index: usize,
    pub(super) time: Time,
    pub(super) position: LatLon,
    pub(super) sigma_m: f64,
    /// The closest points of the edges around; at least one.
    pub(super) places: Vec<Projection>,
    /// Score of each place.
    pub(super) emissions: Vec<f64>,
}

impl Site {
    /// The places for `fix`, which is number `index`; `None` when there is no edge near.
    pub(super) fn new(roads: Roads<'_>, index: usize, fix: &GnssFix, options: &MatchOptions) -> Option<Site> {
        let sigma_m = options.sigma_m(fix);
        let radius_m = (options.search_sigmas * sigma_m).max(options.min_search_m);
        let places = roads.nearest(fix.position, radius_m, options.max_candidates);
        if places.is_empty() {
            return None;
        }
        let emissions = places.iter().map(|place| emission(fix, sigma_m, place)).collect();
        Some(Site {
            index,
            time: fix.time,
            position: fix.position,
            sigma_m,
            places,
            emissions,
        })
    }
}

/// Logarithm of how probable `fix` is at `place`, up to a constant.
fn emission(fix: &GnssFix, sigma_m: f64, place: &Projection) -> f64 {
    let across = place.distance_m / sigma_m;
    let course = fix
        .bearing_deg
        .filter(|_| fix.speed_mps.is_some_and(|v| v > MIN_COURSE_SPEED_MPS));
    let turned = course.filter(|deg| deg.is_finite()).map_or(0.0, |course_deg| {
        bearing_difference_deg(course_deg, place.bearing_deg)
            .abs()
            .min(COURSE_LIMIT_DEG)
            / COURSE_SIGMA_DEG
    });
    -0.5 * (across * across + turned * turned)
}

/// What is known of the drive from one fix to another, apart from where they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hop {
    /// Distance that the route should have, metres.
    reference_m: f64,
    /// Whether the odometer told it.
    is_measured: bool,
    /// Scale of the difference, metres.
    beta_m: f64,
    /// Routes longer than this are not driven, metres.
    pub(super) limit_m: f64,
    /// How far back on an edge noise may set a fix, metres.
    back_m: f64,
}

impl Hop {
    pub(super) fn between(from: &Site, to: &Site, odometer: &Odometer, options: &MatchOptions) -> Hop {
        let straight_m = from.position.distance_m(to.position);
        let noise_m = NOISE_SIGMAS * libm::hypot(from.sigma_m, to.sigma_m);
        let driven_m = odometer.distance_m(from.time, to.time);
        let (reference_m, spread_m, (factor, extra_m)) = match driven_m {
            Some(driven_m) => (driven_m, odometer.relative_error() * driven_m, ODOMETER_DETOUR),
            None => (straight_m, BEND_SHARE * straight_m, DETOUR),
        };
        let by_speed_m = options.max_speed_mps * to.time.seconds_since(from.time) + noise_m;
        Hop {
            reference_m,
            is_measured: driven_m.is_some(),
            beta_m: options.beta_m + spread_m,
            limit_m: by_speed_m.min(factor * reference_m + extra_m + noise_m),
            back_m: noise_m,
        }
    }

    /// The better of driving along `path` (the shortest, when there is one; with the odometer, another branch of a tunnel
    /// on it may fit better) and having stood still or rolled on by less than the noise,
    /// where `to` is behind `from` on the same edge. `None` when neither is possible.
    pub(super) fn best(
        &self,
        network: &RoadNetwork,
        from: EdgePosition,
        to: EdgePosition,
        path: Option<Path>,
    ) -> Option<Move> {
        let behind_m = if from.edge == to.edge {
            from.offset_m - to.offset_m
        } else {
            0.0
        };
        let back = (behind_m > 0.0 && behind_m <= self.back_m).then(|| Move {
            score: -(self.reference_m + behind_m) / self.beta_m,
            edges: vec![from.edge],
        });
        let drive = path.map(|shortest| {
            let path = if self.is_measured {
                closest_in_length(network, shortest, self.reference_m)
            } else {
                shortest
            };
            let turns = path
                .edges
                .windows(2)
                .filter(|pair| network.opposite(pair[0]) == Some(pair[1]))
                .count();
            let score = -(path.length_m - self.reference_m).abs() / self.beta_m - TURN_COST * turns as f64;
            Move {
                score,
                edges: path.edges,
            }
        });
        match (back, drive) {
            (Some(back), Some(drive)) if drive.score > back.score => Some(drive),
            (Some(back), _) => Some(back),
            (None, drive) => drive,
        }
    }
}

/// How one place follows another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Move {
    /// Logarithm of how probable it is, up to a constant.
    pub(super) score: f64,
    /// The edges from the one place to the other; one edge when standing or rolling back.
    pub(super) edges: Vec<EdgeId>,
}
