//! The `whyslow` program: arguments, one command, one exit code.

mod commands;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::execute(commands::Arguments::given())
}
