//! Finds statements whose time goes to triggers, mostly foreign keys that search a table without an index.
//!
//! ## Why it is slow
//!
//! A row that is deleted, or whose key changes, must not be referenced any more: for each such row PostgreSQL searches each
//! table that refers to it. Without an index on the referring column each search reads that table whole. No node of the
//! plan shows it, only the line of the trigger.
//!
//! ## What counts
//!
//! Triggers that take at least `share_min` of the execution.
//!
//! ## Stays silent
//!
//! - on triggers that take little;
//! - on foreign keys whose checks are as quick as by an index, however many there are: each changed row needs one;
//! - on plans without times of triggers.
//!
//! ## Remedy
//!
//! Of a foreign key: an index on the referring columns. Best case: a hundredth of the time is left. Worst case: half, where
//! there is an index already and the cascade itself has much to do. Of another trigger: less work in it, or once for a
//! statement and not for each row.
//!
//! ## How to check
//!
//! The trigger's line under the plan: its time for the same number of calls.

use crate::evidence::plan::{Facts, Key};
use crate::figures::{counted, duration};
use crate::finding::Confidence;
use crate::indexes::referring;
use crate::plans::{PlanView, Problems};
use crate::settings::{Setting, Values};
use crate::{Detector, Inspect};

const SHARE_MIN: Setting = Setting {
    name: "share_min",
    unit: "% of the execution",
    default: 20,
    why: "checks of foreign keys by an index take a few per cent of what changes the rows",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "trigger-time",
    summary: "triggers take the time: foreign keys without an index",
    page: include_str!("trigger_time.rs"),
    settings: &[SHARE_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

/// One check by an index takes no longer, in nanoseconds: a slower one searches.
const BY_INDEX_NS: u64 = 200_000;

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    let whole = view.times.execution_ns;
    for trigger in &view.plan.triggers {
        let Some(took) = trigger.ns(Key::Time).filter(|took| *took > 0) else { continue };
        let subject = subject(trigger);
        if took.saturating_mul(100) < whole.saturating_mul(settings.get(&SHARE_MIN)) {
            problems.dismiss(0, subject, format!("takes {} of {}", duration(took), duration(whole)));
            continue;
        }
        let each = took / trigger.count(Key::Calls).max(1);
        if trigger.has(Key::ConstraintName) && each <= BY_INDEX_NS {
            problems.dismiss(0, subject, format!("each check takes {}, as by an index", duration(each)));
            continue;
        }
        tell(trigger, took, subject, problems);
    }
}

fn subject(trigger: &Facts) -> String {
    let text = |key| trigger.text(key);
    let name = match (text(Key::ConstraintName), text(Key::TriggerName)) {
        (Some(constraint), _) => format!("foreign key {constraint}"),
        (None, name) => format!("trigger {}", name.unwrap_or("without a name")),
    };
    match text(Key::Relation) {
        Some(relation) => format!("{name} on {relation}"),
        None => name,
    }
}

fn tell(trigger: &Facts, took: u64, subject: String, problems: &mut Problems) {
    let calls = trigger.count(Key::Calls).max(1);
    let is_key = trigger.has(Key::ConstraintName);
    let confidence = if is_key { Confidence::High } else { Confidence::Low };
    let why = format!("{} take {}, {} each", counted(calls, "call"), duration(took), duration(took / calls));
    let problem =
        problems.push(0, subject, confidence).check(format!("time of the trigger: {} now", duration(took)));
    match is_key {
        true => problem
            .give_back(took - took / 100, took / 2)
            .because(format!("{why}: each reads the referring table, as a check by an index takes some ten microseconds"))
            .advise(
                referring(trigger).map_or_else(
                    || "CREATE INDEX CONCURRENTLY on the referring columns of this foreign key".to_owned(),
                    |(table, column)| {
                        format!("CREATE INDEX CONCURRENTLY ON {table} ({column}): by its name these are what refers")
                    },
                ),
                "an index costs each write to its table, and space",
            ),
        false => problem
            .give_back(took / 2, 0)
            .because(why)
            .advise("look at what the trigger does; FOR EACH STATEMENT with transition tables does it once for all rows", ""),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::plan::{NodeType, Value};
    use crate::plans::testing::{Sketch, sketch};

    fn fired(ms: f64, calls: f64, constraint: Option<&str>) -> Sketch {
        let plan =
            sketch().node(0, NodeType::ModifyTable, 10.0, 0.0, 1).node(1, NodeType::IndexScan, 5.0, 10.0, 1);
        plan.execution(10.0 + ms + 1.0).whole(|plan| {
            let mut trigger = Facts::default();
            trigger.set(Key::TriggerName, Value::Text("RI_ConstraintTrigger_a_1".into()));
            if let Some(name) = constraint {
                trigger.set(Key::ConstraintName, Value::Text(name.into()));
            }
            trigger.set(Key::Calls, Value::Number(calls));
            trigger.set(Key::Time, Value::Number(ms));
            plan.triggers.push(trigger);
        })
    }

    #[test]
    fn a_foreign_key_that_searches_is_told() {
        let report = fired(500.0, 10.0, Some("items_order_id_fkey")).judged();
        let problem = report.only("trigger-time");
        assert_eq!(problem.subject, "foreign key items_order_id_fkey");
        assert_eq!(problem.gain_range_ns, Some([250_000_000, 495_000_000]));
        assert_eq!(problem.confidence, Confidence::High);
    }

    #[test]
    fn another_trigger_is_a_lead_and_quick_checks_and_little_time_are_nothing() {
        let many = fired(500.0, 50_000.0, Some("fk")).judged();
        many.silent("trigger-time");
        assert_eq!(many.dismissed[0].reason, "each check takes 10 µs, as by an index");
        assert_eq!(fired(500.0, 10.0, None).judged().only("trigger-time").confidence, Confidence::Low);
        fired(1.0, 10.0, Some("fk")).judged().silent("trigger-time");
        fired(0.0, 10.0, Some("fk")).judged().silent("trigger-time");
    }
}
