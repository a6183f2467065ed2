//! Plans for tests, written down as sketches.

use crate::evidence::plan::{Facts, Key, Node, NodeType, Plan, Relationship, Value};
use crate::settings::Settings;

use super::judge::judge_by;
use super::report::{PlanProblem, PlanReport};

/// A plan in the making: nodes are added in preorder, each with its depth.
pub(crate) struct Sketch {
    plan: Plan,
    /// The last node at each depth.
    open: Vec<u32>,
}

/// An empty plan.
pub(crate) fn sketch() -> Sketch {
    Sketch { plan: Plan::default(), open: Vec::new() }
}

impl Sketch {
    /// Adds a node that took so many milliseconds with what is below, gave so many rows, and ran so often; time and rows
    /// are of one loop.
    pub(crate) fn node(self, depth: usize, node_type: NodeType, ms: f64, rows: f64, loops: u32) -> Self {
        self.bare(depth, node_type)
            .number(Key::ActualTotalTime, ms)
            .number(Key::ActualRows, rows)
            .number(Key::PlanRows, rows)
            .number(Key::ActualLoops, f64::from(loops))
    }

    /// Adds a node of which nothing is told.
    pub(crate) fn bare(mut self, depth: usize, node_type: NodeType) -> Self {
        let number = self.plan.nodes.len() as u32;
        self.open.truncate(depth);
        let parent = self.open.last().copied();
        let is_second = |parent: u32| {
            let parent_type = &self.plan.nodes[parent as usize].node_type;
            parent_type.is_join() && self.plan.nodes.iter().any(|node| node.parent == Some(parent))
        };
        let relationship = match parent {
            Some(parent) if is_second(parent) => Relationship::Inner,
            _ => Relationship::Outer,
        };
        self.plan.nodes.push(Node { node_type, parent, relationship, ..Node::default() });
        self.open.push(number);
        self
    }

    fn facts(&mut self) -> &mut Facts {
        let last = self.plan.nodes.len() - 1;
        &mut self.plan.nodes[last].facts
    }

    /// A number of the node that was added last.
    pub(crate) fn number(mut self, key: Key, number: f64) -> Self {
        self.facts().set(key, Value::Number(number));
        self
    }

    /// A text of the node that was added last.
    pub(crate) fn text(mut self, key: Key, text: &str) -> Self {
        self.facts().set(key, Value::Text(text.into()));
        self
    }

    /// Texts of the node that was added last.
    pub(crate) fn list(mut self, key: Key, texts: &[&str]) -> Self {
        self.facts().set(key, Value::List(texts.iter().map(|text| (*text).into()).collect()));
        self
    }

    /// Something that is so of the node that was added last.
    pub(crate) fn flag(mut self, key: Key) -> Self {
        self.facts().set(key, Value::Yes);
        self
    }

    /// How the node that was added last hangs under its parent, and its name if it is planned apart.
    pub(crate) fn apart(mut self, relationship: Relationship, name: &str) -> Self {
        let last = self.plan.nodes.len() - 1;
        self.plan.nodes[last].relationship = relationship;
        self.text(Key::SubplanName, name)
    }

    /// What the whole took, in milliseconds.
    pub(crate) fn execution(mut self, ms: f64) -> Self {
        self.plan.facts.set(Key::ExecutionTime, Value::Number(ms));
        self
    }

    /// Changes what is told of the whole.
    pub(crate) fn whole(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(&mut self.plan);
        self
    }

    /// The plan.
    pub(crate) fn plan(self) -> Plan {
        self.plan
    }

    /// What is said of it, but for the index that it lacks: that goes before other words for the same time.
    pub(crate) fn judged(self) -> PlanReport {
        judge_by(&self.plan, &Settings::default(), |detector| detector.id != "missing-index")
    }

    /// What is said of it by all detectors.
    pub(crate) fn judged_by_all(self) -> PlanReport {
        judge_by(&self.plan, &Settings::default(), |_| true)
    }
}

/// A plan that was not executed: depth, type, total cost and estimated rows of each node.
pub(crate) fn planned(nodes: &[(usize, NodeType, f64, f64)]) -> Plan {
    let add = |sketch: Sketch, (depth, node_type, cost, rows): &(usize, NodeType, f64, f64)| {
        sketch.node(*depth, node_type.clone(), 0.0, *rows, 0).number(Key::TotalCost, *cost)
    };
    let mut plan = nodes.iter().fold(sketch(), add).plan();
    for node in &mut plan.nodes {
        let measured = [Key::ActualTotalTime, Key::ActualRows, Key::ActualLoops];
        measured.into_iter().for_each(|key| node.facts.remove(key));
    }
    plan
}

impl PlanReport {
    /// The only flaw that a detector tells.
    pub(crate) fn only(&self, detector: &str) -> &PlanProblem {
        let mut told = self.problems.iter().filter(|problem| problem.detector == detector);
        match (told.next(), told.next()) {
            (Some(problem), None) => problem,
            _ => panic!("{detector} does not tell one flaw: {:#?}", self.problems),
        }
    }

    /// Refuses flaws that a detector tells.
    pub(crate) fn silent(&self, detector: &str) {
        let told = self.problems.iter().find(|problem| problem.detector == detector);
        assert!(told.is_none(), "{told:#?}");
    }
}
