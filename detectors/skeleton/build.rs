//! From the sketch of a request to its skeleton.

use std::hash::{Hash, Hasher};
use std::ops::Range;

use rustc_hash::{FxHashMap, FxHasher};

use super::sketch::{Element, Sketch};
use super::{Node, NodeClaim, Skeleton};
use crate::evidence::trace::NONE;
use crate::evidence::{Kind, OriginRef, ShapeRef, Symbol};

/// A request with more nodes than this, after folding, is not kept.
pub(super) const NODES_MAX: usize = 50_000;

/// Builds skeletons; keeps its scratch space from one to the next.
#[derive(Debug, Default)]
pub struct Builder {
    /// Of all elements, the last one first.
    drafts: Vec<Draft>,
    folding: Folding,
    /// Children of all drafts, each one's together and in the order of their start.
    rows: Vec<u32>,
    children: Vec<u32>,
    row: Row,
    /// Siblings of a cluster by end and start.
    ended: Vec<(u64, u64, u32)>,
    typical_ns: Vec<u64>,
    /// Drafts, parents first.
    laid_out: Vec<u32>,
    unseen: Vec<u32>,
    /// Where the node of each draft is.
    places: Vec<u32>,
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

/// A node before it has its place.
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
    /// Places of its claims in the sketch.
    claims: Range<u32>,
    /// Places of its children in [`Builder::rows`].
    children: Range<u32>,
    /// Equal for elements that may be folded into one.
    signature: u64,
    /// Nothing below it overlaps, so that sums can be added.
    sequential: bool,
}

/// The children of one element, as they are put in order.
#[derive(Debug, Default)]
struct Row {
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
    /// The skeleton of a request; `None` if it is too large.
    pub fn build(&mut self, sketch: &Sketch) -> Option<Skeleton> {
        self.drafts.clear();
        self.rows.clear();
        for element in sketch.elements.iter().rev() {
            let draft = self.draft(sketch, element);
            self.drafts.push(draft);
        }
        let (nodes, claims) = self.lay_out(sketch)?;
        let &Sketch { trace, span, duration_ns, .. } = sketch;
        Some(Skeleton { trace, span, duration_ns, nodes, claims })
    }

    fn draft(&mut self, sketch: &Sketch, element: &Element) -> Draft {
        let mut draft = plain(element);
        let mut children = std::mem::take(&mut self.children);
        let last = sketch.elements.len() as u32 - 1;
        children.clear();
        children.extend(element.children.clone().map(|place| last - place));
        if children.is_empty() {
            draft.tail_ns = draft.end_ns - draft.start_ns;
        } else {
            self.arrange(&mut draft, &mut children);
        }
        self.children = children;
        draft.signature = self.signature(&draft, sketch);
        draft
    }

    /// Puts the children of a draft in order, folds them, and finds out what each waited for.
    fn arrange(&mut self, parent: &mut Draft, children: &mut [u32]) {
        children.sort_by_key(|&child| {
            let draft = &self.drafts[child as usize];
            (draft.start_ns, draft.end_ns)
        });
        let first = self.rows.len() as u32;
        let mut row = std::mem::take(&mut self.row);
        row.by_end.clear();
        row.cursor_ns = parent.start_ns;
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
        parent.children = first..self.rows.len() as u32;
        self.row = row;
    }

    fn children_of(&self, draft: &Draft) -> &[u32] {
        &self.rows[draft.children.start as usize..draft.children.end as usize]
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
            self.rows.push(group[0]);
            row.by_end.push(group[0]);
        }
        self.folding = folding;
    }

    /// Adds up drafts of one signature in the first of them, and what is below them.
    fn fold_group(&mut self, group: &[u32]) {
        self.add_up(group);
        let mut groups: Vec<Vec<u32>> = self.groups_below(group).collect();
        while let Some(group) = groups.pop() {
            self.add_up(&group);
            groups.extend(self.groups_below(&group));
        }
    }

    /// The first child of each of some drafts of one signature, the second of each, and so on.
    fn groups_below<'g>(&'g self, group: &'g [u32]) -> impl Iterator<Item = Vec<u32>> + 'g {
        let children = |draft: u32| self.children_of(&self.drafts[draft as usize]);
        let count = if group.len() > 1 { children(group[0]).len() } else { 0 };
        (0..count).map(move |place| group.iter().map(|&draft| children(draft)[place]).collect())
    }

    fn add_up(&mut self, group: &[u32]) {
        let [folded, others @ ..] = group else { return };
        let Self { drafts, typical_ns, .. } = self;
        typical_ns.clear();
        typical_ns.extend(group.iter().map(|&draft| drafts[draft as usize].typical_ns));
        let middle = typical_ns.len() / 2;
        let median_ns = *typical_ns.select_nth_unstable(middle).1;
        for &other in others {
            let other = &drafts[other as usize];
            let (lead_ns, tail_ns, total_ns) = (other.lead_ns, other.tail_ns, other.total_ns);
            let (calls, longest_ns) = (other.calls, other.longest_ns);
            let folded = &mut drafts[*folded as usize];
            folded.lead_ns += lead_ns;
            folded.tail_ns += tail_ns;
            folded.total_ns += total_ns;
            folded.calls = folded.calls.saturating_add(calls);
            folded.longest_ns = folded.longest_ns.max(longest_ns);
        }
        drafts[*folded as usize].typical_ns = median_ns;
    }

    /// Finds out what each of a cluster of overlapping siblings waited for.
    fn link(&mut self, cluster: &[u32], row: &mut Row) {
        let Self { drafts, rows, ended, .. } = self;
        // Siblings by end, the earliest first, so that "ended last before" is a search.
        ended.clear();
        ended.extend(cluster.iter().map(|&child| {
            let draft = &drafts[child as usize];
            (draft.end_ns, draft.start_ns, child)
        }));
        ended.sort_unstable();
        let (begin_ns, before) = (row.cursor_ns, row.last_ended());
        for &child in cluster {
            let start_ns = drafts[child as usize].start_ns;
            let until = ended.partition_point(|&(end_ns, _, _)| end_ns <= start_ns);
            // An element without duration ends when it starts: it waits neither for itself nor its like.
            let waited_for = ended[..until].iter().rev().find(|&&(_, other_ns, _)| other_ns < start_ns);
            let (end_ns, follows) =
                waited_for.map_or((begin_ns, before), |&(end_ns, _, follows)| (end_ns, follows));
            let draft = &mut drafts[child as usize];
            (draft.lead_ns, draft.follows) = (start_ns - end_ns, follows);
            rows.push(child);
        }
        row.by_end.extend(ended.iter().map(|&(_, _, child)| child));
        row.cursor_ns = ended.last().map_or(begin_ns, |&(end_ns, _, _)| end_ns);
    }

    fn signature(&self, draft: &Draft, sketch: &Sketch) -> u64 {
        let mut hasher = FxHasher::default();
        (draft.kind as u8, draft.shape, draft.name, draft.claims.len(), draft.children.len())
            .hash(&mut hasher);
        sketch.claims_at(&draft.claims).iter().for_each(|claim| claim.hash(&mut hasher));
        for &child in self.children_of(draft) {
            self.drafts[child as usize].signature.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Lays the drafts out, children before parents, without room for more; `None` if there are too many.
    fn lay_out(&mut self, sketch: &Sketch) -> Option<(Vec<Node>, Vec<NodeClaim>)> {
        let Self { drafts, rows, laid_out, unseen, places, .. } = self;
        // The last of some siblings first, so that all comes the other way round.
        laid_out.clear();
        unseen.clear();
        unseen.push(drafts.len() as u32 - 1);
        let mut claims = 0;
        while let Some(draft) = unseen.pop() {
            laid_out.push(draft);
            let Draft { children, claims: own, .. } = &drafts[draft as usize];
            unseen.extend_from_slice(&rows[children.start as usize..children.end as usize]);
            claims += own.len();
        }
        if laid_out.len() > NODES_MAX {
            return None;
        }
        places.clear();
        places.resize(drafts.len(), NONE);
        for (place, draft) in (0..).zip(laid_out.iter().rev()) {
            places[*draft as usize] = place;
        }
        let (mut nodes, mut claims) = (Vec::with_capacity(laid_out.len()), Vec::with_capacity(claims));
        for &draft in self.laid_out.iter().rev() {
            self.lay(draft, sketch, &mut nodes, &mut claims);
        }
        own_requests(&mut nodes);
        Some((nodes, claims))
    }

    fn lay(&self, draft: u32, sketch: &Sketch, nodes: &mut Vec<Node>, claims: &mut Vec<NodeClaim>) {
        let draft = &self.drafts[draft as usize];
        let place = nodes.len() as u32;
        let place_of = |draft: u32| self.places.get(draft as usize).copied().unwrap_or(NONE);
        for &child in self.children_of(draft) {
            nodes[place_of(child) as usize].parent = place;
        }
        let first_claim = claims.len() as u32;
        claims.extend_from_slice(sketch.claims_at(&draft.claims));
        nodes.push(Node {
            parent: NONE,
            follows: place_of(draft.follows),
            next_ended: place_of(draft.next_ended),
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
            claims: (first_claim, claims.len() as u32),
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

fn plain(element: &Element) -> Draft {
    let &Element { start_ns, end_ns, kind, shape, name, origin, calls, .. } = element;
    let single_ns = (end_ns - start_ns) / u64::from(element.one_after_another);
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
        claims: element.claims.clone(),
        children: 0..0,
        signature: 0,
        sequential: true,
    }
}
