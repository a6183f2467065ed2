//! The line of a node: its name in the words of the text form, and what it reads.

use detectors::evidence::plan::{Facts, Key, Node, NodeType, Value};

use super::lines::Line;
use super::{measured, target};

/// A node as its line tells it.
#[derive(Debug, Clone)]
pub(super) struct NodeLine {
    /// Where the line begins.
    pub(super) column: usize,
    pub(super) node: Node,
    /// Whether estimates or measurements were in it.
    pub(super) is_measured: bool,
    /// Whether the width of rows was in it, which PostgreSQL alone tells.
    pub(super) has_width: bool,
}

impl NodeLine {
    /// A line that has an arrow.
    pub(super) fn of(line: Line<'_>) -> Option<Self> {
        let text = line.text.strip_prefix("->")?.trim_start();
        let mut facts = Facts::default();
        let head = measured::take(text, &mut facts);
        let (node, _) = node(head, facts)?;
        Some(Self::with(line.column, node))
    }

    /// A line without an arrow that a plan may begin with.
    pub(super) fn root(line: Line<'_>) -> Option<Self> {
        if !line.text.starts_with(|first: char| first.is_ascii_uppercase()) {
            return None;
        }
        let mut facts = Facts::default();
        let head = measured::take(line.text, &mut facts);
        let is_measured = !facts.is_empty();
        // Properties and remarks have a colon where a name has none.
        if is_measured && is_remark(head) {
            return None;
        }
        let (node, is_known) = node(head, facts)?;
        (is_measured || is_known).then(|| Self::with(line.column, node))
    }

    fn with(column: usize, node: Node) -> Self {
        let has = |key| node.facts.has(key);
        let is_measured = has(Key::TotalCost) || has(Key::ActualLoops);
        let has_width = has(Key::PlanWidth);
        Self { column, node, is_measured, has_width }
    }
}

fn is_remark(head: &str) -> bool {
    let unquoted = head.split('"').next().unwrap_or_default();
    unquoted.contains(':')
}

/// The node of a line without its brackets, and whether it is of a known type and well-formed.
fn node(head: &str, facts: Facts) -> Option<(Node, bool)> {
    let mut node = Node { facts, ..Node::default() };
    let mut head = head;
    for (word, key) in [("Parallel ", Key::ParallelAware), ("Async ", Key::AsyncCapable)] {
        if let Some(rest) = head.strip_prefix(word) {
            node.facts.set(key, Value::Yes);
            head = rest;
        }
    }
    if head.is_empty() {
        return None;
    }
    let known = aggregate(head, &mut node)
        .or_else(|| set_operation(head, &mut node))
        .or_else(|| join(head, &mut node))
        .or_else(|| modification(head, &mut node))
        .or_else(|| custom(head, &mut node))
        .or_else(|| plain(head, &mut node));
    match known {
        Some(rest) => {
            let is_whole = target::read(rest, &mut node);
            Some((node, is_whole))
        }
        None => {
            let end =
                [" using ", " on "].iter().filter_map(|word| head.find(word)).min().unwrap_or(head.len());
            node.node_type = NodeType::Other(head[..end].trim_end().into());
            target::read(&head[end..], &mut node);
            Some((node, false))
        }
    }
}

fn text(node: &mut Node, key: Key, value: &str) {
    node.facts.set(key, Value::Text(value.into()));
}

/// What is behind a word that ends where it should.
fn behind<'a>(head: &'a str, word: &str) -> Option<&'a str> {
    head.strip_prefix(word).filter(|rest| rest.is_empty() || rest.starts_with(' '))
}

fn aggregate<'a>(head: &'a str, node: &mut Node) -> Option<&'a str> {
    let (mode, name) = ["Partial", "Finalize"]
        .into_iter()
        .find_map(|mode| Some((mode, head.strip_prefix(mode)?.strip_prefix(' ')?)))
        .unwrap_or(("Simple", head));
    let strategies = [
        ("Aggregate", "Plain"),
        ("GroupAggregate", "Sorted"),
        ("HashAggregate", "Hashed"),
        ("MixedAggregate", "Mixed"),
    ];
    let (strategy, rest) =
        strategies.into_iter().find_map(|(word, strategy)| Some((strategy, behind(name, word)?)))?;
    node.node_type = NodeType::Aggregate;
    text(node, Key::PartialMode, mode);
    text(node, Key::Strategy, strategy);
    Some(rest)
}

fn set_operation<'a>(head: &'a str, node: &mut Node) -> Option<&'a str> {
    let strategies = [("HashSetOp", "Hashed"), ("SetOp", "Sorted")];
    let (strategy, rest) =
        strategies.into_iter().find_map(|(word, strategy)| Some((strategy, behind(head, word)?)))?;
    node.node_type = NodeType::SetOp;
    text(node, Key::Strategy, strategy);
    text(node, Key::Command, rest.trim_start());
    Some("")
}

fn join<'a>(head: &'a str, node: &mut Node) -> Option<&'a str> {
    let kinds =
        [("Nested Loop", NodeType::NestedLoop), ("Merge", NodeType::MergeJoin), ("Hash", NodeType::HashJoin)];
    let (node_type, rest) =
        kinds.into_iter().find_map(|(word, node_type)| Some((node_type, behind(head, word)?)))?;
    let types = ["Left", "Right", "Full", "Semi", "Anti", "Right Semi", "Right Anti"];
    let join = rest.strip_suffix("Join").map(str::trim);
    let join_type = match join {
        Some("") => "Inner",
        Some(word) => types.into_iter().find(|join_type| *join_type == word)?,
        None if rest.is_empty() && node_type == NodeType::NestedLoop => "Inner",
        None => return None,
    };
    node.node_type = node_type;
    text(node, Key::JoinType, join_type);
    Some("")
}

fn modification<'a>(head: &'a str, node: &mut Node) -> Option<&'a str> {
    let (is_foreign, name) = match head.strip_prefix("Foreign ") {
        Some(rest) => (true, rest),
        None => (false, head),
    };
    let operations = ["Insert", "Update", "Delete", "Merge", "Scan"];
    let (operation, rest) =
        operations.into_iter().find_map(|operation| Some((operation, behind(name, operation)?)))?;
    match (is_foreign, operation) {
        (true, "Scan") => text(node, Key::Operation, "Select"),
        (false, "Scan") => return None,
        (false, _) if !rest.is_empty() && !rest.starts_with(" on ") => return None,
        _ => text(node, Key::Operation, operation),
    }
    node.node_type = if is_foreign { NodeType::ForeignScan } else { NodeType::ModifyTable };
    Some(rest)
}

fn custom<'a>(head: &'a str, node: &mut Node) -> Option<&'a str> {
    let rest = head.strip_prefix("Custom Scan (")?;
    let (provider, rest) = rest.split_once(')')?;
    node.node_type = NodeType::CustomScan;
    text(node, Key::CustomPlanProvider, provider);
    Some(rest)
}

fn plain<'a>(head: &'a str, node: &mut Node) -> Option<&'a str> {
    let fits =
        NodeType::ALL.iter().filter_map(|node_type| Some((node_type, behind(head, node_type.name())?)));
    let (node_type, rest) = fits.min_by_key(|(_, rest)| rest.len())?;
    node.node_type = node_type.clone();
    Some(rest)
}
