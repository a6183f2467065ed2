//! Plans that logs tell of their statements: of each that of the slowest execution.

use detectors::evidence::{ShapeRef, SpanId};
use detectors::figures::counted;

use crate::ingest::Kept;
use crate::ingest::plans::{Found, KeptPlans, read};

/// A plan that a log tells.
#[derive(Debug)]
pub(crate) struct LoggedPlan {
    /// Its statement.
    pub(crate) shape: ShapeRef,
    /// What the execution took, in nanoseconds.
    pub(crate) took_ns: u64,
    /// The line that tells it.
    pub(crate) line: SpanId,
    /// The plan.
    pub(crate) found: Found,
}

/// Reads plans one after another. Says what there is to know of those that could not be read or were not kept.
pub(crate) fn each(
    kept: KeptPlans,
    shape: impl Fn(ShapeRef) -> ShapeRef,
    mut take: impl FnMut(LoggedPlan),
) -> Vec<String> {
    let (left_out, mut unread) = (kept.left_out(), 0);
    for (shape, kept) in kept.settle(shape) {
        match plan(shape, &kept) {
            Some(plan) => take(plan),
            None => unread += 1,
        }
    }
    let unread = (unread > 0).then(|| format!("{} in logs could not be read", counted(unread, "plan")));
    let left_out = (left_out > 0).then(|| {
        format!("{} in logs were left out, as they are too long or too many", counted(left_out, "plan"))
    });
    unread.into_iter().chain(left_out).collect()
}

fn plan(shape: ShapeRef, kept: &Kept<Box<[u8]>>) -> Option<LoggedPlan> {
    let found = read(&kept.kept).ok()?.into_iter().next()?;
    Some(LoggedPlan { shape, took_ns: kept.took_ns(), line: kept.line(), found })
}
