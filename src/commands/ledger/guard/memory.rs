//! How often guards matched nothing, one run after the other: a renamed endpoint must not silently disarm them.
//!
//! It is a file that CI keeps between runs as it keeps caches, and no part of the ledger: entries are never altered.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::judged::{Judged, State};

/// The version of the file.
const SCHEMA: &str = "whyslow-guards-unmatched/1";

/// A larger file is none.
const BYTES_MAX: u64 = 1 << 24;

/// How often each guard of each entry matched nothing.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    schema: String,
    unmatched: BTreeMap<String, u32>,
}

impl Memory {
    /// Reads the file; nothing where there is none.
    pub(super) fn load(path: &Path) -> anyhow::Result<Self> {
        let nothing = Self { schema: SCHEMA.to_owned(), unmatched: BTreeMap::new() };
        let cannot = || format!("cannot read {}", path.display());
        match path.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(nothing),
            Err(error) => return Err(error).with_context(cannot),
            Ok(file) if file.len() > BYTES_MAX => bail!("{}: larger than such a file can be", path.display()),
            Ok(_) => {}
        }
        let memory: Self =
            serde_json::from_slice(&fs::read(path).with_context(cannot)?).with_context(cannot)?;
        match memory.schema == SCHEMA {
            true => Ok(memory),
            false => bail!("{}: of another version: {}", path.display(), memory.schema),
        }
    }

    /// Counts a guard that matched nothing, and fails one that did too often; one that matched begins anew.
    pub(super) fn count(&mut self, judged: &mut Judged, unmatched_max: u32) {
        let name = format!("{} {}", judged.entry, judged.guard);
        match judged.state {
            State::NoEvidence | State::Waived => {}
            State::Holds | State::Broken | State::Unconfirmed => drop(self.unmatched.remove(&name)),
            State::Unmatched => {
                let times = self.unmatched.entry(name).or_default();
                *times = times.saturating_add(1);
                judged.fails = *times >= unmatched_max;
                judged.text = format!("{}; {times} of {unmatched_max} times", judged.text);
            }
        }
    }

    /// Writes the file, whole or not at all; none where there is nothing to keep.
    pub(super) fn save(&self, path: &Path) -> anyhow::Result<()> {
        if self.unmatched.is_empty() && !path.exists() {
            return Ok(());
        }
        let cannot = || format!("cannot write {}", path.display());
        ledger::write_whole(path, &serde_json::to_vec_pretty(self)?).with_context(cannot)
    }
}
