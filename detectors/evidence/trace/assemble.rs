//! From the spans of one trace to its tree of requests.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::path::{Walker, tolerance_ns};
use super::{EndpointName, NONE, Operation, Request, Trace};
use crate::evidence::shape::Family;
use crate::evidence::{Dictionary, Kind, Role, Span, SpanId, Symbol};

/// Climbing to a covering ancestor stops here; real spans nest far less deep.
const CLIMB_MAX: u32 = 64;

/// More requests in one trace than this are not searched for the caller of an orphan.
const SEARCH_MAX: usize = 64;

/// Builds traces; keeps its scratch space from one to the next.
#[derive(Debug, Default)]
pub struct Assembler {
    trace: Trace,
    numbers: FxHashMap<SpanId, u32>,
    /// For a request that is over, the request that gathers what it left running.
    background: FxHashMap<u32, u32>,
    nodes: Vec<Node>,
    climbed: Vec<u32>,
    placed: Vec<u32>,
    walker: Walker,
}

/// What is found out about a span before it is placed.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// Number of the parent span; [`NONE`] for a root.
    parent: u32,
    /// Parent is named but not there.
    orphan: bool,
    /// The request it belongs to; [`NONE`] until known.
    request: u32,
    /// The innermost span of the same request that covers it; [`NONE`] directly below the request.
    covered_by: u32,
    /// Steps below the request.
    depth: u32,
    /// It opened its request and is no operation of it.
    opens: bool,
    /// Reported twice: its parent stands for it.
    absorbed: bool,
    /// On the way up from a child: reached again, the parents form a ring.
    climbing: bool,
    /// Its place among the operations.
    place: u32,
}

impl Assembler {
    /// Builds the tree of requests from the spans of one trace, sorted by start, each id once.
    pub fn assemble(&mut self, spans: &[Span], dictionary: &Dictionary) -> &Trace {
        self.clear(spans);
        self.link(spans);
        for number in 0..spans.len() as u32 {
            self.own(number, spans, dictionary);
        }
        self.adopt(spans, dictionary);
        self.place(spans);
        self.undo_skew(dictionary);
        self.walk();
        &self.trace
    }

    fn clear(&mut self, spans: &[Span]) {
        self.trace.id = spans.first().map_or(0, |span| span.trace);
        self.trace.requests.clear();
        self.trace.operations.clear();
        self.trace.segments.clear();
        self.trace.orphans = 0;
        self.trace.skew_ns = 0;
        self.numbers.clear();
        self.background.clear();
        self.nodes.clear();
    }

    /// Finds each span's parent by its id.
    fn link(&mut self, spans: &[Span]) {
        self.numbers.extend(spans.iter().enumerate().map(|(number, span)| (span.id, number as u32)));
        for (number, span) in spans.iter().enumerate() {
            let parent = if span.parent == 0 { None } else { self.numbers.get(&span.parent) };
            let parent = parent.copied().filter(|&parent| parent != number as u32).unwrap_or(NONE);
            self.nodes.push(Node {
                parent,
                orphan: parent == NONE && span.parent != 0,
                request: NONE,
                covered_by: NONE,
                depth: 0,
                opens: false,
                absorbed: false,
                climbing: false,
                place: NONE,
            });
        }
    }

    /// Decides for a span, after all above it, which request it belongs to.
    fn own(&mut self, number: u32, spans: &[Span], dictionary: &Dictionary) {
        self.climbed.clear();
        let mut at = number;
        while self.undecided(at) && !self.nodes[at as usize].climbing {
            self.nodes[at as usize].climbing = true;
            self.climbed.push(at);
            at = self.nodes[at as usize].parent;
        }
        if at != NONE && self.undecided(at) {
            // The parents form a ring: it is cut at its first span.
            self.nodes[at as usize].parent = NONE;
            self.nodes[at as usize].orphan = true;
        }
        while let Some(number) = self.climbed.pop() {
            self.nodes[number as usize].climbing = false;
            self.decide(number, spans, dictionary);
        }
    }

    fn undecided(&self, number: u32) -> bool {
        self.nodes.get(number as usize).is_some_and(|node| node.request == NONE && !node.orphan)
    }

    fn decide(&mut self, number: u32, spans: &[Span], dictionary: &Dictionary) {
        let span = &spans[number as usize];
        let parent = self.nodes[number as usize].parent;
        let home = self.nodes.get(parent as usize).map_or(NONE, |parent| parent.request);
        if home == NONE {
            let adoptable = self.nodes[number as usize].orphan || parent != NONE;
            if !adoptable || opens_by_kind(span) {
                self.open(number, root_name(span), NONE, spans);
            }
            return;
        }
        if opens_by_kind(span) {
            if self.repeats_entry(span, parent, home, spans, dictionary) {
                return self.join(number, parent, home, spans);
            }
            return self.open(number, EndpointName::Route(span.shape), parent, spans);
        }
        let opener = &self.trace.requests[home as usize];
        if span.start_ns < opener.end_ns || opener.duration_ns() == 0 {
            return self.join(number, parent, home, spans);
        }
        self.after_the_end(number, parent, home, spans, dictionary);
    }

    /// A span below a request that is over: a request of its own where it says so, else background work.
    fn after_the_end(
        &mut self,
        number: u32,
        parent: u32,
        home: u32,
        spans: &[Span],
        dictionary: &Dictionary,
    ) {
        let span = &spans[number as usize];
        let opener = &self.trace.requests[home as usize];
        match opener.name {
            _ if dictionary.shape(span.shape).id.family == Family::Endpoint => {
                self.open(number, EndpointName::Route(span.shape), NONE, spans);
            }
            EndpointName::Route(route) => match self.background.get(&home) {
                Some(&background) => self.join(number, NONE, background, spans),
                None => {
                    self.background.insert(home, self.trace.requests.len() as u32);
                    self.open(number, EndpointName::Background(route), NONE, spans);
                }
            },
            _ => self.join(number, parent, home, spans),
        }
    }

    /// Whether an entry span says again what its request's own entry span said: two layers of one server.
    fn repeats_entry(
        &mut self,
        span: &Span,
        parent: u32,
        home: u32,
        spans: &[Span],
        dictionary: &Dictionary,
    ) -> bool {
        if matches!(spans[parent as usize].role, Role::Client | Role::Producer) {
            return false;
        }
        let instance = |span: &Span| dictionary.origin(span.origin).instance;
        let request = &mut self.trace.requests[home as usize];
        let inside = span.start_ns >= request.start_ns && span.start_ns < request.end_ns;
        let alike =
            (span.end_ns - span.start_ns).saturating_mul(10) >= request.duration_ns().saturating_mul(7);
        if !inside || !alike || instance(span) != instance(&request.opened_by) {
            return false;
        }
        // The inner layer is the framework, which knows the route.
        request.name = EndpointName::Route(span.shape);
        true
    }

    fn open(&mut self, number: u32, name: EndpointName, caller: u32, spans: &[Span]) {
        let span = spans[number as usize];
        let node = &mut self.nodes[number as usize];
        node.request = self.trace.requests.len() as u32;
        node.opens = matches!(name, EndpointName::Route(_) | EndpointName::Root(_));
        node.covered_by = NONE;
        node.depth = 0;
        self.trace.requests.push(Request {
            trace: span.trace,
            opened_by: span,
            name,
            start_ns: span.start_ns,
            end_ns: span.end_ns,
            caller,
            waited_for: caller != NONE,
            operations: 0..0,
            segments: 0..0,
            path_ns: [0; _],
        });
    }

    /// Makes a span an operation of the request of its parent.
    fn join(&mut self, number: u32, parent: u32, home: u32, spans: &[Span]) {
        let span = &spans[number as usize];
        let above = self.nodes.get(parent as usize).zip(spans.get(parent as usize));
        let absorbed = above.is_some_and(|(node, above)| says_again(span, above, node));
        let covered_by = self.covering(span, parent, spans);
        let depth = self.nodes.get(covered_by as usize).map_or(0, |above| above.depth + 1);
        let node = &mut self.nodes[number as usize];
        (node.request, node.covered_by, node.depth, node.absorbed) = (home, covered_by, depth, absorbed);
        let request = &mut self.trace.requests[home as usize];
        if !matches!(request.name, EndpointName::Route(_)) {
            request.end_ns = request.end_ns.max(span.end_ns);
        }
    }

    /// The innermost span from `above` upwards, in the same request, that covers `span` in time.
    fn covering(&self, span: &Span, mut above: u32, spans: &[Span]) -> u32 {
        for _ in 0..CLIMB_MAX {
            let Some(node) = self.nodes.get(above as usize).filter(|node| !node.opens) else { return NONE };
            let cover = &spans[above as usize];
            let latest_ns = cover.end_ns + tolerance_ns(cover.end_ns - cover.start_ns);
            if !node.absorbed && span.start_ns >= cover.start_ns && span.end_ns <= latest_ns {
                return above;
            }
            above = node.covered_by;
        }
        NONE
    }

    /// Finds a request for spans whose parent is missing: the one that covers them, if there is exactly one.
    fn adopt(&mut self, spans: &[Span], dictionary: &Dictionary) {
        let known = self.trace.requests.len();
        let instance = |span: &Span| dictionary.origin(span.origin).instance;
        let mut incomplete: FxHashMap<Symbol, u32> = FxHashMap::default();
        for number in 0..spans.len() as u32 {
            if self.nodes[number as usize].request == NONE {
                self.decide(number, spans, dictionary);
            }
            if self.nodes[number as usize].request != NONE {
                continue;
            }
            self.trace.orphans += u32::from(self.nodes[number as usize].orphan);
            let span = &spans[number as usize];
            let home = self.only_cover(span, known, |other| instance(span) == instance(other));
            let home = home.or_else(|| incomplete.get(&instance(span)).copied());
            match home {
                Some(home) => self.hang(number, home, span),
                None => {
                    incomplete.insert(instance(span), self.trace.requests.len() as u32);
                    self.open(number, EndpointName::Incomplete, NONE, spans);
                }
            }
        }
    }

    fn hang(&mut self, number: u32, home: u32, span: &Span) {
        self.nodes[number as usize].request = home;
        let request = &mut self.trace.requests[home as usize];
        if request.name == EndpointName::Incomplete {
            request.end_ns = request.end_ns.max(span.end_ns);
        }
    }

    fn only_cover(&self, span: &Span, known: usize, same_process: impl Fn(&Span) -> bool) -> Option<u32> {
        if known > SEARCH_MAX {
            return None;
        }
        let mut covers = (0..known as u32).filter(|&number| {
            let request = &self.trace.requests[number as usize];
            request.start_ns <= span.start_ns
                && span.end_ns <= request.end_ns
                && same_process(&request.opened_by)
        });
        covers.next().filter(|_| covers.next().is_none())
    }

    /// Puts the operations of each request side by side, in time order, parents first.
    fn place(&mut self, spans: &[Span]) {
        let nodes = &self.nodes;
        let is_operation = |node: &Node| !node.opens && !node.absorbed && node.request != NONE;
        let mut ends = vec![0u32; self.trace.requests.len()];
        for node in nodes.iter().filter(|node| is_operation(node)) {
            ends[node.request as usize] += 1;
        }
        let mut filled = 0;
        for (request, end) in self.trace.requests.iter_mut().zip(&mut ends) {
            request.operations = filled..filled + *end;
            filled += *end;
            *end = request.operations.start;
        }
        self.placed.clear();
        self.placed.resize(filled as usize, 0);
        for (number, node) in nodes.iter().enumerate().filter(|(_, node)| is_operation(node)) {
            self.placed[ends[node.request as usize] as usize] = number as u32;
            ends[node.request as usize] += 1;
        }
        for request in &self.trace.requests {
            self.placed[range(&request.operations)].sort_by_key(|&number| {
                let span = &spans[number as usize];
                (span.start_ns, nodes[number as usize].depth, span.id)
            });
        }
        self.fill(spans);
    }

    fn fill(&mut self, spans: &[Span]) {
        for (place, &number) in self.placed.iter().enumerate() {
            self.nodes[number as usize].place = place as u32;
        }
        let place_of = |number: u32| self.nodes.get(number as usize).map_or(NONE, |node| node.place);
        self.trace.operations.extend(self.placed.iter().map(|&number| Operation {
            span: spans[number as usize],
            parent: place_of(self.nodes[number as usize].covered_by),
            called: NONE,
            path_ns: 0,
            self_path_ns: 0,
        }));
        for (number, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.absorbed) {
            let stand_in = place_of(node.parent);
            if let Some(operation) = self.trace.operations.get_mut(stand_in as usize) {
                take_detail(&mut operation.span, &spans[number]);
            }
        }
        for number in 0..self.trace.requests.len() {
            let caller = self.stand_in(self.trace.requests[number].caller);
            let waits = self.trace.operations.get_mut(caller as usize).map(|operation| {
                if operation.called == NONE {
                    operation.called = number as u32;
                }
                operation.kind != Kind::Publish && operation.role != Role::Producer
            });
            let request = &mut self.trace.requests[number];
            request.caller = caller;
            request.waited_for = waits == Some(true) && request.opened_by.role != Role::Consumer;
        }
    }

    /// The place of a span among the operations, or of the span that stands for it.
    fn stand_in(&self, number: u32) -> u32 {
        match self.nodes.get(number as usize) {
            Some(node) if node.absorbed => self.stand_in(node.parent),
            Some(node) => node.place,
            None => NONE,
        }
    }

    /// Moves requests that another machine's clock has put outside of the call that made them.
    fn undo_skew(&mut self, dictionary: &Dictionary) {
        if self.trace.requests.len() < 2 {
            return;
        }
        let caller_of: Vec<u32> = {
            let mut owner = vec![NONE; self.trace.operations.len()];
            for (number, request) in self.trace.requests.iter().enumerate() {
                owner[range(&request.operations)].fill(number as u32);
            }
            let callers = self.trace.requests.iter().map(|request| request.caller);
            callers.map(|caller| owner.get(caller as usize).copied().unwrap_or(NONE)).collect()
        };
        for number in 0..self.trace.requests.len() {
            let Some(above) = self.trace.requests.get(caller_of[number] as usize) else { continue };
            let request = &self.trace.requests[number];
            let (here, there) = (
                dictionary.origin(request.opened_by.origin).instance,
                dictionary.origin(above.opened_by.origin).instance,
            );
            let call = &self.trace.operations[request.caller as usize].span;
            let shift = if here == there { 0 } else { shift_into(request, call) };
            self.shift(number, shift);
        }
    }

    fn shift(&mut self, number: usize, shift_ns: i64) {
        if shift_ns == 0 {
            return;
        }
        self.trace.skew_ns = self.trace.skew_ns.max(shift_ns.unsigned_abs());
        let moved = |time_ns: u64| time_ns.saturating_add_signed(shift_ns);
        let request = &mut self.trace.requests[number];
        (request.start_ns, request.end_ns) = (moved(request.start_ns), moved(request.end_ns));
        for operation in &mut self.trace.operations[range(&request.operations)] {
            operation.span.start_ns = moved(operation.span.start_ns);
            operation.span.end_ns = moved(operation.span.end_ns);
        }
    }

    fn walk(&mut self) {
        let Trace { requests, operations, segments, .. } = &mut self.trace;
        for request in requests {
            let first = segments.len() as u32;
            let own = request.operations.clone();
            request.path_ns = self.walker.walk(operations, own, (request.start_ns, request.end_ns), segments);
            request.segments = first..segments.len() as u32;
        }
    }
}

fn range(numbers: &Range<u32>) -> Range<usize> {
    numbers.start as usize..numbers.end as usize
}

fn opens_by_kind(span: &Span) -> bool {
    span.kind == Kind::Entry
}

/// The endpoint of a span without a caller.
fn root_name(span: &Span) -> EndpointName {
    match span.kind {
        Kind::Entry => EndpointName::Route(span.shape),
        Kind::Internal => EndpointName::Root(span.name),
        _ => EndpointName::NoRequest,
    }
}

/// Whether a span reports the call that its parent reports: two layers of instrumentation.
fn says_again(span: &Span, parent: &Span, above: &Node) -> bool {
    if above.opens || above.absorbed {
        return false;
    }
    let same_call = match (parent.kind, span.kind) {
        (Kind::Sql, Kind::Sql) => parent.shape == span.shape,
        (Kind::Document, Kind::Document) | (Kind::Cache, Kind::Cache) => true,
        (Kind::Http, Kind::Http) | (Kind::Rpc, Kind::Http | Kind::Rpc) => true,
        (Kind::PoolWait, Kind::PoolWait) => true,
        _ => false,
    };
    let (inner, outer) = (span.end_ns - span.start_ns, parent.end_ns - parent.start_ns);
    // A statement is one statement however much the mapper adds around it; calls may have redirects.
    let most = if span.kind == Kind::Sql { 4 } else { 2 };
    same_call && span.start_ns >= parent.start_ns && inner.saturating_mul(most) >= outer
}

/// Takes over what the inner layer of a call knows and the outer does not.
fn take_detail(outer: &mut Span, inner: &Span) {
    use crate::evidence::UNKNOWN;
    if !outer.values.is_known() {
        outer.values = inner.values;
    }
    for (mine, theirs) in [
        (&mut outer.rows, inner.rows),
        (&mut outer.response_bytes, inner.response_bytes),
        (&mut outer.thread, inner.thread),
    ] {
        if *mine == UNKNOWN {
            *mine = theirs;
        }
    }
    if outer.location.0 == 0 {
        outer.location = inner.location;
    }
    if outer.target.0 == 0 {
        outer.target = inner.target;
    }
    outer.retries = outer.retries.max(inner.retries);
}

/// The shift that puts a request into the call that made it; zero if it is there already.
fn shift_into(request: &Request, call: &Span) -> i64 {
    let inside = request.start_ns >= call.start_ns && request.end_ns <= call.end_ns;
    let call_ns = call.end_ns - call.start_ns;
    if inside || (!request.waited_for && request.start_ns >= call.start_ns) {
        return 0;
    }
    let wanted_ns = match call_ns.checked_sub(request.duration_ns()) {
        Some(slack_ns) if request.waited_for => call.start_ns + slack_ns / 2,
        _ if request.start_ns < call.start_ns => call.start_ns,
        _ => return 0,
    };
    wanted_ns.wrapping_sub(request.start_ns).cast_signed()
}
