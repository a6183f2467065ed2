//! What is said of indexes: field names and order are the JSON contract.
//!
//! Unknown values are `None` and written as `null`. No value of a statement is in it, except constants in conditions of
//! partial indexes that look like names of classes.

use serde::Serialize;

use super::catalogue::Index;
use super::proved::{Disproved, MeasuredEffect};

/// The version of the advice's form.
pub const VERSION: u32 = 1;

/// Everything that is said of the indexes of a workload.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IndexAdvice {
    /// [`VERSION`].
    pub version: u32,
    /// Indexes to create, by what they give back.
    pub proposals: Vec<Proposal>,
    /// Indexes that were tried and are not proposed.
    pub disproved: Vec<Disproved>,
    /// All statements, in the order of the workload.
    pub statements: Vec<StatementAdvice>,
    /// Indexes that are there and should not be as they are.
    pub existing: Vec<ExistingIndex>,
    /// What else has to be known: what was left out, and what was taken for granted.
    pub notes: Vec<String>,
}

/// An index to create.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposal {
    /// Table, with its schema where that is known.
    pub table: String,
    /// The statement that creates it.
    pub ddl: String,
    /// What else to know: an extension that it needs, how to create it on a partitioned table.
    pub notes: Vec<String>,
    /// Statements that it helps.
    pub helps: Vec<Helped>,
    /// What it gives back of all executions together; `None` where no times are known.
    pub saved_ns: Option<u64>,
    /// Its size, estimated; `None` where the table's rows are not known.
    pub bytes: Option<u64>,
    /// What it adds to each row that is written, estimated.
    pub write_cost_ns: u64,
    /// Where it was weighed against others: these, and why they were not chosen.
    pub others: Vec<Other>,
    /// Whether it was tried: `unproven` until an execution with it was measured.
    pub proof: Proof,
    /// What the planner says of it as a hypothetical index (HypoPG); `None` where it was not asked.
    pub planner: Option<PlannerSays>,
    /// What executions took without it and with it; empty where it was not tried.
    pub measured: Vec<MeasuredEffect>,
    /// The index itself.
    #[serde(skip)]
    pub index: Index,
    /// Whether the table is partitioned.
    #[serde(skip)]
    pub is_partitioned: bool,
    /// Whether a plan that does not use it as a hypothetical index says nothing: it holds an expression, of which there are no
    /// statistics yet, or all columns that are read, which such an index never gives by itself, or it serves checks of foreign
    /// keys, which are in no plan.
    #[serde(skip)]
    pub is_hidden_from_plans: bool,
}

/// Whether an index was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// It was not: what it gives back is predicted.
    Unproven,
    /// It was built, and a statement is at least 1.5 times faster with it.
    Proven,
}

/// What a planner says of a hypothetical index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlannerSays {
    /// A plan would use it.
    WouldUse,
    /// No plan would, and that says nothing.
    Unclear,
}

/// A statement that an index helps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Helped {
    /// Its number in `statements`.
    pub statement: usize,
    /// What an execution takes now; `None` where no times are known.
    pub now_ns: Option<u64>,
    /// What it is predicted to take with all indexes of the statement, at best and at worst.
    pub after_ns: Option<[u64; 2]>,
    /// How many times faster it is predicted to be: at worst, in the middle and at best.
    pub factors: [f64; 3],
}

/// An index that was considered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Other {
    /// The statement that would create it.
    pub ddl: String,
    /// Why it was not chosen.
    pub reason: String,
}

/// What is said of one statement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatementAdvice {
    /// Its canonical text, without values.
    pub text: String,
    /// The id of its shape.
    pub shape: String,
    /// Where it comes from.
    pub place: String,
    /// Executions.
    pub executions: u64,
    /// What they took together; `None` where no time is known.
    pub time_ns: Option<u64>,
    /// Numbers in `proposals` of the indexes that it needs; all of them together.
    pub proposals: Vec<usize>,
    /// Why it gets none, or none more.
    pub refusal: Option<Refusal>,
}

/// Why a statement gets no index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The kind of reason.
    pub kind: RefusalKind,
    /// The reason with its figures.
    pub reason: String,
    /// How to write the statement so that an index can help.
    pub rewrite: Option<String>,
}

/// Kinds of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// It could not be parsed.
    NotUnderstood,
    /// It reads no table.
    NoTable,
    /// How many rows it reads is not known.
    NoPlan,
    /// It takes so little that nothing could be gained.
    LittleWork,
    /// It needs all rows of a table.
    WholeTable,
    /// It keeps so many of the rows it reads that an index would not be quicker.
    LowSelectivity,
    /// An index serves it already.
    AlreadyIndexed,
    /// It asks for rows without a partner, which a hash join finds quicker than an index.
    AntiJoin,
    /// No index holds what it compares with; written otherwise, one would.
    NeedsRewrite,
    /// What an index would give back is too little of the statement's work.
    SmallShare,
    /// What an index costs writers is more than it gives back.
    WriteCost,
    /// The index for it was built, and did not help.
    Disproved,
    /// The planner would not use the index for it.
    WouldNotBeUsed,
}

/// An index that is there and should not be as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExistingIndex {
    /// Table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub problem: ExistingProblem,
    /// The same in words.
    pub reason: String,
    /// Bytes that it takes; `None` where unknown.
    pub bytes: Option<u64>,
    /// What to do.
    pub ddl: Option<String>,
}

/// What is wrong with an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExistingProblem {
    /// It cannot be used: its creation was broken off.
    Invalid,
    /// Another has the same keys.
    Duplicate,
    /// Another begins with its keys.
    Overlapping,
    /// Nobody has used it since statistics began.
    Unused,
}
