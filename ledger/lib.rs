//! The optimization ledger: what was changed, why, what it gave, and what must stay true.
//!
//! A [`Side`] is what was measured before or after a change. [`Open`] is the entry that is being made, a file of the project.

mod environment;
mod open;
mod side;

pub use environment::{Environment, Version};
pub use open::{Open, OpenProblem, Plan, Predicted};
pub use side::{FindingNote, Side, Workload};
