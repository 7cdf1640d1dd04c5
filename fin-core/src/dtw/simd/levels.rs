//! Levels of 8 bits, four channels in each word.

use fearless_simd::{Bytes, Select, Simd, SimdBase, SimdIntWiden};

use super::series::Channels;
use crate::dtw::Sample;

/// Channels in a word.
pub(in crate::dtw) const PACKED: usize = 4;

/// The most channels of which the sums of 16 bits stay exact.
pub(in crate::dtw) const MOST_CHANNELS: usize = 256;

/// Frames of `channels` levels as words of [`PACKED`] channels; channels that fill the last word are 0.
pub(in crate::dtw) fn pack<'a>(
    frames: impl Iterator<Item = &'a [u8]>,
    channels: usize,
) -> impl Iterator<Item = u32> {
    frames.flat_map(move |frame| {
        (0..channels.div_ceil(PACKED)).map(move |word| {
            let level = |at: usize| frame.get(word * PACKED + at).copied().unwrap_or(0);
            u32::from_le_bytes([level(0), level(1), level(2), level(3)])
        })
    })
}

/// Absolute differences of packed levels, none of them missing.
#[derive(Clone, Copy)]
pub(in crate::dtw) struct Present;

/// The absolute differences of 8 bits in each byte.
#[inline(always)]
fn differences<S: Simd>(a: S::u32s, b: S::u32s) -> (S::u8s, S::u8s, S::u8s) {
    let (a, b): (S::u8s, S::u8s) = (a.bitcast(), b.bitcast());
    (a, b, a.max(b) - a.min(b))
}

impl<S: Simd> Channels<S, u32> for Present {
    type Sum = S::u16s;

    #[inline(always)]
    fn zero(self, simd: S) -> S::u16s {
        S::u16s::splat(simd, 0)
    }

    #[inline(always)]
    fn add(self, _: S, sum: S::u16s, a: S::u32s, b: S::u32s) -> S::u16s {
        let (_, _, difference) = differences::<S>(a, b);
        sum + difference.pairwise_widening_add()
    }

    #[inline(always)]
    fn finish(self, sum: S::u16s) -> S::u32s {
        sum.pairwise_widening_add()
    }
}

/// Absolute differences of packed levels, where one that is missing on either side costs the same whatever the other.
#[derive(Clone, Copy)]
pub(in crate::dtw) struct Gaps {
    /// What a missing level costs.
    pub(in crate::dtw) cost: u8,
}

impl<S: Simd> Channels<S, u32> for Gaps {
    type Sum = S::u16s;

    #[inline(always)]
    fn zero(self, simd: S) -> S::u16s {
        S::u16s::splat(simd, 0)
    }

    #[inline(always)]
    fn add(self, simd: S, sum: S::u16s, a: S::u32s, b: S::u32s) -> S::u16s {
        let (a, b, difference) = differences::<S>(a, b);
        // The missing level is the highest, so the higher of two is missing exactly when one of them is.
        let missing = a.max(b).simd_eq(S::u8s::splat(simd, u8::MISSING));
        let cost = missing.select(S::u8s::splat(simd, self.cost), difference);
        sum + cost.pairwise_widening_add()
    }

    #[inline(always)]
    fn finish(self, sum: S::u16s) -> S::u32s {
        sum.pairwise_widening_add()
    }
}

/// Costs of packed levels, at any level of instructions.
pub(in crate::dtw) trait PackedCosts: Copy {
    /// The costs in the vectors of `S`.
    fn channels<S: Simd>(self, simd: S) -> impl Channels<S, u32>;
}

impl PackedCosts for Present {
    #[inline(always)]
    fn channels<S: Simd>(self, _: S) -> impl Channels<S, u32> {
        self
    }
}

impl PackedCosts for Gaps {
    #[inline(always)]
    fn channels<S: Simd>(self, _: S) -> impl Channels<S, u32> {
        self
    }
}
