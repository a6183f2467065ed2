//! The version of what is measured, as git knows it, and work trees of others.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ledger::Version;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Why git did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It cannot be started.
    #[error("cannot run git: {0}")]
    NoGit(#[from] std::io::Error),
    /// It failed.
    #[error("git {0} failed: {1}")]
    Failed(String, String),
}

/// What is measured in a folder: its commit, and whether its work tree differs from that.
///
/// # Errors
///
/// The folder is in no repository, or has no commit.
pub fn of(folder: &Path) -> Result<Version, Problem> {
    let commit = text(git(folder, &["rev-parse", "HEAD"])?);
    // What the ledger itself keeps is no part of what is measured.
    let mut changed = git(folder, &["diff", "HEAD", "--binary", "--", ".", ":(exclude,top).whyslow"])?.stdout;
    for path in new_files(folder)? {
        changed.extend_from_slice(path.as_bytes());
        changed.extend_from_slice(&std::fs::read(folder.join(&path)).unwrap_or_default());
    }
    let uncommitted_sha256 = (!changed.is_empty()).then(|| hex(&Sha256::digest(&changed)));
    Ok(Version { commit, uncommitted_sha256 })
}

/// Files that git does not know and does not ignore.
fn new_files(folder: &Path) -> Result<Vec<String>, Problem> {
    let arguments = ["ls-files", "--others", "--exclude-standard", "-z", "--", ".", ":(exclude,top).whyslow"];
    let listed = git(folder, &arguments)?.stdout;
    let names = listed.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// A work tree of a commit in a temporary folder; it is removed when this is dropped.
#[derive(Debug)]
pub struct Tree {
    repository: PathBuf,
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
        let commit = text(git(
            repository,
            &["rev-parse", "--verify", "--end-of-options", &format!("{commit}^{{commit}}")],
        )?);
        let place = tempfile::Builder::new().prefix("whyslow-").tempdir()?;
        let folder = place.path().join(commit.get(..12).unwrap_or(&commit));
        let target = folder.to_string_lossy().into_owned();
        git(repository, &["worktree", "add", "--quiet", "--detach", &target, &commit])?;
        Ok(Self { repository: repository.to_owned(), folder, _place: place })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let target = self.folder.to_string_lossy();
        // A tree that cannot be removed is named by `git worktree list`.
        let _ = git(&self.repository, &["worktree", "remove", "--force", &target]);
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Output, Problem> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output()?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or("it does not say why").to_owned();
    Err(Problem::Failed(arguments.first().copied().unwrap_or_default().to_owned(), first))
}

fn text(output: Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> Result<TempDir, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        git(folder.path(), &["init", "--quiet"])?;
        for (name, value) in
            [("user.name", "A"), ("user.email", "a@example.org"), ("commit.gpgsign", "false")]
        {
            git(folder.path(), &["config", name, value])?;
        }
        commit(folder.path(), "one")?;
        Ok(folder)
    }

    fn commit(folder: &Path, content: &str) -> Result<(), Box<dyn std::error::Error>> {
        std::fs::write(folder.join("file"), content)?;
        git(folder, &["add", "file"])?;
        git(folder, &["commit", "--quiet", "-m", content])?;
        Ok(())
    }

    #[test]
    fn what_is_not_committed_is_another_version_but_not_the_ledger() -> Result<(), Box<dyn std::error::Error>>
    {
        let folder = repository()?;
        let clean = of(folder.path())?;
        assert_eq!(clean.uncommitted_sha256, None);
        std::fs::create_dir(folder.path().join(".whyslow"))?;
        std::fs::write(folder.path().join(".whyslow/open.json"), "{}")?;
        assert_eq!(of(folder.path())?, clean);
        std::fs::write(folder.path().join("new"), "a")?;
        let with_new = of(folder.path())?;
        std::fs::write(folder.path().join("new"), "b")?;
        let with_other = of(folder.path())?;
        assert!(with_new.uncommitted_sha256.is_some() && with_new != with_other);
        Ok(())
    }

    #[test]
    fn work_trees_are_gone_when_they_are_dropped() -> Result<(), Box<dyn std::error::Error>> {
        let folder = repository()?;
        commit(folder.path(), "two")?;
        let tree = Tree::of(folder.path(), "HEAD~1")?;
        let place = tree.folder().to_owned();
        assert_eq!(std::fs::read_to_string(place.join("file"))?, "one");
        drop(tree);
        assert!(!place.exists());
        assert_eq!(text(git(folder.path(), &["worktree", "list"])?).lines().count(), 1);
        assert!(Tree::of(folder.path(), "--upload-pack=x").is_err());
        Ok(())
    }
}
