//! Library behind the `fin` command line.

pub mod atomic;
pub mod drive;
pub mod import;
pub mod evaluate;
pub mod replay;
