//! Where runs are kept, and what is remembered of how they were made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use detectors::figures::clean;
use ledger::{Git, Local, Open, OpenProblem, Side as Measured, Unchanged, page};

use super::words::again;
use super::{Options, Side};
use crate::commands::{Outcome, UsageError, project, say};

/// Where runs are kept: in the open entry, or in files.
pub(super) enum Keeping {
    /// The project with the open entry.
    Entry(PathBuf),
    /// The file, or of two sides the folder.
    File(PathBuf),
}

impl Keeping {
    /// Whether there is a place is known before anything is measured.
    pub(super) fn of(options: &Options) -> anyhow::Result<Self> {
        if let Some(path) = &options.output {
            return Ok(Self::File(path.clone()));
        }
        if options.side.is_none() && options.ab.is_none() && !options.aa {
            let text = "where do the runs belong? --side before or after in the ledger, or --output FILE";
            return Err(UsageError(text.to_owned()).into());
        }
        let root = project::root()?;
        match Open::load(&root) {
            Ok(_) => Ok(Self::Entry(root)),
            Err(OpenProblem::None) => {
                Err(UsageError(format!("{}; or keep the runs with --output", OpenProblem::None)).into())
            }
            Err(problem) => Err(problem.into()),
        }
    }

    /// Keeps sides, and remembers how they were measured and what the runs left.
    pub(super) fn keep(
        &self,
        options: &Options,
        sides: Vec<(Side, Measured)>,
        left: Vec<String>,
    ) -> anyhow::Result<Outcome> {
        match self {
            Self::Entry(root) => {
                keep_in_entry(root, options.replace || options.ab.is_some(), sides)?;
                remember(root, left)?;
            }
            Self::File(path) => keep_in_files(path, options.ab.is_some(), &sides)?,
        }
        Ok(Outcome::Done)
    }

    /// Keeps the same version on both sides, and says what differs there.
    pub(super) fn keep_unchanged(&self, sides: [Measured; 2], left: Vec<String>) -> anyhow::Result<Outcome> {
        match self {
            Self::Entry(root) => {
                let mut open = Open::load(root)?;
                let noise = Unchanged::of(&open.plan, &sides);
                open.unchanged = Some(sides);
                open.save(root)?;
                remember(root, left)?;
                let unknown =
                    || "of the primary metric nothing is told: it is counted, or runs are too few".to_owned();
                let told = noise.as_ref().map_or_else(unknown, page::unchanged);
                say(format_args!("whyslow: kept in the entry \"{}\". {told}", open.plan.title));
            }
            Self::File(path) => {
                let [before, after] = sides;
                keep_in_files(path, true, &[(Side::Before, before), (Side::After, after)])?;
                say(format_args!("whyslow: what  whyslow compare {}  tells is noise", path.display()));
            }
        }
        Ok(Outcome::Done)
    }
}

fn keep_in_entry(root: &Path, replace: bool, sides: Vec<(Side, Measured)>) -> anyhow::Result<()> {
    // It may have changed while we measured.
    let mut open = Open::load(root)?;
    for (side, measured) in sides {
        let place = match side {
            Side::Before => &mut open.before,
            Side::After => &mut open.after,
        };
        match place.as_mut().filter(|_| !replace) {
            None => *place = Some(measured),
            Some(there) => {
                if let Err(reason) = there.append(measured) {
                    bail!("{reason}: --replace forgets those");
                }
            }
        }
    }
    open.save(root)?;
    say(format_args!("whyslow: kept in the entry \"{}\"; whyslow next says what to do now", open.plan.title));
    Ok(())
}

/// Remembers how it was measured, and what the runs left, which is no change of the code.
fn remember(root: &Path, left: Vec<String>) -> anyhow::Result<()> {
    if !left.is_empty() {
        let named = left.iter().take(3).map(|file| clean(file)).collect::<Vec<_>>().join(", ");
        let more =
            left.len().checked_sub(4).map(|more| format!(" and {} more", more + 1)).unwrap_or_default();
        say(format_args!("whyslow: the runs left {named}{more}; these do not count as a change"));
    }
    let mut local = Local { measured_with: again(std::env::args().skip(2)), ..Local::load(root) };
    local.add_left(left);
    local.save(root).context("cannot remember how it was measured")
}

fn keep_in_files(path: &Path, is_folder: bool, sides: &[(Side, Measured)]) -> anyhow::Result<()> {
    for (side, measured) in sides {
        let file = match (is_folder, side) {
            (false, _) => path.to_owned(),
            (true, Side::Before) => path.join("before.json"),
            (true, Side::After) => path.join("after.json"),
        };
        measured.save(&file).with_context(|| format!("cannot write {}", file.display()))?;
        say(format_args!("whyslow: kept in {}", file.display()));
    }
    Ok(())
}

/// What git knew of a work tree before its first run.
pub(super) struct Left(Option<(Git, BTreeSet<String>)>);

impl Left {
    /// Looks before the first run.
    pub(super) fn before(folder: &Path) -> Self {
        Self(Git::find(folder).and_then(|git| git.untracked().ok().map(|files| (git, files))))
    }

    /// Files that are there now, were not before, and are neither committed nor ignored.
    pub(super) fn since(self) -> Vec<String> {
        let now = self.0.and_then(|(git, before)| git.untracked().ok().map(|now| (before, now)));
        now.map(|(before, now)| now.difference(&before).cloned().collect()).unwrap_or_default()
    }
}
