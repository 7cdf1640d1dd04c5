//! A drive through two regions of one file.

use std::sync::Arc;

use fin_core::engine::{Engine, EngineOptions, Navigator, SnapshotError, StepError};
use fin_core::fingerprint::FingerprintDb;
use fin_core::fingerprint::format::{Atlas, FormatError};
use fin_core::frame::LatLon;
use fin_core::network::RoadNetwork;
use fin_core::observation::{GnssFix, Observation};
use fin_core::time::Time;

use crate::engine::road::{Trip, database, drive};

/// How far the second town is from the first, degrees of longitude: nothing changes but the place.
const FAR_DEG: f64 = 1.0;

fn moved(position: LatLon) -> LatLon {
    LatLon::new(position.lat_deg, position.lon_deg + FAR_DEG)
}

/// The road of the other tests, and the same once more a degree further east.
fn two_towns() -> FingerprintDb {
    let one = database(false);
    let mut ways = one.network.ways().to_vec();
    for way in one.network.ways() {
        let mut way = way.clone();
        way.id += 1000;
        way.nodes.iter_mut().for_each(|node| {
            node.key += 1000;
            node.position = moved(node.position);
        });
        ways.push(way);
    }
    FingerprintDb {
        network: Arc::new(RoadNetwork::build(ways).unwrap()),
        profiles: one.profiles.iter().chain(&one.profiles).cloned().collect(),
        ..one
    }
}

fn navigator(bytes: &[u8]) -> Navigator<&[u8]> {
    Navigator::new(Atlas::open(bytes).unwrap(), EngineOptions::default())
}

/// The drive in the first town, and half an hour later the same in the second.
fn long_drive() -> Vec<Observation> {
    let trip = Trip {
        wheel: true,
        cells: true,
        ..Trip::default()
    };
    let first = drive(&trip);
    let later = |time: Time| time.plus_seconds(1800.0);
    let second = first.iter().map(|observation| match observation.clone() {
        Observation::Gnss(mut fix) => {
            (fix.time, fix.position) = (later(fix.time), moved(fix.position));
            Observation::Gnss(fix)
        }
        Observation::Speed(mut sample) => {
            sample.time = later(sample.time);
            Observation::Speed(sample)
        }
        Observation::Cells(mut scan) => {
            scan.time = later(scan.time);
            Observation::Cells(scan)
        }
    });
    first.iter().cloned().chain(second).collect()
}

#[test]
fn each_region_is_read_when_the_car_comes_there_and_gives_what_the_whole_gives() {
    let bytes = two_towns().to_bytes();
    let mut navigator = navigator(&bytes);
    let mut engine = Engine::new(Arc::new(FingerprintDb::from_bytes(&bytes).unwrap()));
    assert_eq!(navigator.region(), None);
    let (mut regions, mut compared) = (Vec::new(), 0);
    for observation in long_drive() {
        let by_region = navigator.step(&observation).unwrap();
        let by_whole = engine.step(&observation).unwrap();
        if regions.last() != Some(&navigator.region()) {
            regions.push(navigator.region());
        }
        // The engine that knows both towns needs some fixes to believe that the car is in the other one.
        if let (Some(a), Some(b)) = (by_region, by_whole)
            && a.road.is_some()
            && b.road.is_some()
        {
            compared += usize::from(a.position.distance_m(b.position) < 1.0);
        }
    }
    assert_eq!(regions, [Some(0), Some(1)]);
    assert!(compared > 300, "{compared}");
}

#[test]
fn a_leap_to_another_region_does_not_end_tracking() {
    let bytes = two_towns().to_bytes();
    let mut navigator = navigator(&bytes);
    let observations = drive(&Trip {
        wheel: true,
        cells: true,
        ..Trip::default()
    });
    for (index, observation) in observations.iter().enumerate() {
        navigator.step(observation).unwrap();
        if let Observation::Gnss(fix) = observation
            && index % 7 == 3
        {
            let mut leap = *fix;
            (leap.time, leap.position) = (leap.time.plus_seconds(0.01), moved(leap.position));
            navigator.step(&Observation::Gnss(leap)).unwrap();
        }
    }
    assert_eq!(navigator.region(), Some(0));
}

#[test]
fn a_damaged_region_is_told_of_once_and_the_navigator_goes_on() {
    let mut bytes = two_towns().to_bytes();
    let first = Atlas::open(&bytes).unwrap().contents().regions[0].byte_count() as usize;
    let at = bytes.len() - first - 10;
    bytes[at] ^= 1;
    let mut navigator = navigator(&bytes);
    let trip = Trip {
        wheel: true,
        ..Trip::default()
    };
    let mut told = 0;
    for observation in drive(&trip) {
        match navigator.step(&observation) {
            Err(StepError::Region { region: 0, .. }) => told += 1,
            Err(other) => panic!("{other}"),
            Ok(_) => {}
        }
    }
    assert_eq!(told, 1);
    let end = navigator.predict(Time::from_millis(1000 * trip.seconds()));
    assert!(end.is_some_and(|estimate| estimate.road.is_none()));
}

#[test]
fn a_clock_that_is_set_back_silences_the_navigator_for_some_observations_only() {
    let bytes = two_towns().to_bytes();
    let mut navigator = navigator(&bytes);
    let observations = drive(&Trip {
        wheel: true,
        cells: true,
        ..Trip::default()
    });
    for observation in &observations {
        navigator.step(observation).unwrap();
    }
    // The same drive again, as if the hour had been set back.
    let refused = observations
        .iter()
        .filter(|again| navigator.step(again).is_err())
        .count();
    assert!((50..60).contains(&refused), "{refused}");
    let counts = navigator.engine().diagnostics();
    assert_eq!(counts.clocks_set_back, 1);
    assert_eq!(counts.observations_refused, refused as u64);
}

#[test]
fn a_clock_that_leaps_an_hour_ahead_does_not_make_the_car_be_everywhere() {
    let bytes = two_towns().to_bytes();
    let mut navigator = navigator(&bytes);
    let observations = drive(&Trip {
        wheel: true,
        cells: true,
        ..Trip::default()
    });
    let (before, after) = observations.split_at(observations.len() / 2);
    for observation in before {
        navigator.step(observation).unwrap();
    }
    let Some(Observation::Speed(leap)) = after.iter().find(|o| matches!(o, Observation::Speed(_))) else {
        panic!("the car has wheel speed");
    };
    let mut leap = *leap;
    leap.time = leap.time.plus_seconds(3600.0);
    assert_eq!(navigator.step(&Observation::Speed(leap)).unwrap(), None);
    assert_eq!(navigator.predict(leap.time), None);
}

#[test]
fn on_a_file_of_one_region_it_answers_bit_for_bit_as_the_engine_does() {
    for fork in [false, true] {
        let bytes = database(fork).to_bytes();
        let mut navigator = navigator(&bytes);
        let mut engine = Engine::new(Arc::new(FingerprintDb::from_bytes(&bytes).unwrap()));
        let trip = Trip {
            wheel: true,
            cells: true,
            fork,
            ..Trip::default()
        };
        let mut observations = drive(&trip);
        // A fix elsewhere, a wheel speed and a scan come before the region is known.
        let Observation::Gnss(first) = observations[0].clone() else {
            panic!("a drive begins with a fix")
        };
        observations[..3].rotate_left(1);
        let elsewhere = GnssFix {
            time: first.time.plus_seconds(-1.0),
            position: moved(first.position),
            ..first
        };
        observations.insert(0, Observation::Gnss(elsewhere));
        for observation in &observations {
            let (by_region, by_whole) = (navigator.step(observation), engine.step(observation));
            assert_eq!(
                format!("{:?}", by_region.unwrap()),
                format!("{:?}", by_whole.unwrap())
            );
            let ahead = observation.time().plus_seconds(0.5);
            assert_eq!(
                format!("{:?}", navigator.predict(ahead)),
                format!("{:?}", engine.predict(ahead))
            );
        }
        assert_eq!(navigator.engine().diagnostics(), engine.diagnostics());
    }
}

#[test]
fn a_navigator_restored_again_and_again_answers_bit_for_bit_the_same() {
    let bytes = two_towns().to_bytes();
    let (mut whole, mut cut) = (navigator(&bytes), navigator(&bytes));
    for (index, observation) in long_drive().iter().enumerate() {
        if index % 5 == 0 {
            let state = cut.snapshot();
            cut = navigator(&bytes);
            cut.restore(&state).unwrap();
            assert_eq!((cut.region(), cut.snapshot()), (whole.region(), state));
        }
        let (got, want) = (cut.step(observation), whole.step(observation));
        assert_eq!(format!("{got:?}"), format!("{want:?}"), "observation {index}");
    }
    assert_eq!(whole.region(), Some(1));
}

#[test]
fn a_state_is_refused_where_it_does_not_belong_and_changes_nothing() {
    let bytes = two_towns().to_bytes();
    let mut driven = navigator(&bytes);
    for observation in drive(&Trip::default()).iter().take(20) {
        driven.step(observation).unwrap();
    }
    let state = driven.snapshot();
    let refused = |navigator: &mut Navigator<&[u8]>, state: &[u8]| {
        let before = navigator.snapshot();
        let error = navigator.restore(state).unwrap_err();
        assert_eq!(navigator.snapshot(), before);
        error
    };

    let other = database(false).to_bytes();
    let error = refused(&mut navigator(&other), &state);
    assert!(matches!(error, SnapshotError::OtherDatabase { .. }), "{error}");
    let error = refused(&mut driven, &Engine::new(Arc::new(two_towns())).snapshot());
    assert!(matches!(error, SnapshotError::NotASnapshot { .. }), "{error}");
    let error = refused(&mut driven, &state[..state.len() - 1]);
    assert!(matches!(error, SnapshotError::Checksum { .. }), "{error}");

    let mut damaged = bytes.clone();
    let first = Atlas::open(&bytes).unwrap().contents().regions[0].byte_count() as usize;
    let at = bytes.len() - first - 10;
    damaged[at] ^= 1;
    let error = refused(&mut navigator(&damaged), &state);
    let SnapshotError::Region { region: 0, reason } = error else {
        panic!("{error}")
    };
    assert!(matches!(reason, FormatError::SectionDigest { .. }), "{reason}");
}
