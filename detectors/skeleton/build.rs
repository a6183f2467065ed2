//! From a request of a trace to its skeleton.

use std::hash::{Hash, Hasher};
use std::ops::Range;

use rustc_hash::{FxHashMap, FxHasher};

use super::{Node, NodeClaim, Skeleton};
use crate::candidate::Claim;
use crate::evidence::trace::{EndpointName, NONE, Trace, tolerance_ns};
use crate::evidence::{Kind, OriginRef, ShapeRef, Symbol};

/// A request with more nodes than this, after folding, is not kept.
const NODES_MAX: usize = 50_000;

/// Builds skeletons; keeps its scratch space from one to the next.
#[derive(Debug, Default)]
pub struct Builder {
    /// First child of each operation, then of each request.
    first_child: Vec<u32>,
    /// Next sibling of each element.
    next_sibling: Vec<u32>,
    /// By element, each once.
    claims: Vec<(u32, NodeClaim)>,
    /// Elements below the request that is built, parents first.
    order: Vec<Element>,
    drafts: Vec<Draft>,
    /// The draft of each element; [`NONE`] for those that nobody waits for.
    draft_of: Vec<u32>,
    folding: Folding,
    children: Vec<u32>,
    emitted: Skeleton,
}

/// Siblings that look alike, while they are folded.
#[derive(Debug, Default)]
struct Folding {
    /// The group of each signature.
    known: FxHashMap<u64, usize>,
    /// Only the first `used` mean something; the others keep their room.
    groups: Vec<Vec<u32>>,
    used: usize,
}

impl Folding {
    fn clear(&mut self) {
        self.known.clear();
        self.used = 0;
    }

    /// Adds a draft to those of its signature; `None` keeps it apart.
    fn add(&mut self, draft: u32, signature: Option<u64>) {
        let used = self.used;
        let group = signature.map_or(used, |signature| *self.known.entry(signature).or_insert(used));
        if group == used {
            self.used += 1;
            if self.groups.len() == used {
                self.groups.push(Vec::new());
            }
            self.groups[group].clear();
        }
        self.groups[group].push(draft);
    }
}

/// An element and the part of its time that lies within its parent's.
#[derive(Debug, Clone, Copy)]
struct Element {
    number: u32,
    start_ns: u64,
    end_ns: u64,
}

/// A node before it has its place. Elements of a trace are numbered: operations, then requests.
#[derive(Debug, Clone)]
struct Draft {
    start_ns: u64,
    end_ns: u64,
    lead_ns: u64,
    tail_ns: u64,
    follows: u32,
    next_ended: u32,
    first_ended: u32,
    total_ns: u64,
    calls: u32,
    typical_ns: u64,
    longest_ns: u64,
    kind: Kind,
    shape: ShapeRef,
    name: Symbol,
    origin: OriginRef,
    /// Places of its claims.
    claims: Range<usize>,
    children: Vec<u32>,
    /// Equal for elements that may be folded into one.
    signature: u64,
    /// Nothing below it overlaps, so that sums can be added.
    sequential: bool,
}

/// The children of one element, as they are put in order.
struct Row {
    by_start: Vec<u32>,
    by_end: Vec<u32>,
    /// The latest end so far.
    cursor_ns: u64,
}

impl Row {
    fn last_ended(&self) -> u32 {
        self.by_end.last().copied().unwrap_or(NONE)
    }
}

impl Builder {
    /// Takes in a trace: which elements are below which, and what is claimed.
    /// `claims` gives request, candidate number and claim.
    pub fn prepare(&mut self, trace: &Trace, claims: impl Iterator<Item = (u32, u32, Claim)>) {
        let operations = trace.operations.len() as u32;
        self.first_child.clear();
        self.first_child.resize(trace.operations.len() + trace.requests.len(), NONE);
        self.next_sibling.clear();
        self.next_sibling.resize(trace.operations.len() + trace.requests.len(), NONE);
        self.draft_of.clear();
        self.draft_of.resize(trace.operations.len() + trace.requests.len(), NONE);
        for (number, request) in trace.requests.iter().enumerate().rev() {
            if request.waited_for && request.caller != NONE {
                self.put_below(request.caller, operations + number as u32);
            }
            for operation in request.operations.clone().rev() {
                let parent = trace.operations[operation as usize].parent;
                let parent = if parent == NONE { operations + number as u32 } else { parent };
                self.put_below(parent, operation);
            }
        }
        self.claims.clear();
        for (request, candidate, claim) in claims {
            let element = if claim.operation == NONE { operations + request } else { claim.operation };
            self.claims.push((element, NodeClaim { candidate, part: claim.part }));
        }
        self.claims.sort_unstable();
        self.claims.dedup();
    }

    fn put_below(&mut self, parent: u32, element: u32) {
        self.next_sibling[element as usize] = self.first_child[parent as usize];
        self.first_child[parent as usize] = element;
    }

    /// The skeleton of one request of the trace that was taken in; `None` if it is too large.
    pub fn build(&mut self, trace: &Trace, request: u32) -> Option<Skeleton> {
        self.collect(trace, request);
        self.drafts.clear();
        for place in (0..self.order.len()).rev() {
            let element = self.order[place];
            let draft = self.draft(trace, element);
            self.draft_of[element.number as usize] = self.drafts.len() as u32;
            self.drafts.push(draft);
        }
        let request = &trace.requests[request as usize];
        let mut emitted = std::mem::take(&mut self.emitted);
        let fits = self.emit(&mut emitted);
        let skeleton = fits.then(|| Skeleton {
            trace: request.trace,
            span: request.span(),
            duration_ns: request.duration_ns(),
            // Without room for more: it is kept.
            nodes: emitted.nodes.clone(),
            claims: emitted.claims.clone(),
        });
        self.emitted = emitted;
        for element in &self.order {
            self.draft_of[element.number as usize] = NONE;
        }
        skeleton
    }

    /// All elements below a request that somebody waits for, parents first.
    fn collect(&mut self, trace: &Trace, request: u32) {
        let root = trace.operations.len() as u32 + request;
        let (start_ns, end_ns) = times(trace, root);
        self.order.clear();
        self.order.push(Element { number: root, start_ns, end_ns });
        let mut next = 0;
        while let Some(&parent) = self.order.get(next) {
            next += 1;
            let latest_ns = parent.end_ns + tolerance_ns(parent.end_ns - parent.start_ns);
            let mut child = self.first_child[parent.number as usize];
            while child != NONE {
                let (start_ns, end_ns) = times(trace, child);
                if start_ns <= parent.end_ns && end_ns <= latest_ns {
                    let start_ns = start_ns.clamp(parent.start_ns, parent.end_ns);
                    let end_ns = end_ns.clamp(start_ns, parent.end_ns);
                    self.order.push(Element { number: child, start_ns, end_ns });
                }
                child = self.next_sibling[child as usize];
            }
        }
    }

    fn draft(&mut self, trace: &Trace, element: Element) -> Draft {
        let mut draft = plain(trace, element);
        let first = self.claims.partition_point(|(claimed, _)| *claimed < element.number);
        let claims = self.claims[first..].iter().take_while(|(claimed, _)| *claimed == element.number);
        draft.claims = first..first + claims.count();
        let mut children = std::mem::take(&mut self.children);
        children.clear();
        let mut child = self.first_child[element.number as usize];
        while child != NONE {
            children.push(self.draft_of[child as usize]);
            child = self.next_sibling[child as usize];
        }
        children.retain(|&child| child != NONE);
        if children.is_empty() {
            draft.tail_ns = draft.end_ns - draft.start_ns;
        } else {
            self.arrange(&mut draft, &mut children);
        }
        self.children = children;
        draft.signature = self.signature(&draft);
        draft
    }

    /// Puts the children of a draft in order, folds them, and finds out what each waited for.
    fn arrange(&mut self, parent: &mut Draft, children: &mut [u32]) {
        children.sort_by_key(|&child| {
            let draft = &self.drafts[child as usize];
            (draft.start_ns, draft.end_ns)
        });
        let count = children.len();
        let mut row = Row {
            by_start: Vec::with_capacity(count),
            by_end: Vec::with_capacity(count),
            cursor_ns: parent.start_ns,
        };
        let mut rest = &*children;
        while !rest.is_empty() {
            let (apart, others) = rest.split_at(self.apart(rest));
            self.fold(apart, &mut row);
            let (cluster, others) = others.split_at(self.overlapping(others));
            parent.sequential &= cluster.is_empty();
            self.link(cluster, &mut row);
            rest = others;
        }
        for pair in row.by_end.windows(2) {
            self.drafts[pair[0] as usize].next_ended = pair[1];
        }
        parent.sequential &= children.iter().all(|&child| self.drafts[child as usize].sequential);
        parent.tail_ns = parent.end_ns - row.cursor_ns;
        parent.first_ended = row.by_end.first().copied().unwrap_or(NONE);
        parent.children = row.by_start;
    }

    /// How many of the first siblings overlap with no other one.
    fn apart(&self, siblings: &[u32]) -> usize {
        let drafts = &self.drafts;
        let overlaps = |pair: &[u32]| drafts[pair[0] as usize].end_ns > drafts[pair[1] as usize].start_ns;
        siblings.windows(2).position(overlaps).unwrap_or(siblings.len())
    }

    /// How many of the first siblings hang together by overlapping.
    fn overlapping(&self, siblings: &[u32]) -> usize {
        let mut until_ns = 0;
        let apart = siblings.iter().position(|&child| {
            let draft = &self.drafts[child as usize];
            let begins_later = until_ns != 0 && draft.start_ns >= until_ns;
            until_ns = until_ns.max(draft.end_ns);
            begins_later
        });
        apart.unwrap_or(siblings.len())
    }

    /// Folds siblings that follow one another.
    fn fold(&mut self, siblings: &[u32], row: &mut Row) {
        let mut folding = std::mem::take(&mut self.folding);
        folding.clear();
        for &child in siblings {
            let draft = &mut self.drafts[child as usize];
            draft.lead_ns = draft.start_ns - row.cursor_ns;
            row.cursor_ns = draft.end_ns;
            folding.add(child, draft.sequential.then_some(draft.signature));
        }
        for group in &folding.groups[..folding.used] {
            if group.len() > 1 {
                self.fold_group(group);
            }
            self.drafts[group[0] as usize].follows = row.last_ended();
            row.by_start.push(group[0]);
            row.by_end.push(group[0]);
        }
        self.folding = folding;
    }

    /// Adds up drafts of one signature in the first of them, and what is below them.
    fn fold_group(&mut self, group: &[u32]) {
        let mut groups = vec![group.to_vec()];
        while let Some(group) = groups.pop() {
            let (folded, others) = (group[0], &group[1..]);
            if others.is_empty() {
                continue;
            }
            let children = self.drafts[folded as usize].children.len();
            groups.extend((0..children).map(|place| {
                group.iter().map(|&draft| self.drafts[draft as usize].children[place]).collect()
            }));
            let mut typical: Vec<u64> =
                group.iter().map(|&draft| self.drafts[draft as usize].typical_ns).collect();
            let middle = typical.len() / 2;
            let median_ns = *typical.select_nth_unstable(middle).1;
            for &other in others {
                let other = &self.drafts[other as usize];
                let (lead_ns, tail_ns, total_ns) = (other.lead_ns, other.tail_ns, other.total_ns);
                let (calls, longest_ns) = (other.calls, other.longest_ns);
                let folded = &mut self.drafts[folded as usize];
                folded.lead_ns += lead_ns;
                folded.tail_ns += tail_ns;
                folded.total_ns += total_ns;
                folded.calls = folded.calls.saturating_add(calls);
                folded.longest_ns = folded.longest_ns.max(longest_ns);
            }
            self.drafts[folded as usize].typical_ns = median_ns;
        }
    }

    /// Finds out what each of a cluster of overlapping siblings waited for.
    fn link(&mut self, cluster: &[u32], row: &mut Row) {
        // Siblings by end, the earliest first, so that "ended last before" is a search.
        let mut ended: Vec<(u64, u64, u32)> = cluster
            .iter()
            .map(|&child| {
                let draft = &self.drafts[child as usize];
                (draft.end_ns, draft.start_ns, child)
            })
            .collect();
        ended.sort_unstable();
        let (begin_ns, before) = (row.cursor_ns, row.last_ended());
        for &child in cluster {
            let start_ns = self.drafts[child as usize].start_ns;
            let until = ended.partition_point(|&(end_ns, _, _)| end_ns <= start_ns);
            // An element without duration ends when it starts: it waits neither for itself nor its like.
            let waited_for = ended[..until].iter().rev().find(|&&(_, other_ns, _)| other_ns < start_ns);
            let (end_ns, follows) =
                waited_for.map_or((begin_ns, before), |&(end_ns, _, follows)| (end_ns, follows));
            let draft = &mut self.drafts[child as usize];
            (draft.lead_ns, draft.follows) = (start_ns - end_ns, follows);
            row.by_start.push(child);
        }
        row.by_end.extend(ended.iter().map(|&(_, _, child)| child));
        row.cursor_ns = ended.last().map_or(begin_ns, |&(end_ns, _, _)| end_ns);
    }

    fn signature(&self, draft: &Draft) -> u64 {
        let mut hasher = FxHasher::default();
        (draft.kind as u8, draft.shape, draft.name, draft.claims.len(), draft.children.len())
            .hash(&mut hasher);
        self.claims[draft.claims.clone()].iter().for_each(|(_, claim)| claim.hash(&mut hasher));
        for &child in &draft.children {
            self.drafts[child as usize].signature.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Lays the drafts out, children before parents; false if there are too many.
    fn emit(&self, skeleton: &mut Skeleton) -> bool {
        skeleton.nodes.clear();
        skeleton.claims.clear();
        let root = self.drafts.len() as u32 - 1;
        let mut places = vec![NONE; self.drafts.len()];
        // A draft is laid out when it is met the second time, after all below it.
        let mut stack = vec![(root, false)];
        while let Some((draft, seen)) = stack.pop() {
            if !seen {
                stack.push((draft, true));
                stack.extend(self.drafts[draft as usize].children.iter().rev().map(|&child| (child, false)));
                continue;
            }
            if skeleton.nodes.len() >= NODES_MAX {
                return false;
            }
            places[draft as usize] = skeleton.nodes.len() as u32;
            self.lay(draft, &places, skeleton);
        }
        own_requests(&mut skeleton.nodes);
        true
    }

    fn lay(&self, draft: u32, places: &[u32], skeleton: &mut Skeleton) {
        let draft = &self.drafts[draft as usize];
        let place = skeleton.nodes.len() as u32;
        let place_of = |draft: u32| places.get(draft as usize).copied().unwrap_or(NONE);
        for &child in &draft.children {
            let next_ended = place_of(self.drafts[child as usize].next_ended);
            let child = &mut skeleton.nodes[place_of(child) as usize];
            (child.parent, child.next_ended) = (place, next_ended);
        }
        let first_claim = skeleton.claims.len() as u32;
        skeleton.claims.extend(self.claims[draft.claims.clone()].iter().map(|(_, claim)| *claim));
        skeleton.nodes.push(Node {
            parent: NONE,
            follows: place_of(draft.follows),
            next_ended: NONE,
            first_ended: place_of(draft.first_ended),
            request: place,
            lead_ns: draft.lead_ns,
            tail_ns: draft.tail_ns,
            total_ns: draft.total_ns,
            calls: draft.calls,
            typical_ns: draft.typical_ns,
            longest_ns: draft.longest_ns,
            kind: draft.kind,
            shape: draft.shape,
            name: draft.name,
            origin: draft.origin,
            claims: (first_claim, skeleton.claims.len() as u32),
        });
    }
}

/// Notes for each node the request it belongs to.
fn own_requests(nodes: &mut [Node]) {
    for place in (0..nodes.len()).rev() {
        let node = nodes[place];
        if !node.is_request() && node.parent != NONE {
            nodes[place].request = nodes[node.parent as usize].request;
        }
    }
}

/// Start and end of an element.
fn times(trace: &Trace, element: u32) -> (u64, u64) {
    match trace.operations.get(element as usize) {
        Some(operation) => (operation.start_ns, operation.end_ns),
        None => {
            let request = &trace.requests[element as usize - trace.operations.len()];
            (request.start_ns, request.end_ns)
        }
    }
}

fn plain(trace: &Trace, Element { number, start_ns, end_ns }: Element) -> Draft {
    let operation = trace.operations.get(number as usize);
    // Calls that were recorded together took their time one after another.
    let together = operation.filter(|it| it.composite).map_or(1, |it| it.repeats.max(1));
    let single_ns = (end_ns - start_ns) / u64::from(together);
    let (kind, shape, name, origin, calls) = match operation {
        // An entry span that says its request's again is an operation like any other here.
        Some(operation) => {
            let kind = if operation.kind == Kind::Entry { Kind::Internal } else { operation.kind };
            let name = if kind == Kind::Internal { operation.name } else { Symbol::default() };
            (kind, operation.shape, name, operation.origin, operation.repeats.max(1))
        }
        None => {
            let request = &trace.requests[number as usize - trace.operations.len()];
            let (shape, name) = match request.name {
                EndpointName::Route(shape) | EndpointName::Background(shape) => (shape, Symbol::default()),
                EndpointName::Root(name) => (ShapeRef::default(), name),
                EndpointName::NoRequest | EndpointName::Session | EndpointName::Incomplete => {
                    Default::default()
                }
            };
            (Kind::Entry, shape, name, request.opened_by.origin, 1)
        }
    };
    Draft {
        start_ns,
        end_ns,
        lead_ns: 0,
        tail_ns: 0,
        follows: NONE,
        next_ended: NONE,
        first_ended: NONE,
        total_ns: end_ns - start_ns,
        calls,
        typical_ns: single_ns,
        longest_ns: single_ns,
        kind,
        shape,
        name,
        origin,
        claims: 0..0,
        children: Vec::new(),
        signature: 0,
        sequential: true,
    }
}
