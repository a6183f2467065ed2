//! What commands that ask a live server have in common.

use whyslow::live::Problem;

use super::UsageError;

/// A problem with what was given ends as such.
pub(super) fn misused(problem: Problem) -> anyhow::Error {
    match problem {
        Problem::Misused(text) => UsageError(text).into(),
        other => other.into(),
    }
}
