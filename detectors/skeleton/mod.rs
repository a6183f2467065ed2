//! What is kept of a sampled request: its tree of operations with runs folded.
//!
//! A skeleton says for each operation what it waited for (the sibling that ended last before it
//! began), so that the request can be replayed with operations shortened or taken away. Replayed
//! without a change it takes exactly as long as the request took.
//!
//! Siblings that follow one another without overlap can change places without changing the sum;
//! those that look alike are folded into one node that holds their sums.

mod build;
mod sketch;
#[cfg(test)]
mod tests;

pub use build::Builder;
pub use sketch::{Sketch, Sketcher};

use crate::candidate::Part;
use crate::evidence::trace::NONE;
use crate::evidence::{Kind, OriginRef, ShapeRef, SpanId, Symbol, TraceId};

/// A request as it is kept in the sample.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skeleton {
    /// The trace that it was seen in.
    pub trace: TraceId,
    /// The span that opened it.
    pub span: SpanId,
    /// How long the request took.
    pub duration_ns: u64,
    /// Children before parents, siblings in the order of their start; the request itself is last.
    pub nodes: Vec<Node>,
    /// Claims of all nodes, each node's together.
    pub claims: Vec<NodeClaim>,
}

/// An operation, a request, or a run of them folded into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// The node around it; [`NONE`] for the request itself.
    pub parent: u32,
    /// The sibling that ended last before it began, for which and for all that ended earlier it
    /// waited; [`NONE`] if it waited for the start of its parent only.
    pub follows: u32,
    /// The sibling that ended next after it.
    pub next_ended: u32,
    /// Its child that ended first.
    pub first_ended: u32,
    /// The request it belongs to, as a node; a request belongs to itself.
    pub request: u32,
    /// From the end of what it follows to its start.
    pub lead_ns: u64,
    /// After the end of its last child; all of a node without children.
    pub tail_ns: u64,
    /// Its duration; the sum of all that were folded into it.
    pub total_ns: u64,
    /// How many were folded into it.
    pub calls: u32,
    /// Duration of the median one.
    pub typical_ns: u64,
    /// Duration of the longest one.
    pub longest_ns: u64,
    /// What it does; [`Kind::Entry`] for requests.
    pub kind: Kind,
    /// Its shape; an endpoint's for requests.
    pub shape: ShapeRef,
    /// What it is called, of work of the service's own and of roots without a route; else empty.
    pub name: Symbol,
    /// Who recorded it.
    pub origin: OriginRef,
    /// First and last place of its claims in [`Skeleton::claims`].
    pub claims: (u32, u32),
}

/// A candidate's claim on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeClaim {
    /// Number of the candidate in its docket.
    pub candidate: u32,
    /// What it claims.
    pub part: Part,
}

impl Skeleton {
    /// The claims on a node.
    pub fn claims_of(&self, node: &Node) -> &[NodeClaim] {
        &self.claims[node.claims.0 as usize..node.claims.1 as usize]
    }

    /// Adds a claim on a node as a whole.
    pub(crate) fn claim(&mut self, place: usize, candidate: u32) {
        let Some(node) = self.nodes.get_mut(place) else { return };
        // Those of one node stand together: they are written anew behind all others.
        let own = node.claims.0 as usize..node.claims.1 as usize;
        let first = self.claims.len() as u32;
        self.claims.extend_from_within(own);
        self.claims.push(NodeClaim { candidate, part: Part::Whole });
        node.claims = (first, self.claims.len() as u32);
    }

    /// The request itself, if there is one.
    pub fn root(&self) -> Option<&Node> {
        self.nodes.last()
    }

    /// How much room it takes, in nodes.
    pub fn size(&self) -> usize {
        self.nodes.len() + self.claims.len() / 4 + 1
    }

    /// Every candidate that claims something, each once, in order.
    pub fn candidates(&self) -> Vec<u32> {
        let mut candidates: Vec<u32> = self.claims.iter().map(|claim| claim.candidate).collect();
        candidates.sort_unstable();
        candidates.dedup();
        candidates
    }
}

impl Node {
    /// Whether it is a request rather than an operation.
    pub fn is_request(&self) -> bool {
        self.kind == Kind::Entry
    }

    /// Whether it waited for the start of its parent.
    pub fn is_first(&self) -> bool {
        self.follows == NONE
    }
}
