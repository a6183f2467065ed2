//! What is said of entries later: `whyslow ledger withdraw`, `revert` and `waive`; and `abandon` of what is none yet.

use clap::Args;
use ledger::{Entry, Guard, Open, OpenProblem, Statement, Supersession, Waiver, What, moment};

use super::{Outcome, Project, UsageError};
use crate::commands::say;

/// Gives the open entry up: nothing of it is kept.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct AbandonOptions {}

const WITHDRAW_EXAMPLES: &str = "\
Examples:
  whyslow ledger withdraw xj4bnp4p --reason 'measured with an empty cache'
  whyslow ledger withdraw xj4bnp4p --by 7qkbxj4b --reason 'measured again with real data'";

/// Says that an entry is wrong or holds no more, and why.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = WITHDRAW_EXAMPLES)]
pub(super) struct WithdrawOptions {
    /// The entry: its id, or the begin of it
    id: String,

    /// Why
    #[arg(long, value_name = "SENTENCE")]
    reason: String,

    /// The entry that takes its place
    #[arg(long, value_name = "ID")]
    by: Option<String>,
}

const SUPERSEDE_EXAMPLES: &str = "\
Examples:
  whyslow ledger supersede xj4bnp4p --guard 'statements(\"GET /orders\") <= 4'
  whyslow ledger supersede xj4bnp4p --do-not-undo 'one query for each order would come back'";

/// Writes an entry anew with more guards or words, in place of the one there is; what was measured stays.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = SUPERSEDE_EXAMPLES)]
pub(super) struct SupersedeOptions {
    /// The entry: its id, or the begin of it
    id: String,

    /// What else must stay true from now on; can be given several times
    #[arg(long = "guard", value_name = "GUARD")]
    guards: Vec<Guard>,

    /// The sentence that whoever is about to undo it is shown
    #[arg(long, value_name = "SENTENCE")]
    do_not_undo: Option<String>,

    /// What else it costs; can be given several times
    #[arg(long = "tradeoff", value_name = "SENTENCE")]
    tradeoffs: Vec<String>,
}

const REVERT_EXAMPLES: &str = "\
Examples:
  whyslow ledger revert xj4bnp4p --reason 'totals were wrong where an order has no customer'";

/// Says why a change is undone on purpose, so that whyslow ledger guard lets its revert pass.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = REVERT_EXAMPLES)]
pub(super) struct RevertOptions {
    /// The entry of the change: its id, or the begin of it
    id: String,

    /// Why
    #[arg(long, value_name = "SENTENCE")]
    reason: String,
}

const WAIVE_EXAMPLES: &str = "\
Examples:
  whyslow ledger waive xj4bnp4p --guard 'statements(\"GET /orders\") <= 4' --until 2027-03-31 --reason 'until the new client'";

/// Lets a guard of an entry be broken until a day.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = WAIVE_EXAMPLES)]
pub(super) struct WaiveOptions {
    /// The entry: its id, or the begin of it
    id: String,

    /// The guard
    #[arg(long, value_name = "GUARD")]
    guard: Guard,

    /// Why
    #[arg(long, value_name = "SENTENCE")]
    reason: String,

    /// The last day, as 2027-03-31
    #[arg(long, value_name = "DAY", value_parser = day)]
    until: String,
}

fn day(text: &str) -> Result<String, &'static str> {
    match moment::is_day(text) {
        true => Ok(text.to_owned()),
        false => Err("expected a day as 2027-03-31"),
    }
}

/// Gives the open entry up.
pub(super) fn abandon(project: &Project) -> anyhow::Result<Outcome> {
    match Open::abandon(&project.root) {
        Ok(()) => Ok(Outcome::Done),
        Err(problem @ OpenProblem::None) => Err(UsageError(problem.to_string()).into()),
        Err(problem) => Err(problem.into()),
    }
}

/// Withdraws an entry.
pub(super) fn withdraw(project: &Project, options: WithdrawOptions) -> anyhow::Result<Outcome> {
    let WithdrawOptions { id, reason, by } = options;
    let of = project.find(&id)?.id;
    let what = match by {
        Some(by) => What::Supersession(Supersession { of, by: project.find(&by)?.id, reason }),
        None => What::Withdrawal(Statement { of, reason }),
    };
    add(project, &what)
}

/// Writes an entry anew.
pub(super) fn supersede(project: &Project, options: SupersedeOptions) -> anyhow::Result<Outcome> {
    let SupersedeOptions { id, guards, do_not_undo, tradeoffs } = options;
    let entry: Entry = project.find(&id)?.read()?;
    let What::Optimization(mut anew) = entry.what else {
        return Err(UsageError(format!("{} is no optimization: withdraw it instead", entry.id)).into());
    };
    anew.supersedes = vec![entry.id];
    anew.guards.extend(guards);
    anew.reasons.do_not_undo = do_not_undo.or(anew.reasons.do_not_undo);
    anew.reasons.tradeoffs.extend(tradeoffs);
    add(project, &What::Optimization(anew))
}

/// Says why a change is undone.
pub(super) fn revert(project: &Project, options: RevertOptions) -> anyhow::Result<Outcome> {
    let of = project.find(&options.id)?.id;
    add(project, &What::Reversion(Statement { of, reason: options.reason }))
}

/// Lets a guard be broken.
pub(super) fn waive(project: &Project, options: WaiveOptions) -> anyhow::Result<Outcome> {
    let WaiveOptions { id, guard, reason, until } = options;
    let file = project.find(&id)?;
    let entry: ledger::EntryNote = file.read()?;
    let guards = entry.optimization().map_or(&[][..], |optimization| &optimization.guards);
    if !guards.contains(&guard) {
        let all: Vec<String> = guards.iter().map(Guard::to_string).collect();
        return Err(UsageError(format!("{} has no such guard; it has: {}", file.id, all.join(", "))).into());
    }
    add(project, &What::Waiver(Waiver { of: file.id, guard, reason, until }))
}

fn add(project: &Project, what: &What) -> anyhow::Result<Outcome> {
    let file = project.add(what)?;
    say(format_args!("whyslow: written {}", project.shown(&file.path)));
    Ok(Outcome::Done)
}
