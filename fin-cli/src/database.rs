//! Fingerprint databases on disk.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use fin_core::fingerprint::FingerprintDb;

/// The database in the file at `path`.
///
/// # Errors
/// The file cannot be read, or is not a database of this version, whole and unaltered.
pub fn open(path: &Path) -> anyhow::Result<Arc<FingerprintDb>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Arc::new(FingerprintDb::from_bytes(&bytes).with_context(|| path.display().to_string())?))
}
