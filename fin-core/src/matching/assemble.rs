//! From the best sequence of places to routes, and all fixes onto them.

use super::chain::Chain;
use super::score::{Hop, Site};
use super::tables::Roads;
use super::{MatchOptions, MatchedFix, MatchedSegment, Odometer};
use crate::network::{EdgeId, EdgePosition, RoadNetwork, Route};
use crate::observation::GnssFix;
use std::ops::Range;

/// A fix that was left out lies within this many σ of the last one used, along the route.
const WINDOW_SIGMAS: f64 = 4.0;

/// The track that everything here is made from.
pub(super) struct Track<'a> {
    pub(super) roads: Roads<'a>,
    pub(super) fixes: &'a [GnssFix],
    pub(super) odometer: &'a Odometer,
    pub(super) options: &'a MatchOptions,
}

impl Track<'_> {
    /// The segments along `states`, one state per site of `chain`; cut where many fixes were lost, or a long time passed
    /// without any, outside tunnels.
    pub(super) fn segments(&self, chain: &Chain, states: &[usize]) -> Vec<MatchedSegment> {
        let places: Vec<EdgePosition> = chain
            .sites
            .iter()
            .zip(states)
            .map(|(site, &state)| site.places[state].place())
            .collect();
        let mut segments = Vec::new();
        let mut first = 0;
        while first < places.len() {
            let mut edges = vec![places[first].edge];
            let (mut length_m, mut sites_m) = (self.length_m(edges[0]), vec![places[first].offset_m]);
            for k in first + 1..places.len() {
                let Some(driven) = self.driven(chain, k, places[k - 1], places[k]) else {
                    break;
                };
                for &edge in &driven[1..] {
                    edges.push(edge);
                    length_m += self.length_m(edge);
                }
                sites_m.push(length_m - self.length_m(places[k].edge) + places[k].offset_m);
            }
            let sites = first..first + sites_m.len();
            first = sites.end;
            self.trim(&chain.sites[sites.clone()], &mut edges, &mut sites_m);
            let route = Route::from_edges(self.roads.network, edges);
            let fixes = sites
                .zip(sites_m)
                .flat_map(|(k, site_m)| self.fixes_at(chain, k, &route, site_m));
            segments.push(MatchedSegment {
                fixes: fixes.collect(),
                route,
            });
        }
        segments
    }

    fn length_m(&self, edge: EdgeId) -> f64 {
        self.roads.network.edge(edge).length_m
    }

    /// Takes edges off both ends that are driven on for less than the σ of the fix there: beside a junction, noise alone
    /// decides which of its edges is the nearest.
    fn trim(&self, sites: &[Site], edges: &mut Vec<EdgeId>, sites_m: &mut [f64]) {
        let ([first, ..], [.., last]) = (sites, sites) else {
            return;
        };
        let (first_m, last_m) = (sites_m[0], sites_m[sites_m.len() - 1]);
        let mut begin_m = 0.0;
        while edges.len() > 1 && first_m + first.sigma_m > begin_m + self.length_m(edges[0]) {
            begin_m += self.length_m(edges.remove(0));
        }
        let mut end_m: f64 = begin_m + edges.iter().map(|&edge| self.length_m(edge)).sum::<f64>();
        while let [_, .., edge] = edges[..] {
            if last_m - last.sigma_m > end_m - self.length_m(edge) {
                break;
            }
            end_m -= self.length_m(edge);
            edges.pop();
        }
        for site_m in sites_m {
            *site_m = site_m.min(end_m).max(begin_m) - begin_m;
        }
    }

    /// Site k of `chain`, which lies at `site_m` on `route`, and the fixes left out after it.
    fn fixes_at(&self, chain: &Chain, k: usize, route: &Route, site_m: f64) -> Vec<MatchedFix> {
        let site = &chain.sites[k];
        let until = chain.sites.get(k + 1).map_or(chain.end, |next| next.index);
        let left_out = (site.index + 1..until).filter(|i| chain.lost.binary_search(i).is_err());
        let window = |half_m: f64| (site_m - half_m).max(0.0)..(site_m + half_m).min(route.length_m());
        // The edge of the site was decided, not the exact point: beside a bend that of the next edge may be closer.
        let (near, around) = (window(site.sigma_m), window(WINDOW_SIGMAS * site.sigma_m));
        let windows = std::iter::once((site.index, near)).chain(left_out.map(|i| (i, around.clone())));
        let placed = windows.filter_map(|(index, window)| {
            let (route_m, cross_track_m) =
                project_between(self.roads.network, route, &self.fixes[index], window)?;
            Some(MatchedFix {
                index,
                route_m,
                cross_track_m,
            })
        });
        placed.collect()
    }

    /// The edges from site k − 1 of `chain`, at `from`, to site k, at `to`, as the trellis scored them; one edge when
    /// standing or rolling back. `None` where the segment is to be cut.
    fn driven(&self, chain: &Chain, k: usize, from: EdgePosition, to: EdgePosition) -> Option<Vec<EdgeId>> {
        let (last, site) = (&chain.sites[k - 1], &chain.sites[k]);
        let hop = Hop::between(last, site, self.odometer, self.options);
        let path = self.roads.reach(from, &[to], hop.limit_m).path_to(to);
        let edges = hop.best(self.roads.network, from, to, path)?.edges;
        let lost = chain
            .lost
            .iter()
            .filter(|&&i| i > last.index && i < site.index)
            .count();
        let is_blind = longest_gap_s(&self.fixes[last.index..=site.index]) > self.options.max_open_gap_s
            && self.odometer.distance_m(last.time, site.time).is_none();
        let is_doubtful = lost > self.options.max_lost || is_blind;
        (!is_doubtful || self.is_mostly_tunnel(&edges, from, to)).then_some(edges)
    }

    /// Whether at least half of the way over `edges` from `from` to `to` is in tunnels.
    fn is_mostly_tunnel(&self, edges: &[EdgeId], from: EdgePosition, to: EdgePosition) -> bool {
        let (mut inside_m, mut all_m) = (0.0, 0.0);
        for (i, &id) in edges.iter().enumerate() {
            let edge = self.roads.network.edge(id);
            let begin_m = if i == 0 { from.offset_m } else { 0.0 };
            let end_m = if i + 1 == edges.len() {
                to.offset_m
            } else {
                edge.length_m
            };
            let driven_m = (end_m - begin_m).max(0.0);
            all_m += driven_m;
            inside_m += if self.roads.network.way_of(id).tunnel {
                driven_m
            } else {
                0.0
            };
        }
        inside_m > 0.0 && inside_m >= 0.5 * all_m
    }
}

/// The point of `route` between two chainages that is closest to `fix`: its chainage and distance, metres; of equally close
/// ones the first. `None` for a route without edges.
fn project_between(
    network: &RoadNetwork,
    route: &Route,
    fix: &GnssFix,
    between: Range<f64>,
) -> Option<(f64, f64)> {
    let (first, last) = (route.index_at(between.start)?, route.index_at(between.end)?);
    let mut best: Option<(f64, f64)> = None;
    for i in first..=last {
        let start_m = route.start_of(i)?;
        let on_edge = network.project(route.edges()[i], fix.position);
        let chainage_m = (start_m + on_edge.offset_m).max(between.start).min(between.end);
        let distance_m = route
            .pose_at(network, chainage_m)?
            .position
            .distance_m(fix.position);
        if best.is_none_or(|(_, best_m)| distance_m < best_m) {
            best = Some((chainage_m, distance_m));
        }
    }
    best
}

fn longest_gap_s(fixes: &[GnssFix]) -> f64 {
    fixes
        .windows(2)
        .map(|pair| pair[1].time.seconds_since(pair[0].time))
        .fold(0.0, f64::max)
}
