//! Small roads and cells for tests.

use crate::frame::{EastNorth, LatLon, LocalFrame};
use crate::network::{Direction, RoadClass, RoadNetwork, Way, WayNode};
use crate::radio::{CellId, Channel, Rat};

fn node(key: i64, east_m: f64, north_m: f64) -> WayNode {
    let frame = LocalFrame::new(LatLon::new(47.0, 8.0));
    let exact = frame.to_lat_lon(EastNorth { east_m, north_m });
    let rounded = |deg: f64| (deg * 1e7).round() / 1e7;
    WayNode {
        key,
        position: LatLon::new(rounded(exact.lat_deg), rounded(exact.lon_deg)),
    }
}

fn way(id: i64, tunnel: bool, nodes: Vec<WayNode>) -> Way {
    Way {
        id,
        nodes,
        oneway: Direction::Forward,
        tunnel,
        layer: if tunnel { -1 } else { 0 },
        name: tunnel.then(|| "Tube".to_owned()),
        reference: None,
        max_speed_mps: Some(22.25),
        class: RoadClass::Primary,
    }
}

/// A one-way road eastwards of ways of the given lengths; every second one is a tunnel.
pub(crate) fn straight_road(lengths_m: &[f64]) -> RoadNetwork {
    RoadNetwork::build(straight_ways(lengths_m).collect()).unwrap()
}

/// The same for both directions; eastwards edges have even numbers.
pub(crate) fn two_way_road(lengths_m: &[f64]) -> RoadNetwork {
    let both = straight_ways(lengths_m).map(|way| Way {
        oneway: Direction::Both,
        ..way
    });
    RoadNetwork::build(both.collect()).unwrap()
}

fn straight_ways(lengths_m: &[f64]) -> impl Iterator<Item = Way> + '_ {
    let mut east_m = 0.0;
    (0_i64..).zip(lengths_m).map(move |(id, length_m)| {
        let nodes = vec![node(id, east_m, 0.0), node(id + 1, east_m + length_m, 0.0)];
        east_m += length_m;
        way(id, id % 2 == 1, nodes)
    })
}

/// A one-way tunnel of `stem_m` that forks into two branches.
pub(crate) fn fork(stem_m: f64, left_m: f64, right_m: f64) -> RoadNetwork {
    let at_fork = node(1, stem_m, 0.0);
    let left = node(2, stem_m + 0.8 * left_m, 0.6 * left_m);
    let right = node(3, stem_m + 0.8 * right_m, -0.6 * right_m);
    RoadNetwork::build(vec![
        way(0, true, vec![node(0, 0.0, 0.0), at_fork]),
        way(1, true, vec![at_fork, left]),
        way(2, true, vec![at_fork, right]),
    ])
    .unwrap()
}

/// An LTE cell known by its code on channel 1300.
pub(crate) fn by_channel(pci: u16) -> CellId {
    CellId {
        rat: Rat::Lte,
        plmn: None,
        global: None,
        channel: Some(Channel { arfcn: 1300, pci }),
    }
}
