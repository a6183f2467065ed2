//! What requests of one process share: who used a database connection when, and who seems to have waited.
//!
//! Time is cut into windows of ten seconds, aligned to the epoch, for each instance of a service.
//! Which windows are kept is decided by a hash of their content (instance and time), so that dockets
//! that hold parts of one window keep the same ones; windows merge by union before anything is
//! concluded from them. Inputs that fit keep every window.

use super::content_hash::{START, fnv_1a};
use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::trace::{EndpointName, NONE, Operation, Request, Trace, Waits};
use super::{Dictionary, Kind, OriginRef, ShapeRef, Symbol, TraceId};
use crate::docket::hash_of;

/// Length of a window.
pub(crate) const WINDOW_NS: u64 = 10_000_000_000;
/// A window with more records is given up: about 6,000 requests a second.
const RECORDS_MAX: usize = 60_000;
/// Records that all windows may hold together, each of 64 bytes.
const COST_MAX: usize = 250_000;
/// What a window costs beside its records, in records.
const WINDOW_COST: usize = 4;
/// An interval is noted in so many windows at most: five minutes.
const WINDOWS_OF_RECORD_MAX: u64 = 30;
/// Statements of one request that follow each other this closely use one connection without a pause.
const PAUSE_MIN_NS: u64 = 1_000_000;
/// Shorter waits and gaps are no starvation: a healthy checkout takes microseconds.
pub(crate) const WAIT_MIN_NS: u64 = 1_000_000;
/// Some runtimes (Node.js) cut starts, but not ends, to whole milliseconds.
const GRAIN_NS: u64 = 1_000_000;
/// Connections that one request uses at once, and that are told apart.
const HOLDS_OPEN_MAX: usize = 64;

/// Connections that one request waits for before it uses them.
const ACQUIRED_MAX: usize = 64;

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Noted {
    /// A connection from the first to the last statement that one request sends over it.
    Hold,
    /// Statements without a pause.
    Use,
    /// Both: a hold without a pause.
    HoldAndUse,
    /// Waiting for a connection, as the instrumentation reports it.
    Wait,
    /// Time without any call before a hold begins.
    GapBeforeHold,
    /// Time without any call before statements, within a hold.
    GapInHold,
}

/// An interval of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    /// Hash of trace and span of the request.
    pub(crate) request: u64,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    /// When the request ends.
    pub(crate) request_end_ns: u64,
    /// Of a hold or use: time in statements.
    pub(crate) busy_ns: u64,
    /// Of a hold: duration of the longest other call meanwhile.
    pub(crate) beside_ns: u64,
    /// Of a hold or use: the statement with most of the time.
    pub(crate) shape: ShapeRef,
    /// Of a hold: the longest other call meanwhile.
    pub(crate) beside: ShapeRef,
    /// The database.
    pub(crate) target: Symbol,
    pub(crate) noted: Noted,
}

/// Ten seconds of one instance.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) service: Symbol,
    pub(crate) instance: Symbol,
    /// Start, in windows since the epoch.
    pub(crate) number: u64,
    pub(crate) records: Vec<Record>,
    /// Records that came, those of a window that was given up included.
    came: usize,
}

impl Window {
    fn cost(&self) -> usize {
        WINDOW_COST + self.came.min(RECORDS_MAX)
    }

    /// Whether it had too many records.
    pub(crate) fn is_given_up(&self) -> bool {
        self.came > RECORDS_MAX
    }

    fn push(&mut self, record: Record) {
        self.came += 1;
        if self.is_given_up() {
            self.records = Vec::new();
        } else {
            self.records.push(record);
        }
    }

    fn merge(&mut self, other: Self) {
        self.came += other.came;
        if self.is_given_up() {
            self.records = Vec::new();
        } else {
            self.records.extend(other.records);
        }
    }
}

/// Windows of all instances.
#[derive(Debug)]
pub struct Timelines {
    /// By the hash that decides what is kept; the smallest are.
    windows: BTreeMap<u64, Window>,
    cost: usize,
    cost_max: usize,
    /// Windows with this hash or a larger one are not kept.
    below: u64,
    instances: FxHashMap<OriginRef, Instance>,
}

#[derive(Debug, Clone, Copy)]
struct Instance {
    service: Symbol,
    instance: Symbol,
    hash: u64,
}

impl Default for Timelines {
    fn default() -> Self {
        Self::with_cost_max(COST_MAX)
    }
}

impl Timelines {
    fn with_cost_max(cost_max: usize) -> Self {
        Self { windows: BTreeMap::new(), cost: 0, cost_max, below: u64::MAX, instances: FxHashMap::default() }
    }

    /// Takes in a trace.
    pub fn add(&mut self, trace: &Trace, uses: &ConnectionUse, dictionary: &Dictionary) {
        for (number, request) in trace.requests.iter().enumerate() {
            let records = uses.records_of(number);
            if records.is_empty() {
                continue;
            }
            let instance = self.instance(request.opened_by.origin, dictionary);
            records.iter().for_each(|record| self.note(instance, *record));
        }
    }

    /// Adds what others over the same dictionary have taken in; the order of merging does not matter.
    pub fn merge(&mut self, other: Self) {
        self.below = self.below.min(other.below);
        for (hash, window) in other.windows {
            match self.windows.get_mut(&hash) {
                Some(known) => known.merge(window),
                None => {
                    self.windows.insert(hash, window);
                }
            }
        }
        self.windows.split_off(&self.below);
        self.cost = self.windows.values().map(Window::cost).sum();
        self.keep_within();
    }

    /// All windows that are kept.
    pub(crate) fn windows(&self) -> impl Iterator<Item = &Window> {
        self.windows.values()
    }

    /// How many windows had too many records to be kept.
    pub fn given_up(&self) -> u64 {
        self.windows.values().filter(|window| window.is_given_up()).count() as u64
    }

    /// The share of all windows that is kept, per mille; 1000 if all are.
    pub fn kept_per_mille(&self) -> u64 {
        (u128::from(self.below) * 1000).div_ceil(u128::from(u64::MAX)) as u64
    }

    fn instance(&mut self, origin: OriginRef, dictionary: &Dictionary) -> Instance {
        *self.instances.entry(origin).or_insert_with(|| {
            let origin = dictionary.origin(origin);
            let texts = [dictionary.text(origin.service), "\0", dictionary.text(origin.instance)];
            let hash = fnv_1a(START, texts.iter().flat_map(|text| text.bytes()));
            Instance { service: origin.service, instance: origin.instance, hash }
        })
    }

    /// Puts a record into the windows that it touches: waits and gaps where they end.
    fn note(&mut self, instance: Instance, record: Record) {
        let last = record.request_end_ns.max(record.end_ns) / WINDOW_NS;
        let (first, last) = match record.noted {
            Noted::Hold | Noted::Use | Noted::HoldAndUse => (record.start_ns / WINDOW_NS, last),
            Noted::Wait | Noted::GapBeforeHold | Noted::GapInHold => {
                (record.end_ns / WINDOW_NS, record.end_ns / WINDOW_NS)
            }
        };
        for number in first..=last.min(first.saturating_add(WINDOWS_OF_RECORD_MAX - 1)) {
            let hash = hash_of(instance.hash.into(), number);
            if hash >= self.below {
                continue;
            }
            let Instance { service, instance, .. } = instance;
            let window = self.windows.entry(hash).or_insert_with(|| {
                self.cost += WINDOW_COST;
                Window { service, instance, number, records: Vec::new(), came: 0 }
            });
            self.cost -= window.cost();
            window.push(record);
            self.cost += window.cost();
            self.keep_within();
        }
    }

    /// Drops the windows with the largest hashes. What a window costs never falls, so that one that
    /// is dropped here would be dropped by whoever saw more of it, too.
    fn keep_within(&mut self) {
        while self.cost > self.cost_max {
            let Some((hash, window)) = self.windows.pop_last() else { return };
            self.below = hash;
            self.cost -= window.cost();
        }
    }
}

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
            self.reading.read(trace, request, &mut self.records);
            self.ends.push((self.records.len(), self.reading.waited.len()));
        }
    }

    /// What may be waits for a connection in a request, in time order.
    pub(crate) fn waits_of(&self, request: usize) -> &[Waited] {
        let (from, to) = (self.ends_before(request).1, self.ends[request].1);
        &self.reading.waited[from..to]
    }

    fn records_of(&self, request: usize) -> &[Record] {
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
        let recorded = !matches!(request.name, EndpointName::NoRequest | EndpointName::Incomplete);
        for number in request.operations.clone() {
            let operation = &trace.operations[number as usize];
            match operation.kind {
                Kind::Sql | Kind::Document if recorded => self.statement(trace, request, number, records),
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
            self.wait(request, target, (number, Noted::Wait), (wait.start_ns, wait.end_ns), records);
        }
        self.open.drain(..).for_each(|open| open.close(request, records));
    }

    fn statement(&mut self, trace: &Trace, request: &Request, number: u32, records: &mut Vec<Record>) {
        let operation = &trace.operations[number as usize];
        let (start_ns, target) = (operation.start_ns, operation.target);
        let acquired = self.acquire(trace, start_ns);
        let acquired_ns = acquired.map(|wait| trace.operations[wait as usize].end_ns);
        if let Some(wait) = acquired {
            let span = &trace.operations[wait as usize];
            self.wait(request, target, (wait, Noted::Wait), (span.start_ns, span.end_ns), records);
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
                    open.run = begun(request, operation, Noted::Use);
                }
                open.extend(operation);
                // What was lost may have filled it.
                if paused && !trace.lost_spans {
                    self.wait(request, target, (number, Noted::GapInHold), gap, records);
                }
            }
            None => {
                if acquired.is_none() && !trace.lost_spans {
                    self.wait(request, target, (number, Noted::GapBeforeHold), gap, records);
                }
                if self.open.len() < HOLDS_OPEN_MAX {
                    self.open.push(Open::begin(request, operation, acquired_ns));
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
        request: &Request,
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
            request: hash_of(request.trace, request.span()),
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
    fn begin(request: &Request, operation: &Operation, acquired_ns: Option<u64>) -> Self {
        let mut hold = begun(request, operation, Noted::Hold);
        hold.start_ns = acquired_ns.unwrap_or(hold.start_ns);
        let run = begun(request, operation, Noted::Use);
        let mut open = Self { hold, run, beside: (0, ShapeRef::default()), by_shape: Vec::new(), runs: 1 };
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

    fn close(mut self, request: &Request, records: &mut Vec<Record>) {
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

fn begun(request: &Request, operation: &Operation, noted: Noted) -> Record {
    Record {
        request: hash_of(request.trace, request.span()),
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
pub(crate) fn waits_for_database(trace: &Trace, request: &Request, number: u32) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Origin;

    fn record(number: u64) -> Record {
        let start_ns = number * 700_000_000;
        Record {
            request: number,
            start_ns,
            end_ns: start_ns + number % 7 * 1_000_000_000,
            request_end_ns: start_ns + number % 7 * 1_500_000_000,
            busy_ns: number,
            beside_ns: 0,
            shape: ShapeRef(1),
            beside: ShapeRef::default(),
            target: Symbol(1),
            noted: if number.is_multiple_of(5) { Noted::Wait } else { Noted::HoldAndUse },
        }
    }

    fn timelines(cost_max: usize, numbers: impl Iterator<Item = u64>) -> Timelines {
        let mut dictionary = Dictionary::default();
        let origins: Vec<OriginRef> = (0..3)
            .map(|instance| {
                let instance = dictionary.symbol(&format!("shop-{instance}"));
                dictionary.origin_ref(Origin { service: Symbol(0), instance, ..Origin::default() })
            })
            .collect();
        let mut timelines = Timelines::with_cost_max(cost_max);
        for number in numbers {
            let instance = timelines.instance(origins[(number % 3) as usize], &dictionary);
            timelines.note(instance, record(number));
        }
        timelines
    }

    /// Instance, window and requests of what is kept.
    fn kept(timelines: &Timelines) -> Vec<(Symbol, u64, Vec<u64>)> {
        let mut kept: Vec<_> = timelines
            .windows()
            .map(|window| {
                let mut requests: Vec<u64> = window.records.iter().map(|record| record.request).collect();
                requests.sort_unstable();
                (window.instance, window.number, requests)
            })
            .collect();
        kept.sort();
        kept
    }

    #[test]
    fn what_is_kept_does_not_depend_on_order_and_merging() {
        for cost_max in [100, 777, 5000, 100_000] {
            let whole = timelines(cost_max, 0..3000);
            assert!(whole.cost <= cost_max);
            assert_eq!(whole.kept_per_mille() == 1000, cost_max == 100_000);
            let backwards = timelines(cost_max, (0..3000).rev());
            assert_eq!(kept(&backwards), kept(&whole));
            let mut merged = timelines(cost_max, (0..3000).filter(|number| number % 7 == 3));
            for rest in [6, 0, 1, 5, 2, 4] {
                merged.merge(timelines(cost_max, (0..3000).filter(move |number| number % 7 == rest)));
            }
            assert_eq!(kept(&merged), kept(&whole));
            assert_eq!((merged.cost, merged.below), (whole.cost, whole.below));
        }
    }

    #[test]
    fn a_window_with_too_many_records_is_given_up_by_all() {
        let many = RECORDS_MAX as u64 * 2 / 3;
        let same = |_| 1;
        let mut merged = timelines(COST_MAX, (0..many).map(same));
        assert_eq!(merged.given_up(), 0);
        merged.merge(timelines(COST_MAX, (0..many).map(same)));
        assert_eq!(merged.given_up(), 1);
        assert!(merged.windows().all(|window| window.records.is_empty()));
    }
}
