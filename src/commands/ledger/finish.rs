//! `whyslow ledger finish`: decides, and writes the entry.

use clap::Args;
use clap::builder::PossibleValuesParser;
use ledger::{
    Change, ChangeKind, ChangeProblem, Conclusion, Entry, EntryId, Guard, Ledger, Open, OpenProblem,
    Optimization, ReMeasurement, Reasons, Side, Version, What, page,
};

use super::{Outcome, Project, UsageError};
use crate::commands::{print, say};

const EXAMPLES: &str = "\
Examples:
  whyslow ledger finish --kind query --guard 'statements(\"GET /orders\") <= 4'
  whyslow ledger finish --do-not-undo 'one query for each order would come back' --tradeoff '12 kB more for each answer'
  whyslow ledger finish --dry-run
  whyslow ledger finish --before v1.4 --after v1.5 --confounded 'the other commits are of the documentation'

Exit codes:
  0  the entry is written
  2  arguments that make no sense, or a side is not measured yet
  3  git does not know what was measured";

/// Decides on the runs of both sides, writes the entry and shows its page.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// What sort of change it is
    #[arg(long, value_name = "KIND", default_value = "other", value_parser = kinds())]
    kind: String,

    /// What must stay true from now on; can be given several times
    #[arg(long = "guard", value_name = "GUARD")]
    guards: Vec<Guard>,

    /// The sentence that whoever is about to undo it is shown
    #[arg(long, value_name = "SENTENCE")]
    do_not_undo: Option<String>,

    /// What it costs: writes, memory, staleness; can be given several times
    #[arg(long = "tradeoff", value_name = "SENTENCE")]
    tradeoffs: Vec<String>,

    /// What else was tried or considered; can be given several times
    #[arg(long = "alternative", value_name = "SENTENCE")]
    alternatives: Vec<String>,

    /// What explains the result, written after measuring
    #[arg(long, value_name = "SENTENCE")]
    explanation: Option<String>,

    /// Why the verdict holds although more than one thing differs between the sides
    #[arg(long, value_name = "REASON")]
    confounded: Option<String>,

    /// The commit that was measured before, where the runs do not tell
    #[arg(long, value_name = "COMMIT")]
    before: Option<String>,

    /// The commit that was measured after, where the runs do not tell
    #[arg(long, value_name = "COMMIT")]
    after: Option<String>,

    /// An entry that holds no more, as this one takes its place; can be given several times
    #[arg(long, value_name = "ID")]
    supersedes: Vec<String>,

    /// Show the page, and write nothing
    #[arg(long)]
    dry_run: bool,
}

fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(ChangeKind::ALL.map(|(name, _)| name))
}

/// Finishes the open entry.
pub(super) fn execute(project: &Project, options: Options) -> anyhow::Result<Outcome> {
    let mut open = Open::load(&project.root).map_err(misused)?;
    if let Some(written) = already(&project.ledger, &open)? {
        // Its page may be what is missing.
        Project::render(&project.find(written.as_str())?)?;
        Open::abandon(&project.root)?;
        say(format_args!("whyslow: the entry was written before: {written}"));
        return Ok(Outcome::Done);
    }
    let before = measured(open.before.take(), "before")?;
    let after = measured(open.after.take(), "after")?;
    let dry_run = options.dry_run;
    let what = match open.plan.remeasures.clone() {
        Some(of) => What::ReMeasurement(Box::new(ReMeasurement::of(of, &open.plan, &before, None, after))),
        None => What::Optimization(Box::new(optimization(project, open, [before, after], options)?)),
    };
    if dry_run {
        return print(preview(&what)?.as_bytes());
    }
    let file = project.add(&what)?;
    Open::abandon(&project.root)?;
    say(format_args!("whyslow: written {}", project.shown(&file.path)));
    print(page::page(&file.read()?).as_bytes())
}

fn misused(problem: OpenProblem) -> anyhow::Error {
    match problem {
        OpenProblem::None => UsageError(problem.to_string()).into(),
        other => other.into(),
    }
}

/// The entry that was written of this plan, where the process ended before the plan was removed.
fn already(ledger: &Ledger, open: &Open) -> anyhow::Result<Option<EntryId>> {
    let notes = ledger.notes()?;
    let is_it = |entry: &&ledger::EntryNote| entry.optimization().is_some_and(|of| of.plan == open.plan);
    Ok(notes.entries.iter().find(is_it).map(|entry| entry.id.clone()))
}

fn measured(side: Option<Side>, name: &str) -> Result<Side, UsageError> {
    side.filter(|side| !side.runs.is_empty()).ok_or_else(|| {
        let how = format!("whyslow measure --side {name} --runs 10 -- COMMAND");
        UsageError(format!("nothing is measured {name} yet:  {how}"))
    })
}

fn optimization(
    project: &Project,
    open: Open,
    [before, after]: [Side; 2],
    options: Options,
) -> anyhow::Result<Optimization> {
    let git = project.git()?;
    let named = |name: &Option<String>, side: &Side| -> anyhow::Result<Option<Version>> {
        let Some(name) = name else { return Ok(side.version.clone()) };
        let commit = git.commit(name).map_err(|problem| UsageError(problem.to_string()))?;
        Ok(Some(Version { commit, uncommitted_sha256: None }))
    };
    let kind =
        ChangeKind::ALL.iter().find(|(name, _)| *name == options.kind).map_or(ChangeKind::Other, |of| of.1);
    let versions = [named(&options.before, &before)?, named(&options.after, &after)?];
    let change = change(git, kind, versions)?;
    let supersedes = options.supersedes.iter().map(|begin| Ok(project.find(begin)?.id));
    let supersedes = supersedes.collect::<anyhow::Result<_>>()?;
    let unchanged = open.unchanged;
    check_unchanged(unchanged.as_ref(), &before)?;
    let conclusion = Conclusion::of(&open.plan, &change, [&before, &after], options.confounded.as_deref())
        .with_unchanged(&open.plan, unchanged.as_ref());
    Ok(Optimization {
        plan: open.plan,
        change,
        reasons: Reasons {
            explanation: options.explanation,
            alternatives: options.alternatives,
            tradeoffs: options.tradeoffs,
            do_not_undo: options.do_not_undo,
        },
        before,
        after,
        unchanged,
        confounded: options.confounded,
        conclusion,
        guards: options.guards,
        supersedes,
    })
}

/// Noise is that of the same work on the same machine.
fn check_unchanged(unchanged: Option<&[Side; 2]>, before: &Side) -> Result<(), UsageError> {
    let is_other = |sides: &[Side; 2]| {
        sides[0].workload != before.workload || sides[0].environment != before.environment
    };
    match unchanged.filter(|sides| is_other(sides)) {
        None => Ok(()),
        Some(_) => {
            let text = "`whyslow measure --aa` was made by another workload or in another environment than the runs before: \
                make it again as these";
            Err(UsageError(text.to_owned()))
        }
    }
}

fn change(
    git: &ledger::Git,
    kind: ChangeKind,
    [before, after]: [Option<Version>; 2],
) -> Result<Change, anyhow::Error> {
    Change::between(git, kind, before, after).map_err(|problem| match problem {
        ChangeProblem::Gone => UsageError(problem.to_string()).into(),
        other => other.into(),
    })
}

/// The page that an entry would have.
fn preview(what: &What) -> anyhow::Result<String> {
    let now = ledger::moment::moment(ledger::moment::now_s());
    let written = ledger::written("nobody yet", &now, &[], what)?;
    let entry: Entry = ledger::read(&written.bytes)?;
    Ok(page::page(&entry))
}
