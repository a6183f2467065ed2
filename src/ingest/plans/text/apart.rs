//! Lines above nodes that are planned apart: `CTE t`, `InitPlan 1 (returns $0)`, `SubPlan 2`.

use detectors::evidence::plan::Relationship;

/// How the node below such a line hangs; `None` for any other line.
pub(super) fn relationship(text: &str) -> Option<Relationship> {
    let (word, name) = text.split_once(' ')?;
    let is_name = !name.is_empty() && !name.starts_with("Scan ");
    match word {
        "CTE" if is_name => Some(Relationship::InitPlan),
        "InitPlan" if is_name => Some(Relationship::InitPlan),
        "SubPlan" if is_name => Some(Relationship::SubPlan),
        _ => None,
    }
}

/// Whether a line is one.
pub(super) fn is_one(text: &str) -> bool {
    relationship(text).is_some()
}
