//! The engine on real drives: each pass of the Cork corridor with the others as survey.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use fin_cli::evaluate::{Evaluation, Summary, evaluate};
use fin_core::fingerprint::FingerprintDb;
use fin_core::observation::Drive;
use serde::Serialize;

use super::bound::{self, Bound};
use super::corridor::{Corridor, Hidden, Survey};

/// What the engine is given inside the declared tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Inputs {
    WheelAndCells,
    CellsOnly,
    WheelOnly,
    Neither,
}

impl Inputs {
    /// The words for the inputs in tables.
    pub fn name(self) -> &'static str {
        match self {
            Inputs::WheelAndCells => "wheel + cells",
            Inputs::CellsOnly => "cells only",
            Inputs::WheelOnly => "wheel only",
            Inputs::Neither => "neither",
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
    pub bound: Bound,
}

/// What became of a pass, and the least standard deviations of the place that are possible, metres.
type Judged = (Evaluation, Vec<f64>);

/// The table for `tunnels_m` and `survey` over all passes in `folder`, the `cork_5g` data set.
pub fn run(folder: &Path, tunnels_m: &[(f64, f64)], survey: Survey) -> Result<Vec<Row>> {
    let corridor = Corridor::read(folder)?;
    let mut rows = Vec::new();
    for &tunnel_m in tunnels_m {
        let mut found: BTreeMap<Inputs, Vec<Judged>> = BTreeMap::new();
        let judged = corridor.leave_one_out(tunnel_m, survey, |db, pass| Ok(evaluate_pass(db, pass)))?;
        for (inputs, judged) in judged.into_iter().flatten() {
            found.entry(inputs).or_default().push(judged);
        }
        rows.extend(found.iter().map(|(&inputs, judged)| {
            Row {
                tunnel_m,
                survey,
                inputs,
                drives: judged.len(),
                summary: Summary::of(judged.iter().map(|(evaluation, _)| evaluation)),
                bound: Bound::of(
                    &judged
                        .iter()
                        .flat_map(|(_, sigmas_m)| sigmas_m.clone())
                        .collect::<Vec<_>>(),
                ),
            }
        }));
    }
    Ok(rows)
}

/// The pass with each set of inputs.
fn evaluate_pass(db: &Arc<FingerprintDb>, pass: Hidden) -> Vec<(Inputs, Judged)> {
    let Hidden {
        drive,
        truth,
        path,
        wheel,
    } = pass;
    // Scans that hear nothing: the bound is asked for at each scan.
    let mut deaf = drive.clone();
    deaf.cells.iter_mut().for_each(|scan| scan.cells.clear());
    let judge = |heard: &Drive, used: &Drive| {
        let wheel = !used.speed.is_empty();
        (
            evaluate(db, used, &truth),
            bound::sigmas_m(db, heard, &path, wheel),
        )
    };
    let alone = Drive {
        cells: Vec::new(),
        ..drive.clone()
    };
    let mut found = vec![
        (Inputs::CellsOnly, judge(&drive, &drive)),
        (Inputs::Neither, judge(&deaf, &alone)),
    ];
    for speed in wheel {
        let both = Drive {
            speed,
            ..drive.clone()
        };
        let wheel_only = Drive {
            cells: Vec::new(),
            ..both.clone()
        };
        found.push((Inputs::WheelAndCells, judge(&both, &both)));
        found.push((Inputs::WheelOnly, judge(&deaf, &wheel_only)));
    }
    found
}
