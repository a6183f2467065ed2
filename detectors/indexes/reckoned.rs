//! What the nodes of a plan take that tells neither times nor costs: reckoned from its rows.
//!
//! MySQL's and MariaDB's tables, and MariaDB's `EXPLAIN FORMAT=JSON` up to 10.11, tell how many rows each table is read for,
//! and what part of them is left. Rows and prices for each make nanoseconds that say which part of the work is large, and
//! no more than that. The prices are about those of MariaDB 10.11 with all pages in memory.

use crate::evidence::plan::{Key, Node, NodeType, Relationship};
use crate::plans::PlanView;

/// A row of a table that is read from end to end.
const ROW_NS: f64 = 300.0;

/// A row that an index leads to.
const LED_NS: f64 = 700.0;

/// A search in an index.
const SEARCH_NS: f64 = 600.0;

/// A row that is sorted.
const SORTED_NS: f64 = 250.0;

/// A row that passes any other node.
const PASSED_NS: f64 = 100.0;

/// A pair of rows that a join looks at.
const PAIR_NS: f64 = 15.0;

/// One node of such a plan.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Reckoned {
    /// What it takes by itself, in nanoseconds of all loops.
    pub(super) ns: f64,
    /// How often it is executed.
    pub(super) loops: f64,
    /// Rows that it reads, of all loops.
    pub(super) read: f64,
    /// Rows that it gives, of all loops.
    pub(super) given: f64,
}

/// All nodes of a plan.
pub(super) fn reckoned(view: &PlanView<'_>) -> Vec<Reckoned> {
    let given = given(view);
    let mut all: Vec<Reckoned> = Vec::with_capacity(given.len());
    for (number, node) in view.nodes() {
        let above = node.parent.map(|parent| (parent, &all[parent as usize]));
        let loops = above.map_or(1.0, |(parent, above)| above.loops * again(view, &given, parent, number));
        let own = given[number as usize];
        let read = read(node).unwrap_or(own).max(own);
        let ns = loops * of_a_loop(view, &given, number, read);
        all.push(Reckoned { ns, loops, read: loops * read, given: loops * own });
    }
    all
}

/// Rows that each node gives in one loop: what is below a node is known before it.
fn given(view: &PlanView<'_>) -> Vec<f64> {
    let mut given = vec![0.0; view.plan.nodes.len()];
    for number in (0..given.len() as u32).rev() {
        let node = view.node(number);
        let told = node.facts.number(Key::ActualRows).or_else(|| node.facts.number(Key::PlanRows));
        let mut inputs = view.inputs(number).map(|input| given[input as usize]).peekable();
        let rows = match &node.node_type {
            kind if kind.is_join() => inputs.product(),
            NodeType::Append => inputs.sum(),
            _ if inputs.peek().is_none() => told.unwrap_or(0.0),
            _ => told.or_else(|| inputs.next()).unwrap_or(0.0),
        };
        given[number as usize] = rows.clamp(0.0, 1e15);
    }
    given
}

/// How often a node is executed for each execution of the one above it.
fn again(view: &PlanView<'_>, given: &[f64], parent: u32, number: u32) -> f64 {
    let (above, node) = (view.node(parent), view.node(number));
    match node.relationship {
        // Of a row that a condition may take away it is asked, too.
        Relationship::SubPlan => read(above).unwrap_or(0.0).max(given[parent as usize]).max(1.0),
        Relationship::Inner if above.node_type == NodeType::NestedLoop && !is_buffered(node) => {
            outer_rows(view, given, parent).max(1.0)
        }
        _ => 1.0,
    }
}

/// A table that no index leads into is read once for a bufferful of rows.
fn is_buffered(node: &Node) -> bool {
    node.facts.text(Key::AccessType).is_some_and(|access| matches!(access, "ALL" | "index"))
}

fn outer_rows(view: &PlanView<'_>, given: &[f64], join: u32) -> f64 {
    view.inputs(join).next().map_or(1.0, |outer| given[outer as usize])
}

fn of_a_loop(view: &PlanView<'_>, given: &[f64], number: u32, read: f64) -> f64 {
    let node = view.node(number);
    let input = || view.inputs(number).next().map_or(0.0, |input| given[input as usize]);
    match &node.node_type {
        NodeType::SeqScan => read * ROW_NS,
        kind if kind.is_table_scan() => SEARCH_NS + read * LED_NS,
        NodeType::Sort => input() * SORTED_NS,
        kind if kind.is_join() => {
            let inner = view.inputs(number).nth(1).filter(|inner| is_buffered(view.node(*inner)));
            let pairs = inner.map_or(0.0, |inner| given[inner as usize] * input());
            given[number as usize] * PASSED_NS + pairs * PAIR_NS
        }
        _ => input() * PASSED_NS,
    }
}

/// Rows that one loop reads.
fn read(node: &Node) -> Option<f64> {
    node.facts.number(Key::ActualExaminedRows).or_else(|| node.facts.number(Key::PlanExaminedRows))
}
