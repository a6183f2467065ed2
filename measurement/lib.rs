//! Runs of a measurement, and what they say about a difference: the pure core of `measure`, `compare` and the ledger.
//!
//! The unit of evidence is the [`Run`]: a fresh start of what is measured. Requests of one run are alike for reasons that have
//! nothing to do with the change (the layout of memory, warm caches, the machine's clock), so that a test on pooled requests
//! finds differences where there are none. Each run gives one value of each [`Metric`], and [`decide`] compares these values.
//!
//! Nothing here reads a file, a clock or the environment: the same runs give the same [`Decision`], which is how a stored
//! verdict is verified.

mod decision;
pub mod duration;
mod histogram;
pub mod import;
mod metric;
mod run;
pub mod statistics;
mod warning;

pub use decision::{Decision, MARGIN_DEFAULT, Method, MetricDecision, Question, RULE, Verdict, decide};
pub use histogram::{Histogram, Undecodable};
pub use metric::Metric;
pub use run::{Latency, Load, Run, Sample};
pub use warning::{Warning, WarningKind};
