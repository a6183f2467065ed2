//! What may wait for a lock that others hold: writes, locking reads, named locks, and spans of the service's own
//! code without anything below them.

use rustc_hash::FxHashSet;

use crate::docket::hash_of;
use crate::evidence::content_hash::{START, fnv_1a};
use crate::evidence::shape::Shape;
use crate::evidence::shape::sql::Verb;
use crate::evidence::trace::{Operation, Request, Trace};
use crate::evidence::{ByShape, Dictionary, Kind, ShapeRef, Symbol};

/// Statements of one request that are noted.
const TAKEN_MAX: usize = 256;

/// Functions that take a lock with a name and wait for it.
const NAMED: [&str; 4] = ["pg_advisory_lock", "pg_advisory_xact_lock", "get_lock", "sp_getapplock"];

/// Shorter spans of own code are not noted: a lock that is held for so short a time makes nobody wait long.
const CODE_MIN_NS: u64 = 5_000_000;

/// A statement, or a piece of code, that takes a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Hash of trace and span of the request.
    pub(crate) request: u64,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    /// End of its transaction: of its commit or, where none is recorded, of the last statement to its database.
    pub(crate) last_ns: u64,
    pub(crate) request_end_ns: u64,
    /// The statement; no shape where it is code.
    pub(crate) shape: ShapeRef,
    /// The span of the code, by name; no name where it is a statement.
    pub(crate) code: Symbol,
    /// The database; of code the instance of the service.
    pub(crate) target: Symbol,
    /// What is locked: the table, the statement that takes a lock by name, or the code.
    pub(crate) locked: u64,
    /// The first one of its request that locks this.
    pub(crate) first: bool,
    /// The longest operation between its end and the end of its transaction.
    pub(crate) beside: ShapeRef,
    pub(crate) beside_ns: u64,
}

impl Taken {
    /// With the times that its process recorded.
    pub(super) fn by_clock_of(self, request: &Request) -> Self {
        Self {
            start_ns: request.recorded_ns(self.start_ns),
            end_ns: request.recorded_ns(self.end_ns),
            last_ns: request.recorded_ns(self.last_ns),
            request_end_ns: request.recorded_ns(self.request_end_ns),
            ..self
        }
    }
}

/// What statements lock, found out once for each shape of one dictionary.
#[derive(Debug, Default)]
pub(crate) struct LockedBy(ByShape<Option<u64>>);

impl LockedBy {
    /// What a statement locks; `None` if it takes no lock that others wait for.
    pub(crate) fn of(&mut self, shape: ShapeRef, dictionary: &Dictionary) -> Option<u64> {
        self.0.of(shape, || locked_by(dictionary.shape(shape)))
    }
}

fn locked_by(shape: &Shape) -> Option<u64> {
    let facts = shape.facts.as_deref()?;
    let named = || {
        let text = shape.text.to_ascii_lowercase();
        NAMED.iter().any(|function| text.contains(function))
    };
    match facts.verb {
        Verb::Update | Verb::Delete | Verb::Merge => {}
        Verb::Select if facts.locks => {}
        Verb::Select | Verb::Session if named() => return Some(fnv_1a(START, shape.text.bytes())),
        _ => return None,
    }
    let table = facts.written.first().or(facts.main.as_ref())?;
    Some(fnv_1a(START, table.bytes()))
}

/// Reads the statements of one request after the other that take locks.
#[derive(Debug, Default)]
pub(super) struct Locks {
    taken: Vec<Taken>,
    seen: FxHashSet<(Symbol, u64)>,
    locked_by: LockedBy,
}

impl Locks {
    /// The statements of a request that take locks, in time order.
    pub(super) fn of(&mut self, trace: &Trace, request: &Request, dictionary: &Dictionary) -> &[Taken] {
        self.taken.clear();
        self.seen.clear();
        if request.name.is_made_up() {
            return &self.taken;
        }
        let operations = trace.operations_of(request);
        for (place, operation) in operations.iter().enumerate() {
            let taken = match operation.kind {
                Kind::Sql => self
                    .locked_by
                    .of(operation.shape, dictionary)
                    .and_then(|locked| statement(request, locked, &operations[place..], dictionary)),
                Kind::Internal => {
                    let number = request.operations.start + place as u32;
                    code(request, number, &operations[place..], dictionary)
                }
                _ => None,
            };
            let Some(mut taken) = taken else { continue };
            taken.first = self.seen.insert((taken.target, taken.locked)) || taken.code != Symbol::default();
            self.taken.push(taken);
            if self.taken.len() >= TAKEN_MAX {
                break;
            }
        }
        &self.taken
    }
}

/// The first of some operations, as a statement that takes a lock.
fn statement(
    request: &Request,
    locked: u64,
    operations: &[Operation],
    dictionary: &Dictionary,
) -> Option<Taken> {
    let operation = operations.first()?;
    let transaction = Transaction::after(operations, dictionary);
    Some(Taken {
        request: hash_of(request.trace, request.span()),
        start_ns: operation.start_ns,
        end_ns: operation.end_ns,
        last_ns: transaction.last_ns,
        request_end_ns: request.end_ns.max(operation.end_ns),
        shape: operation.shape,
        code: Symbol::default(),
        target: operation.target,
        locked,
        first: true,
        beside: transaction.beside,
        beside_ns: transaction.beside_ns,
    })
}

/// The first of some operations, as code with nothing below it.
fn code(request: &Request, number: u32, operations: &[Operation], dictionary: &Dictionary) -> Option<Taken> {
    let operation = operations.first()?;
    let mut within = operations[1..].iter().take(LOOK_AHEAD).take_while(|it| it.start_ns < operation.end_ns);
    if operation.duration_ns() < CODE_MIN_NS || within.any(|it| it.parent == number) {
        return None;
    }
    let origin = dictionary.origin(operation.origin);
    let texts = [dictionary.text(origin.service), "\0", dictionary.text(operation.name)];
    Some(Taken {
        request: hash_of(request.trace, request.span()),
        start_ns: operation.start_ns,
        end_ns: operation.end_ns,
        last_ns: operation.end_ns,
        request_end_ns: request.end_ns.max(operation.end_ns),
        shape: ShapeRef::default(),
        code: operation.name,
        target: origin.instance,
        locked: fnv_1a(START, texts.iter().flat_map(|text| text.bytes())),
        first: true,
        beside: ShapeRef::default(),
        beside_ns: 0,
    })
}

/// Operations after a statement that are looked at for the end of its transaction.
const LOOK_AHEAD: usize = 256;

/// What follows a statement until its transaction ends.
struct Transaction {
    last_ns: u64,
    beside: ShapeRef,
    beside_ns: u64,
}

impl Transaction {
    fn after(operations: &[Operation], dictionary: &Dictionary) -> Self {
        let taken = &operations[0];
        let mut after = Self { last_ns: taken.end_ns, beside: ShapeRef::default(), beside_ns: 0 };
        let mut longest: (u64, ShapeRef) = (0, ShapeRef::default());
        let following = operations[1..].iter().take(LOOK_AHEAD);
        for operation in following.filter(|it| it.start_ns >= taken.end_ns && it.shape.0 != 0) {
            if operation.duration_ns() > longest.0 {
                longest = (operation.duration_ns(), operation.shape);
            }
            if operation.kind == Kind::Sql && operation.target == taken.target {
                after.last_ns = after.last_ns.max(operation.end_ns);
                (after.beside_ns, after.beside) = longest;
                if ends_transaction(dictionary.shape(operation.shape)) {
                    break;
                }
            }
        }
        after
    }
}

pub(super) fn ends_transaction(shape: &Shape) -> bool {
    let is = |word: &str| shape.text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let verb = shape.facts.as_deref().map(|facts| facts.verb);
    verb == Some(Verb::Transaction) && ["COMMIT", "ROLLBACK", "END"].iter().any(|word| is(word))
}
