//! Places on edges: from metres along an edge to a point on earth and back.

use super::edge::{EdgeId, EdgePosition, Pose, Projection};
use super::{RoadNetwork, WayNode};
use crate::frame::{EastNorth, LatLon, LocalFrame};

impl RoadNetwork {
    /// The points of edge `id` in driving direction; at least two.
    pub fn geometry(&self, id: EdgeId) -> Vec<LatLon> {
        let mut points: Vec<LatLon> = self.stretch(id).iter().map(|node| node.position).collect();
        if self.edge(id).reversed {
            points.reverse();
        }
        points
    }

    /// Position and driving direction `offset_m` metres along edge `id`; the offset is clamped to the edge.
    ///
    /// At a bend the direction is that of the piece ahead. Between two points of the line, latitude and longitude are interpolated.
    pub fn point_at(&self, id: EdgeId, offset_m: f64) -> Pose {
        let edge = self.edge(id);
        let line = &self.lines[edge.way as usize];
        let way_m = self.way_offset_m(id, offset_m);
        let (first, last) = (edge.first as usize, edge.last as usize);
        let offsets = &line.offsets_m[first..=last];
        let passed = if edge.reversed {
            offsets.partition_point(|&o| o < way_m)
        } else {
            offsets.partition_point(|&o| o <= way_m)
        };
        let i = first + passed.clamp(1, last - first) - 1;
        let (a, b) = (line.offsets_m[i], line.offsets_m[i + 1]);
        let nodes = &self.ways[edge.way as usize].nodes;
        let position = interpolate(nodes[i].position, nodes[i + 1].position, (way_m - a) / (b - a));
        Pose {
            position,
            bearing_deg: driving_bearing_deg(line.bearings_deg[i], edge.reversed),
        }
    }

    /// The way that a place on edge `id` lies on, by id, and the distance of the place from the way's first node, metres
    /// along the way's own direction; the offset is clamped to the edge.
    pub fn way_position(&self, id: EdgeId, offset_m: f64) -> (i64, f64) {
        (self.way_of(id).id, self.way_offset_m(id, offset_m))
    }

    /// The point of edge `id` closest to `point`; of several equally close ones, the first in the way's own direction.
    pub fn project(&self, id: EdgeId, point: LatLon) -> Projection {
        let frame = LocalFrame::new(point);
        let edge = self.edge(id);
        let (first, last) = (edge.first as usize, edge.last as usize);
        let nodes = &self.ways[edge.way as usize].nodes;
        let mut best = self.project_segment(&frame, edge.way, first);
        let mut a = frame.to_local(nodes[first + 1].position);
        for segment in first + 1..last {
            let b = frame.to_local(nodes[segment + 1].position);
            let (fraction, local) = closest_to_origin(a, b);
            a = b;
            // The root is drawn only of what may be the least.
            if local.square_m2() <= best.local.square_m2() * (1.0 + ROUNDING) {
                let distance_m = local.length_m();
                if distance_m < best.distance_m {
                    best = SegmentPoint {
                        segment,
                        fraction,
                        local,
                        distance_m,
                    };
                }
            }
        }
        self.finish_projection(&frame, id, best)
    }

    /// The place as the other direction of the road sees it; `None` on one-way roads.
    pub fn opposite_position(&self, at: EdgePosition) -> Option<EdgePosition> {
        let edge = self.edge(at.edge);
        Some(EdgePosition {
            edge: edge.opposite?,
            offset_m: edge.length_m - clamp(at.offset_m, edge.length_m),
        })
    }

    /// The closest point of one segment of a way to the origin of `frame`.
    pub(super) fn project_segment(&self, frame: &LocalFrame, way: u32, segment: usize) -> SegmentPoint {
        let nodes = &self.ways[way as usize].nodes;
        let a = frame.to_local(nodes[segment].position);
        let b = frame.to_local(nodes[segment + 1].position);
        let (fraction, local) = closest_to_origin(a, b);
        SegmentPoint {
            segment,
            fraction,
            local,
            distance_m: local.length_m(),
        }
    }

    /// What is known of a segment's closest point, told as a place on edge `id`, which has to run over the segment.
    pub(super) fn finish_projection(&self, frame: &LocalFrame, id: EdgeId, at: SegmentPoint) -> Projection {
        let edge = self.edge(id);
        let line = &self.lines[edge.way as usize];
        let (a, b) = (line.offsets_m[at.segment], line.offsets_m[at.segment + 1]);
        let way_m = a + at.fraction * (b - a);
        let offset_m = if edge.reversed {
            edge.way_start_m - way_m
        } else {
            way_m - edge.way_start_m
        };
        Projection {
            edge: id,
            offset_m: clamp(offset_m, edge.length_m),
            distance_m: at.distance_m,
            position: frame.to_lat_lon(at.local),
            bearing_deg: driving_bearing_deg(line.bearings_deg[at.segment], edge.reversed),
        }
    }

    fn stretch(&self, id: EdgeId) -> &[WayNode] {
        let edge = self.edge(id);
        &self.ways[edge.way as usize].nodes[edge.first as usize..=edge.last as usize]
    }

    fn way_offset_m(&self, id: EdgeId, offset_m: f64) -> f64 {
        let edge = self.edge(id);
        let offset_m = clamp(offset_m, edge.length_m);
        if edge.reversed {
            edge.way_start_m - offset_m
        } else {
            edge.way_start_m + offset_m
        }
    }
}

/// The closest point of a segment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SegmentPoint {
    /// Index of the segment's first point in its way.
    pub(super) segment: usize,
    /// 0 at the segment's first point, 1 at its second.
    pub(super) fraction: f64,
    /// The point in the frame of the query.
    pub(super) local: EastNorth,
    /// Distance from the frame's origin, metres.
    pub(super) distance_m: f64,
}

/// Squares of distances are compared up to this share, so that rounding does not hide what the distance itself puts first.
pub(super) const ROUNDING: f64 = 1e-9;

/// The point of the segment from `a` to `b` that is closest to the origin: 0…1 along it, and where.
#[inline]
pub(super) fn closest_to_origin(a: EastNorth, b: EastNorth) -> (f64, EastNorth) {
    let ab = b.minus(a);
    let length2 = ab.square_m2();
    let along = -(a.east_m * ab.east_m + a.north_m * ab.north_m);
    let fraction = if length2 > 0.0 {
        clamp(along / length2, 1.0)
    } else {
        0.0
    };
    let local = EastNorth {
        east_m: a.east_m + fraction * ab.east_m,
        north_m: a.north_m + fraction * ab.north_m,
    };
    (fraction, local)
}

/// `value` held to 0…`upper`; 0 for NaN.
pub(super) fn clamp(value: f64, upper: f64) -> f64 {
    value.max(0.0).min(upper)
}

fn driving_bearing_deg(way_bearing_deg: f64, reversed: bool) -> f64 {
    if !reversed {
        way_bearing_deg
    } else if way_bearing_deg < 180.0 {
        way_bearing_deg + 180.0
    } else {
        way_bearing_deg - 180.0
    }
}

fn interpolate(a: LatLon, b: LatLon, fraction: f64) -> LatLon {
    LatLon::new(
        a.lat_deg + fraction * (b.lat_deg - a.lat_deg),
        a.lon_deg + fraction * (b.lon_deg - a.lon_deg),
    )
}

#[cfg(test)]
mod tests {
    use super::super::sketch::{at, edge, network};
    use super::*;
    use proptest::prelude::*;

    const BEND: &str = "
        A----B
             |
             |
             C";

    #[test]
    fn places_on_a_bent_edge() {
        let net = network(BEND, &["ABC"]);
        let ac = edge(&net, 'A', 'C');
        let pose = net.point_at(ac, 25.0);
        assert!((pose.bearing_deg - 90.0).abs() < 1e-3);
        assert!(net.project(ac, pose.position).distance_m < 1e-6);
        let corner_m = at(BEND, 'A').distance_m(at(BEND, 'B'));
        assert!((net.point_at(ac, corner_m).bearing_deg - 180.0).abs() < 1e-3);
        // Seen from the other side, the piece ahead at the corner is the other one.
        let ca = edge(&net, 'C', 'A');
        let back_m = net.edge(ca).length_m - corner_m;
        assert!((net.point_at(ca, back_m + 1e-6).bearing_deg - 270.0).abs() < 1e-3);
        assert!((net.point_at(ca, back_m - 1e-6).bearing_deg - 0.0).abs() < 1e-3);
        for (offset_m, end) in [(-5.0, 'A'), (f64::NAN, 'A'), (1e9, 'C')] {
            assert!(net.point_at(ac, offset_m).position.distance_m(at(BEND, end)) < 1e-6);
        }
    }

    #[test]
    fn way_positions_follow_the_geometry() {
        let net = network(BEND, &["AB", "CB"]);
        let bc = edge(&net, 'B', 'C');
        let (way, offset_m) = net.way_position(bc, 10.0);
        assert_eq!(way, 2);
        assert!((offset_m - 20.0).abs() < 1e-2, "{offset_m}");
        let turned = net
            .opposite_position(EdgePosition {
                edge: bc,
                offset_m: 10.0,
            })
            .unwrap();
        assert_eq!(net.way_position(turned.edge, turned.offset_m), (way, offset_m));
    }

    proptest! {
        #[test]
        fn projecting_a_point_of_the_edge_gives_its_place_back(share in 0.0..1.0_f64, backward in any::<bool>()) {
            let net = network(BEND, &["ABC"]);
            let id = if backward { edge(&net, 'C', 'A') } else { edge(&net, 'A', 'C') };
            let offset_m = share * net.edge(id).length_m;
            let found = net.project(id, net.point_at(id, offset_m).position);
            prop_assert!((found.offset_m - offset_m).abs() < 1e-4, "{} became {}", offset_m, found.offset_m);
            prop_assert!(found.distance_m < 1e-6);
        }

        #[test]
        fn point_at_a_projection_is_the_projected_point(east in -30.0..90.0_f64, north in -60.0..20.0_f64) {
            let net = network(BEND, &["ABC"]);
            let point = LocalFrame::new(at(BEND, 'A')).to_lat_lon(EastNorth { east_m: east, north_m: north });
            let found = net.project(edge(&net, 'A', 'C'), point);
            let pose = net.point_at(found.edge, found.offset_m);
            prop_assert!(pose.position.distance_m(found.position) < 1e-6);
            prop_assert!((pose.position.distance_m(point) - found.distance_m).abs() < 1e-3);
        }
    }
}
