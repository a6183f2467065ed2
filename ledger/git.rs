//! Asking git: the user has it, and sees the same answers.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use crate::{Local, Version, sha256};

/// Settings of the user that would alter what git writes.
const SAME_FOR_ALL: [&str; 14] = [
    "-c",
    "core.quotepath=off",
    "-c",
    "color.ui=false",
    "-c",
    "diff.noprefix=false",
    "-c",
    "diff.mnemonicPrefix=false",
    "-c",
    "diff.algorithm=myers",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "blame.ignoreRevsFile=",
];

/// How differences are asked for, so that their hash says the same everywhere.
const DIFF: [&str; 6] =
    ["--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--full-index", "-U3"];

/// All but what whyslow itself writes.
pub(crate) const ALL_ELSE: [&str; 3] = ["--", ".", ":(exclude,top).whyslow"];

/// A repository of git.
#[derive(Debug, Clone)]
pub struct Git {
    root: PathBuf,
    /// Files that are no part of the code, though git neither has nor ignores them: what runs left behind.
    left: BTreeSet<String>,
}

/// Why git gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum GitProblem {
    /// It is not there.
    #[error("cannot execute git: {0}")]
    Missing(io::Error),
    /// It says why.
    #[error("git {0}: {1}")]
    Refused(String, String),
}

/// The files of a work tree as they are now, as a tree of git; its objects vanish with it.
#[derive(Debug)]
pub struct Snapshot {
    tree: String,
    objects: tempfile::TempDir,
}

impl Git {
    /// The repository that a folder is in; `None` where it is in none, or there is no git.
    pub fn find(folder: &Path) -> Option<Self> {
        let here = Self::at(folder);
        let root = PathBuf::from(here.line(&["rev-parse", "--show-toplevel"]).ok()?);
        let left = Local::load(&root).left_by_runs;
        (!root.as_os_str().is_empty()).then_some(Self { root, left })
    }

    /// Git, asked in a folder.
    pub fn at(folder: &Path) -> Self {
        Self { root: folder.to_owned(), left: BTreeSet::new() }
    }

    /// Its topmost folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What git writes for these arguments.
    ///
    /// # Errors
    ///
    /// There is no git, or it ends with an error.
    pub fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, GitProblem> {
        self.execute(self.command(arguments), arguments, None)
    }

    /// What git writes for these arguments and this input.
    ///
    /// # Errors
    ///
    /// As [`Git::run`].
    pub fn run_with(&self, arguments: &[&str], input: Vec<u8>) -> Result<Vec<u8>, GitProblem> {
        self.execute(self.command(arguments), arguments, Some(input))
    }

    /// The same as text, without the end of the line.
    ///
    /// # Errors
    ///
    /// As [`Git::run`].
    pub fn line(&self, arguments: &[&str]) -> Result<String, GitProblem> {
        self.run(arguments).map(|bytes| String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }

    /// The full hash of a commit that someone names.
    ///
    /// # Errors
    ///
    /// There is none of that name.
    pub fn commit(&self, name: &str) -> Result<String, GitProblem> {
        self.line(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")])
            .map_err(|_| GitProblem::Refused("rev-parse".to_owned(), format!("there is no commit {name}")))
    }

    /// Name and address of whoever commits here.
    ///
    /// # Errors
    ///
    /// Git does not know them.
    pub fn author(&self) -> Result<String, GitProblem> {
        let identity = self.line(&["var", "GIT_AUTHOR_IDENT"])?;
        Ok(identity.rfind('>').map_or(identity.clone(), |end| identity[..=end].to_owned()))
    }

    /// The version that the work tree holds now.
    ///
    /// # Errors
    ///
    /// There is no commit yet, or files cannot be read.
    pub fn version(&self) -> Result<Version, GitProblem> {
        let commit = self.commit("HEAD")?;
        let snapshot = self.snapshot()?;
        let diff = self.diff_to_snapshot(&commit, &snapshot)?;
        Ok(Version { commit, uncommitted_sha256: (!diff.is_empty()).then(|| sha256(&diff)) })
    }

    /// Files that git neither has nor ignores, from the topmost folder, without what whyslow itself writes.
    ///
    /// # Errors
    ///
    /// As [`Git::run`].
    pub fn untracked(&self) -> Result<BTreeSet<String>, GitProblem> {
        let mut arguments = vec!["ls-files", "-z", "--others", "--exclude-standard"];
        arguments.extend(ALL_ELSE);
        let written = self.run(&arguments)?;
        let text = String::from_utf8_lossy(&written);
        Ok(text.split_terminator('\0').map(str::to_owned).collect())
    }

    /// Untracked files that runs left behind, as git leaves out what it is given: `:(exclude,top,literal)server.log`.
    fn left_out(&self) -> Result<Vec<String>, GitProblem> {
        if self.left.is_empty() {
            return Ok(Vec::new());
        }
        // Whoever commits such a file makes it a part of the code.
        let untracked = self.untracked()?;
        Ok(untracked.intersection(&self.left).map(|path| format!(":(exclude,top,literal){path}")).collect())
    }

    /// The files of the work tree as they are now, those that are new and not ignored too, but for what runs left behind.
    /// Neither index nor repository change.
    ///
    /// # Errors
    ///
    /// Files cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot, GitProblem> {
        let objects = tempfile::tempdir().map_err(GitProblem::Missing)?;
        let index = objects.path().join("index");
        let own = self.root.join(self.line(&["rev-parse", "--git-path", "index"])?);
        // A new repository has no index; a copy saves reading files that did not change.
        let _ = std::fs::copy(own, &index);
        let within = |arguments: &[&str]| -> Result<Vec<u8>, GitProblem> {
            let mut command = self.command_with_objects(arguments, objects.path())?;
            command.env("GIT_INDEX_FILE", &index);
            self.execute(command, arguments, None)
        };
        let left_out = self.left_out()?;
        let all_else = ALL_ELSE.into_iter().chain(left_out.iter().map(String::as_str));
        within(&["add", "--all"].into_iter().chain(all_else).collect::<Vec<_>>())?;
        let tree = String::from_utf8_lossy(&within(&["write-tree"])?).trim().to_owned();
        Ok(Snapshot { tree, objects })
    }

    /// The difference between two commits, without what whyslow itself writes.
    ///
    /// # Errors
    ///
    /// There is no such commit.
    pub fn diff(&self, before: &str, after: &str) -> Result<Vec<u8>, GitProblem> {
        self.run(&diff_arguments(before, after))
    }

    /// What a commit changes: against its first parent, or against nothing.
    ///
    /// # Errors
    ///
    /// There is no such commit.
    pub fn diff_of(&self, commit: &str) -> Result<Vec<u8>, GitProblem> {
        self.diff(&self.parent(commit)?, commit)
    }

    /// What would take a commit back.
    ///
    /// # Errors
    ///
    /// There is no such commit.
    pub fn inverse_diff_of(&self, commit: &str) -> Result<Vec<u8>, GitProblem> {
        self.diff(commit, &self.parent(commit)?)
    }

    /// The first parent of a commit; of the first commit a tree without files.
    fn parent(&self, commit: &str) -> Result<String, GitProblem> {
        match self.commit(&format!("{commit}^")) {
            Ok(parent) => Ok(parent),
            Err(GitProblem::Missing(error)) => Err(GitProblem::Missing(error)),
            Err(GitProblem::Refused(..)) => self.line(&["hash-object", "-t", "tree", "--stdin"]),
        }
    }

    /// The difference between a commit and a snapshot.
    ///
    /// # Errors
    ///
    /// There is no such commit.
    pub fn diff_to_snapshot(&self, before: &str, after: &Snapshot) -> Result<Vec<u8>, GitProblem> {
        let arguments = diff_arguments(before, &after.tree);
        self.execute(self.command_with_objects(&arguments, after.objects.path())?, &arguments, None)
    }

    /// The difference between a snapshot and a commit.
    ///
    /// # Errors
    ///
    /// There is no such commit.
    pub fn diff_from_snapshot(&self, before: &Snapshot, after: &str) -> Result<Vec<u8>, GitProblem> {
        let arguments = diff_arguments(&before.tree, after);
        self.execute(self.command_with_objects(&arguments, before.objects.path())?, &arguments, None)
    }

    /// The patch id of a difference: the same after a rebase; `None` of no difference.
    ///
    /// # Errors
    ///
    /// As [`Git::run`].
    pub fn patch_id(&self, diff: &[u8]) -> Result<Option<String>, GitProblem> {
        let written = self.run_with(&["patch-id", "--stable"], diff.to_vec())?;
        let text = String::from_utf8_lossy(&written);
        Ok(text.split_whitespace().next().map(str::to_owned))
    }

    fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.root).arg("--no-pager").args(SAME_FOR_ALL).args(arguments);
        command.env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
        command.stdin(Stdio::null());
        command
    }

    /// A command that writes objects elsewhere and finds those of the repository.
    fn command_with_objects(&self, arguments: &[&str], objects: &Path) -> Result<Command, GitProblem> {
        let own = self.root.join(self.line(&["rev-parse", "--git-path", "objects"])?);
        let mut command = self.command(arguments);
        command.env("GIT_OBJECT_DIRECTORY", objects).env("GIT_ALTERNATE_OBJECT_DIRECTORIES", own);
        Ok(command)
    }

    fn execute(
        &self,
        mut command: Command,
        arguments: &[&str],
        input: Option<Vec<u8>>,
    ) -> Result<Vec<u8>, GitProblem> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().map_err(GitProblem::Missing)?;
        let pipe = child.stdin.take();
        let output = thread::scope(|scope| {
            // Git may stop reading early; what it says then is its own.
            scope.spawn(move || pipe.zip(input).map(|(mut pipe, input)| pipe.write_all(&input)));
            child.wait_with_output()
        });
        let output = output.map_err(GitProblem::Missing)?;
        let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(GitProblem::Refused(arguments.first().unwrap_or(&"").to_string(), said)),
        }
    }
}

fn diff_arguments<'a>(before: &'a str, after: &'a str) -> Vec<&'a str> {
    let mut arguments = vec!["diff"];
    arguments.extend(DIFF);
    arguments.extend(["--end-of-options", before, after]);
    arguments.extend(ALL_ELSE);
    arguments
}
