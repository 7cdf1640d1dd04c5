//! The engine on real drives: each pass of the Cork corridor with the others as survey.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use fin_cli::evaluate::{Evaluation, Summary, evaluate};
use fin_core::fingerprint::FingerprintDb;
use fin_core::observation::Drive;
use serde::Serialize;

use super::corridor::{Corridor, Hidden, Survey};

/// What the engine is given inside the declared tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Inputs {
    WheelAndCells,
    CellsOnly,
    WheelOnly,
}

impl Inputs {
    /// The words for the inputs in tables.
    pub fn name(self) -> &'static str {
        match self {
            Inputs::WheelAndCells => "wheel + cells",
            Inputs::CellsOnly => "cells only",
            Inputs::WheelOnly => "wheel only",
        }
    }
}

/// One row of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub tunnel_m: (f64, f64),
    pub survey: Survey,
    pub inputs: Inputs,
    pub drives: usize,
    pub summary: Summary,
}

/// The table for `tunnels_m` and `survey` over all passes in `folder`, the `cork_5g` data set.
pub fn run(folder: &Path, tunnels_m: &[(f64, f64)], survey: Survey) -> Result<Vec<Row>> {
    let corridor = Corridor::read(folder)?;
    let mut rows = Vec::new();
    for &tunnel_m in tunnels_m {
        let mut found: BTreeMap<Inputs, Vec<Evaluation>> = BTreeMap::new();
        let judged = corridor.leave_one_out(tunnel_m, survey, |db, pass| Ok(evaluate_pass(db, pass)))?;
        for (inputs, evaluation) in judged.into_iter().flatten() {
            found.entry(inputs).or_default().push(evaluation);
        }
        rows.extend(found.iter().map(|(&inputs, evaluations)| Row {
            tunnel_m,
            survey,
            inputs,
            drives: evaluations.len(),
            summary: Summary::of(evaluations),
        }));
    }
    Ok(rows)
}

/// The pass with each set of inputs.
fn evaluate_pass(db: &Arc<FingerprintDb>, pass: Hidden) -> Vec<(Inputs, Evaluation)> {
    let Hidden { drive, truth, wheel } = pass;
    let mut found = vec![(Inputs::CellsOnly, evaluate(db, &drive, &truth))];
    for speed in wheel {
        let both = Drive {
            speed,
            ..drive.clone()
        };
        let wheel_only = Drive {
            cells: Vec::new(),
            ..both.clone()
        };
        found.push((Inputs::WheelAndCells, evaluate(db, &both, &truth)));
        found.push((Inputs::WheelOnly, evaluate(db, &wheel_only, &truth)));
    }
    found
}
