//! The road network: directed edges between junctions, places on them, what is near, how far, and where the tunnels are.
//!
//! ```
//! use fin_core::frame::LatLon;
//! use fin_core::network::{Direction, RoadClass, RoadNetwork, Way, WayNode};
//!
//! let node = |key, lat, lon| WayNode { key, position: LatLon::new(lat, lon) };
//! let road = Way {
//!     id: 7,
//!     nodes: vec![node(1, 47.0, 8.0), node(2, 47.001, 8.0), node(3, 47.002, 8.0)],
//!     oneway: Direction::Both,
//!     tunnel: false,
//!     layer: 0,
//!     name: None,
//!     reference: None,
//!     max_speed_mps: None,
//!     class: RoadClass::Primary,
//! };
//! let network = RoadNetwork::build(vec![road])?;
//! let near = network.nearest(LatLon::new(47.001, 8.0001), 30.0, 4);
//! assert_eq!(near.len(), 2); // both directions of the one edge
//! assert!((near[0].distance_m - 7.6).abs() < 0.1);
//! # Ok::<(), fin_core::network::NetworkError>(())
//! ```

mod adjacency;
mod build;
mod edge;
mod geometry;
mod grid;
mod index;
mod path;
mod route;
#[cfg(test)]
pub(crate) mod sketch;
mod tunnel;
mod way;

pub use build::{MAX_WAY_NODES, NetworkError};
pub use edge::{Edge, EdgeId, EdgePosition, NodeId, Pose, Projection, TunnelId};
pub use grid::{NearestEdge, SegmentGrid};
pub use index::Nearby;
pub use path::{Begun, Path, Reach};
pub use route::Route;
pub use tunnel::{Portal, Tunnel};
pub use way::{Direction, RoadClass, Way, WayNode};

use crate::frame::LatLon;
use adjacency::Adjacency;
use build::{Line, Node, Parts};
use index::SegmentIndex;

/// Roads as a directed graph.
///
/// Ways are cut where they meet; each stretch gives one [`Edge`] per direction in which it may be driven.
/// The same ways in the same order give the same ids.
#[derive(Clone, Debug)]
pub struct RoadNetwork {
    ways: Vec<Way>,
    lines: Vec<Line>,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    out_edges: Adjacency,
    in_edges: Adjacency,
    successors: Adjacency,
    predecessors: Adjacency,
    index: SegmentIndex,
    tunnels: Vec<Tunnel>,
}

impl RoadNetwork {
    /// The network of `ways`.
    ///
    /// Repeated points and points at the same place as their neighbour are merged; ways of fewer than two distinct points are
    /// left out.
    ///
    /// # Errors
    /// A coordinate out of range, a node key at two places, a way id used twice, or more than [`MAX_WAY_NODES`] points.
    pub fn build(ways: Vec<Way>) -> Result<RoadNetwork, NetworkError> {
        let Parts {
            ways,
            lines,
            nodes,
            edges,
        } = build::cut(ways)?;
        let numbered = || (0_u32..).map(EdgeId).zip(&edges);
        let out_edges = Adjacency::new(
            nodes.len(),
            numbered().map(|(id, edge)| (edge.from.0, id)).collect(),
        );
        let in_edges = Adjacency::new(
            nodes.len(),
            numbered().map(|(id, edge)| (edge.to.0, id)).collect(),
        );
        let mut onward: Vec<(u32, EdgeId)> = Vec::new();
        for (id, edge) in numbered() {
            let all = out_edges.of(edge.to.index());
            let ahead = all.iter().filter(|&&next| Some(next) != edge.opposite);
            let before = onward.len();
            onward.extend(ahead.map(|&next| (id.0, next)));
            if onward.len() == before {
                onward.extend(edge.opposite.map(|back| (id.0, back)));
            }
        }
        let backward = onward.iter().map(|&(id, next)| (next.0, EdgeId(id))).collect();
        let index = SegmentIndex::new(&ways, &edges);
        let mut network = RoadNetwork {
            successors: Adjacency::new(edges.len(), onward),
            predecessors: Adjacency::new(edges.len(), backward),
            ways,
            lines,
            nodes,
            edges,
            out_edges,
            in_edges,
            index,
            tunnels: Vec::new(),
        };
        tunnel::find(&mut network);
        Ok(network)
    }

    /// The ways of the network, cleaned, in the order given.
    pub fn ways(&self) -> &[Way] {
        &self.ways
    }

    /// The way that `id` is part of.
    ///
    /// # Panics
    /// Here and below: when the id is not from this network.
    pub fn way_of(&self, id: EdgeId) -> &Way {
        &self.ways[self.edge(id).way as usize]
    }

    /// All edges, in the order of their ids.
    pub fn edges(&self) -> impl ExactSizeIterator<Item = (EdgeId, &Edge)> {
        self.edges
            .iter()
            .enumerate()
            .map(|(i, edge)| (EdgeId(i as u32), edge))
    }

    /// How many directed edges there are; ids run from 0 to one less.
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// The edge `id`.
    pub fn edge(&self, id: EdgeId) -> &Edge {
        &self.edges[id.index()]
    }

    /// The same stretch as `id` in the other direction; `None` on one-way roads.
    pub fn opposite(&self, id: EdgeId) -> Option<EdgeId> {
        self.edge(id).opposite
    }

    /// Where one can go on from the end of `id`, ascending.
    ///
    /// Turning back onto the opposite edge is in the list only at dead ends, where it is all there is.
    pub fn successors(&self, id: EdgeId) -> &[EdgeId] {
        self.successors.of(id.index())
    }

    /// From where one can have come to the beginning of `id`, ascending: the edges that have `id` as successor.
    pub fn predecessors(&self, id: EdgeId) -> &[EdgeId] {
        self.predecessors.of(id.index())
    }

    /// How many junctions and way ends there are; ids run from 0 to one less.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Where node `id` is.
    pub fn node_position(&self, id: NodeId) -> LatLon {
        self.nodes[id.index()].position
    }

    /// The key that node `id` has in the ways.
    pub fn node_key(&self, id: NodeId) -> i64 {
        self.nodes[id.index()].key
    }

    /// The edges that begin at node `id`, ascending.
    pub fn out_edges(&self, id: NodeId) -> &[EdgeId] {
        self.out_edges.of(id.index())
    }

    /// The edges that end at node `id`, ascending.
    pub fn in_edges(&self, id: NodeId) -> &[EdgeId] {
        self.in_edges.of(id.index())
    }
}
