//! The command line `fin`.
fn main() {}
