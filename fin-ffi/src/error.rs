//! What callers are told when a call fails.

use std::any::Any;
use std::path::Path;

use fin_core::engine::{ObservationError, SnapshotError, StepError};
use fin_core::fingerprint::format::{FormatError, SignatureError};

/// Why a call failed. Other languages get the variant and its text.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum FinError {
    /// There is no file at the database's path.
    #[error("there is no database at {path}")]
    DatabaseMissing {
        /// The file.
        path: String,
    },
    /// The database file is there and cannot be read, or not any more.
    #[error("cannot read database {path}: {reason}")]
    DatabaseUnreadable {
        /// The file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// The file is a database of another version of the format.
    #[error("{path} is a database of another version: {reason}")]
    DatabaseVersion {
        /// The file.
        path: String,
        /// What was expected and what was found.
        reason: FormatError,
    },
    /// The file is no database, or it is damaged. That of a part of it is told when the car comes there; elsewhere the engine
    /// goes on.
    #[error("{path} is not a usable database: {reason}")]
    DatabaseCorrupt {
        /// The file.
        path: String,
        /// What was expected and what was found.
        reason: FormatError,
    },
    /// The file is not signed, and a key was given.
    #[error("{path} is not signed: {reason}")]
    DatabaseUnsigned {
        /// The file.
        path: String,
        /// Whose signature was expected.
        reason: SignatureError,
    },
    /// The file is signed with another key than the one that was given.
    #[error("{path} is signed by someone else: {reason}")]
    DatabaseOfOtherKey {
        /// The file.
        path: String,
        /// Which key was expected and which was found.
        reason: SignatureError,
    },
    /// The file was changed after it was signed.
    #[error("{path} is not what was signed: {reason}")]
    DatabaseAltered {
        /// The file.
        path: String,
        /// What is wrong with the signature.
        reason: SignatureError,
    },
    /// What was given as public key is none.
    #[error("public key refused: {0}")]
    KeyRefused(SignatureError),
    /// A value of an observation is not a number or out of range. The engine goes on unchanged.
    #[error("observation refused: {0}")]
    ValueRefused(ObservationError),
    /// An observation is older than others that were taken already, by more than the engine can use. It goes on unchanged.
    #[error("observation refused: {0}")]
    TimeBackwards(ObservationError),
    /// A snapshot is of another version of the library. Start without it.
    #[error("snapshot refused: {0}")]
    SnapshotVersion(SnapshotError),
    /// A snapshot belongs to another database. Start without it.
    #[error("snapshot refused: {0}")]
    SnapshotOfOtherDatabase(SnapshotError),
    /// A snapshot is damaged, or no snapshot at all. Start without it.
    #[error("snapshot refused: {0}")]
    SnapshotCorrupt(SnapshotError),
    /// The engine was shut down.
    #[error("the engine was shut down before this call")]
    Closed,
    /// A fault of this library. The engine has forgotten where the car was and goes on with the next fix.
    #[error("fault inside the engine, which starts anew: {reason}")]
    Internal {
        /// The text of the panic.
        reason: String,
    },
}

impl FinError {
    /// The error for `path`, which the system does not let us open.
    pub(crate) fn missing_or_unreadable(path: &Path, reason: std::io::Error) -> Self {
        let missing = reason.kind() == std::io::ErrorKind::NotFound;
        let (path, reason) = (path.display().to_string(), reason.to_string());
        if missing {
            Self::DatabaseMissing { path }
        } else {
            Self::DatabaseUnreadable { path, reason }
        }
    }

    /// The error for the file at `path`, which holds no usable database.
    pub(crate) fn unusable(path: &Path, reason: FormatError) -> Self {
        let path = path.display().to_string();
        match reason {
            FormatError::Version { .. } => Self::DatabaseVersion { path, reason },
            FormatError::Unreadable { .. } => {
                let reason = reason.to_string();
                Self::DatabaseUnreadable { path, reason }
            }
            FormatError::Signature(reason) => match reason {
                SignatureError::Unsigned { .. } => Self::DatabaseUnsigned { path, reason },
                SignatureError::OtherKey { .. } => Self::DatabaseOfOtherKey { path, reason },
                SignatureError::Altered { .. } => Self::DatabaseAltered { path, reason },
                SignatureError::NotASignature { .. } | SignatureError::NotAKey { .. } => {
                    let reason = reason.into();
                    Self::DatabaseCorrupt { path, reason }
                }
            },
            _ => Self::DatabaseCorrupt { path, reason },
        }
    }

    /// The error for an observation that could not be used on the database at `path`.
    pub(crate) fn not_taken(path: &Path, reason: StepError) -> Self {
        match reason {
            StepError::Observation(reason @ ObservationError::Late { .. }) => Self::TimeBackwards(reason),
            StepError::Observation(reason @ ObservationError::Value { .. }) => Self::ValueRefused(reason),
            StepError::Region { reason, .. } => Self::unusable(path, reason),
        }
    }

    /// The error for a snapshot that could not be restored on the database at `path`.
    pub(crate) fn not_restored(path: &Path, reason: SnapshotError) -> Self {
        match reason {
            SnapshotError::Version { .. } => Self::SnapshotVersion(reason),
            SnapshotError::OtherDatabase { .. } => Self::SnapshotOfOtherDatabase(reason),
            SnapshotError::NotASnapshot { .. }
            | SnapshotError::Checksum { .. }
            | SnapshotError::Malformed { .. } => Self::SnapshotCorrupt(reason),
            SnapshotError::Region { reason, .. } => Self::unusable(path, reason),
        }
    }

    /// The error for a panic with this payload.
    pub(crate) fn internal(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::Internal {
            reason: text.unwrap_or("no text").to_owned(),
        }
    }
}
