//! Starts that were cut to whole milliseconds, and times that were rounded to microseconds.
//!
//! Some runtimes take a span's start from a clock of whole milliseconds and add a duration measured
//! to the nanosecond (OpenTelemetry for Node.js does). Calls that follow one another then seem to
//! overlap by less than a millisecond. Formats of whole microseconds may round the start of a call down
//! and the end of the one before it up: then they overlap by one.

use super::{Operation, Trace};

const STEP_NS: u64 = 1_000_000;

const MICROSECOND_NS: u64 = 1_000;

/// Operations before one that are looked at for the end of its predecessor.
const LOOK_BACK: usize = 8;

/// Moves a cut start to the end of the sibling that it seems to overlap.
pub(super) fn undo(trace: &mut Trace) {
    for request in &trace.requests {
        let operations =
            &mut trace.operations[request.operations.start as usize..request.operations.end as usize];
        for place in 1..operations.len() {
            if let Some(step_ns) = step_ns(&operations[place])
                && let Some(end_ns) = end_of_predecessor(&operations[..=place], step_ns)
            {
                operations[place].span.start_ns = end_ns;
            }
        }
    }
}

/// How far an operation may have begun after its start.
fn step_ns(operation: &Operation) -> Option<u64> {
    // Most clocks tell more than microseconds.
    if !operation.start_ns.is_multiple_of(MICROSECOND_NS) {
        return None;
    }
    let are_whole = |unit| (operation.start_ns.is_multiple_of(unit), operation.end_ns.is_multiple_of(unit));
    match (are_whole(STEP_NS), are_whole(MICROSECOND_NS)) {
        ((true, false), _) => Some(STEP_NS),
        (_, (true, true)) => Some(MICROSECOND_NS + 1),
        _ => None,
    }
}

/// The end of an earlier sibling within the step in which the last operation starts.
fn end_of_predecessor(operations: &[Operation], step_ns: u64) -> Option<u64> {
    let (last, before) = operations.split_last()?;
    let siblings = before.iter().rev().take(LOOK_BACK).filter(|other| other.parent == last.parent);
    let ends = siblings.map(|other| other.end_ns);
    ends.filter(|&end_ns| end_ns > last.start_ns && end_ns < last.start_ns + step_ns && end_ns < last.end_ns)
        .max()
}
