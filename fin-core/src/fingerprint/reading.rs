//! The likelihood of one level at every place of a window, in loops that compilers turn into vector instructions.

use fearless_simd::{Level, dispatch};

use super::radio_model::{STUDENT_DOF, STUDENT_SCALE};

/// The least likelihood that is told apart from none.
const LEAST_LIKELIHOOD: f32 = 1e-25;
/// Deviation at which a reading that fits has the likelihood 1, dB.
const REFERENCE_SIGMA_DB: f32 = 3.0;

/// Deviation of the changes of a level where no survey heard its cell at which one of nothing has the likelihood 1, dB. Chosen on simulated and real drives: with 3 dB, as for
/// readings of which more is known, what no survey heard is told to be improbable too soon.
const UNHEARD_SIGMA_DB: f32 = 4.0;

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
    /// Writes the likelihood of the reading at each place: of its `residuals_db` and their `variances_db2`, and the residuals of the
    /// reading before at the place where the car was then. NaN where no survey heard the cell.
    pub(super) fn write(
        self,
        likelihoods: &mut [f32],
        residuals_db: &[f32],
        variances_db2: &[f32],
        before_db: &[f32],
    ) {
        // Every level does the same operations in the same order, so that the bits are the same on every CPU.
        dispatch!(Level::new(), _simd => self.write_all(likelihoods, residuals_db, variances_db2, before_db));
    }

    #[inline(always)]
    fn write_all(self, likelihoods: &mut [f32], residuals: &[f32], variances: &[f32], before: &[f32]) {
        let readings = residuals.iter().zip(variances).zip(before);
        for (likelihood, ((&residual, &var), &before)) in likelihoods.iter_mut().zip(readings) {
            *likelihood = self.likelihood(residual, var, before);
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

/// Likelihood where no survey heard the cell of a level that has changed by `change_db` since the last reading, when such changes have
/// the variance `var_db2`.
pub(super) fn of_change(change_db: f32, var_db2: f32) -> f32 {
    let scaled = STUDENT_SCALE * STUDENT_DOF as f32 * var_db2;
    let tail = 1.0 + change_db * change_db / scaled;
    UNHEARD_SIGMA_DB / (var_db2.sqrt() * tail * tail)
}

/// Multiplies `likelihoods` by `factors`, and keeps them apart from none.
pub(super) fn multiply(likelihoods: &mut [f32], factors: &[f32]) {
    dispatch!(Level::new(), _simd => for (likelihood, factor) in likelihoods.iter_mut().zip(factors) {
        let product = *likelihood * factor;
        *likelihood = if product > LEAST_LIKELIHOOD {
            product
        } else {
            LEAST_LIKELIHOOD
        };
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The density as `docs/model.md` has it.
    fn density(terms: &ReadingTerms, residual: f64, var: f64, before: Option<f64>) -> f64 {
        let (c, nu) = (f64::from(terms.lasting_share), STUDENT_DOF);
        let mean = f64::from(terms.offset_mean_db);
        let before = before.map(|before| before + f64::from(terms.before_db));
        let rho = before.map_or(0.0, |e| {
            f64::from(terms.rho) / (1.0 + f64::from(terms.doubt) * e * e / var)
        });
        let total = var * ((1.0 - c) * (1.0 + rho * rho) + c * (1.0 - rho * rho))
            + f64::from(terms.offset_var_db2) * (1.0 - rho) * (1.0 - rho);
        let off = residual - mean - rho * before.unwrap_or(0.0);
        let tail = 1.0 + off * off / (nu * total);
        f64::from(REFERENCE_SIGMA_DB) / total.sqrt() / (tail * tail)
    }

    fn terms() -> impl Strategy<Value = ReadingTerms> {
        let numbers = (
            0.0..1.0_f32,
            -10.0..10.0_f32,
            -8.0..8.0_f32,
            0.0..9.0_f32,
            0.0..1.0_f32,
        );
        (numbers, prop_oneof![Just(0.0_f32), Just(1.0 / 9.0)]).prop_map(
            |((rho, before_db, offset_mean_db, offset_var_db2, lasting_share), doubt)| ReadingTerms {
                rho,
                before_db,
                offset_mean_db,
                offset_var_db2,
                lasting_share,
                doubt,
                unheard: 0.3,
            },
        )
    }

    proptest! {
        #[test]
        fn likelihoods_are_the_density_and_vectors_give_the_same_bits(
            terms in terms(),
            places in prop::collection::vec(
                (prop::option::of(-30.0..30.0_f32), 2.0..20.0_f32, prop::option::of(-30.0..30.0_f32)),
                0..40,
            ),
        ) {
            let or_nan = |db: Option<f32>| db.unwrap_or(f32::NAN);
            let residuals: Vec<f32> = places.iter().map(|place| or_nan(place.0)).collect();
            let variances: Vec<f32> = places.iter().map(|place| place.1).collect();
            let before: Vec<f32> = places.iter().map(|place| or_nan(place.2)).collect();
            let (mut got, mut plain) = (vec![0.0_f32; places.len()], vec![0.0_f32; places.len()]);
            terms.write(&mut got, &residuals, &variances, &before);
            terms.write_all(&mut plain, &residuals, &variances, &before);
            prop_assert!(std::iter::zip(&got, &plain).all(|(a, b)| a.to_bits() == b.to_bits()));
            for (got, (residual, var, before)) in std::iter::zip(got, places) {
                let factor = match residual {
                    Some(residual) => density(&terms, residual.into(), var.into(), before.map(f64::from)),
                    None => 0.3,
                };
                prop_assert!((f64::from(got) - factor).abs() < 1e-4 * factor, "{got}, not {factor}");
            }
        }
    }

    #[test]
    fn likelihoods_do_not_vanish() {
        let mut likelihoods = [1e-20_f32; 3];
        multiply(&mut likelihoods, &[1e-20, 0.0, 1e-6]);
        assert_eq!(likelihoods, [LEAST_LIKELIHOOD; 3]);
    }
}
