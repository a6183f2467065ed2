//! `whyslow index`: which indexes statements lack.

#[cfg(feature = "postgres")]
mod live;

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use detectors::indexes::IndexAdvice;
use whyslow::indexes::examine;
use whyslow::report::{INDEXES, Style};

use super::diagnose::destination::Destination;
use super::{Outcome, UsageError, say};

const EXAMPLES: &str = "\
Examples:
  whyslow index plans.txt                    plans with their statements, as auto_explain writes them
  whyslow index top.sql top.plan.json        a statement, and its plan in a file of the same name
  whyslow index plans/* --format json        for programs
  whyslow index --db shop                    statements that the server has counted
  whyslow index --db shop --prove            only indexes that help when they are built

Exit codes:
  0  done
  2  arguments that make no sense
  3  neither a plan nor a statement was found, or a broken plan";

/// Says which indexes statements lack, what they would give back, and why a statement gets none.
///
/// Give it plans of EXPLAIN (ANALYZE, BUFFERS) with their statements: in one text, or as two files that are named alike. What
/// an index gives back is predicted from the rows that the plan counted, and unproven. Values of the statements are not
/// shown.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Files with plans or statements; `-` is standard input, which is also read where none is given
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
    #[cfg(feature = "postgres")]
    if let Some(address) = &options.live.db {
        return options.live.advise(address, &options.inputs);
    }
    if !options.inputs.is_empty() {
        return Ok(examine(&options.inputs)?);
    }
    if io::stdin().is_terminal() {
        say(format_args!("reading plans from the terminal: paste them, then Ctrl-D"));
    }
    Ok(examine(&["-".into()])?)
}
