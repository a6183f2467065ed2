//! `whyslow plan`: where the time of a plan goes, and what is wrong with it.

#[cfg(feature = "postgres")]
mod live;

use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use detectors::settings::Settings;
use whyslow::plans::{LOGGED, LogReading, PlansReport, contrast, examine};
use whyslow::report::{PLANS, PlanOutput, Style};

use super::diagnose::destination::Destination;
use super::diagnose::{log_form, progress};
use super::reading::{at_least_one, settings, threads};
use super::{Outcome, UsageError, say};

const EXAMPLES: &str = "\
Examples:
  psql -XAtc 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT …' shop | whyslow plan
  whyslow plan plan.txt                      in any form, as it was copied
  whyslow plan slow.json -v                  all conditions, and what was dismissed
  whyslow plan postgresql.log                the slowest plans that auto_explain wrote into it
  whyslow plan --compare before.txt after.txt
  whyslow plan --compare yesterday.log today.log
  whyslow plan --db postgres://reader@db.example/shop 'SELECT …'

Exit codes:
  0  done
  2  arguments or settings that make no sense
  3  no plan was found, or a broken one
  130  Ctrl-C, while a server was asked: what ran there was cancelled and rolled back";

/// Says where the time of a plan goes and what is wrong with it.
///
/// Give it the output of EXPLAIN as it is: text, JSON, YAML, XML, tables, with or without what a terminal, a client or a
/// log puts around it. Of logs of PostgreSQL, of any size, it shows the plan of the slowest execution of each statement. Values
/// of the statement are not shown.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Files with plans, logs, folders of these; `-` is standard input, which is also read where none is given
    #[arg(value_name = "FILE")]
    inputs: Vec<PathBuf>,

    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = PLANS[0].name, value_parser = outputs())]
    format: String,

    /// Write the result to this file, whole or not at all
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The settings file [default: whyslow.toml here or in the nearest folder above]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Plans of logs that are shown, the slowest first
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::new(LOGGED).unwrap_or(NonZeroUsize::MIN), value_parser = at_least_one)]
    top: NonZeroUsize,

    /// Threads that read logs [default: one for each core]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    threads: Option<NonZeroUsize>,

    #[command(flatten)]
    logs: log_form::Options,

    /// Say what changed between two plans of one statement: `--compare BEFORE AFTER`. Of two logs, or files with several plans,
    /// those of the same statements are compared
    #[arg(long)]
    compare: bool,

    /// All conditions, ranges of predictions, and what was dismissed
    #[arg(long, short)]
    verbose: bool,

    #[cfg(feature = "postgres")]
    #[command(flatten)]
    live: live::Options,
}

fn outputs() -> PossibleValuesParser {
    PossibleValuesParser::new(PLANS.iter().map(|output| output.name))
}

/// Reads, judges and prints.
pub(crate) fn execute(mut options: Options) -> anyhow::Result<Outcome> {
    if options.inputs.is_empty() {
        if io::stdin().is_terminal() {
            say(format_args!("reading from the terminal: paste it, then Ctrl-D"));
        }
        options.inputs.push("-".into());
    }
    let settings = settings(options.config.as_deref())?;
    let unknown = || UsageError(format!("--format {}: there is no such form", options.format));
    let output = PLANS.iter().find(|output| output.name == options.format).ok_or_else(unknown)?;
    let style = Style { verbose: options.verbose, ..Style::default() };
    if options.compare {
        return compare(&options, output, style);
    }
    let destination = Destination::open(options.output.as_deref())?;
    destination.write(output.write, &report(&options, &settings)?, style)?;
    Ok(Outcome::Done)
}

/// Says what changed between the plans of two inputs.
fn compare(options: &Options, output: &PlanOutput, style: Style) -> anyhow::Result<Outcome> {
    let [before, after] = options.inputs.as_slice() else {
        let given = options.inputs.len();
        return Err(UsageError(format!("--compare takes two files, before and after: {given} given")).into());
    };
    let none = || UsageError(format!("--compare has no form {}: text and json", options.format));
    let write = output.compare.ok_or_else(none)?;
    let destination = Destination::open(options.output.as_deref())?;
    let reading = reading(options);
    let contrast = progress::shown(|progress| contrast(before, after, &reading, progress))?;
    destination.write(write, &contrast, style)?;
    Ok(Outcome::Done)
}

/// What is said of plans that are given, or that a live server makes.
fn report(options: &Options, settings: &Settings) -> anyhow::Result<PlansReport> {
    #[cfg(feature = "postgres")]
    if let Some(address) = &options.live.db {
        return options.live.examine(address, &options.inputs, settings);
    }
    let reading = reading(options);
    Ok(progress::shown(|progress| examine(&options.inputs, settings, &reading, progress))?)
}

fn reading(options: &Options) -> LogReading {
    LogReading { threads: threads(options.threads), log_form: options.logs.given(), top: options.top.get() }
}
