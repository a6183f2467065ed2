//! What a change undoes: reverts of entries, and edits of lines that entries own.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::owners::{Owners, blame};
use crate::patch::{self, FilePatch};
use crate::{EntryId, EntryNote, Git, GitProblem, Notes, Optimization, SideNote, What};

/// Commits of a change that are looked at one by one.
const COMMITS_MAX: &str = "--max-count=200";

/// A change: what leads from a commit to the work tree.
#[derive(Debug)]
pub struct Proposed {
    /// The commit that both have.
    base: String,
    /// The difference.
    diff: Vec<u8>,
    /// The difference the other way round.
    inverse: Vec<u8>,
}

/// What a change does to entries.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Undone {
    /// Entries that it reverts.
    pub reverted: Vec<Reverted>,
    /// Lines that it edits and that entries own.
    pub edited: Vec<Edited>,
}

/// An entry that a change reverts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reverted {
    /// The entry.
    pub entry: EntryId,
    /// Whether an entry says why.
    pub is_explained: bool,
}

/// Lines that a change edits and that an entry owns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Edited {
    /// The file, as it is called after.
    pub path: String,
    /// The first line before.
    pub line: u64,
    /// The entry.
    pub entry: EntryId,
}

impl Proposed {
    /// What leads from where a branch left another to the work tree.
    ///
    /// # Errors
    ///
    /// There is no such commit, or both have none in common.
    pub fn since(git: &Git, base: &str) -> Result<Self, GitProblem> {
        let base = git.line(&["merge-base", &git.commit(base)?, "HEAD"])?;
        let snapshot = git.snapshot()?;
        let diff = git.diff_to_snapshot(&base, &snapshot)?;
        let inverse = git.diff_from_snapshot(&snapshot, &base)?;
        Ok(Self { base, diff, inverse })
    }

    /// The files that it touches, as they are called before and after.
    pub fn files(&self) -> BTreeSet<String> {
        patch::files(&self.diff).into_iter().flat_map(|file| [file.path_before, file.path]).collect()
    }

    /// What it does to the entries of a ledger.
    ///
    /// # Errors
    ///
    /// Git gives no answer.
    pub fn undone(&self, git: &Git, notes: &Notes) -> Result<Undone, GitProblem> {
        let inverse = self.inverse_ids(git)?;
        let explained = explained(notes);
        let optimizations = || notes.entries.iter().filter_map(|entry| Some((entry, entry.optimization()?)));
        let reverted = optimizations().filter(|(_, of)| inverse.revert(of));
        let reverted = reverted.map(|(entry, _)| Reverted {
            entry: entry.id.clone(),
            is_explained: explained.contains(&entry.id),
        });
        Ok(Undone { reverted: reverted.collect(), edited: self.edited(git, notes)? })
    }

    /// Lines of the base that it removes or rewrites and that an entry's change wrote.
    fn edited(&self, git: &Git, notes: &Notes) -> Result<Vec<Edited>, GitProblem> {
        let mut owners = Owners::of(git, notes);
        let mut edited: BTreeMap<(String, EntryId), u64> = BTreeMap::new();
        for FilePatch { path, path_before, lines_before, .. } in patch::files(&self.diff) {
            for line in blame(git, Some(&self.base), &path_before, &patch::joined(&lines_before))? {
                for owner in owners.of_commit(&line.commit)? {
                    let first = edited.entry((path.clone(), owner.id.clone())).or_insert(line.line);
                    *first = line.line.min(*first);
                }
            }
        }
        Ok(edited.into_iter().map(|((path, entry), line)| Edited { path, line, entry }).collect())
    }

    /// Patch ids of what would take the change back: of all, of each file, and of each commit.
    fn inverse_ids(&self, git: &Git) -> Result<Inverse, GitProblem> {
        let mut found = Inverse::default();
        found.wholes.extend(git.patch_id(&self.inverse)?);
        for file in patch::files(&self.inverse) {
            found.files.extend(git.patch_id(file.bytes)?);
        }
        let range = format!("{}..HEAD", self.base);
        for commit in git.line(&["rev-list", "--no-merges", COMMITS_MAX, &range])?.lines() {
            found.wholes.extend(git.patch_id(&git.inverse_diff_of(commit)?)?);
        }
        Ok(found)
    }
}

/// Patch ids of what would take a change back.
#[derive(Debug, Default)]
struct Inverse {
    wholes: BTreeSet<String>,
    files: BTreeSet<String>,
}

impl Inverse {
    /// Whether the change takes an entry's change back: as a whole, or all of its files among others.
    fn revert(&self, of: &Optimization<SideNote>) -> bool {
        let is_whole = of.change.patch_id.as_ref().is_some_and(|id| self.wholes.contains(id));
        let ids: Option<Vec<&String>> = of.change.files.iter().map(|file| file.patch_id.as_ref()).collect();
        let are_all =
            ids.is_some_and(|ids| !ids.is_empty() && ids.into_iter().all(|id| self.files.contains(id)));
        is_whole || are_all
    }
}

/// Entries of which a later one says that they hold no more.
fn explained(notes: &Notes) -> BTreeSet<EntryId> {
    notes.entries.iter().flat_map(ends).cloned().collect()
}

/// Entries that hold no more because of this one.
pub fn ends(entry: &EntryNote) -> Vec<&EntryId> {
    match &entry.what {
        What::Withdrawal(statement) | What::Reversion(statement) => vec![&statement.of],
        What::Supersession(supersession) => vec![&supersession.of],
        What::Optimization(optimization) => optimization.supersedes.iter().collect(),
        What::ReMeasurement(_) | What::Waiver(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
