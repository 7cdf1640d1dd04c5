//! What a call costs in Rust, beside which the other languages' `Cost` programs are read: `cost [FOLDER]` prints the median and
//! the 99th percentile of a scan with 9 cells, to the core and to the bindings' object.

#![allow(clippy::unwrap_used, reason = "a measurement fails by panicking, as tests do")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use fin_core::engine;
use fin_core::fingerprint::FingerprintDb;
use fin_core::frame::LatLon;
use fin_core::observation::{GnssFix, Observation};
use fin_core::radio::Rat;
use fin_core::time::Time;
use fin_ffi::{CellReading, CellScan};

const CALLS: i64 = 20_000;
const NS_PER_S: i64 = 1_000_000_000;

fn main() {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("prepared/session");
    let folder = std::env::args_os().nth(1).map_or(default, PathBuf::from);
    let db = folder.join("tunnel.fin");
    let session = std::fs::read_to_string(folder.join("observations.csv")).unwrap();
    let lines: Vec<Vec<&str>> = session.lines().map(|line| line.split(',').collect()).collect();
    let is_full = |line: &Vec<&str>| line[0] == "cells" && line[2].parse::<usize>().unwrap() >= 5;
    let at = lines.iter().position(is_full).unwrap();
    let count: usize = lines[at][2].parse().unwrap();
    let template: Vec<CellReading> = lines[at + 1..=at + count]
        .iter()
        .map(|line| reading(line))
        .collect();
    let start_ns: i64 = lines[at][1].parse().unwrap();
    let fixes: Vec<GnssFix> = lines[..at]
        .iter()
        .filter(|line| line[0] == "gnss")
        .map(|line| fix(line))
        .collect();

    let mut core = engine::Engine::new(Arc::new(
        FingerprintDb::from_bytes(&std::fs::read(&db).unwrap()).unwrap(),
    ));
    let object = fin_ffi::Engine::open(db.to_str().unwrap().to_owned()).unwrap();
    for fix in &fixes {
        core.step(&Observation::Gnss(*fix)).unwrap();
        object.on_gnss(flat(fix)).unwrap();
    }
    report("fin-core, step", start_ns, &template, |scan| {
        let scan = Observation::Cells(scan.into());
        let before = Instant::now();
        std::hint::black_box(core.step(&scan).unwrap());
        before.elapsed().as_nanos()
    });
    report("fin-ffi, on_cells", start_ns, &template, |scan| {
        let before = Instant::now();
        std::hint::black_box(object.on_cells(scan).unwrap());
        before.elapsed().as_nanos()
    });
}

fn report(what: &str, start_ns: i64, template: &[CellReading], mut call: impl FnMut(CellScan) -> u128) {
    let scan = |index: i64| nine_cells(template, start_ns + (1 + index % 30 + index / 30) * NS_PER_S);
    let mut took: Vec<u128> = (0..CALLS).map(|index| call(scan(index))).collect();
    took.sort_unstable();
    let micros = |index: usize| took[index] as f64 / 1e3;
    println!(
        "{what}: median {:.1} µs, 99 % {:.1} µs",
        micros(took.len() / 2),
        micros(took.len() * 99 / 100)
    );
}

/// A scan of nine cells, those of `template` over again, with levels that change.
fn nine_cells(template: &[CellReading], time_ns: i64) -> CellScan {
    let cells = (0..9_usize).map(|number| {
        let cell = template[number % template.len()];
        let level = cell.rsrp_dbm.unwrap_or(-100.0) - ((time_ns / NS_PER_S + number as i64) % 3) as f64;
        CellReading {
            serving: cell.serving && number < template.len(),
            rsrp_dbm: Some(level),
            ..cell
        }
    });
    CellScan {
        time_ns,
        cells: cells.collect(),
    }
}

fn fix(fields: &[&str]) -> GnssFix {
    GnssFix {
        time: Time::from_nanos(fields[1].parse().unwrap()),
        position: LatLon::new(fields[2].parse().unwrap(), fields[3].parse().unwrap()),
        accuracy_m: fields[4].parse().ok(),
        speed_mps: fields[5].parse().ok(),
        bearing_deg: fields[6].parse().ok(),
    }
}

fn flat(fix: &GnssFix) -> fin_ffi::GnssFix {
    fin_ffi::GnssFix {
        time_ns: fix.time.as_nanos(),
        lat_deg: fix.position.lat_deg,
        lon_deg: fix.position.lon_deg,
        accuracy_m: fix.accuracy_m,
        speed_mps: fix.speed_mps,
        bearing_deg: fix.bearing_deg,
    }
}

fn reading(fields: &[&str]) -> CellReading {
    CellReading {
        rat: if fields[1] == "nr" { Rat::Nr } else { Rat::Lte },
        mcc: fields[2].parse().ok(),
        mnc: fields[3].parse().ok(),
        tac: fields[4].parse().ok(),
        cell_id: fields[5].parse().ok(),
        arfcn: fields[6].parse().ok(),
        pci: fields[7].parse().ok(),
        serving: fields[8] == "1",
        rsrp_dbm: fields[9].parse().ok(),
        rsrq_db: fields[10].parse().ok(),
    }
}
