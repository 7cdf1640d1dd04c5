//! Estimates against truth: error along the road inside tunnels, coverage of the stated intervals, the exits, and the hand-over
//! to fixes after them.

use std::sync::Arc;

use fin_core::engine::{Diagnostics, Estimate, Mode};
use fin_core::fingerprint::FingerprintDb;
use fin_core::fingerprint::fit::Fit;
use fin_core::frame::bearing_difference_deg;
use fin_core::network::{EdgePosition, RoadNetwork, TunnelId};
use fin_core::observation::{Drive, TruePosition};
use fin_core::time::Time;
use serde::Serialize;

use crate::replay::estimates_at;

/// How far a true position may lie from the road that it is on, metres.
const TRUTH_RADIUS_M: f64 = 25.0;
/// Length of road that is searched between estimate and truth, metres.
const SEARCH_M: f64 = 3000.0;
/// Least time between the true positions that are scored, seconds.
const SCORE_INTERVAL_S: f64 = 0.999;

/// One true position and what the engine said at that time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The engine's answer.
    pub estimate: Estimate,
    /// Where the car was.
    pub truth: EdgePosition,
    /// Metres along the road from the truth to the estimate; on another branch the straight distance.
    pub error_m: f64,
    /// Whether the estimate is on a road from which the truth cannot be reached along the road.
    pub wrong_branch: bool,
    /// The tunnel that the car was in.
    pub tunnel: TunnelId,
    /// Which pass through a tunnel of this drive, from 0.
    pub pass: usize,
    /// Metres along the road from the estimate before of the same pass to this one; 0 on another branch.
    pub advance_m: f64,
}

/// A step back on the same road that a driver notices, metres.
const STEP_BACK_M: f64 = -2.0;
/// How long after a tunnel the answer is held against the truth for the hand-over to fixes, seconds.
const HANDOVER_S: f64 = 20.0;

/// The way out of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Handover {
    /// The tunnel that the car came out of.
    pub tunnel: TunnelId,
    /// The greatest change of the error along the road from one scored time to the next one at which the answer goes by fixes, up to
    /// 20 s after the tunnel, metres: the greatest step that the car did not make.
    pub step_m: f64,
}

/// What the engine made of one drive.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Every scored true position inside a tunnel.
    pub samples: Vec<Sample>,
    /// Every way out of a tunnel after which the answer goes by fixes and stays on its road.
    pub handovers: Vec<Handover>,
    /// True positions inside tunnels at which the engine had no answer.
    pub unanswered: usize,
    /// What became of the observations.
    pub diagnostics: Diagnostics,
    /// How what was heard in tunnels fits their surveys.
    pub fit: Fit,
}

impl Evaluation {
    /// The part of the evaluation inside one tunnel.
    pub fn in_tunnel(&self, tunnel: TunnelId) -> Evaluation {
        let mut part = self.clone();
        part.samples.retain(|sample| sample.tunnel == tunnel);
        part.handovers.retain(|handover| handover.tunnel == tunnel);
        part
    }

    /// The last sample of each pass through a tunnel.
    pub fn exits(&self) -> impl Iterator<Item = &Sample> {
        let last = |(at, sample): &(usize, &Sample)| {
            self.samples
                .get(at + 1)
                .is_none_or(|next| next.pass != sample.pass)
        };
        self.samples
            .iter()
            .enumerate()
            .filter(last)
            .map(|(_, sample)| sample)
    }
}

/// Statistics of errors. Metres, and shares from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Scored positions.
    pub samples: usize,
    /// Median of the absolute error.
    pub median_m: f64,
    /// 68 % of the absolute errors are at most this.
    pub p68_m: f64,
    /// 95 % of the absolute errors are at most this.
    pub p95_m: f64,
    /// Greatest absolute error.
    pub max_m: f64,
    /// Median of the absolute error at the last scored position of each pass through a tunnel.
    pub exit_median_m: f64,
    /// 95 % of the absolute errors there are at most this.
    pub exit_p95_m: f64,
    /// Greatest absolute error there.
    pub exit_max_m: f64,
    /// 95 % of the ways out of a tunnel have no greater step that the car did not make.
    pub handover_p95_m: f64,
    /// The greatest one.
    pub handover_max_m: f64,
    /// Share of the errors within the stated 68 % half-width.
    pub coverage68: f64,
    /// Share of the errors within the stated 95 % half-width.
    pub coverage95: f64,
    /// Share of the positions reported on another branch.
    pub wrong_branch: f64,
    /// Share of the positions reported more than 2 m behind the one before.
    pub steps_back: f64,
}

impl Summary {
    /// The statistics over all samples of `evaluations`; zeros when there are none.
    pub fn of<'a>(evaluations: impl IntoIterator<Item = &'a Evaluation> + Clone) -> Summary {
        let samples: Vec<&Sample> = evaluations.clone().into_iter().flat_map(|e| &e.samples).collect();
        if samples.is_empty() {
            return Summary::default();
        }
        let mut errors: Vec<f64> = samples.iter().map(|s| s.error_m.abs()).collect();
        let mut handovers: Vec<f64> = evaluations
            .clone()
            .into_iter()
            .flat_map(|e| e.handovers.iter().map(|handover| handover.step_m))
            .collect();
        let mut exits: Vec<f64> = evaluations
            .into_iter()
            .flat_map(|e| e.exits().map(|s| s.error_m.abs()).collect::<Vec<_>>())
            .collect();
        errors.sort_by(f64::total_cmp);
        exits.sort_by(f64::total_cmp);
        handovers.sort_by(f64::total_cmp);
        let share = |hit: &dyn Fn(&Sample) -> bool| {
            samples.iter().filter(|s| hit(s)).count() as f64 / samples.len() as f64
        };
        Summary {
            samples: samples.len(),
            median_m: quantile(&errors, 0.5),
            p68_m: quantile(&errors, 0.68),
            p95_m: quantile(&errors, 0.95),
            max_m: quantile(&errors, 1.0),
            exit_median_m: quantile(&exits, 0.5),
            exit_p95_m: quantile(&exits, 0.95),
            exit_max_m: quantile(&exits, 1.0),
            handover_p95_m: quantile(&handovers, 0.95),
            handover_max_m: quantile(&handovers, 1.0),
            coverage68: share(&|s| s.error_m.abs() <= s.estimate.accuracy_m),
            coverage95: share(&|s| s.error_m.abs() <= s.estimate.accuracy95_m),
            wrong_branch: share(&|s| s.wrong_branch),
            steps_back: share(&|s| s.advance_m < STEP_BACK_M),
        }
    }
}

/// The value below which the share `q` of the ascending `sorted` lies, interpolated; 0 when there are none.
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let at = q * last as f64;
    let low = (at.floor() as usize).min(last);
    let high = (low + 1).min(last);
    sorted[low] + (at - low as f64) * (sorted[high] - sorted[low])
}

/// Runs the engine over `drive` and scores it at the true positions inside tunnels, at most one a second.
pub fn evaluate(db: &Arc<FingerprintDb>, drive: &Drive, truth: &[TruePosition]) -> Evaluation {
    let scored = through_tunnels(&db.network, truth);
    let times: Vec<_> = scored.iter().map(|place| place.truth.time).collect();
    let (estimates, engine) = estimates_at(db, drive, &times);
    let mut samples: Vec<Sample> = Vec::with_capacity(scored.len());
    let mut ways_out = WaysOut::default();
    let mut unanswered = 0;
    let network = &db.network;
    for (place, estimate) in scored.iter().zip(estimates) {
        let Some(estimate) = estimate else {
            unanswered += usize::from(place.inside);
            continue;
        };
        let at = edge_position(&estimate);
        let along = at.and_then(|at| along_road_m(network, place.at, at, SEARCH_M));
        ways_out.add(place, along, estimate.mode == Mode::Gnss);
        if !place.inside {
            continue;
        }
        let before = samples.last().filter(|before| before.pass == place.pass);
        let before = before.and_then(|before| edge_position(&before.estimate));
        let advance = before
            .zip(at)
            .and_then(|(before, at)| along_road_m(network, before, at, SEARCH_M));
        samples.push(Sample {
            estimate,
            truth: place.at,
            error_m: along.unwrap_or_else(|| place.truth.position.distance_m(estimate.position)),
            wrong_branch: along.is_none(),
            tunnel: place.tunnel,
            pass: place.pass,
            advance_m: advance.unwrap_or(0.0),
        });
    }
    Evaluation {
        samples,
        handovers: ways_out.handovers,
        unanswered,
        diagnostics: *engine.diagnostics(),
        fit: engine
            .tunnel_fits()
            .iter()
            .fold(Fit::default(), |sum, tunnel| sum.and(tunnel.fit)),
    }
}

/// Where on the road network `estimate` is, when it is.
fn edge_position(estimate: &Estimate) -> Option<EdgePosition> {
    estimate.road.map(|road| EdgePosition {
        edge: road.edge,
        offset_m: road.edge_offset_m,
    })
}

/// The ways out of tunnels, gathered from one place to the next.
#[derive(Default)]
struct WaysOut {
    handovers: Vec<Handover>,
    /// The pass of the last one.
    of_pass: Option<usize>,
    /// Pass and error along the road at the place before.
    before: Option<(usize, f64)>,
}

impl WaysOut {
    /// Adds what was answered at `place`, `along` metres from the truth, or on another branch.
    fn add(&mut self, place: &Scored, along: Option<f64>, by_fixes: bool) {
        let before = self.before.filter(|(pass, _)| *pass == place.pass);
        self.before = along.map(|error_m| (place.pass, error_m));
        let over = by_fixes && !place.inside;
        let Some(((pass, before_m), error_m)) = before.zip(along).filter(|_| over) else {
            return;
        };
        let step_m = (error_m - before_m).abs();
        match self.handovers.last_mut() {
            Some(last) if self.of_pass == Some(pass) => last.step_m = last.step_m.max(step_m),
            _ => self.handovers.push(Handover {
                tunnel: place.tunnel,
                step_m,
            }),
        }
        self.of_pass = Some(pass);
    }
}

/// A true position inside a tunnel, or up to [`HANDOVER_S`] after it.
struct Scored {
    truth: TruePosition,
    at: EdgePosition,
    /// The tunnel that the car is in or has come out of.
    tunnel: TunnelId,
    /// Whether it is still in it.
    inside: bool,
    pass: usize,
}

/// The true positions inside tunnels and just after them, at most one a second, with the directed edge that the car was on.
fn through_tunnels(network: &RoadNetwork, truth: &[TruePosition]) -> Vec<Scored> {
    let mut places: Vec<Scored> = Vec::new();
    let mut out_of: Option<(TunnelId, Time)> = None;
    let mut course: Option<f64> = None;
    let mut moved_from = truth.first().copied();
    let mut passes = 0;
    let mut was_inside = false;
    for (index, &here) in truth.iter().enumerate() {
        let next = truth[index..]
            .iter()
            .find(|next| next.position.distance_m(here.position) > 3.0);
        if let (Some(from), Some(to)) = (moved_from, next.or(Some(&here))) {
            let frame = fin_core::frame::LocalFrame::new(from.position);
            let moved = frame.to_local(to.position).minus(frame.to_local(here.position));
            let since = frame.to_local(here.position);
            if moved.length_m() > 1.0 {
                course = Some(moved.bearing_deg());
            } else if since.length_m() > 1.0 {
                course = Some(since.bearing_deg());
            }
        }
        moved_from = Some(here);
        let near = network.nearest(here.position, TRUTH_RADIUS_M, 12);
        let along = near
            .iter()
            .find(|p| course.is_none_or(|c| bearing_difference_deg(c, p.bearing_deg).abs() < 60.0));
        let tunnel = along.and_then(|p| network.edge(p.edge).tunnel);
        passes += usize::from(tunnel.is_some() && !was_inside);
        was_inside = tunnel.is_some();
        if let Some(tunnel) = tunnel {
            out_of = Some((tunnel, here.time));
        }
        let after = out_of.filter(|(_, last)| here.time.seconds_since(*last) <= HANDOVER_S);
        let (Some(along), Some((tunnel, _))) = (along, after) else {
            continue;
        };
        let due = places
            .last()
            .is_none_or(|last| here.time.seconds_since(last.truth.time) >= SCORE_INTERVAL_S);
        if due {
            places.push(Scored {
                truth: here,
                at: along.place(),
                tunnel,
                inside: was_inside,
                pass: passes - 1,
            });
        }
    }
    places
}

/// Signed metres along the road from `truth` to `estimate`, positive ahead; `None` when neither can be reached from the
/// other within `most_m` without turning back.
pub fn along_road_m(
    network: &RoadNetwork,
    truth: EdgePosition,
    estimate: EdgePosition,
    most_m: f64,
) -> Option<f64> {
    if truth.edge == estimate.edge {
        return Some(estimate.offset_m - truth.offset_m);
    }
    let ahead = network
        .shortest_path(truth, estimate, most_m)
        .map(|path| path.length_m);
    let behind = network
        .shortest_path(estimate, truth, most_m)
        .map(|path| path.length_m);
    match (ahead, behind) {
        (Some(ahead), Some(behind)) if behind < ahead => Some(-behind),
        (Some(ahead), _) => Some(ahead),
        (None, Some(behind)) => Some(-behind),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use fin_core::frame::LatLon;
    use fin_core::network::EdgeId;

    use super::*;

    #[test]
    fn a_hand_over_is_the_greatest_step_by_fixes_after_the_tunnel() {
        let place = |pass: usize, inside: bool| Scored {
            truth: TruePosition {
                time: Time::default(),
                position: LatLon {
                    lat_deg: 46.0,
                    lon_deg: 8.0,
                },
            },
            at: EdgePosition {
                edge: EdgeId(0),
                offset_m: 0.0,
            },
            tunnel: TunnelId(pass as u32),
            inside,
            pass,
        };
        let mut ways_out = WaysOut::default();
        // Inside, and before fixes are taken, no step counts.
        ways_out.add(&place(0, true), Some(50.0), true);
        ways_out.add(&place(0, true), Some(20.0), true);
        ways_out.add(&place(0, false), Some(12.0), false);
        for error_m in [9.0, 2.0, 1.0] {
            ways_out.add(&place(0, false), Some(error_m), true);
        }
        // On another branch there is no error along the road to step from.
        ways_out.add(&place(1, false), None, true);
        ways_out.add(&place(1, false), Some(-30.0), true);
        ways_out.add(&place(1, false), Some(-26.0), true);
        let steps: Vec<(TunnelId, f64)> = ways_out.handovers.iter().map(|h| (h.tunnel, h.step_m)).collect();
        assert_eq!(steps, [(TunnelId(0), 7.0), (TunnelId(1), 4.0)]);
    }
}
