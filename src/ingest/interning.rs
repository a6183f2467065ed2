//! A worker's view of the shared dictionary: locked only for what this worker sees for the first time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use detectors::evidence::{
    Dictionary, Executed, Location, LocationRef, Origin, OriginRef, Shape, ShapeId, ShapeRef, SpanId,
    Statement, Symbol,
};
use rustc_hash::FxHashMap;

/// So many texts or shapes are remembered; then a worker begins anew and asks the dictionary again.
const REMEMBERED_MAX: usize = 1_000_000;

/// A power of two: so many shapes are found by their hashes at once.
const RECENT: usize = 1 << 10;

/// What one worker has interned so far.
#[derive(Debug)]
pub struct Local<'r> {
    shared: &'r Mutex<Dictionary>,
    symbols: FxHashMap<Box<[u8]>, Symbol>,
    shapes: FxHashMap<ShapeId, ShapeRef>,
    /// Those that were asked for last.
    recent: Vec<Option<(ShapeId, ShapeRef)>>,
    templates: FxHashMap<ShapeId, ShapeRef>,
    origins: FxHashMap<Origin, OriginRef>,
    locations: FxHashMap<Location, LocationRef>,
    /// Executions that the dictionary was not told of.
    executed: Executed,
}

impl<'r> Local<'r> {
    /// A view that knows nothing yet.
    pub fn new(shared: &'r Mutex<Dictionary>) -> Self {
        Self {
            shared,
            symbols: FxHashMap::default(),
            shapes: FxHashMap::default(),
            recent: vec![None; RECENT],
            templates: FxHashMap::default(),
            origins: FxHashMap::default(),
            locations: FxHashMap::default(),
            executed: Executed::default(),
        }
    }

    /// Interns a text; bytes that are not UTF-8 are replaced.
    pub fn symbol(&mut self, text: &[u8]) -> Symbol {
        if text.is_empty() {
            return Symbol::default();
        }
        if let Some(&symbol) = self.symbols.get(text) {
            return symbol;
        }
        let symbol = self.lock().symbol(&String::from_utf8_lossy(text));
        remember(&mut self.symbols, text.into(), symbol);
        symbol
    }

    /// Interns a shape; `describe` is asked only when nobody has seen the id before.
    #[inline]
    pub fn shape_ref(&mut self, id: ShapeId, describe: impl FnOnce() -> Shape) -> ShapeRef {
        let place = id.hash as usize % RECENT;
        match self.recent[place] {
            Some((recent, shape)) if recent == id => shape,
            _ => {
                let shape = self.known_or_new(id, describe);
                self.recent[place] = Some((id, shape));
                shape
            }
        }
    }

    fn known_or_new(&mut self, id: ShapeId, describe: impl FnOnce() -> Shape) -> ShapeRef {
        if let Some(&shape) = self.shapes.get(&id) {
            return shape;
        }
        let known = self.lock().find_shape(id);
        let shape = known.unwrap_or_else(|| {
            // Described without the lock: a parser may run.
            let described = describe();
            self.lock().shape_ref(id, || described)
        });
        remember(&mut self.shapes, id, shape);
        shape
    }

    /// Interns the shape of a statement that was executed, as a log tells. `describe` is asked where nobody has seen it
    /// before, or where it turns out to be notable among very many.
    pub fn executed_ref(&mut self, id: ShapeId, took_ns: u64, describe: impl FnOnce() -> Shape) -> ShapeRef {
        if let Some(shape) = self.described_ref(id) {
            self.executed_again(took_ns);
            return shape;
        }
        let before = std::mem::take(&mut self.executed);
        let statement = self.lock().executed(id, took_ns, before);
        let shape = match statement {
            Statement::Counted(shape) => return shape,
            Statement::Described(shape) => shape,
            Statement::Wanted => {
                // Described without the lock: a parser may run.
                let described = describe();
                self.lock().statement_ref(described)
            }
        };
        remember(&mut self.shapes, id, shape);
        shape
    }

    /// A statement that was executed before and is described.
    pub fn described_ref(&self, id: ShapeId) -> Option<ShapeRef> {
        self.shapes.get(&id).copied()
    }

    /// Counts an execution of a statement that is described.
    #[inline]
    pub fn executed_again(&mut self, took_ns: u64) {
        self.executed.add(Executed { executions: 1, time_ns: took_ns });
    }

    /// Interns a shape that a framework named, which is a template already.
    pub fn template_ref(&mut self, id: ShapeId, describe: impl FnOnce() -> Shape) -> ShapeRef {
        let known = self.templates.get(&id).copied();
        known.unwrap_or_else(|| {
            let shape = self.shape_ref(id, describe);
            self.lock().note_template(shape);
            remember(&mut self.templates, id, shape);
            shape
        })
    }

    /// Interns an origin.
    pub fn origin_ref(&mut self, origin: Origin) -> OriginRef {
        if let Some(&known) = self.origins.get(&origin) {
            return known;
        }
        let reference = self.lock().origin_ref(origin);
        remember(&mut self.origins, origin, reference);
        reference
    }

    /// Interns a location.
    pub fn location_ref(&mut self, location: Location) -> LocationRef {
        if let Some(&known) = self.locations.get(&location) {
            return known;
        }
        let reference = self.lock().location_ref(location);
        remember(&mut self.locations, location, reference);
        reference
    }

    /// Notes the name of a log by its number.
    pub fn note_log(&mut self, number: u64, name: &str) {
        self.lock().note_log(number, name);
    }

    /// Notes that a log is in a database from a line on.
    pub fn note_database(&mut self, line: SpanId, origin: OriginRef, database: Symbol) {
        self.lock().note_database(line, origin, database);
    }

    fn lock(&self) -> MutexGuard<'r, Dictionary> {
        lock(self.shared)
    }
}

fn remember<K: Eq + std::hash::Hash, V>(known: &mut FxHashMap<K, V>, key: K, value: V) {
    if known.len() >= REMEMBERED_MAX {
        known.clear();
    }
    known.insert(key, value);
}

/// A worker that panicked left the dictionary whole: every entry is added in one step.
fn lock(shared: &Mutex<Dictionary>) -> MutexGuard<'_, Dictionary> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
