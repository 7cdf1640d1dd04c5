//! Ways whose points are known by reference, and the points: put together.

use super::error::{Place, RoadsError};
use super::{Losses, MAX_POINTS, Roads};
use fin_core::frame::LatLon;
use fin_core::network::{Way, WayNode};
use std::collections::HashSet;
use std::path::Path;

/// Ways as OSM files have them: attributes and references to points that stand elsewhere in the file.
#[derive(Debug, Default)]
pub(super) struct Collector {
    ways: Vec<(Way, Vec<i64>)>,
    seen: HashSet<i64>,
    points: usize,
    /// All ways of the file, roads or not.
    pub(super) ways_in_file: usize,
    losses: Losses,
}

impl Collector {
    /// Takes down a road and its references.
    pub(super) fn push(&mut self, path: &Path, way: Way, refs: Vec<i64>) -> Result<(), RoadsError> {
        if !self.seen.insert(way.id) {
            self.losses.repeated_ways += 1;
            return Ok(());
        }
        self.points += refs.len();
        if self.points > MAX_POINTS {
            return Err(RoadsError::TooLarge {
                path: path.to_owned(),
                limit: MAX_POINTS as u64,
                what: "points on roads",
            });
        }
        self.ways.push((way, refs));
        Ok(())
    }

    /// A table with room for each point that a road refers to.
    pub(super) fn points(&self) -> Points {
        let mut ids: Vec<i64> = self
            .ways
            .iter()
            .flat_map(|(_, refs)| refs.iter().copied())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        Points {
            positions: vec![None; ids.len()],
            ids,
        }
    }

    /// The roads with their points.
    pub(super) fn finish(self, path: &Path, points: &Points) -> Result<Roads, RoadsError> {
        let (found, in_file) = (self.ways.len(), self.ways_in_file);
        let mut roads = Roads {
            ways: Vec::with_capacity(found),
            losses: self.losses,
        };
        for (mut way, refs) in self.ways {
            let known: Vec<Option<WayNode>> = refs.iter().map(|&id| points.get(id)).collect();
            let missing = known.iter().filter(|node| node.is_none()).count();
            let run = known
                .split(Option::is_none)
                .rev()
                .max_by_key(|run| run.len())
                .unwrap_or(&[]);
            roads.losses.missing_points += missing;
            if run.len() < 2 {
                roads.losses.short_ways += 1;
                continue;
            }
            roads.losses.clipped_ways += usize::from(missing > 0);
            way.nodes = run.iter().flatten().copied().collect();
            roads.ways.push(way);
        }
        if roads.ways.is_empty() {
            let found = match (in_file, found) {
                (0, _) => "no ways".to_owned(),
                (all, 0) => format!("{all} ways and none of them such a road"),
                (_, roads) => format!("{roads} such roads, but not the points of any"),
            };
            return Err(RoadsError::NoRoads {
                path: path.to_owned(),
                found,
            });
        }
        Ok(roads)
    }
}

/// Positions of points by id.
#[derive(Debug)]
pub(super) struct Points {
    ids: Vec<i64>,
    positions: Vec<Option<LatLon>>,
}

impl Points {
    /// Whether a road refers to point `id`.
    pub(super) fn wants(&self, id: i64) -> bool {
        self.ids.binary_search(&id).is_ok()
    }

    /// Takes down where point `id` is, if a road refers to it and its position was not given before.
    pub(super) fn set(&mut self, path: &Path, id: i64, position: LatLon) -> Result<(), RoadsError> {
        let Ok(at) = self.ids.binary_search(&id) else {
            return Ok(());
        };
        if !position.is_valid() {
            return Err(RoadsError::Malformed {
                path: path.to_owned(),
                place: Place::Node(id),
                reason: position_reason(position),
            });
        }
        self.positions[at].get_or_insert(position);
        Ok(())
    }

    fn get(&self, id: i64) -> Option<WayNode> {
        let at = self.ids.binary_search(&id).ok()?;
        Some(WayNode {
            key: id,
            position: self.positions[at]?,
        })
    }
}

/// What is wrong with a position that is not on earth.
pub(super) fn position_reason(position: LatLon) -> String {
    format!(
        "expected a latitude of −90…90 and a longitude of −180…180, found {}, {}",
        position.lat_deg, position.lon_deg
    )
}
