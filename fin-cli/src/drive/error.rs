use std::path::PathBuf;

use super::table::TableError;

/// Why a drive folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The path is not a folder.
    #[error("{}: expected a drive folder, found {found}", path.display())]
    NotAFolder {
        /// The path given.
        path: PathBuf,
        /// What is there instead.
        found: &'static str,
    },
    /// A required file is missing.
    #[error("{}: expected {file} or {file}.gz in the drive folder, found neither", path.display())]
    MissingFile {
        /// The drive folder.
        path: PathBuf,
        /// Name of the file.
        file: &'static str,
    },
    /// A file is there both plain and gzipped, and nothing says which one counts.
    #[error("{}: expected one of {file} and {file}.gz, found both", path.display())]
    BothForms {
        /// The drive folder.
        path: PathBuf,
        /// Name of the plain file.
        file: &'static str,
    },
    /// Time goes back further than rows may be out of order.
    #[error(
        "{} line {line}, column t_ms: expected a time at most {} s before the latest one so far, {latest_ms}, found {found_ms}, {back_s:.1} s back",
        path.display(), super::MAX_DISORDER_MS / 1000
    )]
    TimeBackwards {
        /// The file.
        path: PathBuf,
        /// Line of the row, from 1.
        line: u64,
        /// The latest time in the rows above.
        latest_ms: i64,
        /// The time of the row.
        found_ms: i64,
        /// How far it lies back, seconds.
        back_s: f64,
    },
    /// A file is no table or a field of it is wrong.
    #[error(transparent)]
    Table(#[from] TableError),
}
