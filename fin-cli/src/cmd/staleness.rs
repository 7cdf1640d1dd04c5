//! `fin staleness`: which tunnels have to be surveyed again.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use fin_core::engine::TunnelFit;
use fin_core::fingerprint::fit::Fit;
use rayon::prelude::*;
use serde::Serialize;

use crate::table::{Align, Table};
use crate::{db_file, drive, replay};

/// What `fin staleness` is asked for.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Fingerprint database
    #[arg(long, value_name = "DB.fin")]
    pub db: PathBuf,
    /// The public key that the database has to be signed with
    #[arg(long, value_name = "KEY.pub")]
    pub key: Option<PathBuf>,
    /// Drive folders, recorded since the surveys; no truth.csv is needed
    #[arg(required = true)]
    pub drives: Vec<PathBuf>,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    tunnels: Vec<TunnelReport>,
    failed: usize,
}

#[derive(Debug, Serialize)]
struct TunnelReport {
    name: String,
    way_id: i64,
    drives: usize,
    #[serde(flatten)]
    fit: Fit,
    staleness: f64,
}

/// Replays every drive and writes, for each tunnel that they came through, how the cells heard there fit its surveys, the stalest
/// first.
///
/// A drive that cannot be replayed is named on stderr with its reason, and the others go on.
///
/// # Errors
/// The database is unusable, or no drive came through one of its surveyed tunnels.
pub fn run(options: &Options, out: &mut dyn Write) -> anyhow::Result<()> {
    let db = Arc::new(db_file::read(&options.db, options.key.as_deref())?);
    let results: Vec<anyhow::Result<Vec<TunnelFit>>> = options
        .drives
        .par_iter()
        .map(|folder| Ok(replay::replay(&db, &drive::read(folder)?.drive).tunnel_fits))
        .collect();
    let mut tunnels: BTreeMap<i64, TunnelReport> = BTreeMap::new();
    let mut failed = 0;
    for result in results {
        match result {
            Ok(fits) => fits.iter().for_each(|fit| add(&mut tunnels, fit)),
            Err(reason) => {
                failed += 1;
                eprintln!("left out: {reason:#}");
            }
        }
    }
    if tunnels.is_empty() {
        bail!("expected drives through surveyed tunnels of the database, found none");
    }
    let mut tunnels: Vec<TunnelReport> = tunnels.into_values().collect();
    tunnels.sort_by(|a, b| b.staleness.total_cmp(&a.staleness).then(a.way_id.cmp(&b.way_id)));
    let report = Report { tunnels, failed };
    if options.json {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", table(&report))?;
    }
    Ok(())
}

fn add(tunnels: &mut BTreeMap<i64, TunnelReport>, found: &TunnelFit) {
    let report = tunnels.entry(found.way_id).or_insert_with(|| TunnelReport {
        name: found.tunnel.clone(),
        way_id: found.way_id,
        drives: 0,
        fit: Fit::default(),
        staleness: 0.0,
    });
    report.drives += 1;
    report.fit = report.fit.and(found.fit);
    report.staleness = report.fit.staleness();
}

fn table(report: &Report) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new([
        ("tunnel", Left),
        ("drives", Right),
        ("readings", Right),
        ("unheard", Right),
        ("off level", Right),
        ("misplaced", Right),
        ("stale", Right),
    ]);
    for tunnel in &report.tunnels {
        let fit = tunnel.fit;
        table.push([
            tunnel.name.clone(),
            tunnel.drives.to_string(),
            fit.readings.to_string(),
            fit.unheard.to_string(),
            fit.off_level.to_string(),
            fit.misplaced.to_string(),
            format!("{:.0} %", 100.0 * tunnel.staleness),
        ]);
    }
    table
}
