//! What becomes of a database from survey drives, and what is told of them: common to `fin build` and `fin merge`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use fin_core::fingerprint::builder::Build;
use fin_core::fingerprint::report::{BuildReport, DriveReport};
use fin_core::fingerprint::{Evidence, FingerprintDb};
use jiff::civil::Date;

use crate::atomic::write_atomically;
use crate::table::{Align, Table};

/// What becomes of a database.
#[derive(Clone, Debug, clap::Args)]
pub struct Outcome {
    /// The database to write
    #[arg(long, value_name = "DB.fin")]
    pub out: PathBuf,
    /// Leave out edges and cells that fewer drives than this have told of, so that no drive can be seen alone
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub min_passes: u16,
    /// The last day on which the database should be used, like 2027-06-30
    #[arg(long, value_name = "DATE")]
    pub expires: Option<Date>,
    /// Leave out what later drives would be merged with: a smaller file, for phones
    #[arg(long)]
    pub without_statistics: bool,
    /// Write what became of each drive to this file, as JSON
    #[arg(long, value_name = "FILE.json")]
    pub report: Option<PathBuf>,
    /// Write what became of each drive to stdout as JSON, instead of as a table
    #[arg(long)]
    pub json: bool,
}

/// Days since 1970-01-01.
pub fn day_number(date: Date) -> i32 {
    let epoch = jiff::civil::date(1970, 1, 1);
    // Civil dates are within 10,000 years, so that their distance is within range.
    epoch.until(date).map_or(0, |span| span.get_days())
}

/// The date of a day since 1970-01-01, or the number itself where there is no such date.
pub fn date_text(day: i32) -> String {
    use jiff::ToSpan;
    let epoch = jiff::civil::date(1970, 1, 1);
    let date = epoch.checked_add(i64::from(day).days());
    date.map_or_else(|_| format!("day {day}"), |date| date.to_string())
}

/// `database` as `outcome` wants it written.
pub fn trimmed(database: FingerprintDb, outcome: &Outcome) -> FingerprintDb {
    let mut database = match outcome.min_passes {
        0 | 1 => database,
        min_passes => database.without_rare(min_passes),
    };
    if let Some(date) = outcome.expires {
        database.provenance.expires = Some(day_number(date));
    }
    if outcome.without_statistics {
        let bare = |(edge, evidence): (_, fin_core::fingerprint::evidence::EdgeEvidence)| {
            (
                edge,
                fin_core::fingerprint::evidence::EdgeEvidence {
                    cells: Vec::new(),
                    ..evidence
                },
            )
        };
        database.evidence = Evidence {
            edges: database.evidence.edges.into_iter().map(bare).collect(),
        };
    }
    database
}

/// Writes the database that `build` gave and tells on `out` what became of each drive; refused drives are named on stderr.
///
/// # Errors
/// No drive can be used, or a file cannot be written. No database is left then.
pub fn finish(build: Build, outcome: &Outcome, out: &mut dyn Write) -> anyhow::Result<()> {
    let Build { database, report } = build;
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
    if let Some(path) = &outcome.report {
        write_atomically(path, format!("{json}\n").as_bytes()).with_context(|| path.display().to_string())?;
    }
    if outcome.json {
        writeln!(out, "{json}")?;
    } else {
        write!(out, "{}", table(&report))?;
    }
    let Some(database) = database else {
        bail!("none of the {} drives can be used", report.drives.len());
    };
    let bytes = trimmed(database, outcome).to_bytes();
    write_atomically(&outcome.out, &bytes).with_context(|| outcome.out.display().to_string())?;
    eprintln!("{}: {}", outcome.out.display(), summary(&report, bytes.len()));
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
