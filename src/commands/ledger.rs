//! `whyslow ledger`: what was changed, what it gave, and what must stay true.

mod again;
mod finish;
mod guard;
mod import;
mod list;
mod say_of;
mod show;
mod start;
mod verify;
mod why;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use ledger::{Entry, EntryFile, Git, Ledger, What, moment};

use super::{Outcome, UsageError, project};

const EXAMPLES: &str = "\
Examples:
  whyslow ledger start 'load customers with the orders' --target 'GET /orders p99<500ms'
  whyslow measure --side before --runs 10 -- ./load.sh
  whyslow measure --side after --runs 10 -- ./load.sh      (after the change)
  whyslow ledger finish --guard 'statements(\"GET /orders\") <= 4'
  whyslow ledger why src/orders.rs:120
  whyslow ledger guard --base origin/main --traces traces.otlp";

/// Records optimizations with their proof, and checks that they stay in force.
///
/// Entries are files of the project, .whyslow/ledger/YYYY/MM/ID.json, named by a hash of what they say. They
/// are never altered: what is said of one later is an entry of its own.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Start(start::Options),
    Import(import::Options),
    Finish(finish::Options),
    Abandon(say_of::AbandonOptions),
    List(list::Options),
    Show(show::Options),
    Why(why::Options),
    Verify(verify::Options),
    Guard(guard::Options),
    Withdraw(say_of::WithdrawOptions),
    Supersede(say_of::SupersedeOptions),
    Revert(say_of::RevertOptions),
    Waive(say_of::WaiveOptions),
    Remeasure(again::Options),
}

/// Does what was asked for.
pub(crate) fn execute(options: Options) -> anyhow::Result<Outcome> {
    let project = Project::here()?;
    match options.command {
        Command::Start(options) => start::execute(&project, options),
        Command::Import(options) => import::execute(&project, options),
        Command::Finish(options) => finish::execute(&project, options),
        Command::Abandon(_) => say_of::abandon(&project),
        Command::List(options) => list::execute(&project, &options),
        Command::Show(options) => show::execute(&project, &options),
        Command::Why(options) => why::execute(&project, &options),
        Command::Verify(options) => verify::execute(&project, &options),
        Command::Guard(options) => guard::execute(&project, &options),
        Command::Withdraw(options) => say_of::withdraw(&project, options),
        Command::Supersede(options) => say_of::supersede(&project, options),
        Command::Revert(options) => say_of::revert(&project, options),
        Command::Waive(options) => say_of::waive(&project, options),
        Command::Remeasure(options) => again::execute(&project, &options),
    }
}

/// The form of what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// The project that the current folder belongs to.
struct Project {
    folder: PathBuf,
    root: PathBuf,
    ledger: Ledger,
    git: Option<Git>,
}

impl Project {
    fn here() -> anyhow::Result<Self> {
        let folder = std::env::current_dir().context("cannot tell the current folder")?;
        let root = project::root()?;
        let (ledger, git) = (Ledger::of(&root), Git::find(&root));
        Ok(Self { folder, root, ledger, git })
    }

    fn git(&self) -> anyhow::Result<&Git> {
        let text = "the ledger needs a repository of git: it tells what was changed, and by whom";
        self.git.as_ref().ok_or_else(|| UsageError(text.to_owned()).into())
    }

    /// Adds an entry with its page and its picture.
    fn add(&self, what: &What) -> anyhow::Result<EntryFile> {
        let author = self.git()?.author().context("git does not know who you are")?;
        let file = self.ledger.add(&author, &moment::moment(moment::now_s()), what)?;
        Self::render(&file)?;
        Ok(file)
    }

    /// Writes the page and the picture of an entry.
    fn render(file: &EntryFile) -> anyhow::Result<()> {
        let entry: Entry = file.read()?;
        if let Some(picture) = picture(&entry.what) {
            file.write_beside("svg", &picture)?;
        }
        Ok(file.write_beside("md", &ledger::page::page(&entry))?)
    }

    /// The entry whose id begins so.
    fn find(&self, begin: &str) -> anyhow::Result<EntryFile> {
        Ok(self.ledger.find(begin).map_err(|problem| UsageError(problem.to_string()))?)
    }

    /// A path of the project, as it is shown.
    fn shown(&self, path: &std::path::Path) -> String {
        path.strip_prefix(&self.folder)
            .or_else(|_| path.strip_prefix(&self.root))
            .unwrap_or(path)
            .display()
            .to_string()
    }
}

fn picture(what: &What) -> Option<String> {
    match what {
        What::Optimization(optimization) => ledger::page::picture::picture(optimization),
        _ => None,
    }
}

/// Writes something as JSON to stdout.
fn print_json(told: &impl serde::Serialize) -> anyhow::Result<Outcome> {
    let mut text = serde_json::to_vec_pretty(told)?;
    text.push(b'\n');
    super::print(&text)
}
