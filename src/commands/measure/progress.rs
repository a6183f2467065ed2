//! What is measured just now, on one line of a terminal: runs take long.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The time between two lines.
const EVERY: Duration = Duration::from_millis(500);

/// Back to the line's start, and clear it.
const CLEAR: &str = "\r\u{1b}[K";

/// Which runs are made, and how long they took.
pub(super) struct Progress {
    is_shown: bool,
    all: u32,
    done: u32,
    took: Duration,
    /// How long a run takes at least, before one is known.
    least: Duration,
}

impl Progress {
    /// Nothing is shown where nobody looks, and where commands write themselves.
    pub(super) fn of(all: u32, least: Duration, is_verbose: bool) -> Self {
        let is_shown = !is_verbose && io::stderr().is_terminal();
        Self { is_shown, all, done: 0, took: Duration::ZERO, least }
    }

    /// Makes a run, and shows meanwhile how far it is.
    pub(super) fn during<T>(&mut self, name: &str, run: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let shown = self.is_shown.then(|| Line::show(self.line(name)));
        let made = run();
        drop(shown);
        self.done += 1;
        self.took += begun.elapsed();
        made
    }

    fn line(&self, name: &str) -> impl Fn(Duration) -> String + Send + use<> {
        let each = self.took.checked_div(self.done).unwrap_or(self.least);
        let left = each * (self.all - self.done);
        let name = name.to_owned();
        move |since| {
            let mut line = format!("{name}: {} s", since.as_secs());
            if !each.is_zero() {
                let _ = write!(line, " of about {:.0} s", each.as_secs_f64().max(1.0));
                let _ = write!(line, "; all are done in {}", words(left.saturating_sub(since)));
            }
            line
        }
    }
}

/// `40 s`, `12 min`.
fn words(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..100 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

/// A line that is written again and again until this is dropped.
struct Line {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Line {
    fn show(text: impl Fn(Duration) -> String + Send + 'static) -> Self {
        let (end, ended) = channel::<()>();
        let begun = Instant::now();
        let show = move || {
            while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                // Whoever closed stderr does not want to know.
                let _ = write!(io::stderr().lock(), "{CLEAR}{}", text(begun.elapsed()));
            }
            let _ = write!(io::stderr().lock(), "{CLEAR}");
        };
        // Without a thread nothing is shown.
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(show).ok();
        Self { end: Some(end), thread }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A line that could not be written is no reason to end.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_by_the_runs_that_were_made() {
        let mut progress =
            Progress { is_shown: false, all: 4, done: 0, took: Duration::ZERO, least: Duration::ZERO };
        let since = Duration::from_secs(3);
        assert_eq!(progress.line("run 1 of 4")(since), "run 1 of 4: 3 s");
        progress.least = Duration::from_secs(10);
        assert_eq!(progress.line("run 1 of 4")(since), "run 1 of 4: 3 s of about 10 s; all are done in 37 s");
        assert_eq!(progress.during("run 1 of 4", || 7), 7);
        (progress.took, progress.done) = (Duration::from_secs(200), 2);
        assert_eq!(
            progress.line("run 3 of 4, after")(since),
            "run 3 of 4, after: 3 s of about 100 s; all are done in 4 min"
        );
    }
}
