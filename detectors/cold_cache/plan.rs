//! Plans whose time goes to reading pages that were not in memory.

use crate::evidence::plan::{Key, Node};
use crate::figures::{count, duration, share};
use crate::finding::Confidence;
use crate::plans::{PlanView, Problems};
use crate::settings::Values;

use super::READ_MIN;

/// Of what a node waits for pages so much is left at best, per mille: they are found in memory.
const FOUND: u64 = 50;

/// Who waits no longer than this for pages waits for nothing that anybody notices, in nanoseconds.
const WAIT_MIN_NS: u64 = 5_000_000;

pub(super) fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    let whole = view.times.execution_ns;
    let waits: Vec<(u32, u64)> =
        view.nodes().map(|(number, _)| (number, waited(view, number))).filter(|(_, ns)| *ns > 0).collect();
    let together = waits.iter().map(|(_, ns)| ns).fold(0, |sum: u64, ns| sum.saturating_add(*ns));
    let Some((most, _)) = waits.iter().max_by_key(|(_, ns)| ns) else { return };
    let subject = "pages that are not in memory";
    let of_whole = format!("reading pages takes {} of {}", duration(together), duration(whole));
    let is_short = together < WAIT_MIN_NS;
    if is_short || together.saturating_mul(100) < whole.saturating_mul(settings.get(&READ_MIN)) {
        return problems.dismiss(*most, subject, of_whole);
    }
    let (read, hit) = (pages(view, Key::SharedReadBlocks), pages(view, Key::SharedHitBlocks));
    let problem = problems.push(*most, subject, Confidence::Medium);
    for (number, ns) in &waits {
        let part = (ns.saturating_mul(1000) / view.self_ns(*number).max(1)).min(1000);
        problem.claim(*number, (1000 - part * (1000 - FOUND) / 1000) as u16, 1000);
    }
    problem
        .because(format!(
            "{of_whole}: {} of {} pages ({}) were not in the server's memory",
            count(read),
            count(read.saturating_add(hit)),
            share(read, read.saturating_add(hit)),
        ))
        .advise("execute it again: if the pages are found then, it was the first time, and pg_prewarm spares that after a start", "")
        .advise(
            "if they are read each time, look at fewer pages by an index, or give the server more memory (shared_buffers)",
            "memory that other programs then lack",
        )
        .check(format!("pages read: {} now", count(read)));
}

/// What a node itself waited for pages of tables and indexes, as a part of the time that passed.
fn waited(view: &PlanView<'_>, number: u32) -> u64 {
    let below = view.children(number).iter().map(|child| view.node(*child));
    let below = below.filter(|child| child.makes_cte().is_none()).map(reading).fold(0, u64::saturating_add);
    let own = reading(view.node(number)).saturating_sub(below);
    let time = view.times.nodes[number as usize];
    // Processes wait at the same time.
    let part = u128::from(own) * u128::from(time.self_ns) / u128::from(time.work_ns.max(1));
    u64::try_from(part).unwrap_or(u64::MAX).min(time.self_ns)
}

/// What a node and those below it waited for pages.
fn reading(node: &Node) -> u64 {
    let keys = [Key::SharedReadTime, Key::LocalReadTime];
    keys.into_iter().filter_map(|key| node.facts.ns(key)).fold(0, u64::saturating_add)
}

/// Pages of the whole plan: the root's counts hold all.
fn pages(view: &PlanView<'_>, key: Key) -> u64 {
    view.node(0).facts.count(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::plan::NodeType;
    use crate::plans::testing::{Sketch, sketch};

    fn reads(ms: f64) -> Sketch {
        sketch()
            .node(0, NodeType::Aggregate, 500.0, 1.0, 1)
            .number(Key::SharedReadTime, ms)
            .number(Key::SharedReadBlocks, 4_000.0)
            .number(Key::SharedHitBlocks, 1_000.0)
            .node(1, NodeType::SeqScan, 450.0, 1e5, 1)
            .number(Key::SharedReadTime, ms)
            .number(Key::SharedReadBlocks, 4_000.0)
            .number(Key::SharedHitBlocks, 1_000.0)
    }

    #[test]
    fn pages_that_are_waited_for_are_told() {
        let report = reads(400.0).judged();
        let problem = report.only("cold-cache");
        assert_eq!(problem.node, 1);
        assert!(
            problem.why.contains("takes 400 ms of 500 ms: 4,000 of 5,000 pages (80 %)"),
            "{}",
            problem.why
        );
        let [worst, best] = problem.gain_range_ns.unwrap();
        assert_eq!((worst, best / 1_000_000), (0, 379));
    }

    #[test]
    fn silent_where_pages_are_found_or_nothing_was_timed() {
        reads(20.0).judged().silent("cold-cache");
        let quick = reads(4.0).execution(5.0).whole(|plan| {
            let took = crate::evidence::plan::Value::Number(5.0);
            plan.nodes.iter_mut().for_each(|node| node.facts.set(Key::ActualTotalTime, took.clone()));
        });
        quick.judged().silent("cold-cache");
        reads(0.0).judged().silent("cold-cache");
    }
}
