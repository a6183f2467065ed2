//! The interned vocabulary of the evidence: names, origins, locations, shapes.
//!
//! Numbers are given in the order of arrival and differ between runs with
//! several threads; whatever is shown or compared goes by content.

use std::cmp::Ordering;

use rustc_hash::{FxHashMap, FxHashSet};

use super::session::log_and_line;
use super::shape::{Shape, ShapeId};
use super::{ServerEvents, Span, SpanId};

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
    shape_refs: FxHashMap<ShapeId, ShapeRef>,
    templates: FxHashSet<ShapeRef>,
    logs: FxHashMap<u64, Symbol>,
    /// By log, from which line on it is in which database, in their order.
    databases: FxHashMap<u64, Vec<(SpanId, OriginRef, Symbol)>>,
    server: ServerEvents,
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
            shape_refs: FxHashMap::from_iter([(ShapeId::default(), ShapeRef(0))]),
            templates: FxHashSet::default(),
            logs: FxHashMap::default(),
            databases: FxHashMap::default(),
            server: ServerEvents::default(),
            limit,
            refused: 0,
        }
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

    /// The reference of a shape that was seen before.
    pub fn find_shape(&self, id: ShapeId) -> Option<ShapeRef> {
        self.shape_refs.get(&id).copied()
    }

    /// Interns a shape; `describe` is asked for it only when the id is new.
    pub fn shape_ref(&mut self, id: ShapeId, describe: impl FnOnce() -> Shape) -> ShapeRef {
        if let Some(shape) = self.find_shape(id) {
            return shape;
        }
        let full = self.shapes.len() >= self.limit;
        let id = if full { ShapeId::OTHER } else { id };
        if full {
            self.refused += 1;
            if let Some(other) = self.find_shape(id) {
                return other;
            }
        }
        let shape = ShapeRef(self.shapes.len() as u32);
        self.shapes.push(if full { Shape::other() } else { describe() });
        self.shape_refs.insert(id, shape);
        shape
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

    /// Whether traces were read beside logs of databases.
    pub(crate) fn has_traces_and_logs(&self) -> bool {
        let of = |recorder: Recorder| self.origins().skip(1).any(|(_, origin)| origin.recorder == recorder);
        of(Recorder::DatabaseLog) && of(Recorder::Tracing)
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
