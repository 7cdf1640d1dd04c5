//! Lists of neighbours, one list per edge or node, in one allocation.

use super::edge::EdgeId;

/// Edges grouped by a dense number; within a group in ascending order.
#[derive(Clone, Debug)]
pub(super) struct Adjacency {
    starts: Vec<u32>,
    edges: Vec<EdgeId>,
}

impl Adjacency {
    /// The edges of `pairs` (group, edge) by group, for groups 0…`groups` − 1.
    pub(super) fn new(groups: usize, mut pairs: Vec<(u32, EdgeId)>) -> Adjacency {
        pairs.sort_unstable();
        let mut starts = vec![0_u32; groups + 1];
        for &(group, _) in &pairs {
            starts[group as usize + 1] += 1;
        }
        for i in 0..groups {
            starts[i + 1] += starts[i];
        }
        Adjacency {
            starts,
            edges: pairs.into_iter().map(|(_, edge)| edge).collect(),
        }
    }

    /// The edges of one group.
    pub(super) fn of(&self, group: usize) -> &[EdgeId] {
        &self.edges[self.starts[group] as usize..self.starts[group + 1] as usize]
    }
}
