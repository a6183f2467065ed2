//! What is said of a plan: field names and order are the JSON contract.
//!
//! Unknown values are `None` and written as `null`. No value of the statement is in it: expressions have a question mark in
//! its place.

use serde::Serialize;

use super::times::{Basis, Outside};
use super::view::PlanView;
use crate::evidence::plan::{Engine, Key, Node, Value, shown};
use crate::finding::{Confidence, Fix};

/// The version of the report's form.
pub const VERSION: u32 = 1;

/// Everything that is said of one plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanReport {
    /// `PostgreSQL`.
    pub engine: &'static str,
    /// The statement; `None` where the plan stands alone.
    pub statement: Option<PlanStatement>,
    /// What the times of nodes are.
    pub basis: Basis,
    /// What the execution took; `None` where it was not measured.
    pub execution_ns: Option<u64>,
    /// What planning took; `None` where that is not told.
    pub planning_ns: Option<u64>,
    /// Nodes in preorder.
    pub nodes: Vec<PlanNode>,
    /// What takes time outside of the nodes, the longest first.
    pub outside: Vec<PlanOutside>,
    /// Flaws in the order of what their fixes give back, each millisecond counted once.
    pub problems: Vec<PlanProblem>,
    /// What was considered and is not told, with the reason.
    pub dismissed: Vec<PlanDismissal>,
    /// What the plan does not tell, and how to get it.
    pub missing: Vec<String>,
}

/// A statement without values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanStatement {
    /// Its canonical text.
    pub text: String,
    /// Its id.
    pub shape: String,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanNode {
    /// Number of the node that it hangs under; `None` at the root.
    pub parent: Option<u32>,
    /// `Outer`, `Inner`, `InitPlan`.
    pub relationship: &'static str,
    /// `Hash Left Join`.
    pub name: String,
    /// What it reads: `orders o`.
    pub target: Option<String>,
    /// Index that it reads.
    pub index: Option<String>,
    /// Name of a part that is planned apart.
    pub subplan: Option<String>,
    /// Its own share of the time that passed, or of the cost in thousandths.
    pub self_ns: u64,
    /// With what it waited for.
    pub inclusive_ns: u64,
    /// What its processes spent on it together.
    pub work_ns: u64,
    /// How many processes ran it at once.
    pub processes: u32,
    /// Rows, estimated and given.
    pub rows: PlanRows,
    /// How often it was executed, by all processes; `None` where nothing was executed.
    pub loops: Option<u64>,
    /// Pages that it looked at by itself; `None` where they are not told.
    pub blocks: Option<u64>,
    /// Whether it reads a table, an index or another source of rows, or joins two.
    #[serde(skip)]
    pub is_read_or_join: bool,
    /// Conditions, keys and what else is told, without values, by the names of `EXPLAIN (FORMAT JSON)`.
    pub details: Vec<(String, String)>,
}

/// Rows of a node.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PlanRows {
    /// Estimated, of one loop.
    pub estimated: Option<f64>,
    /// Given, the mean of all loops.
    pub actual: Option<f64>,
    /// Read and taken away by conditions, the mean of all loops.
    pub removed: f64,
}

/// What takes time outside of the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PlanOutside {
    /// What.
    pub what: Outside,
    /// How much.
    pub ns: u64,
}

/// A flaw that is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanProblem {
    /// Stable: detector and a hash of statement and subject.
    pub id: String,
    /// Detector id.
    pub detector: String,
    /// The node to look at.
    pub node: u32,
    /// What it is about.
    pub subject: String,
    /// What its fix is predicted to give back after those before it; `None` where no times were measured.
    pub gain_ns: Option<u64>,
    /// The least and the most that it gives back.
    pub gain_range_ns: Option<[u64; 2]>,
    /// The gain as a part of the execution, or of the estimated cost.
    pub gain_share: f64,
    /// The execution after this fix and those before it, with planning where that is a flaw.
    pub after_ns: Option<u64>,
    /// Pages that its nodes looked at.
    pub blocks: u64,
    /// How sure it is.
    pub confidence: Confidence,
    /// Why it is slow.
    pub why: String,
    /// What to do, the best first.
    pub fix: Vec<Fix>,
    /// How to see that it worked.
    pub check: String,
    /// Other detectors' views of the same time.
    pub also: Vec<String>,
}

/// What was considered and is not told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanDismissal {
    /// Detector id.
    pub detector: String,
    /// Node.
    pub node: u32,
    /// What it was about.
    pub subject: String,
    /// Why it is not told.
    pub reason: String,
}

/// Letters of an outline.
const OUTLINE_MAX: usize = 400;

impl PlanReport {
    /// What a plan joins and reads by what, from the root on. Two executions with one outline do the same in other amounts:
    /// how rows are sorted, grouped and gathered is left out.
    pub(crate) fn outline(&self) -> String {
        let mut outline = String::new();
        for node in self.nodes.iter().filter(|node| node.is_read_or_join) {
            let by = node.index.as_ref().map_or(String::new(), |index| format!(" by {index}"));
            let target = node.target.as_ref().map_or(String::new(), |target| format!(" {target}"));
            let separator = if outline.is_empty() { "" } else { ", " };
            let next = format!("{separator}{}{target}{by}", node.name);
            if outline.len() + next.len() > OUTLINE_MAX {
                outline.push_str(", …");
                break;
            }
            outline.push_str(&next);
        }
        outline
    }

    pub(super) fn new(
        view: &PlanView<'_>,
        problems: Vec<PlanProblem>,
        dismissed: Vec<PlanDismissal>,
    ) -> Self {
        let plan = view.plan;
        let statement = view
            .statement
            .as_ref()
            .map(|shape| PlanStatement { text: shape.text.to_string(), shape: shape.id.to_string() });
        let is_measured = view.times.basis == Basis::Measured;
        Self {
            engine: plan.engine.name(),
            statement,
            basis: view.times.basis,
            execution_ns: is_measured.then_some(view.times.execution_ns).or_else(|| plan.execution_ns()),
            planning_ns: plan.facts.ns(Key::PlanningTime),
            nodes: view.nodes().map(|(number, node)| node_of(view, number, node)).collect(),
            outside: view
                .times
                .outside
                .iter()
                .map(|(what, ns)| PlanOutside { what: *what, ns: *ns })
                .collect(),
            problems,
            dismissed,
            missing: missing(view),
        }
    }
}

fn node_of(view: &PlanView<'_>, number: u32, node: &Node) -> PlanNode {
    let time = view.times.nodes[number as usize];
    let text = |key| node.facts.text(key).map(str::to_owned);
    let target = view.target(number);
    PlanNode {
        parent: node.parent,
        relationship: node.relationship.name(),
        name: node.title(),
        target: (!target.is_empty()).then_some(target),
        index: text(Key::IndexName),
        subplan: text(Key::SubplanName),
        self_ns: time.self_ns,
        inclusive_ns: time.inclusive_ns,
        work_ns: time.work_ns,
        processes: time.processes,
        rows: PlanRows {
            estimated: node.facts.number(Key::PlanRows),
            actual: node.facts.number(Key::ActualRows).filter(|_| node.loops() > 0),
            removed: node.removed(),
        },
        loops: node.facts.has(Key::ActualLoops).then(|| node.loops()),
        blocks: view.has_blocks().then(|| view.self_blocks(number)),
        is_read_or_join: node.node_type.is_join()
            || node.target().is_some()
            || node.facts.has(Key::IndexName),
        details: details(view.engine(), node),
    }
}

/// What is in other fields already.
const SHOWN_ELSEWHERE: [Key; 27] = [
    Key::Strategy,
    Key::PartialMode,
    Key::Operation,
    Key::Command,
    Key::JoinType,
    Key::ScanDirection,
    Key::ParallelAware,
    Key::AsyncCapable,
    Key::Schema,
    Key::RelationName,
    Key::Alias,
    Key::IndexName,
    Key::CteName,
    Key::FunctionName,
    Key::TableFunctionName,
    Key::SubplanName,
    Key::StartupCost,
    Key::ActualStartupTime,
    Key::ActualTotalTime,
    Key::ActualRows,
    Key::ActualLoops,
    Key::PlanRows,
    Key::SharedHitBlocks,
    Key::LocalHitBlocks,
    Key::LocalReadBlocks,
    Key::Output,
    Key::CustomPlanProvider,
];

/// What else is told of a node, in the order of the keys.
fn details(engine: Engine, node: &Node) -> Vec<(String, String)> {
    let mut told: Vec<(Key, &Value)> =
        node.facts.iter().filter(|(key, _)| !SHOWN_ELSEWHERE.contains(key)).collect();
    told.sort_unstable_by_key(|(key, _)| *key);
    let known = told.into_iter().map(|(key, value)| {
        let text = match value {
            Value::Number(number) => number.to_string(),
            Value::Text(text) => shown(text, engine),
            Value::List(texts) => texts.iter().map(|text| shown(text, engine)).collect::<Vec<_>>().join(", "),
            Value::Yes => "true".to_owned(),
        };
        (key.name().to_owned(), text)
    });
    known.collect()
}

/// What would let more be said.
fn missing(view: &PlanView<'_>) -> Vec<String> {
    let mut missing = Vec::new();
    if view.engine() != Engine::PostgreSql {
        return missing;
    }
    if !view.plan.is_executed() {
        missing.push("not executed: no time and no row was counted; EXPLAIN (ANALYZE, BUFFERS) does (it runs the statement)".to_owned());
    } else if view.times.basis != Basis::Measured {
        missing.push("no times of nodes: TIMING was off".to_owned());
    }
    if view.plan.is_executed() && !view.has_blocks() {
        missing.push("no pages: BUFFERS tells what was read and what was found in memory".to_owned());
    }
    if view.statement.is_none() {
        missing.push(
            "no statement: with its text, index advice can use its order and limit; put it above the plan"
                .to_owned(),
        );
    }
    missing
}
