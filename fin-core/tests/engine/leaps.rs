//! Clocks that leap, and silences: the engine neither grows nor goes on as if it knew where the car is.

use std::sync::Arc;

use fin_core::engine::{Engine, Mode};
use fin_core::observation::Observation;
use fin_core::time::Time;

use super::road::{Trip, city_without_profiles, database, drive};

/// More than 16 hypotheses in a tunnel without wheel speed take as a state, bytes.
const MOST_STATE_BYTES: usize = 1_000_000;

fn trip(wheel: bool) -> Trip {
    Trip {
        wheel,
        cells: true,
        fork: true,
        ..Trip::default()
    }
}

/// The observation as on a clock that is `ahead_s` ahead.
fn later(observation: &Observation, ahead_s: f64) -> Observation {
    let moved = |time: Time| time.plus_seconds(ahead_s);
    let mut observation = observation.clone();
    match &mut observation {
        Observation::Gnss(fix) => fix.time = moved(fix.time),
        Observation::Speed(sample) => sample.time = moved(sample.time),
        Observation::Cells(scan) => scan.time = moved(scan.time),
    }
    observation
}

/// An engine that has come half way through the tunnel, and what comes then.
fn half_way(wheel: bool) -> (Engine, Vec<Observation>) {
    let mut engine = Engine::new(Arc::new(database(true)));
    let observations = drive(&trip(wheel));
    let (before, after) = observations.split_at(observations.len() / 2);
    for observation in before {
        engine.step(observation).unwrap();
    }
    let at = engine.predict(Time::default()).unwrap();
    assert_eq!(at.mode, Mode::Tunnel);
    (engine, after.to_vec())
}

#[test]
fn after_an_hour_of_silence_the_car_is_forgotten_and_found_anew() {
    for wheel in [false, true] {
        let (mut engine, after) = half_way(wheel);
        let starts = engine.diagnostics().starts;
        for (index, observation) in after.iter().enumerate() {
            let leapt = later(observation, 3600.0);
            let stepped = engine.step(&leapt).unwrap();
            assert!(
                index > 0 || stepped.is_none(),
                "one observation says nothing of the place"
            );
            if let Some(estimate) = stepped {
                let truth_m = trip(wheel).offset_m(observation.time());
                let error_m = trip(wheel).along_m(estimate.position) - truth_m;
                assert!(
                    error_m.abs() < 30.0 + estimate.accuracy95_m,
                    "{error_m}, {estimate:?}"
                );
            }
            assert!(engine.snapshot().len() < MOST_STATE_BYTES);
        }
        assert_eq!(engine.diagnostics().silences, 1);
        assert_eq!(engine.diagnostics().starts, starts + 1);
        let end = engine.predict(Time::default()).unwrap();
        assert_eq!(end.mode, Mode::Gnss);
    }
}

#[test]
fn leaps_too_short_to_forget_the_car_leave_the_state_small() {
    for wheel in [false, true] {
        let (mut engine, after) = half_way(wheel);
        for (index, observation) in after.iter().cycle().take(400).enumerate() {
            let leapt = later(observation, 290.0 * index as f64);
            engine.step(&leapt).unwrap();
            assert!(engine.snapshot().len() < MOST_STATE_BYTES, "after {index} leaps");
        }
        assert_eq!(engine.diagnostics().silences, 0);
    }
}

#[test]
fn two_minutes_among_streets_where_nothing_tells_the_way_leave_the_state_small() {
    for wheel in [false, true] {
        let mut engine = Engine::new(Arc::new(city_without_profiles(40)));
        let trip = trip(wheel);
        let (before, after): (Vec<_>, Vec<_>) = drive(&trip)
            .into_iter()
            .partition(|observation| observation.time() < Time::from_millis(20_000));
        let silent = after.iter().filter(|o| !matches!(o, Observation::Gnss(_)));
        let two_minutes = silent.take_while(|o| o.time() < Time::from_millis(140_000));
        for observation in before.iter().chain(two_minutes) {
            engine.step(observation).unwrap();
            assert!(engine.snapshot().len() < 2 * MOST_STATE_BYTES);
        }
        assert_eq!(engine.diagnostics().starts, 1);
    }
}

#[test]
fn a_clock_that_is_set_back_is_believed_after_fifty_observations() {
    let (mut engine, after) = half_way(true);
    let refused = after
        .iter()
        .filter(|observation| engine.step(&later(observation, -7200.0)).is_err())
        .count();
    let counts = engine.diagnostics();
    assert_eq!((refused, counts.observations_refused), (50, 50));
    assert_eq!((counts.clocks_set_back, counts.silences), (1, 0));
    let end = engine.predict(Time::from_millis(-7_200_000)).unwrap();
    assert_eq!(end.mode, Mode::Gnss);
}
