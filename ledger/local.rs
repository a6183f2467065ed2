//! What this machine remembers of a project; no part of the ledger, and not for others.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::write::write_whole;

const PLACE: &str = ".whyslow/local.json";

/// Tells git to leave what is of this machine, and us that there is such.
const MARK: &str = ".whyslow/.gitignore";

/// What git shall not take.
const IGNORED: &str = "open.json\ndiagnosis.json\nlocal.json\nguards-unmatched.json\nverified.json\n";

/// What this machine remembers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Local {
    /// What followed `whyslow measure` the last time, without the side.
    #[serde(default)]
    pub measured_with: Vec<String>,
    /// Files that runs made and left in the work tree: no part of the code.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub left_by_runs: BTreeSet<String>,
}

/// More files than this nobody's runs leave; what is beyond counts as a change.
const LEFT_MAX: usize = 1_000;

impl Local {
    /// From now on, what is of this machine is kept in the project's `.whyslow`.
    ///
    /// # Errors
    ///
    /// The folder cannot be written.
    pub fn begin(root: &Path) -> io::Result<()> {
        leave_to_this_machine(root)
    }

    /// Whether [`Local::begin`] was called in this project before.
    pub fn is_begun(root: &Path) -> bool {
        root.join(MARK).exists()
    }

    /// What is remembered; nothing where the file cannot be read, as nothing depends on it.
    pub fn load(root: &Path) -> Self {
        fs::read(root.join(PLACE))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }

    /// Adds files that runs left.
    pub fn add_left(&mut self, files: impl IntoIterator<Item = String>) {
        let room = LEFT_MAX.saturating_sub(self.left_by_runs.len());
        self.left_by_runs.extend(files.into_iter().take(room));
    }

    /// Remembers it.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, root: &Path) -> io::Result<()> {
        write_whole(&root.join(PLACE), &serde_json::to_vec(self)?)
    }
}

/// Tells git to leave what is of this machine; a file that is there stays.
///
/// # Errors
///
/// The file cannot be written.
pub(crate) fn leave_to_this_machine(root: &Path) -> io::Result<()> {
    let path = root.join(MARK);
    if path.exists() { Ok(()) } else { write_whole(&path, IGNORED.as_bytes()) }
}
