//! Snapshots of the engine's state, their check sum put right; an engine that takes one has to go on with it.
#![no_main]

use std::sync::{Arc, LazyLock};

use fin_core::engine::Engine;
use fin_core::fingerprint::FingerprintDb;
use fin_core::frame::LatLon;
use fin_core::observation::{GnssFix, Observation, SpeedSample};
use fin_core::time::Time;
use fin_fuzz::database::{assemble, sections};
use libfuzzer_sys::fuzz_target;

/// The small database of the seeds, or an empty one where it does not open any more.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let seed = include_bytes!("../seeds/database/small");
    let database = FingerprintDb::from_bytes(&assemble(&sections(&seed[1..])));
    Engine::new(Arc::new(database.unwrap_or_default()))
});

fuzz_target!(|data: &[u8]| {
    let mut engine = ENGINE.anew();
    // Signature, version and the sum of the database come from the engine itself, the state from the input.
    let own = engine.snapshot();
    let mut bytes = own[..24.min(own.len())].to_vec();
    bytes.extend(data);
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    let _ = engine.restore(data);
    if engine.restore(&bytes).is_err() {
        return;
    }
    let now = engine
        .predict(Time::default())
        .map_or(Time::default(), |estimate| estimate.time);
    for second in 1..4 {
        let time = now.plus_seconds(f64::from(second));
        let _ = engine.step(&Observation::Speed(SpeedSample {
            time,
            speed_mps: 20.0,
        }));
        let position = LatLon::new(46.0, 8.0);
        let fix = GnssFix {
            time,
            position,
            accuracy_m: Some(5.0),
            speed_mps: None,
            bearing_deg: None,
        };
        let _ = engine.step(&Observation::Gnss(fix));
        let _ = engine.predict(time);
    }
    assert!(
        engine.restore(&engine.snapshot()).is_ok(),
        "a state that was taken can be stored again"
    );
});
