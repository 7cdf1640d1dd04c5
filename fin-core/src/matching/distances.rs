//! Shortest ways between edges that are near each other, worked out once.
//!
//! Matching asks again and again how far it is from one edge to another a little further on. A table of all shortest ways up to
//! a bound answers by looking up instead of searching (Yang and Gidófalvi 2018, "Fast map matching, an algorithm integrating
//! hidden Markov model with precomputation", International Journal of Geographical Information Science 32: the upper-bounded
//! origin–destination table).

use crate::network::{Begun, EdgePosition, Reach, RoadNetwork};

/// What can be reached from the end of each edge within a bound.
#[derive(Clone, Debug)]
pub struct EdgeDistances {
    max_m: f64,
    /// Where the edges reached from each edge begin in the list; the last is their number.
    starts: Vec<usize>,
    begun: Vec<Begun>,
}

impl EdgeDistances {
    /// The table of `network` for ways of up to `max_m` metres between the end of one edge and the beginning of another: 16 bytes
    /// for each pair of edges so near each other.
    pub fn new(network: &RoadNetwork, max_m: f64) -> Self {
        let (mut starts, mut begun) = (vec![0], Vec::new());
        for (id, edge) in network.edges() {
            let end = EdgePosition {
                edge: id,
                offset_m: edge.length_m,
            };
            begun.extend_from_slice(network.reach(end, max_m).begun());
            starts.push(begun.len());
        }
        begun.shrink_to_fit();
        Self { max_m, starts, begun }
    }

    /// How far the ways of the table go, metres.
    pub fn max_m(&self) -> f64 {
        self.max_m
    }

    /// Number of pairs of edges in the table.
    pub fn len(&self) -> usize {
        self.begun.len()
    }

    /// Whether no edge leads to another.
    pub fn is_empty(&self) -> bool {
        self.begun.is_empty()
    }

    /// What [`RoadNetwork::reach`] finds on the network of the table; `None` when the table does not go so far.
    pub fn reach(&self, network: &RoadNetwork, from: EdgePosition, max_m: f64) -> Option<Reach<'_>> {
        let index = from.edge.index();
        let row = &self.begun[self.starts[index]..self.starts[index + 1]];
        let reach = Reach::known(network, from, max_m, row);
        // Whatever is missing lies beyond the bound, so farther than asked for.
        (reach.rest_m() + self.max_m > max_m).then_some(reach)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::sketch;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_table_says_what_a_search_finds(
            streets in prop::collection::vec((0..9_usize, 0..9_usize, 0..3_usize), 1..14),
            share in 0.0..1.0_f64,
            asked_m in 0.0..300.0_f64,
            bound_m in 0.0..300.0_f64,
        ) {
            let grid = "A    B  C\n\nD   E       F\n G  H      I";
            let texts: Vec<String> = streets.iter().filter(|(a, b, _)| a != b).map(|&(a, b, kind)| {
                let name = |i: usize| (b'A' + i as u8) as char;
                format!("{}{}{}", name(a), name(b), ["", ">", "<"][kind])
            }).collect();
            let network = sketch::network(grid, &texts.iter().map(String::as_str).collect::<Vec<_>>());
            let table = EdgeDistances::new(&network, bound_m);
            for (edge, shape) in network.edges() {
                let from = EdgePosition { edge, offset_m: share * shape.length_m };
                let searched = network.reach(from, asked_m);
                let known = table.reach(&network, from, asked_m);
                prop_assert!(known.is_some() || asked_m >= bound_m);
                let Some(known) = known else { continue };
                prop_assert!(known.edges().eq(searched.edges()));
                for (edge, shape) in network.edges() {
                    let to = EdgePosition { edge, offset_m: 0.3 * shape.length_m };
                    prop_assert_eq!(known.path_to(to), searched.path_to(to));
                }
            }
        }
    }
}
