//! Fixes that lead to each other, and the trellis over them.

use super::score::{Hop, Site};
use super::tables::Roads;
use super::viterbi::Trellis;
use super::{MatchOptions, Odometer};
use crate::network::{EdgePosition, RoadNetwork};
use crate::observation::GnssFix;
use crate::time::Time;

/// A tunnel this close ahead is a reason to wait for fixes from its other end, metres.
const TUNNEL_AHEAD_M: f64 = 300.0;
/// Most fixes to wait through in front of a tunnel.
const MAX_WAITING: usize = 600;

/// The fixes used so far, each reached from the one before.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) sites: Vec<Site>,
    /// Indices of the fixes since the first site that could not be used, ascending.
    pub(super) lost: Vec<usize>,
    /// Index of the first fix that no longer belongs to the chain.
    pub(super) end: usize,
    trellis: Trellis,
}

impl Chain {
    /// The chain of one fix; `end` is the number of fixes there are.
    pub(super) fn start(site: Site, end: usize) -> Chain {
        let trellis = Trellis::start(site.emissions.clone());
        Chain {
            sites: vec![site],
            lost: Vec::new(),
            end,
            trellis,
        }
    }

    /// The last fix used.
    fn last(&self) -> &Site {
        self.sites
            .last()
            .expect("a chain starts with one site and only grows")
    }

    /// Whether `fix` is too close to the last one used to tell anything.
    pub(super) fn is_close(&self, fix: &GnssFix, options: &MatchOptions) -> bool {
        let sigma_m = options.sigma_m(fix).max(self.last().sigma_m);
        self.last().position.distance_m(fix.position) < 2.0 * sigma_m
    }

    /// Notes that fix number `index` could not be used.
    pub(super) fn lose(&mut self, index: usize) {
        self.lost.push(index);
    }

    /// Uses the fix of `site`; `false`, and nothing changed, when it cannot be reached.
    pub(super) fn extend(
        &mut self,
        roads: Roads<'_>,
        odometer: &Odometer,
        site: Site,
        options: &MatchOptions,
    ) -> bool {
        let last = self.last();
        if site.time.seconds_since(last.time) > options.max_gap_s {
            return false;
        }
        let hop = Hop::between(last, &site, odometer, options);
        let targets: Vec<EdgePosition> = site.places.iter().map(|place| place.place()).collect();
        let transitions = last.places.iter().enumerate().map(|(i, from)| {
            if !self.trellis.is_alive(i) {
                return vec![f64::NEG_INFINITY; targets.len()];
            }
            let from = from.place();
            let reach = roads.reach(from, &targets, hop.limit_m);
            let score = |&to| {
                hop.best(roads.network, from, to, reach.path_to(to))
                    .map(|step| step.score)
            };
            targets
                .iter()
                .map(|to| score(to).unwrap_or(f64::NEG_INFINITY))
                .collect()
        });
        let transitions: Vec<Vec<f64>> = transitions.collect();
        let reached = self.trellis.advance(&transitions, &site.emissions);
        if reached {
            self.sites.push(site);
        }
        reached
    }

    /// Whether fixes out of reach, `waiting` of them so far and the latest at `now`, should be passed over in the hope of a
    /// later one that can be reached.
    pub(super) fn may_wait(
        &self,
        network: &RoadNetwork,
        now: Time,
        waiting: usize,
        options: &MatchOptions,
    ) -> bool {
        if now.seconds_since(self.last().time) > options.max_gap_s || waiting > MAX_WAITING {
            return false;
        }
        waiting <= options.max_lost || self.is_before_tunnel(network)
    }

    fn is_before_tunnel(&self, network: &RoadNetwork) -> bool {
        let in_tunnel = |edge| network.way_of(edge).tunnel;
        self.last().places.iter().enumerate().any(|(i, place)| {
            self.trellis.is_alive(i)
                && (in_tunnel(place.edge)
                    || network
                        .reach(place.place(), TUNNEL_AHEAD_M)
                        .edges()
                        .any(|(edge, _)| in_tunnel(edge)))
        })
    }

    /// The best place for each site, as indices into its places, and the score of all of them together.
    pub(super) fn best(&self) -> (Vec<usize>, f64) {
        self.trellis.best()
    }
}
