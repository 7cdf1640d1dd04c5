//! Local costs for strips: series of numbers, frames of several channels, and frames of levels packed into words.

use fearless_simd::{Simd, SimdBase};

use super::aligned::{Aligned, LINE_BYTES};
use super::levels::{PackedCosts, interleave};
use super::strip::{Column, Costs, DEPTH, overhang};
use super::word::{Local, Word};

/// The most lanes of a vector of words.
const MOST_LANES: usize = LINE_BYTES / size_of::<f32>();

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

/// The columns of a reference, so that what the rows of a vector are at lies together.
///
/// Lane by lane these are columns [`DEPTH`] apart. A run is one channel of every `GAP`-th column, and a vector is a slice of a run.
/// Columns of zeros come before the first and follow the last for as long as a strip is at them.
struct Runs<T, const GAP: usize> {
    words: Aligned<T>,
    /// Words of a run.
    stride: usize,
    /// Channels, or words of several.
    width: usize,
}

impl<T: Copy, const GAP: usize> Runs<T, GAP> {
    /// Room for `columns` columns of `width` words.
    fn new(zero: T, width: usize, columns: usize) -> Self {
        let per_line = LINE_BYTES / size_of::<T>();
        // With an odd number of lines no two runs meet in the same places of the first cache.
        let lines = columns.div_ceil(GAP).div_ceil(per_line) | 1;
        let stride = lines * per_line;
        Self {
            words: Aligned::new(zero, GAP * width * stride),
            stride,
            width,
        }
    }

    /// Where word 0 of a column is; that of the next word is a stride on.
    #[inline(always)]
    fn place(&self, column: usize) -> usize {
        column % GAP * self.width * self.stride + column / GAP
    }

    /// Puts words of a column from `word` on where they belong.
    #[inline(always)]
    fn put(&mut self, column: usize, word: usize, words: impl Iterator<Item = T>) {
        let mut place = self.place(column) + word * self.stride;
        for word in words {
            self.words[place] = word;
            place += self.stride;
        }
    }
}

/// The columns of [`Runs`] for a reference of so many; its first is behind a strip's height of others.
#[inline(always)]
fn with_margins<S: Simd, W: Word>(columns: usize) -> usize {
    columns + 2 * overhang::<S, W>()
}

/// Puts as many frames as a strip has rows in the columns from `column` on, a multiple of their number.
#[inline(always)]
fn put_frames<S: Simd, W: Word>(simd: S, runs: &mut Runs<W, DEPTH>, column: usize, frames: &[W]) {
    let (lanes, width) = (W::Vector::<S>::LEN, runs.width);
    let whole = width / lanes * lanes;
    for residue in 0..DEPTH {
        let mut place = runs.place(column + residue);
        for channel in (0..whole).step_by(lanes) {
            // Channels of columns become columns of channels.
            let mut vectors = [W::Vector::splat(simd, W::ZERO); MOST_LANES];
            for lane in 0..lanes {
                let frame = &frames[(lane * DEPTH + residue) * width + channel..][..lanes];
                vectors[lane] = W::Vector::from_slice(simd, frame);
            }
            let mut paired = 1;
            while paired < lanes {
                let before = vectors;
                for pair in 0..lanes / 2 {
                    let (low, high) = before[pair].interleave(before[pair + lanes / 2]);
                    vectors[2 * pair] = low;
                    vectors[2 * pair + 1] = high;
                }
                paired *= 2;
            }
            for vector in &vectors[..lanes] {
                vector.store_slice(&mut runs.words[place..][..lanes]);
                place += runs.stride;
            }
        }
    }
    if whole < width {
        for (column, frame) in (column..).zip(frames.chunks_exact(width)) {
            runs.put(column, whole, frame[whole..].iter().copied());
        }
    }
}

/// Frames of one number per channel.
pub(super) struct Framed<'a, S: Simd, W: Word, M> {
    a: &'a [W],
    runs: Runs<W, DEPTH>,
    metric: M,
    rows: Vec<Column<S, W>>,
    costs: [Column<S, W>; DEPTH],
}

impl<'a, S: Simd, W: Word, M: Local> Framed<'a, S, W, M> {
    /// The rows are the frames of `a`, `width` numbers each, and the columns those of `b`.
    #[inline(always)]
    pub(super) fn new<F>(
        simd: S,
        a: &'a [W],
        b: impl ExactSizeIterator<Item = F>,
        width: usize,
        metric: M,
    ) -> Self
    where
        F: Iterator<Item = W>,
    {
        let nothing = [W::Vector::splat(simd, W::ZERO); DEPTH];
        let mut runs = Runs::new(W::ZERO, width, with_margins::<S, W>(b.len()));
        let square = DEPTH * W::Vector::<S>::LEN;
        let mut frames = vec![W::ZERO; square * width];
        let (mut columns, mut behind) = (b, square);
        while columns.len() > 0 {
            let taken = square.min(columns.len());
            for (frame, words) in frames.chunks_exact_mut(width).zip(columns.by_ref().take(taken)) {
                for (place, word) in frame.iter_mut().zip(words) {
                    *place = word;
                }
            }
            frames[taken * width..].fill(W::ZERO);
            simd.vectorize(
                #[inline(always)]
                || put_frames::<S, W>(simd, &mut runs, behind, &frames),
            );
            behind += square;
        }
        Self {
            a,
            runs,
            metric,
            rows: vec![nothing; width],
            costs: [nothing; DEPTH],
        }
    }

    /// The local costs of the `VECTORS` vectors from `first` on, when the first row is at `column`. Channels are added in their order.
    #[inline(always)]
    #[expect(
        clippy::needless_range_loop,
        reason = "indices that are known leave the sums in registers"
    )]
    fn steps<const VECTORS: usize>(&mut self, simd: S, column: usize, first: usize) {
        let lanes = W::Vector::<S>::LEN;
        // Of one length, so that one check is enough for all. Written so that all of it is compiled for the level, which what the
        // library does with arrays is not.
        let length = (self.rows.len() - 1) * self.runs.stride + lanes;
        let last = column + DEPTH - first - (VECTORS - 1);
        let mut runs: [&[W]; 2 * DEPTH] = [&[]; 2 * DEPTH];
        for ahead in 0..DEPTH + VECTORS - 1 {
            runs[ahead] = &self.runs.words[self.runs.place(last + ahead)..][..length];
        }
        let mut place = 0;
        let mut sums = [[W::Vector::<S>::splat(simd, W::ZERO); VECTORS]; DEPTH];
        for rows in &self.rows {
            let rows = &rows[first..][..VECTORS];
            // One column after the other, so that no two need registers at a time.
            for ahead in 0..DEPTH + VECTORS - 1 {
                let passing = W::Vector::from_slice(simd, &runs[ahead][place..][..lanes]);
                for v in 0..VECTORS {
                    let step = ahead + v;
                    if step >= VECTORS - 1 && step < VECTORS - 1 + DEPTH {
                        let k = step - (VECTORS - 1);
                        sums[k][v] = self.metric.add_to::<S, W>(sums[k][v], rows[v], passing);
                    }
                }
            }
            place += self.runs.stride;
        }
        for k in 0..DEPTH {
            for v in 0..VECTORS {
                self.costs[k][first + v] = sums[k][v];
            }
        }
    }
}

impl<S: Simd, W: Word, M: Local> Costs<S, W> for Framed<'_, S, W, M> {
    #[inline(always)]
    fn begin(&mut self, simd: S, base: usize, count: usize, _column: usize) {
        let width = self.rows.len();
        for (channel, of_rows) in self.rows.iter_mut().enumerate() {
            *of_rows = rows(simd, count, |row| self.a[(base + row) * width + channel]);
        }
    }

    #[inline(always)]
    fn advance(&mut self, simd: S, column: usize) {
        // In a function of its own, so that what else a strip holds leaves the registers. Of these the widest level has 32, and
        // the others 16: enough for as many sums beside the rows.
        simd.vectorize(
            #[inline(always)]
            || {
                if size_of::<W::Vector<S>>() == LINE_BYTES {
                    self.steps::<DEPTH>(simd, column, 0);
                } else {
                    self.steps::<2>(simd, column, 0);
                    self.steps::<2>(simd, column, 2);
                }
            },
        );
    }

    #[inline(always)]
    fn at(&self, k: usize, v: usize) -> W::Vector<S> {
        self.costs[k][v]
    }
}

/// Frames of levels, [`PACKED`] channels in a word.
pub(super) struct Leveled<'a, S: Simd, H> {
    a: &'a [u64],
    runs: Runs<u64, { 2 * DEPTH }>,
    channels: H,
    rows: Vec<Pairs<S>>,
    /// What the rows of vector 0 are at in the steps past and in as many to come.
    past: Vec<Pairs<S>>,
    coming: Vec<Pairs<S>>,
    costs: [[S::u32s; DEPTH]; DEPTH],
}

/// For each vector of a strip, or for each step, a word of the even lanes and of the odd.
type Pairs<S> = [[<S as Simd>::u64s; 2]; DEPTH];

impl<'a, S: Simd, H: PackedCosts> Leveled<'a, S, H> {
    /// The rows are the frames of `a`, `width` words each, and the columns those of `b`.
    #[inline(always)]
    pub(super) fn new<F>(
        simd: S,
        a: &'a [u64],
        b: impl ExactSizeIterator<Item = F>,
        width: usize,
        channels: H,
    ) -> Self
    where
        F: Iterator<Item = u64>,
    {
        // Every other lane is twice as far apart.
        let mut runs = Runs::new(0, width, with_margins::<S, u32>(b.len()));
        for (column, frame) in (DEPTH * S::u32s::LEN..).zip(b) {
            runs.put(column, 0, frame);
        }
        let nothing = vec![[[S::u64s::splat(simd, 0); 2]; DEPTH]; width];
        Self {
            a,
            runs,
            channels,
            rows: nothing.clone(),
            past: nothing.clone(),
            coming: nothing,
            costs: [[S::u32s::splat(simd, 0); DEPTH]; DEPTH],
        }
    }

    /// The local costs of the `STEPS` steps from `FIRST` on for two vectors from `VECTOR` on.
    #[inline(always)]
    fn steps<const FIRST: usize, const STEPS: usize, const VECTOR: usize>(&mut self, simd: S) {
        let mut even = [[S::u16s::splat(simd, 0); 2]; STEPS];
        let mut odd = even;
        for ((rows, past), coming) in self.rows.iter().zip(&self.past).zip(&self.coming) {
            for k in 0..STEPS {
                for v in 0..2 {
                    let ahead = DEPTH + FIRST + k - (VECTOR + v);
                    let passing = if ahead < DEPTH {
                        past[ahead]
                    } else {
                        coming[ahead - DEPTH]
                    };
                    let rows = rows[VECTOR + v];
                    even[k][v] = self.channels.add(simd, even[k][v], rows[0], passing[0]);
                    odd[k][v] = self.channels.add(simd, odd[k][v], rows[1], passing[1]);
                }
            }
        }
        for k in 0..STEPS {
            for v in 0..2 {
                self.costs[FIRST + k][VECTOR + v] = interleave::<S>(even[k][v], odd[k][v]);
            }
        }
    }
}

impl<S: Simd, H: PackedCosts> Costs<S, u32> for Leveled<'_, S, H> {
    #[inline(always)]
    fn begin(&mut self, simd: S, base: usize, count: usize, _column: usize) {
        let (lanes, width) = (S::u32s::LEN, self.rows.len());
        for (word, of_rows) in self.rows.iter_mut().enumerate() {
            for (v, vectors) in of_rows.iter_mut().enumerate() {
                for (odd, vector) in vectors.iter_mut().enumerate() {
                    *vector = S::u64s::from_fn(simd, |pair| {
                        let row = (lanes - 1 - (2 * pair + odd)) * DEPTH + v;
                        self.a[(base + row.min(count - 1)) * width + word]
                    });
                }
            }
        }
    }

    #[inline(always)]
    fn advance(&mut self, simd: S, column: usize) {
        simd.vectorize(
            #[inline(always)]
            || {
                std::mem::swap(&mut self.past, &mut self.coming);
                // Lane 0 is the last to come to a column, a strip's height after it was column 0 of the runs.
                let all_runs = self.rows.len() * self.runs.stride;
                let mut residues: [[&[u64]; 2]; DEPTH] = [[&[]; 2]; DEPTH];
                for (k, residues) in residues.iter_mut().enumerate() {
                    for (odd, runs) in residues.iter_mut().enumerate() {
                        let residue = (column + k + (1 + odd) * DEPTH) % (2 * DEPTH);
                        *runs = &self.runs.words[residue * all_runs..][..all_runs];
                    }
                }
                // The columns of a block follow each other without a gap, as a block begins at a multiple of its length.
                let mut places = [1, 2].map(|blocks| (column + blocks * DEPTH) / (2 * DEPTH));
                for coming in &mut self.coming {
                    for (coming, runs) in coming.iter_mut().zip(&residues) {
                        for ((coming, runs), place) in coming.iter_mut().zip(runs).zip(places) {
                            *coming = S::u64s::from_slice(simd, &runs[place..][..S::u64s::LEN]);
                        }
                    }
                    for place in &mut places {
                        *place += self.runs.stride;
                    }
                }
                if size_of::<S::u64s>() == LINE_BYTES {
                    self.steps::<0, 4, 0>(simd);
                    self.steps::<0, 4, 2>(simd);
                } else {
                    self.steps::<0, 2, 0>(simd);
                    self.steps::<0, 2, 2>(simd);
                    self.steps::<2, 2, 0>(simd);
                    self.steps::<2, 2, 2>(simd);
                }
            },
        );
    }

    #[inline(always)]
    fn at(&self, k: usize, v: usize) -> S::u32s {
        self.costs[k][v]
    }
}
