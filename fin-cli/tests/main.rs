//! The command line and its readers from outside.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod build;
mod commands;
#[cfg(unix)]
mod faults;
mod import;
mod real_drives;
mod roads;
mod simulate;
mod soak;
mod trust;
