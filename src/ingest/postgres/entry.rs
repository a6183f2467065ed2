//! One record of a log in any form, and what becomes of it.

use std::hash::{BuildHasher, Hasher};
use std::mem;

use detectors::evidence::server::{Connection, HOLDERS_MAX, NotedWait};
use detectors::evidence::shape::sql::Dialect;
use detectors::evidence::{Failure, Logged, OriginRef, ShapeRef, Span, Symbol, TraceId, Traced, UNKNOWN};
use memchr::memchr_iter;
use rustc_hash::FxBuildHasher;

use super::event;
use super::lock::{self, LockWait};
use super::message::{self, Quoting, Said, Step};
use super::repeated::{Remembered, Repeated};
use super::severity::Severity;
use super::writers::{Writer, Writers};
use crate::ingest::Reading;
use crate::ingest::envelopes::Places;
use crate::ingest::session_lines::{Log, push_statement, push_uncommented, session as session_id};
use crate::ingest::timestamp::number;

/// One record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'b> {
    /// Nanoseconds since the Unix epoch; zero where it is not told.
    pub(super) at_ns: u64,
    /// Line of the record in its file.
    pub(super) line: u64,
    /// Session id, else process id; empty where neither is told.
    pub(super) session: &'b [u8],
    pub(super) user: &'b [u8],
    pub(super) database: &'b [u8],
    pub(super) application: &'b [u8],
    pub(super) severity: Severity,
    pub(super) message: &'b [u8],
    pub(super) detail: &'b [u8],
    pub(super) context: &'b [u8],
    /// The statement that led to it, where it stands apart.
    pub(super) statement: &'b [u8],
}

/// Makes lines of sessions out of records.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    log: Log,
    /// Stands for the server, whose process ids are its own: logs of one have one name but for numbers.
    server: u64,
    owners: Vec<Owner>,
    writers: Writers,
    remembered: Remembered,
    room: Vec<u8>,
    /// The record cannot be right.
    is_damaged: bool,
}

/// Whose statements they are.
#[derive(Debug)]
struct Owner {
    database: Box<[u8]>,
    application: Box<[u8]>,
    origin: OriginRef,
    target: Symbol,
    /// What connecting to the database is, once somebody did.
    connect: Option<ShapeRef>,
}

/// So many databases with applications are remembered; names of applications may hold ids.
const OWNERS_MAX: usize = 64;

/// Sides of one deadlock whose statements are read.
const SIDES_MAX: usize = 8;

const TRANSLATED: &str = "a log of PostgreSQL has messages in another language: only English ones are read (set lc_messages = 'C')";

const DAMAGED: &str = "a duration longer than anything takes";

const DIALECT: Dialect = Dialect::Postgres;

impl Recorder {
    /// Begins with a file.
    pub(super) fn begin(&mut self, reading: &mut Reading<'_>, file: &str) {
        if self.log.begin(reading, file) {
            self.writers = Writers::default();
            let program = reading.places.as_ref().map_or(0, Places::program);
            self.server = FxBuildHasher.hash_one(stem(file).as_bytes()) ^ program;
        }
    }

    /// Takes a record.
    ///
    /// # Errors
    ///
    /// Why it is skipped.
    pub(super) fn take(&mut self, reading: &mut Reading<'_>, entry: &Entry<'_>) -> Result<(), &'static str> {
        self.note(reading, entry);
        if mem::take(&mut self.is_damaged) { Err(DAMAGED) } else { Ok(()) }
    }

    fn note(&mut self, reading: &mut Reading<'_>, entry: &Entry<'_>) {
        reading.events.record();
        let (took_ns, words) = message::timed(entry.message);
        if entry.severity == Severity::Log
            && let Some(said) = self.remembered.get(words, took_ns.is_none())
        {
            return self.repeated(reading, entry, &said, took_ns.unwrap_or(0), words);
        }
        let (logged, took_ns, text) = match entry.severity {
            Severity::Log => match Said::of(entry.message) {
                Said::Took { took_ns, step, text } => (of_step(step), took_ns, text),
                Said::Begins { text } => (Logged::Announced, 0, text),
                Said::Lasted { took_ns } => (Logged::Duration, took_ns, &b""[..]),
                Said::Connection(connection) => return self.connection(reading, entry, connection),
                Said::Event(event) => return reading.events.event(event),
                Said::Spilled { bytes } => return self.spilled(reading, entry, bytes),
                Said::Waits(wait) => return self.waits(reading, entry, &wait),
                Said::Plan { took_ns, text } => return self.plan(reading, entry, took_ns, text),
                Said::Damaged => {
                    self.is_damaged = true;
                    return;
                }
                Said::Other => {
                    if message::is_translated_duration(entry.message) {
                        reading.remarks.insert(TRANSLATED);
                    }
                    return;
                }
            },
            Severity::Error => return self.failed(reading, entry),
            Severity::Fatal => return self.ended_by_error(reading, entry),
            Severity::Part(_) => return,
        };
        self.push(reading, entry, (logged, took_ns), text);
        self.remembered.note(words, || {
            let is_told_apart = text.is_empty() || message::executes_prepared(text);
            let statement = { !is_told_apart }.then(|| reading.typing.read_statement(text, DIALECT))??;
            Some(Repeated { logged, begins: words.len() - text.len(), statement })
        });
    }

    /// A message whose words were read before.
    fn repeated(
        &mut self,
        reading: &mut Reading<'_>,
        entry: &Entry<'_>,
        said: &Repeated,
        took_ns: u64,
        words: &[u8],
    ) {
        let (trace, span) = self.line(reading, entry, (said.logged, took_ns));
        let (text, detail) = (&words[said.begins..], entry.detail);
        debug_assert_eq!(told_of_statement(entry.message), Some((said.logged, took_ns, text)));
        push_uncommented(reading, trace, span, (text, all_parameters(detail)), |typing, span| {
            // What a statement is bound to its execution tells again.
            let is_asked = said.logged != Logged::Step || typing.keeps_texts();
            let parameters = if is_asked { parameters(detail) } else { None };
            typing.repeated_statement(&said.statement, (text, DIALECT), parameters, span);
        });
    }

    /// The plan of a statement; those of statements within functions are no executions that a client sent.
    fn plan(&mut self, reading: &mut Reading<'_>, entry: &Entry<'_>, took_ns: u64, plan: &[u8]) {
        if message::is_nested(entry.context) {
            return;
        }
        let Some((text, quoting)) = message::statement_of_plan(plan) else { return };
        let mut room = mem::take(&mut self.room);
        let text = if quoting == Quoting::None { text } else { quoting.undo(text, &mut room) };
        self.push(reading, entry, (Logged::Plan, took_ns), message::prepared(text).unwrap_or(text));
        if let Some(line) = reading.spans.last() {
            reading.plans.note(&line.span, plan.len(), || plan.into());
        }
        self.room = room;
    }

    /// A temporary file; of which statement stands beside it, or in lines of the same session.
    fn spilled(&mut self, reading: &mut Reading<'_>, entry: &Entry<'_>, bytes: u64) {
        self.push(reading, entry, (Logged::Spilled, 0), entry.statement);
        if let Some(line) = reading.spans.last_mut() {
            line.span.response_bytes = u32::try_from(bytes).unwrap_or(UNKNOWN).min(UNKNOWN - 1);
        }
    }

    /// A wait for a lock; who holds it is known when sessions are assembled.
    fn waits(&mut self, reading: &mut Reading<'_>, entry: &Entry<'_>, wait: &LockWait<'_>) {
        // What it executes is told beside its duration.
        let text = if message::executes_prepared(entry.statement) { b"" } else { entry.statement };
        reading.events.lock_wait();
        let logged = if wait.acquired { Logged::Locked } else { Logged::Waiting };
        self.push(reading, &Entry { detail: b"", ..*entry }, (logged, wait.waited_ns), text);
        let relation = reading.typing.logged_name(wait.relation(entry.context));
        let Some(line) = reading.spans.last_mut() else { return };
        line.span.name = relation;
        let mut holders = [0; HOLDERS_MAX];
        for (place, holder) in holders.iter_mut().zip(lock::holders(entry.detail)) {
            *place = self.process(holder);
        }
        if !wait.acquired {
            let began_ns = entry.at_ns.saturating_sub(wait.waited_ns);
            let noted = NotedWait { began_ns, told_ns: entry.at_ns, relation, holders };
            reading.events.wait(line.span.id, noted);
        }
    }

    fn failed(&mut self, reading: &mut Reading<'_>, entry: &Entry<'_>) {
        let failure = event::failure(entry.message);
        self.push(reading, entry, (Logged::Failed, 0), entry.statement);
        let Some(line) = reading.spans.last_mut() else { return };
        line.span.status_code = failure as u16;
        reading.events.failure(failure, line.span.shape);
        if failure == Failure::Deadlock {
            let line = line.span.id;
            let statements = lock::statements_of_deadlock(entry.detail).take(SIDES_MAX);
            let shapes: Vec<ShapeRef> =
                statements.map(|text| reading.typing.shape_of_logged(text, DIALECT)).collect();
            reading.events.deadlock(line, shapes.into());
        }
    }

    /// A connection begins or ends. What has come has no database yet, so it may be grouped with others.
    fn connection(&mut self, reading: &mut Reading<'_>, entry: &Entry<'_>, connection: Connection) {
        reading.events.connection(entry.at_ns, connection);
        let (logged, took_ns) = match connection {
            Connection::Received => return,
            Connection::Authorized => (Logged::Connected, 0),
            Connection::Ready { setup_ns } => (Logged::Ready, setup_ns),
            Connection::Ended { session_ns } => (Logged::Disconnected, session_ns),
        };
        self.push(reading, entry, (logged, took_ns), b"");
        if logged == Logged::Connected {
            self.owner(reading, entry);
        }
        let Some(line) = reading.spans.last_mut().filter(|_| logged == Logged::Connected) else { return };
        // Its owner is in front.
        let known = self.owners.first_mut().map(|owner| &mut owner.connect);
        let shape = known.as_ref().and_then(|known| **known);
        line.span.shape = shape.unwrap_or_else(|| reading.typing.connect_to(entry.database));
        known.into_iter().for_each(|known| *known = Some(line.span.shape));
    }

    /// An error with which the connection is over.
    fn ended_by_error(&mut self, reading: &mut Reading<'_>, entry: &Entry<'_>) {
        reading.events.failure(event::failure(entry.message), ShapeRef::default());
        self.push(reading, entry, (Logged::Connected, 0), b"");
    }

    /// What stands for a process of this server.
    fn process(&self, process: u64) -> u64 {
        FxBuildHasher.hash_one((self.server, process)).max(1)
    }

    fn push(&mut self, reading: &mut Reading<'_>, entry: &Entry<'_>, told: (Logged, u64), text: &[u8]) {
        let (trace, span) = self.line(reading, entry, told);
        if text.is_empty() {
            return reading.spans.push(Traced { trace, span });
        }
        let detail = entry.detail;
        let prepared = detail.strip_prefix(b"prepare: ").filter(|_| message::executes_prepared(text));
        push_statement(reading, trace, span, (text, all_parameters(detail)), |typing, span| {
            match prepared.and_then(message::prepared) {
                Some(prepared) => typing.logged_statement(prepared, DIALECT, Some(text), span),
                None => typing.logged_statement(text, DIALECT, parameters(detail), span),
            }
        });
    }

    /// A line without a statement, and the session that it is of.
    #[inline(always)]
    fn line(
        &mut self,
        reading: &mut Reading<'_>,
        entry: &Entry<'_>,
        (logged, took_ns): (Logged, u64),
    ) -> (TraceId, Span) {
        let Writer { session, process, origin, target } = match self.writers.find(entry) {
            Some(known) => *known,
            None => self.writer(reading, entry),
        };
        let mut span = self.log.line(reading.line(entry.line), entry.at_ns, (origin, target), logged);
        span.end_ns = entry.at_ns.saturating_add(took_ns);
        span.parent = process;
        if matches!(logged, Logged::Execution | Logged::Duration | Logged::Step | Logged::Fetch) {
            span.repeats = reading.sampling.one_of(took_ns, span.id);
        }
        (session.unwrap_or_else(|| session_id(span.id)), span)
    }

    /// Who wrote a record that was not known for it.
    fn writer(&mut self, reading: &mut Reading<'_>, entry: &Entry<'_>) -> Writer {
        let &Owner { origin, target, .. } = self.owner(reading, entry);
        let number = number(entry.session);
        let process =
            number.or_else(|| process_of_id(entry.session)).map_or(0, |number| self.process(number));
        let session = self.session(entry, number.is_some());
        let writer = Writer { session, process, origin, target };
        self.writers.note(entry, writer);
        writer
    }

    /// What a session is grouped by, if it is told. Process ids are told apart by what the process works for.
    fn session(&self, entry: &Entry<'_>, is_number: bool) -> Option<TraceId> {
        if entry.session.is_empty() {
            return None;
        }
        let mut hasher = FxBuildHasher.build_hasher();
        hasher.write(entry.session);
        if is_number || !entry.session.contains(&b'.') {
            hasher.write(entry.database);
            hasher.write(entry.user);
            hasher.write_u64(self.server);
        }
        Some(session_id(hasher.finish()))
    }

    /// Whose a record is: the last ones are remembered, the latest in front.
    fn owner(&mut self, reading: &mut Reading<'_>, entry: &Entry<'_>) -> &Owner {
        let known = |owner: &Owner| {
            same(&owner.database, entry.database) && same(&owner.application, entry.application)
        };
        match self.owners.iter().position(known) {
            Some(0) => {}
            Some(place) => self.owners[..=place].rotate_right(1),
            None => {
                let (origin, target) = reading.typing.log_origin(entry.database, entry.application);
                self.owners.truncate(OWNERS_MAX - 1);
                let (database, application) = (entry.database.into(), entry.application.into());
                self.owners.insert(0, Owner { database, application, origin, target, connect: None });
            }
        }
        &self.owners[0]
    }
}

/// The number of the process that a session is of: the second part of its id, in hexadecimals.
fn process_of_id(session: &[u8]) -> Option<u64> {
    let point = session.iter().position(|byte| *byte == b'.')?;
    let digits = session.get(point + 1..).filter(|digits| (1..=16).contains(&digits.len()))?;
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | u64::from(char::from(*digit).to_digit(16)?)))
}

/// What a message tells of a statement as it is read anew, how long that took, and the statement.
fn told_of_statement(message: &[u8]) -> Option<(Logged, u64, &[u8])> {
    match Said::of(message) {
        Said::Took { took_ns, step, text } => Some((of_step(step), took_ns, text)),
        Said::Begins { text } => Some((Logged::Announced, 0, text)),
        _ => None,
    }
}

fn of_step(step: Step) -> Logged {
    match step {
        Step::Execute => Logged::Execution,
        Step::Fetch => Logged::Fetch,
        Step::Prepare => Logged::Step,
    }
}

/// The values of a statement's parameters; servers before 16 begin them with a small letter. None where one is cut
/// (`log_parameter_max_length`): what is left of several may be the same.
fn parameters(detail: &[u8]) -> Option<&[u8]> {
    let values = all_parameters(detail)?;
    let is_cut = memchr_iter(b'.', values).any(|at| values[at..].starts_with(b"...'"));
    (!is_cut).then_some(values)
}

fn all_parameters(detail: &[u8]) -> Option<&[u8]> {
    detail.strip_prefix(b"parameters: ").or_else(|| detail.strip_prefix(b"Parameters: "))
}

/// The name of a log without what rotation changes in it: of `postgresql-2026-11-23.log.1` and `postgresql-Mon.log` it is
/// `postgresql.log`.
fn stem(name: &str) -> String {
    const DAYS_AND_MONTHS: [&str; 19] = [
        "mon", "tue", "wed", "thu", "fri", "sat", "sun", "jan", "feb", "mar", "apr", "may", "jun", "jul",
        "aug", "sep", "oct", "nov", "dec",
    ];
    let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
    let letters: String = name.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    let (folder, file) = letters.rsplit_once('/').unwrap_or(("", &letters));
    let words = file.split(['-', '_', '.']).filter(|word| {
        !word.is_empty() && !DAYS_AND_MONTHS.iter().any(|name| word.eq_ignore_ascii_case(name))
    });
    format!("{folder}/{}", words.collect::<Vec<_>>().join("."))
}

/// Whether two texts are the same. Texts that are empty are nowhere, and comparing what is there with what is there is
/// slow: processors that mask loads take a hundred nanoseconds to find out that they load nothing.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && (one.is_empty() || one == other)
}

/// A name of the session; a connection that begins has none yet.
pub(super) fn known(name: &[u8]) -> &[u8] {
    if name == b"[unknown]" { b"" } else { name }
}

#[cfg(test)]
mod tests {
    #[test]
    fn rotated_logs_have_one_name() {
        for name in [
            "postgresql.log",
            "postgresql-Mon.log",
            "postgresql-2026-11-23_000000.log.1.gz",
            "postgresql_Sep_03.log",
        ] {
            assert_eq!(super::stem(&format!("/var/log/{name}")), "/var/log/postgresql.log");
        }
        assert_ne!(super::stem("a/postgresql.log"), super::stem("b/postgresql.log"));
    }
}
