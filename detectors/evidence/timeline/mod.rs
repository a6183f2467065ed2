//! What requests of one process share: who used a database connection when, and who seems to have waited.
//!
//! Time is cut into windows of ten seconds, aligned to the epoch, for each instance of a service.
//! Which windows are kept is decided by a hash of their content (instance and time), so that dockets
//! that hold parts of one window keep the same ones; windows merge by union before anything is
//! concluded from them. Inputs that fit keep every window.

mod connections;
mod locks;
mod logged_locks;
mod progress;
mod sent;
mod workers;

use std::collections::BTreeMap;

pub use connections::ConnectionUse;
pub(crate) use connections::Waited;
pub(crate) use locks::{LockedBy, Taken};
pub(crate) use logged_locks::LoggedLocks;
pub(crate) use progress::{GRAIN_NS as PROGRESS_GRAIN_NS, Stir};
pub(crate) use sent::{Executed, Extent, Open};
pub(crate) use workers::{Served, sent_ns};

use self::locks::Locks;
use self::progress::Progress;
use super::content_hash::{START, fnv_1a};
use super::trace::{Request, Trace};
use super::{Dictionary, OriginRef, ShapeRef, Symbol, place_in};
use crate::candidate::Subject;
use crate::docket::{EndpointKey, hash_of};
use crate::stack;

/// Length of a window.
pub(crate) const WINDOW_NS: u64 = 10_000_000_000;
/// A window with more is given up: about 6,000 requests a second.
const BYTES_OF_WINDOW_MAX: usize = 60_000 * size_of::<Record>();
/// What all windows may hold together.
const BYTES_MAX: usize = 125_000 * size_of::<Record>();
/// What a window takes beside what it holds.
const WINDOW_BYTES: usize = 4 * size_of::<Record>();
/// An interval is noted in so many windows at most: five minutes.
const WINDOWS_OF_RECORD_MAX: u64 = 30;
/// Shorter waits and gaps are no starvation: a healthy checkout takes microseconds.
pub(crate) const WAIT_MIN_NS: u64 = 1_000_000;

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

impl Record {
    /// With the times that its process recorded.
    fn by_clock_of(self, request: &Request) -> Self {
        Self {
            start_ns: request.recorded_ns(self.start_ns),
            end_ns: request.recorded_ns(self.end_ns),
            request_end_ns: request.recorded_ns(self.request_end_ns),
            ..self
        }
    }
}

/// A stretch of one request during which others may have stood still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    /// Hash of trace and span of the request.
    pub(crate) request: u64,
    pub(crate) endpoint: EndpointKey,
    /// What the request does meanwhile.
    pub(crate) subject: Subject,
}

/// Ten seconds of one instance.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) service: Symbol,
    pub(crate) instance: Symbol,
    /// Start, in windows since the epoch.
    pub(crate) number: u64,
    /// Decides whether it is kept.
    hash: u64,
    /// Database connections.
    pub(crate) records: Vec<Record>,
    /// Requests; each in all windows that it touches.
    pub(crate) served: Vec<Served>,
    /// Statements that take locks; each in all windows up to the end of its transaction.
    pub(crate) taken: Vec<Taken>,
    /// When requests of an event loop did something.
    pub(crate) stirs: Vec<Stir>,
    /// Where an event loop may have stood still; each in the window in which it ends.
    pub(crate) stretches: Vec<Stretch>,
    /// Requests of all processes; each in all windows that it touches.
    pub(crate) open: Vec<Open>,
    /// Executions in all databases; each in the window in which it ends.
    pub(crate) executed: Vec<Executed>,
    /// Size of all that came, of a window that was given up, too.
    came_bytes: usize,
}

/// One entry of a window.
enum Entry<'s> {
    Record(Record),
    Served(Served),
    Taken(Taken),
    Stirs(&'s [Stir]),
    Stretch(Stretch),
    Open(Open),
    Executed(Executed),
}

impl Entry<'_> {
    fn bytes(&self) -> usize {
        match self {
            Self::Record(_) => size_of::<Record>(),
            Self::Served(_) => size_of::<Served>(),
            Self::Taken(_) => size_of::<Taken>(),
            Self::Stirs(stirs) => size_of_val(*stirs),
            Self::Stretch(_) => size_of::<Stretch>(),
            Self::Open(_) => size_of::<Open>(),
            Self::Executed(_) => size_of::<Executed>(),
        }
    }
}

impl Window {
    fn new(instance: &Instance) -> Self {
        let &Instance { service, instance, latest: Latest { number, hash, .. }, .. } = instance;
        Self {
            service,
            instance,
            number,
            hash,
            records: Vec::new(),
            served: Vec::new(),
            taken: Vec::new(),
            stirs: Vec::new(),
            stretches: Vec::new(),
            open: Vec::new(),
            executed: Vec::new(),
            came_bytes: 0,
        }
    }

    fn cost(&self) -> usize {
        WINDOW_BYTES + self.came_bytes.min(BYTES_OF_WINDOW_MAX)
    }

    /// Whether too much came.
    pub(crate) fn is_given_up(&self) -> bool {
        self.came_bytes > BYTES_OF_WINDOW_MAX
    }

    fn push(&mut self, entry: Entry<'_>) {
        self.came_bytes += entry.bytes();
        if self.is_given_up() {
            return self.forget();
        }
        match entry {
            Entry::Record(record) => self.records.push(record),
            Entry::Served(served) => self.served.push(served),
            Entry::Taken(taken) => self.taken.push(taken),
            Entry::Stirs(stirs) => self.stirs.extend_from_slice(stirs),
            Entry::Stretch(stretch) => self.stretches.push(stretch),
            Entry::Open(open) => self.open.push(open),
            Entry::Executed(executed) => self.executed.push(executed),
        }
    }

    fn merge(&mut self, other: Self) {
        self.came_bytes += other.came_bytes;
        if self.is_given_up() {
            return self.forget();
        }
        self.records.extend(other.records);
        self.served.extend(other.served);
        self.taken.extend(other.taken);
        self.stirs.extend(other.stirs);
        self.stretches.extend(other.stretches);
        self.open.extend(other.open);
        self.executed.extend(other.executed);
    }

    fn forget(&mut self) {
        self.records = Vec::new();
        self.served = Vec::new();
        self.taken = Vec::new();
        self.stirs = Vec::new();
        self.stretches = Vec::new();
        self.open = Vec::new();
        self.executed = Vec::new();
    }
}

/// Windows of all instances.
#[derive(Debug)]
pub struct Timelines {
    windows: Windows,
    instances: Instances,
    everybody: Instance,
    progress: Progress,
    locks: Locks,
}

/// The windows that are kept: those with the smallest hashes, within a bound.
#[derive(Debug)]
struct Windows {
    /// In no order.
    kept: Vec<Window>,
    /// Their places, by hash.
    places: BTreeMap<u64, usize>,
    cost: usize,
    cost_max: usize,
    /// Windows with this hash or a larger one are not kept.
    below: u64,
}

/// By the number of what recorded its requests.
#[derive(Debug, Default)]
struct Instances(Vec<Option<Instance>>);

#[derive(Debug, Clone, Copy)]
struct Instance {
    service: Symbol,
    instance: Symbol,
    hash: u64,
    /// Its requests take turns on one thread.
    event_loop: bool,
    /// Which of its requests are served at once is known.
    tells_what_is_at_once: bool,
    latest: Latest,
}

/// The window of an instance that was asked for last: the next thing that is noted is mostly in the same one.
#[derive(Debug, Clone, Copy)]
struct Latest {
    number: u64,
    hash: u64,
    /// Where it was then.
    place: usize,
}

impl Latest {
    const NONE: Self = Self { number: u64::MAX, hash: u64::MAX, place: usize::MAX };
}

/// All processes and databases together.
const EVERYBODY: Instance = Instance {
    service: Symbol(0),
    instance: Symbol(0),
    hash: START,
    event_loop: false,
    tells_what_is_at_once: false,
    latest: Latest::NONE,
};

impl Instances {
    fn of(&mut self, origin: OriginRef, dictionary: &Dictionary) -> &mut Instance {
        place_in(&mut self.0, origin.0, || None).get_or_insert_with(|| Instance::of(origin, dictionary))
    }
}

impl Instance {
    fn of(origin: OriginRef, dictionary: &Dictionary) -> Self {
        let event_loop = stack::event_loop(dictionary, origin).is_some();
        let origin = dictionary.origin(origin);
        let texts = [dictionary.text(origin.service), "\0", dictionary.text(origin.instance)];
        Self {
            service: origin.service,
            instance: origin.instance,
            hash: fnv_1a(START, texts.iter().flat_map(|text| text.bytes())),
            event_loop,
            tells_what_is_at_once: origin.tells_what_is_at_once(),
            latest: Latest::NONE,
        }
    }

    /// The hash that decides whether one of its windows is kept.
    fn hash_of_window(&mut self, number: u64) -> u64 {
        if self.latest.number != number {
            self.latest = Latest { number, hash: hash_of(self.hash.into(), number), place: usize::MAX };
        }
        self.latest.hash
    }
}

impl Windows {
    /// Whether anything that an instance does from one moment to another may be in a window that is kept.
    fn may_keep(&self, instance: &mut Instance, (start_ns, end_ns): (u64, u64)) -> bool {
        let (first, last) = (start_ns / WINDOW_NS, end_ns / WINDOW_NS);
        first != last || instance.hash_of_window(first) < self.below
    }

    /// Puts a record into the windows that it touches: waits and gaps where they end.
    fn note_record(&mut self, instance: &mut Instance, record: Record) {
        let last_ns = record.request_end_ns.max(record.end_ns);
        let windows = match record.noted {
            Noted::Hold | Noted::Use | Noted::HoldAndUse => windows_of(record.start_ns, last_ns),
            Noted::Wait | Noted::GapBeforeHold | Noted::GapInHold => windows_of(record.end_ns, record.end_ns),
        };
        windows.for_each(|window| self.note(instance, window, Entry::Record(record)));
    }

    fn note(&mut self, instance: &mut Instance, number: u64, entry: Entry<'_>) {
        if instance.hash_of_window(number) >= self.below {
            return;
        }
        let window = self.latest(instance);
        let cost = window.cost();
        window.push(entry);
        let grown = window.cost() - cost;
        self.cost += grown;
        self.keep_within();
    }

    /// The window of an instance that was asked for last; a new one where it is not known yet.
    fn latest(&mut self, instance: &mut Instance) -> &mut Window {
        let Latest { hash, place, .. } = instance.latest;
        if self.kept.get(place).is_none_or(|window| window.hash != hash) {
            instance.latest.place = *self.places.entry(hash).or_insert_with(|| {
                self.cost += WINDOW_BYTES;
                self.kept.push(Window::new(instance));
                self.kept.len() - 1
            });
        }
        &mut self.kept[instance.latest.place]
    }

    fn merge(&mut self, other: Self) {
        self.below = self.below.min(other.below);
        for window in other.kept {
            self.cost += match self.places.get(&window.hash) {
                Some(&place) => {
                    let known = &mut self.kept[place];
                    let cost = known.cost();
                    known.merge(window);
                    known.cost() - cost
                }
                None => {
                    self.places.insert(window.hash, self.kept.len());
                    let cost = window.cost();
                    self.kept.push(window);
                    cost
                }
            };
        }
        while self.places.last_key_value().is_some_and(|(hash, _)| *hash >= self.below) {
            self.drop_last();
        }
        self.keep_within();
    }

    /// Drops the windows with the largest hashes. What a window costs never falls, so that one that
    /// is dropped here would be dropped by whoever saw more of it, too.
    fn keep_within(&mut self) {
        while self.cost > self.cost_max {
            let Some(hash) = self.drop_last() else { return };
            self.below = hash;
        }
    }

    /// Drops the window with the largest hash, and gives that.
    fn drop_last(&mut self) -> Option<u64> {
        let (hash, place) = self.places.pop_last()?;
        self.cost -= self.kept.swap_remove(place).cost();
        if let Some(moved) = self.kept.get(place) {
            self.places.insert(moved.hash, place);
        }
        Some(hash)
    }
}

impl Default for Timelines {
    fn default() -> Self {
        Self::with_cost_max(BYTES_MAX)
    }
}

impl Timelines {
    fn with_cost_max(cost_max: usize) -> Self {
        let (kept, places) = (Vec::new(), BTreeMap::new());
        Self {
            windows: Windows { kept, places, cost: 0, cost_max, below: u64::MAX },
            instances: Instances::default(),
            everybody: EVERYBODY,
            progress: Progress::default(),
            locks: Locks::default(),
        }
    }

    /// Takes in a trace.
    pub fn add(&mut self, trace: &Trace, uses: &ConnectionUse, dictionary: &Dictionary) {
        let Self { windows, instances, progress, locks, .. } = self;
        for (number, request) in trace.requests.iter().enumerate() {
            let instance = instances.of(request.opened_by.origin, dictionary);
            if !windows.may_keep(instance, extent_of(trace, request)) {
                continue;
            }
            for record in uses.records_of(number) {
                windows.note_record(instance, record.by_clock_of(request));
            }
            let served = Served::of(trace, request, dictionary);
            let Some(served) = served.filter(|_| instance.tells_what_is_at_once) else { continue };
            for window in windows_of(served.start_ns, served.end_ns) {
                windows.note(instance, window, Entry::Served(served));
            }
            for taken in locks.of(trace, request, dictionary) {
                let taken = taken.by_clock_of(request);
                for window in windows_of(taken.start_ns, taken.last_ns) {
                    windows.note(instance, window, Entry::Taken(taken));
                }
            }
            if instance.event_loop {
                for (window, stirs) in progress.of(trace, request) {
                    windows.note(instance, window, Entry::Stirs(stirs));
                }
            }
        }
    }

    /// Takes in a stretch during which other requests of the same process may have stood still, if the window in
    /// which it ends is kept.
    pub(crate) fn add_stretch(
        &mut self,
        origin: OriginRef,
        end_ns: u64,
        dictionary: &Dictionary,
        stretch: impl FnOnce() -> Stretch,
    ) {
        let instance = self.instances.of(origin, dictionary);
        if self.windows.may_keep(instance, (end_ns, end_ns)) {
            self.windows.note(instance, end_ns / WINDOW_NS, Entry::Stretch(stretch()));
        }
    }

    /// Takes in the requests of a trace as those during which statements may have been sent, whichever process sent
    /// them.
    pub(crate) fn add_open(&mut self, trace: &Trace, dictionary: &Dictionary) {
        for open in sent::open(trace, dictionary) {
            for window in windows_of(open.start_ns, open.end_ns) {
                self.windows.note(&mut self.everybody, window, Entry::Open(open));
            }
        }
    }

    /// Takes in executions that a database's log tells of.
    pub(crate) fn add_executed(&mut self, executed: Executed) {
        let window = executed.end_ns / WINDOW_NS;
        self.windows.note(&mut self.everybody, window, Entry::Executed(executed));
    }

    /// Takes in a statement that takes a lock, as a database's log tells of it.
    pub(crate) fn add_taken(&mut self, taken: Taken) {
        for window in windows_of(taken.start_ns, taken.last_ns) {
            self.windows.note(&mut self.everybody, window, Entry::Taken(taken));
        }
    }

    /// Adds what others over the same dictionary have taken in; the order of merging does not matter.
    pub fn merge(&mut self, other: Self) {
        self.windows.merge(other.windows);
    }

    /// All windows that are kept, in an order that says nothing but is always the same.
    pub(crate) fn windows(&self) -> impl Iterator<Item = &Window> {
        self.windows.places.values().map(|&place| &self.windows.kept[place])
    }

    /// How many windows had too many records to be kept.
    pub fn given_up(&self) -> u64 {
        self.windows().filter(|window| window.is_given_up()).count() as u64
    }

    /// The share of all windows that is kept, per mille; 1000 if all are.
    pub fn kept_per_mille(&self) -> u64 {
        (u128::from(self.windows.below) * 1000).div_ceil(u128::from(u64::MAX)) as u64
    }
}

/// From the first to the last moment at which anything of a request began or ended, as its process recorded it.
fn extent_of(trace: &Trace, request: &Request) -> (u64, u64) {
    let operations = trace.operations_of(request).iter();
    let (start_ns, end_ns) = operations
        .fold((request.start_ns, request.end_ns), |(start_ns, end_ns), operation| {
            (start_ns.min(operation.start_ns), end_ns.max(operation.end_ns))
        });
    (request.recorded_ns(start_ns), request.recorded_ns(end_ns))
}

/// The windows that an interval touches, by number.
fn windows_of(start_ns: u64, end_ns: u64) -> impl Iterator<Item = u64> {
    let (first, last) = (start_ns / WINDOW_NS, end_ns / WINDOW_NS);
    first..=last.min(first.saturating_add(WINDOWS_OF_RECORD_MAX - 1))
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
            let instance = timelines.instances.of(origins[(number % 3) as usize], &dictionary);
            timelines.windows.note_record(instance, record(number));
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
        for records_max in [100, 777, 5000, 100_000] {
            let cost_max = records_max * size_of::<Record>();
            let whole = timelines(cost_max, 0..3000);
            assert!(whole.windows.cost <= cost_max);
            assert_eq!(whole.kept_per_mille() == 1000, records_max == 100_000);
            let backwards = timelines(cost_max, (0..3000).rev());
            assert_eq!(kept(&backwards), kept(&whole));
            let mut merged = timelines(cost_max, (0..3000).filter(|number| number % 7 == 3));
            for rest in [6, 0, 1, 5, 2, 4] {
                merged.merge(timelines(cost_max, (0..3000).filter(move |number| number % 7 == rest)));
            }
            assert_eq!(kept(&merged), kept(&whole));
            let (merged, whole) = (merged.windows, &whole.windows);
            assert_eq!((merged.cost, merged.below), (whole.cost, whole.below));
        }
    }

    #[test]
    fn a_window_with_too_many_records_is_given_up_by_all() {
        let many = (BYTES_OF_WINDOW_MAX / size_of::<Record>()) as u64 * 2 / 3;
        let same = |_| 1;
        let mut merged = timelines(BYTES_MAX, (0..many).map(same));
        assert_eq!(merged.given_up(), 0);
        merged.merge(timelines(BYTES_MAX, (0..many).map(same)));
        assert_eq!(merged.given_up(), 1);
        assert!(merged.windows().all(|window| window.records.is_empty()));
    }
}
