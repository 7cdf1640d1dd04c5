//! The command line `fin`: parse, run, exit code.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = fin_cli::args::Args::parse();
    let mut out = std::io::stdout().lock();
    fin_cli::cmd::exit_code(fin_cli::cmd::run(args.command, &mut out))
}
