//! One series against as many of its length as a vector has lanes, one in each.
//!
//! No lane needs another, so nothing moves between them, and [`DEPTH`] rows at a time give the independent work that hides how
//! long a minimum and a sum take.

use fearless_simd::{Simd, SimdBase, dispatch};

use super::strip::{Cells, Column, Costs, DEPTH};
use super::{Level, Local, Word};

/// Series of one length side by side: sample `i` of each, then sample `i + 1` of each.
pub(in crate::dtw) struct Block<W> {
    level: Level,
    /// [`DEPTH`] samples of zero come before the first, and twice as many follow the last.
    samples: Vec<W>,
    length: usize,
    lanes: usize,
}

impl<W: Word> Block<W> {
    /// Series in a block of this level.
    pub(in crate::dtw) fn lanes(level: Level) -> usize {
        dispatch!(level.0, simd => lanes_of::<_, W>(simd))
    }

    /// The block of up to [`Block::lanes`] series, none of which is shorter than `length`. Lanes to spare repeat the last.
    pub(in crate::dtw) fn new(level: Level, series: &[&[W]], length: usize) -> Self {
        let lanes = Self::lanes(level);
        let mut samples = vec![W::ZERO; (length + 3 * DEPTH) * lanes];
        for lane in 0..lanes {
            let Some(values) = series.get(lane.min(series.len().saturating_sub(1))) else {
                continue;
            };
            let column = samples[DEPTH * lanes + lane..].iter_mut().step_by(lanes);
            for (sample, &value) in column.zip(&values[..length]) {
                *sample = value;
            }
        }
        Self {
            level,
            samples,
            length,
            lanes,
        }
    }

    fn of_samples(&self) -> &[W] {
        &self.samples[DEPTH * self.lanes..][..self.length * self.lanes]
    }
}

#[inline(always)]
fn lanes_of<S: Simd, W: Word>(_: S) -> usize {
    W::Vector::<S>::LEN
}

/// One series down, the block's across.
struct Across<'a, S: Simd, W: Word, M> {
    a: &'a [W],
    b: &'a [W],
    passing: &'a [W],
    metric: M,
    rows: Column<S, W>,
}

impl<S: Simd, W: Word, M: Local> Costs<S, W> for Across<'_, S, W, M> {
    #[inline(always)]
    fn begin(&mut self, simd: S, base: usize, count: usize, _column: usize) {
        self.rows = std::array::from_fn(|v| W::Vector::splat(simd, self.a[base + v.min(count - 1)]));
    }

    #[inline(always)]
    fn advance(&mut self, _: S, column: usize) {
        let lanes = W::Vector::<S>::LEN;
        self.passing = &self.b[column * lanes..][..2 * DEPTH * lanes];
    }

    #[inline(always)]
    fn at(&self, k: usize, v: usize) -> W::Vector<S> {
        let lanes = W::Vector::<S>::LEN;
        let simd = fearless_simd::ExtractToken::token(&self.rows[v]);
        let b = W::Vector::from_slice(simd, &self.passing[(DEPTH + k - v) * lanes..][..lanes]);
        self.metric.cost::<S, W>(self.rows[v], b)
    }
}

/// The distances of `a` to the series of `block`, which are as long, in the lanes of `out`; in a band of `radius`, if there is one.
///
/// A distance above `cutoff` may come out as [`Word::FAR`] instead.
pub(in crate::dtw) fn block_distances<W: Word, M: Local>(
    a: &[W],
    block: &Block<W>,
    metric: M,
    radius: Option<usize>,
    cutoff: W,
    out: &mut Vec<W>,
) {
    dispatch!(block.level.0, simd => distances(simd, a, block, metric, radius, cutoff, out))
}

#[inline(always)]
fn distances<S: Simd, W: Word, M: Local>(
    simd: S,
    a: &[W],
    block: &Block<W>,
    metric: M,
    radius: Option<usize>,
    cutoff: W,
    out: &mut Vec<W>,
) {
    let lanes = W::Vector::<S>::LEN;
    let far = W::Vector::<S>::splat(simd, W::FAR);
    let mut costs = Across {
        a,
        b: &block.samples,
        passing: &[],
        metric,
        rows: [far; DEPTH],
    };
    // The row above, behind DEPTH columns that are not.
    let mut edge = vec![W::FAR; (block.length + 3 * DEPTH) * lanes];
    edge[(DEPTH - 1) * lanes..DEPTH * lanes].fill(W::ZERO);
    for base in (0..a.len()).step_by(DEPTH) {
        let rows = DEPTH.min(a.len() - base);
        let least = rows_down(simd, &mut costs, base, rows, block.length, radius, &mut edge);
        edge[(DEPTH - 1) * lanes..DEPTH * lanes].fill(W::FAR);
        if least.as_slice().iter().all(|&least| least > cutoff) {
            out.clear();
            out.resize(lanes, W::FAR);
            return;
        }
    }
    out.clear();
    out.extend_from_slice(&edge[(DEPTH + block.length - 1) * lanes..][..lanes]);
}

/// Works out the `rows` rows from `base` on. `edge` is the row above before and the last of them after; returns what is least in it.
#[inline(always)]
fn rows_down<S: Simd, W: Word, M: Local>(
    simd: S,
    costs: &mut Across<'_, S, W, M>,
    base: usize,
    rows: usize,
    columns: usize,
    radius: Option<usize>,
    edge: &mut [W],
) -> W::Vector<S> {
    let lanes = W::Vector::<S>::LEN;
    let far = W::Vector::<S>::splat(simd, W::FAR);
    let radius = radius.unwrap_or(columns + rows);
    let column = base.saturating_sub(radius);
    let last = rows - 1;
    // Steps at which a row is inside the band.
    let from = |v: usize| (base + 2 * v).saturating_sub(radius + column);
    let to = |v: usize| base + 2 * v + radius - column;
    let steps = (columns - column + last).min(to(last) + 1);

    let mut even = Cells::<S, W>::new([far; DEPTH]);
    let mut odd = Cells::<S, W>::new([far; DEPTH]);
    let load = |edge: &[W], at: usize| W::Vector::from_slice(simd, &edge[at * lanes..][..lanes]);
    let mut diagonal = (load(edge, DEPTH + column - 1), far);
    let mut least = far;
    costs.begin(simd, base, rows, column);
    for first in (0..steps).step_by(DEPTH) {
        costs.advance(simd, column + first);
        let line = &mut edge[(DEPTH + column + first - last) * lanes..][..(last + DEPTH) * lanes];
        let inside = from(last) <= first && first + DEPTH - 1 <= to(0);
        for k in (0..DEPTH).step_by(2) {
            let above = (load(line, last + k), far);
            even.step::<_, false>(simd, &odd, diagonal, above, costs, k);
            if !inside {
                even.confine_rows(far, |v| (from(v)..=to(v)).contains(&(first + k)));
            }
            let bottom = even.vector(last);
            bottom.store_slice(&mut line[k * lanes..][..lanes]);
            if first + k >= last {
                least = W::lower::<S>(simd, least, bottom);
            }

            let k = k + 1;
            diagonal = (load(line, last + k), far);
            odd.step::<_, false>(simd, &even, above, diagonal, costs, k);
            if !inside {
                odd.confine_rows(far, |v| (from(v)..=to(v)).contains(&(first + k)));
            }
            let bottom = odd.vector(last);
            bottom.store_slice(&mut line[k * lanes..][..lanes]);
            if first + k >= last {
                least = W::lower::<S>(simd, least, bottom);
            }
        }
    }
    least
}

/// For each series of the block the sum of the costs to the nearest values between `lower` and `upper`, sample by sample: LB_Keogh.
pub(in crate::dtw) fn block_bounds<W: Word, M: Local>(
    block: &Block<W>,
    lower: &[W],
    upper: &[W],
    metric: M,
    out: &mut Vec<W>,
) {
    dispatch!(block.level.0, simd => bounds(simd, block, lower, upper, metric, out))
}

#[inline(always)]
fn bounds<S: Simd, W: Word, M: Local>(
    simd: S,
    block: &Block<W>,
    lower: &[W],
    upper: &[W],
    metric: M,
    out: &mut Vec<W>,
) {
    let lanes = W::Vector::<S>::LEN;
    let mut sum = W::Vector::<S>::splat(simd, W::ZERO);
    let samples = block.of_samples().chunks_exact(lanes);
    for ((sample, &lower), &upper) in samples.zip(lower).zip(upper) {
        let value = W::Vector::<S>::from_slice(simd, sample);
        let nearest = W::clamp::<S>(simd, value, lower, upper);
        sum += metric.cost::<S, W>(value, nearest);
    }
    out.extend_from_slice(sum.as_slice());
}
