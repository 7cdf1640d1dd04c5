//! Lower bounds: numbers that cost little and are never above the DTW distance, to leave out what cannot be the nearest.
//!
//! LB_Kim and LB_Keogh are sums in the order in which a path adds its local costs. As rounding never turns an order around, they
//! are not above the distance in floating-point arithmetic either. LB_Improved adds up in two passes: in floating-point arithmetic
//! it holds up to rounding, for whole levels exactly.

use std::collections::VecDeque;

use super::{Constraints, Cost, Metric, Sample};

/// A number that is not above the distance of `a` and `b` with [`StepPattern::Symmetric1`](super::StepPattern::Symmetric1),
/// in any band: the costs of the first and of the last cell, through which every path goes.
///
/// `None` when a series is empty. Of LB_Kim (Kim, Park and Chu 2001) this is the constant-time part that is used with
/// normalised series (Rakthanmanon et al. 2012).
pub fn lb_kim<S: Sample, M: Metric<S>>(a: &[S], b: &[S], metric: M) -> Option<M::Cost> {
    let first = metric.cost(*a.first()?, *b.first()?);
    if a.len() == 1 && b.len() == 1 {
        return Some(first);
    }
    Some(first.plus(metric.cost(*a.last()?, *b.last()?)))
}

/// The lowest and the highest value of a series within a radius around each sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope<S> {
    radius: usize,
    lower: Vec<S>,
    upper: Vec<S>,
}

impl<S: Sample> Envelope<S> {
    /// The envelope of `series`: `lower[i]` and `upper[i]` are the extremes of all samples `j` with `|i − j| ≤ radius`.
    ///
    /// Missing values are left out. Takes constant time per sample, whatever the radius (Lemire 2009).
    pub fn new(series: &[S], radius: usize) -> Self {
        Self {
            radius,
            lower: extremes(series, radius, |kept, new| new <= kept),
            upper: extremes(series, radius, |kept, new| new >= kept),
        }
    }

    /// The lowest value around each sample; a missing value where there is none.
    pub fn lower(&self) -> &[S] {
        &self.lower
    }

    /// The highest value around each sample; a missing value where there is none.
    pub fn upper(&self) -> &[S] {
        &self.upper
    }
}

/// The most extreme value within `radius` of each sample, where `replaces(kept, new)` says that `new` is at least as extreme.
fn extremes<S: Sample>(series: &[S], radius: usize, replaces: impl Fn(S, S) -> bool) -> Vec<S> {
    let same_length = Constraints {
        radius: Some(radius),
        ..Constraints::default()
    };
    let mut candidates: VecDeque<usize> = VecDeque::new();
    let mut next = 0;
    (0..series.len())
        .map(|i| {
            let window = same_length.columns(i, series.len(), series.len());
            while next <= *window.end() {
                if !series[next].is_missing() {
                    while candidates
                        .back()
                        .is_some_and(|&kept| replaces(series[kept], series[next]))
                    {
                        candidates.pop_back();
                    }
                    candidates.push_back(next);
                }
                next += 1;
            }
            while candidates.front().is_some_and(|kept| kept < window.start()) {
                candidates.pop_front();
            }
            candidates.front().map_or(S::MISSING, |&kept| series[kept])
        })
        .collect()
}

/// A number that is not above the distance of `series` to the series of `envelope` with
/// [`StepPattern::Symmetric1`](super::StepPattern::Symmetric1) in a band of the envelope's radius.
///
/// For each sample the cost to the nearest value inside the envelope (Keogh and Ratanamahatana 2005); missing values on either
/// side cost nothing. `None` when the lengths differ or are 0. `metric` has to grow with the difference of its arguments.
pub fn lb_keogh<S: Sample, M: Metric<S>>(series: &[S], envelope: &Envelope<S>, metric: M) -> Option<M::Cost> {
    if series.is_empty() || series.len() != envelope.lower.len() {
        return None;
    }
    let mut bound = M::Cost::ZERO;
    for ((&value, &lower), &upper) in series.iter().zip(&envelope.lower).zip(&envelope.upper) {
        if value.is_missing() || lower.is_missing() {
            continue;
        }
        if value > upper {
            bound = bound.plus(metric.cost(value, upper));
        } else if value < lower {
            bound = bound.plus(metric.cost(value, lower));
        }
    }
    Some(bound)
}

/// A number that is not above the distance of `series` and `other`, up to rounding of floats, and not below [`lb_keogh`];
/// `envelope` is that of `other`.
///
/// LB_Improved (Lemire 2009): what `series` costs to its nearest values inside the envelope, and what `other` costs to the envelope
/// of those. Takes some five times as long as LB_Keogh. `None` when the lengths differ or are 0. The metric of a difference in two
/// parts has to be at least the sum of the metrics of the parts, as for absolute and for squared differences.
pub fn lb_improved<S: Sample, M: Metric<S>>(
    series: &[S],
    other: &[S],
    envelope: &Envelope<S>,
    metric: M,
) -> Option<M::Cost> {
    let first = lb_keogh(series, envelope, metric)?;
    let held = |((&value, &lower), &upper): ((&S, &S), &S)| {
        if value > upper {
            upper
        } else if value < lower {
            lower
        } else {
            value
        }
    };
    let values = series.iter().zip(&envelope.lower).zip(&envelope.upper);
    let nearest: Vec<S> = values.map(held).collect();
    let second = lb_keogh(other, &Envelope::new(&nearest, envelope.radius), metric)?;
    Some(first.plus(second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtw::{AbsoluteDifference, SquaredDifference, banded, full};
    use proptest::prelude::*;

    fn pair() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
        (1..30usize).prop_flat_map(|length| {
            let series = || prop::collection::vec(-10.0..10.0f64, length);
            (series(), series())
        })
    }

    proptest! {
        #[test]
        fn the_envelope_holds_the_extremes_of_each_window(series in prop::collection::vec(any::<u8>(), 1..40), radius in 0..45usize) {
            let envelope = Envelope::new(&series, radius);
            for i in 0..series.len() {
                let window = i.saturating_sub(radius)..series.len().min(i + radius + 1);
                let observed = || series[window.clone()].iter().copied().filter(|value| !value.is_missing());
                prop_assert_eq!(envelope.lower()[i], observed().min().unwrap_or(u8::MISSING));
                prop_assert_eq!(envelope.upper()[i], observed().max().unwrap_or(u8::MISSING));
            }
        }

        #[test]
        fn bounds_never_exceed_the_banded_distance((a, b) in pair(), radius in 0..32usize) {
            let distance = banded(&a, &b, radius, SquaredDifference).expect("finite values");
            let keogh = lb_keogh(&a, &Envelope::new(&b, radius), SquaredDifference).expect("same length");
            let kim = lb_kim(&a, &b, SquaredDifference).expect("not empty");
            prop_assert!(keogh <= distance, "LB_Keogh {} above {}", keogh, distance);
            prop_assert!(kim <= distance, "LB_Kim {} above {}", kim, distance);
        }

        #[test]
        fn lb_improved_lies_between_lb_keogh_and_the_distance(
            (a, b) in (1..30usize).prop_flat_map(|length| {
                // Sums of such numbers and of their squares are exact.
                let series = || prop::collection::vec((-40..40i8).prop_map(|step| 0.25 * f64::from(step)), length);
                (series(), series())
            }),
            radius in 0..32usize,
        ) {
            let envelope = Envelope::new(&b, radius);
            let squared = lb_improved(&a, &b, &envelope, SquaredDifference).expect("same length");
            prop_assert!(squared <= banded(&a, &b, radius, SquaredDifference).expect("finite values"));
            prop_assert!(squared >= lb_keogh(&a, &envelope, SquaredDifference).expect("same length"));
            let absolute = lb_improved(&a, &b, &envelope, AbsoluteDifference).expect("same length");
            prop_assert!(absolute <= banded(&a, &b, radius, AbsoluteDifference).expect("finite values"));
        }

        #[test]
        fn with_radius_0_lb_keogh_is_the_distance((a, b) in pair()) {
            let keogh = lb_keogh(&a, &Envelope::new(&b, 0), AbsoluteDifference);
            prop_assert_eq!(keogh, banded(&a, &b, 0, AbsoluteDifference));
        }

        #[test]
        fn lb_kim_holds_for_unequal_lengths(a in prop::collection::vec(any::<u8>(), 1..12), b in prop::collection::vec(any::<u8>(), 1..12)) {
            prop_assert!(lb_kim(&a, &b, SquaredDifference) <= full(&a, &b, SquaredDifference));
        }
    }

    #[test]
    fn no_bound_without_samples_or_for_unequal_lengths() {
        assert_eq!(lb_kim::<f64, _>(&[], &[1.0], AbsoluteDifference), None);
        let envelope = Envelope::new(&[1.0, 2.0], 1);
        assert_eq!(lb_keogh(&[1.0], &envelope, AbsoluteDifference), None);
        assert_eq!(
            lb_improved(&[1.0, 2.0], &[1.0], &envelope, AbsoluteDifference),
            None
        );
    }
}
