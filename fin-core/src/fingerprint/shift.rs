//! Cells that have become weaker or stronger since the surveys: antennas are tilted, moved and renewed.
//!
//! Most cells are as they were, and some are off by a lot. So a cell's shift is none, or one from a broad distribution, and
//! every reading tells which of the two it is and, if it is the second, how large the shift is.

use serde::{Deserialize, Serialize};

use super::cells::CellIx;
use super::radio_model::{LevelOffset, RadioModel, STUDENT_DOF};

/// Cells whose shifts are remembered at most; those that were not heard for longest are forgotten.
const MOST_CELLS: usize = 64;
/// The surest that it becomes whether a cell has changed, logarithm of the odds.
const SUREST: f64 = 5.0;
/// The most by which a cell is taken to have changed, dB.
const MOST_DB: f64 = 100.0;

/// What is thought of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Shift {
    /// Logarithm of the odds that the cell has changed.
    log_odds: f64,
    /// By how much, if it has.
    changed: LevelOffset,
}

impl Shift {
    fn unknown(model: &RadioModel) -> Self {
        let share = model.changed_share.clamp(1e-6, 0.5);
        Self {
            log_odds: libm::log(share / (1.0 - share)),
            changed: LevelOffset {
                mean_db: 0.0,
                var_db2: model.changed_sigma_db * model.changed_sigma_db,
            },
        }
    }

    /// Mean and variance of the mixture of both.
    fn offset(self) -> LevelOffset {
        let share = 1.0 / (1.0 + libm::exp(-self.log_odds));
        let LevelOffset { mean_db, var_db2 } = self.changed;
        LevelOffset {
            mean_db: share * mean_db,
            var_db2: share * (var_db2 + (1.0 - share) * mean_db * mean_db),
        }
    }

    /// What is thought after a reading that lay `difference_db` above the level expected of this phone, with variance `var_db2`.
    fn updated(self, difference_db: f64, var_db2: f64) -> Self {
        let changed_var = var_db2 + self.changed.var_db2;
        let changed = log_density(difference_db - self.changed.mean_db, changed_var);
        let log_odds = self.log_odds + changed - log_density(difference_db, var_db2);
        let changed = self.changed.updated(difference_db, var_db2);
        Self {
            log_odds: log_odds.clamp(-SUREST, SUREST),
            changed: LevelOffset {
                mean_db: changed.mean_db.clamp(-MOST_DB, MOST_DB),
                ..changed
            },
        }
    }

    fn is_sound(self) -> bool {
        self.log_odds.abs() <= SUREST && self.changed.mean_db.abs() <= MOST_DB && self.changed.is_sound()
    }
}

/// Logarithm of Student's density of a difference with a variance, but for a constant.
fn log_density(off_db: f64, var_db2: f64) -> f64 {
    let tail = 1.0 + off_db * off_db / (STUDENT_DOF * var_db2);
    -0.5 * libm::log(var_db2) - 0.5 * (STUDENT_DOF + 1.0) * libm::log(tail)
}

/// What is thought of the cells heard lately.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shifts(Vec<(CellIx, Shift)>);

impl Shifts {
    /// Those of a phone of which nothing is to be learnt.
    pub const fn none() -> &'static Self {
        static NONE: Shifts = Shifts(Vec::new());
        &NONE
    }

    /// None known yet, with room for all that are remembered.
    pub fn unknown() -> Self {
        Self(Vec::with_capacity(MOST_CELLS))
    }

    fn find(&self, cell: CellIx, model: &RadioModel) -> Shift {
        let known = self.0.iter().find(|(known, _)| *known == cell);
        known.map_or(Shift::unknown(model), |&(_, shift)| shift)
    }

    /// By how much the level of `cell` is thought to be off what the surveys heard.
    pub fn of(&self, cell: CellIx, model: &RadioModel) -> LevelOffset {
        self.find(cell, model).offset()
    }

    /// Learns from a reading of `cell` that lay `difference_db` above the level expected of this phone, with variance `var_db2`.
    pub(crate) fn learn(&mut self, cell: CellIx, difference_db: f64, var_db2: f64, model: &RadioModel) {
        let shift = self.find(cell, model).updated(difference_db, var_db2);
        self.0.retain(|(known, _)| *known != cell);
        if self.0.len() >= MOST_CELLS {
            self.0.remove(0);
        }
        self.0.push((cell, shift));
    }

    /// Whether these are what learning can have come to: for those read from bytes.
    pub(crate) fn is_sound(&self) -> bool {
        self.0.len() <= MOST_CELLS && self.0.iter().all(|(_, shift)| shift.is_sound())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The offset of a cell after readings that lie so far off, with a variance of 8 dB².
    fn after(differences_db: &[f64]) -> LevelOffset {
        let (model, cell) = (RadioModel::default(), CellIx(3));
        let mut shifts = Shifts::unknown();
        for &difference_db in differences_db {
            shifts.learn(cell, difference_db, 8.0, &model);
        }
        assert!(shifts.is_sound());
        shifts.of(cell, &model)
    }

    #[test]
    fn a_cell_that_is_as_the_surveys_heard_it_is_taken_for_that() {
        let unheard = after(&[]);
        let settled = after(&[1.5, -2.0, 0.5, 2.5, -1.0, -2.5, 1.0, 0.0]);
        assert_eq!(unheard.mean_db, 0.0);
        assert!(settled.mean_db.abs() < 0.1, "{settled:?}");
        assert!(settled.var_db2 < 0.2 * unheard.var_db2, "{settled:?}");
    }

    #[test]
    fn a_cell_that_has_become_6_db_weaker_is_found_in_some_readings() {
        let weaker: Vec<f64> = [1.5, -2.0, 0.5, 2.5, -1.0, -2.5, 1.0, 0.0]
            .iter()
            .map(|noise| noise - 6.0)
            .collect();
        let found = after(&weaker);
        assert!((-6.5..-4.0).contains(&found.mean_db), "{found:?}");
    }

    #[test]
    fn one_reading_far_off_changes_little() {
        let burst = after(&[0.0, 1.0, -1.0, -15.0]);
        assert!(burst.mean_db.abs() < 1.0, "{burst:?}");
    }

    proptest! {
        #[test]
        fn whatever_is_learnt_is_sound(
            readings in prop::collection::vec((0..80_u32, -1e4..1e4_f64, 0.1..1e5_f64), 0..200),
        ) {
            let model = RadioModel::default();
            let mut shifts = Shifts::unknown();
            for (cell, difference_db, var_db2) in readings {
                shifts.learn(CellIx(cell), difference_db, var_db2, &model);
                prop_assert!(shifts.is_sound());
            }
        }
    }

    #[test]
    fn cells_that_were_not_heard_for_longest_are_forgotten() {
        let model = RadioModel::default();
        let mut shifts = Shifts::unknown();
        for cell in 0..=MOST_CELLS as u32 {
            shifts.learn(CellIx(cell), -8.0, 1.0, &model);
        }
        assert_eq!(shifts.of(CellIx(0), &model), Shift::unknown(&model).offset());
        assert!(shifts.of(CellIx(1), &model).mean_db < 0.0 && shifts.is_sound());
    }
}
