//! Clock skew: a request that another machine's clock has put outside of the call that made it.
//!
//! One clock is shifted as a whole, so that nothing changes its place among what
//! the same machine recorded. From each pair of call and request the shifts that
//! would put the request inside are known; the middle of what all pairs of two
//! clocks allow is taken, as both ways of a round trip are alike as a rule.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::covers::Process;
use super::{Request, Trace};
use crate::evidence::{Dictionary, Span, Symbol};

/// Who keeps the time: a machine, or where that is not said, a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Clock {
    Host(Symbol),
    Process(Process),
}

impl Clock {
    fn of(span: &Span, dictionary: &Dictionary) -> Self {
        match dictionary.origin(span.origin).host {
            Symbol(0) => Self::Process(Process::of(span, dictionary)),
            host => Self::Host(host),
        }
    }
}

/// The shifts that put requests inside of the calls that made them.
#[derive(Debug, Clone, Copy)]
struct Allowed {
    least_ns: i64,
    most_ns: i64,
}

impl Allowed {
    fn by(call: &Span, request: &Request) -> Self {
        let ahead = |of: u64, from: u64| of.wrapping_sub(from).cast_signed();
        let least_ns = ahead(call.start_ns, request.start_ns);
        let most_ns = ahead(call.end_ns, request.end_ns);
        // A request that outlasts its call, or that nobody waits for, only cannot begin before it.
        let most_ns = if request.waited_for && most_ns >= least_ns { most_ns } else { i64::MAX };
        Self { least_ns, most_ns }
    }

    fn and(self, other: Self) -> Self {
        Self { least_ns: self.least_ns.max(other.least_ns), most_ns: self.most_ns.min(other.most_ns) }
    }

    /// Without a shift; then all that are met are met together.
    fn is_met(self) -> bool {
        self.least_ns <= 0 && self.most_ns >= 0
    }

    fn shift_ns(self) -> i64 {
        match self {
            met if met.is_met() => 0,
            Self { least_ns, most_ns: i64::MAX } => least_ns,
            Self { least_ns, most_ns } => least_ns.midpoint(most_ns),
        }
    }
}

/// Shifts clocks so that requests lie inside of the calls that made them.
pub(super) fn undo(trace: &mut Trace, dictionary: &Dictionary) {
    let is_inside = |request: &Request| {
        let call = trace.operations.get(request.caller as usize);
        call.is_none_or(|call| Allowed::by(&call.span, request).is_met())
    };
    if trace.requests.iter().all(is_inside) {
        return;
    }
    let clocks: Vec<Clock> =
        trace.requests.iter().map(|request| Clock::of(&request.opened_by, dictionary)).collect();
    let calls: Vec<Option<Clock>> = trace
        .requests
        .iter()
        .map(|request| trace.operations.get(request.caller as usize))
        .map(|call| call.map(|call| Clock::of(&call.span, dictionary)))
        .collect();
    let mut pairs: FxHashMap<(Clock, Clock), Allowed> = FxHashMap::default();
    for ((request, there), here) in trace.requests.iter().zip(&clocks).zip(&calls) {
        let Some(here) = here.filter(|here| here != there) else { continue };
        let allowed = Allowed::by(&trace.operations[request.caller as usize].span, request);
        pairs.entry((here, *there)).and_modify(|known| *known = known.and(allowed)).or_insert(allowed);
    }
    if pairs.values().all(|allowed| allowed.shift_ns() == 0) {
        return;
    }
    let mut shifts: FxHashMap<Clock, i64> = FxHashMap::default();
    for (number, (there, here)) in clocks.iter().zip(&calls).enumerate() {
        // A caller comes before those it calls, so its clock is known; the first pair decides.
        let pair = here.and_then(|here| Some((here, pairs.get(&(here, *there))?)));
        let from_caller = pair.map(|(here, allowed)| {
            shifts.get(&here).copied().unwrap_or(0).saturating_add(allowed.shift_ns())
        });
        let shift_ns = *shifts.entry(*there).or_insert(from_caller.unwrap_or(0));
        shift(trace, number, shift_ns);
    }
}

fn shift(trace: &mut Trace, number: usize, shift_ns: i64) {
    if shift_ns == 0 {
        return;
    }
    trace.skew_ns = trace.skew_ns.max(shift_ns.unsigned_abs());
    let moved = |time_ns: u64| time_ns.saturating_add_signed(shift_ns);
    let request = &mut trace.requests[number];
    (request.start_ns, request.end_ns) = (moved(request.start_ns), moved(request.end_ns));
    for operation in &mut trace.operations[range(&request.operations)] {
        operation.span.start_ns = moved(operation.span.start_ns);
        operation.span.end_ns = moved(operation.span.end_ns);
    }
}

fn range(numbers: &Range<u32>) -> Range<usize> {
    numbers.start as usize..numbers.end as usize
}
