//! Statements of one request, by endpoint and test: counted, and compared with what was accepted.
//!
//! The baseline says which statements a request of an endpoint may send and how often at most. A count is of
//! one request and never a sum, so that more requests, or other ones beside them, change nothing.

mod check;
mod kind;
mod tally;

use std::collections::BTreeMap;

use serde::Serialize;

pub use check::{
    Check, Counts, LEVELS, Level, PlaceState, Problem, RULES, Rule, State, TEXT_SHARE_MIN, Verdict, check,
};
pub use kind::StatementKind;
pub(crate) use kind::of_catalog;
pub use tally::{LeftOut, Measured, MeasuredPlace, MeasuredStatement, Queries, Texts};

/// Where statements are counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Service name.
    pub service: String,
    /// What it is.
    pub kind: PlaceKind,
    /// Endpoint, or name of the test.
    pub name: String,
}

/// What statements are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    /// A request of an endpoint.
    Endpoint,
    /// A test, with what it makes its own process send; requests that it makes count at their endpoints.
    Test,
}

/// A statement that a request of a place may send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// What it does.
    pub kind: StatementKind,
    /// The fewest times that a request sends it; zero where some do not.
    pub min: u64,
    /// The most times that a request sends it: the budget.
    pub max: u64,
    /// The most trips to the server that a request makes for it: fewer than its count where several are sent
    /// together.
    pub trips: u64,
    /// The normalised text, shortened; never a value.
    pub text: String,
}

/// What was accepted: the statements of each place by their shape ids.
pub type Baseline = BTreeMap<Place, BTreeMap<String, Statement>>;

/// Where accepting what was measured applies.
#[derive(Debug, Clone, Copy, Default)]
pub struct Accepting {
    /// Places that were not exercised are forgotten.
    pub prune: bool,
}

/// The baseline with what was measured in place of what it had; places that were not exercised keep theirs.
pub fn accept(mut baseline: Baseline, measured: &Measured, accepting: Accepting) -> Baseline {
    if accepting.prune {
        baseline.clear();
    }
    for (place, seen) in &measured.places {
        let statements = seen.statements.iter().map(|(shape, seen)| (shape.clone(), seen.statement.clone()));
        baseline.insert(place.clone(), statements.collect());
    }
    baseline
}
