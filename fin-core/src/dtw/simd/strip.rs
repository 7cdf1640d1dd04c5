//! The accumulated-cost matrix in strips of rows that stay in registers.
//!
//! A row needs the one above it, so rows cannot be worked out side by side in the same column. Skewed they can: at step `t` row
//! `r` of a strip is at column `t − r`, and needs what it and its neighbour above have found one and two steps before.
//! [`DEPTH`] vectors hold a strip. Lane `l` of vector `v` is row `(lanes − 1 − l)·DEPTH + v`, so that the row above is the same
//! lane of the vector before, and only for vector 0 the lanes move on by one. The last row of a strip is written out and is
//! the row above the next one. After Farrar (2007), "Striped Smith–Waterman", whose layout this is, along the diagonal.

use fearless_simd::{Simd, SimdBase};

use super::word::Word;

/// Vectors in a strip: enough independent work to hide how long a minimum and a sum take, few enough to stay in registers.
pub(super) const DEPTH: usize = 4;

/// One vector for each of the strip's.
pub(super) type Column<S, W> = [<W as Word>::Vector<S>; DEPTH];

/// Where a strip's local costs come from.
pub(super) trait Costs<S: Simd, W: Word> {
    /// Turns to the `rows` rows from `base` on, when row `base` is about to enter `column`.
    fn begin(&mut self, simd: S, base: usize, rows: usize, column: usize);

    /// Brings row `base` to the columns `column..column + DEPTH`, one for each step to come, and the other rows to theirs.
    fn advance(&mut self, simd: S, column: usize);

    /// The local costs of vector `v` at step `k` of those that [`Costs::advance`] has prepared.
    fn at(&self, k: usize, v: usize) -> W::Vector<S>;
}

/// What is to be worked out.
#[derive(Clone, Copy)]
pub(super) struct Task {
    /// Rows of the matrix.
    pub(super) rows: usize,
    /// The column to begin with: 0, or a multiple of [`DEPTH`] that is not less than [`height`]. What lies before it is taken to
    /// cost nothing and to have begun in column 0, which is not more than it does.
    pub(super) first: usize,
    /// Columns of the matrix.
    pub(super) columns: usize,
    /// How many columns before and behind that of its own number a row reaches; `None` for all.
    pub(super) band: Option<(usize, usize)>,
    /// Whether a path may begin in any column.
    pub(super) open_begin: bool,
}

/// The bottom row of a matrix, from the first column of the task on.
pub(super) struct Bottom<W> {
    costs: Vec<W>,
    starts: Vec<W>,
    front: usize,
}

impl<W: Word> Bottom<W> {
    /// The accumulated costs of the row's columns.
    pub(super) fn costs(&self) -> &[W] {
        &self.costs[self.front..]
    }

    /// The columns at which their paths begin; meaningful where they were tracked.
    pub(super) fn starts(&self) -> &[W] {
        &self.starts[self.front..]
    }
}

/// Rows of a strip that is full.
pub(super) fn height<S: Simd, W: Word>() -> usize {
    DEPTH * W::Vector::<S>::LEN
}

/// Room that a series of columns needs behind its last: the steps that a strip goes on after its first row is done.
pub(super) fn overhang<S: Simd, W: Word>() -> usize {
    height::<S, W>() + 2 * DEPTH
}

/// Takes the costs of a strip's cells as they are worked out.
pub(super) trait Keep<S: Simd, W: Word> {
    /// Steps `DEPTH` wide, in order, strip after strip.
    fn keep(&mut self, cells: &Column<S, W>);
}

/// Keeps nothing.
pub(super) struct Nothing;

impl<S: Simd, W: Word> Keep<S, W> for Nothing {
    #[inline(always)]
    fn keep(&mut self, _: &Column<S, W>) {}
}

/// The bottom row of the matrix of `task`. With `TRACK`, also where its paths begin.
#[inline(always)]
pub(super) fn bottom_row<S, W, C, K, const TRACK: bool>(
    simd: S,
    costs: &mut C,
    task: Task,
    kept: &mut K,
) -> Bottom<W>
where
    S: Simd,
    W: Word,
    C: Costs<S, W>,
    K: Keep<S, W>,
{
    let height = height::<S, W>();
    let columns = task.columns - task.first;
    let length = height + columns + overhang::<S, W>();
    let begin = if task.open_begin { W::ZERO } else { W::FAR };
    let mut edge = Bottom {
        costs: vec![begin; length],
        starts: Vec::new(),
        front: height,
    };
    edge.costs[height - 1] = W::ZERO;
    if TRACK {
        // What enters a cell of row 0 from above began where that cell is.
        edge.starts = (0..length)
            .map(|at| W::count((task.first + at + 1).saturating_sub(height)))
            .collect();
    }
    let mut base = 0;
    while base < task.rows {
        let rows = height.min(task.rows - base);
        if rows == height {
            strip::<S, W, C, K, TRACK, false>(simd, costs, &task, base, rows, &mut edge, kept);
        } else {
            strip::<S, W, C, K, TRACK, true>(simd, costs, &task, base, rows, &mut edge, kept);
        }
        if task.first == 0 {
            // No path enters the later rows from the left.
            edge.costs[height - 1] = W::FAR;
        }
        base += rows;
    }
    edge.costs.truncate(height + columns);
    edge
}

/// Costs of the strip's cells at one step and where their paths begin.
pub(super) struct Cells<S: Simd, W: Word> {
    costs: Column<S, W>,
    starts: Column<S, W>,
}

impl<S: Simd, W: Word> Cells<S, W> {
    /// Cells of these costs.
    #[inline(always)]
    pub(super) fn new(costs: Column<S, W>) -> Self {
        Self { costs, starts: costs }
    }

    /// The costs of a vector's cells.
    #[inline(always)]
    pub(super) fn vector(&self, v: usize) -> W::Vector<S> {
        // Written so that vectors need no address.
        match v {
            0 => self.costs[0],
            1 => self.costs[1],
            2 => self.costs[2],
            _ => self.costs[DEPTH - 1],
        }
    }

    /// Makes the vectors that are not inside unreachable.
    #[inline(always)]
    pub(super) fn confine_rows(&mut self, far: W::Vector<S>, inside: impl Fn(usize) -> bool) {
        for v in 0..DEPTH {
            if !inside(v) {
                self.costs[v] = far;
            }
        }
    }

    /// Turns the cells of the step before last into those of this one. `newer` are those of the last step, `diagonal` and
    /// `above` what vector 0 finds in the row above it.
    #[inline(always)]
    pub(super) fn step<C: Costs<S, W>, const TRACK: bool>(
        &mut self,
        simd: S,
        newer: &Self,
        diagonal: (W::Vector<S>, W::Vector<S>),
        above: (W::Vector<S>, W::Vector<S>),
        costs: &C,
        k: usize,
    ) {
        // Downwards, as a vector needs the one before it as that was.
        for v in (0..DEPTH).rev() {
            let (diagonal, above) = if v == 0 {
                (diagonal, above)
            } else {
                (self.at(v - 1), newer.at(v - 1))
            };
            let best = if TRACK {
                W::lower_with::<S>(simd, W::lower_with::<S>(simd, diagonal, newer.at(v)), above)
            } else {
                let side = W::lower::<S>(simd, diagonal.0, newer.costs[v]);
                (W::lower::<S>(simd, side, above.0), diagonal.1)
            };
            self.costs[v] = best.0 + costs.at(k, v);
            self.starts[v] = best.1;
        }
    }

    #[inline(always)]
    fn at(&self, v: usize) -> (W::Vector<S>, W::Vector<S>) {
        (self.costs[v], self.starts[v])
    }

    /// What vector 0 finds above it: the last vector a lane on, and in the last lane the row above the strip.
    #[inline(always)]
    fn above_first(&self, simd: S, cost: W, start: W) -> (W::Vector<S>, W::Vector<S>) {
        (
            self.costs[DEPTH - 1].slide::<1>(W::Vector::splat(simd, cost)),
            self.starts[DEPTH - 1].slide::<1>(W::Vector::splat(simd, start)),
        )
    }

    /// The cell of a row of the strip.
    #[inline(always)]
    fn row<const LAST: bool>(&self, (v, lane): (usize, usize)) -> (W, W) {
        // A strip that is full ends in the last vector; written so that vectors need no address.
        let (costs, starts) = match v {
            0 if LAST => self.at(0),
            1 if LAST => self.at(1),
            2 if LAST => self.at(2),
            _ => self.at(DEPTH - 1),
        };
        let lane = if LAST { lane } else { 0 };
        (costs.as_slice()[lane], starts.as_slice()[lane])
    }

    #[inline(always)]
    fn confine(&mut self, simd: S, step: usize, window: &Window<S, W>) {
        let at = W::Vector::splat(simd, W::count(step));
        for v in 0..DEPTH {
            self.costs[v] = W::within::<S>(simd, self.costs[v], at, window.from[v], window.to[v]);
        }
    }
}

/// The steps at which each row of a strip is inside the band.
struct Window<S: Simd, W: Word> {
    from: Column<S, W>,
    to: Column<S, W>,
    /// Steps at which every row is inside.
    common: std::ops::RangeInclusive<usize>,
    /// Steps until the last row has left.
    steps: usize,
}

impl<S: Simd, W: Word> Window<S, W> {
    #[inline(always)]
    fn new(
        simd: S,
        (before, behind): (usize, usize),
        base: usize,
        rows: usize,
        first_column: usize,
        steps: usize,
    ) -> Self {
        let from = |row: usize| (base + 2 * row).saturating_sub(before + first_column);
        let to = |row: usize| base + 2 * row + behind - first_column;
        let lanes = W::Vector::<S>::LEN;
        let vector = |v: usize, of: &dyn Fn(usize) -> usize| {
            W::Vector::from_fn(simd, |lane| {
                W::count(of((lanes - 1 - lane) * DEPTH + v).min(W::LARGEST_COUNT))
            })
        };
        Self {
            from: std::array::from_fn(|v| vector(v, &from)),
            to: std::array::from_fn(|v| vector(v, &to)),
            common: from(rows - 1)..=to(0),
            steps: steps.min(to(rows - 1) + 1),
        }
    }
}

/// Works out the `rows` rows from `base` on: `edge` is the row above them before and their last row after.
#[inline(always)]
fn strip<S, W, C, K, const TRACK: bool, const LAST: bool>(
    simd: S,
    costs: &mut C,
    task: &Task,
    base: usize,
    rows: usize,
    edge: &mut Bottom<W>,
    kept: &mut K,
) where
    S: Simd,
    W: Word,
    C: Costs<S, W>,
    K: Keep<S, W>,
{
    let column = task
        .band
        .map_or(task.first, |(before, _)| base.saturating_sub(before));
    let all_steps = task.columns - column + rows - 1;
    let window = task
        .band
        .map(|band| Window::<S, W>::new(simd, band, base, rows, column, all_steps));
    let steps = window.as_ref().map_or(all_steps, |window| window.steps);
    let last_row = rows - 1;
    let place = (last_row % DEPTH, W::Vector::<S>::LEN - 1 - last_row / DEPTH);

    let before = if task.first > 0 { W::ZERO } else { W::FAR };
    let before = W::Vector::<S>::splat(simd, before);
    let mut even = Cells::<S, W>::new([before; DEPTH]);
    let mut odd = Cells::<S, W>::new([before; DEPTH]);
    let corner = edge.front + column - task.first - 1;
    let corner_start = if TRACK { edge.starts[corner] } else { W::ZERO };
    let mut diagonal = even.above_first(simd, edge.costs[corner], corner_start);
    costs.begin(simd, base, rows, column);
    if task.first > 0 {
        for entered in (column - height::<S, W>()..column).step_by(DEPTH) {
            costs.advance(simd, entered);
        }
    }
    let mut first = 0;
    while first < steps {
        costs.advance(simd, column + first);
        let inside = window.as_ref().is_none_or(|window| {
            window.common.contains(&first) && window.common.contains(&(first + DEPTH - 1))
        });
        // The last row is behind the first by its number: it is written where the row above was read long ago.
        let from = edge.front + column - task.first + first - last_row;
        let line = &mut edge.costs[from..][..last_row + DEPTH];
        let mut untracked = [W::ZERO; 0];
        let starts = if TRACK {
            &mut edge.starts[from..][..last_row + DEPTH]
        } else {
            &mut untracked[..]
        };
        for k in (0..DEPTH).step_by(2) {
            let start = if TRACK { starts[last_row + k] } else { W::ZERO };
            let above = odd.above_first(simd, line[last_row + k], start);
            even.step::<C, TRACK>(simd, &odd, diagonal, above, costs, k);
            if let (false, Some(window)) = (inside, &window) {
                even.confine(simd, first + k, window);
            }
            kept.keep(&even.costs);
            let (cost, start) = even.row::<LAST>(place);
            line[k] = cost;
            if TRACK {
                starts[k] = start;
            }

            let k = k + 1;
            let start = if TRACK { starts[last_row + k] } else { W::ZERO };
            diagonal = even.above_first(simd, line[last_row + k], start);
            odd.step::<C, TRACK>(simd, &even, above, diagonal, costs, k);
            if let (false, Some(window)) = (inside, &window) {
                odd.confine(simd, first + k, window);
            }
            kept.keep(&odd.costs);
            let (cost, start) = odd.row::<LAST>(place);
            line[k] = cost;
            if TRACK {
                starts[k] = start;
            }
        }
        first += DEPTH;
    }
}
