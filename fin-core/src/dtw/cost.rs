//! What two samples cost when they are matched, and how costs add up.

use std::fmt::Debug;

use super::simd::entry;
use super::{Constraints, Level, Match, Series, WarpingPath, path, scalar};

/// An accumulated cost: `u32` (exact, saturating), `f32` or `f64`. Costs are not negative.
pub trait Cost: Copy + PartialOrd + Debug {
    /// No cost.
    const ZERO: Self;
    /// The cost of a cell that no path reaches. Adding to it leaves it.
    const UNREACHABLE: Self;

    /// The sum; [`Cost::UNREACHABLE`] when it does not fit.
    fn plus(self, other: Self) -> Self;

    /// The difference `self − other`, for `other ≤ self < UNREACHABLE`.
    fn minus(self, other: Self) -> Self;

    /// `self · numerator / denominator`, for `denominator > 0`; integers round down.
    fn scaled(self, numerator: u32, denominator: u32) -> Self;

    /// The lower of two costs, `self` when they are equal or when `other` is not a number.
    #[inline]
    fn or_lower(self, other: Self) -> Self {
        if other < self { other } else { self }
    }

    /// Whether a path reaches a cell of this cost.
    #[inline]
    fn is_reachable(self) -> bool {
        self < Self::UNREACHABLE
    }
}

impl Cost for u32 {
    const ZERO: Self = 0;
    const UNREACHABLE: Self = u32::MAX;

    #[inline]
    fn plus(self, other: Self) -> Self {
        self.saturating_add(other)
    }

    #[inline]
    fn minus(self, other: Self) -> Self {
        self.saturating_sub(other)
    }

    #[inline]
    fn scaled(self, numerator: u32, denominator: u32) -> Self {
        let scaled = u64::from(self) * u64::from(numerator) / u64::from(denominator.max(1));
        u32::try_from(scaled).unwrap_or(Self::UNREACHABLE)
    }
}

macro_rules! float_cost {
    ($float:ty) => {
        impl Cost for $float {
            const ZERO: Self = 0.0;
            const UNREACHABLE: Self = <$float>::INFINITY;

            #[inline]
            fn plus(self, other: Self) -> Self {
                self + other
            }

            #[inline]
            fn minus(self, other: Self) -> Self {
                self - other
            }

            #[inline]
            fn scaled(self, numerator: u32, denominator: u32) -> Self {
                self * (numerator as $float) / (denominator as $float)
            }
        }
    };
}
float_cost!(f32);
float_cost!(f64);

/// The local cost of two samples.
///
/// The cost is never negative, and it grows with the difference. A cost that is not a number makes its cell impassable.
pub trait Metric<S>: Copy {
    /// The type in which costs are added up.
    type Cost: Cost;

    /// The cost of matching `a` with `b`.
    fn cost(self, a: S, b: S) -> Self::Cost;

    /// `sum` with the cost of matching `a` with `b` added, as the channels of a frame are added up: at most one rounding away
    /// from `sum.plus(self.cost(a, b))`.
    #[inline]
    fn add_to(self, sum: Self::Cost, a: S, b: S) -> Self::Cost {
        sum.plus(self.cost(a, b))
    }

    /// The distance of two whole series, as [`scalar::symmetric1`] specifies it; in vectors of `level` where there is a kernel.
    fn distance<A, B>(self, level: Level, a: A, b: B, radius: Option<usize>) -> Option<Self::Cost>
    where
        A: Series<Sample = S>,
        B: Series<Sample = S>,
    {
        let _ = level;
        scalar::symmetric1(a, b, self, radius)
    }

    /// The best match, as [`scalar::align`] specifies it; in vectors of `level` where there is a kernel.
    fn align<A, B>(self, level: Level, a: A, b: B, constraints: &Constraints) -> Option<Match<Self::Cost>>
    where
        A: Series<Sample = S>,
        B: Series<Sample = S>,
    {
        let _ = level;
        scalar::align(a, b, self, constraints)
    }

    /// The best path, as [`warping_path`](super::warping_path) describes it; in vectors of `level` where there is a kernel.
    fn path<A, B>(
        self,
        level: Level,
        a: A,
        b: B,
        constraints: &Constraints,
    ) -> Option<WarpingPath<Self::Cost>>
    where
        A: Series<Sample = S>,
        B: Series<Sample = S>,
    {
        let _ = level;
        path::by_arrivals(a, b, self, constraints)
    }

    /// The distances of all pairs, as [`pairwise`](super::pairwise) describes them; in vectors of `level` where there is a kernel.
    fn pairwise(self, level: Level, series: &[&[S]], radius: Option<usize>) -> Vec<Option<Self::Cost>>
    where
        S: Copy,
    {
        super::pair_by_pair(self, level, series, radius)
    }

    /// As [`Metric::align`], for frames whose channels have this metric and may be missing.
    fn align_frames<'a, A, B>(
        self,
        level: Level,
        a: A,
        b: B,
        missing: Missing<Self::Cost>,
        constraints: &Constraints,
    ) -> Option<Match<Self::Cost>>
    where
        S: Sample + 'a,
        A: Series<Sample = &'a [S]>,
        B: Series<Sample = &'a [S]>,
    {
        let _ = level;
        let metric = WithMissing {
            metric: self,
            missing,
        };
        scalar::align(a, b, metric, constraints)
    }
}

/// `|a − b|`: for `f64` and `f32` in the same type, for `u8` levels in `u32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AbsoluteDifference;

/// `(a − b)²`: for `f64` and `f32` in the same type, for `u8` levels in `u32`.
///
/// The channels of a frame of floats are added up with one rounding for each square and sum (fused multiply–add).
///
/// With `u8` levels a sum over 66,051 cells of the largest difference still fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SquaredDifference;

/// Hands whole series to the kernels.
macro_rules! by_kernels {
    ($sample:ty, $cost:ty) => {
        fn distance<A, B>(self, level: Level, a: A, b: B, radius: Option<usize>) -> Option<$cost>
        where
            A: Series<Sample = $sample>,
            B: Series<Sample = $sample>,
        {
            entry::distance(self, level, a, b, radius)
                .unwrap_or_else(|| scalar::symmetric1(a, b, self, radius))
        }

        fn align<A, B>(self, level: Level, a: A, b: B, constraints: &Constraints) -> Option<Match<$cost>>
        where
            A: Series<Sample = $sample>,
            B: Series<Sample = $sample>,
        {
            entry::align(self, level, a, b, constraints)
                .unwrap_or_else(|| scalar::align(a, b, self, constraints))
        }

        fn path<A, B>(self, level: Level, a: A, b: B, constraints: &Constraints) -> Option<WarpingPath<$cost>>
        where
            A: Series<Sample = $sample>,
            B: Series<Sample = $sample>,
        {
            entry::path(self, level, a, b, constraints, &mut Vec::new())
                .unwrap_or_else(|| path::by_arrivals(a, b, self, constraints))
        }

        fn pairwise(self, level: Level, series: &[&[$sample]], radius: Option<usize>) -> Vec<Option<$cost>> {
            entry::pairwise(self, level, series, radius)
                .unwrap_or_else(|| super::pair_by_pair(self, level, series, radius))
        }
    };
}

/// Hands frames to the kernel `$align` of the arguments after it.
macro_rules! frames_by_kernel {
    ($sample:ty, $cost:ty, |$metric:ident, $level:ident, $a:ident, $b:ident, $missing:ident, $rules:ident| $align:expr) => {
        fn align_frames<'a, A, B>(
            self,
            $level: Level,
            $a: A,
            $b: B,
            $missing: Missing<$cost>,
            $rules: &Constraints,
        ) -> Option<Match<$cost>>
        where
            A: Series<Sample = &'a [$sample]>,
            B: Series<Sample = &'a [$sample]>,
        {
            let $metric = self;
            $align.unwrap_or_else(|| {
                let metric = WithMissing {
                    metric: self,
                    missing: $missing,
                };
                scalar::align($a, $b, metric, $rules)
            })
        }
    };
}

macro_rules! float_metric {
    ($float:ty) => {
        impl Metric<$float> for AbsoluteDifference {
            type Cost = $float;

            #[inline]
            fn cost(self, a: $float, b: $float) -> $float {
                (a - b).abs()
            }

            by_kernels!($float, $float);
            frames_by_kernel!($float, $float, |metric, level, a, b, missing, rules| {
                entry::align_frames(metric, level, a, b, rules)
            });
        }

        impl Metric<$float> for SquaredDifference {
            type Cost = $float;

            #[inline]
            fn cost(self, a: $float, b: $float) -> $float {
                (a - b) * (a - b)
            }

            #[inline]
            fn add_to(self, sum: $float, a: $float, b: $float) -> $float {
                (a - b).mul_add(a - b, sum)
            }

            by_kernels!($float, $float);
            frames_by_kernel!($float, $float, |metric, level, a, b, missing, rules| {
                entry::align_frames(metric, level, a, b, rules)
            });
        }
    };
}
float_metric!(f32);
float_metric!(f64);

impl Metric<u8> for AbsoluteDifference {
    type Cost = u32;

    #[inline]
    fn cost(self, a: u8, b: u8) -> u32 {
        u32::from(a.abs_diff(b))
    }

    by_kernels!(u8, u32);
    frames_by_kernel!(u8, u32, |_metric, level, a, b, missing, rules| {
        entry::align_levels(level, a, b, missing, rules)
    });
}

impl Metric<u8> for SquaredDifference {
    type Cost = u32;

    #[inline]
    fn cost(self, a: u8, b: u8) -> u32 {
        let difference = u32::from(a.abs_diff(b));
        difference * difference
    }

    by_kernels!(u8, u32);
    frames_by_kernel!(u8, u32, |metric, level, a, b, missing, rules| {
        entry::align_frames(metric, level, a, b, rules)
    });
}

/// One number of a series, with a value that stands for "not observed".
pub trait Sample: Copy + PartialOrd + Debug {
    /// The value that stands for "not observed": NaN for floats, 255 for `u8` levels.
    const MISSING: Self;

    /// Whether this is a missing value.
    fn is_missing(self) -> bool;
}

impl Sample for u8 {
    const MISSING: Self = u8::MAX;

    #[inline]
    fn is_missing(self) -> bool {
        self == Self::MISSING
    }
}

impl Sample for f32 {
    const MISSING: Self = f32::NAN;

    #[inline]
    fn is_missing(self) -> bool {
        self.is_nan()
    }
}

impl Sample for f64 {
    const MISSING: Self = f64::NAN;

    #[inline]
    fn is_missing(self) -> bool {
        self.is_nan()
    }
}

/// What a channel costs when it is missing in one of the two samples or in both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Missing<C> {
    /// Each missing channel adds this constant; the cost of two frames is the sum over all channels.
    Costs(C),
    /// Missing channels are left out and the sum over the `o` channels that both have is scaled by `channels / o`, so that
    /// frames of few common channels weigh as much as complete ones (integers round down). With no channel in common: no cost.
    LeftOut,
}

/// A metric for samples that may be missing ([`Sample::MISSING`]): single numbers, and frames of several channels.
///
/// The cost of two frames is the sum of `metric` over the channels that both have, in channel order, and `missing` says what
/// becomes of the others. Channels that only the longer of two frames has are missing in the other.
///
/// ```
/// use fin_core::dtw::{AbsoluteDifference, Metric, Missing, WithMissing};
///
/// let a: &[u8] = &[60, 255, 80];
/// let b: &[u8] = &[62, 70, 81];
/// let metric = WithMissing { metric: AbsoluteDifference, missing: Missing::Costs(10) };
/// assert_eq!(metric.cost(a, b), 2 + 10 + 1);
/// let metric = WithMissing { metric: AbsoluteDifference, missing: Missing::LeftOut };
/// assert_eq!(metric.cost(a, b), (2 + 1) * 3 / 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WithMissing<M, C> {
    /// The metric of two present values.
    pub metric: M,
    /// What a missing value costs.
    pub missing: Missing<C>,
}

impl<S, M> Metric<S> for WithMissing<M, M::Cost>
where
    S: Sample,
    M: Metric<S>,
{
    type Cost = M::Cost;

    #[inline]
    fn cost(self, a: S, b: S) -> M::Cost {
        match self.missing {
            _ if !(a.is_missing() || b.is_missing()) => self.metric.cost(a, b),
            Missing::Costs(constant) => constant,
            Missing::LeftOut => M::Cost::ZERO,
        }
    }
}

impl<'a, S, M> Metric<&'a [S]> for WithMissing<M, M::Cost>
where
    S: Sample,
    M: Metric<S>,
{
    type Cost = M::Cost;

    fn cost(self, a: &'a [S], b: &'a [S]) -> M::Cost {
        let channels = a.len().max(b.len());
        let mut sum = M::Cost::ZERO;
        let mut observed = 0u32;
        for channel in 0..channels {
            let value = |frame: &[S]| frame.get(channel).copied().filter(|value| !value.is_missing());
            match (value(a), value(b), self.missing) {
                (Some(a), Some(b), _) => {
                    sum = self.metric.add_to(sum, a, b);
                    observed += 1;
                }
                (_, _, Missing::Costs(constant)) => sum = sum.plus(constant),
                (_, _, Missing::LeftOut) => {}
            }
        }
        match self.missing {
            Missing::LeftOut if 0 < observed && (observed as usize) < channels => {
                sum.scaled(channels as u32, observed)
            }
            _ => sum,
        }
    }

    fn align<A, B>(self, level: Level, a: A, b: B, constraints: &Constraints) -> Option<Match<M::Cost>>
    where
        A: Series<Sample = &'a [S]>,
        B: Series<Sample = &'a [S]>,
    {
        self.metric.align_frames(level, a, b, self.missing, constraints)
    }
}
