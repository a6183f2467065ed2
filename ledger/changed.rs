//! What git says of a change.

use crate::git::ALL_ELSE;
use crate::patch::{self, FilePatch};
use crate::{Change, ChangeKind, Git, GitProblem, Touched, Version, sha256};

/// Commits that are named.
const COMMITS_MAX: &str = "--max-count=100";

/// Why a change is not known.
#[derive(Debug, thiserror::Error)]
pub enum ChangeProblem {
    /// Git gives no answer.
    #[error(transparent)]
    Git(#[from] GitProblem),
    /// What was measured is there no more.
    #[error(
        "neither the work tree nor the current commit is what was measured after: commit what was measured, or measure again"
    )]
    Gone,
}

impl Change {
    /// What was changed between two versions. Where the version after was not committed, the work tree must still hold it,
    /// or the current commit must be made of it.
    ///
    /// # Errors
    ///
    /// A commit is not there, or what was measured after is there no more.
    pub fn between(
        git: &Git,
        kind: ChangeKind,
        before: Option<Version>,
        after: Option<Version>,
    ) -> Result<Self, ChangeProblem> {
        let unknown = |before, after| Self { kind, before, after, ..Self::default() };
        let (Some(from), Some(to)) = (&before, &after) else { return Ok(unknown(before, after)) };
        let (to, diff) = difference(git, &from.commit, to)?;
        // Commits of entries change nothing.
        let range = format!("{}..{}", from.commit, to.commit);
        let arguments: Vec<&str> = ["rev-list", COMMITS_MAX, &range].into_iter().chain(ALL_ELSE).collect();
        let commits = git.line(&arguments)?;
        let mut change = unknown(before, Some(to));
        change.commits = commits.lines().map(str::to_owned).collect();
        if !diff.is_empty() {
            change.diff_sha256 = Some(sha256(&diff));
            change.patch_id = git.patch_id(&diff)?;
            change.files =
                patch::files(&diff).iter().map(|file| touched(git, file)).collect::<Result<_, _>>()?;
        }
        Ok(change)
    }
}

/// The version after as it is known best, and the difference to it.
fn difference(git: &Git, from: &str, to: &Version) -> Result<(Version, Vec<u8>), ChangeProblem> {
    let Some(measured) = &to.uncommitted_sha256 else {
        return Ok((to.clone(), git.diff(from, &to.commit)?));
    };
    let head = git.commit("HEAD")?;
    if sha256(&git.diff(&to.commit, &head)?) == *measured {
        let diff = git.diff(from, &head)?;
        return Ok((Version { commit: head, uncommitted_sha256: None }, diff));
    }
    let snapshot = git.snapshot()?;
    match sha256(&git.diff_to_snapshot(&to.commit, &snapshot)?) == *measured {
        true => Ok((to.clone(), git.diff_to_snapshot(from, &snapshot)?)),
        false => Err(ChangeProblem::Gone),
    }
}

fn touched(git: &Git, file: &FilePatch<'_>) -> Result<Touched, GitProblem> {
    Ok(Touched {
        path: file.path.clone(),
        lines: patch::joined(&file.lines_after),
        patch_id: git.patch_id(file.bytes)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::Repository;

    type Tested = Result<(), Box<dyn std::error::Error>>;

    fn between(git: &Git, before: &Version, after: &Version) -> Result<Change, ChangeProblem> {
        Change::between(git, ChangeKind::Query, Some(before.clone()), Some(after.clone()))
    }

    #[test]
    fn a_commit_is_known_with_its_lines() -> Tested {
        let repository = Repository::new()?;
        let before = repository.git.version()?;
        let files = [("src/orders.rs", "one\n2\n2b\nthree\nfour\nfive\n"), (".whyslow/open.json", "{}")];
        let after = repository.commit(&files)?;
        let with_entry = repository.commit(&[(".whyslow/ledger/2026/11/entry.json", "{}")])?;
        let change = between(&repository.git, &before, &with_entry)?;
        assert_eq!(change.commits, [after.commit]);
        let files: Vec<_> =
            change.files.iter().map(|file| (file.path.as_str(), file.lines.clone())).collect();
        assert_eq!(files, [("src/orders.rs", vec![[2, 3]])]);
        assert!(change.diff_sha256.is_some() && change.patch_id.is_some());
        assert_eq!(repository.git.author()?, "Ada <ada@example.org>");
        Ok(())
    }

    #[test]
    fn what_was_not_committed_is_known_while_it_is_there_and_once_it_is_committed() -> Tested {
        let repository = Repository::new()?;
        let git = &repository.git;
        let before = git.version()?;
        assert_eq!(before.uncommitted_sha256, None);
        repository.write(&[("src/orders.rs", "one\n2\nthree\n"), ("src/new.rs", "new\n")])?;
        let after = git.version()?;
        assert!(after.uncommitted_sha256.is_some());
        let open = between(git, &before, &after)?;
        assert_eq!(open.files.len(), 2);
        let committed = repository.commit(&[])?;
        let made = between(git, &before, &after)?;
        assert_eq!(made.after, Some(committed));
        assert_eq!((made.patch_id, made.diff_sha256), (open.patch_id, open.diff_sha256));
        repository.commit(&[("src/orders.rs", "another\n")])?;
        assert!(matches!(between(git, &before, &after), Err(ChangeProblem::Gone)));
        Ok(())
    }

    #[test]
    fn neither_index_nor_repository_change() -> Tested {
        let repository = Repository::new()?;
        let git = &repository.git;
        let objects = git.line(&["count-objects"])?;
        repository.write(&[("src/new.rs", "new\n")])?;
        git.version()?;
        assert_eq!(git.line(&["status", "--porcelain"])?, "?? src/new.rs");
        assert_eq!(git.line(&["count-objects"])?, objects);
        Ok(())
    }
}
