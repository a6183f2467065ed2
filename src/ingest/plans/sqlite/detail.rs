//! What one line of `EXPLAIN QUERY PLAN` means.

use detectors::evidence::plan::{Key, Node, NodeType, Relationship};

use crate::ingest::plans::sketch::{Id, Sketch, bare, related, set_list, set_number, set_text};

/// A line with what is below it.
pub(super) enum Piece {
    /// A table that is read, its name, and how it is joined with those before.
    Reads(Id, String, &'static str),
    /// Rows that a scan of this name reads.
    Makes(String, Id),
    /// A `SELECT` that is planned apart.
    Apart(Id),
    /// What is done with the rows of all tables.
    Gathers(NodeType, String),
    /// One of several inputs, and whether rows that are in several are given once.
    Member(Id, bool),
    /// The start or the step of a recursion.
    Recurs(Id),
    /// What is not known.
    Said(String),
}

/// A line and what is below it.
pub(super) fn piece(sketch: &mut Sketch, said: &str, below: Vec<Piece>) -> Piece {
    let words: Vec<&str> = said.split_whitespace().collect();
    match words[..] {
        ["SCAN" | "SEARCH", ..] => reads(sketch, said, below),
        ["USE", "TEMP", "B-TREE", "FOR", ..] => gathers(said),
        ["CO-ROUTINE" | "MATERIALIZE", ..] => {
            let name = said.split_once(' ').map_or("", |(_, name)| name);
            let Some(id) = select(sketch, below) else { return said_of(said) };
            sketch.each_below(id, |node| {
                // Within itself it is what the last step gave.
                if node.node_type == NodeType::SeqScan && node.facts.text(Key::Alias) == Some(name) {
                    node.node_type = NodeType::WorkTableScan;
                }
            });
            Piece::Makes(name.to_owned(), id)
        }
        ["MULTI-INDEX", ..] => several_indexes(sketch, said, below),
        ["COMPOUND", ..] | ["MERGE", ..] => several_selects(sketch, said, below),
        ["CORRELATED", ..] | ["EXECUTE", "CORRELATED", ..] => {
            apart(sketch, said, below, Relationship::SubPlan)
        }
        ["SCALAR" | "LIST" | "EXECUTE", ..] => apart(sketch, said, below, Relationship::InitPlan),
        ["SETUP"] | ["RECURSIVE", "STEP"] => {
            select(sketch, below).map_or_else(|| said_of(said), Piece::Recurs)
        }
        _ => {
            let is_distinct = said.contains("B-TREE");
            select(sketch, below).map_or_else(|| said_of(said), |id| Piece::Member(id, is_distinct))
        }
    }
}

fn said_of(said: &str) -> Piece {
    Piece::Said(said.to_owned())
}

fn gathers(said: &str) -> Piece {
    let purpose = said.trim_start_matches("USE TEMP B-TREE FOR ");
    let node_type = match purpose {
        _ if purpose.ends_with("(DISTINCT)") => NodeType::Aggregate,
        "DISTINCT" => NodeType::Unique,
        _ if purpose.starts_with("RIGHT PART") || purpose.starts_with("LAST ") => NodeType::IncrementalSort,
        _ => NodeType::Sort,
    };
    Piece::Gathers(node_type, purpose.to_owned())
}

fn apart(sketch: &mut Sketch, said: &str, below: Vec<Piece>, relationship: Relationship) -> Piece {
    let Some(id) = select(sketch, below) else { return said_of(said) };
    let number: String = said.chars().skip_while(|mark| !mark.is_ascii_digit()).collect();
    let node = sketch.node(id);
    node.relationship = relationship;
    set_text(node, Key::SubplanName, format!("{} {number}", relationship.name()).trim_end());
    Piece::Apart(id)
}

/// A table that is read by several indexes at once.
fn several_indexes(sketch: &mut Sketch, said: &str, below: Vec<Piece>) -> Piece {
    let mut scan = bare(NodeType::BitmapHeapScan);
    set_text(&mut scan, Key::AccessType, said);
    let mut indexes = Vec::new();
    for piece in below {
        let (Piece::Member(id, _) | Piece::Reads(id, ..)) = piece else { continue };
        let node = sketch.node(id);
        for key in [Key::Alias, Key::RelationName] {
            if let Some(name) = node.facts.text(key).map(str::to_owned) {
                set_text(&mut scan, key, &name);
                node.facts.remove(key);
            }
        }
        node.relationship = Relationship::Member;
        if node.node_type.is_index_scan() {
            node.node_type = NodeType::BitmapIndexScan;
        }
        indexes.push(id);
    }
    let kind = if said.contains("AND") { NodeType::BitmapAnd } else { NodeType::BitmapOr };
    let name = scan.target().unwrap_or_default().to_owned();
    let together = sketch.add(bare(kind), indexes, None);
    Piece::Reads(sketch.add(scan, vec![together], None), name, "Inner")
}

/// `UNION` and its like.
fn several_selects(sketch: &mut Sketch, said: &str, below: Vec<Piece>) -> Piece {
    let is_merged = said.starts_with("MERGE");
    let mut is_kept = said.contains("B-TREE");
    let mut members = Vec::new();
    for piece in below {
        if let Piece::Member(id, is_distinct) = piece {
            sketch.node(id).relationship = Relationship::Member;
            members.push(id);
            is_kept |= is_distinct;
        }
    }
    let node_type = if is_merged { NodeType::MergeAppend } else { NodeType::Append };
    let mut node = bare(node_type);
    set_list(&mut node, Key::Extra, [said]);
    let mut id = sketch.add(node, members, None);
    if is_kept {
        id = sketch.add(bare(NodeType::Unique), vec![id], None);
    }
    Piece::Reads(id, String::new(), "Inner")
}

/// `SCAN [TABLE] t [AS a] [USING ...]`, `SEARCH ... USING [AUTOMATIC] [COVERING] INDEX i (a=? AND b>?) [LEFT-JOIN]`.
fn reads(sketch: &mut Sketch, said: &str, below: Vec<Piece>) -> Piece {
    let (said, join) = match said.strip_suffix(" LEFT-JOIN") {
        Some(said) => (said, "Left"),
        None => (said, "Inner"),
    };
    let (said, rows) = estimated(said);
    let (verb, rest) = said.split_once(' ').unwrap_or((said, ""));
    let (table, using) = match rest.split_once(" USING ") {
        Some((table, using)) => (table, using),
        None => (rest, ""),
    };
    let mut node = Node::default();
    set_text(&mut node, Key::AccessType, verb);
    let name = target(&mut node, table);
    index(&mut node, using);
    set_number(&mut node, Key::PlanRows, rows);
    let is_made = table.starts_with("SUBQUERY ");
    node.node_type = match using {
        _ if is_made => NodeType::SubqueryScan,
        _ if table.ends_with("CONSTANT ROW") => NodeType::Result,
        _ if table.ends_with("CONSTANT ROWS") => NodeType::ValuesScan,
        "" => NodeType::SeqScan,
        _ if using.contains("COVERING INDEX") => NodeType::IndexOnlyScan,
        _ => NodeType::IndexScan,
    };
    let id = sketch.add(node, Vec::new(), None);
    if let Some(child) = select(sketch, below) {
        hang_made(sketch, child, id);
    }
    Piece::Reads(id, name, join)
}

/// Rows that 3.7 and 3.8 told: `(~100 rows)`.
fn estimated(said: &str) -> (&str, Option<f64>) {
    let told = said.strip_suffix(" rows)").and_then(|said| said.rsplit_once(" (~"));
    match told.and_then(|(said, rows)| Some((said, rows.parse().ok()?))) {
        Some((said, rows)) => (said, Some(rows)),
        None => (said, None),
    }
}

/// Notes what is read; the name in the statement.
fn target(node: &mut Node, table: &str) -> String {
    let (own, alias) = table.split_once(" AS ").unwrap_or((table, ""));
    let name = match own.strip_prefix("TABLE ") {
        Some(own) => {
            set_text(node, Key::RelationName, own);
            own
        }
        None => own,
    };
    if name.ends_with("CONSTANT ROW") || name.ends_with("CONSTANT ROWS") {
        return String::new();
    }
    let is_told_alone = !node.facts.has(Key::RelationName) && alias.is_empty();
    set_text(node, Key::Alias, if is_told_alone { name } else { alias });
    if alias.is_empty() { name } else { alias }.to_owned()
}

/// `AUTOMATIC COVERING INDEX (a=?)`, `INDEX i (a=? AND b>?)`, `INTEGER PRIMARY KEY (rowid=?)`.
fn index(node: &mut Node, using: &str) {
    let (named, condition) = match using.split_once('(') {
        Some((named, condition)) => (named.trim(), condition.trim_end_matches(')')),
        None => (using.trim(), ""),
    };
    set_text(node, Key::IndexCond, condition);
    if named.starts_with("AUTOMATIC") {
        // It is made for this statement, each time.
        return set_text(node, Key::AccessType, &format!("SEARCH USING {named}"));
    }
    set_text(node, Key::IndexName, named.rsplit_once("INDEX ").map_or(named, |(_, name)| name));
}

fn hang_made(sketch: &mut Sketch, child: Id, scan: Id) {
    sketch.node(scan).node_type = NodeType::SubqueryScan;
    sketch.node(child).relationship = Relationship::Subquery;
    sketch.hang(child, scan);
}

/// The lines of one `SELECT`, put together; `None` where they read nothing.
pub(super) fn select(sketch: &mut Sketch, pieces: Vec<Piece>) -> Option<Id> {
    let mut made: Vec<(String, Id)> = Vec::new();
    let (mut apart, mut gathered, mut others) = (Vec::new(), Vec::new(), Vec::new());
    let mut root: Option<Id> = None;
    for piece in pieces {
        match piece {
            Piece::Reads(id, name, join) => {
                if let Some(at) = made.iter().position(|(own, _)| *own == name) {
                    let (_, child) = made.remove(at);
                    hang_made(sketch, child, id);
                }
                root = Some(match root {
                    None => id,
                    Some(outer) => joined(sketch, outer, id, join),
                });
            }
            Piece::Member(id, _) => root = Some(root.map_or(id, |outer| joined(sketch, outer, id, "Inner"))),
            Piece::Recurs(step) => {
                root = Some(match root {
                    None => step,
                    Some(setup) => {
                        sketch.node(step).relationship = Relationship::Inner;
                        sketch.add(bare(NodeType::RecursiveUnion), vec![setup, step], None)
                    }
                });
            }
            Piece::Makes(name, id) => made.push((name, id)),
            Piece::Apart(id) => apart.push(id),
            Piece::Gathers(node_type, purpose) => gathered.push((node_type, purpose)),
            Piece::Said(said) => others.push(said),
        }
    }
    let is_nothing = root.is_none() && apart.is_empty() && made.is_empty();
    if is_nothing {
        return None;
    }
    // Without a table there is one row, of constants.
    let mut root = root.unwrap_or_else(|| sketch.add(bare(NodeType::Result), Vec::new(), None));
    for (node_type, purpose) in gathered {
        let mut node = related(node_type, Relationship::Outer);
        set_list(&mut node, Key::Extra, [purpose.as_str()]);
        root = sketch.add(node, vec![root], None);
    }
    for (name, child) in made {
        let node = sketch.node(child);
        node.relationship = Relationship::InitPlan;
        set_text(node, Key::SubplanName, &format!("CTE {name}"));
        sketch.hang(child, root);
    }
    apart.into_iter().for_each(|child| sketch.hang(child, root));
    let others = others.into_iter().map(|said| (said.into(), Box::default()));
    sketch.node(root).others.extend(others);
    Some(root)
}

fn joined(sketch: &mut Sketch, outer: Id, inner: Id, join: &str) -> Id {
    let mut node = bare(NodeType::NestedLoop);
    set_text(&mut node, Key::JoinType, join);
    sketch.node(inner).relationship = Relationship::Inner;
    sketch.add(node, vec![outer, inner], None)
}
