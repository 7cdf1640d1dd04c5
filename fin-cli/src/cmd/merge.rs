//! `fin merge`: new survey drives into a database, without the drives that it was built from.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use fin_core::fingerprint::FingerprintDb;
use fin_core::network::EdgeId;

use super::survey::{self, Outcome};
use crate::atomic::write_atomically;
use crate::build::merge_folders;
use crate::db_file;

/// What may follow `fin merge`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The database to add to, with statistics; it stays as it is unless --out names it, too
    #[arg(long, value_name = "OLD.fin")]
    pub db: PathBuf,
    /// New survey drives; without any, the database is only written anew, with another expiry or without statistics
    #[arg(value_name = "DRIVE")]
    pub drives: Vec<PathBuf>,
    /// The public key that the database has to be signed with
    #[arg(long, value_name = "KEY.pub")]
    pub key: Option<PathBuf>,
    /// What becomes of it
    #[command(flatten)]
    pub outcome: Outcome,
}

/// Merges drives and tells on `out` what became of each; refused drives are named on stderr.
///
/// # Errors
/// The database cannot be read or lacks statistics, no drive can be used, or a file cannot be written. What was there before
/// is there still then.
pub fn run(options: &Options, out: &mut dyn Write) -> anyhow::Result<()> {
    let former = db_file::read(&options.db, options.key.as_deref())?;
    let path = &options.outcome.out;
    if options.drives.is_empty() {
        let bytes = survey::trimmed(former, &options.outcome).to_bytes();
        write_atomically(path, &bytes).with_context(|| path.display().to_string())?;
        eprintln!("{}: {:.1} kB", path.display(), bytes.len() as f64 / 1e3);
        return Ok(());
    }
    let lacking = lacking(&former);
    if lacking > 0 {
        bail!(
            "{}: expected statistics of every profile, got {lacking} without: it was written for phones",
            options.db.display()
        );
    }
    survey::finish(merge_folders(&former, &options.drives), &options.outcome, out)
}

/// How many profiles with cells have no statistics.
fn lacking(db: &FingerprintDb) -> usize {
    let lacks = |edge: &EdgeId| {
        let has_cells = db.profile(*edge).is_some_and(|profile| !profile.cells.is_empty());
        let evidence = db.evidence.edges.get(edge);
        has_cells && evidence.is_none_or(|evidence| evidence.cells.is_empty())
    };
    db.network.edges().filter(|(edge, _)| lacks(edge)).count()
}
