//! Dynamic time warping: how far two series are apart when each may be stretched in time, and which samples belong together.
//!
//! | question | function |
//! |---|---|
//! | distance of two whole series | [`full`], within a Sakoe–Chiba band [`banded`] |
//! | where in a long reference does a short query lie | [`subsequence`] |
//! | how far along a reference has a query come that began at its start | [`open_end`] |
//! | any step pattern, band and open ends | [`align`] |
//! | which sample goes with which | [`warping_path`] |
//! | the same, one sample at a time, with the steps bounded by what is possible | [`AnchoredRow`] |
//! | the same for frames of levels, in vectors | [`LevelRow`] |
//! | the same as a likelihood, kept once per rate of advance | [`lanes::RateLanes`] |
//! | which of many series is the nearest | [`NearestNeighbours`] |
//! | how far all are from each other | [`pairwise`] |
//! | their mean | [`barycenter()`] |
//! | a cheap number that is never above the distance | [`lb_kim`], [`lb_keogh`], [`lb_improved`] |
//!
//! # Notation
//! The query `a` has `n` samples (row `i`), the reference `b` has `m` (column `j`). `c(i, j)` is the *local cost* of two
//! samples under a [`Metric`], `D(i, j)` the *accumulated cost*: the least sum of local costs over all paths that end in
//! cell `(i, j)`. The distance is the accumulated cost of the last cell. It is a plain sum: no root is taken of it, and it is
//! not divided by a length ([`StepPattern::normaliser`] says by what it may be).
//!
//! # What is exact
//! The code in [`scalar`] is the specification; any faster kernel gives the same bits. Integer levels (`u8`, sums in `u32`)
//! are the same on every CPU and in every order of summation. Floating-point sums are the same on every CPU, because the
//! order of operations in a cell is fixed.
//!
//! ```
//! use fin_core::dtw::{self, AbsoluteDifference};
//!
//! let query = [3.0, 5.0, 5.0, 1.0];
//! let reference = [9.0, 9.0, 3.0, 5.0, 1.0, 9.0];
//! let found = dtw::subsequence(&query, &reference, AbsoluteDifference).expect("neither series is empty");
//! assert_eq!((found.distance, found.start, found.end), (0.0, 2, 4));
//! ```
//!
//! Sources: Sakoe and Chiba (1978) for the recursion, the band and the step patterns; Müller, *Information Retrieval for Music
//! and Motion* (2007), chapter 4, for subsequence DTW; Giorgino (2009) for the names of the step patterns.

mod barycenter;
mod bounds;
mod cost;
pub mod lanes;
mod live;
mod path;
pub mod scalar;
mod search;
mod series;
mod simd;
mod stream;

#[cfg(test)]
mod laws;

pub use barycenter::barycenter;
pub use bounds::{Envelope, lb_improved, lb_keogh, lb_kim};
pub use cost::{AbsoluteDifference, Cost, Metric, Missing, Sample, SquaredDifference, WithMissing};
pub use live::{LevelRow, LevelRowError};
pub use path::{WarpingPath, warping_path};
pub use search::{NearestNeighbours, Neighbour, SearchError};
pub use series::{Frames, FramesError, Series};
pub use simd::Level;
pub use stream::{AnchoredRow, RowError};

use std::ops::RangeInclusive;

/// Which cells may precede a cell on a path, and how often each way of arriving counts the local cost.
///
/// Names and weights are those of Giorgino (2009) (`dtw` for R and Python).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StepPattern {
    /// `D(i,j) = c + min{D(i−1,j−1), D(i,j−1), D(i−1,j)}`: what is mostly meant by DTW.
    #[default]
    Symmetric1,
    /// `D(i,j) = min{D(i−1,j−1) + 2c, D(i,j−1) + c, D(i−1,j) + c}`: a diagonal step costs as much as the two that it replaces.
    Symmetric2,
    /// `D(i,j) = c + min{D(i−1,j), D(i−1,j−1), D(i−1,j−2)}`: each query sample is used once and moves on 0, 1 or 2 reference samples.
    Asymmetric,
}

/// One way of arriving at a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Query samples moved on: 0 or 1.
    pub query: usize,
    /// Reference samples moved on: 0, 1 or 2.
    pub reference: usize,
    /// How many times the local cost of the new cell is added: 1 or 2.
    pub weight: u32,
}

const fn step(query: usize, reference: usize, weight: u32) -> Step {
    Step {
        query,
        reference,
        weight,
    }
}

impl StepPattern {
    /// The steps of this pattern, in the order in which ties are decided: the first of equals is taken.
    pub const fn steps(self) -> &'static [Step; 3] {
        const SYMMETRIC1: [Step; 3] = [step(1, 1, 1), step(0, 1, 1), step(1, 0, 1)];
        const SYMMETRIC2: [Step; 3] = [step(1, 1, 2), step(0, 1, 1), step(1, 0, 1)];
        const ASYMMETRIC: [Step; 3] = [step(1, 0, 1), step(1, 1, 1), step(1, 2, 1)];
        match self {
            StepPattern::Symmetric1 => &SYMMETRIC1,
            StepPattern::Symmetric2 => &SYMMETRIC2,
            StepPattern::Asymmetric => &ASYMMETRIC,
        }
    }

    /// The number by which a distance is divided to make it independent of the lengths, for `query_samples` matched to
    /// `reference_samples`. `None` for [`StepPattern::Symmetric1`], whose paths of one pair of lengths differ in total weight.
    pub fn normaliser(self, query_samples: usize, reference_samples: usize) -> Option<usize> {
        match self {
            StepPattern::Symmetric1 => None,
            StepPattern::Symmetric2 => Some(query_samples + reference_samples),
            StepPattern::Asymmetric => Some(query_samples),
        }
    }
}

/// What a path is allowed to do. The default is classic DTW: [`StepPattern::Symmetric1`], no band, both ends fixed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Constraints {
    /// Ways of arriving at a cell.
    pub pattern: StepPattern,
    /// Radius of the Sakoe–Chiba band in samples, `None` for no band. See [`Constraints::columns`].
    pub radius: Option<usize>,
    /// Whether the path may begin at any reference sample instead of the first.
    pub open_begin: bool,
    /// Whether the path may end at any reference sample instead of the last. The end is where the accumulated cost is least,
    /// the first of equals. It is not normalised: with [`StepPattern::Symmetric2`] this favours early ends.
    pub open_end: bool,
}

impl Constraints {
    /// The columns of row `i` that are inside the band, for `n` query and `m` reference samples; `i < n` and `m > 0`.
    ///
    /// A cell is inside when `−r − max(0, n − m) ≤ j − i ≤ r + max(0, m − n)`: around the diagonals through the first and
    /// the last cell and all that is between them. Both corners are always inside, and the band stays the same when both
    /// series are reversed or exchanged. With equal lengths this is `|i − j| ≤ r`; radius 0 is then the diagonal alone.
    /// Libraries that count the width including the diagonal call radius `r` a window of `r + 1`.
    pub fn columns(&self, i: usize, n: usize, m: usize) -> RangeInclusive<usize> {
        let last = m.saturating_sub(1);
        match self.radius {
            None => 0..=last,
            Some(radius) => {
                let below = radius.saturating_add(n.saturating_sub(m));
                let above = radius.saturating_add(m.saturating_sub(n));
                i.saturating_sub(below)..=i.saturating_add(above).min(last)
            }
        }
    }
}

/// The part of a reference that a query was matched to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match<C> {
    /// Accumulated cost of the path.
    pub distance: C,
    /// Index of the first matched reference sample.
    pub start: usize,
    /// Index of the last matched reference sample (it belongs to the match).
    pub end: usize,
}

/// The DTW distance of two whole series with [`StepPattern::Symmetric1`].
///
/// `None` when a series is empty, or when every path has a local cost that is not finite or a sum that does not fit.
///
/// ```
/// use fin_core::dtw::{self, SquaredDifference};
/// assert_eq!(dtw::full(&[1.0, 2.0, 2.0, 4.0], &[1.0, 2.0, 4.0, 6.0], SquaredDifference), Some(4.0));
/// ```
pub fn full<A, B, M>(a: A, b: B, metric: M) -> Option<M::Cost>
where
    A: Series,
    B: Series<Sample = A::Sample>,
    M: Metric<A::Sample>,
{
    metric.distance(Level::detect(), a, b, None)
}

/// The DTW distance of two whole series with [`StepPattern::Symmetric1`] over paths inside a Sakoe–Chiba band of `radius` samples.
///
/// [`Constraints::columns`] says which cells are inside. `None` as for [`full`].
pub fn banded<A, B, M>(a: A, b: B, radius: usize, metric: M) -> Option<M::Cost>
where
    A: Series,
    B: Series<Sample = A::Sample>,
    M: Metric<A::Sample>,
{
    metric.distance(Level::detect(), a, b, Some(radius))
}

/// The part of `reference` that is nearest to the whole `query`, with [`StepPattern::Symmetric1`] and both ends open.
///
/// Of equal ends the first is taken; of equal ways there, the first in the order of [`StepPattern::steps`]. `None` as for [`full`].
pub fn subsequence<A, B, M>(query: A, reference: B, metric: M) -> Option<Match<M::Cost>>
where
    A: Series,
    B: Series<Sample = A::Sample>,
    M: Metric<A::Sample>,
{
    let constraints = Constraints {
        open_begin: true,
        open_end: true,
        ..Constraints::default()
    };
    align(query, reference, metric, &constraints)
}

/// The beginning of `reference` that is nearest to the whole `query`, with [`StepPattern::Symmetric1`]: `start` is 0, `end` is found.
///
/// `None` as for [`full`].
pub fn open_end<A, B, M>(query: A, reference: B, metric: M) -> Option<Match<M::Cost>>
where
    A: Series,
    B: Series<Sample = A::Sample>,
    M: Metric<A::Sample>,
{
    let constraints = Constraints {
        open_end: true,
        ..Constraints::default()
    };
    align(query, reference, metric, &constraints)
}

/// The best match of `query` in `reference` under any [`Constraints`].
///
/// `None` as for [`full`], and when the step pattern cannot connect the ends: [`StepPattern::Asymmetric`] with fixed ends
/// needs `m − 1 ≤ 2 (n − 1)`.
///
/// ```
/// use fin_core::dtw::{self, AbsoluteDifference, Constraints, StepPattern};
///
/// let twice_as_fast = Constraints { pattern: StepPattern::Asymmetric, ..Constraints::default() };
/// let found = dtw::align(&[1, 3, 5u8], &[1, 2, 3, 4, 5u8], AbsoluteDifference, &twice_as_fast);
/// assert_eq!(found.map(|found| found.distance), Some(0u32));
/// ```
pub fn align<A, B, M>(query: A, reference: B, metric: M, constraints: &Constraints) -> Option<Match<M::Cost>>
where
    A: Series,
    B: Series<Sample = A::Sample>,
    M: Metric<A::Sample>,
{
    metric.align(Level::detect(), query, reference, constraints)
}

/// The distances of all pairs of series with [`StepPattern::Symmetric1`], in a Sakoe–Chiba band of `radius` samples if there is one.
///
/// Each pair comes once, in the order (0, 1), (0, 2), … (1, 2), …; `None` as for [`full`].
///
/// ```
/// use fin_core::dtw::{self, AbsoluteDifference};
///
/// let series: [&[u8]; 3] = [&[1, 2, 3], &[1, 1, 3], &[4, 4, 4]];
/// assert_eq!(dtw::pairwise(&series, None, AbsoluteDifference), [Some(1), Some(6), Some(7)]);
/// ```
pub fn pairwise<S, M>(series: &[&[S]], radius: Option<usize>, metric: M) -> Vec<Option<M::Cost>>
where
    S: Copy,
    M: Metric<S>,
{
    metric.pairwise(Level::detect(), series, radius)
}

/// What [`pairwise`] returns, one pair after the other.
fn pair_by_pair<S, M>(metric: M, level: Level, series: &[&[S]], radius: Option<usize>) -> Vec<Option<M::Cost>>
where
    S: Copy,
    M: Metric<S>,
{
    let with_later = |index: usize| {
        let later = series.iter().skip(index + 1);
        later.map(move |other| metric.distance(level, series[index], *other, radius))
    };
    (0..series.len()).flat_map(with_later).collect()
}
