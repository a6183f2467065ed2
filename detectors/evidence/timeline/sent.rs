//! Requests of traces and statements of databases' logs, side by side in time: which requests send what.

use crate::docket::{EndpointKey, hash_of};
use crate::evidence::trace::{EndpointName, NONE, Trace};
use crate::evidence::{Dictionary, Kind, Recorder, ShapeRef, Symbol};

/// A request while it was open, by the clock of its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Open {
    /// Hash of trace and span.
    pub(crate) request: u64,
    /// That of the request that called it; zero where none did.
    pub(crate) caller: u64,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    /// Of a call that was not traced any further the one that cannot be named.
    pub(crate) endpoint: EndpointKey,
}

/// Executions of a statement, by the clock of its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Executed {
    pub(crate) shape: ShapeRef,
    pub(crate) database: Symbol,
    /// The time in which they lie.
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) extent: Extent,
    pub(crate) executions: u32,
    /// What they took.
    pub(crate) time_ns: u64,
}

/// How much of a session is looked at as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Extent {
    /// What seems to be of one request: its first to its last statement.
    Run,
    /// One execution.
    One,
}

/// The requests of a trace that were recorded themselves, with times that tell what lies within them, and what they call
/// that was not.
pub(super) fn open<'t>(trace: &'t Trace, dictionary: &'t Dictionary) -> impl Iterator<Item = Open> + 't {
    let recorded = trace.requests.iter().filter(|request| {
        let recorder = dictionary.origin(request.opened_by.origin).recorder;
        !request.name.is_made_up() && !request.is_logged() && recorder != Recorder::CoarseLog
    });
    recorded.flat_map(move |request| {
        let endpoint = EndpointKey::of(request, dictionary);
        let own = Open {
            request: hash_of(request.trace, request.span()),
            caller: caller(trace, request.caller),
            start_ns: request.recorded_ns(request.start_ns),
            end_ns: request.recorded_ns(request.end_ns),
            endpoint,
        };
        let calls = trace
            .operations_of(request)
            .iter()
            .filter(|operation| matches!(operation.kind, Kind::Http | Kind::Rpc) && operation.called == NONE);
        let elsewhere = calls.map(move |call| Open {
            request: hash_of(request.trace, call.id),
            caller: own.request,
            start_ns: request.recorded_ns(call.start_ns),
            end_ns: request.recorded_ns(call.end_ns),
            endpoint: EndpointKey { name: EndpointName::Incomplete, ..endpoint },
        });
        std::iter::once(own).chain(elsewhere)
    })
}

/// The request that an operation belongs to: those of one request come after those of the requests before it.
fn caller(trace: &Trace, operation: u32) -> u64 {
    if operation == NONE {
        return 0;
    }
    let place = trace.requests.partition_point(|above| above.operations.end <= operation);
    trace.requests.get(place).map_or(0, |above| hash_of(above.trace, above.span()))
}
