//! What scans say of the place, with what it says that no fix comes.

use fin_core::fingerprint::matcher::{
    EarlierReading, History, Leg, LevelOffset, Places, Prior, RadioModel, ScanScore, Window,
};
use fin_core::observation::Observation;

use super::road::{EXIT_M, PORTAL_M, Trip, database, drive};

/// Likelihoods of the first scan of a drive at places 10 m apart along the whole road, when no fix has come for a time and only a
/// share of the evidence counts.
fn likelihoods(silence_s: f64, trust: f64) -> Vec<f32> {
    let db = database(false);
    let trip = Trip {
        cells: true,
        ..Trip::default()
    };
    let scans = drive(&trip)
        .into_iter()
        .filter_map(|observation| match observation {
            Observation::Cells(scan) => Some(scan),
            _ => None,
        });
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
    let window = Window {
        base_m: 5.0,
        step_m: 10.0,
        points: 440,
    };
    let history = History {
        earlier: &[],
        gaits: 1,
        silence_s,
        searching: false,
        prior: Prior::default(),
        moved_m: |_, _: &EarlierReading| 0.0,
    };
    let places = Places {
        db: &db,
        legs: &legs,
        window,
        around: window,
    };
    let model = RadioModel::default();
    let mut score = ScanScore::default();
    let scan = scans.into_iter().next().unwrap();
    score.score(places, &scan, LevelOffset::unknown(&model), &history, &model);
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
