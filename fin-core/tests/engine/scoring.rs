//! What scans say of the place, with what it says that no fix comes and what is thought of the car.

use fin_core::fingerprint::CellIx;
use fin_core::fingerprint::matcher::{
    EarlierReading, History, Leg, LevelOffset, Places, Prior, RadioModel, ScanScore, Shifts, Window,
};
use fin_core::observation::{CellScan, Observation};

use super::road::{EXIT_M, PORTAL_M, Trip, database, drive};

/// Places 10 m apart along the whole road.
const WINDOW: Window = Window {
    base_m: 5.0,
    step_m: 10.0,
    points: 440,
};

/// The first scan of a drive.
fn first_scan() -> CellScan {
    let trip = Trip {
        cells: true,
        ..Trip::default()
    };
    let scan = drive(&trip)
        .into_iter()
        .find_map(|observation| match observation {
            Observation::Cells(scan) => Some(scan),
            _ => None,
        });
    scan.unwrap()
}

/// The whole road.
fn legs() -> Vec<Leg> {
    let mut end_m = 0.0;
    let network = database(false).network;
    let legs = network.edges().map(|(edge, road)| {
        let start_m = end_m;
        end_m += road.length_m;
        Leg {
            edge,
            start_m,
            length_m: road.length_m,
        }
    });
    legs.collect()
}

/// A scan before which nothing was heard, which is trusted.
fn alone(silence_s: f64, prior: Prior<'_>) -> History<'_, impl Fn(Option<usize>, &EarlierReading) -> f64> {
    History {
        earlier: &[],
        lasting: None,
        since_scan_m: 0.0,
        gaits: 1,
        silence_s,
        trust: 1.0,
        searching: false,
        shifts: Shifts::none(),
        prior,
        moved_m: |_, _: &EarlierReading| 0.0,
    }
}

/// How a scan fits the places after what was heard before.
fn scored(
    scan: &CellScan,
    history: &History<'_, impl Fn(Option<usize>, &EarlierReading) -> f64>,
) -> Vec<f32> {
    let (db, legs) = (database(false), legs());
    let places = Places {
        db: &db,
        legs: &legs,
        window: WINDOW,
        around: WINDOW,
    };
    let model = RadioModel::default();
    let mut score = ScanScore::default();
    score.score(places, scan, LevelOffset::unknown(&model), history, &model);
    score.likelihood
}

/// Likelihoods of the first scan, when no fix has come for a time and only a share of the evidence counts.
fn likelihoods(silence_s: f64, trust: f64) -> Vec<f32> {
    let history = History {
        trust,
        ..alone(silence_s, Prior::default())
    };
    scored(&first_scan(), &history)
}

#[test]
fn the_longer_no_fix_comes_the_less_likely_is_the_road_after_the_tunnel_and_no_other() {
    let (before, after) = (likelihoods(0.0, 1.0), likelihoods(5.0, 1.0));
    for (index, (before, after)) in before.iter().zip(&after).enumerate() {
        let at_m = 5.0 + 10.0 * index as f64;
        let ratio = f64::from(after / before);
        let want = if at_m > EXIT_M { (-1.0_f64).exp() } else { 1.0 };
        assert!((ratio - want).abs() < 1e-3, "{ratio} at {at_m} m");
    }
    let inside = (0.1 * PORTAL_M) as usize..(0.1 * EXIT_M) as usize;
    assert!(before[inside].iter().all(|likelihood| *likelihood > 0.0));
}

#[test]
fn that_no_fix_comes_counts_where_what_is_heard_is_not_trusted() {
    let untrusted = likelihoods(5.0, 0.0);
    for (index, likelihood) in untrusted.into_iter().enumerate() {
        let at_m = 5.0 + 10.0 * index as f64;
        let want = if at_m > EXIT_M { (-1.0_f32).exp() } else { 1.0 };
        assert!((likelihood - want).abs() < 1e-6, "{likelihood} at {at_m} m");
    }
}

#[test]
fn evidence_that_is_not_trusted_does_not_count() {
    let (whole, half, none) = (
        likelihoods(0.0, 1.0),
        likelihoods(0.0, 0.5),
        likelihoods(0.0, 0.0),
    );
    assert!(none.iter().all(|likelihood| *likelihood == 1.0));
    for (whole, half) in whole.into_iter().zip(half) {
        assert!(
            (half - whole.sqrt()).abs() < 1e-5 * half,
            "{half}, not {}",
            whole.sqrt()
        );
    }
}

#[test]
fn a_level_that_does_not_fit_where_the_car_is_thought_to_be_counts_alike_everywhere() {
    let mut places = vec![0.0; WINDOW.points];
    places[5] = 1.0;
    let prior = Prior {
        places: &places,
        gait: 0,
    };
    let with_third = |rsrp_dbm: Option<f64>, prior| {
        let mut scan = first_scan();
        scan.cells[2].rsrp_dbm = rsrp_dbm;
        scored(&scan, &alone(0.0, prior))
    };
    let burst = Some(first_scan().cells[2].rsrp_dbm.unwrap() + 30.0);
    let ratios = |prior| -> Vec<f32> {
        let (with, without) = (with_third(burst, prior), with_third(None, prior));
        std::iter::zip(with, without)
            .filter(|(_, without)| *without > 1e-12)
            .map(|(with, without)| with / without)
            .collect()
    };
    let differ = |ratios: &[f32]| ratios.iter().any(|ratio| (ratio / ratios[5] - 1.0).abs() > 1e-4);
    let thought = ratios(prior);
    assert!(!differ(&thought) && thought[5] < 0.05, "{}", thought[5]);
    assert!(differ(&ratios(Prior::default())));
    // Where the other levels do not fit either the car may be elsewhere, and all of them count.
    let mut scan = first_scan();
    for reading in &mut scan.cells {
        reading.rsrp_dbm = reading.rsrp_dbm.map(|dbm| dbm + 30.0);
    }
    let lost = scored(&scan, &alone(0.0, prior));
    assert_eq!(lost, scored(&scan, &alone(0.0, Prior::default())));
}

#[test]
fn how_a_level_changes_where_no_survey_heard_its_cell_tells_how_far_the_car_moved() {
    let mut db = database(false);
    // The cell is known from the tunnel alone.
    let before = db.profiles[0].as_mut().unwrap();
    before.cells.retain(|levels| levels.cell != CellIx(2));
    let legs = legs();
    let window = Window {
        points: 100,
        ..WINDOW
    };
    let mut scan = first_scan();
    scan.cells
        .retain(|reading| reading.cell.global.unwrap().cell_id == 2);
    let level_dbm = scan.cells[0].rsrp_dbm.unwrap();
    let standing_and_moving = |change_db: f64| {
        let earlier = [EarlierReading {
            cell: CellIx(2),
            rsrp_dbm: level_dbm - change_db,
            time: scan.time.plus_seconds(-1.0),
            track_m: 0.0,
        }];
        let history = History {
            earlier: &earlier,
            lasting: None,
            since_scan_m: 20.0,
            gaits: 2,
            silence_s: 0.0,
            trust: 1.0,
            searching: false,
            shifts: Shifts::none(),
            prior: Prior::default(),
            moved_m: |gait: Option<usize>, _: &EarlierReading| 20.0 * gait.unwrap_or(0) as f64,
        };
        let places = Places {
            db: &db,
            legs: &legs,
            window,
            around: WINDOW,
        };
        let (model, mut score) = (RadioModel::default(), ScanScore::default());
        score.score(places, &scan, LevelOffset::unknown(&model), &history, &model);
        assert!(
            score
                .likelihood
                .chunks(window.points)
                .all(|gait| gait.iter().all(|p| *p == gait[0]))
        );
        (score.likelihood[0], score.likelihood[window.points])
    };
    let (standing, moving) = standing_and_moving(1.0);
    assert!(standing > 1.3 * moving, "{standing} {moving}");
    let (standing, moving) = standing_and_moving(12.0);
    assert!(standing < 0.7 * moving, "{standing} {moving}");
}

#[test]
fn cells_that_have_become_weaker_are_found_out_where_the_place_is_known() {
    let (db, model, legs) = (database(false), RadioModel::default(), legs());
    let (mut offset, mut shifts) = (LevelOffset::unknown(&model), Shifts::unknown());
    let mut score = ScanScore::default();
    let trip = Trip {
        cells: true,
        ..Trip::default()
    };
    for observation in drive(&trip) {
        let Observation::Cells(mut scan) = observation else {
            continue;
        };
        let weaker = &mut scan.cells[1].rsrp_dbm;
        *weaker = weaker.map(|dbm| dbm - 6.0);
        let here = Window {
            base_m: trip.offset_m(scan.time.plus_seconds(-model.scan_lag_s)),
            step_m: 1.0,
            points: 1,
        };
        let places = Places {
            db: &db,
            legs: &legs,
            window: here,
            around: here,
        };
        score.score(places, &scan, offset, &alone(0.0, Prior::default()), &model);
        score.teach((&mut offset, &mut shifts), &[1.0], 0.5, &model);
    }
    let phone_db = offset.mean_db - trip.level_offset_db;
    assert!(phone_db.abs() < 1.0, "{offset:?}");
    for cell in 0..5 {
        let shift_db = shifts.of(CellIx(cell), &model).mean_db;
        let want_db = if cell == 1 { -6.0 } else { 0.0 };
        assert!((shift_db - want_db).abs() < 1.5, "{cell}: {shift_db} dB");
    }
}
