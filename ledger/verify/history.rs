//! What git remembers of the ledger: entries that were there once and are gone.

use std::collections::{BTreeMap, BTreeSet};

use super::{Files, Problem, Verification};
use crate::store::PLACE;
use crate::{EntryId, Git, GitProblem};

/// Tells commits from files in what git writes.
const COMMIT: &str = "commit:";

/// What git remembers of one entry.
#[derive(Debug, Default)]
struct Memory {
    /// The newest commit that deleted it.
    deleted_in: Option<String>,
}

/// Entries that a commit has: who merged it vouches for what they claim of their runs.
///
/// # Errors
///
/// There is no such commit.
pub fn entries_of(git: &Git, commit: &str) -> Result<BTreeSet<EntryId>, GitProblem> {
    let commit = git.commit(commit)?;
    let written = git.run(&["ls-tree", "-r", "-z", "--name-only", "--full-tree", &commit, "--", PLACE])?;
    Ok(String::from_utf8_lossy(&written).split_terminator('\0').filter_map(id).collect())
}

/// Adds entries that git knows and that are not there.
pub(super) fn look(git: &Git, ids: &Files<'_>, found: &mut Verification) {
    match remembered(git) {
        Err(reason) => found.notes.push(format!("git does not tell what was deleted: {reason}")),
        Ok(memory) => {
            let gone = memory.into_iter().filter(|(id, _)| !ids.contains_key(id));
            found.problems.extend(gone.map(|(id, memory)| problem(&id, memory)));
        }
    }
    if git.line(&["rev-parse", "--is-shallow-repository"]).is_ok_and(|answer| answer == "true") {
        found.notes.push(
            "the repository is shallow: what was deleted before its first commit is not seen".to_owned(),
        );
    }
}

fn problem(id: &EntryId, memory: Memory) -> Problem {
    let text = match memory.deleted_in {
        Some(commit) => format!("it was deleted in commit {}", commit.get(..12).unwrap_or(&commit)),
        None => "it was committed and is not there any more".to_owned(),
    };
    Problem { entry: id.to_string(), text }
}

/// Every entry that any commit that leads here has added or altered.
fn remembered(git: &Git) -> Result<BTreeMap<EntryId, Memory>, String> {
    if git.commit("HEAD").is_err() {
        return Ok(BTreeMap::new());
    }
    let format = format!("--format={COMMIT}%H");
    let place = format!(":(top){PLACE}");
    // Merges tell by their first parent's side what the other side brought.
    let arguments =
        ["log", "--no-renames", "--name-status", "--diff-merges=separate", &format, "HEAD", "--", &place];
    let written = git.run(&arguments).map_err(|problem| problem.to_string())?;
    let mut memory: BTreeMap<EntryId, Memory> = BTreeMap::new();
    let mut commit = "";
    let text = String::from_utf8_lossy(&written);
    for line in text.lines() {
        if let Some(hash) = line.strip_prefix(COMMIT) {
            commit = hash;
        } else if let Some((state, path)) = line.split_once('\t')
            && let Some(id) = id(path)
        {
            let memory = memory.entry(id).or_default();
            if state == "D" && memory.deleted_in.is_none() {
                memory.deleted_in = Some(commit.to_owned());
            }
        }
    }
    Ok(memory)
}

fn id(path: &str) -> Option<EntryId> {
    path.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()
}
