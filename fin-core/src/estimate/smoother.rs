//! The backward pass over a filtered sequence.
//!
//! Rauch, Tung and Striebel 1965, "Maximum likelihood estimates of linear dynamic systems". The covariance is carried
//! as (I − G F) P (I − G F)ᵀ + G (Pₛ⁺ + Q) Gᵀ, a sum of squares that equals the usual P + G (Pₛ⁺ − P⁻) Gᵀ
//! and, unlike it, cannot turn negative where a long gap makes P⁻ many orders larger than P.

use nalgebra::SMatrix;

use super::error::EstimateError;
use super::gaussian::{Gaussian, symmetric};

/// One prediction of the forward pass: from one filtered state to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step<const N: usize> {
    /// Transition F.
    pub f: SMatrix<f64, N, N>,
    /// Noise Q of the transition.
    pub q: SMatrix<f64, N, N>,
    /// The next state before its measurement.
    pub predicted: Gaussian<N>,
}

/// The states given all measurements, one per filtered state; the last equals its filtered state.
///
/// `steps[i]` leads from `filtered[i]` to the prediction that `filtered[i + 1]` was updated from, so there is one step
/// fewer than there are states (none when there are no states).
///
/// # Errors
/// [`EstimateError::Lengths`] for sequences that do not fit, [`EstimateError::Covariance`] when a predicted
/// covariance is not positive definite.
pub fn smooth<const N: usize>(
    filtered: &[Gaussian<N>],
    steps: &[Step<N>],
) -> Result<Vec<Gaussian<N>>, EstimateError> {
    if steps.len() != filtered.len().saturating_sub(1) {
        return Err(EstimateError::Lengths {
            states: filtered.len(),
            steps: steps.len(),
        });
    }
    let Some(last) = filtered.last() else {
        return Ok(Vec::new());
    };
    let mut next = *last;
    let mut smoothed = vec![next];
    for (index, (now, step)) in filtered.iter().zip(steps).enumerate().rev() {
        next = smooth_one(now, step, &next).ok_or_else(|| EstimateError::Covariance {
            index: index + 1,
            diagonal: step.predicted.covariance.diagonal().iter().copied().collect(),
        })?;
        smoothed.push(next);
    }
    smoothed.reverse();
    Ok(smoothed)
}

/// `now` given the smoothed state after it, or `None` when the predicted covariance has no Cholesky factor.
pub(super) fn smooth_one<const N: usize>(
    now: &Gaussian<N>,
    step: &Step<N>,
    next: &Gaussian<N>,
) -> Option<Gaussian<N>> {
    let Step { f, q, predicted } = step;
    let identity = SMatrix::<f64, N, N>::identity();
    // No time passed: both are the same state, and a singular P needs no factor.
    if *f == identity && q.iter().all(|v| *v == 0.0) {
        return Some(*next);
    }
    let p = &now.covariance;
    let g = predicted.covariance.cholesky()?.solve(&(f * p)).transpose();
    let i_gf = identity - g * f;
    Some(Gaussian {
        mean: now.mean + g * (next.mean - predicted.mean),
        covariance: symmetric(&(i_gf * p * i_gf.transpose() + g * (next.covariance + q) * g.transpose())),
    })
}
