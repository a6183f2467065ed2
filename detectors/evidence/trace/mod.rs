//! One trace as a tree of requests with their operations in time order.

mod ancestry;
mod assemble;
mod clock_steps;
mod covers;
mod forms;
mod layers;
mod path;
mod skew;

pub(crate) use path::tolerance_ns;

use std::ops::{Deref, Range};

pub use assemble::Assembler;
pub use forms::FormId;
pub(crate) use forms::{PLACES, place_of};
pub use path::Segment;
pub(in crate::evidence) use path::Walker;

use super::{Dictionary, Failure, Family, Kind, Locking, Logged, ShapeRef, Span, SpanId, Symbol, TraceId};

/// Stands for "no such operation" or "no such request" in an index.
pub const NONE: u32 = u32::MAX;

/// What the time of a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Waits {
    /// Statements and queries.
    Database,
    /// Cache commands.
    Cache,
    /// Calls to other services, and handing over messages.
    Call,
    /// Waiting for a connection, and connecting.
    Pool,
    /// Waiting for a lock.
    Lock,
    /// The service's own code, files included.
    Own,
}

impl Waits {
    /// How many there are.
    pub const COUNT: usize = 6;

    /// What an operation makes its request wait for.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Sql | Kind::Document => Self::Database,
            Kind::Cache => Self::Cache,
            Kind::Http | Kind::Rpc | Kind::Publish => Self::Call,
            Kind::Connect | Kind::PoolWait => Self::Pool,
            Kind::LockWait => Self::Lock,
            Kind::Entry | Kind::File | Kind::Internal => Self::Own,
        }
    }
}

/// Stands for the endpoint of operations outside of any request.
pub const NO_REQUEST: &str = "(no request)";

/// Stands for the endpoint of statements that a server's log tells of.
pub const SESSION: &str = "(sessions)";

/// Stands for the endpoint of operations whose request was not recorded.
pub const INCOMPLETE: &str = "(incomplete)";

/// The name of an endpoint, by reference into the dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndpointName {
    /// A route, method or destination.
    Route(ShapeRef),
    /// What a request started and did not wait for.
    Background(ShapeRef),
    /// A root span inside a process: a job, a script, a page.
    Root(Symbol),
    /// Operations whose caller was not recorded at all.
    NoRequest,
    /// Statements of a session of a server's log that seem to belong together.
    Session,
    /// Operations whose caller is named but missing.
    Incomplete,
}

impl EndpointName {
    /// Whether it is one of requests that somebody makes and of which all is known.
    pub(crate) fn is_of_requests(self, dictionary: &Dictionary) -> bool {
        matches!(self, Self::Route(_) | Self::Root(_)) && !self.is_test(dictionary)
    }

    fn is_test(self, dictionary: &Dictionary) -> bool {
        matches!(self, Self::Route(shape) if dictionary.shape(shape).id.family == Family::Test)
    }

    /// Whether its "requests" are operations whose request was not recorded: nobody's latency.
    pub fn is_made_up(self) -> bool {
        matches!(self, Self::NoRequest | Self::Session | Self::Incomplete)
    }

    /// The name as it is shown.
    pub fn text(self, dictionary: &Dictionary) -> String {
        match self {
            Self::Route(shape) => dictionary.shape(shape).text.to_string(),
            Self::Background(shape) => format!("(background of {})", dictionary.shape(shape).text),
            Self::Root(symbol) => dictionary.text(symbol).to_owned(),
            Self::NoRequest => NO_REQUEST.to_owned(),
            Self::Session => SESSION.to_owned(),
            Self::Incomplete => INCOMPLETE.to_owned(),
        }
    }
}

/// One trace.
#[derive(Debug, Default)]
pub struct Trace {
    /// Its id.
    pub id: TraceId,
    /// Requests; a caller comes before those it calls.
    pub requests: Vec<Request>,
    /// Operations of all requests; those of one request are contiguous.
    pub operations: Vec<Operation>,
    /// Critical paths of all requests, each from its end back to its start.
    pub segments: Vec<Segment>,
    /// Spans whose parent is named but missing.
    pub orphans: u32,
    /// Spans were lost while it was read: where nothing is recorded, something may have run.
    pub lost_spans: bool,
    /// The largest shift that was needed to undo clock skew.
    pub skew_ns: u64,
    /// Its form, where others have the same: the same requests and operations in the same places, of the same kinds and shapes.
    pub form: Option<FormId>,
    /// What it has to do with locks, where it is a request of a server's log.
    pub locking: Locking,
}

/// One unit of work at one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The trace it belongs to.
    pub trace: TraceId,
    /// The span that opened it; a made-up request takes its first operation's.
    pub opened_by: Span,
    /// Its endpoint's name.
    pub name: EndpointName,
    /// Start, clock skew undone.
    pub start_ns: u64,
    /// End, clock skew undone.
    pub end_ns: u64,
    /// The operation that called it, in [`Trace::operations`]; [`NONE`] at the edge.
    pub caller: u32,
    /// Whether somebody inside the trace waits for it.
    pub waited_for: bool,
    /// Its operations, in time order.
    pub operations: Range<u32>,
    /// Its critical path in [`Trace::segments`].
    pub segments: Range<u32>,
    /// Nanoseconds of critical path by [`Waits`]; they sum to the duration.
    pub path_ns: [u64; Waits::COUNT],
    /// That its operations belong together is inferred from when they came alone.
    pub guessed: bool,
}

impl Request {
    /// Whether a server's log tells of it: what its client does between statements is not recorded.
    pub fn is_logged(&self) -> bool {
        self.opened_by.logged != Logged::No
    }

    /// How long it took.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }

    /// A moment as the clock of its process told it. Clock skew is undone for each trace alone; moments of several
    /// requests of one process are compared by its own clock.
    pub(crate) fn recorded_ns(&self, at_ns: u64) -> u64 {
        at_ns.saturating_add_signed(self.opened_by.start_ns.wrapping_sub(self.start_ns).cast_signed())
    }

    /// Whether it is a test and no request that somebody makes.
    pub fn is_test(&self, dictionary: &Dictionary) -> bool {
        self.name.is_test(dictionary)
    }

    /// The id of the span that opened it.
    pub fn span(&self) -> SpanId {
        self.opened_by.id
    }
}

/// A span in its place; times have clock skew undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// What was recorded.
    pub span: Span,
    /// The innermost operation of the same request that covers it; [`NONE`] directly below the request.
    pub parent: u32,
    /// The request it called; [`NONE`] if that was not traced.
    pub called: u32,
    /// Time of it and of what is below it on the request's critical path.
    pub path_ns: u64,
    /// Time of it alone on the request's critical path.
    pub self_path_ns: u64,
}

impl Operation {
    /// How long it took.
    pub fn duration_ns(&self) -> u64 {
        self.span.end_ns - self.span.start_ns
    }

    /// Whether the server gave it up to end a deadlock, as a log tells.
    pub fn is_given_up(&self) -> bool {
        self.kind == Kind::Sql && self.status_code == Failure::Deadlock as u16
    }
}

impl Deref for Operation {
    type Target = Span;

    fn deref(&self) -> &Span {
        &self.span
    }
}

impl Trace {
    /// Ready to become another trace.
    fn clear(&mut self) {
        self.requests.clear();
        self.operations.clear();
        self.segments.clear();
        self.orphans = 0;
        self.skew_ns = 0;
        self.form = None;
    }

    /// The operations of a request.
    pub fn operations_of(&self, request: &Request) -> &[Operation] {
        &self.operations[request.operations.start as usize..request.operations.end as usize]
    }

    /// The critical path of a request, from its end back to its start.
    pub fn path_of(&self, request: &Request) -> &[Segment] {
        &self.segments[request.segments.start as usize..request.segments.end as usize]
    }
}
