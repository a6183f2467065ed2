//! `whyslow ledger verify`: whether the ledger is what was written.

use std::fmt::Write as _;

use clap::Args;
use detectors::figures::{clean, counted};
use ledger::{Known, Verification, entries_of};

use super::{Format, Outcome, Project, UsageError, print_json};
use crate::commands::print;

const EXAMPLES: &str = "\
Examples:
  whyslow ledger verify
  whyslow ledger verify --base origin/main     in CI: statistics of the entries that a change adds
  whyslow ledger verify --format json

Exit codes:
  0  every entry is as it was written, and says what its runs say
  1  an entry was altered, is missing or was deleted, or claims something else than its runs
  2  there is no such commit
  3  the ledger cannot be read";

/// Verifies all entries: ids, parents, statistics and verdicts from the stored runs, and that none is gone.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// Work all statistics out again, also those that were verified on this machine before
    #[arg(long)]
    again: bool,

    /// Do not work out statistics of entries that this commit has: they were verified when they were merged
    #[arg(long, value_name = "COMMIT", conflicts_with = "again")]
    base: Option<String>,

    /// The form
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    format: Format,
}

/// Verifies the ledger.
pub(super) fn execute(project: &Project, options: &Options) -> anyhow::Result<Outcome> {
    let mut known = if options.again { Known::default() } else { Known::load(&project.root) };
    if let Some(base) = &options.base {
        let vouched = entries_of(project.git()?, base).map_err(|problem| UsageError(problem.to_string()))?;
        known.vouch(vouched);
    }
    let before = known.clone();
    let found = ledger::verify(&project.ledger, project.git.as_ref(), &mut known)?;
    if known != before {
        // Where it cannot be kept, all is worked out again the next time.
        let _ = known.save(&project.root);
    }
    match options.format {
        Format::Json => print_json(&found)?,
        Format::Text => print(text(&found).as_bytes())?,
    };
    Ok(if found.problems.is_empty() { Outcome::Done } else { Outcome::Failed })
}

fn text(found: &Verification) -> String {
    let mut text = String::new();
    for problem in &found.problems {
        let _ = writeln!(text, "{}  {}", problem.entry, clean(&problem.text));
    }
    for note in &found.notes {
        let _ = writeln!(text, "note: {}", clean(note));
    }
    let entries = counted(found.entries as u64, "entry");
    let _ = match found.problems.len() {
        0 => writeln!(text, "{entries}: as they were written, and their runs say what they claim"),
        problems => writeln!(text, "{entries}, {}", counted(problems as u64, "problem")),
    };
    text
}
