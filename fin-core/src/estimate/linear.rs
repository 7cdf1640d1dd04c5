//! Whole series under a linear model that does not change with time.
//!
//! Covariances and gains of such a model do not depend on what is measured (Anderson and Moore 1979, *Optimal Filtering*, section 4.4),
//! so that any number of series shares them, and they settle: once a covariance has come back bit by bit, so does all that follows
//! it. What has been worked out is used again from there on, and only means remain to be carried.

use nalgebra::{SMatrix, SVector};

use super::error::EstimateError;
use super::filter::{predict, update};
use super::gaussian::{Gaussian, symmetric};
use super::smoother::{Step, smooth_one};

/// A linear model with the same transition and measurement at every step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinearModel<const N: usize, const M: usize> {
    /// Transition F.
    pub f: SMatrix<f64, N, N>,
    /// Noise Q of the transition.
    pub q: SMatrix<f64, N, N>,
    /// Measurement matrix H.
    pub h: SMatrix<f64, M, N>,
    /// Noise R of the measurement.
    pub r: SMatrix<f64, M, M>,
}

/// The smoothed states of series that share a model. Covariances are the same for all of them and mostly for all steps, and kept once.
#[derive(Clone, Debug, PartialEq)]
pub struct SmoothedSeries<const N: usize> {
    means: Vec<Vec<SVector<f64, N>>>,
    covariances: Vec<SMatrix<f64, N, N>>,
    /// Which of the covariances each step has.
    of_step: Vec<u32>,
}

impl<const N: usize> SmoothedSeries<N> {
    /// The means of each series, one per measurement.
    pub fn means(&self) -> &[Vec<SVector<f64, N>>] {
        &self.means
    }

    /// The covariance at a step, the same in all series; `None` behind the last step.
    pub fn covariance(&self, step: usize) -> Option<&SMatrix<f64, N, N>> {
        self.covariances.get(*self.of_step.get(step)? as usize)
    }

    /// The state of a series at a step; `None` where there is none.
    pub fn state(&self, series: usize, step: usize) -> Option<Gaussian<N>> {
        Some(Gaussian {
            mean: *self.means.get(series)?.get(step)?,
            covariance: *self.covariance(step)?,
        })
    }
}

/// What the steps with one predicted covariance have in common.
struct Phase<const N: usize, const M: usize> {
    predicted: SMatrix<f64, N, N>,
    posterior: SMatrix<f64, N, N>,
    /// Gain K of the measurement.
    gain: SMatrix<f64, N, M>,
    /// Gain G of the backward pass from this prediction, once it is known which posterior came before: that of phase `.0`.
    back: Option<(usize, SMatrix<f64, N, N>)>,
    /// The phase that follows.
    next: Option<usize>,
}

/// Earlier phases that a covariance is compared with: it may settle to two values in turn.
const TURNS: usize = 2;

impl<const N: usize, const M: usize> LinearModel<N, M> {
    /// The states given all measurements of each of several series of one length; `start` is the state one step before the first.
    ///
    /// The same bits as [`predict`], [`update`] and [`smooth`](super::smooth) give.
    ///
    /// # Errors
    /// [`EstimateError::Innovation`] or [`EstimateError::Covariance`] when a covariance is not positive definite,
    /// [`EstimateError::Lengths`] when lengths differ.
    pub fn filter_and_smooth(
        &self,
        start: &Gaussian<N>,
        series: &[&[SVector<f64, M>]],
    ) -> Result<SmoothedSeries<N>, EstimateError> {
        let length = series.first().map_or(0, |first| first.len());
        if let Some(other) = series.iter().find(|other| other.len() != length) {
            return Err(EstimateError::Lengths {
                states: length,
                steps: other.len(),
            });
        }
        let (phases, order) = self.forward(&start.covariance, length)?;
        let (covariances, of_step) = self.backward(&phases, &order)?;
        let means = |measurements: &&[SVector<f64, M>]| {
            let mut mean = start.mean;
            let mut means = Vec::with_capacity(length);
            for (z, &phase) in measurements.iter().zip(&order) {
                let predicted = self.f * mean;
                mean = predicted + phases[phase].gain * (z - self.h * predicted);
                means.push(mean);
            }
            // Backwards in place; what was predicted is worked out again rather than kept.
            for k in (1..length).rev() {
                if let Some((_, back)) = phases[order[k]].back {
                    let before = means[k - 1];
                    means[k - 1] = before + back * (means[k] - self.f * before);
                }
            }
            means
        };
        Ok(SmoothedSeries {
            means: series.iter().map(means).collect(),
            covariances,
            of_step,
        })
    }

    /// The phases and which of them each step is in.
    #[allow(clippy::type_complexity)]
    fn forward(
        &self,
        start: &SMatrix<f64, N, N>,
        length: usize,
    ) -> Result<(Vec<Phase<N, M>>, Vec<usize>), EstimateError> {
        let mut phases: Vec<Phase<N, M>> = Vec::new();
        let mut order: Vec<usize> = Vec::with_capacity(length);
        for _ in 0..length {
            let before = order.last().copied();
            let known = before.and_then(|before| phases[before].next);
            let phase = match known {
                Some(phase) => phase,
                None => {
                    let posterior = before.map_or(*start, |before| phases[before].posterior);
                    let phase = self.phase(&posterior, before, &mut phases)?;
                    if let Some(before) = before {
                        phases[before].next = Some(phase);
                    }
                    phase
                }
            };
            order.push(phase);
        }
        Ok((phases, order))
    }

    /// The phase after a posterior, an earlier one where its covariance comes back.
    fn phase(
        &self,
        posterior: &SMatrix<f64, N, N>,
        before: Option<usize>,
        phases: &mut Vec<Phase<N, M>>,
    ) -> Result<usize, EstimateError> {
        let at = |covariance: &SMatrix<f64, N, N>| Gaussian {
            mean: SVector::<f64, N>::zeros(),
            covariance: *covariance,
        };
        let prior = predict(&at(posterior), &self.f, &self.q);
        let predicted = prior.covariance;
        let recent = phases.len().saturating_sub(TURNS)..phases.len();
        // The gain of the backward pass has to be of the same posterior as well.
        let same = |&index: &usize| {
            let phase: &Phase<N, M> = &phases[index];
            let came_from = phase.back.map(|(from, _)| &phases[from].posterior);
            phase.predicted == predicted && came_from == Some(posterior)
        };
        if let Some(known) = recent.clone().find(same) {
            return Ok(known);
        }
        let zero = SVector::<f64, M>::zeros();
        let updated = update(&prior, &zero, &zero, &self.h, &self.r)?;
        let hp = self.h * predicted;
        let factor = updated
            .innovation_covariance
            .cholesky()
            .ok_or(EstimateError::Innovation {
                rows: M,
                diagonal: updated.innovation_covariance.diagonal().iter().copied().collect(),
            })?;
        let back = match before {
            None => None,
            Some(before) => {
                let factor = predicted.cholesky().ok_or_else(|| EstimateError::Covariance {
                    index: phases.len(),
                    diagonal: predicted.diagonal().iter().copied().collect(),
                })?;
                Some((before, factor.solve(&(self.f * posterior)).transpose()))
            }
        };
        phases.push(Phase {
            predicted,
            posterior: updated.posterior.covariance,
            gain: factor.solve(&hp).transpose(),
            back,
            next: None,
        });
        Ok(phases.len() - 1)
    }

    /// The smoothed covariances, and which of them is that of each step.
    #[allow(clippy::type_complexity)]
    fn backward(
        &self,
        phases: &[Phase<N, M>],
        order: &[usize],
    ) -> Result<(Vec<SMatrix<f64, N, N>>, Vec<u32>), EstimateError> {
        let Some(&last) = order.last() else {
            return Ok((Vec::new(), Vec::new()));
        };
        let mut covariances = vec![phases[last].posterior];
        let mut of_step = vec![0u32];
        // Phase, the one after it, and the covariance after it, with what came of them, for the latest steps.
        let mut latest: Vec<((usize, usize, usize), usize)> = Vec::with_capacity(TURNS);
        let mut after = 0;
        for (index, pair) in order.windows(2).enumerate().rev() {
            let key = (pair[0], pair[1], after);
            let known = latest.iter().find(|known| known.0 == key).map(|known| known.1);
            after = match known {
                Some(known) => known,
                None => {
                    let next = covariances[after];
                    let covariance = self.smoothed(&phases[key.0], &phases[key.1], next, index)?;
                    let recent = covariances.len().saturating_sub(TURNS)..covariances.len();
                    let at = recent.clone().find(|&at| covariances[at] == covariance);
                    let at = at.unwrap_or_else(|| {
                        covariances.push(covariance);
                        covariances.len() - 1
                    });
                    if latest.len() == TURNS {
                        latest.remove(0);
                    }
                    latest.push((key, at));
                    at
                }
            };
            of_step.push(after as u32);
        }
        of_step.reverse();
        Ok((covariances, of_step))
    }

    fn smoothed(
        &self,
        now: &Phase<N, M>,
        next: &Phase<N, M>,
        after: SMatrix<f64, N, N>,
        index: usize,
    ) -> Result<SMatrix<f64, N, N>, EstimateError> {
        let at = |covariance| Gaussian {
            mean: SVector::<f64, N>::zeros(),
            covariance,
        };
        let step = Step {
            f: self.f,
            q: self.q,
            predicted: at(next.predicted),
        };
        smooth_one(&at(now.posterior), &step, &at(after))
            .map(|smoothed| symmetric(&smoothed.covariance))
            .ok_or_else(|| EstimateError::Covariance {
                index: index + 1,
                diagonal: next.predicted.diagonal().iter().copied().collect(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::smooth;
    use nalgebra::{Matrix2, Matrix4, SMatrix, Vector2, Vector4};
    use proptest::prelude::*;

    fn model(noise: f64) -> LinearModel<4, 2> {
        let mut f = Matrix4::identity();
        (f[(0, 2)], f[(1, 3)]) = (1.0, 1.0);
        let mut h = SMatrix::<f64, 2, 4>::zeros();
        (h[(0, 0)], h[(1, 1)]) = (1.0, 1.0);
        LinearModel {
            f,
            q: Matrix4::identity() * noise,
            h,
            r: Matrix2::identity() * 4.0,
        }
    }

    fn step_by_step(
        model: &LinearModel<4, 2>,
        start: &Gaussian<4>,
        measurements: &[Vector2<f64>],
    ) -> Vec<Gaussian<4>> {
        let mut state = *start;
        let (mut filtered, mut steps) = (Vec::new(), Vec::new());
        for z in measurements {
            let predicted = predict(&state, &model.f, &model.q);
            steps.push(Step {
                f: model.f,
                q: model.q,
                predicted,
            });
            let expected = model.h * predicted.mean;
            state = update(&predicted, z, &expected, &model.h, &model.r)
                .expect("definite")
                .posterior;
            filtered.push(state);
        }
        smooth(&filtered, steps.get(1..).unwrap_or_default()).expect("definite")
    }

    proptest! {
        #[test]
        fn many_steps_at_once_are_the_steps_one_by_one(
            measurements in prop::collection::vec((-50.0..50.0f64, -50.0..50.0f64), 0..400),
            noise in 0.001..1.0f64,
        ) {
            let measurements: Vec<Vector2<f64>> = measurements.into_iter().map(|(x, y)| Vector2::new(x, y)).collect();
            let negative: Vec<Vector2<f64>> = measurements.iter().map(|z| -z).collect();
            let start = Gaussian { mean: Vector4::new(1.0, 2.0, 0.5, -0.5), covariance: Matrix4::identity() * 100.0 };
            let all = model(noise).filter_and_smooth(&start, &[&measurements, &negative]).expect("definite");
            for (series, measurements) in [&measurements, &negative].into_iter().enumerate() {
                let states: Vec<Gaussian<4>> = (0..).map_while(|step| all.state(series, step)).collect();
                prop_assert_eq!(states, step_by_step(&model(noise), &start, measurements));
            }
        }
    }

    #[test]
    fn series_of_different_lengths_are_refused() {
        let start = Gaussian::independent([0.0; 4], [1.0; 4]);
        let z = [Vector2::zeros(); 2];
        let refused = model(0.1).filter_and_smooth(&start, &[&z, &z[..1]]);
        assert_eq!(refused, Err(EstimateError::Lengths { states: 2, steps: 1 }));
    }
}
