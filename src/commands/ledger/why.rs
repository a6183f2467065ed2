//! `whyslow ledger why`: why a line is as it is.

use std::fmt::Write as _;
use std::path::{Component, Path};

use clap::Args;
use detectors::figures::clean;
use ledger::EntryNote;
use ledger::owners::Owners;
use serde::Serialize;

use super::{Format, Outcome, Project, UsageError, print_json};
use crate::commands::print;

const EXAMPLES: &str = "\
Examples:
  whyslow ledger why src/orders.rs:120      the entries whose change wrote this line
  whyslow ledger why src/orders.rs          all entries whose change touched the file

Exit codes:
  0  done, also where no entry says anything
  2  git does not know the file, or it has no such line";

/// Says which optimizations a line or a file comes from, with their sentence on undoing them.
///
/// Lines are followed by git's blame: through later commits, renames, rebases and squashed branches.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// The file, and the line
    #[arg(value_name = "FILE[:LINE]")]
    place: String,

    /// The form
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    format: Format,
}

/// An entry that has to do with a place.
#[derive(Debug, Serialize)]
struct Told<'n> {
    id: &'n str,
    title: &'n str,
    verdict: &'static str,
    /// Its change wrote the line; else it touched the file.
    is_own: bool,
    do_not_undo: Option<&'n str>,
}

/// Says why a place is as it is.
pub(super) fn execute(project: &Project, options: &Options) -> anyhow::Result<Outcome> {
    let git = project.git()?;
    let (file, line) = place(&options.place);
    let path = from_root(&project.folder, git.root(), file)
        .ok_or_else(|| UsageError(format!("{file} is not in the repository")))?;
    let notes = project.ledger.notes()?;
    let mut owners = Owners::of(git, &notes);
    let because = owners.why(&path, line).map_err(|problem| UsageError(problem.to_string()))?;
    let own = because.own.iter().filter_map(|entry| told(entry, true));
    let told: Vec<Told<'_>> = own.chain(because.near.iter().filter_map(|entry| told(entry, false))).collect();
    match options.format {
        Format::Json => print_json(&told),
        Format::Text => print(text(&options.place, line.is_some(), &told).as_bytes()),
    }
}

fn told(entry: &EntryNote, is_own: bool) -> Option<Told<'_>> {
    let of = entry.optimization()?;
    Some(Told {
        id: entry.id.as_str(),
        title: &of.plan.title,
        verdict: of.conclusion.verdict.name(),
        is_own,
        do_not_undo: of.reasons.do_not_undo.as_deref(),
    })
}

fn text(place: &str, has_line: bool, told: &[Told<'_>]) -> String {
    if told.is_empty() {
        return format!("No entry of the ledger touches {}.\n", clean(place));
    }
    let mut text = String::new();
    for of in told {
        let how = match (of.is_own, has_line) {
            (true, _) => "wrote this line",
            (false, true) => "touched this file, but not this line",
            (false, false) => "touched this file",
        };
        let _ = writeln!(text, "{}  {} ({}; {how})", of.id, clean(of.title), of.verdict);
        if let Some(sentence) = of.do_not_undo {
            let _ = writeln!(text, "  do not undo: {}", clean(sentence));
        }
    }
    text
}

/// `src/orders.rs:120` as file and line.
fn place(text: &str) -> (&str, Option<u64>) {
    match text.rsplit_once(':').map(|(file, line)| (file, line.parse::<u64>())) {
        Some((file, Ok(line))) => (file, Some(line.max(1))),
        _ => (text, None),
    }
}

/// A path as git names it: from the repository's topmost folder.
fn from_root(folder: &Path, root: &Path, file: &str) -> Option<String> {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let mut parts: Vec<&std::ffi::OsStr> = Vec::new();
    let whole = folder.join(file);
    for part in whole.strip_prefix(&root).ok()?.components() {
        match part {
            Component::ParentDir => drop(parts.pop()?),
            Component::Normal(part) => parts.push(part),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    let parts: Option<Vec<&str>> = parts.into_iter().map(std::ffi::OsStr::to_str).collect();
    parts.map(|parts| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_a_line_or_none() {
        assert_eq!(place("src/orders.rs:120"), ("src/orders.rs", Some(120)));
        assert_eq!(place("src/orders.rs"), ("src/orders.rs", None));
        assert_eq!(place("a:b.rs"), ("a:b.rs", None));
    }

    #[test]
    fn paths_are_those_of_the_repository() {
        let found = |folder: &str, file: &str| from_root(Path::new(folder), Path::new("/none/shop"), file);
        assert_eq!(found("/none/shop/src", "./a.rs"), Some("src/a.rs".to_owned()));
        assert_eq!(found("/none/shop/src", "../b.rs"), Some("b.rs".to_owned()));
        assert_eq!(found("/none/shop", "/none/shop/c.rs"), Some("c.rs".to_owned()));
        assert_eq!(found("/none/shop", "/etc/passwd"), None);
        assert_eq!(found("/none/shop", "../../etc/passwd"), None);
    }
}
