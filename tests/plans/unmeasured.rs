//! A plan without what differs between two executions of the same statement.

use detectors::evidence::plan::{Facts, Form, Key, Plan, Value};

/// The plan with each measured number as 1, without those that may be left out, and without workers.
pub(crate) fn unmeasured(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    for node in &mut plan.nodes {
        node.facts = facts(&node.facts);
        node.workers.clear();
    }
    let parts = [&mut plan.facts, &mut plan.planning, &mut plan.jit, &mut plan.serialization];
    for part in parts.into_iter().chain(&mut plan.triggers) {
        *part = facts(part);
    }
    plan
}

fn facts(all: &Facts) -> Facts {
    let mut kept = Facts::default();
    for (key, value) in all.iter() {
        match (key.form(), value) {
            (Form::NumberOrNothing, _) => {}
            (Form::Number, Value::Number(_)) if key != Key::PlanWidth => kept.set(key, Value::Number(1.0)),
            _ => kept.set(key, value.clone()),
        }
    }
    kept
}
