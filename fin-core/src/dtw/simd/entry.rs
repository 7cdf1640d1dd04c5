//! From series and constraints to the kernel for them, where there is one and its answer is that of the specification.

use super::{
    Block, Gaps, Level, Local, MOST_CHANNELS, Matrix, PACKED, Present, Word, block_distances,
    distance_of_words, frames_subsequence, levels_subsequence, matrix, open_end, pack, subsequence,
};
use crate::dtw::{Constraints, Match, Missing, Sample, Series, StepPattern, WarpingPath};

/// A sample that a kernel can read.
pub(in crate::dtw) trait Lane: Sample {
    /// What it is in a lane.
    type Word: Word;

    /// The lane's value.
    fn word(self) -> Self::Word;

    /// Whether it is a number of which only the specification knows what becomes.
    fn is_finite(self) -> bool;

    /// Whether the costs of a path of so many cells fit, when the largest of two levels is `largest`.
    fn fits(cells: usize, largest: u64) -> bool;
}

macro_rules! float_lane {
    ($float:ty) => {
        impl Lane for $float {
            type Word = $float;

            #[inline]
            fn word(self) -> $float {
                self
            }

            #[inline]
            fn is_finite(self) -> bool {
                <$float>::is_finite(self)
            }

            fn fits(cells: usize, _: u64) -> bool {
                cells < <$float>::LARGEST_COUNT
            }
        }
    };
}
float_lane!(f32);
float_lane!(f64);

impl Lane for u8 {
    type Word = u32;

    #[inline]
    fn word(self) -> u32 {
        u32::from(self)
    }

    #[inline]
    fn is_finite(self) -> bool {
        true
    }

    fn fits(cells: usize, largest: u64) -> bool {
        (cells as u64).saturating_mul(largest) < u64::from(u32::FAR)
    }
}

/// The cells of the longest path, with those that a strip adds at its ends.
fn longest_path(n: usize, m: usize) -> usize {
    const STRIPS: usize = 512;
    n.saturating_add(m).saturating_add(STRIPS)
}

fn words<A>(series: A) -> Option<Vec<<A::Sample as Lane>::Word>>
where
    A: Series,
    A::Sample: Lane,
{
    let samples = || (0..series.len()).map(|index| series.at(index));
    samples()
        .fold(true, |finite, sample| finite & sample.is_finite())
        .then(|| samples().map(Lane::word).collect())
}

/// Both series as words, `None` where no kernel may read them.
#[allow(clippy::type_complexity)]
fn both<A, B, M: Local>(
    a: A,
    b: B,
) -> Option<(Vec<<A::Sample as Lane>::Word>, Vec<<A::Sample as Lane>::Word>)>
where
    A: Series,
    B: Series<Sample = A::Sample>,
    A::Sample: Lane,
{
    let fits = A::Sample::fits(longest_path(a.len(), b.len()), M::LARGEST_OF_LEVELS);
    if a.is_empty() || b.is_empty() || !fits {
        return None;
    }
    Some((words(a)?, words(b)?))
}

/// What [`scalar::symmetric1`](crate::dtw::scalar::symmetric1) returns; the outer `None` says that there is no kernel.
pub(in crate::dtw) fn distance<A, B, M>(
    metric: M,
    level: Level,
    a: A,
    b: B,
    radius: Option<usize>,
) -> Option<Option<<A::Sample as Lane>::Word>>
where
    A: Series,
    B: Series<Sample = A::Sample>,
    A::Sample: Lane,
    M: Local,
{
    let (a, b) = both::<A, B, M>(a, b)?;
    Some(distance_of_words(level, &a, &b, metric, radius))
}

/// What [`scalar::align`](crate::dtw::scalar::align) returns; the outer `None` says that there is no kernel.
pub(in crate::dtw) fn align<A, B, M>(
    metric: M,
    level: Level,
    a: A,
    b: B,
    constraints: &Constraints,
) -> Option<Option<Match<<A::Sample as Lane>::Word>>>
where
    A: Series,
    B: Series<Sample = A::Sample>,
    A::Sample: Lane,
    M: Local,
{
    let Constraints {
        pattern: StepPattern::Symmetric1,
        radius,
        open_begin,
        open_end: ends,
    } = *constraints
    else {
        return None;
    };
    match (radius, open_begin, ends) {
        (_, false, false) => {
            let (a, b) = both::<A, B, M>(a, b)?;
            Some(
                distance_of_words(level, &a, &b, metric, radius).map(|distance| Match {
                    distance,
                    start: 0,
                    end: b.len() - 1,
                }),
            )
        }
        (None, false, true) => {
            let (a, b) = both::<A, B, M>(a, b)?;
            Some(open_end(level, &a, &b, metric))
        }
        (None, true, true) => {
            let (a, b) = both::<A, B, M>(a, b)?;
            Some(subsequence(level, &a, &b, metric))
        }
        _ => None,
    }
}

/// Cells of which the accumulated costs are kept to find a path: 64 MiB of single precision.
const MOST_KEPT: usize = 1 << 24;

/// What [`warping_path`](crate::dtw::warping_path) returns; the outer `None` says that there is no kernel.
/// `memory` is used for the matrix and given back.
pub(in crate::dtw) fn path<A, B, M>(
    metric: M,
    level: Level,
    a: A,
    b: B,
    constraints: &Constraints,
    memory: &mut Vec<<A::Sample as Lane>::Word>,
) -> Option<Option<WarpingPath<<A::Sample as Lane>::Word>>>
where
    A: Series,
    B: Series<Sample = A::Sample>,
    A::Sample: Lane,
    M: Local,
{
    if *constraints != Constraints::default() || a.len().saturating_mul(b.len()) > MOST_KEPT {
        return None;
    }
    let (a, b) = both::<A, B, M>(a, b)?;
    let costs = matrix(level, &a, &b, metric, std::mem::take(memory));
    let path = walk_back(&costs, a.len(), b.len(), constraints);
    *memory = costs.into_cells();
    Some(path)
}

/// The path from the last cell to the first, by the steps of the specification in their order.
fn walk_back<W: Word>(
    costs: &Matrix<W>,
    n: usize,
    m: usize,
    constraints: &Constraints,
) -> Option<WarpingPath<W>> {
    let (mut i, mut j) = (n - 1, m - 1);
    let distance = costs.at(i, j);
    let far = W::FAR;
    if !distance.lt(&far) {
        return None;
    }
    let matched = Match {
        distance,
        start: 0,
        end: j,
    };
    let mut cells = Vec::with_capacity(n + m);
    cells.push((i, j));
    while (i, j) != (0, 0) {
        let mut least = far;
        let mut before = (i, j);
        for step in constraints.pattern.steps() {
            if step.query <= i && step.reference <= j {
                let from = (i - step.query, j - step.reference);
                let cost = costs.at(from.0, from.1);
                if cost < least {
                    (least, before) = (cost, from);
                }
            }
        }
        (i, j) = before;
        cells.push(before);
    }
    cells.reverse();
    Some(WarpingPath { matched, cells })
}

/// The distances of all pairs of series of one length, each pair once, in the order (0, 1), (0, 2), … (1, 2), …; the outer `None`
/// says that there is no kernel.
pub(in crate::dtw) fn pairwise<S: Lane, M: Local>(
    metric: M,
    level: Level,
    series: &[&[S]],
    radius: Option<usize>,
) -> Option<Vec<Option<S::Word>>> {
    let length = series.first()?.len();
    let fits = S::fits(longest_path(length, length), M::LARGEST_OF_LEVELS);
    if length == 0 || !fits || series.iter().any(|one| one.len() != length) {
        return None;
    }
    let words: Vec<Vec<S::Word>> = series.iter().map(|one| words(*one)).collect::<Option<_>>()?;
    let words: Vec<&[S::Word]> = words.iter().map(Vec::as_slice).collect();
    let lanes = Block::<S::Word>::lanes(level);
    let blocks: Vec<Block<S::Word>> = words
        .chunks(lanes)
        .map(|group| Block::new(level, group, length))
        .collect();
    let far = S::Word::FAR;
    let mut all = Vec::with_capacity(words.len() * words.len().saturating_sub(1) / 2);
    let mut distances = Vec::new();
    for (index, one) in words.iter().enumerate() {
        let first = index + 1;
        for (at, block) in blocks.iter().enumerate().skip(first / lanes) {
            block_distances(one, block, metric, radius, far, &mut distances);
            let begin = first.saturating_sub(at * lanes);
            let end = lanes.min(words.len() - at * lanes);
            let wanted = distances.get(begin..end).unwrap_or_default();
            all.extend(
                wanted
                    .iter()
                    .map(|&distance| (distance < far).then_some(distance)),
            );
        }
    }
    Some(all)
}

/// Whether both ends are open and nothing else is asked for.
fn is_subsequence(constraints: &Constraints) -> bool {
    *constraints
        == Constraints {
            open_begin: true,
            open_end: true,
            ..Constraints::default()
        }
}

/// The channels of every frame, `None` when the frames differ in number or there is none.
fn width<'a, S: 'a>(series: impl Series<Sample = &'a [S]>) -> Option<usize> {
    let frame = |index: usize| -> &'a [S] { series.at(index) };
    let width = (!series.is_empty()).then(|| frame(0).len())?;
    (width > 0 && (0..series.len()).all(|index| frame(index).len() == width)).then_some(width)
}

/// As [`align`], for frames of numbers of which none is missing.
pub(in crate::dtw) fn align_frames<'a, S, A, B, M>(
    metric: M,
    level: Level,
    a: A,
    b: B,
    constraints: &Constraints,
) -> Option<Option<Match<S::Word>>>
where
    S: Lane + 'a,
    A: Series<Sample = &'a [S]>,
    B: Series<Sample = &'a [S]>,
    M: Local,
{
    let channels = width(a)?;
    let fits = S::fits(
        longest_path(a.len(), b.len()),
        M::LARGEST_OF_LEVELS.saturating_mul(channels as u64),
    );
    if !is_subsequence(constraints) || width(b)? != channels || !fits {
        return None;
    }
    let is_whole = |frame: &'a [S]| {
        let whole = |value: &S| value.is_finite() & !value.is_missing();
        frame.iter().fold(true, |all, value| all & whole(value))
    };
    if !frames(a).chain(frames(b)).all(is_whole) {
        return None;
    }
    let a: Vec<S::Word> = frames(a).flatten().map(|value| value.word()).collect();
    let b = frames(b).map(|frame| frame.iter().map(|value| value.word()));
    Some(frames_subsequence(level, &a, b, channels, metric))
}

/// The frames of a series.
fn frames<'a, S: 'a>(series: impl Series<Sample = &'a [S]>) -> impl ExactSizeIterator<Item = &'a [S]> {
    (0..series.len()).map(move |index| series.at(index))
}

/// As [`align_frames`], for absolute differences of levels, of which some may be missing.
pub(in crate::dtw) fn align_levels<'a, A, B>(
    level: Level,
    a: A,
    b: B,
    missing: Missing<u32>,
    constraints: &Constraints,
) -> Option<Option<Match<u32>>>
where
    A: Series<Sample = &'a [u8]>,
    B: Series<Sample = &'a [u8]>,
{
    let channels = width(a)?;
    let largest = channels as u64 * u64::from(u8::MAX);
    let fits = u8::fits(longest_path(a.len(), b.len()), largest);
    if !is_subsequence(constraints) || width(b)? != channels || channels > MOST_CHANNELS || !fits {
        return None;
    }
    let has_missing = |frame: &[u8]| {
        frame
            .iter()
            .fold(false, |missing, value| missing | value.is_missing())
    };
    let missing = match missing {
        _ if !frames(a).chain(frames(b)).any(has_missing) => None,
        Missing::Costs(cost) => Some(u8::try_from(cost).ok()?),
        Missing::LeftOut => return None,
    };
    let a: Vec<u64> = frames(a).flat_map(pack).collect();
    let b = frames(b).map(pack);
    let width = channels.div_ceil(PACKED);
    Some(match missing {
        None => levels_subsequence(level, &a, b, width, Present),
        Some(cost) => levels_subsequence(level, &a, b, width, Gaps { cost }),
    })
}
