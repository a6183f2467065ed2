//! Finds statements that take their time with bringing rows into the form of the protocol.
//!
//! ## Why it is slow
//!
//! Each value that is sent is turned into text, and long ones are fetched from where they are kept apart and unpacked. The
//! nodes of the plan do not show it; `EXPLAIN (ANALYZE, SERIALIZE)` does, from PostgreSQL 17 on.
//!
//! ## What counts
//!
//! Executions that spend at least `share_min` on it.
//!
//! ## Stays silent
//!
//! - where it was not measured;
//! - where it is a small part.
//!
//! ## Remedy
//!
//! Only the columns and rows that are used. Best case: a tenth of the time is left. Worst case: all of it, if all is used.
//!
//! ## How to check
//!
//! The line `Serialization` below the plan.

use crate::evidence::plan::Key;
use crate::figures::{bytes, duration};
use crate::finding::Confidence;
use crate::plans::{Outside, PlanView, Problems};
use crate::settings::{Setting, Values};
use crate::{Detector, Inspect};

use super::rows;

const SHARE_MIN: Setting = Setting {
    name: "share_min",
    unit: "% of the execution",
    default: 30,
    why: "rows that are read from memory take about as long to read as to send",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "serialization-cost",
    summary: "bringing rows into the form of the protocol takes the time",
    page: include_str!("serialization_cost.rs"),
    settings: &[SHARE_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    let whole = view.times.execution_ns;
    let part = view.times.outside.iter().find(|(what, _)| *what == Outside::Serialization);
    let Some(took) = part.map(|(_, ns)| *ns) else { return };
    let subject = "rows that are sent";
    let of_whole = format!("takes {} of {}", duration(took), duration(whole));
    if took.saturating_mul(100) < whole.saturating_mul(settings.get(&SHARE_MIN)) {
        return problems.dismiss(0, subject, of_whole);
    }
    let sent = view.plan.serialization.count(Key::OutputVolume).saturating_mul(1024);
    problems
        .push(0, subject, Confidence::Medium)
        .give_back(took - took / 10, 0)
        .because(format!(
            "bringing {} rows ({}) into the form of the protocol {of_whole}",
            rows(view.node(0).rows().unwrap_or(0.0)),
            bytes(sent),
        ))
        .advise("ask only for the columns that are used: long texts, JSON and binary values cost most", "")
        .advise("ask for fewer rows at once", "")
        .check(format!("serialization: {} now", duration(took)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::plan::{NodeType, Value};
    use crate::plans::testing::{Sketch, sketch};

    fn sent(ms: f64) -> Sketch {
        sketch().node(0, NodeType::SeqScan, 40.0, 2e5, 1).execution(100.0).whole(|plan| {
            plan.serialization.set(Key::Time, Value::Number(ms));
            plan.serialization.set(Key::OutputVolume, Value::Number(8_000.0));
        })
    }

    #[test]
    fn rows_that_take_long_to_send_are_told() {
        let report = sent(50.0).judged();
        let problem = report.only("serialization-cost");
        assert_eq!(problem.gain_range_ns, Some([0, 45_000_000]));
        assert!(problem.why.contains("200,000 rows (8.19 MB)"), "{}", problem.why);
    }

    #[test]
    fn silent_where_it_is_little_or_not_measured() {
        sent(10.0).judged().silent("serialization-cost");
        sent(0.0).judged().silent("serialization-cost");
    }
}
