//! A normal distribution over a state vector.

use nalgebra::{SMatrix, SVector};

/// A normal distribution of dimension `N`.
#[derive(Clone, Copy, Debug, PartialEq)]
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
