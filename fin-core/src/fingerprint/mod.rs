//! Cell-signal fingerprints: what each cell's level is along each directed edge.
//!
//! [`profile`] holds the fingerprints, [`cells`] tells cells apart, [`builder`] makes both from survey drives,
//! [`format`](mod@format) turns them into bytes and back.

mod across;
mod along;
pub mod builder;
pub mod cells;
mod chain;
mod clock;
mod coarse;
mod compare;
pub mod evidence;
mod expected;
mod field;
pub mod fit;
pub mod format;
mod former;
mod identity;
mod lasting;
mod leave_out;
pub mod matcher;
mod offsets;
mod outlying;
pub mod pass;
mod placed;
mod places;
pub mod profile;
mod radio_model;
mod reading;
pub mod report;
pub mod runner;
pub mod scans;
mod shape;
mod shares;
mod shift;
#[cfg(test)]
mod simulated;
#[cfg(test)]
pub(crate) mod testing;
mod traffic;

pub use cells::{CellIx, CellTable, KnownCell};
pub use evidence::Evidence;
pub use profile::{CellProfile, EdgeProfile, FingerprintDb, Provenance};
