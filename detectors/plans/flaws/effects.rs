//! What wrong estimates of rows lead to in a plan.

use std::collections::BTreeMap;

use crate::evidence::plan::{Key, Node, NodeType, Relationship};
use crate::figures::count;
use crate::plans::estimates::{Estimates, hands_on};
use crate::plans::{PlanView, Problem};
use crate::settings::{Setting, Values};

use super::{left, rows, tables};

/// A side with at most so many rows could be looked up in the other table.
const FEW_ROWS: f64 = 1_000.0;

/// Where rows were expected, but that is read for each of those few.
const READ_FOR_EACH: f64 = 100.0;

pub(super) const ROWS_MIN: Setting = Setting {
    name: "rows_min",
    unit: "rows in all",
    default: 1_000,
    why: "whatever is done with fewer rows takes a few milliseconds",
};

pub(super) const LOOPS_MIN: Setting = Setting {
    name: "loops_min",
    unit: "executions of the second side of a nested loop",
    default: 1_000,
    why: "a thousand lookups take a few milliseconds",
};

/// What an error leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    /// A nested loop whose second side is executed far more often than expected.
    Loops { join: u32, inner: u32 },
    /// A hash table in more batches than planned.
    Batches { hash: u32 },
    /// A side of a hash join that is read whole for a few rows.
    Whole { side: u32 },
}

/// From when on an error counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// So many times more or fewer rows.
    pub(super) factor: f64,
    /// So many rows in all.
    pub(super) rows: f64,
    /// So many executions of the second side of a nested loop.
    pub(super) loops: u64,
    /// Where it may begin.
    pub(super) origins: Origins,
}

impl Limits {
    /// As the settings of a detector say, which has [`ROWS_MIN`] and [`LOOPS_MIN`] among its own.
    pub(super) fn of(settings: Values<'_>, factor: &Setting, origins: Origins) -> Self {
        Self {
            factor: settings.get(factor) as f64,
            rows: settings.get(&ROWS_MIN) as f64,
            loops: settings.get(&LOOPS_MIN),
            origins,
        }
    }
}

/// Nodes where errors may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origins {
    /// Scans without a condition.
    PlainScans,
    /// All others.
    Others,
}

/// What errors lead to and where they begin; what is claimed for one is not claimed for another.
pub(super) fn found(view: &PlanView<'_>, estimates: &Estimates, limits: Limits) -> Vec<(Effect, u32)> {
    let mut found = Search { view, estimates, limits }.effects();
    let mut next = 0;
    found.retain(|(effect, _)| {
        let is_free = effect.first() >= next;
        if is_free {
            next = effect.end(view);
        }
        is_free
    });
    found
}

impl Effect {
    /// The node from which on nodes are claimed.
    fn first(self) -> u32 {
        match self {
            Self::Loops { inner: first, .. }
            | Self::Batches { hash: first }
            | Self::Whole { side: first } => first,
        }
    }

    fn end(self, view: &PlanView<'_>) -> u32 {
        match self {
            Self::Batches { hash } => hash + 1,
            _ => view.end(self.first()),
        }
    }
}

struct Search<'a> {
    view: &'a PlanView<'a>,
    estimates: &'a Estimates,
    limits: Limits,
}

impl Search<'_> {
    /// What errors lead to, in the order of the nodes, each with the node where the largest of the errors begins.
    fn effects(&self) -> Vec<(Effect, u32)> {
        let leads_to = self.leads_to();
        let mut worst: BTreeMap<(u32, Effect), u32> = BTreeMap::new();
        for (number, _) in self.view.nodes() {
            let (Some(effect), true) = (leads_to[number as usize], self.begins(number)) else { continue };
            let origin = worst.entry((effect.first(), effect)).or_insert(number);
            if self.size(number) > self.size(*origin) {
                *origin = number;
            }
        }
        worst.into_iter().map(|((_, effect), origin)| (effect, origin)).collect()
    }

    fn size(&self, number: u32) -> f64 {
        self.estimates.own(self.view, number).abs()
    }

    fn least(&self) -> f64 {
        self.limits.factor.max(1.0).log10()
    }

    /// Whether an error that counts begins at a node.
    fn begins(&self, number: u32) -> bool {
        let node = self.view.node(number);
        let (own, off) = (self.estimates.own(self.view, number), self.estimates.off(number));
        let per_loop = |key| node.facts.number(key).unwrap_or(0.0);
        let most = per_loop(Key::PlanRows).max(per_loop(Key::ActualRows)) * node.loops() as f64;
        let is_far = own.abs() >= self.least() && off.abs() >= self.least() && own.signum() == off.signum();
        is_far && most >= self.limits.rows && is_plain(node) == (self.limits.origins == Origins::PlainScans)
    }

    /// What an error at each node leads to: the nearest join or hash table above that its rows go into.
    fn leads_to(&self) -> Vec<Option<Effect>> {
        let mut leads: Vec<Option<Effect>> = Vec::with_capacity(self.view.plan.nodes.len());
        for (number, node) in self.view.nodes() {
            let effect = node.parent.filter(|_| !node.relationship.is_apart()).and_then(|parent| {
                let handed_on = || if ends(self.view.node(parent)) { None } else { leads[parent as usize] };
                self.effect(parent, number).or_else(handed_on)
            });
            leads.push(effect);
        }
        leads
    }

    /// What it leads to at its parent that the rows of a node were estimated wrongly.
    fn effect(&self, parent: u32, number: u32) -> Option<Effect> {
        let above = self.view.node(parent);
        let (off, is_outer) =
            (self.estimates.off(number), self.view.node(number).relationship == Relationship::Outer);
        match above.node_type {
            NodeType::NestedLoop if is_outer && off >= self.least() => self.loops(parent),
            NodeType::Hash if off >= self.least() && is_cut(above) => Some(Effect::Batches { hash: parent }),
            NodeType::HashJoin if off <= -self.least() => self.whole(parent, number),
            _ => None,
        }
    }

    fn loops(&self, join: u32) -> Option<Effect> {
        let inner = self.view.inputs(join).nth(1)?;
        let is_often = self.view.node(inner).loops() >= self.limits.loops;
        is_often.then_some(Effect::Loops { join, inner })
    }

    /// The other side of a hash join, if it is read for few rows.
    fn whole(&self, join: u32, number: u32) -> Option<Effect> {
        let side = self.view.inputs(join).find(|input| *input != number)?;
        let few = self.view.node(number).rows()?;
        let many = self.view.node(side).rows()?;
        let is_read = few <= FEW_ROWS && many >= READ_FOR_EACH * few.max(1.0) && self.reads_whole(side);
        is_read.then_some(Effect::Whole { side })
    }

    /// Whether a side is one table, read whole.
    fn reads_whole(&self, side: u32) -> bool {
        let mut at = Some(side);
        while let Some(number) = at.filter(|number| hands_on(&self.view.node(*number).node_type)) {
            at = self.view.inputs(number).next();
        }
        at.is_some_and(|number| self.view.node(number).node_type == NodeType::SeqScan)
    }
}

/// A scan without a condition, whose rows are those of the table.
fn is_plain(node: &Node) -> bool {
    let conditions = [Key::Filter, Key::IndexCond, Key::RecheckCond, Key::TidCond];
    node.node_type.is_table_scan() && !conditions.into_iter().any(|key| node.facts.has(key))
}

fn is_cut(hash: &Node) -> bool {
    let batches = hash.facts.count(Key::HashBatches);
    batches > hash.facts.number(Key::OriginalHashBatches).map_or(batches, |planned| planned as u64)
}

/// Whether rows above a node do not grow with those below it.
fn ends(node: &Node) -> bool {
    matches!(
        node.node_type,
        NodeType::Aggregate | NodeType::Group | NodeType::Unique | NodeType::SetOp | NodeType::Limit
    )
}

/// How many rows were expected and came.
pub(super) fn numbers(view: &PlanView<'_>, origin: u32) -> String {
    let node = view.node(origin);
    let number = |key| node.facts.number(key).unwrap_or(0.0);
    let of_loops =
        if node.loops() > 1 { format!(" in each of {} loops", count(node.loops())) } else { String::new() };
    format!(
        "{} rows were expected{of_loops} and {} came",
        rows(number(Key::PlanRows)),
        rows(number(Key::ActualRows))
    )
}

/// Claims what an error has led to, and puts it into words.
pub(super) fn claim(
    view: &PlanView<'_>,
    estimates: &Estimates,
    effect: Effect,
    problem: &mut Problem,
) -> String {
    match effect {
        Effect::Loops { join, inner } => {
            let outer = view.inputs(join).next().unwrap_or(join);
            let expected = left(1.0, 10_f64.powf(estimates.off(outer))).max(50);
            problem.claim_all(view.subtree(inner), expected, 1000);
            format!(
                "the nested loop was chosen for few rows, and looks up {} times",
                count(view.node(inner).loops())
            )
        }
        Effect::Batches { hash } => {
            problem.claim(hash, 350, 800);
            let batches = view.node(hash).facts.count(Key::HashBatches);
            format!("the hash table had to be cut into {} batches, through temporary files", count(batches))
        }
        Effect::Whole { side } => {
            problem.claim_all(view.subtree(side), 50, 1000);
            let read = view.node(side).rows().unwrap_or(0.0);
            format!("{} rows of {} are read for them, where lookups might do", rows(read), tables(view, side))
        }
    }
}
