//! What may stand on the command line.

use crate::cmd;
use clap::{Parser, Subcommand};

/// Positions in road tunnels from cell-signal fingerprints, wheel speed and the last GNSS fix.
#[derive(Debug, Parser)]
#[command(name = "fin", version, max_term_width = 110)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands. A new one is a module in `cmd` with `Options` and `run`, a line there in `run`, and a line here.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build a fingerprint database from survey drives
    Build(cmd::build::Options),
    /// Add new survey drives to a database, without the old drives
    Merge(cmd::merge::Options),
    /// Make the patch that leads from one version of a file to the next
    Diff(cmd::diff::Options),
    /// Apply a patch to a file
    Patch(cmd::patch::Options),
    /// Make a pair of keys for signatures
    Keygen(cmd::keygen::Options),
    /// Sign a database
    Sign(cmd::sign::Options),
    /// Turn foreign logs into drive folders
    Import(cmd::import::Options),
    /// Replay one drive as the phone would have seen it: a position a second
    Replay(cmd::replay::Options),
    /// Replay drives and judge them by their truth.csv
    Eval(cmd::eval::Options),
    /// Replay drives and tell in which tunnels the surveys no longer fit what phones hear
    Staleness(cmd::staleness::Options),
    /// Tell what is in a fingerprint database: tunnels, cells, passes, coverage, age, size
    Inspect(cmd::inspect::Options),
    /// List the tunnels of a road file: name, length, portals, branches
    Roads(cmd::roads::Options),
    /// Make synthetic tunnels, drives and truth, the same for the same seed
    Simulate(cmd::simulate::Options),
}
