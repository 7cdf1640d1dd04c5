//! The one object.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use fin_core::engine::{Diagnostics, EngineOptions, Navigator};
use fin_core::fingerprint::format::{Atlas, PublicKey};
use fin_core::observation::Observation;
use fin_core::time::Time;

use crate::error::FinError;
use crate::estimate::{Estimate, TunnelFit};
use crate::file::DatabaseFile;
use crate::observation::{CellScan, GnssFix, SpeedSample};

/// The positioning engine on one fingerprint database. May be called from any thread; calls take turns.
#[derive(Debug, uniffi::Object)]
pub struct Engine {
    /// The database's file, for messages.
    path: PathBuf,
    /// `None` once shut down.
    core: Mutex<Option<Navigator<DatabaseFile>>>,
}

#[uniffi::export]
impl Engine {
    /// An engine on the database file at `path` that knows nothing of the car yet. Reads the file's table of contents alone;
    /// the roads and fingerprints around the car are read from the file when it comes there.
    ///
    /// # Errors
    /// When the file is missing, cannot be read, is of another version, or is damaged where it was read.
    #[uniffi::constructor]
    pub fn open(path: String) -> Result<Arc<Self>, FinError> {
        guarded(|| Self::on_file(PathBuf::from(path), None))
    }

    /// An engine as from `open`, on a file that has to be signed with the key whose public half is `public_key`, 64 hexadecimal
    /// digits. All that is read of the file later is what was signed.
    ///
    /// # Errors
    /// As `open`, and when the file is not signed, is signed with another key, or was altered since, or `public_key` is none.
    #[uniffi::constructor]
    pub fn open_signed(path: String, public_key: String) -> Result<Arc<Self>, FinError> {
        guarded(|| {
            let key = PublicKey::from_hex(&public_key).map_err(FinError::KeyRefused)?;
            Self::on_file(PathBuf::from(path), Some(&key))
        })
    }

    /// Takes a GNSS fix. Returns the estimate at the latest time seen when the fix changed it, none when it changed nothing.
    ///
    /// Observations may come in any mix, repeated, and up to 5 s late.
    ///
    /// The fix with which the car comes to another part of the database has that part read, which takes some ten milliseconds.
    ///
    /// # Errors
    /// When a value is not a number or out of range, or the fix is too late, or the part of the database around it cannot be
    /// read or is damaged, which is told once; the engine is unchanged, but for its counts.
    pub fn on_gnss(&self, fix: GnssFix) -> Result<Option<Estimate>, FinError> {
        self.step(Observation::Gnss(fix.into()))
    }

    /// Takes a wheel speed; answers and errors as for a fix.
    ///
    /// # Errors
    /// As for a fix.
    pub fn on_speed(&self, sample: SpeedSample) -> Result<Option<Estimate>, FinError> {
        self.step(Observation::Speed(sample.into()))
    }

    /// Takes a cell scan; answers and errors as for a fix.
    ///
    /// # Errors
    /// As for a fix.
    pub fn on_cells(&self, scan: CellScan) -> Result<Option<Estimate>, FinError> {
        self.step(Observation::Cells(scan.into()))
    }

    /// The estimate at `time_ns`, or none while nothing is known. Changes nothing; a time before the latest observation
    /// gives the estimate at that.
    ///
    /// # Errors
    /// When the engine was shut down.
    pub fn predict(&self, time_ns: i64) -> Result<Option<Estimate>, FinError> {
        self.call(|core| {
            let estimate = core.predict(Time::from_nanos(time_ns));
            Ok(estimate.map(|estimate| Estimate::of(&estimate, &core.engine().db().network)))
        })
    }

    /// What the engine remembers, as bytes for `restore`. They belong to this database and to this version of the library.
    ///
    /// # Errors
    /// When the engine was shut down.
    pub fn snapshot(&self) -> Result<Vec<u8>, FinError> {
        self.call(|core| Ok(core.snapshot()))
    }

    /// Puts the engine where it was when `snapshot` wrote these bytes: it goes on as if it had never stopped.
    ///
    /// # Errors
    /// When the bytes are of another version, belong to another database, or are damaged, or the part of the database that they
    /// speak of cannot be read; the engine is unchanged.
    pub fn restore(&self, snapshot: Vec<u8>) -> Result<(), FinError> {
        self.call(|core| {
            core.restore(&snapshot)
                .map_err(|reason| FinError::not_restored(&self.path, reason))
        })
    }

    /// Counts of what came in and what became of it, since the engine was opened or, after a `restore`, since the engine
    /// that was stored was.
    ///
    /// # Errors
    /// When the engine was shut down.
    pub fn diagnostics(&self) -> Result<Diagnostics, FinError> {
        self.call(|core| Ok(*core.engine().diagnostics()))
    }

    /// How what was heard in each tunnel fits its surveys, since the same time as the counts: what tells a survey team which
    /// tunnels to drive again.
    ///
    /// # Errors
    /// When the engine was shut down.
    pub fn tunnel_fits(&self) -> Result<Vec<TunnelFit>, FinError> {
        self.call(|core| Ok(core.engine().tunnel_fits().iter().map(TunnelFit::from).collect()))
    }

    /// Gives back the memory at once, without waiting for the last reference to go. Every later call fails with `Closed`;
    /// another `shutdown` does nothing.
    pub fn shutdown(&self) {
        *self.core.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Engine {
    fn on_file(path: PathBuf, key: Option<&PublicKey>) -> Result<Arc<Self>, FinError> {
        let file =
            DatabaseFile::open(&path).map_err(|reason| FinError::missing_or_unreadable(&path, reason))?;
        let atlas = match key {
            Some(key) => Atlas::open_signed(file, key),
            None => Atlas::open(file),
        };
        let atlas = atlas.map_err(|reason| FinError::unusable(&path, reason))?;
        let core = Mutex::new(Some(Navigator::new(atlas, EngineOptions::default())));
        Ok(Arc::new(Self { path, core }))
    }

    fn step(&self, observation: Observation) -> Result<Option<Estimate>, FinError> {
        self.call(|core| {
            let estimate = core
                .step(&observation)
                .map_err(|reason| FinError::not_taken(&self.path, reason))?;
            Ok(estimate.map(|estimate| Estimate::of(&estimate, &core.engine().db().network)))
        })
    }

    /// What `ask` answers about the engine behind the lock. After a panic nobody knows what that left behind, so the engine
    /// starts from nothing: the next fix places it again.
    fn call<T>(
        &self,
        ask: impl FnOnce(&mut Navigator<DatabaseFile>) -> Result<T, FinError>,
    ) -> Result<T, FinError> {
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        let core = core.as_mut().ok_or(FinError::Closed)?;
        let answer = guarded(|| ask(core));
        if matches!(answer, Err(FinError::Internal { .. })) {
            core.start_over();
        }
        answer
    }
}

/// What `ask` answers, or the error for a panic in it.
fn guarded<T>(ask: impl FnOnce() -> Result<T, FinError>) -> Result<T, FinError> {
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|panic| Err(FinError::internal(panic.as_ref())))
}

#[cfg(test)]
mod tests {
    use fin_core::fingerprint::FingerprintDb;

    use super::*;

    /// An engine on a database without roads.
    fn engine() -> Arc<Engine> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nothing.fin");
        std::fs::write(&path, FingerprintDb::default().to_bytes()).unwrap();
        Engine::open(path.display().to_string()).unwrap()
    }

    fn fix() -> GnssFix {
        GnssFix {
            time_ns: 1_000_000_000,
            lat_deg: 46.0,
            lon_deg: 8.0,
            accuracy_m: Some(4.0),
            speed_mps: None,
            bearing_deg: None,
        }
    }

    #[test]
    fn a_panic_is_an_error_with_its_text_and_the_engine_goes_on_from_nothing() {
        let engine = engine();
        engine.on_gnss(fix()).unwrap();
        assert!(engine.predict(0).unwrap().is_some());
        let answer = engine.call(|_| -> Result<(), FinError> { panic!("row {} is missing", 3) });
        let text = answer.unwrap_err().to_string();
        assert_eq!(
            text,
            "fault inside the engine, which starts anew: row 3 is missing"
        );
        assert_eq!(engine.predict(0).unwrap(), None);
        assert!(engine.on_gnss(fix()).unwrap().is_some());
    }

    #[test]
    fn after_shutdown_every_call_says_so() {
        let engine = engine();
        let stored = engine.snapshot().unwrap();
        engine.shutdown();
        engine.shutdown();
        let closed = |answer: Result<(), FinError>| matches!(answer, Err(FinError::Closed));
        assert!(closed(engine.on_gnss(fix()).map(drop)));
        assert!(closed(engine.predict(0).map(drop)));
        assert!(closed(engine.snapshot().map(drop)));
        assert!(closed(engine.restore(stored)));
        assert!(closed(engine.diagnostics().map(drop)));
    }
}
