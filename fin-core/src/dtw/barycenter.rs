//! The mean of several series under DTW.

use super::simd::entry;
use super::{Constraints, Level, SquaredDifference, path};

/// The DTW barycenter of `series`, improved from `start` in up to `rounds` rounds: DBA (Petitjean, Ketterlin and Gançarski 2011).
///
/// In each round every series is aligned to the mean with [`SquaredDifference`], in a band of `radius` samples if there is one,
/// and each sample of the mean becomes the mean of all samples that were matched to it. The sum of the distances never
/// grows. Ends early when nothing changes. `None` when there is no series, when one or `start` is empty, or when one cannot be
/// aligned because its values are not finite.
///
/// ```
/// use fin_core::dtw::barycenter;
///
/// let series: [&[f64]; 2] = [&[0.0, 0.0, 4.0, 4.0], &[0.0, 4.0, 4.0, 4.0]];
/// let mean = barycenter(&series, series[0], None, 10).expect("two series of finite values");
/// assert_eq!(mean, [0.0, 0.0, 4.0, 4.0]);
/// ```
pub fn barycenter(
    series: &[&[f64]],
    start: &[f64],
    radius: Option<usize>,
    rounds: usize,
) -> Option<Vec<f64>> {
    if series.is_empty() {
        return None;
    }
    let rules = Constraints {
        radius,
        ..Constraints::default()
    };
    let level = Level::detect();
    // One matrix after the other in the same memory: to get it anew would take longer than to fill it.
    let mut memory = Vec::new();
    let mut mean = start.to_vec();
    for _ in 0..rounds {
        let mut sums = vec![(0.0, 0u32); mean.len()];
        for one in series {
            let path = entry::path(SquaredDifference, level, &mean, *one, &rules, &mut memory)
                .unwrap_or_else(|| path::by_arrivals(&mean, *one, SquaredDifference, &rules))?;
            for (at, sample) in path.cells {
                let (sum, count) = &mut sums[at];
                *sum += one[sample];
                *count += 1;
            }
        }
        let next: Vec<f64> = sums.iter().map(|&(sum, count)| sum / f64::from(count)).collect();
        if next == mean {
            break;
        }
        mean = next;
    }
    Some(mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtw::full;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_round_never_raises_the_sum_of_distances(
            series in prop::collection::vec(prop::collection::vec(-9.0..9.0f64, 1..20), 1..6),
            rounds in 0..4usize,
        ) {
            let series: Vec<&[f64]> = series.iter().map(Vec::as_slice).collect();
            let total = |mean: &[f64]| -> f64 {
                series.iter().map(|one| full(mean, *one, SquaredDifference).expect("finite values")).sum()
            };
            let before = barycenter(&series, series[0], None, rounds).expect("finite values");
            let after = barycenter(&series, series[0], None, rounds + 1).expect("finite values");
            prop_assert!(total(&after) <= total(&before) * (1.0 + 1e-12));
        }
    }

    #[test]
    fn copies_of_a_series_are_their_own_mean() {
        let one: &[f64] = &[1.0, 5.0, 2.0];
        assert_eq!(
            barycenter(&[one, one, one], one, Some(1), 5).as_deref(),
            Some(one)
        );
        assert_eq!(barycenter(&[], one, None, 5), None);
        assert_eq!(barycenter(&[&[]], one, None, 5), None);
        assert_eq!(barycenter(&[&[f64::NAN]], one, None, 5), None);
    }
}
