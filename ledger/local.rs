//! What this machine remembers of a project; no part of the ledger, and not for others.

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
    /// What followed `whyslow measure` the last time, without the side: words for a shell.
    #[serde(default)]
    pub measured_with: Option<String>,
}

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
