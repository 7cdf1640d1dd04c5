//! Directed edges and places on them.

use serde::{Deserialize, Serialize};

use crate::frame::LatLon;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
            pub struct $name(pub u32);

            impl $name {
                /// The id as an index into a list with one entry per id.
                pub const fn index(self) -> usize {
                    self.0 as usize
                }
            }
        )*
    };
}

ids! {
    /// Dense number of a directed edge: 0…`edge_count` − 1, the same for the same ways in the same order.
    EdgeId,
    /// Dense number of a junction or an end of a way.
    NodeId,
    /// Dense number of a tunnel.
    TunnelId
}

/// A stretch of a way between two junctions, in one driving direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// Index of the way in [`RoadNetwork::ways`](super::RoadNetwork::ways).
    pub way: u32,
    /// Where the edge begins, in driving direction.
    pub from: NodeId,
    /// Where the edge ends, in driving direction.
    pub to: NodeId,
    /// Length, metres; greater than zero.
    pub length_m: f64,
    /// Distance of the edge's beginning from the first node of the way, metres along the way's own direction.
    pub way_start_m: f64,
    /// Whether driving along the edge is driving against the way's own direction.
    pub reversed: bool,
    /// The tunnel that the edge is part of.
    pub tunnel: Option<TunnelId>,
    /// The same stretch in the other direction; `None` on one-way roads.
    pub opposite: Option<EdgeId>,
    /// Index of the stretch's first node in the way, in the way's own direction.
    pub(super) first: u32,
    /// Index of the stretch's last node in the way, in the way's own direction.
    pub(super) last: u32,
}

/// A place on the network: so many metres along a directed edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EdgePosition {
    /// The edge.
    pub edge: EdgeId,
    /// Metres from the edge's beginning, 0…its length.
    pub offset_m: f64,
}

/// Where a place on the network is on earth and which way it looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// Position.
    pub position: LatLon,
    /// Driving direction, degrees clockwise from north, 0…360.
    pub bearing_deg: f64,
}

/// The point of an edge that is closest to a given point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Projection {
    /// The edge.
    pub edge: EdgeId,
    /// Metres from the edge's beginning to the closest point.
    pub offset_m: f64,
    /// Metres from the given point to the closest point.
    pub distance_m: f64,
    /// The closest point.
    pub position: LatLon,
    /// Driving direction of the edge there, degrees clockwise from north, 0…360.
    pub bearing_deg: f64,
}

impl Projection {
    /// The closest point as a place on the network.
    pub fn place(&self) -> EdgePosition {
        EdgePosition {
            edge: self.edge,
            offset_m: self.offset_m,
        }
    }
}
