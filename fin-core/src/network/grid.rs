//! The nearest edge, again and again: segments copied into the cells of a grid.
//!
//! Road segments are short and evenly spread, so that a grid finds them with one look-up where a tree takes several; copies in the
//! order of the cells lie side by side in memory. Along a drive the last answer bounds the next one, and mostly one cell
//! is looked at.

use std::ops::Range;

use super::edge::{EdgeId, Projection};
use super::geometry::{ROUNDING, SegmentPoint, closest_to_origin};
use super::{Nearby, RoadNetwork};
use crate::frame::{EastNorth, LatLon, LocalFrame};

/// At most this many cells per segment: roads may be far apart.
const CELLS_PER_SEGMENT: usize = 4;

/// Rows of cells that are looked at together.
const ROWS: usize = 4;

/// All segments of a network in a grid.
#[derive(Clone, Debug)]
pub struct SegmentGrid {
    south_west: LatLon,
    cell_lat_deg: f64,
    cell_lon_deg: f64,
    rows: usize,
    columns: usize,
    /// Where each cell's segments begin; the last is their number.
    starts: Vec<u32>,
    segments: Vec<Segment>,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    a: [f64; 2],
    b: [f64; 2],
    edge: EdgeId,
    first: u32,
}

impl Segment {
    /// The closest point to the origin of `frame`: how far along the segment, and where.
    #[inline]
    fn closest(&self, frame: &LocalFrame) -> (f64, EastNorth) {
        let local = |[lat_deg, lon_deg]: [f64; 2]| frame.to_local(LatLon { lat_deg, lon_deg });
        closest_to_origin(local(self.a), local(self.b))
    }
}

/// The place on an edge that is nearest to a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NearestEdge {
    /// The edge; of two that run over the same segment in opposite directions, that of the lower id.
    pub edge: EdgeId,
    /// Metres from the point to it.
    pub distance_m: f64,
    at: SegmentPoint,
    /// Its place among the copies.
    copy: u32,
}

impl NearestEdge {
    /// The place in full, for the point that was asked for.
    pub fn projection(&self, network: &RoadNetwork, point: LatLon) -> Projection {
        network.finish_projection(&LocalFrame::new(point), self.edge, self.at)
    }
}

impl SegmentGrid {
    /// The segments of `network` in square cells of about `cell_m` metres; larger ones where there would be more than four cells
    /// per segment. About the length of a segment is a good choice.
    ///
    /// `None` when the network has no segment, spans more than half of the globe's longitudes, or `cell_m` is not positive.
    pub fn new(network: &RoadNetwork, cell_m: f64) -> Option<Self> {
        let copies: Vec<Segment> = network
            .edges()
            .filter(|(id, edge)| edge.opposite.is_none_or(|opposite| opposite > *id))
            .flat_map(|(id, edge)| {
                let nodes = &network.ways()[edge.way as usize].nodes;
                (edge.first..edge.last).map(move |first| {
                    let [a, b] = [first, first + 1].map(|i| nodes[i as usize].position);
                    Segment {
                        a: [a.lat_deg, a.lon_deg],
                        b: [b.lat_deg, b.lon_deg],
                        edge: id,
                        first,
                    }
                })
            })
            .collect();
        let ends = || copies.iter().flat_map(|segment| [segment.a, segment.b]);
        let extreme = |axis: usize, of: fn(f64, f64) -> f64| ends().map(|end| end[axis]).reduce(of);
        let (south, west) = (extreme(0, f64::min)?, extreme(1, f64::min)?);
        let (north, east) = (extreme(0, f64::max)?, extreme(1, f64::max)?);
        if east - west > 180.0 || cell_m.is_nan() || cell_m <= 0.0 {
            return None;
        }
        let middle = LocalFrame::new(LatLon::new(0.5 * (south + north), west));
        let (lat_deg, lon_deg) = middle.degrees_of(cell_m);
        let wanted = ((north - south) / lat_deg + 1.0) * ((east - west) / lon_deg + 1.0);
        let coarser = (wanted / (CELLS_PER_SEGMENT * copies.len() + 64) as f64)
            .max(1.0)
            .sqrt();
        let (cell_lat_deg, cell_lon_deg) = (coarser * lat_deg, coarser * lon_deg);
        let mut grid = Self {
            south_west: LatLon::new(south, west),
            cell_lat_deg,
            cell_lon_deg,
            rows: ((north - south) / cell_lat_deg) as usize + 1,
            columns: ((east - west) / cell_lon_deg) as usize + 1,
            starts: Vec::new(),
            segments: Vec::new(),
        };
        grid.fill(&copies);
        Some(grid)
    }

    /// Sorts the segments into the cells that their boxes touch.
    fn fill(&mut self, copies: &[Segment]) {
        let mut counts = vec![0u32; self.rows * self.columns + 1];
        for segment in copies {
            self.each_cell(segment.a, segment.b, |cell| counts[cell + 1] += 1);
        }
        for cell in 1..counts.len() {
            counts[cell] += counts[cell - 1];
        }
        let total = counts.last().map_or(0, |&total| total as usize);
        let mut segments = vec![
            Segment {
                a: [0.0; 2],
                b: [0.0; 2],
                edge: EdgeId(0),
                first: 0
            };
            total
        ];
        let mut next = counts.clone();
        for segment in copies {
            self.each_cell(segment.a, segment.b, |cell| {
                segments[next[cell] as usize] = *segment;
                next[cell] += 1;
            });
        }
        self.starts = counts;
        self.segments = segments;
    }

    /// Calls `each` with the cells that a box touches.
    fn each_cell(&self, a: [f64; 2], b: [f64; 2], mut each: impl FnMut(usize)) {
        let (south, north) = (self.row(a[0].min(b[0])), self.row(a[0].max(b[0])));
        let (west, east) = (self.column(a[1].min(b[1])), self.column(a[1].max(b[1])));
        for row in south..=north {
            for column in west..=east {
                each(row * self.columns + column);
            }
        }
    }

    fn row(&self, lat_deg: f64) -> usize {
        // A cast takes what is below zero to zero.
        (((lat_deg - self.south_west.lat_deg) / self.cell_lat_deg) as usize).min(self.rows - 1)
    }

    fn column(&self, lon_deg: f64) -> usize {
        (((lon_deg - self.south_west.lon_deg) / self.cell_lon_deg) as usize).min(self.columns - 1)
    }

    /// The edge nearest to `point` within `radius_m`; at equal distance that of the lowest id. `last` is an earlier answer for a
    /// point near this one, if there is one: it makes the search short and changes nothing else.
    ///
    /// The first of [`RoadNetwork::nearest`]. `None` when there is none so near, or the point or the radius is not a number.
    pub fn nearest(&self, point: LatLon, radius_m: f64, last: Option<&NearestEdge>) -> Option<NearestEdge> {
        if !point.is_valid() || radius_m.is_nan() || radius_m < 0.0 {
            return None;
        }
        let frame = LocalFrame::new(point);
        let mut best = Best {
            frame,
            point,
            limit2: radius_m * radius_m * (1.0 + ROUNDING) + ROUNDING,
            found: None,
        };
        if let Some((last, segment)) =
            last.and_then(|last| Some((last, self.segments.get(last.copy as usize)?)))
        {
            best.try_one(segment, last.copy);
        }
        let (lat_deg, lon_deg) = frame.degrees_of(1.0);
        // Wider and wider squares until nothing outside can be nearer than what was found or the radius.
        let mut reach_m = 0.5 * self.cell_lat_deg / lat_deg;
        loop {
            let limit_m = best.limit2.sqrt();
            self.scan(&mut best, limit_m.min(reach_m), lat_deg, lon_deg);
            if best.limit2.sqrt() <= reach_m {
                break;
            }
            reach_m *= 2.0;
        }
        best.found.filter(|found| found.distance_m <= radius_m)
    }

    /// [`RoadNetwork::nearest`] on `network`, which has to be that of the grid.
    pub fn nearest_edges(
        &self,
        network: &RoadNetwork,
        point: LatLon,
        radius_m: f64,
        max: usize,
    ) -> Vec<Projection> {
        if !point.is_valid() || radius_m.is_nan() || radius_m < 0.0 {
            return Vec::new();
        }
        let frame = LocalFrame::new(point);
        let (lat_deg, lon_deg) = frame.degrees_of(1.0);
        let limit2 = radius_m * radius_m * (1.0 + ROUNDING) + ROUNDING;
        let runs = self.runs(point, radius_m, lat_deg, lon_deg);
        let points = runs.flat_map(|run| &self.segments[run]).filter_map(|segment| {
            let (fraction, local) = segment.closest(&frame);
            let is_near = local.square_m2() <= limit2;
            is_near.then(|| {
                let at = SegmentPoint {
                    segment: segment.first as usize,
                    fraction,
                    local,
                    distance_m: local.length_m(),
                };
                (segment.edge, at)
            })
        });
        let query = Nearby {
            radius_m,
            heading: None,
            reachable: None,
        };
        network.nearest_of(&frame, points, query, max)
    }

    /// Tries what is in the cells within `reach_m` to each side.
    fn scan(&self, best: &mut Best, reach_m: f64, lat_deg: f64, lon_deg: f64) {
        let mut runs = self.runs(best.point, reach_m, lat_deg, lon_deg);
        loop {
            // Memory has to be waited for once for each row, unless all is asked for before the first answer is needed: where
            // the rows begin, and one segment from the middle of each, which brings those around it.
            let mut rows: [Range<usize>; ROWS] = Default::default();
            let mut count = 0;
            for (row, run) in rows.iter_mut().zip(&mut runs) {
                *row = run;
                count += 1;
            }
            let mut asked = [0; ROWS];
            for (asked, row) in asked.iter_mut().zip(&rows[..count]) {
                *asked = self
                    .segments
                    .get(row.start.midpoint(row.end))
                    .map_or(0, |segment| segment.first);
            }
            std::hint::black_box(asked);
            for row in &rows[..count] {
                for (copy, segment) in (row.start as u32..).zip(&self.segments[row.clone()]) {
                    best.try_one(segment, copy);
                }
            }
            if count < ROWS {
                return;
            }
        }
    }

    /// Where the segments of the cells within `reach_m` to each side of `point` lie, one run for each row of cells.
    fn runs(
        &self,
        point: LatLon,
        reach_m: f64,
        lat_deg: f64,
        lon_deg: f64,
    ) -> impl Iterator<Item = Range<usize>> {
        let reach_m = reach_m * (1.0 + ROUNDING) + 1e-6;
        let (dlat, dlon) = (reach_m * lat_deg, reach_m * lon_deg);
        let (south, north) = (self.row(point.lat_deg - dlat), self.row(point.lat_deg + dlat));
        let (west, east) = (
            self.column(point.lon_deg - dlon),
            self.column(point.lon_deg + dlon),
        );
        // The cells of a row lie one after the other.
        (south..=north).map(move |row| {
            let (first, end) = (row * self.columns + west, row * self.columns + east + 1);
            self.starts[first] as usize..self.starts[end] as usize
        })
    }
}

/// The nearest so far.
struct Best {
    frame: LocalFrame,
    point: LatLon,
    /// What is farther, by the square of its distance, is not looked at.
    limit2: f64,
    found: Option<NearestEdge>,
}

impl Best {
    #[inline]
    fn try_one(&mut self, segment: &Segment, copy: u32) {
        let (fraction, local) = segment.closest(&self.frame);
        let distance2 = local.square_m2();
        if distance2 > self.limit2 {
            return;
        }
        let distance_m = local.length_m();
        let key = (distance_m, segment.edge, segment.first);
        let is_nearer = self
            .found
            .is_none_or(|found| key < (found.distance_m, found.edge, found.at.segment as u32));
        if is_nearer {
            self.limit2 = distance2 * (1.0 + ROUNDING) + f64::MIN_POSITIVE;
            self.found = Some(NearestEdge {
                edge: segment.edge,
                distance_m,
                at: SegmentPoint {
                    segment: segment.first as usize,
                    fraction,
                    local,
                    distance_m,
                },
                copy,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Direction, RoadClass, Way, WayNode};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_grid_finds_what_the_network_finds(
            drawn in prop::collection::vec((prop::collection::vec((-900.0..900.0_f64, -900.0..900.0_f64), 2..6), any::<bool>()), 1..12),
            origin in (-80.0..80.0_f64, -179.0..179.0_f64),
            queries in prop::collection::vec((-1500.0..1500.0_f64, -1500.0..1500.0_f64), 1..20),
            radius_m in prop_oneof![0.0..300.0_f64, Just(1e5)],
            cell_m in 5.0..500.0_f64,
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
            let network = RoadNetwork::build(ways).expect("finite points");
            let grid = SegmentGrid::new(&network, cell_m).expect("segments on one side of the globe");
            let mut last = None;
            for &query in &queries {
                let point = place(query);
                let expected = network.nearest(point, radius_m, 1).first().copied();
                let found = grid.nearest(point, radius_m, None);
                prop_assert_eq!(found.map(|found| found.projection(&network, point)), expected);
                let all = network.nearest(point, radius_m, 5);
                prop_assert_eq!(grid.nearest_edges(&network, point, radius_m, 5), all);
                let along = grid.nearest(point, radius_m, last.as_ref());
                prop_assert_eq!(along.map(|found| found.projection(&network, point)), expected);
                last = along.or(last);
            }
        }
    }

    #[test]
    fn nothing_is_near_nonsense() {
        let network = RoadNetwork::build(Vec::new()).expect("no ways are a network");
        assert!(SegmentGrid::new(&network, 100.0).is_none());
    }
}
