//! Local costs for strips: series of numbers, frames of several channels, and frames of levels packed into words.

use fearless_simd::{Simd, SimdBase};

use super::strip::{Column, Costs, DEPTH};
use super::word::{Local, Word};

/// Steps whose local costs are added up side by side.
const TOGETHER: usize = 2;

/// The columns that the rows of a strip are at: the samples of [`DEPTH`] steps past and of as many to come.
pub(super) struct Passing<S: Simd, W: Word> {
    past: Column<S, W>,
    coming: Column<S, W>,
}

impl<S: Simd, W: Word> Passing<S, W> {
    #[inline(always)]
    fn new(simd: S) -> Self {
        let nothing = [W::Vector::splat(simd, W::ZERO); DEPTH];
        Self {
            past: nothing,
            coming: nothing,
        }
    }

    /// Lets one sample enter for each step; the lanes before get what their neighbours had [`DEPTH`] steps ago.
    #[inline(always)]
    fn advance(&mut self, simd: S, sample: impl Fn(usize) -> W) {
        for k in 0..DEPTH {
            let entered = self.coming[k].slide::<1>(W::Vector::splat(simd, sample(k)));
            self.past[k] = std::mem::replace(&mut self.coming[k], entered);
        }
    }

    /// What the rows of vector `v` are at in step `k`.
    #[inline(always)]
    fn at(&self, k: usize, v: usize) -> W::Vector<S> {
        if k >= v {
            self.coming[k - v]
        } else {
            self.past[DEPTH + k - v]
        }
    }
}

/// One value for each row of a strip; rows beyond the last repeat it.
#[inline(always)]
fn rows<S: Simd, W: Word>(simd: S, rows: usize, value: impl Fn(usize) -> W) -> Column<S, W> {
    let lanes = W::Vector::<S>::LEN;
    std::array::from_fn(|v| {
        W::Vector::from_fn(simd, |lane| value(((lanes - 1 - lane) * DEPTH + v).min(rows - 1)))
    })
}

/// Series of one number per sample. `b` goes on for an overhang behind its end.
pub(super) struct Plain<'a, S: Simd, W: Word, M> {
    a: &'a [W],
    b: &'a [W],
    metric: M,
    rows: Column<S, W>,
    passing: Passing<S, W>,
}

impl<'a, S: Simd, W: Word, M: Local> Plain<'a, S, W, M> {
    #[inline(always)]
    pub(super) fn new(simd: S, a: &'a [W], b: &'a [W], metric: M) -> Self {
        Self {
            a,
            b,
            metric,
            rows: [W::Vector::splat(simd, W::ZERO); DEPTH],
            passing: Passing::new(simd),
        }
    }
}

impl<S: Simd, W: Word, M: Local> Costs<S, W> for Plain<'_, S, W, M> {
    #[inline(always)]
    fn begin(&mut self, simd: S, base: usize, count: usize, _column: usize) {
        self.rows = rows(simd, count, |row| self.a[base + row]);
    }

    #[inline(always)]
    fn advance(&mut self, simd: S, column: usize) {
        let samples = &self.b[column..column + DEPTH];
        self.passing.advance(simd, |k| samples[k]);
    }

    #[inline(always)]
    fn at(&self, k: usize, v: usize) -> W::Vector<S> {
        self.metric.cost::<S, W>(self.rows[v], self.passing.at(k, v))
    }
}

/// How the words of a frame's channels become its local cost.
pub(in crate::dtw) trait Channels<S: Simd, W: Word>: Copy {
    /// A sum under way.
    type Sum: Copy;

    /// No cost.
    fn zero(self, simd: S) -> Self::Sum;

    /// The sum with one more word of both frames.
    fn add(self, simd: S, sum: Self::Sum, a: W::Vector<S>, b: W::Vector<S>) -> Self::Sum;

    /// The local cost.
    fn finish(self, sum: Self::Sum) -> W::Vector<S>;
}

/// A word is a channel; channels are added in their order.
#[derive(Clone, Copy)]
pub(super) struct Whole<M>(pub(super) M);

impl<S: Simd, W: Word, M: Local> Channels<S, W> for Whole<M> {
    type Sum = W::Vector<S>;

    #[inline(always)]
    fn zero(self, simd: S) -> W::Vector<S> {
        W::Vector::splat(simd, W::ZERO)
    }

    #[inline(always)]
    fn add(self, _: S, sum: W::Vector<S>, a: W::Vector<S>, b: W::Vector<S>) -> W::Vector<S> {
        sum + self.0.cost::<S, W>(a, b)
    }

    #[inline(always)]
    fn finish(self, sum: W::Vector<S>) -> W::Vector<S> {
        sum
    }
}

/// Frames of `width` words per sample, one after the other. `b` goes on for an overhang behind its end.
pub(super) struct Framed<'a, S: Simd, W: Word, H: Channels<S, W>> {
    a: &'a [W],
    b: &'a [W],
    width: usize,
    channels: H,
    rows: Vec<Column<S, W>>,
    passing: Vec<Passing<S, W>>,
    costs: [[W::Vector<S>; DEPTH]; DEPTH],
}

impl<'a, S: Simd, W: Word, H: Channels<S, W>> Framed<'a, S, W, H> {
    #[inline(always)]
    pub(super) fn new(simd: S, a: &'a [W], b: &'a [W], width: usize, channels: H) -> Self {
        let nothing = [W::Vector::splat(simd, W::ZERO); DEPTH];
        Self {
            a,
            b,
            width,
            channels,
            rows: vec![nothing; width],
            passing: (0..width).map(|_| Passing::new(simd)).collect(),
            costs: [nothing; DEPTH],
        }
    }
}

impl<S: Simd, W: Word, H: Channels<S, W>> Costs<S, W> for Framed<'_, S, W, H> {
    #[inline(always)]
    fn begin(&mut self, simd: S, base: usize, count: usize, _column: usize) {
        for (channel, of_rows) in self.rows.iter_mut().enumerate() {
            *of_rows = rows(simd, count, |row| self.a[(base + row) * self.width + channel]);
        }
    }

    #[inline(always)]
    fn advance(&mut self, simd: S, column: usize) {
        let frames = &self.b[column * self.width..][..DEPTH * self.width];
        for (channel, passing) in self.passing.iter_mut().enumerate() {
            passing.advance(simd, |k| frames[k * self.width + channel]);
        }
        // Two steps at a time: their sums stay in registers, of which the narrower levels have 16.
        for first in (0..DEPTH).step_by(TOGETHER) {
            let mut sums = [[self.channels.zero(simd); DEPTH]; TOGETHER];
            for (rows, passing) in self.rows.iter().zip(&self.passing) {
                for (k, sums) in sums.iter_mut().enumerate() {
                    for (v, sum) in sums.iter_mut().enumerate() {
                        *sum = self.channels.add(simd, *sum, rows[v], passing.at(first + k, v));
                    }
                }
            }
            for (k, sums) in sums.into_iter().enumerate() {
                for (v, sum) in sums.into_iter().enumerate() {
                    self.costs[first + k][v] = self.channels.finish(sum);
                }
            }
        }
    }

    #[inline(always)]
    fn at(&self, k: usize, v: usize) -> W::Vector<S> {
        self.costs[k][v]
    }
}
