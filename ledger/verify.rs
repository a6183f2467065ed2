//! Whether the ledger is what was written: ids, parents, what runs say, and that nothing is gone.

mod history;
mod known;
mod same;

pub use history::entries_of;
pub use known::Known;

use std::collections::BTreeMap;

use measurement::RULE;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{
    Entry, EntryFile, EntryId, Git, Ledger, LedgerProblem, Optimization, ReMeasurement, Side, SideNote, What,
    check_id, read,
};

/// The entries that are there.
type Files<'f> = BTreeMap<&'f EntryId, &'f EntryFile>;

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Verification {
    /// Entries that were looked at.
    pub entries: usize,
    /// What is wrong, in the order of the entries.
    pub problems: Vec<Problem>,
    /// What could not be looked at.
    pub notes: Vec<String>,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The entry's id, as its file is named.
    pub entry: String,
    /// What is wrong, in one sentence.
    pub text: String,
}

/// Verifies all entries of a ledger; without git, what is gone cannot be told. What runs say is worked out of entries that are
/// not known; those that say what they claim are then.
///
/// # Errors
///
/// A folder cannot be read, or git gives no answer.
pub fn verify(ledger: &Ledger, git: Option<&Git>, known: &mut Known) -> Result<Verification, LedgerProblem> {
    let files = ledger.files()?;
    let ids: BTreeMap<&EntryId, &EntryFile> = files.iter().map(|file| (&file.id, file)).collect();
    let mut found = Verification { entries: files.len(), ..Verification::default() };
    let mut room = Vec::new();
    for file in &files {
        let problems = match known.has(&file.id) {
            true => problems::<SideNote>(file, &mut room, &ids, |_| None),
            false => problems::<Side>(file, &mut room, &ids, |entry| statistics(entry, &ids)),
        };
        if problems.is_empty() {
            known.add(&file.id);
        }
        let named = |text| Problem { entry: file.id.to_string(), text };
        found.problems.extend(problems.into_iter().map(named));
    }
    match git {
        None => found.notes.push("no repository of git: entries that were deleted cannot be told".to_owned()),
        Some(git) => history::look(git, &ids, &mut found),
    }
    Ok(found)
}

/// What is wrong with one entry; `statistics` says what is wrong with what it claims of its runs.
fn problems<S: DeserializeOwned>(
    file: &EntryFile,
    room: &mut Vec<u8>,
    ids: &Files<'_>,
    statistics: impl Fn(&Entry<S>) -> Option<String>,
) -> Vec<String> {
    let bytes = match file.bytes(room) {
        Ok(bytes) => bytes,
        Err(problem) => return vec![problem.to_string()],
    };
    if let Err(problem) = check_id(bytes, &file.id) {
        return vec![problem.to_string()];
    }
    let entry: Entry<S> = match read(bytes) {
        Ok(entry) => entry,
        Err(problem) => return vec![problem.to_string()],
    };
    let mut problems = missing(&entry, ids);
    if !entry.created.replace('-', "/").starts_with(&file.month) {
        problems.push(format!("it was made {} and lies in {}", entry.created, file.month));
    }
    problems.extend(statistics(&entry));
    problems
}

/// Entries that it names and that are not there.
fn missing<S>(entry: &Entry<S>, ids: &Files<'_>) -> Vec<String> {
    let parents = entry.parents.iter().map(|id| ("its parent", id));
    let about = entry.what.about().into_iter().map(|id| ("the entry that it is about", id));
    let superseded = entry.optimization().into_iter().flat_map(|optimization| &optimization.supersedes);
    let superseded = superseded.map(|id| ("the entry that it supersedes", id));
    let gone = parents.chain(about).chain(superseded).filter(|(_, id)| !ids.contains_key(id));
    gone.map(|(what, id)| format!("{what} is missing: {id}")).collect()
}

/// Whether runs say what the entry says that they do.
fn statistics(entry: &Entry, files: &Files<'_>) -> Option<String> {
    match &entry.what {
        What::Optimization(optimization) => of_optimization(optimization),
        What::ReMeasurement(again) => of_re_measurement(again, files),
        What::Withdrawal(_) | What::Supersession(_) | What::Waiver(_) | What::Reversion(_) => None,
    }
}

fn of_optimization(optimization: &Optimization) -> Option<String> {
    let told = &optimization.conclusion;
    if told.rule != RULE {
        return Some(other_rule(&told.rule));
    }
    let found = optimization.concluded_again();
    match () {
        () if found.verdict != told.verdict => {
            Some(format!("its verdict is {}, but its runs say {}", told.verdict.name(), found.verdict.name()))
        }
        () if !same::is_same(&found.decision, &told.decision) => {
            Some("its statistics are not those of its runs".to_owned())
        }
        () if found.differences != told.differences => {
            Some("its sides differ in other things than it says".to_owned())
        }
        () if found.target != told.target => Some("the target was not met as it says".to_owned()),
        () if !same::is_same_noise(found.noise_ppm, told.noise_ppm) => {
            Some("its runs before are not as far apart as it says".to_owned())
        }
        () if !same::is_same_unchanged(found.unchanged.as_ref(), told.unchanged.as_ref()) => {
            Some("the same version on both sides is not as far apart as it says".to_owned())
        }
        () => None,
    }
}

fn of_re_measurement(again: &ReMeasurement, files: &Files<'_>) -> Option<String> {
    if again.rule != RULE {
        return Some(other_rule(&again.rule));
    }
    let of = files.get(&again.of)?.read::<Side>().ok()?;
    let Some(then) = of.optimization() else {
        return Some(format!("{} is no optimization: nothing of it can be measured again", again.of));
    };
    let found =
        ReMeasurement::of(again.of.clone(), &then.plan, &then.after, again.again.clone(), again.now.clone());
    let is_told = same::is_same(&found.decision, &again.decision)
        && (found.outcome, &found.differences) == (again.outcome, &again.differences);
    (!is_told).then(|| "its statistics or its outcome are not what its runs say".to_owned())
}

fn other_rule(rule: &str) -> String {
    format!("it was decided by {rule}, which this version of whyslow does not have: it has {RULE}")
}

#[cfg(test)]
mod tests;
