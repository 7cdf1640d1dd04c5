//! The two steps of the (extended) Kalman filter.
//!
//! Kalman 1960, "A new approach to linear filtering and prediction problems"; the covariance update in the form of
//! Bucy and Joseph 1968, which stays symmetric and positive semidefinite for any gain.

use std::f64::consts::TAU;

use nalgebra::{SMatrix, SVector};

use super::error::EstimateError;
use super::gaussian::{Gaussian, symmetric};

/// The prior moved over one time step of a linear model: mean F x, covariance F P Fᵀ + Q.
pub fn predict<const N: usize>(
    prior: &Gaussian<N>,
    f: &SMatrix<f64, N, N>,
    q: &SMatrix<f64, N, N>,
) -> Gaussian<N> {
    predict_with_mean(prior, f * prior.mean, f, q)
}

/// The prior moved over one time step of a model whose predicted mean f(x) the caller has computed.
///
/// The covariance is F P Fᵀ + Q with F the Jacobian of f at the prior mean.
pub fn predict_with_mean<const N: usize>(
    prior: &Gaussian<N>,
    mean: SVector<f64, N>,
    f: &SMatrix<f64, N, N>,
    q: &SMatrix<f64, N, N>,
) -> Gaussian<N> {
    Gaussian {
        mean,
        covariance: symmetric(&(f * prior.covariance * f.transpose() + q)),
    }
}

/// What a measurement did to a state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update<const N: usize, const M: usize> {
    /// The state with the measurement in it.
    pub posterior: Gaussian<N>,
    /// Innovation y = z − h(x).
    pub innovation: SVector<f64, M>,
    /// Innovation covariance S = H P Hᵀ + R.
    pub innovation_covariance: SMatrix<f64, M, M>,
    /// Normalised innovation squared yᵀ S⁻¹ y; χ² with `M` degrees of freedom when the model is right.
    pub nis: f64,
    /// Natural logarithm of the density of z under N(h(x), S).
    pub log_likelihood: f64,
}

/// The state after the measurement `z` with noise covariance `r`, where `hx` = h(x) is expected and `h` is the Jacobian.
///
/// K = P Hᵀ S⁻¹ by a Cholesky solve; covariance (I − K H) P (I − K H)ᵀ + K R Kᵀ.
///
/// # Errors
/// [`EstimateError::Innovation`] when S is not finite and positive definite.
pub fn update<const N: usize, const M: usize>(
    prior: &Gaussian<N>,
    z: &SVector<f64, M>,
    hx: &SVector<f64, M>,
    h: &SMatrix<f64, M, N>,
    r: &SMatrix<f64, M, M>,
) -> Result<Update<N, M>, EstimateError> {
    update_considering(prior, z, hx, h, r, &[])
}

/// The state after a measurement that is not to change the components `considered`, though their uncertainty counts: the
/// Schmidt–Kalman filter (Schmidt 1966, *Application of state-space methods to navigation problems*), with the rows of
/// K for those components set to zero. The Joseph form holds for any gain.
///
/// # Errors
/// As [`update`].
///
/// # Panics
/// When a component is not below `N`.
pub fn update_considering<const N: usize, const M: usize>(
    prior: &Gaussian<N>,
    z: &SVector<f64, M>,
    hx: &SVector<f64, M>,
    h: &SMatrix<f64, M, N>,
    r: &SMatrix<f64, M, M>,
    considered: &[usize],
) -> Result<Update<N, M>, EstimateError> {
    let p = &prior.covariance;
    let hp = h * p;
    let s = symmetric(&(hp * h.transpose() + r));
    let not_definite = || EstimateError::Innovation {
        rows: M,
        diagonal: s.diagonal().iter().copied().collect(),
    };
    if s.iter().any(|v| !v.is_finite()) {
        return Err(not_definite());
    }
    let factor = s.cholesky().ok_or_else(not_definite)?;

    let y = z - hx;
    let mut k = factor.solve(&hp).transpose();
    considered.iter().for_each(|&i| k.row_mut(i).fill(0.0));
    let i_kh = SMatrix::<f64, N, N>::identity() - k * h;
    let posterior = Gaussian {
        mean: prior.mean + k * y,
        covariance: symmetric(&(i_kh * p * i_kh.transpose() + k * r * k.transpose())),
    };
    let nis = y.dot(&factor.solve(&y));
    let ln_det: f64 = 2.0
        * factor
            .l_dirty()
            .diagonal()
            .iter()
            .map(|d| libm::log(*d))
            .sum::<f64>();
    let log_likelihood = -0.5 * (nis + ln_det + M as f64 * libm::log(TAU));
    Ok(Update {
        posterior,
        innovation: y,
        innovation_covariance: s,
        nis,
        log_likelihood,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Matrix1, Matrix2, RowVector2, Vector1, Vector2};
    use proptest::prelude::*;

    #[test]
    fn considered_components_stay_and_their_uncertainty_counts() {
        let prior = Gaussian::independent([10.0, 0.0], [2.0, 1.0]);
        let h = RowVector2::new(1.0, 1.0);
        let (z, hx, r) = (Vector1::new(16.0), Vector1::new(10.0), Matrix1::new(1.0));
        let u = update_considering(&prior, &z, &hx, &h, &r, &[1]).unwrap();
        assert_eq!(u.posterior.mean, Vector2::new(14.0, 0.0));
        assert_eq!(u.posterior.covariance[(1, 1)], 1.0);
        let all = update(&prior, &z, &hx, &h, &r).unwrap();
        assert!(u.posterior.covariance[(0, 0)] >= all.posterior.covariance[(0, 0)] - 1e-12);
    }

    #[test]
    fn a_scalar_is_weighted_by_the_variances() {
        let prior = Gaussian::independent([10.0], [2.0]);
        let u = update(
            &prior,
            &Vector1::new(15.0),
            &Vector1::new(10.0),
            &Matrix1::new(1.0),
            &Matrix1::new(1.0),
        )
        .unwrap();
        assert!((u.posterior.mean[0] - 14.0).abs() < 1e-12);
        assert!((u.posterior.covariance[(0, 0)] - 0.8).abs() < 1e-12);
        assert!((u.nis - 5.0).abs() < 1e-12);
        assert!((u.log_likelihood - (-0.5 * (5.0 + (5.0 * TAU).ln()))).abs() < 1e-12);
    }

    #[test]
    fn an_indefinite_innovation_covariance_is_an_error() {
        let prior = Gaussian::independent([0.0, 0.0], [1.0, 1.0]);
        let h = SMatrix::<f64, 2, 2>::identity();
        let err = update(
            &prior,
            &Vector2::zeros(),
            &Vector2::zeros(),
            &h,
            &Matrix2::new(1.0, 0.0, 0.0, -1.0),
        );
        assert_eq!(
            err,
            Err(EstimateError::Innovation {
                rows: 2,
                diagonal: vec![2.0, 0.0]
            })
        );
        let err = update(
            &prior,
            &Vector2::zeros(),
            &Vector2::zeros(),
            &h,
            &Matrix2::new(f64::NAN, 0.0, 0.0, 1.0),
        );
        assert!(matches!(err, Err(EstimateError::Innovation { .. })));
    }

    proptest! {
        #[test]
        fn covariance_stays_symmetric_and_positive_semidefinite(
            a in proptest::array::uniform9(-3.0..3.0_f64), h in proptest::array::uniform6(-3.0..3.0_f64),
            log_r in -12.0..6.0_f64, log_p in -6.0..12.0_f64,
        ) {
            let root = SMatrix::<f64, 3, 3>::from_row_slice(&a) * 10_f64.powf(0.5 * log_p);
            let prior = Gaussian { mean: SVector::zeros(), covariance: root * root.transpose() };
            let h = SMatrix::<f64, 2, 3>::from_row_slice(&h);
            let r = SMatrix::<f64, 2, 2>::identity() * 10_f64.powf(log_r);
            let z = Vector2::new(1.0, -1.0);
            if let Ok(u) = update(&prior, &z, &SVector::zeros(), &h, &r) {
                let p = u.posterior.covariance;
                prop_assert_eq!(p, p.transpose());
                let scale = prior.covariance.norm();
                prop_assert!(p.symmetric_eigenvalues().min() >= -1e-12 * scale);
                prop_assert!((prior.covariance - p).symmetric_eigenvalues().min() >= -1e-9 * scale);
            }
        }

        #[test]
        fn two_updates_commute(z1 in -5.0..5.0_f64, z2 in -5.0..5.0_f64, r1 in 0.1..4.0_f64, r2 in 0.1..4.0_f64) {
            let prior = Gaussian { mean: Vector2::new(1.0, 2.0), covariance: Matrix2::new(2.0, 0.5, 0.5, 1.0) };
            let apply = |g: &Gaussian<2>, z: f64, r: f64, h: SMatrix<f64, 1, 2>| {
                update(g, &Vector1::new(z), &(h * g.mean), &h, &Matrix1::new(r)).unwrap().posterior
            };
            let (h1, h2) = (RowVector2::new(1.0, 0.0), RowVector2::new(1.0, 1.0));
            let ab = apply(&apply(&prior, z1, r1, h1), z2, r2, h2);
            let ba = apply(&apply(&prior, z2, r2, h2), z1, r1, h1);
            prop_assert!((ab.mean - ba.mean).norm() < 1e-9);
            prop_assert!((ab.covariance - ba.covariance).norm() < 1e-9);
        }
    }
}
