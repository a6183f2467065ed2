//! The subcommands, one file each, and how they end.

mod ci;
mod compare;
mod completions;
mod demo;
mod diagnose;
mod flame;
mod index;
mod ledger;
#[cfg(feature = "postgres")]
mod live;
mod man;
#[cfg(all(feature = "client", feature = "receiver"))]
mod measure;
mod next;
mod plan;
#[cfg(feature = "client")]
mod probe;
mod project;
mod reading;
mod rules;
#[cfg(feature = "receiver")]
mod run;
#[cfg(feature = "self-profile")]
mod self_profile;
mod size;

use std::fmt;
use std::io::{self, Write};
#[cfg(feature = "self-profile")]
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use detectors::figures::clean;

const EXAMPLES: &str = "\
Examples:
  whyslow demo                        what a diagnosis looks like
  whyslow diagnose traces.json        traces that were recorded before
  whyslow plan plan.txt               where the time of a plan of EXPLAIN goes
  whyslow index plans.txt             which indexes its statements lack
  whyslow run -- npm test             record them now, from any command
  whyslow next                        what to do now: measure, change one thing, measure again
  whyslow ci check --traces t.otlp    whether requests send more statements than accepted
  whyslow ledger why src/orders.rs:7  which optimization a line comes from
  whyslow compare before/ after/      whether runs of a load tool got better
  whyslow flame cpu.pb.gz -o cpu.html where a profiler saw the time go
  whyslow rules n-plus-one            what a finding means";

/// Says why a backend is slow, and what each fix would give back.
///
/// Give it traces, or let it run what is slow: it says for each endpoint where the time goes, what
/// to fix first, and how fast the endpoint will be after each fix.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Also draw where the time of whyslow itself goes: a flame graph, as a page for a browser. Time within the C library is
    /// not seen
    #[cfg(feature = "self-profile")]
    #[arg(long, value_name = "FILE")]
    self_profile: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Diagnose(Box<diagnose::Command>),
    #[cfg(feature = "receiver")]
    Run(run::Options),
    Plan(plan::Options),
    Index(index::Options),
    #[cfg(all(feature = "client", feature = "receiver"))]
    Measure(measure::Options),
    Compare(compare::Options),
    Flame(flame::Options),
    Ci(ci::Options),
    Ledger(Box<ledger::Options>),
    #[cfg(feature = "client")]
    Probe(probe::Options),
    Next(next::Options),
    Rules(rules::Options),
    Demo(demo::Options),
    Completions(completions::Options),
    Man(man::Options),
}

impl Command {
    fn execute(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Diagnose(command) => diagnose::execute(*command),
            #[cfg(feature = "receiver")]
            Self::Run(options) => run::execute(options),
            Self::Plan(options) => plan::execute(options),
            Self::Index(options) => index::execute(options),
            #[cfg(all(feature = "client", feature = "receiver"))]
            Self::Measure(options) => measure::execute(options),
            Self::Compare(options) => compare::execute(options),
            Self::Flame(options) => flame::execute(options),
            Self::Ci(options) => ci::execute(options),
            Self::Ledger(options) => ledger::execute(*options),
            #[cfg(feature = "client")]
            Self::Probe(options) => probe::execute(options),
            Self::Next(options) => next::execute(options),
            Self::Rules(options) => rules::execute(options),
            Self::Demo(options) => demo::execute(&options),
            Self::Completions(options) => completions::execute(&options),
            Self::Man(options) => man::execute(&options),
        }
    }
}

/// Runs the command that was asked for; an error goes to stderr on one line.
pub(crate) fn execute(arguments: Arguments) -> ExitCode {
    arguments.execute().unwrap_or_else(|error| failed(&error)).exit_code()
}

impl Arguments {
    /// What was given; help and the version are shown at once.
    pub(crate) fn given() -> Self {
        Self::try_parse().unwrap_or_else(|error| {
            let is_shown = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let is_profile = |word: std::ffi::OsString| word.to_string_lossy().starts_with("--self-profile");
            if is_shown && std::env::args_os().any(is_profile) {
                say(format_args!("--self-profile: no command is run, so that nothing is written"));
            }
            error.exit()
        })
    }

    #[cfg(not(feature = "self-profile"))]
    fn execute(self) -> anyhow::Result<Outcome> {
        self.command.execute()
    }

    #[cfg(feature = "self-profile")]
    fn execute(self) -> anyhow::Result<Outcome> {
        let Some(path) = self.self_profile else { return self.command.execute() };
        let profiled = self_profile::SelfProfile::begin(&path)?;
        // A command that fails is looked at, too.
        let outcome = self.command.execute().unwrap_or_else(|error| failed(&error));
        profiled.end()?;
        Ok(outcome)
    }
}

/// Tells of an error.
fn failed(error: &anyhow::Error) -> Outcome {
    if is_closed_pipe(error) {
        return Outcome::Done;
    }
    say(format_args!("error: {}", explained(error)));
    #[cfg(feature = "postgres")]
    if let Some(signal) = live::interrupted_by(error) {
        return Outcome::Interrupted(signal);
    }
    match error.is::<UsageError>() {
        true => Outcome::Misused,
        false => Outcome::CannotMeasure,
    }
}

/// An error and its causes; a cause that is part of the text already is not repeated.
fn explained(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !tells(&text, &cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Whether a text tells a cause: one word may also be a part of a name.
fn tells(text: &str, cause: &str) -> bool {
    text.ends_with(cause) || cause.contains(' ') && text.contains(cause)
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// What was asked for is done.
    Done,
    /// What `--fail-on` names has happened.
    Failed,
    /// Arguments or settings that make no sense.
    Misused,
    /// Nothing usable was read.
    CannotMeasure,
    /// A signal of this number has ended it.
    #[cfg(feature = "postgres")]
    Interrupted(u8),
    /// The command that was run ended so.
    #[cfg(feature = "receiver")]
    Passed(u8),
}

impl Outcome {
    fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Misused => 2,
            Self::CannotMeasure => 3,
            // As shells tell it.
            #[cfg(feature = "postgres")]
            Self::Interrupted(signal) => signal.saturating_add(128),
            #[cfg(feature = "receiver")]
            Self::Passed(code) => code,
        })
    }
}

/// Arguments or settings that make no sense; the program ends with 2.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl fmt::Display for UsageError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// Writes what was asked for to stdout.
fn print(text: &[u8]) -> anyhow::Result<Outcome> {
    io::stdout().lock().write_all(text)?;
    Ok(Outcome::Done)
}

/// Writes a line to stderr.
pub(crate) fn say(line: fmt::Arguments<'_>) {
    // Names of files, measures and fields come from whoever made them.
    let lines: Vec<String> = line.to_string().split('\n').map(clean).collect();
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(io::stderr().lock(), "{}", lines.join("\n"));
}

/// The reader of our output has enough, as `head` has.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn causes_are_told_once() {
        let cause = io::Error::other("no space");
        let error = anyhow::Error::new(cause).context("cannot write a: no space").context("no report");
        assert_eq!(explained(&error), "no report: cannot write a: no space");
    }

    #[test]
    fn arguments_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }
}
