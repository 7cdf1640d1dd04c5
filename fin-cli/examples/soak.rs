//! A day of driving at ten times the sensors' rate with random faults: `cargo run --release --example soak [HOURS] [SEED]`.
//!
//! Drives the sample drives over and over and writes what came of it as JSON. Fails when an estimate was bad, a refusal was not
//! counted, or memory grew.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use fin_cli::soak::{Plan, run};
use fin_cli::{build, drive, roads};
use fin_core::fingerprint::format::Atlas;

/// Memory may grow by this much between a tenth and the end, kB: the most hypotheses come when they come.
const MOST_GROWTH_KB: u64 = 1024;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let hours: f64 = args.next().map_or(Ok(24.0), |text| text.parse())?;
    let seed: u64 = args.next().map_or(Ok(1), |text| text.parse())?;
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/samples");
    let network = Arc::new(build::database_roads(
        roads::read(&samples.join("roads.geojson"))?.ways,
    )?);
    let survey = folders(&samples.join("survey"))?;
    let database = build::from_folders(&network, &survey)
        .database
        .context("the sample drives make a database")?;
    let drives = folders(&samples.join("test"))?;
    let drives: Vec<_> = drives
        .iter()
        .map(|folder| Ok(drive::read(folder)?.drive))
        .collect::<Result<_>>()?;
    let start = Instant::now();
    let plan = Plan {
        seconds: hours * 3600.0,
        rate: 10,
        seed,
    };
    let report = run(Atlas::open(database.to_bytes())?, &drives, plan)?;
    println!("{}", serde_json::to_string_pretty(&report)?);
    let took_s = start.elapsed().as_secs_f64();
    eprintln!(
        "{:.1} h in {took_s:.0} s: {:.0} times as fast as driven",
        report.hours,
        report.hours * 3600.0 / took_s
    );
    ensure!(
        report.bad_estimates == 0,
        "estimates were not finite or not on the roads"
    );
    let refused = report.refused_values + report.refused_late;
    ensure!(
        refused == report.refusals_counted,
        "{refused} refusals, {} counted",
        report.refusals_counted
    );
    let (before_kb, after_kb) = report.resident_kb;
    ensure!(
        after_kb <= before_kb + MOST_GROWTH_KB,
        "memory grew from {before_kb} to {after_kb} kB"
    );
    Ok(())
}

fn folders(of: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(of).with_context(|| of.display().to_string())?;
    let mut folders: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    folders.sort();
    Ok(folders)
}
