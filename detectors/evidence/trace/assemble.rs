//! From the spans of one trace to its tree of requests.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::ancestry::Ancestry;
use super::covers::{Covers, Process};
use super::forms::Forms;
use super::layers::{Layer, layer, take_detail};
use super::path::{Walker, tolerance_ns};
use super::{EndpointName, NONE, Operation, Request, Trace, clock_steps, skew};
use crate::evidence::shape::Family;
use crate::evidence::{Dictionary, Kind, Role, ShapeRef, Span, SpanId, TraceId};

/// So many spans of the service's own code may lie between two layers that report one statement.
const BETWEEN_LAYERS_MAX: usize = 8;

/// Builds traces, all of one dictionary; keeps its scratch space from one to the next.
#[derive(Debug, Default)]
pub struct Assembler {
    trace: Trace,
    forms: Forms,
    /// Spans by their ids; empty until a parent is found in no other way.
    numbers: FxHashMap<SpanId, u32>,
    /// For a request that is over, the request that gathers what it left running.
    background: FxHashMap<u32, u32>,
    /// For a process, the request that gathers what belongs to no other.
    incomplete: FxHashMap<Process, u32>,
    nodes: Vec<Node>,
    ancestry: Ancestry,
    climbed: Vec<u32>,
    /// Spans that are a call itself, each with the span that surrounds it.
    cores: Vec<(u32, u32)>,
    /// Whether operations of each kind are reported by more than one library or process.
    reporters_differ: [bool; Kind::COUNT],
    /// Some spans begin at the same time.
    begin_together: bool,
    /// Some calls are reported by more than one layer.
    has_layers: bool,
    /// Where the operations of each request end, while they are placed.
    ends: Vec<u32>,
    placed: Vec<u32>,
    walker: Walker,
}

/// What is found out about a span before it is placed.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// Number of the parent span; [`NONE`] for a root.
    parent: u32,
    /// The request it belongs to; [`NONE`] until known.
    request: u32,
    /// The request in which it stands for the call that was not recorded; [`NONE`] as a rule.
    called_from: u32,
    /// The span that stands for it, which reports the same call; [`NONE`] as a rule.
    stand_in: u32,
    /// Its place among the operations.
    place: u32,
    /// Parent is named but not there, and no request is found for it yet.
    orphan: bool,
    /// A request of another service begins below it.
    calls: bool,
    /// It opened its request and is no operation of it.
    opens: bool,
    /// It stands for another span.
    stands: bool,
    /// A span below it is the call itself; this one is what surrounds it.
    surrounds: bool,
    /// On the way up from a child: reached again, the parents form a ring.
    climbing: bool,
    /// What is above it is undecided and must be decided first.
    waits: bool,
}

impl Node {
    /// Shows the requests of which it is an operation, with the mark that it has there.
    fn homes(&self, mut show: impl FnMut(u32, u32)) {
        if !self.opens && self.stand_in == NONE && self.request != NONE {
            show(self.request, 0);
        }
        if self.called_from != NONE {
            show(self.called_from, AS_CALL);
        }
    }
}

/// So many spans that began just before are searched for an outer layer beside a span: more only
/// where many statements run at once.
const BESIDE_MAX: u32 = 32;

/// So many spans are looked at before a parent is looked up by its id.
const ABOVE_MAX: usize = 8;

/// Marks a span in [`Assembler::placed`] that stands for the call that opened its request.
const AS_CALL: u32 = 1 << 31;

impl Assembler {
    /// Builds the tree of requests from the spans of one trace, sorted by start and id, each id once; the
    /// first one may stand for those that were lost.
    pub fn assemble(&mut self, id: TraceId, spans: &[Span], dictionary: &Dictionary) -> &Trace {
        // Numbers above are taken; no trace that fits into memory has more.
        let spans = &spans[..spans.len().min(AS_CALL as usize)];
        let lost = spans.first().is_some_and(Span::is_lost);
        let spans = &spans[usize::from(lost)..];
        self.trace.clear();
        self.trace.id = id;
        self.trace.lost_spans = lost;
        match self.forms.assemble(id, spans, &mut self.trace) {
            Some(true) => {}
            Some(false) => self.set_times(dictionary),
            None => {
                self.assemble_fully(spans, dictionary);
                self.learn_form(spans, dictionary);
            }
        }
        debug_assert!(self.trace.form.is_none() || self.is_as_assembled_fully(spans, dictionary));
        &self.trace
    }

    fn assemble_fully(&mut self, spans: &[Span], dictionary: &Dictionary) {
        self.clear(spans.len());
        self.link(spans, dictionary);
        self.own_all(spans, dictionary);
        self.adopt(spans, dictionary);
        self.place(spans);
        self.fill(spans, dictionary);
        self.join_calls();
        self.set_times(dictionary);
    }

    /// Mends what clocks tell wrongly, and finds out what was waited for.
    fn set_times(&mut self, dictionary: &Dictionary) {
        clock_steps::undo(&mut self.trace);
        skew::undo(&mut self.trace, dictionary);
        self.walk();
    }

    /// Keeps the form of the trace, if it has one.
    fn learn_form(&mut self, spans: &[Span], dictionary: &Dictionary) {
        let mut forms = std::mem::take(&mut self.forms);
        let parents = self.nodes.iter().map(|node| node.parent);
        forms.learn(spans, parents, &self.placed, &self.trace, || self.has_form(spans, dictionary));
        self.forms = forms;
    }

    /// Whether what the trace is depends on its times only in that each span is within its parent and none begins together
    /// with another.
    fn has_form(&self, spans: &[Span], dictionary: &Dictionary) -> bool {
        let of_store = [Kind::Sql, Kind::Document, Kind::Cache];
        let is_of_request = |name| matches!(name, EndpointName::Route(_) | EndpointName::Root(_));
        self.trace.orphans == 0
            && !self.has_layers
            && !self.begin_together
            && !of_store.into_iter().any(|kind| self.reporters_differ[kind as usize])
            && self.trace.requests.iter().all(|request| is_of_request(request.name))
            && (0..spans.len() as u32).all(|number| self.stays(number, spans, dictionary))
    }

    /// Whether a span that is within its parent belongs where it does whatever the times are.
    fn stays(&self, number: u32, spans: &[Span], dictionary: &Dictionary) -> bool {
        let (span, node) = (&spans[number as usize], &self.nodes[number as usize]);
        let Some(above) = self.node(node.parent).filter(|_| node.parent < number) else {
            return node.parent == NONE && node.opens;
        };
        // An entry below code of its own process may say again what is around it.
        if node.opens || span.kind == Kind::Entry {
            return node.opens && span.kind == Kind::Entry && is_call(&spans[node.parent as usize]);
        }
        let covered_by = self.ancestry.covered_by(number);
        if covered_by != if above.opens { NONE } else { node.parent } {
            return false;
        }
        // The longer it is, the sooner it is the same call as what is around it.
        let outer = spans.get(self.outer_layer(number, covered_by, spans) as usize);
        outer.is_none_or(|outer| {
            let filling = Span { start_ns: outer.start_ns, end_ns: outer.end_ns, ..*span };
            layer(outer, &filling, dictionary) == Layer::Apart
        })
    }

    /// Whether a trace that was put together from its form is what it would be otherwise.
    fn is_as_assembled_fully(&mut self, spans: &[Span], dictionary: &Dictionary) -> bool {
        let Trace { id, lost_spans, .. } = self.trace;
        let by_form = std::mem::take(&mut self.trace);
        (self.trace.id, self.trace.lost_spans) = (id, lost_spans);
        self.assemble_fully(spans, dictionary);
        let fully = std::mem::replace(&mut self.trace, by_form);
        let by_form = &self.trace;
        (by_form.orphans, by_form.skew_ns) == (fully.orphans, fully.skew_ns)
            && by_form.requests == fully.requests
            && by_form.operations == fully.operations
            && by_form.segments == fully.segments
    }

    fn clear(&mut self, spans: usize) {
        self.numbers.clear();
        self.background.clear();
        self.incomplete.clear();
        self.nodes.clear();
        self.cores.clear();
        self.begin_together = false;
        self.has_layers = false;
        self.ancestry.clear(spans);
    }

    /// Finds each span's parent by its id.
    fn link(&mut self, spans: &[Span], dictionary: &Dictionary) {
        let mut reporters = [None; Kind::COUNT];
        let mut ids_are_shared = false;
        self.reporters_differ = [false; _];
        let mut before_ns = None;
        for span in spans {
            self.begin_together |= before_ns.replace(span.start_ns) == Some(span.start_ns);
            ids_are_shared |= span.is_server_side();
            let first = reporters[span.kind as usize].get_or_insert(span.origin);
            self.reporters_differ[span.kind as usize] |= *first != span.origin;
        }
        for number in 0..spans.len() as u32 {
            let server = if ids_are_shared { self.server_above(number, spans, dictionary) } else { NONE };
            let parent = if server == NONE { self.parent_of(number, spans) } else { server };
            self.nodes.push(Node {
                parent,
                request: NONE,
                called_from: NONE,
                stand_in: NONE,
                place: NONE,
                orphan: parent == NONE && spans[number as usize].parent != 0,
                calls: false,
                opens: false,
                stands: false,
                surrounds: false,
                climbing: false,
                waits: false,
            });
        }
    }

    /// The number of a span's parent; most often it is the span that began just before, or above that.
    fn parent_of(&mut self, number: u32, spans: &[Span]) -> u32 {
        let parent = spans[number as usize].parent;
        if parent == 0 {
            return NONE;
        }
        let mut at = number.checked_sub(1).unwrap_or(NONE);
        for _ in 0..ABOVE_MAX {
            let Some(node) = self.node(at) else { break };
            if spans[at as usize].id == parent {
                return at;
            }
            at = node.parent;
        }
        self.number_of(parent, spans).filter(|&parent| parent != number).unwrap_or(NONE)
    }

    /// The number of the span with an id; the first one that is asked for counts them all.
    fn number_of(&mut self, id: SpanId, spans: &[Span]) -> Option<u32> {
        if self.numbers.is_empty() {
            self.numbers.extend(spans.iter().enumerate().map(|(number, span)| (span.id, number as u32)));
        }
        self.numbers.get(&id).copied()
    }

    /// Where client and server share an id, the number of the server's span if the span was recorded
    /// beside it.
    fn server_above(&mut self, number: u32, spans: &[Span], dictionary: &Dictionary) -> u32 {
        let span = &spans[number as usize];
        let service = |span: &Span| dictionary.origin(span.origin).service;
        let is_above = |&other: &u32| {
            let server = &spans[other as usize];
            other != number && server.is_server_side() && service(server) == service(span)
        };
        self.number_of(Span::server_side(span.parent), spans).filter(is_above).unwrap_or(NONE)
    }

    /// Decides for every span that hangs on a root or on something decided.
    fn own_all(&mut self, spans: &[Span], dictionary: &Dictionary) {
        for node in &mut self.nodes {
            node.waits = false;
        }
        for number in 0..spans.len() as u32 {
            self.own(number, spans, dictionary);
        }
    }

    /// Decides for a span, after all above it, which request it belongs to.
    fn own(&mut self, number: u32, spans: &[Span], dictionary: &Dictionary) {
        let node = &self.nodes[number as usize];
        if node.request != NONE || node.waits {
            return;
        }
        // As a rule what is above began before and is decided.
        if self.node(node.parent).is_none_or(|above| above.request != NONE) {
            self.decide(number, spans, dictionary);
            let node = &mut self.nodes[number as usize];
            node.waits = node.request == NONE;
            return;
        }
        self.climbed.clear();
        let mut at = number;
        while self.node(at).is_some_and(|node| node.request == NONE && !node.waits) {
            if self.nodes[at as usize].climbing {
                // The parents form a ring: it is cut where it was entered.
                self.nodes[at as usize].parent = NONE;
                self.nodes[at as usize].orphan = true;
                break;
            }
            self.nodes[at as usize].climbing = true;
            self.climbed.push(at);
            at = self.nodes[at as usize].parent;
        }
        while let Some(number) = self.climbed.pop() {
            self.decide(number, spans, dictionary);
            let node = &mut self.nodes[number as usize];
            (node.climbing, node.waits) = (false, node.request == NONE);
        }
    }

    fn node(&self, number: u32) -> Option<&Node> {
        self.nodes.get(number as usize)
    }

    /// Decides for one span; nothing if what is above it is undecided.
    fn decide(&mut self, number: u32, spans: &[Span], dictionary: &Dictionary) {
        let span = &spans[number as usize];
        let Node { parent, orphan, .. } = self.nodes[number as usize];
        let Some(&above) = self.node(parent) else {
            if !orphan || span.kind == Kind::Entry {
                self.nodes[number as usize].orphan = false;
                self.open(number, root_name(span, dictionary), NONE, spans);
            }
            return;
        };
        if above.request == NONE {
            return;
        }
        match span.kind {
            Kind::Entry => self.enter(number, spans, dictionary),
            // Servers that are called within a test have no span of their own, only that of the framework.
            Kind::Internal if is_endpoint(span, dictionary) && self.is_test(above.request, dictionary) => {
                self.enter(number, spans, dictionary);
            }
            _ if self.is_over(above.request, span) => {
                self.after_the_end(number, parent, above.request, spans, dictionary);
            }
            _ => self.join(number, parent, above.request, spans, dictionary),
        }
    }

    fn is_test(&self, request: u32, dictionary: &Dictionary) -> bool {
        self.trace.requests[request as usize].is_test(dictionary)
    }

    /// Whether a request had ended when a span began.
    fn is_over(&self, request: u32, span: &Span) -> bool {
        let request = &self.trace.requests[request as usize];
        let recorded = matches!(request.name, EndpointName::Route(_) | EndpointName::Root(_));
        recorded && span.start_ns >= request.end_ns && span.start_ns > request.start_ns
    }

    /// An entry span below others: a request of its own, or another layer of the same server.
    fn enter(&mut self, number: u32, spans: &[Span], dictionary: &Dictionary) {
        let span = &spans[number as usize];
        let parent = self.nodes[number as usize].parent;
        let home = self.nodes[parent as usize].request;
        let apart = self.is_over(home, span) || is_call(&spans[parent as usize]);
        if !apart && self.says_again(span, home, dictionary) {
            if span.shape != ShapeRef::default() {
                // The inner layer is the framework, which knows the route.
                self.trace.requests[home as usize].name = EndpointName::Route(span.shape);
            }
            return self.join(number, parent, home, spans, dictionary);
        }
        let name = EndpointName::Route(span.shape);
        if apart || span.role == Role::Consumer {
            return self.open(number, name, parent, spans);
        }
        if Process::of(span, dictionary) != Process::of(&spans[parent as usize], dictionary) {
            return self.open_as_call(number, name, spans);
        }
        // Below the span of a program or a loop that serves requests each one is an entry.
        let nested = matches!(self.trace.requests[home as usize].name, EndpointName::Route(_));
        self.open(number, name, if nested { parent } else { NONE }, spans);
    }

    /// Opens a request whose client reported nothing: it stands for the call to it, too.
    fn open_as_call(&mut self, number: u32, name: EndpointName, spans: &[Span]) {
        let span = &spans[number as usize];
        let parent = self.nodes[number as usize].parent;
        let home = self.nodes[parent as usize].request;
        let covered_by = self.covering(span, parent);
        self.open(number, name, number, spans);
        self.nodes[number as usize].called_from = home;
        self.ancestry.put(number, covered_by, span.start_ns, latest_ns(span));
        self.widen(home, span);
    }

    /// Whether an entry span says again what its request's own entry span said.
    fn says_again(&self, span: &Span, home: u32, dictionary: &Dictionary) -> bool {
        let request = &self.trace.requests[home as usize];
        let alike =
            (span.end_ns - span.start_ns).saturating_mul(10) >= request.duration_ns().saturating_mul(7);
        matches!(request.name, EndpointName::Route(_))
            && !request.is_test(dictionary)
            && alike
            && span.start_ns >= request.start_ns
            && Process::of(span, dictionary) == Process::of(&request.opened_by, dictionary)
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
        if is_endpoint(span, dictionary) {
            return self.open(number, EndpointName::Route(span.shape), NONE, spans);
        }
        if let Some(&background) = self.background.get(&home) {
            return self.join(number, parent, background, spans, dictionary);
        }
        let name = match self.trace.requests[home as usize].name {
            EndpointName::Route(route) => EndpointName::Background(route),
            _ => EndpointName::NoRequest,
        };
        self.background.insert(home, self.trace.requests.len() as u32);
        self.open(number, name, NONE, spans);
    }

    /// Opens a request. `caller` is a span here; it becomes an operation once all are placed.
    fn open(&mut self, number: u32, name: EndpointName, caller: u32, spans: &[Span]) {
        let span = spans[number as usize];
        let node = &mut self.nodes[number as usize];
        node.request = self.trace.requests.len() as u32;
        node.opens = matches!(name, EndpointName::Route(_) | EndpointName::Root(_));
        if !node.opens {
            self.ancestry.put(number, NONE, span.start_ns, latest_ns(&span));
        }
        self.trace.requests.push(Request {
            trace: self.trace.id,
            opened_by: span,
            name,
            start_ns: span.start_ns,
            end_ns: span.end_ns,
            caller,
            waited_for: false,
            operations: 0..0,
            segments: 0..0,
            path_ns: [0; _],
            guessed: false,
        });
    }

    /// Makes a span an operation of a request.
    fn join(&mut self, number: u32, parent: u32, home: u32, spans: &[Span], dictionary: &Dictionary) {
        let span = &spans[number as usize];
        let covered_by = self.covering(span, parent);
        let covered_by =
            if self.node(covered_by).is_some_and(|cover| cover.request == home) { covered_by } else { NONE };
        self.ancestry.put(number, covered_by, span.start_ns, latest_ns(span));
        self.nodes[number as usize].request = home;
        self.layer(number, covered_by, spans, dictionary);
        self.layer_beside(number, spans, dictionary);
        self.widen(home, span);
    }

    /// A made-up request lasts as long as what it gathers.
    fn widen(&mut self, request: u32, span: &Span) {
        let request = &mut self.trace.requests[request as usize];
        if !matches!(request.name, EndpointName::Route(_) | EndpointName::Root(_)) {
            request.start_ns = request.start_ns.min(span.start_ns);
            request.end_ns = request.end_ns.max(span.end_ns);
        }
    }

    /// Finds out whether a span reports the same call as one that covers it.
    fn layer(&mut self, number: u32, covered_by: u32, spans: &[Span], dictionary: &Dictionary) {
        let span = &spans[number as usize];
        let outer = self.outer_layer(number, covered_by, spans);
        let Some(node) = self.node(outer).filter(|node| !node.surrounds) else { return };
        let above = &spans[outer as usize];
        // One span stands for one call only, but for all layers of it.
        let parent = self.nodes[number as usize].parent;
        let taken = node.stands && self.node(parent).is_none_or(|parent| parent.stand_in != outer);
        let same_process =
            span.origin == above.origin || Process::of(span, dictionary) == Process::of(above, dictionary);
        if taken || !same_process {
            return;
        }
        // What lies between two layers would take the call's time for its own.
        let direct = outer == covered_by;
        match layer(above, span, dictionary) {
            Layer::Apart => {}
            Layer::Same if direct => {
                self.has_layers = true;
                self.nodes[outer as usize].stands = true;
                self.nodes[number as usize].stand_in = outer;
            }
            Layer::Same | Layer::Core => {
                self.has_layers = true;
                self.nodes[outer as usize].surrounds = true;
                self.cores.push((number, outer));
            }
        }
    }

    /// The span around another that may report the same call; [`NONE`] if there is none.
    fn outer_layer(&self, number: u32, covered_by: u32, spans: &[Span]) -> u32 {
        let mut outer = covered_by;
        for _ in 0..BETWEEN_LAYERS_MAX {
            let between = self.node(outer).is_some() && spans[outer as usize].kind == Kind::Internal;
            if !between || spans[number as usize].kind != Kind::Sql {
                break;
            }
            outer = self.ancestry.covered_by(outer);
        }
        outer
    }

    /// Finds out whether a span reports the same call as one beside it: SQLAlchemy's spans cover
    /// those of its drivers but are not their parents.
    fn layer_beside(&mut self, number: u32, spans: &[Span], dictionary: &Dictionary) {
        let (span, node) = (&spans[number as usize], self.nodes[number as usize]);
        let library = |span: &Span| dictionary.origin(span.origin).library;
        if !self.reporters_differ[span.kind as usize] || !is_of_store(span) || node.stand_in != NONE {
            return;
        }
        let earlier = (number.saturating_sub(BESIDE_MAX)..number).rev();
        let outer = earlier.into_iter().find(|&other| {
            let (outer, beside) = (&spans[other as usize], &self.nodes[other as usize]);
            let free = beside.stand_in == NONE && !beside.stands && !beside.surrounds;
            free && beside.parent == node.parent
                && beside.request == node.request
                && outer.end_ns >= span.end_ns
                && outer.kind == span.kind
                && library(outer) != library(span)
                && Process::of(outer, dictionary) == Process::of(span, dictionary)
                && layer(outer, span, dictionary) != Layer::Apart
        });
        let Some(outer) = outer else { return };
        match layer(&spans[outer as usize], span, dictionary) {
            Layer::Apart => {}
            Layer::Same => {
                self.has_layers = true;
                self.nodes[outer as usize].stands = true;
                self.nodes[number as usize].stand_in = outer;
            }
            Layer::Core => {
                self.has_layers = true;
                self.ancestry.put(number, outer, span.start_ns, latest_ns(span));
                self.nodes[outer as usize].surrounds = true;
                self.cores.push((number, outer));
            }
        }
    }

    /// The innermost span from `above` upwards, in the same request, that covers `span` in time.
    fn covering(&self, span: &Span, above: u32) -> u32 {
        match self.node(above) {
            None => NONE,
            Some(node) if node.opens => NONE,
            Some(node) if node.stand_in != NONE => {
                self.ancestry.innermost(node.stand_in, span.start_ns, span.end_ns)
            }
            Some(_) => self.ancestry.innermost(above, span.start_ns, span.end_ns),
        }
    }

    /// Finds a request for spans whose parent is missing: the one that covers them, if there is
    /// exactly one. Those that call others go first, so that all requests are known to the rest.
    fn adopt(&mut self, spans: &[Span], dictionary: &Dictionary) {
        if self.nodes.iter().all(|node| node.request != NONE) {
            return;
        }
        self.mark_callers(spans);
        for calls in [true, false] {
            let covers = Covers::new(&self.trace.requests, dictionary);
            for number in 0..spans.len() as u32 {
                let node = &self.nodes[number as usize];
                if node.orphan && node.request == NONE && node.calls == calls {
                    self.adopt_one(number, &covers, spans, dictionary);
                }
            }
            self.own_all(spans, dictionary);
        }
    }

    /// Marks the orphans below which requests of their own begin.
    fn mark_callers(&mut self, spans: &[Span]) {
        let entries = spans.iter().enumerate().filter(|(_, span)| span.kind == Kind::Entry);
        for (number, _) in entries {
            let mut at = number as u32;
            while let Some(node) =
                self.nodes.get_mut(at as usize).filter(|node| node.request == NONE && !node.calls)
            {
                node.calls = true;
                at = node.parent;
            }
        }
    }

    fn adopt_one(&mut self, number: u32, covers: &Covers, spans: &[Span], dictionary: &Dictionary) {
        let span = &spans[number as usize];
        let process = Process::of(span, dictionary);
        self.trace.orphans += 1;
        let home = covers.only(process, span.start_ns, span.end_ns);
        match home.or_else(|| self.incomplete.get(&process).copied()) {
            Some(home) => self.join(number, NONE, home, spans, dictionary),
            None => {
                self.incomplete.insert(process, self.trace.requests.len() as u32);
                self.open(number, EndpointName::Incomplete, NONE, spans);
            }
        }
    }

    /// Puts the operations of each request side by side, in time order, parents first.
    fn place(&mut self, spans: &[Span]) {
        let mut ends = std::mem::take(&mut self.ends);
        ends.clear();
        ends.resize(self.trace.requests.len(), 0);
        for node in &self.nodes {
            node.homes(|home, _| ends[home as usize] += 1);
        }
        let mut filled = 0;
        for (request, end) in self.trace.requests.iter_mut().zip(&mut ends) {
            request.operations = filled..filled + *end;
            filled += *end;
            *end = request.operations.start;
        }
        self.placed.clear();
        self.placed.resize(filled as usize, 0);
        for (number, node) in self.nodes.iter().enumerate() {
            node.homes(|home, mark| {
                let end = &mut ends[home as usize];
                self.placed[*end as usize] = number as u32 | mark;
                *end += 1;
            });
        }
        self.ends = ends;
        if !self.begin_together {
            return;
        }
        let start_ns = |number: u32| spans[(number & !AS_CALL) as usize].start_ns;
        for request in &self.trace.requests {
            // They come by start and id: only those that begin together may have to change places.
            let placed = &mut self.placed[range(&request.operations)];
            for together in placed.chunk_by_mut(|&one, &other| start_ns(one) == start_ns(other)) {
                together.sort_by_key(|&number| {
                    let number = number & !AS_CALL;
                    (self.ancestry.depth(number), spans[number as usize].id)
                });
            }
        }
    }

    /// Makes the operations, each with what all layers know of it.
    fn fill(&mut self, spans: &[Span], dictionary: &Dictionary) {
        for (place, &number) in self.placed.iter().enumerate() {
            self.nodes[(number & !AS_CALL) as usize].place = place as u32;
        }
        let place_of = |number: u32| self.nodes.get(number as usize).map_or(NONE, |node| node.place);
        for &number in &self.placed {
            let (as_call, number) = (number & AS_CALL != 0, number & !AS_CALL);
            let mut span = spans[number as usize];
            if as_call {
                (span.kind, span.role) = (Kind::Rpc, Role::Client);
            } else if self.nodes[number as usize].surrounds {
                (span.kind, span.shape) = (Kind::Internal, ShapeRef::default());
            }
            let parent = place_of(self.ancestry.covered_by(number));
            self.trace.operations.push(Operation { span, parent, called: NONE, path_ns: 0, self_path_ns: 0 });
        }
        if !self.has_layers {
            return;
        }
        let layers = self.nodes.iter().zip(spans).map(|(node, inner)| (node.stand_in, inner));
        let cores = self.cores.iter().map(|&(core, outer)| (core, &spans[outer as usize]));
        for (number, other) in layers.chain(cores) {
            if let Some(operation) = self.trace.operations.get_mut(place_of(number) as usize) {
                take_detail(&mut operation.span, other, dictionary);
            }
        }
    }

    /// Joins each request with the operation that called it.
    fn join_calls(&mut self) {
        for (number, request) in self.trace.requests.iter_mut().enumerate() {
            // The span that opened another request is no operation, except in place of the call to it.
            let caller = self.nodes.get(request.caller as usize);
            let caller = caller.filter(|caller| !caller.opens || caller.request == number as u32);
            let stand_in = caller.and_then(|caller| self.nodes.get(caller.stand_in as usize));
            request.caller = stand_in.or(caller).map_or(NONE, |caller| caller.place);
            let Some(operation) = self.trace.operations.get_mut(request.caller as usize) else { continue };
            if operation.called == NONE {
                operation.called = number as u32;
            }
            let hands_over = operation.kind == Kind::Publish || operation.role == Role::Producer;
            request.waited_for = !hands_over && request.opened_by.role != Role::Consumer;
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

/// Until when something that a span waits for may end.
fn latest_ns(span: &Span) -> u64 {
    span.end_ns.saturating_add(tolerance_ns(span.end_ns - span.start_ns))
}

/// Whether a span reports a call from its caller's side.
fn is_call(span: &Span) -> bool {
    matches!(span.role, Role::Client | Role::Producer)
}

/// Whether a span reports a statement or command to a database or cache.
fn is_of_store(span: &Span) -> bool {
    matches!(span.kind, Kind::Sql | Kind::Document | Kind::Cache)
}

/// Whether a span names an endpoint.
fn is_endpoint(span: &Span, dictionary: &Dictionary) -> bool {
    dictionary.shape(span.shape).id.family == Family::Endpoint
}

/// The endpoint of a span without a caller.
fn root_name(span: &Span, dictionary: &Dictionary) -> EndpointName {
    match span.kind {
        Kind::Entry => EndpointName::Route(span.shape),
        Kind::Internal if is_endpoint(span, dictionary) => EndpointName::Route(span.shape),
        Kind::Internal => EndpointName::Root(span.name),
        _ => EndpointName::NoRequest,
    }
}
