//! One sample of levels at a time against a long reference of several channels.
//!
//! What [`AnchoredRow`](super::AnchoredRow) does for any local costs, for frames of levels of 8 bits: the reference is kept packed,
//! and local costs, steps and sums are worked out in vectors. The reference is cut into as many segments as a vector has
//! lanes, and vector `q` holds point `q` of each segment (Farrar 2007, "Striped Smith–Waterman"), so that the point before
//! is the same lane of the vector before. All sums are whole numbers: the row is the same at every [`Level`].

use fearless_simd::{Select, Simd, SimdBase, SimdMask, dispatch};

use super::simd::{Aligned, Gaps, MOST_CHANNELS, PACKED, PackedCosts, Present, Word, interleave, pack};
use super::{Frames, Level, Sample, Series};

/// The most reference points that a sample may move on.
const LONGEST_STEP: usize = 63;

/// Penalties from here on forbid a step.
const HIGHEST_PENALTY: u32 = 1 << 28;

/// Sums may grow to here before the least is subtracted from all.
const HIGHEST_LEAST: u64 = 1 << 29;

/// Vectors whose local costs are worked out side by side.
const GROUP: usize = 2;

/// An accumulated-cost row over a reference of levels, advanced by one sample at a time.
///
/// The local cost of two frames is the sum of the absolute differences of their channels, a channel that is missing on either side
/// ([`Sample::MISSING`]) costing a constant. Sums are kept relative to a common offset, and exact up to 2³¹ above the least; what
/// is above that counts as unreachable.
///
/// ```
/// use fin_core::dtw::{Frames, LevelRow};
///
/// let reference = [60, 10, 61, 20, 62, 30, 63, 40u8]; // two channels, four points
/// let mut row = LevelRow::new(Frames::new(&reference, 2)?, 9)?;
/// row.start_at(0, &[0]);
/// row.advance(&[60, 12], &[0, 0, 0])?; // 0, 1 or 2 points
/// row.advance(&[62, 255], &[0, 0, 0])?; // the second channel is missing
/// assert_eq!(row.best(), Some((2, 2 + 9)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct LevelRow {
    level: Level,
    lanes: usize,
    points: usize,
    channels: usize,
    /// Points of a lane.
    segment: usize,
    missing: u8,
    has_gaps: bool,
    /// For each [`GROUP`] of vectors and each word two vectors for each of the group, of the even lanes and of the odd.
    reference: Aligned<u64>,
    /// Vector `q`. What is not below [`Word::FAR`] is unreachable.
    costs: Aligned<u32>,
    /// Words of the sample.
    sample: Vec<u64>,
    /// What has been subtracted from all costs.
    offset: u64,
    /// A number that the least cost is not above, while there is one.
    ceiling: u64,
}

/// Why a row could not be made or advanced; in the latter case it is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LevelRowError {
    /// The sums of more channels would not stay exact.
    #[error("expected up to {MOST_CHANNELS} channels, got {0}")]
    TooManyChannels(usize),
    /// Samples have the channels of the reference.
    #[error("expected a sample of {expected} channels, as the reference has, got {got}")]
    Channels {
        /// Channels of the reference.
        expected: usize,
        /// Channels of the sample.
        got: usize,
    },
    /// A path has to be able to move on by something, and steps are bounded.
    #[error("expected 1 to 64 step penalties, got {0}")]
    Penalties(usize),
}

impl LevelRow {
    /// A row over `reference` that no path has reached yet; a missing channel costs `missing`.
    ///
    /// Fails when there are more than 256 channels.
    pub fn new(reference: Frames<'_, u8>, missing: u8) -> Result<Self, LevelRowError> {
        Self::at_level(Level::detect(), reference, missing)
    }

    /// As [`LevelRow::new`], with the vectors of `level`.
    pub fn at_level(level: Level, reference: Frames<'_, u8>, missing: u8) -> Result<Self, LevelRowError> {
        let channels = reference.channels();
        if channels > MOST_CHANNELS {
            return Err(LevelRowError::TooManyChannels(channels));
        }
        let lanes = dispatch!(level.0, simd => lanes_of(simd));
        let points = reference.len();
        let segment = points
            .div_ceil(lanes)
            .max(LONGEST_STEP + 1)
            .next_multiple_of(GROUP);
        let width = channels.div_ceil(PACKED);
        let mut row = Self {
            level,
            lanes,
            points,
            channels,
            segment,
            missing,
            has_gaps: false,
            reference: Aligned::new(0, segment * width * lanes),
            costs: Aligned::new(u32::FAR, segment * lanes),
            sample: Vec::with_capacity(width),
            offset: 0,
            ceiling: 0,
        };
        for point in 0..points {
            let frame = reference.at(point);
            row.has_gaps |= frame.iter().any(|value| value.is_missing());
            let (q, lane) = row.place(point);
            for (word, packed) in pack(frame).enumerate() {
                let vector = (q / GROUP * width + word) * GROUP + q % GROUP;
                row.reference[vector * lanes + lane % 2 * (lanes / 2) + lane / 2] = packed;
            }
        }
        Ok(row)
    }

    /// Vector and lane of a point. Segments are in descending lanes, so that lanes move on by one towards the first.
    fn place(&self, point: usize) -> (usize, usize) {
        (point % self.segment, self.lanes - 1 - point / self.segment)
    }

    /// Puts the path before the first sample near `anchor`: at a distance of `d` points to either side at the cost `spread[d]`,
    /// and nowhere else.
    pub fn start_at(&mut self, anchor: usize, spread: &[u32]) {
        self.costs.fill(u32::FAR);
        self.offset = 0;
        self.ceiling = 0;
        let first = anchor.saturating_sub(spread.len().saturating_sub(1));
        let behind = anchor.saturating_add(spread.len()).min(self.points);
        for point in first..behind {
            if let Some(&cost) = spread.get(point.abs_diff(anchor)) {
                let (q, lane) = self.place(point);
                self.costs[q * self.lanes + lane] = cost.min(u32::FAR);
                self.ceiling = self.ceiling.max(u64::from(cost));
            }
        }
    }

    /// Lets the path begin at every point at no cost.
    pub fn start_anywhere(&mut self) {
        self.costs.fill(0);
        self.offset = 0;
        self.ceiling = 0;
        for behind in self.points..self.segment * self.lanes {
            let (q, lane) = self.place(behind);
            self.costs[q * self.lanes + lane] = u32::FAR;
        }
    }

    /// Carries the row on by one sample, when moving on by `k` points costs `penalties[k]`.
    ///
    /// As [`AnchoredRow::advance`](super::AnchoredRow::advance): `D'[j] = c(j) + min_k (D[j − k] + penalties[k])`. A penalty from
    /// 2²⁸ on forbids the step. Allocates nothing after the first sample. Fails when the sample has other channels, or when
    /// there is no penalty or more than 64.
    pub fn advance(&mut self, sample: &[u8], penalties: &[u32]) -> Result<(), LevelRowError> {
        if penalties.is_empty() || penalties.len() > LONGEST_STEP + 1 {
            return Err(LevelRowError::Penalties(penalties.len()));
        }
        let gaps = self.take(sample)?;
        let highest = penalties
            .iter()
            .copied()
            .filter(|&penalty| penalty < HIGHEST_PENALTY);
        self.make_room(highest.max().unwrap_or(0));
        let cost = self.missing;
        if gaps {
            dispatch!(self.level.0, simd => stride(simd, self, Gaps { cost }, penalties));
        } else {
            dispatch!(self.level.0, simd => stride(simd, self, Present, penalties));
        }
        Ok(())
    }

    /// Carries the row on by one sample with the steps of [`StepPattern::Symmetric1`](super::StepPattern::Symmetric1), which may
    /// move on by any number of points that all cost: `D'[j] = c(j) + min(D[j − 1], D'[j − 1], D[j])`.
    ///
    /// This is the update of a stream in SPRING (Sakurai, Faloutsos and Yamamuro 2007). Fails when the sample has other channels.
    pub fn advance_freely(&mut self, sample: &[u8]) -> Result<(), LevelRowError> {
        let gaps = self.take(sample)?;
        self.make_room(0);
        let cost = self.missing;
        if gaps {
            dispatch!(self.level.0, simd => flow(simd, self, Gaps { cost }));
        } else {
            dispatch!(self.level.0, simd => flow(simd, self, Present));
        }
        Ok(())
    }

    /// Packs the sample; whether a level is missing on either side.
    fn take(&mut self, sample: &[u8]) -> Result<bool, LevelRowError> {
        if sample.len() != self.channels {
            return Err(LevelRowError::Channels {
                expected: self.channels,
                got: sample.len(),
            });
        }
        self.sample.clear();
        self.sample.extend(pack(sample));
        Ok(self.has_gaps || sample.iter().any(|value| value.is_missing()))
    }

    /// Keeps the least cost far from the largest number.
    fn make_room(&mut self, penalty: u32) {
        self.ceiling += u64::from(penalty) + self.channels as u64 * u64::from(u8::MAX);
        if self.ceiling < HIGHEST_LEAST {
            return;
        }
        let least = dispatch!(self.level.0, simd => least(simd, self));
        let subtracted = if least < u32::FAR { least } else { 0 };
        for cost in &mut self.costs[..] {
            *cost = if *cost < u32::FAR {
                // What lies behind the reference may be lower.
                cost.saturating_sub(subtracted)
            } else {
                u32::FAR
            };
        }
        if least < u32::FAR {
            self.offset += u64::from(least);
            self.ceiling = u64::from(penalty) + self.channels as u64 * u64::from(u8::MAX);
        }
    }

    /// The reference point of least cost and that cost; the first of equals, `None` when no point is reachable.
    pub fn best(&self) -> Option<(usize, u64)> {
        let least = dispatch!(self.level.0, simd => least(simd, self));
        if least >= u32::FAR {
            return None;
        }
        let vectors = self.costs.chunks_exact(self.lanes).enumerate();
        vectors
            .filter(|(_, costs)| costs.iter().fold(false, |any, &cost| any | (cost == least)))
            .flat_map(|(q, costs)| {
                let lanes = costs.iter().enumerate().filter(|&(_, &cost)| cost == least);
                lanes.map(move |(lane, _)| (self.lanes - 1 - lane) * self.segment + q)
            })
            .filter(|&point| point < self.points)
            .min()
            .map(|point| (point, self.offset + u64::from(least)))
    }

    /// The accumulated cost of each reference point, `None` where no path is.
    pub fn costs(&self) -> impl Iterator<Item = Option<u64>> {
        (0..self.points).map(|point| {
            let (q, lane) = self.place(point);
            let cost = self.costs[q * self.lanes + lane];
            (cost < u32::FAR).then_some(self.offset + u64::from(cost))
        })
    }
}

#[inline(always)]
fn lanes_of<S: Simd>(_: S) -> usize {
    S::u32s::LEN
}

#[inline(always)]
fn load<S: Simd>(simd: S, vectors: &[u32], at: usize) -> S::u32s {
    let lanes = S::u32s::LEN;
    S::u32s::from_slice(simd, &vectors[at * lanes..][..lanes])
}

#[inline(always)]
fn store<S: Simd>(vector: S::u32s, vectors: &mut [u32], at: usize) {
    let lanes = S::u32s::LEN;
    vector.store_slice(&mut vectors[at * lanes..][..lanes]);
}

/// The local costs of the points of a group, of which `frames` are the words.
#[inline(always)]
fn local_costs<S: Simd, H: PackedCosts>(
    simd: S,
    costs: H,
    sample: &[u64],
    frames: &[u64],
) -> [S::u32s; GROUP] {
    let pairs = S::u64s::LEN;
    let mut even = [S::u16s::splat(simd, 0); GROUP];
    let mut odd = even;
    for (&word, vectors) in sample.iter().zip(frames.chunks_exact(2 * GROUP * pairs)) {
        let word = S::u64s::splat(simd, word);
        for i in 0..GROUP {
            let vectors = &vectors[2 * i * pairs..][..2 * pairs];
            even[i] = costs.add(simd, even[i], word, S::u64s::from_slice(simd, &vectors[..pairs]));
            odd[i] = costs.add(simd, odd[i], word, S::u64s::from_slice(simd, &vectors[pairs..]));
        }
    }
    let mut all = [S::u32s::splat(simd, 0); GROUP];
    for i in 0..GROUP {
        all[i] = interleave::<S>(even[i], odd[i]);
    }
    all
}

#[inline(always)]
fn least<S: Simd>(simd: S, row: &LevelRow) -> u32 {
    let far = S::u32s::splat(simd, u32::FAR);
    // What lies behind the reference in the first lane is no point.
    let lanes = S::u32s::LEN;
    let point = |lane: usize, q: usize| (lanes - 1 - lane) * row.segment + q < row.points;
    (0..row.segment)
        .fold(far, |least, q| {
            let vector = load(simd, &row.costs, q);
            if point(0, q) {
                return u32::lower::<S>(simd, least, vector);
            }
            let is_point = S::u32s::from_fn(simd, |lane| u32::from(point(lane, q)));
            let points = is_point.simd_eq(S::u32s::splat(simd, 1)).select(vector, far);
            u32::lower::<S>(simd, least, points)
        })
        .reduce_min()
}

/// [`LevelRow::advance`].
#[inline(always)]
fn stride<S: Simd, H: PackedCosts>(simd: S, row: &mut LevelRow, costs: H, penalties: &[u32]) {
    let far = S::u32s::splat(simd, u32::FAR);
    let segment = row.segment;
    // The first vectors need the ends of the segments before, which the others overwrite.
    let wrapped = penalties.len() - 1;
    let mut first = [far; LONGEST_STEP];
    let words = row.sample.len() * GROUP * S::u32s::LEN;
    for group in (0..segment / GROUP).rev() {
        let frames = &row.reference[group * words..][..words];
        let locals = local_costs(simd, costs, &row.sample, frames);
        for i in (0..GROUP).rev() {
            let q = group * GROUP + i;
            let mut best = far;
            for (k, &penalty) in penalties.iter().enumerate() {
                if penalty < HIGHEST_PENALTY {
                    let from = if k <= q {
                        load(simd, &row.costs, q - k)
                    } else {
                        first[k - q - 1]
                    };
                    best = u32::lower::<S>(simd, best, from + S::u32s::splat(simd, penalty));
                }
            }
            if q + wrapped >= segment {
                // Kept as it was: distance to the segment's end, minus one, is its place.
                first[segment - 1 - q] = load(simd, &row.costs, q).slide::<1>(far);
            }
            store::<S>(best + locals[i], &mut row.costs, q);
        }
    }
}

/// [`LevelRow::advance_freely`].
#[inline(always)]
fn flow<S: Simd, H: PackedCosts>(simd: S, row: &mut LevelRow, costs: H) {
    let far = S::u32s::splat(simd, u32::FAR);
    let (lanes, sample) = (S::u32s::LEN, &row.sample[..]);
    let words = sample.len() * GROUP * lanes;
    let mut before = load(simd, &row.costs, row.segment - 1).slide::<1>(far);
    let mut left = far;
    let frames = row.reference.chunks_exact(words);
    for (cells, frames) in row.costs.chunks_exact_mut(GROUP * lanes).zip(frames) {
        let locals = local_costs(simd, costs, sample, frames);
        for (i, &local) in locals.iter().enumerate() {
            let above = load(simd, cells, i);
            let others = u32::lower::<S>(simd, above, before);
            left = u32::lower::<S>(simd, others, left) + local;
            before = above;
            store::<S>(left, cells, i);
        }
    }
    // What comes into a segment from the one before was not known; it is carried on for as long as it is lower.
    loop {
        left = left.slide::<1>(far);
        let frames = row.reference.chunks_exact(words);
        for (cells, frames) in row.costs.chunks_exact_mut(GROUP * lanes).zip(frames) {
            let locals = local_costs(simd, costs, sample, frames);
            for (i, &local) in locals.iter().enumerate() {
                let cell = load(simd, cells, i);
                let entering = left + local;
                if !entering.simd_lt(cell).any_true() {
                    return;
                }
                left = u32::lower::<S>(simd, cell, entering);
                store::<S>(left, cells, i);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtw::{AbsoluteDifference, AnchoredRow, Metric, Missing, WithMissing};
    use proptest::prelude::*;

    type Scene = (usize, Vec<u8>, Vec<Vec<u8>>, u8);

    /// Channels, reference, samples and what a missing channel costs.
    fn scene() -> impl Strategy<Value = Scene> {
        let level = || prop_oneof![6 => 20..40u8, 1 => any::<u8>(), 1 => Just(u8::MISSING)];
        (1..10usize, 1..300usize, 0..6usize).prop_flat_map(move |(channels, points, samples)| {
            let frames = |count| prop::collection::vec(level(), count * channels);
            let samples = prop::collection::vec(prop::collection::vec(level(), channels), samples);
            (Just(channels), frames(points), samples, any::<u8>())
        })
    }

    fn local_costs((channels, reference, _, missing): &Scene, sample: &[u8]) -> Vec<u32> {
        let metric = WithMissing {
            metric: AbsoluteDifference,
            missing: Missing::Costs(u32::from(*missing)),
        };
        reference
            .chunks(*channels)
            .map(|frame| metric.cost(sample, frame))
            .collect()
    }

    fn rows(scene: &Scene) -> Vec<LevelRow> {
        let frames = Frames::new(&scene.1, scene.0).expect("whole frames");
        let row = |level| LevelRow::at_level(level, frames, scene.3).expect("few channels");
        Level::available().into_iter().map(row).collect()
    }

    fn costs(row: &LevelRow) -> Vec<u32> {
        row.costs()
            .map(|cost| cost.map_or(u32::MAX, |cost| cost as u32))
            .collect()
    }

    proptest! {
        #[test]
        fn bounded_steps_are_those_of_the_anchored_row(
            scene in scene(),
            anchor in 0..300usize,
            spread in prop::collection::vec(0..50u32, 1..60),
            penalties in prop::collection::vec(prop_oneof![9 => 0..40u32, 1 => Just(u32::MAX)], 1..=64),
        ) {
            let points = scene.1.len() / scene.0;
            let anchor = anchor % points;
            for mut row in rows(&scene) {
                let mut expected = AnchoredRow::start(points, anchor, &spread).expect("on the row");
                row.start_at(anchor, &spread);
                for sample in &scene.2 {
                    row.advance(sample, &penalties).expect("the reference's channels");
                    expected.advance(&local_costs(&scene, sample), &penalties).expect("one cost per point");
                    prop_assert_eq!(costs(&row), expected.costs(), "{:?}", row.level);
                    prop_assert_eq!(row.best(), expected.best().map(|(point, cost)| (point, u64::from(cost))));
                }
            }
        }

        #[test]
        fn free_steps_are_those_of_symmetric1(scene in scene(), anchored in any::<bool>()) {
            let points = scene.1.len() / scene.0;
            for mut row in rows(&scene) {
                let mut above = vec![0u32; points];
                if anchored {
                    above[1..].fill(u32::MAX);
                    row.start_at(0, &[0]);
                } else {
                    row.start_anywhere();
                }
                for sample in &scene.2 {
                    row.advance_freely(sample).expect("the reference's channels");
                    let mut left = u32::MAX;
                    let mut diagonal = u32::MAX;
                    for (cell, cost) in above.iter_mut().zip(local_costs(&scene, sample)) {
                        left = left.min(diagonal).min(*cell).saturating_add(cost);
                        diagonal = std::mem::replace(cell, left);
                    }
                    prop_assert_eq!(costs(&row), &above[..], "{:?}", row.level);
                }
            }
        }
    }

    #[test]
    fn a_row_that_lives_long_keeps_its_differences() {
        let reference: Vec<u8> = (0..200).map(|point| (point * 7 % 90) as u8).collect();
        let frames = Frames::new(&reference, 1).expect("one channel");
        let mut row = LevelRow::new(frames, 0).expect("one channel");
        row.start_anywhere();
        row.ceiling = HIGHEST_LEAST;
        row.advance_freely(&[200]).expect("one channel");
        row.ceiling = HIGHEST_LEAST;
        row.advance_freely(&[200]).expect("one channel");
        let mut fresh = LevelRow::new(frames, 0).expect("one channel");
        fresh.start_anywhere();
        fresh.advance_freely(&[200]).expect("one channel");
        fresh.advance_freely(&[200]).expect("one channel");
        assert!(row.offset > 0);
        assert_eq!(costs(&row), costs(&fresh));
    }

    /// Room was once made for what lies behind the reference, where costs may stay low for ever.
    #[test]
    fn room_is_made_for_the_reference() {
        let reference = [200; 100];
        let frames = Frames::new(&reference, 1).expect("one channel");
        let mut row = LevelRow::new(frames, 0).expect("one channel");
        row.start_anywhere();
        for _ in 0..3 {
            row.advance_freely(&[0]).expect("one channel");
        }
        row.ceiling = HIGHEST_LEAST;
        row.advance_freely(&[0]).expect("one channel");
        assert_eq!((row.offset, row.best()), (600, Some((0, 800))));
        row.start_at(3, &[0]);
        row.ceiling = HIGHEST_LEAST;
        row.advance(&[0], &[0]).expect("one channel");
        assert_eq!(costs(&row)[2..5], [u32::MAX, 200, u32::MAX]);
    }

    #[test]
    fn bad_input_is_refused() {
        let wide = [0; 257];
        let wide = Frames::new(&wide, 257).expect("one frame");
        assert_eq!(
            LevelRow::new(wide, 0).err(),
            Some(LevelRowError::TooManyChannels(257))
        );
        let mut row = LevelRow::new(Frames::new(&[1, 2], 1).expect("one channel"), 0).expect("one channel");
        assert_eq!(
            row.advance(&[1, 2], &[0]),
            Err(LevelRowError::Channels { expected: 1, got: 2 })
        );
        assert_eq!(row.advance(&[1], &[]), Err(LevelRowError::Penalties(0)));
        assert_eq!(row.best(), None);
    }
}
