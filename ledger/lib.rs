//! The optimization ledger: what was changed, why, what it gave, and what must stay true.
//!
//! A [`Side`] is what was measured before or after a change. [`Open`] is the entry that is being made, a file of the project.
//! An [`Entry`] is made once and never altered.

mod bound;
mod canonical;
mod change;
mod changed;
mod diagnosis;
mod differences;
mod entry;
mod entry_id;
mod environment;
pub mod figures;
mod git;
mod guard;
mod local;
pub mod moment;
mod next;
mod open;
mod optimization;
pub mod owners;
pub mod page;
mod patch;
pub mod predictions;
#[cfg(test)]
mod repository;
#[cfg(test)]
mod samples;
pub mod shell;
mod side;
mod store;
mod target;
mod unchanged;
pub mod undone;
mod verify;
mod write;

pub use bound::Bound;
pub use change::{Change, ChangeKind, Touched};
pub use changed::ChangeProblem;
pub use diagnosis::{
    AfterFix, DiagnosedEndpoint, DiagnosedFinding, DiagnosedSubject, Diagnosis, DiagnosisProblem,
    FindingLatency, Goal, Percentiles, Remedy, Unseen,
};
pub use differences::Differences;
pub use entry::{
    Entry, EntryNote, EntryProblem, Outcome, ReMeasurement, SCHEMA, Statement, Supersession, Waiver, What,
    Written, check_id, read, written,
};
pub use entry_id::{EntryId, sha256};
pub use environment::{Environment, Version};
pub use git::{Git, GitProblem, Snapshot};
pub use guard::Guard;
pub use local::Local;
pub use next::{Advice, State, Step, next};
pub use open::{Open, OpenProblem, Plan, Predicted};
pub use optimization::{Conclusion, Findings, Optimization, Reasons};
pub use side::{FindingNote, RunNote, Side, SideNote, Workload};
pub use store::{EntryFile, Ledger, LedgerProblem, Notes};
pub use target::{Target, TargetMet};
pub use unchanged::Unchanged;
pub use verify::{Known, Problem, Verification, entries_of, verify};
pub use write::write_whole;
