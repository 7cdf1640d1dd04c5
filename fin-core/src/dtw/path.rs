//! The warping path: which query sample goes with which reference sample.

use super::scalar::{accumulate, best_end};
use super::{Constraints, Level, Match, Metric, Series};

/// Stands for a cell to which no step leads; the others hold the index of their step in the pattern.
const NO_STEP: u8 = u8::MAX;

/// A match and the cells that its path goes through.
#[derive(Clone, Debug, PartialEq)]
pub struct WarpingPath<C> {
    /// Distance, first and last reference sample.
    pub matched: Match<C>,
    /// Pairs of query index and reference index, from the first query sample to the last. Both never decrease.
    pub cells: Vec<(usize, usize)>,
}

/// The best path of `query` through `reference` under `constraints`, by backtracking from its end.
///
/// Of equal paths it is the one that takes, seen from its end, the first step in the order of
/// [`StepPattern::steps`](super::StepPattern::steps). `None` as for [`align`](super::align). Takes one byte per cell of the
/// matrix, `n · m` in all, or where a kernel is used and there are up to 2²⁴ cells, as much as a cost per cell.
///
/// ```
/// use fin_core::dtw::{self, AbsoluteDifference, Constraints};
///
/// let path = dtw::warping_path(&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 3.0], AbsoluteDifference, &Constraints::default());
/// assert_eq!(path.expect("neither series is empty").cells, [(0, 0), (1, 1), (2, 1), (3, 2)]);
/// ```
pub fn warping_path<A, B, M>(
    query: A,
    reference: B,
    metric: M,
    constraints: &Constraints,
) -> Option<WarpingPath<M::Cost>>
where
    A: Series,
    B: Series<Sample = A::Sample>,
    M: Metric<A::Sample>,
{
    metric.path(Level::detect(), query, reference, constraints)
}

/// The path by the specification: the arrival of every cell is kept.
pub(super) fn by_arrivals<A, B, M>(
    query: A,
    reference: B,
    metric: M,
    constraints: &Constraints,
) -> Option<WarpingPath<M::Cost>>
where
    A: Series,
    B: Series<Sample = A::Sample>,
    M: Metric<A::Sample>,
{
    let (n, m) = (query.len(), reference.len());
    if n == 0 || m == 0 {
        return None;
    }
    let steps = constraints.pattern.steps();
    let mut arrivals = vec![NO_STEP; n * m];
    let last_row = accumulate(query, reference, metric, constraints, |i, j, step| {
        arrivals[i * m + j] = step.map_or(NO_STEP, |index| index as u8);
    });
    let matched = best_end(&last_row, constraints)?;

    let (mut i, mut j) = (n - 1, matched.end);
    let mut cells = vec![(i, j)];
    while let Some(step) = steps.get(usize::from(arrivals[i * m + j])) {
        (i, j) = (i - step.query, j - step.reference);
        cells.push((i, j));
    }
    cells.reverse();
    Some(WarpingPath { matched, cells })
}
