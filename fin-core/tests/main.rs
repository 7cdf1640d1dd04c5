//! Checks of the library from outside: against numbers that other programs gave, and on data that others recorded.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod dtw_vectors;
mod engine;
mod estimate;
mod stored_files;
mod survey;
