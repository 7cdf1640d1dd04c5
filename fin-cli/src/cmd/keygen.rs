//! `fin keygen`: a pair of Ed25519 keys.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fin_core::fingerprint::format::SecretKey;
use rand::TryRng;
use rand::rngs::SysRng;

/// What may follow `fin keygen`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The file for the secret key; the public one goes beside it, with .pub added
    #[arg(long, value_name = "KEY")]
    pub out: PathBuf,
}

/// Makes a pair of keys from the system's randomness, and tells the public one on `out`. Files that are there stay.
///
/// # Errors
/// The system has no randomness, or a file is there already or cannot be written.
pub fn run(options: &Options, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut bytes = [0; 32];
    SysRng
        .try_fill_bytes(&mut bytes)
        .context("the system gives no random numbers")?;
    let public = SecretKey::from_bytes(&bytes).public();
    let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut public_path = options.out.clone().into_os_string();
    public_path.push(".pub");
    write_new(&options.out, &secret, true)?;
    write_new(Path::new(&public_path), &public.to_string(), false)?;
    writeln!(out, "{public}")?;
    Ok(())
}

/// Writes a file that is not there yet; a secret one for its owner alone.
fn write_new(path: &Path, text: &str, is_secret: bool) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if is_secret {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let file = options.open(path);
    let written = file.and_then(|mut file| writeln!(file, "{text}"));
    written.with_context(|| path.display().to_string())
}
