//! What changed between two plans of one statement, and what that gave.
//!
//! Nodes are matched by what they do and to which tables: a scan by the name of its table in the statement, a join, a sort and
//! an aggregate by the tables below it, whatever their order. What has no partner is gone, or new.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHasher};
use serde::Serialize;

use super::times::Basis;
use super::view::PlanView;
use crate::evidence::plan::{Key, Node, NodeType, Plan};

/// The version of the comparison's form.
pub const COMPARISON_VERSION: u32 = 1;

/// What is different between two plans.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanComparison {
    /// [`COMPARISON_VERSION`].
    pub version: u32,
    /// The plan before.
    pub before: PlanTotals,
    /// The plan after.
    pub after: PlanTotals,
    /// Whether both are of one statement; `None` where not both are known.
    pub is_same_statement: Option<bool>,
    /// In which order tables are read, where that changed: before, and after.
    pub order: Option<[Vec<String>; 2]>,
    /// What changed, the largest difference of time first.
    pub changes: Vec<PlanChange>,
}

/// A plan as a whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanTotals {
    /// What the execution took; `None` where it was not measured.
    pub execution_ns: Option<u64>,
    /// What planning took; `None` where that is not told.
    pub planning_ns: Option<u64>,
    /// The planner's estimate of the whole cost.
    pub cost: Option<f64>,
    /// Pages that were looked at; `None` where they are not told.
    pub blocks: Option<u64>,
    /// Rows of the result.
    pub rows: Option<f64>,
}

/// A part of the plans that is different.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanChange {
    /// The node before; `None` where there was none.
    pub before: Option<ComparedNode>,
    /// The node after; `None` where there is none.
    pub after: Option<ComparedNode>,
    /// How it changed, most important first.
    pub kinds: Vec<ChangeKind>,
}

/// What is different about a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It is only in the plan before.
    Gone,
    /// It is only in the plan after.
    New,
    /// A table is read in another way, or by another index.
    Access,
    /// A join is done in another way.
    Method,
    /// At least twice or at most half the rows.
    Rows,
    /// At least twice or at most half the rows were estimated.
    Estimate,
    /// At least twice or at most half the pages.
    Pages,
    /// A notable part of the execution more or less.
    Time,
}

/// A node in a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedNode {
    /// Its number in its plan.
    pub node: u32,
    /// What it does, and by which indexes: `Index Scan by orders_pkey`.
    pub name: String,
    /// What it reads; of others the tables below, at most three of them.
    pub target: String,
    /// Its own share of the time that passed, or of the cost in thousandths.
    pub self_ns: u64,
    /// Rows of all loops.
    pub rows: Option<f64>,
    /// Estimated rows of one loop.
    pub estimated: Option<f64>,
    /// How often it was executed.
    pub loops: u64,
    /// Pages that it looked at by itself.
    pub blocks: u64,
}

/// A difference of time is told that is at least this part of the longer execution, of a hundred.
const SHARE_MIN: u64 = 5;

/// Fewer pages and rows are no difference.
const AMOUNT_MIN: f64 = 100.0;

/// Compares two plans.
pub fn compare(before: &Plan, after: &Plan) -> PlanComparison {
    let (before, after) = (Side::of(before), Side::of(after));
    let longer = before.view.times.execution_ns.max(after.view.times.execution_ns);
    let is_same_basis = before.view.times.basis == after.view.times.basis;
    let notable = if is_same_basis { longer / 100 * SHARE_MIN } else { u64::MAX };
    let mut changes: Vec<PlanChange> = pairs(&before, &after)
        .into_iter()
        .map(|(one, other)| PlanChange {
            kinds: kinds(&before, &after, (one, other), notable),
            before: one.map(|number| before.node(number)),
            after: other.map(|number| after.node(number)),
        })
        .filter(|change| !change.kinds.is_empty())
        .collect();
    let took = |node: &Option<ComparedNode>| node.as_ref().map_or(0, |node| node.self_ns);
    changes.sort_by_key(|change| std::cmp::Reverse(took(&change.before).abs_diff(took(&change.after))));
    let statements = before.view.statement.as_ref().zip(after.view.statement.as_ref());
    PlanComparison {
        version: COMPARISON_VERSION,
        is_same_statement: statements.map(|(one, other)| one.id == other.id),
        order: order(&before, &after),
        before: before.totals(),
        after: after.totals(),
        changes,
    }
}

/// One of the two plans.
struct Side<'a> {
    view: PlanView<'a>,
    /// What stands for the tables below each node, whatever their order.
    tables: Vec<u64>,
}

impl<'a> Side<'a> {
    fn of(plan: &'a Plan) -> Self {
        let view = PlanView::new(plan);
        let mut tables = vec![0_u64; plan.nodes.len()];
        for (number, node) in plan.nodes.iter().enumerate().rev() {
            if is_source(node) {
                tables[number] = tables[number].wrapping_add(hash(node.target().unwrap_or_default()));
            }
            if let Some(parent) = node.parent {
                tables[parent as usize] = tables[parent as usize].wrapping_add(tables[number]);
            }
        }
        Self { view, tables }
    }

    fn totals(&self) -> PlanTotals {
        let (view, root) = (&self.view, self.view.node(0));
        PlanTotals {
            execution_ns: (view.times.basis == Basis::Measured).then_some(view.times.execution_ns),
            planning_ns: view.plan.facts.ns(Key::PlanningTime),
            cost: root.facts.number(Key::TotalCost),
            blocks: view.has_blocks().then(|| root.blocks()),
            rows: root.rows(),
        }
    }

    /// What nodes are matched by.
    fn key(&self, number: u32) -> (Kind, u64) {
        (Kind::of(self.view.node(number)), self.tables[number as usize])
    }

    fn node(&self, number: u32) -> ComparedNode {
        let node = self.view.node(number);
        let own = self.view.target(number);
        ComparedNode {
            node: number,
            name: self.name(number),
            target: if own.is_empty() { self.below(number) } else { own },
            self_ns: self.own_ns(number),
            rows: node.rows(),
            estimated: node.facts.number(Key::PlanRows),
            loops: node.loops(),
            blocks: self.own_blocks(number),
        }
    }

    /// What a node does: of a bitmap with its indexes.
    fn name(&self, number: u32) -> String {
        let node = self.view.node(number);
        let indexes: Vec<&str> =
            self.parts(number).filter_map(|part| self.view.node(part).facts.text(Key::IndexName)).collect();
        match indexes.as_slice() {
            [] => node.title(),
            indexes => format!("{} by {}", node.title(), indexes.join(" and ")),
        }
    }

    /// A node, with the bitmaps below it where it reads a table by them.
    fn parts(&self, number: u32) -> impl Iterator<Item = u32> + '_ {
        let is_bitmap = self.view.node(number).node_type == NodeType::BitmapHeapScan;
        let most = if is_bitmap { usize::MAX } else { 1 };
        let is_part = move |part: &u32| *part == number || Kind::of(self.view.node(*part)) == Kind::Bitmap;
        self.view.subtree(number).take(most).take_while(is_part)
    }

    fn own_ns(&self, number: u32) -> u64 {
        self.parts(number).map(|part| self.view.self_ns(part)).fold(0, u64::saturating_add)
    }

    fn own_blocks(&self, number: u32) -> u64 {
        self.parts(number).map(|part| self.view.self_blocks(part)).fold(0, u64::saturating_add)
    }

    /// Tables below a node, at most three of the first nodes.
    fn below(&self, number: u32) -> String {
        let names = self.view.subtree(number).take(50).filter(|below| is_source(self.view.node(*below)));
        names.take(3).map(|below| self.view.target(below)).collect::<Vec<_>>().join(", ")
    }

    fn sources(&self) -> Vec<String> {
        let sources = self.view.nodes().filter(|(_, node)| is_source(node));
        sources.map(|(number, _)| self.view.target(number)).collect()
    }
}

/// What a node is for, so that another kind of node may stand in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// Reads a table or another source of rows.
    Source,
    Bitmap,
    Join,
    Sort,
    Groups,
    Limit,
    Gather,
    Kept,
    Other(u64),
}

impl Kind {
    fn of(node: &Node) -> Self {
        match &node.node_type {
            NodeType::BitmapIndexScan | NodeType::BitmapAnd | NodeType::BitmapOr => Self::Bitmap,
            _ if is_source(node) => Self::Source,
            node_type if node_type.is_join() => Self::Join,
            node_type if node_type.is_gather() => Self::Gather,
            NodeType::Sort | NodeType::IncrementalSort => Self::Sort,
            NodeType::Aggregate | NodeType::Group | NodeType::Unique => Self::Groups,
            NodeType::Limit => Self::Limit,
            NodeType::Hash | NodeType::Materialize | NodeType::Memoize => Self::Kept,
            other => Self::Other(hash(other.name())),
        }
    }
}

/// Whether a node reads rows by itself, and names what it reads.
fn is_source(node: &Node) -> bool {
    let is_bitmap = node.node_type == NodeType::BitmapIndexScan;
    node.target().is_some() && !is_bitmap && node.node_type != NodeType::ModifyTable
}

fn hash(text: &str) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = FxHasher::default();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Nodes of both plans that do the same, in the order of the plan before; then what is new.
fn pairs(before: &Side<'_>, after: &Side<'_>) -> Vec<(Option<u32>, Option<u32>)> {
    let told = |side: &Side<'_>| -> Vec<u32> {
        let numbers = side.view.nodes().filter(|(_, node)| Kind::of(node) != Kind::Bitmap);
        numbers.map(|(number, _)| number).collect()
    };
    let mut free: FxHashMap<(Kind, u64), VecDeque<u32>> = FxHashMap::default();
    for number in told(after) {
        free.entry(after.key(number)).or_default().push_back(number);
    }
    let mut pairs: Vec<(Option<u32>, Option<u32>)> = told(before)
        .into_iter()
        .map(|number| (Some(number), free.get_mut(&before.key(number)).and_then(VecDeque::pop_front)))
        .collect();
    let mut new: Vec<u32> = free.into_values().flatten().collect();
    new.sort_unstable();
    pairs.extend(new.into_iter().map(|number| (None, Some(number))));
    pairs
}

fn kinds(
    before: &Side<'_>,
    after: &Side<'_>,
    pair: (Option<u32>, Option<u32>),
    notable: u64,
) -> Vec<ChangeKind> {
    let (one, other) = match pair {
        (Some(one), Some(other)) => (one, other),
        (Some(_), None) => return vec![ChangeKind::Gone],
        (None, _) => return vec![ChangeKind::New],
    };
    let (first, second) = (before.view.node(one), after.view.node(other));
    let is_renamed = before.name(one) != after.name(other);
    let access = match Kind::of(first) {
        Kind::Join => ChangeKind::Method,
        _ => ChangeKind::Access,
    };
    let number = |key: Key| (first.facts.number(key), second.facts.number(key));
    let blocks = (before.own_blocks(one) as f64, after.own_blocks(other) as f64);
    let told = [
        (access, is_renamed),
        (ChangeKind::Rows, differs((first.rows(), second.rows()))),
        (ChangeKind::Estimate, differs(number(Key::PlanRows))),
        (ChangeKind::Pages, differs((Some(blocks.0), Some(blocks.1)))),
        (ChangeKind::Time, before.own_ns(one).abs_diff(after.own_ns(other)) >= notable.max(1)),
    ];
    told.into_iter().filter(|(_, is_so)| *is_so).map(|(kind, _)| kind).collect()
}

/// Whether one number is at least twice another that it is compared with.
fn differs(numbers: (Option<f64>, Option<f64>)) -> bool {
    let (Some(one), Some(other)) = numbers else { return false };
    let (less, more) = (one.min(other), one.max(other));
    more >= AMOUNT_MIN && more >= 2.0 * less
}

/// The order in which tables are read, where the same are read in another one.
fn order(before: &Side<'_>, after: &Side<'_>) -> Option<[Vec<String>; 2]> {
    let (one, other) = (before.sources(), after.sources());
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort_unstable();
        names
    };
    (one != other && sorted(&one) == sorted(&other)).then_some([one, other])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::sketch;

    fn hashed() -> Plan {
        sketch()
            .node(0, NodeType::Sort, 910.0, 100.0, 1)
            .node(1, NodeType::HashJoin, 900.0, 100.0, 1)
            .node(2, NodeType::SeqScan, 500.0, 1e6, 1)
            .text(Key::RelationName, "orders")
            .number(Key::SharedHitBlocks, 20_000.0)
            .node(2, NodeType::Hash, 20.0, 100.0, 1)
            .node(3, NodeType::SeqScan, 20.0, 100.0, 1)
            .text(Key::RelationName, "customers")
            .execution(911.0)
            .plan()
    }

    fn looped() -> Plan {
        sketch()
            .node(0, NodeType::Sort, 31.0, 100.0, 1)
            .node(1, NodeType::NestedLoop, 30.0, 100.0, 1)
            .node(2, NodeType::SeqScan, 20.0, 100.0, 1)
            .text(Key::RelationName, "customers")
            .node(2, NodeType::IndexScan, 0.09, 1.0, 100)
            .text(Key::RelationName, "orders")
            .text(Key::IndexName, "orders_customer")
            .number(Key::SharedHitBlocks, 400.0)
            .execution(32.0)
            .plan()
    }

    #[test]
    fn scans_joins_and_their_order_are_matched() {
        let (before, after) = (hashed(), looped());
        let comparison = compare(&before, &after);
        let told: Vec<(String, String, &[ChangeKind])> = comparison
            .changes
            .iter()
            .map(|change| {
                let name = |node: &Option<ComparedNode>| {
                    node.as_ref().map_or(String::new(), |node| node.name.clone())
                };
                (name(&change.before), name(&change.after), change.kinds.as_slice())
            })
            .collect();
        let scan = "Index Scan by orders_customer".to_owned();
        assert!(told.contains(&(
            "Hash Join".into(),
            "Nested Loop".into(),
            &[ChangeKind::Method, ChangeKind::Time]
        )));
        assert!(told.iter().any(|(one, other, kinds)| one == "Seq Scan"
            && *other == scan
            && kinds.contains(&ChangeKind::Pages)));
        assert!(told.iter().any(|(one, other, _)| one == "Hash" && other.is_empty()));
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(
            comparison.order.map(|[one, _]| one),
            Some(vec!["orders".to_owned(), "customers".to_owned()])
        );
        assert_eq!(comparison.after.execution_ns, Some(32_000_000));
    }

    #[test]
    fn a_plan_is_like_itself() {
        let plan = hashed();
        let comparison = compare(&plan, &plan);
        assert_eq!((comparison.changes, comparison.order), (Vec::new(), None));
    }
}
