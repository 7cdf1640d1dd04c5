//! The engine on a database of which only the region around the car is in memory.

use std::sync::Arc;

use super::{Engine, EngineOptions, Estimate, ObservationError};
use crate::fingerprint::FingerprintDb;
use crate::fingerprint::format::{Atlas, FormatError, Source};
use crate::observation::{GnssFix, Observation};
use crate::time::Time;

/// Fixes in a row that have to lie in another region before a tracked car is believed to be there.
const FIXES_TO_MOVE: usize = 5;

/// Observations in a row that come too late before the clock is taken to have been set back.
const LATE_TO_RESTART: u32 = 50;

/// After so many seconds without an observation nothing of use is known of the car any more.
const LONGEST_SILENCE_S: f64 = 300.0;

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
    /// Observations in a row that came too late.
    late: u32,
    clocks_set_back: u64,
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
            late: 0,
            clocks_set_back: 0,
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

    /// How often the clock was taken to have been set back.
    pub fn clocks_set_back(&self) -> u64 {
        self.clocks_set_back
    }

    /// Takes one observation, as [`Engine::step`]. A fix in another region brings that one into memory. When 50 observations
    /// in a row are refused as too late, the clock has been set back; when nothing came for five minutes, or the clock leapt, the
    /// car may be anywhere: the engine starts anew then, and its counts go on.
    ///
    /// # Errors
    /// When the observation is wrong, or the region around it cannot be read: the navigator is unchanged then, but for the
    /// count of what was refused.
    pub fn step(&mut self, observation: &Observation) -> Result<Option<Estimate>, StepError> {
        let silent_s = self
            .engine
            .now
            .map_or(0.0, |now| observation.time().seconds_since(now));
        if silent_s > LONGEST_SILENCE_S && self.engine.check(observation).is_ok() {
            self.start_anew();
        }
        if let Observation::Gnss(fix) = observation
            && self.engine.check(observation).is_ok()
        {
            self.follow(fix)?;
        }
        let stepped = self.engine.step(observation);
        match stepped {
            Err(ObservationError::Late { .. }) => self.count_late(),
            Err(ObservationError::Value { .. }) => {}
            Ok(_) => self.late = 0,
        }
        Ok(stepped?)
    }

    /// The estimate at `time`, as [`Engine::predict`].
    pub fn predict(&self, time: Time) -> Option<Estimate> {
        self.engine.predict(time)
    }

    fn count_late(&mut self) {
        self.late += 1;
        if self.late >= LATE_TO_RESTART {
            self.start_anew();
            self.clocks_set_back += 1;
        }
    }

    /// Forgets the car, not the region and the counts.
    fn start_anew(&mut self) {
        self.engine = Engine {
            diagnostics: self.engine.diagnostics,
            ..self.engine.anew()
        };
        (self.late, self.straying) = (0, 0);
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
            let is_tracked = !self.engine.hypotheses.is_empty();
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
