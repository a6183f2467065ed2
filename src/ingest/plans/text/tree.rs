//! Which line belongs to which node.
//!
//! The name of a node stands two columns before its properties and before the arrows of what is below it. So a line
//! belongs to the last node whose name begins before the line does. Open nodes are a list here and no recursion.

use std::collections::BTreeMap;

use detectors::evidence::plan::{Facts, Key, Node, NodeType, Plan, Relationship, Value};

use super::lines::Line;
use super::node_line::NodeLine;
use super::rebuilt::Rebuilt;
use super::{apart, property, workers};
use crate::ingest::plans::Unreadable;

/// How lines tell what they belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// By their columns.
    Columns,
    /// Not at all: leading blanks were lost, and nodes are told by their arrows alone.
    Lost,
}

/// A node that may still get lines.
struct Open {
    node: usize,
    column: usize,
}

/// The nodes of one plan as they are read.
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// The line of each node.
    numbers: Vec<u64>,
    open: Vec<Open>,
    /// The line above a node that is planned apart.
    apart: Option<String>,
    /// The worker that properties from a column on are of.
    worker: Option<(usize, usize)>,
    /// Places of workers by their node and number: there may be very many.
    workers: BTreeMap<(usize, u32), usize>,
    /// Lines of keys of aggregates, by their node.
    sets: BTreeMap<usize, Vec<Box<str>>>,
    rebuilt: Option<Rebuilt>,
}

impl Tree {
    pub(super) fn new(root: NodeLine, number: u64, layout: Layout) -> Self {
        Self {
            rebuilt: (layout == Layout::Lost).then(|| Rebuilt::new(&root.node.node_type)),
            open: vec![Open { node: 0, column: root.column }],
            nodes: vec![root.node],
            numbers: vec![number],
            apart: None,
            worker: None,
            workers: BTreeMap::new(),
            sets: BTreeMap::new(),
        }
    }

    /// Whether columns tell nothing.
    pub(super) fn is_lost(&self) -> bool {
        self.rebuilt.is_some()
    }

    /// A node with an arrow.
    pub(super) fn node(&mut self, line: NodeLine, number: u64) -> Result<(), Unreadable> {
        let parent = match &mut self.rebuilt {
            Some(rebuilt) => rebuilt.parent(&line.node.node_type, self.apart.as_deref(), &self.nodes),
            None => {
                self.close(line.column);
                self.open.last().map(|open| open.node)
            }
        };
        let Some(parent) = parent else { return Err(lost(number)) };
        let mut node = line.node;
        node.parent = Some(parent as u32);
        if let Some(name) = self.apart.take() {
            node.relationship = apart::relationship(&name).unwrap_or_default();
            node.facts.set(Key::SubplanName, Value::Text(name.into()));
        }
        self.worker = None;
        self.open.push(Open { node: self.nodes.len(), column: line.column });
        self.nodes.push(node);
        self.numbers.push(number);
        Ok(())
    }

    /// Closes what cannot have a line in a column.
    fn close(&mut self, column: usize) {
        while self.open.last().is_some_and(|open| open.column >= column) {
            self.open.pop();
        }
    }

    /// The line above a node that is planned apart.
    pub(super) fn apart(&mut self, line: Line<'_>) {
        if self.rebuilt.is_none() {
            self.close(line.column);
        }
        self.worker = None;
        self.apart = Some(line.text.to_owned());
    }

    /// A property in a column.
    pub(super) fn property(&mut self, column: usize, text: &str) {
        if self.rebuilt.is_none() {
            self.close(column);
        }
        let Some(at) = self.open.last().map(|open| open.node) else { return };
        let Some(node) = self.nodes.get_mut(at) else { return };
        if let Some((number, rest)) = workers::begins(text) {
            // Before 13 a worker has several lines at one node, one for each kind of property.
            let worker = *self.workers.entry((at, number)).or_insert_with(|| workers::add(node, number));
            // Where blanks are lost, what follows the times of a worker is of that worker.
            let goes_on = self.rebuilt.is_none() || rest.starts_with("actual ");
            self.worker = goes_on.then_some((column, worker));
            return workers::read(node, worker, rest);
        }
        match self.worker {
            Some((start, worker)) if column > start || self.rebuilt.is_some() => {
                workers::read(node, worker, text)
            }
            // Whether keys of an aggregate are grouping sets is known when all are.
            _ if is_set(node, text) => self.sets.entry(at).or_default().push(text.into()),
            _ => of_node(node, text),
        }
    }

    /// The plan with its nodes, once each has what it needs.
    pub(super) fn finish(mut self, mut plan: Plan) -> Result<Plan, Unreadable> {
        let mut inputs = vec![0; self.nodes.len()];
        for at in 1..self.nodes.len() {
            let parent = self.nodes[at].parent.unwrap_or_default() as usize;
            if self.nodes[at].facts.has(Key::SubplanName) {
                continue;
            }
            let relationship = relationship(&self.nodes[parent].node_type, inputs[parent]);
            self.nodes[at].relationship = relationship;
            inputs[parent] += 1;
        }
        for (at, node) in self.nodes.iter_mut().enumerate() {
            let (least, most) = inputs_of(&node.node_type);
            if inputs[at] > most {
                return Err(lost(self.numbers[at]));
            }
            if inputs[at] < least {
                return Err(cut(self.numbers[at], &node.node_type));
            }
            if let Some(sets) = self.sets.remove(&at) {
                grouping_sets(&mut node.facts, sets);
            }
        }
        plan.nodes = self.nodes;
        Ok(plan)
    }
}

/// Whether a line has keys of an aggregate.
fn is_set(node: &Node, text: &str) -> bool {
    node.node_type == NodeType::Aggregate
        && ["Group Key: ", "Hash Key: ", "Sort Key: "].iter().any(|name| text.starts_with(name))
}

/// A property of a node.
fn of_node(node: &mut Node, text: &str) {
    let (head, others) = (&mut node.facts, &mut node.others);
    match target(text) {
        Some(target) if node.node_type == NodeType::ModifyTable => {
            others.push(("Target Tables".into(), target.into()));
        }
        _ => property::read(text, head, others),
    }
}

/// One group key that is not empty is no set.
fn grouping_sets(facts: &mut Facts, sets: Vec<Box<str>>) {
    let keys = match &sets[..] {
        [only] => only.strip_prefix("Group Key: ").filter(|keys| *keys != "()"),
        _ => None,
    };
    let (key, list) = match keys {
        Some(keys) => (Key::GroupKey, super::quoted::list(keys).into_iter().map(Box::from).collect()),
        None => (Key::GroupingSets, sets),
    };
    facts.set(key, Value::List(list.into()));
}

/// A table of many that a statement changes, in the words in which other forms are kept.
fn target(text: &str) -> Option<String> {
    let node = NodeLine::root(Line { column: 0, text })?.node;
    if node.node_type != NodeType::ModifyTable {
        return None;
    }
    // A table that has no other name in the statement is told once.
    let told = |key| match key {
        Key::Alias => node.facts.text(key).or_else(|| node.facts.text(Key::RelationName)),
        _ => node.facts.text(key),
    };
    let named = [Key::RelationName, Key::Schema, Key::Alias];
    let said = named.into_iter().filter_map(|key| Some(format!("{} {}", key.name(), told(key)?)));
    Some(said.collect::<Vec<_>>().join(", "))
}

/// How an input hangs under a node that had so many before.
fn relationship(parent: &NodeType, before: usize) -> Relationship {
    match parent {
        NodeType::Append
        | NodeType::MergeAppend
        | NodeType::BitmapAnd
        | NodeType::BitmapOr
        | NodeType::CustomScan
        | NodeType::ModifyTable => Relationship::Member,
        NodeType::SubqueryScan => Relationship::Subquery,
        _ if before == 0 => Relationship::Outer,
        _ => Relationship::Inner,
    }
}

/// The least and most inputs that a node has.
pub(super) fn inputs_of(node_type: &NodeType) -> (usize, usize) {
    match node_type {
        NodeType::Append
        | NodeType::MergeAppend
        | NodeType::ModifyTable
        | NodeType::CustomScan
        | NodeType::Other(_) => (0, usize::MAX),
        NodeType::BitmapAnd | NodeType::BitmapOr => (1, usize::MAX),
        NodeType::NestedLoop | NodeType::MergeJoin | NodeType::HashJoin | NodeType::RecursiveUnion => (2, 2),
        NodeType::SetOp => (1, 2),
        NodeType::Result | NodeType::ForeignScan => (0, 1),
        NodeType::SeqScan
        | NodeType::SampleScan
        | NodeType::IndexScan
        | NodeType::IndexOnlyScan
        | NodeType::BitmapIndexScan
        | NodeType::TidScan
        | NodeType::TidRangeScan
        | NodeType::FunctionScan
        | NodeType::TableFunctionScan
        | NodeType::ValuesScan
        | NodeType::CteScan
        | NodeType::NamedTuplestoreScan
        | NodeType::WorkTableScan => (0, 0),
        _ => (1, 1),
    }
}

/// What there is to say where blanks were lost and more than one tree fits.
pub(super) fn lost(line: u64) -> Unreadable {
    Unreadable {
        line,
        reason: "where this hangs in the plan cannot be told: the blanks at the beginning of lines are lost or changed; \
                 copy the plan as it is, or use EXPLAIN (FORMAT JSON)"
            .to_owned(),
    }
}

fn cut(line: u64, node_type: &NodeType) -> Unreadable {
    let name = node_type.name();
    Unreadable {
        line,
        reason: format!(
            "{name} lacks what is below it: the plan is cut off or a part is missing; copy all of its lines"
        ),
    }
}
