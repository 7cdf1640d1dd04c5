//! Library behind the `fin` command line.

pub mod args;
pub mod atomic;
pub mod build;
pub mod cmd;
pub mod db_file;
pub mod drive;
pub mod evaluate;
pub mod import;
pub mod progress;
pub mod replay;
pub mod roads;
pub mod simulate;
pub mod soak;
pub mod table;
pub mod track_file;
