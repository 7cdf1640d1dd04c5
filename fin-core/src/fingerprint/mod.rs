//! Cell-signal fingerprints: what each cell's level is along each directed edge.
//!
//! [`profile`] holds the fingerprints, [`cells`] tells cells apart, [`builder`] makes both from survey drives,
//! [`format`] turns them into bytes and back.

pub mod cells;
pub mod matcher;
pub mod profile;

pub use cells::{CellIx, CellTable, KnownCell};
pub use profile::{CellProfile, EdgeProfile, FingerprintDb, Provenance};
