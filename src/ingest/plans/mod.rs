//! Plans of statements out of whatever people and programs keep them in.
//!
//! Reading has three steps. What a terminal, a client or a log put around a plan is taken off; the form is recognised;
//! and its reader brings it to the one vocabulary of [`detectors::evidence::plan`]. All readers of structured forms hand
//! what they read to one [`Assembly`](assembly::Assembly), so that a name means the same in each.

mod assembly;
mod json;
mod kept;
mod xml;
mod yaml;

use detectors::evidence::plan::Plan;

pub use kept::{KeptPlan, KeptPlans};

/// A plan, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The plan.
    pub plan: Plan,
    /// Name of the form that it was written in.
    pub form: &'static str,
    /// Its first line, from one.
    pub line: u64,
}

/// Why no plan could be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct Unreadable {
    /// The line, from one.
    pub line: u64,
    /// What is wrong there and what would help.
    pub reason: String,
}

/// What a text with plans gives.
pub type Plans = Result<Vec<Found>, Unreadable>;

/// A form that plans are written in.
pub struct PlanForm {
    /// Its name in messages.
    pub name: &'static str,
    /// One line for the documentation.
    pub summary: &'static str,
    /// What its reader was tried on: recorded from which program and version, or taken from documentation.
    pub evidence: &'static str,
    /// All plans in a text that is in this form; `None` where it is in another.
    pub read: fn(&str) -> Option<Plans>,
}

/// Every form; a text belongs to the first that takes it.
pub static PLAN_FORMS: &[PlanForm] = &[json::FORM, yaml::FORM, xml::FORM];

/// All plans in a text.
///
/// # Errors
///
/// Where no plan is found, or one is cut or damaged: the line, and what would help.
pub fn read(text: &[u8]) -> Plans {
    let text = String::from_utf8_lossy(text);
    let found = PLAN_FORMS.iter().find_map(|form| (form.read)(&text));
    found.unwrap_or_else(|| {
        Err(Unreadable {
            line: 1,
            reason: "not a plan: give the output of EXPLAIN as it is, best of EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)"
                .to_owned(),
        })
    })
}

/// The line of a place in a text, from one.
fn line_of(text: &str, at: usize) -> u64 {
    1 + text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() as u64
}
