//! `whyslow rules`: the flaws that whyslow knows, and the page of each.

use std::io::{self, Write};

use clap::Args;
use detectors::{ALL, Detector};
use whyslow::pages;
use whyslow::settings_file::expected;

use super::{Outcome, UsageError};

const EXAMPLES: &str = "\
Examples:
  whyslow rules
  whyslow rules n-plus-one";

/// Lists the flaws that whyslow finds, or explains one.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The flaw to explain
    id: Option<String>,
}

/// Prints the list or a page.
pub(crate) fn execute(options: Options) -> anyhow::Result<Outcome> {
    let mut out = io::stdout().lock();
    match options.id {
        None => list(&mut out)?,
        Some(id) => out.write_all(pages::detector(find(&id)?).as_bytes())?,
    }
    Ok(Outcome::Done)
}

fn find(id: &str) -> Result<&'static Detector, UsageError> {
    ALL.iter().find(|detector| detector.id == id).ok_or_else(|| {
        let ids: Vec<&str> = ALL.iter().map(|detector| detector.id).collect();
        UsageError(format!("unknown rule `{id}`; {}", expected(id, &ids)))
    })
}

fn list(out: &mut dyn Write) -> io::Result<()> {
    let width = ALL.iter().map(|detector| detector.id.len()).max().unwrap_or(0);
    ALL.iter().try_for_each(|detector| writeln!(out, "{:width$}  {}", detector.id, detector.summary))
}
