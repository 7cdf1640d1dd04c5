//! The engine on a database of which only the region around the car is in memory.

use std::sync::Arc;

use super::{Engine, EngineOptions, Estimate, ObservationError};
use crate::fingerprint::FingerprintDb;
use crate::fingerprint::format::{Atlas, FormatError, Source};
use crate::observation::{GnssFix, Observation};
use crate::time::Time;

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

impl<S: Source> Navigator<S> {
    /// A navigator on `atlas` that knows nothing of the car yet and has read no region.
    pub fn new(atlas: Atlas<S>, options: EngineOptions) -> Self {
        Self {
            atlas,
            engine: Engine::with_options(Arc::new(FingerprintDb::default()), options),
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

    fn follow(&mut self, fix: &GnssFix) -> Result<(), StepError> {
        let Some(region) = self.atlas.region_at(fix.position) else {
            (self.straying, self.unreadable) = (0, None);
            return Ok(());
        };
        if self.region == Some(region) {
            self.straying = 0;
        } else if self.unreadable != Some(region) {
            self.straying += 1;
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
        let options = self.engine.options.clone();
        self.engine = Engine {
            now: self.engine.now,
            last_wheel: self.engine.last_wheel,
            diagnostics: self.engine.diagnostics,
            ..Engine::with_options(Arc::new(db), options)
        };
        (self.region, self.unreadable, self.straying) = (Some(region), None, 0);
        Ok(())
    }
}
