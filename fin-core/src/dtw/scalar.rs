//! The specification: plain loops over the accumulated-cost matrix, row by row, two rows kept.
//!
//! Any faster kernel gives the same bits as these functions. In each cell the order of operations is:
//! 1. begin with an unreachable cost (or with zero where a path may start);
//! 2. for each step, in the order of [`StepPattern::steps`](super::StepPattern::steps): take the accumulated cost of the cell it
//!    comes from, add the local cost `weight − 1` times, and keep it if it is strictly lower than the best so far;
//! 3. add the local cost; a sum that is not a number counts as unreachable.

use super::{Constraints, Cost, Match, Metric, Series};

/// A cell of the accumulated-cost matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cell<C> {
    /// Least sum of local costs of all paths that end here.
    pub(super) accumulated: C,
    /// Reference index at which the path of that cost begins.
    pub(super) start: usize,
}

impl<C: Cost> Cell<C> {
    const UNREACHABLE: Self = Cell {
        accumulated: C::UNREACHABLE,
        start: 0,
    };
}

/// The last row of the accumulated-cost matrix; `visit(i, j, step)` is called once for each cell inside the band, in
/// row-major order, with the index of the step by which the best path arrives (`None`: it begins here, or there is none).
/// Both series have at least one sample.
pub(super) fn accumulate<A, B, M>(
    query: A,
    reference: B,
    metric: M,
    constraints: &Constraints,
    mut visit: impl FnMut(usize, usize, Option<usize>),
) -> Vec<Cell<M::Cost>>
where
    A: Series,
    B: Series<Sample = A::Sample>,
    M: Metric<A::Sample>,
{
    let (n, m) = (query.len(), reference.len());
    let steps = constraints.pattern.steps();
    let mut above = vec![Cell::<M::Cost>::UNREACHABLE; m];
    let mut row = above.clone();
    for i in 0..n {
        row.fill(Cell::UNREACHABLE);
        for j in constraints.columns(i, n, m) {
            let local = metric.cost(query.at(i), reference.at(j));
            let starts_here = i == 0 && (j == 0 || constraints.open_begin);
            let mut best = if starts_here {
                Cell {
                    accumulated: M::Cost::ZERO,
                    start: j,
                }
            } else {
                Cell::UNREACHABLE
            };
            let mut arrival = None;
            for (index, step) in steps.iter().enumerate() {
                if step.query > i || step.reference > j {
                    continue;
                }
                let rows = if step.query == 0 { &row } else { &above };
                let mut from = rows[j - step.reference];
                for _ in 1..step.weight {
                    from.accumulated = from.accumulated.plus(local);
                }
                if from.accumulated < best.accumulated {
                    (best, arrival) = (from, Some(index));
                }
            }
            best.accumulated = M::Cost::UNREACHABLE.or_lower(best.accumulated.plus(local));
            row[j] = best;
            visit(i, j, arrival);
        }
        std::mem::swap(&mut row, &mut above);
    }
    above
}

/// The best end in the last row: the last column, or with an open end the first column of least accumulated cost.
pub(super) fn best_end<C: Cost>(last_row: &[Cell<C>], constraints: &Constraints) -> Option<Match<C>> {
    let first_end = if constraints.open_end {
        0
    } else {
        last_row.len().checked_sub(1)?
    };
    let mut best: Option<Match<C>> = None;
    for (end, cell) in last_row.iter().enumerate().skip(first_end) {
        let least = best.map_or(C::UNREACHABLE, |best| best.distance);
        if cell.accumulated < least {
            best = Some(Match {
                distance: cell.accumulated,
                start: cell.start,
                end,
            });
        }
    }
    best
}

/// What [`align`](super::align) returns.
pub fn align<A, B, M>(query: A, reference: B, metric: M, constraints: &Constraints) -> Option<Match<M::Cost>>
where
    A: Series,
    B: Series<Sample = A::Sample>,
    M: Metric<A::Sample>,
{
    if query.is_empty() || reference.is_empty() {
        return None;
    }
    let last_row = accumulate(query, reference, metric, constraints, |_, _, _| {});
    best_end(&last_row, constraints)
}

/// What [`full`](super::full) (`radius` `None`) and [`banded`](super::banded) return: the distance alone of the most used
/// pattern, so that a cell needs neither its start nor its arrival.
pub fn symmetric1<A, B, M>(a: A, b: B, metric: M, radius: Option<usize>) -> Option<M::Cost>
where
    A: Series,
    B: Series<Sample = A::Sample>,
    M: Metric<A::Sample>,
{
    let (n, m) = (a.len(), b.len());
    if n == 0 || m == 0 {
        return None;
    }
    let band = Constraints {
        radius,
        ..Constraints::default()
    };
    let unreachable = M::Cost::UNREACHABLE;
    // Column 0 of the buffers stands for the cells left of the matrix; the corner before the first cell costs nothing.
    let mut above = vec![unreachable; m + 1];
    let mut row = vec![unreachable; m + 1];
    above[0] = M::Cost::ZERO;
    for i in 0..n {
        let columns = band.columns(i, n, m);
        let sample = a.at(i);
        row.fill(unreachable);
        let mut left = unreachable;
        for j in columns {
            let best = unreachable
                .or_lower(above[j])
                .or_lower(left)
                .or_lower(above[j + 1]);
            left = unreachable.or_lower(best.plus(metric.cost(sample, b.at(j))));
            row[j + 1] = left;
        }
        std::mem::swap(&mut row, &mut above);
    }
    above[m].is_reachable().then_some(above[m])
}
