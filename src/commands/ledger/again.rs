//! `whyslow ledger remeasure`: whether an entry still holds.

mod words;

use clap::Args;
use ledger::{
    Entry, EntryId, Open, Optimization, Outcome as Found, Plan, ReMeasurement, Side, What, moment, page,
};

use super::{Outcome, Project, UsageError};
use crate::commands::{print, say};

const EXAMPLES: &str = "\
Examples:
  whyslow ledger remeasure xj4bnp4p --start './serve.sh'     the load is that of the entry
  whyslow ledger remeasure xj4bnp4p --runs 20 -- ./load.sh   the entry measured a command
  whyslow ledger remeasure --open xj4bnp4p                   only opens it, for `whyslow measure --side after`

Exit codes:
  0  it holds, or that is not known: more runs would tell
  1  it is worse than it was
  2  there is no such optimization, or it is not known how it was measured
  3  nothing could be measured";

/// Measures again what an entry claims, and writes what came of it as an entry.
///
/// The entry's version and the current commit are measured in turns, each in a work tree of its own, with the load that the
/// entry has. Where both are the same, or git has the entry's version no more, the current folder is compared with what was
/// measured then.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// Only open it: what it claims is measured by `whyslow measure --side after` and decided by `whyslow ledger finish`
    #[arg(long)]
    open: bool,

    /// The entry: its id, or the begin of it
    id: String,

    /// What `whyslow measure` has to know and entries do not keep: --start, a command behind --, --header, …
    #[arg(value_name = "WORDS", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// Measures an entry again.
pub(super) fn execute(project: &Project, options: &Options) -> anyhow::Result<Outcome> {
    let entry: Entry = project.find(&options.id)?.read()?;
    let Some(then) = entry.optimization() else {
        return Err(UsageError(format!("{} is no optimization: nothing of it was measured", entry.id)).into());
    };
    match options.open {
        true => open(project, &entry.id, then),
        false => measure(project, &entry.id, then, &options.words),
    }
}

/// Opens an entry that measures another one again: today against what that measured after its change.
fn open(project: &Project, id: &EntryId, then: &Optimization) -> anyhow::Result<Outcome> {
    let plan = Plan {
        started_s: moment::now_s(),
        version: Some(project.git()?.version()?),
        remeasures: Some(id.clone()),
        predicted: Vec::new(),
        ..then.plan.clone()
    };
    let mut open = Open::begin(&project.root, plan).map_err(|problem| UsageError(problem.to_string()))?;
    open.before = Some(then.after.clone());
    open.save(&project.root)?;
    say(format_args!("whyslow: measured then by {}", words::described(&then.after.workload)));
    say(format_args!(
        "next: whyslow measure --side after --runs {} …  and  whyslow ledger finish",
        then.after.runs.len()
    ));
    Ok(Outcome::Done)
}

/// Makes the runs, and writes what came of them.
fn measure(
    project: &Project,
    id: &EntryId,
    then: &Optimization,
    given: &[String],
) -> anyhow::Result<Outcome> {
    let (again, now) = sides(project, then, &words::of(&then.after, given, &project.root)?)?;
    let found = ReMeasurement::of(id.clone(), &then.plan, &then.after, again, now);
    let has_decayed = found.outcome == Found::Decayed;
    let file = project.add(&What::ReMeasurement(Box::new(found)))?;
    say(format_args!("whyslow: written {}", project.shown(&file.path)));
    print(page::page(&file.read()?).as_bytes())?;
    Ok(if has_decayed { Outcome::Failed } else { Outcome::Done })
}

/// The entry's version and the current one in turns; or the current folder alone.
#[cfg(all(feature = "client", feature = "receiver"))]
fn sides(project: &Project, then: &Optimization, words: &[String]) -> anyhow::Result<(Option<Side>, Side)> {
    use crate::commands::measure::measured;

    let git = project.git()?;
    let head = git.version()?;
    let of_entry = then.change.after.as_ref().filter(|version| version.uncommitted_sha256.is_none());
    let other =
        of_entry.filter(|version| version.commit != head.commit && git.commit(&version.commit).is_ok());
    let mut sides = match other {
        Some(version) => {
            if head.uncommitted_sha256.is_some() {
                say(format_args!("whyslow: what is not committed is not measured"));
            }
            measured(words, Some([&version.commit, &head.commit]))?
        }
        None => {
            say(format_args!(
                "whyslow: there is no other version to take turns with: compared with the runs of then"
            ));
            measured(words, None)?
        }
    };
    let now = sides.pop().ok_or_else(|| UsageError("nothing was measured".to_owned()))?;
    Ok((sides.pop(), now))
}

#[cfg(not(all(feature = "client", feature = "receiver")))]
fn sides(_: &Project, _: &Optimization, _: &[String]) -> anyhow::Result<(Option<Side>, Side)> {
    Err(UsageError("this program was built without `whyslow measure`: --open, and import runs".to_owned())
        .into())
}
