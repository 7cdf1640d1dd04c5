//! Library behind the `fin` command line.
