//! Whether a filter's own uncertainty agrees with its errors: NIS, NEES and their χ² limits.
//!
//! Bar-Shalom, Li and Kirubarajan 2001, *Estimation with Applications to Tracking and Navigation*, section 5.4.

use nalgebra::SVector;

use super::error::EstimateError;
use super::gaussian::Gaussian;

/// Relative width at which the incomplete gamma function and its inverse stop.
const RELATIVE_TOLERANCE: f64 = 1e-14;
/// Terms after which the incomplete gamma function is taken as converged; √dof of them are needed.
const MAX_TERMS: usize = 100_000;

/// Normalised estimation error squared (x − x̂)ᵀ P⁻¹ (x − x̂); χ² with `N` degrees of freedom when the filter is right.
///
/// # Errors
/// [`EstimateError::Covariance`] (index 0) when the covariance is not positive definite.
pub fn nees<const N: usize>(estimate: &Gaussian<N>, truth: &SVector<f64, N>) -> Result<f64, EstimateError> {
    let factor = estimate
        .covariance
        .cholesky()
        .ok_or_else(|| EstimateError::Covariance {
            index: 0,
            diagonal: estimate.covariance.diagonal().iter().copied().collect(),
        })?;
    let error = truth - estimate.mean;
    Ok(error.dot(&factor.solve(&error)))
}

/// The NIS above which a right measurement of `dof` components falls with probability 1 − `probability`: a gate.
///
/// # Errors
/// As [`chi_square_quantile`].
pub fn gate(probability: f64, dof: u32) -> Result<f64, EstimateError> {
    chi_square_quantile(probability, f64::from(dof))
}

/// The interval in which the average of `count` independent NIS or NEES values of `dof` components lies with
/// probability `confidence`, as (lower, upper); both tails are equally likely.
///
/// # Errors
/// As [`chi_square_quantile`], and for a `count` of 0.
pub fn average_limits(count: usize, dof: u32, confidence: f64) -> Result<(f64, f64), EstimateError> {
    let n = count as f64;
    let total = n * f64::from(dof);
    let tail = 0.5 * (1.0 - confidence);
    Ok((
        chi_square_quantile(tail, total)? / n,
        chi_square_quantile(1.0 - tail, total)? / n,
    ))
}

/// Probability that a χ² variable with `dof` degrees of freedom is at most `x`: P(dof/2, x/2).
///
/// Series below the mean and Lentz's continued fraction above it (Press et al. 2007, *Numerical Recipes*, section 6.2);
/// absolute error below 1e-9 up to 1e6 degrees of freedom (a log-gamma of that size has no more digits).
///
/// # Errors
/// [`EstimateError::Range`] for a `dof` that is not above 0 or not finite, or an `x` that is NaN.
pub fn chi_square_cdf(x: f64, dof: f64) -> Result<f64, EstimateError> {
    in_range(
        "degrees of freedom",
        "above 0 and finite",
        dof,
        dof > 0.0 && dof.is_finite(),
    )?;
    in_range("chi-square value", "a number", x, !x.is_nan())?;
    Ok(regularised_gamma(0.5 * dof, 0.5 * x))
}

/// The value that a χ² variable with `dof` degrees of freedom stays below with `probability`.
///
/// By bisection on [`chi_square_cdf`]; relative error below 1e-9 for probabilities from 1e-6 to 1 − 1e-6.
///
/// # Errors
/// [`EstimateError::Range`] for a `probability` outside 0…1 (both excluded) or a `dof` that is not above 0 or not finite.
pub fn chi_square_quantile(probability: f64, dof: f64) -> Result<f64, EstimateError> {
    in_range(
        "probability",
        "above 0 and below 1",
        probability,
        probability > 0.0 && probability < 1.0,
    )?;
    in_range(
        "degrees of freedom",
        "above 0 and finite",
        dof,
        dof > 0.0 && dof.is_finite(),
    )?;
    let below = |x: f64| regularised_gamma(0.5 * dof, 0.5 * x) < probability;
    // The mean lies between most pairs of quantiles; widen from there.
    let (mut low, mut high) = (dof, dof);
    while !below(low) && low > f64::MIN_POSITIVE {
        low *= 0.5;
    }
    while below(high) && high.is_finite() {
        high *= 2.0;
    }
    while high - low > RELATIVE_TOLERANCE * high {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(0.5 * (low + high))
}

/// `Ok` when `ok`, else the range error.
fn in_range(name: &'static str, range: &'static str, value: f64, ok: bool) -> Result<(), EstimateError> {
    if ok {
        Ok(())
    } else {
        Err(EstimateError::Range { name, range, value })
    }
}

/// The regularised lower incomplete gamma function P(a, x), 0…1; 0 for x at or below 0.
fn regularised_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x.is_infinite() {
        return 1.0;
    }
    let front = libm::exp(a * libm::log(x) - x - libm::lgamma(a));
    if x < a + 1.0 {
        front * gamma_series(a, x)
    } else {
        1.0 - front * gamma_fraction(a, x)
    }
}

/// Σ xⁿ / (a (a+1) … (a+n)).
fn gamma_series(a: f64, x: f64) -> f64 {
    let mut term = 1.0 / a;
    let mut sum = term;
    for n in 1..MAX_TERMS {
        term *= x / (a + n as f64);
        sum += term;
        if term < sum * RELATIVE_TOLERANCE * 0.01 {
            break;
        }
    }
    sum
}

/// The continued fraction of Γ(a, x) eˣ x⁻ᵃ by the modified Lentz method.
fn gamma_fraction(a: f64, x: f64) -> f64 {
    // A stand-in for a denominator of exactly zero.
    const TINY: f64 = 1e-300;
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / away_from_zero(b);
    let mut h = d;
    for n in 1..MAX_TERMS {
        let i = n as f64;
        let an = -i * (i - a);
        b += 2.0;
        d = 1.0 / away_from_zero(an * d + b);
        c = away_from_zero(b + an / c);
        let delta = d * c;
        h *= delta;
        if (delta - 1.0).abs() < RELATIVE_TOLERANCE * 0.1 {
            break;
        }
    }
    h
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (probability, dof, quantile) by scipy.stats.chi2.ppf 1.17.1.
    const TABLE: [(f64, f64, f64); 9] = [
        (0.95, 1.0, 3.841_458_820_694_124),
        (0.99, 1.0, 6.634_896_601_021_214_5),
        (0.5, 1.0, 0.454_936_423_119_572),
        (0.001, 1.0, 1.570_797_149_262_492_1e-6),
        (0.95, 2.0, 5.991_464_547_107_979),
        (0.025, 5.0, 0.831_211_613_486_662_5),
        (0.975, 5.0, 12.832_501_994_030_027),
        (0.999, 250.0, 324.832_436_568_363),
        (0.025, 10_000.0, 9_724.718_377_389_798),
    ];

    #[test]
    fn quantiles_agree_with_scipy() {
        for (p, dof, expected) in TABLE {
            let got = chi_square_quantile(p, dof).unwrap();
            assert!(
                (got / expected - 1.0).abs() < 1e-9,
                "p {p} dof {dof}: {got} for {expected}"
            );
        }
    }

    #[test]
    fn quantile_inverts_the_distribution() {
        for dof in [0.5, 1.0, 3.0, 40.0, 3_000.0, 1e6] {
            for p in [1e-6, 0.01, 0.3, 0.5, 0.9, 0.999] {
                let x = chi_square_quantile(p, dof).unwrap();
                assert!(
                    (chi_square_cdf(x, dof).unwrap() - p).abs() < 1e-9,
                    "p {p} dof {dof}"
                );
            }
        }
    }

    #[test]
    fn out_of_range_arguments_are_errors() {
        for (p, dof) in [
            (0.0, 1.0),
            (1.0, 1.0),
            (f64::NAN, 1.0),
            (0.5, 0.0),
            (0.5, -1.0),
            (0.5, f64::INFINITY),
        ] {
            assert!(
                matches!(chi_square_quantile(p, dof), Err(EstimateError::Range { .. })),
                "{p} {dof}"
            );
        }
        assert!(average_limits(0, 1, 0.95).is_err());
        assert!(chi_square_cdf(f64::NAN, 1.0).is_err());
    }

    #[test]
    fn limits_close_in_on_the_dimension() {
        let (low, high) = average_limits(100, 5, 0.95).unwrap();
        assert!(low > 4.3 && low < 5.0 && high > 5.0 && high < 5.7);
    }
}
