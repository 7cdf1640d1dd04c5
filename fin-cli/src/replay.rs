//! One drive through the engine, as the phone would have seen it.

use std::sync::Arc;

use fin_core::engine::{Diagnostics, Engine, Estimate, TunnelFit};
use fin_core::fingerprint::FingerprintDb;
use fin_core::observation::Drive;
use fin_core::time::Time;

/// What a replay gave.
#[derive(Clone, Debug)]
pub struct Replay {
    /// One estimate per second and one per observation that changed the answer, in time order.
    pub rows: Vec<Estimate>,
    /// What became of the observations.
    pub diagnostics: Diagnostics,
    /// How the cells heard in each tunnel fit its surveys.
    pub tunnel_fits: Vec<TunnelFit>,
}

/// Replays `drive` on `db`: an estimate per full second of the drive's clock and per observation that changed the
/// answer. Each rests on nothing that came later.
pub fn replay(db: &Arc<FingerprintDb>, drive: &Drive) -> Replay {
    let mut rows: Vec<Estimate> = Vec::new();
    let seconds = drive
        .span()
        .into_iter()
        .flat_map(|(first, last)| full_seconds(first, last));
    let engine = step_through(db, drive, seconds, |estimate, tick| {
        if !tick || rows.last().is_none_or(|last| last.time != estimate.time) {
            rows.push(estimate);
        }
    });
    Replay {
        rows,
        diagnostics: *engine.diagnostics(),
        tunnel_fits: engine.tunnel_fits().to_vec(),
    }
}

/// The estimates of the engine at `times`, which ascend, `None` where it had none; and the engine after the drive.
pub fn estimates_at(
    db: &Arc<FingerprintDb>,
    drive: &Drive,
    times: &[Time],
) -> (Vec<Option<Estimate>>, Engine) {
    let mut at = vec![None; times.len()];
    let mut next = 0;
    let engine = step_through(db, drive, times.iter().copied(), |estimate, tick| {
        if tick {
            while times[next] != estimate.time {
                next += 1;
            }
            at[next] = Some(estimate);
            next += 1;
        }
    });
    (at, engine)
}

/// Feeds the drive to an engine and hands on every estimate: those asked for at `ticks` (marked `true`), after all that
/// was observed up to then, and those that observations gave. Returns the engine as it is then.
fn step_through(
    db: &Arc<FingerprintDb>,
    drive: &Drive,
    ticks: impl IntoIterator<Item = Time>,
    mut emit: impl FnMut(Estimate, bool),
) -> Engine {
    let mut engine = Engine::new(Arc::clone(db));
    let mut ticks = ticks.into_iter().peekable();
    for observation in drive.observations() {
        while let Some(tick) = ticks.next_if(|&tick| tick < observation.time()) {
            if let Some(estimate) = engine.predict(tick) {
                emit(estimate, true);
            }
        }
        if let Ok(Some(estimate)) = engine.step(&observation) {
            emit(estimate, false);
        }
    }
    for tick in ticks {
        if let Some(estimate) = engine.predict(tick) {
            emit(estimate, true);
        }
    }
    engine
}

/// The full seconds from `first` to `last`.
fn full_seconds(first: Time, last: Time) -> impl Iterator<Item = Time> {
    let from = first.as_millis().div_euclid(1000) + i64::from(first.as_millis().rem_euclid(1000) != 0);
    let to = last.as_millis().div_euclid(1000);
    (from..=to).map(|second| Time::from_millis(1000 * second))
}
