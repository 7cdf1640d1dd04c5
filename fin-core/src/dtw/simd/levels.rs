//! Levels of 8 bits, eight channels in each word.
//!
//! A word is twice as wide as a lane, so that the frames of a vector's lanes take two vectors of words: one for the even lanes and
//! one for the odd.

use fearless_simd::{Bytes, Select, Simd, SimdBase, SimdIntWiden};

use crate::dtw::Sample;

/// Channels in a word.
pub(in crate::dtw) const PACKED: usize = 8;

/// The most channels of which the sums of 16 bits stay exact.
pub(in crate::dtw) const MOST_CHANNELS: usize = 256;

/// A frame's levels as words of [`PACKED`] channels; channels that fill the last word are 0.
#[inline]
pub(in crate::dtw) fn pack(frame: &[u8]) -> impl Iterator<Item = u64> {
    let (whole, rest) = frame.as_chunks::<PACKED>();
    let last = (!rest.is_empty()).then(|| {
        let mut word = [0; PACKED];
        word[..rest.len()].copy_from_slice(rest);
        word
    });
    whole.iter().copied().chain(last).map(u64::from_le_bytes)
}

/// How the words of two frames become their local cost.
pub(in crate::dtw) trait PackedCosts: Copy {
    /// The sum with one more word of both frames.
    fn add<S: Simd>(self, simd: S, sum: S::u16s, a: S::u64s, b: S::u64s) -> S::u16s;
}

/// The local costs of all lanes from the sums of the even and of the odd ones.
#[inline(always)]
pub(in crate::dtw) fn interleave<S: Simd>(even: S::u16s, odd: S::u16s) -> S::u32s {
    let (even, odd): (S::u64s, S::u64s) = if SUMS_ARE_WHOLE {
        (even.bitcast(), odd.bitcast())
    } else {
        (whole::<S>(even), whole::<S>(odd))
    };
    (even | (odd << 32)).bitcast()
}

/// In each word the sum of its four parts of 16 bits.
#[inline(always)]
fn whole<S: Simd>(parts: S::u16s) -> S::u64s {
    let halves: S::u64s = parts.pairwise_widening_add().bitcast();
    (halves + (halves >> 32)) & u64::from(u32::MAX)
}

/// Absolute differences of packed levels, none of them missing.
#[derive(Clone, Copy)]
pub(in crate::dtw) struct Present;

impl PackedCosts for Present {
    #[inline(always)]
    fn add<S: Simd>(self, _: S, sum: S::u16s, a: S::u64s, b: S::u64s) -> S::u16s {
        sum + differences::<S>(a.bitcast(), b.bitcast())
    }
}

/// Absolute differences of packed levels, where one that is missing on either side costs the same whatever the other.
#[derive(Clone, Copy)]
pub(in crate::dtw) struct Gaps {
    /// What a missing level costs.
    pub(in crate::dtw) cost: u8,
}

impl PackedCosts for Gaps {
    #[inline(always)]
    fn add<S: Simd>(self, simd: S, sum: S::u16s, a: S::u64s, b: S::u64s) -> S::u16s {
        let (a, b): (S::u8s, S::u8s) = (a.bitcast(), b.bitcast());
        // The missing level is the highest, so the higher of two is missing exactly when one of them is.
        let higher = a.max(b);
        let missing = higher.simd_eq(S::u8s::splat(simd, u8::MISSING));
        let cost = missing.select(S::u8s::splat(simd, self.cost), higher - a.min(b));
        sum + differences::<S>(cost, S::u8s::splat(simd, 0))
    }
}

/// Whether [`differences`] leaves the sum of each eight bytes in one piece.
const SUMS_ARE_WHOLE: bool = cfg!(target_arch = "x86_64");

/// The absolute differences of the bytes, summed over each eight: in the lowest 16 bits of the word when `SUMS_ARE_WHOLE`, else
/// in four parts of 16 bits.
#[inline(always)]
fn differences<S: Simd>(a: S::u8s, b: S::u8s) -> S::u16s {
    #[cfg(target_arch = "x86_64")]
    if let Some(sums) = x86::differences::<S>(a, b) {
        return sums;
    }
    let parts = (a.max(b) - a.min(b)).pairwise_widening_add();
    if SUMS_ARE_WHOLE {
        whole::<S>(parts).bitcast()
    } else {
        parts
    }
}

/// [`differences`] in one instruction, which every level of this architecture has, but not the vectors that stand for all levels.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::any::Any;
    use std::arch::x86_64::{_mm_sad_epu8, _mm256_sad_epu8, _mm512_sad_epu8};

    use fearless_simd::{
        Avx2, Avx512, SimdInto, Sse2, Sse4_2, kernel, u8x16, u8x32, u8x64, u16x8, u16x16, u16x32,
    };

    use super::*;

    macro_rules! sums {
        ($name:ident, $level:ident, $bytes:ident, $sums:ident, $instruction:ident) => {
            kernel!(
                #[inline(always)]
                fn $name(level: $level, a: $bytes<$level>, b: $bytes<$level>) -> $sums<$level> {
                    $instruction(a.into(), b.into()).simd_into(level)
                }
            );
        };
    }
    sums!(sse2, Sse2, u8x16, u16x8, _mm_sad_epu8);
    sums!(sse4_2, Sse4_2, u8x16, u16x8, _mm_sad_epu8);
    sums!(avx2, Avx2, u8x32, u16x16, _mm256_sad_epu8);
    sums!(avx512, Avx512, u8x64, u16x32, _mm512_sad_epu8);

    /// The value, where its type is known by another name.
    #[inline(always)]
    fn known<A: Copy + 'static, B: Copy + 'static>(value: A) -> Option<B> {
        (&value as &dyn Any).downcast_ref().copied()
    }

    #[inline(always)]
    pub(super) fn differences<S: Simd>(a: S::u8s, b: S::u8s) -> Option<S::u16s> {
        macro_rules! at_level {
            ($name:ident, $bytes:ty) => {
                if let (Some(a), Some(b)) = (known::<_, $bytes>(a), known::<_, $bytes>(b)) {
                    return known($name(a.simd, a, b));
                }
            };
        }
        at_level!(avx512, u8x64<Avx512>);
        at_level!(avx2, u8x32<Avx2>);
        at_level!(sse4_2, u8x16<Sse4_2>);
        at_level!(sse2, u8x16<Sse2>);
        None
    }
}
