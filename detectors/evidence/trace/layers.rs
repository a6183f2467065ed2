//! Two layers of instrumentation that report the same call: a mapper and its
//! driver, a client and its transport. The outer one's place in the request is
//! kept, the inner one's detail is taken, and the call counts once.

use crate::evidence::shape::Family;
use crate::evidence::{Dictionary, Kind, ShapeRef, Span, Status, UNKNOWN};

/// What an inner span is to the outer one that covers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// Something else.
    Apart,
    /// The same call: the outer one stands for both.
    Same,
    /// The same statement, but the outer one is mostly something else, such as the wait for a
    /// connection: the inner one is the call, the outer one its surroundings.
    Core,
}

/// What `inner` is to `outer`, both recorded by one process.
pub(super) fn layer(outer: &Span, inner: &Span, dictionary: &Dictionary) -> Layer {
    use Kind::{Cache, Connect, Document, Http, LockWait, PoolWait, Publish, Rpc, Sql};
    let (inner_ns, outer_ns) = (inner.end_ns - inner.start_ns, outer.end_ns - outer.start_ns);
    // Calls may have redirects and retries: only one that fills the outer one is that call.
    let mostly = inner_ns.saturating_mul(2) >= outer_ns;
    let same = match (outer.kind, inner.kind) {
        (Sql, Sql) if outer.shape == inner.shape && has_text(outer.shape, dictionary) => {
            // A statement is one statement, however much the mapper adds around it.
            return if inner_ns.saturating_mul(4) >= outer_ns { Layer::Same } else { Layer::Core };
        }
        (Sql, Sql) => mostly && !has_text(outer.shape, dictionary),
        (Sql | Document | Cache | Publish | Rpc | Http, Http) | (Document | Publish | Rpc, Rpc) => mostly,
        (Document, Document) | (Cache, Cache) | (Publish, Publish) => mostly,
        (PoolWait, PoolWait) | (Connect, Connect) | (LockWait, LockWait) => mostly,
        _ => false,
    };
    if same { Layer::Same } else { Layer::Apart }
}

fn has_text(shape: ShapeRef, dictionary: &Dictionary) -> bool {
    dictionary.shape(shape).id.family == Family::Statement
}

/// Takes over what the other layer of a call knows and this one does not.
pub(super) fn take_detail(mine: &mut Span, theirs: &Span, dictionary: &Dictionary) {
    if !mine.values.is_known() {
        mine.values = theirs.values;
    }
    let more = mine.kind == Kind::Sql && theirs.kind == Kind::Sql && !has_text(mine.shape, dictionary);
    if more || mine.shape == ShapeRef::default() {
        mine.shape = theirs.shape;
    }
    for (mine, theirs) in [
        (&mut mine.rows, theirs.rows),
        (&mut mine.response_bytes, theirs.response_bytes),
        (&mut mine.thread, theirs.thread),
    ] {
        if *mine == UNKNOWN {
            *mine = theirs;
        }
    }
    if mine.location.0 == 0 {
        mine.location = theirs.location;
    }
    if mine.target.0 == 0 {
        mine.target = theirs.target;
    }
    if mine.status_code == 0 {
        mine.status_code = theirs.status_code;
    }
    if mine.cache == Default::default() {
        mine.cache = theirs.cache;
    }
    if theirs.status == Status::Error {
        mine.status = Status::Error;
    }
    mine.retries = mine.retries.max(theirs.retries);
    mine.repeats = mine.repeats.max(theirs.repeats);
    mine.body = mine.body.with(theirs.body);
}
