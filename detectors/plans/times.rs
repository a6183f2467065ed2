//! The time of a plan, each part of it charged once.
//!
//! PostgreSQL tells for each node the mean time of a loop with all that ran meanwhile, in all processes. Here that is
//! turned into shares of the time that passed: each node's own, and what lies outside of the tree. They sum to the execution
//! time. Where parts claim more than the whole (means are rounded, and a mean of a million loops is rounded a million
//! times), each gives up the same share.
//!
//! Plans that were not executed have costs instead, which are charged in the same way; see [`Basis`].

use crate::evidence::plan::{Key, Node, NodeType, Plan, Relationship};

use super::charges::{Charge, charges, expected_charges};
use super::regions::{Region, regions, scaled};

/// What the numbers of [`Times`] are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Nanoseconds that were measured.
    Measured,
    /// A thousandth of a unit of the planner's cost: an estimate, and of no clock.
    Estimated,
    /// There are neither times nor costs.
    #[default]
    None,
}

/// The time of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NodeTime {
    /// Its own share of the time that passed. All nodes together make up the root's time.
    pub self_ns: u64,
    /// With what it waited for.
    pub inclusive_ns: u64,
    /// What its processes spent on it together: more than `self_ns` in parallel parts.
    pub work_ns: u64,
    /// How many processes ran it at once.
    pub processes: u32,
}

/// What takes time of an execution outside of its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outside {
    /// Triggers that run once the rows are changed: foreign keys, `AFTER` triggers.
    Triggers,
    /// Bringing rows into the form of the protocol.
    Serialization,
    /// Common table expressions that change rows and that nobody reads.
    UnreadExpressions,
    /// Starting and ending the execution, and what is not measured.
    Unexplained,
}

/// Where the time of a plan went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Times {
    /// What the numbers are.
    pub basis: Basis,
    /// Of each node.
    pub nodes: Vec<NodeTime>,
    /// The whole execution; in a plan that was not executed, the cost of its root.
    pub execution_ns: u64,
    /// What lies outside of the tree, the largest first. With the nodes' own times it sums to `execution_ns`.
    pub outside: Vec<(Outside, u64)>,
}

impl Times {
    /// The times of a plan, whose nodes' subtrees end before `ends`.
    pub(super) fn of(plan: &Plan, ends: &[u32]) -> Self {
        let basis = match plan.nodes.first() {
            Some(_) if plan.is_timed() => Basis::Measured,
            Some(root) if root.facts.has(Key::TotalCost) => Basis::Estimated,
            _ => return Self { nodes: vec![NodeTime::default(); plan.nodes.len()], ..Self::default() },
        };
        let regions = regions(plan);
        let (took, charges) = match basis {
            Basis::Measured => {
                let took = measured(plan, &regions);
                let charges = charges(plan, ends, &took);
                (took, charges)
            }
            _ => {
                let took = estimated(plan);
                let charges = expected_charges(plan, &took);
                (took, charges)
            }
        };
        let granted = Granted::of(&took, &charges);
        let node = |number: usize| NodeTime {
            self_ns: granted.own[number],
            inclusive_ns: granted.all[number],
            work_ns: regions[number].work(granted.own[number]),
            processes: regions[number].processes,
        };
        let mut times = Self { basis, nodes: (0..took.len()).map(node).collect(), ..Self::default() };
        times.set_outside(plan, granted.all[0], granted.unpaid);
        times
    }

    fn set_outside(&mut self, plan: &Plan, root_ns: u64, unread_ns: u64) {
        let told = match self.basis {
            Basis::Measured => plan.execution_ns().unwrap_or(0),
            _ => 0,
        };
        self.execution_ns = told.max(root_ns.saturating_add(unread_ns));
        let mut left = self.execution_ns - root_ns;
        let triggers = plan.triggers.iter().filter_map(|trigger| trigger.ns(Key::Time));
        let parts = [
            (Outside::UnreadExpressions, unread_ns),
            (Outside::Triggers, triggers.fold(0, u64::saturating_add)),
            (Outside::Serialization, plan.serialization.ns(Key::Time).unwrap_or(0)),
            (Outside::Unexplained, u64::MAX),
        ];
        for (what, claimed) in parts {
            let ns = claimed.min(left);
            left -= ns;
            if ns > 0 {
                self.outside.push((what, ns));
            }
        }
        self.outside.sort_by_key(|(_, ns)| std::cmp::Reverse(*ns));
    }
}

/// The time that passed at each node, as far as the node alone tells.
fn measured(plan: &Plan, regions: &[Region]) -> Vec<u64> {
    let each = plan.nodes.iter().zip(regions);
    each.map(|(node, region)| region.elapsed(node.inclusive_ns().unwrap_or(0))).collect()
}

/// The cost of each node, in thousandths: of all loops, as far as a plan tells how often a node will run.
fn estimated(plan: &Plan) -> Vec<u64> {
    let mut loops: Vec<f64> = Vec::with_capacity(plan.nodes.len());
    let mut took = Vec::with_capacity(plan.nodes.len());
    let mut outer_rows = vec![1.0_f64; plan.nodes.len()];
    for node in &plan.nodes {
        let parent = node.parent.map(|parent| parent as usize);
        let again =
            parent.map_or(1.0, |parent| loops[parent] * again(&plan.nodes[parent], node, outer_rows[parent]));
        loops.push(again);
        took.push((node.facts.number(Key::TotalCost).unwrap_or(0.0) * again * 1e3) as u64);
        if let (Some(parent), Relationship::Outer) = (parent, node.relationship) {
            outer_rows[parent] = node.facts.number(Key::PlanRows).unwrap_or(1.0).max(1.0);
        }
    }
    took
}

/// How often a node runs for each time that its parent does.
fn again(parent: &Node, node: &Node, outer_rows: f64) -> f64 {
    let is_kept = matches!(node.node_type, NodeType::Materialize | NodeType::Memoize | NodeType::Hash);
    match (&parent.node_type, node.relationship) {
        (NodeType::NestedLoop, Relationship::Inner) if !is_kept => outer_rows,
        _ => 1.0,
    }
}

/// What each node gets of the time of those that pay for it.
#[derive(Debug)]
struct Granted {
    /// With what it pays for others.
    all: Vec<u64>,
    own: Vec<u64>,
    /// What nobody pays for, but the root.
    unpaid: u64,
}

impl Granted {
    /// Goes from those that pay to those that are paid for, so that nobody gives more than it has.
    fn of(took: &[u64], charges: &[Vec<Charge>]) -> Self {
        let mut paid_by: Vec<Vec<(usize, u64)>> = vec![Vec::new(); took.len()];
        let mut open: Vec<usize> = charges.iter().map(Vec::len).collect();
        for (number, charges) in charges.iter().enumerate() {
            charges.iter().for_each(|charge| paid_by[charge.payer as usize].push((number, charge.ns)));
        }
        let mut granted = Self { all: vec![0; took.len()], own: vec![0; took.len()], unpaid: 0 };
        let mut ready: Vec<usize> = (0..took.len()).filter(|number| open[*number] == 0).collect();
        for number in &ready {
            granted.all[*number] = took[*number];
        }
        granted.unpaid = ready.iter().filter(|number| **number != 0).map(|number| took[*number]).sum();
        while let Some(number) = ready.pop() {
            granted.share_out(number, &paid_by[number]);
            for (below, _) in &paid_by[number] {
                open[*below] -= 1;
                if open[*below] == 0 {
                    ready.push(*below);
                }
            }
        }
        granted
    }

    fn share_out(&mut self, number: usize, claims: &[(usize, u64)]) {
        let has = self.all[number];
        let claimed = claims.iter().fold(0_u64, |sum, (_, ns)| sum.saturating_add(*ns));
        let mut left = has;
        for (below, ns) in claims {
            let gets = if claimed > has { scaled(*ns, has, claimed) } else { *ns };
            self.all[*below] = self.all[*below].saturating_add(gets);
            left = left.saturating_sub(gets);
        }
        self.own[number] = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::PlanView;
    use crate::plans::testing::{Sketch, sketch};

    /// Each node's own time in microseconds, and what lies outside.
    fn own(sketch: Sketch) -> (Vec<u64>, Vec<(Outside, u64)>) {
        let plan = sketch.plan();
        let view = PlanView::new(&plan);
        let own: Vec<u64> = view.times.nodes.iter().map(|time| time.self_ns).collect();
        let outside = view.times.outside.iter().map(|(_, ns)| ns).sum::<u64>();
        assert_eq!(own.iter().sum::<u64>() + outside, view.times.execution_ns, "each part is charged once");
        let microseconds = |ns: &u64| ns / 1000;
        let outside = view.times.outside.iter().map(|(what, ns)| (*what, ns / 1000)).collect();
        (own.iter().map(microseconds).collect(), outside)
    }

    #[test]
    fn a_loop_counts_as_often_as_it_ran() {
        let plan = sketch()
            .node(0, NodeType::NestedLoop, 100.0, 1e3, 1)
            .node(1, NodeType::SeqScan, 10.0, 1e3, 1)
            .node(1, NodeType::IndexScan, 0.08, 1.0, 1000)
            .node(1, NodeType::SeqScan, 0.0, 0.0, 0)
            .execution(101.0);
        assert_eq!(own(plan), (vec![10_000, 10_000, 80_000, 0], vec![(Outside::Unexplained, 1_000)]));
    }

    #[test]
    fn who_pulls_the_rows_of_a_common_table_expression_pays_for_it() {
        // Recorded with PostgreSQL 18: 2,271 of its pages were read while `b` asked for rows.
        let plan = sketch()
            .node(0, NodeType::Aggregate, 77.646, 1.0, 1)
            .node(1, NodeType::SeqScan, 32.956, 2e4, 1)
            .apart(Relationship::InitPlan, "CTE t")
            .number(Key::SharedHitBlocks, 2273.0)
            .node(1, NodeType::HashJoin, 76.842, 19_802.0, 1)
            .node(2, NodeType::CteScan, 5.257, 19_802.0, 1)
            .text(Key::CteName, "t")
            .number(Key::SharedHitBlocks, 2.0)
            .node(2, NodeType::Hash, 53.360, 2e4, 1)
            .node(3, NodeType::CteScan, 40.398, 2e4, 1)
            .text(Key::CteName, "t")
            .number(Key::SharedHitBlocks, 2271.0)
            .execution(78.185);
        let (own, _) = own(plan);
        assert_eq!(own, [804, 32_955, 18_225, 5_228, 12_962, 7_470]);
    }

    #[test]
    fn an_init_plan_runs_when_a_condition_asks_for_it() {
        let plan = |condition: &str, name: &str| {
            sketch()
                .node(0, NodeType::Limit, 150.0, 1.0, 1)
                .node(1, NodeType::Aggregate, 95.0, 1.0, 1)
                .apart(Relationship::InitPlan, name)
                .node(1, NodeType::SeqScan, 142.0, 14.0, 1)
                .text(Key::Filter, condition)
                .execution(150.0)
        };
        let by_condition = vec![8_000, 95_000, 47_000];
        assert_eq!(own(plan("(total = (InitPlan 1).col1)", "InitPlan 1")).0, by_condition);
        assert_eq!(own(plan("(total = $0)", "InitPlan 1 (returns $0)")).0, by_condition);
        // Nobody is known to ask: the node that it is listed under pays, as far as its time goes.
        let unknown = own(plan("(total = $10)", "InitPlan 1 (returns $1)")).0;
        assert_eq!(unknown.iter().sum::<u64>(), 149_999);
    }

    #[test]
    fn parallel_parts_take_as_long_as_their_slowest_process() {
        // Two processes of 60 and 100 ms, the leader being the slower.
        let plan = sketch()
            .node(0, NodeType::Gather, 110.0, 2e5, 1)
            .node(1, NodeType::SeqScan, 80.0, 1e5, 2)
            .flag(Key::ParallelAware)
            .whole(|plan| {
                let mut facts = crate::evidence::plan::Facts::default();
                facts.set(Key::ActualTotalTime, crate::evidence::plan::Value::Number(60.0));
                facts.set(Key::ActualLoops, crate::evidence::plan::Value::Number(1.0));
                plan.nodes[1].workers.push(crate::evidence::plan::Worker { number: 0, facts });
            })
            .execution(110.0);
        assert_eq!(own(plan).0, [10_000, 100_000]);
    }

    #[test]
    fn one_worker_alone_and_a_leader_that_only_gathers_are_divided_by_nobody() {
        let alone = sketch()
            .node(0, NodeType::Gather, 110.0, 2e5, 1)
            .node(1, NodeType::SeqScan, 100.0, 1e5, 1)
            .execution(110.0);
        assert_eq!(own(alone).0, [10_000, 100_000]);
        let workers = sketch()
            .node(0, NodeType::Gather, 110.0, 2e5, 1)
            .node(1, NodeType::NestedLoop, 100.0, 1e5, 2)
            .node(2, NodeType::SeqScan, 40.0, 1e5, 2)
            .node(2, NodeType::IndexScan, 0.5, 1.0, 200)
            .execution(110.0);
        assert_eq!(own(workers).0, [10_000, 10_000, 40_000, 50_000]);
    }

    #[test]
    fn all_processes_wait_for_a_bitmap_that_one_makes() {
        let plan = sketch()
            .node(0, NodeType::Gather, 70.0, 2e5, 1)
            .node(1, NodeType::BitmapHeapScan, 66.0, 1e5, 2)
            .flag(Key::ParallelAware)
            .node(2, NodeType::BitmapIndexScan, 22.0, 1e5, 1)
            .execution(70.0);
        assert_eq!(own(plan).0, [4_000, 44_000, 22_000]);
    }

    #[test]
    fn rounded_means_never_claim_more_than_there_is() {
        let plan = sketch()
            .node(0, NodeType::NestedLoop, 100.0, 1e6, 1)
            .node(1, NodeType::SeqScan, 60.0, 1e6, 1)
            .node(1, NodeType::IndexScan, 0.001, 1.0, 1_000_000)
            .execution(100.0);
        assert_eq!(own(plan).0.iter().sum::<u64>(), 99_999);
    }

    #[test]
    fn costs_stand_in_where_nothing_was_executed() {
        let plan = crate::plans::testing::planned(&[
            (0, NodeType::NestedLoop, 1_000.0, 10.0),
            (1, NodeType::SeqScan, 100.0, 10.0),
            (1, NodeType::IndexScan, 80.0, 1.0),
        ]);
        let view = PlanView::new(&plan);
        assert_eq!(view.times.basis, Basis::Estimated);
        let own: Vec<u64> = view.times.nodes.iter().map(|time| time.self_ns / 1000).collect();
        assert_eq!(own, [100, 100, 800]);
    }

    #[test]
    fn costs_of_what_is_planned_apart_are_in_that_of_its_owner() {
        let cost = |sketch: Sketch, depth: usize, node_type, cost: f64| {
            sketch.bare(depth, node_type).number(Key::TotalCost, cost)
        };
        let plan = cost(sketch(), 0, NodeType::Aggregate, 100.0);
        let plan = cost(plan, 1, NodeType::SeqScan, 90.0).apart(Relationship::InitPlan, "CTE t");
        let plan = cost(plan, 1, NodeType::CteScan, 5.0).text(Key::CteName, "t");
        assert_eq!(own(plan).0, [5, 90, 5]);
    }
}
