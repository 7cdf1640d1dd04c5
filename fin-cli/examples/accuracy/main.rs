//! Measures accuracy on simulated and real drives and writes `docs/accuracy.md`.
//!
//! ```sh
//! cargo run --release --example accuracy -- --cork ../shared/data/cork_5g --out docs/accuracy.md
//! ```

#![allow(unreachable_pub, reason = "modules of one program")]

mod bound;
mod cases;
mod cork;
mod corridor;
mod jack_lynch;
mod report;
mod simulated;
mod survey;
mod town;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;
use corridor::Survey;
use fin_cli::atomic::write_atomically;
use fin_cli::simulate::Scenario;

/// Measures accuracy on simulated and real drives.
#[derive(Parser)]
struct Args {
    /// Folder of the Cork data set; without it the real drives are left out
    #[arg(long)]
    cork: Option<PathBuf>,
    /// First seed of the simulated towns; seeds below 1000 are for development
    #[arg(long, default_value_t = 1000)]
    seed: u64,
    /// Number of simulated towns for each scenario; 0 leaves the simulation out
    #[arg(long, default_value_t = 24)]
    towns: u64,
    /// Only the hard cases whose names begin so, "forks" or "cold starts"; may be given more than once
    #[arg(long, value_name = "NAME")]
    case: Vec<String>,
    /// Only this scenario, without the hard cases
    #[arg(long)]
    scenario: Option<Scenario>,
    /// Where the report goes; stdout without it
    #[arg(long)]
    out: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let all = [Scenario::Tube, Scenario::Long, Scenario::Fork, Scenario::Bores];
    let scenarios = args.scenario.map_or(all.to_vec(), |one| vec![one]);
    let seeds: Vec<u64> = (args.seed..args.seed + args.towns).collect();
    let simulated = if seeds.is_empty() || !args.case.is_empty() {
        Vec::new()
    } else {
        simulated::run(&seeds, &scenarios)?
    };
    let hard = (!seeds.is_empty() && args.scenario.is_none()).then(|| hard_cases(&seeds, &args.case));
    let hard = hard.transpose()?;
    let cork = args.cork.as_deref().map(cork_rows).transpose()?;
    let jack_lynch = args.cork.as_deref().map(jack_lynch::run).transpose()?;
    let text = report::markdown(
        &seeds,
        &simulated,
        hard.as_ref(),
        cork.as_deref(),
        jack_lynch.as_deref(),
    );
    match &args.out {
        Some(path) => write_atomically(path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display())),
        None => {
            print!("{text}");
            Ok(())
        }
    }
}

/// The drives through Cork, surveyed in their direction and in both.
fn cork_rows(folder: &Path) -> Result<Vec<cork::Row>> {
    let surveys = [Survey::SameDirection, Survey::BothDirections];
    let rows = surveys.map(|survey| cork::run(folder, &corridor::TUNNELS_M, survey));
    Ok(rows.into_iter().collect::<Result<Vec<_>>>()?.concat())
}

/// The hard cases that one of `names` begins the name of; all of them when there is none.
fn hard_cases(seeds: &[u64], names: &[String]) -> Result<report::HardCases> {
    let is_asked = |name: &str| names.is_empty() || names.iter().any(|asked| name.starts_with(asked));
    Ok(report::HardCases {
        rows: cases::run(seeds, is_asked)?,
        forks: is_asked("forks").then(|| cases::forks(seeds)).transpose()?,
        cold_starts: is_asked("cold starts")
            .then(|| cases::cold_starts(seeds))
            .transpose()?,
    })
}
