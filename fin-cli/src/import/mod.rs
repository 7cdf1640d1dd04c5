//! Foreign logs, read as drives.

pub mod crop;
pub mod gnettrack;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use fin_core::observation::Drive;
use fin_core::radio::Plmn;
use jiff::tz::Offset;
use serde::Serialize;

use crate::drive::table::TableError;

/// A format that `fin import` reads.
#[derive(Debug)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// Reads one log of it.
    pub read: fn(&Path, &ImportOptions) -> Result<ImportedLog, ImportError>,
}

/// The formats that `fin import` reads.
pub const FORMATS: &[Format] = &[Format {
    name: "gnettrack",
    about: "raw logs of G-NetTrack Pro, comma- or tab-separated",
    read: gnettrack::read,
}];

/// What a log does not say itself.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// How far the log's local time is ahead of UTC.
    pub utc_offset: Offset,
    /// The network of all cells whose row does not name one.
    pub plmn: Option<Plmn>,
    /// Only these rows, counted from 0 at the first one below the header; `None` for all.
    pub rows: Option<Range<usize>>,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            utc_offset: Offset::UTC,
            plmn: None,
            rows: None,
        }
    }
}

/// A log that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedLog {
    /// The observations in time order.
    pub drive: Drive,
    /// For each fix of the drive the row that it comes from, counted as in [`ImportOptions::rows`].
    pub fix_rows: Vec<usize>,
    /// For each scan of the drive the row that it comes from.
    pub scan_rows: Vec<usize>,
    /// What was found in the rows.
    pub report: ImportReport,
}

/// What was found in the rows of a log.
///
/// Each row is counted once among `fixes`, `stale_positions`, `without_position` and `repeated_rows`, and once among
/// `scans`, `repeated_scans`, `without_cell`, `mixed_cells` and `repeated_rows`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ImportReport {
    /// Rows below the header.
    pub rows: u64,
    /// Rows dropped because they equal the one before, stamp and all.
    pub repeated_rows: u64,
    /// Rows that came after a later one and were sorted in.
    pub reordered_rows: u64,
    /// Last rows dropped because the log breaks off inside them: 0 or 1, not counted in `rows`.
    pub cut_off_rows: u64,
    /// Rows whose position is new.
    pub fixes: u64,
    /// Rows that only repeat the last position.
    pub stale_positions: u64,
    /// Rows without a position.
    pub without_position: u64,
    /// Rows that tell of cells.
    pub scans: u64,
    /// Rows that repeat the last scan before the phone can have measured again.
    pub repeated_scans: u64,
    /// Rows without a cell: no coverage.
    pub without_cell: u64,
    /// Rows at a change of technology that mix the old and the new cell.
    pub mixed_cells: u64,
    /// Fields that hold no measured value: levels outside the scale or at its stops, channels of another technology.
    pub placeholders: u64,
    /// Changes of the serving cell from one scan to the next.
    pub handovers: u64,
    /// Times of more than 10 s without a row.
    pub gaps: u64,
    /// The longest time from one row to the next, seconds.
    pub longest_gap_s: f64,
}

impl fmt::Display for ImportReport {
    /// All counts in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rows ({} repeated, {} reordered, {} cut off), {} fixes ({} stale positions, {} rows without one), \
             {} scans ({} repeated, {} without cell, {} mixed), {} placeholders, {} handovers, \
             {} gaps over 10 s, the longest {:.1} s",
            self.rows,
            self.repeated_rows,
            self.reordered_rows,
            self.cut_off_rows,
            self.fixes,
            self.stale_positions,
            self.without_position,
            self.scans,
            self.repeated_scans,
            self.without_cell,
            self.mixed_cells,
            self.placeholders,
            self.handovers,
            self.gaps,
            self.longest_gap_s,
        )
    }
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file belongs to the format but holds something else.
    #[error("{}: expected {expected}, found {found}", path.display())]
    OtherFile {
        /// The file.
        path: PathBuf,
        /// What is read.
        expected: &'static str,
        /// What the file holds.
        found: &'static str,
    },
    /// Time goes back further than rows may be out of order.
    #[error(
        "{} line {line}, column Timestamp: expected a time at most {} s before the latest one so far, \
         found one {back_s} s before it", path.display(), crate::drive::MAX_DISORDER_MS / 1000
    )]
    TimeBackwards {
        /// The file.
        path: PathBuf,
        /// Line of the row, from 1.
        line: u64,
        /// How far it lies back, seconds.
        back_s: i64,
    },
    /// A range of rows was asked for that the log does not have.
    #[error("{}: expected at least {expected} rows, found {found}", path.display())]
    TooFewRows {
        /// The file.
        path: PathBuf,
        /// One more than the last row asked for.
        expected: usize,
        /// The rows of the log.
        found: usize,
    },
    /// The file is no table or a field of it is wrong.
    #[error(transparent)]
    Table(#[from] TableError),
}
