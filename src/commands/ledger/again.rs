//! `whyslow ledger remeasure`: whether an entry still holds.

use clap::Args;
use ledger::{Entry, Open, Plan, moment};

use super::{Outcome, Project, UsageError};
use crate::commands::say;

const EXAMPLES: &str = "\
Examples:
  whyslow ledger remeasure xj4bnp4p
  whyslow measure --side after --runs 10 -- ./load.sh      (as it was measured then)
  whyslow ledger finish                                    holds, decayed or not comparable

Exit codes:
  0  the entry is open, to be measured again
  2  there is no such optimization, or another entry is open";

/// Opens an entry that measures another one again: today against what that measured after its change.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// The entry: its id, or the begin of it
    id: String,
}

/// Opens an entry that measures another one again.
pub(super) fn execute(project: &Project, options: &Options) -> anyhow::Result<Outcome> {
    let entry: Entry = project.find(&options.id)?.read()?;
    let Some(then) = entry.optimization() else {
        return Err(UsageError(format!("{} is no optimization: nothing of it was measured", entry.id)).into());
    };
    let plan = Plan {
        started_s: moment::now_s(),
        version: Some(project.git()?.version()?),
        remeasures: Some(entry.id.clone()),
        predicted: Vec::new(),
        ..then.plan.clone()
    };
    let mut open = Open::begin(&project.root, plan).map_err(|problem| UsageError(problem.to_string()))?;
    open.before = Some(then.after.clone());
    open.save(&project.root)?;
    let workload = &then.after.workload;
    let settings = workload.settings.iter().map(|(name, value)| format!(" {name} {value}"));
    say(format_args!(
        "whyslow: measured then by {}: {}{}",
        workload.tool,
        workload.what,
        settings.collect::<String>()
    ));
    say(format_args!(
        "next: whyslow measure --side after --runs {} …  and  whyslow ledger finish",
        then.after.runs.len()
    ));
    Ok(Outcome::Done)
}
