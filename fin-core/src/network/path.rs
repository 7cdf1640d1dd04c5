//! Distances and shortest paths along the network.

use super::RoadNetwork;
use super::edge::{EdgeId, EdgePosition};
use super::geometry::clamp;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

/// A way through the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// Metres from the start place to the end place.
    pub length_m: f64,
    /// The edges driven on, from the start's to the end's; one edge when both places are on it and no detour is needed.
    pub edges: Vec<EdgeId>,
}

/// An edge whose beginning is reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Begun {
    /// The edge.
    pub edge: EdgeId,
    /// The edge before it on the shortest way.
    pub before: EdgeId,
    /// Metres to its beginning from the end of the edge where the way starts.
    pub beyond_m: f64,
}

/// Everything that can be reached from one place within a distance: the answer of [`RoadNetwork::reach`].
#[derive(Clone, Debug, PartialEq)]
pub struct Reach<'a> {
    from: EdgePosition,
    /// Metres from the place to the end of its edge.
    rest_m: f64,
    max_m: f64,
    /// By edge, ascending. What is farther than `max_m` may be among it.
    begun: Cow<'a, [Begun]>,
}

impl<'a> Reach<'a> {
    /// What is reached from `from`, where all that is reached from the end of its edge is known, by edge, ascending.
    pub(crate) fn known(
        network: &RoadNetwork,
        from: EdgePosition,
        max_m: f64,
        begun: impl Into<Cow<'a, [Begun]>>,
    ) -> Self {
        let length_m = network.edge(from.edge).length_m;
        let from = EdgePosition {
            edge: from.edge,
            offset_m: clamp(from.offset_m, length_m),
        };
        Self {
            from,
            rest_m: length_m - from.offset_m,
            max_m,
            begun: begun.into(),
        }
    }

    /// Metres from the place to the end of its edge.
    pub fn rest_m(&self) -> f64 {
        self.rest_m
    }

    /// The edges whose beginning is reached, by edge, ascending.
    pub(crate) fn begun(&self) -> &[Begun] {
        &self.begun
    }

    fn begun_at(&self, edge: EdgeId) -> Option<&Begun> {
        let found = self.begun.binary_search_by_key(&edge, |begun| begun.edge);
        found.ok().map(|index| &self.begun[index])
    }

    /// The place that distances are measured from, its offset clamped to the edge.
    pub fn from(&self) -> EdgePosition {
        self.from
    }

    /// Metres to drive to `to`; `None` when that is farther than asked for or there is no way.
    pub fn distance_m(&self, to: EdgePosition) -> Option<f64> {
        let direct = self.direct_m(to);
        let around = self
            .begun_at(to.edge)
            .map(|begun| self.rest_m + begun.beyond_m + to.offset_m.max(0.0));
        direct.or(around).filter(|&distance_m| distance_m <= self.max_m)
    }

    /// The shortest path to `to`; `None` when that is farther than asked for or there is no way.
    pub fn path_to(&self, to: EdgePosition) -> Option<Path> {
        let length_m = self.distance_m(to)?;
        let mut edges = vec![to.edge];
        if self.direct_m(to).is_none() {
            let mut at = to.edge;
            loop {
                at = self
                    .begun_at(at)
                    .expect("the edges before a reached one are reached")
                    .before;
                edges.push(at);
                // The place's own edge may also be come back to later, but a shortest path never runs over that.
                if at == self.from.edge {
                    break;
                }
            }
            edges.reverse();
        }
        Some(Path { length_m, edges })
    }

    /// The edges whose beginning can be reached, ascending, with the metres to it. The place's own edge is among them only
    /// when one can come back to it.
    pub fn edges(&self) -> impl Iterator<Item = (EdgeId, f64)> {
        let start_m = |begun: &Begun| (begun.edge, self.rest_m + begun.beyond_m);
        let begun = self.begun.iter().map(start_m);
        begun.filter(|&(_, start_m)| start_m <= self.max_m)
    }

    fn direct_m(&self, to: EdgePosition) -> Option<f64> {
        (to.edge == self.from.edge && to.offset_m >= self.from.offset_m)
            .then_some(to.offset_m - self.from.offset_m)
    }
}

impl RoadNetwork {
    /// What can be reached from `from` by driving at most `max_m` metres (Dijkstra 1959, on edges, so that turning back
    /// follows the rule of [`successors`](Self::successors)).
    pub fn reach(&self, from: EdgePosition, max_m: f64) -> Reach<'static> {
        self.search(from, max_m, &[])
    }

    /// Like [`reach`](Self::reach), but searched only until the distances to all of `to` are known.
    pub fn reach_places(&self, from: EdgePosition, to: &[EdgePosition], max_m: f64) -> Reach<'static> {
        self.search(from, max_m, to)
    }

    /// Metres to drive from `from` to each of `to`, in their order; `None` where that is more than `max_m` or there is no
    /// way. Stops as soon as all are found.
    pub fn distances_m(&self, from: EdgePosition, to: &[EdgePosition], max_m: f64) -> Vec<Option<f64>> {
        let reach = self.search(from, max_m, to);
        to.iter().map(|&place| reach.distance_m(place)).collect()
    }

    /// The shortest path from one place to another; `None` when it is longer than `max_m` or there is none.
    pub fn shortest_path(&self, from: EdgePosition, to: EdgePosition, max_m: f64) -> Option<Path> {
        self.search(from, max_m, &[to]).path_to(to)
    }

    /// Dijkstra from `from`; with `targets`, only until the beginnings of all their edges are settled or not needed.
    ///
    /// Ways are added up from the end of the first edge on, so that what is found there holds for every place on the edge.
    fn search(&self, from: EdgePosition, max_m: f64, targets: &[EdgePosition]) -> Reach<'static> {
        let mut reach = Reach::known(self, from, max_m, Vec::new());
        let mut wanted: Vec<EdgeId> = targets
            .iter()
            .filter(|&&to| reach.direct_m(to).is_none())
            .map(|to| to.edge)
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        if !targets.is_empty() && wanted.is_empty() {
            return reach;
        }
        let mut settled: BTreeMap<EdgeId, Step> = BTreeMap::new();
        let mut queue = BinaryHeap::new();
        let rest_m = reach.rest_m;
        let push = |queue: &mut BinaryHeap<Step>, after: EdgeId, beyond_m: f64| {
            if rest_m + beyond_m <= max_m {
                queue.extend(self.successors(after).iter().map(|&edge| Step {
                    start_m: beyond_m,
                    edge,
                    before: after,
                }));
            }
        };
        push(&mut queue, from.edge, 0.0);
        while let Some(step) = queue.pop() {
            if settled.contains_key(&step.edge) {
                continue;
            }
            settled.insert(step.edge, step);
            if let Ok(found) = wanted.binary_search(&step.edge) {
                wanted.remove(found);
                if wanted.is_empty() {
                    break;
                }
            }
            push(
                &mut queue,
                step.edge,
                step.start_m + self.edge(step.edge).length_m,
            );
        }
        let begun = settled.into_values().map(|step| Begun {
            edge: step.edge,
            before: step.before,
            beyond_m: step.start_m,
        });
        reach.begun = begun.collect();
        reach
    }
}

/// The beginning of an edge, reached over another; the heap gives the nearest first, at equal distance the lowest ids.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub(super) start_m: f64,
    pub(super) edge: EdgeId,
    pub(super) before: EdgeId,
}

impl Eq for Step {}

impl Ord for Step {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |step: &Step| (step.edge, step.before);
        other
            .start_m
            .total_cmp(&self.start_m)
            .then_with(|| key(other).cmp(&key(self)))
    }
}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::super::sketch::{edge, network};
    use super::*;
    use proptest::prelude::*;

    const BLOCK: &str = "
        A---B---C
        |       |
        D---E---F";

    fn place(edge: EdgeId, offset_m: f64) -> EdgePosition {
        EdgePosition { edge, offset_m }
    }

    #[test]
    fn along_one_edge_and_round_the_block() {
        let net = network(BLOCK, &["ABCFEDA>"]);
        let ring = edge(&net, 'A', 'A');
        let length_m = net.edge(ring).length_m;
        let ahead = net
            .shortest_path(place(ring, 10.0), place(ring, 30.0), 1e3)
            .unwrap();
        assert_eq!((ahead.length_m, ahead.edges.len()), (20.0, 1));
        let behind = net
            .shortest_path(place(ring, 30.0), place(ring, 10.0), 1e3)
            .unwrap();
        assert!((behind.length_m - (length_m - 20.0)).abs() < 1e-9);
        assert_eq!(behind.edges, [ring, ring]);
        assert_eq!(
            net.shortest_path(place(ring, 30.0), place(ring, 10.0), length_m - 20.1),
            None
        );
    }

    #[test]
    fn a_dead_end_is_a_place_to_turn() {
        let net = network(BLOCK, &["ABC"]);
        let (ac, ca) = (edge(&net, 'A', 'C'), edge(&net, 'C', 'A'));
        let path = net.shortest_path(place(ac, 70.0), place(ca, 5.0), 1e3).unwrap();
        assert!((path.length_m - (net.edge(ac).length_m - 65.0)).abs() < 1e-9);
        assert_eq!(path.edges, [ac, ca]);
    }

    #[test]
    fn many_targets_at_once_agree_with_one_by_one() {
        let net = network(BLOCK, &["AB", "BC", "CF", "FE>", "ED", "DA>", "BE"]);
        let from = place(edge(&net, 'A', 'B'), 3.0);
        let to: Vec<EdgePosition> = net.edges().map(|(id, _)| place(id, 1.5)).collect();
        for max_m in [0.0, 40.0, 100.0, 1e4] {
            let together = net.distances_m(from, &to, max_m);
            let reach = net.reach(from, max_m);
            for (&to, distance_m) in to.iter().zip(together) {
                assert_eq!(
                    net.shortest_path(from, to, max_m).map(|path| path.length_m),
                    distance_m
                );
                assert_eq!(reach.distance_m(to), distance_m);
            }
        }
    }

    /// Distances between the beginnings of all edges, over at least one edge (Floyd 1962, Warshall 1962).
    fn floyd_warshall(net: &RoadNetwork) -> Vec<Vec<f64>> {
        let n = net.edge_count();
        let mut d = vec![vec![f64::INFINITY; n]; n];
        for (id, edge) in net.edges() {
            for &next in net.successors(id) {
                d[id.index()][next.index()] = edge.length_m;
            }
        }
        for k in 0..n {
            for i in 0..n {
                for j in 0..n {
                    d[i][j] = d[i][j].min(d[i][k] + d[k][j]);
                }
            }
        }
        d
    }

    proptest! {
        #[test]
        fn shortest_paths_are_those_of_floyd_and_warshall(
            streets in prop::collection::vec((0..9_usize, 0..9_usize, 0..3_usize), 1..14),
        ) {
            let grid = "A    B  C\n\nD   E       F\n G  H      I";
            let texts: Vec<String> = streets.iter().filter(|(a, b, _)| a != b).map(|&(a, b, kind)| {
                let name = |i: usize| (b'A' + i as u8) as char;
                format!("{}{}{}", name(a), name(b), ["", ">", "<"][kind])
            }).collect();
            let net = network(grid, &texts.iter().map(String::as_str).collect::<Vec<_>>());
            let oracle = floyd_warshall(&net);
            for (from, _) in net.edges() {
                for (to, _) in net.edges().filter(|(to, _)| *to != from) {
                    let found = net.shortest_path(place(from, 0.0), place(to, 0.0), 1e9);
                    let expected = oracle[from.index()][to.index()];
                    prop_assert_eq!(found.is_some(), expected.is_finite());
                    let Some(path) = found else { continue };
                    prop_assert!((path.length_m - expected).abs() < 1e-6);
                    prop_assert_eq!((path.edges[0], *path.edges.last().unwrap()), (from, to));
                    prop_assert!(path.edges.windows(2).all(|w| net.successors(w[0]).contains(&w[1])));
                    let driven: f64 = path.edges.iter().rev().skip(1).map(|&id| net.edge(id).length_m).sum();
                    prop_assert!((driven - path.length_m).abs() < 1e-6);
                }
            }
        }
    }
}
