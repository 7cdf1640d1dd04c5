//! A drive through a tunnel as an integer row is given it, and where the row says that the car is.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use anyhow::{Context, Result};
use fin_cli::evaluate::{Sample, along_road_m, quantile};
use fin_cli::replay::estimates_at;
use fin_core::dtw::{AnchoredRow, Cost};
use fin_core::engine::Estimate;
use fin_core::fingerprint::{CellIx, FingerprintDb};
use fin_core::network::{EdgePosition, Route};
use fin_core::observation::{CellScan, Drive};
use fin_core::time::Time;

/// What bounds the advance without wheel speed, m/s.
const FASTEST_MPS: f64 = 120.0 / 3.6;
/// By what an advance may differ from the wheel's, if it is more than half a grid step: share of it, and metres.
const SLACK: (f64, f64) = (0.03, 0.5);
/// Offsets of which the best is sought, dB.
const OFFSETS_DB: RangeInclusive<i32> = -10..=10;
/// Longest way along the road between two estimates, metres.
const MOST_M: f64 = 10_000.0;

/// What is taken off all levels of a phone.
#[derive(Clone, Copy)]
pub enum Offset {
    None,
    /// The median difference from the surveys on the approach.
    Approach,
    /// What gives the least cost.
    Best,
}

/// One kind of integer row.
#[derive(Clone, Copy)]
pub struct Rules {
    /// Distance between grid points, metres.
    pub step_m: f64,
    /// The most that a level costs, dB.
    pub most_db: u32,
    /// What a level costs where no survey heard its cell, dB.
    pub unheard_db: u32,
    pub offset: Offset,
    /// What an advance costs for each metre that it differs from the usual one, and at most, dB.
    pub off_db: (f64, f64),
    /// Usual distance between scans that count, metres.
    pub news_m: f64,
}

/// A drive from the first scan in a tunnel to the last.
pub struct Ride<'a> {
    db: &'a FingerprintDb,
    /// The tunnel and the road behind it; the road before it, too, if the row begins there.
    route: Route,
    /// Where the row begins, and how far from there the car may be, metres.
    start_m: f64,
    within_m: f64,
    /// The phone's offset on the approach, dB.
    offset_db: i32,
    wheel: bool,
    heard: Vec<Heard<'a>>,
}

/// A scan after the first.
struct Heard<'a> {
    scan: &'a CellScan,
    /// Time since the scan before, seconds.
    dt_s: f64,
    /// Usual advance since the first scan, metres.
    driven_m: f64,
    /// Where the car was along the route, if that is to be scored.
    truth_m: Option<f64>,
}

impl<'a> Ride<'a> {
    /// The ride from the first of `samples`, where the engine had the car then, scored at the others; `None` when there is none.
    ///
    /// The usual advance is what the engine drives on wheel speed alone, and without wheel speed that at the speed of the beginning.
    pub fn new(db: &'a Arc<FingerprintDb>, drive: &'a Drive, samples: &[Sample]) -> Option<Self> {
        let (first, last) = (samples.first()?, samples.last()?);
        let (start, begun) = (place(&first.estimate)?, first.estimate.time);
        let inside = samples.iter().map(|sample| sample.truth.edge);
        let mut edges: Vec<_> = std::iter::once(start.edge).chain(inside).collect();
        edges.dedup();
        edges.extend(db.network.successors(last.truth.edge).first());
        let route = Route::from_edges(&db.network, edges);

        let is_inside = |scan: &&CellScan| scan.time > begun && scan.time <= last.estimate.time;
        let mut scans: Vec<&CellScan> = drive.cells.iter().filter(is_inside).collect();
        scans.dedup_by_key(|scan| scan.time);
        let times = || std::iter::once(begun).chain(scans.iter().map(|scan| scan.time));
        let wheel = !drive.speed.is_empty();
        let driven_m: Vec<f64> = if wheel {
            wheel_m(db, drive, &times().collect::<Vec<_>>())
        } else {
            let speed_mps = first.estimate.speed_mps.unwrap_or(0.0);
            times()
                .map(|time| speed_mps * time.seconds_since(begun))
                .collect()
        };
        let truth_m: BTreeMap<Time, f64> = samples[1..]
            .iter()
            .filter_map(|sample| Some((sample.estimate.time, route.chainage_m(sample.truth)?)))
            .collect();
        let heard = scans.iter().zip(times()).zip(&driven_m[1..]);
        Some(Self {
            db,
            start_m: route.chainage_m(start)?,
            within_m: first.estimate.accuracy95_m,
            offset_db: approach_offset_db(db, drive, begun),
            wheel,
            heard: heard
                .map(|((scan, before), &driven_m)| Heard {
                    scan,
                    dt_s: scan.time.seconds_since(before),
                    driven_m,
                    truth_m: truth_m.get(&scan.time).copied(),
                })
                .collect(),
            route,
        })
    }

    /// Where the usual advances alone bring the car, scan by scan, metres along the route.
    pub fn driven(&self) -> Vec<f64> {
        self.heard
            .iter()
            .map(|heard| self.start_m + heard.driven_m)
            .collect()
    }

    /// Where a row by `rules` has the car, scan by scan, metres along the route: where the cost is least, in the middle of equal ones.
    pub fn followed(&self, rules: &Rules) -> Result<Vec<f64>> {
        let map = Map::new(self.db, &self.route, rules.step_m);
        let offsets_db = match rules.offset {
            Offset::None => 0..=0,
            Offset::Approach => self.offset_db..=self.offset_db,
            Offset::Best => OFFSETS_DB,
        };
        let anchor = (self.start_m / rules.step_m).round();
        let spread = vec![0; 1 + (self.within_m / rules.step_m).ceil() as usize];
        let row = AnchoredRow::<u32>::start(map.points, (anchor as usize).min(map.points - 1), &spread)?;
        let mut rows: Vec<_> = offsets_db.map(|offset_db| (offset_db, row.clone())).collect();
        let (mut usually, mut counted_m) = (anchor, f64::NEG_INFINITY);
        let step = |heard: &Heard| {
            let at = (self.start_m + heard.driven_m) / rules.step_m;
            let prices = self.prices(at - usually, heard.dt_s, rules);
            usually = at.round();
            let counts = heard.driven_m - counted_m >= rules.news_m;
            if counts {
                counted_m = heard.driven_m;
            }
            let levels = if counts {
                map.levels(heard.scan)
            } else {
                Vec::new()
            };
            for (offset_db, row) in &mut rows {
                let costs: Vec<u32> = (0..map.points)
                    .map(|point| cost(&levels, point, *offset_db, rules))
                    .collect();
                row.advance(&costs, &prices)?;
            }
            let point = best_point(rows.iter().map(|(_, row)| row)).context("no place is possible")?;
            Ok(point * rules.step_m)
        };
        self.heard.iter().map(step).collect()
    }

    /// Errors of the places at each scan, where they are to be scored, metres.
    pub fn errors_m(&self, places_m: &[f64]) -> Vec<f64> {
        let scored = self.heard.iter().zip(places_m);
        scored
            .filter_map(|(heard, place_m)| Some((place_m - heard.truth_m?).abs()))
            .collect()
    }

    /// What it costs to advance by 0, 1, … grid points within `dt_s` when `usual` ones are usual.
    fn prices(&self, usual: f64, dt_s: f64, rules: &Rules) -> Vec<u32> {
        let (least, most) = if self.wheel {
            let slack = (SLACK.0 * usual + SLACK.1 / rules.step_m).max(0.5);
            let most = (usual + slack).floor();
            ((usual - slack).min(most), most)
        } else {
            (0.0, FASTEST_MPS * dt_s / rules.step_m)
        };
        let price = |points: usize| {
            let off_m = (points as f64 - usual).abs() * rules.step_m;
            if (points as f64) < least {
                u32::UNREACHABLE
            } else {
                (rules.off_db.0 * off_m).min(rules.off_db.1).round() as u32
            }
        };
        (0..=most as usize).map(price).collect()
    }
}

/// The sum of what the levels of a scan cost at `point`.
fn cost(levels: &[(i32, &[Option<i32>])], point: usize, offset_db: i32, rules: &Rules) -> u32 {
    let one = |(level_dbm, expected): &(i32, &[Option<i32>])| match expected[point] {
        Some(expected_dbm) => (level_dbm - offset_db - expected_dbm)
            .unsigned_abs()
            .min(rules.most_db),
        None => rules.unheard_db,
    };
    levels.iter().map(one).sum()
}

/// The middle of the points of least cost of the row that has the least.
fn best_point<'r>(rows: impl Iterator<Item = &'r AnchoredRow<u32>>) -> Option<f64> {
    let least = |row: &'r AnchoredRow<u32>| row.best().map(|(_, cost)| (cost, row));
    let (least, row) = rows.filter_map(least).min_by_key(|(cost, _)| *cost)?;
    let points = (0_u32..).zip(row.costs()).filter(|(_, cost)| **cost == least);
    let (sum, count) = points.fold((0.0, 0.0), |(sum, count), (point, _)| {
        (sum + f64::from(point), count + 1.0)
    });
    Some(sum / count)
}

/// What the surveys expect at even points along a route, whole dB.
struct Map<'a> {
    db: &'a FingerprintDb,
    expected_dbm: BTreeMap<CellIx, Vec<Option<i32>>>,
    points: usize,
}

impl<'a> Map<'a> {
    fn new(db: &'a FingerprintDb, route: &Route, step_m: f64) -> Self {
        let points = (route.length_m() / step_m) as usize + 1;
        let along = |cell| {
            let at = |point| expected_dbm(db, cell, route.locate(point as f64 * step_m)?);
            (0..points)
                .map(|point| at(point).map(|level_dbm| level_dbm.round() as i32))
                .collect()
        };
        let profiles = route.edges().iter().filter_map(|&edge| db.profile(edge));
        let cells = profiles.flat_map(|profile| profile.cells.iter().map(|levels| levels.cell));
        Self {
            db,
            expected_dbm: cells.map(|cell| (cell, along(cell))).collect(),
            points,
        }
    }

    /// The levels of the cells of `scan` that the surveys know on the route, and what is expected of those along it.
    fn levels(&self, scan: &CellScan) -> Vec<(i32, &[Option<i32>])> {
        let known = named(self.db, scan).filter_map(|(rsrp_dbm, candidates)| {
            let expected = candidates.filter_map(|cell| self.expected_dbm.get(&cell));
            let longest = expected.max_by_key(|levels| levels.iter().flatten().count())?;
            Some((rsrp_dbm.round() as i32, longest.as_slice()))
        });
        known.collect()
    }
}

/// The levels of a scan, and the cells that each may be of.
fn named<'a>(
    db: &'a FingerprintDb,
    scan: &'a CellScan,
) -> impl Iterator<Item = (f64, impl Iterator<Item = CellIx> + 'a)> + 'a {
    let serving = scan.cells.iter().find(|reading| reading.serving);
    let plmn = serving.and_then(|reading| reading.cell.plmn);
    let readings = scan.cells.iter();
    readings.filter_map(move |reading| Some((reading.rsrp_dbm?, db.cells.candidates(&reading.cell, plmn))))
}

/// The level that the surveys expect of `cell`, between two points of the grid on a line; `None` where they did not hear it.
fn expected_dbm(db: &FingerprintDb, cell: CellIx, at: EdgePosition) -> Option<f64> {
    let profile = db.profile(at.edge)?;
    let levels = profile.cell(cell)?;
    let point = at.offset_m / profile.step_m - f64::from(levels.first);
    let level_dbm = |point: f64| {
        let level_dbm = levels.mean_dbm.get(point as usize).copied();
        level_dbm.filter(|_| point >= 0.0).map(f64::from)
    };
    let (low, high) = (level_dbm(point.floor()), level_dbm(point.ceil()));
    let (low, high) = (low.or(high)?, high.or(low)?);
    Some(low + (point - point.floor()) * (high - low))
}

/// The median of what the phone's levels lie above the surveys' up to `end`, where the engine has the car, whole dB; 0 when there is none.
fn approach_offset_db(db: &Arc<FingerprintDb>, drive: &Drive, end: Time) -> i32 {
    let mut scans: Vec<&CellScan> = drive.cells.iter().filter(|scan| scan.time < end).collect();
    scans.dedup_by_key(|scan| scan.time);
    let times: Vec<Time> = scans.iter().map(|scan| scan.time).collect();
    let (estimates, _) = estimates_at(db, drive, &times);
    let placed = scans
        .iter()
        .zip(estimates)
        .filter_map(|(scan, estimate)| Some((scan, place(&estimate?)?)));
    let mut offsets_db: Vec<f64> = placed
        .flat_map(|(scan, at)| {
            named(db, scan).filter_map(move |(rsrp_dbm, mut candidates)| {
                Some(rsrp_dbm - candidates.find_map(|cell| expected_dbm(db, cell, at))?)
            })
        })
        .collect();
    offsets_db.sort_by(f64::total_cmp);
    quantile(&offsets_db, 0.5).round() as i32
}

/// How far the engine, on wheel speed alone, has the car driven since the first of `times`, at each of them, metres.
fn wheel_m(db: &Arc<FingerprintDb>, drive: &Drive, times: &[Time]) -> Vec<f64> {
    let alone = Drive {
        cells: Vec::new(),
        ..drive.clone()
    };
    let (estimates, _) = estimates_at(db, &alone, times);
    let places = || estimates.iter().map(|estimate| place(estimate.as_ref()?));
    let begun = places().next().flatten();
    let driven = |driven_m: &mut f64, place: Option<EdgePosition>| {
        let since_m = begun
            .zip(place)
            .and_then(|(begun, place)| along_road_m(&db.network, begun, place, MOST_M));
        *driven_m = driven_m.max(since_m.unwrap_or(0.0));
        Some(*driven_m)
    };
    places().scan(0.0, driven).collect()
}

/// Where the engine has the car on the roads.
fn place(estimate: &Estimate) -> Option<EdgePosition> {
    let road = estimate.road?;
    Some(EdgePosition {
        edge: road.edge,
        offset_m: road.edge_offset_m,
    })
}
