//! Work trees of other commits, to measure them without touching the one that is worked in.

use std::io;
use std::path::{Path, PathBuf};

use ledger::{Git, GitProblem};
use tempfile::TempDir;

/// Why there is no work tree.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// No folder can be made.
    #[error("cannot make a temporary folder; TMPDIR says where: {0}")]
    Folder(#[from] io::Error),
    /// Git does not make it.
    #[error(transparent)]
    Git(#[from] GitProblem),
}

/// A work tree of a commit in a temporary folder; it is removed when this is dropped.
#[derive(Debug)]
pub struct Tree {
    repository: Git,
    folder: PathBuf,
    // The folder around it.
    _place: TempDir,
}

impl Tree {
    /// Checks a commit out.
    ///
    /// # Errors
    ///
    /// There is no such commit, or git cannot make the work tree.
    pub fn of(repository: &Path, commit: &str) -> Result<Self, Problem> {
        let repository = Git::at(repository);
        let commit = repository.commit(commit)?;
        let place = tempfile::Builder::new().prefix("whyslow-").tempdir()?;
        let folder = place.path().join(commit.get(..12).unwrap_or(&commit));
        repository.run(&["worktree", "add", "--quiet", "--detach", &folder.to_string_lossy(), &commit])?;
        Ok(Self { repository, folder, _place: place })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // A tree that cannot be removed is named by `git worktree list`.
        let _ = self.repository.run(&["worktree", "remove", "--force", &self.folder.to_string_lossy()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> Result<(TempDir, Git), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let git = Git::at(folder.path());
        git.run(&["init", "--quiet"])?;
        for (name, value) in
            [("user.name", "A"), ("user.email", "a@example.org"), ("commit.gpgsign", "false")]
        {
            git.run(&["config", name, value])?;
        }
        for content in ["one", "two"] {
            std::fs::write(folder.path().join("file"), content)?;
            git.run(&["add", "file"])?;
            git.run(&["commit", "--quiet", "-m", content])?;
        }
        Ok((folder, git))
    }

    #[test]
    fn work_trees_are_gone_when_they_are_dropped() -> Result<(), Box<dyn std::error::Error>> {
        let (folder, git) = repository()?;
        let tree = Tree::of(folder.path(), "HEAD~1")?;
        let place = tree.folder().to_owned();
        assert_eq!(std::fs::read_to_string(place.join("file"))?, "one");
        drop(tree);
        assert!(!place.exists());
        assert_eq!(git.line(&["worktree", "list"])?.lines().count(), 1);
        Ok(())
    }

    #[test]
    fn what_is_no_commit_is_refused() -> Result<(), Box<dyn std::error::Error>> {
        let (folder, _) = repository()?;
        for commit in ["nothing", "--upload-pack=x", ""] {
            assert!(matches!(Tree::of(folder.path(), commit), Err(Problem::Git(_))), "{commit}");
        }
        Ok(())
    }
}
