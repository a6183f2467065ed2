//! What is said: the report, version 1. Field names and order are the JSON contract.
//!
//! Unknown values are `None` and written as `null`, never left out.

use serde::Serialize;

use crate::evidence::trace::{INCOMPLETE, NO_REQUEST, SESSION};

/// The version of the report's form.
pub const VERSION: u32 = 1;

/// Everything that a run says.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// Endpoints: those that miss their target first, then by time spent.
    pub endpoints: Vec<Endpoint>,
    /// Findings in order of rank, latency first; those with one cause stand together.
    pub findings: Vec<Finding>,
    /// Considered and not told, with the reason.
    pub dismissed: Vec<Dismissal>,
    /// Statements as logs or statistics of servers tell them; `None` where none was read.
    pub logged: Option<LoggedStatements>,
    /// What logs of servers tell beside statements; `None` where they tell nothing of it.
    pub server: Option<ServerLog>,
    /// What the evidence holds: without it, silence and blindness look alike.
    pub seen: Seen,
    /// What could not be seen, and the shortest way to see it.
    pub not_seen: Vec<NotSeen>,
    /// Records that could not be read.
    pub skipped: Skipped,
    /// Bounds that were hit, clock shifts and other remarks on the evidence.
    pub notes: Vec<String>,
}

/// What the evidence holds, after what came twice is left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Spans.
    pub spans: u64,
    /// Traces.
    pub traces: u64,
    /// Requests, at entry endpoints and below.
    pub requests: u64,
    /// Statements and queries to databases.
    pub statements: u64,
    /// Commands to caches.
    pub cache_commands: u64,
    /// Calls to other services, and messages handed over.
    pub calls: u64,
}

/// Statements as logs or statistics of servers tell them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LoggedStatements {
    /// What tells of them.
    pub from: StatementSource,
    /// How many different ones, by shape and database.
    pub statements: u64,
    /// Executions: those that were timed, and those of which only the begin was logged.
    pub executions: u64,
    /// What the timed ones took together, parsing and binding apart.
    pub time_ns: u64,
    /// What parsing and binding took together.
    pub prepare_ns: u64,
    /// Executions that ended with an error.
    pub failed: u64,
    /// What the quickest of the timed ones took, within 1 %: what is quicker may not be logged. `None` where none is timed.
    pub quickest_ns: Option<u64>,
    /// Executions of which only the begin was logged.
    pub untimed: u64,
    /// Executions among these that the log leaves out: each that it has stands for as many as its rate limit says.
    pub unlogged: u64,
    /// Executions beyond these of which only the plan was logged.
    pub plans_alone: u64,
    /// Durations that no line tells the statement of: steps of the protocol.
    pub durations_alone: u64,
    /// Their sum.
    pub durations_alone_ns: u64,
    /// From the first begin to the last end in the times of the logs; `None` where they tell none.
    pub period_ns: Option<u64>,
    /// Those that took most time first.
    pub by_time: Vec<LoggedStatement>,
    /// Those that are not listed.
    pub rest: LoggedRest,
    /// Those that are not listed, as far as they are known; to be compared with others.
    #[serde(skip)]
    pub unlisted: Vec<LoggedStatement>,
    /// There are more than these.
    #[serde(skip)]
    pub is_cut: bool,
}

/// What tells of statements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StatementSource {
    /// Logs: each execution.
    #[default]
    Log,
    /// Sums that servers have counted themselves.
    Statistics,
}

/// One statement of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LoggedStatement {
    /// The canonical text, without values.
    pub text: String,
    /// Its id.
    pub shape: String,
    /// The database; `None` where the log does not tell it.
    pub database: Option<String>,
    /// Executions.
    pub executions: u64,
    /// Those that ended with an error.
    pub failed: u64,
    /// What they took together.
    pub time_ns: u64,
    /// What parsing and binding took together.
    pub prepare_ns: u64,
    /// What they waited for locks, waits of a millisecond and longer; `None` where the log does not tell it.
    pub lock_ns: Option<u64>,
    /// Rows sent or changed; `None` where the log does not tell it.
    pub rows: Option<u64>,
    /// Rows that the server read to get those; `None` where the log does not tell it.
    pub rows_examined: Option<u64>,
    /// Executions that read a table from its first row to its last; `None` where the log tells of none.
    pub full_scans: Option<u64>,
    /// Executions that wrote temporary files.
    pub spills: u64,
    /// Bytes of these files.
    pub spilled_bytes: u64,
    /// The most that one execution wrote.
    pub spilled_bytes_max: u64,
    /// Of one execution.
    pub latency_ns: Latency,
    /// Endpoints that send it, as traces of the same time show or as times tell; what takes most time first. Empty
    /// where neither does.
    pub sent_by: Vec<SentBy>,
    /// A quarter, half and three quarters of the executions take no longer; `None` where the log tells no times.
    #[serde(skip)]
    pub quartiles_ns: Option<[u64; 3]>,
    /// Where the log tells of the slowest: `postgresql.log:8812`.
    pub slowest: Option<String>,
    /// The plan of the slowest execution whose plan the log tells; `None` where it tells none.
    pub plan: Option<LoggedPlan>,
    /// An execution with its values; `None` unless these are to be shown.
    pub example: Option<Example>,
}

/// An execution of a statement as a log has it, with its values: only where these are to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The text, in one line.
    pub text: String,
    /// What its parameters are, as the log writes it; `None` where it tells none.
    pub parameters: Option<String>,
    /// Only the begin of the text or of the parameters is here.
    pub is_cut: bool,
    /// What it took; `None` where its line does not say.
    pub duration_ns: Option<u64>,
    /// Where the log tells of it: `postgresql.log:8812`.
    pub place: String,
}

/// The plan of one execution of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoggedPlan {
    /// What it joins and reads by what, from the root on: `Hash Join, Seq Scan orders, Index Scan items by items_order_idx`.
    pub outline: String,
    /// What that execution took; `None` where it was not measured.
    pub execution_ns: Option<u64>,
    /// Where the log tells of it.
    pub place: String,
}

/// An endpoint that sends a statement of which a log tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SentBy {
    /// Service.
    pub service: String,
    /// Endpoint.
    pub endpoint: String,
    /// Executions that are known to be its own.
    pub executions: u64,
    /// What they took: its clients where traces tell, else the server.
    pub time_ns: u64,
    /// No trace shows the statement: it was executed while requests of this endpoint alone were open, far more often
    /// than by chance.
    pub by_time: bool,
}

/// What logs of databases tell of the time of requests whose traces show no statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoggedWithin {
    /// Requests that were looked at.
    pub requests: u64,
    /// Executions that lie within them and no others, at statements for which that is no chance.
    pub executions: u64,
    /// What these took together by the server.
    pub time_ns: u64,
    /// The statement that takes most of it.
    pub statement: String,
}

impl LoggedWithin {
    /// Executions in one request, at least.
    pub fn statements_each(&self) -> u64 {
        self.executions.div_ceil(self.requests.max(1))
    }
}

/// Statements that are not listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LoggedRest {
    /// How many.
    pub statements: u64,
    /// Their executions.
    pub executions: u64,
    /// What these took together.
    pub time_ns: u64,
    /// What the first of them took: every statement that took longer is listed.
    pub time_ns_max: u64,
}

/// What logs of servers tell beside statements.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ServerLog {
    /// Connections; `None` where they are not logged.
    pub connections: Option<ServerConnections>,
    /// Why statements and sessions failed, by how often.
    pub failures: Vec<ServerFailure>,
    /// Checkpoints; `None` where none is logged.
    pub checkpoints: Option<ServerCheckpoints>,
    /// Tables that were vacuumed or analyzed automatically, those that took longest first; at most 10.
    pub vacuums: Vec<ServerVacuum>,
    /// Runs on tables that are not listed.
    pub vacuums_elsewhere: u64,
    /// What poolers tell: of all pools, of those of a database, of one at a moment.
    pub poolers: Vec<ServerPooler>,
}

/// Connections to a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ServerConnections {
    /// Those that came.
    pub received: u64,
    /// Those that may.
    pub authorized: u64,
    /// Those that ended.
    pub ended: u64,
    /// How long those that ended lasted together.
    pub session_ns: u64,
    /// From the first line about a connection to the last.
    pub between_ns: u64,
}

/// Why statements and sessions failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerFailure {
    /// Why: `deadlock`.
    pub why: String,
    /// How often.
    pub count: u64,
    /// Statements that did, those that failed most first; at most 3.
    pub statements: Vec<ServerFailed>,
}

/// A statement that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerFailed {
    /// The canonical text, without values.
    pub text: String,
    /// Its id.
    pub shape: String,
    /// How often.
    pub count: u64,
}

/// Checkpoints of a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ServerCheckpoints {
    /// How many.
    pub count: u64,
    /// Those that began as so much was written, and not as it was time.
    pub by_wal: u64,
    /// How often the server says that they come too often.
    pub too_often: u64,
    /// How long those took together of which it is told.
    pub time_ns: u64,
    /// The longest of them.
    pub time_ns_max: u64,
}

/// What a pooler tells; what it does not is zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ServerPooler {
    /// `all pools` of a log, a database, or database and user.
    pub pool: String,
    /// Transactions.
    pub transactions: u64,
    /// What they took together, by the pooler's count.
    pub time_ns: u64,
    /// What clients waited together for connections to the server.
    pub wait_ns: u64,
    /// Clients that came.
    pub logins: u64,
    /// Connections to the server that were made.
    pub server_connections: u64,
    /// Clients that were sent away, as there were too many.
    pub refused: u64,
    /// Clients that waited longer than they may.
    pub timed_out: u64,
    /// Other errors that clients were told.
    pub failed: u64,
    /// At the moment that was shown: clients that wait.
    pub waiting: u64,
    /// For how long the first of them does.
    pub waiting_ns_max: u64,
    /// Connections to the server that are in use.
    pub in_use: u64,
    /// Those that are idle.
    pub idle: u64,
}

/// Automatic runs on one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerVacuum {
    /// The table, with database and schema.
    pub table: String,
    /// Analyzed for the planner, and not vacuumed.
    pub analyze: bool,
    /// How often.
    pub runs: u64,
    /// How long all together.
    pub time_ns: u64,
    /// The longest.
    pub time_ns_max: u64,
}

/// One endpoint of one service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Endpoint {
    /// Service name.
    pub service: String,
    /// `GET /orders/{id}`.
    pub name: String,
    /// Called from outside of what was traced.
    pub entry: bool,
    /// Requests seen.
    pub requests: u64,
    /// Requests that ended with an error.
    pub errors: u64,
    /// Latency as measured.
    pub latency_ns: Latency,
    /// SQL statements in one request.
    pub statements_per_request: Spread,
    /// What bounds it.
    pub resource: Resource,
    /// Time on the critical path: `all` is the mean of all requests, `slowest` of the slowest 1 %.
    pub critical_path_ns: CriticalPath,
    /// What logs of databases tell of its time, inferred from times; `None` where traces show its statements, or no
    /// log does.
    pub logged: Option<LoggedWithin>,
    /// The goal, if one is set.
    pub target: Option<TargetResult>,
    /// The joint result of the first fix, the first two, and so on.
    pub after_fixes: Vec<AfterFix>,
}

/// Percentiles in nanoseconds; `None` where there are too few requests (p95: 60, p99: 300).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// Median.
    pub p50: Option<u64>,
    /// 95th percentile.
    pub p95: Option<u64>,
    /// 99th percentile.
    pub p99: Option<u64>,
    /// The slowest.
    pub max: Option<u64>,
}

/// Median and maximum of a count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// Median.
    pub p50: u64,
    /// Maximum.
    pub max: u64,
}

/// What bounds an endpoint or a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Resource {
    /// The class; `None` if most of the time is unexplained.
    pub class: Option<ResourceClass>,
    /// How sure that is.
    pub confidence: Confidence,
}

/// The resource that time is spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ResourceClass {
    /// Computing.
    Cpu,
    /// Database, disk, or waiting for them (pools, locks).
    Io,
    /// Allocation and collection.
    Memory,
    /// Calls to other services.
    Network,
}

/// Mean critical path of all and of the slowest requests, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CriticalPath {
    /// Mean over all requests.
    pub all: PathTime,
    /// Mean over the slowest 1 %, at least one request.
    pub slowest: PathTime,
}

/// Nanoseconds by what the request waited for; they sum to its duration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PathTime {
    /// Statements and queries.
    pub database: u64,
    /// Cache commands.
    pub cache: u64,
    /// Calls to other services.
    pub call: u64,
    /// Waiting for a connection, and connecting.
    pub pool_wait: u64,
    /// Waiting for a lock.
    pub lock_wait: u64,
    /// The service's own code.
    pub own: u64,
    /// Not told by the evidence.
    pub unexplained: u64,
}

impl PathTime {
    /// Name and nanoseconds of each part.
    pub fn parts(&self) -> [(&'static str, u64); 7] {
        [
            ("database", self.database),
            ("calls to other services", self.call),
            ("cache", self.cache),
            ("waiting for a connection", self.pool_wait),
            ("waiting for a lock", self.lock_wait),
            ("own code", self.own),
            ("unexplained", self.unexplained),
        ]
    }

    /// The sum of all parts.
    pub fn total(&self) -> u64 {
        self.parts().iter().map(|(_, ns)| ns).sum()
    }
}

/// A goal and whether it is met.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TargetResult {
    /// `p50`, `p95`, `p99` or `max`.
    pub metric: String,
    /// The bound.
    pub max_ns: u64,
    /// Measured below the bound; `None` with too few requests to say.
    pub met: Option<bool>,
}

/// What is left after a fix and all before it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AfterFix {
    /// Id of the finding that is fixed at this step.
    pub finding: String,
    /// Predicted latency.
    pub latency_ns: Latency,
    /// The target would be met; `None` without a target.
    pub target_met: Option<bool>,
}

/// One problem at one endpoint (or in one process, database, machine).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Stable: detector and a hash of detector, scope and subject.
    pub id: String,
    /// Shared by findings with one cause at several endpoints.
    pub cause: String,
    /// Detector id.
    pub detector: String,
    /// Service.
    pub service: String,
    /// Endpoint; `None` for findings about a process or database.
    pub endpoint: Option<String>,
    /// Entry endpoints whose latency the fix changes, with what each gets back.
    pub affects: Vec<Affected>,
    /// What it is about.
    pub subject: Subject,
    /// Requests that show it.
    pub requests: u64,
    /// How often in one request; `None` where repeats are not the point.
    pub repeats: Option<Spread>,
    /// What the fix gives back.
    pub gain: Gain,
    /// Resource it spends.
    pub resource: Option<ResourceClass>,
    /// How sure the cause is.
    pub confidence: Confidence,
    /// Latency of its endpoint now, and with this fix alone.
    pub latency_ns: FindingLatency,
    /// Place in the source.
    pub location: Option<Location>,
    /// Why it is slow, with the facts of this case.
    pub why: String,
    /// Remedies, the best first.
    pub fix: Vec<Fix>,
    /// How to check that the fix worked.
    pub verify: Verify,
    /// Requests that show it: the slowest, then a few chosen by hash.
    pub evidence: Vec<Evidence>,
    /// Of the statement that it is about, an execution with its values; `None` unless these are to be shown.
    pub example: Option<Example>,
    /// A usual request that shows it, drawn in time; `None` where none was small enough to be kept.
    pub waterfall: Option<Waterfall>,
    /// Other detectors' views of the same time; for a pool, what holds its connections.
    pub also: Vec<String>,
    /// The reason, if the team has accepted it.
    pub accepted: Option<String>,
    /// Who accepted it, if that is said.
    pub accepted_owner: Option<String>,
    /// The last day of the acceptance, such as `2027-03-31`, if it has one.
    pub accepted_until: Option<String>,
}

impl Finding {
    /// Too unsure to be shown unless asked for.
    pub fn is_lead(&self) -> bool {
        self.confidence == Confidence::Low
    }

    /// Left out of a page for people unless asked for: a lead, unless it is about a statement whose
    /// request was not recorded, which is all that makes it unsure.
    pub fn is_hidden(&self) -> bool {
        let unrecorded = matches!(self.endpoint.as_deref(), Some(NO_REQUEST | SESSION | INCOMPLETE));
        self.is_lead() && !(unrecorded && self.subject.kind == SubjectKind::Statement)
    }

    /// Neither accepted nor a lead: what a team has to do something about.
    pub fn is_open(&self) -> bool {
        self.accepted.is_none() && !self.is_lead()
    }
}

/// An entry endpoint that a finding delays.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Affected {
    /// Service.
    pub service: String,
    /// Endpoint.
    pub endpoint: String,
    /// Waiting given back over all requests seen.
    pub gain_ns: u64,
    /// Its latency, before and after this fix alone.
    pub latency_ns: FindingLatency,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Subject {
    /// What sort of thing the text names.
    pub kind: SubjectKind,
    /// Normalised text; never a value.
    pub text: String,
    /// Shape id, where it is a shape.
    pub shape: Option<String>,
}

/// What sort of thing a subject is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    /// A statement or query.
    Statement,
    /// A call to another service or cache.
    Call,
    /// Several calls together.
    Calls,
    /// Own time of the code.
    Code,
    /// A connection pool.
    Pool,
    /// What an endpoint answers.
    Response,
    /// The first requests of a process.
    Start,
    /// Threads or processes that serve requests.
    Workers,
    /// Requests at once.
    Load,
}

/// What a fix gives back; kinds are never compared with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Gain {
    /// What is given back.
    pub kind: GainKind,
    /// How much time, over all requests seen; zero where it is no time.
    pub total_ns: u64,
    /// How many bytes, over all requests seen, where the kind counts bytes.
    pub total_bytes: Option<u64>,
}

impl Gain {
    /// This and another of the same kind.
    pub fn with(mut self, other: Self) -> Self {
        self.total_ns = self.total_ns.saturating_add(other.total_ns);
        if let (Some(mine), Some(theirs)) = (&mut self.total_bytes, other.total_bytes) {
            *mine = mine.saturating_add(theirs);
        }
        self
    }

    /// What gains of one kind are ranked by.
    pub fn amount(&self) -> u64 {
        self.total_bytes.unwrap_or(self.total_ns)
    }
}

/// What a fix gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GainKind {
    /// Waiting of callers at entry endpoints.
    Latency,
    /// Time of the database.
    DatabaseTime,
    /// Time of processors.
    CpuTime,
    /// Bytes that are sent.
    Network,
    /// Memory.
    Memory,
    /// A danger, not counted in time.
    Risk,
}

/// How sure something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A lead; hidden in text unless asked for.
    Low,
    /// Likely.
    Medium,
    /// Seen.
    High,
}

/// Latency of a finding's endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FindingLatency {
    /// As measured.
    pub measured: Latency,
    /// With this fix alone: the middle of the range.
    pub predicted: Latency,
    /// Best and worst case of the remedy's model.
    pub predicted_range: LatencyRange,
}

/// Best and worst case of each percentile, `[low, high]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LatencyRange {
    /// Median.
    pub p50: Option<[u64; 2]>,
    /// 95th percentile.
    pub p95: Option<[u64; 2]>,
    /// 99th percentile.
    pub p99: Option<[u64; 2]>,
    /// The slowest.
    pub max: Option<[u64; 2]>,
}

/// A place in the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Location {
    /// File.
    pub file: Option<String>,
    /// Line.
    pub line: Option<u32>,
    /// Function.
    pub function: Option<String>,
}

/// One remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// What to do.
    pub text: String,
    /// What it costs.
    pub tradeoff: String,
    /// Predicted p50/p95/p99 where this way differs from the finding's own prediction.
    pub latency_ns: Option<Latency>,
}

/// How to check that the fix worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verify {
    /// What to look at.
    pub metric: String,
    /// What the two values count.
    pub unit: Unit,
    /// Its value now.
    pub now: u64,
    /// Its value after this fix alone.
    pub expected: u64,
    /// A command that shows it.
    pub command: String,
}

/// What a value to check counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Things.
    #[default]
    Count,
    /// Nanoseconds.
    Ns,
    /// Bytes.
    Bytes,
}

/// A request that shows a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Trace id, 32 hex digits; in a log the place where the request begins, `postgresql.log:8812`.
    pub trace: String,
    /// Span ids of the first operations concerned, 16 hex digits; in a log their places.
    pub spans: Vec<String>,
    /// Duration of the request.
    pub duration_ns: u64,
}

/// Whether what identifies a request is its place in a log.
pub fn is_place(trace: &str) -> bool {
    trace.contains(':')
}

/// A request drawn in time, as measured and with the finding's fix alone. Equal operations that follow one
/// another are one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waterfall {
    /// Trace id, 32 hex digits.
    pub trace: String,
    /// Duration of the request.
    pub duration_ns: u64,
    /// Its duration with the fix: best and worst case of the remedy's model.
    pub fixed_ns: [u64; 2],
    /// Operations, each below the one that it is part of, in time order.
    pub rows: Vec<WaterfallRow>,
    /// Shorter ones that are left out.
    pub rows_left_out: u64,
}

/// One operation, or a run of equal ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaterfallRow {
    /// How many rows it lies within; zero for the request itself.
    pub depth: u64,
    /// What it makes its request wait for.
    pub waits_for: WaitsFor,
    /// Endpoint with its service, normalised statement or call in brief, name of the span.
    pub text: String,
    /// It is what the fix changes.
    pub claimed: bool,
    /// As measured.
    pub measured: Placed,
    /// With the fix, in its worst case, as measured where that would cost more; `None` where it is not done any
    /// more.
    pub fixed: Option<Placed>,
}

/// Where an operation lies within its request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Placed {
    /// How many operations it stands for.
    pub calls: u64,
    /// From the begin of the request to its own.
    pub start_ns: u64,
    /// From the begin of the request to its end; of a run to the end of its last operation.
    pub end_ns: u64,
    /// How long it takes, with what is below it; all operations of a run together, without what is
    /// between them.
    pub duration_ns: u64,
    /// Its part of the critical path, without what is below it.
    pub path_ns: u64,
}

/// What time of an operation is spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitsFor {
    /// Statements and queries.
    Database,
    /// Cache commands.
    Cache,
    /// Calls to other services.
    Call,
    /// Waiting for a connection, and connecting.
    PoolWait,
    /// Waiting for a lock.
    LockWait,
    /// The service's own code.
    Own,
    /// A request, here or of a called service.
    Request,
}

/// A candidate that is not told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dismissal {
    /// Detector id.
    pub detector: String,
    /// Service.
    pub service: String,
    /// Endpoint.
    pub endpoint: Option<String>,
    /// What it was about.
    pub subject: String,
    /// Requests that showed it.
    pub requests: u64,
    /// Why it is not told: `seen 2 times, needs 3`; `gives back 0.4 ms of 310 ms`.
    pub reason: String,
}

/// Something that the evidence cannot show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotSeen {
    /// What: `connection pool`, `own code`.
    pub what: String,
    /// Where.
    pub service: Option<String>,
    /// Why not, and the shortest way to see it.
    pub how: String,
}

impl NotSeen {
    /// [`NotSeen::what`] of a service that only logs tell of.
    pub const WHAT_REQUESTS_DO: &str = "what requests do";
}

/// Records that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// How many.
    pub records: u64,
    /// Of how many in all.
    pub of: u64,
    /// Bytes that belong to no readable record.
    pub bytes: u64,
    /// The first ones.
    pub first: Vec<SkippedRecord>,
}

/// One record that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkippedRecord {
    /// File as given.
    pub file: String,
    /// Line; `None` where lines mean nothing.
    pub line: Option<u64>,
    /// Byte offset in the decompressed input.
    pub offset: u64,
    /// Why.
    pub reason: String,
}
