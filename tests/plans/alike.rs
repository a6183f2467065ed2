//! What two runs of one statement have in common: their plans without what was measured.

use detectors::evidence::plan::{Facts, Form, Key, Plan, Value, Worker};

/// A plan with the same number in the place of each that was measured; those that may be missing at zero are taken away.
pub(crate) fn unmeasured(mut plan: Plan) -> Plan {
    // The text form tells this with VERBOSE alone, as what nodes give; the others always.
    let is_verbose = plan.nodes.iter().any(|node| node.facts.has(Key::Output));
    for node in &mut plan.nodes {
        if !is_verbose {
            node.facts.remove(Key::InnerUnique);
        }
        still(&mut node.facts);
        node.workers.sort_by_key(|worker| worker.number);
        node.workers.iter_mut().for_each(|worker| still(&mut worker.facts));
    }
    let parts = [&mut plan.facts, &mut plan.planning, &mut plan.jit, &mut plan.serialization];
    parts.into_iter().chain(&mut plan.triggers).for_each(still);
    plan
}

/// Takes away workers that did nothing in the other run, and so are not told of there.
pub(crate) fn share_workers(one: &mut [Plan], other: &mut [Plan]) {
    let nodes = one.iter_mut().flat_map(|plan| &mut plan.nodes);
    for (one, other) in nodes.zip(other.iter_mut().flat_map(|plan| &mut plan.nodes)) {
        let numbers = |workers: &[Worker]| workers.iter().map(|worker| worker.number).collect::<Vec<_>>();
        let (own, others) = (numbers(&one.workers), numbers(&other.workers));
        one.workers.retain(|worker| others.contains(&worker.number));
        other.workers.retain(|worker| own.contains(&worker.number));
    }
}

fn still(facts: &mut Facts) {
    for key in Key::ALL.iter().filter(|key| is_measured(**key)) {
        match key.form() {
            Form::NumberOrNothing | Form::Text => facts.remove(*key),
            _ if facts.has(*key) => facts.set(*key, Value::Number(1.0)),
            _ => {}
        }
    }
}

/// Whether another run of the same statement may give another value.
fn is_measured(key: Key) -> bool {
    let name = key.name();
    let words = ["Actual ", "Blocks", "Time", "Cache ", "WAL ", "Rows Removed", "Peak ", "Memory "];
    let is_number = matches!(key.form(), Form::Number | Form::NumberOrNothing);
    let others = [
        Key::SortSpaceUsed,
        Key::HeapFetches,
        Key::IndexSearches,
        Key::WorkersLaunched,
        Key::MaximumStorage,
        Key::DiskUsage,
        Key::HashAggBatches,
        Key::Calls,
        Key::OutputVolume,
        Key::FullSortGroups,
        Key::PreSortedGroups,
        Key::PagesAccessed,
        Key::PagesRead,
    ];
    is_number && words.iter().any(|word| name.contains(word)) || others.contains(&key)
}
