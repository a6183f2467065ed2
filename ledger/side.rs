//! What stands on one side of a comparison.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use measurement::{Load, Run};
use serde::{Deserialize, Serialize};

use crate::environment::differences;
use crate::write::write_whole;
use crate::{Environment, Version};

/// One side of a comparison, before or after: its runs, and all that must be the same on the other side for the difference to be
/// the change's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// Which version of the code was measured; `None` where it is not known, as of imported files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Where it was measured; `None` where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// What was executed or asked.
    #[serde(default)]
    pub workload: Workload,
    /// The runs, in the order in which they were made.
    pub runs: Vec<Run>,
    /// Findings that `diagnose` has in what was recorded meanwhile, sorted by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingNote>,
}

/// A side without what was measured: what listings need, read without decoding durations.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct SideNote {
    /// Which version of the code was measured.
    #[serde(default)]
    pub version: Option<Version>,
    /// Where it was measured.
    #[serde(default)]
    pub environment: Option<Environment>,
    /// What was executed or asked.
    #[serde(default)]
    pub workload: Workload,
    /// The runs, in the order in which they were made.
    pub runs: Vec<RunNote>,
    /// Findings of what was recorded meanwhile.
    #[serde(default)]
    pub findings: Vec<FindingNote>,
}

/// A run without what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct RunNote {
    /// How requests followed each other.
    #[serde(default)]
    pub load: Option<Load>,
}

/// What was executed or asked, in words that tell whether two sides did the same.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// `whyslow`, `k6`, `hyperfine`, …, or `command`.
    pub tool: String,
    /// The command, or method and address, without secrets.
    pub what: String,
    /// Settings that matter: `rate`, `duration`, `connections`, `warm-up`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
}

impl Workload {
    /// What differs from another, each in one line.
    pub fn differences(&self, after: &Self) -> Vec<String> {
        if self == after {
            return Vec::new();
        }
        differences(&self.lines(), &after.lines())
    }

    fn lines(&self) -> BTreeMap<String, String> {
        let own = [("tool", &self.tool), ("workload", &self.what)];
        let own = own.map(|(name, value)| (name.to_owned(), value.clone()));
        own.into_iter().chain(self.settings.clone()).collect()
    }
}

/// A finding as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingNote {
    /// The finding's stable id, as `n-plus-one-3f9a0c12`.
    pub id: String,
    /// The endpoint.
    pub endpoint: String,
    /// What it is about: the shape of a statement, without values.
    pub subject: String,
}

/// The version of a file with a side.
const SCHEMA: &str = "whyslow-side/1";

/// A side in a file of its own.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SideFile {
    schema: String,
    side: Side,
}

impl Side {
    /// Writes it to a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let file = SideFile { schema: SCHEMA.to_owned(), side: self.clone() };
        write_whole(path, &serde_json::to_vec(&file)?)
    }

    /// Reads what [`Side::save`] wrote; `None` where the text is something else.
    ///
    /// # Errors
    ///
    /// It is a side, but damaged or of another version: why.
    pub fn read(text: &[u8]) -> Option<Result<Self, String>> {
        #[derive(Deserialize)]
        struct Head {
            schema: String,
        }
        let is_side = |head: &Head| head.schema.starts_with("whyslow-side/");
        let head = serde_json::from_slice::<Head>(text).ok().filter(is_side)?;
        if head.schema != SCHEMA {
            return Some(Err(format!("it is of another version: {} instead of {SCHEMA}", head.schema)));
        }
        Some(
            serde_json::from_slice::<SideFile>(text).map(|file| file.side).map_err(|error| error.to_string()),
        )
    }

    /// Adds runs that were made later, where all but the runs is the same.
    ///
    /// # Errors
    ///
    /// What differs.
    pub fn append(&mut self, later: Self) -> Result<(), String> {
        let differs = [
            ("the version of the code", self.version != later.version),
            ("the environment", self.environment != later.environment),
            ("what is executed or asked", self.workload != later.workload),
        ];
        if let Some((what, _)) = differs.into_iter().find(|(_, differs)| *differs) {
            return Err(format!("{what} is another than that of the runs there are"));
        }
        self.runs.extend(later.runs);
        self.findings.extend(later.findings);
        self.findings.sort();
        self.findings.dedup();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_comes_back_from_its_file() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("before.json");
        let side = Side { runs: vec![Run { name: "1".into(), ..Run::default() }], ..Side::default() };
        side.save(&path)?;
        let text = std::fs::read(&path)?;
        assert_eq!(Side::read(&text), Some(Ok(side)));
        assert!(matches!(Side::read(&text[..text.len() - 9]), None | Some(Err(_))));
        assert!(matches!(Side::read(br#"{"schema":"whyslow-side/2"}"#), Some(Err(_))));
        assert_eq!(Side::read(b"{}"), None);
        Ok(())
    }

    #[test]
    fn runs_of_another_workload_are_not_added() {
        let side = |what: &str| Side {
            workload: Workload { what: what.into(), ..Workload::default() },
            runs: vec![Run::default()],
            ..Side::default()
        };
        let mut first = side("GET /a");
        assert!(first.append(side("GET /b")).is_err());
        assert_eq!(first.append(side("GET /a")), Ok(()));
        assert_eq!(first.runs.len(), 2);
    }
}
