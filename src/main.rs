//! The `whyslow` program: arguments, one command, one exit code.

mod commands;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    commands::execute(commands::Arguments::parse())
}
