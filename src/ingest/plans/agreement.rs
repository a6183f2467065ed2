//! What makes the same plan the same value, whichever form and version told it.
//!
//! Forms leave out different things: names that repeat another, what is so unless something else is said, numbers where
//! nothing was executed.

use std::collections::BTreeMap;

use detectors::evidence::plan::{Engine, Facts, Key, Node, NodeType, Plan, Relationship, Value};

/// Leaves out what forms do not tell alike, and brings the rest to the words of one.
pub(super) fn normalise(plan: &mut Plan) {
    if plan.engine == Engine::PostgreSql {
        plan.settings.sort();
        triggers(plan);
    }
    let inputs = modified(&plan.nodes);
    for (at, node) in plan.nodes.iter_mut().enumerate() {
        if let Some(relationship) = inputs.get(&(at as u32)) {
            node.relationship = *relationship;
        }
        names(&mut node.facts);
        usual(&mut node.facts);
        not_executed(&mut node.facts);
        workers(node);
    }
}

/// Names that repeat another, and names of indexes that are quoted (in all forms before 14).
fn names(facts: &mut Facts) {
    let named =
        [Key::RelationName, Key::FunctionName, Key::CteName, Key::TableFunctionName, Key::TuplestoreName];
    let alias = facts.text(Key::Alias);
    if alias.is_some() && named.into_iter().any(|key| facts.text(key) == alias) {
        facts.remove(Key::Alias);
    }
    let index = facts.text(Key::IndexName).and_then(|name| name.strip_prefix('"')?.strip_suffix('"'));
    if let Some(index) = index {
        let index = index.replace("\"\"", "\"");
        facts.set(Key::IndexName, Value::Text(index.into()));
    }
}

/// What everything is that says nothing else.
fn usual(facts: &mut Facts) {
    let usual = [(Key::PartialMode, "Simple"), (Key::ScanDirection, "Forward"), (Key::Strategy, "Plain")];
    for (key, usual) in usual {
        if facts.text(key) == Some(usual) {
            facts.remove(key);
        }
    }
    let planned =
        [(Key::OriginalHashBuckets, Key::HashBuckets), (Key::OriginalHashBatches, Key::HashBatches)];
    if planned.into_iter().all(|(original, now)| facts.get(original) == facts.get(now)) {
        planned.into_iter().for_each(|(original, _)| facts.remove(original));
    }
}

/// Times of what was never executed.
fn not_executed(facts: &mut Facts) {
    if facts.number(Key::ActualLoops) == Some(0.0) {
        facts.remove(Key::ActualStartupTime);
        facts.remove(Key::ActualTotalTime);
    }
}

/// Before 13 a worker is told of several times at one node.
fn workers(node: &mut Node) {
    let told = std::mem::take(&mut node.workers);
    let mut places: BTreeMap<u32, usize> = BTreeMap::new();
    for worker in told {
        match places.get(&worker.number).and_then(|place| node.workers.get_mut(*place)) {
            Some(known) => worker.facts.iter().for_each(|(key, value)| known.facts.set(key, value.clone())),
            None => {
                places.insert(worker.number, node.workers.len());
                node.workers.push(worker);
            }
        }
    }
    node.workers.iter_mut().for_each(|worker| not_executed(&mut worker.facts));
}

/// Inputs of nodes that change tables: members before 14 and the outer input since, even where there is one.
fn modified(nodes: &[Node]) -> std::collections::HashMap<u32, Relationship> {
    let mut inputs = std::collections::HashMap::new();
    for (at, node) in nodes.iter().enumerate() {
        let parent = node.parent.and_then(|parent| nodes.get(parent as usize));
        if parent.is_some_and(|parent| parent.node_type == NodeType::ModifyTable)
            && !node.relationship.is_apart()
        {
            inputs.insert(at as u32, Relationship::Member);
        }
    }
    inputs
}

/// Names of triggers that only repeat the constraint that they keep, and tables where there is one only: the text form
/// leaves them out.
fn triggers(plan: &mut Plan) {
    let mut changed = plan.nodes.iter().filter(|node| node.node_type == NodeType::ModifyTable);
    let only = match (changed.next(), changed.next()) {
        (Some(node), None) => node.facts.text(Key::RelationName).map(Box::<str>::from),
        _ => None,
    };
    for trigger in &mut plan.triggers {
        let (name, constraint) = (trigger.text(Key::TriggerName), trigger.text(Key::ConstraintName));
        let repeats = constraint.is_some()
            && name.is_some_and(|name| name.starts_with("RI_ConstraintTrigger_") || Some(name) == constraint);
        if repeats {
            trigger.remove(Key::TriggerName);
        }
        if let (false, Some(only)) = (trigger.has(Key::Relation), &only) {
            trigger.set(Key::Relation, Value::Text(only.clone()));
        }
    }
}
