//! What can go wrong in estimation.

use thiserror::Error;

/// Why an estimate could not be computed.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum EstimateError {
    /// The innovation covariance S = H P Hᵀ + R has no Cholesky factor.
    #[error(
        "expected a positive definite innovation covariance, got one of {rows} rows with diagonal {diagonal:?}"
    )]
    Innovation {
        /// Rows of S.
        rows: usize,
        /// Diagonal of S.
        diagonal: Vec<f64>,
    },
    /// The covariance of a state has no Cholesky factor.
    #[error("expected a positive definite covariance of state {index}, got one with diagonal {diagonal:?}")]
    Covariance {
        /// Index of the state in its sequence, from 0.
        index: usize,
        /// Diagonal of the covariance.
        diagonal: Vec<f64>,
    },
    /// The smoother was given sequences that do not fit together.
    #[error("expected one step between each two of {states} states, got {steps} steps")]
    Lengths {
        /// Filtered states given.
        states: usize,
        /// Steps given.
        steps: usize,
    },
    /// A number is not finite or out of its range.
    #[error("expected {name} to be {range}, got {value}")]
    Range {
        /// Name of the quantity, with its unit.
        name: &'static str,
        /// The range asked for.
        range: &'static str,
        /// The value that came.
        value: f64,
    },
    /// A measurement holds a number that is not finite, or a sigma that is not above zero.
    #[error("expected measurement {index} to be finite with sigma above 0, got {value} ± {sigma}")]
    Measurement {
        /// Index of the measurement, from 0.
        index: usize,
        /// Its value.
        value: f64,
        /// Its standard deviation.
        sigma: f64,
    },
    /// A measurement is older than the one before it, or than the start.
    #[error(
        "expected measurements in time order, got measurement {index} {back_s} s before the one before it"
    )]
    Order {
        /// Index of the measurement, from 0.
        index: usize,
        /// Seconds by which time goes back.
        back_s: f64,
    },
}
