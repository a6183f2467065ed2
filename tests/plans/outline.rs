//! What all forms of MySQL and MariaDB tell alike of a plan.

use detectors::evidence::plan::{Key, NodeType, Plan, Relationship};

/// A line for each node: what it does, how it hangs, what it reads and how.
///
/// The cache of a subquery's results is left out, which the tabular form does not tell.
pub(crate) fn outline(plan: &Plan, keys: &[Key]) -> Vec<String> {
    let mut depths: Vec<(usize, Option<Relationship>)> = Vec::new();
    let mut lines = Vec::new();
    for node in &plan.nodes {
        let (parent, inherited) = node.parent.map_or((0, None), |parent| depths[parent as usize]);
        let relationship = inherited.unwrap_or(node.relationship);
        if node.node_type == NodeType::Memoize {
            depths.push((parent, Some(relationship)));
            continue;
        }
        depths.push((parent + 1, None));
        let told: Vec<String> = keys.iter().map(|key| format!("{:?}", node.facts.get(*key))).collect();
        let (name, told) = (node.node_type.name(), told.join(" "));
        lines.push(format!("{parent} {name} {} {:?} {told}", relationship.name(), node.target()));
    }
    lines
}
