//! The likelihood of one level at every place of a window, in loops that compilers turn into vector instructions.

use fearless_simd::{Level, dispatch};

use super::radio_model::STUDENT_DOF;

/// The least likelihood that is told apart from none.
const LEAST_LIKELIHOOD: f32 = 1e-25;
/// Deviation at which a reading that fits has the likelihood 1, dB.
const REFERENCE_SIGMA_DB: f32 = 3.0;

/// What is the same about a reading at all places.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadingTerms {
    /// Correlation of what lasts of the difference that the reading before had.
    pub(super) rho: f32,
    /// What makes the residual of the reading before, at this one's level, that difference, dB.
    pub(super) before_db: f32,
    /// The phone's offset: mean, dB, and variance, dB².
    pub(super) offset_mean_db: f32,
    pub(super) offset_var_db2: f32,
    /// Share of a difference that lasts.
    pub(super) lasting_share: f32,
    /// By how much less is held to last per squared difference in variances.
    pub(super) doubt: f32,
    /// Likelihood where no survey heard the cell.
    pub(super) unheard: f32,
}

impl ReadingTerms {
    /// Multiplies `likelihoods` by that of the reading at each place: its `residuals_db` and their `variances_db2`, and the residuals
    /// of the reading before at the place where the car was then. NaN where no survey heard the cell.
    pub(super) fn multiply(
        self,
        likelihoods: &mut [f32],
        residuals_db: &[f32],
        variances_db2: &[f32],
        before_db: &[f32],
    ) {
        // Every level does the same operations in the same order, so that the bits are the same on every CPU.
        dispatch!(Level::new(), _simd => self.multiply_all(likelihoods, residuals_db, variances_db2, before_db));
    }

    #[inline(always)]
    fn multiply_all(self, likelihoods: &mut [f32], residuals: &[f32], variances: &[f32], before: &[f32]) {
        let readings = residuals.iter().zip(variances).zip(before);
        for (likelihood, ((&residual, &var), &before)) in likelihoods.iter_mut().zip(readings) {
            let factor = self.likelihood(residual, var, before);
            let product = *likelihood * factor;
            *likelihood = if product > LEAST_LIKELIHOOD {
                product
            } else {
                LEAST_LIKELIHOOD
            };
        }
    }

    /// Student's density of the difference, given what lasts of the one before, times a constant.
    #[inline(always)]
    fn likelihood(&self, residual_db: f32, var_db2: f32, before_db: f32) -> f32 {
        let before = before_db + self.before_db;
        let is_first = before.is_nan();
        let before = if is_first { 0.0 } else { before };
        let rho = if is_first { 0.0 } else { self.rho };
        let left = rho * var_db2 / (var_db2 + self.doubt * before * before);
        let square = left * left;
        let total = var_db2 * (1.0 + square * (1.0 - 2.0 * self.lasting_share))
            + self.offset_var_db2 * (1.0 - left) * (1.0 - left);
        let off = residual_db - self.offset_mean_db - left * before;
        let scaled = total * STUDENT_DOF as f32;
        let with_tail = scaled + off * off;
        let density = REFERENCE_SIGMA_DB * scaled * scaled / (total.sqrt() * with_tail * with_tail);
        if residual_db.is_nan() {
            self.unheard
        } else {
            density
        }
    }
}
