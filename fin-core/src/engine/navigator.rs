//! The engine on a database of which only the region around the car is in memory.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::snapshot::{State, seal, unseal};
use super::{Engine, EngineOptions, Estimate, ObservationError, SnapshotError};
use crate::fingerprint::format::{Atlas, FormatError, Source};
use crate::observation::{GnssFix, Observation};
use crate::time::Time;

/// What the snapshot of a navigator begins with.
const SIGNATURE: [u8; 8] = *b"\x89FINNV\r\n";

/// Fixes in a row that have to lie in another region before a tracked car is believed to be there.
const FIXES_TO_MOVE: usize = 5;

/// Why an observation could not be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StepError {
    /// The observation is wrong.
    #[error(transparent)]
    Observation(#[from] ObservationError),
    /// The car came to a region that cannot be read. It is not tried again before the car has been elsewhere.
    #[error("region {region} of the database: {reason}")]
    Region {
        /// Index of the region.
        region: usize,
        /// What is wrong with it.
        reason: FormatError,
    },
}

/// An [`Engine`] that takes its roads and profiles from an [`Atlas`], a region at a time.
///
/// Regions are apart by more than a car can be in doubt of, so the engine starts anew in each; its counts go on.
#[derive(Clone, Debug)]
pub struct Navigator<S> {
    atlas: Atlas<S>,
    engine: Engine,
    region: Option<usize>,
    /// The region that cannot be read.
    unreadable: Option<usize>,
    /// Fixes in a row in another region.
    straying: usize,
}

/// All that a navigator remembers, but for its database and options.
#[derive(Serialize, Deserialize)]
struct NavigatorState {
    region: Option<u64>,
    unreadable: Option<u64>,
    straying: u64,
    engine: State,
}

impl<S: Source> Navigator<S> {
    /// A navigator on `atlas` that knows nothing of the car yet and has read no region.
    pub fn new(atlas: Atlas<S>, options: EngineOptions) -> Self {
        Self {
            atlas,
            engine: nowhere(options),
            region: None,
            unreadable: None,
            straying: 0,
        }
    }

    /// The database in use.
    pub fn atlas(&self) -> &Atlas<S> {
        &self.atlas
    }

    /// Index of the region whose roads and profiles are in memory; `None` before the car came to one.
    pub fn region(&self) -> Option<usize> {
        self.region
    }

    /// The engine in the region around the car.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Takes one observation, as [`Engine::step`]. A fix in another region brings that one into memory.
    ///
    /// # Errors
    /// When the observation is wrong, or the region around it cannot be read: the navigator is unchanged then, but for its
    /// counts.
    pub fn step(&mut self, observation: &Observation) -> Result<Option<Estimate>, StepError> {
        if let Observation::Gnss(fix) = observation
            && self.engine.check(observation).is_ok()
        {
            self.follow(fix)?;
        }
        Ok(self.engine.step(observation)?)
    }

    /// The estimate at `time`, as [`Engine::predict`].
    pub fn predict(&self, time: Time) -> Option<Estimate> {
        self.engine.predict(time)
    }

    /// Forgets the car, its region and the counts: a navigator as new, on the same database.
    pub fn start_over(&mut self) {
        self.engine = nowhere(self.engine.options.clone());
        (self.region, self.unreadable, self.straying) = (None, None, 0);
    }

    /// The state of the navigator as bytes, for [`restore`](Self::restore); as long as that of the engine, which is in it.
    pub fn snapshot(&self) -> Vec<u8> {
        // Every field by name: one that is added has to be thought of here.
        let Self {
            atlas,
            engine,
            region,
            unreadable,
            straying,
        } = self;
        let number = |index: Option<usize>| index.map(|index| index as u64);
        let state = NavigatorState {
            region: number(*region),
            unreadable: number(*unreadable),
            straying: *straying as u64,
            engine: State::of(engine),
        };
        seal(SIGNATURE, atlas.sum(), &state)
    }

    /// Puts the navigator into the state that [`snapshot`](Self::snapshot) wrote, and reads the region that it speaks of; from
    /// there on it answers bit for bit as the one that wrote it, when its options are the same.
    ///
    /// # Errors
    /// When the bytes are no snapshot of a navigator of this version, are damaged, or belong to another database, or their
    /// region cannot be read; the navigator is unchanged.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let state: NavigatorState = unseal(SIGNATURE, self.atlas.sum(), bytes)?;
        let count = self.atlas.contents().regions.len();
        let index = |number: Option<u64>| {
            let index = number.map(|number| usize::try_from(number).ok().filter(|&index| index < count));
            match index {
                Some(None) => Err(SnapshotError::malformed(format!(
                    "expected a region below {count}, got another"
                ))),
                known => Ok(known.flatten()),
            }
        };
        let (region, unreadable) = (index(state.region)?, index(state.unreadable)?);
        if state.straying > FIXES_TO_MOVE as u64 {
            return Err(SnapshotError::malformed(
                "its count of fixes elsewhere is out of range",
            ));
        }
        let db = match region {
            Some(region) if self.region == Some(region) => Arc::clone(&self.engine.db),
            Some(region) => {
                let db = self.atlas.region(region);
                Arc::new(db.map_err(|reason| SnapshotError::Region { region, reason })?)
            }
            None => Arc::default(),
        };
        let mut engine = Engine::with_options(db, self.engine.options.clone());
        engine.take_state(state.engine)?;
        self.engine = engine;
        (self.region, self.unreadable, self.straying) = (region, unreadable, state.straying as usize);
        Ok(())
    }

    fn follow(&mut self, fix: &GnssFix) -> Result<(), StepError> {
        let Some(region) = self.atlas.region_at(fix.position) else {
            (self.straying, self.unreadable) = (0, None);
            return Ok(());
        };
        if self.region == Some(region) {
            self.straying = 0;
        } else if self.unreadable != Some(region) {
            self.straying = (self.straying + 1).min(FIXES_TO_MOVE);
            let is_tracked = !self.engine.hypotheses.is_empty() && !self.engine.is_silent_until(fix.time);
            if !is_tracked || self.straying >= FIXES_TO_MOVE {
                self.enter(region)?;
            }
        }
        Ok(())
    }

    fn enter(&mut self, region: usize) -> Result<(), StepError> {
        let db = self.atlas.region(region).map_err(|reason| {
            self.unreadable = Some(region);
            StepError::Region { region, reason }
        })?;
        let engine = Engine::with_options(Arc::new(db), self.engine.options.clone());
        self.engine = if self.engine.hypotheses.is_empty() {
            // What was learnt before the car came to a road goes on.
            Engine {
                db: engine.db,
                db_sum: engine.db_sum,
                ..self.engine.clone()
            }
        } else {
            Engine {
                now: self.engine.now,
                last_wheel: self.engine.last_wheel,
                fits: self.engine.fits.clone(),
                diagnostics: self.engine.diagnostics,
                ..engine
            }
        };
        (self.region, self.unreadable, self.straying) = (Some(region), None, 0);
        Ok(())
    }
}

/// An engine that knows no roads.
fn nowhere(options: EngineOptions) -> Engine {
    Engine::with_options(Arc::default(), options)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::snapshot::{VERSION, fields};
    use super::*;

    #[test]
    fn the_layout_of_the_state_around_the_engines_is_that_of_its_version() {
        let state = NavigatorState {
            region: Some(1),
            unreadable: Some(2),
            straying: 3,
            engine: State::of(&nowhere(EngineOptions::default())),
        };
        let mut found = BTreeSet::new();
        fields(&serde_json::to_value(state).unwrap(), "", &mut found);
        found.retain(|name| !name.starts_with(".engine."));
        assert_eq!(VERSION, 10, "write down the layout of the new version below");
        assert_eq!(Vec::from_iter(found), [".region", ".straying", ".unreadable"]);
    }
}
