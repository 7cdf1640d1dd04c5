//! What callers are told when a call fails.

use std::path::Path;

use fin_core::engine::ObservationError;
use fin_core::fingerprint::format::FormatError;

/// Why a call failed. Other languages get the variant and its text.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum FinError {
    /// The database file cannot be read.
    #[error("cannot read database {path}: {reason}")]
    DatabaseUnreadable {
        /// The file.
        path: String,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The file is no database of this version, or it is damaged.
    #[error("{path} is not a usable database: {reason}")]
    DatabaseInvalid {
        /// The file.
        path: String,
        /// What was expected and what was found.
        reason: FormatError,
    },
    /// An observation is too late, or one of its values is not a number or out of range. The engine goes on unchanged.
    #[error("observation refused: {0}")]
    ObservationRefused(#[from] ObservationError),
}

impl FinError {
    /// The error for `path`, which the system does not let us read.
    pub(crate) fn unreadable(path: &Path, reason: std::io::Error) -> Self {
        Self::DatabaseUnreadable {
            path: path.display().to_string(),
            reason,
        }
    }

    /// The error for the file at `path`, which holds no usable database.
    pub(crate) fn invalid(path: &Path, reason: FormatError) -> Self {
        Self::DatabaseInvalid {
            path: path.display().to_string(),
            reason,
        }
    }
}
