//! How long a parallel part of a plan took, and how the work in it relates to that.

use crate::evidence::plan::{Key, Node, NodeType, Plan};

/// How what a node took in all of its processes together relates to the time that passed.
///
/// Processes of a parallel part work at the same time. What they took together, `work`, is therefore more than the time
/// that passed, `elapsed`; each node of the part is charged its share of the latter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Region {
    elapsed: u64,
    work: u64,
    /// How many processes ran it.
    pub(super) processes: u32,
}

/// Outside of parallel parts.
const ALONE: Region = Region { elapsed: 1, work: 1, processes: 1 };

impl Region {
    /// The part of the time that passed that work stands for.
    pub(super) fn elapsed(self, work: u64) -> u64 {
        scaled(work, self.elapsed, self.work)
    }

    /// The work that a part of the time that passed stands for.
    pub(super) fn work(self, elapsed: u64) -> u64 {
        scaled(elapsed, self.work, self.elapsed)
    }

    /// The part right below a node that gathers rows.
    ///
    /// Where each worker's time is told, the part took as long as the slowest process; else as long as each of them on
    /// average, of as many as the loops tell. A worker that never came, and a leader that only gathers, have no loop.
    fn below(gather: &Node, child: &Node) -> Self {
        let Some(work) = child.inclusive_ns().filter(|work| *work > 0) else { return ALONE };
        let by_workers: Vec<u64> = child
            .workers
            .iter()
            .filter_map(|worker| {
                let each = worker.facts.number(Key::ActualTotalTime)?;
                Some((each * worker.facts.number(Key::ActualLoops)? * 1e6) as u64)
            })
            .collect();
        let loops = child.loops() as f64 / gather.loops().max(1) as f64;
        let processes = (loops.round() as u32).max(1);
        let elapsed = match by_workers.iter().max() {
            Some(slowest) => {
                let leader = work.saturating_sub(by_workers.iter().sum());
                (*slowest).max(leader)
            }
            None => work / u64::from(processes),
        };
        Self { elapsed: elapsed.max(1), work, processes }
    }

    /// A part that one process does while all wait for it: its work counts for each of them.
    fn waited_for(self) -> Self {
        Self { elapsed: self.elapsed.saturating_mul(u64::from(self.processes)), processes: 1, ..self }
    }
}

/// `value * up / down`, without overflow.
pub(super) fn scaled(value: u64, up: u64, down: u64) -> u64 {
    let product = u128::from(value) * u128::from(up) / u128::from(down.max(1));
    u64::try_from(product).unwrap_or(u64::MAX)
}

/// The region of each node.
pub(super) fn regions(plan: &Plan) -> Vec<Region> {
    let mut regions = Vec::with_capacity(plan.nodes.len());
    for node in &plan.nodes {
        let region = match node.parent.map(|parent| parent as usize) {
            None => ALONE,
            Some(number) => {
                let parent = &plan.nodes[number];
                let own: Region = regions[number];
                if parent.node_type.is_gather() && !node.relationship.is_apart() {
                    Region::below(parent, node)
                } else if is_shared_bitmap(parent, node) {
                    own.waited_for()
                } else {
                    own
                }
            }
        };
        regions.push(region);
    }
    regions
}

/// A bitmap that one process makes for all that read the table by it.
fn is_shared_bitmap(parent: &Node, node: &Node) -> bool {
    parent.node_type == NodeType::BitmapHeapScan
        && parent.facts.is(Key::ParallelAware)
        && node.loops() < parent.loops()
}
