//! `whyslow diagnose`: reads evidence and says what to fix first.

use std::fs::File;

use clap::Args;

use super::Outcome;

/// What every command that ends in a diagnosis can be told.
#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Options {}

/// Diagnoses what was received as a stream of length-prefixed messages.
pub(crate) fn report(_options: &Options, _messages: File) -> anyhow::Result<Outcome> {
    Ok(Outcome::Done)
}
