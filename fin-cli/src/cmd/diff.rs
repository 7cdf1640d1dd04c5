//! `fin diff`: the patch from one version of a file to the next.

use std::path::PathBuf;

use anyhow::Context;
use fin_core::fingerprint::format::patch;

use crate::atomic::write_atomically;
use crate::db_file;

/// What may follow `fin diff`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The file that people have
    #[arg(value_name = "OLD.fin")]
    pub old: PathBuf,
    /// The file that they should have; sign it first, if it is to be signed
    #[arg(value_name = "NEW.fin")]
    pub new: PathBuf,
    /// The patch to write
    #[arg(long, value_name = "PATCH")]
    pub out: PathBuf,
    /// The secret key to sign the patch with
    #[arg(long, value_name = "KEY")]
    pub sign: Option<PathBuf>,
}

/// Writes the patch and tells its size on stderr.
///
/// # Errors
/// A file cannot be read, is no database, or cannot be written.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let secret = options.sign.as_deref().map(db_file::secret_key).transpose()?;
    for path in [&options.old, &options.new] {
        db_file::read(path, None)?;
    }
    let (old, new) = (db_file::bytes(&options.old)?, db_file::bytes(&options.new)?);
    let patch = patch::diff(&old, &new, secret.as_ref());
    write_atomically(&options.out, &patch).with_context(|| options.out.display().to_string())?;
    let share = 100.0 * patch.len() as f64 / new.len().max(1) as f64;
    eprintln!(
        "{}: {} bytes, {share:.1} % of the new file",
        options.out.display(),
        patch.len()
    );
    Ok(())
}
