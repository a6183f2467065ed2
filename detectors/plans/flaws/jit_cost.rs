//! Finds statements that are compiled for longer than that can win them.
//!
//! ## Why it is slow
//!
//! PostgreSQL compiles the expressions of a statement whose estimated cost is high, before it gives the first row. That
//! takes tens to hundreds of milliseconds, for each execution anew and in each process. It pays where millions of rows are
//! computed with, and not where a high cost is a wrong estimate, or many partitions or columns make much to compile.
//!
//! ## What counts
//!
//! Executions that spend at least `share_min` of their time on compiling. What processes spend together is divided by
//! their number, as they compile at the same time.
//!
//! ## Stays silent
//!
//! - where compiling is a small part of the time;
//! - where nothing was compiled.
//!
//! ## Remedy
//!
//! Compile only what costs more, or nothing. Best case: the compiling is gone. Worst case: a third of its time comes back,
//! as what was compiled ran faster than what is not.
//!
//! ## How to check
//!
//! `EXPLAIN (ANALYZE)` of the statement with `SET LOCAL jit = off`: no `JIT` block, and a shorter execution.

use crate::evidence::plan::Key;
use crate::figures::{count, duration};
use crate::finding::Confidence;
use crate::plans::{PlanView, Problems};
use crate::settings::{Setting, Values};
use crate::{Detector, Inspect};

const SHARE_MIN: Setting = Setting {
    name: "share_min",
    unit: "% of the execution",
    default: 10,
    why: "compiling that takes less may well win more than it costs",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "jit-cost",
    summary: "compiling a statement takes longer than that wins",
    page: include_str!("jit_cost.rs"),
    settings: &[SHARE_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    let jit = &view.plan.jit;
    let (Some(together), true) = (jit.ns(Key::TotalTime), view.times.execution_ns > 0) else { return };
    let processes = view.times.nodes.iter().map(|time| time.processes).max().unwrap_or(1).max(1);
    let compiling = together / u64::from(processes);
    let per_mille = (compiling.saturating_mul(1000) / view.times.execution_ns).min(1000);
    let subject = "compiling of expressions";
    if per_mille < settings.get(&SHARE_MIN).saturating_mul(10) {
        let reason = format!("takes {} of {}", duration(compiling), duration(view.times.execution_ns));
        return problems.dismiss(0, subject, reason);
    }
    let left = |share: u64| 1000 - share as u16;
    let all = view.nodes().map(|(number, _)| number);
    problems
        .push(0, subject, Confidence::High)
        .claim_all(all, left(per_mille), left(per_mille / 3))
        .because(format!(
            "compiling {} functions takes {}{} of {}",
            count(jit.count(Key::Functions)),
            duration(compiling),
            if processes > 1 { format!(" in each of {processes} processes") } else { String::new() },
            duration(view.times.execution_ns),
        ))
        .advise(
            "SET jit_above_cost for who runs it (ALTER ROLE … SET) so high that this statement stays below, or jit = off",
            "long reports that compute with millions of rows get slower without it",
        )
        .check(format!("JIT time of the plan: {} now, none then", duration(together)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::plan::{NodeType, Value};
    use crate::plans::testing::{Sketch, sketch};

    fn compiled(ms: f64, processes: u32) -> Sketch {
        let plan = sketch().node(0, NodeType::Gather, 100.0, 1.0, 1).node(
            1,
            NodeType::SeqScan,
            90.0,
            1.0,
            processes,
        );
        plan.execution(100.0).whole(|plan| {
            plan.jit.set(Key::Functions, Value::Number(12.0));
            plan.jit.set(Key::TotalTime, Value::Number(ms));
        })
    }

    #[test]
    fn compiling_that_takes_most_of_the_time_is_told() {
        let report = compiled(60.0, 1).judged();
        assert_eq!(report.only("jit-cost").gain_range_ns, Some([20_000_000, 60_000_000]));
    }

    #[test]
    fn what_processes_spend_at_once_counts_once() {
        compiled(27.0, 3).judged().silent("jit-cost");
        compiled(0.0, 1).judged().silent("jit-cost");
    }
}
