//! Distance driven, from wheel speed.

use crate::observation::{GnssFix, SpeedSample};
use crate::time::Time;

/// Longest time between two samples over which the speed is interpolated, seconds.
const MAX_SAMPLE_GAP_S: f64 = 5.0;
/// Shortest and longest time between the two fixes of a pair that the scale is learnt from, seconds.
const PAIR_S: std::ops::RangeInclusive<f64> = 8.0..=40.0;
/// Shortest distance of such a pair, metres: the fixes' own errors have to be small against it.
const PAIR_MIN_M: f64 = 100.0;
/// A pair whose ratio lies outside this range tells of a bend or a bad fix, not of the car.
const PAIR_RATIO: std::ops::RangeInclusive<f64> = 0.85..=1.15;
/// Fewest pairs to learn a scale from.
const MIN_PAIRS: usize = 5;
/// Relative error of a distance whose scale was learnt.
const LEARNT_ERROR: f64 = 0.01;
/// Relative error of a distance whose scale was not: cars differ by about that much.
const UNLEARNT_ERROR: f64 = 0.03;

/// Wheel speed summed up to distances.
#[derive(Clone, Debug, PartialEq)]
pub struct Odometer {
    times: Vec<Time>,
    speeds_mps: Vec<f64>,
    /// Metres from the first sample to each, gaps counted as if they were driven evenly.
    travelled_m: Vec<f64>,
    /// How many gaps lie before each sample.
    gaps: Vec<u32>,
    scale: f64,
    relative_error: f64,
}

impl Odometer {
    /// The odometer of `samples` with the scale of the car as it is. Samples with a speed that is no number or below 0,
    /// or with a time that is not after the one before, are passed over.
    pub fn new(samples: &[SpeedSample]) -> Odometer {
        let mut odometer = Odometer {
            times: Vec::new(),
            speeds_mps: Vec::new(),
            travelled_m: Vec::new(),
            gaps: Vec::new(),
            scale: 1.0,
            relative_error: UNLEARNT_ERROR,
        };
        for sample in samples
            .iter()
            .filter(|s| s.speed_mps.is_finite() && s.speed_mps >= 0.0)
        {
            let (mut travelled_m, mut gaps) = (0.0, 0);
            if let Some(last) = odometer.times.len().checked_sub(1) {
                let dt_s = sample.time.seconds_since(odometer.times[last]);
                if dt_s <= 0.0 {
                    continue;
                }
                travelled_m =
                    odometer.travelled_m[last] + 0.5 * (odometer.speeds_mps[last] + sample.speed_mps) * dt_s;
                gaps = odometer.gaps[last] + u32::from(dt_s > MAX_SAMPLE_GAP_S);
            }
            odometer.times.push(sample.time);
            odometer.speeds_mps.push(sample.speed_mps);
            odometer.travelled_m.push(travelled_m);
            odometer.gaps.push(gaps);
        }
        odometer
    }

    /// The odometer of `samples` with its scale learnt from `fixes`: the median, over pairs of fixes some 10 s apart, of the
    /// straight line divided by the distance driven. The scale stays 1 where there are too few such pairs.
    pub fn calibrated(samples: &[SpeedSample], fixes: &[GnssFix]) -> Odometer {
        let mut odometer = Odometer::new(samples);
        if odometer.times.is_empty() {
            return odometer;
        }
        let mut ratios = Vec::new();
        let mut first = 0;
        for (i, fix) in fixes.iter().enumerate() {
            let from = &fixes[first];
            let dt_s = fix.time.seconds_since(from.time);
            if dt_s < *PAIR_S.start() {
                continue;
            }
            first = i;
            let driven_m = odometer
                .distance_m(from.time, fix.time)
                .filter(|&m| m >= PAIR_MIN_M);
            if let Some(driven_m) = driven_m.filter(|_| PAIR_S.contains(&dt_s)) {
                ratios.push(from.position.distance_m(fix.position) / driven_m);
            }
        }
        ratios.retain(|ratio| PAIR_RATIO.contains(ratio));
        if ratios.len() >= MIN_PAIRS {
            ratios.sort_by(f64::total_cmp);
            odometer.scale = ratios[ratios.len() / 2];
            odometer.relative_error = LEARNT_ERROR;
        }
        odometer
    }

    /// What a reported distance is multiplied by to get the true one.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Relative standard error of a distance, 0.01 when the scale was learnt.
    pub fn relative_error(&self) -> f64 {
        self.relative_error
    }

    /// Metres driven between two instants; `None` where the samples do not cover them without a gap of over 5 s.
    pub fn distance_m(&self, from: Time, to: Time) -> Option<f64> {
        let (a, b) = (self.reading(from)?, self.reading(to)?);
        (a.gaps == b.gaps).then_some((b.travelled_m - a.travelled_m) * self.scale)
    }

    /// Reported speed at an instant, scaled, m/s; `None` where there is no sample on both sides within 5 s.
    pub fn speed_mps(&self, at: Time) -> Option<f64> {
        Some(self.reading(at)?.speed_mps * self.scale)
    }

    fn reading(&self, at: Time) -> Option<Reading> {
        let after = self.times.partition_point(|&time| time <= at);
        let i = after.checked_sub(1)?;
        let dt_s = at.seconds_since(self.times[i]);
        let Some(&next) = self.times.get(after) else {
            let exact = dt_s == 0.0;
            let (travelled_m, gaps) = (self.travelled_m[i], self.gaps[i]);
            return exact.then_some(Reading {
                travelled_m,
                speed_mps: self.speeds_mps[i],
                gaps,
            });
        };
        if self.gaps[after] != self.gaps[i] && dt_s > 0.0 {
            return None;
        }
        let fraction = dt_s / next.seconds_since(self.times[i]);
        let (v0, v1) = (self.speeds_mps[i], self.speeds_mps[after]);
        let speed_mps = v0 + fraction * (v1 - v0);
        Some(Reading {
            travelled_m: self.travelled_m[i] + 0.5 * (v0 + speed_mps) * dt_s,
            speed_mps,
            gaps: self.gaps[i],
        })
    }
}

struct Reading {
    travelled_m: f64,
    speed_mps: f64,
    gaps: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{EastNorth, LatLon, LocalFrame};

    fn samples(speeds: &[(i64, f64)]) -> Vec<SpeedSample> {
        speeds
            .iter()
            .map(|&(s, speed_mps)| SpeedSample {
                time: Time::from_millis(s * 1000),
                speed_mps,
            })
            .collect()
    }

    fn at(seconds: f64) -> Time {
        Time::from_millis(0).plus_seconds(seconds)
    }

    #[test]
    fn distances_are_the_area_under_the_speed() {
        let odometer = Odometer::new(&samples(&[(0, 10.0), (2, 20.0), (4, 20.0)]));
        assert_eq!(odometer.distance_m(at(0.0), at(4.0)), Some(70.0));
        assert_eq!(odometer.distance_m(at(1.0), at(2.0)), Some(17.5));
        assert_eq!(odometer.speed_mps(at(1.0)), Some(15.0));
        assert_eq!(odometer.distance_m(at(1.0), at(4.1)), None);
        assert_eq!(odometer.distance_m(at(-0.1), at(4.0)), None);
    }

    #[test]
    fn gaps_are_not_bridged() {
        let odometer = Odometer::new(&samples(&[(0, 10.0), (2, 10.0), (30, 10.0), (32, 10.0)]));
        assert_eq!(odometer.distance_m(at(0.0), at(2.0)), Some(20.0));
        assert_eq!(odometer.distance_m(at(1.0), at(31.0)), None);
        assert_eq!(odometer.distance_m(at(3.0), at(4.0)), None);
        assert_eq!(odometer.distance_m(at(30.0), at(32.0)), Some(20.0));
    }

    #[test]
    fn bad_samples_are_passed_over() {
        let bad = samples(&[
            (0, 10.0),
            (1, f64::NAN),
            (2, -3.0),
            (2, 10.0),
            (2, 99.0),
            (4, 10.0),
        ]);
        assert_eq!(Odometer::new(&bad).distance_m(at(0.0), at(4.0)), Some(40.0));
    }

    #[test]
    fn the_scale_is_learnt_from_fixes() {
        let frame = LocalFrame::new(LatLon::new(47.0, 8.0));
        let fix = |s: i64| GnssFix {
            time: Time::from_millis(s * 1000),
            position: frame.to_lat_lon(EastNorth {
                east_m: 20.0 * s as f64,
                north_m: 0.0,
            }),
            accuracy_m: None,
            speed_mps: None,
            bearing_deg: None,
        };
        let fixes: Vec<GnssFix> = (0..100).map(fix).collect();
        let speeds: Vec<(i64, f64)> = (0..100).map(|s| (s, 20.0 * 0.97)).collect();
        let odometer = Odometer::calibrated(&samples(&speeds), &fixes);
        assert!((odometer.scale() - 1.0 / 0.97).abs() < 1e-3);
        assert_eq!(odometer.relative_error(), LEARNT_ERROR);
        assert_eq!(Odometer::calibrated(&samples(&speeds), &fixes[..20]).scale(), 1.0);
    }
}
