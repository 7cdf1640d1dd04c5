//! From ways to edges: cleans the ways, finds the junctions, cuts the ways there.

use super::edge::{Edge, EdgeId, NodeId};
use super::way::Way;
use crate::frame::{LatLon, LocalFrame};

/// Most points that the ways of one network may have together; keeps every index inside 32 bits.
pub const MAX_WAY_NODES: usize = 1 << 30;

/// Why ways cannot make a road network.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NetworkError {
    /// A coordinate is not a number or out of range.
    #[error(
        "way {way}, point {index}: expected a latitude of −90…90 and a longitude of −180…180, got {lat_deg}, {lon_deg}"
    )]
    Position {
        /// Way id.
        way: i64,
        /// Index of the point in the way.
        index: usize,
        /// Latitude as given.
        lat_deg: f64,
        /// Longitude as given.
        lon_deg: f64,
    },
    /// The same node key stands at two places.
    #[error("way {way}: node {key} was at {first:?} in an earlier way and is at {second:?} here")]
    NodeMoved {
        /// Way id.
        way: i64,
        /// Node key.
        key: i64,
        /// Position in the earlier way.
        first: LatLon,
        /// Position in this way.
        second: LatLon,
    },
    /// Two ways have the same id.
    #[error("way {way} appears twice; way ids have to be unique")]
    DuplicateWay {
        /// Way id.
        way: i64,
    },
    /// More points than a network can hold.
    #[error("the ways have {nodes} points; at most {MAX_WAY_NODES} are supported")]
    TooLarge {
        /// Points of all ways.
        nodes: usize,
    },
}

/// A junction or an end of a way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) key: i64,
    pub(super) position: LatLon,
}

/// A way's measures: distance from its first point and direction of the segment that starts there, per point.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) offsets_m: Vec<f64>,
    pub(super) bearings_deg: Vec<f64>,
}

/// What [`cut`] returns.
pub(super) struct Parts {
    pub(super) ways: Vec<Way>,
    pub(super) lines: Vec<Line>,
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
}

/// Nodes by key: positions checked, points at one place merged, occurrences counted.
struct KeyTable {
    keys: Vec<i64>,
    parent: Vec<u32>,
    positions: Vec<LatLon>,
    uses: Vec<u32>,
}

impl KeyTable {
    fn new(ways: &[Way]) -> Result<KeyTable, NetworkError> {
        let total: usize = ways.iter().map(|way| way.nodes.len()).sum();
        if total > MAX_WAY_NODES {
            return Err(NetworkError::TooLarge { nodes: total });
        }
        let mut keys: Vec<i64> = ways
            .iter()
            .flat_map(|way| way.nodes.iter().map(|node| node.key))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let unset = LatLon::new(f64::NAN, f64::NAN);
        let mut table = KeyTable {
            parent: (0..keys.len() as u32).collect(),
            positions: vec![unset; keys.len()],
            uses: vec![0; keys.len()],
            keys,
        };
        for way in ways {
            for (index, node) in way.nodes.iter().enumerate() {
                let LatLon { lat_deg, lon_deg } = node.position;
                if !node.position.is_valid() {
                    return Err(NetworkError::Position {
                        way: way.id,
                        index,
                        lat_deg,
                        lon_deg,
                    });
                }
                let at = table.index_of(node.key);
                let first = table.positions[at];
                if first.lat_deg.is_nan() {
                    table.positions[at] = node.position;
                } else if first != node.position {
                    let second = node.position;
                    return Err(NetworkError::NodeMoved {
                        way: way.id,
                        key: node.key,
                        first,
                        second,
                    });
                }
            }
        }
        Ok(table)
    }

    fn index_of(&self, key: i64) -> usize {
        self.keys
            .binary_search(&key)
            .expect("every key of every way was put into the table")
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.parent[at] as usize != at {
            let above = self.parent[self.parent[at] as usize];
            self.parent[at] = above;
            at = above as usize;
        }
        at
    }

    /// Makes one node of neighbours in a way that stand at the same place, as a segment without length has no direction.
    fn merge_coincident(&mut self, ways: &[Way]) {
        for pair in ways.iter().flat_map(|way| way.nodes.windows(2)) {
            if pair[0].position.distance_m(pair[1].position) == 0.0 {
                let (a, b) = (self.index_of(pair[0].key), self.index_of(pair[1].key));
                let (a, b) = (self.root(a), self.root(b));
                self.parent[a.max(b)] = a.min(b) as u32;
            }
        }
    }

    /// Rewrites the ways with merged nodes, leaves out repeated points and ways of fewer than two, and counts uses.
    fn clean(&mut self, ways: Vec<Way>) -> Vec<Way> {
        let mut kept = Vec::with_capacity(ways.len());
        for mut way in ways {
            for node in &mut way.nodes {
                let at = self.index_of(node.key);
                let at = self.root(at);
                (node.key, node.position) = (self.keys[at], self.positions[at]);
            }
            way.nodes.dedup_by_key(|node| node.key);
            if way.nodes.len() < 2 {
                continue;
            }
            for node in &way.nodes {
                let at = self.index_of(node.key);
                self.uses[at] += 1;
            }
            kept.push(way);
        }
        kept
    }
}

/// The ways cleaned, measured and cut at every node that is an end of a way or is passed more than once.
pub(super) fn cut(ways: Vec<Way>) -> Result<Parts, NetworkError> {
    let mut ids: Vec<i64> = ways.iter().map(|way| way.id).collect();
    ids.sort_unstable();
    if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(NetworkError::DuplicateWay { way: pair[0] });
    }
    let mut table = KeyTable::new(&ways)?;
    table.merge_coincident(&ways);
    let ways = table.clean(ways);
    for way in &ways {
        // An end counts twice, so that it becomes a node even where nothing else meets it.
        for end in [way.nodes[0], way.nodes[way.nodes.len() - 1]] {
            let at = table.index_of(end.key);
            table.uses[at] += 1;
        }
    }

    let lines: Vec<Line> = ways.iter().map(measure).collect();
    let mut nodes: Vec<Node> = Vec::new();
    let mut node_ids: Vec<Option<NodeId>> = vec![None; table.keys.len()];
    let mut edges: Vec<Edge> = Vec::new();
    for (index, way) in ways.iter().enumerate() {
        let mut start: Option<(usize, NodeId)> = None;
        for (i, node) in way.nodes.iter().enumerate() {
            let at = table.index_of(node.key);
            if table.uses[at] < 2 {
                continue;
            }
            let id = *node_ids[at].get_or_insert_with(|| {
                nodes.push(Node {
                    key: node.key,
                    position: node.position,
                });
                NodeId(nodes.len() as u32 - 1)
            });
            if let Some((first, from)) = start {
                push_edges(
                    &mut edges,
                    way,
                    &lines[index].offsets_m,
                    index as u32,
                    (first, from),
                    (i, id),
                );
            }
            start = Some((i, id));
        }
    }
    Ok(Parts {
        ways,
        lines,
        nodes,
        edges,
    })
}

/// Appends the one or two directed edges of the stretch of `way` between two of its points.
fn push_edges(
    edges: &mut Vec<Edge>,
    way: &Way,
    offsets_m: &[f64],
    way_index: u32,
    (first, from): (usize, NodeId),
    (last, to): (usize, NodeId),
) {
    let id = edges.len() as u32;
    let both = way.oneway.forward() && way.oneway.backward();
    let forward = Edge {
        way: way_index,
        from,
        to,
        length_m: offsets_m[last] - offsets_m[first],
        way_start_m: offsets_m[first],
        reversed: false,
        tunnel: None,
        opposite: both.then_some(EdgeId(id + 1)),
        first: first as u32,
        last: last as u32,
    };
    if way.oneway.forward() {
        edges.push(forward);
    }
    if way.oneway.backward() {
        edges.push(Edge {
            from: to,
            to: from,
            way_start_m: offsets_m[last],
            reversed: true,
            opposite: both.then_some(EdgeId(id)),
            ..forward
        });
    }
}

fn measure(way: &Way) -> Line {
    let mut line = Line {
        offsets_m: Vec::with_capacity(way.nodes.len()),
        bearings_deg: Vec::with_capacity(way.nodes.len()),
    };
    let mut offset_m = 0.0;
    line.offsets_m.push(offset_m);
    for pair in way.nodes.windows(2) {
        let (a, b) = (pair[0].position, pair[1].position);
        offset_m += a.distance_m(b);
        line.offsets_m.push(offset_m);
        let half_way = LocalFrame::new(LatLon::new(0.5 * (a.lat_deg + b.lat_deg), a.lon_deg));
        line.bearings_deg
            .push(half_way.to_local(b).minus(half_way.to_local(a)).bearing_deg());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::super::sketch::{edge, network, ways};
    use super::super::{RoadNetwork, WayNode};
    use super::*;
    use proptest::prelude::*;

    const CROSS: &str = "
            D
            |
        A---B---C
            |
            E";

    #[test]
    fn ways_are_cut_where_they_share_a_point() {
        let net = network(CROSS, &["ABC", "DBE>"]);
        assert_eq!(net.edge_count(), 6);
        let (ab, bc) = (edge(&net, 'A', 'B'), edge(&net, 'B', 'C'));
        assert_eq!(net.successors(ab), [bc, edge(&net, 'B', 'E')]);
        assert_eq!(net.predecessors(bc), [ab, edge(&net, 'D', 'B')]);
        assert_eq!(net.opposite(ab), Some(edge(&net, 'B', 'A')));
        assert_eq!(net.opposite(edge(&net, 'D', 'B')), None);
        assert!((net.edge(bc).way_start_m - 40.0).abs() < 1e-3);
        assert!((net.edge(edge(&net, 'C', 'B')).way_start_m - 80.0).abs() < 1e-3);
    }

    #[test]
    fn turning_back_is_for_dead_ends() {
        let net = network(CROSS, &["ABC", "DB<"]);
        let (bc, cb) = (edge(&net, 'B', 'C'), edge(&net, 'C', 'B'));
        assert_eq!(net.successors(bc), [cb]);
        assert_eq!(net.successors(cb), [edge(&net, 'B', 'A'), edge(&net, 'B', 'D')]);
        assert_eq!(net.successors(edge(&net, 'B', 'D')), []);
        // A one-way street that only leads here is no way on.
        let net = network(CROSS, &["AB", "BC<"]);
        assert_eq!(net.successors(edge(&net, 'A', 'B')), [edge(&net, 'B', 'A')]);
    }

    #[test]
    fn a_way_over_a_shared_point_that_nobody_else_turns_at_stays_whole() {
        let net = network(CROSS, &["ABC"]);
        assert_eq!(net.edge_count(), 2);
        assert_eq!(net.node_count(), 2);
        assert_eq!(net.geometry(edge(&net, 'C', 'A')).len(), 3);
    }

    #[test]
    fn closed_and_self_crossing_ways() {
        let ring = "A--B
                    D--C";
        let net = network(ring, &["ABCDA"]);
        assert_eq!(net.edge_count(), 2);
        let round = edge(&net, 'A', 'A');
        assert_eq!(net.successors(round), [round]);
        // A loop with a tail: cut where the way meets itself.
        let net = network("A--B--C\n   |  |\n   E--D", &["ABCDEB>"]);
        assert_eq!(net.edge_count(), 2);
        assert_eq!(net.successors(edge(&net, 'A', 'B')), [edge(&net, 'B', 'B')]);
    }

    #[test]
    fn points_without_distance_are_merged() {
        let mut doubled = ways(CROSS, &["AABCC", "DBE"]);
        // Another key at B's place, used as a junction by a second way.
        let b = doubled[0].nodes[2].position;
        doubled[0].nodes.insert(
            3,
            WayNode {
                key: 900,
                position: b,
            },
        );
        doubled[1].nodes[1] = WayNode {
            key: 900,
            position: b,
        };
        let net = RoadNetwork::build(doubled).unwrap();
        assert_eq!((net.edge_count(), net.node_count()), (8, 5));
        assert!(net.edges().all(|(_, edge)| edge.length_m > 19.9));
        assert_eq!(net.successors(edge(&net, 'A', 'B')).len(), 3);
        // What was cleaned builds the same network again.
        let again = RoadNetwork::build(net.ways().to_vec()).unwrap();
        assert!(
            again
                .edges()
                .map(|(_, edge)| *edge)
                .eq(net.edges().map(|(_, edge)| *edge))
        );
    }

    proptest! {
        #[test]
        fn the_ways_of_a_network_build_it_again(texts in prop::collection::vec("[A-E]{0,6}[<>]?", 0..8)) {
            let net = network(CROSS, &texts.iter().map(String::as_str).collect::<Vec<_>>());
            let again = RoadNetwork::build(net.ways().to_vec()).unwrap();
            prop_assert!(again.edges().map(|(_, edge)| *edge).eq(net.edges().map(|(_, edge)| *edge)));
            for (id, edge) in net.edges() {
                prop_assert_eq!(again.successors(id), net.successors(id));
                prop_assert!(edge.length_m > 0.0);
                prop_assert!(net.successors(id).iter().all(|&next| net.predecessors(next).contains(&id)));
                prop_assert!(net.predecessors(id).iter().all(|&last| net.successors(last).contains(&id)));
            }
        }
    }

    #[test]
    fn ways_without_extent_are_left_out() {
        let net = network(CROSS, &["A", "", "BB", "BC"]);
        assert_eq!(net.ways().iter().map(|way| way.id).collect::<Vec<_>>(), [4]);
        assert_eq!(network(CROSS, &[]).edge_count(), 0);
    }

    #[test]
    fn bad_ways_are_named() {
        let mut bad = ways(CROSS, &["AB"]);
        bad[0].nodes[1].position = LatLon::new(91.0, 8.0);
        let text = RoadNetwork::build(bad).unwrap_err().to_string();
        assert_eq!(
            text,
            "way 1, point 1: expected a latitude of −90…90 and a longitude of −180…180, got 91, 8"
        );
        let mut bad = ways(CROSS, &["AB", "AC"]);
        bad[1].nodes[0].position.lat_deg += 0.1;
        assert!(matches!(
            RoadNetwork::build(bad),
            Err(NetworkError::NodeMoved { way: 2, key: 65, .. })
        ));
        let mut bad = ways(CROSS, &["AB", "AC"]);
        bad[1].id = 1;
        assert_eq!(
            RoadNetwork::build(bad).unwrap_err(),
            NetworkError::DuplicateWay { way: 1 }
        );
    }
}
