//! The engine on a small made-up road, where every cause is known.

mod leaps;
mod navigator;
mod reckoning;
mod road;
mod scoring;
mod search;
mod snapshot;
mod staleness;

use std::sync::Arc;

use fin_core::engine::{Engine, Estimate, Mode, ObservationError};
use fin_core::fingerprint::FingerprintDb;
use fin_core::frame::LatLon;
use fin_core::observation::{CellScan, GnssFix, Observation, SpeedSample};
use fin_core::time::Time;
use road::{
    EXIT_M, PORTAL_M, Trip, database, database_with_limits, database_with_usual_speeds, drive, place,
};

/// Every estimate at full seconds, beside the true offset along the road.
fn replay(trip: &Trip) -> Vec<(f64, Estimate)> {
    let mut engine = Engine::new(Arc::new(database(trip.fork)));
    let mut observations = drive(trip).into_iter().peekable();
    let mut found = Vec::new();
    for second in 0..trip.seconds() {
        let now = Time::from_millis(1000 * second);
        while let Some(observation) = observations.next_if(|o| o.time() <= now) {
            engine.step(&observation).unwrap();
        }
        found.extend(engine.predict(now).map(|estimate| (trip.offset_m(now), estimate)));
    }
    found
}

/// An engine that has taken what comes on the way up to `offset_m`.
fn driven_to(trip: &Trip, offset_m: f64) -> Engine {
    let mut engine = Engine::new(Arc::new(database(false)));
    let before = |observation: &Observation| trip.offset_m(observation.time()) < offset_m;
    for observation in drive(trip).into_iter().take_while(before) {
        engine.step(&observation).unwrap();
    }
    engine
}

/// Errors inside the tunnel over some seeds of `trip`, metres, and the shares of them inside the stated intervals.
fn errors(trip: &Trip) -> (Vec<f64>, f64, f64) {
    let mut inside = Vec::new();
    for seed in 1..=8 {
        let trip = Trip { seed, ..*trip };
        let rows = replay(&trip)
            .into_iter()
            .filter(|(s, _)| *s > PORTAL_M && *s < EXIT_M);
        inside.extend(rows.map(|(s, estimate)| (trip.along_m(estimate.position) - s, estimate)));
    }
    let share = |half_width_m: &dyn Fn(&Estimate) -> f64| {
        inside
            .iter()
            .filter(|(error, e)| error.abs() <= half_width_m(e))
            .count() as f64
            / inside.len() as f64
    };
    let (in68, in95) = (share(&|e| e.accuracy_m), share(&|e| e.accuracy95_m));
    (inside.iter().map(|(error, _)| *error).collect(), in68, in95)
}

fn p95(errors: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = errors.iter().map(|e| e.abs()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted[(0.95 * (sorted.len() - 1) as f64) as usize]
}

#[test]
fn wheel_speed_and_cells_keep_the_position_through_the_tunnel() {
    let trip = Trip {
        wheel: true,
        cells: true,
        ..Trip::default()
    };
    let (errors, in68, in95) = errors(&trip);
    assert!(p95(&errors) < 12.0, "{} {in68} {in95}", p95(&errors));
    assert!(in95 > 0.85, "{in68} {in95}");
}

#[test]
fn cells_alone_keep_the_position_through_the_tunnel() {
    let trip = Trip {
        cells: true,
        ..Trip::default()
    };
    let (errors, in68, in95) = errors(&trip);
    assert!(p95(&errors) < 50.0, "{} {in68} {in95}", p95(&errors));
    assert!(in95 > 0.8, "{in68} {in95}");
}

#[test]
fn wheel_speed_alone_drifts_no_more_than_it_says() {
    let trip = Trip {
        wheel: true,
        ..Trip::default()
    };
    let (errors, in68, in95) = errors(&trip);
    assert!(p95(&errors) < 40.0, "{} {in68} {in95}", p95(&errors));
    assert!(in95 > 0.8, "{in68} {in95}");
}

#[test]
fn modes_follow_the_drive() {
    let trip = Trip {
        wheel: true,
        cells: true,
        ..Trip::default()
    };
    let found = replay(&trip);
    let mode_at = |s: f64| found.iter().find(|(at, _)| *at >= s).unwrap().1.mode;
    assert_eq!(mode_at(800.0), Mode::Gnss);
    assert_eq!(mode_at(PORTAL_M + 400.0), Mode::Tunnel);
    assert_eq!(mode_at(EXIT_M + 400.0), Mode::Gnss);
    let without = replay(&Trip {
        wheel: true,
        ..Trip::default()
    });
    let dead = without
        .iter()
        .find(|(at, _)| *at >= PORTAL_M + 400.0)
        .unwrap()
        .1
        .mode;
    assert_eq!(dead, Mode::DeadReckoning);
}

#[test]
fn the_position_is_handed_over_at_the_exit_without_a_jump() {
    let trip = Trip {
        wheel: true,
        cells: true,
        ..Trip::default()
    };
    let found = replay(&trip);
    for pair in found.windows(2) {
        let ((s0, a), (s1, b)) = (&pair[0], &pair[1]);
        if *s0 > EXIT_M - 100.0 {
            let jump = trip.along_m(b.position) - trip.along_m(a.position) - (s1 - s0);
            assert!(jump.abs() < 10.0, "{jump} m at {s1}");
        }
    }
}

#[test]
fn fixes_after_the_exit_bring_the_position_over_by_and_by() {
    let mut fixes = 0;
    for seed in 1..=6 {
        let trip = Trip {
            cells: true,
            seed,
            ..Trip::default()
        };
        let mut engine = Engine::new(Arc::new(database(trip.fork)));
        for observation in drive(&trip) {
            let now = observation.time();
            let before = engine.predict(now).filter(|_| trip.offset_m(now) > EXIT_M);
            let after = engine.step(&observation).unwrap();
            let (Some(before), Some(after), Observation::Gnss(_)) = (before, after, &observation) else {
                continue;
            };
            let at_once_m = before.position.distance_m(after.position);
            assert!(at_once_m < 0.5, "seed {seed}: {at_once_m} m at {now:?}");
            fixes += 1;
        }
    }
    assert!(fixes > 20, "{fixes} fixes");
}

#[test]
fn the_position_hardly_ever_runs_back_in_the_tunnel() {
    let (mut back, mut steps) = (0, 0);
    for seed in 1..=12 {
        let trip = Trip {
            cells: true,
            seed,
            ..Trip::default()
        };
        let found = replay(&trip);
        let inside = |s: f64| s > PORTAL_M + 50.0 && s < EXIT_M;
        for pair in found
            .windows(2)
            .filter(|pair| inside(pair[0].0) && inside(pair[1].0))
        {
            let along_m = |estimate: &Estimate| trip.along_m(estimate.position);
            back += usize::from(along_m(&pair[1].1) < along_m(&pair[0].1) - 2.0);
            steps += 1;
        }
    }
    assert!(1000 * back < 2 * steps, "{back} of {steps}");
}

#[test]
fn scans_that_are_stamped_two_seconds_late_are_seen_through_before_the_tunnel() {
    for late_s in [2, -2] {
        let trip = Trip {
            wheel: true,
            cells: true,
            ..Trip::default()
        };
        let mut engine = Engine::new(Arc::new(database(false)));
        let mut observations = drive(&trip);
        for observation in &mut observations {
            if let Observation::Cells(scan) = observation {
                scan.time = Time::from_millis(scan.time.as_nanos() / 1_000_000 + 1000 * late_s);
            }
        }
        observations.sort_by_key(Observation::time);
        let mut errors = Vec::new();
        for observation in &observations {
            let Some(estimate) = engine.step(observation).unwrap() else {
                continue;
            };
            let s = trip.offset_m(estimate.time);
            if s > PORTAL_M && s < EXIT_M {
                errors.push(trip.along_m(estimate.position) - s);
            }
        }
        // Believed as they are stamped, they would put the car 36 m off.
        assert!(p95(&errors) < 20.0, "{} for {late_s} s", p95(&errors));
    }
}

#[test]
fn the_branch_that_was_taken_wins() {
    for ramp in [false, true] {
        let trip = Trip {
            wheel: true,
            cells: true,
            fork: true,
            ramp,
            ..Trip::default()
        };
        let found = replay(&trip);
        let late: Vec<_> = found
            .iter()
            .filter(|(s, _)| *s > PORTAL_M + 1200.0 && *s < EXIT_M)
            .collect();
        let want = if ramp { road::RAMP_WAY } else { road::MAIN_WAY };
        for (s, estimate) in late {
            assert_eq!(estimate.road.unwrap().way_id, want, "at {s} m, ramp {ramp}");
            assert!(estimate.branch_probability > 0.8, "{estimate:?}");
        }
    }
}

#[test]
fn fixes_that_the_phone_invents_inside_are_never_taken() {
    let trip = Trip {
        wheel: true,
        cells: true,
        ..Trip::default()
    };
    let mut engine = Engine::new(Arc::new(database(false)));
    for observation in drive(&trip) {
        let s = trip.offset_m(observation.time());
        if s > PORTAL_M + 150.0 && s < EXIT_M - 150.0 {
            let taken = engine.diagnostics().fixes_taken + engine.diagnostics().starts;
            let far = GnssFix {
                time: observation.time(),
                position: LatLon::new(51.0, -3.0),
                accuracy_m: Some(4.0),
                speed_mps: Some(20.0),
                bearing_deg: Some(90.0),
            };
            let near = GnssFix {
                position: place(s + 60.0),
                ..far
            };
            engine.step(&Observation::Gnss(far)).unwrap();
            engine.step(&Observation::Gnss(near)).unwrap();
            assert_eq!(
                engine.diagnostics().fixes_taken + engine.diagnostics().starts,
                taken
            );
        }
        engine.step(&observation).unwrap();
    }
}

#[test]
fn what_is_not_a_number_is_refused_and_changes_nothing() {
    let mut engine = Engine::new(Arc::new(database(false)));
    let time = Time::from_millis(0);
    let nan = Observation::Speed(SpeedSample {
        time,
        speed_mps: f64::NAN,
    });
    let error = engine.step(&nan).unwrap_err();
    assert!(matches!(
        error,
        ObservationError::Value {
            field: "wheel speed",
            ..
        }
    ));
    assert!(error.to_string().contains("expected 0 to 150 m/s"), "{error}");
    assert_eq!(engine.predict(time), None);
    assert_eq!(engine.diagnostics().observations_refused, 1);
}

#[test]
fn an_observation_an_hour_late_is_refused() {
    let mut engine = Engine::new(Arc::new(database(false)));
    let speed = |ms| {
        Observation::Speed(SpeedSample {
            time: Time::from_millis(ms),
            speed_mps: 10.0,
        })
    };
    engine.step(&speed(3_600_000)).unwrap();
    let error = engine.step(&speed(0)).unwrap_err();
    assert_eq!(
        error,
        ObservationError::Late {
            late_s: 3600.0,
            most_s: 5.0
        }
    );
}

#[test]
fn far_ahead_of_the_last_observation_the_place_is_less_and_less_known() {
    for (wheel, cells) in [(true, true), (false, true), (true, false)] {
        let trip = Trip {
            wheel,
            cells,
            ..Trip::default()
        };
        let mut engine = Engine::new(Arc::new(database(false)));
        let half_way = |o: &Observation| trip.offset_m(o.time()) < 0.5 * (PORTAL_M + EXIT_M);
        for observation in drive(&trip).iter().take_while(|o| half_way(o)) {
            engine.step(observation).unwrap();
        }
        let last = engine.predict(Time::default()).unwrap().time;
        let ahead = |dt_s: f64| engine.predict(last.plus_seconds(dt_s)).unwrap().accuracy_m;
        let what = format!("wheel {wheel}, cells {cells}");
        let widths: Vec<f64> = (0..1200).map(|tenth| ahead(0.1 * f64::from(tenth))).collect();
        // In the first seconds the answer may still be waiting for the car to catch up with it.
        let grows_slowly = |pair: &[f64]| pair[1] < pair[0] + 3.0 + 0.05 * pair[0];
        assert!(widths[50..].windows(2).all(grows_slowly), "{what}: {widths:?}");
        // Where the exit is near, that no fix comes tells that it is not behind; what was open before still is.
        let (inside, near_exit) = widths[50..].split_at(350);
        assert!(
            inside.windows(2).all(|pair| pair[1] >= pair[0]),
            "{what}: {widths:?}"
        );
        assert!(
            near_exit.iter().all(|&width| width > 0.9 * near_exit[0]),
            "{what}: {widths:?}"
        );
        // Nobody knows whether the car stopped a minute ago, when it would be 1200 m off; few do, as drives without scans show.
        assert!((80.0..800.0).contains(&ahead(60.0)), "{what}: {} m", ahead(60.0));
        let later = engine.predict(last.plus_seconds(60.0)).unwrap();
        assert!(later.accuracy95_m > 1.7 * later.accuracy_m, "{what}: {later:?}");
    }
}

#[test]
fn where_limits_or_surveys_tell_traffic_is_taken_to_flow_faster_or_slower() {
    let trip = Trip {
        cells: true,
        ..Trip::default()
    };
    let strange = |observation: Observation| match observation {
        Observation::Cells(mut scan) => {
            let ids = scan
                .cells
                .iter_mut()
                .filter_map(|reading| reading.cell.global.as_mut());
            ids.for_each(|global| global.cell_id += 1000);
            Observation::Cells(scan)
        }
        other => other,
    };
    let inside = |o: &Observation| trip.offset_m(o.time()) < EXIT_M - 500.0;
    let end_m = |db: FingerprintDb| {
        let mut engine = Engine::new(Arc::new(db));
        for observation in drive(&trip).into_iter().take_while(inside).map(strange) {
            engine.step(&observation).unwrap();
        }
        trip.along_m(engine.predict(Time::default()).unwrap().position)
    };
    let as_before = end_m(database(false));
    assert_eq!(end_m(database_with_limits(20.0, 20.0)), as_before);
    let (slower, faster) = (
        end_m(database_with_limits(20.0, 16.0)),
        end_m(database_with_limits(20.0, 25.0)),
    );
    assert!(
        slower < as_before - 50.0 && faster > as_before + 50.0,
        "{slower} {as_before} {faster}"
    );
    // What surveys drove tells more than limits do.
    let surveyed = |inside_mps| end_m(database_with_usual_speeds(20.0, inside_mps));
    let (slower, faster) = (surveyed(16.0), surveyed(25.0));
    assert!(
        slower < as_before - 50.0 && faster > as_before + 50.0,
        "{slower} {as_before} {faster}"
    );
}

#[test]
fn an_answer_that_ran_on_through_the_portal_waits_there_for_a_car_that_turns_out_to_be_inside() {
    let trip = Trip {
        cells: true,
        ..Trip::default()
    };
    let mut engine = Engine::new(Arc::new(database(false)));
    let inside = |o: &Observation| trip.offset_m(o.time()) < EXIT_M - 100.0;
    let mut last = None;
    for observation in drive(&trip).into_iter().take_while(inside) {
        engine.step(&observation).unwrap();
        last = Some(observation);
    }
    let Some(Observation::Cells(scan)) = last else {
        panic!("{last:?}")
    };
    // Silence for ten seconds, then what was heard before it: the car has stood.
    let time = scan.time.plus_seconds(10.0);
    let along_m = |engine: &Engine| trip.along_m(engine.predict(time).unwrap().position);
    let ran_on_m = along_m(&engine);
    assert!(ran_on_m > EXIT_M + 25.0, "{ran_on_m}");
    engine
        .step(&Observation::Cells(CellScan { time, ..scan }))
        .unwrap();
    assert!(along_m(&engine) > ran_on_m - 2.0, "{}", along_m(&engine));
}

#[test]
fn after_a_minute_without_wheel_speed_the_next_one_does_not_tell_what_was_driven() {
    let trip = Trip {
        wheel: true,
        cells: true,
        ..Trip::default()
    };
    let mut engine = driven_to(&trip, PORTAL_M + 500.0);
    let last = engine.predict(Time::default()).unwrap().time;
    for ms in [60_000, 60_500, 61_000] {
        let sample = SpeedSample {
            time: last.plus_seconds(f64::from(ms) * 1e-3),
            speed_mps: 15.0,
        };
        let estimate = engine.step(&Observation::Speed(sample)).unwrap().unwrap();
        assert!(estimate.accuracy_m > 100.0, "{estimate:?}");
    }
}

#[test]
fn the_more_often_a_car_starts_the_less_is_sure_of_what_wheel_speed_alone_tells() {
    let trip = Trip {
        wheel: true,
        ..Trip::default()
    };
    let engine = driven_to(&trip, PORTAL_M + 300.0);
    let entered = engine.predict(Time::default()).unwrap().time;
    let half_after = |speed_mps: fn(u32) -> f64| {
        let mut engine = engine.clone();
        for second in 1..=100 {
            let sample = SpeedSample {
                time: entered.plus_seconds(f64::from(second)),
                speed_mps: speed_mps(second),
            };
            engine.step(&Observation::Speed(sample)).unwrap();
        }
        engine.predict(Time::default()).unwrap().accuracy_m
    };
    let crawling_m = half_after(|_| 1.0);
    let starting_m = half_after(|second| if second % 10 < 5 { 2.0 } else { 0.0 });
    // Ten starts, each 0.6 m to the same side.
    let more_m = (starting_m.powi(2) - crawling_m.powi(2)).sqrt();
    assert!((5.0..9.0).contains(&more_m), "{crawling_m} {starting_m}");
}
