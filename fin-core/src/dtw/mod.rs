//! placeholder
pub mod lanes;
