//! Other ways through a tunnel than the shortest.

use crate::network::{EdgeId, Path, RoadNetwork};

/// Most edges looked at in one tunnel; a maze of more is searched in part.
const MAX_STEPS: usize = 2000;

/// The path with the ends of `shortest` and another way between its first and its last tunnel edge, through tunnels all
/// the way and over no edge twice, whose length is closest to `target_m`; `shortest` itself when there is none closer.
///
/// A fix before the tunnel and one behind leave open which of several branches that join again was driven.
pub(super) fn closest_in_length(network: &RoadNetwork, shortest: Path, target_m: f64) -> Path {
    let is_tunnel = |edge: &EdgeId| network.way_of(*edge).tunnel;
    let ends = (
        shortest.edges.iter().position(is_tunnel),
        shortest.edges.iter().rposition(is_tunnel),
    );
    let (Some(first), Some(last)) = ends else {
        return shortest;
    };
    if first == last {
        return shortest;
    }
    let inner_m: f64 = shortest.edges[first + 1..last]
        .iter()
        .map(|&edge| network.edge(edge).length_m)
        .sum();
    let mut search = Search {
        network,
        goal: shortest.edges[last],
        target_m: target_m - (shortest.length_m - inner_m),
        best: (inner_m, None),
        steps: 0,
    };
    search.walk(&mut vec![shortest.edges[first]], 0.0);
    let Search {
        best: (length_m, Some(between)),
        ..
    } = search
    else {
        return shortest;
    };
    let (before, after) = (&shortest.edges[..=first], &shortest.edges[last..]);
    Path {
        length_m: shortest.length_m - inner_m + length_m,
        edges: before.iter().chain(&between).chain(after).copied().collect(),
    }
}

struct Search<'a> {
    network: &'a RoadNetwork,
    goal: EdgeId,
    /// Length wanted between the first tunnel edge and the goal.
    target_m: f64,
    /// The length closest to it so far, and the edges of that length when they are not the shortest.
    best: (f64, Option<Vec<EdgeId>>),
    steps: usize,
}

impl Search<'_> {
    /// Goes on from the end of `walked`, whose edges after the first are `length_m` long.
    fn walk(&mut self, walked: &mut Vec<EdgeId>, length_m: f64) {
        let at = walked[walked.len() - 1];
        for &next in self.network.successors(at) {
            let miss_m = |length_m: f64| (length_m - self.target_m).abs();
            if next == self.goal {
                if miss_m(length_m) < miss_m(self.best.0) {
                    self.best = (length_m, Some(walked[1..].to_vec()));
                }
                continue;
            }
            let is_new = !walked.contains(&next) && self.network.opposite(at) != Some(next);
            let longer_m = length_m + self.network.edge(next).length_m;
            let can_gain = longer_m < self.target_m || miss_m(longer_m) < miss_m(self.best.0);
            self.steps += 1;
            if is_new && can_gain && self.steps <= MAX_STEPS && self.network.way_of(next).tunnel {
                walked.push(next);
                self.walk(walked, longer_m);
                walked.pop();
            }
        }
    }
}
