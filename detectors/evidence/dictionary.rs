//! The interned vocabulary of the evidence: names, origins, locations, shapes.
//!
//! Numbers are given in the order of arrival and differ between runs with
//! several threads; whatever is shown or compared goes by content.

use std::cmp::Ordering;

use rustc_hash::{FxHashMap, FxHashSet};

mod frequent;
mod index;

use self::frequent::Frequent;
use self::index::ShapeIndex;
use super::sampled::SampledProfiles;
use super::session::log_and_line;
use super::shape::{Family, Shape, ShapeId};
use crate::plans::KnownPlans;

use super::{Examples, ServerEvents, Settled, Span, SpanId};

/// An interned text. The default is the empty text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Symbol(pub u32);

/// An interned [`Origin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct OriginRef(pub u32);

/// An interned [`Location`]. The default is "unknown".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct LocationRef(pub u32);

/// An interned [`Shape`]. The default is "none".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ShapeRef(pub u32);

/// Who recorded a span: resource and instrumentation scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Origin {
    /// `service.name`.
    pub service: Symbol,
    /// `service.instance.id`, else host and process, else pod or container, else host, else the service.
    pub instance: Symbol,
    /// How the instance was told: `service.instance.id`, `host and process`, `pod`, `container`, `host` or `service`.
    pub instance_by: Symbol,
    /// The machine or, where that is what keeps processes apart, the pod or container; empty if not said.
    pub host: Symbol,
    /// `service.version`.
    pub version: Symbol,
    /// `telemetry.sdk.language`.
    pub language: Symbol,
    /// Instrumentation scope, such as `opentelemetry.instrumentation.sqlalchemy`.
    pub library: Symbol,
    /// In which way.
    pub recorder: Recorder,
}

/// How requests were recorded: what that leaves in the dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Recorder {
    /// By spans.
    #[default]
    Tracing,
    /// By lines of an access log: nothing that a request does shows.
    Log,
    /// As [`Recorder::Log`], with times of whole seconds: what happens at once does not show either.
    CoarseLog,
    /// By a database's log: statements, and not what sends them.
    DatabaseLog,
}

impl Origin {
    /// Whether these are requests of one process, as far as can be told. A log that names no process may be
    /// written by many.
    pub fn is_one_process(&self) -> bool {
        self.recorder == Recorder::Tracing || self.instance != self.service
    }

    /// Whether the times of its requests tell which of them were served at once.
    pub fn tells_what_is_at_once(&self) -> bool {
        self.recorder != Recorder::CoarseLog && self.is_one_process()
    }
}

/// A place in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Location {
    /// File path, home folder removed.
    pub file: Symbol,
    /// Line, 1-based; zero if unknown.
    pub line: u32,
    /// Function, with its namespace where known.
    pub function: Symbol,
}

/// All texts of the evidence, each once.
#[derive(Debug)]
pub struct Dictionary {
    texts: Vec<Box<str>>,
    symbols: FxHashMap<Box<str>, Symbol>,
    origins: Interned<Origin>,
    locations: Interned<Location>,
    shapes: Vec<Shape>,
    shape_refs: ShapeIndex,
    /// Bytes of the texts of shapes and of what was found in them, about.
    described_bytes: usize,
    /// Shapes of statements that were described for being executed.
    executed: usize,
    described_max: usize,
    counted_max: usize,
    frequent: Frequent,
    templates: FxHashSet<ShapeRef>,
    logs: FxHashMap<u64, Symbol>,
    /// By log, from which line on it is in which database, in their order.
    databases: FxHashMap<u64, Vec<(SpanId, OriginRef, Symbol)>>,
    server: ServerEvents,
    statistics: Settled,
    examples: Examples,
    plans: KnownPlans,
    sampled: SampledProfiles,
    limit: usize,
    refused: u64,
}

impl Default for Dictionary {
    fn default() -> Self {
        Self::with_limit(2_000_000)
    }
}

impl Dictionary {
    /// An empty dictionary that keeps at most `limit` texts and as many shapes, origins and locations.
    pub fn with_limit(limit: usize) -> Self {
        let mut symbols = FxHashMap::default();
        symbols.insert("".into(), Symbol(0));
        Self {
            texts: vec!["".into()],
            symbols,
            origins: Interned::new(),
            locations: Interned::new(),
            shapes: vec![Shape::default()],
            shape_refs: ShapeIndex::default(),
            described_bytes: 0,
            executed: 0,
            described_max: DESCRIBED_MAX,
            counted_max: COUNTED_MAX.min(limit),
            frequent: Frequent::default(),
            templates: FxHashSet::default(),
            logs: FxHashMap::default(),
            databases: FxHashMap::default(),
            server: ServerEvents::default(),
            statistics: Settled::default(),
            examples: Examples::default(),
            plans: KnownPlans::default(),
            sampled: SampledProfiles::default(),
            limit,
            refused: 0,
        }
    }

    /// Describes so many statements of logs and counts the others.
    #[cfg(test)]
    pub(crate) fn counting_from(described_max: usize) -> Self {
        Self { described_max, ..Self::default() }
    }

    /// Interns a text. Past the limit new texts become `(other)` and are counted.
    pub fn symbol(&mut self, text: &str) -> Symbol {
        if let Some(&symbol) = self.symbols.get(text) {
            return symbol;
        }
        if self.texts.len() >= self.limit && text != OTHER {
            self.refused += 1;
            return self.symbol(OTHER);
        }
        let symbol = Symbol(self.texts.len() as u32);
        self.texts.push(text.into());
        self.symbols.insert(text.into(), symbol);
        symbol
    }

    /// Compares what two spans say in texts, whatever numbers these were given.
    pub fn compare_texts(&self, one: &Span, other: &Span) -> Ordering {
        let symbols = |span: &Span| {
            let origin = self.origin(span.origin);
            let location = self.location(span.location).copied().unwrap_or_default();
            let origin = [origin.service, origin.instance, origin.version, origin.library];
            (location.line, [span.name, span.target, location.file, location.function], origin)
        };
        let texts = |span: &Span| {
            let (line, own, origin) = symbols(span);
            (line, own.map(|symbol| self.text(symbol)), origin.map(|symbol| self.text(symbol)))
        };
        let shape = |span: &Span| &self.shape(span.shape).text;
        if (symbols(one), one.shape) == (symbols(other), other.shape) {
            return Ordering::Equal;
        }
        texts(one).cmp(&texts(other)).then_with(|| shape(one).cmp(shape(other)))
    }

    /// The text of a symbol.
    pub fn text(&self, symbol: Symbol) -> &str {
        &self.texts[symbol.0 as usize]
    }

    /// The symbol of a text that was interned before.
    pub fn find(&self, text: &str) -> Option<Symbol> {
        self.symbols.get(text).copied()
    }

    /// Interns an origin. Past the limit new ones become the unknown origin and are counted.
    pub fn origin_ref(&mut self, origin: Origin) -> OriginRef {
        let index = self.origins.intern(origin, self.limit);
        self.refused += u64::from(index.is_none());
        OriginRef(index.unwrap_or(0))
    }

    /// The origin behind a reference.
    pub fn origin(&self, origin: OriginRef) -> &Origin {
        self.origins.get(origin.0)
    }

    /// Every origin that was seen.
    pub fn origins(&self) -> impl Iterator<Item = (OriginRef, &Origin)> {
        self.origins.iter().map(|(index, origin)| (OriginRef(index), origin))
    }

    /// Interns a location. Past the limit new ones become unknown and are counted.
    pub fn location_ref(&mut self, location: Location) -> LocationRef {
        let index = self.locations.intern(location, self.limit);
        self.refused += u64::from(index.is_none());
        LocationRef(index.unwrap_or(0))
    }

    /// The location behind a reference; `None` if it is unknown.
    pub fn location(&self, location: LocationRef) -> Option<&Location> {
        (location.0 != 0).then(|| self.locations.get(location.0))
    }

    /// The reference of a shape that was described before.
    pub fn find_shape(&self, id: ShapeId) -> Option<ShapeRef> {
        self.known(id).filter(|&shape| !self.is_counted_only(shape))
    }

    fn known(&self, id: ShapeId) -> Option<ShapeRef> {
        self.shape_refs.find(id, |shape| self.shape(shape).id)
    }

    /// Interns a shape; `describe` is asked for it only when the id is new, or was counted only.
    pub fn shape_ref(&mut self, id: ShapeId, describe: impl FnOnce() -> Shape) -> ShapeRef {
        match self.known(id) {
            Some(shape) if self.is_counted_only(shape) => {
                self.describe(shape, describe());
                shape
            }
            Some(shape) => shape,
            None if self.shapes.len() >= self.limit => {
                self.refused += 1;
                self.other()
            }
            None => {
                let shape = self.push(Shape { id, ..Shape::default() });
                self.describe(shape, describe());
                shape
            }
        }
    }

    fn describe(&mut self, shape: ShapeRef, described: Shape) {
        self.described_bytes += described.bytes();
        self.shapes[shape.0 as usize] = described;
    }

    fn push(&mut self, shape: Shape) -> ShapeRef {
        let reference = ShapeRef(self.shapes.len() as u32);
        self.shape_refs.insert(shape.id, reference, |other| self.shapes[other.0 as usize].id);
        self.shapes.push(shape);
        reference
    }

    fn other(&mut self) -> ShapeRef {
        self.known(ShapeId::OTHER).unwrap_or_else(|| self.push(Shape::other()))
    }

    /// Notes that a statement was executed, and says what is known of it. The first [`DESCRIBED_MAX`] different ones
    /// are described, then only those that take or are a notable share of all executions.
    ///
    /// `before` are the executions since the last one that was noted, of statements that are known to be described.
    pub fn executed(&mut self, id: ShapeId, took_ns: u64, before: Executed) -> Statement {
        self.frequent.note_others(before);
        let known = self.known(id);
        if let Some(shape) = known.filter(|&shape| !self.is_counted_only(shape)) {
            self.frequent.note_others(Executed { executions: 1, time_ns: took_ns });
            return Statement::Described(shape);
        }
        if self.executed < self.described_max && self.shapes.len() < self.limit {
            self.frequent.note_others(Executed { executions: 1, time_ns: took_ns });
            return Statement::Wanted;
        }
        let is_notable = self.frequent.note(id.hash, took_ns);
        if is_notable && self.executed < self.described_max * 2 && self.shapes.len() < self.limit {
            return Statement::Wanted;
        }
        Statement::Counted(match known {
            Some(shape) => shape,
            None if self.shapes.len() < self.counted_max => self.push(Shape { id, ..Shape::default() }),
            None => self.other(),
        })
    }

    /// Interns a statement that is [`Statement::Wanted`].
    pub fn statement_ref(&mut self, described: Shape) -> ShapeRef {
        self.executed += usize::from(self.find_shape(described.id).is_none());
        self.shape_ref(described.id, || described)
    }

    /// Whether a shape stands for a statement of which only executions are counted, or for all those beyond the bound.
    pub fn is_counted_only(&self, shape: ShapeRef) -> bool {
        let shape = self.shape(shape);
        shape.id.family == Family::Statement && shape.text.is_empty() || shape.id == ShapeId::OTHER
    }

    /// Bytes of memory that shapes take, about.
    pub fn shapes_bytes(&self) -> usize {
        self.described_bytes + self.shapes.capacity() * size_of::<Shape>() + self.shape_refs.bytes()
    }

    /// Notes the name of a log by the number that ids of its lines begin with.
    pub fn note_log(&mut self, number: u64, name: &str) {
        let name = self.symbol(name);
        self.logs.insert(number, name);
    }

    /// Notes that a log is in a database from a line on: that of statements behind it which do not name theirs.
    pub fn note_database(&mut self, line: SpanId, origin: OriginRef, database: Symbol) {
        let lines = self.databases.entry(log_and_line(line).0).or_default();
        let place = lines.partition_point(|(before, ..)| *before < line);
        lines.insert(place, (line, origin, database));
    }

    /// The database that a log is in at a line, as a line before it said.
    pub(crate) fn database_at(&self, line: SpanId) -> Option<(OriginRef, Symbol)> {
        let lines = self.databases.get(&log_and_line(line).0)?;
        let place = lines.partition_point(|(before, ..)| *before <= line);
        let (_, origin, database) = lines.get(place.checked_sub(1)?)?;
        Some((*origin, *database))
    }

    /// Notes what logs tell beside statements, once all is read and shapes have become what they stay.
    pub fn note_server(&mut self, events: ServerEvents) {
        self.server = events;
    }

    /// What logs tell beside statements.
    pub(crate) fn server(&self) -> &ServerEvents {
        &self.server
    }

    /// Notes what servers have counted themselves.
    pub fn note_statistics(&mut self, statistics: Settled) {
        self.statistics = statistics;
    }

    /// What servers have counted themselves.
    pub(crate) fn statistics(&self) -> &Settled {
        &self.statistics
    }

    /// Notes what plans of statements show.
    pub fn note_plans(&mut self, plans: KnownPlans) {
        self.plans = plans;
    }

    /// What plans of statements show.
    pub fn plans(&self) -> &KnownPlans {
        &self.plans
    }

    /// Notes what profilers saw.
    pub fn note_sampled(&mut self, sampled: SampledProfiles) {
        self.sampled = sampled;
    }

    /// What profilers saw.
    pub(crate) fn sampled(&self) -> &SampledProfiles {
        &self.sampled
    }

    /// Notes executions of statements that may be shown with their values.
    pub fn note_examples(&mut self, examples: Examples) {
        self.examples = examples;
    }

    /// Executions of statements that may be shown with their values; none unless that was asked for.
    pub fn examples(&self) -> &Examples {
        &self.examples
    }

    /// Where a line of a log is: `postgresql.log:8812`.
    pub fn place_of_line(&self, line: SpanId) -> String {
        let (log, line) = log_and_line(line);
        let name = self.logs.get(&log).map_or("(log)", |&name| self.text(name));
        format!("{name}:{line}")
    }

    /// Whether a database's log was read.
    pub(crate) fn has_logs(&self) -> bool {
        !self.logs.is_empty()
    }

    /// Whether requests were read beside logs of databases.
    pub(crate) fn has_requests_and_logs(&self) -> bool {
        let is_of_database = |origin: &Origin| origin.recorder == Recorder::DatabaseLog;
        let origins = || self.origins().skip(1).map(|(_, origin)| origin);
        origins().any(is_of_database) && !origins().all(is_of_database)
    }

    /// Notes that a shape was named by a framework: it is a template already.
    pub fn note_template(&mut self, shape: ShapeRef) {
        self.templates.insert(shape);
    }

    /// Whether a shape was named by a framework.
    pub fn is_template(&self, shape: ShapeRef) -> bool {
        self.templates.contains(&shape)
    }

    /// The shape behind a reference.
    pub fn shape(&self, shape: ShapeRef) -> &Shape {
        &self.shapes[shape.0 as usize]
    }

    /// Every shape that was seen, in no meaningful order.
    pub fn shapes(&self) -> impl Iterator<Item = (ShapeRef, &Shape)> {
        self.shapes.iter().enumerate().skip(1).map(|(index, shape)| (ShapeRef(index as u32), shape))
    }

    /// How often a text, shape, origin or location was refused because the dictionary was full.
    pub fn refused(&self) -> u64 {
        self.refused
    }
}

/// Different statements of logs that are described: about 18 MB. Twice as many where they are notable.
pub const DESCRIBED_MAX: usize = 30_000;

/// Shapes beyond which statements of logs are no longer told apart, unless they are notable.
const COUNTED_MAX: usize = 1_200_000;

/// Executions of statements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Executed {
    /// How many.
    pub executions: u64,
    /// What they took together, where the log says so.
    pub time_ns: u64,
}

impl Executed {
    /// Adds others.
    pub fn add(&mut self, other: Self) {
        self.executions += other.executions;
        self.time_ns = self.time_ns.saturating_add(other.time_ns);
    }
}

/// What is known of a statement that was executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statement {
    /// Its text and what it does.
    Described(ShapeRef),
    /// That it is executed.
    Counted(ShapeRef),
    /// Nothing yet: it is to be described.
    Wanted,
}

/// Stands for every text beyond the limit.
const OTHER: &str = "(other)";

#[derive(Debug)]
struct Interned<T> {
    items: Vec<T>,
    index: FxHashMap<T, u32>,
}

impl<T: Copy + Default + Eq + std::hash::Hash> Interned<T> {
    fn new() -> Self {
        Self { items: vec![T::default()], index: FxHashMap::from_iter([(T::default(), 0)]) }
    }

    /// The number of an item; `None` if it is new and there are `limit` of them.
    fn intern(&mut self, item: T, limit: usize) -> Option<u32> {
        if let Some(&known) = self.index.get(&item) {
            return Some(known);
        }
        let number = self.items.len() as u32;
        (self.items.len() < limit).then(|| {
            self.items.push(item);
            self.index.insert(item, number);
            number
        })
    }

    fn get(&self, index: u32) -> &T {
        &self.items[index as usize]
    }

    fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.items.iter().enumerate().map(|(index, item)| (index as u32, item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::shape::sql::Facts;

    fn statement(number: u64) -> Shape {
        let id = ShapeId { family: Family::Statement, hash: number.wrapping_mul(0x9e37_79b9_7f4a_7c15) };
        Shape { id, text: format!("SELECT {number}").into(), facts: Some(Box::new(Facts::default())) }
    }

    /// The shape of an execution, described where it is wanted.
    fn execute(dictionary: &mut Dictionary, number: u64, took_ns: u64) -> ShapeRef {
        let shape = statement(number);
        match dictionary.executed(shape.id, took_ns, Executed::default()) {
            Statement::Described(known) | Statement::Counted(known) => known,
            Statement::Wanted => dictionary.statement_ref(shape),
        }
    }

    #[test]
    fn statements_beyond_the_bounds_are_counted_unless_they_are_notable() {
        let mut dictionary = Dictionary { described_max: 100, counted_max: 1_000, ..Dictionary::default() };
        dictionary.frequent.note_others(Executed { executions: 50_000, time_ns: 50_000_000 });
        let shapes: Vec<ShapeRef> =
            (1..=20_000).map(|number| execute(&mut dictionary, number, 1_000)).collect();
        let is_counted = |dictionary: &Dictionary, place: usize| dictionary.is_counted_only(shapes[place]);
        assert!(!is_counted(&dictionary, 99) && is_counted(&dictionary, 500));
        assert_ne!(shapes[500], shapes[501], "told apart");
        assert_eq!(shapes[15_000], shapes[15_001], "not told apart");
        assert_eq!(execute(&mut dictionary, 500, 1_000), shapes[499], "the same again");

        let late = execute(&mut dictionary, 30_000, 1_000_000);
        assert_eq!(&*dictionary.shape(late).text, "SELECT 30000", "1 % of the time");
        let again = (0..10).map(|_| execute(&mut dictionary, 501, 1_000)).last();
        assert_eq!(again, Some(shapes[500]));
        assert!(!is_counted(&dictionary, 500), "0.015 % of the executions");
    }

    #[test]
    fn a_trace_describes_what_a_log_has_counted() {
        let mut dictionary = Dictionary::counting_from(0);
        let counted = execute(&mut dictionary, 1, 0);
        assert!(dictionary.is_counted_only(counted));
        assert_eq!(dictionary.find_shape(statement(1).id), None);
        assert_eq!(dictionary.shape_ref(statement(1).id, || statement(1)), counted);
        assert_eq!(dictionary.find_shape(statement(1).id), Some(counted));
    }
}
