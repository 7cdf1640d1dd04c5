//! `fin eval`: replays against truth.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use rayon::prelude::*;
use serde::Serialize;

use crate::evaluate::{Evaluation, Summary, evaluate};
use crate::table::{Align, Table};
use crate::{db_file, drive};

/// What `fin eval` is asked for.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Fingerprint database
    #[arg(long, value_name = "DB.fin")]
    pub db: PathBuf,
    /// The public key that the database has to be signed with
    #[arg(long, value_name = "KEY.pub")]
    pub key: Option<PathBuf>,
    /// Drive folders with a truth.csv
    #[arg(required = true)]
    pub drives: Vec<PathBuf>,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    drives: Vec<DriveReport>,
    tunnels: BTreeMap<String, Summary>,
    all: Summary,
    failed: usize,
}

#[derive(Debug, Serialize)]
struct DriveReport {
    name: String,
    #[serde(flatten)]
    summary: Summary,
    unanswered: usize,
}

/// Writes errors along the road at the true positions inside tunnels, by drive, by tunnel and over all.
///
/// A drive that cannot be evaluated is named on stderr with its reason, and the others go on.
///
/// # Errors
/// The database is unusable, or no drive has a true position inside a tunnel.
pub fn run(options: &Options, out: &mut dyn Write) -> anyhow::Result<()> {
    let db = Arc::new(db_file::read(&options.db, options.key.as_deref())?);
    let results: Vec<anyhow::Result<Evaluation>> = options
        .drives
        .par_iter()
        .map(|folder| {
            let drive = drive::read(folder)?.drive;
            let truth = drive::read_truth(folder)?;
            let truth =
                truth.with_context(|| format!("{}: expected a truth.csv, found none", folder.display()))?;
            Ok(evaluate(&db, &drive, &truth.positions))
        })
        .collect();
    let mut evaluations = Vec::new();
    let mut failed = 0;
    for (folder, result) in options.drives.iter().zip(results) {
        match result {
            Ok(evaluation) => evaluations.push((folder.display().to_string(), evaluation)),
            Err(reason) => {
                failed += 1;
                eprintln!("left out: {reason:#}");
            }
        }
    }
    if evaluations
        .iter()
        .all(|(_, evaluation)| evaluation.samples.is_empty())
    {
        bail!("expected drives with true positions inside tunnels of the database, found none");
    }
    let report = Report {
        drives: evaluations
            .iter()
            .map(|(name, evaluation)| DriveReport {
                name: name.clone(),
                summary: Summary::of([evaluation]),
                unanswered: evaluation.unanswered,
            })
            .collect(),
        tunnels: db
            .network
            .tunnels()
            .iter()
            .filter_map(|tunnel| {
                let inside: Vec<Evaluation> = evaluations
                    .iter()
                    .map(|(_, evaluation)| evaluation.in_tunnel(tunnel.id))
                    .collect();
                let summary = Summary::of(&inside);
                (summary.samples > 0).then(|| (tunnel.name.clone(), summary))
            })
            .collect(),
        all: Summary::of(evaluations.iter().map(|(_, evaluation)| evaluation)),
        failed,
    };
    if options.json {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", table(&report))?;
    }
    Ok(())
}

fn table(report: &Report) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new([
        ("errors in m", Left),
        ("positions", Right),
        ("median", Right),
        ("68 %", Right),
        ("95 %", Right),
        ("max", Right),
        ("exit", Right),
        ("in 68 %", Right),
        ("in 95 %", Right),
        ("wrong branch", Right),
    ]);
    let mut push = |name: String, s: &Summary| {
        table.push([
            name,
            s.samples.to_string(),
            format!("{:.1}", s.median_m),
            format!("{:.1}", s.p68_m),
            format!("{:.1}", s.p95_m),
            format!("{:.1}", s.max_m),
            format!("{:.1}", s.exit_median_m),
            format!("{:.0} %", 100.0 * s.coverage68),
            format!("{:.0} %", 100.0 * s.coverage95),
            format!("{:.1} %", 100.0 * s.wrong_branch),
        ]);
    };
    report
        .drives
        .iter()
        .for_each(|drive| push(drive.name.clone(), &drive.summary));
    report
        .tunnels
        .iter()
        .for_each(|(name, summary)| push(name.clone(), summary));
    push("all".to_owned(), &report.all);
    table
}
