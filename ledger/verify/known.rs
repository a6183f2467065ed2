//! Entries whose runs were worked out before on this machine: their ids are hashes of all that they say, so that it need not be
//! done twice. It is no part of the ledger, and what it says is believed of this machine alone.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use measurement::RULE;
use serde::{Deserialize, Serialize};

use crate::EntryId;
use crate::local::leave_to_this_machine;
use crate::write::write_whole;

/// Where it is, from the project's root; `.whyslow/.gitignore` names it.
const PLACE: &str = ".whyslow/verified.json";

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Entries whose runs say what they claim.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Known {
    /// The rule by which that was found.
    rule: String,
    /// The version of whyslow that found it.
    #[serde(default)]
    version: String,
    ids: BTreeSet<EntryId>,
    /// Those that were not worked out here, but that others vouch for.
    #[serde(skip)]
    vouched: BTreeSet<EntryId>,
}

impl Known {
    /// What is known of a project; nothing where the file cannot be read, or is of another rule or version, as all can be worked
    /// out again.
    pub fn load(root: &Path) -> Self {
        let read = fs::read(root.join(PLACE)).ok();
        let known = read.and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        known.filter(|known| known.rule == RULE && known.version == VERSION).unwrap_or_default()
    }

    /// Keeps it.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, root: &Path) -> io::Result<()> {
        leave_to_this_machine(root)?;
        let (rule, version) = (RULE.to_owned(), VERSION.to_owned());
        let known = Self { rule, version, ids: self.ids.clone(), vouched: BTreeSet::new() };
        write_whole(&root.join(PLACE), &serde_json::to_vec(&known)?)
    }

    /// Takes it for granted that these say what their runs say, this time: whoever merged them has seen to it.
    pub fn vouch(&mut self, ids: BTreeSet<EntryId>) {
        self.vouched = ids;
    }

    pub(super) fn has(&self, id: &EntryId) -> bool {
        self.ids.contains(id) || self.vouched.contains(id)
    }

    /// Adds what was worked out.
    pub(super) fn add(&mut self, id: &EntryId) {
        if !self.has(id) {
            self.ids.insert(id.clone());
        }
    }
}
