//! Simulated tunnels: many seeds, five survey drives a route, test drives with and without wheel speed.

use anyhow::Result;
use fin_cli::evaluate::{Evaluation, Summary, evaluate};
use fin_cli::simulate::{Scenario, Traffic, WorldConfig};
use fin_core::observation::Drive;
use rayon::prelude::*;
use serde::Serialize;

use crate::town::{SURVEY_DRIVES, Town};

/// Test drives over each route and traffic.
const TEST_DRIVES: u64 = 2;

/// One row of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub scenario: &'static str,
    pub traffic: &'static str,
    pub inputs: &'static str,
    pub drives: usize,
    pub summary: Summary,
}

/// The table over `seeds`, each a town of its own for every scenario.
pub fn run(seeds: &[u64], scenarios: &[Scenario]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for &scenario in scenarios {
        let towns: Vec<Vec<(&'static str, &'static str, Evaluation)>> = seeds
            .par_iter()
            .map(|&seed| run_town(seed, scenario))
            .collect::<Result<_>>()?;
        let all: Vec<_> = towns.into_iter().flatten().collect();
        for traffic in Traffic::ALL {
            for inputs in INPUTS {
                let of = |e: &&(&str, &str, Evaluation)| e.0 == traffic.name() && e.1 == inputs;
                let evaluations: Vec<Evaluation> = all.iter().filter(of).map(|(_, _, e)| e.clone()).collect();
                if !evaluations.is_empty() {
                    let summary = Summary::of(&evaluations);
                    let drives = evaluations.len();
                    rows.push(Row {
                        scenario: scenario.name(),
                        traffic: traffic.name(),
                        inputs,
                        drives,
                        summary,
                    });
                }
            }
        }
    }
    Ok(rows)
}

/// The shares of all positions of `rows` inside the stated 68 % and 95 % intervals.
pub fn coverage(rows: &[Row]) -> (f64, f64) {
    let total: usize = rows.iter().map(|row| row.summary.samples).sum();
    let over = |share: &dyn Fn(&Summary) -> f64| {
        rows.iter()
            .map(|row| share(&row.summary) * row.summary.samples as f64)
            .sum::<f64>()
            / total as f64
    };
    (over(&|s| s.coverage68), over(&|s| s.coverage95))
}

/// What the engine is given.
const INPUTS: [&str; 3] = ["wheel + cells", "cells only", "wheel only"];

fn run_town(seed: u64, scenario: Scenario) -> Result<Vec<(&'static str, &'static str, Evaluation)>> {
    let town = Town::surveyed(&WorldConfig::new(seed, scenario), SURVEY_DRIVES)?;
    let mut found = Vec::new();
    for config in town.tests(&Traffic::ALL, TEST_DRIVES) {
        let simulated = town.world.drive(&config)?;
        let all = simulated.drive;
        let no_wheel = Drive {
            speed: Vec::new(),
            ..all.clone()
        };
        let no_cells = Drive {
            cells: Vec::new(),
            ..all.clone()
        };
        for (inputs, drive) in INPUTS.into_iter().zip([all, no_wheel, no_cells]) {
            let evaluation = evaluate(&town.db, &drive, &simulated.truth);
            found.push((config.traffic.name(), inputs, evaluation));
        }
    }
    Ok(found)
}
