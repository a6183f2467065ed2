//! One recorded unit of work, compact: what a reader keeps of a span.

use super::{Body, LocationRef, OriginRef, ShapeRef, Symbol};

/// The 16 bytes that name a trace, big-endian; zero is not a valid trace.
pub type TraceId = u128;

/// The 8 bytes that name a span, big-endian; zero means "none".
pub type SpanId = u64;

/// The value of a 32-bit count or size that the evidence does not give.
pub const UNKNOWN: u32 = u32::MAX;

/// What an operation does, decided once when it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(u8)]
pub enum Kind {
    /// Opens a request: a server, consumer or job span, or a root without a caller.
    Entry,
    /// A statement to a database that speaks SQL (CQL included).
    Sql,
    /// A query to a database without SQL: documents, search, wide column, graph.
    Document,
    /// An HTTP call to another process.
    Http,
    /// A remote procedure call that is not plain HTTP.
    Rpc,
    /// A command to a cache (Redis, Memcached, ...).
    Cache,
    /// A message handed to a broker.
    Publish,
    /// A real connect: TCP, TLS or authentication, to a database or another server.
    Connect,
    /// Waiting for a connection of a pool (a checkout).
    PoolWait,
    /// Waiting for a lock.
    LockWait,
    /// Reading or writing a file.
    File,
    /// Work inside the process.
    #[default]
    Internal,
}

impl Kind {
    /// How many there are.
    pub const COUNT: usize = Self::Internal as usize + 1;
}

/// The side of a call that a span describes, as OpenTelemetry's `SpanKind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Role {
    /// Inside one process, or not said.
    #[default]
    Internal,
    /// Serves a remote call.
    Server,
    /// Makes a remote call and waits for it.
    Client,
    /// Hands a message over.
    Producer,
    /// Works a message off.
    Consumer,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Status {
    /// Not said, or success.
    #[default]
    Ok,
    /// Marked as an error by the instrumentation, or answered with a server error.
    Error,
}

/// Whether a cache had the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum CacheResult {
    /// Not said.
    #[default]
    Unknown,
    /// The value was there.
    Hit,
    /// The value was not there.
    Miss,
}

/// What a line of a server's log tells of a statement; [`crate::evidence::Session`] puts lines together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Logged {
    /// No line of a log: a span as a program recorded it.
    #[default]
    No,
    /// Which endpoint or trace the next execution belongs to, as a comment in it says.
    Tag,
    /// Parsing or binding took so long, before the statement is executed.
    Step,
    /// The statement begins; how long it takes is not told here.
    Announced,
    /// Something took so long; what is told elsewhere, or not at all.
    Duration,
    /// The plan of an execution that took so long.
    Plan,
    /// The statement was executed and took so long.
    Execution,
    /// The same, of which the line has the time of its begin.
    Begun,
    /// The statement still waits for a lock, since so long.
    Waiting,
    /// It has waited so long for a lock.
    Locked,
    /// What the session sends from here on is sent to this database, unless it says otherwise.
    Database,
    /// Rows of a result that was asked for earlier were fetched.
    Fetch,
    /// The statement ended with an error.
    Failed,
    /// A connection began or ended: what follows is of another one. It began where the line has a shape.
    Connected,
    /// Setting up the connection took so long.
    Ready,
    /// A connection ended that lasted so long.
    Disconnected,
    /// It wrote a temporary file of so many bytes ([`Span::response_bytes`]).
    Spilled,
}

impl Logged {
    /// Whether the line stands for an execution of a statement, so that it has its text.
    pub fn has_statement_executed(self) -> bool {
        matches!(self, Self::Announced | Self::Plan | Self::Execution | Self::Begun)
    }
}

/// Why a statement or a session failed, as a server's log says; its number is a span's [`Span::status_code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
#[repr(u16)]
pub enum Failure {
    /// For another reason.
    #[default]
    Other,
    /// It was given up to end a deadlock.
    Deadlock,
    /// It waited longer for a lock than it may, or may not wait.
    LockTimeout,
    /// It took longer than it may.
    StatementTimeout,
    /// Its client asked to give it up.
    UserRequest,
    /// A standby had to go on with what it replays.
    RecoveryConflict,
    /// Its transaction was idle for longer than it may be.
    IdleInTransaction,
    /// An administrator or the server ended the session.
    Terminated,
    /// It would have seen what another transaction changed.
    Serialization,
    /// All connections are taken.
    TooManyConnections,
    /// Who connects may not.
    Authentication,
    /// A statement before it in the same transaction had failed.
    AbortedTransaction,
    /// It breaks a constraint.
    Constraint,
    /// It is no statement, names what is not there, or may not be sent.
    Syntax,
    /// The server lacks memory or space.
    Resources,
    /// A value does not fit.
    Data,
}

impl Failure {
    /// Each of them.
    pub const ALL: [Self; 16] = [
        Self::Other,
        Self::Deadlock,
        Self::LockTimeout,
        Self::StatementTimeout,
        Self::UserRequest,
        Self::RecoveryConflict,
        Self::IdleInTransaction,
        Self::Terminated,
        Self::Serialization,
        Self::TooManyConnections,
        Self::Authentication,
        Self::AbortedTransaction,
        Self::Constraint,
        Self::Syntax,
        Self::Resources,
        Self::Data,
    ];
}

/// What is known of the literals and parameters of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Values(u64);

impl Values {
    /// Placeholders only: the values were hidden by the driver.
    pub const UNKNOWN: Self = Self(0);
    /// The text has neither literals nor placeholders.
    pub const NONE: Self = Self(1);

    /// Wraps a keyed hash over all values in their order.
    pub fn hashed(hash: u64) -> Self {
        Self(hash.max(2))
    }

    /// The number behind it, to write it down.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// Reads back what [`Values::to_bits`] gave.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Whether equality with another value says something.
    pub fn is_known(self) -> bool {
        self != Self::UNKNOWN
    }
}

/// What a server says of how it came by the rows of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Effort(u8);

impl Effort {
    /// How many rows it read is known.
    pub const TOLD: Self = Self(1);
    /// It read a table from its first row to its last.
    pub const FULL_SCAN: Self = Self(2);
    /// It did so with a joined table, for each row.
    pub const FULL_JOIN: Self = Self(4);
    /// It wrote a temporary table to disk.
    pub const DISK_TABLE: Self = Self(8);

    /// Notes what else is said.
    pub fn add(&mut self, said: Self) {
        self.0 |= said.0;
    }

    /// Whether any of these is said.
    pub fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    /// The number behind it, to write it down.
    #[inline]
    pub fn to_bits(self) -> u8 {
        self.0
    }

    /// Reads back what [`Effort::to_bits`] gave.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits)
    }
}

/// One span: 96 bytes, everything textual interned. Its trace is told with the spans around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Its own id; zero where it stands for spans that were lost.
    pub id: SpanId,
    /// The span that caused it; zero for a root. Of a line of a log, what stands for the server's process that wrote
    /// it; zero where that is not told.
    pub parent: SpanId,
    /// Start in nanoseconds since the Unix epoch.
    pub start_ns: u64,
    /// End in nanoseconds since the Unix epoch; never before the start.
    pub end_ns: u64,
    /// Hash of literals and parameters.
    pub values: Values,
    /// Service, instance and instrumentation library that recorded it.
    pub origin: OriginRef,
    /// Span name as recorded (method name of internal spans, else for display only).
    pub name: Symbol,
    /// The normalised statement, URL, command or destination; the endpoint's name for entries.
    pub shape: ShapeRef,
    /// What it talks to: database name with server, host, cache, topic.
    pub target: Symbol,
    /// Place in the source that made the call.
    pub location: LocationRef,
    /// Rows returned or affected; [`UNKNOWN`] if not said.
    pub rows: u32,
    /// Bytes of the response body, of a statement in a log those that it wrote to temporary files; [`UNKNOWN`] if not
    /// said.
    pub response_bytes: u32,
    /// Thread or connection number where the instrumentation gives it; [`UNKNOWN`] if not said. Of a log's line that
    /// executes a statement, what parsing and binding it took ([`Span::prepare_ns`]).
    pub thread: u32,
    /// How many operations this span stands for (`span.composite`, batches); at least 1.
    pub repeats: u32,
    /// Values in a statement's text, placeholders and literals, those of lists included; zero if it
    /// has none or that is not known.
    pub parameters: u32,
    /// Rows that a server read to get those; where [`Effort::TOLD`] is said.
    pub examined: u32,
    /// Status code of the protocol, of a statement in a log the number of its [`Failure`]; zero if not said.
    pub status_code: u16,
    /// Which attempt this is, zero-based, for calls that are retried.
    pub retries: u8,
    /// What it does.
    pub kind: Kind,
    /// Which side of a call it is.
    pub role: Role,
    /// How it ended.
    pub status: Status,
    /// Whether a cache had the value.
    pub cache: CacheResult,
    /// Content and encoding of the response body.
    pub body: Body,
    /// What a server says of how it came by the rows.
    pub effort: Effort,
    /// It stands for calls that were made one after another and were recorded together
    /// (`span.composite`); what else stands for several operations was sent as one.
    pub composite: bool,
    /// What it tells as a line of a server's log, which then has its time as start and ends as much later as it
    /// says that something took.
    pub logged: Logged,
}

const _: () = assert!(size_of::<Span>() == 96, "more memory for each span that waits for its trace");

impl Span {
    /// Rows that a server read, where it says so.
    pub fn rows_examined(&self) -> Option<u32> {
        self.effort.has(Effort::TOLD).then_some(self.examined)
    }

    /// What parsing and binding took where a line of a log tells it with the execution, in nanoseconds.
    pub fn prepare_ns(&self) -> Option<u64> {
        (self.logged == Logged::Execution && self.thread != UNKNOWN).then_some(self.thread.into())
    }

    /// Notes what parsing and binding took before the execution that a line of a log tells of: less than 4 s.
    pub fn set_prepare_ns(&mut self, prepare_ns: u64) {
        self.thread = u32::try_from(prepare_ns).unwrap_or(UNKNOWN);
    }

    /// When a line's statement was executed, where the line says how long it took.
    pub fn executed_ns(&self) -> Option<(u64, u64)> {
        match self.logged {
            Logged::Execution => {
                Some((self.start_ns.saturating_sub(self.end_ns - self.start_ns), self.start_ns))
            }
            Logged::Begun => Some((self.start_ns, self.end_ns)),
            _ => None,
        }
    }

    /// The id of a server's span that was recorded under the id of the client's span that called it, as
    /// Zipkin's own instrumentation does; the client's span keeps the id and is the parent.
    pub fn server_side(shared: SpanId) -> SpanId {
        // Any fixed change that another id is most unlikely to be.
        shared.rotate_left(31) ^ 0x9e37_79b9_7f4a_7c15
    }

    /// Whether it has such an id.
    pub(crate) fn is_server_side(&self) -> bool {
        self.role == Role::Server && self.parent != 0 && self.id == Self::server_side(self.parent)
    }

    /// Stands for spans of a trace that were lost while it was read: it has no id, nor anything else.
    pub fn lost() -> Self {
        Self::default()
    }

    /// Whether it stands for spans that were lost.
    pub fn is_lost(&self) -> bool {
        self.id == 0
    }
}

/// A span as a reader hands it over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traced {
    /// The trace it belongs to.
    pub trace: TraceId,
    /// The span.
    pub span: Span,
}

impl Traced {
    /// Stands for spans of a trace that were lost while it was read.
    pub fn lost(trace: TraceId) -> Self {
        Self { trace, span: Span::lost() }
    }
}
