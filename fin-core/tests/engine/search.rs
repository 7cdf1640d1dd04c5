//! Finding the car by fingerprints alone.

use std::sync::Arc;

use fin_core::engine::{Engine, Estimate, Mode};
use fin_core::observation::Observation;
use fin_core::time::Time;

use super::road::{EXIT_M, Trip, database, drive};

/// When the car of a trip is past the fork and half way through the tunnel, and when it comes out.
const HALF_WAY: Time = Time::from_millis(130_000);
/// Distance within which the car counts as found, metres.
const NEAR_M: f64 = 50.0;

fn trip(wheel: bool, seed: u64) -> Trip {
    Trip {
        wheel,
        cells: true,
        seed,
        ..Trip::default()
    }
}

#[test]
fn a_car_that_starts_inside_is_found_and_nothing_is_said_before() {
    for wheel in [true, false] {
        let (mut near, mut all) = (0, 0);
        for seed in 1..=6 {
            let trip = trip(wheel, seed);
            let mut engine = Engine::new(Arc::new(database(false)));
            let inside = |o: &Observation| o.time() >= HALF_WAY && trip.offset_m(o.time()) < EXIT_M;
            let mut answers = Vec::new();
            for observation in drive(&trip).iter().filter(|o| inside(o)) {
                assert!(
                    !matches!(observation, Observation::Gnss(_)),
                    "the tunnel has no fixes"
                );
                if let Some(estimate) = engine.step(observation).unwrap() {
                    let error_m = trip.along_m(estimate.position) - trip.offset_m(estimate.time);
                    answers.push((estimate, error_m));
                }
            }
            let (first, last) = (&answers[0], &answers[answers.len() - 1]);
            assert!(first.0.time.seconds_since(HALF_WAY) > 0.0);
            assert!(first.0.time.seconds_since(HALF_WAY) < 20.0, "{first:?}");
            let is_near =
                |(estimate, error_m): &&(Estimate, f64)| error_m.abs() < NEAR_M.max(estimate.accuracy95_m);
            near += answers.iter().filter(is_near).count();
            all += answers.len();
            assert!(last.1.abs() < NEAR_M, "{last:?}");
            assert_eq!(last.0.mode, Mode::Tunnel);
        }
        assert!(near * 10 > all * 9, "wheel: {wheel}: {near} of {all}");
    }
}

#[test]
fn fixes_outside_are_believed_over_a_guess_at_a_tunnel() {
    let trip = trip(true, 3);
    let mut engine = Engine::new(Arc::new(database(false)));
    let observations = drive(&trip);
    let (blind, seeing) =
        observations.split_at(observations.iter().position(|o| o.time() >= HALF_WAY).unwrap());
    for observation in seeing.iter().filter(|o| trip.offset_m(o.time()) < EXIT_M) {
        engine.step(observation).unwrap();
    }
    let guessed = engine.predict(Time::default()).unwrap();
    assert_eq!(guessed.mode, Mode::Tunnel);
    // The same phone, on the road before the tunnel: the clock goes on, the place was wrong.
    let (first, ahead_s) = (blind[0].time(), guessed.time.seconds_since(blind[0].time()) + 1.0);
    for observation in blind {
        let Observation::Gnss(fix) = observation else {
            continue;
        };
        if fix.time.seconds_since(first) < 20.0 {
            let mut fix = *fix;
            fix.time = fix.time.plus_seconds(ahead_s);
            engine.step(&Observation::Gnss(fix)).unwrap();
        }
    }
    let found = engine.predict(Time::default()).unwrap();
    assert_eq!(found.mode, Mode::Gnss);
}
