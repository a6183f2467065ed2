//! The entry that is being made: what `whyslow ledger start` froze, and what was measured since.
//!
//! It is a file of the project, `.whyslow/open.json`, and no part of the ledger: nothing of it counts until `ledger finish`
//! makes an entry of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use measurement::{MARGIN_DEFAULT, Metric, Question};
use serde::{Deserialize, Serialize};

use crate::local::leave_to_this_machine;
use crate::write::write_whole;
use crate::{EntryId, Side, Target, Version};

/// The version of the file.
const SCHEMA: &str = "whyslow-open/1";

/// Where it is, from the project's root.
const PLACE: &str = ".whyslow/open.json";

/// A larger file is none.
const BYTES_MAX: u64 = 1 << 28;

/// The entry that is being made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    schema: String,
    /// What is to be changed and what is expected, as it was written before anything was measured after.
    pub plan: Plan,
    /// What was measured before the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Side>,
    /// What was measured after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Side>,
    /// The same version measured on both sides, in turns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchanged: Option<[Side; 2]>,
}

/// What was decided before measuring.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The one thing that is changed, in a few words.
    pub title: String,
    /// When it was begun, in seconds since 1970.
    pub started_s: u64,
    /// What is expected, and why, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypothesis: Option<String>,
    /// The version that it was begun on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The entry that is measured again; `None` where something is changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remeasures: Option<EntryId>,
    /// The finding that it mends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// What the finding says that its remedy costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tradeoff: Option<String>,
    /// What the finding predicts, for each endpoint that it gives time back to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predicted: Vec<Predicted>,
    /// The target, as it was given: `GET /orders p99<500ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The endpoint that the verdict is about; empty where there is only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The metric that the verdict is about.
    pub primary: Metric,
    /// Smaller differences are not worth telling, in millionths.
    pub margin_ppm: u32,
}

/// What a fix would give at one endpoint, in nanoseconds; `None` where too few requests were seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predicted {
    /// The endpoint.
    pub endpoint: String,
    /// The metric.
    pub metric: Metric,
    /// As measured when it was predicted.
    pub before_ns: u64,
    /// As predicted.
    pub after_ns: u64,
    /// The best and the worst case.
    pub range_ns: [u64; 2],
}

/// Why the open entry cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum OpenProblem {
    /// There is none.
    #[error("no entry is open: begin one with  whyslow ledger start \"what is changed\" --primary p50")]
    None,
    /// There is one already.
    #[error(
        "{0} is open already: end it with  whyslow ledger finish,  or give it up with  whyslow ledger abandon"
    )]
    Another(String),
    /// The file cannot be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// The file is damaged or of another version.
    #[error("{0}: {1}")]
    Damaged(PathBuf, String),
}

impl Plan {
    /// A plan with what cannot be left out.
    pub fn new(title: impl Into<String>, started_s: u64, primary: Metric) -> Self {
        Self {
            title: title.into(),
            started_s,
            hypothesis: None,
            version: None,
            remeasures: None,
            finding: None,
            tradeoff: None,
            predicted: Vec::new(),
            target: None,
            subject: String::new(),
            primary,
            margin_ppm: MARGIN_DEFAULT,
        }
    }

    /// What the runs are asked.
    pub fn question(&self) -> Question {
        let target = self.target.as_deref().and_then(|text| text.parse::<Target>().ok());
        Question {
            primary: Some((self.subject.clone(), self.primary.clone())),
            metrics: target.map(|target| target.metric).into_iter().collect(),
            margin_ppm: self.margin_ppm,
        }
    }
}

impl Open {
    /// Begins an entry in a project.
    ///
    /// # Errors
    ///
    /// Another one is open, or the file cannot be written.
    pub fn begin(root: &Path, plan: Plan) -> Result<Self, OpenProblem> {
        match Self::load(root) {
            Err(OpenProblem::None) => {}
            Err(problem) => return Err(problem),
            Ok(other) => return Err(OpenProblem::Another(other.plan.title)),
        }
        let open = Self { schema: SCHEMA.to_owned(), plan, before: None, after: None, unchanged: None };
        open.save(root)?;
        Ok(open)
    }

    /// Reads the project's open entry.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be read.
    pub fn load(root: &Path) -> Result<Self, OpenProblem> {
        let path = root.join(PLACE);
        let damaged = |reason: String| OpenProblem::Damaged(path.clone(), reason);
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(OpenProblem::None),
            Err(error) => return Err(OpenProblem::File(path, error)),
            Ok(file) if file.len() > BYTES_MAX => {
                return Err(damaged("it is larger than such a file can be".to_owned()));
            }
            Ok(_) => {}
        }
        let text = fs::read(&path).map_err(|error| OpenProblem::File(path.clone(), error))?;
        let open: Self = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        match open.schema == SCHEMA {
            true => Ok(open),
            false => Err(damaged(format!("it is of another version: {} instead of {SCHEMA}", open.schema))),
        }
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, root: &Path) -> Result<(), OpenProblem> {
        let path = root.join(PLACE);
        leave_to_this_machine(root).map_err(|error| OpenProblem::File(path.clone(), error))?;
        write_whole(&path, &serde_json::to_vec_pretty(self).unwrap_or_default())
            .map_err(|error| OpenProblem::File(path, error))
    }

    /// Gives it up.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be removed.
    pub fn abandon(root: &Path) -> Result<(), OpenProblem> {
        let path = root.join(PLACE);
        fs::remove_file(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => OpenProblem::None,
            _ => OpenProblem::File(path, error),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_entry_is_open_at_a_time() -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        assert!(matches!(Open::load(root.path()), Err(OpenProblem::None)));
        let mut open = Open::begin(
            root.path(),
            Plan::new("one query for all customers", 1_700_000_000, "p50".parse()?),
        )?;
        open.before = Some(Side::default());
        open.save(root.path())?;
        assert_eq!(Open::load(root.path())?, open);
        let second = Open::begin(root.path(), Plan::new("another", 0, "p50".parse()?));
        assert!(matches!(second, Err(OpenProblem::Another(title)) if title == "one query for all customers"));
        Open::abandon(root.path())?;
        assert!(matches!(Open::abandon(root.path()), Err(OpenProblem::None)));
        Ok(())
    }

    #[test]
    fn a_damaged_file_is_named() -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        fs::create_dir(root.path().join(".whyslow"))?;
        for damaged in [
            "",
            "{}",
            "{\"schema\":\"whyslow-open/9\",\"plan\":{\"title\":\"a\",\"started_s\":1,\"primary\":\"p50\",\"margin_ppm\":1}}",
        ] {
            fs::write(root.path().join(PLACE), damaged)?;
            assert!(matches!(Open::load(root.path()), Err(OpenProblem::Damaged(..))), "{damaged}");
        }
        Ok(())
    }
}
