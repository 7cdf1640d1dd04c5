//! The nearest of a million road segments: for points anywhere, and for the fixes of a drive.

use std::sync::OnceLock;

use fin_core::frame::{EastNorth, LatLon, LocalFrame};
use fin_core::network::{Direction, RoadClass, RoadNetwork, SegmentGrid, Way, WayNode};
use geo_index::rtree::sort::HilbertSort;
use geo_index::rtree::{RTreeBuilder, RTreeIndex};
use rstar::{AABB, PointDistance, RTree, RTreeObject};
use static_aabb2d_index::{StaticAABB2DIndex, StaticAABB2DIndexBuilder};

use crate::Work;
use crate::inputs::Random;

/// Crossings along each side: 2 · 708 · 707 segments.
const SIDE: usize = 708;
const BLOCK_M: f64 = 120.0;
const QUERIES: usize = 10_000;
/// Boxes that the tree of boxes is asked for before their segments are compared.
const NEAR_M: f64 = 120.0;

/// Around the equator, where one plane is as good as the plane of each query.
struct City {
    frame: LocalFrame,
    crossings: Vec<[f64; 2]>,
    network: RoadNetwork,
    anywhere: Vec<[f64; 2]>,
    drive: Vec<[f64; 2]>,
}

#[derive(Clone, Copy)]
struct Line([f64; 2], [f64; 2]);

impl RTreeObject for Line {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> AABB<[f64; 2]> {
        AABB::from_corners(self.0, self.1)
    }
}

impl PointDistance for Line {
    fn distance_2(&self, point: &[f64; 2]) -> f64 {
        let Line(a, b) = self;
        let along = [b[0] - a[0], b[1] - a[1]];
        let to = [point[0] - a[0], point[1] - a[1]];
        let length2 = along[0] * along[0] + along[1] * along[1];
        let share = ((to[0] * along[0] + to[1] * along[1]) / length2).clamp(0.0, 1.0);
        let off = [to[0] - share * along[0], to[1] - share * along[1]];
        off[0] * off[0] + off[1] * off[1]
    }
}

fn city() -> &'static City {
    static CITY: OnceLock<City> = OnceLock::new();
    CITY.get_or_init(|| {
        let mut random = Random(7);
        let half_m = 0.5 * SIDE as f64 * BLOCK_M;
        let crossings: Vec<[f64; 2]> = (0..SIDE * SIDE)
            .map(|at| {
                let [row, column] = [at / SIDE, at % SIDE].map(|i| i as f64 * BLOCK_M - half_m);
                [
                    column + 30.0 * random.normal().clamp(-1.0, 1.0),
                    row + 30.0 * random.normal().clamp(-1.0, 1.0),
                ]
            })
            .collect();
        let frame = LocalFrame::new(LatLon::new(0.0, 11.0));
        let node = |at: usize| WayNode {
            key: at as i64,
            position: place(&frame, crossings[at]),
        };
        let rows = (0..SIDE).map(|row| (0..SIDE).map(|column| node(row * SIDE + column)).collect());
        let columns = (0..SIDE).map(|column| (0..SIDE).map(|row| node(row * SIDE + column)).collect());
        let ways = (1..).zip(rows.chain(columns)).map(|(id, nodes)| Way {
            id,
            nodes,
            oneway: Direction::Both,
            tunnel: false,
            layer: 0,
            name: None,
            reference: None,
            max_speed_mps: None,
            class: RoadClass::Residential,
        });
        let network = RoadNetwork::build(ways.collect()).expect("the ways of a chequerboard make a network");
        let anywhere = (0..QUERIES)
            .map(|_| {
                [random.uniform(), random.uniform()].map(|share| (2.0 * share - 1.0) * (half_m - BLOCK_M))
            })
            .collect();
        let drive = drive(&crossings, &mut random);
        City {
            frame,
            crossings,
            network,
            anywhere,
            drive,
        }
    })
}

fn place(frame: &LocalFrame, [east_m, north_m]: [f64; 2]) -> LatLon {
    frame.to_lat_lon(EastNorth { east_m, north_m })
}

/// A fix every 12 m, noise of 5 m, up a stair of streets.
fn drive(crossings: &[[f64; 2]], random: &mut Random) -> Vec<[f64; 2]> {
    let (mut row, mut column) = (10, 10);
    let mut fixes = Vec::new();
    while fixes.len() < QUERIES {
        let from = crossings[row * SIDE + column];
        if (row + column) / 4 % 2 == 0 {
            column += 1
        } else {
            row += 1
        }
        let to = crossings[row * SIDE + column];
        for step in 0..10 {
            let share = f64::from(step) / 10.0;
            fixes.push(
                [0, 1].map(|axis| from[axis] + share * (to[axis] - from[axis]) + 5.0 * random.normal()),
            );
        }
    }
    fixes.truncate(QUERIES);
    fixes
}

fn lines(city: &City) -> Vec<Line> {
    let at = |row: usize, column: usize| city.crossings[row * SIDE + column];
    let along = (0..SIDE).flat_map(|row| (1..SIDE).map(move |column| (row, column)));
    along
        .flat_map(|(i, j)| [Line(at(i, j - 1), at(i, j)), Line(at(j - 1, i), at(j, i))])
        .collect()
}

/// The boxes within a distance, then the nearest of their segments.
fn among(lines: &[Line], found: impl IntoIterator<Item = usize>, point: &[f64; 2]) -> f64 {
    let distances = found.into_iter().map(|index| lines[index].distance_2(point));
    distances.fold(f64::INFINITY, f64::min).sqrt()
}

/// `edgerandom` or `edgedrive`: the mean distance of all queries.
pub fn prepare(kind: &str, by: &str) -> Option<Work> {
    if kind != "edgerandom" && kind != "edgedrive" {
        return None;
    }
    let city = city();
    let points = if kind == "edgerandom" {
        &city.anywhere
    } else {
        &city.drive
    };
    let mean = |distances: f64| vec![distances / QUERIES as f64];
    let lines = lines(city);
    match by {
        "rstar" => {
            let tree = RTree::bulk_load(lines);
            Some(Box::new(move || {
                let distance = |point: &[f64; 2]| {
                    tree.nearest_neighbor(*point)
                        .map_or(0.0, |line| line.distance_2(point).sqrt())
                };
                mean(points.iter().map(distance).sum())
            }))
        }
        "geo-index" => {
            let mut builder = RTreeBuilder::<f64>::new(lines.len() as u32);
            for Line(a, b) in &lines {
                builder.add(a[0].min(b[0]), a[1].min(b[1]), a[0].max(b[0]), a[1].max(b[1]));
            }
            let tree = builder.finish::<HilbertSort>();
            Some(Box::new(move || {
                let distance = |point: &[f64; 2]| {
                    let found = tree.search(
                        point[0] - NEAR_M,
                        point[1] - NEAR_M,
                        point[0] + NEAR_M,
                        point[1] + NEAR_M,
                    );
                    among(&lines, found.into_iter().map(|index| index as usize), point)
                };
                mean(points.iter().map(distance).sum())
            }))
        }
        "static_aabb2d_index" => {
            let mut builder = StaticAABB2DIndexBuilder::<f64>::new(lines.len());
            for Line(a, b) in &lines {
                builder.add(a[0].min(b[0]), a[1].min(b[1]), a[0].max(b[0]), a[1].max(b[1]));
            }
            let tree: StaticAABB2DIndex<f64> = builder.build().ok()?;
            Some(Box::new(move || {
                let distance = |point: &[f64; 2]| {
                    let found = tree.query(
                        point[0] - NEAR_M,
                        point[1] - NEAR_M,
                        point[0] + NEAR_M,
                        point[1] + NEAR_M,
                    );
                    among(&lines, found, point)
                };
                mean(points.iter().map(distance).sum())
            }))
        }
        "network" => {
            let points: Vec<LatLon> = points.iter().map(|&point| place(&city.frame, point)).collect();
            Some(Box::new(move || {
                let nearest = |&point: &LatLon| city.network.nearest(point, 200.0, 1)[0].distance_m;
                mean(points.iter().map(nearest).sum())
            }))
        }
        _ => {
            let points: Vec<LatLon> = points.iter().map(|&point| place(&city.frame, point)).collect();
            let grid = SegmentGrid::new(&city.network, 100.0)?;
            let follows = kind == "edgedrive";
            Some(Box::new(move || {
                let mut last = None;
                let mut total = 0.0;
                for &point in &points {
                    let found = grid.nearest(point, 200.0, last.as_ref().filter(|_| follows));
                    total += found.map_or(0.0, |found| found.distance_m);
                    last = found;
                }
                mean(total)
            }))
        }
    }
}
