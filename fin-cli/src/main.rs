//! The command line `fin`: parse, run, exit code.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = fin_cli::args::Args::parse();
    if let Err(reason) = fin_cli::atomic::end_cleanly() {
        eprintln!("warning: an interrupted write may leave a temporary file: {reason}");
    }
    let mut out = std::io::stdout().lock();
    fin_cli::cmd::exit_code(fin_cli::cmd::run(args.command, &mut out))
}
