//! Reads of caches within one request, and whether each found its value.

use super::trace::{NONE, Operation, Request, Trace};
use super::{CacheResult, Dictionary, Kind};

/// Commands that read one value, as they are written in shapes.
const READS: [&str; 4] = ["GET", "GETEX", "HGET", "HGETALL"];

/// Commands that write one value.
const FILLS: [&str; 7] = ["SET", "SETEX", "PSETEX", "SETNX", "ADD", "HSET", "HMSET"];

/// Reads that a write is compared with, the last ones.
const LOOK_BACK: usize = 64;

/// A read of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheRead {
    /// Number in [`Trace::operations`].
    pub(crate) operation: u32,
    /// Whether the value was there. Where the instrumentation does not say, a value that the same request
    /// writes afterwards was not.
    pub(crate) found: CacheResult,
    /// The write of the value that was missing; [`NONE`] if there is none.
    pub(crate) filled_by: u32,
}

/// The reads of a request, in time order.
pub(crate) fn cache_reads(trace: &Trace, request: &Request, dictionary: &Dictionary) -> Vec<CacheRead> {
    let mut reads: Vec<CacheRead> = Vec::new();
    for number in request.operations.clone() {
        let operation = &trace.operations[number as usize];
        if operation.kind != Kind::Cache {
            continue;
        }
        let (command, key) = words(operation, dictionary);
        if READS.contains(&command) || operation.cache != CacheResult::Unknown {
            reads.push(CacheRead { operation: number, found: operation.cache, filled_by: NONE });
        } else if FILLS.contains(&command) {
            let is_filled = |read: &&mut CacheRead| {
                let earlier = &trace.operations[read.operation as usize];
                let open = read.filled_by == NONE && read.found != CacheResult::Hit;
                open && earlier.end_ns <= operation.start_ns
                    && earlier.target == operation.target
                    && words(earlier, dictionary).1 == key
            };
            if let Some(read) = reads.iter_mut().rev().take(LOOK_BACK).find(is_filled) {
                (read.filled_by, read.found) = (number, CacheResult::Miss);
            }
        }
    }
    reads
}

/// The command, and what its shape keeps of the key.
fn words<'d>(operation: &Operation, dictionary: &'d Dictionary) -> (&'d str, &'d str) {
    let text = &*dictionary.shape(operation.shape).text;
    text.split_once(' ').unwrap_or((text, ""))
}
