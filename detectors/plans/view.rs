//! What a detector sees of a plan.

use crate::evidence::plan::{Engine, Key, Node, Plan, shown};
use crate::evidence::shape::Shape;
use crate::evidence::shape::sql::Lexer;

use super::early::may_stop_early;
use super::times::Times;

/// A plan with what is worked out once for all detectors.
#[derive(Debug)]
pub struct PlanView<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Where its time goes.
    pub times: Times,
    /// The statement, where it stands beside the plan.
    pub statement: Option<Shape>,
    children: Vec<u32>,
    /// Where the children of each node begin in `children`; one more than there are nodes.
    firsts: Vec<u32>,
    ends: Vec<u32>,
    stops: Vec<bool>,
    has_blocks: bool,
}

impl<'a> PlanView<'a> {
    /// Looks at a plan.
    pub fn new(plan: &'a Plan) -> Self {
        let ends = ends(plan);
        let (firsts, children) = children(plan);
        let dialect = crate::evidence::plan::dialect(plan.engine);
        let statement =
            plan.statement.as_deref().map(|text| Lexer::default().describe(text.as_bytes(), dialect));
        let (times, stops) = (Times::of(plan, &ends), may_stop_early(plan));
        let has_blocks = plan.nodes.iter().any(|node| node.blocks() > 0);
        Self { plan, times, statement, children, firsts, ends, stops, has_blocks }
    }

    /// All nodes with their numbers.
    pub fn nodes(&self) -> impl Iterator<Item = (u32, &'a Node)> + use<'a> {
        (0..).zip(&self.plan.nodes)
    }

    /// A node by its number.
    pub fn node(&self, number: u32) -> &'a Node {
        &self.plan.nodes[number as usize]
    }

    /// Numbers of the nodes right below one, in their order.
    pub fn children(&self, number: u32) -> &[u32] {
        let at = |number: u32| self.firsts[number as usize] as usize;
        &self.children[at(number)..at(number + 1)]
    }

    /// Its inputs: the children that are not planned apart.
    pub fn inputs(&self, number: u32) -> impl Iterator<Item = u32> + '_ {
        self.children(number).iter().copied().filter(|child| !self.node(*child).relationship.is_apart())
    }

    /// A node and all below it.
    pub fn subtree(&self, number: u32) -> impl Iterator<Item = u32> + use<> {
        number..self.ends[number as usize]
    }

    /// The number after the last node below one: where it was claimed with all below, the next to look at.
    pub fn end(&self, number: u32) -> u32 {
        self.ends[number as usize]
    }

    /// Whether a node may have been stopped before it had given all its rows.
    pub fn may_stop_early(&self, number: u32) -> bool {
        self.stops[number as usize]
    }

    /// The nodes that one hangs under, from the nearest to the root.
    pub fn ancestors(&self, number: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.node(number).parent, |parent| self.node(*parent).parent)
    }

    /// What a node took by itself.
    pub fn self_ns(&self, number: u32) -> u64 {
        self.times.nodes[number as usize].self_ns
    }

    /// What a node took with what it waited for.
    pub fn inclusive_ns(&self, number: u32) -> u64 {
        self.times.nodes[number as usize].inclusive_ns
    }

    /// Whether pages are told of.
    pub fn has_blocks(&self) -> bool {
        self.has_blocks
    }

    /// Pages that a node looked at by itself: what it tells without what those below it tell.
    pub fn self_blocks(&self, number: u32) -> u64 {
        let below = self.children(number).iter().filter(|child| self.node(**child).makes_cte().is_none());
        let below = below.map(|child| self.node(*child).blocks()).fold(0, u64::saturating_add);
        self.node(number).blocks().saturating_sub(below)
    }

    /// What it reads: `orders`, or `orders o` where the statement names it otherwise.
    pub fn target(&self, number: u32) -> String {
        let facts = &self.node(number).facts;
        let named =
            [Key::RelationName, Key::CteName, Key::FunctionName].into_iter().find_map(|key| facts.text(key));
        match (named, facts.text(Key::Alias)) {
            (Some(name), Some(alias)) => format!("{name} {alias}"),
            (Some(name), None) | (None, Some(name)) => name.to_owned(),
            (None, None) => String::new(),
        }
    }

    /// An expression of a node without its values.
    pub fn expression(&self, number: u32, key: Key) -> Option<String> {
        self.node(number).facts.text(key).map(|text| shown(text, self.plan.engine))
    }

    /// What has made the plan.
    pub fn engine(&self) -> Engine {
        self.plan.engine
    }
}

/// The number after the last node below each.
fn ends(plan: &Plan) -> Vec<u32> {
    let mut ends: Vec<u32> = (1..=plan.nodes.len() as u32).collect();
    for number in (1..plan.nodes.len()).rev() {
        if let Some(parent) = plan.nodes[number].parent {
            let parent = parent as usize;
            ends[parent] = ends[parent].max(ends[number]);
        }
    }
    ends
}

fn children(plan: &Plan) -> (Vec<u32>, Vec<u32>) {
    let mut firsts = vec![0_u32; plan.nodes.len() + 1];
    for parent in plan.nodes.iter().filter_map(|node| node.parent) {
        firsts[parent as usize + 1] += 1;
    }
    for number in 1..firsts.len() {
        firsts[number] += firsts[number - 1];
    }
    let mut next = firsts.clone();
    let mut children = vec![0_u32; plan.nodes.len().saturating_sub(1)];
    for (number, node) in plan.nodes.iter().enumerate() {
        if let Some(parent) = node.parent {
            let place = &mut next[parent as usize];
            if let Some(slot) = children.get_mut(*place as usize) {
                *slot = number as u32;
            }
            *place += 1;
        }
    }
    (firsts, children)
}
