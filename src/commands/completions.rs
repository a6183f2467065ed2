//! `whyslow completions`: what shells need to complete commands and options.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Arguments, Outcome, print};

const EXAMPLES: &str = "\
Examples:
  whyslow completions bash > ~/.local/share/bash-completion/completions/whyslow
  whyslow completions zsh > ~/.zfunc/_whyslow
  whyslow completions fish > ~/.config/fish/completions/whyslow.fish";

/// Prints completions of commands, options and their values for a shell.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The shell
    shell: Shell,
}

/// Prints them, made from the same table as the help.
pub(crate) fn execute(options: &Options) -> anyhow::Result<Outcome> {
    let mut text = Vec::new();
    clap_complete::generate(options.shell, &mut Arguments::command(), "whyslow", &mut text);
    print(&text)
}
