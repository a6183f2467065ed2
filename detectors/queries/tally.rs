//! How often each request sends each statement: greatest and least counts, which merge exactly in any order.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{Place, PlaceKind, Statement, StatementKind};
use crate::analysis::Gathers;
use crate::candidate::{Candidate, Subject};
use crate::docket::{EndpointKey, Found};
use crate::evidence::shape::sql::shortened;
use crate::evidence::trace::{EndpointName, Operation, Request, Trace};
use crate::evidence::{ConnectionUse, Dictionary, Family, Kind, ShapeId, ShapeRef, Symbol};
use crate::finding::Confidence;
use crate::{ALL, n_plus_one, repeated_query};

/// Pairs of place and statement; with more nothing is said.
const PAIRS_MAX: usize = 1_000_000;

/// Columns of a statement's text.
const TEXT_COLUMNS: usize = 200;

/// The counts of the evidence seen so far.
#[derive(Debug, Default)]
pub struct Queries {
    requests: FxHashMap<EndpointKey, u64>,
    sent: FxHashMap<(EndpointKey, ShapeRef), Sent>,
    texts: FxHashMap<Symbol, Texts>,
    left_out: LeftOut,
    /// More pairs than [`PAIRS_MAX`].
    overflows: bool,
    /// Counts of the request that is looked at.
    counts: FxHashMap<ShapeRef, Count>,
}

/// One statement in all requests of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sent {
    kind: Kind,
    /// Requests that send it.
    requests: u64,
    /// The fewest times in a request that sends it.
    least: u64,
    most: u64,
    trips: u64,
    /// Requests in which it is a loop.
    looped: u64,
    /// Requests in which it asks again for what is known.
    repeated: u64,
}

/// One statement in one request.
#[derive(Debug, Clone, Copy)]
struct Count {
    kind: Kind,
    times: u64,
    trips: u64,
    looped: bool,
    repeated: bool,
}

/// How many executions told what they execute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Texts {
    /// Executions.
    pub executions: u64,
    /// Those whose statement is known.
    pub known: u64,
}

/// Statements that belong to no request that is known as a whole, by the reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Sent outside of any request.
    pub outside: u64,
    /// The request was not recorded, or its trace lost spans.
    pub incomplete: u64,
    /// Work that a request left running: how much is recorded depends on when it ends.
    pub background: u64,
    /// Sent around tests, such as by what sets them up.
    pub around_tests: u64,
}

impl Sent {
    fn of(count: &Count) -> Self {
        Self {
            kind: count.kind,
            requests: 1,
            least: count.times,
            most: count.times,
            trips: count.trips,
            looped: u64::from(count.looped),
            repeated: u64::from(count.repeated),
        }
    }

    fn merge(&mut self, other: &Self) {
        self.kind = self.kind.max(other.kind);
        self.requests += other.requests;
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        self.trips = self.trips.max(other.trips);
        self.looped += other.looped;
        self.repeated += other.repeated;
    }
}

impl Gathers for Queries {
    fn add(&mut self, trace: &Trace, _: &ConnectionUse, found: &[Found], dictionary: &Dictionary) {
        let mut found = found.chunk_by(|one, other| one.request == other.request).peekable();
        let tests = trace.requests.iter().any(|request| request.is_test(dictionary));
        for (number, request) in trace.requests.iter().enumerate() {
            let own = found.next_if(|own| own.first().is_some_and(|first| first.request as usize == number));
            match self.reason_to_leave_out(trace, request, tests) {
                Some(left_out) => *left_out += statements(trace, request).map(times).sum::<u64>(),
                None => self.add_request(trace, request, own.unwrap_or_default(), dictionary),
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.overflows |= other.overflows;
        self.left_out.outside += other.left_out.outside;
        self.left_out.incomplete += other.left_out.incomplete;
        self.left_out.background += other.left_out.background;
        self.left_out.around_tests += other.left_out.around_tests;
        for (endpoint, requests) in other.requests {
            *self.requests.entry(endpoint).or_default() += requests;
        }
        for (service, texts) in other.texts {
            let known = self.texts.entry(service).or_default();
            known.executions += texts.executions;
            known.known += texts.known;
        }
        for (pair, sent) in other.sent {
            self.note(pair, sent);
        }
    }
}

/// What one execution stands for.
fn times(operation: &Operation) -> u64 {
    u64::from(operation.repeats.max(1))
}

fn statements<'t>(trace: &'t Trace, request: &Request) -> impl Iterator<Item = &'t Operation> + use<'t> {
    let is_statement = |operation: &&Operation| matches!(operation.kind, Kind::Sql | Kind::Document);
    trace.operations_of(request).iter().filter(is_statement)
}

impl Queries {
    /// The sum that takes in the statements of a request which cannot be counted.
    fn reason_to_leave_out(&mut self, trace: &Trace, request: &Request, tests: bool) -> Option<&mut u64> {
        match request.name {
            // The run of all tests, with what they set up and tear down: it grows with their number.
            EndpointName::Root(_) if tests => Some(&mut self.left_out.around_tests),
            EndpointName::NoRequest | EndpointName::Session => Some(&mut self.left_out.outside),
            EndpointName::Background(_) => Some(&mut self.left_out.background),
            EndpointName::Incomplete => Some(&mut self.left_out.incomplete),
            EndpointName::Route(_) | EndpointName::Root(_) => {
                trace.lost_spans.then_some(&mut self.left_out.incomplete)
            }
        }
    }

    fn add_request(&mut self, trace: &Trace, request: &Request, found: &[Found], dictionary: &Dictionary) {
        let endpoint = EndpointKey::of(request, dictionary);
        *self.requests.entry(endpoint).or_default() += 1;
        self.counts.clear();
        for operation in statements(trace, request) {
            self.add_text(endpoint.service, operation, dictionary);
            let new = Count { kind: operation.kind, times: 0, trips: 0, looped: false, repeated: false };
            let count = self.counts.entry(operation.shape).or_insert(new);
            count.times += times(operation);
            count.trips += if operation.composite { times(operation) } else { 1 };
        }
        for Found { candidate, .. } in found.iter().filter(|found| found.candidate.short_of.is_none()) {
            mark(&mut self.counts, candidate);
        }
        for (shape, count) in std::mem::take(&mut self.counts) {
            self.note((endpoint, shape), Sent::of(&count));
        }
    }

    fn add_text(&mut self, service: Symbol, operation: &Operation, dictionary: &Dictionary) {
        let shape = dictionary.shape(operation.shape);
        let id = shape.id;
        if id.family != Family::Statement && StatementKind::of(operation.kind, shape).is_none() {
            return;
        }
        // A query without SQL is known by its operation and collection.
        let known = id != ShapeId::OTHER
            && (id.family == Family::Statement
                || operation.kind == Kind::Document && id.family != Family::None);
        let texts = self.texts.entry(service).or_default();
        texts.executions += times(operation);
        texts.known += if known { times(operation) } else { 0 };
    }

    /// Counts a statement at a place. Whether there are too many pairs does not depend on their order, as every
    /// one beyond the limit says so.
    fn note(&mut self, pair: (EndpointKey, ShapeRef), sent: Sent) {
        if let Some(known) = self.sent.get_mut(&pair) {
            known.merge(&sent);
        } else if self.sent.len() < PAIRS_MAX {
            self.sent.insert(pair, sent);
        } else {
            self.overflows = true;
        }
    }

    /// The counts by names and texts; `None` where there are too many of them.
    pub fn measured(&self, dictionary: &Dictionary) -> Option<Measured> {
        if self.overflows {
            return None;
        }
        let mut measured = Measured { left_out: self.left_out, ..Measured::default() };
        let mut places: FxHashMap<EndpointKey, Place> = FxHashMap::default();
        for (endpoint, requests) in &self.requests {
            let place = places.entry(*endpoint).or_insert(place_of(endpoint, dictionary));
            measured.places.entry(place.clone()).or_default().requests += requests;
        }
        // Two endpoints may have one name.
        let mut sent: BTreeMap<(&Place, ShapeRef), Sent> = BTreeMap::new();
        for ((endpoint, shape), own) in &self.sent {
            let Some(place) = places.get(endpoint) else { continue };
            sent.entry((place, *shape)).and_modify(|known| known.merge(own)).or_insert(*own);
        }
        for ((place, shape), sent) in sent {
            let Some(place) = measured.places.get_mut(place) else { continue };
            if let Some((id, seen)) = statement(shape, &sent, place.requests, dictionary) {
                place.statements.insert(id, seen);
            }
        }
        // Most tests have nothing to do with a database.
        measured
            .places
            .retain(|place, seen| place.kind == PlaceKind::Endpoint || !seen.statements.is_empty());
        for (service, texts) in &self.texts {
            measured.texts.insert(dictionary.text(*service).to_owned(), *texts);
        }
        Some(measured)
    }
}

/// Notes what the detectors found about a statement of the request.
fn mark(counts: &mut FxHashMap<ShapeRef, Count>, candidate: &Candidate) {
    let Subject::Shape(shape) = candidate.subject else { return };
    let Some(count) = counts.get_mut(&shape) else { return };
    let detector = ALL[candidate.detector].id;
    if candidate.confidence > Confidence::Low {
        count.looped |= detector == n_plus_one::DETECTOR.id;
        count.repeated |= detector == repeated_query::DETECTOR.id;
    }
}

fn place_of(endpoint: &EndpointKey, dictionary: &Dictionary) -> Place {
    let family = match endpoint.name {
        EndpointName::Route(shape) => dictionary.shape(shape).id.family,
        _ => Family::None,
    };
    Place {
        service: dictionary.text(endpoint.service).to_owned(),
        kind: if family == Family::Test { PlaceKind::Test } else { PlaceKind::Endpoint },
        name: endpoint.name.text(dictionary),
    }
}

fn statement(
    shape: ShapeRef,
    sent: &Sent,
    requests: u64,
    dictionary: &Dictionary,
) -> Option<(String, MeasuredStatement)> {
    let shape = dictionary.shape(shape);
    let kind = StatementKind::of(sent.kind, shape).filter(|kind| kind.counts())?;
    let statement = Statement {
        kind,
        min: if sent.requests < requests { 0 } else { sent.least },
        max: sent.most,
        trips: sent.trips,
        text: shortened(&shape.text, TEXT_COLUMNS),
    };
    let seen = MeasuredStatement {
        statement,
        requests: sent.requests,
        looped: sent.looped,
        repeated: sent.repeated,
    };
    Some((shape.id.to_string(), seen))
}

/// What requests send, by names and texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measured {
    /// Places that were exercised.
    pub places: BTreeMap<Place, MeasuredPlace>,
    /// Executions by service: how many told their statement.
    pub texts: BTreeMap<String, Texts>,
    /// Statements that count nowhere.
    pub left_out: LeftOut,
}

/// One place that was exercised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MeasuredPlace {
    /// Requests seen.
    pub requests: u64,
    /// Statements by their shape ids.
    pub statements: BTreeMap<String, MeasuredStatement>,
}

/// One statement at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasuredStatement {
    /// What it is and how often it is sent.
    pub statement: Statement,
    /// Requests that send it.
    pub requests: u64,
    /// Requests in which it is sent in a loop.
    pub looped: u64,
    /// Requests in which it is sent again for what is known.
    pub repeated: u64,
}
