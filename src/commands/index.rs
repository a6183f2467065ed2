//! `whyslow index`: which indexes statements lack.

#[cfg(feature = "postgres")]
mod live;

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use detectors::indexes::IndexAdvice;
use whyslow::diagnosis::Request;
use whyslow::indexes::examine;
use whyslow::report::{INDEXES, Style};

use super::diagnose::destination::Destination;
use super::diagnose::{log_form, progress};
use super::reading::Reading;
use super::{Outcome, UsageError, say};

const EXAMPLES: &str = "\
Examples:
  whyslow index postgresql.log               statements by their time, with the plans of auto_explain
  whyslow index top.sql top.plan.json        a statement, and its plan in a file of the same name
  whyslow index plans/* --format json        for programs
  whyslow index --db shop                    statements that the server has counted
  whyslow index traces.json --db shop        statements that an application sends, with plans of the server
  whyslow index --db shop --prove            only indexes that help when they are built

Exit codes:
  0  done
  2  arguments that make no sense
  3  nothing usable was read: no evidence, plan or statement, or a broken plan
  130  Ctrl-C, while a server was asked: what ran there was cancelled and rolled back";

/// Says which indexes statements lack, what they would give back, and why a statement gets none.
///
/// Give it query logs, traces, statistics of a server, and plans of EXPLAIN (ANALYZE, BUFFERS) with their statements: in one
/// text, or as two files that are named alike. Each is found by content. What an index gives back is predicted from the rows
/// that a plan counted, and unproven. Values of the statements are not shown.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Logs, traces, statistics, plans and statements, or folders of these; `-` is standard input, which is also read where
    /// none is given
    #[arg(value_name = "FILE")]
    inputs: Vec<PathBuf>,

    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = INDEXES[0].name, value_parser = outputs())]
    format: String,

    /// Write the result to this file, whole or not at all
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Also what was considered and not chosen, and all statements
    #[arg(long, short)]
    verbose: bool,

    #[command(flatten)]
    reading: Reading,

    #[command(flatten)]
    logs: log_form::Options,

    #[cfg(feature = "postgres")]
    #[command(flatten)]
    live: live::Options,
}

fn outputs() -> PossibleValuesParser {
    PossibleValuesParser::new(INDEXES.iter().map(|output| output.name))
}

/// Reads, advises and prints.
pub(crate) fn execute(options: Options) -> anyhow::Result<Outcome> {
    let destination = Destination::open(options.output.as_deref())?;
    let advice = advice(&options)?;
    let unknown = || UsageError(format!("--format {}: there is no such form", options.format));
    let output = INDEXES.iter().find(|output| output.name == options.format).ok_or_else(unknown)?;
    let style = Style { verbose: options.verbose, ..Style::default() };
    destination.write(output.write, &advice, style)?;
    Ok(Outcome::Done)
}

/// Advice from files, or with what a live server knows.
fn advice(options: &Options) -> anyhow::Result<IndexAdvice> {
    let request = options.reading.request(options.reading.settings()?, String::new());
    let request = Request { log_form: options.logs.given(), ..request };
    #[cfg(feature = "postgres")]
    if let Some(address) = &options.live.db {
        return options.live.advise(address, &options.inputs, &request);
    }
    if options.inputs.is_empty() && io::stdin().is_terminal() {
        say(format_args!("reading plans from the terminal: paste them, then Ctrl-D"));
    }
    let inputs = if options.inputs.is_empty() { &["-".into()][..] } else { &options.inputs };
    Ok(progress::shown(|progress| examine(inputs, &request, progress))?)
}
