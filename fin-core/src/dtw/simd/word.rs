//! The numbers of which vectors are made, and what the kernels do with them.

use fearless_simd::{Bytes, Select, Simd, SimdBase, SimdElement, SimdFloat};

use crate::dtw::{AbsoluteDifference, Cost, SquaredDifference};

/// A number that fills one lane: `f32`, `f64`, or `u32` for exact sums of levels.
pub trait Word: SimdElement + Cost {
    /// As many of them as one vector of the level `S` holds.
    type Vector<S: Simd>: SimdBase<S, Element = Self>;

    /// A cost that no reachable cell has, to which costs can be added without an overflow.
    const FAR: Self;

    /// The largest count that the type holds exactly, and no sum of that many lanes overflows.
    const LARGEST_COUNT: usize;

    /// A count, not above [`Word::LARGEST_COUNT`].
    fn count(count: usize) -> Self;

    /// The count of [`Word::count`].
    fn to_count(self) -> usize;

    /// The lower of two costs in each lane. Neither is negative or not a number.
    fn lower<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// In each lane `if_lower` and its companion where it is strictly below `otherwise`, else that with its companion.
    #[inline(always)]
    fn lower_with<S: Simd>(
        simd: S,
        otherwise: (Self::Vector<S>, Self::Vector<S>),
        if_lower: (Self::Vector<S>, Self::Vector<S>),
    ) -> (Self::Vector<S>, Self::Vector<S>) {
        // The next cell waits for the cost, and what the companion is may be found out beside it.
        let lower = Self::lower::<S>(simd, otherwise.0, if_lower.0);
        let stays = lower.simd_eq(otherwise.0);
        (lower, stays.select(otherwise.1, if_lower.1))
    }

    /// `value` in the lanes where `from ≤ at ≤ to`, [`Word::FAR`] in the others.
    #[inline(always)]
    fn within<S: Simd>(
        simd: S,
        value: Self::Vector<S>,
        at: Self::Vector<S>,
        from: Self::Vector<S>,
        to: Self::Vector<S>,
    ) -> Self::Vector<S> {
        let far = Self::Vector::<S>::splat(simd, Self::FAR);
        let begun = from.simd_le(at).select(value, far);
        at.simd_le(to).select(begun, far)
    }

    /// The value of each lane, or the nearer of `lower` and `upper` where it is not between them.
    #[inline(always)]
    fn clamp<S: Simd>(simd: S, value: Self::Vector<S>, lower: Self, upper: Self) -> Self::Vector<S> {
        let (lower, upper) = (Self::Vector::splat(simd, lower), Self::Vector::splat(simd, upper));
        value.max(lower).min(upper)
    }

    /// The distance of two values in each lane.
    fn distance<S: Simd>(a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// `sum` and the square of `value` in each lane; floats are rounded once.
    fn add_square<S: Simd>(sum: Self::Vector<S>, value: Self::Vector<S>) -> Self::Vector<S>;
}

/// Whether the level compares integers of 32 bits as fast as it adds them, and on more ports than it compares floats.
#[inline(always)]
fn prefers_integers<S: Simd>(simd: S) -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return matches!(
        simd.level(),
        fearless_simd::Level::Avx2(_) | fearless_simd::Level::Avx512(_)
    );
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    {
        let _ = simd;
        false
    }
}

/// As [`prefers_integers`], for 64 bits.
#[inline(always)]
fn prefers_wide_integers<S: Simd>(simd: S) -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return matches!(simd.level(), fearless_simd::Level::Avx512(_));
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    {
        let _ = simd;
        false
    }
}

impl Word for f32 {
    type Vector<S: Simd> = S::f32s;
    const FAR: f32 = f32::INFINITY;
    const LARGEST_COUNT: usize = 1 << 23;

    #[inline(always)]
    fn count(count: usize) -> f32 {
        count as f32
    }

    #[inline(always)]
    fn to_count(self) -> usize {
        self as usize
    }

    #[inline(always)]
    fn lower<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> S::f32s {
        if prefers_integers(simd) {
            // Floats that are not negative are in the order of their bits.
            let (a, b): (S::i32s, S::i32s) = (a.bitcast(), b.bitcast());
            a.min(b).bitcast()
        } else {
            a.min(b)
        }
    }

    #[inline(always)]
    fn distance<S: Simd>(a: S::f32s, b: S::f32s) -> S::f32s {
        (a - b).abs()
    }

    #[inline(always)]
    fn add_square<S: Simd>(sum: S::f32s, value: S::f32s) -> S::f32s {
        value.mul_add_precise(value, sum)
    }
}

impl Word for f64 {
    type Vector<S: Simd> = S::f64s;
    const FAR: f64 = f64::INFINITY;
    const LARGEST_COUNT: usize = 1 << 52;

    #[inline(always)]
    fn count(count: usize) -> f64 {
        count as f64
    }

    #[inline(always)]
    fn to_count(self) -> usize {
        self as usize
    }

    #[inline(always)]
    fn lower<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> S::f64s {
        if prefers_wide_integers(simd) {
            let (a, b): (S::i64s, S::i64s) = (a.bitcast(), b.bitcast());
            a.min(b).bitcast()
        } else {
            a.min(b)
        }
    }

    #[inline(always)]
    fn distance<S: Simd>(a: S::f64s, b: S::f64s) -> S::f64s {
        (a - b).abs()
    }

    #[inline(always)]
    fn add_square<S: Simd>(sum: S::f64s, value: S::f64s) -> S::f64s {
        value.mul_add_precise(value, sum)
    }
}

impl Word for u32 {
    type Vector<S: Simd> = S::u32s;
    const FAR: u32 = 1 << 31;
    const LARGEST_COUNT: usize = 1 << 30;

    #[inline(always)]
    fn count(count: usize) -> u32 {
        count as u32
    }

    #[inline(always)]
    fn to_count(self) -> usize {
        self as usize
    }

    #[inline(always)]
    fn lower<S: Simd>(_simd: S, a: S::u32s, b: S::u32s) -> S::u32s {
        a.min(b)
    }

    #[inline(always)]
    fn distance<S: Simd>(a: S::u32s, b: S::u32s) -> S::u32s {
        a.max(b) - a.min(b)
    }

    #[inline(always)]
    fn add_square<S: Simd>(sum: S::u32s, value: S::u32s) -> S::u32s {
        // A difference may have wrapped below zero; its square does not.
        sum + value * value
    }
}

/// A metric whose local cost a kernel can work out in each lane, with the operations of the metric in their order.
pub trait Local: Copy {
    /// The local costs of `a` and `b`.
    fn cost<S: Simd, W: Word>(self, a: W::Vector<S>, b: W::Vector<S>) -> W::Vector<S>;

    /// `sum` with the local costs of `a` and `b` added.
    #[inline(always)]
    fn add_to<S: Simd, W: Word>(self, sum: W::Vector<S>, a: W::Vector<S>, b: W::Vector<S>) -> W::Vector<S> {
        sum + self.cost::<S, W>(a, b)
    }

    /// The largest cost of two levels of 8 bits.
    const LARGEST_OF_LEVELS: u64;
}

impl Local for AbsoluteDifference {
    #[inline(always)]
    fn cost<S: Simd, W: Word>(self, a: W::Vector<S>, b: W::Vector<S>) -> W::Vector<S> {
        W::distance(a, b)
    }

    const LARGEST_OF_LEVELS: u64 = u8::MAX as u64;
}

impl Local for SquaredDifference {
    #[inline(always)]
    fn cost<S: Simd, W: Word>(self, a: W::Vector<S>, b: W::Vector<S>) -> W::Vector<S> {
        // In whole numbers the difference may wrap below zero; its square does not.
        let difference = a - b;
        difference * difference
    }

    #[inline(always)]
    fn add_to<S: Simd, W: Word>(self, sum: W::Vector<S>, a: W::Vector<S>, b: W::Vector<S>) -> W::Vector<S> {
        W::add_square::<S>(sum, a - b)
    }

    const LARGEST_OF_LEVELS: u64 = (u8::MAX as u64).pow(2);
}
