//! The nearest of many series: bounds for all first, then the distance of those that the bounds leave.

use super::simd::{Block, Local, Word, block_bounds, block_distances};
use super::{Envelope, Level, Metric, lb_keogh};

/// Series of one length among which the nearest to a query is looked for, by DTW with
/// [`StepPattern::Symmetric1`](super::StepPattern::Symmetric1) in a Sakoe–Chiba band.
///
/// ```
/// use fin_core::dtw::{NearestNeighbours, SquaredDifference};
///
/// let series = [[0.0, 1.0, 2.0], [5.0, 5.0, 4.0], [0.0, 0.0, 1.0]];
/// let references: Vec<&[f32]> = series.iter().map(|one| one.as_slice()).collect();
/// let among = NearestNeighbours::new(&references, 1, SquaredDifference)?;
/// let found = among.nearest(&[0.0, 0.0, 1.5], 2)?;
/// assert_eq!((found[0].index, found[0].distance), (2, 0.25));
/// assert_eq!((found[1].index, found[1].distance), (0, 0.5));
/// # Ok::<(), fin_core::dtw::SearchError>(())
/// ```
pub struct NearestNeighbours<M> {
    level: Level,
    metric: M,
    radius: usize,
    length: usize,
    references: Vec<f32>,
    envelopes: Vec<Envelope<f32>>,
    blocks: Vec<Block<f32>>,
}

/// A series that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Which of the references it is.
    pub index: usize,
    /// Its DTW distance to the query.
    pub distance: f32,
}

/// Why no search is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// There is nothing to search in.
    #[error("expected at least 1 reference with at least 1 sample, got none")]
    Empty,
    /// All series have to be of one length.
    #[error("expected {expected} samples as in the first reference, got {got}")]
    Length {
        /// Samples of the first reference.
        expected: usize,
        /// Samples of the series that differs.
        got: usize,
    },
    /// Bounds hold for finite numbers.
    #[error("expected finite samples, got one that is not at {sample}")]
    NotFinite {
        /// Index of the sample in its series.
        sample: usize,
    },
}

/// The length of a series that can be compared.
fn check(series: &[f32], expected: usize) -> Result<(), SearchError> {
    if series.len() != expected {
        return Err(SearchError::Length {
            expected,
            got: series.len(),
        });
    }
    match series.iter().position(|value| !value.is_finite()) {
        Some(sample) => Err(SearchError::NotFinite { sample }),
        None => Ok(()),
    }
}

impl<M: Metric<f32, Cost = f32> + Local> NearestNeighbours<M> {
    /// Prepares a search among `references` in a band of `radius` samples.
    ///
    /// Keeps a copy of the series and, per series, the extremes around each sample. Fails when there is no sample at all, when
    /// lengths differ, or when a value is not finite.
    pub fn new(references: &[&[f32]], radius: usize, metric: M) -> Result<Self, SearchError> {
        Self::at_level(Level::detect(), references, radius, metric)
    }

    /// As [`NearestNeighbours::new`], with the vectors of `level`.
    pub fn at_level(
        level: Level,
        references: &[&[f32]],
        radius: usize,
        metric: M,
    ) -> Result<Self, SearchError> {
        let length = references.first().map_or(0, |first| first.len());
        if length == 0 {
            return Err(SearchError::Empty);
        }
        for series in references {
            check(series, length)?;
        }
        Ok(Self {
            level,
            metric,
            radius,
            length,
            references: references.concat(),
            envelopes: references
                .iter()
                .map(|series| Envelope::new(series, radius))
                .collect(),
            blocks: references
                .chunks(Block::<f32>::lanes(level))
                .map(|series| Block::new(level, series, length))
                .collect(),
        })
    }

    /// The `count` references nearest to `query`, the nearest first; of equals that of the lower index. Fewer when there are
    /// fewer, or when the others' distances overflow.
    ///
    /// LB_Keogh of each reference to the query's envelope is worked out first. The references of least bound are compared; what
    /// remains below the worst distance kept is bounded the other way round, and compared in the order of its bound until no
    /// bound is low enough (Rakthanmanon et al. 2012, Lemire 2009). Bounds are added in the order of the path's costs, so
    /// that rounding does not lift them above the distance. Fails when the query has another length or is not finite.
    pub fn nearest(&self, query: &[f32], count: usize) -> Result<Vec<Neighbour>, SearchError> {
        check(query, self.length)?;
        let bounds = self.bounds(query);
        let lanes = Block::<f32>::lanes(self.level);
        let mut order: Vec<u32> = (0..self.envelopes.len() as u32).collect();
        let by_bound = |a: &u32, b: &u32| {
            let bound = |index: u32| bounds[index as usize];
            bound(*a).total_cmp(&bound(*b)).then(a.cmp(b))
        };
        let first = count.next_multiple_of(lanes).min(order.len());
        if first == 0 {
            return Ok(Vec::new());
        }
        let rest = if first < order.len() {
            order.select_nth_unstable_by(first, by_bound);
            order.split_off(first)
        } else {
            Vec::new()
        };

        let mut found = Found::new(count);
        for group in order.chunks(lanes) {
            self.compare(query, group, &mut found);
        }
        let cutoff = found.cutoff();
        let mut rest: Vec<(f32, u32)> = rest
            .into_iter()
            .filter(|&index| bounds[index as usize] <= cutoff)
            .filter_map(|index| {
                let other_way = lb_keogh(query, &self.envelopes[index as usize], self.metric)?;
                let bound = other_way.max(bounds[index as usize]);
                (bound <= cutoff).then_some((bound, index))
            })
            .collect();
        rest.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut at = 0;
        while at < rest.len() {
            let cutoff = found.cutoff();
            let group: Vec<u32> = rest[at..]
                .iter()
                .take(lanes)
                .take_while(|(bound, _)| *bound <= cutoff)
                .map(|&(_, index)| index)
                .collect();
            if group.is_empty() {
                break;
            }
            self.compare(query, &group, &mut found);
            at += group.len();
        }
        Ok(found.neighbours)
    }

    /// For each reference a number that is not above its distance.
    fn bounds(&self, query: &[f32]) -> Vec<f32> {
        let envelope = Envelope::new(query, self.radius);
        let mut bounds = Vec::with_capacity(self.envelopes.len() + 64);
        for block in &self.blocks {
            block_bounds(
                block,
                envelope.lower(),
                envelope.upper(),
                self.metric,
                &mut bounds,
            );
        }
        bounds
    }

    /// Compares up to a block of references.
    fn compare(&self, query: &[f32], group: &[u32], found: &mut Found) {
        let series: Vec<&[f32]> = group
            .iter()
            .map(|&index| &self.references[index as usize * self.length..][..self.length])
            .collect();
        let block = Block::new(self.level, &series, self.length);
        let mut distances = Vec::new();
        block_distances(
            query,
            &block,
            self.metric,
            Some(self.radius),
            found.cutoff(),
            &mut distances,
        );
        for (&index, &distance) in group.iter().zip(&distances) {
            found.add(index as usize, distance);
        }
    }
}

/// The nearest so far, the nearest first.
struct Found {
    count: usize,
    neighbours: Vec<Neighbour>,
}

impl Found {
    fn new(count: usize) -> Self {
        Self {
            count,
            neighbours: Vec::new(),
        }
    }

    /// The distance above which nothing is kept any more.
    fn cutoff(&self) -> f32 {
        match self.neighbours.last() {
            Some(worst) if self.neighbours.len() == self.count => worst.distance,
            _ => f32::FAR,
        }
    }

    fn add(&mut self, index: usize, distance: f32) {
        let before = |kept: &Neighbour| (kept.distance, kept.index) < (distance, index);
        let at = self.neighbours.partition_point(before);
        if distance < f32::FAR && at < self.count {
            self.neighbours.truncate(self.count - 1);
            self.neighbours.insert(at, Neighbour { index, distance });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtw::{AbsoluteDifference, SquaredDifference, banded};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_nearest_are_those_of_a_full_search(
            (query, references) in (1..40usize).prop_flat_map(|length| {
                let series = || prop::collection::vec((-8..8i8).prop_map(|step| f32::from(step) * 0.37), length);
                (series(), prop::collection::vec(series(), 1..60))
            }),
            radius in 0..12usize,
            count in 0..5usize,
        ) {
            let mut all: Vec<(f32, usize)> = references
                .iter()
                .enumerate()
                .map(|(index, series)| (banded(&query, series, radius, SquaredDifference).expect("finite"), index))
                .collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let borrowed: Vec<&[f32]> = references.iter().map(Vec::as_slice).collect();
            for level in Level::available() {
                let among = NearestNeighbours::at_level(level, &borrowed, radius, SquaredDifference).expect("one length");
                let found = among.nearest(&query, count).expect("the same length");
                let found: Vec<(f32, usize)> = found.iter().map(|one| (one.distance, one.index)).collect();
                prop_assert_eq!(&found, &all[..count.min(all.len())], "{:?}", level);
            }
        }
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let new = |series: &[&[f32]]| NearestNeighbours::new(series, 1, AbsoluteDifference).err();
        assert_eq!(new(&[]), Some(SearchError::Empty));
        assert_eq!(new(&[&[]]), Some(SearchError::Empty));
        assert_eq!(
            new(&[&[1.0], &[1.0, 2.0]]),
            Some(SearchError::Length { expected: 1, got: 2 })
        );
        assert_eq!(
            new(&[&[1.0, f32::NAN]]),
            Some(SearchError::NotFinite { sample: 1 })
        );
    }
}
