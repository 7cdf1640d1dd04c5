//! Surveys that no longer describe what is heard are told by tunnel.

use std::sync::Arc;

use fin_core::engine::{Engine, TunnelFit};
use fin_core::fingerprint::FingerprintDb;
use fin_core::observation::{CellReading, Observation};

use super::road::{EXIT_M, PORTAL_M, Trip, database, drive};

/// Cells that are heard all along the road.
const CELLS: u64 = 5;

/// What an engine with `db` finds on a drive with wheel speed of which every reading was changed by `change`, given the cell's number.
fn fits(db: FingerprintDb, change: impl Fn(u64, &mut CellReading)) -> (Engine, Vec<TunnelFit>) {
    let trip = Trip {
        wheel: true,
        cells: true,
        ..Trip::default()
    };
    let mut engine = Engine::new(Arc::new(db));
    for mut observation in drive(&trip) {
        if let Observation::Cells(scan) = &mut observation {
            for reading in &mut scan.cells {
                let cell = reading.cell.global.unwrap().cell_id;
                change(cell, reading);
            }
        }
        engine.step(&observation).unwrap();
    }
    let found = engine.tunnel_fits().to_vec();
    (engine, found)
}

/// Gives two of the cells other identities.
fn renumber(cell: u64, reading: &mut CellReading) {
    if cell == 1 || cell == 3 {
        reading.cell.global.as_mut().unwrap().cell_id += 100;
    }
}

/// The one tunnel of the road.
fn fit(change: impl Fn(u64, &mut CellReading)) -> TunnelFit {
    let (_, found) = fits(database(false), change);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

#[test]
fn surveys_that_fit_are_not_stale() {
    let found = fit(|_, _| ());
    assert_eq!((found.tunnel.as_str(), found.way_id), ("way 2", 2));
    let counts = found.fit;
    let most = CELLS * (1 + ((EXIT_M - PORTAL_M) / 20.0) as u64);
    assert!((most / 2..=most).contains(&counts.readings), "{counts:?}");
    assert_eq!(counts.unheard + counts.misplaced, 0, "{counts:?}");
    assert!(counts.staleness() < 0.03, "{counts:?}");
}

#[test]
fn renumbered_cells_are_counted_as_unheard() {
    let counts = fit(renumber).fit;
    assert_eq!(counts.unheard * CELLS, 2 * counts.readings, "{counts:?}");
    assert!((counts.staleness() - 0.38).abs() < 0.05, "{counts:?}");
}

#[test]
fn two_passes_do_not_tell_that_a_cell_is_new() {
    let mut db = database(false);
    let passes = db
        .profiles
        .iter_mut()
        .flatten()
        .flat_map(|profile| &mut profile.passes);
    passes.for_each(|passes| *passes = 2);
    let (_, found) = fits(db, renumber);
    let counts = found[0].fit;
    assert!(counts.readings > 0 && counts.unheard == 0, "{counts:?}");
    assert_eq!(counts.staleness(), 0.0, "{counts:?}");
}

#[test]
fn a_cell_that_serves_where_it_never_did_is_misplaced() {
    let counts = fit(|cell, reading| reading.serving = cell == 4).fit;
    let scans = counts.readings / CELLS;
    assert!(counts.misplaced > scans * 9 / 10, "{counts:?}");
    assert!(
        counts.misplaced + counts.off_level <= scans + counts.readings / 20,
        "{counts:?}"
    );
}

#[test]
fn a_cell_of_another_level_is_off_it() {
    let counts = fit(|cell, reading| {
        if cell == 2 {
            reading.rsrp_dbm = reading.rsrp_dbm.map(|dbm| dbm - 25.0);
        }
    })
    .fit;
    let scans = counts.readings / CELLS;
    assert!(
        (scans * 9 / 10..=scans * 11 / 10).contains(&counts.off_level),
        "{counts:?}"
    );
}

#[test]
fn what_was_found_outlives_a_snapshot_and_a_clock_that_was_set_back() {
    let (mut engine, found) = fits(database(false), |_, _| ());
    let mut other = engine.anew();
    other.restore(&engine.snapshot()).unwrap();
    assert_eq!(other.tunnel_fits(), found);
    let first = drive(&Trip::default()).swap_remove(0);
    while engine.step(&first).is_err() {}
    assert_eq!(engine.diagnostics().clocks_set_back, 1);
    assert_eq!(engine.tunnel_fits(), found);
}
