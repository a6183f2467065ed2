//! `whyslow ledger show`: one entry, and what was said of it later.

use clap::Args;
use ledger::{Entry, page};

use super::{Format, Outcome, Project};
use crate::commands::print;

const EXAMPLES: &str = "\
Examples:
  whyslow ledger show xj4bnp4p
  whyslow ledger show xj4bnp4p --format json      its file, as it is hashed

Exit codes:
  0  done
  2  there is no such entry";

/// Shows an entry as its page, and what later entries say of it.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// The entry: its id, or the begin of it
    id: String,

    /// The form
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    format: Format,
}

/// Shows an entry.
pub(super) fn execute(project: &Project, options: &Options) -> anyhow::Result<Outcome> {
    let file = project.find(&options.id)?;
    if options.format == Format::Json {
        return print(file.bytes(&mut Vec::new())?);
    }
    let entry: Entry = file.read()?;
    print(page::page(&entry).as_bytes())?;
    let notes = project.ledger.notes()?;
    let about = notes.about();
    let later = about.get(&entry.id).into_iter().flatten();
    let told: Vec<String> =
        later.map(|later| format!("- {} {} ({})\n", later.created, later.id, later.what.name())).collect();
    match told.is_empty() {
        true => Ok(Outcome::Done),
        false => print(format!("\n## What was said of it later\n\n{}", told.concat()).as_bytes()),
    }
}
