//! What is left of the evidence: bounded, integers only, and merged exactly in any order.

mod caches;
mod earliest;
mod growth;
mod histogram;
mod loaded;
mod locking;
mod logged;
mod marks;
mod numbered;
mod sample;
mod sending;
mod tally;

use std::hash::BuildHasher;

use rustc_hash::{FxBuildHasher, FxHashMap};

pub use caches::CacheTally;
pub(crate) use earliest::{Earliest, Early};
pub(crate) use growth::{Growth, Times};
pub(crate) use histogram::{Histogram, coarse_bucket, fine_bucket, fine_floor, rank_of};
pub(crate) use locking::LockTally;
pub(crate) use logged::{Logged, LoggedTally};
pub(crate) use numbered::Numbered;
pub(crate) use sample::Sample;
pub(crate) use sending::Sending;
pub(crate) use tally::{
    Bucket, CandidateTally, EndpointTally, Exemplar, ServiceTally, StatementTally, bucket_of_rank,
};

use crate::analysis::Gathers;
use crate::candidate::{Candidate, Candidates, Subject};
use crate::evidence::cache_reads::cache_reads;
use crate::evidence::timeline::LoggedLocks;
use crate::evidence::timeline::Stretch;
use crate::evidence::trace::{EndpointName, NONE, Operation, Request, Trace};
use crate::evidence::{
    ConnectionUse, Dictionary, Execution, Kind, OriginRef, ShapeRef, SpanId, Symbol, Timelines, TraceId,
    place_in,
};
use crate::settings::Resolved;
use crate::skeleton::{Node, Sketcher};
use crate::starts::{Start, starts};
use crate::{ALL, Inspect};

/// An endpoint of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EndpointKey {
    /// The service.
    pub service: Symbol,
    /// The endpoint's name.
    pub name: EndpointName,
}

impl EndpointKey {
    /// The endpoint of a request.
    pub fn of(request: &Request, dictionary: &Dictionary) -> Self {
        Self { service: dictionary.origin(request.opened_by.origin).service, name: request.name }
    }

    /// The endpoint of a request that is kept below the one that waits for it; `None` for what is no such request.
    fn of_node(node: &Node, dictionary: &Dictionary) -> Option<Self> {
        let name = match node.name {
            _ if !node.is_request() => return None,
            name if node.shape == ShapeRef::default() => EndpointName::Root(name),
            _ => EndpointName::Route(node.shape),
        };
        Some(Self { service: dictionary.origin(node.origin).service, name })
    }
}

/// What makes candidates of different requests one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CandidateKey {
    pub(crate) detector: usize,
    pub(crate) endpoint: EndpointKey,
    pub(crate) subject: Subject,
}

/// A candidate and the request of the trace that shows it.
#[derive(Debug, Clone)]
pub struct Found {
    /// Number of the request in its trace.
    pub request: u32,
    /// What was found.
    pub candidate: Candidate,
}

/// Tallies, sample and candidates of the evidence seen so far.
#[derive(Debug, Default)]
pub struct Docket {
    pub(crate) traces: u64,
    pub(crate) spans_without_parent: u64,
    pub(crate) skew_ns_max: u64,
    pub(crate) skewed_traces: u64,
    /// Operations by [`Kind`].
    pub(crate) operations: [u64; Kind::COUNT],
    pub(crate) endpoints: Numbered<EndpointKey, EndpointTally>,
    pub(crate) services: Numbered<Symbol, ServiceTally>,
    pub(crate) statements: Numbered<(ShapeRef, Symbol), StatementTally>,
    pub(crate) candidates: Numbered<CandidateKey, CandidateTally>,
    latest: Latest,
    /// By number of the endpoint.
    pub(crate) sample: Sample,
    pub(crate) timelines: Timelines,
    /// By endpoint and shape.
    pub(crate) caches: FxHashMap<(EndpointKey, ShapeRef), CacheTally>,
    pub(crate) earliest: Earliest,
    pub(crate) logged: Logged,
    pub(crate) locks: LockTally,
    pub(crate) sending: Sending,
    /// Of logs that do not tell who waits for locks.
    pub(crate) logged_locks: LoggedLocks,
    /// Endpoints whose first requests are slow; empty until all is merged.
    pub(crate) starts: FxHashMap<EndpointKey, Start>,
    sketcher: Sketcher,
    /// The endpoint of each request of the trace, by number.
    homes: Vec<u32>,
    claimed: Vec<u32>,
}

/// Numbers of what was taken in last: what comes next is mostly the same.
#[derive(Debug, Default)]
struct Latest {
    /// By origin: its service.
    services: Vec<u32>,
    /// By shape: its statement at the last target.
    statements: Vec<u32>,
    /// By a part of its hash: the last candidate that has it.
    candidates: Vec<u32>,
}

/// Candidates that are told apart by a part of their hash.
const LATEST_MAX: u64 = 4_096;

impl Gathers for Docket {
    fn add(&mut self, trace: &Trace, uses: &ConnectionUse, found: &[Found], dictionary: &Dictionary) {
        // Sessions of a log are no processes, and what they do between statements is not known.
        if !trace.requests.iter().all(Request::is_logged) {
            self.traces += 1;
            self.spans_without_parent += u64::from(trace.orphans);
            self.skew_ns_max = self.skew_ns_max.max(trace.skew_ns);
            self.skewed_traces += u64::from(trace.skew_ns > 0);
            self.timelines.add(trace, uses, dictionary);
            self.sending.add(trace, dictionary);
        }
        let commands = self.operations[Kind::Cache as usize];
        self.add_operations(trace, dictionary);
        self.add_statements(trace, dictionary);
        self.find_homes(trace, dictionary);
        self.add_candidates(trace, found, dictionary);
        self.add_requests(trace, found, dictionary);
        if self.operations[Kind::Cache as usize] > commands {
            self.add_cache_reads(trace, dictionary);
        }
    }

    fn add_session(&mut self, executions: &[Execution], bare: (u64, u64), dictionary: &Dictionary) {
        self.logged.add(executions, bare, dictionary);
    }

    fn add_executions(&mut self, executions: &[Execution], dictionary: &Dictionary) {
        self.sending.add_executions(executions, dictionary);
        self.logged_locks.add(executions, dictionary);
    }

    fn merge(&mut self, mut other: Self) {
        self.traces += other.traces;
        self.spans_without_parent += other.spans_without_parent;
        self.skew_ns_max = self.skew_ns_max.max(other.skew_ns_max);
        self.skewed_traces += other.skewed_traces;
        self.timelines.merge(other.timelines);
        self.earliest.merge(other.earliest);
        self.logged.merge(other.logged);
        self.locks.merge(other.locks);
        self.sending.merge(other.sending);
        self.logged_locks.merge(other.logged_locks);
        for (read, tally) in other.caches {
            self.caches.entry(read).or_default().merge(tally);
        }
        for (mine, theirs) in self.operations.iter_mut().zip(other.operations) {
            *mine += theirs;
        }
        self.services.merge(other.services, |mine, theirs| mine.merge(&theirs));
        self.statements.merge(other.statements, |mine, theirs| mine.merge(&theirs));
        let candidates = self.candidates.merge(other.candidates, CandidateTally::merge);
        let endpoints = self.endpoints.merge(other.endpoints, EndpointTally::merge);
        other.sample.renumber(|candidate| candidates[candidate as usize]);
        self.sample.merge(other.sample, &endpoints);
    }
}

impl Docket {
    /// Operations of one origin come in runs.
    fn add_operations(&mut self, trace: &Trace, dictionary: &Dictionary) {
        for run in trace.operations.chunk_by(|one, other| one.origin == other.origin) {
            let service = self.service_of(run[0].origin, dictionary);
            let tally = &mut self.services[service];
            for operation in run {
                self.operations[operation.kind as usize] += u64::from(operation.repeats.max(1));
                tally.add(&operation.span);
            }
        }
    }

    fn service_of(&mut self, origin: OriginRef, dictionary: &Dictionary) -> u32 {
        let Self { services, latest, .. } = self;
        let known = place_in(&mut latest.services, origin.0, || NONE);
        if *known == NONE {
            *known = services.number(dictionary.origin(origin).service, ServiceTally::default);
        }
        *known
    }

    fn add_statements(&mut self, trace: &Trace, dictionary: &Dictionary) {
        let is_told = |kind: Kind| matches!(kind, Kind::Sql | Kind::Document | Kind::Cache);
        for operation in trace.operations.iter().filter(|operation| is_told(operation.kind)) {
            if let Some(statement) = self.statement_of(operation, dictionary) {
                self.statements[statement].add(&operation.span);
            }
        }
    }

    /// `None` where only executions of a statement are counted.
    fn statement_of(&mut self, operation: &Operation, dictionary: &Dictionary) -> Option<u32> {
        let Self { statements, latest, .. } = self;
        let statement = (operation.shape, operation.target);
        let known = latest.statements.get(operation.shape.0 as usize).copied().unwrap_or(NONE);
        if known != NONE && *statements.key(known) == statement {
            return Some(known);
        }
        if dictionary.is_counted_only(operation.shape) {
            return None;
        }
        let number = statements.number(statement, StatementTally::default);
        *place_in(&mut latest.statements, operation.shape.0, || NONE) = number;
        Some(number)
    }

    /// Finds the endpoint of each request.
    fn find_homes(&mut self, trace: &Trace, dictionary: &Dictionary) {
        let Self { endpoints, homes, .. } = self;
        homes.clear();
        homes.extend(
            trace.requests.iter().map(|request| {
                endpoints.number(EndpointKey::of(request, dictionary), EndpointTally::default)
            }),
        );
    }

    fn add_cache_reads(&mut self, trace: &Trace, dictionary: &Dictionary) {
        for (request, &home) in trace.requests.iter().zip(&self.homes) {
            let endpoint = *self.endpoints.key(home);
            for read in cache_reads(trace, request, dictionary) {
                let operation = &trace.operations[read.operation as usize];
                self.caches.entry((endpoint, operation.shape)).or_default().add(&read, operation);
            }
        }
    }

    /// Names what first requests show when all are seen: not to be merged afterwards. `misses_target` says of
    /// an endpoint whether it does.
    pub(crate) fn name_starts(
        &mut self,
        settings: impl Fn(&EndpointKey) -> Resolved,
        misses_target: impl Fn(&EndpointKey, &EndpointTally) -> bool,
    ) {
        self.starts = starts(self);
        let mut candidates = Candidates::default();
        for (endpoint, start) in std::mem::take(&mut self.starts) {
            let missed = self.endpoints.get(&endpoint).is_some_and(|tally| misses_target(&endpoint, tally));
            for (place, detector) in ALL.iter().enumerate() {
                let Inspect::RequestAndStart(.., inspect) = detector.inspect else { continue };
                candidates.detector = place;
                inspect(&start, settings(&endpoint).of(place), missed, &mut candidates);
                for Found { candidate, .. } in candidates.all() {
                    let key = CandidateKey { detector: place, endpoint, subject: candidate.subject.clone() };
                    let number =
                        self.candidates.number(key, || CandidateTally::of_start(candidate, &start.slow));
                    let home = self.endpoints.find(&endpoint).filter(|_| candidate.short_of.is_none());
                    if let Some(home) = home {
                        self.sample.claim(home, &start.hashes(), number);
                    }
                }
                candidates.take_back();
            }
            self.starts.insert(endpoint, start);
        }
    }

    fn add_candidates(&mut self, trace: &Trace, found: &[Found], dictionary: &Dictionary) {
        self.claimed.clear();
        for found in found.chunk_by(|one, other| one.request == other.request) {
            let request = &trace.requests[found[0].request as usize];
            let home = self.homes[found[0].request as usize];
            let endpoint = *self.endpoints.key(home);
            for Found { candidate, .. } in found {
                self.add_stretches(candidate, request, endpoint, dictionary);
                let number = self.number_of(candidate, home);
                self.candidates[number].add(candidate, trace, request);
                self.claimed.push(number);
            }
        }
    }

    fn add_stretches(
        &mut self,
        candidate: &Candidate,
        request: &Request,
        endpoint: EndpointKey,
        dictionary: &Dictionary,
    ) {
        for &(start_ns, end_ns) in &candidate.stretches {
            let (start_ns, end_ns) = (request.recorded_ns(start_ns), request.recorded_ns(end_ns));
            self.timelines.add_stretch(request.opened_by.origin, end_ns, dictionary, || Stretch {
                start_ns,
                end_ns,
                request: hash_of(request.trace, request.span()),
                endpoint,
                subject: candidate.subject.clone(),
            });
        }
    }

    /// The number of a candidate of an endpoint, which is likely among the latest ones.
    fn number_of(&mut self, candidate: &Candidate, home: u32) -> u32 {
        let Self { candidates, endpoints, latest, .. } = self;
        let &Candidate { detector, ref subject, remedy, .. } = candidate;
        let endpoint = *endpoints.key(home);
        let place = FxBuildHasher.hash_one((detector, home, subject)) % LATEST_MAX;
        let latest = place_in(&mut latest.candidates, place as u32, || NONE);
        let is_it = |key: &CandidateKey| {
            key.detector == detector && key.endpoint == endpoint && key.subject == *subject
        };
        if *latest == NONE || !is_it(candidates.key(*latest)) {
            let key = CandidateKey { detector, endpoint, subject: subject.clone() };
            *latest = candidates.number(key, || CandidateTally::new(remedy));
        }
        *latest
    }

    /// Whether logs of databases tell of all requests of an endpoint. Not by its service: a database may have the name of what
    /// uses it.
    pub(crate) fn is_logged(&self, endpoint: &EndpointKey) -> bool {
        self.endpoints.get(endpoint).is_some_and(EndpointTally::is_logged)
    }

    fn add_requests(&mut self, trace: &Trace, found: &[Found], dictionary: &Dictionary) {
        let Self { sample, sketcher, claimed, homes, endpoints, earliest, locks, .. } = self;
        let claims = || {
            found.iter().zip(&*claimed).flat_map(|(found, &number)| {
                found.candidate.claims.iter().map(move |&claim| (found.request, number, claim))
            })
        };
        let mut prepared = false;
        for (number, request) in trace.requests.iter().enumerate() {
            let home = homes[number];
            endpoints[home].add(trace, request);
            match request.is_logged() {
                true => locks.add(trace, request, dictionary),
                false => earliest.add(*endpoints.key(home), request, dictionary),
            }
            let hash = hash_of(request.trace, request.span());
            sample.offer(home, request.duration_ns(), hash, || {
                if !prepared {
                    sketcher.prepare(trace, claims());
                    prepared = true;
                }
                sketcher.sketch(trace, number as u32)
            });
        }
    }
}

/// Decides which requests are kept: the same for one request wherever it is seen.
pub(crate) fn hash_of(trace: TraceId, span: SpanId) -> u64 {
    let mixed = (trace as u64) ^ ((trace >> 64) as u64).rotate_left(32) ^ span.rotate_left(17);
    // The finaliser of SplitMix64.
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
