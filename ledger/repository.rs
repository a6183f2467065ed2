//! Repositories to test with.

use std::error::Error;
use std::fs;

use crate::{Git, Ledger, Version};

/// A repository with one commit.
pub(crate) struct Repository {
    _folder: tempfile::TempDir,
    pub(crate) git: Git,
    pub(crate) ledger: Ledger,
}

impl Repository {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        Git::at(folder.path()).run(&["init", "--quiet", "--initial-branch=main"])?;
        let git = Git::find(folder.path()).ok_or("no repository")?;
        git.run(&["config", "user.name", "Ada"])?;
        git.run(&["config", "user.email", "ada@example.org"])?;
        let ledger = Ledger::of(git.root());
        let repository = Self { _folder: folder, git, ledger };
        repository.commit(&[("src/orders.rs", "one\ntwo\nthree\nfour\nfive\n")])?;
        Ok(repository)
    }

    pub(crate) fn write(&self, files: &[(&str, &str)]) -> std::io::Result<()> {
        files.iter().try_for_each(|(path, text)| {
            let path = self.git.root().join(path);
            fs::create_dir_all(path.parent().unwrap_or(self.git.root()))?;
            fs::write(path, text)
        })
    }

    /// Commits all that is in the work tree, and these files.
    pub(crate) fn commit(&self, files: &[(&str, &str)]) -> Result<Version, Box<dyn Error>> {
        self.write(files)?;
        self.git.run(&["add", "--all"])?;
        self.git.run(&["commit", "--quiet", "--allow-empty", "--message", "change"])?;
        Ok(self.git.version()?)
    }
}
