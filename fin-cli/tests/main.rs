//! The command line and its readers from outside.

mod import;
