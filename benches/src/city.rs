//! A chequerboard of two-way streets and a drive through it.

use fin_core::frame::{EastNorth, LatLon, LocalFrame};
use fin_core::network::{Direction, RoadClass, RoadNetwork, Way, WayNode};
use fin_core::observation::GnssFix;
use fin_core::time::Time;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CORNER: LatLon = LatLon::new(48.0, 11.0);
const BLOCK_M: f64 = 120.0;
const SPEED_MPS: f64 = 12.0;

/// A city and points in it.
pub struct City {
    /// The streets: one way per row and per column, a node at every crossing.
    pub network: RoadNetwork,
    /// Points anywhere in the city.
    pub points: Vec<LatLon>,
    /// A fix a second along streets, turning right or left at every fourth crossing, noise of 5 m.
    pub track: Vec<GnssFix>,
}

/// A city of `side` × `side` crossings with `count` points and a track of `count` fixes.
pub fn city(side: u32, count: usize, seed: u64) -> City {
    let frame = LocalFrame::new(CORNER);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let extent_m = f64::from(side - 1) * BLOCK_M;
    let mut anywhere = || {
        frame.to_lat_lon(EastNorth {
            east_m: rng.random_range(0.0..extent_m),
            north_m: rng.random_range(0.0..extent_m),
        })
    };
    let points = (0..count).map(|_| anywhere()).collect();
    City {
        network: streets(side, &frame),
        points,
        track: track(count, &frame, &mut rng),
    }
}

fn streets(side: u32, frame: &LocalFrame) -> RoadNetwork {
    let crossing = |column: u32, row: u32| WayNode {
        key: i64::from(row * side + column),
        position: frame.to_lat_lon(EastNorth {
            east_m: f64::from(column) * BLOCK_M,
            north_m: f64::from(row) * BLOCK_M,
        }),
    };
    let rows = (0..side).map(|row| (0..side).map(|column| crossing(column, row)).collect());
    let columns = (0..side).map(|column| (0..side).map(|row| crossing(column, row)).collect());
    let ways = (1..).zip(rows.chain(columns)).map(|(id, nodes)| Way {
        id,
        nodes,
        oneway: Direction::Both,
        tunnel: false,
        layer: 0,
        name: None,
        reference: None,
        max_speed_mps: None,
        class: RoadClass::Residential,
    });
    RoadNetwork::build(ways.collect()).expect("the ways of a chequerboard make a network")
}

/// Up a stair of streets: four blocks east, four blocks north, and so on.
fn track(count: usize, frame: &LocalFrame, rng: &mut ChaCha8Rng) -> Vec<GnssFix> {
    let leg_m = 4.0 * BLOCK_M;
    let place = |second: usize| {
        let driven_m = second as f64 * SPEED_MPS;
        let (legs, rest_m) = ((driven_m / leg_m).floor(), driven_m % leg_m);
        let eastward = legs % 2.0 == 0.0;
        let before_m = (legs / 2.0).floor() * leg_m;
        let (east_m, north_m) = if eastward {
            (before_m + rest_m, before_m)
        } else {
            (before_m + leg_m, before_m + rest_m)
        };
        (east_m, north_m, if eastward { 90.0 } else { 0.0 })
    };
    (0..count)
        .map(|second| {
            let (east_m, north_m, bearing_deg) = place(second);
            GnssFix {
                time: Time::from_millis(1000 * second as i64),
                position: frame.to_lat_lon(EastNorth {
                    east_m: east_m + rng.random_range(-8.0..8.0),
                    north_m: north_m + rng.random_range(-8.0..8.0),
                }),
                accuracy_m: Some(5.0),
                speed_mps: Some(SPEED_MPS),
                bearing_deg: Some(bearing_deg),
            }
        })
        .collect()
}
