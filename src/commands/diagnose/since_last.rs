//! `whyslow diagnose --since-last`: only what came to logs since the last time.

use std::path::PathBuf;

use clap::Args;
use whyslow::diagnosis::Request;
use whyslow::since_last::{SinceLast, default_path};

use crate::commands::{Outcome, UsageError, say};

/// Where it is remembered how far logs were read.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Logs")]
pub(super) struct Options {
    /// Read only what came to logs since the last time, also where they were renamed, compressed or truncated in between;
    /// the first time reads all
    #[arg(long, conflicts_with = "compare")]
    #[cfg_attr(feature = "client", arg(conflicts_with = "from"))]
    pub(super) since_last: bool,

    /// Remember in this file how far logs were read [default: whyslow/since-last.json in $XDG_STATE_HOME or
    /// ~/.local/state]
    #[arg(long, value_name = "FILE", requires = "since_last")]
    state: Option<PathBuf>,
}

/// Diagnoses what is new, and remembers it once the report is written.
pub(super) fn diagnose(
    options: &Options,
    told: &super::Options,
    request: &Request,
    paths: &[PathBuf],
) -> anyhow::Result<Outcome> {
    if paths.iter().any(|path| path.as_os_str() == "-") {
        return Err(
            UsageError("--since-last cannot tell what is new on standard input (`-`)".to_owned()).into()
        );
    }
    let no_path = || UsageError("no folder for states of programs: give --state FILE".to_owned());
    let path = options.state.clone().or_else(default_path).ok_or_else(no_path)?;
    let mut since = SinceLast::open(path)?;
    let inputs = since.inputs(paths)?;
    let note = since.note();
    if inputs.is_empty() {
        say(format_args!("{note}: nothing to tell"));
        since.save()?;
        return Ok(Outcome::Done);
    }
    let outcome = super::diagnose(told, request, inputs, vec![note])?;
    since.save()?;
    Ok(outcome)
}
