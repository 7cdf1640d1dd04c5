//! `fin patch`: a file brought to its next version.

use std::path::PathBuf;

use anyhow::Context;
use fin_core::fingerprint::FingerprintDb;
use fin_core::fingerprint::format::patch;

use crate::atomic::write_atomically;
use crate::db_file;

/// What may follow `fin patch`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The file that the patch is for
    #[arg(value_name = "OLD.fin")]
    pub old: PathBuf,
    /// The patch
    #[arg(value_name = "PATCH")]
    pub patch: PathBuf,
    /// The file to write; without it, the old one is replaced
    #[arg(long, value_name = "NEW.fin")]
    pub out: Option<PathBuf>,
    /// The public key that the patch has to be signed with
    #[arg(long, value_name = "KEY.pub")]
    pub key: Option<PathBuf>,
}

/// Applies the patch: the old file is checked before, the new one after, and its name is given in one step.
///
/// # Errors
/// A file cannot be read, the patch is not for this file, damaged, or not signed as it should be, or the file cannot be
/// written. The old file is untouched then.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let key = options.key.as_deref().map(db_file::public_key).transpose()?;
    let (old, patch) = (db_file::bytes(&options.old)?, db_file::bytes(&options.patch)?);
    let new =
        patch::apply(&old, &patch, key.as_ref()).with_context(|| options.patch.display().to_string())?;
    FingerprintDb::from_bytes(&new).with_context(|| format!("what {} makes", options.patch.display()))?;
    let path = options.out.as_ref().unwrap_or(&options.old);
    write_atomically(path, &new).with_context(|| path.display().to_string())?;
    eprintln!("{}: {} bytes", path.display(), new.len());
    Ok(())
}
