//! Tunnels, their portals and branches, and the roads that lead to them.

use super::RoadNetwork;
use super::edge::{EdgeId, NodeId, TunnelId};
use super::path::Step;
use super::way::Way;
use crate::frame::LatLon;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// A connected group of tunnel ways. Bores that share no node are tunnels of their own, even when they share a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Tunnel {
    /// Its number.
    pub id: TunnelId,
    /// The name that the greatest length of its ways has; where none has a name, the same of their reference numbers; else
    /// `way` and the id of its first way. Of equal lengths, the first in alphabetical order.
    pub name: String,
    /// Indices of its ways in [`RoadNetwork::ways`], ascending.
    pub ways: Vec<u32>,
    /// Its edges, ascending.
    pub edges: Vec<EdgeId>,
    /// Length of its ways together, metres; both directions of a road count once.
    pub length_m: f64,
    /// Where it meets roads outside, by node. A way that simply ends in the tunnel, as at the border of an extract, has no portal there.
    pub portals: Vec<Portal>,
    /// Nodes, ascending, at which traffic in the tunnel parts (an edge inside has two ways on, one of them inside) or comes together
    /// (an edge inside can be come to over two, one of them inside).
    pub branches: Vec<NodeId>,
    /// The layers of its ways, ascending, each once.
    pub layers: Vec<i8>,
    /// Whether every part of it may be driven in one direction only.
    pub one_way: bool,
}

/// A node where a tunnel meets the roads outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Portal {
    /// The node.
    pub node: NodeId,
    /// Where it is.
    pub position: LatLon,
    /// Edges outside that lead into the tunnel here, ascending.
    pub approaches: Vec<EdgeId>,
    /// Edges inside that begin here and can be come to from outside, ascending.
    pub entries: Vec<EdgeId>,
    /// Edges inside that end here and lead to the outside, ascending.
    pub exits: Vec<EdgeId>,
    /// Edges outside that can be come to from the tunnel here, ascending.
    pub departures: Vec<EdgeId>,
}

impl Portal {
    /// Whether one can drive in here.
    pub fn is_entry(&self) -> bool {
        !self.entries.is_empty()
    }

    /// Whether one can drive out here.
    pub fn is_exit(&self) -> bool {
        !self.exits.is_empty()
    }
}

impl RoadNetwork {
    /// The tunnels of the network, in the order of their ids (and so of their first ways).
    pub fn tunnels(&self) -> &[Tunnel] {
        &self.tunnels
    }

    /// Tunnel `id`.
    pub fn tunnel(&self, id: TunnelId) -> &Tunnel {
        &self.tunnels[id.index()]
    }

    /// Indices of the ways that are in a tunnel or from which a tunnel is at most `approach_m` metres of driving away, ahead or
    /// behind; ascending.
    pub fn ways_near_tunnels(&self, approach_m: f64) -> Vec<u32> {
        let mut near: BTreeSet<u32> = self
            .tunnels
            .iter()
            .flat_map(|tunnel| tunnel.ways.iter().copied())
            .collect();
        for forward in [true, false] {
            let onward = |id| {
                if forward {
                    self.successors(id)
                } else {
                    self.predecessors(id)
                }
            };
            let mut seen: BTreeSet<EdgeId> = BTreeSet::new();
            let mut queue: BinaryHeap<Step> = BinaryHeap::new();
            let inside = self.tunnels.iter().flat_map(|tunnel| &tunnel.edges);
            queue.extend(inside.flat_map(|&before| onward(before)).map(|&edge| Step {
                start_m: 0.0,
                edge,
                before: edge,
            }));
            while let Some(Step { start_m, edge, .. }) = queue.pop() {
                if self.edge(edge).tunnel.is_some() || start_m > approach_m || !seen.insert(edge) {
                    continue;
                }
                near.insert(self.edge(edge).way);
                let start_m = start_m + self.edge(edge).length_m;
                queue.extend(onward(edge).iter().map(|&next| Step {
                    start_m,
                    edge: next,
                    before: edge,
                }));
            }
        }
        near.into_iter().collect()
    }

    /// The ways of [`ways_near_tunnels`](Self::ways_near_tunnels), whole and in their order: what a database of the tunnels needs
    /// to know of the roads.
    pub fn crop(&self, approach_m: f64) -> Vec<Way> {
        self.ways_near_tunnels(approach_m)
            .into_iter()
            .map(|way| self.ways[way as usize].clone())
            .collect()
    }
}

/// Finds the tunnels of `network` and marks their edges.
pub(super) fn find(network: &mut RoadNetwork) {
    let mut groups = NodeGroups((0..network.nodes.len() as u32).collect());
    let in_tunnel = |network: &RoadNetwork, i: usize| network.ways[network.edges[i].way as usize].tunnel;
    for i in 0..network.edges.len() {
        if in_tunnel(network, i) {
            let (a, b) = (
                groups.root(network.edges[i].from.0),
                groups.root(network.edges[i].to.0),
            );
            groups.0[a.max(b) as usize] = a.min(b);
        }
    }
    let mut ids: BTreeMap<u32, TunnelId> = BTreeMap::new();
    let mut edges_of: Vec<Vec<EdgeId>> = Vec::new();
    for i in 0..network.edges.len() {
        if in_tunnel(network, i) {
            let id = *ids
                .entry(groups.root(network.edges[i].from.0))
                .or_insert_with(|| {
                    edges_of.push(Vec::new());
                    TunnelId(edges_of.len() as u32 - 1)
                });
            network.edges[i].tunnel = Some(id);
            edges_of[id.index()].push(EdgeId(i as u32));
        }
    }
    network.tunnels = edges_of
        .into_iter()
        .zip(0..)
        .map(|(edges, id)| describe(network, TunnelId(id), edges))
        .collect();
}

fn describe(network: &RoadNetwork, id: TunnelId, edges: Vec<EdgeId>) -> Tunnel {
    let mut ways: Vec<u32> = edges.iter().map(|&id| network.edge(id).way).collect();
    ways.dedup();
    let way_of = |&way: &u32| &network.ways[way as usize];
    let length_of = |&way: &u32| {
        network.lines[way as usize]
            .offsets_m
            .last()
            .copied()
            .unwrap_or(0.0)
    };
    let nodes: BTreeSet<NodeId> = edges
        .iter()
        .flat_map(|&id| [network.edge(id).from, network.edge(id).to])
        .collect();
    let named = |text: fn(&Way) -> Option<&String>| {
        let mut lengths: BTreeMap<&str, f64> = BTreeMap::new();
        for way in &ways {
            if let Some(name) = text(way_of(way)) {
                *lengths.entry(name).or_default() += length_of(way);
            }
        }
        // Reversed, as the last of equal ones would win and the first in the alphabet should.
        lengths
            .into_iter()
            .rev()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(name, _)| name.to_owned())
    };
    let name = named(|way| way.name.as_ref())
        .or_else(|| named(|way| way.reference.as_ref()))
        .unwrap_or_else(|| format!("way {}", way_of(&ways[0]).id));
    let layers: BTreeSet<i8> = ways.iter().map(|way| way_of(way).layer).collect();
    Tunnel {
        id,
        name,
        length_m: ways.iter().map(length_of).sum(),
        portals: nodes.iter().filter_map(|&node| portal(network, node)).collect(),
        branches: nodes
            .iter()
            .copied()
            .filter(|&node| is_branch(network, node))
            .collect(),
        layers: layers.into_iter().collect(),
        one_way: edges.iter().all(|&id| network.opposite(id).is_none()),
        ways,
        edges,
    }
}

/// The portal at a node of a tunnel; `None` when no road outside is joined to the tunnel there.
fn portal(network: &RoadNetwork, node: NodeId) -> Option<Portal> {
    let inside = |id: &EdgeId| network.edge(*id).tunnel.is_some();
    let outside = |id: &EdgeId| !inside(id);
    let some_on = |ids: &[EdgeId], side: &dyn Fn(&EdgeId) -> bool| ids.iter().any(side);
    let (out, into) = (network.out_edges(node), network.in_edges(node));
    let pick = |ids: &[EdgeId], wanted: &dyn Fn(&EdgeId) -> bool| {
        ids.iter().copied().filter(wanted).collect::<Vec<_>>()
    };
    let portal = Portal {
        node,
        position: network.node_position(node),
        approaches: pick(into, &|id| {
            outside(id) && some_on(network.successors(*id), &inside)
        }),
        entries: pick(out, &|id| {
            inside(id) && some_on(network.predecessors(*id), &outside)
        }),
        exits: pick(into, &|id| {
            inside(id) && some_on(network.successors(*id), &outside)
        }),
        departures: pick(out, &|id| {
            outside(id) && some_on(network.predecessors(*id), &inside)
        }),
    };
    (portal.is_entry() || portal.is_exit()).then_some(portal)
}

fn is_branch(network: &RoadNetwork, node: NodeId) -> bool {
    let inside = |id: &EdgeId| network.edge(*id).tunnel.is_some();
    let parts = |ids: &[EdgeId]| ids.len() > 1 && ids.iter().any(inside);
    network
        .in_edges(node)
        .iter()
        .any(|id| inside(id) && parts(network.successors(*id)))
        || network
            .out_edges(node)
            .iter()
            .any(|id| inside(id) && parts(network.predecessors(*id)))
}

/// Disjoint sets of nodes; the set's lowest node stands for it.
struct NodeGroups(Vec<u32>);

impl NodeGroups {
    fn root(&mut self, mut at: u32) -> u32 {
        while self.0[at as usize] != at {
            let above = self.0[self.0[at as usize] as usize];
            self.0[at as usize] = above;
            at = above;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::super::sketch::{at, edge, network, ways};
    use super::*;

    fn keys(net: &RoadNetwork, nodes: impl IntoIterator<Item = NodeId>) -> String {
        nodes
            .into_iter()
            .map(|node| net.node_key(node) as u8 as char)
            .collect()
    }

    #[test]
    fn a_plain_tube() {
        let map = "A---B------C---D";
        let net = network(map, &["AB", "BC=", "CD"]);
        let [tunnel] = net.tunnels() else {
            panic!("one tunnel")
        };
        assert_eq!(
            (tunnel.name.as_str(), tunnel.one_way, &*tunnel.layers),
            ("way 2", false, &[-1][..])
        );
        assert!((tunnel.length_m - 70.0).abs() < 0.05);
        assert_eq!(tunnel.edges, [edge(&net, 'B', 'C'), edge(&net, 'C', 'B')]);
        assert_eq!(tunnel.branches, []);
        let [first, second] = &tunnel.portals[..] else {
            panic!("two portals")
        };
        assert!(first.position.distance_m(at(map, 'B')) < 1e-6);
        assert!(first.is_entry() && first.is_exit());
        assert_eq!(first.approaches, [edge(&net, 'A', 'B')]);
        assert_eq!(first.entries, [edge(&net, 'B', 'C')]);
        assert_eq!(second.exits, [edge(&net, 'B', 'C')]);
        assert_eq!(second.departures, [edge(&net, 'C', 'D')]);
    }

    #[test]
    fn a_fork_and_a_merge_inside_a_one_way_tunnel() {
        let map = "
            A---B---C-----D---E---F
                     \\   /
                      G-H----I";
        let net = network(map, &["AB>", "BCDE=>", "EF>", "CGH=>", "HD=>", "HI>"]);
        let [tunnel] = net.tunnels() else {
            panic!("one tunnel")
        };
        assert!(tunnel.one_way);
        assert_eq!(keys(&net, tunnel.branches.iter().copied()), "CDH");
        assert_eq!(keys(&net, tunnel.portals.iter().map(|p| p.node)), "BEH");
        let sides: Vec<_> = tunnel
            .portals
            .iter()
            .map(|p| (p.is_entry(), p.is_exit()))
            .collect();
        assert_eq!(sides, [(true, false), (false, true), (false, true)]);
    }

    #[test]
    fn roads_that_part_before_the_portal_are_no_branch() {
        let map = "
            A-B---C-D
             /     \\
            E       F";
        let net = network(map, &["AB", "EB", "BC=", "CD", "CF"]);
        assert_eq!(net.tunnels()[0].branches, []);
        assert_eq!(
            net.tunnels()[0].portals[0].approaches,
            [edge(&net, 'A', 'B'), edge(&net, 'E', 'B')]
        );
    }

    #[test]
    fn bores_without_a_common_node_are_two_tunnels() {
        let map = "
            A--B-----C--D
            E--F-----G--H";
        let mut drawn = ways(map, &["AB>", "BC=>", "CD>", "EF<", "FG=<", "GH<"]);
        drawn[1].name = Some("Hill".into());
        drawn[4].name = Some("Hill".into());
        let net = RoadNetwork::build(drawn).unwrap();
        assert_eq!(
            net.tunnels().iter().map(|t| &*t.name).collect::<Vec<_>>(),
            ["Hill", "Hill"]
        );
        assert_eq!(net.edge(edge(&net, 'G', 'F')).tunnel, Some(TunnelId(1)));
        assert_eq!(net.edge(edge(&net, 'A', 'B')).tunnel, None);
    }

    #[test]
    fn names_by_length_then_reference() {
        let map = "A-B------C--D-----E";
        let mut drawn = ways(map, &["AB=", "BC=", "CD=", "DE="]);
        drawn[0].name = Some("Short".into());
        drawn[1].name = Some("Long".into());
        drawn[2].reference = Some("A 1".into());
        let name_of = |ways: &[Way]| {
            RoadNetwork::build(ways.to_vec()).unwrap().tunnels()[0]
                .name
                .clone()
        };
        assert_eq!(name_of(&drawn), "Long");
        drawn[1].name = None;
        assert_eq!(name_of(&drawn), "Short");
        drawn[0].name = None;
        assert_eq!(name_of(&drawn), "A 1");
        drawn[2].reference = None;
        assert_eq!(name_of(&drawn), "way 1");
    }

    #[test]
    fn a_tunnel_that_ends_at_the_border_has_one_portal() {
        let net = network("A--B-----C", &["AB", "BC="]);
        assert_eq!(keys(&net, net.tunnels()[0].portals.iter().map(|p| p.node)), "B");
        assert_eq!(network("A--B", &["AB="]).tunnels()[0].portals, []);
    }

    #[test]
    fn cropping_keeps_what_is_near_along_the_road() {
        let map = "
            A----B----C=====D----E----F
            G-------------------------H";
        let net = network(map, &["AB>", "BC>", "CD=>", "DE>", "EF>", "GH"]);
        assert_eq!(net.ways_near_tunnels(0.0), [1, 2, 3]);
        assert_eq!(net.ways_near_tunnels(49.0), [1, 2, 3]);
        assert_eq!(net.ways_near_tunnels(51.0), [0, 1, 2, 3, 4]);
        assert_eq!(net.crop(-1.0).iter().map(|way| way.id).collect::<Vec<_>>(), [3]);
        let again = RoadNetwork::build(net.crop(0.0)).unwrap();
        assert_eq!(again.tunnels()[0].length_m, net.tunnels()[0].length_m);
        assert_eq!(again.tunnels()[0].portals.len(), 2);
    }
}
