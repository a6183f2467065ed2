//! Finds statements that are planned for longer than they are executed.
//!
//! ## Why it is slow
//!
//! Each statement is planned before it is executed. With many partitions, many joins or many indexes there are many plans to
//! weigh, each time anew, though the result is the same.
//!
//! ## What counts
//!
//! Statements whose planning takes at least `time_min`, and at least `share_min` of planning and execution together.
//!
//! ## Stays silent
//!
//! - on quick planning, however quick the execution is;
//! - where the execution takes longer;
//! - on MariaDB, which plans a prepared statement anew each time, and executes subqueries while it plans.
//!
//! ## Remedy
//!
//! A prepared statement, whose plan the server keeps after a few executions; conditions on the partition key; fewer partitions
//! and indexes. Best case: planning is gone. Worst case: nothing is won, where it was the first statement of a connection,
//! which has to read the catalogue; of a plan with few tables that is only a lead.
//!
//! ## How to check
//!
//! `Planning Time` of the second execution in the same connection.

use crate::evidence::plan::{Engine, Key, Node};
use crate::figures::{count, duration};
use crate::finding::Confidence;
use crate::plans::{PlanView, Problems};
use crate::settings::{Setting, Values};
use crate::{Detector, Inspect};

const SHARE_MIN: Setting = Setting {
    name: "share_min",
    unit: "% of planning and execution",
    default: 50,
    why: "planning that takes less than the execution is not the first thing to look at",
};

const TIME_MIN: Setting = Setting {
    name: "time_min",
    unit: "ms",
    default: 10,
    why: "statements with a few joins are planned in a millisecond or two, in a new connection in some more",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "planning-cost",
    summary: "a statement is planned for longer than it is executed",
    page: include_str!("planning_cost.rs"),
    settings: &[SHARE_MIN, TIME_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

/// So many tables in a plan are partitions, or more joins than anybody plans quickly.
const MANY: usize = 20;

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    let is_kept = view.engine() == Engine::PostgreSql && view.plan.is_executed();
    let Some(planning) = view.plan.facts.ns(Key::PlanningTime).filter(|_| is_kept) else { return };
    let whole = planning.saturating_add(view.times.execution_ns);
    let subject = "planning of the statement";
    let of_whole = format!("takes {} of {}", duration(planning), duration(whole));
    let is_short = planning < settings.get(&TIME_MIN).saturating_mul(1_000_000);
    if is_short || planning.saturating_mul(100) < whole.saturating_mul(settings.get(&SHARE_MIN)) {
        if !is_short {
            problems.dismiss(0, subject, of_whole);
        }
        return;
    }
    let scans = view.plan.nodes.iter().filter(|node| node.node_type.is_table_scan()).count();
    let removed: u64 = view.plan.nodes.iter().map(|node: &Node| node.facts.count(Key::SubplansRemoved)).sum();
    let is_many = scans + removed as usize >= MANY;
    let many = if is_many {
        format!("; the plan knows {} tables", count(scans as u64 + removed))
    } else {
        String::new()
    };
    let confidence = if is_many { Confidence::Medium } else { Confidence::Low };
    let problem = problems.push(0, subject, confidence);
    problem
        .give_back_planning(planning, 0)
        .because(format!("planning {of_whole} of planning and execution{many}"))
        .advise(
            "prepare it once for each connection (a prepared statement of the driver, plan_cache_mode = auto)",
            "a plan for all values may be worse than one for each",
        )
        .check(format!("planning time: {} now; of the second execution in one connection", duration(planning)));
    if is_many {
        problem.advise("compare the partition key with a value that is known when it is planned, or use fewer partitions", "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::plan::{NodeType, Value};
    use crate::plans::testing::{Sketch, sketch};

    fn planned(planning: f64, execution: f64) -> Sketch {
        sketch().node(0, NodeType::IndexScan, execution, 1.0, 1).execution(execution).whole(|plan| {
            plan.facts.set(Key::PlanningTime, Value::Number(planning));
        })
    }

    #[test]
    fn planning_that_takes_longer_than_the_execution_is_told() {
        let report = planned(30.0, 2.0).judged();
        let problem = report.only("planning-cost");
        assert_eq!(problem.gain_range_ns, Some([0, 30_000_000]));
        assert_eq!(problem.after_ns, Some(17_000_000));
        assert!(problem.gain_share < 1.0);
    }

    #[test]
    fn silent_on_quick_planning_and_long_executions() {
        planned(2.0, 0.1).judged().silent("planning-cost");
        planned(30.0, 200.0).judged().silent("planning-cost");
        planned(30.0, 2.0).whole(|plan| plan.engine = Engine::MariaDb).judged().silent("planning-cost");
    }
}
