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

/// Nominal distance between the places of an edge at which usual speeds are known, metres.
const SPEED_STEP_M: f64 = 25.0;
/// Steps of stored speeds, m/s.
const SPEED_STEP_MPS: f64 = 0.25;

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

/// The code of the speed nearest to `speed_mps`, 0 for none; speeds below 0.25 m/s and above 63.75 get the first and the last one.
pub(super) fn speed_code(speed_mps: Option<f32>) -> u8 {
    speed_mps.map_or(0, |mps| {
        libm::round(f64::from(mps) / SPEED_STEP_MPS).clamp(1.0, 255.0) as u8
    })
}

/// The speed that `code` stands for, m/s.
pub(super) fn speed_from_code(code: u8) -> Option<f32> {
    (code > 0).then(|| (SPEED_STEP_MPS * f64::from(code)) as f32)
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
    /// How fast surveys usually drove, m/s, at [`speed_places`](Self::speed_places) places evenly spaced from the edge's beginning to its
    /// end; `None` where that is not known. Empty where it is known nowhere.
    pub usual_mps: Vec<Option<f32>>,
}

impl EdgeProfile {
    /// Number of grid points and the distance between them for an edge of `length_m`.
    pub fn grid(length_m: f64) -> (u32, f64) {
        let steps = libm::round(length_m / GRID_STEP_M).max(1.0);
        (steps as u32 + 1, length_m / steps)
    }

    /// Number of places of an edge of `length_m` at which usual speeds are known, at least 2.
    pub fn speed_places(length_m: f64) -> usize {
        libm::round(length_m / SPEED_STEP_M).max(1.0) as usize + 1
    }

    /// Whether usual speeds are known anywhere.
    pub(super) fn knows_speeds(&self) -> bool {
        self.usual_mps.iter().any(Option::is_some)
    }

    /// Survey passes that scanned near the place with this number among [`usual_mps`](Self::usual_mps).
    pub(super) fn passes_at_speed_place(&self, place: usize) -> u16 {
        let last = self.usual_mps.len().saturating_sub(1).max(1);
        let point = (self.points - 1) as usize * place.min(last) / last;
        self.passes.get(point).copied().unwrap_or(0)
    }

    /// How fast surveys usually drove `along_m` from the edge's beginning, m/s, between the places at which that is known.
    pub fn usual_mps_at(&self, along_m: f64) -> Option<f64> {
        let last = self.usual_mps.len().checked_sub(1)?;
        let length_m = self.step_m * f64::from(self.points - 1);
        let at = (along_m / length_m * last as f64).clamp(0.0, last as f64);
        let low = at as usize;
        let speed = |place: usize| self.usual_mps.get(place).copied().flatten().map(f64::from);
        match (speed(low), speed(low + 1)) {
            (Some(before), Some(after)) => Some(before + (at - low as f64) * (after - before)),
            (one, other) => one.or(other),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_speeds_lie_between_those_that_are_known() {
        let profile = EdgeProfile {
            points: 21,
            step_m: 5.0,
            passes: vec![1; 21],
            cells: Vec::new(),
            usual_mps: vec![Some(10.0), Some(20.0), None, Some(8.0), None],
        };
        assert_eq!(EdgeProfile::speed_places(100.0), profile.usual_mps.len());
        let at = |m| profile.usual_mps_at(m);
        assert_eq!((at(-3.0), at(0.0), at(5.0)), (Some(10.0), Some(10.0), Some(12.0)));
        assert_eq!((at(30.0), at(60.0), at(80.0)), (Some(20.0), Some(8.0), Some(8.0)));
        assert_eq!(at(100.0), None);
        let bare = EdgeProfile {
            usual_mps: Vec::new(),
            ..profile
        };
        assert_eq!(bare.usual_mps_at(50.0), None);
    }

    #[test]
    fn speeds_are_stored_to_a_quarter_of_a_metre_per_second() {
        for (mps, stored) in [(13.9, 14.0), (0.01, 0.25), (90.0, 63.75)] {
            assert_eq!(speed_from_code(speed_code(Some(mps))), Some(stored));
        }
        assert_eq!(speed_from_code(speed_code(None)), None);
    }
}
