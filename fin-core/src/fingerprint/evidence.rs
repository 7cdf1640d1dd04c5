//! What profiles rest on: sums over readings, with which new drives can be added without the old ones.
//!
//! Readings of one cell within some ten metres are summed into a [`Bin`]: their weight, their weighted mean and their
//! scatter about it are all that an estimate of the level and of its change between drives takes from them. No bin tells
//! which drive a reading was of or when it was taken.

use std::collections::BTreeMap;

use super::cells::CellIx;
use super::profile::quantise_mean;
use crate::network::EdgeId;

/// Grid points of an edge that share a bin.
pub const POINTS_PER_BIN: u32 = 2;

/// Weights are stored as 16 times their binary logarithm above this one, 1/dB².
const LEAST_WEIGHT_PER_DB2: f64 = 1.0 / 1024.0;
const WEIGHT_STEPS_PER_OCTAVE: f64 = 16.0;
/// Steps of stored scatters, dB.
const SCATTER_STEP_DB: f64 = 0.125;

/// What the profiles of a database rest on, by edge; edges without an entry cannot be added to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// By edge.
    pub edges: BTreeMap<EdgeId, EdgeEvidence>,
}

/// What the profile of one edge rests on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EdgeEvidence {
    /// First and last day on which the edge was surveyed, days since 1970-01-01; `None` when the surveys' clocks did not
    /// show Unix time.
    pub days: Option<(i32, i32)>,
    /// The cells, in the order of their indices; none when the database was made without statistics.
    pub cells: Vec<CellEvidence>,
}

/// What the levels of one cell along one edge rest on.
#[derive(Clone, Debug, PartialEq)]
pub struct CellEvidence {
    /// Which cell.
    pub cell: CellIx,
    /// Where it was read, ascending.
    pub bins: Vec<Bin>,
}

/// The readings of one cell on one piece of an edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Which piece: that of the grid points from [`POINTS_PER_BIN`] times this on.
    pub index: u32,
    /// Sum of the readings' inverse variances, 1/dB².
    pub weight_per_db2: f64,
    /// Weighted mean of their levels, dBm.
    pub mean_dbm: f64,
    /// Root of the weighted mean square of what they differ from it, dB.
    pub scatter_db: f64,
}

/// `bin` with its numbers as a database stores them.
pub(super) fn stored(bin: Bin) -> Bin {
    Bin {
        index: bin.index,
        weight_per_db2: weight_from_code(weight_code(bin.weight_per_db2)),
        mean_dbm: f64::from(quantise_mean(bin.mean_dbm)),
        scatter_db: scatter_from_code(scatter_code(bin.scatter_db)),
    }
}

/// `weight_per_db2` as a database can store it.
pub(super) fn weight_code(weight_per_db2: f64) -> u8 {
    let octaves = libm::log2(weight_per_db2 / LEAST_WEIGHT_PER_DB2);
    libm::round(WEIGHT_STEPS_PER_OCTAVE * octaves).clamp(0.0, 255.0) as u8
}

/// The weight that `code` stands for, 1/dB².
pub(super) fn weight_from_code(code: u8) -> f64 {
    LEAST_WEIGHT_PER_DB2 * libm::exp2(f64::from(code) / WEIGHT_STEPS_PER_OCTAVE)
}

/// `scatter_db` as a database can store it.
pub(super) fn scatter_code(scatter_db: f64) -> u8 {
    libm::round(scatter_db / SCATTER_STEP_DB).clamp(0.0, 255.0) as u8
}

/// The scatter that `code` stands for, dB.
pub(super) fn scatter_from_code(code: u8) -> f64 {
    SCATTER_STEP_DB * f64::from(code)
}
