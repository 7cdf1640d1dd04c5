//! A normal distribution over a state vector.

use nalgebra::{SMatrix, SVector};
use serde::{Deserialize, Serialize};

/// A normal distribution of dimension `N`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gaussian<const N: usize> {
    /// Mean x.
    pub mean: SVector<f64, N>,
    /// Covariance P, symmetric positive semidefinite.
    pub covariance: SMatrix<f64, N, N>,
}

impl<const N: usize> Gaussian<N> {
    /// The distribution of independent components with these means and standard deviations.
    pub fn independent(mean: [f64; N], sigma: [f64; N]) -> Self {
        Self {
            mean: SVector::from(mean),
            covariance: SMatrix::from_diagonal(&SVector::from(sigma.map(|s| s * s))),
        }
    }

    /// Standard deviation of component `i`, in its unit; 0 where rounding left the variance below 0.
    ///
    /// # Panics
    /// When `i` is not below `N`.
    pub fn sigma(&self, i: usize) -> f64 {
        self.covariance[(i, i)].max(0.0).sqrt()
    }

    /// The distribution with another marginal of the components `at`, and with what goes along with those moved
    /// accordingly; `None` when the covariance of the components that it has now is singular.
    ///
    /// With u the components and G = P_xu P_uu⁻¹: x + G (u′ − u) and P + G (P′_uu − P_uu) Gᵀ, which is the law of total
    /// expectation and covariance for a normal distribution (Jeffrey 1965, *The Logic of Decision*, chapter 11: a
    /// change of the marginal that leaves the conditional as it is).
    pub fn with_marginal<const K: usize>(
        &self,
        at: [usize; K],
        mean: &SVector<f64, K>,
        covariance: &SMatrix<f64, K, K>,
    ) -> Option<Self> {
        let p = &self.covariance;
        let before = SMatrix::<f64, K, K>::from_fn(|i, j| p[(at[i], at[j])]);
        let across = SMatrix::<f64, K, N>::from_fn(|i, j| p[(at[i], j)]);
        let gain = before.cholesky()?.solve(&across).transpose();
        let moved = mean - SVector::<f64, K>::from_fn(|i, _| self.mean[at[i]]);
        Some(Self {
            mean: self.mean + gain * moved,
            covariance: symmetric(&(p + gain * (covariance - before) * gain.transpose())),
        })
    }

    /// Whether every number in it is finite.
    pub fn is_finite(&self) -> bool {
        self.mean
            .iter()
            .chain(self.covariance.iter())
            .all(|v| v.is_finite())
    }
}

/// `m` made exactly symmetric: the mean of it and its transpose.
pub(super) fn symmetric<const N: usize>(m: &SMatrix<f64, N, N>) -> SMatrix<f64, N, N> {
    (m + m.transpose()) * 0.5
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Matrix1, Matrix3, Vector1, Vector3};

    #[test]
    fn a_new_marginal_moves_what_is_correlated_with_it() {
        let prior = Gaussian {
            mean: Vector3::new(1.0, 2.0, 3.0),
            covariance: Matrix3::new(4.0, 2.0, 0.0, 2.0, 9.0, 0.0, 0.0, 0.0, 1.0),
        };
        let posterior = prior
            .with_marginal([0], &Vector1::new(3.0), &Matrix1::new(1.0))
            .unwrap();
        assert_eq!(posterior.mean, Vector3::new(3.0, 3.0, 3.0));
        assert_eq!(
            posterior.covariance,
            Matrix3::new(1.0, 0.5, 0.0, 0.5, 8.25, 0.0, 0.0, 0.0, 1.0)
        );
    }
}
