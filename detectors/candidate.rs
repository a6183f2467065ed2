//! What an inspection names: operations that are one problem, and the remedy that would change them.

use std::mem;
use std::ops::Range;

use crate::docket::Found;
use crate::evidence::timeline::Waited;
use crate::evidence::trace::{NONE, Operation, Request, Trace};
use crate::evidence::{Dictionary, Kind, LocationRef, OriginRef, ShapeRef, Symbol};
use crate::finding::{Confidence, Spread, Unit};
use crate::memo::Memo;
use crate::nature::Nature;
use crate::settings::Values;
use crate::shown::Shown;

/// What a remedy does to the operations that it is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Remedy {
    /// N calls become one. Best: the median call once. Worst: one call and the server's share of each row.
    SendOnce,
    /// Calls one after another run at once. Best: the longest alone. Worst: two at a time.
    Overlap,
    /// The answer no longer waits for it. At worst handing it over costs [`HAND_OVER_NS`].
    Defer,
    /// It takes less time: what is left, per mille, at best and at worst.
    Shrink {
        /// Left over in the best case.
        best: u16,
        /// Left over in the worst case.
        worst: u16,
    },
    /// It is not done at all. What is left of it, per mille, in the worst case.
    Remove {
        /// Left over in the worst case.
        worst: u16,
    },
    /// It runs beside what the same request does meanwhile without it.
    Beside,
    /// It no longer waits for others: at best it takes what it takes alone, at worst half of the rest is left.
    Alone {
        /// What it takes alone, in nanoseconds.
        ns: u64,
    },
    /// It is given up after this time.
    CutAt {
        /// The time, in nanoseconds.
        ns: u64,
    },
    /// It takes no longer than others of its kind do later.
    LikeLater {
        /// Their median, in nanoseconds: the best case.
        best_ns: u64,
        /// Their 95th percentile, in nanoseconds: the worst case.
        worst_ns: u64,
    },
}

/// The most that handing work to a queue may cost: a round trip within one data centre and its encoding.
pub const HAND_OVER_NS: u64 = 5_000_000;

/// What a candidate is about; with detector and endpoint it is the candidate's identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A statement, URL, command or destination.
    Shape(ShapeRef),
    /// Several calls that belong together, each shape once, in the order of their first call.
    Calls(Box<[ShapeRef]>),
    /// The request's own time.
    Own(OwnTime),
    /// Connections of one service to one target.
    Pool {
        /// The service that owns the pool.
        service: Symbol,
        /// A connection is taken for each statement, not once by a request.
        each_statement: bool,
    },
    /// What the endpoint answers.
    Body,
    /// How the service encodes what it answers.
    Encoding,
    /// The first requests of a process.
    Start,
    /// Requests of the endpoint at once.
    Load,
    /// Threads or processes of a service, each of which serves one request at a time.
    Workers(Symbol),
}

impl Subject {
    /// Whether it is about what the endpoint answers.
    pub(crate) fn is_response(&self) -> bool {
        matches!(self, Self::Body | Self::Encoding)
    }

    /// Whether it is about calls of this shape, alone or among others.
    pub(crate) fn holds(&self, shape: ShapeRef) -> bool {
        self.any(|own| own == shape)
    }

    /// Whether one of its calls has such a shape.
    pub(crate) fn any(&self, is_such: impl Fn(ShapeRef) -> bool) -> bool {
        match self {
            Self::Shape(own) => is_such(*own),
            Self::Calls(shapes) => shapes.iter().any(|own| is_such(*own)),
            Self::Own(_)
            | Self::Pool { .. }
            | Self::Workers(_)
            | Self::Load
            | Self::Body
            | Self::Encoding
            | Self::Start => false,
        }
    }
}

/// Which own time of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OwnTime {
    /// Before its first call.
    BeforeFirst,
    /// After its last call.
    AfterLast,
    /// Between its calls.
    Between,
    /// All of it, where it makes no call.
    All,
    /// Of one internal span.
    Span(Symbol),
}

/// The part of an operation's time that a remedy changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// All of it, with what is below it.
    Whole,
    /// What is not covered by operations below it.
    Own,
    /// What is not covered before the first operation below it.
    OwnBeforeFirst,
    /// What is not covered after the last operation below it.
    OwnAfterLast,
    /// The gap before it.
    GapBefore,
}

/// One claim on the time of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Number in [`Trace::operations`]; [`NONE`] for the request itself.
    pub operation: u32,
    /// Which part of its time.
    pub part: Part,
}

/// A fact about a candidate that is counted over all requests that show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mark {
    /// Made from this place in the source.
    At(LocationRef),
    /// Reported by this instrumentation.
    By(OriginRef),
    /// Follows this statement, whose rows it seems to be sent for.
    After(ShapeRef),
    /// Sent in the loop with this one.
    With(ShapeRef),
    /// The values differ from call to call.
    OtherValues,
    /// The values are the same each time.
    SameValues,
    /// The values are hidden.
    UnknownValues,
    /// The calls run at the same time.
    AtOnce,
    /// It looks like paging through a result.
    Paged,
    /// It changes data.
    Writes,
    /// A database connection is held meanwhile.
    HoldsConnection,
    /// It happens inside a transaction.
    InTransaction,
    /// The service's clients are instrumented, so a gap between calls is its own code.
    ClientsSeen,
    /// A pool does it while a connection is waited for.
    FromPool,
    /// A server's log tells of it.
    Logged,
}

/// What tells how much data a request has worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Measure {
    /// Rows of the execution that returned most.
    Rows,
    /// Calls of the shape that was sent most often.
    Calls,
    /// Bytes of the answer.
    Bytes,
}

/// How much data a request has worked on, by each [`Measure`]; zero where that is not told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes([u64; Measure::ALL.len()]);

impl Measure {
    /// Each, the one that says most about data first.
    pub const ALL: [Self; 3] = [Self::Rows, Self::Calls, Self::Bytes];
}

impl Sizes {
    /// Takes a size into account: the largest counts.
    pub(crate) fn see(&mut self, measure: Measure, size: u64) {
        let known = &mut self.0[measure as usize];
        *known = size.max(*known);
    }

    /// The sizes that are told.
    pub(crate) fn known(&self) -> impl Iterator<Item = (Measure, u64)> {
        Measure::ALL.into_iter().zip(self.0).filter(|(_, size)| *size > 0)
    }
}

/// A problem that one request shows.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Place of the detector in [`crate::ALL`].
    pub detector: usize,
    /// What it is about.
    pub subject: Subject,
    /// What would change it.
    pub remedy: Remedy,
    /// How sure this request alone makes it.
    pub confidence: Confidence,
    /// How many operations; zero where repeats are not the point.
    pub repeats: u64,
    /// Bytes that the remedy changes, of bodies; zero where bytes are not the point.
    pub bytes: u64,
    /// The time that the remedy changes; the first operation first.
    pub claims: Vec<Claim>,
    /// What else is known of it.
    pub marks: Vec<Mark>,
    /// How much data the request has worked on, where the detector asks how its time goes with that.
    pub sizes: Sizes,
    /// Set where it is not enough in this request, with the reason: what was seen and what is needed.
    pub short_of: Option<ShortOf>,
    /// From when to when others of the same process may stand still because of it.
    pub stretches: Vec<(u64, u64)>,
}

/// Why something was considered but is no candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShortOf {
    /// How much was seen.
    pub seen: u64,
    /// What is counted.
    pub what: &'static str,
    /// How much it takes.
    pub needed: u64,
}

/// The candidates of one trace.
#[derive(Debug, Default)]
pub struct Candidates {
    /// Those of earlier requests come first; behind them those of earlier traces, for their room.
    found: Vec<Found>,
    /// How many are of this trace.
    count: usize,
    /// The request that is looked at, and where its candidates begin.
    request: u32,
    first: usize,
    pub(crate) detector: usize,
}

/// Candidates whose room is kept for later ones.
const SPARE_MAX: usize = 64;

/// Candidates of more claims are not kept for their room.
const SPARE_CLAIMS_MAX: usize = 1_024;

impl Candidates {
    /// Adds a candidate.
    pub(crate) fn push(
        &mut self,
        subject: Subject,
        remedy: Remedy,
        confidence: Confidence,
    ) -> &mut Candidate {
        let place = self.count;
        self.count += 1;
        if place == self.found.len() {
            self.found.push(Found { request: 0, candidate: Candidate::of(subject, remedy, confidence) });
        } else {
            self.found[place].candidate.become_of(subject, remedy, confidence);
        }
        let Found { request, candidate } = &mut self.found[place];
        *request = self.request;
        candidate.detector = self.detector;
        candidate
    }

    /// What the detector has found about a subject in the request; a new candidate where there is none yet.
    pub(crate) fn about(
        &mut self,
        subject: Subject,
        remedy: Remedy,
        confidence: Confidence,
    ) -> &mut Candidate {
        let detector = self.detector;
        let known = self.of_request().position(|one| one.detector == detector && one.subject == subject);
        match known {
            Some(place) => &mut self.found[self.first + place].candidate,
            None => self.push(subject, remedy, confidence),
        }
    }

    /// What was found in all requests so far.
    pub(crate) fn all(&self) -> &[Found] {
        &self.found[..self.count]
    }

    /// What was found in the request so far.
    fn of_request(&self) -> impl Iterator<Item = &Candidate> {
        self.found[self.first..self.count].iter().map(|found| &found.candidate)
    }

    /// Begins with another request.
    pub(crate) fn begin(&mut self, request: u32) {
        self.request = request;
        self.first = self.count;
    }

    /// Drops what was found in the request and is not to be kept; how many that are.
    pub(crate) fn keep_if(&mut self, is_kept: impl Fn(&Candidate) -> bool) -> usize {
        let before = self.count;
        self.count = self.first;
        for place in self.first..before {
            if is_kept(&self.found[place].candidate) {
                self.found.swap(self.count, place);
                self.count += 1;
            }
        }
        before - self.count
    }

    /// Takes back what was found, which is done with.
    pub(crate) fn take_back(&mut self) {
        let is_large = |found: &Found| found.candidate.claims.capacity() > SPARE_CLAIMS_MAX;
        if self.all().iter().any(is_large) {
            self.found.retain(|found| !is_large(found));
        }
        self.found.truncate(SPARE_MAX);
        (self.count, self.first) = (0, 0);
    }

    /// Notes that something was considered and is not enough.
    pub(crate) fn short(&mut self, subject: Subject, short_of: ShortOf) {
        self.push(subject, Remedy::SendOnce, Confidence::Low).short_of(short_of);
    }

    /// The places of what a detector that comes earlier, told by its place in [`crate::ALL`], has considered in the same request.
    pub(crate) fn considered_by(&self, detector: usize) -> Range<usize> {
        let is_by = |found: &Found| found.candidate.detector == detector;
        let own = &self.found[self.first..self.count];
        let before = own.iter().position(is_by).unwrap_or(own.len());
        let length = own[before..].iter().take_while(|found| is_by(found)).count();
        self.first + before..self.first + before + length
    }

    /// Names what another detector has considered once more: the same time, of the detector that looks now.
    pub(crate) fn name_again(&mut self, place: usize, remedy: Remedy) -> &mut Candidate {
        let Candidate { subject, confidence, claims, marks, .. } = &mut self.found[place].candidate;
        let (subject, confidence) = (subject.clone(), *confidence);
        let (claims, marks) = (mem::take(claims), mem::take(marks));
        let again = self.push(subject, remedy, confidence);
        again.claims.extend_from_slice(&claims);
        again.marks.extend_from_slice(&marks);
        let named = &mut self.found[place].candidate;
        (named.claims, named.marks) = (claims, marks);
        &mut self.found[self.count - 1].candidate
    }

    /// Whether a detector that comes earlier, told by its place in [`crate::ALL`], has found something about a subject in the
    /// same request.
    pub(crate) fn has_found(&self, detector: usize, subject: &Subject) -> bool {
        self.found_by(detector).any(|candidate| candidate.subject == *subject)
    }

    /// What a detector that comes earlier, told by its place in [`crate::ALL`], has found in the same request.
    pub(crate) fn found_by(&self, detector: usize) -> impl Iterator<Item = &Candidate> {
        let is_by = move |candidate: &&Candidate| candidate.detector == detector;
        self.of_request().filter(is_by).filter(|candidate| candidate.short_of.is_none())
    }
}

impl Candidate {
    fn of(subject: Subject, remedy: Remedy, confidence: Confidence) -> Self {
        Self {
            detector: 0,
            subject,
            remedy,
            confidence,
            repeats: 0,
            bytes: 0,
            claims: Vec::new(),
            marks: Vec::new(),
            sizes: Sizes::default(),
            short_of: None,
            stretches: Vec::new(),
        }
    }

    /// Begins anew; only its room is kept.
    fn become_of(&mut self, subject: Subject, remedy: Remedy, confidence: Confidence) {
        let Self { claims, marks, stretches, .. } = self;
        claims.clear();
        marks.clear();
        stretches.clear();
        (self.subject, self.remedy, self.confidence) = (subject, remedy, confidence);
        (self.repeats, self.bytes, self.sizes, self.short_of) = (0, 0, Sizes::default(), None);
    }

    /// Claims whole operations.
    pub(crate) fn claim(&mut self, operations: impl IntoIterator<Item = u32>) -> &mut Self {
        self.claims.extend(operations.into_iter().map(|operation| Claim { operation, part: Part::Whole }));
        self
    }

    /// Claims a part of an operation's (or with [`NONE`] the request's) time.
    pub(crate) fn claim_part(&mut self, operation: u32, part: Part) -> &mut Self {
        self.claims.push(Claim { operation, part });
        self
    }

    /// Notes a fact.
    pub(crate) fn mark(&mut self, mark: Mark) -> &mut Self {
        self.marks.push(mark);
        self
    }

    /// Says that it is not enough in this request, and why.
    pub(crate) fn short_of(&mut self, short_of: ShortOf) -> &mut Self {
        self.short_of = Some(short_of);
        self
    }

    /// Says how many bytes the remedy changes.
    pub(crate) fn bytes(&mut self, bytes: u64) -> &mut Self {
        self.bytes = bytes;
        self
    }

    /// Says how many operations there are.
    pub(crate) fn repeats(&mut self, repeats: u64) -> &mut Self {
        self.repeats = repeats;
        self
    }
}

/// A request as a detector sees it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The trace around it.
    pub trace: &'a Trace,
    /// The request.
    pub request: &'a Request,
    /// Texts and shapes.
    pub dictionary: &'a Dictionary,
    /// Numbers of its calls (all operations that have a shape), grouped by shape, in time order
    /// within a shape.
    pub by_shape: &'a [u32],
    /// Where each group ends in these.
    pub ends: &'a [u32],
    /// What each of its operations is.
    pub(crate) natures: &'a [Nature],
    /// What the request is: all that its operations are, and what it is by itself.
    pub(crate) seen: Nature,
    /// What may be waits for a connection, in time order.
    pub waits: &'a [Waited],
    /// What was found out in earlier requests.
    pub memo: &'a Memo,
    /// The thresholds that hold here.
    pub settings: Values<'a>,
}

impl<'a> View<'a> {
    /// An operation by its number.
    pub(crate) fn operation(&self, number: u32) -> &'a Operation {
        &self.trace.operations[number as usize]
    }

    /// What an operation is.
    pub(crate) fn nature(&self, number: u32) -> Nature {
        self.natures[(number - self.request.operations.start) as usize]
    }

    /// The operations with their numbers, in time order.
    pub(crate) fn operations(&self) -> impl DoubleEndedIterator<Item = (u32, &'a Operation)> + use<'a> {
        let trace = self.trace;
        self.request.operations.clone().map(move |number| (number, &trace.operations[number as usize]))
    }

    /// The operations of each shape, in time order.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &'a [u32]> + use<'a> {
        let by_shape = self.by_shape;
        let mut from = 0;
        self.ends.iter().map(move |&end| {
            let group = &by_shape[from..end as usize];
            from = end as usize;
            group
        })
    }

    /// The time that a set of operations covers together.
    pub(crate) fn union_ns(&self, operations: &[u32]) -> u64 {
        let mut covered = 0;
        let mut until = 0;
        for span in operations.iter().map(|&number| self.operation(number)) {
            let from = span.start_ns.max(until);
            covered += span.end_ns.saturating_sub(from);
            until = until.max(span.end_ns);
        }
        covered
    }

    /// What these operations add to the critical path.
    pub(crate) fn path_ns(&self, operations: &[u32]) -> u64 {
        operations.iter().map(|&number| self.operation(number).path_ns).sum()
    }

    /// The operation above, in the same request.
    pub(crate) fn above(&self, operation: &Operation) -> Option<&'a Operation> {
        (operation.parent != NONE).then(|| self.operation(operation.parent))
    }
}

/// A candidate of one endpoint over all requests, as it is put into words.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// Texts and shapes.
    pub dictionary: &'a Dictionary,
    /// Service of the endpoint.
    pub service: &'a str,
    /// Name of the endpoint.
    pub endpoint: &'a str,
    /// What it is about.
    pub subject: &'a Subject,
    /// What the claimed operations do; `None` where it claims none.
    pub kind: Option<Kind>,
    /// Requests of the endpoint.
    pub requests_of_endpoint: u64,
    /// Requests that show it.
    pub requests: u64,
    /// Requests in which it was considered and is not enough.
    pub requests_short: u64,
    /// How many of these requests run at the same time, on average while there are any; rounded up.
    pub at_once: u64,
    /// Repeats in one of these requests.
    pub repeats: Spread,
    /// SQL statements in one request of the endpoint.
    pub statements_per_request: Spread,
    /// Time that the claimed operations take in one of these requests, all together.
    pub claimed_ns: Spread,
    /// Time of one claimed operation: the median and the 95th percentile.
    pub single_ns: (u64, u64),
    /// The fastest execution of its statement anywhere; zero where it is about no statement.
    pub fastest_ns: u64,
    /// Rows that one execution of its statement returns or changes on average, over all executions;
    /// zero where they are not told.
    pub rows_mean: u64,
    /// The fewest and the most rows that it was about in a request; zero where they are not told.
    pub rows_seen: (u64, u64),
    /// Rows that the server reads for these, on average; zero where they are not told.
    pub examined_mean: u64,
    /// Bytes of the bodies that it is about, in one of these requests.
    pub bytes: Spread,
    /// Other bodies of the same kind (answers of the service, or answers to it) name an encoding.
    pub encodes: bool,
    /// What logs tell of its statement, where it is one that traces show: executions, their time, and how much of
    /// that they waited for locks.
    pub logged: (u64, u64, u64),
    /// The fastest other statement of the same database: about what a round trip takes.
    pub round_trip_ns: Option<u64>,
    /// What requests show of it together, if one alone does not prove it.
    pub shown: &'a Shown<'a>,
    /// Facts, with the number of requests that show each; sorted by content.
    pub marks: &'a [(Mark, u64)],
    /// The thresholds that hold here.
    pub settings: Values<'a>,
}

/// A case in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Why it is slow, with the facts of this case.
    pub why: String,
    /// Remedies, the best first; the first is the one that is predicted.
    pub fix: Vec<Advice>,
    /// How to check that the fix worked; the command is added by the caller.
    pub verify: Check,
    /// Replaces the confidence that the requests gave, where the whole says more.
    pub confidence: Option<Confidence>,
    /// Why it is not this flaw after all, as the whole shows.
    pub dismissed: Option<String>,
}

/// One way to mend a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// What to do, in the words of the mapper or client in use.
    pub text: String,
    /// What it costs.
    pub tradeoff: String,
    /// Where this way changes something else than the finding's own remedy: predicted apart.
    pub remedy: Option<Remedy>,
}

impl Advice {
    /// A way that changes what the finding's own remedy changes.
    pub(crate) fn new(text: impl Into<String>, tradeoff: &str) -> Self {
        Self { text: text.into(), tradeoff: tradeoff.to_owned(), remedy: None }
    }
}

/// What to look at to see that a fix worked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Check {
    /// `statements per request`, `p95 of POST https://payments/charge`.
    pub metric: String,
    /// What the two values count.
    pub unit: Unit,
    /// Its value now.
    pub now: u64,
    /// Its value after the fix.
    pub expected: u64,
}

/// At most so many requests, where at least this many times as many were seen, are an accident rather
/// than a flaw.
const RARE_MAX: u64 = 2;
const RARE_OF: u64 = 3;

impl Case<'_> {
    /// In how many of the requests a fact holds.
    pub(crate) fn count(&self, mark: Mark) -> u64 {
        self.marks.iter().find(|(known, _)| *known == mark).map_or(0, |(_, count)| *count)
    }

    /// The shape that it is about; no shape where it is about something else.
    pub(crate) fn shape(&self) -> ShapeRef {
        match self.subject {
            Subject::Shape(shape) => *shape,
            Subject::Calls(shapes) => shapes.first().copied().unwrap_or_default(),
            Subject::Own(_)
            | Subject::Pool { .. }
            | Subject::Workers(_)
            | Subject::Load
            | Subject::Body
            | Subject::Encoding
            | Subject::Start => ShapeRef::default(),
        }
    }

    /// Of the facts that `pick` takes something from, what the most frequent one gives.
    pub(crate) fn most<T>(&self, pick: impl Fn(Mark) -> Option<T>) -> Option<T> {
        let picked = self.marks.iter().filter_map(|(mark, count)| Some((pick(*mark)?, *count)));
        let first = picked.reduce(|best, other| if other.1 > best.1 { other } else { best });
        first.map(|(picked, _)| picked)
    }

    /// Whether so few requests show it that it may be an accident, such as a cold start.
    pub(crate) fn is_rare(&self) -> bool {
        self.requests <= RARE_MAX && self.requests_of_endpoint >= self.requests.saturating_mul(RARE_OF)
    }

    /// Whether a fact holds in at least half of the requests.
    pub(crate) fn mostly(&self, mark: Mark) -> bool {
        self.count(mark) * 2 >= self.requests
    }
}
