//! The engine of `fin-core` for Kotlin, Swift and Python.
//!
//! One object, [`Engine`], flat records, and one error type. Every call converts its arguments, locks, asks the core and
//! converts the answer; nothing is decided here. There are no callbacks, no threads and no clock: the caller owns the
//! sensors and says when each value was measured.

mod engine;
mod error;
mod estimate;
mod file;
mod observation;

pub use engine::Engine;
pub use error::FinError;
pub use estimate::{Estimate, TunnelFit};
pub use observation::{CellReading, CellScan, GnssFix, SpeedSample};

uniffi::setup_scaffolding!();
