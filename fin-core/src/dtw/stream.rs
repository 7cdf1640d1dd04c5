//! Incremental alignment from a known beginning: the accumulated-cost row that one new sample carries on.
//!
//! The reference is a row of even grid points; at each sample a path stands on one of them, and a new sample moves it on by
//! `k` = 0, 1, … `K` points, where `K` is the most that is possible in the time since the last sample. There is no other step,
//! so with `c(j)` the local cost of the new sample at point `j` and `p(k)` a price for moving on by `k`
//!
//! ```text
//! D'(j) = c(j) + min { D(j − k) + p(k) : k = 0 … K, k ≤ j }
//! ```
//!
//! This is the forward Viterbi recursion of a point that moves along a line with bounded speed, with costs for negative log
//! likelihoods. It has no step within the row: all points can be computed at once, and the result does not depend on the order.

use super::Cost;

/// The least cost of all paths from the anchor to each grid point, after the samples so far.
///
/// No value is ever "not a number"; a point that no path reaches holds [`Cost::UNREACHABLE`]. A row is a plain value: clone it
/// to follow two continuations.
///
/// ```
/// use fin_core::dtw::AnchoredRow;
///
/// let mut row = AnchoredRow::<u32>::start(5, 0, &[0])?; // certainly at point 0
/// let no_penalty = [0, 0, 0]; // 0, 1 or 2 points per sample
/// row.advance(&[9, 9, 1, 9, 9], &no_penalty)?;
/// row.advance(&[9, 9, 9, 2, 9], &no_penalty)?;
/// assert_eq!(row.best(), Some((3, 3)));
/// assert_eq!(row.costs(), [18, 18, 10, 3, 10]);
/// # Ok::<(), fin_core::dtw::RowError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AnchoredRow<C> {
    costs: Vec<C>,
}

/// Why a row could not be started or advanced. The row is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The anchor is not on the row.
    #[error("expected an anchor below {points}, the number of grid points, got {anchor}")]
    Anchor {
        /// Where the path was said to begin.
        anchor: usize,
        /// Grid points of the row.
        points: usize,
    },
    /// There has to be one local cost per grid point.
    #[error("expected {points} local costs, one per grid point, got {local_costs}")]
    LocalCosts {
        /// Local costs given.
        local_costs: usize,
        /// Grid points of the row.
        points: usize,
    },
    /// A path has to be able to move on by something.
    #[error("expected at least 1 step penalty, for staying in place, got none")]
    NoStep,
    /// The points of a branch have to begin at a point of the row or directly behind it.
    #[error("expected to keep at most {points} grid points, got {shared}")]
    Fork {
        /// Points that were to be kept.
        shared: usize,
        /// Grid points of the row.
        points: usize,
    },
}

impl<C: Cost> AnchoredRow<C> {
    /// A row of `points` grid points before the first sample, on which the path begins near `anchor`: at a distance of `d`
    /// points to either side it has the cost `spread[d]`, and farther away it cannot be.
    ///
    /// `&[C::ZERO]` is a certain anchor. Fails when `anchor` is not below `points`.
    pub fn start(points: usize, anchor: usize, spread: &[C]) -> Result<Self, RowError> {
        if anchor >= points {
            return Err(RowError::Anchor { anchor, points });
        }
        let cost_at = |point: usize| {
            spread
                .get(point.abs_diff(anchor))
                .copied()
                .unwrap_or(C::UNREACHABLE)
        };
        Ok(Self::from_costs((0..points).map(cost_at).collect()))
    }

    /// A row with the given costs; what is not a number is unreachable.
    pub fn from_costs(mut costs: Vec<C>) -> Self {
        for cost in &mut costs {
            *cost = C::UNREACHABLE.or_lower(*cost);
        }
        Self { costs }
    }

    /// A row of `points` grid points that no path has reached yet, to be entered from upstream ([`AnchoredRow::advance_from`]).
    pub fn unreached(points: usize) -> Self {
        Self {
            costs: vec![C::UNREACHABLE; points],
        }
    }

    /// The accumulated cost of each grid point.
    pub fn costs(&self) -> &[C] {
        &self.costs
    }

    /// The grid point of least cost and that cost; the first of equals, `None` when no point is reachable.
    pub fn best(&self) -> Option<(usize, C)> {
        let mut best = None;
        let mut least = C::UNREACHABLE;
        for (point, &cost) in self.costs.iter().enumerate() {
            if cost < least {
                (best, least) = (Some((point, cost)), cost);
            }
        }
        best
    }

    /// Carries the row on by one sample, whose cost at grid point `j` is `local_costs[j]`, when moving on by `k` points costs
    /// `penalties[k]` and more than `penalties.len() − 1` points are not possible.
    ///
    /// A local cost or penalty of [`Cost::UNREACHABLE`], or one that is not a number, forbids the point or the step. Allocates
    /// nothing. Fails when there is not one local cost per grid point or no penalty at all; the row then stays as it was.
    pub fn advance(&mut self, local_costs: &[C], penalties: &[C]) -> Result<(), RowError> {
        self.advance_from(&[], local_costs, penalties)
    }

    /// As [`AnchoredRow::advance`], with paths that come in over the row's beginning: `upstream` holds the costs, before this
    /// sample, of the points that lie before point 0, the nearest last.
    ///
    /// With this a row per edge of a network does what one row over a whole route would do: where an edge forks, both
    /// successors are given the tail of its row; where edges meet, `upstream` is the lower cost of each point. All rows
    /// have to be advanced from the same instant: give copies of the upstream costs, or advance downstream rows first.
    pub fn advance_from(
        &mut self,
        upstream: &[C],
        local_costs: &[C],
        penalties: &[C],
    ) -> Result<(), RowError> {
        let points = self.costs.len();
        if local_costs.len() != points {
            return Err(RowError::LocalCosts {
                local_costs: local_costs.len(),
                points,
            });
        }
        if penalties.is_empty() {
            return Err(RowError::NoStep);
        }
        // A point needs only what lies before it, so that going backwards the old row can be overwritten.
        for j in (0..points).rev() {
            let here_and_before = self.costs[..=j].iter().rev().chain(upstream.iter().rev());
            let best = here_and_before
                .zip(penalties)
                .fold(C::UNREACHABLE, |best, (&from, &penalty)| {
                    best.or_lower(from.plus(penalty))
                });
            self.costs[j] = C::UNREACHABLE.or_lower(best.plus(local_costs[j]));
        }
        Ok(())
    }

    /// Appends `points` grid points that no path has reached yet: the next edge of a route.
    pub fn extend(&mut self, points: usize) {
        self.costs.resize(self.costs.len() + points, C::UNREACHABLE);
    }

    /// A copy of the first `shared` grid points, followed by `points` that no path has reached yet: the row of a route that
    /// leaves this one behind its first `shared` points.
    ///
    /// Fails when the row has fewer than `shared` points.
    pub fn fork(&self, shared: usize, points: usize) -> Result<Self, RowError> {
        let kept = self.costs.get(..shared).ok_or(RowError::Fork {
            shared,
            points: self.costs.len(),
        })?;
        let mut branch = Self { costs: kept.to_vec() };
        branch.extend(points);
        Ok(branch)
    }

    /// Removes the first `points` grid points (all, when there are fewer), together with the paths that end there.
    pub fn drop_first(&mut self, points: usize) {
        self.costs.drain(..points.min(self.costs.len()));
    }

    /// Subtracts the least cost from all reachable points and returns it; `None`, and nothing is changed, when no point is
    /// reachable.
    ///
    /// Differences between points stay as they are (exactly so for integers), and sums stay small: done now and then, integers
    /// never saturate and floats keep their digits, however long the row lives.
    pub fn rebase(&mut self) -> Option<C> {
        let (_, least) = self.best()?;
        for cost in self.costs.iter_mut().filter(|cost| cost.is_reachable()) {
            *cost = cost.minus(least);
        }
        Some(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POINTS: usize = 7;
    const BLOCKED: u32 = u32::MAX;

    type Sample = (Vec<u32>, Vec<u32>);

    fn costs(points: usize) -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(prop_oneof![9 => 0..200u32, 1 => Just(BLOCKED)], points)
    }

    /// Local costs and penalties of a few samples, each with its own largest step.
    fn samples() -> impl Strategy<Value = Vec<Sample>> {
        let penalties = (1..=4usize).prop_flat_map(costs);
        prop::collection::vec((costs(POINTS), penalties), 0..5)
    }

    /// The least cost of all paths that stand on `point` after `samples`, by trying every step of every path.
    fn brute_force(begin: &[u32], samples: &[Sample], point: usize) -> u32 {
        let Some(((local_costs, penalties), earlier)) = samples.split_last() else {
            return begin[point];
        };
        let arrivals = (0..penalties.len().min(point + 1)).map(|k| {
            brute_force(begin, earlier, point - k)
                .saturating_add(penalties[k])
                .saturating_add(local_costs[point])
        });
        arrivals.min().expect("staying in place is always tried")
    }

    fn run<C: Cost>(row: &mut AnchoredRow<C>, samples: &[Sample], convert: impl Fn(u32) -> C) {
        for (local_costs, penalties) in samples {
            let local_costs: Vec<C> = local_costs.iter().map(|&cost| convert(cost)).collect();
            let penalties: Vec<C> = penalties.iter().map(|&cost| convert(cost)).collect();
            row.advance(&local_costs, &penalties)
                .expect("one local cost per point");
        }
    }

    fn to_f64(cost: u32) -> f64 {
        if cost == BLOCKED {
            f64::INFINITY
        } else {
            f64::from(cost)
        }
    }

    proptest! {
        #[test]
        fn the_row_holds_the_best_of_all_paths(begin in costs(POINTS), samples in samples()) {
            let mut row = AnchoredRow::from_costs(begin.clone());
            run(&mut row, &samples, |cost| cost);
            let expected: Vec<u32> = (0..POINTS).map(|point| brute_force(&begin, &samples, point)).collect();
            prop_assert_eq!(row.costs(), expected);
        }

        #[test]
        fn integers_and_floats_agree_exactly(begin in costs(POINTS), samples in samples()) {
            let mut integers = AnchoredRow::from_costs(begin.clone());
            run(&mut integers, &samples, |cost| cost);
            let mut doubles = AnchoredRow::from_costs(begin.iter().map(|&cost| to_f64(cost)).collect());
            run(&mut doubles, &samples, to_f64);
            let mut singles = AnchoredRow::from_costs(begin.iter().map(|&cost| to_f64(cost) as f32).collect());
            run(&mut singles, &samples, |cost| to_f64(cost) as f32);
            for point in 0..POINTS {
                prop_assert_eq!(to_f64(integers.costs()[point]), doubles.costs()[point]);
                prop_assert_eq!(doubles.costs()[point] as f32, singles.costs()[point]);
            }
        }

        #[test]
        fn two_rows_joined_by_upstream_costs_are_one_row(begin in costs(POINTS), samples in samples(), cut in 0..=POINTS) {
            let mut whole = AnchoredRow::from_costs(begin.clone());
            let mut upper = AnchoredRow::from_costs(begin[..cut].to_vec());
            let mut lower = AnchoredRow::from_costs(begin[cut..].to_vec());
            for (local_costs, penalties) in &samples {
                whole.advance(local_costs, penalties).expect("one local cost per point");
                lower.advance_from(upper.costs(), &local_costs[cut..], penalties).expect("one local cost per point");
                upper.advance(&local_costs[..cut], penalties).expect("one local cost per point");
            }
            prop_assert_eq!(whole.costs(), [upper.costs(), lower.costs()].concat());
        }

        #[test]
        fn a_fork_keeps_what_both_branches_share(begin in costs(POINTS), before in samples(), after in samples(), shared in 0..=POINTS) {
            let mut row = AnchoredRow::from_costs(begin);
            run(&mut row, &before, |cost| cost);
            let mut branch = row.fork(shared, POINTS - shared).expect("no more points are shared than there are");
            prop_assert!(branch.costs()[shared..].iter().all(|&cost| cost == BLOCKED));
            run(&mut row, &after, |cost| cost);
            run(&mut branch, &after, |cost| cost);
            prop_assert_eq!(&row.costs()[..shared], &branch.costs()[..shared]);
        }

        #[test]
        fn rebasing_changes_no_difference(begin in costs(POINTS), before in samples(), after in samples()) {
            let mut plain = AnchoredRow::from_costs(begin);
            run(&mut plain, &before, |cost| cost);
            let mut rebased = plain.clone();
            let subtracted = rebased.rebase().unwrap_or(0);
            prop_assert!(rebased.best().is_none_or(|(_, cost)| cost == 0));
            run(&mut plain, &after, |cost| cost);
            run(&mut rebased, &after, |cost| cost);
            let restored: Vec<u32> = rebased.costs().iter().map(|&cost| cost.saturating_add(subtracted)).collect();
            prop_assert_eq!(plain.costs(), restored);
        }
    }

    #[test]
    fn the_anchor_is_spread_to_both_sides() {
        let row = AnchoredRow::start(6, 1, &[0, 3, 8]).expect("point 1 is on the row");
        assert_eq!(row.costs(), [3, 0, 3, 8, BLOCKED, BLOCKED]);
        assert_eq!(row.best(), Some((1, 0)));
    }

    #[test]
    fn a_value_that_is_no_number_blocks_and_does_not_spread() {
        let mut row = AnchoredRow::from_costs(vec![0.0, f64::NAN, 1.0]);
        row.advance(&[f64::NAN, 1.0, 1.0], &[0.0, 0.0])
            .expect("one local cost per point");
        assert_eq!(row.costs(), [f64::INFINITY, 1.0, 2.0]);
        row.advance(&[0.0; 3], &[f64::NAN, 0.5])
            .expect("one local cost per point");
        assert_eq!(row.costs(), [f64::INFINITY, f64::INFINITY, 1.5]);
    }

    #[test]
    fn a_row_that_nothing_reaches_has_no_best_point() {
        let mut row = AnchoredRow::<u32>::unreached(3);
        row.advance(&[1, 1, 1], &[0, 0])
            .expect("one local cost per point");
        assert_eq!((row.best(), row.rebase()), (None, None));
        row.advance_from(&[7], &[1, 1, 1], &[0, 0])
            .expect("one local cost per point");
        assert_eq!(row.best(), Some((0, 8)));
    }

    #[test]
    fn trimming_drops_the_oldest_points() {
        let mut row = AnchoredRow::from_costs(vec![4u32, 3, 2]);
        row.drop_first(2);
        row.extend(1);
        assert_eq!(row.costs(), [2, BLOCKED]);
        row.drop_first(9);
        assert_eq!(row.best(), None);
    }

    #[test]
    fn bad_input_is_refused_and_changes_nothing() {
        assert_eq!(
            AnchoredRow::start(3, 3, &[0u32]),
            Err(RowError::Anchor { anchor: 3, points: 3 })
        );
        let mut row = AnchoredRow::from_costs(vec![1u32, 2]);
        assert_eq!(
            row.advance(&[0], &[0]),
            Err(RowError::LocalCosts {
                local_costs: 1,
                points: 2
            })
        );
        assert_eq!(row.advance(&[0, 0], &[]), Err(RowError::NoStep));
        assert_eq!(row.fork(3, 0), Err(RowError::Fork { shared: 3, points: 2 }));
        assert_eq!(row.costs(), [1, 2]);
    }
}
