//! Statements that indexes are sought for.

use std::collections::BTreeMap;

use crate::evidence::plan::{Engine, Plan};

/// Statements of one database.
#[derive(Debug, Clone, Default)]
pub struct Workload {
    /// What executes them.
    pub engine: Engine,
    /// The statements, each shape once.
    pub statements: Vec<WorkloadStatement>,
    /// Rows that these executions inserted, updated and deleted, by table; empty where that is not known.
    pub written: BTreeMap<String, u64>,
}

/// A statement, how often it is executed, and how long that takes.
#[derive(Debug, Clone, Default)]
pub struct WorkloadStatement {
    /// Its text. Where an execution is known it has values, which are evidence and shown nowhere; else placeholders.
    pub text: String,
    /// Values that an execution had for its placeholders (`$1`), as literals. Evidence: shown nowhere.
    pub bound: BTreeMap<String, String>,
    /// Other executions have other values in the text's place of literals: none of them is a constant.
    pub has_other_values: bool,
    /// Executions; one where that is not known.
    pub executions: u64,
    /// What they took together, in nanoseconds; `None` where no time is known.
    pub time_ns: Option<u64>,
    /// Plans of it, the slowest execution first; may be empty.
    pub plans: Vec<Plan>,
    /// Where it comes from, for people: `postgresql.log:88`, `pg_stat_statements`.
    pub place: String,
}
