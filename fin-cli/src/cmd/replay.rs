//! `fin replay`: one drive as the phone would have seen it.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use fin_core::engine::Diagnostics;
use fin_core::fingerprint::FingerprintDb;
use fin_core::observation::Drive;

use super::{Usage, survey};
use crate::track_file::{self, TrackFormat};
use crate::{atomic, db_file, drive, replay};

/// What `fin replay` is asked for.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Fingerprint database
    #[arg(long, value_name = "DB.fin")]
    pub db: PathBuf,
    /// The public key that the database has to be signed with
    #[arg(long, value_name = "KEY.pub")]
    pub key: Option<PathBuf>,
    /// Drive folder
    pub drive: PathBuf,
    /// Where the estimates go, by extension csv, geojson, gpx or json; stdout, as csv, without it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write JSON to stdout instead of CSV
    #[arg(long, conflicts_with = "out")]
    pub json: bool,
}

/// Writes one estimate per second and per observation that changed the answer, and a summary to stderr.
///
/// # Errors
/// The database or the drive is unusable, or the output cannot be written; [`Usage`] for an unknown extension.
pub fn run(options: &Options, out: &mut dyn Write) -> anyhow::Result<()> {
    let format = match &options.out {
        None if options.json => TrackFormat::Json,
        None => TrackFormat::Csv,
        Some(path) => TrackFormat::of(path).ok_or_else(|| {
            Usage(format!(
                "{}: expected a file ending in .csv, .json, .geojson or .gpx",
                path.display()
            ))
        })?,
    };
    let db = Arc::new(db_file::read(&options.db, options.key.as_deref())?);
    let drive = drive::read(&options.drive)?.drive;
    if let Some(day) = expired_before(&db, &drive) {
        let last = survey::date_text(day);
        eprintln!(
            "warning: {} should not be used after {last}, and this drive is later",
            options.db.display()
        );
    }
    let replay = replay::replay(&db, &drive);
    let text = track_file::write(format, &replay.rows, &db.network);
    match &options.out {
        Some(path) => atomic::write_atomically(path, text.as_bytes())
            .map_err(|e| anyhow::anyhow!("cannot write {}: {e}", path.display()))?,
        None => out.write_all(text.as_bytes())?,
    }
    eprintln!("{}", summary(replay.rows.len(), &replay.diagnostics));
    Ok(())
}

/// The last day of `db`, when `drive` began later.
fn expired_before(db: &FingerprintDb, drive: &Drive) -> Option<i32> {
    const DAY_MS: i64 = 86_400_000;
    let (first, _) = drive.span()?;
    let last_day = db.provenance.expires?;
    (first.as_millis().div_euclid(DAY_MS) > i64::from(last_day)).then_some(last_day)
}

/// What became of the observations, in words.
fn summary(rows: usize, d: &Diagnostics) -> String {
    format!(
        "{rows} estimates; fixes: {} taken, refused {} stale, {} inside, {} outlying, {} inaccurate, {} held back; \
         {} wheel speeds; scans: {} taken, {} repeated, {} unknown",
        d.fixes_taken + d.starts,
        d.fixes_stale,
        d.fixes_inside,
        d.fixes_outlying,
        d.fixes_inaccurate,
        d.fixes_awaiting,
        d.speeds_taken,
        d.scans_taken,
        d.scans_repeated,
        d.scans_unknown
    )
}
