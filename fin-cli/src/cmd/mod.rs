//! The subcommands: each takes its checked options and writes its results to `out`, messages to stderr.

pub mod build;
pub mod diff;
pub mod eval;
pub mod import;
pub mod inspect;
pub mod keygen;
pub mod merge;
pub mod patch;
pub mod replay;
pub mod roads;
pub mod sign;
pub mod simulate;
pub mod staleness;
pub mod survey;

use crate::args::Command;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// A wish that the options can express but that makes no sense; ends the program with exit code 2, as any wrong usage.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Runs one subcommand; its results go to `out`.
///
/// # Errors
/// [`Usage`] when the options contradict each other, anything else when the work failed.
pub fn run(command: Command, out: &mut dyn Write) -> anyhow::Result<()> {
    match command {
        Command::Build(options) => build::run(&options, out)?,
        Command::Merge(options) => merge::run(&options, out)?,
        Command::Diff(options) => diff::run(&options)?,
        Command::Patch(options) => patch::run(&options)?,
        Command::Keygen(options) => keygen::run(&options, out)?,
        Command::Sign(options) => sign::run(&options)?,
        Command::Replay(options) => replay::run(&options, out)?,
        Command::Eval(options) => eval::run(&options, out)?,
        Command::Staleness(options) => staleness::run(&options, out)?,
        Command::Inspect(options) => inspect::run(&options, out)?,
        Command::Import(options) => import::run(&options, out)?,
        Command::Roads(options) => roads::run(&options, out)?,
        Command::Simulate(options) => simulate::run(&options, out)?,
    }
    Ok(out.flush()?)
}

/// The exit code for what a subcommand returned, with its error told on stderr: 0 done, 1 the work failed, 2 wrong usage.
///
/// A reader that closed the pipe has seen enough; that is no failure.
pub fn exit_code(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    let closed = |cause: &std::io::Error| cause.kind() == ErrorKind::BrokenPipe;
    if error.downcast_ref().is_some_and(closed) {
        return ExitCode::SUCCESS;
    }
    eprintln!("error: {}", describe(&error));
    ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
}

/// The error and its causes in one line; a cause that the text already tells of is not repeated.
fn describe(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once() {
        let cause = || std::io::Error::other("the disk is gone");
        let told = anyhow::Error::new(cause()).context("a.csv: the disk is gone");
        assert_eq!(describe(&told), "a.csv: the disk is gone");
        let untold = anyhow::Error::new(cause()).context("a.csv");
        assert_eq!(describe(&untold), "a.csv: the disk is gone");
    }
}
