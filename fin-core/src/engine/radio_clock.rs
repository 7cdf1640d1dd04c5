//! Phones whose scans carry other times than their fixes and wheel speeds.
//!
//! Where GNSS knows the place, the levels tell how far back on the road they were heard, and so how much too late the
//! scans are stamped. A few metres of GNSS error look like some tenths of a second, so small lags are left alone.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// The lags that are compared: so many to either side of none, and the time between them, seconds.
const LAGS_EACH_WAY: usize = 10;
const LAG_STEP_S: f64 = 0.25;
/// Number of lags that are compared.
pub(super) const LAGS: usize = 2 * LAGS_EACH_WAY + 1;
/// Lags up to this are within what place errors and slow modems do, seconds.
const LEAST_LAG_S: f64 = 0.7;
/// Share of phones whose clocks are right.
const RIGHT: f64 = 0.95;
/// Probability that a clock is wrong from which it is believed to be.
const BELIEVED: f64 = 0.99;
/// Standard deviation of a lag that was found: what errors of GNSS at the place come to, seconds.
const FOUND_SIGMA_S: f64 = 0.25;
/// Standard deviation of what is left of a right clock, seconds: phones report means of up to three measurements 0.2 s apart.
const RIGHT_SIGMA_S: f64 = 0.1;
/// Logarithm of the likelihood against the best lag below which a scan counts no more against a lag.
const MOST_AGAINST: f64 = -3.0;
/// Time over which what scans said is forgotten by a factor e, seconds.
const MEMORY_S: f64 = 600.0;

/// How likely each lag of the scans' clock is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RadioClock {
    /// Logarithms of the likelihoods of the lags, the greatest 0; from the longest lag down, as the places where a scan may
    /// have been heard lie along the road.
    log_likelihoods: [f64; LAGS],
    /// When the last scan was compared.
    time: Option<Time>,
}

impl Default for RadioClock {
    fn default() -> Self {
        Self {
            log_likelihoods: [0.0; LAGS],
            time: None,
        }
    }
}

impl RadioClock {
    /// Whether the lags are numbers: for a state read from bytes.
    pub(super) fn is_sound(&self) -> bool {
        self.log_likelihoods.iter().all(|log| (-1e6..=0.0).contains(log))
    }

    /// The longest lag that is compared, seconds, and the time from one to the next.
    pub(super) fn span_s() -> (f64, f64) {
        (LAGS_EACH_WAY as f64 * LAG_STEP_S, LAG_STEP_S)
    }

    /// Learns from the likelihoods of a scan at the places where it was heard if it was stamped with each of the lags, from the
    /// longest down. `share` of what it says is news.
    pub(super) fn learn(&mut self, time: Time, likelihood: &[f32], share: f64) {
        let most = likelihood.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        let dt_s = self.time.map_or(0.0, |last| time.seconds_since(last)).max(0.0);
        let kept = libm::exp(-dt_s / MEMORY_S);
        for (log, &likelihood) in self.log_likelihoods.iter_mut().zip(likelihood) {
            let against = libm::log(f64::from(likelihood / most).max(f64::MIN_POSITIVE));
            *log = *log * kept + share * against.max(MOST_AGAINST);
        }
        let best = self.log_likelihoods.iter().copied().fold(f64::MIN, f64::max);
        self.log_likelihoods.iter_mut().for_each(|log| *log -= best);
        self.time = Some(time);
    }

    /// Standard deviation of the [lag](Self::lag_s), seconds.
    pub(super) fn lag_sigma_s(&self) -> f64 {
        if self.lag_s() == 0.0 {
            RIGHT_SIGMA_S
        } else {
            FOUND_SIGMA_S
        }
    }

    /// By how much the scans are stamped too late, seconds; 0 while it is not sure that they are.
    pub(super) fn lag_s(&self) -> f64 {
        let lag_s = |index: usize| (LAGS_EACH_WAY as f64 - index as f64) * LAG_STEP_S;
        let is_right = |index: usize| lag_s(index).abs() < LEAST_LAG_S;
        // The best lag has the logarithm 0. When that is a right one, the wrong ones together are less likely than that alone.
        if (0..LAGS).any(|index| is_right(index) && self.log_likelihoods[index] == 0.0) {
            return 0.0;
        }
        let right = (0..LAGS).filter(|&index| is_right(index)).count() as f64;
        let (mut total, mut wrong, mut mean_s) = (0.0, 0.0, 0.0);
        for (index, &log) in self.log_likelihoods.iter().enumerate() {
            let prior = if is_right(index) {
                RIGHT / right
            } else {
                (1.0 - RIGHT) / (LAGS as f64 - right)
            };
            let weight = prior * libm::exp(log);
            total += weight;
            if !is_right(index) {
                wrong += weight;
                mean_s += weight * lag_s(index);
            }
        }
        if wrong > BELIEVED * total {
            mean_s / wrong
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that has heard `scans` scans which fit a lag best, and one that is off by a second a factor e worse.
    fn heard(fitting_s: f64, scans: i64) -> RadioClock {
        let mut clock = RadioClock::default();
        let (longest_s, step_s) = RadioClock::span_s();
        let likelihood: Vec<f32> = (0..LAGS)
            .map(|index| (-(longest_s - step_s * index as f64 - fitting_s).abs()).exp() as f32)
            .collect();
        for second in 0..scans {
            clock.learn(Time::from_millis(1000 * second), &likelihood, 0.5);
        }
        clock
    }

    #[test]
    fn a_clock_is_believed_to_be_wrong_once_it_is_sure_and_not_for_less_than_a_lag() {
        assert_eq!(heard(2.0, 3).lag_s(), 0.0);
        for lag_s in [-1.5, 1.0, 2.0] {
            let found_s = heard(lag_s, 60).lag_s();
            assert!((found_s - lag_s).abs() < 0.1, "{found_s} for {lag_s}");
        }
        for lag_s in [-0.5, 0.0, 0.25] {
            assert_eq!(heard(lag_s, 60).lag_s(), 0.0);
        }
    }

    #[test]
    fn one_scan_that_fits_nowhere_but_at_one_lag_decides_nothing() {
        let mut clock = heard(0.0, 20);
        let mut likelihood = [1e-30; LAGS];
        likelihood[0] = 1.0;
        clock.learn(Time::from_millis(30_000), &likelihood, 1.0);
        assert_eq!(clock.lag_s(), 0.0);
        assert!(clock.is_sound());
    }
}
