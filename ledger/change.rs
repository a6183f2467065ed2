//! What was changed between the sides of a measurement.

use serde::{Deserialize, Serialize};

use crate::Version;

/// What was changed, as git tells.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// What sort of change it is.
    pub kind: ChangeKind,
    /// The version that was measured before; `None` where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Version>,
    /// The version that was measured after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Version>,
    /// The commits that lead from before to after, newest first; at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<String>,
    /// SHA-256 of the difference; `None` where there is none, or it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff_sha256: Option<String>,
    /// Git's patch id of the difference: the same after a rebase, and that of a revert's inverse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch_id: Option<String>,
    /// The files that it touches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Touched>,
}

/// A file that a change touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Touched {
    /// From the repository's root.
    pub path: String,
    /// The first and the last line of each part that is new or other, counted after the change from one.
    pub lines: Vec<[u64; 2]>,
    /// Git's patch id of this file's difference alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch_id: Option<String>,
}

/// What sort of change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// How data is asked for.
    Query,
    /// An index.
    Index,
    /// Something is kept instead of made again.
    Cache,
    /// Connections or workers.
    Pool,
    /// Another way to compute the same.
    Algorithm,
    /// What happens at the same time.
    Concurrency,
    /// A setting.
    Config,
    /// What is sent.
    Payload,
    /// None of these.
    #[default]
    Other,
}

impl ChangeKind {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 9] = [
        ("query", Self::Query),
        ("index", Self::Index),
        ("cache", Self::Cache),
        ("pool", Self::Pool),
        ("algorithm", Self::Algorithm),
        ("concurrency", Self::Concurrency),
        ("config", Self::Config),
        ("payload", Self::Payload),
        ("other", Self::Other),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("other", |(name, _)| name)
    }
}

impl Change {
    /// Whether a commit is one of those that made it.
    pub fn has_commit(&self, commit: &str) -> bool {
        self.commits.iter().any(|own| own == commit)
    }

    /// Whether it touches a file.
    pub fn touches(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.path == path)
    }
}
