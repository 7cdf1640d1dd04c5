//! Fingerprints along directed edges.

use std::sync::Arc;

use super::cells::{CellIx, CellTable};
use super::evidence::Evidence;
use crate::network::{EdgeId, RoadNetwork};

/// Nominal distance between the grid points of a profile, metres; the grid of an edge is the even one nearest to it.
pub const GRID_STEP_M: f64 = 5.0;

/// Steps of stored means, dB, and the lowest mean, dBm: the lowest that any technology reports.
const MEAN_STEP_DB: f64 = 0.5;
const MEAN_LOWEST_DBM: f64 = -156.0;
/// Steps of stored spreads, dB.
const SPREAD_STEP_DB: f64 = 0.125;

/// `mean_dbm` as a database can store it.
pub(super) fn quantise_mean(mean_dbm: f64) -> f32 {
    mean_from_code(mean_code(mean_dbm))
}

/// `spread_db` as a database can store it: at least one step.
pub(super) fn quantise_spread(spread_db: f64) -> f32 {
    spread_from_code(spread_code(spread_db))
}

/// The code of the mean nearest to `mean_dbm`; means above −28.5 dBm get the last one.
pub(super) fn mean_code(mean_dbm: f64) -> u8 {
    libm::round((mean_dbm - MEAN_LOWEST_DBM) / MEAN_STEP_DB).clamp(0.0, 255.0) as u8
}

/// The code of the spread nearest to `spread_db`, at least 1; spreads above 31.875 dB get the last one.
pub(super) fn spread_code(spread_db: f64) -> u8 {
    libm::round(spread_db / SPREAD_STEP_DB).clamp(1.0, 255.0) as u8
}

/// The mean that `code` stands for, dBm.
pub(super) fn mean_from_code(code: u8) -> f32 {
    (MEAN_LOWEST_DBM + MEAN_STEP_DB * f64::from(code)) as f32
}

/// The spread that `code` stands for, dB.
pub(super) fn spread_from_code(code: u8) -> f32 {
    (SPREAD_STEP_DB * f64::from(code)) as f32
}

/// Levels of one cell along one directed edge, on a contiguous run of the edge's grid points.
///
/// All lists have one entry per grid point of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct CellProfile {
    /// Which cell.
    pub cell: CellIx,
    /// Grid point of the first entry.
    pub first: u32,
    /// Expected level of the mean phone, dBm.
    pub mean_dbm: Vec<f32>,
    /// Standard deviation of a new drive's smoothed level about the mean, dB: survey uncertainty and the change
    /// between drives, without the noise of a single reading.
    pub spread_db: Vec<f32>,
    /// Passes that heard the cell near the point.
    pub passes: Vec<u16>,
    /// Passes whose phone was registered on the cell near the point.
    pub serving: Vec<u16>,
}

/// All fingerprints along one directed edge.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeProfile {
    /// Number of grid points, at least 2; point 0 lies at offset 0, the last at the edge's end.
    pub points: u32,
    /// Distance between grid points, metres.
    pub step_m: f64,
    /// Survey passes that scanned near each grid point.
    pub passes: Vec<u16>,
    /// The cells, in the order of their indices.
    pub cells: Vec<CellProfile>,
}

impl EdgeProfile {
    /// Number of grid points and the distance between them for an edge of `length_m`.
    pub fn grid(length_m: f64) -> (u32, f64) {
        let steps = libm::round(length_m / GRID_STEP_M).max(1.0);
        (steps as u32 + 1, length_m / steps)
    }

    /// The profile of `cell`, or `None` when it was not heard on this edge.
    pub fn cell(&self, cell: CellIx) -> Option<&CellProfile> {
        self.cells
            .binary_search_by_key(&cell, |profile| profile.cell)
            .ok()
            .map(|at| &self.cells[at])
    }
}

/// Where a database comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Version of the program that built it.
    pub tool: String,
    /// Survey drives used.
    pub drives: u32,
    /// First and last day of the surveys, days since 1970-01-01; `None` when the drives' clocks were not Unix time.
    pub days: Option<(i32, i32)>,
    /// The last day on which the database should be used, days since 1970-01-01; `None` when it has no end.
    pub expires: Option<i32>,
    /// Cells and edges that fewer drives than this told of were left out; 0 when nothing was.
    pub min_passes: u16,
}

/// A fingerprint database: roads around the tunnels, cells, and profiles along the edges.
#[derive(Clone, Debug)]
pub struct FingerprintDb {
    /// The roads: tunnels and their approaches.
    pub network: Arc<RoadNetwork>,
    /// The cells.
    pub cells: CellTable,
    /// One entry per edge of the network; `None` where no survey scanned.
    pub profiles: Vec<Option<EdgeProfile>>,
    /// What the profiles rest on, where that was kept.
    pub evidence: Evidence,
    /// Where it comes from.
    pub provenance: Provenance,
}

impl Default for FingerprintDb {
    /// A database of nothing.
    fn default() -> Self {
        Self {
            network: Arc::new(RoadNetwork::build(Vec::new()).expect("no ways break no rule")),
            cells: CellTable::default(),
            profiles: Vec::new(),
            evidence: Evidence::default(),
            provenance: Provenance::default(),
        }
    }
}

impl FingerprintDb {
    /// The profile along `edge`, or `None` where no survey scanned.
    pub fn profile(&self, edge: EdgeId) -> Option<&EdgeProfile> {
        self.profiles.get(edge.0 as usize).and_then(Option::as_ref)
    }
}
