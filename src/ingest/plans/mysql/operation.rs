//! Lines of MySQL's tree, to nodes.

use detectors::evidence::plan::{Key, Node, NodeType, Relationship, Value};

use super::block::between_commas;
use crate::ingest::plans::sketch::{Id, Sketch, bare, set_list, set_text};

/// What a line is.
pub(super) enum Operation<'l> {
    /// A condition on the rows of what is below.
    Filter(&'l str),
    /// What is below is a `SELECT` that is planned apart, of this name.
    Apart(Relationship, &'l str),
    /// A node.
    Does(Box<Node>),
}

/// What a line says; `below` is how many hang under it.
pub(super) fn of(said: &str, below: usize) -> Operation<'_> {
    if let Some(condition) = said.strip_prefix("Filter: ") {
        return Operation::Filter(condition);
    }
    if said.starts_with("Select #") {
        let is_again =
            said.contains("dependent") && !said.contains("independent") || said.contains("uncacheable");
        let relationship = if is_again { Relationship::SubPlan } else { Relationship::InitPlan };
        return Operation::Apart(relationship, said.split(' ').nth(1).unwrap_or_default());
    }
    let node =
        scan(said, below).or_else(|| join(said)).or_else(|| change(said)).unwrap_or_else(|| rows(said));
    Operation::Does(Box::new(node))
}

/// A filter that has nothing below it.
pub(super) fn filter_alone(condition: &str) -> Node {
    let mut node = bare(NodeType::Result);
    set_text(&mut node, Key::Filter, condition);
    node
}

/// A line that is kept as it is.
pub(super) fn unknown(said: &str) -> Node {
    bare(NodeType::Other(said.into()))
}

/// Says how those below hang: the second of a join, members of an append, what a scan of a temporary table reads.
pub(super) fn relate(sketch: &mut Sketch, node: &Node, below: &[Id]) {
    let inputs: Vec<Id> =
        below.iter().copied().filter(|id| !sketch.node(*id).relationship.is_apart()).collect();
    for (number, id) in inputs.into_iter().enumerate() {
        sketch.node(id).relationship = match node.node_type {
            NodeType::Append => Relationship::Member,
            NodeType::BitmapAnd | NodeType::BitmapOr => Relationship::Member,
            NodeType::SubqueryScan => Relationship::Subquery,
            _ if node.node_type.is_join() && number == 1 => Relationship::Inner,
            _ => Relationship::Outer,
        };
    }
}

/// Ways to read a table: what the line begins with, the node, MySQL's word in the tabular form.
const SCANS: [(&str, NodeType, &str); 18] = [
    ("Table scan on ", NodeType::SeqScan, "ALL"),
    ("Sample scan on ", NodeType::SampleScan, "ALL"),
    ("Index scan on ", NodeType::IndexScan, "index"),
    ("Covering index scan on ", NodeType::IndexOnlyScan, "index"),
    ("Index lookup on ", NodeType::IndexScan, "ref"),
    ("Covering index lookup on ", NodeType::IndexOnlyScan, "ref"),
    ("Multi-range index lookup on ", NodeType::IndexScan, "ref"),
    ("Single-row index lookup on ", NodeType::IndexScan, "eq_ref"),
    ("Single-row covering index lookup on ", NodeType::IndexOnlyScan, "eq_ref"),
    ("Constant row from ", NodeType::IndexScan, "const"),
    ("Index range scan on ", NodeType::IndexScan, "range"),
    ("Covering index range scan on ", NodeType::IndexOnlyScan, "range"),
    ("Index skip scan on ", NodeType::IndexScan, "range"),
    ("Covering index skip scan on ", NodeType::IndexOnlyScan, "range"),
    ("Group index skip scan on ", NodeType::IndexOnlyScan, "range"),
    ("Covering index skip scan for grouping on ", NodeType::IndexOnlyScan, "range"),
    ("Full-text index search on ", NodeType::IndexScan, "fulltext"),
    ("Scan new records on ", NodeType::WorkTableScan, "ALL"),
];

fn scan(said: &str, below: usize) -> Option<Node> {
    let (begin, node_type, word) = SCANS.iter().find(|(begin, ..)| said.starts_with(begin))?;
    let rest = &said[begin.len()..];
    let (rest, condition) = match rest.split_once(", with index condition: ") {
        Some((rest, condition)) => (rest, condition),
        None => (rest, ""),
    };
    let (table, index) = match rest.split_once(" using ") {
        Some((table, index)) => (table, index),
        None => (rest.split_once(" (").map_or(rest, |(table, _)| table), ""),
    };
    let is_made = below > 0 || table.starts_with('<');
    let mut node = bare(if is_made { NodeType::SubqueryScan } else { node_type.clone() });
    set_text(&mut node, Key::Alias, table);
    set_text(&mut node, Key::AccessType, word);
    using(&mut node, index);
    if !condition.is_empty() && !node.facts.has(Key::IndexCond) {
        set_text(&mut node, Key::IndexCond, condition);
    }
    Some(node)
}

/// `PRIMARY (id = o.cust_id) (reverse)`, or `created_at over (...)`: the index, what leads through it, and its direction.
fn using(node: &mut Node, index: &str) {
    let (name, rest) = index.split_once(' ').unwrap_or((index, ""));
    set_text(node, Key::IndexName, name);
    let rest = rest.trim_start_matches("over ");
    let is_reverse = rest.contains("(reverse)");
    let condition = rest.replace("(reverse)", "");
    set_text(node, Key::IndexCond, condition.trim().trim_end_matches(','));
    if is_reverse {
        set_text(node, Key::ScanDirection, "Backward");
    }
}

fn join(said: &str) -> Option<Node> {
    let name = said.split(" (").next().unwrap_or(said);
    let is_hashed = name.contains("hash");
    let join_type = match name {
        "Nested loop inner join" | "Inner hash join" => "Inner",
        _ if name.starts_with("Batched key access inner join") => "Inner",
        _ if name.starts_with("Batched key access left join") => "Left",
        "Nested loop left join" | "Left hash join" => "Left",
        "Nested loop semijoin" | "Hash semijoin" => "Semi",
        "Nested loop antijoin" | "Hash antijoin" => "Anti",
        _ if name.starts_with("Nested loop semijoin") => "Semi",
        _ => return None,
    };
    let mut node = bare(if is_hashed { NodeType::HashJoin } else { NodeType::NestedLoop });
    set_text(&mut node, Key::JoinType, join_type);
    if let (true, Some(at)) = (is_hashed, said.find(" (")) {
        let condition = said[at + 1..].trim();
        if condition != "(no condition)" {
            set_text(&mut node, Key::HashCond, condition);
        }
    }
    Some(node)
}

fn change(said: &str) -> Option<Node> {
    let (operation, table) = ["Insert into ", "Update ", "Delete from ", "Replace into "]
        .into_iter()
        .find_map(|begin| Some((begin, said.strip_prefix(begin)?)))?;
    let mut node = bare(NodeType::ModifyTable);
    let operation = match operation {
        "Update " => "Update",
        "Delete from " => "Delete",
        _ => "Insert",
    };
    node.facts.set(Key::Operation, Value::Text(operation.into()));
    set_text(&mut node, Key::Alias, table.split(" (").next().unwrap_or(table));
    Some(node)
}

/// What is done with rows: what the line begins with, and the node.
const ROWS: [(&str, NodeType); 22] = [
    ("Limit", NodeType::Limit),
    ("Sort-deduplicate by row ID", NodeType::BitmapOr),
    ("Intersect rows sorted by row ID", NodeType::BitmapAnd),
    ("Deduplicate rows sorted by row ID", NodeType::BitmapOr),
    ("Sort", NodeType::Sort),
    ("Hash", NodeType::Hash),
    ("Aggregate", NodeType::Aggregate),
    ("Group aggregate", NodeType::Aggregate),
    ("Group (no aggregates)", NodeType::Group),
    ("Window", NodeType::WindowAgg),
    ("Remove duplicate", NodeType::Unique),
    ("Materialize", NodeType::Materialize),
    ("Union materialize", NodeType::Materialize),
    ("Union all materialize", NodeType::Materialize),
    ("Intersect materialize", NodeType::Materialize),
    ("Except materialize", NodeType::Materialize),
    ("Temporary table", NodeType::Materialize),
    ("Append", NodeType::Append),
    ("Repeat until convergence", NodeType::RecursiveUnion),
    ("Stream results", NodeType::Result),
    ("Rows fetched before execution", NodeType::Result),
    ("Zero ", NodeType::Result),
];

fn rows(said: &str) -> Node {
    let Some((_, node_type)) = ROWS.iter().find(|(begin, _)| said.starts_with(begin)) else {
        return unknown(said);
    };
    let mut node = bare(node_type.clone());
    let told = said.split_once(": ").map_or("", |(_, told)| told);
    match node_type {
        NodeType::Sort => {
            let keys = told.split_once(", limit input to").map_or(told, |(keys, _)| keys);
            set_list(&mut node, Key::SortKey, between_commas(keys));
        }
        NodeType::Aggregate => {
            let strategy = match said {
                _ if said.starts_with("Group") => "Sorted",
                _ if said.contains("temporary table") => "Hashed",
                _ => "",
            };
            set_text(&mut node, Key::Strategy, strategy);
        }
        NodeType::Result if said.starts_with("Zero") => set_text(&mut node, Key::OneTimeFilter, "false"),
        _ => {}
    }
    let is_told_whole = matches!(node_type, NodeType::Sort | NodeType::Hash | NodeType::Append);
    if !is_told_whole {
        set_list(&mut node, Key::Extra, [said]);
    }
    node
}
