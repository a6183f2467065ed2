//! Entries: immutable, each a file of canonical JSON (RFC 8785) that is named by a hash of what it says.

use measurement::{Decision, RULE, Run, Verdict, decide};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{EntryId, Guard, Optimization, Plan, Side, SideNote, Version, canonical};

/// The version of the form.
pub const SCHEMA: &str = "whyslow-ledger/1";

/// The largest number that canonical JSON holds exactly.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// An entry of the ledger; `S` is a side, with or without what was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry<S = Side> {
    /// Who wrote it: git's identity.
    pub author: String,
    /// When, in UTC: `2026-11-29T03:31:45Z`.
    pub created: String,
    /// The hash of all else.
    pub id: EntryId,
    /// The newest entries that were known then, in order: altering these would alter this one.
    pub parents: Vec<EntryId>,
    /// [`SCHEMA`].
    pub schema: String,
    /// What it says.
    pub what: What<S>,
}

/// An entry as listings need it, without what was measured.
pub type EntryNote = Entry<SideNote>;

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What<S = Side> {
    /// Something was changed, and this is what it gave.
    Optimization(Box<Optimization<S>>),
    /// An entry is wrong or holds no more.
    Withdrawal(Statement),
    /// Another entry takes an entry's place.
    Supersession(Supersession),
    /// What an entry claims was measured again.
    ReMeasurement(Box<ReMeasurement<S>>),
    /// A guard may be broken until a day.
    Waiver(Waiver),
    /// A change was undone on purpose.
    Reversion(Statement),
}

/// Something that is said of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The entry.
    pub of: EntryId,
    /// Why.
    pub reason: String,
}

/// Another entry takes an entry's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supersession {
    /// The entry that holds no more.
    pub of: EntryId,
    /// The one that does.
    pub by: EntryId,
    /// Why.
    pub reason: String,
}

/// A guard may be broken until a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The entry whose guard it is.
    pub of: EntryId,
    /// The guard.
    pub guard: Guard,
    /// Why.
    pub reason: String,
    /// The last day, in UTC: `2027-03-31`.
    pub until: String,
}

/// What an entry claims was measured again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReMeasurement<S = Side> {
    /// The entry.
    pub of: EntryId,
    /// What was measured now, and is compared with `again`, or else with the entry's `after`.
    pub now: S,
    /// The entry's own version, measured again in turns with `now`.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub again: Option<S>,
    /// The version that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The rule by which it was decided.
    pub rule: String,
    /// What the runs say.
    pub decision: Decision,
    /// What else differs since, so that it does not compare; empty where it does.
    pub differences: Vec<String>,
    /// What that says of the claim.
    pub outcome: Outcome,
}

/// No side, whatever its kind.
fn none<S>() -> Option<S> {
    None
}

/// What measuring again says of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is as it was after the change, or better.
    Holds,
    /// It is worse.
    Decayed,
    /// Not known: more runs would tell.
    Inconclusive,
    /// Machine, settings or workload are others.
    NotComparable,
}

impl ReMeasurement {
    /// Compares what was measured now with what an entry measured after its change, or with its version as it is now: `again`.
    pub fn of(of: EntryId, plan: &Plan, then: &Side, again: Option<Side>, now: Side) -> Self {
        let (decision, differences) = match &again {
            Some(again) => (decide(&again.runs, &now.runs, &plan.question()), differences(again, &now)),
            None => (decide(&unplaced(&then.runs), &now.runs, &plan.question()), differences(then, &now)),
        };
        Self {
            of,
            version: now.version.clone(),
            rule: RULE.to_owned(),
            outcome: outcome(&decision, &differences),
            decision,
            differences,
            now,
            again,
        }
    }
}

/// Runs of another day: their places in the order of then say nothing of now.
fn unplaced(runs: &[Run]) -> Vec<Run> {
    runs.iter().map(|run| Run { slot: None, ..run.clone() }).collect()
}

fn differences(then: &Side, now: &Side) -> Vec<String> {
    let environment = match (&then.environment, &now.environment) {
        (Some(then), Some(now)) => then.differences(now),
        _ => vec!["unknown: where it was measured".to_owned()],
    };
    environment.into_iter().chain(then.workload.differences(&now.workload)).collect()
}

fn outcome(decision: &Decision, differences: &[String]) -> Outcome {
    if !differences.is_empty() {
        return Outcome::NotComparable;
    }
    match decision.primary().map(|metric| metric.verdict) {
        Some(Verdict::Improved | Verdict::Equivalent) => Outcome::Holds,
        Some(Verdict::Regressed) => Outcome::Decayed,
        Some(Verdict::Inconclusive) | None => Outcome::Inconclusive,
    }
}

/// Why an entry cannot be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryProblem {
    /// It has no canonical form.
    #[error("it cannot be written: {0}")]
    Unwritable(String),
    /// Its bytes are no entry.
    #[error("it is no entry: {0}")]
    Unreadable(String),
    /// Its bytes are not those that it was named by.
    #[error("it was altered: its content has the id {0}")]
    Altered(EntryId),
}

/// An entry as it is written: its id, and the bytes of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The id.
    pub id: EntryId,
    /// Canonical JSON, and a line feed.
    pub bytes: Vec<u8>,
}

/// An entry without its id.
#[derive(Serialize)]
struct Unnamed<'e> {
    author: &'e str,
    created: &'e str,
    parents: &'e [EntryId],
    schema: &'e str,
    what: &'e What,
}

/// Before this the id stands in the canonical form: names are in the order of the alphabet, and a quote in a text has a
/// backslash before it, so that the first place is the entry's own.
const AFTER_ID: &str = ",\"parents\":[";

/// How the id stands there.
const ID: &str = ",\"id\":\"";

/// Writes an entry; `parents` in order.
///
/// # Errors
///
/// A number that canonical JSON does not hold exactly.
pub fn written(
    author: &str,
    created: &str,
    parents: &[EntryId],
    what: &What,
) -> Result<Written, EntryProblem> {
    let unwritable = |reason: String| EntryProblem::Unwritable(reason);
    let unnamed = Unnamed { author, created, parents, schema: SCHEMA, what };
    let value = serde_json::to_value(&unnamed).map_err(|error| unwritable(error.to_string()))?;
    check_numbers(&value).map_err(unwritable)?;
    let canonical = serde_jcs::to_vec(&value).map_err(|error| unwritable(error.to_string()))?;
    let place = position(&canonical, AFTER_ID).ok_or_else(|| unwritable("it has no parents".to_owned()))?;
    let (head, rest) = canonical.split_at(place);
    let id = EntryId::of([head, rest]);
    let bytes = [head, ID.as_bytes(), id.as_str().as_bytes(), b"\"", rest, b"\n"].concat();
    Ok(Written { id, bytes })
}

/// Reads an entry of a file, as it is named there; whether it was altered is [`check_id`]'s to say.
///
/// # Errors
///
/// Bytes that are no entry, or one of another version.
pub fn read<S: DeserializeOwned>(bytes: &[u8]) -> Result<Entry<S>, EntryProblem> {
    // Looked at whole, all the text is at once.
    let unreadable = |error: &dyn std::error::Error| EntryProblem::Unreadable(error.to_string());
    let text = std::str::from_utf8(bytes).map_err(|error| unreadable(&error))?;
    let entry: Entry<S> = canonical::from_str(text).map_err(|error| unreadable(&error))?;
    match entry.schema == SCHEMA {
        true => Ok(entry),
        false => Err(EntryProblem::Unreadable(format!("it is of version {}, not {SCHEMA}", entry.schema))),
    }
}

/// Compares the bytes of a file with the id that they give.
///
/// # Errors
///
/// Any byte is another one than when it was written.
pub fn check_id(bytes: &[u8], id: &EntryId) -> Result<(), EntryProblem> {
    let unreadable = |reason: &str| EntryProblem::Unreadable(reason.to_owned());
    let canonical = bytes.strip_suffix(b"\n").ok_or_else(|| unreadable("it does not end with its line"))?;
    let place = position(canonical, ID).ok_or_else(|| unreadable("it has no id"))?;
    let (head, rest) = canonical.split_at(place);
    let own = format!("{ID}{id}\"");
    let found = |rest: &[u8]| EntryId::of([head, rest]);
    match rest.strip_prefix(own.as_bytes()) {
        Some(rest) if found(rest) == *id => Ok(()),
        Some(rest) => Err(EntryProblem::Altered(found(rest))),
        None => Err(unreadable("its id is another one than its name")),
    }
}

fn position(bytes: &[u8], text: &str) -> Option<usize> {
    memchr::memmem::find(bytes, text.as_bytes())
}

/// Canonical JSON writes numbers as those of JavaScript.
fn check_numbers(value: &serde_json::Value) -> Result<(), String> {
    use serde_json::Value;
    match value {
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            match size.is_some_and(|size| size <= NUMBER_MAX) {
                true => Ok(()),
                false => Err(format!("{number} is no whole number below 2^53")),
            }
        }
        Value::Array(items) => items.iter().try_for_each(check_numbers),
        Value::Object(fields) => fields.values().try_for_each(check_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

impl<S> What<S> {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Optimization(_) => "optimization",
            Self::Withdrawal(_) => "withdrawal",
            Self::Supersession(_) => "supersession",
            Self::ReMeasurement(_) => "re-measurement",
            Self::Waiver(_) => "waiver",
            Self::Reversion(_) => "reversion",
        }
    }

    /// The entry that it is about; `None` where it stands for itself.
    pub fn about(&self) -> Option<&EntryId> {
        match self {
            Self::Optimization(_) => None,
            Self::Withdrawal(statement) | Self::Reversion(statement) => Some(&statement.of),
            Self::Supersession(supersession) => Some(&supersession.of),
            Self::ReMeasurement(again) => Some(&again.of),
            Self::Waiver(waiver) => Some(&waiver.of),
        }
    }
}

impl<S> Entry<S> {
    /// The optimization, if it is one.
    pub fn optimization(&self) -> Option<&Optimization<S>> {
        match &self.what {
            What::Optimization(optimization) => Some(optimization),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
