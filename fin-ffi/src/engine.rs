//! The one object.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fin_core::engine;
use fin_core::fingerprint::FingerprintDb;
use fin_core::time::Time;

use crate::error::FinError;
use crate::estimate::Estimate;
use crate::observation::Observation;

/// The positioning engine on one fingerprint database. May be called from any thread; calls take turns.
#[derive(Debug, uniffi::Object)]
pub struct Engine {
    core: Mutex<engine::Engine>,
}

#[uniffi::export]
impl Engine {
    /// An engine on the database file at `path` that knows nothing of the car yet.
    ///
    /// # Errors
    /// When the file cannot be read, is of another version, or is damaged.
    #[uniffi::constructor]
    pub fn open(path: String) -> Result<Arc<Self>, FinError> {
        let path = Path::new(&path);
        let bytes = std::fs::read(path).map_err(|reason| FinError::unreadable(path, reason))?;
        let db = FingerprintDb::from_bytes(&bytes).map_err(|reason| FinError::invalid(path, reason))?;
        Ok(Arc::new(Self {
            core: Mutex::new(engine::Engine::new(Arc::new(db))),
        }))
    }

    /// Takes one observation. Returns the estimate at the latest time seen when the observation changed it, none when it
    /// changed nothing.
    ///
    /// Observations may come in any mix, repeated, and up to 5 s late.
    ///
    /// # Errors
    /// When a value is not a number or out of range, or the observation is too late; the engine is unchanged.
    pub fn step(&self, observation: Observation) -> Result<Option<Estimate>, FinError> {
        let mut core = self.lock();
        let estimate = core.step(&observation.into())?;
        Ok(estimate.map(|estimate| Estimate::of(&estimate, &core.db().network)))
    }

    /// The estimate at `time_ns`, or none while nothing is known. Changes nothing; a time before the latest observation
    /// gives the estimate at that.
    pub fn predict(&self, time_ns: i64) -> Option<Estimate> {
        let core = self.lock();
        let estimate = core.predict(Time::from_nanos(time_ns))?;
        Some(Estimate::of(&estimate, &core.db().network))
    }
}

impl Engine {
    /// The engine behind the lock. A panic in an earlier call was reported to its caller; the values behind the lock are
    /// still whole, and the next fixes bring them up to date.
    fn lock(&self) -> MutexGuard<'_, engine::Engine> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
