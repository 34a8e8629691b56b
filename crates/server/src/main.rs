//! The `purser` program.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use purser_server::cli::CommandLine;

/// Faster than the system's under many threads, and gives memory back sooner.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<ExitCode> {
    // Read before anything is started: help and refusals come at once.
    let command_line = CommandLine::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(match runtime.block_on(command_line.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody may be listening; the status tells all the same.
            drop(writeln!(std::io::stderr(), "{failure}"));
            failure.status()
        }
    })
}
