//! Several indexes of one table: `union(a,intersect(b,c))`.

use detectors::evidence::plan::{Key, NodeType, Relationship};

use crate::ingest::plans::sketch::{Id, Sketch, related, set_text};

/// Adds the nodes of an expression; `None` where it is empty or damaged.
pub(super) fn add_to(sketch: &mut Sketch, expression: &str) -> Option<Id> {
    // What is open: its node type, and what is below it so far. Depth is a list here and no recursion.
    let mut open: Vec<(NodeType, Vec<Id>)> = vec![(NodeType::Result, Vec::new())];
    let mut name = String::new();
    for character in expression.chars() {
        match character {
            '(' => open.push((node_type(&std::mem::take(&mut name)), Vec::new())),
            ',' | ')' => {
                close_name(sketch, &mut open, &mut name);
                if character == ')' && open.len() > 1 {
                    let (node_type, below) = open.pop()?;
                    let id = sketch.add(related(node_type, Relationship::Member), below, None);
                    open.last_mut()?.1.push(id);
                }
            }
            _ => name.push(character),
        }
    }
    close_name(sketch, &mut open, &mut name);
    let root = *open.first()?.1.first()?;
    sketch.node(root).relationship = Relationship::Outer;
    Some(root)
}

fn close_name(sketch: &mut Sketch, open: &mut [(NodeType, Vec<Id>)], name: &mut String) {
    let index = std::mem::take(name);
    if let (false, Some((_, below))) = (index.trim().is_empty(), open.last_mut()) {
        let mut scan = related(NodeType::BitmapIndexScan, Relationship::Member);
        set_text(&mut scan, Key::IndexName, index.trim());
        below.push(sketch.add(scan, Vec::new(), None));
    }
}

fn node_type(name: &str) -> NodeType {
    match name.trim() {
        "intersect" | "sort_intersect" => NodeType::BitmapAnd,
        _ => NodeType::BitmapOr,
    }
}
