//! A session of a server's log: from its lines to executions of statements, and from these to requests.
//!
//! Logs tell one execution in several lines, by what the server is set to log: a statement and later how long
//! something took, parsing and binding apart from executing, a plan before the line of the execution that it
//! is of. Here each execution comes out once.
//!
//! What belongs to one request no log tells. A transaction does; of statements outside of transactions those
//! that follow one another without a pause; and a comment may name the endpoint (sqlcommenter).

mod locking;
mod parts;
mod requests;

use std::mem;

pub use self::locking::{Holding, LockWait, Locking, NAMED_LOCK};
use self::locking::{INEXACT_NS, Open};
use self::requests::{Building, Comment, EXECUTIONS_MAX, Steps};
use super::trace::{NONE, Operation, Request, Trace, Walker};
use super::{
    Dictionary, Failure, Kind, Logged, OriginRef, ShapeRef, Span, SpanId, Status, Symbol, TraceId, UNKNOWN,
};

/// A portal is closed at the latest after so many other executions, which is when its plan is logged.
const CLOSED_LATER_MAX: usize = 16;

/// In front of the number of a request that comes from a log: no trace has such an id, unless by chance.
const LOG: TraceId = 0x6c6f_675f_6c69_6e65 << 64;

/// One execution of a statement, as a server's log tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execution {
    /// The statement. Start and end as the server measured them; both the time of the line where it did not say
    /// how long it took.
    pub span: Span,
    /// What parsing and binding took on the extended protocol, before the start.
    pub prepare_ns: u64,
    /// How it is known.
    pub known_by: KnownBy,
    /// Its plan was logged, too.
    pub planned: bool,
    /// How long it waited for locks, where that is told.
    pub locked_ns: u64,
}

impl Execution {
    /// Without anything before or beside it.
    fn of(span: Span, known_by: KnownBy) -> Self {
        Self { span, prepare_ns: 0, known_by, planned: false, locked_ns: 0 }
    }
}

/// How an execution is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KnownBy {
    /// A line that says how long it took.
    Duration,
    /// A line that says that it begins.
    Announcement,
    /// Its plan alone: its duration was not logged, or by chance only.
    Plan,
    /// It was parsed or bound and not executed, or that was not logged: not an execution.
    Preparation,
    /// That it waited for a lock: it failed then, or its duration was not logged. Not counted as an execution.
    Wait,
}

/// Reads sessions, one after another.
#[derive(Debug, Default)]
pub struct Session {
    executions: Vec<Execution>,
    /// For each execution what its comment says, and whether another connection begins with it.
    comments: Vec<(Comment, bool)>,
    /// Waits for locks, each with the number of its execution.
    waits: Vec<(u32, LockWait)>,
    /// Connections that sent something, in their order, and how many of them have begun with a request.
    connections: Vec<Connection>,
    begun: usize,
    /// Before which execution a connection ended or began, and when.
    ends: Vec<(usize, u64)>,
    /// Stands for the server's process; zero where that is not told.
    process: u64,
    /// Lines that say how long something took and nothing else, and the sum.
    pub(crate) bare: (u64, u64),
    state: State,
    /// The first execution that is in no request yet.
    next: usize,
    /// Lines of the same session are still to come.
    more: bool,
    steps: Steps,
    trace: Trace,
    walker: Walker,
}

/// A connection of the session.
#[derive(Debug, Clone, Copy)]
struct Connection {
    /// The line that says whose it is.
    line: Span,
    /// Its first execution.
    first: usize,
    /// What it took to set it up, where that is told.
    setup_ns: Option<u64>,
}

/// What was read of an execution that is not complete.
#[derive(Debug, Default)]
struct State {
    /// A statement that has begun, and what took parsing and binding it.
    announced: Option<Prepared>,
    plan: Option<Span>,
    /// Temporary files of the statement that is executed, with the sum of their bytes.
    spilled: Option<Span>,
    prepared: Option<Prepared>,
    /// The latest bare durations, of a statement that may still come: on the extended protocol parse and bind.
    loose: [Option<u64>; 2],
    comment: Comment,
    /// Another connection has begun.
    anew: bool,
    connection: Option<Connection>,
    /// What the session's statements are sent to, as a line said.
    database: Option<(OriginRef, Symbol)>,
    /// A wait for a lock whose end was not told yet, and those before of the same execution.
    waiting: Option<LockWait>,
    waited: Vec<LockWait>,
    /// The first line that tells of them, and what its comment says.
    wait_line: Option<(Span, Comment)>,
    /// When the latest execution ended.
    ended_ns: u64,
}

#[derive(Debug, Clone, Copy)]
struct Prepared {
    span: Span,
    duration_ns: u64,
}

impl Session {
    /// Reads the lines of one session, sorted by time and place.
    pub fn read(&mut self, lines: &[Span], dictionary: &Dictionary) {
        self.more = false;
        self.read_part(lines, false, dictionary);
    }

    /// The executions, in their order.
    pub fn executions(&self) -> &[Execution] {
        &self.executions
    }

    /// The database of a line that does not name it: that of its session or log.
    fn database_of(&self, line: &Span, dictionary: &Dictionary) -> Option<(OriginRef, Symbol)> {
        let is_named = line.target != Symbol::default() || line.logged == Logged::Database;
        let database = || self.state.database.or_else(|| dictionary.database_at(line.id));
        (!is_named).then(database).flatten()
    }

    fn line(&mut self, line: &Span) {
        let took_ns = line.end_ns - line.start_ns;
        match line.logged {
            Logged::No => {}
            Logged::Tag => self.state.comment = Comment { endpoint: line.shape, trace: line.values },
            Logged::Connected => self.connected(line),
            Logged::Ready => self.ready(took_ns),
            Logged::Disconnected => self.disconnected(line, took_ns),
            Logged::Step => self.step(line, took_ns),
            Logged::Plan => self.plan(line, took_ns),
            Logged::Announced => {
                self.settle();
                let prepare_ns = mem::take(&mut self.state.loose).into_iter().flatten().sum();
                self.state.announced = Some(Prepared { span: *line, duration_ns: prepare_ns });
            }
            Logged::Duration => self.duration(line, took_ns),
            Logged::Execution => {
                let start_ns = line.start_ns.saturating_sub(took_ns);
                // Nothing of another statement is left that was prepared before.
                let prepare_ns = line.prepare_ns().filter(|_| self.state.prepared.is_none());
                if prepare_ns.is_none() {
                    line.prepare_ns().into_iter().for_each(|prepare_ns| self.step(line, prepare_ns));
                }
                self.execution(line, start_ns, prepare_ns.unwrap_or(0));
            }
            Logged::Begun => self.execution(line, line.start_ns, 0),
            Logged::Waiting => self.waiting(line, took_ns),
            Logged::Locked => self.locked(line, took_ns),
            Logged::Database => self.state.database = Some((line.origin, line.target)),
            Logged::Fetch => self.fetch(line, took_ns),
            Logged::Failed => self.failed(line),
            Logged::Spilled => self.spilled(line),
        }
    }

    /// The plan of a statement: as a rule its line follows; where the portal is closed later, it came before.
    fn plan(&mut self, line: &Span, took_ns: u64) {
        self.settle_plan();
        let is_of = |execution: &&mut Execution| {
            let Execution { span, known_by, planned, .. } = execution;
            let timed = *known_by == KnownBy::Duration && took_ns <= span.end_ns - span.start_ns;
            span.shape == line.shape && timed && !planned
        };
        match self.executions.iter_mut().rev().take(CLOSED_LATER_MAX).find(is_of) {
            Some(execution) => execution.planned = true,
            None => self.state.plan = Some(*line),
        }
    }

    fn step(&mut self, line: &Span, took_ns: u64) {
        match &mut self.state.prepared {
            Some(prepared) if prepared.span.shape == line.shape => {
                prepared.duration_ns = prepared.duration_ns.saturating_add(took_ns)
            }
            prepared => {
                let earlier = prepared.replace(Prepared { span: *line, duration_ns: took_ns });
                earlier.into_iter().for_each(|earlier| self.push_prepared(earlier));
            }
        }
    }

    /// A line that says how long something took: what was announced, or what comes before the next statement.
    fn duration(&mut self, line: &Span, took_ns: u64) {
        match self.state.announced.take() {
            Some(Prepared { span, duration_ns }) => {
                let timed = Span { start_ns: line.start_ns, end_ns: line.end_ns, ..span };
                self.timed(&timed, timed.start_ns.saturating_sub(took_ns), duration_ns);
            }
            None => {
                let [earlier, latest] = &mut self.state.loose;
                let left = mem::replace(earlier, latest.replace(took_ns));
                self.note_bare(left);
            }
        }
    }

    /// Durations of which nothing tells the statement.
    fn settle_loose(&mut self) {
        mem::take(&mut self.state.loose).into_iter().for_each(|left| self.note_bare(left));
    }

    fn note_bare(&mut self, duration_ns: Option<u64>) {
        let Some(duration_ns) = duration_ns else { return };
        self.bare = (self.bare.0 + 1, self.bare.1.saturating_add(duration_ns));
    }

    /// Another connection, perhaps of the same process id.
    fn connected(&mut self, line: &Span) {
        self.end_connection(Some(line.start_ns));
        if line.shape != ShapeRef::default() {
            let first = self.executions.len();
            self.state.connection = Some(Connection { line: *line, first, setup_ns: None });
        }
    }

    /// What setting up the connection took, as the server measured it.
    fn ready(&mut self, took_ns: u64) {
        if let Some(connection) = &mut self.state.connection {
            connection.setup_ns = Some(took_ns);
        }
    }

    /// The connection has ended, so long after it came: it was set up in the time until it was said whose it is.
    fn disconnected(&mut self, line: &Span, took_ns: u64) {
        if let Some(connection) = &mut self.state.connection {
            let came_ns = line.start_ns.saturating_sub(took_ns);
            let known_ns = connection.line.start_ns.saturating_sub(came_ns);
            connection.setup_ns.get_or_insert(known_ns);
        }
        self.end_connection(Some(line.start_ns));
    }

    fn end_connection(&mut self, at_ns: Option<u64>) {
        self.settle();
        self.settle_loose();
        self.state.anew = true;
        self.ends.extend(at_ns.map(|at_ns| (self.executions.len(), at_ns)));
        let used = |connection: &Connection| connection.first < self.executions.len();
        self.connections.extend(self.state.connection.take().filter(used));
    }

    fn execution(&mut self, line: &Span, start_ns: u64, prepare_ns: u64) {
        self.settle_announced();
        self.settle_loose();
        self.timed(line, start_ns, prepare_ns);
    }

    /// A statement whose duration is known, and when it began by its line.
    fn timed(&mut self, line: &Span, start_ns: u64, prepare_ns: u64) {
        let took_ns = line.end_ns - line.start_ns;
        let planned = self.state.plan.is_some_and(|plan| plan.shape == line.shape);
        if planned {
            self.state.plan = None;
        }
        self.settle_plan();
        let prepare_ns = prepare_ns.saturating_add(self.prepared_for(line.shape));
        // Lines have times that are cut to milliseconds or seconds: a statement begins at the earliest when the one
        // before it had ended.
        let earliest_ns = self.state.ended_ns.saturating_add(prepare_ns);
        let (begun_ns, start_ns) = (start_ns, start_ns.max(earliest_ns));
        let response_bytes = self.spilled_by(line.shape);
        self.settle_spilled();
        self.settle_waits_of_others(line.shape);
        self.settle_waits_before(begun_ns.saturating_sub(COARSE_NS));
        // What it took to prepare it stands apart from now on.
        let thread = if line.logged == Logged::Execution { UNKNOWN } else { line.thread };
        let end_ns = start_ns.saturating_add(took_ns);
        let span = Span { start_ns, end_ns, response_bytes, thread, ..*line };
        self.state.ended_ns = span.end_ns;
        self.push_waiting(Execution { prepare_ns, planned, ..Execution::of(span, KnownBy::Duration) });
    }

    /// The statement still waits for a lock; the same wait may be told several times.
    fn waiting(&mut self, line: &Span, took_ns: u64) {
        self.settle_waits_of_others(line.shape);
        // What was announced has the comment still to come.
        let comment = match self.state.announced {
            Some(_) => self.state.comment,
            None => mem::take(&mut self.state.comment),
        };
        let (first, _) = self.state.wait_line.get_or_insert((*line, comment));
        if first.shape == ShapeRef::default() {
            first.shape = line.shape;
        }
        let began_ns = line.start_ns.saturating_sub(took_ns);
        let (shape, relation) = (line.shape, line.name);
        let begun =
            LockWait { line: line.id, shape, relation, began_ns, waited_ns: took_ns, given_up: false };
        let wait = self.state.waiting.get_or_insert(begun);
        wait.waited_ns = wait.waited_ns.max(took_ns);
    }

    /// The wait is over: it took so long.
    fn locked(&mut self, line: &Span, took_ns: u64) {
        self.waiting(line, took_ns);
        self.state.waited.extend(self.state.waiting.take());
        if self.state.waited.len() >= EXECUTIONS_MAX {
            self.settle_waits();
        }
    }

    /// Waits of another statement than this one, whose execution was not logged.
    fn settle_waits_of_others(&mut self, shape: ShapeRef) {
        let none = ShapeRef::default();
        let waits = self.state.wait_line.as_ref().map_or(none, |(waits, _)| waits.shape);
        if shape != none && waits != none && waits != shape {
            self.settle_waits();
        }
    }

    /// What waited was not logged otherwise.
    fn settle_waits(&mut self) {
        self.settle_waits_before(u64::MAX);
        self.state.wait_line = None;
    }

    /// What waited from before a moment on was not logged otherwise: waits that follow one another are one execution,
    /// of which no more is known than these.
    #[inline]
    fn settle_waits_before(&mut self, before_ns: u64) {
        if let Some(waits) = self.state.wait_line {
            self.settle_these_waits_before(waits, before_ns);
        }
    }

    fn settle_these_waits_before(&mut self, (line, comment): (Span, Comment), before_ns: u64) {
        if before_ns == u64::MAX {
            self.state.waited.extend(self.state.waiting.take());
        }
        let waits = mem::take(&mut self.state.waited);
        let (earlier, others) = waits.split_at(waits.partition_point(|wait| wait.began_ns < before_ns));
        let next = self.state.comment;
        for group in earlier.chunk_by(follows) {
            let start_ns = group[0].began_ns;
            let waited_ns = group.iter().map(|wait| wait.waited_ns).fold(0, u64::saturating_add);
            let span =
                Span { id: group[0].line, start_ns, end_ns: start_ns.saturating_add(waited_ns), ..line };
            let waiting = self.state.waiting.take();
            self.state.comment = comment;
            self.state.waited = group.to_vec();
            self.push_waiting(Execution::of(span, KnownBy::Wait));
            (self.state.waiting, self.state.wait_line) = (waiting, Some((line, comment)));
        }
        self.state.comment = next;
        self.state.waited = others.to_vec();
    }

    /// An execution with the waits for locks that were told before.
    #[inline]
    fn push_waiting(&mut self, execution: Execution) {
        self.state.wait_line = None;
        match self.state.waited.is_empty() && self.state.waiting.is_none() {
            true => self.push(execution),
            false => self.push_with_waits(execution),
        }
    }

    fn push_with_waits(&mut self, mut execution: Execution) {
        let state = &mut self.state;
        state.waited.extend(state.waiting.take());
        let number = self.executions.len() as u32;
        let given_up = execution.span.status_code == Failure::Deadlock as u16;
        for wait in state.waited.drain(..) {
            execution.locked_ns = execution.locked_ns.saturating_add(wait.waited_ns);
            self.waits.push((number, LockWait { shape: execution.span.shape, given_up, ..wait }));
        }
        self.push(execution);
    }

    /// What parsing and binding took for a statement.
    fn prepared_for(&mut self, shape: ShapeRef) -> u64 {
        match self.state.prepared.take() {
            Some(prepared) if prepared.span.shape == shape => prepared.duration_ns,
            Some(other) => {
                self.push_prepared(other);
                0
            }
            None => 0,
        }
    }

    /// More rows of the latest execution.
    fn fetch(&mut self, line: &Span, took_ns: u64) {
        self.settle_announced();
        let state = &mut self.state;
        let near = self.executions.iter_mut().rev().take(EXECUTIONS_MAX);
        let latest = { near }.find(|execution| execution.span.shape == line.shape);
        if let Some(latest) = latest.filter(|latest| latest.known_by == KnownBy::Duration) {
            latest.span.end_ns = latest.span.end_ns.saturating_add(took_ns);
            state.ended_ns = state.ended_ns.max(latest.span.end_ns);
        }
        if state.plan.is_some_and(|plan| plan.shape == line.shape) {
            state.plan = None;
        }
    }

    /// The statement that was announced ended with an error; one that was not is not told of otherwise.
    fn failed(&mut self, line: &Span) {
        self.state.plan = None;
        self.state.prepared = None;
        self.settle_loose();
        self.settle_spilled();
        self.settle_waits_of_others(line.shape);
        let announced = self.state.announced.take();
        let mut failed = announced.map_or(*line, |announced| announced.span);
        if failed.shape == ShapeRef::default() {
            // Which statement it is what it waited for may tell.
            failed.shape = self.state.wait_line.map_or(failed.shape, |(waits, _)| waits.shape);
        }
        if failed.shape == ShapeRef::default() {
            (self.state.waiting, self.state.wait_line) = (None, None);
            self.state.waited.clear();
            return;
        }
        let has_waited = self.state.wait_line.is_some() || line.status_code == Failure::Deadlock as u16;
        let known_by = match announced {
            Some(_) => KnownBy::Announcement,
            None if has_waited => KnownBy::Wait,
            None => KnownBy::Preparation,
        };
        if let Some(wait) = &mut self.state.waiting {
            wait.waited_ns = wait.waited_ns.max(line.start_ns.saturating_sub(wait.began_ns));
        }
        if announced.is_none() {
            self.settle_waits_before(self.latest_waits_ns());
        }
        let first = self.state.waited.iter().chain(&self.state.waiting).map(|wait| wait.began_ns).min();
        let start_ns = first.unwrap_or(failed.start_ns).min(failed.start_ns);
        let end_ns = if has_waited { line.start_ns } else { start_ns };
        let (status, status_code) = (Status::Error, line.status_code);
        let span =
            Span { id: line.id, start_ns, end_ns: end_ns.max(start_ns), status, status_code, ..failed };
        self.push_waiting(Execution::of(span, known_by));
    }

    /// When the latest waits that follow one another began.
    fn latest_waits_ns(&self) -> u64 {
        let mut waits = self.state.waited.iter().chain(&self.state.waiting).rev();
        let Some(mut first) = waits.next() else { return 0 };
        for wait in waits {
            if !follows(wait, first) {
                break;
            }
            first = wait;
        }
        first.began_ns
    }

    fn settle(&mut self) {
        self.settle_announced();
        self.settle_plan();
        self.settle_spilled();
        self.settle_waits();
        if let Some(prepared) = self.state.prepared.take() {
            self.push_prepared(prepared);
        }
    }

    /// A temporary file; its line comes before that of the execution as a rule, and behind it where a portal is closed
    /// later.
    fn spilled(&mut self, line: &Span) {
        let begun = self.state.prepared.is_some() || self.state.announced.is_some();
        let latest = self.executions.last_mut().filter(|latest| latest.known_by == KnownBy::Duration);
        if let (true, Some(latest)) = (line.shape == ShapeRef::default() && !begun, latest) {
            // Without a statement: the portal is closed as the next one is bound.
            latest.span.response_bytes = sum_of_bytes(latest.span.response_bytes, line.response_bytes);
            return;
        }
        let spilled = self.state.spilled.get_or_insert(Span { response_bytes: 0, ..*line });
        spilled.response_bytes = sum_of_bytes(spilled.response_bytes, line.response_bytes);
        if spilled.shape == ShapeRef::default() {
            spilled.shape = line.shape;
        }
    }

    /// What a statement has written to temporary files; [`UNKNOWN`] where nothing was.
    fn spilled_by(&mut self, shape: ShapeRef) -> u32 {
        let known = |spilled: &mut Span| spilled.shape == shape || spilled.shape == ShapeRef::default();
        self.state.spilled.take_if(known).map_or(UNKNOWN, |spilled| spilled.response_bytes)
    }

    /// A temporary file of a statement that was executed before, or whose execution was not logged.
    #[inline]
    fn settle_spilled(&mut self) {
        if let Some(spilled) = self.state.spilled.take() {
            self.settle_file(&spilled);
        }
    }

    fn settle_file(&mut self, spilled: &Span) {
        let is_of = |execution: &&mut Execution| {
            let before =
                execution.span.response_bytes == UNKNOWN && execution.known_by != KnownBy::Preparation;
            before && execution.span.shape == spilled.shape
        };
        match self.executions.iter_mut().rev().take(CLOSED_LATER_MAX).find(is_of) {
            Some(execution) => execution.span.response_bytes = spilled.response_bytes,
            None if spilled.shape != ShapeRef::default() => {
                let known_by = KnownBy::Preparation;
                self.push(Execution::of(*spilled, known_by));
            }
            None => {}
        }
    }

    /// What was announced is over, though nothing says how long it took.
    fn settle_announced(&mut self) {
        if let Some(Prepared { span, duration_ns: prepare_ns }) = self.state.announced.take() {
            self.push_waiting(Execution { prepare_ns, ..Execution::of(span, KnownBy::Announcement) });
        }
    }

    /// The execution of a plan was not logged otherwise.
    #[inline]
    fn settle_plan(&mut self) {
        if let Some(plan) = self.state.plan.take() {
            self.push_planned(&plan);
        }
    }

    fn push_planned(&mut self, plan: &Span) {
        let took_ns = plan.end_ns - plan.start_ns;
        let start_ns = plan.start_ns.saturating_sub(took_ns);
        let span = Span { start_ns, end_ns: plan.start_ns, ..*plan };
        self.push(Execution { planned: true, ..Execution::of(span, KnownBy::Plan) });
    }

    fn push_prepared(&mut self, prepared: Prepared) {
        let Prepared { span, duration_ns } = prepared;
        let span = Span { end_ns: span.start_ns, ..span };
        self.push(Execution { prepare_ns: duration_ns, ..Execution::of(span, KnownBy::Preparation) });
    }

    #[inline]
    fn push(&mut self, execution: Execution) {
        self.executions.push(execution);
        self.comments.push((mem::take(&mut self.state.comment), mem::take(&mut self.state.anew)));
    }

    /// The next request of the session, and the executions that it is made of.
    pub fn next_request(&mut self, dictionary: &Dictionary) -> Option<(&Trace, &[Execution])> {
        self.trace.requests.clear();
        self.trace.operations.clear();
        self.trace.segments.clear();
        self.trace.locking.clear();
        if self.waits_for_more() {
            return None;
        }
        let from = self.next;
        let mut request: Option<Building> = None;
        let mut until_ns = u64::MAX;
        while let Some(execution) = self.executions.get(self.next) {
            let (comment, anew) = self.comments[self.next];
            if execution.known_by != KnownBy::Preparation {
                let step = self.steps.of(execution.span.shape, dictionary);
                match &mut request {
                    Some(request) if anew || !request.takes(execution, comment, step) => {
                        until_ns = begin_ns(execution);
                        break;
                    }
                    Some(request) => {
                        self.trace.pause(request, begin_ns(execution));
                        request.take(execution, step);
                    }
                    request => {
                        let building = request.insert(Building::begin(execution, comment, step));
                        if let Some(connection) = begun(&self.connections, &mut self.begun, self.next) {
                            building.start_ns -= self.trace.connect(connection, building.start_ns);
                        }
                    }
                }
                self.trace.add(execution);
            } else if request.as_mut().is_some_and(|request| !request.passes()) {
                break;
            }
            self.next += 1;
        }
        let request = request?;
        // With its connection a transaction is over.
        let ends = self.ends.partition_point(|(execution, _)| *execution <= from);
        let connection = self.ends.get(ends).copied().unwrap_or((self.executions.len(), u64::MAX));
        if let Some((_, ended_ns)) = self.ends.get(ends).filter(|(execution, _)| *execution <= self.next) {
            until_ns = until_ns.min(*ended_ns);
        }
        if until_ns != u64::MAX {
            self.trace.pause(&request, until_ns);
        }
        self.finish(&request);
        self.tell_locks(&request, (from, until_ns), connection, dictionary);
        Some((&self.trace, &self.executions[from..self.next]))
    }

    fn finish(&mut self, building: &Building) {
        let Trace { id, requests, operations, segments, .. } = &mut self.trace;
        *id = LOG | TraceId::from(building.opened_by.id);
        let end_ns = operations.iter().map(|it| it.span.end_ns).max().unwrap_or(building.start_ns);
        let path = (building.start_ns, end_ns);
        let own = 0..operations.len() as u32;
        let path_ns = self.walker.walk(operations, own.clone(), path, segments);
        requests.push(Request {
            trace: *id,
            opened_by: building.opened_by,
            name: building.name(),
            start_ns: building.start_ns,
            end_ns,
            caller: NONE,
            waited_for: false,
            operations: own,
            segments: 0..segments.len() as u32,
            path_ns,
            guessed: building.is_guessed(),
        });
    }

    /// Tells what the executions from one number on, which are a request, had to do with locks.
    fn tell_locks(
        &mut self,
        request: &Building,
        (from, open_ns): (usize, u64),
        (connection_to, ended_ns): (usize, u64),
        dictionary: &Dictionary,
    ) {
        let locking = &mut self.trace.locking;
        let first = self.waits.partition_point(|(number, _)| (*number as usize) < from);
        let own = self.waits[first..].iter().take_while(|(number, _)| (*number as usize) < self.next);
        locking.waits.extend(own.map(|(_, wait)| *wait));
        let done_ns = request.end_ns.saturating_add(INEXACT_NS);
        let until_ns = if request.is_open() { open_ns } else { done_ns.min(open_ns) };
        let of_connection = &self.executions[from..connection_to.max(self.next)];
        if let Some(open) =
            locking::kept_by_session(self.process, of_connection, self.next - from, dictionary)
        {
            let until_ns = open.until_ns.min(ended_ns);
            locking.hold(self.process, &Open { until_ns, ..open }, dictionary);
        }
        let executions = &self.executions[from..self.next];
        locking.hold(self.process, &Open { executions, until_ns, is_sessions: false }, dictionary);
    }
}

/// Whether a wait is of the same execution as the one before: a row is waited for in several steps.
fn follows(before: &LockWait, wait: &LockWait) -> bool {
    let ended_ns = before.began_ns.saturating_add(before.waited_ns);
    wait.began_ns <= ended_ns.saturating_add(STEPS_NS)
}

/// Between two steps of waiting for a row.
const STEPS_NS: u64 = 20_000_000;

/// Times of lines may be cut to seconds.
const COARSE_NS: u64 = 1_002_000_000;

/// The connection that begins with an execution, or before it.
fn begun<'c>(connections: &'c [Connection], begun: &mut usize, execution: usize) -> Option<&'c Connection> {
    let before = connections[*begun..].iter().take_while(|connection| connection.first <= execution).count();
    *begun += before;
    (before > 0).then(|| &connections[*begun - 1])
}

impl Trace {
    /// Begins with setting up a connection, where it is told how long that took; says how long.
    fn connect(&mut self, connection: &Connection, end_ns: u64) -> u64 {
        let Some(setup_ns) = connection.setup_ns.map(|setup_ns| setup_ns.min(end_ns)) else { return 0 };
        let span =
            Span { start_ns: end_ns - setup_ns, end_ns, kind: Kind::Connect, repeats: 1, ..connection.line };
        self.operations.push(Operation { span, parent: NONE, called: NONE, path_ns: 0, self_path_ns: 0 });
        setup_ns
    }

    /// Adds an execution behind those before, with its waits for locks below it.
    fn add(&mut self, execution: &Execution) {
        let top = self.operations.iter().rfind(|operation| operation.parent == NONE);
        let at_ns = top.map_or(begin_ns(execution), |last| last.span.end_ns);
        let number = self.operations.len() as u32;
        let operation = operation(execution, at_ns);
        let span = operation.span;
        self.operations.push(operation);
        if execution.locked_ns > 0 {
            let end_ns = span.start_ns.saturating_add(execution.locked_ns).min(span.end_ns);
            let wait = Span { id: span.id, end_ns, shape: ShapeRef::default(), kind: Kind::LockWait, ..span };
            let parent = number;
            self.operations.push(Operation { span: wait, parent, called: NONE, path_ns: 0, self_path_ns: 0 });
        }
    }

    /// Notes how long an open transaction did nothing until something begins.
    fn pause(&mut self, request: &Building, begins_ns: u64) {
        let top = self.operations.iter().rposition(|operation| operation.parent == NONE);
        if let Some(top) = top.filter(|_| request.is_open()) {
            self.locking.pause(top as u32, begins_ns.saturating_sub(request.end_ns));
        }
    }
}

/// What is not said adds nothing.
fn sum_of_bytes(one: u32, other: u32) -> u32 {
    match one {
        UNKNOWN => other,
        one => one.saturating_add(other).min(UNKNOWN - 1),
    }
}

/// When a client began to wait for an execution.
fn begin_ns(execution: &Execution) -> u64 {
    execution.span.start_ns.saturating_sub(execution.prepare_ns)
}

/// Operations follow one another without a gap: between them the client did something that no log tells of, and
/// what is left is the database's time.
fn operation(execution: &Execution, at_ns: u64) -> Operation {
    let took_ns = execution.span.end_ns - begin_ns(execution);
    // What a server left out of its log was sent by others, at other times.
    let repeats = 1;
    let span = Span { start_ns: at_ns, end_ns: at_ns.saturating_add(took_ns), repeats, ..execution.span };
    Operation { span, parent: NONE, called: NONE, path_ns: 0, self_path_ns: 0 }
}

/// How many bits at the end of the id of a log's line tell the line; those before tell the log.
pub const LINE_BITS: u32 = 40;

/// In front of the hash of a session, where a trace has its id.
const SESSION: TraceId = 0x7365_7373_696f_6e73 << 64;

/// What the lines of a session are grouped by, by a hash of what tells it.
pub fn session_id(hash: u64) -> TraceId {
    SESSION | TraceId::from(hash)
}

/// Whether lines of a session are grouped by it.
pub fn is_session(id: TraceId) -> bool {
    id >> 64 == SESSION >> 64
}

/// The id of a line of a log, by a number that stands for the log; one less is free for what its comment says.
pub fn line_id(log: u64, line: u64) -> SpanId {
    log << LINE_BITS | (line << 1 | 1) & ((1 << LINE_BITS) - 1)
}

/// The number that stands for the log, and the line.
pub(crate) fn log_and_line(id: SpanId) -> (u64, u64) {
    (id >> LINE_BITS, (id & ((1 << LINE_BITS) - 1)) >> 1)
}

/// The line of a log that a request begins with; `None` where it comes from a trace.
pub fn line_of(trace: TraceId) -> Option<SpanId> {
    (trace >> 64 == LOG >> 64).then_some(trace as SpanId)
}

#[cfg(test)]
mod tests;
