//! `fin build`: survey drives in, fingerprint database out.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use fin_core::fingerprint::builder::Build;
use fin_core::fingerprint::report::{BuildReport, DriveReport};

use crate::atomic::write_atomically;
use crate::build::{database_roads, from_folders};
use crate::roads;
use crate::table::{Align, Table};

/// What may follow `fin build`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The roads: an OSM extract (.osm.pbf, .osm, .osm.gz) or GeoJSON lines (.geojson, .json)
    #[arg(long, value_name = "ROADS")]
    pub roads: PathBuf,
    /// The database to write
    #[arg(long, value_name = "DB.fin")]
    pub out: PathBuf,
    /// Survey drives: folders with gnss.csv, cells.csv and, best, obd.csv
    #[arg(required = true, value_name = "DRIVE")]
    pub drives: Vec<PathBuf>,
    /// Write what became of each drive to this file, as JSON
    #[arg(long, value_name = "FILE.json")]
    pub report: Option<PathBuf>,
    /// Write what became of each drive to stdout as JSON, instead of as a table
    #[arg(long)]
    pub json: bool,
}

/// Builds a database and tells on `out` what became of each drive; refused drives are named on stderr.
///
/// # Errors
/// The roads cannot be read or have no tunnel, no drive can be used, or a file cannot be written. No database is left then.
pub fn run(options: &Options, out: &mut dyn Write) -> anyhow::Result<()> {
    let shown = options.roads.display();
    let ways = roads::read(&options.roads)?.ways;
    let network = Arc::new(database_roads(ways).with_context(|| shown.to_string())?);
    if network.tunnels().is_empty() {
        bail!("{shown}: expected at least one tunnel, got roads without any");
    }
    let Build { database, report } = from_folders(&network, &options.drives);
    for (drive, reason) in report.refused() {
        eprintln!("refused {}: {reason}", drive.name);
    }
    for drive in report.used().filter(|drive| drive.clock_shift_s != 0.0) {
        let shift_s = drive.clock_shift_s;
        eprintln!(
            "corrected {}: its radio clock was {:.2} s {}",
            drive.name,
            shift_s.abs(),
            slow_or_fast(shift_s)
        );
    }
    let json = serde_json::to_string_pretty(&report).context("the report cannot be written as JSON")?;
    if let Some(path) = &options.report {
        write_atomically(path, format!("{json}\n").as_bytes()).with_context(|| path.display().to_string())?;
    }
    if options.json {
        writeln!(out, "{json}")?;
    } else {
        write!(out, "{}", table(&report))?;
    }
    let Some(database) = database else {
        bail!("none of the {} drives can be used", options.drives.len());
    };
    let bytes = database.to_bytes();
    write_atomically(&options.out, &bytes).with_context(|| options.out.display().to_string())?;
    eprintln!("{}: {}", options.out.display(), summary(&report, bytes.len()));
    Ok(())
}

fn slow_or_fast(shift_s: f64) -> &'static str {
    if shift_s > 0.0 { "slow" } else { "fast" }
}

fn summary(report: &BuildReport, bytes: usize) -> String {
    let driven = report.tunnels.iter().filter(|tunnel| tunnel.passes > 0).count();
    format!(
        "{} of {} drives, {driven} of {} tunnels driven through, {} cells, {} edges, {} levels, {:.1} kB",
        report.used().count(),
        report.drives.len(),
        report.tunnels.len(),
        report.cells,
        report.edges,
        report.levels,
        bytes as f64 / 1e3,
    )
}

fn table(report: &BuildReport) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new([
        ("drive", Left),
        ("scans", Right),
        ("used", Right),
        ("levels", Right),
        ("offset dB", Right),
        ("clock s", Right),
        ("tunnels", Right),
        ("remarks", Left),
    ]);
    for drive in &report.drives {
        table.push([
            drive.name.clone(),
            drive.scans.to_string(),
            drive.scans_used.to_string(),
            drive.levels_used.to_string(),
            format!("{:.1}", drive.offset_db),
            format!("{:.2}", drive.clock_shift_s),
            drive.tunnels.len().to_string(),
            remarks(drive),
        ]);
    }
    table
}

fn remarks(drive: &DriveReport) -> String {
    if let Some(reason) = &drive.refused {
        return format!("refused: {reason}");
    }
    let dropped = drive.dropped;
    let counts = [
        (dropped.repeated_scans, "repeated scans"),
        (dropped.unplaced_scans, "scans without a place"),
        (dropped.unnamed_readings, "readings without a cell"),
        (dropped.readings_without_level, "without a level"),
        (dropped.saturated_readings, "out of range"),
        (dropped.doubled_readings, "doubled"),
        (dropped.gaps, "gaps"),
    ];
    let told = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"));
    told.collect::<Vec<_>>().join(", ")
}
