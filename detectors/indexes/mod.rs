//! Which indexes a workload lacks, and which it has too many of.
//!
//! A workload is statements with how often they run and how long they take, and plans where these are known. A catalogue is
//! what is known of tables, columns and indexes; from plans and texts alone it is nearly empty. Advice says for each index
//! which statements it helps and by how much, what it costs, and for each statement that gets none why not.

mod advice;
mod advise;
mod block_ranges;
mod candidates;
mod catalogue;
mod choose;
mod conditions;
mod container;
mod ddl;
mod executed;
mod expressions;
mod foreign_keys;
mod from_plan;
mod health;
mod hypothetical;
mod known;
mod model;
mod of_plan;
mod ordering;
mod proved;
mod reckoned;
mod referred;
mod refusals;
mod selectivity;
mod statement;
#[cfg(test)]
mod tests;
mod uses;
mod work;
mod workload;

pub use advice::{
    ExistingIndex, ExistingProblem, Helped, IndexAdvice, Other, PlannerSays, Proof, Proposal, Refusal,
    RefusalKind, StatementAdvice, VERSION,
};
pub use advise::advise;
pub use catalogue::{Catalogue, Column, ForeignKey, Index, IndexKey, Table};
pub use executed::{Executed, Executions};
pub(crate) use foreign_keys::referring;
pub use hypothetical::Answer;
pub(crate) use of_plan::{Lack, lack};
pub use proved::{Disproved, MeasuredEffect, Outcome, Trial};
pub use workload::{Workload, WorkloadStatement};
