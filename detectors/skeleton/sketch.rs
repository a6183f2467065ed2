//! What a skeleton is built from: a request as it was recorded.
//!
//! Most requests that are kept make room for others later. To copy what was recorded takes little; what takes more
//! is done for those that stay.

use std::ops::Range;

use super::NodeClaim;
use super::build::NODES_MAX;
use crate::candidate::Claim;
use crate::evidence::trace::{EndpointName, NONE, Trace, tolerance_ns};
use crate::evidence::{Kind, OriginRef, ShapeRef, SpanId, Symbol, TraceId};

/// A request with all below it that somebody waits for.
#[derive(Debug)]
pub struct Sketch {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    pub(super) duration_ns: u64,
    /// Parents first, the request itself before all; the children of each together.
    pub(super) elements: Vec<Element>,
    /// Claims of all elements, each one's together.
    pub(crate) claims: Vec<NodeClaim>,
}

/// An operation or a request.
#[derive(Debug, Clone)]
pub(super) struct Element {
    /// The part of its time that lies within its parent's.
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    pub(super) kind: Kind,
    pub(super) shape: ShapeRef,
    pub(super) name: Symbol,
    pub(super) origin: OriginRef,
    pub(super) calls: u32,
    /// So many of them took their time one after another; those that were sent as one took it together.
    pub(super) one_after_another: u32,
    /// Places of its children.
    pub(super) children: Range<u32>,
    /// Places of its claims.
    pub(super) claims: Range<u32>,
}

impl Sketch {
    /// How much room it takes, in nodes of a skeleton: never less than its skeleton.
    pub fn size(&self) -> usize {
        self.elements.len() + self.claims.len() / 4 + 1
    }

    /// Whether its skeleton may be too large.
    pub(crate) fn may_be_too_large(&self) -> bool {
        self.elements.len() > NODES_MAX
    }

    pub(super) fn claims_at(&self, places: &Range<u32>) -> &[NodeClaim] {
        &self.claims[places.start as usize..places.end as usize]
    }
}

/// Sketches requests of one trace after the other. Elements of a trace are numbered: operations, then requests.
#[derive(Debug, Default)]
pub struct Sketcher {
    /// First child of each element.
    first_child: Vec<u32>,
    /// Next sibling of each element.
    next_sibling: Vec<u32>,
    /// By element, each once.
    claimed: Vec<(u32, NodeClaim)>,
    /// Numbers of the elements that are sketched.
    numbers: Vec<u32>,
    elements: Vec<Element>,
    claims: Vec<NodeClaim>,
}

impl Sketcher {
    /// Takes in a trace: which elements are below which, and what is claimed.
    /// `claims` gives request, candidate number and claim.
    pub fn prepare(&mut self, trace: &Trace, claims: impl Iterator<Item = (u32, u32, Claim)>) {
        let operations = trace.operations.len() as u32;
        for list in [&mut self.first_child, &mut self.next_sibling] {
            list.clear();
            list.resize(trace.operations.len() + trace.requests.len(), NONE);
        }
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
        self.claimed.clear();
        for (request, candidate, claim) in claims {
            let element = if claim.operation == NONE { operations + request } else { claim.operation };
            self.claimed.push((element, NodeClaim { candidate, part: claim.part }));
        }
        self.claimed.sort_unstable();
        self.claimed.dedup();
    }

    fn put_below(&mut self, parent: u32, element: u32) {
        self.next_sibling[element as usize] = self.first_child[parent as usize];
        self.first_child[parent as usize] = element;
    }

    /// One request of the trace that was taken in.
    pub fn sketch(&mut self, trace: &Trace, request: u32) -> Sketch {
        let root = trace.operations.len() as u32 + request;
        self.numbers.clear();
        self.elements.clear();
        self.claims.clear();
        self.push(trace, root, times(trace, root));
        let mut place = 0;
        while let Some(&number) = self.numbers.get(place) {
            let first = self.elements.len() as u32;
            self.push_children(trace, place, number);
            let children = first..self.elements.len() as u32;
            let element = &mut self.elements[place];
            element.children = children;
            let first = self.claims.len() as u32;
            let from = self.claimed.partition_point(|(claimed, _)| *claimed < number);
            let own = self.claimed[from..].iter().take_while(|(claimed, _)| *claimed == number);
            self.claims.extend(own.map(|(_, claim)| *claim));
            element.claims = first..self.claims.len() as u32;
            place += 1;
        }
        let request = &trace.requests[request as usize];
        Sketch {
            trace: request.trace,
            span: request.span(),
            duration_ns: request.duration_ns(),
            // Without room for more: they are kept.
            elements: self.elements.clone(),
            claims: self.claims.clone(),
        }
    }

    /// Adds what is below an element and ends with it, as far as it does.
    fn push_children(&mut self, trace: &Trace, place: usize, number: u32) {
        let Element { start_ns: from_ns, end_ns: until_ns, .. } = self.elements[place];
        let latest_ns = until_ns + tolerance_ns(until_ns - from_ns);
        let mut child = self.first_child[number as usize];
        while child != NONE {
            let (start_ns, end_ns) = times(trace, child);
            if start_ns <= until_ns && end_ns <= latest_ns {
                let start_ns = start_ns.clamp(from_ns, until_ns);
                self.push(trace, child, (start_ns, end_ns.clamp(start_ns, until_ns)));
            }
            child = self.next_sibling[child as usize];
        }
    }

    fn push(&mut self, trace: &Trace, number: u32, between_ns: (u64, u64)) {
        self.numbers.push(number);
        self.elements.push(element(trace, number, between_ns));
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

fn element(trace: &Trace, number: u32, (start_ns, end_ns): (u64, u64)) -> Element {
    let (kind, shape, name, origin, calls, one_after_another) = match trace.operations.get(number as usize) {
        // An entry span that says its request's again is an operation like any other here.
        Some(operation) => {
            let kind = if operation.kind == Kind::Entry { Kind::Internal } else { operation.kind };
            let name = if kind == Kind::Internal { operation.name } else { Symbol::default() };
            let calls = operation.repeats.max(1);
            let one_after_another = if operation.composite { calls } else { 1 };
            (kind, operation.shape, name, operation.origin, calls, one_after_another)
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
            (Kind::Entry, shape, name, request.opened_by.origin, 1, 1)
        }
    };
    let (children, claims) = (0..0, 0..0);
    Element { start_ns, end_ns, kind, shape, name, origin, calls, one_after_another, children, claims }
}
