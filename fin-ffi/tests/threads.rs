//! One engine called from many threads at once.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

use std::sync::Arc;

use fin_core::fingerprint::FingerprintDb;
use fin_core::frame::{EastNorth, LatLon, LocalFrame};
use fin_core::network::{Direction, RoadClass, RoadNetwork, Way, WayNode};
use fin_core::radio::Rat;
use fin_ffi::{CellReading, CellScan, Engine, FinError, GnssFix, SpeedSample};

const THREADS: i64 = 8;
const ROUNDS: i64 = 400;

/// A straight road eastwards, on which nothing is known of cells.
fn engine() -> Arc<Engine> {
    let node = |key: i64| WayNode {
        key,
        position: place(4000.0 * key as f64),
    };
    let way = Way {
        id: 1,
        nodes: vec![node(0), node(1)],
        oneway: Direction::Forward,
        tunnel: false,
        layer: 0,
        name: None,
        reference: None,
        max_speed_mps: None,
        class: RoadClass::Primary,
    };
    let network = Arc::new(RoadNetwork::build(vec![way]).unwrap());
    let db = FingerprintDb {
        profiles: vec![None; network.edge_count()],
        network,
        ..FingerprintDb::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("road.fin");
    std::fs::write(&path, db.to_bytes()).unwrap();
    Engine::open(path.to_str().unwrap().to_owned()).unwrap()
}

fn place(east_m: f64) -> LatLon {
    LocalFrame::new(LatLon::new(46.0, 8.0)).to_lat_lon(EastNorth { east_m, north_m: 0.0 })
}

fn fix(time_ns: i64) -> GnssFix {
    let position = place(time_ns as f64 * 1e-9);
    GnssFix {
        time_ns,
        lat_deg: position.lat_deg,
        lon_deg: position.lon_deg,
        accuracy_m: Some(4.0),
        speed_mps: Some(1.0),
        bearing_deg: Some(90.0),
    }
}

fn scan(time_ns: i64) -> CellScan {
    let cell = CellReading {
        rat: Rat::Lte,
        mcc: Some(1),
        mnc: Some(1),
        tac: None,
        cell_id: None,
        arfcn: Some(6200),
        pci: Some((time_ns % 7) as u16),
        serving: true,
        rsrp_dbm: Some(-90.0),
        rsrq_db: None,
    };
    CellScan {
        time_ns,
        cells: vec![cell; 9],
    }
}

#[test]
fn every_call_of_every_thread_counts_and_none_fails() {
    let engine = engine();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let engine = &engine;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    // Times of all threads stay within the 5 s that an observation may be late.
                    let time_ns = 1_000_000_000 + round * 1_000_000 + thread;
                    engine.on_gnss(fix(time_ns)).unwrap();
                    let sample = SpeedSample {
                        time_ns,
                        speed_mps: 1.0,
                    };
                    engine.on_speed(sample).unwrap();
                    engine.on_cells(scan(time_ns)).unwrap();
                    assert!(engine.predict(time_ns).unwrap().is_some());
                }
            });
        }
    });
    let counts = engine.diagnostics().unwrap();
    let fixes = counts.fixes_taken
        + counts.starts
        + counts.fixes_stale
        + counts.fixes_outlying
        + counts.fixes_awaiting
        + counts.fixes_inside
        + counts.fixes_inaccurate;
    assert_eq!(fixes, (THREADS * ROUNDS) as u64);
    assert_eq!(counts.observations_refused, 0);
}

#[test]
fn states_are_stored_and_restored_while_others_drive() {
    let engine = engine();
    engine.on_gnss(fix(1_000_000_000)).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let engine = &engine;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let time_ns = 1_000_000_000 + round * 1_000_000 + thread;
                    match thread % 3 {
                        0 => drop(engine.on_gnss(fix(time_ns)).unwrap()),
                        1 => engine.restore(engine.snapshot().unwrap()).unwrap(),
                        _ => drop(engine.predict(time_ns).unwrap()),
                    }
                }
            });
        }
    });
    assert!(engine.predict(0).unwrap().is_some());
}

#[test]
fn a_shutdown_ends_the_calls_of_all_threads() {
    let engine = engine();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let engine = &engine;
            scope.spawn(move || {
                let ended = (0..).find_map(|round| engine.on_gnss(fix(1_000_000_000 + round % 1000)).err());
                assert!(matches!(ended, Some(FinError::Closed)), "{ended:?}");
            });
        }
        engine.shutdown();
    });
}
