//! What commands that ask a live server have in common.

use std::process::exit;
use std::thread;

use tokio::runtime::Builder;
use whyslow::live::{Interrupts, Problem};

use super::UsageError;

/// A problem with what was given ends as such.
pub(super) fn misused(problem: Problem) -> anyhow::Error {
    match problem {
        Problem::Misused(text) => UsageError(text).into(),
        other => other.into(),
    }
}

/// The signal that ended what was asked of a server.
pub(super) fn interrupted_by(error: &anyhow::Error) -> Option<u8> {
    match error.downcast_ref() {
        Some(Problem::Interrupted(signal)) => Some(*signal),
        _ => None,
    }
}

/// From now on an interrupt ends the program at once. While a server is asked, what it does has to be cancelled first; what
/// was installed for that stays.
pub(super) fn end_at_interrupts() {
    thread::spawn(|| {
        if let Some(signal) = next_interrupt() {
            exit(i32::from(signal) + 128);
        }
    });
}

fn next_interrupt() -> Option<u8> {
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(async { Some(Interrupts::new().ok()?.next().await) })
}
