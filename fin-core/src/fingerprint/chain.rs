//! Edges laid end to end: the lines along which levels are smoothed, so that the ends of ways leave no trace.

use std::collections::BTreeMap;

use crate::network::{EdgeId, EdgePosition, RoadNetwork};

/// Readings this far beyond the ends of a chain still inform it, metres. The estimate forgets over about 25 m at one
/// reading a second and 80 m at one in ten.
pub(super) const MARGIN_M: f64 = 150.0;

/// Consecutive edges without a choice between them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chain {
    /// The edges, in driving order.
    pub(super) edges: Vec<EdgeId>,
    /// Where each edge begins, metres along the chain.
    pub(super) starts_m: Vec<f64>,
    /// Length of all edges, metres.
    pub(super) length_m: f64,
}

/// A place on a chain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ChainPlace {
    /// Index of the chain.
    pub(super) chain: u32,
    /// Metres along it; below zero or beyond its length for places before and after.
    pub(super) x_m: f64,
}

/// The driven edges as chains, and which chains are near which.
#[derive(Clone, Debug)]
pub(super) struct Chains {
    chains: Vec<Chain>,
    /// Per edge of the network: the chain and where the edge begins on it.
    place_of: Vec<Option<ChainPlace>>,
    /// Per edge of the network: other chains within the margin and where the edge begins on their line prolonged.
    near: Vec<Vec<ChainPlace>>,
    /// Per edge of the network: the other direction of the same road, where that is driven, and its length, metres.
    opposite: Vec<Option<(EdgeId, f64)>>,
}

impl Chains {
    /// The chains of the edges for which `driven` holds.
    ///
    /// An edge goes on into the next when that is the only driven one ahead and it the only driven one behind.
    pub(super) fn new(network: &RoadNetwork, driven: &[bool]) -> Self {
        let is_driven = |&edge: &EdgeId| driven[edge.index()];
        let only = |edges: &[EdgeId]| {
            let mut driven = edges.iter().copied().filter(is_driven);
            driven.next().filter(|_| driven.next().is_none())
        };
        let next = |edge: EdgeId| {
            let ahead = only(network.successors(edge))?;
            let turns_back = network.opposite(edge) == Some(ahead);
            (!turns_back && only(network.predecessors(ahead)) == Some(edge)).then_some(ahead)
        };
        let mut has_previous = vec![false; network.edge_count()];
        for (edge, _) in network.edges().filter(|(edge, _)| is_driven(edge)) {
            if let Some(next) = next(edge) {
                has_previous[next.index()] = true;
            }
        }
        let mut place_of: Vec<Option<ChainPlace>> = vec![None; network.edge_count()];
        let mut chains: Vec<Chain> = Vec::new();
        // Beginnings of chains first; what is left over then are rings, cut before their first edge.
        for rings in [false, true] {
            for (first, _) in network.edges().filter(|(edge, _)| is_driven(edge)) {
                if place_of[first.index()].is_some() || (has_previous[first.index()] && !rings) {
                    continue;
                }
                let mut chain = Chain {
                    edges: Vec::new(),
                    starts_m: Vec::new(),
                    length_m: 0.0,
                };
                let mut at = Some(first);
                while let Some(edge) = at.filter(|edge| place_of[edge.index()].is_none()) {
                    place_of[edge.index()] = Some(ChainPlace {
                        chain: chains.len() as u32,
                        x_m: chain.length_m,
                    });
                    chain.edges.push(edge);
                    chain.starts_m.push(chain.length_m);
                    chain.length_m += network.edge(edge).length_m;
                    at = next(edge);
                }
                chains.push(chain);
            }
        }
        let near = near_places(network, &chains, &place_of);
        let opposite = |(edge, _)| network.opposite(edge).filter(is_driven);
        let opposite = network
            .edges()
            .map(|edge| opposite(edge).map(|edge| (edge, network.edge(edge).length_m)))
            .collect();
        Self {
            chains,
            place_of,
            near,
            opposite,
        }
    }

    /// The chains.
    pub(super) fn all(&self) -> &[Chain] {
        &self.chains
    }

    /// The place of `at` on its own chain; `None` when its edge is not driven.
    pub(super) fn place(&self, at: EdgePosition) -> Option<ChainPlace> {
        self.place_of[at.edge.index()].map(|start| ChainPlace {
            x_m: start.x_m + at.offset_m,
            ..start
        })
    }

    /// The same place of the road in the other direction; `None` when that is not driven.
    pub(super) fn across(&self, at: EdgePosition) -> Option<EdgePosition> {
        self.opposite[at.edge.index()].map(|(edge, length_m)| EdgePosition {
            edge,
            offset_m: (length_m - at.offset_m).max(0.0),
        })
    }

    /// The places of `at` on the prolonged lines of other chains, within the margin of their ends.
    pub(super) fn near(&self, at: EdgePosition) -> impl Iterator<Item = ChainPlace> + '_ {
        self.near[at.edge.index()].iter().filter_map(move |start| {
            let x_m = start.x_m + at.offset_m;
            let length_m = self.chains[start.chain as usize].length_m;
            (-MARGIN_M..length_m + MARGIN_M)
                .contains(&x_m)
                .then_some(ChainPlace { x_m, ..*start })
        })
    }
}

fn near_places(
    network: &RoadNetwork,
    chains: &[Chain],
    place_of: &[Option<ChainPlace>],
) -> Vec<Vec<ChainPlace>> {
    let mut near: Vec<Vec<ChainPlace>> = vec![Vec::new(); network.edge_count()];
    for (index, chain) in (0_u32..).zip(chains) {
        let other = |edge: &EdgeId| place_of[edge.index()].is_some_and(|place| place.chain != index);
        let (Some(&first), Some(&last)) = (chain.edges.first(), chain.edges.last()) else {
            continue;
        };
        // Ahead: how far beyond the chain's end each edge begins. Behind: how far before its beginning each edge ends.
        let ahead = spread(network, last, RoadNetwork::successors);
        for (&edge, &distance_m) in ahead.iter().filter(|(edge, _)| other(edge)) {
            near[edge.index()].push(ChainPlace {
                chain: index,
                x_m: chain.length_m + distance_m,
            });
        }
        let behind = spread(network, first, RoadNetwork::predecessors);
        for (&edge, &distance_m) in behind.iter().filter(|(edge, _)| other(edge)) {
            let x_m = -distance_m - network.edge(edge).length_m;
            near[edge.index()].push(ChainPlace { chain: index, x_m });
        }
    }
    near
}

/// The edges within the margin of `from` by `step`, and the metres between: zero for the adjoining ones.
fn spread<'a>(
    network: &'a RoadNetwork,
    from: EdgeId,
    step: impl Fn(&'a RoadNetwork, EdgeId) -> &'a [EdgeId],
) -> BTreeMap<EdgeId, f64> {
    let mut found: BTreeMap<EdgeId, f64> = BTreeMap::new();
    let mut open = vec![(from, 0.0)];
    while let Some((edge, distance_m)) = open.pop() {
        for &next in step(network, edge) {
            if network.opposite(edge) == Some(next) || found.get(&next).is_some_and(|&d| d <= distance_m) {
                continue;
            }
            found.insert(next, distance_m);
            let beyond_m = distance_m + network.edge(next).length_m;
            if beyond_m < MARGIN_M {
                open.push((next, beyond_m));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::testing::{fork, straight_road, two_way_road};

    #[test]
    fn a_road_of_many_ways_is_one_chain() {
        let network = straight_road(&[30.0, 40.0, 50.0]);
        let chains = Chains::new(&network, &[true; 3]);
        assert_eq!(chains.all().len(), 1);
        assert_eq!(chains.all()[0].edges, [EdgeId(0), EdgeId(1), EdgeId(2)]);
        let place = chains
            .place(EdgePosition {
                edge: EdgeId(2),
                offset_m: 5.0,
            })
            .unwrap();
        assert!((place.x_m - 75.0).abs() < 0.2);
    }

    #[test]
    fn an_undriven_branch_does_not_cut_a_chain_and_a_driven_one_does() {
        let network = fork(100.0, 200.0, 300.0);
        let all = Chains::new(&network, &[true, true, true]);
        assert_eq!(all.all().len(), 3);
        // 20 m before the fork is 20 m before both branches and nowhere else.
        let before = EdgePosition {
            edge: EdgeId(0),
            offset_m: network.edge(EdgeId(0)).length_m - 20.0,
        };
        let near: Vec<_> = all.near(before).collect();
        assert_eq!(near.len(), 2);
        assert!(near.iter().all(|place| (place.x_m + 20.0).abs() < 1e-9));
        // 20 m into one branch is 20 m beyond the stem, but not on the other branch.
        let branch: Vec<_> = all
            .near(EdgePosition {
                edge: EdgeId(1),
                offset_m: 20.0,
            })
            .collect();
        assert_eq!(branch.len(), 1);
        assert!((branch[0].x_m - network.edge(EdgeId(0)).length_m - 20.0).abs() < 1e-9);
        // Far into a branch nothing else is near.
        assert_eq!(
            all.near(EdgePosition {
                edge: EdgeId(2),
                offset_m: 180.0
            })
            .count(),
            0
        );

        let one = Chains::new(&network, &[true, true, false]);
        assert_eq!(one.all().len(), 1);
    }

    #[test]
    fn the_same_place_in_the_other_direction_is_as_far_from_the_other_end() {
        let network = two_way_road(&[30.0, 40.0]);
        let chains = Chains::new(&network, &[true; 4]);
        let [eastwards, westwards] = [0, 1].map(|edge| EdgePosition {
            edge: EdgeId(edge),
            offset_m: 10.0,
        });
        let across = chains.across(eastwards).unwrap();
        assert_eq!(across.edge, EdgeId(1));
        assert!((across.offset_m - 20.0).abs() < 0.1);
        let (here, there) = (chains.place(across).unwrap(), chains.place(eastwards).unwrap());
        assert!(here.chain != there.chain && (here.x_m - 60.0).abs() < 0.2);
        assert_eq!(
            Chains::new(&network, &[true, false, true, false]).across(eastwards),
            None
        );
        assert_eq!(
            Chains::new(&network, &[true, false, true, false])
                .across(westwards)
                .map(|at| at.edge),
            Some(EdgeId(0))
        );
    }
}
