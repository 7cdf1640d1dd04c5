//! How offset, speed and acceleration move on, exactly, over any time step.
//!
//! Acceleration is a first-order Gauss–Markov process (Singer 1970, "Estimating optimal tracking filter performance
//! for manned maneuvering targets"), and speed may lean towards a reference:
//!
//! ```text
//! d/dt (s, v − c, a) = A (s, v − c, a) + (0, 0, w),   A = | 0  1  0 |
//!                                                         | 0 −β  1 |
//!                                                         | 0  0 −α |
//! F(h) = exp(A h),   Q(h) = q ∫₀ʰ g(u) g(u)ᵀ du,   g(u) = exp(A u) (0, 0, 1)ᵀ,   q = 2 α σ²
//! ```
//!
//! Closed forms of Q lose all digits at short steps. Here a base step shorter than the time constants is integrated by
//! Gauss–Legendre nodes, which is a sum of squares with positive weights, and is doubled as often as needed by
//! F(2h) = F(h)², Q(2h) = F(h) Q(h) F(h)ᵀ + Q(h). Nothing is ever subtracted, so Q is positive semidefinite for every step.

use nalgebra::{Matrix3, Vector3};

/// Longest base step, in units of the shortest time constant: there the quadrature is exact to 1e-15.
const BASE_STEP: f64 = 0.25;
/// Taylor terms of exp(A u) on the base step; the next one is below 1e-17 of the first.
const TAYLOR_TERMS: usize = 12;
/// Nodes and weights of the five-point Gauss–Legendre rule on −1…1 (Abramowitz and Stegun 1964, table 25.4).
const GAUSS_LEGENDRE: [(f64, f64); 5] = [
    (-0.906_179_845_938_664, 0.236_926_885_056_189_1),
    (-0.538_469_310_105_683, 0.478_628_670_499_366_5),
    (0.0, 0.568_888_888_888_888_9),
    (0.538_469_310_105_683, 0.478_628_670_499_366_5),
    (0.906_179_845_938_664, 0.236_926_885_056_189_1),
];

/// F and Q of (s, v, a) over `dt_s` seconds; the identity and zero for a step that is not above 0.
///
/// `alpha` and `beta` are the rates of acceleration and of speed, 1/s (`beta` 0: speed does not lean anywhere),
/// `sigma_mps2` the stationary standard deviation of the acceleration of Singer's model.
pub(super) fn transition(alpha: f64, beta: f64, sigma_mps2: f64, dt_s: f64) -> (Matrix3<f64>, Matrix3<f64>) {
    if dt_s.is_nan() || dt_s <= 0.0 {
        return (Matrix3::identity(), Matrix3::zeros());
    }
    let rate = alpha.max(beta);
    let mut h = dt_s;
    let mut doublings = 0;
    while rate * h > BASE_STEP && rate.is_finite() {
        h *= 0.5;
        doublings += 1;
    }
    let a = Matrix3::new(0.0, 1.0, 0.0, 0.0, -beta, 1.0, 0.0, 0.0, -alpha);
    let mut f = Matrix3::from_columns(&[
        Vector3::x(),
        exp_times(&a, h, Vector3::y()),
        exp_times(&a, h, Vector3::z()),
    ]);
    let density = 2.0 * alpha * sigma_mps2 * sigma_mps2;
    let mut q = Matrix3::zeros();
    for (node, weight) in GAUSS_LEGENDRE {
        let g = exp_times(&a, 0.5 * h * (1.0 + node), Vector3::z());
        q += g * g.transpose() * (0.5 * h * weight * density);
    }
    for _ in 0..doublings {
        q += f * q * f.transpose();
        f *= f;
    }
    (f, q)
}

/// exp(A u) b by its Taylor series.
fn exp_times(a: &Matrix3<f64>, u: f64, b: Vector3<f64>) -> Vector3<f64> {
    let mut term = b;
    let mut sum = b;
    for n in 1..=TAYLOR_TERMS {
        term = a * term * (u / n as f64);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// F and Q of Singer 1970, equations 9 and 20, in closed form; good to 1e-9 where α dt is about 1.
    fn singer(alpha: f64, sigma: f64, t: f64) -> (Matrix3<f64>, Matrix3<f64>) {
        let x = alpha * t;
        let (e, e2) = ((-x).exp(), (-2.0 * x).exp());
        let f = Matrix3::new(
            1.0,
            t,
            (e - 1.0 + x) / alpha.powi(2),
            0.0,
            1.0,
            (1.0 - e) / alpha,
            0.0,
            0.0,
            e,
        );
        let q11 =
            (1.0 - e2 + 2.0 * x + 2.0 * x.powi(3) / 3.0 - 2.0 * x * x - 4.0 * x * e) / (2.0 * alpha.powi(5));
        let q12 = (e2 + 1.0 - 2.0 * e + 2.0 * x * e - 2.0 * x + x * x) / (2.0 * alpha.powi(4));
        let q13 = (1.0 - e2 - 2.0 * x * e) / (2.0 * alpha.powi(3));
        let q22 = (4.0 * e - 3.0 - e2 + 2.0 * x) / (2.0 * alpha.powi(3));
        let q23 = (e2 + 1.0 - 2.0 * e) / (2.0 * alpha.powi(2));
        let q33 = (1.0 - e2) / (2.0 * alpha);
        let q = Matrix3::new(q11, q12, q13, q12, q22, q23, q13, q23, q33);
        (f, q * (2.0 * alpha * sigma * sigma))
    }

    #[test]
    fn without_a_reference_speed_it_is_the_closed_form_of_singer() {
        for t in [0.7, 2.0, 5.0, 60.0, 1800.0] {
            let (f, q) = transition(0.4, 0.0, 0.8, t);
            let (f0, q0) = singer(0.4, 0.8, t);
            for i in 0..9 {
                assert!(
                    (f[i] - f0[i]).abs() <= 1e-12 * f0[i].abs() + 1e-15,
                    "F[{i}] at {t} s"
                );
                assert!(
                    (q[i] - q0[i]).abs() <= 1e-9 * q0[i].abs() + 1e-15,
                    "Q[{i}] at {t} s: {} {}",
                    q[i],
                    q0[i]
                );
            }
        }
    }

    #[test]
    fn a_leaning_speed_has_a_bounded_variance() {
        let (alpha, beta, sigma) = (0.4, 0.05, 0.8);
        let (_, q) = transition(alpha, beta, sigma, 1e4);
        let stationary = sigma * sigma / (beta * (alpha + beta));
        assert!((q[(1, 1)] / stationary - 1.0).abs() < 1e-9);
    }

    #[test]
    fn short_steps_keep_their_digits() {
        let t = 1e-4;
        let (_, q) = transition(0.4, 0.0, 0.8, t);
        let leading = 2.0 * 0.4 * 0.64 * t.powi(5) / 20.0;
        assert!((q[(0, 0)] / leading - 1.0).abs() < 1e-4);
    }

    proptest! {
        #[test]
        fn two_steps_make_one(
            alpha in 0.02..3.0_f64, beta in 0.0..1.0_f64, t1 in 1e-3..200.0_f64, t2 in 1e-3..200.0_f64,
        ) {
            let (fa, qa) = transition(alpha, beta, 0.8, t1);
            let (fb, qb) = transition(alpha, beta, 0.8, t2);
            let (f, q) = transition(alpha, beta, 0.8, t1 + t2);
            let f2 = fb * fa;
            let q2 = fb * qa * fb.transpose() + qb;
            for i in 0..9 {
                prop_assert!((f[i] - f2[i]).abs() <= 1e-11 * f[i].abs() + 1e-14);
                prop_assert!((q[i] - q2[i]).abs() <= 1e-11 * q[i].abs() + 1e-14);
            }
        }

        #[test]
        fn noise_is_positive_semidefinite(alpha in 0.02..3.0_f64, beta in 0.0..1.0_f64, log_t in -6.0..5.0_f64) {
            let (_, q) = transition(alpha, beta, 0.8, 10_f64.powf(log_t));
            // Scaled to a unit diagonal, for offsets and accelerations differ by many orders.
            let d = Matrix3::from_diagonal(&q.diagonal().map(|v| 1.0 / v.sqrt()));
            prop_assert!((d * q * d).symmetric_eigenvalues().min() > -1e-12);
        }
    }
}
