//! Drives on the roads of a network, with known truth.

use fin_core::frame::{EastNorth, LatLon, LocalFrame};
use fin_core::matching::TrackMatch;
use fin_core::network::{EdgeId, RoadNetwork, Route};
use fin_core::observation::GnssFix;
use fin_core::time::Time;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Standard deviation of a fix to the east and to the north, metres.
const SIGMA_M: f64 = 5.0;

/// One drive: what the receiver said, and where the car was.
pub struct RoadDrive {
    /// A fix a second: place and accuracy, neither speed nor course.
    pub fixes: Vec<GnssFix>,
    /// Where the car was at each fix.
    pub truth: Vec<LatLon>,
}

impl RoadDrive {
    /// How many fixes `matched` puts within `most_m` metres of where the car was.
    pub fn right(&self, network: &RoadNetwork, matched: &TrackMatch, most_m: f64) -> usize {
        let placed = matched.segments.iter().flat_map(|segment| {
            let places = segment.fixes.iter().map(|fix| (fix.index, fix.route_m));
            places.filter_map(|(index, route_m)| Some((index, segment.route.pose_at(network, route_m)?)))
        });
        placed
            .filter(|(index, pose)| pose.position.distance_m(self.truth[*index]) <= most_m)
            .count()
    }
}

/// `count` drives of `seconds` each on `network`, at 8 to 20 m/s, turning anywhere at random at every junction and never back.
pub fn road_drives(network: &RoadNetwork, count: usize, seconds: usize, seed: u64) -> Vec<RoadDrive> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut drives = Vec::new();
    while drives.len() < count {
        let speed_mps = rng.random_range(8.0..20.0);
        if let Some(route) = wander(network, speed_mps * seconds as f64, &mut rng) {
            drives.push(drive(network, &route, speed_mps, seconds, &mut rng));
        }
    }
    drives
}

/// A route of at least `length_m` metres from anywhere; `None` where it comes to a dead end.
fn wander(network: &RoadNetwork, length_m: f64, rng: &mut ChaCha8Rng) -> Option<Route> {
    let mut edge = EdgeId(rng.random_range(0..network.edge_count() as u32));
    let mut route = Route::new();
    loop {
        route.push(network, edge);
        if route.length_m() > length_m {
            return Some(route);
        }
        let ways = network.successors(edge);
        edge = *ways.get(rng.random_range(0..ways.len().max(1)))?;
        if network.opposite(edge) == route.edges().last().copied() {
            return None;
        }
    }
}

fn drive(
    network: &RoadNetwork,
    route: &Route,
    speed_mps: f64,
    seconds: usize,
    rng: &mut ChaCha8Rng,
) -> RoadDrive {
    let place = |second: usize| route.pose_at(network, second as f64 * speed_mps);
    let truth: Vec<LatLon> = (0..seconds).filter_map(place).map(|pose| pose.position).collect();
    let fixes = (0..).zip(&truth).map(|(second, &at)| GnssFix {
        time: Time::from_millis(1000 * second),
        position: LocalFrame::new(at).to_lat_lon(EastNorth {
            east_m: SIGMA_M * normal(rng),
            north_m: SIGMA_M * normal(rng),
        }),
        // The radius that 68 % of such fixes lie within.
        accuracy_m: Some(1.51 * SIGMA_M),
        speed_mps: None,
        bearing_deg: None,
    });
    RoadDrive {
        fixes: fixes.collect(),
        truth,
    }
}

/// Nearly normal: the sum of twelve even numbers, less its mean.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| rng.random_range(0.0..1.0)).sum::<f64>() - 6.0
}
