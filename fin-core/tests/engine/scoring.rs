//! What scans say of the place, with what it says that no fix comes and what is thought of the car.

use fin_core::fingerprint::matcher::{
    EarlierReading, History, Leg, LevelOffset, Places, Prior, RadioModel, ScanScore, Window,
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

/// How a scan fits the places, when no fix has come for a time and something is thought of the car.
fn scored(scan: &CellScan, silence_s: f64, prior: Prior<'_>) -> ScanScore {
    let db = database(false);
    let mut start_m = 0.0;
    let legs: Vec<Leg> = db
        .network
        .edges()
        .map(|(edge, road)| {
            let leg = Leg {
                edge,
                start_m,
                length_m: road.length_m,
            };
            start_m += road.length_m;
            leg
        })
        .collect();
    let history = History {
        earlier: &[],
        gaits: 1,
        silence_s,
        searching: false,
        prior,
        moved_m: |_, _: &EarlierReading| 0.0,
    };
    let places = Places {
        db: &db,
        legs: &legs,
        window: WINDOW,
        around: WINDOW,
    };
    let model = RadioModel::default();
    let mut score = ScanScore::default();
    score.score(places, scan, LevelOffset::unknown(&model), &history, &model);
    score
}

/// Likelihoods of the first scan, when no fix has come for a time and only a share of the evidence counts.
fn likelihoods(silence_s: f64, trust: f64) -> Vec<f32> {
    let mut score = scored(&first_scan(), silence_s, Prior::default());
    score.temper(trust);
    score.likelihood
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
        scored(&scan, 0.0, prior).likelihood
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
    let lost = scored(&scan, 0.0, prior).likelihood;
    assert_eq!(lost, scored(&scan, 0.0, Prior::default()).likelihood);
}
