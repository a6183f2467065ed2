//! Proof: each proposed index is built for real in a transaction that is rolled back, and the statements are executed
//! before and after.
//!
//! What the planner estimates is no proof: an index that it likes may do more work. Nothing stays: not the index, not what
//! is written to measure its cost. While an index is built and tried its table cannot be written, so proof is refused where
//! others work ([`safety`]).

mod built;
mod measured;
mod processor;
mod reads;
pub mod safety;
mod values;
mod verdict;
mod write_cost;

use std::time::Duration;

use detectors::indexes::{Catalogue, Workload};
use serde::Serialize;

pub use self::measured::Measured;
use self::measured::Runs;
pub(super) use self::measured::names;
use self::processor::Processor;
pub use self::values::ValuesFrom;
pub(super) use self::values::filled;
pub use self::verdict::Verdict;
use super::connection::Connection;
use super::problem::Problem;

/// An index that is to be proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The statement that creates it, `CREATE INDEX [CONCURRENTLY] ON …`.
    pub ddl: String,
    /// Numbers of the statements that it is for. Where none of them can be measured, it is not tried.
    pub statements: Vec<usize>,
}

/// How long proof may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Building one index.
    pub build: Duration,
    /// One execution of a statement.
    pub statement: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { build: Duration::from_secs(600), statement: Duration::from_secs(60) }
    }
}

/// What came of it. Times are of the executor in one process with warm caches, the least of three: those that passed, and those
/// on the processor where they are known; blocks are pages of 8 KiB that were looked at.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Proof {
    /// One for each index that was wanted, in their order.
    pub indexes: Vec<IndexProof>,
    /// The statements with all proven indexes together; empty where there is one index or none.
    pub together: Vec<StatementProof>,
    /// Statements that could not be measured: their numbers in the workload, and why.
    pub unmeasured: Vec<(usize, String)>,
    /// Why CPU times are not known, where they are not.
    pub without_cpu: Option<String>,
}

/// What came of one index.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct IndexProof {
    /// What is to be thought of it.
    pub verdict: Verdict,
    /// Why, with figures.
    pub reason: String,
    /// What building it took; `None` where it could not be built.
    pub build_ns: Option<u64>,
    /// Its size.
    pub bytes: Option<u64>,
    /// What it adds to each row that is written, measured on a copy of some rows; `None` where that was not measured.
    pub write_ns: Option<u64>,
    /// Statements whose plan uses it.
    pub statements: Vec<StatementProof>,
}

/// A statement before and after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatementProof {
    /// Its number in the workload.
    pub statement: usize,
    /// Where its values are from.
    pub values: ValuesFrom,
    /// Of an UPDATE or DELETE its rows were searched, and not changed.
    pub is_search_only: bool,
    /// Executions in the workload.
    pub executions: u64,
    /// Without the index.
    pub before: Measured,
    /// With it.
    pub after: Measured,
}

impl StatementProof {
    /// How many times less time it takes: on the processor where that is known.
    pub fn factor(&self) -> f64 {
        let (before, after) = self.cpu_ns().unwrap_or((self.before.time_ns, self.after.time_ns));
        before.max(1) as f64 / after.max(1) as f64
    }

    /// CPU time without the index and with it, where both are known.
    fn cpu_ns(&self) -> Option<(u64, u64)> {
        self.before.cpu_ns.zip(self.after.cpu_ns)
    }
}

/// Proves indexes one by one, then those that are proven together.
///
/// # Errors
///
/// Where the server cannot be asked, or proof is [refused](safety::check) there. That an index cannot be built, or a
/// statement not be measured, is told in the proof.
pub fn prove(
    connection: &Connection,
    catalogue: &Catalogue,
    workload: &Workload,
    wanted: &[Wanted],
    times: Times,
) -> Result<Proof, Problem> {
    let (processor, without_cpu) = match Processor::of(connection)? {
        Ok(processor) => (Some(processor), None),
        Err(reason) => (None, Some(reason)),
    };
    let (mut runs, unmeasured) = Runs::of(workload, catalogue, processor);
    let mut proof = Proof { unmeasured, without_cpu, ..Proof::default() };
    for (place, one) in wanted.iter().enumerate() {
        let is_measurable = one.statements.is_empty() || one.statements.iter().any(|own| runs.has(*own));
        proof.indexes.push(match is_measurable {
            true => built::alone(connection, &mut runs, one, place, times)?,
            false => IndexProof {
                reason: "none of the statements that it is for can be measured".to_owned(),
                ..IndexProof::default()
            },
        });
    }
    let candidates: Vec<(usize, &Wanted)> =
        wanted.iter().enumerate().filter(|(place, _)| proof.indexes[*place].verdict.may_help()).collect();
    if candidates.len() > 1 {
        proof.together = together(connection, &mut runs, &candidates, &mut proof.indexes, times)?;
    }
    proof.unmeasured.extend(runs.failed());
    Ok(proof)
}

/// All indexes at once that do no harm: one that no plan uses any more is served by the others, and one that no plan used
/// alone may be half of what a statement needs.
fn together(
    connection: &Connection,
    runs: &mut Runs,
    candidates: &[(usize, &Wanted)],
    indexes: &mut [IndexProof],
    times: Times,
) -> Result<Vec<StatementProof>, Problem> {
    let trial = built::all(connection, runs, candidates, times)?;
    for (place, _) in candidates {
        let using = trial.statements.iter().filter(|(_, used)| used.contains(place));
        let using: Vec<StatementProof> = using.map(|(proof, _)| proof.clone()).collect();
        let index = &mut indexes[*place];
        match (index.verdict, verdict::judge(&using)) {
            (Verdict::Proven, (Verdict::NotUsed, _)) => {
                index.verdict = Verdict::NotUsed;
                index.reason = "with the other indexes no plan uses it".to_owned();
            }
            (Verdict::Proven, _) => {}
            (_, (Verdict::Proven, reason)) => {
                index.verdict = Verdict::Proven;
                index.reason = format!("{reason}, together with others");
                index.statements = using;
            }
            _ => {}
        }
    }
    Ok(trial.statements.into_iter().map(|(proof, _)| proof).collect())
}
