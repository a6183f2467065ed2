//! Traces for tests, told call by call.
//!
//! Times are milliseconds from the start of the trace. Calls hang below the request, or below what
//! [`TraceBuilder::inside`] has opened around them.

use crate::analysis::{Analysis, Gathers};
use crate::candidate::Candidate;
use crate::docket::{Docket, Found};
use crate::evidence::shape::sql::{Comparison, Facts, Predicate, Verb};
use crate::evidence::shape::{Family, Shape, ShapeId};
use crate::evidence::trace::{Assembler, Trace};
use crate::evidence::{
    Body, ConnectionUse, Dictionary, Effort, Failure, Kind, Logged, Origin, OriginRef, Role, ServerEvents,
    ShapeRef, Span, Status, UNKNOWN, Values, session_id,
};
use crate::finding::Report;
use crate::inspection::Inspection;
use crate::queries::{Measured, Queries};
use crate::settings::Settings;

/// Numbers that are the same in each run (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Less than this.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Between half of it and half more.
    pub(crate) fn about(&mut self, ns: u64) -> u64 {
        if ns == 0 { 0 } else { ns / 2 + self.next() % ns }
    }
}

/// What is left of those traces for whose number it holds.
pub(crate) fn docket(dictionary: &Dictionary, traces: &[Vec<Span>], here: impl Fn(usize) -> bool) -> Docket {
    let settings = Settings::default();
    let mut analysis = Analysis::new(&settings);
    for (number, spans) in traces.iter().enumerate().filter(|(number, _)| here(*number)) {
        analysis.take(number as u128 + 1, spans, dictionary);
    }
    analysis.into_gathered()
}

/// Starts a trace of a service that is written in Python.
pub(crate) fn trace() -> TraceBuilder {
    TraceBuilder::default()
}

/// Spans of one trace and their dictionary.
#[derive(Debug, Default)]
pub(crate) struct TraceBuilder {
    pub(crate) dictionary: Dictionary,
    pub(crate) spans: Vec<Span>,
    /// Spans that what follows is below; the innermost last.
    open: Vec<u64>,
    origin: OriginRef,
    library: String,
    service: String,
    language: Option<&'static str>,
    server: Option<&'static str>,
}

/// What was found in a trace, with the texts to read it by.
#[derive(Debug)]
pub(crate) struct Inspected {
    pub(crate) dictionary: Dictionary,
    pub(crate) trace: Trace,
    pub(crate) found: Vec<Found>,
}

impl TraceBuilder {
    /// A request of `shop`, from and to in milliseconds.
    pub(crate) fn entry(mut self, name: &str, from: f64, to: f64) -> Self {
        if self.service.is_empty() {
            self.service = "shop".to_owned();
        }
        self = self.by_server();
        let shape = self.shape(Family::Endpoint, name, None);
        self.add(Span { kind: Kind::Entry, role: Role::Server, shape, ..Span::default() }, from, to);
        let entry = self.spans.len() as u64;
        self.open.push(entry);
        self
    }

    /// A test; what follows is within it.
    pub(crate) fn test(mut self, name: &str, from: f64, to: f64) -> Self {
        let shape = self.shape(Family::Test, name, None);
        self.add(Span { kind: Kind::Entry, shape, ..Span::default() }, from, to);
        self.open.push(self.spans.len() as u64);
        self
    }

    /// A request that a framework serves below a span of the same process.
    pub(crate) fn endpoint_inside(mut self, name: &str, from: f64, to: f64) -> Self {
        let shape = self.shape(Family::Endpoint, name, None);
        self.add(Span { kind: Kind::Internal, shape, ..Span::default() }, from, to);
        self.open.push(self.spans.len() as u64);
        self
    }

    /// From here on spans belong to another service.
    pub(crate) fn service(mut self, service: &str) -> Self {
        self.service = service.to_owned();
        self.by("server")
    }

    /// From here on spans are recorded in this language.
    pub(crate) fn language(mut self, language: &'static str) -> Self {
        self.language = Some(language);
        self.by_server()
    }

    /// From here on requests are recorded by this instrumentation.
    pub(crate) fn server(mut self, server: &'static str) -> Self {
        self.server = Some(server);
        self
    }

    fn by_server(self) -> Self {
        let server = self.server.unwrap_or("server");
        self.by(server)
    }

    /// From here on spans are recorded by this instrumentation.
    pub(crate) fn by(mut self, library: &str) -> Self {
        self.library = library.to_owned();
        let service = if self.service.is_empty() { "shop" } else { &self.service };
        let service = self.dictionary.symbol(service);
        let library = self.dictionary.symbol(&self.library);
        let language = self.dictionary.symbol(self.language.unwrap_or("python"));
        let origin = Origin { service, instance: service, library, language, ..Origin::default() };
        self.origin = self.dictionary.origin_ref(origin);
        self
    }

    /// An internal span; what follows is below it until [`Self::out`].
    pub(crate) fn inside(mut self, name: &str, from: f64, to: f64) -> Self {
        self = self.internal(name, from, to);
        let inside = self.spans.len() as u64;
        self.open.push(inside);
        self
    }

    /// What follows is below the call that was added last, until [`Self::out`].
    pub(crate) fn below(mut self) -> Self {
        self.open.push(self.spans.len() as u64);
        self
    }

    /// Leaves what was opened last.
    pub(crate) fn out(mut self) -> Self {
        self.open.pop();
        self
    }

    /// An internal span without anything below it.
    pub(crate) fn internal(mut self, name: &str, from: f64, to: f64) -> Self {
        let name = self.dictionary.symbol(name);
        self.add(Span { name, ..Span::default() }, from, to);
        self
    }

    /// A statement whose values are hidden.
    pub(crate) fn sql(mut self, text: &str, from: f64, to: f64) -> Self {
        let shape = self.shape(Family::Statement, text, Some(facts(text)));
        self.add(Span { kind: Kind::Sql, role: Role::Client, shape, ..Span::default() }, from, to);
        self
    }

    /// A call of another kind: URL, command, method or destination.
    pub(crate) fn call(mut self, kind: Kind, text: &str, from: f64, to: f64) -> Self {
        let family = if kind == Kind::Http { Family::Url } else { Family::Other };
        let shape = self.shape(family, text, None);
        self.add(Span { kind, role: Role::Client, shape, ..Span::default() }, from, to);
        self
    }

    /// An HTTP call.
    pub(crate) fn http(self, text: &str, from: f64, to: f64) -> Self {
        self.call(Kind::Http, text, from, to)
    }

    /// Gives the span that was added last known values: the same number, the same values; zero: none.
    pub(crate) fn values(mut self, values: u64) -> Self {
        self.last().values = if values == 0 { Values::NONE } else { Values::hashed(values + 1000) };
        self
    }

    /// Gives the span that was added last a number of rows.
    pub(crate) fn rows(mut self, rows: u32) -> Self {
        self.last().rows = rows;
        self
    }

    /// Says of the span that was added last how many rows the server read for it, and what else it says.
    pub(crate) fn examined(mut self, rows: u32, effort: Effort) -> Self {
        (self.last().examined, self.last().effort) = (rows, effort);
        self
    }

    /// Gives the span that was added last a body of so many bytes.
    pub(crate) fn body(mut self, body: Body, bytes: u32) -> Self {
        (self.last().body, self.last().response_bytes) = (body, bytes);
        self
    }

    /// Gives the span that was added last this many values in its text.
    pub(crate) fn parameters(mut self, parameters: u32) -> Self {
        self.last().parameters = parameters;
        self
    }

    /// The span that was added last sent so many at once.
    pub(crate) fn batch(mut self, statements: u32) -> Self {
        self.last().repeats = statements;
        self
    }

    /// Makes the span that was added last stand for so many calls one after another.
    pub(crate) fn composite(mut self, calls: u32) -> Self {
        (self.last().repeats, self.last().composite) = (calls, true);
        self
    }

    /// Gives the span that was added last a target.
    pub(crate) fn target(mut self, target: &str) -> Self {
        let target = self.dictionary.symbol(target);
        self.last().target = target;
        self
    }

    /// Gives the span that was added last a place in the source.
    pub(crate) fn at(mut self, file: &str, line: u32) -> Self {
        let file = self.dictionary.symbol(file);
        let location =
            self.dictionary.location_ref(crate::evidence::Location { file, line, ..Default::default() });
        self.last().location = location;
        self
    }

    /// The span that was added last has failed.
    pub(crate) fn failed(mut self) -> Self {
        self.last().status = Status::Error;
        self
    }

    /// The execution that was added last failed for this reason.
    pub(crate) fn failed_by(mut self, failure: Failure) -> Self {
        let last = self.last();
        (last.status, last.status_code) = (Status::Error, failure as u16);
        self
    }

    /// A line of a server's log about a lock that the next execution waits for so long; it is written at the end.
    pub(crate) fn locked(mut self, text: &str, from: f64, to: f64) -> Self {
        self = self.sql(text, to, to + (to - from));
        self.last().logged = Logged::Locked;
        let mut told = ServerEvents::default();
        told.lock_wait();
        self.dictionary.note_server(told);
        self
    }

    /// An execution in a server's log, with what it wrote to temporary files; then the trace is a session.
    pub(crate) fn execution(mut self, text: &str, from: f64, to: f64, written: u32) -> Self {
        if written != UNKNOWN {
            self = self.sql(text, to, to);
            let spilled = self.last();
            (spilled.logged, spilled.response_bytes) = (Logged::Spilled, written);
        }
        // A line has the time at which what it tells of has ended.
        self = self.sql(text, to, to + (to - from));
        self.last().logged = Logged::Execution;
        self
    }

    /// Repeats a piece of the trace.
    pub(crate) fn each(self, times: u32, piece: impl Fn(Self, f64) -> Self) -> Self {
        (0..times).fold(self, |trace, number| piece(trace, f64::from(number)))
    }

    /// Many traces of one kind, each told with its number; judged together.
    pub(crate) fn judge(mut self, traces: u32, request: impl Fn(Self, u32) -> Self) -> Report {
        let mut docket: Docket = self.gather(traces, request);
        crate::judge::judge(&mut docket, &self.dictionary, &Settings::default(), "whyslow run")
    }

    /// Many traces of one kind, each told with its number; their statements are counted.
    pub(crate) fn count(mut self, traces: u32, request: impl Fn(Self, u32) -> Self) -> Measured {
        let queries: Queries = self.gather(traces, request);
        queries.measured(&self.dictionary).expect("there are few")
    }

    /// Many traces of one kind, each told with its number; what is left of them.
    pub(crate) fn gather<G: Gathers>(&mut self, traces: u32, request: impl Fn(Self, u32) -> Self) -> G {
        let settings = Settings::default();
        let mut analysis = Analysis::new(&settings);
        for number in 0..traces {
            self.spans.clear();
            self.open.clear();
            *self = request(std::mem::take(self), number);
            self.spans.sort_by_key(|span| (span.start_ns, span.id));
            let is_session = self.spans.iter().any(|span| span.logged != Logged::No);
            let id = if is_session { session_id(number.into()) } else { u128::from(number) + 1 };
            analysis.take(id, &self.spans, &self.dictionary);
        }
        analysis.into_gathered()
    }

    /// Some of its spans were lost.
    pub(crate) fn lost(mut self) -> Self {
        self.spans.push(Span::lost());
        self
    }

    /// Assembles and inspects the trace.
    pub(crate) fn inspect(mut self) -> Inspected {
        self.spans.sort_by_key(|span| (span.start_ns, span.id));
        let mut assembler = Assembler::default();
        let trace = assembler.assemble(1, &self.spans, &self.dictionary);
        let settings = Settings::default();
        let mut uses = ConnectionUse::default();
        uses.read(trace);
        let found = Inspection::new(&settings).inspect(trace, &uses, &self.dictionary).to_vec();
        let trace = Trace {
            id: trace.id,
            requests: trace.requests.clone(),
            operations: trace.operations.clone(),
            segments: trace.segments.clone(),
            orphans: trace.orphans,
            lost_spans: trace.lost_spans,
            skew_ns: trace.skew_ns,
            form: trace.form,
            locking: trace.locking.clone(),
        };
        Inspected { dictionary: self.dictionary, trace, found }
    }

    fn shape(&mut self, family: Family, text: &str, facts: Option<Facts>) -> ShapeRef {
        let hash = text.bytes().fold(7, |hash: u64, byte| hash.wrapping_mul(1_000_003) ^ u64::from(byte));
        let id = ShapeId { family, hash };
        self.dictionary.shape_ref(id, || Shape { id, text: text.into(), facts: facts.map(Box::new) })
    }

    fn add(&mut self, span: Span, from: f64, to: f64) {
        let ns = |ms: f64| 1_000_000_000 + (ms * 1e6) as u64;
        self.spans.push(Span {
            id: self.spans.len() as u64 + 1,
            parent: self.open.last().copied().unwrap_or(0),
            start_ns: ns(from),
            end_ns: ns(to),
            origin: self.origin,
            rows: UNKNOWN,
            response_bytes: UNKNOWN,
            thread: UNKNOWN,
            repeats: 1,
            ..span
        });
    }

    fn last(&mut self) -> &mut Span {
        self.spans.last_mut().expect("a span was added before")
    }
}

impl Inspected {
    /// What one detector found in full.
    pub(crate) fn by(&self, detector: &str) -> Vec<&Candidate> {
        let all = self.all_by(detector);
        all.into_iter().filter(|candidate| candidate.short_of.is_none()).collect()
    }

    /// What one detector considered.
    pub(crate) fn all_by(&self, detector: &str) -> Vec<&Candidate> {
        let candidates = self.found.iter().map(|found| &found.candidate);
        candidates.filter(|candidate| crate::ALL[candidate.detector].id == detector).collect()
    }

    /// The only thing that one detector found.
    pub(crate) fn one(&self, detector: &str) -> &Candidate {
        match self.by(detector)[..] {
            [candidate] => candidate,
            ref found => panic!("{detector} found {found:#?}"),
        }
    }

    /// The detector found nothing in full.
    pub(crate) fn silent(&self, detector: &str) {
        assert!(self.by(detector).is_empty(), "{:#?}", self.by(detector));
    }
}

/// What a parser would find in a statement of the simple form that tests use.
fn facts(text: &str) -> Facts {
    let words: Vec<&str> = text.split_whitespace().collect();
    let upper = text.to_ascii_uppercase();
    let verb = match words.first().map(|word| word.to_ascii_uppercase()).as_deref() {
        Some("SELECT") if upper.contains(" FROM ") => Verb::Select,
        Some("SELECT" | "SET" | "SHOW") => Verb::Session,
        Some("INSERT") => Verb::Insert,
        Some("UPDATE") => Verb::Update,
        Some("DELETE") => Verb::Delete,
        Some("BEGIN" | "COMMIT" | "ROLLBACK") => Verb::Transaction,
        Some("CALL") => Verb::Call,
        Some("COPY") => Verb::Copy,
        Some("CREATE" | "ALTER" | "DROP") => Verb::Definition,
        _ => Verb::Other,
    };
    let after = |keywords: &[&str]| {
        let places =
            words.windows(2).filter(|pair| keywords.iter().any(|it| it.eq_ignore_ascii_case(pair[0])));
        places.map(|pair| Box::from(pair[1])).collect::<Vec<Box<str>>>()
    };
    let compared = words.windows(2).filter_map(|pair| {
        let comparison = match pair[1].to_ascii_uppercase().as_str() {
            "=" => Comparison::Equal,
            "IN" => Comparison::In,
            "<" | ">" => Comparison::Range,
            _ => return None,
        };
        Some(Predicate { table: None, column: pair[0].into(), comparison })
    });
    let predicates: Vec<Predicate> = compared.collect();
    let by_id =
        |predicate: &Predicate| predicate.comparison == Comparison::Equal && &*predicate.column == "id";
    Facts {
        verb,
        tables: after(&["FROM", "JOIN", "INTO", "UPDATE"]),
        main: after(&["FROM", "INTO", "UPDATE"]).into_iter().next(),
        written: if verb == Verb::Select { Vec::new() } else { after(&["INTO", "UPDATE", "FROM"]) },
        limited: upper.contains(" LIMIT "),
        single_row: predicates.len() == 1 && predicates.iter().all(by_id),
        paged: upper.contains(" OFFSET "),
        locks: upper.contains(" FOR UPDATE"),
        predicates,
        parsed: true,
        truncated: false,
    }
}
