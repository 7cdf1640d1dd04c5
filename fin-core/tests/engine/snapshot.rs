//! An engine that is stored and restored goes on as if nothing had happened; bytes that are no state are refused.

use std::sync::{Arc, OnceLock};

use fin_core::engine::{Engine, SnapshotError};
use fin_core::fingerprint::FingerprintDb;
use fin_core::observation::Observation;
use proptest::prelude::*;

use super::road::{Trip, database, drive};

/// Bytes before the state: signature, version, length and check sum of the database.
const STATE_AT: usize = 24;

struct Ride {
    db: Arc<FingerprintDb>,
    observations: Vec<Observation>,
}

/// Drives with every kind of belief: rates that are scales, speeds, none, and branches.
fn rides() -> &'static [Ride] {
    static RIDES: OnceLock<Vec<Ride>> = OnceLock::new();
    RIDES.get_or_init(|| {
        let ride = |wheel, cells, fork| {
            let trip = Trip {
                wheel,
                cells,
                fork,
                ramp: fork,
                ..Trip::default()
            };
            Ride {
                db: Arc::new(database(fork)),
                observations: drive(&trip),
            }
        };
        vec![
            ride(true, true, true),
            ride(false, true, false),
            ride(true, false, false),
        ]
    })
}

fn restored(db: &Arc<FingerprintDb>, bytes: &[u8]) -> Engine {
    let mut engine = Engine::new(Arc::clone(db));
    engine.restore(bytes).unwrap();
    engine
}

/// What the engine answers to `observation` and half a second later; floats as Debug writes them tell all their bits.
fn answers(engine: &mut Engine, observation: &Observation) -> String {
    let stepped = engine.step(observation);
    let ahead = engine.predict(observation.time().plus_seconds(0.5));
    format!("{stepped:?} {ahead:?}")
}

/// The state after `share` of a ride's observations.
fn state_at(ride: &Ride, share: f64) -> (Vec<u8>, usize) {
    let mut engine = Engine::new(Arc::clone(&ride.db));
    let cut = (share * ride.observations.len() as f64) as usize;
    for observation in &ride.observations[..cut] {
        engine.step(observation).unwrap();
    }
    (engine.snapshot(), cut)
}

#[test]
fn an_engine_restored_before_every_observation_answers_bit_for_bit_the_same() {
    for ride in rides() {
        let mut whole = Engine::new(Arc::clone(&ride.db));
        let mut cut = whole.clone();
        for (index, observation) in ride.observations.iter().enumerate() {
            cut = restored(&ride.db, &cut.snapshot());
            let (got, want) = (answers(&mut cut, observation), answers(&mut whole, observation));
            assert_eq!(got, want, "observation {index}");
        }
        assert_eq!(cut.snapshot(), whole.snapshot());
    }
}

#[test]
fn a_snapshot_of_another_database_is_refused() {
    let [fork, straight, ..] = rides() else {
        panic!("there are three rides")
    };
    let (bytes, _) = state_at(fork, 0.5);
    let error = Engine::new(Arc::clone(&straight.db)).restore(&bytes).unwrap_err();
    let want = SnapshotError::OtherDatabase {
        expected: straight.db.sum(),
        found: fork.db.sum(),
    };
    assert_eq!(error, want);
    assert!(
        error.to_string().contains("belongs to another database"),
        "{error}"
    );
}

#[test]
fn what_is_no_snapshot_is_told_apart_from_one_of_another_version() {
    let ride = &rides()[0];
    let (mut bytes, _) = state_at(ride, 0.2);
    let mut engine = Engine::new(Arc::clone(&ride.db));
    for foreign in [&b""[..], b"{}", &bytes[..7]] {
        assert!(matches!(
            engine.restore(foreign),
            Err(SnapshotError::NotASnapshot { .. })
        ));
    }
    assert!(matches!(
        engine.restore(&bytes[..STATE_AT]),
        Err(SnapshotError::Malformed { .. })
    ));
    bytes[8] = 200;
    let error = engine.restore(&bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected snapshot version 10 at byte 8, got 200"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_drive_that_is_cut_anywhere_goes_on_bit_for_bit(ride in 0..3_usize, share in 0.0..1.0_f64) {
        let ride = &rides()[ride];
        let (bytes, cut) = state_at(ride, share);
        let mut whole = Engine::new(Arc::clone(&ride.db));
        for observation in &ride.observations[..cut] {
            whole.step(observation).unwrap();
        }
        let mut restored = restored(&ride.db, &bytes);
        for observation in ride.observations[cut..].iter().take(100) {
            prop_assert_eq!(answers(&mut restored, observation), answers(&mut whole, observation));
        }
    }

    #[test]
    fn damaged_bytes_are_refused_and_the_engine_is_unchanged(
        share in 0.0..1.0_f64, at in any::<prop::sample::Index>(), bit in 0..8_u32, keep in any::<prop::sample::Index>()
    ) {
        let ride = &rides()[0];
        let (bytes, cut) = state_at(ride, share);
        let mut engine = restored(&ride.db, &bytes);
        let mut flipped = bytes.clone();
        flipped[at.index(bytes.len())] ^= 1 << bit;
        prop_assert!(engine.restore(&flipped).is_err());
        prop_assert!(engine.restore(&bytes[..keep.index(bytes.len())]).is_err());
        prop_assert_eq!(engine.snapshot(), bytes, "at observation {}", cut);
    }

    #[test]
    fn states_made_up_by_somebody_never_panic(
        ride in 0..3_usize,
        share in 0.1..1.0_f64,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..400_usize), 1..6),
    ) {
        let ride = &rides()[ride];
        let (mut bytes, cut) = state_at(ride, share);
        bytes.truncate(bytes.len() - 4);
        let state = STATE_AT..bytes.len();
        for (at, value, near) in changes {
            // Most of a state with a belief is its row; half of the changes go to what is before that.
            let index = if near % 2 == 0 { near % state.len() } else { at.index(state.len()) };
            bytes[state.start + index] = value;
        }
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        let mut engine = Engine::new(Arc::clone(&ride.db));
        if engine.restore(&bytes).is_ok() {
            for observation in ride.observations[cut..].iter().take(60) {
                // Only panics count here: a made-up state may lie about its time, and then observations are late.
                answers(&mut engine, observation);
            }
        }
    }
}
