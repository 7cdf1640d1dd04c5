//! Profiles along one chain of edges.

use super::cells::CellIx;
use super::chain::{Chain, Chains};
use super::evidence::{Bin, CellEvidence, POINTS_PER_BIN, stored};
use super::field::{Field, FieldReading, estimate};
use super::placed::{PlacedScan, REACH_M};
use super::profile::{CellProfile, EdgeProfile, GRID_STEP_M, quantise_mean, quantise_spread};
use crate::network::{EdgeId, RoadNetwork};

/// Everything that was heard on a chain and close to its ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    readings: Vec<Reading>,
    scans: Vec<Span>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    cell: u32,
    field: Option<FieldReading>,
    serving: bool,
    span: Span,
}

/// The part of the line for which a scan of a drive speaks.
#[derive(Clone, Copy, Debug)]
struct Span {
    drive: u32,
    from_m: f64,
    to_m: f64,
    /// Whether the drive was on the chain itself, not only near it.
    counts: bool,
}

/// What was heard on and near each chain, by chain. Cells are those of the directory. Levels heard in the other direction of a
/// road are put `across_shift_m` further on; they tell of levels alone, not of passes.
pub(super) fn collect(
    chains: &Chains,
    drives: &[Vec<PlacedScan<'_>>],
    offsets_db: &[f64],
    across_shift_m: f64,
) -> Vec<Heard> {
    let mut heard = vec![Heard::default(); chains.all().len()];
    for ((drive, scans), offset_db) in (0..).zip(drives).zip(offsets_db) {
        let mut driven = vec![false; chains.all().len()];
        scans
            .iter()
            .for_each(|scan| driven[scan.place.chain as usize] = true);
        for scan in scans {
            for place in std::iter::once(scan.place).chain(chains.near(scan.at)) {
                let counts = driven[place.chain as usize] && scan.summary.is_none();
                let half_step_m = 0.5 * GRID_STEP_M;
                let span = Span {
                    drive,
                    from_m: place.x_m - scan.reach_back_m.max(half_step_m),
                    to_m: place.x_m + scan.reach_ahead_m.max(half_step_m),
                    counts,
                };
                let into = &mut heard[place.chain as usize];
                into.scans.push(span);
                into.add(scan, *offset_db, place.x_m, span, false);
            }
            let across = chains.across(scan.at);
            let places = across
                .into_iter()
                .flat_map(|at| chains.place(at).into_iter().chain(chains.near(at)));
            for place in places {
                let x_m = place.x_m + across_shift_m;
                let span = Span {
                    drive,
                    from_m: x_m,
                    to_m: x_m,
                    counts: false,
                };
                heard[place.chain as usize].add(scan, *offset_db, x_m, span, true);
            }
        }
    }
    heard
}

impl Heard {
    /// Adds the readings of `scan` at `x_m`, heard in this direction of the road or in the other.
    fn add(&mut self, scan: &PlacedScan<'_>, offset_db: f64, x_m: f64, span: Span, across: bool) {
        self.readings.extend(scan.scan.readings.iter().map(|reading| {
            let field = reading.level_dbm.map(|level_dbm| FieldReading {
                x_m,
                level_dbm: level_dbm - offset_db,
                noise_db2: scan.noise_db2,
                variance_db2: scan.variance_db2,
                drive: span.drive,
                across,
                summary: scan.summary,
            });
            Reading {
                cell: reading.cell,
                field,
                serving: reading.serving,
                span,
            }
        }));
    }
}

/// An edge with its profile and what its cells' levels rest on.
pub(super) type Estimated = (EdgeId, EdgeProfile, Vec<CellEvidence>);

/// The profiles of the edges of `chain`.
pub(super) fn profiles(chain: &Chain, heard: &Heard, network: &RoadNetwork) -> Vec<Estimated> {
    let mut grid_m: Vec<f64> = Vec::new();
    let mut edges: Vec<(EdgeId, std::ops::Range<usize>, f64)> = Vec::new();
    for (&edge, &start_m) in chain.edges.iter().zip(&chain.starts_m) {
        let (points, step_m) = EdgeProfile::grid(network.edge(edge).length_m);
        let first = grid_m.len();
        grid_m.extend((0..points).map(|i| start_m + step_m * f64::from(i)));
        edges.push((edge, first..grid_m.len(), step_m));
    }
    let passes = count(&grid_m, heard.scans.iter());
    let mut profiles: Vec<Estimated> = edges
        .iter()
        .map(|(edge, points, step_m)| {
            let profile = EdgeProfile {
                points: points.len() as u32,
                step_m: *step_m,
                passes: passes[points.clone()].to_vec(),
                cells: Vec::new(),
                usual_mps: Vec::new(),
            };
            (*edge, profile, Vec::new())
        })
        .collect();
    let mut by_cell: Vec<&Reading> = heard.readings.iter().collect();
    by_cell.sort_by_key(|reading| reading.cell);
    for readings in by_cell.chunk_by(|a, b| a.cell == b.cell) {
        let Some(line) = CellLine::new(readings, &grid_m) else {
            continue;
        };
        let cell = CellIx(readings[0].cell);
        for ((_, points, step_m), (_, profile, evidence)) in edges.iter().zip(&mut profiles) {
            profile.cells.extend(line.profile(cell, points.clone()));
            let ends_m = (grid_m[points.start], grid_m[points.end - 1]);
            let is_last = points.end == grid_m.len();
            let bins = line.bins(ends_m, is_last, *step_m);
            if !bins.is_empty() {
                evidence.push(CellEvidence { cell, bins });
            }
        }
    }
    profiles
}

/// One cell along the grid of a chain.
struct CellLine {
    readings: Vec<FieldReading>,
    field: Field,
    /// Whether a reading of this direction is near enough: what the other alone heard would make databases a quarter larger and place
    /// cars no better.
    near: Vec<bool>,
    passes: Vec<u16>,
    serving: Vec<u16>,
}

impl CellLine {
    /// `None` when none of the `readings` has a level.
    fn new(readings: &[&Reading], grid_m: &[f64]) -> Option<Self> {
        let mut field: Vec<FieldReading> = readings.iter().filter_map(|reading| reading.field).collect();
        if field.is_empty() {
            return None;
        }
        field.sort_by(|a, b| a.x_m.total_cmp(&b.x_m));
        let own = field.iter().filter(|reading| !reading.across);
        let own_m: Vec<f64> = own.map(|reading| reading.x_m).collect();
        let near = grid_m.iter().map(|&x_m| {
            let next = own_m.partition_point(|&own_m| own_m < x_m);
            let around = &own_m[next.saturating_sub(1)..(next + 1).min(own_m.len())];
            around.iter().any(|own_m| (own_m - x_m).abs() <= REACH_M)
        });
        let near = near.collect();
        let with_level = readings.iter().filter(|reading| reading.field.is_some());
        let serving = readings.iter().filter(|reading| reading.serving);
        Some(Self {
            field: estimate(&field, grid_m),
            readings: field,
            near,
            passes: count(grid_m, with_level.map(|reading| &reading.span)),
            serving: count(grid_m, serving.map(|reading| &reading.span)),
        })
    }

    /// The readings of this direction between `ends_m`, summed by pieces of an edge with grid points `step_m` apart. A reading at the end is
    /// of the next edge, unless the edge is the last.
    fn bins(&self, ends_m: (f64, f64), is_last: bool, step_m: f64) -> Vec<Bin> {
        let from = self.readings.partition_point(|reading| reading.x_m < ends_m.0);
        let to = self
            .readings
            .partition_point(|reading| reading.x_m < ends_m.1 || (is_last && reading.x_m <= ends_m.1));
        let piece = |at: &usize| {
            let point = libm::round((self.readings[*at].x_m - ends_m.0) / step_m) as u32;
            point / POINTS_PER_BIN
        };
        let within = (from..to.max(from)).filter(|&at| !self.readings[at].across);
        let within: Vec<usize> = within.collect();
        let pieces = within.chunk_by(|a, b| piece(a) == piece(b));
        pieces.map(|at| stored(self.sum(piece(&at[0]), at))).collect()
    }

    fn sum(&self, index: u32, at: &[usize]) -> Bin {
        let weighted = || {
            at.iter()
                .map(|&i| (1.0 / self.field.variances_db2[i], &self.readings[i]))
        };
        let weight_per_db2: f64 = weighted().map(|(weight, _)| weight).sum();
        let mean_dbm = weighted().map(|(weight, r)| weight * r.level_dbm).sum::<f64>() / weight_per_db2;
        let square_db2 = |r: &FieldReading| {
            let own_db2 = r.summary.map_or(0.0, |summary| summary.scatter_db2);
            (r.level_dbm - mean_dbm) * (r.level_dbm - mean_dbm) + own_db2
        };
        let squares_db2: f64 = weighted().map(|(weight, r)| weight * square_db2(r)).sum();
        Bin {
            index,
            weight_per_db2,
            mean_dbm,
            scatter_db: (squares_db2 / weight_per_db2).sqrt(),
        }
    }

    /// The run on the grid points `points` of an edge, from the first to the last that is near a reading; points between
    /// that are not are bridged, with the spread that this takes. `None` without any.
    fn profile(&self, cell: CellIx, points: std::ops::Range<usize>) -> Option<CellProfile> {
        let near = &self.near[points.clone()];
        let first = near.iter().position(|&near| near)?;
        let last = near.iter().rposition(|&near| near)?;
        let run = points.start + first..points.start + last + 1;
        Some(CellProfile {
            cell,
            first: first as u32,
            mean_dbm: self.field.levels[run.clone()]
                .iter()
                .map(|level| quantise_mean(level.mean_dbm))
                .collect(),
            spread_db: self.field.levels[run.clone()]
                .iter()
                .map(|level| quantise_spread(level.spread_db))
                .collect(),
            passes: self.passes[run.clone()].to_vec(),
            serving: self.serving[run].to_vec(),
        })
    }
}

/// How many drives have a span over each of `grid_m`; the spans are in the order of their drives.
fn count<'a>(grid_m: &[f64], spans: impl Iterator<Item = &'a Span>) -> Vec<u16> {
    let mut counts = vec![0_u16; grid_m.len()];
    let mut last_drive: Vec<Option<u32>> = vec![None; grid_m.len()];
    for span in spans.filter(|span| span.counts) {
        let from = grid_m.partition_point(|&x_m| x_m < span.from_m);
        let to = grid_m.partition_point(|&x_m| x_m <= span.to_m);
        for point in from..to {
            if last_drive[point] != Some(span.drive) {
                last_drive[point] = Some(span.drive);
                counts[point] = counts[point].saturating_add(1);
            }
        }
    }
    counts
}
