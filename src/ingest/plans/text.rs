//! PostgreSQL's text form, of 9.6 to 18, with every option, as `EXPLAIN` prints it by default.
//!
//! A line is a node, a property of one, the beginning of a part (a worker, a plan that is made apart, planning, JIT), or
//! told of the whole. What a line belongs to, its indentation says: see [`tree`]. Source: `ExplainNode` and below in
//! `src/backend/commands/explain.c`.

mod apart;
mod lines;
mod measured;
mod node_line;
mod property;
mod quoted;
mod rebuilt;
mod target;
mod tree;
mod whole;
mod workers;

use detectors::evidence::plan::{Plan, Value};

use super::{Found, PlanForm, Plans, Unreadable};
use lines::{Line, Lines};
use node_line::NodeLine;
use tree::{Layout, Tree};
use whole::Whole;

pub(super) const FORM: PlanForm = PlanForm {
    name: "postgresql-text",
    summary: "PostgreSQL `EXPLAIN` in text, also as `auto_explain` logs it",
    evidence: "recorded from PostgreSQL 10 to 18",
    read,
};

fn read(text: &str) -> Option<Plans> {
    let lines = Lines::of(text);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((root, start)) = next_root(&lines, at) {
        let (mut plan, end) = match plan(&lines, root, &start) {
            Ok(read) => read,
            Err(unreadable) => return Some(Err(unreadable)),
        };
        whole::head(&lines, at..root, &mut plan);
        found.push(Found { plan, form: FORM.name, line: lines.number(root) });
        at = end;
    }
    match found.is_empty() {
        false => Some(Ok(found)),
        true => beheaded(&lines).map(Err),
    }
}

/// Whether a node, a property or a part of the whole begins in a line; otherwise it goes on with the line before.
pub(super) fn begins_line(text: &str) -> bool {
    let Some(line) = Lines::of(text).first() else { return true };
    let is_node =
        || line.text.starts_with("->  ") || NodeLine::root(line).is_some_and(|node| node.is_measured);
    let is_property = property::is_known(line.text) || line.column > 1 && property::is_one(line.text);
    line.text.is_empty()
        || is_property
        || is_node()
        || apart::is_one(line.text)
        || workers::begins(line.text).is_some()
}

/// Whether a line is told of the whole, or begins a plan.
pub(super) fn is_of_whole(text: &str) -> bool {
    let is_root = || Lines::of(text).first().and_then(NodeLine::root).is_some_and(|node| node.is_measured);
    whole::is_known(text) || is_root()
}

/// The next line that a plan begins with: a node without an arrow.
///
/// One without costs looks like words of a text: it counts if something of it follows, or if it stands alone.
fn next_root<'a>(lines: &Lines<'a>, from: usize) -> Option<(usize, NodeLine)> {
    (from..lines.len()).find_map(|at| {
        let line = lines.at(at);
        let node = NodeLine::root(line)?;
        let is_one = node.is_measured || follows(lines, at, line) || (from == 0 && lines.is_alone(at));
        is_one.then_some((at, node))
    })
}

/// Whether the line behind a root without costs is a part of it.
fn follows(lines: &Lines<'_>, root: usize, line: Line<'_>) -> bool {
    let next = (root + 1..lines.len()).map(|at| lines.at(at)).find(|next| !next.text.is_empty());
    let is_part = |text: &str| text.starts_with("->") || property::is_known(text) || apart::is_one(text);
    next.is_some_and(|next| is_part(next.text) || next.column > line.column && property::is_one(next.text))
}

/// What there is to say where nodes hang under none.
fn beheaded(lines: &Lines<'_>) -> Option<Unreadable> {
    let first = (0..lines.len()).find(|at| {
        let line = lines.at(*at);
        line.text.starts_with("->") && NodeLine::of(line).is_some_and(|node| node.has_width)
    })?;
    Some(Unreadable {
        line: lines.number(first),
        reason: "a node hangs under none: this is a part of a plan; copy it from its first line, which has no arrow"
            .to_owned(),
    })
}

/// The plan that begins at a line, and where it ends.
///
/// Where leading blanks were lost, all arrows stand in one column; then what a node can have below says where it hangs.
fn plan(lines: &Lines<'_>, root: usize, start: &NodeLine) -> Result<(Plan, usize), Unreadable> {
    let reader = |layout| Reader::new(lines, root, start, layout).read();
    let by_column = reader(Layout::Columns);
    match &by_column {
        Err(_) if lines.is_flat(root) => reader(Layout::Lost).or(by_column),
        _ => by_column,
    }
}

/// Reads one plan, line by line.
struct Reader<'a> {
    lines: &'a Lines<'a>,
    root: usize,
    at: usize,
    tree: Tree,
    whole: Whole,
    is_after_gap: bool,
}

impl<'a> Reader<'a> {
    fn new(lines: &'a Lines<'a>, root: usize, start: &NodeLine, layout: Layout) -> Self {
        let column = lines.at(root).column;
        let tree = Tree::new(start.clone(), lines.number(root), layout);
        Self { lines, root, at: root + 1, tree, whole: Whole::new(column), is_after_gap: false }
    }

    fn read(mut self) -> Result<(Plan, usize), Unreadable> {
        while self.at < self.lines.len() {
            let line = self.lines.at(self.at);
            if line.text.is_empty() {
                self.is_after_gap = true;
            } else if !self.line(line)? {
                break;
            }
            self.at += 1;
        }
        let end = self.at;
        let mut plan = self.tree.finish(self.whole.plan)?;
        super::agreement::normalise(&mut plan);
        Ok((plan, end))
    }

    /// Whether the line belongs to the plan.
    fn line(&mut self, line: Line<'a>) -> Result<bool, Unreadable> {
        let number = self.lines.number(self.at);
        if line.text.starts_with("->")
            && let Some(node) = NodeLine::of(line)
        {
            return self.tree.node(node, number).map(|()| true);
        }
        let is_below = line.column > self.lines.at(self.root).column;
        if !is_below && NodeLine::root(line).is_some_and(|node| node.is_measured) {
            return Ok(false);
        }
        let is_apart = apart::is_one(line.text);
        if is_below && !self.whole.is_open(line.column) || self.tree.is_lost() && is_apart {
            self.of_node(line, is_apart);
            return Ok(true);
        }
        if !self.tree.is_lost() && self.whole.is_foreign(line.text) {
            return Err(tree::lost(number));
        }
        if self.whole.line(line, self.is_after_gap || self.tree.is_lost()) {
            return Ok(true);
        }
        let is_property = self.tree.is_lost() && property::is_one(line.text);
        if is_property {
            self.of_node(line, false);
        }
        Ok(is_property)
    }

    fn of_node(&mut self, line: Line<'a>, is_apart: bool) {
        if is_apart {
            return self.tree.apart(line);
        }
        let (text, more) = self.lines.whole_text(self.at);
        self.at += more;
        self.tree.property(line.column, &text);
    }
}

/// Whether a text has a word in it that ends there: `SubPlan 1` is not in `SubPlan 12`.
fn mentions(value: &Value, word: &str) -> bool {
    let is_in = |text: &str| {
        let ends = text.match_indices(word).map(|(at, _)| &text[at + word.len()..]);
        ends.into_iter()
            .any(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_'))
    };
    match value {
        Value::Text(text) => is_in(text),
        Value::List(list) => list.iter().any(|text| is_in(text)),
        _ => false,
    }
}
