//! Edges laid end to end, with one running distance over all of them.

use super::RoadNetwork;
use super::edge::{EdgeId, EdgePosition, Pose};
use super::geometry::clamp;

/// A drive's line through the network: edges end to end. Chainage is the distance along it from the first edge's beginning.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Route {
    edges: Vec<EdgeId>,
    starts_m: Vec<f64>,
    length_m: f64,
}

impl Route {
    /// A route without edges.
    pub fn new() -> Route {
        Route::default()
    }

    /// The route over `edges`, which have to follow each other in `network`.
    pub fn from_edges(network: &RoadNetwork, edges: impl IntoIterator<Item = EdgeId>) -> Route {
        let mut route = Route::new();
        for edge in edges {
            route.push(network, edge);
        }
        route
    }

    /// Appends `edge`, which has to begin where the route ends.
    pub fn push(&mut self, network: &RoadNetwork, edge: EdgeId) {
        debug_assert!(
            self.edges
                .last()
                .is_none_or(|&last| network.edge(last).to == network.edge(edge).from),
            "edge {edge:?} does not begin where the route ends"
        );
        self.edges.push(edge);
        self.starts_m.push(self.length_m);
        self.length_m += network.edge(edge).length_m;
    }

    /// The edges, in driving order.
    pub fn edges(&self) -> &[EdgeId] {
        &self.edges
    }

    /// Length of all edges, metres.
    pub fn length_m(&self) -> f64 {
        self.length_m
    }

    /// Chainage at which edge number `index` begins, metres; `None` past the end.
    pub fn start_of(&self, index: usize) -> Option<f64> {
        self.starts_m.get(index).copied()
    }

    /// Which edge of the route, by number, lies at chainage `s_m` (clamped to the route); where two edges meet, the second.
    /// `None` for a route without edges.
    pub fn index_at(&self, s_m: f64) -> Option<usize> {
        let begun = self
            .starts_m
            .partition_point(|&start_m| start_m <= clamp(s_m, self.length_m));
        begun.checked_sub(1)
    }

    /// The place at chainage `s_m`, clamped to the route; `None` for a route without edges.
    pub fn locate(&self, s_m: f64) -> Option<EdgePosition> {
        let index = self.index_at(s_m)?;
        let offset_m = clamp(s_m, self.length_m) - self.starts_m[index];
        Some(EdgePosition {
            edge: self.edges[index],
            offset_m,
        })
    }

    /// The number of the first occurrence of `edge` in the route.
    pub fn position_of(&self, edge: EdgeId) -> Option<usize> {
        self.edges.iter().position(|&other| other == edge)
    }

    /// Chainage of a place, metres, at the first occurrence of its edge; `None` when the route does not pass it.
    pub fn chainage_m(&self, at: EdgePosition) -> Option<f64> {
        Some(self.starts_m[self.position_of(at.edge)?] + at.offset_m)
    }

    /// Position and driving direction at chainage `s_m`, clamped to the route; `None` for a route without edges.
    pub fn pose_at(&self, network: &RoadNetwork, s_m: f64) -> Option<Pose> {
        let at = self.locate(s_m)?;
        Some(network.point_at(at.edge, at.offset_m))
    }
}

#[cfg(test)]
mod tests {
    use super::super::sketch::{edge, network};
    use super::*;
    use proptest::prelude::*;

    const LINE: &str = "A--B----C-D";

    fn there_and_back() -> (RoadNetwork, Route) {
        let net = network(LINE, &["AB", "BC", "CD"]);
        let names = [('A', 'B'), ('B', 'C'), ('C', 'D'), ('D', 'C'), ('C', 'B')];
        let route = Route::from_edges(&net, names.map(|(a, b)| edge(&net, a, b)));
        (net, route)
    }

    #[test]
    fn ends_and_joints() {
        let (net, route) = there_and_back();
        assert!((route.length_m() - 170.0).abs() < 0.05);
        assert_eq!(
            route.locate(-1.0),
            Some(EdgePosition {
                edge: edge(&net, 'A', 'B'),
                offset_m: 0.0
            })
        );
        let second = EdgePosition {
            edge: edge(&net, 'B', 'C'),
            offset_m: 0.0,
        };
        assert_eq!(route.locate(route.start_of(1).unwrap()), Some(second));
        let end = route.locate(1e9).unwrap();
        assert_eq!((end.edge, route.index_at(1e9)), (edge(&net, 'C', 'B'), Some(4)));
        assert!((end.offset_m - net.edge(end.edge).length_m).abs() < 1e-9);
        assert_eq!(route.start_of(5), None);
        assert_eq!(Route::new().locate(0.0), None);
        assert_eq!(
            route.chainage_m(EdgePosition {
                edge: edge(&net, 'B', 'A'),
                offset_m: 0.0
            }),
            None
        );
        assert!((route.pose_at(&net, 160.0).unwrap().bearing_deg - 270.0).abs() < 1e-3);
    }

    proptest! {
        #[test]
        fn locating_a_chainage_and_measuring_it_gives_it_back(share in 0.0..=1.0_f64) {
            let (_, route) = there_and_back();
            let s_m = share * route.length_m();
            let at = route.locate(s_m).unwrap();
            prop_assert!((route.chainage_m(at).unwrap() - s_m).abs() < 1e-9);
        }
    }
}
