//! What is done with the tables of one `SELECT`: joined, sorted, kept.

use detectors::evidence::plan::{Key, Node, NodeType, Relationship, Value};

use crate::ingest::plans::sketch::{Id, Sketch, bare, related, set_list, set_number, set_text};

/// How a table is joined with what comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Way {
    /// It is read for each row.
    #[default]
    Nested,
    /// It is read for each bufferful of rows.
    Buffered,
    /// It is read for each bufferful of rows, which are found by their hash.
    Hashed,
}

impl Way {
    /// By what is said of the buffer: `flat, BNLH join`, `hash join`, `Block Nested Loop`; MariaDB's JSON has `BNLH`.
    pub(super) fn of_buffer(said: &str) -> Self {
        match said {
            _ if said.contains("BKA") || said.contains("Batched Key Access") => Self::Nested,
            _ if said.contains("BNLH") || said.contains("hash") => Self::Hashed,
            _ => Self::Buffered,
        }
    }
}

/// A table in the order of the join, and how it is joined.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) id: Id,
    pub(super) way: Way,
    /// Condition on pairs.
    pub(super) condition: String,
    /// Pairs that were looked at, of all loops, and how many of them were left.
    pub(super) pairs: Option<(f64, f64)>,
    /// Milliseconds that pairing took.
    pub(super) own_ms: Option<f64>,
    /// Estimated rows and cost of the join up to here, where they are told.
    pub(super) rows: Option<f64>,
    pub(super) cost: Option<f64>,
    /// Rows that are doubled by the join up to here are taken out (a semi-join).
    pub(super) is_made_unique: bool,
}

/// Joins tables in their order, as a tree that leans to the left; `None` of none.
pub(super) fn joined(sketch: &mut Sketch, steps: Vec<Step>) -> Option<Id> {
    let mut before: Option<Id> = None;
    for step in steps {
        let is_made_unique = step.is_made_unique;
        let joined = match before {
            None => step.id,
            Some(outer) => join(sketch, outer, step),
        };
        before = Some(match is_made_unique {
            true => above(sketch, NodeType::Unique, joined),
            false => joined,
        });
    }
    before
}

fn join(sketch: &mut Sketch, outer: Id, step: Step) -> Id {
    let inner = step.id;
    let mut node = bare(if step.way == Way::Hashed { NodeType::HashJoin } else { NodeType::NestedLoop });
    set_text(&mut node, Key::JoinType, "Inner");
    let key = if step.way == Way::Hashed { Key::HashCond } else { Key::JoinFilter };
    set_text(&mut node, key, &step.condition);
    let product = |key| Some(sketch.number(outer, key)? * sketch.number(inner, key)?);
    set_number(&mut node, Key::PlanRows, step.rows.or_else(|| product(Key::PlanRows)));
    set_number(&mut node, Key::TotalCost, step.cost);
    measured(sketch, &mut node, outer, &step);
    let below = match step.way {
        // Rows of the tables before are hashed, and the new one looks for them.
        Way::Hashed => {
            let hash = above(sketch, NodeType::Hash, outer);
            sketch.node(hash).relationship = Relationship::Inner;
            vec![inner, hash]
        }
        _ => {
            sketch.node(inner).relationship = Relationship::Inner;
            vec![outer, inner]
        }
    };
    sketch.add(node, below, step.own_ms)
}

/// A join is executed as often as what it begins with; what it gives is what its second input gives.
fn measured(sketch: &Sketch, node: &mut Node, outer: Id, step: &Step) {
    let Some(loops) = sketch.number(outer, Key::ActualLoops).filter(|loops| *loops > 0.0) else {
        return set_number(node, Key::ActualLoops, sketch.number(outer, Key::ActualLoops));
    };
    set_number(node, Key::ActualLoops, Some(loops));
    // A table of which one row at most can fit was read before, and changes nothing.
    let is_constant = matches!(sketch.text(step.id, Key::AccessType), Some("const" | "system"));
    let rows = match (step.pairs, step.way) {
        (Some((_, left)), _) => Some(left),
        (None, Way::Nested) if is_constant => sketch.rows(outer),
        (None, Way::Nested) => sketch.rows(step.id),
        _ => None,
    };
    set_number(node, Key::ActualRows, rows.map(|rows| rows / loops));
    let removed = step.pairs.map(|(all, left)| (all - left).max(0.0) / loops);
    set_number(node, Key::RowsRemovedByJoinFilter, removed);
}

/// A node that passes on the rows of another: as many, as often.
pub(super) fn above(sketch: &mut Sketch, node_type: NodeType, child: Id) -> Id {
    let mut node = bare(node_type);
    for key in [Key::PlanRows, Key::ActualRows, Key::ActualLoops] {
        set_number(&mut node, key, sketch.number(child, key));
    }
    sketch.add(node, vec![child], None)
}

/// A node above another that may give other rows: only how often it is executed is told.
pub(super) fn above_of(sketch: &mut Sketch, node_type: NodeType, child: Id) -> Id {
    let mut node = bare(node_type);
    set_number(&mut node, Key::ActualLoops, sketch.number(child, Key::ActualLoops));
    sketch.add(node, vec![child], None)
}

/// Sorts what another gives; keys as `a, b desc`.
pub(super) fn sorted(sketch: &mut Sketch, child: Id, keys: &str) -> Id {
    let id = above(sketch, NodeType::Sort, child);
    let keys = between_commas(keys);
    set_list(sketch.node(id), Key::SortKey, keys);
    id
}

/// Says of a `SELECT` that it is planned apart, and which it is.
pub(super) fn set_apart(node: &mut Node, relationship: Relationship, select: &str) {
    node.relationship = relationship;
    if !select.is_empty() {
        set_text(node, Key::SubplanName, &format!("{} {select}", relationship.name()));
    }
}

/// All rows of several `SELECT`s.
pub(super) fn appended(sketch: &mut Sketch, members: Vec<Id>) -> Id {
    let mut node = bare(NodeType::Append);
    let sum = |key| members.iter().map(|member| sketch.number(*member, key)).sum::<Option<f64>>();
    set_number(&mut node, Key::PlanRows, sum(Key::PlanRows));
    let loops = members.first().and_then(|first| sketch.number(*first, Key::ActualLoops));
    let rows = members.iter().map(|member| sketch.rows(*member)).sum::<Option<f64>>();
    set_number(&mut node, Key::ActualLoops, loops);
    set_number(&mut node, Key::ActualRows, rows.zip(loops).map(|(rows, loops)| rows / loops));
    for member in &members {
        sketch.node(*member).relationship = Relationship::Member;
    }
    sketch.add(node, members, None)
}

/// What hangs under the scan of a table that is made while the statement is executed.
pub(super) fn made(sketch: &mut Sketch, child: Id, scan: Id) {
    sketch.node(scan).node_type = NodeType::SubqueryScan;
    let id = match sketch.node(child).node_type {
        NodeType::Materialize => child,
        _ => above(sketch, NodeType::Materialize, child),
    };
    sketch.node(id).relationship = Relationship::Subquery;
    sketch.hang(id, scan);
}

/// Changes the rows that another finds.
pub(super) fn modified(sketch: &mut Sketch, child: Option<Id>, operation: &str, table: &str) -> Id {
    let mut node = related(NodeType::ModifyTable, Relationship::Outer);
    node.facts.set(Key::Operation, Value::Text(operation.into()));
    set_text(&mut node, Key::Alias, table);
    set_number(&mut node, Key::ActualLoops, child.and_then(|child| sketch.number(child, Key::ActualLoops)));
    sketch.add(node, Vec::from_iter(child), None)
}

/// Parts of a list, where commas in brackets and quotes are no separators.
pub(super) fn between_commas(list: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut start) = (0_usize, None, 0);
    let mut parts = Vec::new();
    for (at, character) in list.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"' | '`') => quote = Some(character),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(list[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(list[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}
