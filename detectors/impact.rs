//! What a fix gives back: remedies are applied to sampled requests, which are then replayed.
//!
//! Each remedy has a best and a worst case. Relief of queues is left out: a request that waits
//! less for others is not predicted to.

use crate::candidate::{HAND_OVER_NS, Part, Remedy};
use crate::evidence::place_in;
use crate::evidence::trace::NONE;
use crate::finding::Placed;
use crate::skeleton::{Node, Skeleton};

/// Which end of a remedy's range is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// The remedy does all it can.
    Best,
    /// The remedy does the least that its model allows.
    Worst,
}

/// A remedy as it is applied to the claims of one candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fix {
    /// What is done.
    pub remedy: Remedy,
    /// What the server does for each row, at worst, when N calls become one; `None` is half of a call.
    pub row_share_ns: Option<u64>,
}

/// The fixes that are applied, by candidate number.
#[derive(Debug, Clone, Default)]
pub struct Fixes {
    by_candidate: Vec<Option<Fix>>,
}

impl Fixes {
    /// Adds or replaces the fix of one candidate.
    pub fn set(&mut self, candidate: u32, fix: Fix) {
        *place_in(&mut self.by_candidate, candidate, || None) = Some(fix);
    }

    /// Takes the fix of one candidate back.
    pub fn unset(&mut self, candidate: u32) {
        if let Some(fix) = self.by_candidate.get_mut(candidate as usize) {
            *fix = None;
        }
    }

    /// Whether they change a request at all; what nothing changes takes as long as it was measured.
    pub(crate) fn change(&self, skeleton: &Skeleton) -> bool {
        skeleton.claims.iter().any(|claim| self.get(claim.candidate).is_some())
    }

    fn get(&self, candidate: u32) -> Option<Fix> {
        self.by_candidate.get(candidate as usize).copied().flatten()
    }
}

/// Replays skeletons; keeps its scratch space from one to the next.
#[derive(Debug, Default)]
pub struct Replayer {
    changes: Vec<Change>,
    groups: Vec<Group>,
    /// End of the children of each node, from the start of the node.
    children_end_ns: Vec<u64>,
    /// For each node the last of its children, by measured end, that a later one waited for, and
    /// the latest end up to it and whose that is.
    waited_for: Vec<(u32, u64, u32)>,
    /// End of each node, from the start of its parent.
    end_ns: Vec<u64>,
    duration_ns: Vec<u64>,
    /// The sibling that each node waited for in the end; [`NONE`] for the start of its parent.
    began_after: Vec<u32>,
    /// Of each node the child that ended last.
    last_child: Vec<u32>,
    /// The gap before each node.
    lead_ns: Vec<u64>,
}

/// What the fixes do to one node. Shares are per mille of what was measured.
#[derive(Debug, Clone, Copy)]
struct Change {
    lead: u64,
    tail: u64,
    /// Of all gaps before its children.
    leads_below: u64,
    /// Of the gap before its first child.
    first_lead_below: u64,
    whole: Whole,
}

const AS_IT_WAS: Change =
    Change { lead: 1000, tail: 1000, leads_below: 1000, first_lead_below: 1000, whole: Whole::Kept };

/// What becomes of the time of a whole node.
#[derive(Debug, Clone, Copy)]
enum Whole {
    /// As measured.
    Kept,
    /// Per mille of what it would be.
    Scaled(u64),
    /// At most this.
    AtMost(u64),
    /// This, and per mille of what it would be beyond it.
    Above(u64, u64),
    /// Only what the rest of its parent does not cover; per mille of what is covered stays.
    Beside(u64),
    /// Done by another node of its group.
    Elsewhere,
    /// Does the work of its group, by number.
    ForGroup(u32),
}

/// Nodes of one request that one candidate claims together.
#[derive(Debug, Clone, Copy)]
struct Group {
    candidate: u32,
    request: u32,
    /// The first for `SendOnce`, the last for `Overlap`.
    carrier: u32,
    calls: u64,
    sum_ns: u64,
    longest_ns: u64,
    overlap: bool,
}

impl Replayer {
    /// How long a request takes with fixes applied.
    pub fn duration_ns(&mut self, skeleton: &Skeleton, fixes: &Fixes, outlook: Outlook) -> u64 {
        self.changes.clear();
        self.changes.resize(skeleton.nodes.len(), AS_IT_WAS);
        self.groups.clear();
        self.apply(skeleton, fixes, outlook);
        self.run(skeleton, fixes, outlook)
    }

    /// Where each node of the skeleton lies that was replayed last.
    pub fn placed(&self, skeleton: &Skeleton) -> Vec<Placed> {
        let mut placed = vec![Placed::default(); skeleton.nodes.len()];
        for (place, node) in skeleton.nodes.iter().enumerate().rev() {
            let duration_ns = self.duration_ns[place];
            let above = placed.get(node.parent as usize).copied().unwrap_or_default();
            let is_root = node.parent == NONE;
            let end_ns = if is_root { duration_ns } else { above.start_ns + self.end_ns[place] };
            // Whether it is on the path was noted when its parent was placed.
            let own = &mut placed[place];
            (own.end_ns, own.duration_ns) = (end_ns, duration_ns);
            own.calls = self.calls(skeleton, place);
            // What was between the calls of a run is counted before the first of them.
            let between_ns = if own.calls > 1 { self.lead_ns[place] } else { 0 };
            own.start_ns = end_ns.saturating_sub(duration_ns + between_ns);
            if is_root || own.path_ns > 0 {
                self.walk(place, &mut placed);
            }
        }
        placed
    }

    /// How many operations a node still stands for.
    fn calls(&self, skeleton: &Skeleton, place: usize) -> u64 {
        let node = &skeleton.nodes[place];
        let calls = u64::from(node.calls);
        match self.changes[place].whole {
            Whole::ForGroup(number) if !self.groups[number as usize].overlap => {
                calls.min(instances(skeleton, node))
            }
            _ => calls,
        }
    }

    /// Follows the children of a node on the critical path from its end back to its start; what none of
    /// them covers is the node's own.
    fn walk(&self, place: usize, placed: &mut [Placed]) {
        let mut own_ns = self.duration_ns[place];
        let mut child = self.last_child[place];
        while let Some(&duration_ns) = self.duration_ns.get(child as usize) {
            placed[child as usize].path_ns = duration_ns;
            own_ns = own_ns.saturating_sub(duration_ns);
            child = self.began_after[child as usize];
        }
        placed[place].path_ns = own_ns;
    }

    fn apply(&mut self, skeleton: &Skeleton, fixes: &Fixes, outlook: Outlook) {
        for (place, node) in skeleton.nodes.iter().enumerate() {
            for claim in skeleton.claims_of(node) {
                if let Some(fix) = fixes.get(claim.candidate) {
                    self.change(place as u32, node, claim.part, claim.candidate, fix.remedy, outlook);
                }
            }
        }
        for number in 0..self.groups.len() {
            let group = self.groups[number];
            self.changes[group.carrier as usize].whole = Whole::ForGroup(number as u32);
        }
    }

    fn change(
        &mut self,
        place: u32,
        node: &Node,
        part: Part,
        candidate: u32,
        remedy: Remedy,
        outlook: Outlook,
    ) {
        let left = left_over(remedy, outlook);
        let change = &mut self.changes[place as usize];
        match part {
            Part::GapBefore => change.lead = change.lead.min(left),
            Part::OwnAfterLast => change.tail = change.tail.min(left),
            Part::OwnBeforeFirst => change.first_lead_below = change.first_lead_below.min(left),
            Part::Own => {
                change.tail = change.tail.min(left);
                change.leads_below = change.leads_below.min(left);
            }
            Part::Whole => self.change_whole(place, node, candidate, remedy, outlook),
        }
    }

    fn change_whole(&mut self, place: u32, node: &Node, candidate: u32, remedy: Remedy, outlook: Outlook) {
        let change = &mut self.changes[place as usize];
        let kept = matches!(change.whole, Whole::Kept);
        match remedy {
            Remedy::SendOnce | Remedy::Overlap if kept => {
                change.whole = Whole::Elsewhere;
                let overlap = remedy == Remedy::Overlap;
                self.join_group(place, node, candidate, overlap);
                if !overlap {
                    let first = self.groups.iter().any(|group| group.carrier == place);
                    self.changes[place as usize].lead = loop_overhead(node, first, outlook);
                }
            }
            Remedy::Defer if kept => {
                let hand_over_ns = HAND_OVER_NS * u64::from(node.calls);
                change.whole = Whole::AtMost(if outlook == Outlook::Best { 0 } else { hand_over_ns });
            }
            Remedy::CutAt { ns } if kept => {
                change.whole = Whole::AtMost(ns.saturating_mul(u64::from(node.calls)));
            }
            Remedy::LikeLater { best_ns, worst_ns } if kept => {
                let most_ns = if outlook == Outlook::Best { best_ns } else { worst_ns };
                change.whole = Whole::AtMost(most_ns.saturating_mul(u64::from(node.calls)));
            }
            Remedy::Alone { ns } if kept => {
                let left = if outlook == Outlook::Best { 0 } else { HALF };
                change.whole = Whole::Above(ns.saturating_mul(u64::from(node.calls)), left);
            }
            Remedy::Beside if kept => change.whole = Whole::Beside(left_over(remedy, outlook)),
            Remedy::Shrink { .. } | Remedy::Remove { .. } if kept => {
                change.whole = Whole::Scaled(left_over(remedy, outlook));
            }
            _ => {}
        }
    }

    fn join_group(&mut self, place: u32, node: &Node, candidate: u32, overlap: bool) {
        let known = self
            .groups
            .iter_mut()
            .find(|group| group.candidate == candidate && group.request == node.request);
        match known {
            Some(group) => {
                group.calls += u64::from(node.calls);
                if overlap {
                    group.carrier = place;
                }
            }
            None => self.groups.push(Group {
                candidate,
                request: node.request,
                carrier: place,
                calls: u64::from(node.calls),
                sum_ns: 0,
                longest_ns: 0,
                overlap,
            }),
        }
    }

    fn run(&mut self, skeleton: &Skeleton, fixes: &Fixes, outlook: Outlook) -> u64 {
        let count = skeleton.nodes.len();
        for scratch in [&mut self.children_end_ns, &mut self.end_ns, &mut self.duration_ns, &mut self.lead_ns]
        {
            scratch.clear();
            scratch.resize(count, 0);
        }
        self.waited_for.clear();
        self.waited_for.resize(count, (NONE, 0, NONE));
        for siblings in [&mut self.began_after, &mut self.last_child] {
            siblings.clear();
            siblings.resize(count, NONE);
        }
        for (place, node) in skeleton.nodes.iter().enumerate() {
            let change = self.changes[place];
            let measured_ns = self.children_end_ns[place] + share(node.tail_ns, change.tail);
            let duration_ns = self.whole(skeleton, place, measured_ns, fixes, outlook);
            self.duration_ns[place] = duration_ns;
            if node.parent == NONE {
                continue;
            }
            let above = self.changes[node.parent as usize];
            let mut lead_ns = share(share(node.lead_ns, change.lead), above.leads_below);
            if node.is_first() {
                lead_ns = share(lead_ns, above.first_lead_below);
            }
            let (begins_ns, after) = self.begin(skeleton, node);
            (self.began_after[place], self.lead_ns[place]) = (after, lead_ns);
            let end_ns = begins_ns + lead_ns + duration_ns;
            self.end_ns[place] = end_ns;
            let latest_ns = &mut self.children_end_ns[node.parent as usize];
            if end_ns >= *latest_ns {
                *latest_ns = end_ns;
                self.last_child[node.parent as usize] = place as u32;
            }
        }
        self.duration_ns.last().copied().unwrap_or(0)
    }

    /// When all has ended that a node waited for, from the start of its parent, and what ended last.
    /// Siblings come in the order of their start, so what they waited for only grows.
    fn begin(&mut self, skeleton: &Skeleton, node: &Node) -> (u64, u32) {
        let (mut last, mut latest_ns, mut latest) = self.waited_for[node.parent as usize];
        while !node.is_first() && last != node.follows {
            last = match skeleton.nodes.get(last as usize) {
                Some(ended) => ended.next_ended,
                None => skeleton.nodes[node.parent as usize].first_ended,
            };
            match self.end_ns.get(last as usize) {
                Some(&end_ns) if end_ns >= latest_ns => (latest_ns, latest) = (end_ns, last),
                Some(_) => {}
                None => break,
            }
        }
        self.waited_for[node.parent as usize] = (last, latest_ns, latest);
        if node.is_first() { (0, NONE) } else { (latest_ns, latest) }
    }

    /// The time of a node that would take `measured_ns` with only what is below it changed.
    fn whole(
        &mut self,
        skeleton: &Skeleton,
        place: usize,
        measured_ns: u64,
        fixes: &Fixes,
        outlook: Outlook,
    ) -> u64 {
        let node = &skeleton.nodes[place];
        match self.changes[place].whole {
            Whole::Kept => measured_ns,
            Whole::Scaled(left) => share(measured_ns, left),
            Whole::AtMost(most_ns) => measured_ns.min(most_ns),
            Whole::Above(floor_ns, left) => {
                let floor_ns = measured_ns.min(floor_ns);
                floor_ns + share(measured_ns - floor_ns, left)
            }
            Whole::Beside(left) => {
                let parent_ns = skeleton.nodes.get(node.parent as usize).map_or(0, |parent| parent.total_ns);
                let covered_ns = measured_ns.min(parent_ns.saturating_sub(node.total_ns));
                measured_ns - covered_ns + share(covered_ns, left)
            }
            Whole::Elsewhere => {
                self.note_in_group(skeleton, place, measured_ns);
                0
            }
            Whole::ForGroup(number) => {
                self.note_in_group(skeleton, place, measured_ns);
                let group = self.groups[number as usize];
                let instances = instances(skeleton, node);
                let fixed_ns = if group.overlap {
                    overlapped(&group, outlook)
                } else {
                    let share_ns = fixes.get(group.candidate).and_then(|fix| fix.row_share_ns);
                    sent_once(node, &group, instances, share_ns, outlook)
                };
                // Later members of a loop are not known yet; a loop of one stays what it was.
                if group.calls <= instances { measured_ns } else { fixed_ns }
            }
        }
    }

    fn note_in_group(&mut self, skeleton: &Skeleton, place: usize, measured_ns: u64) {
        let node = &skeleton.nodes[place];
        let instances = instances(skeleton, node);
        let claims = skeleton.claims_of(node);
        for group in self.groups.iter_mut().filter(|group| group.request == node.request) {
            if claims.iter().any(|claim| claim.candidate == group.candidate && claim.part == Part::Whole) {
                group.sum_ns += measured_ns;
                group.longest_ns = group.longest_ns.max(measured_ns.min(node.longest_ns * instances));
            }
        }
    }
}

/// How many requests were folded into the one that a node belongs to.
fn instances(skeleton: &Skeleton, node: &Node) -> u64 {
    skeleton.nodes.get(node.request as usize).map_or(1, |request| u64::from(request.calls))
}

/// What a client spends on a call beyond the call itself, at most: building the statement, its
/// result and its span. A lazy load of SQLAlchemy takes 1 to 1.5 ms with its instrumentation, one
/// of a plain driver 0.1 to 0.3 ms. What a gap takes beyond it is work on the row.
const CLIENT_OVERHEAD_MAX_NS: u64 = 2_000_000;

/// The share of the gaps before the calls of a loop that stays when the loop becomes one call, per
/// mille: the client's overhead goes, at best all of it and at worst all but a tenth. In recorded
/// pairs of a loop and its remedy (customers loaded one by one and by a join) less than that stays.
fn loop_overhead(node: &Node, first: bool, outlook: Outlook) -> u64 {
    let calls = u64::from(node.calls.max(1));
    let gone = calls - u64::from(first);
    let measured_ns = share(node.lead_ns, gone * 1000 / calls);
    let overhead_ns = measured_ns.min(CLIENT_OVERHEAD_MAX_NS * gone);
    let gone_ns = if outlook == Outlook::Best { overhead_ns } else { overhead_ns - overhead_ns / 10 };
    1000 - (u128::from(gone_ns) * 1000 / u128::from(node.lead_ns.max(1))) as u64
}

/// One call instead of a loop: at best the median call, at worst that and the server's share of each row.
fn sent_once(
    carrier: &Node,
    group: &Group,
    instances: u64,
    row_share_ns: Option<u64>,
    outlook: Outlook,
) -> u64 {
    let once_ns = carrier.typical_ns * instances;
    match outlook {
        Outlook::Best => once_ns,
        Outlook::Worst => {
            let share_ns = row_share_ns.unwrap_or(carrier.typical_ns / 2).min(carrier.typical_ns);
            once_ns + share_ns * group.calls.saturating_sub(instances)
        }
    }
}

/// Calls at once: at best as long as the longest, at worst two at a time.
fn overlapped(group: &Group, outlook: Outlook) -> u64 {
    match outlook {
        Outlook::Best => group.longest_ns,
        Outlook::Worst => group.longest_ns.max(group.sum_ns / 2),
    }
}

/// Half of something, per mille.
const HALF: u64 = 500;

/// How much of an amount a remedy gives back, in the middle of its range.
pub(crate) fn given_back(remedy: Remedy, amount: u64) -> u64 {
    let left = left_over(remedy, Outlook::Best).midpoint(left_over(remedy, Outlook::Worst));
    amount - share(amount, left)
}

/// What a remedy leaves of a time or a number of bytes, per mille.
fn left_over(remedy: Remedy, outlook: Outlook) -> u64 {
    let (best, worst) = match remedy {
        Remedy::Shrink { best, worst } => (best, worst),
        Remedy::Remove { worst } => (0, worst),
        Remedy::Beside => (0, 500),
        Remedy::SendOnce
        | Remedy::Overlap
        | Remedy::Defer
        | Remedy::Alone { .. }
        | Remedy::CutAt { .. }
        | Remedy::LikeLater { .. } => (0, 1000),
    };
    u64::from(if outlook == Outlook::Best { best } else { worst })
}

fn share(time_ns: u64, permille: u64) -> u64 {
    match permille {
        1000 => time_ns,
        _ => (u128::from(time_ns) * u128::from(permille) / 1000) as u64,
    }
}

/// Durations of sampled requests, each standing for some of those seen.
#[derive(Debug, Clone, Default)]
pub struct Distribution {
    weighted: Vec<(u64, f64)>,
    total: f64,
}

impl Distribution {
    /// From durations and weights.
    pub fn new(weighted: impl IntoIterator<Item = (u64, f64)>) -> Self {
        let mut weighted: Vec<(u64, f64)> = weighted.into_iter().collect();
        // Weights are not negative: their bits, as a number, come in the same order.
        weighted.sort_unstable_by_key(|(duration_ns, weight)| {
            u128::from(*duration_ns) << 64 | u128::from(weight.to_bits())
        });
        let total = weighted.iter().map(|(_, weight)| weight).sum();
        Self { weighted, total }
    }

    /// The duration at or below which `permille` of the requests lie (nearest rank).
    pub fn quantile(&self, permille: u64) -> u64 {
        let rank = self.total * permille as f64 / 1000.0;
        let mut seen = 0.0;
        for &(duration_ns, weight) in &self.weighted {
            seen += weight;
            // Weights are fractions: a rank that is missed by rounding is reached.
            if seen >= rank - 1e-6 {
                return duration_ns;
            }
        }
        self.weighted.last().map_or(0, |(duration_ns, _)| *duration_ns)
    }
}
