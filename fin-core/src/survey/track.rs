//! The labelled drive, and the place at any instant of it.

use super::LabelReport;
use crate::network::{EdgeId, Route};
use crate::time::Time;

/// Where a drive was over time.
#[derive(Clone, Debug, PartialEq)]
pub struct SurveyTrack {
    /// Stretches driven without a break, in time order and not overlapping.
    pub segments: Vec<TrackSegment>,
    /// What of the drive's data was used and what was not.
    pub report: LabelReport,
}

/// A stretch driven without a break.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackSegment {
    /// The edges driven, end to end.
    pub route: Route,
    /// Places along the route in time order, at every fix and at least every second; at least two.
    pub points: Vec<TrackPoint>,
}

/// A place along a route at an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackPoint {
    /// When.
    pub time: Time,
    /// Metres from the beginning of the route, 0…its length; never less than in the point before.
    pub offset_m: f64,
    /// Standard deviation of the offset, metres.
    pub sigma_m: f64,
    /// Speed along the route, m/s, at least 0.
    pub speed_mps: f64,
}

/// A place of the drive on the network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Index of the segment.
    pub segment: usize,
    /// Metres from the beginning of the segment's route.
    pub route_offset_m: f64,
    /// The edge at that place.
    pub edge: EdgeId,
    /// Metres from the beginning of the edge.
    pub offset_m: f64,
    /// Standard deviation along the road, metres.
    pub sigma_m: f64,
    /// Speed, m/s.
    pub speed_mps: f64,
}

impl SurveyTrack {
    /// The place at `time`; `None` outside of all segments.
    ///
    /// Between points, the cubic through their offsets and speeds (Hermite), with speeds held to what keeps it from running
    /// backwards (Fritsch and Carlson 1980, "Monotone piecewise cubic interpolation": at most 3 times the mean speed between
    /// the points). The standard deviation is interpolated linearly.
    pub fn place_at(&self, time: Time) -> Option<Place> {
        let ended = |segment: &TrackSegment| segment.points.last().is_none_or(|last| last.time < time);
        let index = self.segments.partition_point(ended);
        let segment = self.segments.get(index)?;
        let point = interpolate(&segment.points, time)?;
        let at = segment.route.locate(point.offset_m)?;
        Some(Place {
            segment: index,
            route_offset_m: point.offset_m,
            edge: at.edge,
            offset_m: at.offset_m,
            sigma_m: point.sigma_m,
            speed_mps: point.speed_mps,
        })
    }
}

/// The point at `time`; `None` before the first and after the last.
fn interpolate(points: &[TrackPoint], time: Time) -> Option<TrackPoint> {
    let next = points.partition_point(|point| point.time < time);
    let after = points.get(next)?;
    if after.time == time {
        return Some(*after);
    }
    let before = &points[next.checked_sub(1)?];
    let h_s = after.time.seconds_since(before.time);
    let u = time.seconds_since(before.time) / h_s;
    let mean_mps = (after.offset_m - before.offset_m) / h_s;
    let (m0, m1) = (
        before.speed_mps.min(3.0 * mean_mps),
        after.speed_mps.min(3.0 * mean_mps),
    );
    // s = s₀ + h u (m₀ + u (3 m̄ − 2 m₀ − m₁ + u (m₀ + m₁ − 2 m̄))), m̄ the mean speed.
    let (c2, c3) = (3.0 * mean_mps - 2.0 * m0 - m1, m0 + m1 - 2.0 * mean_mps);
    let offset_m = before.offset_m + h_s * u * (m0 + u * (c2 + u * c3));
    Some(TrackPoint {
        time,
        offset_m: offset_m.max(before.offset_m).min(after.offset_m),
        sigma_m: before.sigma_m + u * (after.sigma_m - before.sigma_m),
        speed_mps: (m0 + u * (2.0 * c2 + 3.0 * u * c3)).max(0.0),
    })
}

/// The points with offsets that never fall and lie on the route: of all such sequences the one closest to the given,
/// weighted by 1/σ² (pool adjacent violators, Ayer and others 1955, "An empirical distribution function for sampling with
/// incomplete information").
///
/// A car at rest creeps back and forth by some centimetres in the smoother; nobody reverses along a survey.
pub(super) fn monotone(mut points: Vec<TrackPoint>, length_m: f64) -> Vec<TrackPoint> {
    // Blocks of equal offset: sum of weights, weighted mean, number of points.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for point in &points {
        let mut block = (
            1.0 / (point.sigma_m * point.sigma_m).max(1e-12),
            point.offset_m,
            1,
        );
        while let Some(&(weight, mean, count)) = blocks.last().filter(|last| last.1 > block.1) {
            let sum = weight + block.0;
            block = (sum, mean + (block.1 - mean) * block.0 / sum, count + block.2);
            blocks.pop();
        }
        blocks.push(block);
    }
    let offsets = blocks
        .iter()
        .flat_map(|&(_, mean, count)| std::iter::repeat_n(mean, count));
    for (point, offset_m) in points.iter_mut().zip(offsets) {
        point.offset_m = offset_m.max(0.0).min(length_m);
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points(rows: &[(i64, f64, f64)]) -> Vec<TrackPoint> {
        let point = |&(s, offset_m, speed_mps): &(i64, f64, f64)| TrackPoint {
            time: Time::from_millis(1000 * s),
            offset_m,
            sigma_m: 2.0 + s as f64,
            speed_mps,
        };
        rows.iter().map(point).collect()
    }

    #[test]
    fn between_points_a_braking_car_is_followed_exactly() {
        // From 10 m/s to rest within 4 s: s = 10 t − 1.25 t².
        let points = points(&[(0, 0.0, 10.0), (4, 20.0, 0.0)]);
        let half = interpolate(&points, Time::from_millis(2000)).unwrap();
        assert!((half.offset_m - 15.0).abs() < 1e-12 && (half.speed_mps - 5.0).abs() < 1e-12);
        assert_eq!(half.sigma_m, 4.0);
        assert_eq!(interpolate(&points, Time::from_millis(4000)), Some(points[1]));
        assert_eq!(interpolate(&points, Time::from_millis(4001)), None);
        assert_eq!(interpolate(&points, Time::from_millis(-1)), None);
    }

    proptest! {
        #[test]
        fn offsets_never_fall(
            rows in proptest::collection::vec((-5.0..60.0_f64, 0.1..9.0_f64, 0.0..30.0_f64), 2..30),
        ) {
            let raw: Vec<TrackPoint> = rows.iter().enumerate().map(|(i, &(offset_m, sigma_m, speed_mps))| TrackPoint {
                time: Time::from_millis(1000 * i as i64), offset_m, sigma_m, speed_mps,
            }).collect();
            let points = monotone(raw.clone(), 50.0);
            prop_assert_eq!(&monotone(points.clone(), 50.0), &points);
            let mut last_m = 0.0;
            for i in 0..10 * (points.len() as i64 - 1) {
                let at = interpolate(&points, Time::from_millis(100 * i)).unwrap();
                prop_assert!(at.offset_m >= last_m - 1e-9 && at.offset_m <= 50.0);
                last_m = at.offset_m;
            }
            let rising = raw.windows(2).all(|pair| pair[0].offset_m <= pair[1].offset_m);
            if rising {
                prop_assert!(raw.iter().zip(&points).all(|(a, b)| a.offset_m.clamp(0.0, 50.0) == b.offset_m));
            }
        }
    }
}
