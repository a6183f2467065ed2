//! The command that is run: started, waited for, and told of the signals that were meant for it.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::environment::Environment;
use super::events::{Event, Events};

/// After its time is up a command is asked to end, and killed when it has not after this.
const GRACE: Duration = Duration::from_secs(10);

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ending {
    /// Its exit code, or 128 and the signal that ended it, as shells have it.
    pub(super) code: u8,
    /// We ended it, because its time was up.
    pub(super) by_us: bool,
    /// It was killed without a chance to send what it held.
    pub(super) killed: bool,
}

/// Starts a command in our process group: the terminal stays its own.
pub(super) fn start(command: &[OsString], environment: &Environment) -> io::Result<Child> {
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut child = Command::new(program);
    child.args(arguments);
    for name in &environment.removed {
        child.env_remove(name);
    }
    child.envs(environment.set.iter().map(|(name, value)| (name, value)));
    child.spawn()
}

/// Waits until the command ends; after `time_max` it is ended.
pub(super) fn wait(child: &mut Child, events: &Events, time_max: Option<Duration>) -> io::Result<Ending> {
    let pid = Pid::from_child(child);
    let mut deadline = time_max.and_then(|time| Instant::now().checked_add(time));
    let mut by_us = false;
    loop {
        match events.next(deadline) {
            Event::ChildEnded => break,
            Event::Signal { number, sent_by_process: true } => forward(pid, number),
            Event::Signal { .. } => {}
            Event::TimeUp => {
                let signal = if by_us { Signal::KILL } else { Signal::TERM };
                // A child that has ended meanwhile is reported by the next event.
                let _ = kill_process(pid, signal);
                deadline = (!by_us).then(|| Instant::now() + GRACE);
                by_us = true;
            }
        }
    }
    let status = child.wait()?;
    Ok(Ending { code: code_of(status), by_us, killed: status.signal() == Some(Signal::KILL.as_raw()) })
}

fn forward(pid: Pid, number: i32) {
    if let Some(signal) = Signal::from_named_raw(number) {
        // A child that has ended meanwhile is reported by the next event.
        let _ = kill_process(pid, signal);
    }
}

fn code_of(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}
