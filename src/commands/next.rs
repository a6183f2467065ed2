//! `whyslow next`: where one is in the method, and what to do now.

use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use clap::{Args, ValueEnum};
use ledger::shell::quoted;
use ledger::{
    Advice, Diagnosis, EntryNote, Git, Ledger, Local, Open, OpenProblem, State, Version, What, next,
};
use serde::Serialize;

use super::{Outcome, print, project};

const EXAMPLES: &str = "\
Examples:
  whyslow next                             what to do now
  whyslow next --report report.json        from a report of `whyslow diagnose --format json`
  whyslow next --format json               for programs

Exit codes:
  0  it is said
  2  arguments that make no sense
  3  the ledger or the diagnosis cannot be read";

/// Says where you are in the method and what to do now, with the command to copy.
///
/// Measure, find the top bottleneck, change one thing, measure again, keep what helped and guard it. It looks at the last
/// diagnosis, the entry that is open, what was committed since, and the ledger. From the first time on, diagnoses of this
/// project are kept in .whyslow/diagnosis.json.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Start from this report instead of the last diagnosis
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// The form of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs; described by docs/next-v1.schema.json
    Json,
}

/// The version of what is written as JSON.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    #[serde(flatten)]
    advice: &'a Advice,
}

/// Says it.
pub(crate) fn execute(options: Options) -> anyhow::Result<Outcome> {
    let advice = advise(&options, &project::root()?)?;
    match options.format {
        Format::Json => {
            let mut text = serde_json::to_vec_pretty(&Written { version: VERSION, advice: &advice })?;
            text.push(b'\n');
            print(&text)
        }
        Format::Text => {
            anstream::print!("{}", page(&advice));
            Ok(Outcome::Done)
        }
    }
}

fn advise(options: &Options, root: &Path) -> anyhow::Result<Advice> {
    Local::begin(root)?;
    let diagnosis = match &options.report {
        Some(path) => Some(Diagnosis::read(path)?),
        None => Diagnosis::last(root)?,
    };
    let open = match Open::load(root) {
        Ok(open) => Some(open),
        Err(OpenProblem::None) => None,
        Err(problem) => return Err(problem.into()),
    };
    let git = Git::find(root);
    let version = git.as_ref().and_then(|git| git.version().ok());
    let since = open.as_ref().and_then(|open| open.before.as_ref()?.version.clone());
    let commits = git.as_ref().zip(since).map(|(git, since)| commits(git, &since)).unwrap_or_default();
    let notes = Ledger::of(root).notes()?;
    let local = Local::load(root);
    let words: Vec<String> = local.measured_with.iter().map(|word| quoted(word)).collect();
    let left_by_runs: Vec<String> = local.left_by_runs.into_iter().collect();
    let measured_with = words.join(" ");
    Ok(next(&State {
        diagnosis: diagnosis.as_ref(),
        open: open.as_ref(),
        version: version.as_ref(),
        commits: &commits,
        last: last(&notes.entries),
        measured_with: (!words.is_empty()).then_some(&measured_with),
        left_by_runs: &left_by_runs,
    }))
}

/// Commits since a version, the newest first; those that alter nothing but the ledger do not count.
fn commits(git: &Git, since: &Version) -> Vec<String> {
    let range = format!("{}..HEAD", since.commit);
    let arguments = ["log", "--format=%h %s", "--max-count=20", &range, "--", ".", ":(exclude,top).whyslow"];
    let listed = git.line(&arguments).unwrap_or_default();
    listed.lines().map(str::to_owned).collect()
}

/// The newest optimization that was not withdrawn.
fn last(entries: &[EntryNote]) -> Option<&EntryNote> {
    let is_withdrawn = |of: &EntryNote| {
        let withdraws =
            |entry: &EntryNote| matches!(&entry.what, What::Withdrawal(withdrawn) if withdrawn.of == of.id);
        entries.iter().any(withdraws)
    };
    entries.iter().rev().find(|entry| entry.optimization().is_some() && !is_withdrawn(entry))
}

/// What people read: the step, the reason, and the commands alone on their lines.
fn page(advice: &Advice) -> String {
    let bold = Style::new().bold();
    let command = AnsiColor::Cyan.on_default();
    let mut page = format!("{bold}now{bold:#}   {}\n{bold}why{bold:#}   {}\n", advice.now, advice.why);
    if !advice.commands.is_empty() {
        page.push('\n');
    }
    for line in &advice.commands {
        page += &format!("      {command}{line}{command:#}\n");
    }
    page
}
