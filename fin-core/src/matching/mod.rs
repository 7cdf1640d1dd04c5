//! Map matching: GNSS fixes to a line through the road network.
//!
//! A hidden Markov model after Newson and Krumm 2009, "Hidden Markov map matching through noise and sparseness"
//! (ACM SIGSPATIAL). The states of a fix are the closest points of the directed edges around it.
//!
//! * Emission: −½ (d/σ)² for a point d metres away, σ from the fix's accuracy; where the fix knows its course and moves,
//!   −½ (Δ/25°)² besides, Δ the angle between course and edge.
//! * Transition: −|route − reference| / β. The reference is the distance that the [`Odometer`] tells, else the straight
//!   line between the fixes. Only the odometer tells apart two branches of a tunnel that join again before the exit.
//! * A car does not turn back but at dead ends ([`RoadNetwork::successors`]) and is not faster than 70 m/s.
//!   Backwards on one edge it may go by as much as the fixes' noise explains.
//!
//! Fixes closer than 2σ to the last one used say nothing new about the road (and, at rest, only noise): they are left out
//! of the model and placed on the finished route afterwards.

mod assemble;
mod branches;
mod chain;
mod distances;
mod odometer;
mod score;
mod tables;
#[cfg(test)]
mod tests;
mod viterbi;

pub use distances::EdgeDistances;
pub use odometer::Odometer;
pub use tables::MatchTables;

use crate::network::{RoadNetwork, Route};
use crate::observation::GnssFix;
use assemble::Track;
use chain::Chain;
use score::Site;
use tables::Roads;

/// Numbers of the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatchOptions {
    /// σ of a fix that does not tell its accuracy, metres.
    pub default_sigma_m: f64,
    /// Accuracies below this are not believed, metres: roads are mapped no better.
    pub min_sigma_m: f64,
    /// Accuracies above this count as this, metres.
    pub max_sigma_m: f64,
    /// Edges are looked for within this many σ of a fix …
    pub search_sigmas: f64,
    /// … but at least this far, metres.
    pub min_search_m: f64,
    /// Most edges looked at per fix.
    pub max_candidates: usize,
    /// Scale of the difference between route and reference, metres (β of Newson and Krumm), for short hops.
    pub beta_m: f64,
    /// Highest speed of a car, m/s.
    pub max_speed_mps: f64,
    /// Fixes in a row that may be left out, as off the road or out of reach, before the segment ends. In front of a tunnel
    /// there is no such limit.
    pub max_lost: usize,
    /// Longest time without a usable fix that a route bridges, when it leads through a tunnel, seconds.
    pub max_gap_s: f64,
    /// Longest time without a fix that a route bridges elsewhere, seconds.
    pub max_open_gap_s: f64,
}

impl Default for MatchOptions {
    fn default() -> Self {
        Self {
            default_sigma_m: 10.0,
            min_sigma_m: 4.0,
            max_sigma_m: 50.0,
            search_sigmas: 4.0,
            min_search_m: 40.0,
            max_candidates: 12,
            beta_m: 5.0,
            max_speed_mps: 70.0,
            max_lost: 3,
            max_gap_s: 1800.0,
            max_open_gap_s: 120.0,
        }
    }
}

impl MatchOptions {
    /// Standard deviation of a fix, metres: its accuracy within the limits, or the default.
    pub fn sigma_m(&self, fix: &GnssFix) -> f64 {
        let known = fix.accuracy_m.filter(|accuracy_m| accuracy_m.is_finite());
        known.map_or(self.default_sigma_m, |accuracy_m| {
            accuracy_m.max(self.min_sigma_m).min(self.max_sigma_m)
        })
    }
}

/// A fix and its place on a route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatchedFix {
    /// Which fix, as an index into the list given.
    pub index: usize,
    /// Metres along the route.
    pub route_m: f64,
    /// Metres from the fix to that place.
    pub cross_track_m: f64,
}

/// A stretch of the track that was driven without a break.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchedSegment {
    /// The edges driven, end to end.
    pub route: Route,
    /// The fixes on it, in the order given.
    pub fixes: Vec<MatchedFix>,
}

/// What became of the fixes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MatchCounts {
    /// Fixes placed on a route.
    pub placed: usize,
    /// Fixes without a road around them.
    pub off_road: usize,
    /// Fixes that could not be reached from those before, nor those after from them.
    pub unreachable: usize,
    /// Fixes that stood alone between two breaks.
    pub isolated: usize,
    /// Places where one segment ended and the next began.
    pub breaks: usize,
}

/// The track on the network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrackMatch {
    /// The segments in time order.
    pub segments: Vec<MatchedSegment>,
    /// What became of the fixes.
    pub counts: MatchCounts,
}

/// The line through `network` that `fixes`, in time order, most probably were driven on, with `odometer` where it covers
/// the time between two fixes. No segments when no two fixes fit a road.
///
/// Deterministic: equal scores are decided by the order of edges.
pub fn match_track(
    network: &RoadNetwork,
    fixes: &[GnssFix],
    odometer: &Odometer,
    options: &MatchOptions,
) -> TrackMatch {
    let roads = Roads {
        network,
        tables: None,
    };
    match_on(roads, fixes, odometer, options)
}

/// What [`match_track`] gives on the network of `tables`, in a fraction of the time.
pub fn match_track_with(
    network: &RoadNetwork,
    tables: &MatchTables,
    fixes: &[GnssFix],
    odometer: &Odometer,
    options: &MatchOptions,
) -> TrackMatch {
    let roads = Roads {
        network,
        tables: Some(tables),
    };
    match_on(roads, fixes, odometer, options)
}

fn match_on(roads: Roads<'_>, fixes: &[GnssFix], odometer: &Odometer, options: &MatchOptions) -> TrackMatch {
    let mut counts = MatchCounts::default();
    let chains = chains(roads, fixes, odometer, options, &mut counts);
    let track = Track {
        roads,
        fixes,
        odometer,
        options,
    };
    let mut segments = Vec::new();
    for segment in chains
        .iter()
        .flat_map(|chain| track.segments(chain, &chain.best().0))
    {
        if segment.fixes.len() < 2 {
            counts.isolated += segment.fixes.len();
        } else {
            counts.placed += segment.fixes.len();
            segments.push(segment);
        }
    }
    counts.breaks = segments.len().saturating_sub(1);
    TrackMatch { segments, counts }
}

/// The fixes as chains in which each is reached from the one before.
fn chains(
    roads: Roads<'_>,
    fixes: &[GnssFix],
    odometer: &Odometer,
    options: &MatchOptions,
    counts: &mut MatchCounts,
) -> Vec<Chain> {
    let mut ended: Vec<Chain> = Vec::new();
    let mut current: Option<Chain> = None;
    // Fixes since the last one used that the chain does not lead to; they begin the next chain if none later is reached.
    let mut waiting: Vec<usize> = Vec::new();
    let (mut i, mut seen) = (0, 0);
    while let Some(fix) = fixes.get(i) {
        let is_close = current.as_ref().is_some_and(|chain| chain.is_close(fix, options));
        if is_close && waiting.is_empty() {
            i += 1;
            continue;
        }
        match (Site::new(roads, i, fix, options), &mut current) {
            (None, chain) => {
                // A chain that begins again further back sees some fixes twice.
                counts.off_road += usize::from(i >= seen);
                if let Some(chain) = chain {
                    chain.lose(i);
                }
            }
            (Some(site), None) => current = Some(Chain::start(site, fixes.len())),
            (Some(site), Some(chain)) => {
                if chain.extend(roads, odometer, site, options) {
                    counts.unreachable += waiting.len();
                    waiting.clear();
                } else {
                    chain.lose(i);
                    waiting.push(i);
                    if !chain.may_wait(roads.network, fix.time, waiting.len(), options) {
                        seen = seen.max(i + 1);
                        i = waiting[0];
                        chain.end = i;
                        ended.extend(current.take());
                        waiting.clear();
                        continue;
                    }
                }
            }
        }
        i += 1;
        seen = seen.max(i);
    }
    counts.unreachable += waiting.len();
    ended.extend(current);
    ended
}
