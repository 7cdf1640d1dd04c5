//! What can be wrong with a drive folder and with the tables in it.

use std::io;
use std::path::PathBuf;

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

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be opened or read.
    #[error("{}: cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The gzip stream is damaged or cut off.
    #[error("{}: expected a whole gzip stream, found a damaged one: {source}", path.display())]
    Gzip {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        source: io::Error,
    },
    /// The file is larger than [`MAX_BYTES`](super::text::MAX_BYTES).
    #[error("{}: expected at most {limit} bytes of text, found more", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, bytes.
        limit: u64,
    },
    /// The file is not UTF-8.
    #[error("{} line {line}: expected UTF-8 text, found the byte {byte:#04x}", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Line of the first wrong byte, from 1.
        line: u64,
        /// That byte.
        byte: u8,
    },
    /// The file has no header row.
    #[error("{} line 1: expected a header row with the column {column}, found an empty file", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// The first column it has to have.
        column: &'static str,
    },
    /// A column is missing.
    #[error("{} line {line}: expected the column {column}, found the columns {found}", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// Line of the header, from 1.
        line: u64,
        /// The missing column.
        column: &'static str,
        /// The columns that are there.
        found: String,
    },
    /// Two columns have the same name.
    #[error("{} line {line}: expected one column {column}, found two of that name", path.display())]
    TwoColumns {
        /// The file.
        path: PathBuf,
        /// Line of the header, from 1.
        line: u64,
        /// The name.
        column: &'static str,
    },
    /// A row has more or fewer fields than the header.
    #[error("{} line {line}: expected {expected} fields as in the header, found {found}", path.display())]
    FieldCount {
        /// The file.
        path: PathBuf,
        /// Line of the row, from 1.
        line: u64,
        /// Fields of the header.
        expected: usize,
        /// Fields of the row.
        found: usize,
    },
    /// A field does not hold what its column is for.
    #[error("{} line {line}, column {column}: expected {expected}, found {found}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// Line of the row, from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// What the column holds.
        expected: String,
        /// The field, quoted and shortened.
        found: String,
    },
}
