//! What stands on one side of a comparison.

use std::collections::BTreeMap;

use measurement::{Load, Run};
use serde::{Deserialize, Serialize};

use crate::environment::differences;
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
