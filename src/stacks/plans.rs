//! Plans as stacks: a statement and the nodes of its plan.

use detectors::plans::{Basis, PlanNode, PlanReport};
use profiles::{Frame, FrameId, Measure, NodeId, Profile, Unit};

use crate::report::words::outside_of_nodes;

/// The stacks of plans by three measures: time of each node alone, as it passed; what all processes spent on it; and pages that it
/// looked at. Of plans that were not executed the first two are parts of the planner's cost instead, in a profile of their
/// own unit: plans of both kinds are not put together, the measured ones win, and how many are left out is noticed.
pub fn of_plans<'p>(plans: impl IntoIterator<Item = &'p PlanReport>) -> Profile {
    let plans: Vec<&PlanReport> = plans.into_iter().filter(|plan| plan.basis != Basis::None).collect();
    let is_measured = plans.iter().any(|plan| plan.basis == Basis::Measured);
    let basis = if is_measured { Basis::Measured } else { Basis::Estimated };
    let mut profile = Profile::new("plans");
    let (names, unit, scale) = match basis {
        Basis::Measured => (["time", "time of all processes"], Unit::Nanoseconds, 1.0),
        _ => (["cost", "cost of all processes"], Unit::Other("planner cost".to_owned()), 1e-3),
    };
    let time = profile.measure(Measure::new(names[0], unit.clone()));
    let work = profile.measure(Measure::new(names[1], unit));
    let blocks = profile.measure(Measure::new("pages", Unit::Count));
    for plan in plans {
        if plan.basis != basis {
            profile
                .noticed
                .add("plans that were not executed, left out beside those that were".to_owned(), None);
            continue;
        }
        profile.records += 1;
        let nodes = place(plan, &mut profile);
        for (node, place) in plan.nodes.iter().zip(nodes) {
            let values =
                [node.self_ns as f64 * scale, node.work_ns as f64 * scale, node.blocks.unwrap_or(0) as f64];
            for (measure, value) in [time, work, blocks].into_iter().zip(values) {
                if let Some(measure) = measure {
                    profile.tree.add(place, measure, value);
                }
            }
        }
        outside(plan, time, &mut profile);
    }
    profile
}

/// Places of a plan's nodes in the tree.
fn place(plan: &PlanReport, profile: &mut Profile) -> Vec<NodeId> {
    let top = statement(plan, profile);
    let mut places: Vec<NodeId> = Vec::with_capacity(plan.nodes.len());
    for node in &plan.nodes {
        let above = node.parent.and_then(|parent| places.get(parent as usize)).copied().unwrap_or(top);
        let frame = frame(profile, &title(node), &node.name);
        let place = profile.tree.child(above, frame);
        places.push(place);
    }
    places
}

fn statement(plan: &PlanReport, profile: &mut Profile) -> NodeId {
    let text = plan.statement.as_ref().map_or("(statement not told)", |statement| &statement.text);
    let frame = frame(profile, text, plan.engine);
    profile.tree.child(NodeId::ROOT, frame)
}

/// `Index Scan on orders o using orders_customer`.
fn title(node: &PlanNode) -> String {
    let mut title = node.name.clone();
    for (word, what) in [(" on ", &node.target), (" using ", &node.index)] {
        if let Some(what) = what {
            title.push_str(word);
            title.push_str(what);
        }
    }
    match &node.subplan {
        Some(subplan) => format!("{subplan}: {title}"),
        None => title,
    }
}

/// What takes time outside of the nodes: planning, triggers, what nothing explains.
fn outside(plan: &PlanReport, time: Option<usize>, profile: &mut Profile) {
    let Some(time) = time.filter(|_| plan.basis == Basis::Measured) else { return };
    let planning = plan.planning_ns.map(|ns| ("planning", ns));
    let top = statement(plan, profile);
    for (what, ns) in
        plan.outside.iter().map(|outside| (outside_of_nodes(outside.what), outside.ns)).chain(planning)
    {
        let frame = frame(profile, what, "outside of nodes");
        let place = profile.tree.child(top, frame);
        profile.tree.add(place, time, ns as f64);
    }
}

/// A frame with what its time is spent on in place of a package, by which it is coloured and grouped.
fn frame(profile: &mut Profile, name: &str, spent_on: &str) -> FrameId {
    profile.frames.intern(Frame { module: Some(spent_on.into()), ..Frame::named(name) })
}
