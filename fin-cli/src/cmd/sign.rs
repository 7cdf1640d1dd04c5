//! `fin sign`: a database with one's signature.

use std::path::PathBuf;

use anyhow::Context;
use fin_core::fingerprint::format;

use crate::atomic::write_atomically;
use crate::db_file;

/// What may follow `fin sign`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The database
    #[arg(value_name = "DB.fin")]
    pub database: PathBuf,
    /// The secret key
    #[arg(long, value_name = "KEY")]
    pub key: PathBuf,
    /// The file to write; without it, the database is replaced
    #[arg(long, value_name = "SIGNED.fin")]
    pub out: Option<PathBuf>,
}

/// Signs the database, in place of a signature that it may have.
///
/// # Errors
/// A file cannot be read, is no database or no key, or cannot be written.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let key = db_file::secret_key(&options.key)?;
    let bytes = db_file::bytes(&options.database)?;
    let signed = format::sign(&bytes, &key).with_context(|| options.database.display().to_string())?;
    let path = options.out.as_ref().unwrap_or(&options.database);
    write_atomically(path, &signed).with_context(|| path.display().to_string())?;
    eprintln!("{}: signed with key {}", path.display(), key.public());
    Ok(())
}
