//! What a node reads: ` using index on schema.table alias`.
//!
//! Source: `ExplainIndexScanDetails` and `ExplainTargetRel`. The alias is there only where it differs from the name.

use detectors::evidence::plan::{Key, Node, NodeType, Value};

use super::quoted;

/// Reads what is behind the name of a node's type. Whether all of it was understood; what was not is kept.
pub(super) fn read(rest: &str, node: &mut Node) -> bool {
    let rest = rest.trim();
    let unread = parts(rest, node);
    if let Some(unread) = unread {
        node.others.push(("".into(), unread.into()));
    }
    unread.is_none()
}

/// Reads part by part: what is left that was not understood.
fn parts<'a>(mut rest: &'a str, node: &mut Node) -> Option<&'a str> {
    if let Some(behind) = rest.strip_prefix("Backward").filter(|_| node.node_type.is_index_scan()) {
        set(node, Key::ScanDirection, "Backward");
        rest = behind.trim_start();
    }
    if let Some(behind) = rest.strip_prefix("using ") {
        let Some((index, behind)) = quoted::name(behind) else { return Some(rest) };
        set(node, Key::IndexName, &index);
        rest = behind.trim_start();
    }
    if let Some(behind) = rest.strip_prefix("on ") {
        let Some(behind) = relation(behind, node) else { return Some(rest) };
        rest = behind;
    }
    (!rest.is_empty()).then_some(rest)
}

/// A name with its schema and alias; what is behind them.
fn relation<'a>(text: &'a str, node: &mut Node) -> Option<&'a str> {
    let (first, mut rest) = quoted::name(text)?;
    let mut name = first;
    if let Some(behind) = rest.strip_prefix('.') {
        let (second, behind) = quoted::name(behind)?;
        set(node, Key::Schema, &name);
        (name, rest) = (second, behind);
    }
    set(node, named(&node.node_type), &name);
    rest = rest.trim_start();
    match quoted::name(rest) {
        Some((alias, behind)) => {
            set(node, Key::Alias, &alias);
            Some(behind.trim_start())
        }
        None => Some(rest),
    }
}

/// As what the structured forms tell the name behind `on`.
fn named(node_type: &NodeType) -> Key {
    match node_type {
        NodeType::BitmapIndexScan => Key::IndexName,
        NodeType::FunctionScan => Key::FunctionName,
        NodeType::TableFunctionScan => Key::TableFunctionName,
        NodeType::CteScan | NodeType::WorkTableScan => Key::CteName,
        NodeType::NamedTuplestoreScan => Key::TuplestoreName,
        NodeType::ValuesScan | NodeType::SubqueryScan | NodeType::Result => Key::Alias,
        _ => Key::RelationName,
    }
}

fn set(node: &mut Node, key: Key, value: &str) {
    node.facts.set(key, Value::Text(value.into()));
}
