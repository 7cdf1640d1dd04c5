//! What a call costs in Rust, beside which the other languages' `Cost` programs are read: `cost [FOLDER]` prints the median and
//! the 99th percentile of a scan with 9 cells, to the core and to the bindings' object.

#![allow(clippy::unwrap_used, reason = "a measurement fails by panicking, as tests do")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use fin_core::engine::{self, Mode};
use fin_core::fingerprint::FingerprintDb;
use fin_core::observation::Observation;
use fin_core::radio::Rat;
use fin_ffi::{CellReading, CellScan, GnssFix, SpeedSample};

const CALLS: i64 = 20_000;
const NS_PER_S: i64 = 1_000_000_000;

fn main() {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("prepared/session");
    let folder = std::env::args_os().nth(1).map_or(default, PathBuf::from);
    let db = folder.join("tunnel.fin");
    let session = std::fs::read_to_string(folder.join("observations.csv")).unwrap();
    let driven = observations(&session);
    let driven = &driven[..driven.len() / 2];
    let template = driven.iter().rev().find_map(|observation| match observation {
        Observed::Cells(scan) if scan.cells.len() >= 5 => Some(scan.cells.clone()),
        _ => None,
    });
    let template = template.unwrap();

    let mut core = engine::Engine::new(Arc::new(
        FingerprintDb::from_bytes(&std::fs::read(&db).unwrap()).unwrap(),
    ));
    let object = fin_ffi::Engine::open(db.to_str().unwrap().to_owned()).unwrap();
    for observation in driven {
        match observation.clone() {
            Observed::Gnss(fix) => {
                core.step(&Observation::Gnss(fix.into())).unwrap();
                object.on_gnss(fix).unwrap();
            }
            Observed::Speed(sample) => {
                core.step(&Observation::Speed(sample.into())).unwrap();
                object.on_speed(sample).unwrap();
            }
            Observed::Cells(scan) => {
                core.step(&Observation::Cells(scan.clone().into())).unwrap();
                object.on_cells(scan).unwrap();
            }
        }
    }
    let start = object.predict(0).unwrap().unwrap();
    assert_eq!(
        start.mode,
        Mode::Tunnel,
        "the middle of the session is not in the tunnel"
    );
    let (core_in_tunnel, object_in_tunnel) = (core.snapshot(), object.snapshot().unwrap());

    report("fin-core, step", start.time_ns, &template, |scan, again| {
        if again {
            core.restore(&core_in_tunnel).unwrap();
        }
        let scan = Observation::Cells(scan.into());
        let before = Instant::now();
        std::hint::black_box(core.step(&scan).unwrap());
        before.elapsed().as_nanos()
    });
    report("fin-ffi, on_cells", start.time_ns, &template, |scan, again| {
        if again {
            object.restore(object_in_tunnel.clone()).unwrap();
        }
        let before = Instant::now();
        std::hint::black_box(object.on_cells(scan).unwrap());
        before.elapsed().as_nanos()
    });
}

/// Calls with half a minute of scans over and over, so that the car stays in the tunnel; `true` where it begins again.
fn report(what: &str, start_ns: i64, template: &[CellReading], mut call: impl FnMut(CellScan, bool) -> u128) {
    let mut took: Vec<u128> = (0..CALLS)
        .map(|index| {
            let scan = nine_cells(template, start_ns + (1 + index % 30) * NS_PER_S);
            call(scan, index % 30 == 0)
        })
        .collect();
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

#[derive(Clone)]
enum Observed {
    Gnss(GnssFix),
    Speed(SpeedSample),
    Cells(CellScan),
}

fn observations(session: &str) -> Vec<Observed> {
    let mut lines = session.lines().map(|line| line.split(',').collect::<Vec<&str>>());
    let mut found = Vec::new();
    while let Some(fields) = lines.next() {
        let time_ns = fields[1].parse().unwrap();
        found.push(match fields[0] {
            "gnss" => Observed::Gnss(GnssFix {
                time_ns,
                lat_deg: fields[2].parse().unwrap(),
                lon_deg: fields[3].parse().unwrap(),
                accuracy_m: fields[4].parse().ok(),
                speed_mps: fields[5].parse().ok(),
                bearing_deg: fields[6].parse().ok(),
            }),
            "speed" => Observed::Speed(SpeedSample {
                time_ns,
                speed_mps: fields[2].parse().unwrap(),
            }),
            _ => {
                let count = fields[2].parse().unwrap();
                let cells = lines.by_ref().take(count).map(|line| reading(&line)).collect();
                Observed::Cells(CellScan { time_ns, cells })
            }
        });
    }
    found
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
