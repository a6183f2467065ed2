//! One trace spread over stacks.

use super::{ROOT, Stacks, Step, is_below_its_caller};
use crate::evidence::Dictionary;
use crate::evidence::trace::{NONE, Operation, Request, Trace};

/// A stretch of time, from and to in nanoseconds.
type Stretch = (u64, u64);

/// Scratch space, reused from trace to trace.
#[derive(Debug, Default)]
pub(super) struct Spread {
    /// Where each request and each operation is among the stacks.
    requests: Vec<u32>,
    operations: Vec<u32>,
    /// What of each request its root's critical path waits for, the latest first.
    waited: Vec<Vec<Stretch>>,
    /// Up to when what is within each request and each operation is covered.
    request_covered: Vec<u64>,
    operation_covered: Vec<u64>,
}

impl Spread {
    /// Adds each request to the stacks; callers come before those that they call.
    pub(super) fn trace(&mut self, trace: &Trace, dictionary: &Dictionary, stacks: &mut Stacks) {
        self.clear(trace);
        for (number, request) in trace.requests.iter().enumerate() {
            self.place(trace, number, dictionary, stacks);
            self.path(trace, number, request, stacks);
            self.work(trace, number, request, stacks);
        }
    }

    fn clear(&mut self, trace: &Trace) {
        let (requests, operations) = (trace.requests.len(), trace.operations.len());
        for (column, length) in [(&mut self.requests, requests), (&mut self.operations, operations)] {
            column.clear();
            column.resize(length, ROOT);
        }
        self.request_covered.clear();
        self.request_covered.extend(trace.requests.iter().map(|request| request.start_ns));
        self.operation_covered.clear();
        self.operation_covered.extend(trace.operations.iter().map(|operation| operation.span.start_ns));
        self.waited.iter_mut().for_each(Vec::clear);
        self.waited.resize_with(self.waited.len().max(requests), Vec::new);
    }

    /// Finds the stack of a request and those of its operations, and counts them.
    fn place(&mut self, trace: &Trace, number: usize, dictionary: &Dictionary, stacks: &mut Stacks) {
        let request = &trace.requests[number];
        let above = match is_below_its_caller(request) {
            true => self.operations[request.caller as usize],
            false => ROOT,
        };
        let place = stacks.below(above, Step::of_request(request, dictionary));
        stacks.own(place).times += 1;
        self.requests[number] = place;
        for own in request.operations.clone() {
            let operation = &trace.operations[own as usize];
            // A parent starts no later than its child and so has the smaller number.
            let above = match operation.parent {
                NONE => place,
                parent => self.operations[parent as usize],
            };
            let below = stacks.below(above, Step::of_operation(operation));
            stacks.own(below).times += u64::from(operation.repeats.max(1));
            self.operations[own as usize] = below;
        }
    }

    /// Spreads what is waited for of a request: over its operations, and over the requests that they call.
    fn path(&mut self, trace: &Trace, number: usize, request: &Request, stacks: &mut Stacks) {
        let mut waited = std::mem::take(&mut self.waited[number]);
        if !is_below_its_caller(request) {
            waited.push((request.start_ns, request.end_ns));
        }
        let mut stretches = waited.iter().copied().peekable();
        for segment in trace.path_of(request) {
            while let Some(&(from, to)) = stretches.peek() {
                let common = (segment.start_ns.max(from), segment.end_ns.min(to));
                if common.0 < common.1 {
                    self.segment(trace, number, segment.operation, common, stacks);
                }
                if from < segment.start_ns {
                    break;
                }
                stretches.next();
            }
        }
        self.waited[number] = waited;
    }

    /// A stretch that one operation, or the request itself, was waited for.
    fn segment(&mut self, trace: &Trace, request: usize, operation: u32, at: Stretch, stacks: &mut Stacks) {
        let Some(waited_for) = trace.operations.get(operation as usize) else {
            // What a client does between two statements of a log is not recorded.
            if !trace.requests[request].is_logged() {
                stacks.own(self.requests[request]).path_ns += at.1 - at.0;
            }
            return;
        };
        let within = called(trace, waited_for, operation, at);
        if let Some((called, stretch)) = within {
            self.waited[called].push(stretch);
        }
        let within_ns = within.map_or(0, |(_, (from, to))| to - from);
        stacks.own(self.operations[operation as usize]).path_ns += at.1 - at.0 - within_ns;
    }

    /// Adds the time of a request and of its operations, less that of what is within them.
    fn work(&mut self, trace: &Trace, number: usize, request: &Request, stacks: &mut Stacks) {
        let place = self.requests[number];
        if !request.is_logged() {
            stacks.own(place).work_ns += request.duration_ns();
        }
        if is_below_its_caller(request) {
            let caller = &trace.operations[request.caller as usize].span;
            let covered = &mut self.operation_covered[request.caller as usize];
            let within_ns = cover(covered, (request.start_ns, request.end_ns), caller.end_ns);
            take(stacks, self.operations[request.caller as usize], within_ns);
        }
        for own in request.operations.clone() {
            let operation = &trace.operations[own as usize];
            stacks.own(self.operations[own as usize]).work_ns += operation.duration_ns();
            let at = (operation.span.start_ns, operation.span.end_ns);
            match operation.parent {
                NONE if request.is_logged() => {}
                NONE => {
                    let within_ns = cover(&mut self.request_covered[number], at, request.end_ns);
                    take(stacks, place, within_ns);
                }
                parent => {
                    let end_ns = trace.operations[parent as usize].span.end_ns;
                    let within_ns = cover(&mut self.operation_covered[parent as usize], at, end_ns);
                    take(stacks, self.operations[parent as usize], within_ns);
                }
            }
        }
    }
}

/// The request that an operation calls and waits for, with the part of a stretch that it takes.
fn called(
    trace: &Trace,
    operation: &Operation,
    number: u32,
    (from, to): Stretch,
) -> Option<(usize, Stretch)> {
    let called = operation.called as usize;
    let request =
        trace.requests.get(called).filter(|request| request.caller == number && request.waited_for)?;
    let stretch = (request.start_ns.max(from), request.end_ns.min(to));
    (stretch.0 < stretch.1).then_some((called, stretch))
}

/// How much of a stretch nothing before it has covered; what it is within ends at `end_ns`.
fn cover(covered_ns: &mut u64, (from, to): Stretch, end_ns: u64) -> u64 {
    let to = to.min(end_ns);
    let new_ns = to.saturating_sub(from.max(*covered_ns));
    *covered_ns = to.max(*covered_ns);
    new_ns
}

/// Takes work away that was added before, as a whole operation's.
fn take(stacks: &mut Stacks, place: u32, within_ns: u64) {
    let own = stacks.own(place);
    own.work_ns = own.work_ns.saturating_sub(within_ns);
}
