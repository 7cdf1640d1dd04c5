//! Why a drive cannot be placed.

use super::report::LabelReport;
use crate::estimate::EstimateError;
use thiserror::Error;

/// Why no stretch of a drive could be placed on the roads.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum SurveyError {
    /// Fewer than two fixes are left after cleaning.
    #[error("expected at least 2 GNSS fixes that can be used, got {usable} ({report})")]
    TooFewFixes {
        /// Fixes left.
        usable: usize,
        /// What became of the others.
        report: Box<LabelReport>,
    },
    /// The fixes do not follow the roads.
    #[error("expected GNSS fixes along the given roads, got {usable} that follow none ({report})")]
    OffRoad {
        /// Fixes that were tried.
        usable: usize,
        /// What became of them.
        report: Box<LabelReport>,
    },
    /// No segment has two fixes outside of tunnels.
    #[error("expected a stretch with at least 2 GNSS fixes outside of tunnels, got none ({report})")]
    NoStretch {
        /// What became of the fixes.
        report: Box<LabelReport>,
    },
    /// The smoother failed.
    #[error("expected a drive that can be smoothed: {0}")]
    Estimate(#[from] EstimateError),
}
