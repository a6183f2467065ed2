//! `whyslow measure`: makes the runs of one side, or of both in turns.

mod cleaning;
#[cfg(feature = "postgres")]
mod database;
mod keeping;
mod progress;
mod server;
mod sides;
mod traced;
mod words;
mod workload;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser};
use whyslow::duration;

use super::{Outcome, UsageError};

const EXAMPLES: &str = "\
Examples:
  whyslow measure --side before --runs 10 -- ./load.sh
  whyslow measure --side after --url http://localhost:8000/orders --rate 50 --duration 20s --start './serve.sh'
  whyslow measure --ab HEAD~1 HEAD --url http://localhost:8000/orders --rate 50 --start './serve.sh'
  whyslow measure --aa --runs 10 -- ./load.sh                 how much differs although nothing was changed
  whyslow measure --output before.json -- ./build.sh          without a ledger, for `whyslow compare`

Exit codes:
  0  the runs are made and kept
  2  arguments that make no sense
  3  nothing could be measured: the command failed, or the server did not answer";

/// Makes runs of a command, or of a load by HTTP, and keeps what they give.
///
/// A run is a fresh start: with --start the server is started for each run and stopped after it. Requests are sent at a rate
/// that does not depend on answers. Meanwhile traces are collected as by `whyslow run`, so that statements are counted in the
/// same runs.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The side of the open entry that the runs belong to
    #[arg(long, value_enum, conflicts_with_all = ["ab", "aa", "output"])]
    side: Option<Side>,

    /// Measure two commits in turns, each in a work tree of its own
    #[arg(long, num_args = 2, value_names = ["BEFORE", "AFTER"])]
    ab: Option<Vec<String>>,

    /// Measure what is in this folder on both sides, in turns: what differs there is noise, and the open entry takes it for that
    #[arg(long, conflicts_with = "ab")]
    aa: bool,

    /// Write the runs to this file; with --ab and --aa to before.json and after.json in this folder
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,

    /// Runs of each side
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,

    /// Forget the runs that this side has
    #[arg(long, requires = "side")]
    replace: bool,

    /// Ask this address, as `http://localhost:8000/orders` or `POST http://…`; several are asked in turns
    #[arg(long = "url", value_name = "[METHOD ]URL")]
    urls: Vec<String>,

    /// Requests a second, of all addresses together
    #[arg(long, value_name = "N", default_value = "20", value_parser = rate)]
    rate: u64,

    /// How long each run is measured
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = duration::parse)]
    duration: Duration,

    /// How long requests are sent before, in each run, without being measured
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = duration::parse)]
    warm_up: Duration,

    /// Requests that may be under way at a time
    #[arg(long, value_name = "N", default_value_t = 64)]
    connections: u32,

    /// The time that one answer may take
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,

    /// A header of all requests; its value is not kept
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,

    /// A file that is sent as the body
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,

    /// A host other than this machine that load may be put on
    #[arg(long = "allow-host", value_name = "HOST")]
    allowed: Vec<String>,

    /// Start the server so for each run, by the shell, and stop it afterwards
    #[arg(long, value_name = "COMMAND", requires = "urls")]
    start: Option<String>,

    /// Do not collect traces: no statements are counted
    #[arg(long)]
    no_traces: bool,

    /// Start commands as they are, even where OpenTelemetry could be loaded without a change
    #[arg(long)]
    no_instrument: bool,

    #[cfg(feature = "postgres")]
    #[command(flatten)]
    database: database::Options,

    /// A fact of the environment that must be the same on both sides, as `postgres=15.8`
    #[arg(long = "fact", value_name = "NAME=VALUE", value_parser = fact)]
    facts: Vec<(String, String)>,

    /// Show what commands write
    #[arg(long, short)]
    verbose: bool,

    /// The command and its arguments
    #[arg(trailing_var_arg = true, value_name = "COMMAND", conflicts_with = "urls", help_heading = None::<&str>)]
    command: Vec<OsString>,
}

/// Words of `whyslow measure` as options; of those that are given twice the later ones hold.
#[derive(Debug, Parser)]
#[command(name = "whyslow measure", args_override_self = true)]
struct Words {
    #[command(flatten)]
    options: Options,
}

/// Measures versions of the code for other commands: two commits in turns, or what is in this folder. Nothing is kept.
///
/// `words` are those that follow `whyslow measure`.
pub(crate) fn measured(words: &[String], commits: Option<[&str; 2]>) -> anyhow::Result<Vec<ledger::Side>> {
    let words = ["whyslow measure"].into_iter().chain(words.iter().map(String::as_str));
    let options = Words::try_parse_from(words).map_err(|error| UsageError(error.to_string()))?.options;
    match commits {
        Some(commits) => Ok(sides::in_turns(&options, commits)?.into()),
        None => Ok(vec![sides::here(&options)?.0]),
    }
}

/// A side of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Side {
    /// Before the change
    Before,
    /// After the change
    After,
}

/// Requests in 1,000 seconds.
fn rate(text: &str) -> Result<u64, &'static str> {
    let expected = "expected requests a second, above 0, as 50 or 0.5";
    let rate: f64 = text.parse().map_err(|_| expected)?;
    let milli = (rate * 1_000.0).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = milli as u64;
    if milli.is_finite() && whole > 0 { Ok(whole) } else { Err(expected) }
}

fn fact(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    if name.trim().is_empty() {
        Err("expected NAME=VALUE")
    } else {
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    }
}

/// Makes the runs.
pub(crate) fn execute(options: Options) -> anyhow::Result<Outcome> {
    if options.command.is_empty() && options.urls.is_empty() {
        let text = "nothing to measure: give a command (whyslow measure --side before -- COMMAND) or --url";
        return Err(UsageError(text.to_owned()).into());
    }
    match &options.ab {
        Some(commits) => sides::both(&options, commits),
        None if options.aa => sides::unchanged(&options),
        None => sides::one(&options),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_may_be_below_one() {
        assert_eq!((rate("50"), rate("0.5")), (Ok(50_000), Ok(500)));
        assert!(["0", "-1", "nan", "fast", "inf"].iter().all(|text| rate(text).is_err()));
    }

    #[test]
    fn facts_have_a_name() {
        assert_eq!(fact("postgres=15.8"), Ok(("postgres".to_owned(), "15.8".to_owned())));
        assert!(fact("postgres").is_err() && fact("=1").is_err());
    }
}
