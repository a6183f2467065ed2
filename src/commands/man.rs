//! `whyslow man`: the manual page.

use clap::{Args, CommandFactory};

use super::{Arguments, Outcome, UsageError, print};

const EXAMPLES: &str = "\
Examples:
  whyslow man | man -l -
  whyslow man ci check | man -l -
  whyslow man diagnose > /usr/local/share/man/man1/whyslow-diagnose.1";

/// Prints the manual page of the program or of a command, in troff.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The command, with the one within it
    command: Vec<String>,
}

/// Prints it, made from the same table as the help.
pub(crate) fn execute(options: &Options) -> anyhow::Result<Outcome> {
    let mut program = Arguments::command();
    // Fills in what all commands have, and their full names.
    program.build();
    let command = options.command.iter().try_fold(program, |above, name| find(&above, name))?;
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text)?;
    print(&text)
}

fn find(above: &clap::Command, name: &str) -> Result<clap::Command, UsageError> {
    let found = above.find_subcommand(name).cloned();
    found.ok_or_else(|| {
        let known: Vec<&str> = above.get_subcommands().map(clap::Command::get_name).collect();
        UsageError(format!("there is no command {name}; there are {}", known.join(", ")))
    })
}
