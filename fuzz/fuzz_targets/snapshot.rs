//! States of engines and navigators, their check sum put right; what takes one has to go on with it. Most are states that a drive
//! came to, with some of their bytes changed.
#![no_main]

use fin_core::engine::Estimate;
use fin_core::network::EdgeId;
use fin_core::observation::Observation;
use fin_core::time::Time;
use fin_fuzz::states::{ENGINE, NAVIGATOR, ON_THE_WAY, STATE_AT, observations};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, data)) = data.split_first() else {
        return;
    };
    let state = if kind & 2 == 0 {
        data.to_vec()
    } else {
        changed(data)
    };
    if kind & 1 == 0 {
        let mut engine = ENGINE.anew();
        let _ = engine.restore(data);
        if engine.restore(&sealed(&engine.snapshot(), &state)).is_err() {
            return;
        }
        let stored = engine.snapshot();
        assert_eq!(
            engine.restore(&stored),
            Ok(()),
            "a state that was taken can be stored"
        );
        for observation in driven_on(engine.predict(Time::default())) {
            let _ = engine.step(&observation);
            let _ = engine.predict(observation.time());
        }
    } else {
        let mut navigator = NAVIGATOR.clone();
        let _ = navigator.restore(data);
        // In the only region, or for raw states anywhere; no other region failed, and no fix strayed.
        let around = if kind & 2 == 0 { &[][..] } else { &[1, 0, 0, 0] };
        if navigator
            .restore(&sealed(&navigator.snapshot(), &[around, &state].concat()))
            .is_err()
        {
            return;
        }
        let stored = navigator.snapshot();
        assert_eq!(
            navigator.restore(&stored),
            Ok(()),
            "a state that was taken can be stored"
        );
        for observation in driven_on(navigator.predict(Time::default())) {
            let _ = navigator.step(&observation);
            let _ = navigator.predict(observation.time());
        }
    }
});

/// The state of the second that the first two bytes name, with changes of four bytes each: where, which way, to what.
fn changed(data: &[u8]) -> Vec<u8> {
    let Some((second, changes)) = data.split_first_chunk::<2>() else {
        return Vec::new();
    };
    let mut state = ON_THE_WAY[usize::from(u16::from_le_bytes(*second)) % ON_THE_WAY.len()].clone();
    for change in changes.chunks_exact(4) {
        // Most of a state with a belief is its row; half of the changes go to what is before that, half to what is after.
        let near = usize::from(u16::from_le_bytes([change[0], change[1]])) % state.len();
        let at = if change[2] & 1 == 0 {
            near
        } else {
            state.len() - 1 - near
        };
        state[at] = change[3];
    }
    state
}

/// A snapshot with signature, version and database of `own`, and the state `state`.
fn sealed(own: &[u8], state: &[u8]) -> Vec<u8> {
    let mut bytes = own[..STATE_AT].to_vec();
    bytes.extend(state);
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// Some seconds of driving after `estimate`.
fn driven_on(estimate: Option<Estimate>) -> Vec<Observation> {
    let now = estimate.map_or(Time::default(), |estimate| estimate.time);
    let place = |second: i32| (EdgeId(0), f64::from(15 * second));
    (1..4)
        .flat_map(|second| observations(now.plus_seconds(f64::from(second)), place(second), second != 2))
        .collect()
}
