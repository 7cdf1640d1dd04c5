//! How the stages of a build are run: the core has no threads of its own.

/// A stage of a build, for progress displays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Cleaning the scans, one item per drive.
    Clean,
    /// Comparing the clocks and levels of the drives, one item per drive; may come several times.
    Compare,
    /// Estimating levels, one item per line of edges.
    Estimate,
}

/// Runs the same work on many items.
pub trait Runner {
    /// What `work` makes of each of `items`, in their order. The items do not depend on each other.
    fn map<T: Sync, U: Send>(&self, stage: Stage, items: &[T], work: impl Fn(&T) -> U + Sync) -> Vec<U>;
}

/// Runs one item after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct OneByOne;

impl Runner for OneByOne {
    fn map<T: Sync, U: Send>(&self, _stage: Stage, items: &[T], work: impl Fn(&T) -> U + Sync) -> Vec<U> {
        items.iter().map(work).collect()
    }
}
