//! The likelihood of one level at every place of a window, in loops that compilers turn into vector instructions.

use fearless_simd::{Level, dispatch};

use super::radio_model::{LevelOffset, RadioModel, STUDENT_DOF, STUDENT_SCALE};

/// The least likelihood that is told apart from none.
const LEAST_LIKELIHOOD: f32 = 1e-25;
/// Deviation at which a reading that fits has the likelihood 1, dB.
const REFERENCE_SIGMA_DB: f32 = 3.0;

/// Deviation of the changes of a level where no survey heard its cell at which one of nothing has the likelihood 1, dB. Chosen on simulated and real drives: with 3 dB, as for
/// readings of which more is known, what no survey heard is told to be improbable too soon.
const UNHEARD_SIGMA_DB: f32 = 4.0;

/// The least share of a difference's variance that stays open.
pub(super) const LEAST_OPEN: f32 = 1e-3;
/// A variance that counts as none, dB².
const LEAST_DB2: f32 = 1e-6;

/// What is the same about a reading at all places. The loops take it by value: a reference might lead to the rows that they write, as
/// far as compilers know, and they would stay scalar.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadingTerms {
    /// The phone's offset: mean, dB, and variance, dB².
    offset_mean_db: f32,
    offset_var_db2: f32,
    /// What the variances at the places have of the noise of a reading, dB².
    noise_db2: f32,
    /// What is new in it, and what of that does not last until the next one, dB².
    new_db2: f32,
    passing_db2: f32,
}

impl ReadingTerms {
    /// Those of a reading of a cell on which the phone has this offset, `moved_m` after the one before.
    pub(super) fn of(offset: LevelOffset, moved_m: f64, model: &RadioModel) -> Self {
        let (new_db2, passing_db2) = model.new_db2(moved_m);
        Self {
            offset_mean_db: offset.mean_db as f32,
            offset_var_db2: offset.var_db2 as f32,
            noise_db2: (model.reading_sigma_db * model.reading_sigma_db) as f32,
            new_db2: new_db2 as f32,
            passing_db2: passing_db2 as f32,
        }
    }

    /// The phone's offset, dB.
    pub(super) fn offset_db(&self) -> f32 {
        self.offset_mean_db
    }

    /// Writes the likelihood of the reading at each place: of its `residuals_db` and their `variances_db2`, and what lasts of the
    /// differences of the readings before, if any. Where no survey heard the cell, and the residual is NaN, it is `unheard`.
    pub(super) fn write(
        &self,
        likelihoods: &mut [f32],
        (residuals_db, variances_db2): (&[f32], &[f32]),
        known: Option<(&[f32], &[f32])>,
        unheard: f32,
    ) {
        // Every level does the same operations in the same order, so that the bits are the same on every CPU.
        let terms = *self;
        dispatch!(Level::new(), _simd => terms.write_all(likelihoods, (residuals_db, variances_db2), known, unheard));
    }

    #[inline(always)]
    fn write_all(
        self,
        likelihoods: &mut [f32],
        (residuals, variances): (&[f32], &[f32]),
        known: Option<(&[f32], &[f32])>,
        unheard: f32,
    ) {
        let readings = likelihoods.iter_mut().zip(residuals.iter().zip(variances));
        match known {
            Some((means, opens)) => {
                for ((likelihood, (&residual, &var)), (&mean, &open)) in readings.zip(means.iter().zip(opens))
                {
                    *likelihood = self.likelihood((residual, var), (mean, open), unheard);
                }
            }
            None => {
                for (likelihood, (&residual, &var)) in readings {
                    *likelihood = self.likelihood((residual, var), (0.0, 1.0), unheard);
                }
            }
        }
    }

    /// Student's density of the difference, given what is known of it, times a constant.
    #[inline(always)]
    fn likelihood(
        self,
        (residual_db, var_db2): (f32, f32),
        (mean_db, open): (f32, f32),
        unheard: f32,
    ) -> f32 {
        let total = STUDENT_SCALE * (open * self.lasting_db2(var_db2) + self.new_db2);
        let off = residual_db - self.offset_mean_db - mean_db;
        let scaled = total * STUDENT_DOF as f32;
        let with_tail = scaled + off * off;
        let density = REFERENCE_SIGMA_DB * scaled * scaled / (total.sqrt() * with_tail * with_tail);
        if residual_db.is_nan() { unheard } else { density }
    }

    /// The variance of what lasts of a difference, with that of the phone's offset, where that of readings is `var_db2` in Student's
    /// scale, dB².
    #[inline(always)]
    fn lasting_db2(self, var_db2: f32) -> f32 {
        (var_db2 + self.offset_var_db2) * (1.0 / STUDENT_SCALE) - self.noise_db2
    }

    /// Updates what is known of a cell's difference at each place, its mean and the share of its variance that is open, by the reading
    /// there; nothing is known where no survey heard the cell. A reading that outlies counts less, by Student's weight.
    pub(super) fn teach(
        &self,
        (means_db, opens): (&mut [f32], &mut [f32]),
        (residuals_db, variances_db2): (&[f32], &[f32]),
    ) {
        let terms = *self;
        dispatch!(Level::new(), _simd => terms.teach_all((means_db, opens), (residuals_db, variances_db2)));
    }

    #[inline(always)]
    fn teach_all(self, (means, opens): (&mut [f32], &mut [f32]), (residuals, variances): (&[f32], &[f32])) {
        let dof = STUDENT_DOF as f32;
        let readings = residuals.iter().zip(variances);
        for ((mean, open), (&residual, &var)) in means.iter_mut().zip(opens).zip(readings) {
            let var = *open * self.lasting_db2(var);
            let off = residual - self.offset_mean_db - *mean;
            let scale = STUDENT_SCALE * (var + self.passing_db2) + LEAST_DB2;
            // The weight is `weighed` over `all`, and the gain that of a Kalman filter with it.
            let all = dof * scale + off * off;
            let weighed = ((dof + 1.0) * scale).min(all);
            let gain = var * weighed / (var * weighed + (self.passing_db2 + LEAST_DB2) * all);
            let unheard = residual.is_nan();
            *mean = if unheard { 0.0 } else { *mean + gain * off };
            *open = if unheard {
                1.0
            } else {
                (*open * (1.0 - gain)).max(LEAST_OPEN)
            };
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
    fn density(terms: &ReadingTerms, residual: f64, var: f64, known: Option<(f64, f64)>) -> f64 {
        let (scale, nu) = (f64::from(STUDENT_SCALE), STUDENT_DOF);
        let lasting = (var + f64::from(terms.offset_var_db2)) / scale - f64::from(terms.noise_db2);
        let (mean, open) = known.unwrap_or((0.0, 1.0));
        let total = scale * (open * lasting + f64::from(terms.new_db2));
        let off = residual - f64::from(terms.offset_mean_db) - mean;
        let tail = 1.0 + off * off / (nu * total);
        f64::from(REFERENCE_SIGMA_DB) / total.sqrt() / (tail * tail)
    }

    fn terms() -> impl Strategy<Value = ReadingTerms> {
        (-8.0..8.0_f64, 0.0..9.0_f64, 0.0..40.0_f64).prop_map(|(mean_db, var_db2, moved_m)| {
            ReadingTerms::of(LevelOffset { mean_db, var_db2 }, moved_m, &RadioModel::default())
        })
    }

    /// Residual, its variance, and what is known of the difference, at some places.
    fn places() -> impl Strategy<Value = Vec<(Option<f32>, f32, (f32, f32))>> {
        let known = (-20.0..20.0_f32, 0.001..1.0_f32);
        prop::collection::vec((prop::option::of(-30.0..30.0_f32), 3.6..20.0_f32, known), 0..40)
    }

    proptest! {
        #[test]
        fn likelihoods_are_the_density_and_vectors_give_the_same_bits(
            terms in terms(),
            places in places(),
            is_known in any::<bool>(),
        ) {
            let residuals: Vec<f32> = places.iter().map(|place| place.0.unwrap_or(f32::NAN)).collect();
            let variances: Vec<f32> = places.iter().map(|place| place.1).collect();
            let means: Vec<f32> = places.iter().map(|place| place.2.0).collect();
            let opens: Vec<f32> = places.iter().map(|place| place.2.1).collect();
            let known = is_known.then_some((&means[..], &opens[..]));
            let (mut got, mut plain) = (vec![0.0_f32; places.len()], vec![0.0_f32; places.len()]);
            terms.write(&mut got, (&residuals, &variances), known, 0.3);
            terms.write_all(&mut plain, (&residuals, &variances), known, 0.3);
            prop_assert!(std::iter::zip(&got, &plain).all(|(a, b)| a.to_bits() == b.to_bits()));
            for (got, (residual, var, known)) in std::iter::zip(got, places) {
                let known = is_known.then_some((known.0.into(), known.1.into()));
                let factor = residual.map_or(0.3, |residual| density(&terms, residual.into(), var.into(), known));
                prop_assert!((f64::from(got) - factor).abs() < 1e-4 * factor, "{got}, not {factor}");
            }
        }

        #[test]
        fn a_reading_takes_the_difference_towards_itself_and_leaves_less_open(
            terms in terms(),
            places in places(),
        ) {
            let residuals: Vec<f32> = places.iter().map(|place| place.0.unwrap_or(f32::NAN)).collect();
            let variances: Vec<f32> = places.iter().map(|place| place.1).collect();
            let mut means: Vec<f32> = places.iter().map(|place| place.2.0).collect();
            let mut opens: Vec<f32> = places.iter().map(|place| place.2.1).collect();
            let (mut plain_means, mut plain_opens) = (means.clone(), opens.clone());
            terms.teach((&mut means, &mut opens), (&residuals, &variances));
            terms.teach_all((&mut plain_means, &mut plain_opens), (&residuals, &variances));
            prop_assert!(std::iter::zip(&means, &plain_means).all(|(a, b)| a.to_bits() == b.to_bits()));
            prop_assert!(std::iter::zip(&opens, &plain_opens).all(|(a, b)| a.to_bits() == b.to_bits()));
            for ((mean, open), (residual, _, (before, was_open))) in means.into_iter().zip(opens).zip(places) {
                let Some(residual) = residual else {
                    prop_assert_eq!((mean, open), (0.0, 1.0));
                    continue;
                };
                let there = residual - terms.offset_db();
                let within = before.min(there) - 1e-3..=before.max(there) + 1e-3;
                prop_assert!(within.contains(&mean), "{before} and {there} lead to {mean}");
                prop_assert!((LEAST_OPEN..=was_open.max(LEAST_OPEN)).contains(&open));
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
