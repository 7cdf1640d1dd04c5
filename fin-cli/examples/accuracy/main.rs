//! Measures accuracy and prints the tables of `docs/accuracy.md`.
//!
//! ```sh
//! cargo run --release --example accuracy -- --cork ../shared/data/cork_5g > docs/accuracy.md
//! ```

mod cork;
mod jack_lynch;
mod simulated;
mod survey;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use fin_cli::evaluate::Summary;
use fin_cli::simulate::Scenario;

/// Measures accuracy on simulated and real drives.
#[derive(Parser)]
struct Args {
    /// Folder of the Cork data set; without it the real drives are left out
    #[arg(long)]
    cork: Option<PathBuf>,
    /// First seed of the simulated towns
    #[arg(long, default_value_t = 1000)]
    seed: u64,
    /// Number of simulated towns for each scenario; 0 leaves the simulation out
    #[arg(long, default_value_t = 10)]
    towns: u64,
    /// Only this scenario
    #[arg(long)]
    scenario: Option<Scenario>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if args.towns > 0 {
        let seeds: Vec<u64> = (args.seed..args.seed + args.towns).collect();
        let all = [Scenario::Tube, Scenario::Long, Scenario::Fork, Scenario::Bores];
        let scenarios = args.scenario.map_or(all.to_vec(), |one| vec![one]);
        println!("| tunnel | traffic | inputs | drives | {HEAD} |\n|---|---|---|---|{LINE}|");
        for row in simulated::run(&seeds, &scenarios)? {
            let (scenario, traffic) = (row.scenario, row.traffic);
            println!(
                "| {scenario} | {traffic} | {} | {} | {} |",
                row.inputs,
                row.drives,
                cells(&row.summary)
            );
        }
        println!();
    }
    if let Some(folder) = &args.cork {
        println!("| declared tunnel, m | inputs | drives | {HEAD} |\n|---|---|---|{LINE}|");
        for row in cork::run(folder)? {
            let (from_m, to_m) = row.tunnel_m;
            let inputs = row.inputs.name();
            println!(
                "| {from_m}–{to_m} | {inputs} | {} | {} |",
                row.drives,
                cells(&row.summary)
            );
        }
    }
    Ok(())
}

const HEAD: &str = "median | 68 % | 95 % | max | exit median | in 68 % | in 95 % | wrong branch";
const LINE: &str = "---|---|---|---|---|---|---|---";

fn cells(s: &Summary) -> String {
    format!(
        "{:.1} | {:.1} | {:.1} | {:.0} | {:.1} | {:.0} % | {:.0} % | {:.1} %",
        s.median_m,
        s.p68_m,
        s.p95_m,
        s.max_m,
        s.exit_median_m,
        100.0 * s.coverage68,
        100.0 * s.coverage95,
        100.0 * s.wrong_branch
    )
}
