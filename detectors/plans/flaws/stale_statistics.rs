//! Finds tables whose number of rows is not what the statistics say.
//!
//! ## Why it is slow
//!
//! How many rows a scan without a condition gives the planner knows from the last `ANALYZE` and the size of the table. Where
//! that is far off, the table was filled, emptied or rewritten since, and each plan with it is chosen in error.
//!
//! ## What counts
//!
//! Scans without a condition whose estimate is off by at least `factor_min`, of at least `rows_min` rows, and only where
//! that leads to something in this plan: the same as of a [row-misestimate](row-misestimate.md).
//!
//! ## Stays silent
//!
//! - where it changes nothing in this plan;
//! - on scans with a condition, whose estimate may be off for other reasons;
//! - on scans that may have been stopped early and gave fewer rows.
//!
//! ## Remedy
//!
//! `ANALYZE`, and more often: after each load of much data, of temporary tables by hand, as no autovacuum sees them. What it
//! gives back is predicted as for a row-misestimate.
//!
//! ## How to check
//!
//! Estimated and actual rows of the scan after `ANALYZE`.

use crate::evidence::plan::Engine;
use crate::finding::Confidence;
use crate::plans::estimates::Estimates;
use crate::plans::{PlanView, Problems};
use crate::settings::{Setting, Values};
use crate::{Detector, Inspect};

use super::effects::{LOOPS_MIN, Limits, Origins, ROWS_MIN, claim, found, numbers};

const FACTOR_MIN: Setting = Setting {
    name: "factor_min",
    unit: "times more or fewer rows",
    default: 3,
    why: "after ANALYZE an estimate without a condition is nearly exact",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "stale-statistics",
    summary: "a table has far more or fewer rows than its statistics say",
    page: include_str!("stale_statistics.rs"),
    settings: &[FACTOR_MIN, ROWS_MIN, LOOPS_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    let limits = Limits::of(settings, &FACTOR_MIN, Origins::PlainScans);
    let estimates = Estimates::of(view);
    for (effect, origin) in found(view, &estimates, limits) {
        let table = view.node(origin).target().unwrap_or("the table");
        let problem =
            problems.push(origin, format!("statistics of {}", view.target(origin)), Confidence::Medium);
        let led_to = claim(view, &estimates, effect, problem);
        problem
            .because(format!("{}, though there is no condition: {led_to}", numbers(view, origin)))
            .advise(
                match view.engine() {
                    Engine::PostgreSql | Engine::Sqlite => format!("ANALYZE {table}"),
                    Engine::MySql | Engine::MariaDb => format!("ANALYZE TABLE {table}"),
                },
                "it reads a sample, and blocks nobody",
            )
            .check("estimated rows of this scan, those that are there then");
        if view.engine() == Engine::PostgreSql {
            problem.advise(
                format!("ALTER TABLE {table} SET (autovacuum_analyze_scale_factor = 0.02), so that it happens in time"),
                "ANALYZE runs more often on this table",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::plan::{Key, NodeType};
    use crate::plans::testing::{Sketch, sketch};

    fn looped(estimated: f64, actual: f64) -> Sketch {
        sketch()
            .node(0, NodeType::NestedLoop, 900.0, actual, 1)
            .number(Key::PlanRows, estimated)
            .node(1, NodeType::SeqScan, 50.0, actual, 1)
            .number(Key::PlanRows, estimated)
            .text(Key::RelationName, "imported")
            .node(1, NodeType::IndexScan, 800.0 / actual, 1.0, actual as u32)
            .text(Key::RelationName, "customers")
            .text(Key::IndexCond, "(id = imported.customer_id)")
    }

    #[test]
    fn a_table_that_was_filled_since_is_told() {
        let report = looped(2_000.0, 20_000.0).judged();
        let problem = report.only("stale-statistics");
        assert_eq!(problem.subject, "statistics of imported");
        assert_eq!(problem.fix[0].text, "ANALYZE imported");
        report.silent("row-misestimate");
    }

    #[test]
    fn silent_where_it_is_about_right_and_where_a_condition_is_off() {
        looped(15_000.0, 20_000.0).judged().silent("stale-statistics");
        let plan = looped(2_000.0, 20_000.0).whole(|plan| {
            let filter = crate::evidence::plan::Value::Text("(a = 1)".into());
            plan.nodes[1].facts.set(Key::Filter, filter);
        });
        plan.judged().silent("stale-statistics");
    }
}
