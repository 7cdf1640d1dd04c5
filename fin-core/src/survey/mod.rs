//! Offline: one recorded drive to where it was, second by second, with a standard deviation.
//!
//! 1. Fixes that cannot be right are dropped: repeated while moving, impossible jumps, inaccurate ones.
//! 2. The others are matched to the roads ([`crate::matching`]); those deep in a tunnel, which a phone makes up, are not
//!    believed.
//! 3. Along each matched route a Kalman filter runs forwards and a Rauch–Tung–Striebel smoother back, so that a tunnel is
//!    held by the fixes at both of its ends.

mod clean;
mod error;
mod pass;
mod report;
mod smooth;
#[cfg(test)]
mod tests;
mod track;

pub use error::SurveyError;
pub use report::LabelReport;
pub use track::{Place, SurveyTrack, TrackPoint, TrackSegment};

use crate::estimate::MotionModel;
use crate::matching::{MatchOptions, MatchedSegment, Odometer, match_track};
use crate::network::{RoadNetwork, Route};
use crate::observation::{Drive, GnssFix, SpeedSample};
use smooth::Positioned;

/// How far before a tunnel phones freeze, metres.
const FREEZE_M: f64 = 200.0;

/// Numbers of the labelling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelOptions {
    /// Numbers of the map matching.
    pub matching: MatchOptions,
    /// Motion of the car and errors of its odometer.
    pub motion: MotionModel,
    /// Accuracy (68 % radius) of a fix that does not tell, metres.
    pub default_accuracy_m: f64,
    /// Fixes with a larger accuracy are dropped, metres.
    pub max_accuracy_m: f64,
    /// Standard deviation, per axis, of the road's line and the lane, metres.
    pub road_sigma_m: f64,
    /// Part of the variance of a fix that does not change from one second to the next.
    pub correlated_share: f64,
    /// Correlation time of that part, seconds.
    pub correlation_s: f64,
    /// Standard deviation of the time stamps of fixes, seconds.
    pub time_sigma_s: f64,
    /// Standard deviation of GNSS speeds, m/s.
    pub speed_sigma_mps: f64,
    /// How far inside a tunnel fixes are believed, metres from the portal.
    pub trusted_depth_m: f64,
    /// Speeds above this mean that the car moves, m/s.
    pub moving_mps: f64,
}

impl Default for LabelOptions {
    fn default() -> Self {
        Self {
            matching: MatchOptions::default(),
            motion: MotionModel::default(),
            default_accuracy_m: 10.0,
            max_accuracy_m: 100.0,
            road_sigma_m: 2.0,
            correlated_share: 0.85,
            correlation_s: 30.0,
            time_sigma_s: 0.15,
            speed_sigma_mps: 0.4,
            trusted_depth_m: 50.0,
            moving_mps: 1.0,
        }
    }
}

/// Where `drive` was, on the roads of `network`, and what of its data was not used.
///
/// Deterministic. Without wheel speed the places inside tunnels are as uncertain as the standard deviations say.
///
/// # Errors
/// [`SurveyError`] with the reason when no stretch of the drive can be placed.
pub fn label(
    network: &RoadNetwork,
    drive: &Drive,
    options: &LabelOptions,
) -> Result<SurveyTrack, SurveyError> {
    let mut report = LabelReport {
        fixes: drive.gnss.len(),
        ..LabelReport::default()
    };
    let mut wheel: Vec<SpeedSample> = drive
        .speed
        .iter()
        .copied()
        .filter(|s| s.speed_mps.is_finite() && s.speed_mps >= 0.0)
        .collect();
    report.bad_speeds = drive.speed.len() - wheel.len();
    wheel.sort_by_key(|sample| sample.time);
    let fixes = clean::clean(&drive.gnss, &Odometer::new(&wheel), options, &mut report);
    if fixes.len() < 2 {
        let report = Box::new(report);
        return Err(SurveyError::TooFewFixes {
            usable: fixes.len(),
            report,
        });
    }
    let odometer = Odometer::calibrated(&wheel, &fixes);
    let matched = match_track(network, &fixes, &odometer, &options.matching);
    report.add_match(&matched.counts);
    if matched.segments.is_empty() {
        let report = Box::new(report);
        return Err(SurveyError::OffRoad {
            usable: fixes.len(),
            report,
        });
    }
    let mut segments = Vec::new();
    for segment in matched.segments {
        let positions = trusted(network, &fixes, &segment, &odometer, options);
        report.in_tunnel += segment.fixes.len() - positions.len();
        let smoothed = smooth::smooth_segment(&segment.route, &positions, &wheel, options)?;
        match smoothed {
            Some(smoothed) => {
                report.used += positions.len();
                report.outliers += smoothed.outliers;
                segments.push(TrackSegment {
                    route: segment.route,
                    points: smoothed.points,
                });
            }
            None => report.short += positions.len(),
        }
    }
    if segments.is_empty() {
        return Err(SurveyError::NoStretch {
            report: Box::new(report),
        });
    }
    Ok(SurveyTrack { segments, report })
}

/// The fixes of a segment that are outside of tunnels or near a portal, as places on the route.
///
/// Before a tunnel, a position that is repeated to the last digit is taken for a phone that froze there, unless the wheels say
/// that the car stood.
fn trusted(
    network: &RoadNetwork,
    fixes: &[GnssFix],
    segment: &MatchedSegment,
    odometer: &Odometer,
    options: &LabelOptions,
) -> Vec<Positioned> {
    let tunnels = tunnel_spans(network, &segment.route);
    let depth_m = options.trusted_depth_m;
    let is_deep = |route_m: f64| {
        tunnels
            .iter()
            .any(|&(entry_m, exit_m)| route_m > entry_m + depth_m && route_m < exit_m - depth_m)
    };
    let is_frozen = |k: usize| {
        let placed = &segment.fixes[k];
        let fix = &fixes[placed.index];
        let before_tunnel =
            |&(entry_m, exit_m): &(f64, f64)| placed.route_m > entry_m - FREEZE_M && placed.route_m < exit_m;
        k > 0
            && fixes[segment.fixes[k - 1].index].position == fix.position
            && odometer.speed_mps(fix.time).is_none()
            && tunnels.iter().any(before_tunnel)
    };
    let outside = (0..segment.fixes.len()).filter(|&k| !is_deep(segment.fixes[k].route_m) && !is_frozen(k));
    let positioned = outside.map(|k| {
        let placed = &segment.fixes[k];
        Positioned {
            route_m: placed.route_m,
            fix: fixes[placed.index],
        }
    });
    positioned.collect()
}

/// From where to where `route` is in tunnels, metres; infinite where the route begins or ends inside one.
fn tunnel_spans(network: &RoadNetwork, route: &Route) -> Vec<(f64, f64)> {
    let mut spans: Vec<(f64, f64)> = Vec::new();
    let mut was_inside = false;
    let mut at_m = 0.0;
    for (i, &edge) in route.edges().iter().enumerate() {
        let inside = network.way_of(edge).tunnel;
        match (was_inside, inside) {
            (false, true) => spans.push((if i == 0 { f64::NEG_INFINITY } else { at_m }, f64::INFINITY)),
            (true, false) => {
                if let Some(span) = spans.last_mut() {
                    span.1 = at_m;
                }
            }
            _ => {}
        }
        was_inside = inside;
        at_m += network.edge(edge).length_m;
    }
    spans
}
