//! Every kernel gives the bits of the specification, at every level that this CPU has.

use proptest::prelude::*;

use super::Level;
use crate::dtw::{
    AbsoluteDifference, Constraints, Cost, Frames, Match, Metric, Missing, SquaredDifference, WithMissing,
    pair_by_pair, path, scalar,
};

const SUBSEQUENCE: Constraints = Constraints {
    open_begin: true,
    open_end: true,
    pattern: crate::dtw::StepPattern::Symmetric1,
    radius: None,
};

const OPEN_END: Constraints = Constraints {
    open_begin: false,
    ..SUBSEQUENCE
};

/// Few distinct values, so that equal costs are common; some so large that sums overflow.
fn value() -> impl Strategy<Value = f64> + Clone {
    prop_oneof![
        40 => (-6..6i8).prop_map(|step| f64::from(step) * 0.31),
        10 => -100.0..100.0f64,
        1 => Just(1e19),
        1 => Just(3e160),
    ]
}

fn level() -> impl Strategy<Value = u8> + Clone {
    prop_oneof![8 => 20..40u8, 2 => any::<u8>()]
}

fn longer<T: std::fmt::Debug>(
    value: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = (Vec<T>, Vec<T>)> {
    let series = move |lengths: std::ops::Range<usize>| prop::collection::vec(value.clone(), lengths);
    prop_oneof![
        (series(1..20), series(1..20)),
        (series(1..200), series(1..60)),
        (series(1..60), series(1..300)),
    ]
}

fn single((a, b): &(Vec<f64>, Vec<f64>)) -> (Vec<f32>, Vec<f32>) {
    let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect();
    (narrow(a), narrow(b))
}

/// Distance, ends and path of one pair at every level.
fn agree<S, M>(a: &[S], b: &[S], metric: M, radius: usize) -> Result<(), TestCaseError>
where
    S: Copy + std::fmt::Debug,
    M: Metric<S>,
{
    let whole = scalar::symmetric1(a, b, metric, None);
    let banded = scalar::symmetric1(a, b, metric, Some(radius));
    let part = scalar::align(a, b, metric, &SUBSEQUENCE);
    let beginning = scalar::align(a, b, metric, &OPEN_END);
    let path = path::by_arrivals(a, b, metric, &Constraints::default());
    for level in Level::available() {
        prop_assert_eq!(metric.distance(level, a, b, None), whole, "full at {:?}", level);
        prop_assert_eq!(
            metric.distance(level, a, b, Some(radius)),
            banded,
            "band {} at {:?}",
            radius,
            level
        );
        prop_assert_eq!(
            metric.align(level, a, b, &SUBSEQUENCE),
            part,
            "subsequence at {:?}",
            level
        );
        prop_assert_eq!(
            metric.align(level, a, b, &OPEN_END),
            beginning,
            "open end at {:?}",
            level
        );
        prop_assert_eq!(
            &metric.path(level, a, b, &Constraints::default()),
            &path,
            "path at {:?}",
            level
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn single_precision_is_the_specification(series in longer(value()), radius in 0..80usize) {
        let (a, b) = single(&series);
        agree(&a, &b, SquaredDifference, radius)?;
        agree(&a, &b, AbsoluteDifference, radius)?;
    }

    #[test]
    fn double_precision_is_the_specification((a, b) in longer(value()), radius in 0..80usize) {
        agree(&a, &b, SquaredDifference, radius)?;
        agree(&a, &b, AbsoluteDifference, radius)?;
    }

    #[test]
    fn levels_are_the_specification((a, b) in longer(level()), radius in 0..80usize) {
        agree(&a, &b, SquaredDifference, radius)?;
        agree(&a, &b, AbsoluteDifference, radius)?;
    }

    #[test]
    fn values_that_are_not_finite_are_the_specification(
        (a, b) in longer(prop_oneof![9 => value(), 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)]),
    ) {
        agree(&a, &b, SquaredDifference, 3)?;
    }

    #[test]
    fn frames_of_numbers_are_the_specification(series in longer(value()), channels in 1..20usize) {
        let metric = WithMissing { metric: SquaredDifference, missing: Missing::Costs(7.5) };
        let (a, b) = single(&series);
        let (a, b) = (cut(&a, channels), cut(&b, channels));
        agree_on_frames(a, b, channels, metric)?;
        let metric = WithMissing { metric: AbsoluteDifference, missing: Missing::LeftOut };
        agree_on_frames(cut(&series.0, channels), cut(&series.1, channels), channels, metric)?;
    }

    #[test]
    fn frames_of_levels_are_the_specification(
        (a, b) in longer(level()),
        channels in 1..20usize,
        constant in prop_oneof![0..=255u32, 0..1000u32],
        gaps in any::<bool>(),
    ) {
        let observed = |values: &[u8]| -> Vec<u8> {
            values.iter().map(|&value| if gaps { value } else { value.min(254) }).collect()
        };
        let (a, b) = (observed(&a), observed(&b));
        let (a, b) = (cut(&a, channels), cut(&b, channels));
        for missing in [Missing::Costs(constant), Missing::LeftOut] {
            agree_on_frames(a, b, channels, WithMissing { metric: AbsoluteDifference, missing })?;
            agree_on_frames(a, b, channels, WithMissing { metric: SquaredDifference, missing })?;
        }
    }

    /// Long runs of one value are passed at no cost, so that paths begin far before their ends.
    #[test]
    fn paths_that_begin_far_back_are_the_specification(
        a in prop::collection::vec(20..23u8, 1..40),
        runs in prop::collection::vec((20..23u8, 1..600usize), 1..6),
    ) {
        let b: Vec<u8> = runs.iter().flat_map(|&(level, count)| vec![level; count]).collect();
        let narrow = |values: &[u8]| -> Vec<f32> { values.iter().map(|&value| f32::from(value) * 0.1).collect() };
        agree(&a, &b, AbsoluteDifference, 3)?;
        let metric = WithMissing { metric: AbsoluteDifference, missing: Missing::Costs(10u32) };
        agree_on_frames(&a[..], &b, 1, metric)?;
        let metric = WithMissing { metric: SquaredDifference, missing: Missing::LeftOut };
        agree_on_frames(&narrow(&a), &narrow(&b), 1, metric)?;
    }

    #[test]
    fn all_pairs_are_the_specification(
        series in (1..30usize).prop_flat_map(|length| prop::collection::vec(prop::collection::vec(level(), length), 0..40)),
        radius in prop::option::of(0..12usize),
    ) {
        let series: Vec<&[u8]> = series.iter().map(Vec::as_slice).collect();
        let narrow: Vec<Vec<f32>> = series.iter().map(|one| one.iter().map(|&v| f32::from(v) * 0.1).collect()).collect();
        let narrow: Vec<&[f32]> = narrow.iter().map(Vec::as_slice).collect();
        for level in Level::available() {
            prop_assert_eq!(
                SquaredDifference.pairwise(level, &series, radius),
                pair_by_pair(Specified, level, &series, radius)
            );
            prop_assert_eq!(
                AbsoluteDifference.pairwise(level, &narrow, radius),
                pair_by_pair(AbsoluteDifference, level, &narrow, radius)
            );
        }
    }
}

/// [`SquaredDifference`] without kernels.
#[derive(Clone, Copy)]
struct Specified;

impl Metric<u8> for Specified {
    type Cost = u32;

    fn cost(self, a: u8, b: u8) -> u32 {
        SquaredDifference.cost(a, b)
    }
}

/// As many values as make whole frames, at least one.
fn cut<S: Clone>(values: &[S], channels: usize) -> &[S] {
    let whole = values.len() / channels * channels;
    &values[..whole]
}

fn agree_on_frames<'a, S, M, C>(
    a: &'a [S],
    b: &'a [S],
    channels: usize,
    metric: WithMissing<M, C>,
) -> Result<(), TestCaseError>
where
    S: crate::dtw::Sample,
    C: Cost,
    WithMissing<M, C>: Metric<&'a [S], Cost = C>,
{
    let a = Frames::new(a, channels).expect("whole frames");
    let b = Frames::new(b, channels).expect("whole frames");
    for rules in [SUBSEQUENCE, Constraints::default()] {
        let expected: Option<Match<C>> = scalar::align(a, b, metric, &rules);
        for level in Level::available() {
            prop_assert_eq!(metric.align(level, a, b, &rules), expected, "{:?}", level);
        }
    }
    Ok(())
}

#[test]
fn the_levels_that_are_tested_are_said() {
    let tested = Level::available();
    eprintln!(
        "TESTED: {tested:?}; NOT TESTED, as this CPU has not: {:?}",
        Level::unavailable()
    );
    assert!(!tested.is_empty());
    let widest = Level::detect().name();
    assert_eq!(tested.last().map(|level| level.name()), Some(widest));
}

#[test]
fn sums_of_levels_that_do_not_fit_the_kernel_are_the_specification() {
    let (a, b) = (vec![255u8; 9000], vec![0u8; 30_000]);
    let expected = scalar::symmetric1(&a, &b, SquaredDifference, Some(0));
    assert_eq!(
        SquaredDifference.distance(Level::detect(), &a, &b, Some(0)),
        expected
    );
}
