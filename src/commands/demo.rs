//! `whyslow demo`: the diagnosis of a recorded case that is part of the program.

use anyhow::anyhow;
use clap::Args;
use whyslow::settings_file::target;

use super::{Outcome, diagnose, say};

/// A list of orders as it was found; `fixtures/order-list/README.md` says how it was recorded.
const RECORDING: &[u8] = include_bytes!("../../fixtures/order-list/as-found.otlp.zst");

/// What the list of orders should keep.
const TARGET: &str = "GET /orders p99<500ms";

/// Diagnoses a recorded case, to show what a diagnosis looks like.
///
/// The case is a list of orders: a real service (Flask, SQLAlchemy) with a real PostgreSQL, 600
/// requests under load, recorded with `whyslow run`.
#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Options {
    #[command(flatten)]
    diagnose: diagnose::Options,
}

/// Diagnoses the recording.
pub(crate) fn execute(options: &Options) -> anyhow::Result<Outcome> {
    let target = target::parse(TARGET).map_err(|reason| anyhow!(reason))?;
    say(format_args!("whyslow: a list of orders, recorded from Flask and SQLAlchemy with PostgreSQL"));
    say(format_args!("whyslow: for your own: whyslow run -- COMMAND"));
    diagnose::recorded(&options.diagnose, RECORDING, target)
}
