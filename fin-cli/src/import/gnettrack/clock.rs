//! When a row was written, from stamps that are cut to the second.
//!
//! The app asks the phone for a row once in a period of a little over one second (1.08–1.15 s in the logs at hand) and
//! writes one row more at each new fix. So every tenth second or so has no row, and where it is missing tells the
//! phase of the second within about 0.1 s: the times of the regular rows lie on a line over their number, and half a
//! second is the mean of what the stamps cut off. A fix lies between its neighbours.

/// A row's stamp and whether a new fix caused the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Whole seconds.
    pub second: i64,
    /// Whether the row was written for a fix rather than at the regular time.
    pub is_fix: bool,
}

/// How many regular rows on either side tell of a row's place in its second.
const HALF_WINDOW: usize = 10;
/// With fewer rows than this around it, a row is put in the middle of its second.
const MIN_WINDOW_ROWS: usize = 6;
/// A step of more seconds than this between two regular rows breaks the line.
const MAX_STEP_S: i64 = 2;
/// The last millisecond of a second.
const LAST_MS: i64 = 999;

/// The time of each row in milliseconds, ascending by at least one; `stamps` are in time order.
///
/// Each time lies within the second of its stamp, but for rows that a thousand others in the same second push out.
pub(super) fn row_times_ms(stamps: &[Stamp]) -> Vec<i64> {
    let mut times_ms: Vec<Option<i64>> = vec![None; stamps.len()];
    let regular: Vec<usize> = (0..stamps.len()).filter(|&row| !stamps[row].is_fix).collect();
    let seconds: Vec<i64> = regular.iter().map(|&row| stamps[row].second).collect();
    for run in runs(&seconds) {
        for at in run.clone() {
            let window = at.saturating_sub(HALF_WINDOW).max(run.start)..(at + HALF_WINDOW + 1).min(run.end);
            let ms = (fraction_s(&seconds, window, at) * 1e3).round() as i64;
            times_ms[regular[at]] = Some(seconds[at] * 1000 + ms.clamp(0, LAST_MS));
        }
    }
    let next_ms = next_known(&times_ms);
    let mut last_ms = i64::MIN;
    (0..stamps.len())
        .map(|row| {
            let first_ms = (stamps[row].second * 1000).max(last_ms.saturating_add(1));
            let end_ms = (stamps[row].second * 1000 + LAST_MS).min(next_ms[row]);
            let time_ms = times_ms[row].unwrap_or(first_ms + (end_ms - first_ms).max(0) / 2);
            last_ms = time_ms.max(first_ms);
            last_ms
        })
        .collect()
}

/// The ranges of `seconds` without a step of more than [`MAX_STEP_S`].
fn runs(seconds: &[i64]) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut start = 0;
    seconds.chunk_by(|a, b| b - a <= MAX_STEP_S).map(move |run| {
        let range = start..start + run.len();
        start = range.end;
        range
    })
}

/// How long after its second began the row `at` was written, by the least-squares line through the rows in `window`.
fn fraction_s(seconds: &[i64], window: std::ops::Range<usize>, at: usize) -> f64 {
    let count = window.len() as f64;
    if window.len() < MIN_WINDOW_ROWS {
        return 0.5;
    }
    let points = window.map(|i| (i as f64 - at as f64, (seconds[i] - seconds[at]) as f64 + 0.5));
    let (sum_x, sum_y) = points
        .clone()
        .fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x, sy + y));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (sxy, sxx) = points.fold((0.0, 0.0), |(sxy, sxx), (x, y)| {
        (
            sxy + (x - mean_x) * (y - mean_y),
            sxx + (x - mean_x) * (x - mean_x),
        )
    });
    mean_y - sxy / sxx * mean_x
}

/// For each place the next known time after it, or the largest number.
fn next_known(times_ms: &[Option<i64>]) -> Vec<i64> {
    let mut next = vec![i64::MAX; times_ms.len()];
    for row in (1..times_ms.len()).rev() {
        next[row - 1] = times_ms[row].unwrap_or(next[row]);
    }
    next
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamps(times_ms: &[i64]) -> Vec<Stamp> {
        times_ms
            .iter()
            .map(|t| Stamp {
                second: t.div_euclid(1000),
                is_fix: false,
            })
            .collect()
    }

    proptest! {
        #[test]
        fn regular_rows_are_placed_within_two_tenths(period_ms in 1070..1160_i64, start_ms in 0..1000_i64) {
            let truth: Vec<i64> = (0..60).map(|k| start_ms + k * period_ms).collect();
            let times = row_times_ms(&stamps(&truth));
            for (time, truth) in times.iter().zip(&truth).skip(10).take(40) {
                prop_assert!((time - truth).abs() <= 200, "{time} for {truth}");
            }
        }

        #[test]
        fn times_ascend_and_stay_within_their_second(
            rows in proptest::collection::vec((0..4_i64, any::<bool>()), 1..80),
        ) {
            let mut second = 0;
            let stamps: Vec<Stamp> = rows.into_iter().map(|(step, is_fix)| {
                second += step;
                Stamp { second, is_fix }
            }).collect();
            let times = row_times_ms(&stamps);
            prop_assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
            for (time, stamp) in times.iter().zip(&stamps) {
                prop_assert!((0..1200).contains(&(time - stamp.second * 1000)));
            }
        }
    }

    #[test]
    fn a_fix_lies_between_its_neighbours() {
        let mut stamps = stamps(&(0..40).map(|k| k * 1100).collect::<Vec<_>>());
        stamps.insert(
            20,
            Stamp {
                second: 21,
                is_fix: true,
            },
        );
        let times = row_times_ms(&stamps);
        assert!(
            times[19] < times[20] && times[20] < times[21],
            "{:?}",
            &times[19..22]
        );
        assert_eq!(times[20].div_euclid(1000), 21);
    }

    #[test]
    fn a_lone_row_is_put_in_the_middle_of_its_second() {
        assert_eq!(
            row_times_ms(&[Stamp {
                second: 7,
                is_fix: false
            }]),
            [7500]
        );
        assert_eq!(
            row_times_ms(&[Stamp {
                second: 7,
                is_fix: true
            }]),
            [7499]
        );
        assert!(row_times_ms(&[]).is_empty());
    }
}
