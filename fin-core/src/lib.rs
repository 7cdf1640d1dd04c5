//! Position in road tunnels from cell-signal fingerprints, wheel speed and the last GNSS fix.

pub mod dtw;
pub mod engine;
pub mod estimate;
pub mod fingerprint;
pub mod frame;
pub mod matching;
pub mod network;
pub mod observation;
pub mod radio;
pub mod survey;
pub mod time;
