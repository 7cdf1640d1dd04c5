//! What holds for every pair of series: agreement with the brute force over all paths, and the symmetries of DTW.

use proptest::prelude::*;

use super::*;

/// The least cost over all paths, by walking each of them from its last cell to its first.
///
/// A path's cost is added up from its beginning, as the specification does, so that equality is exact.
fn brute_force(
    local: &dyn Fn(usize, usize) -> f64,
    i: usize,
    j: usize,
    n_m: (usize, usize),
    rules: &Constraints,
) -> f64 {
    if !rules.columns(i, n_m.0, n_m.1).contains(&j) {
        return f64::INFINITY;
    }
    let starts = i == 0 && (j == 0 || rules.open_begin);
    let mut best = if starts { local(i, j) } else { f64::INFINITY };
    for step in rules.pattern.steps() {
        if step.query <= i && step.reference <= j {
            let before = brute_force(local, i - step.query, j - step.reference, n_m, rules);
            best = best.min((0..step.weight).fold(before, |sum, _| sum + local(i, j)));
        }
    }
    best
}

/// The least cost over all paths and all allowed ends.
fn brute_force_distance(a: &[f64], b: &[f64], rules: &Constraints) -> f64 {
    let local = |i: usize, j: usize| (a[i] - b[j]) * (a[i] - b[j]);
    let first_end = if rules.open_end { 0 } else { b.len() - 1 };
    let costs =
        (first_end..b.len()).map(|end| brute_force(&local, a.len() - 1, end, (a.len(), b.len()), rules));
    costs.fold(f64::INFINITY, f64::min)
}

fn series(longest: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-10.0..10.0f64, 1..=longest)
}

fn levels(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..=longest)
}

fn constraints() -> impl Strategy<Value = Constraints> {
    let pattern = prop_oneof![
        Just(StepPattern::Symmetric1),
        Just(StepPattern::Symmetric2),
        Just(StepPattern::Asymmetric)
    ];
    (pattern, prop::option::of(0..8usize), any::<bool>(), any::<bool>()).prop_map(
        |(pattern, radius, open_begin, open_end)| Constraints {
            pattern,
            radius,
            open_begin,
            open_end,
        },
    )
}

fn reversed<S: Copy>(series: &[S]) -> Vec<S> {
    series.iter().rev().copied().collect()
}

proptest! {
    #[test]
    fn the_distance_is_that_of_the_best_of_all_paths(a in series(5), b in series(6), rules in constraints()) {
        let expected = brute_force_distance(&a, &b, &rules);
        let found = align(&a, &b, SquaredDifference, &rules).map_or(f64::INFINITY, |found| found.distance);
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn the_distance_alone_is_that_of_the_alignment(a in series(20), b in series(20), radius in 0..25usize) {
        let rules = Constraints { radius: Some(radius), ..Constraints::default() };
        let aligned = |rules| align(&a, &b, SquaredDifference, rules).map(|found| found.distance);
        prop_assert_eq!(banded(&a, &b, radius, SquaredDifference), aligned(&rules));
        prop_assert_eq!(full(&a, &b, SquaredDifference), aligned(&Constraints::default()));
    }

    #[test]
    fn a_path_costs_its_distance_and_keeps_the_rules(a in series(12), b in series(12), rules in constraints()) {
        let matched = align(&a, &b, AbsoluteDifference, &rules);
        let path = warping_path(&a, &b, AbsoluteDifference, &rules);
        prop_assert_eq!(path.as_ref().map(|path| path.matched), matched);
        let Some(WarpingPath { matched, cells }) = path else { return Ok(()) };

        prop_assert_eq!(cells.first(), Some(&(0, matched.start)));
        prop_assert_eq!(cells.last(), Some(&(a.len() - 1, matched.end)));
        let mut cost = (a[0] - b[matched.start]).abs();
        for pair in cells.windows(2) {
            let ((i, j), (next_i, next_j)) = (pair[0], pair[1]);
            let step = rules.pattern.steps().iter().find(|step| (i + step.query, j + step.reference) == (next_i, next_j));
            for _ in 0..step.expect("every move is a step of the pattern").weight {
                cost += (a[next_i] - b[next_j]).abs();
            }
        }
        prop_assert_eq!(cost, matched.distance);
        for &(i, j) in &cells {
            prop_assert!(rules.columns(i, a.len(), b.len()).contains(&j));
        }
    }

    #[test]
    fn a_huge_radius_is_no_band(a in series(20), b in series(20)) {
        prop_assert_eq!(banded(&a, &b, usize::MAX, SquaredDifference), full(&a, &b, SquaredDifference));
    }

    #[test]
    fn a_wider_band_costs_no_more(a in levels(20), b in levels(20), radius in 0..20usize) {
        let narrow = banded(&a, &b, radius, AbsoluteDifference).expect("both corners are inside");
        prop_assert!(banded(&a, &b, radius + 1, AbsoluteDifference).is_some_and(|wide| wide <= narrow));
    }

    #[test]
    fn reversing_both_series_keeps_the_distance(a in levels(20), b in levels(20), radius in 0..20usize) {
        let (back_a, back_b) = (reversed(&a), reversed(&b));
        prop_assert_eq!(full(&a, &b, SquaredDifference), full(&back_a, &back_b, SquaredDifference));
        prop_assert_eq!(banded(&a, &b, radius, SquaredDifference), banded(&back_a, &back_b, radius, SquaredDifference));
    }

    #[test]
    fn exchanging_the_series_keeps_the_distance(a in series(20), b in series(20), radius in 0..20usize) {
        prop_assert_eq!(banded(&a, &b, radius, AbsoluteDifference), banded(&b, &a, radius, AbsoluteDifference));
    }

    #[test]
    fn freeing_an_end_costs_no_more(a in series(12), b in series(20)) {
        let whole = full(&a, &b, SquaredDifference).expect("finite values");
        let beginning = open_end(&a, &b, SquaredDifference).expect("finite values");
        let part = subsequence(&a, &b, SquaredDifference).expect("finite values");
        prop_assert!(part.distance <= beginning.distance && beginning.distance <= whole);
        prop_assert_eq!(beginning.start, 0);
        prop_assert_eq!(full(&a, &b[part.start..=part.end], SquaredDifference), Some(part.distance));
        prop_assert_eq!(full(&a, &b[..=beginning.end], SquaredDifference), Some(beginning.distance));
    }

    #[test]
    fn integers_equal_floats_exactly(a in levels(20), b in levels(20), rules in constraints()) {
        let (wide_a, wide_b): (Vec<f64>, Vec<f64>) = (a.iter().map(|&v| v.into()).collect(), b.iter().map(|&v| v.into()).collect());
        let integers = warping_path(&a, &b, SquaredDifference, &rules);
        let floats = warping_path(&wide_a, &wide_b, SquaredDifference, &rules);
        prop_assert_eq!(integers.as_ref().map(|path| &path.cells), floats.as_ref().map(|path| &path.cells));
        prop_assert_eq!(integers.map(|path| f64::from(path.matched.distance)), floats.map(|path| path.matched.distance));
    }

    #[test]
    fn the_incremental_row_is_the_batch_alignment_of_each_beginning(a in levels(12), b in levels(12)) {
        let rules = Constraints { pattern: StepPattern::Asymmetric, ..Constraints::default() };
        let local_costs = |i: usize| b.iter().map(|&level| AbsoluteDifference.cost(a[i], level)).collect::<Vec<u32>>();
        let mut row = AnchoredRow::start(b.len(), 0, &[local_costs(0)[0]]).expect("b is not empty");
        for seen in 1..=a.len() {
            if seen > 1 {
                row.advance(&local_costs(seen - 1), &[0, 0, 0]).expect("one local cost per point");
            }
            for (end, &cost) in row.costs().iter().enumerate() {
                let batch = align(&a[..seen], &b[..=end], AbsoluteDifference, &rules);
                prop_assert_eq!(cost, batch.map_or(u32::UNREACHABLE, |found| found.distance));
            }
        }
    }

    #[test]
    fn frames_of_one_channel_are_a_plain_series(a in levels(12), b in levels(12), constant in 0..40u32) {
        let frames = |values| Frames::new(values, 1).expect("1 divides every length");
        for missing in [Missing::Costs(constant), Missing::LeftOut] {
            let metric = WithMissing { metric: AbsoluteDifference, missing };
            prop_assert_eq!(full(frames(&a), frames(&b), metric), full(&a, &b, metric));
        }
    }

    #[test]
    fn a_channel_that_is_always_missing_changes_nothing_when_left_out(a in levels(8), b in levels(8), radius in 0..9usize) {
        let with_gap = |series: &[u8]| series.iter().flat_map(|&value| [value, u8::MISSING]).collect::<Vec<u8>>();
        let twice = |series: &[u8]| series.iter().flat_map(|&value| [value, value]).collect::<Vec<u8>>();
        let metric = WithMissing { metric: SquaredDifference, missing: Missing::LeftOut };
        let distance = |a: &[u8], b: &[u8]| {
            banded(Frames::new(a, 2).expect("even"), Frames::new(b, 2).expect("even"), radius, metric)
        };
        prop_assert_eq!(distance(&with_gap(&a), &with_gap(&b)), distance(&twice(&a), &twice(&b)));
    }
}

#[test]
fn empty_series_have_no_distance() {
    let empty: &[f64] = &[];
    assert_eq!(full(empty, &[1.0], AbsoluteDifference), None);
    assert_eq!(banded(&[1.0], empty, 1, AbsoluteDifference), None);
    assert_eq!(subsequence(empty, &[1.0], AbsoluteDifference), None);
    assert_eq!(
        warping_path(&[1.0], empty, AbsoluteDifference, &Constraints::default()),
        None
    );
}

#[test]
fn a_value_that_is_no_number_is_impassable_and_can_be_declared_missing() {
    let (a, b) = ([1.0, f64::NAN, 3.0], [1.0, 2.0, 3.0]);
    assert_eq!(full(&a, &b, AbsoluteDifference), None);
    assert_eq!(
        subsequence(&b[..1], &a, AbsoluteDifference),
        Some(Match {
            distance: 0.0,
            start: 0,
            end: 0
        })
    );
    let metric = WithMissing {
        metric: AbsoluteDifference,
        missing: Missing::Costs(0.25),
    };
    assert_eq!(full(&a, &b, metric), Some(0.25));
}

#[test]
fn a_sum_that_does_not_fit_is_no_distance() {
    let zeros = [0u8; 66_052];
    assert_eq!(
        full(&[255u8], &zeros[..66_051], SquaredDifference),
        Some(66_051 * 255 * 255)
    );
    assert_eq!(full(&[255u8], &zeros, SquaredDifference), None);
}

#[test]
fn asymmetric_paths_cannot_more_than_double_the_pace() {
    let rules = Constraints {
        pattern: StepPattern::Asymmetric,
        ..Constraints::default()
    };
    let b = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    assert_eq!(align(&[1.0, 3.0, 5.0], &b, AbsoluteDifference, &rules), None);
    assert_eq!(
        align(&[1.0, 3.0, 5.0], &b[..5], AbsoluteDifference, &rules).map(|found| found.distance),
        Some(0.0)
    );
}

#[test]
fn a_diagonal_step_counts_twice_in_symmetric2_alone() {
    let distance = |pattern| {
        let rules = Constraints {
            pattern,
            ..Constraints::default()
        };
        align(&[0.0, 0.0], &[1.0, 1.0], AbsoluteDifference, &rules).map(|found| found.distance)
    };
    assert_eq!(distance(StepPattern::Symmetric1), Some(2.0));
    assert_eq!(distance(StepPattern::Symmetric2), Some(3.0));
    assert_eq!(distance(StepPattern::Asymmetric), Some(2.0));
}

#[test]
fn distances_are_normalised_as_their_pattern_says() {
    assert_eq!(StepPattern::Symmetric1.normaliser(3, 5), None);
    assert_eq!(StepPattern::Symmetric2.normaliser(3, 5), Some(8));
    assert_eq!(StepPattern::Asymmetric.normaliser(3, 5), Some(3));
}
