//! The command line and its readers from outside.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod import;
