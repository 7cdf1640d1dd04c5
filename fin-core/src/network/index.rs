//! What is near a point: an R-tree over the segments of all ways.

use super::edge::{Edge, EdgeId, EdgePosition, Projection};
use super::geometry::SegmentPoint;
use super::path::Reach;
use super::{RoadNetwork, Way};
use crate::frame::{LatLon, LocalFrame, bearing_difference_deg};
use rstar::{AABB, RTree, RTreeObject};
use std::collections::BTreeMap;

/// The bounding boxes of all segments in degrees; exact metres are worked out per query.
#[derive(Clone, Debug)]
pub(super) struct SegmentIndex(RTree<Segment>);

#[derive(Clone, Copy, Debug)]
struct Segment {
    bounds: AABB<[f64; 2]>,
    /// The edge over the segment that has the lower id; the other one, if any, is its opposite.
    edge: EdgeId,
    first: u32,
}

impl RTreeObject for Segment {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        self.bounds
    }
}

impl SegmentIndex {
    pub(super) fn new(ways: &[Way], edges: &[Edge]) -> SegmentIndex {
        let mut segments = Vec::new();
        for (id, edge) in (0_u32..).map(EdgeId).zip(edges) {
            if edge.opposite.is_some_and(|opposite| opposite < id) {
                continue;
            }
            for first in edge.first..edge.last {
                let nodes = &ways[edge.way as usize].nodes;
                let [a, b] = [first, first + 1].map(|i| nodes[i as usize].position);
                let bounds = AABB::from_corners([a.lon_deg, a.lat_deg], [b.lon_deg, b.lat_deg]);
                segments.push(Segment {
                    bounds,
                    edge: id,
                    first,
                });
            }
        }
        SegmentIndex(RTree::bulk_load(segments))
    }

    /// Segments whose box touches the square of half-width `radius_m` around the frame's origin.
    fn candidates(&self, frame: &LocalFrame, origin: LatLon, radius_m: f64) -> impl Iterator<Item = Segment> {
        // A hair wider than the radius, so that rounding here never hides what the exact distance would let in.
        let (dlat, dlon) = frame.degrees_of(radius_m * (1.0 + 1e-9) + 1e-6);
        let square = AABB::from_corners(
            [origin.lon_deg - dlon, origin.lat_deg - dlat],
            [origin.lon_deg + dlon, origin.lat_deg + dlat],
        );
        self.0.locate_in_envelope_intersecting(square).copied()
    }
}

/// A question to [`RoadNetwork::nearby`]: what lies within a radius, and which of it counts.
#[derive(Clone, Copy, Debug)]
pub struct Nearby<'a> {
    /// Largest distance from the point, metres.
    pub radius_m: f64,
    /// Only edges whose driving direction at the closest point differs from this bearing (degrees clockwise from north)
    /// by at most the second number (degrees).
    pub heading: Option<(f64, f64)>,
    /// Only places that can be reached, see [`RoadNetwork::reach`].
    pub reachable: Option<&'a Reach<'a>>,
}

impl RoadNetwork {
    /// The up to `max` edges within `radius_m` metres of `point`, each with its closest point; nearest first, at equal
    /// distance by edge id. Empty when the point or the radius is not a number.
    pub fn nearest(&self, point: LatLon, radius_m: f64, max: usize) -> Vec<Projection> {
        self.nearby(
            point,
            Nearby {
                radius_m,
                heading: None,
                reachable: None,
            },
            max,
        )
    }

    /// Whether an edge that `counts` runs within `radius_m` metres of `point`. Of the two directions of a road, only that of the
    /// lower id is asked about. `false` when the point or the radius is not a number.
    pub fn is_near(&self, point: LatLon, radius_m: f64, counts: impl Fn(EdgeId) -> bool) -> bool {
        if !point.is_valid() || radius_m.is_nan() || radius_m < 0.0 {
            return false;
        }
        let frame = LocalFrame::new(point);
        self.index
            .candidates(&frame, point, radius_m)
            .filter(|segment| counts(segment.edge))
            .any(|segment| {
                let way = self.edge(segment.edge).way;
                self.project_segment(&frame, way, segment.first as usize)
                    .distance_m
                    <= radius_m
            })
    }

    /// Like [`nearest`](Self::nearest), with only those edges that satisfy all of `query`.
    pub fn nearby(&self, point: LatLon, query: Nearby<'_>, max: usize) -> Vec<Projection> {
        if !point.is_valid() || query.radius_m.is_nan() || query.radius_m < 0.0 {
            return Vec::new();
        }
        let frame = LocalFrame::new(point);
        let segments = self.index.candidates(&frame, point, query.radius_m);
        let at = segments.map(|segment| {
            let way = self.edge(segment.edge).way;
            let at = self.project_segment(&frame, way, segment.first as usize);
            (segment.edge, at)
        });
        self.nearest_of(&frame, at, query, max)
    }

    /// Of edges with points of theirs, in any order and any number of times, the up to `max` that satisfy `query`, each with its
    /// closest point; nearest first, at equal distance by edge id.
    pub(super) fn nearest_of(
        &self,
        frame: &LocalFrame,
        points: impl Iterator<Item = (EdgeId, SegmentPoint)>,
        query: Nearby<'_>,
        max: usize,
    ) -> Vec<Projection> {
        let mut best: BTreeMap<EdgeId, SegmentPoint> = BTreeMap::new();
        for (edge, at) in points.filter(|(_, at)| at.distance_m <= query.radius_m) {
            best.entry(edge)
                .and_modify(|best| {
                    if (at.distance_m, at.segment) < (best.distance_m, best.segment) {
                        *best = at;
                    }
                })
                .or_insert(at);
        }
        let mut found: Vec<Projection> = best
            .into_iter()
            .flat_map(|(id, at)| {
                [Some(id), self.opposite(id)]
                    .into_iter()
                    .flatten()
                    .map(move |id| (id, at))
            })
            .map(|(id, at)| self.finish_projection(frame, id, at))
            .filter(|projection| query.admits(projection))
            .collect();
        found.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then(a.edge.cmp(&b.edge)));
        found.truncate(max);
        found
    }
}

impl Nearby<'_> {
    fn admits(&self, at: &Projection) -> bool {
        let aligned = self.heading.is_none_or(|(bearing_deg, tolerance_deg)| {
            bearing_difference_deg(bearing_deg, at.bearing_deg).abs() <= tolerance_deg
        });
        let place = EdgePosition {
            edge: at.edge,
            offset_m: at.offset_m,
        };
        aligned
            && self
                .reachable
                .is_none_or(|reach| reach.distance_m(place).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::super::sketch::{at, edge, network};
    use super::super::{Direction, RoadClass, WayNode};
    use super::*;
    use crate::frame::EastNorth;
    use proptest::prelude::*;

    const PARALLEL: &str = "
        A-------B-------C
        |
        D-------E-------F";

    #[test]
    fn heading_and_reach_narrow_the_answer() {
        let net = network(PARALLEL, &["ABC>", "DEF<", "AD"]);
        let point = LatLon::new(at(PARALLEL, 'B').lat_deg - 1e-5, at(PARALLEL, 'B').lon_deg);
        let all = net.nearest(point, 50.0, 9);
        assert_eq!(
            all.iter().map(|p| p.edge).collect::<Vec<_>>(),
            [edge(&net, 'A', 'C'), edge(&net, 'F', 'D')]
        );
        assert_eq!(net.nearest(point, 50.0, 1).len(), 1);
        let lower = edge(&net, 'F', 'D');
        let distance_m = all[1].distance_m;
        assert!(net.is_near(point, distance_m + 0.01, |id| id == lower));
        assert!(!net.is_near(point, distance_m - 0.01, |id| id == lower));
        assert!(net.nearest(point, 0.5, 9).is_empty());

        let westward = Nearby {
            radius_m: 50.0,
            heading: Some((250.0, 30.0)),
            reachable: None,
        };
        assert_eq!(net.nearby(point, westward, 9), [all[1]]);

        // From the upper road one comes to the lower one only against its direction.
        let start = EdgePosition {
            edge: all[0].edge,
            offset_m: 0.0,
        };
        let reach = net.reach(start, 500.0);
        let reachable = Nearby {
            radius_m: 50.0,
            heading: None,
            reachable: Some(&reach),
        };
        assert_eq!(net.nearby(point, reachable, 9), [all[0]]);
    }

    #[test]
    fn nonsense_finds_nothing() {
        let net = network(PARALLEL, &["ABC"]);
        assert!(net.nearest(LatLon::new(f64::NAN, 8.0), 50.0, 9).is_empty());
        assert!(net.nearest(LatLon::new(91.0, 8.0), 50.0, 9).is_empty());
        assert!(net.nearest(at(PARALLEL, 'B'), f64::NAN, 9).is_empty());
        assert!(net.nearest(at(PARALLEL, 'B'), -1.0, 9).is_empty());
        assert_eq!(net.nearest(at(PARALLEL, 'B'), f64::INFINITY, 9).len(), 2);
        assert!(
            network(PARALLEL, &[])
                .nearest(at(PARALLEL, 'B'), 1e9, 9)
                .is_empty()
        );
    }

    prop_compose! {
        fn any_way()(
            points in prop::collection::vec((-400.0..400.0_f64, -400.0..400.0_f64), 2..6),
            one_way in any::<bool>(),
        ) -> (Vec<(f64, f64)>, bool) {
            (points, one_way)
        }
    }

    proptest! {
        #[test]
        fn nearest_is_what_asking_every_edge_gives(
            drawn in prop::collection::vec(any_way(), 1..12), origin in (-80.0..80.0_f64, -179.0..179.0_f64),
            query in (-400.0..400.0_f64, -400.0..400.0_f64), radius_m in 0.0..300.0_f64, max in 0..20_usize,
        ) {
            let frame = LocalFrame::new(LatLon::new(origin.0, origin.1));
            let place = |(east_m, north_m)| frame.to_lat_lon(EastNorth { east_m, north_m });
            let mut key = 0;
            let ways = drawn.iter().zip(1..).map(|((points, one_way), id)| Way {
                id,
                nodes: points.iter().map(|&p| { key += 1; WayNode { key, position: place(p) } }).collect(),
                oneway: if *one_way { Direction::Forward } else { Direction::Both },
                tunnel: false, layer: 0, name: None, reference: None, max_speed_mps: None, class: RoadClass::Road,
            }).collect();
            let net = RoadNetwork::build(ways).unwrap();
            let mut expected: Vec<Projection> = net.edges()
                .map(|(id, _)| net.project(id, place(query)))
                .filter(|p| p.distance_m <= radius_m)
                .collect();
            expected.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then(a.edge.cmp(&b.edge)));
            expected.truncate(max);
            prop_assert_eq!(net.nearest(place(query), radius_m, max), expected);
        }
    }
}
