//! A car of which nothing is heard any more.

use std::sync::Arc;

use fin_core::engine::{Engine, Estimate, Mode};
use fin_core::fingerprint::FingerprintDb;
use fin_core::observation::{GnssFix, Observation, SpeedSample};
use fin_core::time::Time;

use super::road::{
    EXIT_M, FORK_M, PORTAL_M, Trip, database, database_with_limits, database_with_usual_speeds, drive, place,
};

/// An engine that has followed `trip` for the first `until_m` metres, and its answer there.
fn followed(db: FingerprintDb, trip: &Trip, until_m: f64) -> (Engine, Estimate) {
    let mut engine = Engine::new(Arc::new(db));
    let before = |o: &Observation| trip.offset_m(o.time()) < until_m;
    for observation in drive(trip).into_iter().take_while(before) {
        engine.step(&observation).unwrap();
    }
    let last = engine.predict(Time::default()).unwrap();
    (engine, last)
}

/// Where the car is said to be each second from one to `seconds` after `last`.
fn each_second(engine: &Engine, last: &Estimate, seconds: i32) -> Vec<Estimate> {
    let at = |second| engine.predict(last.time.plus_seconds(f64::from(second))).unwrap();
    (1..=seconds).map(at).collect()
}

#[test]
fn it_drives_on_to_the_exit_and_waits_there() {
    for fork in [false, true] {
        let trip = Trip {
            fork,
            ..Trip::default()
        };
        let (engine, last) = followed(database(fork), &trip, PORTAL_M);
        let (from_m, speed_mps) = (trip.along_m(last.position), last.speed_mps.unwrap());
        let mut before_m = from_m;
        for (estimate, second) in each_second(&engine, &last, 240).iter().zip(1..) {
            let driven_m = from_m + speed_mps * f64::from(second);
            let along_m = trip.along_m(estimate.position);
            let what = format!("fork {fork}, {driven_m:.0} m: {estimate:?}");
            assert!(along_m - before_m > -2.0, "back from {before_m}: {what}");
            before_m = along_m;
            if driven_m > EXIT_M {
                let waits_s = (driven_m - EXIT_M) / speed_mps;
                assert!(along_m < EXIT_M + 1.0, "{what}");
                assert!(along_m > EXIT_M - 2.0 * waits_s - 20.0, "{what}");
                continue;
            }
            // There is a small chance of a queue, in which the car is slower.
            assert!(
                (-0.03..0.01).contains(&((along_m - driven_m) / (driven_m - from_m + 100.0))),
                "{what}"
            );
            let near_fork = (along_m - FORK_M).abs() < 30.0;
            if second > 3 && !near_fork && driven_m < EXIT_M - 50.0 {
                let probability = if fork && along_m > FORK_M { 0.5 } else { 1.0 };
                assert_eq!(
                    (estimate.mode, estimate.branch_probability),
                    (Mode::DeadReckoning, probability),
                    "{what}"
                );
            }
        }
    }
}

#[test]
fn it_goes_as_fast_as_others_do() {
    let trip = Trip::default();
    let mean_mps = |db: FingerprintDb| {
        let (engine, last) = followed(db, &trip, PORTAL_M);
        let after = engine.predict(last.time.plus_seconds(60.0)).unwrap();
        (trip.along_m(after.position) - trip.along_m(last.position)) / 60.0
    };
    let plain_mps = mean_mps(database(false));
    assert!((17.0..19.5).contains(&plain_mps), "{plain_mps}");
    for (before_mps, inside_mps) in [(18.0, 12.0), (18.0, 24.0), (12.0, 12.0)] {
        let by_limits = mean_mps(database_with_limits(before_mps, inside_mps)) / plain_mps;
        let by_surveys =
            mean_mps(database_with_usual_speeds(before_mps as f32, inside_mps as f32)) / plain_mps;
        let expected = inside_mps / before_mps;
        let what = format!("{before_mps} {inside_mps}: {by_limits} {by_surveys}");
        assert!((by_limits / expected - 1.0).abs() < 0.1, "{what}");
        // Who drove half as fast again as surveys is not taken to do so for ever.
        let own = if before_mps < 15.0 { 0.89 } else { 1.0 };
        assert!((by_surveys / (own * expected) - 1.0).abs() < 0.1, "{what}");
    }
}

#[test]
fn what_is_stated_holds_for_one_that_has_stopped_and_a_fix_at_the_exit_is_taken() {
    let trip = Trip::default();
    let (mut engine, last) = followed(database(false), &trip, PORTAL_M);
    let minutes_later = last.time.plus_seconds(900.0);
    let waiting = engine.predict(minutes_later).unwrap();
    let stopped_at_m = PORTAL_M + 300.0;
    let off_m = trip.along_m(waiting.position) - stopped_at_m;
    assert!(off_m < waiting.accuracy95_m, "{off_m} {waiting:?}");
    assert!(waiting.accuracy95_m < EXIT_M, "{waiting:?}");
    let mut answer = None;
    for second in 0..8 {
        let fix = GnssFix {
            time: minutes_later.plus_seconds(f64::from(second)),
            position: place(EXIT_M + 50.0 + 15.0 * f64::from(second)),
            accuracy_m: Some(6.0),
            speed_mps: Some(15.0),
            bearing_deg: Some(90.0),
        };
        answer = engine.step(&Observation::Gnss(fix)).unwrap();
    }
    assert!(engine.diagnostics().fixes_taken > 6, "{:?}", engine.diagnostics());
    let off_m = trip.along_m(answer.unwrap().position) - (EXIT_M + 50.0 + 15.0 * 7.0);
    assert!(off_m.abs() < 20.0, "{off_m}");
}

#[test]
fn scans_that_end_in_the_tunnel_leave_it_in_the_traffic() {
    let trip = Trip {
        cells: true,
        ..Trip::default()
    };
    let after_m = |inside_mps: f32| {
        let db = database_with_usual_speeds(18.0, inside_mps);
        let (engine, last) = followed(db, &trip, PORTAL_M + 300.0);
        let answers = each_second(&engine, &last, 90);
        let places_m: Vec<f64> = answers.iter().map(|e| trip.along_m(e.position)).collect();
        assert!(
            places_m.windows(2).all(|pair| pair[1] > pair[0] - 2.0),
            "{places_m:?}"
        );
        assert!(
            answers
                .windows(2)
                .all(|pair| pair[1].accuracy_m > 0.7 * pair[0].accuracy_m)
        );
        places_m[89] - trip.along_m(last.position)
    };
    let (slow_m, fast_m) = (after_m(14.0), after_m(18.0));
    assert!(fast_m - slow_m > 200.0, "{slow_m} {fast_m}");
    assert!((fast_m - 90.0 * 18.0).abs() < 160.0, "{fast_m}");
}

#[test]
fn fixes_that_are_refused_change_nothing() {
    let trip = Trip {
        cells: true,
        ..Trip::default()
    };
    for until_m in [PORTAL_M, PORTAL_M + 300.0] {
        let db = database_with_usual_speeds(18.0, 14.0);
        let (silent, last) = followed(db, &trip, until_m);
        let mut told = silent.clone();
        for second in 1..=60 {
            let time = last.time.plus_seconds(f64::from(second));
            let useless = GnssFix {
                time,
                position: place(0.0),
                accuracy_m: Some(2000.0),
                speed_mps: None,
                bearing_deg: None,
            };
            told.step(&Observation::Gnss(useless)).unwrap();
            let (told, silent) = (told.predict(time).unwrap(), silent.predict(time).unwrap());
            let off_m = trip.along_m(told.position) - trip.along_m(silent.position);
            let wider = told.accuracy_m / silent.accuracy_m;
            assert!(off_m.abs() < 1.0, "{second} s: {off_m} m");
            assert!((0.95..1.05).contains(&wider), "{second} s: {told:?} {silent:?}");
        }
    }
}

#[test]
fn one_that_stands_on_an_open_road_stays() {
    let trip = Trip::default();
    let (mut engine, last) = followed(database_with_usual_speeds(18.0, 18.0), &trip, 700.0);
    let mut time = last.time;
    for _ in 0..20 {
        time = time.plus_seconds(1.0);
        let fix = GnssFix {
            time,
            position: place(720.0),
            accuracy_m: Some(4.0),
            speed_mps: Some(0.0),
            bearing_deg: None,
        };
        engine.step(&Observation::Gnss(fix)).unwrap();
    }
    let later = engine.predict(time.plus_seconds(30.0)).unwrap();
    assert!((trip.along_m(later.position) - 720.0).abs() < 10.0, "{later:?}");
}

#[test]
fn one_far_slower_than_surveys_goes_on_from_its_state() {
    let trip = Trip::default();
    let db = Arc::new(database_with_usual_speeds(90.0, 90.0));
    let mut engine = Engine::new(Arc::clone(&db));
    let before = |o: &Observation| trip.offset_m(o.time()) < PORTAL_M;
    for observation in drive(&trip).into_iter().take_while(before) {
        engine.step(&observation).unwrap();
        let mut other = Engine::new(Arc::clone(&db));
        other.restore(&engine.snapshot()).unwrap();
    }
}

#[test]
fn a_wheel_speed_after_minutes_does_not_make_it_sure_of_the_traffic() {
    let trip = Trip {
        wheel: true,
        ..Trip::default()
    };
    let (mut engine, last) = followed(database(false), &trip, PORTAL_M + 200.0);
    let time = last.time.plus_seconds(80.0);
    let sample = SpeedSample {
        time,
        speed_mps: 15.0,
    };
    let estimate = engine.step(&Observation::Speed(sample)).unwrap().unwrap();
    assert!(estimate.accuracy_m > 80.0, "{estimate:?}");
}
