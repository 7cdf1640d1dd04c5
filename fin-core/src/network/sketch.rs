//! Road nets drawn as text, for tests.

use super::{Direction, EdgeId, RoadClass, RoadNetwork, Way, WayNode};
use crate::frame::{EastNorth, LatLon, LocalFrame};

/// Metres from one character to the next, and from one line to the next.
pub(crate) const STEP_M: f64 = 10.0;
/// Where the top left character of a sketch stands.
pub(crate) const CORNER: LatLon = LatLon::new(47.0, 8.0);

/// Ways through the points of `map`: letters and digits are points, [`STEP_M`] apart by column and by row; everything else is decoration.
///
/// A way is written as its points, with `>` behind when one-way, `<` when one-way backwards, `=` when in a tunnel
/// (`"ABC="`, `"ABC>="`). Way number i has id i + 1; a point's key is its character code.
pub(crate) fn ways(map: &str, ways: &[&str]) -> Vec<Way> {
    ways.iter()
        .enumerate()
        .map(|(i, text)| way(map, i as i64 + 1, text))
        .collect()
}

/// The network of [`ways`].
pub(crate) fn network(map: &str, texts: &[&str]) -> RoadNetwork {
    RoadNetwork::build(ways(map, texts)).unwrap()
}

/// The point `name` of the map.
pub(crate) fn at(map: &str, name: char) -> LatLon {
    for (row, line) in map.lines().enumerate() {
        if let Some(column) = line.chars().position(|c| c == name) {
            let local = EastNorth {
                east_m: column as f64 * STEP_M,
                north_m: row as f64 * -STEP_M,
            };
            return LocalFrame::new(CORNER).to_lat_lon(local);
        }
    }
    panic!("no point {name} in the sketch")
}

/// The edge from point `from` to point `to`; the first one where several run in parallel.
pub(crate) fn edge(network: &RoadNetwork, from: char, to: char) -> EdgeId {
    let key = |node| network.node_key(node) as u8 as char;
    let found = network
        .edges()
        .find(|(_, edge)| key(edge.from) == from && key(edge.to) == to);
    found.unwrap_or_else(|| panic!("no edge {from}{to}")).0
}

fn way(map: &str, id: i64, text: &str) -> Way {
    let points = text.chars().filter(|c| c.is_alphanumeric());
    Way {
        id,
        nodes: points
            .map(|c| WayNode {
                key: c as i64,
                position: at(map, c),
            })
            .collect(),
        oneway: match (text.contains('>'), text.contains('<')) {
            (true, _) => Direction::Forward,
            (_, true) => Direction::Backward,
            _ => Direction::Both,
        },
        tunnel: text.contains('='),
        layer: if text.contains('=') { -1 } else { 0 },
        name: None,
        reference: None,
        max_speed_mps: None,
        class: RoadClass::Residential,
    }
}
