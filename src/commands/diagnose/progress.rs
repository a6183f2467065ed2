//! How far it is, on one line of a terminal, when it takes long.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use whyslow::diagnosis::Progress;

/// Shorter runs say nothing.
const QUIET: Duration = Duration::from_secs(1);

/// The time between two lines.
const EVERY: Duration = Duration::from_millis(200);

/// Back to the line's start, and clear it.
const CLEAR: &str = "\r\u{1b}[K";

/// Does long work, and shows how far it is.
pub(crate) fn shown<T>(work: impl FnOnce(&(dyn Fn(Progress) + Sync)) -> T) -> T {
    let shown = Shown::new();
    let done = work(&|progress| shown.update(progress));
    shown.end();
    done
}

/// The line on the terminal.
struct Shown {
    terminal: bool,
    start: Instant,
    last: Mutex<Option<Instant>>,
}

impl Shown {
    fn new() -> Self {
        Self { terminal: io::stderr().is_terminal(), start: Instant::now(), last: Mutex::new(None) }
    }

    /// Shows it, if the last time is long enough ago; another thread that shows it now is not waited for.
    fn update(&self, progress: Progress) {
        if !self.terminal || self.start.elapsed() < QUIET {
            return;
        }
        let Ok(mut last) = self.last.try_lock() else { return };
        let read = progress.bytes_total.is_some_and(|total| progress.bytes >= total);
        if !read && last.is_some_and(|last| last.elapsed() < EVERY) {
            return;
        }
        *last = Some(Instant::now());
        // Whoever closed stderr does not want to know.
        let _ = write!(io::stderr().lock(), "{CLEAR}{}", line(progress));
    }

    /// Takes the line away.
    fn end(&self) {
        if self.last.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            let _ = write!(io::stderr().lock(), "{CLEAR}");
        }
    }
}

fn line(progress: Progress) -> String {
    let Progress { bytes, bytes_total } = progress;
    let read = format!("{} MB", bytes / 1_000_000);
    match bytes_total {
        Some(total) if bytes >= total => format!("looking for causes in {read}"),
        Some(total) => format!("reading {:3} %: {read}", bytes.min(total) * 100 / total),
        _ => format!("reading: {read}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_told_where_the_end_is_known() {
        let known = Progress { bytes: 50_000_000, bytes_total: Some(200_000_000) };
        assert_eq!(line(known), "reading  25 %: 50 MB");
        assert_eq!(line(Progress { bytes: 200_000_000, ..known }), "looking for causes in 200 MB");
        assert_eq!(line(Progress { bytes_total: None, ..known }), "reading: 50 MB");
    }
}
