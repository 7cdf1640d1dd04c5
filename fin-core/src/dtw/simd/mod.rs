//! The same alignments as [`scalar`](super::scalar), in vectors.
//!
//! Every kernel does in each lane what the specification does in each cell, in the same order, so that its answers are the same
//! bits at every [`Level`]. Costs are not negative and inputs that could make one that is not a number are left to the
//! specification; among the numbers that remain the order of a minimum's arguments does not matter.

mod aligned;
mod batch;
pub(super) mod entry;
mod level;
mod levels;
mod series;
mod strip;
mod word;

#[cfg(test)]
mod tests;

use fearless_simd::{Simd, SimdBase, dispatch};

pub(super) use aligned::Aligned;
pub(super) use batch::{Block, block_bounds, block_distances};
pub use level::Level;
pub(super) use levels::{Gaps, MOST_CHANNELS, PACKED, PackedCosts, Present, interleave, pack};
#[expect(
    unreachable_pub,
    reason = "bounds of a public type, not to be implemented outside"
)]
pub use word::{Local, Word};

use super::Match;
use series::{Framed, Leveled, Plain};
use strip::{Bottom, Column, Costs, DEPTH, Keep, Nothing, Task, bottom_row, height};

/// The distance of two series of one number per sample; finite, and none empty.
pub(super) fn distance_of_words<W: Word, M: Local>(
    level: Level,
    a: &[W],
    b: &[W],
    metric: M,
    radius: Option<usize>,
) -> Option<W> {
    // Longer rows waste less at the ends of a strip, and exchanging the series changes no bit.
    let (a, b) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let task = Task {
        rows: a.len(),
        first: 0,
        columns: b.len(),
        band: radius
            .filter(|&radius| radius < b.len())
            .map(|radius| (radius, radius + b.len() - a.len())),
        open_begin: false,
    };
    dispatch!(level.0, simd => {
        let b = with_overhang::<_, W>(simd, b, 1);
        let mut costs = Plain::new(simd, a, &b, metric);
        let bottom = bottom_row::<_, W, _, _, false>(simd, &mut costs, task, &mut Nothing);
        last(&bottom)
    })
}

fn last<W: Word>(bottom: &Bottom<W>) -> Option<W> {
    bottom.costs().last().copied().filter(|&cost| cost < W::FAR)
}

/// The beginning of `b` that is nearest to `a`.
pub(super) fn open_end<W: Word, M: Local>(level: Level, a: &[W], b: &[W], metric: M) -> Option<Match<W>> {
    dispatch!(level.0, simd => {
        let overhung = with_overhang::<_, W>(simd, b, 1);
        let mut costs = Plain::new(simd, a, &overhung, metric);
        let task = Task { rows: a.len(), first: 0, columns: b.len(), band: None, open_begin: false };
        let bottom = bottom_row::<_, W, _, _, false>(simd, &mut costs, task, &mut Nothing);
        nearest(bottom.costs()).map(|(end, distance)| Match { distance, start: 0, end })
    })
}

/// The part of `b` that is nearest to `a`.
pub(super) fn subsequence<W: Word, M: Local>(level: Level, a: &[W], b: &[W], metric: M) -> Option<Match<W>> {
    dispatch!(level.0, simd => {
        let overhung = with_overhang::<_, W>(simd, b, 1);
        let costs = Plain::new(simd, a, &overhung, metric);
        part(simd, costs, a.len(), b.len())
    })
}

/// The part of `b` that is nearest to `a`, for frames of `width` channels, all finite.
pub(super) fn frames_subsequence<W: Word, M: Local, F: Iterator<Item = W>>(
    level: Level,
    a: &[W],
    b: impl ExactSizeIterator<Item = F>,
    width: usize,
    metric: M,
) -> Option<Match<W>> {
    let (n, m) = (a.len() / width, b.len());
    dispatch!(level.0, simd => part(simd, Framed::new(simd, a, b, width, metric), n, m))
}

/// The part of `b` that is nearest to `a`, for packed levels of `width` words per frame.
pub(super) fn levels_subsequence<H: PackedCosts, F: Iterator<Item = u64>>(
    level: Level,
    a: &[u64],
    b: impl ExactSizeIterator<Item = F>,
    width: usize,
    costs: H,
) -> Option<Match<u32>> {
    let (n, m) = (a.len() / width, b.len());
    dispatch!(level.0, simd => part(simd, Leveled::new(simd, a, b, width, costs), n, m))
}

#[inline(always)]
fn part<S: Simd, W: Word, C: Costs<S, W>>(simd: S, mut costs: C, n: usize, m: usize) -> Option<Match<W>> {
    let whole = Task {
        rows: n,
        first: 0,
        columns: m,
        band: None,
        open_begin: true,
    };
    let bottom = bottom_row::<S, W, C, _, false>(simd, &mut costs, whole, &mut Nothing);
    let (end, distance) = nearest(bottom.costs())?;
    // Where the path begins is found out only now, from as many columns before its end as it takes: with what lies before them
    // underrated, a path that begins among them all the same is that of the whole matrix.
    let height = height::<S, W>();
    let mut reach = 2 * n + height;
    loop {
        let first = end.saturating_sub(reach) / DEPTH * DEPTH;
        let task = Task {
            first: if first < height { 0 } else { first },
            columns: end + 1,
            ..whole
        };
        let bottom = bottom_row::<S, W, C, _, true>(simd, &mut costs, task, &mut Nothing);
        let start = bottom.starts()[end - task.first].to_count();
        if start >= task.first {
            return Some(Match { distance, start, end });
        }
        reach *= 4;
    }
}

/// The first end of least cost and that cost.
fn nearest<W: Word>(costs: &[W]) -> Option<(usize, W)> {
    let mut best = None;
    let mut distance = W::FAR;
    for (end, &cost) in costs.iter().enumerate() {
        if cost < distance {
            (best, distance) = (Some((end, cost)), cost);
        }
    }
    best
}

/// The samples, and as many of zero as a strip runs beyond their end.
#[inline(always)]
fn with_overhang<S: Simd, W: Word>(_simd: S, samples: &[W], width: usize) -> Vec<W> {
    let mut longer = Vec::with_capacity(samples.len() + width * strip::overhang::<S, W>());
    longer.extend_from_slice(samples);
    longer.resize(longer.capacity(), W::ZERO);
    longer
}

/// All cells of an accumulated-cost matrix, as the strips found them.
pub(super) struct Matrix<W> {
    cells: Vec<W>,
    lanes: usize,
    columns: usize,
}

impl<W: Word> Matrix<W> {
    /// Its memory, for the next matrix.
    pub(super) fn into_cells(self) -> Vec<W> {
        self.cells
    }

    /// The accumulated cost of a cell.
    pub(super) fn at(&self, row: usize, column: usize) -> W {
        let height = DEPTH * self.lanes;
        let (strip, row) = (row / height, row % height);
        let (v, lane) = (row % DEPTH, self.lanes - 1 - row / DEPTH);
        // All strips above this one are full, and each has a step for each column and row, rounded up to whole blocks.
        let steps = (self.columns + height - 1).next_multiple_of(DEPTH);
        self.cells[((strip * steps + column + row) * DEPTH + v) * self.lanes + lane]
    }
}

impl<S: Simd, W: Word> Keep<S, W> for Matrix<W> {
    #[inline(always)]
    fn keep(&mut self, cells: &Column<S, W>) {
        for vector in cells {
            self.cells.extend_from_slice(vector.as_slice());
        }
    }
}

/// The accumulated costs of all cells, in the memory of `cells`; finite, and no series is empty.
pub(super) fn matrix<W: Word, M: Local>(
    level: Level,
    a: &[W],
    b: &[W],
    metric: M,
    cells: Vec<W>,
) -> Matrix<W> {
    dispatch!(level.0, simd => {
        let overhung = with_overhang::<_, W>(simd, b, 1);
        kept(simd, Plain::new(simd, a, &overhung, metric), a.len(), b.len(), cells)
    })
}

#[inline(always)]
fn kept<S: Simd, W: Word, C: Costs<S, W>>(
    simd: S,
    mut costs: C,
    n: usize,
    m: usize,
    mut cells: Vec<W>,
) -> Matrix<W> {
    let lanes = W::Vector::<S>::LEN;
    let height = DEPTH * lanes;
    let strips = n.div_ceil(height);
    cells.clear();
    cells.reserve(strips * (m + height + DEPTH) * height);
    let mut matrix = Matrix {
        cells,
        lanes,
        columns: m,
    };
    let task = Task {
        rows: n,
        first: 0,
        columns: m,
        band: None,
        open_begin: false,
    };
    bottom_row::<S, W, C, _, false>(simd, &mut costs, task, &mut matrix);
    matrix
}
