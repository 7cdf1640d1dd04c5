//! Compares the anchored row of whole dB (`fin_core::dtw::AnchoredRow`) with the engine's soft row, on the same drives and at the same
//! scans.
//!
//! ```sh
//! cargo run --release --example rows -- --cork ../shared/data/cork_5g
//! ```
//!
//! Each integer row starts at the first scan inside the tunnel, where the engine has the car then. Without wheel speed it may advance by
//! what is possible since the scan before; with it, by the distance that the engine drives on wheel speed alone, give or take what that
//! leaves open. It answers with the place of least cost, in the middle of equal ones.

#![allow(unreachable_pub, dead_code, reason = "shared with the program accuracy")]

mod corridor;
mod ride;
mod survey;
mod town;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use fin_cli::evaluate::{evaluate, quantile};
use fin_cli::simulate::{Scenario, Traffic, WorldConfig};
use fin_core::fingerprint::FingerprintDb;
use fin_core::frame::LatLon;
use fin_core::observation::{CellScan, Drive, TruePosition};
use rayon::prelude::*;

use corridor::{Corridor, Survey, TUNNELS_M};
use ride::{Offset, Ride, Rules};
use town::{SURVEY_DRIVES, Town};

/// Compares the anchored integer row with the engine's soft row.
#[derive(Parser)]
struct Args {
    /// Folder of the Cork data set; without it the real drives are left out
    #[arg(long)]
    cork: Option<PathBuf>,
    /// First seed of the simulated towns
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of simulated towns
    #[arg(long, default_value_t = 20)]
    towns: u64,
}

/// Columns of the table: fluent traffic, jams, and the declared tunnels.
const COLUMNS: [&str; 5] = [
    "2 km, free and varying",
    "2 km, jam",
    "Cork, 1600–2600 m",
    "Cork, 1600–3600 m",
    "Cork, 800–4800 m",
];
/// Test drives over each route and traffic.
const TEST_DRIVES: u64 = 2;
/// Longest time between the true positions between which others are interpolated, seconds.
const TRUTH_GAP_S: f64 = 0.5;

const PLAIN: Rules = Rules {
    step_m: 5.0,
    most_db: u32::MAX,
    unheard_db: 12,
    offset: Offset::None,
    off_db: (0.0, 0.0),
    news_m: 0.0,
};
const LESS_OFFSET: Rules = Rules {
    offset: Offset::Approach,
    ..PLAIN
};
const CLAMPED: Rules = Rules {
    most_db: 12,
    ..LESS_OFFSET
};
const FINE: Rules = Rules {
    step_m: 1.0,
    ..CLAMPED
};
const SPEED_KEPT: Rules = Rules {
    off_db: (0.2, 4.0),
    ..CLAMPED
};
const WHEEL_KEPT: Rules = Rules {
    off_db: (16.0, f64::INFINITY),
    ..FINE
};

const fn best_offset(rules: Rules) -> Rules {
    Rules {
        offset: Offset::Best,
        ..rules
    }
}

const fn unheard_left_out(rules: Rules) -> Rules {
    Rules {
        unheard_db: 0,
        ..rules
    }
}

const fn every_2_m(rules: Rules) -> Rules {
    Rules { news_m: 2.0, ..rules }
}

/// Kinds of integer rows, named by what is different from the plain one or from a kind with a letter.
type Kind = (&'static str, Rules);

const CELLS_ONLY: [Kind; 8] = [
    ("differences of levels", PLAIN),
    ("less the approach's offset", LESS_OFFSET),
    ("less the best of 21 offsets", best_offset(PLAIN)),
    ("A: the approach's offset, at most 12 dB a level", CLAMPED),
    ("B: A, 0.2 dB/m off the portal's speed, at most 4 dB", SPEED_KEPT),
    (
        "B, grid of 1 m",
        Rules {
            step_m: 1.0,
            ..SPEED_KEPT
        },
    ),
    ("B, best of 21 offsets", best_offset(SPEED_KEPT)),
    (
        "B, nothing where no survey heard the cell",
        unheard_left_out(SPEED_KEPT),
    ),
];

const WITH_WHEEL: [Kind; 10] = [
    ("differences of levels", PLAIN),
    ("less the approach's offset", LESS_OFFSET),
    ("less the best of 21 offsets", best_offset(PLAIN)),
    ("A: the approach's offset, at most 12 dB a level", CLAMPED),
    ("A, grid of 1 m", FINE),
    ("C: A, grid of 1 m, 16 dB/m off the wheel's distance", WHEEL_KEPT),
    ("C, best of 21 offsets", best_offset(WHEEL_KEPT)),
    (
        "C, nothing where no survey heard the cell",
        unheard_left_out(WHEEL_KEPT),
    ),
    ("C, a scan every 2 m", every_2_m(WHEEL_KEPT)),
    (
        "C, a scan every 2 m, best of 21 offsets",
        every_2_m(best_offset(WHEEL_KEPT)),
    ),
];

/// The kinds of integer rows with wheel speed or without, and their names.
fn kinds(wheel: bool) -> &'static [Kind] {
    if wheel { &WITH_WHEEL } else { &CELLS_ONLY }
}

/// Errors on one drive: of the engine, of the usual advances alone, and of each kind of integer row.
struct Compared {
    column: usize,
    wheel: bool,
    errors_m: Vec<Vec<f64>>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let seeds: Vec<u64> = (args.seed..args.seed + args.towns).collect();
    let towns = seeds.par_iter().map(|&seed| simulated(seed));
    let mut compared = towns.collect::<Result<Vec<_>>>()?;
    if let Some(folder) = &args.cork {
        let corridor = Corridor::read(folder)?;
        for (column, tunnel_m) in (2..).zip(TUNNELS_M) {
            let passes = corridor.leave_one_out(tunnel_m, Survey::SameDirection, |db, pass| {
                let speeds = std::iter::once(Vec::new()).chain(pass.wheel);
                let drives = speeds.map(|speed| Drive {
                    speed,
                    ..pass.drive.clone()
                });
                drives
                    .map(|drive| compare(column, db, &drive, &pass.truth))
                    .collect()
            });
            compared.extend(passes?);
        }
    }
    print(&compared.into_iter().flatten().collect::<Vec<_>>());
    Ok(())
}

/// The test drives of one town, with wheel speed and without.
fn simulated(seed: u64) -> Result<Vec<Compared>> {
    let town = Town::surveyed(&WorldConfig::new(seed, Scenario::Tube), SURVEY_DRIVES)?;
    let mut compared = Vec::new();
    for config in town.tests(&Traffic::ALL, TEST_DRIVES) {
        let column = usize::from(config.traffic == Traffic::Jam);
        let mut simulated = town.world.drive(&config)?;
        compared.push(compare(column, &town.db, &simulated.drive, &simulated.truth)?);
        simulated.drive.speed.clear();
        compared.push(compare(column, &town.db, &simulated.drive, &simulated.truth)?);
    }
    Ok(compared)
}

/// Prints a row for each kind of row and a column for each kind of drive that there is.
fn print(compared: &[Compared]) {
    let is_there = |column: &usize| compared.iter().any(|one| one.column == *column);
    let columns: Vec<usize> = (0..COLUMNS.len()).filter(is_there).collect();
    let line = |heads: [&str; 2], cell: &dyn Fn(usize) -> String| {
        let cells: Vec<String> = columns.iter().map(|&column| cell(column)).collect();
        println!("| {} | {} |", heads.join(" | "), cells.join(" | "));
    };
    line(["inputs", "row"], &|column| COLUMNS[column].to_owned());
    println!("|{}", "---|".repeat(2 + columns.len()));
    for (wheel, inputs) in [(false, "cells only"), (true, "wheel + cells")] {
        let integer = kinds(wheel).iter().map(|(name, _)| *name);
        let names = ["soft, the engine's", "none, the usual advances"];
        for (row, name) in names.into_iter().chain(integer).enumerate() {
            line([inputs, name], &|column| {
                let of_kind = compared
                    .iter()
                    .filter(|one| one.wheel == wheel && one.column == column);
                let mut errors_m: Vec<f64> = of_kind.flat_map(|one| one.errors_m[row].clone()).collect();
                errors_m.sort_by(f64::total_cmp);
                let [median, p68, p95] = [0.5, 0.68, 0.95].map(|share| quantile(&errors_m, share));
                format!("{median:.1} / {p68:.1} / {p95:.1}")
            });
        }
    }
}

/// The errors of each kind of row at the scans inside the tunnel whose true places are known, but for the first.
fn compare(
    column: usize,
    db: &Arc<FingerprintDb>,
    drive: &Drive,
    truth: &[TruePosition],
) -> Result<Compared> {
    let wheel = !drive.speed.is_empty();
    let samples = evaluate(db, drive, &at_scans(truth, &drive.cells)).samples;
    let ride = Ride::new(db, drive, &samples)
        .context("expected the engine on a road inside the tunnel, it is on none")?;
    let engine = samples[1..].iter().map(|sample| sample.error_m.abs()).collect();
    let mut errors_m = vec![engine, ride.errors_m(&ride.driven())];
    for (_, rules) in kinds(wheel) {
        errors_m.push(ride.errors_m(&ride.followed(rules)?));
    }
    Ok(Compared {
        column,
        wheel,
        errors_m,
    })
}

/// The true positions at the times of `scans`, where they are known.
fn at_scans(truth: &[TruePosition], scans: &[CellScan]) -> Vec<TruePosition> {
    let at = |scan: &CellScan| {
        let time = scan.time;
        let next = truth.partition_point(|here| here.time < time);
        let after = *truth.get(next)?;
        if after.time == time {
            return Some(after);
        }
        let before = truth[next.checked_sub(1)?];
        let gap_s = after.time.seconds_since(before.time);
        let share = time.seconds_since(before.time) / gap_s;
        let between = |from: f64, to: f64| from + share * (to - from);
        (gap_s < TRUTH_GAP_S).then(|| TruePosition {
            time,
            position: LatLon::new(
                between(before.position.lat_deg, after.position.lat_deg),
                between(before.position.lon_deg, after.position.lon_deg),
            ),
        })
    };
    scans.iter().filter_map(at).collect()
}
