//! Finds plans for several processes that got fewer than they were made for.
//!
//! ## Why it is slow
//!
//! A parallel plan is chosen in the belief that workers share the work. When it starts and all workers of the server are busy
//! (`max_parallel_workers`, `max_worker_processes`), it goes on with fewer, or alone, by a plan that is not the best
//! for one process.
//!
//! ## What counts
//!
//! Gatherings of rows that launched fewer workers than planned.
//!
//! ## Stays silent
//!
//! - where all came;
//! - where none was planned;
//! - on gatherings that are executed several times, of which only the last is told.
//!
//! ## Remedy
//!
//! More workers for the server, or fewer for statements that do not need them. Best case: the work is shared by as
//! many as planned. Worst case: the processors are busy as well, and nothing is won.
//!
//! ## How to check
//!
//! `Workers Launched` of the node under the same load.

use crate::evidence::plan::{Key, Node};
use crate::figures::count;
use crate::finding::Confidence;
use crate::plans::{PlanView, Problems};
use crate::settings::Values;
use crate::{Detector, Inspect};

use super::{left, tables};

pub(crate) const DETECTOR: Detector = Detector {
    id: "workers-not-launched",
    summary: "a parallel plan got fewer processes than it was made for",
    page: include_str!("workers_not_launched.rs"),
    settings: &[],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

fn inspect(view: &PlanView<'_>, _: Values<'_>, problems: &mut Problems) {
    let mut next = 0;
    for (number, node) in view.nodes().filter(|(_, node)| node.node_type.is_gather()) {
        let Some((planned, launched)) = workers(node).filter(|_| number >= next) else { continue };
        next = view.end(number);
        let then = left(launched as f64 + 1.0, planned as f64 + 1.0);
        problems
            .push(number, format!("workers for {}", tables(view, number)), Confidence::Medium)
            .claim_all(view.subtree(number).skip(1), then, 1000)
            .because(format!(
                "{} of {} workers came, so that {} did the work of {}",
                count(launched),
                count(planned),
                if launched == 0 { "one process".to_owned() } else { format!("{} processes", launched + 1) },
                planned + 1,
            ))
            .advise(
                "raise max_parallel_workers and max_worker_processes if processors are idle at that time",
                "max_worker_processes needs a restart; each worker may take work_mem",
            )
            .advise(
                "lower max_parallel_workers_per_gather for who runs many small statements, so that long ones find workers",
                "",
            )
            .check(format!("Workers Launched: {} now, {} then", count(launched), count(planned)));
    }
}

/// Workers planned and launched, where fewer came.
fn workers(node: &Node) -> Option<(u64, u64)> {
    let planned = node.facts.number(Key::WorkersPlanned)? as u64;
    let launched = node.facts.number(Key::WorkersLaunched)? as u64;
    (launched < planned && node.loops() == 1).then_some((planned, launched))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::plan::NodeType;
    use crate::plans::testing::{Sketch, sketch};

    fn gathered(planned: f64, launched: f64, loops: u32) -> Sketch {
        sketch()
            .node(0, NodeType::Gather, 310.0, 1e5, loops)
            .number(Key::WorkersPlanned, planned)
            .number(Key::WorkersLaunched, launched)
            .node(1, NodeType::SeqScan, 300.0, 1e5, 1)
            .flag(Key::ParallelAware)
            .text(Key::RelationName, "orders")
    }

    #[test]
    fn fewer_than_planned_are_told() {
        let report = gathered(2.0, 0.0, 1).judged();
        let problem = report.only("workers-not-launched");
        assert_eq!(problem.subject, "workers for orders");
        assert!(problem.why.contains("one process did the work of 3"), "{}", problem.why);
        assert_eq!(problem.gain_range_ns, Some([0, 200_100_000]));
    }

    #[test]
    fn silent_where_all_came_and_where_it_is_not_known() {
        gathered(2.0, 2.0, 1).judged().silent("workers-not-launched");
        gathered(2.0, 1.0, 5).judged().silent("workers-not-launched");
    }
}
