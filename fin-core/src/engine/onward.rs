//! Where the car is beyond the route that is laid: routes are laid on with observations, and there may be none for minutes.

use super::hypothesis::Hypothesis;
use super::route::ways_on;
use crate::fingerprint::matcher::Leg;
use crate::frame::bearing_difference_deg;
use crate::network::{EdgeId, EdgePosition, RoadNetwork};

/// How far beyond the route the car is followed, metres.
const MOST_ONWARD_M: f64 = 2e4;

/// A stretch beyond the route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Onward {
    /// The stretch, in offsets of the route.
    pub leg: Leg,
    /// How probable it is that the car took it, on this route: at a fork all ways are alike.
    pub share: f64,
}

impl Onward {
    /// The place at a route offset, held to the stretch.
    pub(super) fn at(&self, offset_m: f64) -> EdgePosition {
        EdgePosition {
            edge: self.leg.edge,
            offset_m: (offset_m - self.leg.start_m).clamp(0.0, self.leg.length_m),
        }
    }
}

/// A route that is followed ahead.
pub(super) struct Course<I> {
    leg: Leg,
    ahead: I,
}

impl<I: Iterator<Item = Leg>> Course<I> {
    /// The place at a route offset that is not before those asked for until now.
    pub(super) fn at(&mut self, offset_m: f64) -> EdgePosition {
        while self.leg.end_m() < offset_m
            && let Some(next) = self.ahead.next()
        {
            self.leg = next;
        }
        EdgePosition {
            edge: self.leg.edge,
            offset_m: (offset_m - self.leg.start_m).clamp(0.0, self.leg.length_m),
        }
    }
}

impl Hypothesis {
    /// The stretches of the route from the one at `offset_m`, and those that follow to where the roads end.
    pub(super) fn legs_ahead(&self, network: &RoadNetwork, offset_m: f64) -> impl Iterator<Item = Leg> {
        let here = self.leg_at(offset_m);
        let beyond = self.onward(network, f64::INFINITY).map(|onward| onward.leg);
        self.legs[here..].iter().copied().chain(beyond)
    }

    /// The route from `offset_m` to where the roads end.
    pub(super) fn course(&self, network: &RoadNetwork, offset_m: f64) -> Course<impl Iterator<Item = Leg>> {
        let mut ahead = self.legs_ahead(network, offset_m);
        let leg = ahead.next().unwrap_or(self.legs[0]);
        Course { leg, ahead }
    }

    /// The stretches from the end of the route to `offset_m`, or to where the roads end: at forks the straightest.
    pub(super) fn onward(&self, network: &RoadNetwork, offset_m: f64) -> impl Iterator<Item = Onward> {
        let to_m = offset_m.min(self.end_m() + MOST_ONWARD_M);
        let last = self.legs.last().map(|&leg| Onward { leg, share: 1.0 });
        let further = move |before: &Onward| {
            let start_m = before.leg.end_m();
            if start_m >= to_m {
                return None;
            }
            let (edge, ways) = straightest(network, before.leg.edge)?;
            let leg = Leg {
                edge,
                start_m,
                length_m: network.edge(edge).length_m,
            };
            Some(Onward {
                leg,
                share: before.share / ways as f64,
            })
        };
        std::iter::successors(last, further).skip(1)
    }
}

/// The way on from the end of `edge` that turns least, and of how many.
fn straightest(network: &RoadNetwork, edge: EdgeId) -> Option<(EdgeId, usize)> {
    let bearing_deg = |edge, offset_m| network.point_at(edge, offset_m).bearing_deg;
    let before_deg = bearing_deg(edge, network.edge(edge).length_m);
    let turn_deg = |way: EdgeId| bearing_difference_deg(before_deg, bearing_deg(way, 0.0)).abs();
    let ways = ways_on(network, edge).map(|way| (way, turn_deg(way)));
    let (way, _) = ways.min_by(|a, b| a.1.total_cmp(&b.1))?;
    Some((way, ways_on(network, edge).count()))
}
