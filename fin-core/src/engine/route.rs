//! The route of a hypothesis: laid on as the car comes along, branching at forks, forgotten behind it.

use super::drift::DriftModel;
use super::hypothesis::Hypothesis;
use crate::fingerprint::matcher::Leg;
use crate::network::{EdgeId, EdgePosition, RoadNetwork, TunnelId};

/// Route that is kept behind the car, metres.
const KEPT_BEHIND_M: f64 = 300.0;

impl Hypothesis {
    /// The number of the leg at a route offset, held to the ends of the route.
    pub(super) fn leg_at(&self, offset_m: f64) -> usize {
        self.legs
            .partition_point(|leg| leg.start_m <= offset_m)
            .saturating_sub(1)
    }

    /// The number of the first leg that does not end before a route offset; of the last leg when all do.
    fn first_leg_from(&self, offset_m: f64) -> usize {
        let ended = self.legs.partition_point(|leg| leg.end_m() < offset_m);
        ended.min(self.legs.len().saturating_sub(1))
    }

    /// The edge position at a route offset, held to the ends of the route.
    pub(super) fn locate(&self, offset_m: f64) -> EdgePosition {
        let leg = &self.legs[self.leg_at(offset_m)];
        EdgePosition {
            edge: leg.edge,
            offset_m: (offset_m - leg.start_m).clamp(0.0, leg.length_m),
        }
    }

    /// The offset of the end of the route, metres.
    pub(super) fn end_m(&self) -> f64 {
        self.legs.last().map_or(0.0, Leg::end_m)
    }

    /// The offset up to which the route has to be known now.
    pub(super) fn needed_m(&self) -> f64 {
        let ahead = 1.5 * self.track.speed_mps().max(0.0) + 15.0;
        match &self.belief {
            Some(belief) => belief.reach().1 + ahead,
            None => self.track.offset_m() + 3.5 * self.track.offset_sigma_m().min(300.0) + ahead,
        }
    }

    /// Lays the route on as far as it has to be known, or up to the first fork.
    pub(super) fn lay_on(&mut self, network: &RoadNetwork) {
        let needed_m = self.needed_m();
        while self.end_m() < needed_m {
            let last = self.legs.last().map(|leg| leg.edge);
            let mut ways = last.into_iter().flat_map(|last| ways_on(network, last));
            match (ways.next(), ways.next()) {
                (Some(edge), None) => self.push_leg(network, edge),
                _ => return,
            }
        }
    }

    fn push_leg(&mut self, network: &RoadNetwork, edge: EdgeId) {
        self.legs.push(Leg {
            edge,
            start_m: self.end_m(),
            length_m: network.edge(edge).length_m,
        });
    }

    /// Whether the route has to be laid on.
    pub(super) fn needs_route(&self, network: &RoadNetwork) -> bool {
        self.end_m() < self.needed_m() && self.has_way_on(network)
    }

    /// Whether a road goes on from the end of the route.
    pub(super) fn has_way_on(&self, network: &RoadNetwork) -> bool {
        self.legs
            .last()
            .is_some_and(|leg| ways_on(network, leg.edge).next().is_some())
    }

    /// The hypotheses that this one becomes when its route is laid on as far as it has to be known: one for each way
    /// on at every fork. Rows carry over: each branch starts with the whole row, so that the branches differ only by
    /// what is seen from then on. `most` bounds their number.
    pub(super) fn extended(self, network: &RoadNetwork, most: usize) -> Vec<Hypothesis> {
        let needed_m = self.needed_m();
        let mut done = Vec::new();
        let mut open = vec![self];
        while let Some(mut hypothesis) = open.pop() {
            let last = hypothesis.legs.last().map(|leg| leg.edge);
            let ways_on: Vec<EdgeId> = last.map_or(Vec::new(), |edge| ways_on(network, edge).collect());
            let crowded = ways_on.len() > 1 && done.len() + open.len() + ways_on.len() > most;
            if hypothesis.end_m() >= needed_m || ways_on.is_empty() || crowded {
                done.push(hypothesis);
                continue;
            }
            let share = libm::log(ways_on.len() as f64);
            hypothesis.log_weight -= share;
            for &edge in ways_on[1..].iter().rev() {
                let mut branch = hypothesis.clone();
                branch.push_leg(network, edge);
                open.push(branch);
            }
            hypothesis.push_leg(network, ways_on[0]);
            open.push(hypothesis);
        }
        done
    }

    /// Forgets the route that lies well behind.
    pub(super) fn forget_behind(&mut self) {
        let low = self
            .belief
            .as_ref()
            .map_or(self.track.offset_m(), |belief| belief.reach().0)
            - KEPT_BEHIND_M;
        self.legs.drain(..self.first_leg_from(low));
    }

    /// Whether the car is on the same roads as in `other` now and from here on, so that only the past differs.
    pub(super) fn has_same_future(&self, other: &Hypothesis, drift: &DriftModel) -> bool {
        let ahead = |h: &Hypothesis| {
            let low = h
                .belief
                .as_ref()
                .map_or(h.track.offset_m() - 3.5 * h.track.offset_sigma_m(), |b| {
                    b.reach().0
                });
            (h.first_leg_from(low), h.spot(drift).offset_m)
        };
        let ((mine, my_m), (theirs, their_m)) = (ahead(self), ahead(other));
        let apart = (my_m - self.legs[mine].start_m) - (their_m - other.legs[theirs].start_m);
        let my_edges = self.legs[mine..].iter().map(|leg| leg.edge);
        let their_edges = other.legs[theirs..].iter().map(|leg| leg.edge);
        apart.abs() < 15.0 && my_edges.eq(their_edges)
    }

    /// The tunnel at a route offset.
    pub(super) fn tunnel_at(&self, network: &RoadNetwork, offset_m: f64) -> Option<TunnelId> {
        network.edge(self.locate(offset_m).edge).tunnel
    }

    /// Distance from a route offset back to where its tunnel was entered and on to where it is left, metres; as far
    /// as the route goes. `None` outside tunnels.
    pub(super) fn to_portals_m(&self, network: &RoadNetwork, offset_m: f64) -> Option<(f64, f64)> {
        let index = self.leg_at(offset_m);
        let inside = |leg: &Leg| network.edge(leg.edge).tunnel.is_some();
        if !inside(&self.legs[index]) {
            return None;
        }
        let first = self.legs[..index]
            .iter()
            .rposition(|leg| !inside(leg))
            .map_or(0, |at| at + 1);
        let last = self.legs[index..]
            .iter()
            .position(|leg| !inside(leg))
            .map_or(self.legs.len(), |at| index + at)
            - 1;
        Some((
            offset_m - self.legs[first].start_m,
            self.legs[last].end_m() - offset_m,
        ))
    }
}

/// Where one can drive on from an edge without turning back; a dead end of the database is where its roads end.
pub(super) fn ways_on(network: &RoadNetwork, edge: EdgeId) -> impl Iterator<Item = EdgeId> + '_ {
    let opposite = network.opposite(edge);
    network
        .successors(edge)
        .iter()
        .copied()
        .filter(move |&next| Some(next) != opposite)
}
