//! `whyslow ledger guard`: whether what entries guard is still true, and what a change undoes.

mod annotated;
mod confirmed;
mod evidence;
mod in_turns;
mod judged;
mod memory;
mod sampled;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use detectors::figures::{clean, counted};
use ledger::undone::Proposed;
use ledger::{Notes, moment};
use serde::Serialize;
use whyslow::report::annotation;

use self::annotated::Annotations;
use self::evidence::Evidence;
use self::judged::{Judged, State, Watched};
use self::memory::Memory;
use super::{Outcome, Project, UsageError, print_json};
use crate::commands::print;
use crate::commands::reading::Reading;

const EXAMPLES: &str = "\
Examples:
  whyslow ledger guard --base origin/main --traces traces.otlp      in CI: entries whose files the change touches
  whyslow ledger guard --all --traces traces.otlp                   nightly
  whyslow ledger guard --all --profile cpu.folded                   call paths
  whyslow ledger guard --all --profile now-* --profile-then then-*  a larger part than it had, beyond chance?
  whyslow ledger guard --base origin/main --format github           only what the change undoes, as annotations

Exit codes:
  0  all guards with evidence hold, and nothing is undone without a reason
  1  an exact guard is broken, matched nothing for too long, or an entry is reverted without an entry that says why
  2  arguments that make no sense
  3  the traces cannot be read";

/// Checks guards of entries with traces, and says what a change undoes.
///
/// Exact guards (statements, shapes, indexes, frames) fail; those of times only ask to be measured again. Edits of lines
/// that an entry owns are annotated with its sentence.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// Check entries whose files have changed since the work tree left this commit
    #[arg(long, value_name = "COMMIT", required_unless_present = "all")]
    base: Option<String>,

    /// Check all entries
    #[arg(long)]
    all: bool,

    /// Files and folders with the evidence: traces, logs with plans; `-` is standard input
    #[arg(long, num_args = 1.., value_name = "PATH")]
    traces: Vec<PathBuf>,

    /// Profiles with the evidence of call paths, as folded stacks
    #[arg(long = "profile", num_args = 1.., value_name = "FILE")]
    profiles: Vec<PathBuf>,

    /// Profiles of the entry's version, taken in turns with those of --profile, five of each or more: they tell whether a function
    /// has a larger part than it had
    #[arg(long = "profile-then", num_args = 1.., value_name = "FILE", requires = "profiles")]
    profiles_then: Vec<PathBuf>,

    /// Where it is kept how often guards matched nothing, one after the other; CI keeps it between runs
    #[arg(long, value_name = "FILE", default_value = ".whyslow/guards-unmatched.json")]
    state: PathBuf,

    /// A guard that matches nothing so many times, one after the other, fails
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    unmatched_max: u32,

    /// The form
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    format: GuardFormat,

    #[command(flatten)]
    reading: Reading,
}

/// The form of what checking found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GuardFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// Annotations of GitHub's workflows
    Github,
}

/// What checking found.
#[derive(Debug, Serialize)]
struct Checked {
    /// Guards, in the order of entries.
    guards: Vec<Judged>,
    /// What the change undoes.
    #[serde(flatten)]
    annotations: Annotations,
}

/// Checks guards.
pub(super) fn execute(project: &Project, options: &Options) -> anyhow::Result<Outcome> {
    let notes = project.ledger.notes()?;
    let (annotations, touched) = match &options.base {
        None => (Annotations::default(), BTreeSet::new()),
        Some(base) => {
            let git = project.git()?;
            let change = Proposed::since(git, base).map_err(|problem| UsageError(problem.to_string()))?;
            (Annotations::of(change.undone(git, &notes)?, &notes), change.files())
        }
    };
    let watched =
        Watched::of(&notes, |path| options.all || touched.contains(path), &moment::day(moment::now_s()));
    let mut guards = judge(project, options, watched)?;
    guards.iter_mut().for_each(|guard| confirmed::look(guard, &notes, project.git.as_ref()));
    let checked = Checked { guards, annotations };
    match options.format {
        GuardFormat::Json => print_json(&checked)?,
        GuardFormat::Text => print(text(&checked, &notes).as_bytes())?,
        GuardFormat::Github => print(github(&checked, &notes).as_bytes())?,
    };
    let fails = checked.guards.iter().any(|guard| guard.fails) || checked.annotations.fail();
    Ok(if fails { Outcome::Failed } else { Outcome::Done })
}

fn judge(project: &Project, options: &Options, watched: Vec<Watched>) -> anyhow::Result<Vec<Judged>> {
    let wanted = || watched.iter().map(|watched| &watched.guard);
    let mut evidence = match options.traces.is_empty() || watched.is_empty() {
        true => Evidence::default(),
        false => Evidence::read(&options.traces, &options.reading, wanted())?,
    };
    evidence.add_profiles(&options.profiles, &options.profiles_then)?;
    let mut guards: Vec<Judged> = watched.into_iter().map(|watched| watched.judge(&evidence)).collect();
    let path = project.root.join(&options.state);
    let mut memory = Memory::load(&path)?;
    guards.iter_mut().for_each(|guard| memory.count(guard, options.unmatched_max));
    memory.save(&path)?;
    Ok(guards)
}

/// Annotations: errors of what fails, warnings of what someone should look at.
fn github(checked: &Checked, notes: &Notes) -> String {
    let mut text = checked.annotations.github();
    for guard in &checked.guards {
        let level = match (guard.fails, guard.state) {
            (true, _) => "error",
            (false, State::Unconfirmed | State::Unmatched) => "warning",
            (false, _) => continue,
        };
        let title = format!("guard of {} {}", guard.entry, guard.state.name());
        text += &annotation(level, None, &title, &format!("{}: {}", guard.guard, guard.text));
    }
    text + &summary(checked, notes)
}

fn text(checked: &Checked, notes: &Notes) -> String {
    let mut text = checked.annotations.text(notes);
    for guard in &checked.guards {
        let state = guard.state.name();
        let _ = writeln!(text, "{state:12}  {}  {}: {}", guard.entry, guard.guard, clean(&guard.text));
    }
    text + &summary(checked, notes)
}

/// How many guards are in which state, of how many entries the ledger has.
fn summary(checked: &Checked, notes: &Notes) -> String {
    let of = |state: State| checked.guards.iter().filter(|guard| guard.state == state).count() as u64;
    let guards = counted(checked.guards.len() as u64, "guard");
    let entries = counted(notes.entries.len() as u64, "entry");
    format!(
        "{guards} of {entries}: {} hold, {} broken, {} to be measured again, {} matched nothing, {} without evidence, {} waived\n",
        of(State::Holds),
        of(State::Broken),
        of(State::Unconfirmed),
        of(State::Unmatched),
        of(State::NoEvidence),
        of(State::Waived)
    )
}
