//! Whether a scan is what the surveys would have expected where the car is.

use serde::{Deserialize, Serialize};

use super::expected::Stretch;
use super::matcher::{LevelOffset, RadioModel};
use super::places::{Places, for_each_leg, nearest_candidate, profile_of};
use crate::observation::{CellReading, CellScan};

/// Standard deviations from the expected level within which a reading fits.
const MOST_SIGMAS: f64 = 2.5;
/// Share of the readings that do not fit where nothing has changed: simulated towns not used for the figures in `docs/`.
const USUAL_MISFITS: f64 = 0.05;
/// Passes from which on it means something that none of them heard a cell, or was registered on it.
const TELLING_PASSES: u16 = 3;

/// Counts of readings, by how they fit the surveys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fit {
    /// Readings held against the surveys.
    pub readings: u64,
    /// Of them, those of cells that none of three or more passes heard there.
    pub unheard: u64,
    /// Those whose level is more than 2.5 standard deviations from the expected one.
    pub off_level: u64,
    /// Those of the serving cell where none of three or more passes was registered on it.
    pub misplaced: u64,
}

impl Fit {
    /// How `scan` fits at the best of `places`, by a phone with `offset`; `None` where no survey drove.
    pub fn of(places: Places<'_>, scan: &CellScan, offset: LevelOffset, model: &RadioModel) -> Option<Self> {
        let Places { db, legs, window, .. } = places;
        let mut surveyed = false;
        for_each_leg(legs, window, |leg, _| {
            surveyed |= profile_of(db, leg.edge).0.is_some()
        });
        if !surveyed {
            return None;
        }
        let serving = scan.cells.iter().find(|reading| reading.serving);
        let plmn = serving.and_then(|reading| reading.cell.plmn);
        let mut fit = Self::default();
        for reading in &scan.cells {
            let cell = nearest_candidate(places, reading, plmn);
            let (mut heard, mut near_level, mut served) = (false, false, false);
            for_each_leg(legs, window, |leg, along| {
                let (Some(profile), mirrored) = profile_of(db, leg.edge) else {
                    (heard, near_level, served) = (true, true, true);
                    return;
                };
                let levels = cell.and_then(|cell| profile.cell(cell));
                for j in along {
                    let along_m = window.base_m + j as f64 * window.step_m - leg.start_m;
                    let at = if mirrored { leg.length_m - along_m } else { along_m } / profile.step_m;
                    let stretch = Stretch::around(at, profile, levels);
                    let few = stretch.surveyed < TELLING_PASSES;
                    heard |= few || stretch.line.is_some();
                    served |= few || stretch.count(true) > 0;
                    near_level |= stretch
                        .line
                        .map_or(few, |line| is_near(reading, line.at(at), offset, model));
                }
            });
            fit.readings += 1;
            fit.unheard += u64::from(!heard);
            fit.off_level += u64::from(heard && !near_level);
            fit.misplaced += u64::from(near_level && reading.serving && !served);
        }
        Some(fit)
    }

    /// Whether these are counts that counting can have come to: for those read from bytes.
    pub(crate) fn is_sound(&self) -> bool {
        let Self {
            readings,
            unheard,
            off_level,
            misplaced,
        } = *self;
        (readings | unheard | off_level | misplaced) < 1 << 48 && unheard + off_level + misplaced <= readings
    }

    /// How stale the surveys are, 0…1: the share of what is heard that they no longer describe, counted so that the twentieth part
    /// of the readings that never fits comes to 0.
    ///
    /// A network in which cells were renumbered or moved shows by its readings; one whose cells were switched off by where the
    /// cells that are left serve. All cells weaker by the same amount look like a phone that hears less, and do no harm.
    pub fn staleness(&self) -> f64 {
        ((self.misfits() - USUAL_MISFITS) / (1.0 - USUAL_MISFITS)).max(0.0)
    }

    /// The share of the readings that do not fit, 0…1.
    pub(crate) fn misfits(&self) -> f64 {
        let misfits = (self.unheard + self.off_level + self.misplaced) as f64;
        misfits / self.readings.max(1) as f64
    }

    /// The counts of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            readings: self.readings + other.readings,
            unheard: self.unheard + other.unheard,
            off_level: self.off_level + other.off_level,
            misplaced: self.misplaced + other.misplaced,
        }
    }
}

/// Whether the level of `reading` is near the mean of `level`, given its spread.
fn is_near(reading: &CellReading, level: (f32, f32), offset: LevelOffset, model: &RadioModel) -> bool {
    let Some(rsrp_dbm) = reading.rsrp_dbm else {
        return true;
    };
    let (mean_dbm, spread_db) = (f64::from(level.0), f64::from(level.1).max(model.least_spread_db));
    let var = spread_db * spread_db + model.reading_sigma_db * model.reading_sigma_db + offset.var_db2;
    let off_db = rsrp_dbm - mean_dbm - offset.mean_db;
    off_db * off_db <= MOST_SIGMAS * MOST_SIGMAS * var
}
