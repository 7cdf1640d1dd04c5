//! What makes matching fast on a network that is used again and again.

use super::distances::EdgeDistances;
use crate::frame::LatLon;
use crate::network::{EdgePosition, Projection, Reach, RoadNetwork, SegmentGrid};

/// Side of the grid's cells, metres: about the radius within which roads are looked for.
const CELL_M: f64 = 60.0;

/// A network's segments in a grid, and its short ways in a table.
#[derive(Clone, Debug)]
pub struct MatchTables {
    grid: Option<SegmentGrid>,
    distances: EdgeDistances,
}

impl MatchTables {
    /// The tables of `network`, with ways of up to `max_m` metres; longer ones are searched for as without tables. Between two
    /// fixes a second apart lie less than 100 m.
    pub fn new(network: &RoadNetwork, max_m: f64) -> Self {
        Self {
            grid: SegmentGrid::new(network, CELL_M),
            distances: EdgeDistances::new(network, max_m),
        }
    }

    /// The table of short ways.
    pub fn distances(&self) -> &EdgeDistances {
        &self.distances
    }
}

/// A network with its tables, where there are any. They change no answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Roads<'a> {
    pub(super) network: &'a RoadNetwork,
    pub(super) tables: Option<&'a MatchTables>,
}

impl<'a> Roads<'a> {
    /// See [`RoadNetwork::nearest`].
    pub(super) fn nearest(self, point: LatLon, radius_m: f64, max: usize) -> Vec<Projection> {
        match self.tables.and_then(|tables| tables.grid.as_ref()) {
            Some(grid) => grid.nearest_edges(self.network, point, radius_m, max),
            None => self.network.nearest(point, radius_m, max),
        }
    }

    /// See [`RoadNetwork::reach_places`].
    pub(super) fn reach(self, from: EdgePosition, to: &[EdgePosition], max_m: f64) -> Reach<'a> {
        let known = self
            .tables
            .and_then(|tables| tables.distances.reach(self.network, from, max_m));
        known.unwrap_or_else(|| self.network.reach_places(from, to, max_m))
    }
}
