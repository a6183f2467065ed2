//! Which database connections requests hold, and which of their gaps and waits may be for one.

use super::{Noted, Record, WAIT_MIN_NS};
use crate::docket::hash_of;
use crate::evidence::trace::{NONE, Operation, Request, Trace, Waits};
use crate::evidence::{Kind, ShapeRef, Symbol, TraceId};

/// Statements of one request that follow each other this closely use one connection without a pause.
const PAUSE_MIN_NS: u64 = 1_000_000;
/// Some runtimes (Node.js) cut starts, but not ends, to whole milliseconds.
const GRAIN_NS: u64 = 1_000_000;
/// Connections that one request uses at once, and that are told apart.
const HOLDS_OPEN_MAX: usize = 64;
/// Connections that one request waits for before it uses them.
const ACQUIRED_MAX: usize = 64;

/// Something that may be a wait for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waited {
    /// The wait itself; of a gap the statement after it.
    pub(crate) operation: u32,
    pub(crate) noted: Noted,
    pub(crate) duration_ns: u64,
}

/// Which connections the requests of one trace use and seem to wait for.
#[derive(Debug, Default)]
pub struct ConnectionUse {
    reading: Reading,
    records: Vec<Record>,
    /// For each request, where its records and its waits end.
    ends: Vec<(usize, usize)>,
}

impl ConnectionUse {
    /// Reads a trace; what was read before is forgotten.
    pub fn read(&mut self, trace: &Trace) {
        self.records.clear();
        self.reading.waited.clear();
        self.ends.clear();
        for request in &trace.requests {
            if !request.is_logged() {
                self.reading.read(trace, request, &mut self.records);
            }
            self.ends.push((self.records.len(), self.reading.waited.len()));
        }
    }

    /// What may be waits for a connection in a request, in time order.
    pub(crate) fn waits_of(&self, request: usize) -> &[Waited] {
        let (from, to) = (self.ends_before(request).1, self.ends[request].1);
        &self.reading.waited[from..to]
    }

    pub(super) fn records_of(&self, request: usize) -> &[Record] {
        let (from, to) = (self.ends_before(request).0, self.ends[request].0);
        &self.records[from..to]
    }

    fn ends_before(&self, request: usize) -> (usize, usize) {
        request.checked_sub(1).map_or((0, 0), |before| self.ends[before])
    }
}

/// Reads which connections a request holds; keeps its scratch space from one to the next.
#[derive(Debug, Default)]
struct Reading {
    open: Vec<Open>,
    /// Operations that wait for a connection, where it has not been used yet.
    acquired: Vec<u32>,
    waited: Vec<Waited>,
    /// Until when any call lasts that has begun so far.
    called_until_ns: u64,
    /// Stands for the request.
    hash: u64,
    /// Room of connections that are done with.
    spare: Vec<Vec<(ShapeRef, u64)>>,
}

/// A connection that a request holds.
#[derive(Debug)]
struct Open {
    hold: Record,
    run: Record,
    /// The longest call since the last statement.
    beside: (u64, ShapeRef),
    /// Time by statement, of the few that it sends first.
    by_shape: Vec<(ShapeRef, u64)>,
    runs: u32,
}

/// Statements of one hold that are told apart.
const SHAPES_OF_HOLD_MAX: usize = 32;

impl Reading {
    fn read(&mut self, trace: &Trace, request: &Request, records: &mut Vec<Record>) {
        self.open.clear();
        self.acquired.clear();
        self.called_until_ns = request.start_ns;
        self.hash = hash_of(request.trace, request.span());
        let recorded = !request.name.is_made_up();
        for number in request.operations.clone() {
            let operation = &trace.operations[number as usize];
            match operation.kind {
                Kind::Sql | Kind::Document if recorded => self.statement(trace, number, records),
                Kind::Sql | Kind::Document => records.push(alone(trace.id, operation)),
                Kind::PoolWait if recorded && waits_for_database(trace, request, number) => {
                    if self.acquired.len() < ACQUIRED_MAX {
                        self.acquired.push(number);
                    }
                }
                Kind::Entry | Kind::Internal | Kind::File => continue,
                Kind::PoolWait | Kind::Connect => {}
                _ => self.call_beside(operation),
            }
            self.called_until_ns = self.called_until_ns.max(operation.end_ns);
        }
        let target = self.open.last().map_or(Symbol::default(), |open| open.hold.target);
        for number in std::mem::take(&mut self.acquired) {
            let wait = &trace.operations[number as usize];
            self.wait(target, (number, Noted::Wait), (wait.start_ns, wait.end_ns), records);
        }
        for mut open in self.open.drain(..) {
            open.close(request, records);
            open.by_shape.clear();
            self.spare.push(open.by_shape);
        }
    }

    fn statement(&mut self, trace: &Trace, number: u32, records: &mut Vec<Record>) {
        let operation = &trace.operations[number as usize];
        let (start_ns, target) = (operation.start_ns, operation.target);
        let acquired = self.acquire(trace, start_ns);
        let acquired_ns = acquired.map(|wait| trace.operations[wait as usize].end_ns);
        if let Some(wait) = acquired {
            let span = &trace.operations[wait as usize];
            self.wait(target, (wait, Noted::Wait), (span.start_ns, span.end_ns), records);
        }
        let gap = (self.called_until_ns, start_ns);
        let free = |open: &&mut Open| {
            open.hold.target == target && open.hold.end_ns <= start_ns.saturating_add(GRAIN_NS)
        };
        let held = self.open.iter_mut().filter(free).max_by_key(|open| open.hold.end_ns);
        match held.filter(|_| acquired.is_none()) {
            Some(open) => {
                let paused = start_ns.saturating_sub(open.hold.end_ns) >= PAUSE_MIN_NS;
                if paused {
                    records.push(open.run);
                    open.runs += 1;
                    open.run = begun(self.hash, operation, Noted::Use);
                }
                open.extend(operation);
                // What was lost may have filled it.
                if paused && !trace.lost_spans {
                    self.wait(target, (number, Noted::GapInHold), gap, records);
                }
            }
            None => {
                if acquired.is_none() && !trace.lost_spans {
                    self.wait(target, (number, Noted::GapBeforeHold), gap, records);
                }
                if self.open.len() < HOLDS_OPEN_MAX {
                    let room = self.spare.pop().unwrap_or_default();
                    self.open.push(Open::begin(self.hash, operation, acquired_ns, room));
                }
            }
        }
    }

    /// The first wait that is over at this time; a statement uses its connection.
    fn acquire(&mut self, trace: &Trace, at_ns: u64) -> Option<u32> {
        let over = |&wait: &u32| trace.operations[wait as usize].end_ns <= at_ns.saturating_add(GRAIN_NS);
        let place = self.acquired.iter().position(over)?;
        Some(self.acquired.remove(place))
    }

    fn wait(
        &mut self,
        target: Symbol,
        (operation, noted): (u32, Noted),
        (start_ns, end_ns): (u64, u64),
        records: &mut Vec<Record>,
    ) {
        let duration_ns = end_ns.saturating_sub(start_ns);
        if duration_ns < WAIT_MIN_NS {
            return;
        }
        self.waited.push(Waited { operation, noted, duration_ns });
        records.push(Record {
            request: self.hash,
            start_ns,
            end_ns,
            request_end_ns: 0,
            busy_ns: 0,
            beside_ns: 0,
            shape: ShapeRef::default(),
            beside: ShapeRef::default(),
            target,
            noted,
        });
    }

    fn call_beside(&mut self, operation: &Operation) {
        for open in &mut self.open {
            if open.hold.end_ns <= operation.start_ns && open.beside.0 < operation.duration_ns() {
                open.beside = (operation.duration_ns(), operation.shape);
            }
        }
    }
}

impl Open {
    /// A connection that is held from here, or from the end of the wait for it.
    fn begin(
        request: u64,
        operation: &Operation,
        acquired_ns: Option<u64>,
        by_shape: Vec<(ShapeRef, u64)>,
    ) -> Self {
        let mut hold = begun(request, operation, Noted::Hold);
        hold.start_ns = acquired_ns.unwrap_or(hold.start_ns);
        let run = begun(request, operation, Noted::Use);
        let mut open = Self { hold, run, beside: (0, ShapeRef::default()), by_shape, runs: 1 };
        open.extend(operation);
        open
    }

    fn extend(&mut self, operation: &Operation) {
        let duration_ns = operation.duration_ns();
        for record in [&mut self.hold, &mut self.run] {
            record.end_ns = record.end_ns.max(operation.end_ns);
            record.busy_ns += duration_ns;
        }
        let full = self.by_shape.len() >= SHAPES_OF_HOLD_MAX;
        match self.by_shape.iter_mut().find(|(shape, _)| *shape == operation.shape) {
            Some((_, total_ns)) => *total_ns += duration_ns,
            None if full => {}
            None => self.by_shape.push((operation.shape, duration_ns)),
        }
        self.keep_beside();
    }

    fn keep_beside(&mut self) {
        if self.hold.beside_ns < self.beside.0 {
            (self.hold.beside_ns, self.hold.beside) = self.beside;
        }
        self.beside = (0, ShapeRef::default());
    }

    fn close(&mut self, request: &Request, records: &mut Vec<Record>) {
        if self.hold.beside_ns == 0 {
            // Done after the last statement: of interest only if the connection is held to the end.
            self.keep_beside();
        }
        let most = self.by_shape.iter().rev().max_by_key(|(_, total_ns)| *total_ns);
        self.hold.shape = most.map_or(self.hold.shape, |(shape, _)| *shape);
        // A wait may end, by its own clock, a moment after the statement that it is for.
        self.hold.start_ns = self.hold.start_ns.min(self.hold.end_ns);
        self.hold.request_end_ns = request.end_ns.max(self.hold.end_ns);
        if self.runs == 1 {
            self.hold.noted = Noted::HoldAndUse;
        } else {
            records.push(self.run);
        }
        records.push(self.hold);
    }
}

fn begun(request: u64, operation: &Operation, noted: Noted) -> Record {
    Record {
        request,
        start_ns: latest_start_ns(operation),
        end_ns: operation.start_ns,
        request_end_ns: 0,
        busy_ns: 0,
        beside_ns: 0,
        shape: operation.shape,
        beside: ShapeRef::default(),
        target: operation.target,
        noted,
    }
}

/// When an operation began at the latest, so that a connection that is handed on is not counted twice.
fn latest_start_ns(operation: &Operation) -> u64 {
    let cut = operation.start_ns.is_multiple_of(GRAIN_NS);
    let latest_ns = operation.start_ns.saturating_add(if cut { GRAIN_NS - 1 } else { 0 });
    latest_ns.min(operation.end_ns)
}

/// A statement whose request is not known.
fn alone(trace: TraceId, operation: &Operation) -> Record {
    Record {
        request: hash_of(trace, operation.id),
        start_ns: operation.start_ns,
        end_ns: operation.end_ns,
        request_end_ns: operation.end_ns,
        busy_ns: operation.duration_ns(),
        beside_ns: 0,
        shape: operation.shape,
        beside: ShapeRef::default(),
        target: operation.target,
        noted: Noted::HoldAndUse,
    }
}

/// So many operations after a wait are searched for the one that it is for.
const LOOK_AHEAD: usize = 64;

/// Whether an operation waits for a connection to a database: not inside a call to another service,
/// and not followed by one.
fn waits_for_database(trace: &Trace, request: &Request, number: u32) -> bool {
    let wait = &trace.operations[number as usize];
    let calls = |operation: &Operation| Waits::of(operation.kind) == Waits::Call;
    let inside_call = wait.parent != NONE && calls(&trace.operations[wait.parent as usize]);
    let after = (number + 1..request.operations.end).take(LOOK_AHEAD);
    let next = after
        .map(|number| &trace.operations[number as usize])
        .filter(|operation| operation.start_ns >= wait.end_ns)
        .find(|operation| calls(operation) || Waits::of(operation.kind) == Waits::Database);
    wait.kind == Kind::PoolWait && !inside_call && next.is_none_or(|next| !calls(next))
}
