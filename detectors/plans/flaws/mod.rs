//! Detectors that look at plans alone, one a file. Those that look at requests too have their part for plans beside them.

pub(crate) mod cartesian_join;
pub(crate) mod correlated_subquery;
mod effects;
pub(crate) mod filter_waste;
pub(crate) mod forced_settings;
pub(crate) mod heap_fetches;
pub(crate) mod index_searches;
pub(crate) mod jit_cost;
pub(crate) mod lossy_bitmap;
pub(crate) mod memoize_thrash;
pub(crate) mod missing_index;
pub(crate) mod nested_loop;
pub(crate) mod non_sargable;
pub(crate) mod offset_waste;
pub(crate) mod planning_cost;
pub(crate) mod repeated_scan;
pub(crate) mod row_misestimate;
pub(crate) mod serialization_cost;
pub(crate) mod stale_statistics;
pub(crate) mod trigger_time;
pub(crate) mod unpruned_partitions;
pub(crate) mod wal_cost;
pub(crate) mod workers_not_launched;

use crate::evidence::plan::{Key, Node};
use crate::figures::count;
use crate::wording::list;

use super::PlanView;

/// What is left of a time, per mille, where `part` of `whole` is still to be done.
fn left(part: f64, whole: f64) -> u16 {
    if whole > 0.0 && part.is_finite() { (part / whole * 1000.0).clamp(0.0, 1000.0) as u16 } else { 1000 }
}

/// Rows of all loops that a condition took away.
fn removed(node: &Node, key: Key) -> f64 {
    node.facts.number(key).unwrap_or(0.0) * node.loops() as f64
}

/// A number of rows as people read it.
fn rows(number: f64) -> String {
    count(number.round() as u64)
}

/// `all but 12 of 48,000`: what is thrown away of what is read.
fn all_but(kept: f64, read: f64) -> String {
    match kept.round() as u64 {
        0 => format!("all {}", rows(read)),
        kept => format!("all but {} of {}", count(kept), rows(read)),
    }
}

/// The tables that a node and what is below it read, in their order, at most three of them.
fn tables(view: &PlanView<'_>, number: u32) -> String {
    let mut names: Vec<String> = Vec::new();
    for below in
        view.subtree(number).take(LOOKED_AT).filter(|below| view.node(*below).node_type.is_table_scan())
    {
        let name = view.target(below);
        if !name.is_empty() && !names.contains(&name) && names.len() < 3 {
            names.push(name);
        }
    }
    list(&names)
}

/// How many nodes are looked at for a name.
const LOOKED_AT: usize = 50;

#[cfg(test)]
mod tests {
    use crate::evidence::plan::{Facts, Key, Node, NodeType, Plan, Relationship, Value};
    use crate::plans::judge;
    use crate::settings::Settings;

    /// Each looks at a plan a few times and not once for each of its nodes: else this takes minutes.
    #[test]
    fn deep_plans_are_no_trouble() {
        let types = [
            NodeType::NestedLoop,
            NodeType::Memoize,
            NodeType::Limit,
            NodeType::Gather,
            NodeType::HashJoin,
            NodeType::IndexScan,
        ];
        let numbers = [
            (Key::ActualTotalTime, 1e3),
            (Key::ActualRows, 5e3),
            (Key::PlanRows, 1.0),
            (Key::ActualLoops, 2e3),
            (Key::RowsRemovedByFilter, 1e6),
            (Key::RowsRemovedByJoinFilter, 1e6),
            (Key::CacheMisses, 1e4),
            (Key::CacheEvictions, 5.0),
        ];
        let node = |number: u32| {
            let mut facts = Facts::default();
            numbers.into_iter().for_each(|(key, number)| facts.set(key, Value::Number(number)));
            facts.set(Key::Filter, Value::Text("(lower(a) = 'x'::text)".into()));
            let relationship = if number % 3 == 2 { Relationship::SubPlan } else { Relationship::Outer };
            let node_type = types[number as usize % types.len()].clone();
            Node { node_type, parent: number.checked_sub(1), relationship, facts, ..Node::default() }
        };
        let plan = Plan { nodes: (0..100_000).map(node).collect(), ..Plan::default() };
        assert!(!judge(&plan, &Settings::default()).problems.is_empty());
    }
}
