//! Sums over all requests, statements and candidates; merging is exact in any order.

use std::collections::BTreeMap;

use super::Early;
use super::growth::Growth;
use super::histogram::{Histogram, fine_bucket};
use super::marks::Marks;
use crate::candidate::{Candidate, Claim, Mark, Part, Remedy, ShortOf};
use crate::evidence::trace::{NONE, Request, Trace, Waits};
use crate::evidence::{Kind, Media, Role, Span, SpanId, Status, TraceId, UNKNOWN};
use crate::finding::Confidence;
use crate::skeleton::Skeleton;

/// All requests of one endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EndpointTally {
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    /// Requests that nobody inside the traces waits for.
    pub(crate) entries: u64,
    /// Requests that take a message, whose sender does not wait.
    pub(crate) consumed: u64,
    pub(crate) latency: BTreeMap<u16, Bucket>,
    pub(crate) max_ns: u64,
    /// Requests that a server's log tells of.
    pub(crate) logged: u64,
    /// SQL statements in one request.
    pub(crate) statements: Histogram,
    /// Answers whose headers tell what they hold.
    pub(crate) contents: u64,
    /// Answers that name an encoding.
    pub(crate) encoded: u64,
}

/// Requests of nearly the same duration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub(crate) requests: u64,
    /// Critical path by [`Waits`].
    pub(crate) path_ns: [u64; Waits::COUNT],
}

impl EndpointTally {
    pub(crate) fn add(&mut self, trace: &Trace, request: &Request) {
        let duration_ns = request.duration_ns();
        self.requests += 1;
        self.logged += u64::from(request.is_logged());
        self.errors += u64::from(request.opened_by.status == Status::Error);
        self.entries += u64::from(!request.waited_for);
        self.consumed += u64::from(request.opened_by.role == Role::Consumer);
        self.max_ns = self.max_ns.max(duration_ns);
        self.contents += u64::from(request.opened_by.body.media() != Media::Unknown);
        self.encoded += u64::from(request.opened_by.body.is_encoded());
        let bucket = self.latency.entry(fine_bucket(duration_ns)).or_default();
        bucket.add(&Bucket { requests: 1, path_ns: request.path_ns });
        let statements = trace.operations_of(request).iter().filter(|operation| operation.kind == Kind::Sql);
        self.statements.add(statements.map(|statement| u64::from(statement.repeats.max(1))).sum());
    }

    /// Whether logs of databases tell of all of its requests.
    pub(crate) fn is_logged(&self) -> bool {
        self.logged == self.requests
    }

    /// Critical path of one kind, of all requests together.
    pub(crate) fn path_ns(&self, waits: Waits) -> u64 {
        self.latency.values().map(|bucket| bucket.path_ns[waits as usize]).sum()
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.requests += other.requests;
        self.logged += other.logged;
        self.errors += other.errors;
        self.entries += other.entries;
        self.consumed += other.consumed;
        self.max_ns = self.max_ns.max(other.max_ns);
        self.statements.merge(&other.statements);
        self.contents += other.contents;
        self.encoded += other.encoded;
        for (place, bucket) in other.latency {
            self.latency.entry(place).or_default().add(&bucket);
        }
    }
}

impl Bucket {
    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        for (mine, theirs) in self.path_ns.iter_mut().zip(other.path_ns) {
            *mine = mine.saturating_add(theirs);
        }
    }
}

/// The bucket in which the request of this rank lies, the quickest having the first.
pub(crate) fn bucket_of_rank(latency: &BTreeMap<u16, Bucket>, rank: u64) -> Option<u16> {
    let mut seen = 0;
    let reached = latency.iter().find(|(_, bucket)| {
        seen += bucket.requests;
        seen >= rank && bucket.requests > 0
    });
    reached.map(|(&bucket, _)| bucket)
}

/// All executions of one statement (or call) at one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StatementTally {
    pub(crate) executions: u64,
    pub(crate) total_ns: u64,
    pub(crate) rows: u64,
    pub(crate) examined: u64,
    pub(crate) fastest_ns: u64,
}

impl Default for StatementTally {
    fn default() -> Self {
        Self { executions: 0, total_ns: 0, rows: 0, examined: 0, fastest_ns: u64::MAX }
    }
}

impl StatementTally {
    pub(crate) fn add(&mut self, span: &Span) {
        let duration_ns = span.end_ns - span.start_ns;
        self.executions += u64::from(span.repeats.max(1));
        self.total_ns += duration_ns;
        self.rows += if span.rows == UNKNOWN { 0 } else { u64::from(span.rows) };
        self.examined += span.rows_examined().map_or(0, u64::from);
        self.fastest_ns = self.fastest_ns.min(duration_ns);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.executions += other.executions;
        self.total_ns += other.total_ns;
        self.rows += other.rows;
        self.examined += other.examined;
        self.fastest_ns = self.fastest_ns.min(other.fastest_ns);
    }
}

/// What is known of one service besides its requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ServiceTally {
    /// Spans of databases (SQL, documents, caches), as clients record them.
    pub(crate) stores: u64,
    /// Spans of calls to other services.
    pub(crate) calls: u64,
    /// Spans of calls whose answer names an encoding.
    pub(crate) calls_encoded: u64,
    /// SQL spans.
    pub(crate) statements: u64,
    /// SQL spans whose values are hidden.
    pub(crate) values_hidden: u64,
    /// Spans that wait for a connection of a pool.
    pub(crate) pool_waits: u64,
}

impl ServiceTally {
    pub(crate) fn add(&mut self, span: &Span) {
        match span.kind {
            Kind::Sql => {
                // Of what only the server's log tells, the time before and after is not known.
                self.stores += u64::from(span.role != Role::Server);
                self.statements += 1;
                self.values_hidden += u64::from(!span.values.is_known());
            }
            Kind::Document | Kind::Cache => self.stores += 1,
            Kind::Http | Kind::Rpc | Kind::Publish => {
                self.calls += 1;
                self.calls_encoded += u64::from(span.body.is_encoded());
            }
            Kind::PoolWait => self.pool_waits += 1,
            _ => {}
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.stores += other.stores;
        self.calls += other.calls;
        self.calls_encoded += other.calls_encoded;
        self.statements += other.statements;
        self.values_hidden += other.values_hidden;
        self.pool_waits += other.pool_waits;
    }
}

/// One problem at one endpoint, over all requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CandidateTally {
    pub(crate) remedy: Remedy,
    /// What the claimed operations do; `None` where no operation is claimed.
    pub(crate) kind: Option<Kind>,
    /// Requests that show it.
    pub(crate) full: u64,
    /// Requests that show less than it takes.
    pub(crate) short: u64,
    /// The most that was seen where it was not enough.
    pub(crate) short_of: Option<ShortOf>,
    /// Requests by confidence, the lowest first.
    pub(crate) confidence: [u64; 3],
    /// From the start of the first request that shows it to the end of the last.
    extent_ns: (u64, u64),
    /// Durations of the requests that show it.
    requests_ns: u64,
    pub(crate) repeats: Histogram,
    /// Time of all claimed operations of one request.
    pub(crate) claimed: Histogram,
    /// Time of one claimed operation.
    pub(crate) single: Histogram,
    pub(crate) claimed_total_ns: u64,
    /// How that time goes with the size of the data, where its detector says one.
    pub(crate) growth: Growth,
    /// Bytes of bodies in one request.
    pub(crate) bytes: Histogram,
    pub(crate) bytes_total: u64,
    pub(crate) marks: Marks,
    pub(crate) exemplars: Exemplars,
}

impl CandidateTally {
    pub(crate) fn new(remedy: Remedy) -> Self {
        Self {
            remedy,
            kind: None,
            full: 0,
            short: 0,
            short_of: None,
            confidence: [0; 3],
            extent_ns: (u64::MAX, 0),
            requests_ns: 0,
            repeats: Histogram::default(),
            claimed: Histogram::default(),
            single: Histogram::default(),
            claimed_total_ns: 0,
            growth: Growth::default(),
            bytes: Histogram::default(),
            bytes_total: 0,
            marks: Marks::default(),
            exemplars: Exemplars::default(),
        }
    }

    pub(crate) fn add(&mut self, candidate: &Candidate, trace: &Trace, request: &Request) {
        self.remedy = self.remedy.max(candidate.remedy);
        if let Some(short_of) = candidate.short_of {
            self.short += 1;
            self.short_of = self.short_of.max(Some(short_of));
            return;
        }
        self.full += 1;
        self.confidence[candidate.confidence as usize] += 1;
        self.stretch((request.start_ns, request.end_ns), request.duration_ns());
        self.repeats.add(candidate.repeats);
        let mut claimed_ns = 0;
        for claim in &candidate.claims {
            let operation = trace.operations.get(claim.operation as usize);
            self.kind = self.kind.max(operation.map(|it| it.kind));
            let time_ns = time_of(claim, trace, request);
            let calls = operation.filter(|it| it.composite).map_or(1, |it| it.repeats.max(1));
            self.single.add(time_ns / u64::from(calls));
            claimed_ns += time_ns;
        }
        self.claimed.add(claimed_ns);
        self.claimed_total_ns += claimed_ns;
        self.growth.add(&candidate.sizes, claimed_ns);
        if candidate.bytes > 0 {
            self.bytes.add(candidate.bytes);
            self.bytes_total = self.bytes_total.saturating_add(candidate.bytes);
        }
        for &mark in &candidate.marks {
            self.marks.add(mark, 1);
        }
        if self.exemplars.wants(request) {
            self.exemplars.add(Exemplar::of(candidate, trace, request));
        }
    }

    /// What the first requests of processes show.
    pub(crate) fn of_start(candidate: &Candidate, slow: &[Early]) -> Self {
        let mut tally = Self::new(candidate.remedy);
        let requests = slow.len() as u64;
        if candidate.short_of.is_some() {
            (tally.short, tally.short_of) = (requests, candidate.short_of);
            return tally;
        }
        tally.full = requests;
        tally.confidence[candidate.confidence as usize] = requests;
        for early in slow {
            tally.claimed.add(early.duration_ns);
            tally.single.add(early.duration_ns);
            tally.claimed_total_ns += early.duration_ns;
            tally.marks.add(Mark::By(early.origin), 1);
            tally.exemplars.add(Exemplar {
                duration_ns: early.duration_ns,
                trace: early.trace,
                request: early.span,
                spans: vec![early.span],
            });
        }
        tally
    }

    /// What the requests of an endpoint show that take at least a time, told to one per cent of it; the sample says who
    /// they are.
    pub(crate) fn of_load<'s>(
        remedy: Remedy,
        endpoint: &EndpointTally,
        least_ns: u64,
        sample: impl Iterator<Item = (f64, &'s Skeleton)>,
    ) -> Self {
        let mut tally = Self::new(remedy);
        for bucket in endpoint.latency.range(fine_bucket(least_ns)..).map(|(_, bucket)| bucket) {
            tally.full += bucket.requests;
            tally.claimed_total_ns += bucket.path_ns.iter().sum::<u64>();
        }
        tally.confidence[Confidence::Medium as usize] = tally.full;
        for (weight, skeleton) in sample.filter(|(_, skeleton)| skeleton.duration_ns >= least_ns) {
            let &Skeleton { duration_ns, trace, span, .. } = skeleton;
            if let Some(root) = skeleton.root() {
                tally.marks.add(Mark::By(root.origin), weight.round() as u64);
            }
            tally.exemplars.add(Exemplar { duration_ns, trace, request: span, spans: vec![span] });
        }
        tally
    }

    fn stretch(&mut self, (first_ns, last_ns): (u64, u64), requests_ns: u64) {
        self.extent_ns = (self.extent_ns.0.min(first_ns), self.extent_ns.1.max(last_ns));
        self.requests_ns = self.requests_ns.saturating_add(requests_ns);
    }

    /// How many of the requests that show it run at the same time on average, rounded up.
    pub(crate) fn at_once(&self) -> u64 {
        let (first_ns, last_ns) = self.extent_ns;
        self.requests_ns.div_ceil(last_ns.saturating_sub(first_ns).max(1))
    }

    /// Whether its fix gives back bytes, and no time that was measured.
    pub(crate) fn is_of_bytes(&self) -> bool {
        self.bytes_total > 0 && self.claimed_total_ns == 0
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.remedy = self.remedy.max(other.remedy);
        self.kind = self.kind.max(other.kind);
        self.full += other.full;
        self.short += other.short;
        self.short_of = self.short_of.max(other.short_of);
        for (mine, theirs) in self.confidence.iter_mut().zip(other.confidence) {
            *mine += theirs;
        }
        self.stretch(other.extent_ns, other.requests_ns);
        self.repeats.merge(&other.repeats);
        self.claimed.merge(&other.claimed);
        self.single.merge(&other.single);
        self.claimed_total_ns += other.claimed_total_ns;
        self.growth.merge(other.growth);
        self.bytes.merge(&other.bytes);
        self.bytes_total = self.bytes_total.saturating_add(other.bytes_total);
        self.marks.merge(other.marks);
        other.exemplars.into_iter().for_each(|exemplar| self.exemplars.add(exemplar));
    }
}

/// Operations that are looked at for the end of what came before an operation.
const LOOK_BACK: usize = 64;

/// The time that is claimed, as measured.
fn time_of(claim: &Claim, trace: &Trace, request: &Request) -> u64 {
    let children = || trace.operations_of(request).iter().filter(|child| child.parent == claim.operation);
    let operation = trace.operations.get(claim.operation as usize);
    let (start_ns, end_ns) = match operation {
        Some(operation) => (operation.start_ns, operation.end_ns),
        None => (request.start_ns, request.end_ns),
    };
    match claim.part {
        Part::Whole => end_ns - start_ns,
        Part::Own => operation.map_or_else(|| own_path(trace, request), |operation| operation.self_path_ns),
        Part::OwnBeforeFirst => {
            children().next().map_or(end_ns - start_ns, |first| first.start_ns.saturating_sub(start_ns))
        }
        Part::OwnAfterLast => {
            let called = operation.and_then(|operation| trace.requests.get(operation.called as usize));
            let ends = children().map(|child| child.end_ns).chain(called.map(|called| called.end_ns));
            let last_ns = ends.filter(|child_ns| *child_ns <= end_ns).max();
            end_ns - last_ns.unwrap_or(start_ns)
        }
        Part::GapBefore => gap_before(claim.operation, trace, request),
    }
}

/// From the end of what came before an operation to its start.
fn gap_before(number: u32, trace: &Trace, request: &Request) -> u64 {
    let operations = trace.operations_of(request);
    let place = number.saturating_sub(request.operations.start) as usize;
    let Some(operation) = operations.get(place) else { return 0 };
    let siblings = operations[..place].iter().rev().take(LOOK_BACK);
    let ended = siblings
        .filter(|other| other.parent == operation.parent && other.end_ns <= operation.start_ns)
        .map(|other| other.end_ns);
    let above = trace.operations.get(operation.parent as usize);
    let begin_ns = above.map_or(request.start_ns, |above| above.start_ns);
    operation.start_ns.saturating_sub(ended.max().unwrap_or(begin_ns))
}

/// Critical path of the request's own code, outside of all operations.
fn own_path(trace: &Trace, request: &Request) -> u64 {
    let own = trace.path_of(request).iter().filter(|segment| segment.operation == NONE);
    own.map(|segment| segment.end_ns - segment.start_ns).sum()
}

/// A request that shows a problem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exemplar {
    pub(crate) duration_ns: u64,
    pub(crate) trace: TraceId,
    pub(crate) request: SpanId,
    /// The first operations concerned.
    pub(crate) spans: Vec<SpanId>,
}

impl Exemplar {
    const SPANS_MAX: usize = 3;

    fn of(candidate: &Candidate, trace: &Trace, request: &Request) -> Self {
        let concerned = candidate.claims.iter().take(Self::SPANS_MAX).map(|claim| match claim.operation {
            NONE => request.span(),
            operation => trace.operations[operation as usize].id,
        });
        let mut spans: Vec<SpanId> = concerned.collect();
        if spans.is_empty() {
            spans.push(request.span());
        }
        Self { duration_ns: request.duration_ns(), trace: request.trace, request: request.span(), spans }
    }
}

/// The slowest requests and those with the smallest hash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Exemplars {
    /// The slowest last.
    slowest: Vec<Exemplar>,
    /// The smallest hash first.
    by_hash: Vec<(u64, Exemplar)>,
}

impl Exemplars {
    const SLOWEST: usize = 2;
    const BY_HASH: usize = 3;

    /// Whether a request may be among those that are kept.
    fn wants(&self, request: &Request) -> bool {
        let slow = self.slowest.first().is_none_or(|first| request.duration_ns() >= first.duration_ns);
        slow || self.slowest.len() < Self::SLOWEST
            || self.wants_hash(super::hash_of(request.trace, request.span()))
    }

    fn wants_hash(&self, hash: u64) -> bool {
        self.by_hash.len() < Self::BY_HASH || self.by_hash.last().is_some_and(|(last, _)| hash < *last)
    }

    fn add(&mut self, exemplar: Exemplar) {
        let hash = super::hash_of(exemplar.trace, exemplar.request);
        if self.wants_hash(hash) {
            let kept = (hash, exemplar.clone());
            match self.by_hash.binary_search_by_key(&hash, |(known, _)| *known) {
                Ok(place) => self.by_hash[place] = kept,
                Err(place) => self.by_hash.insert(place, kept),
            }
            self.by_hash.truncate(Self::BY_HASH);
        }
        if let Err(place) = self.slowest.binary_search(&exemplar) {
            self.slowest.insert(place, exemplar);
        }
        if self.slowest.len() > Self::SLOWEST {
            self.slowest.remove(0);
        }
    }

    /// The slowest first, then the others, each once.
    pub(crate) fn in_order(&self) -> Vec<&Exemplar> {
        let mut exemplars: Vec<&Exemplar> = self.slowest.iter().rev().collect();
        let others = self.by_hash.iter().map(|(_, exemplar)| exemplar);
        exemplars.extend(others.filter(|exemplar| !self.slowest.contains(exemplar)));
        exemplars
    }

    fn into_iter(self) -> impl Iterator<Item = Exemplar> {
        self.slowest.into_iter().chain(self.by_hash.into_iter().map(|(_, exemplar)| exemplar))
    }
}
