//! What `run` waits for: signals to this process and the end of the child.

use std::io;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::emulate_default_handler;

/// Signals that are taken over while the child runs. A stop from the terminal (SIGTSTP) is not
/// among them: the kernel sends it to the whole process group, child included, and stopping us
/// with it is right.
const TAKEN_OVER: [i32; 6] = [SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2];

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A signal came in.
    Signal {
        /// Its number.
        number: i32,
        /// Sent to us by a process; one of the terminal has reached the child already.
        sent_by_process: bool,
    },
    /// The child ended and can be reaped.
    ChildEnded,
    /// The time was up first.
    TimeUp,
}

/// The source of events.
pub(super) struct Events {
    sender: Sender<Event>,
    receiver: Receiver<Event>,
    let_go: Arc<AtomicBool>,
}

impl Events {
    /// Takes the signals over.
    pub(super) fn listen() -> io::Result<Self> {
        let (sender, receiver) = channel();
        let let_go = Arc::new(AtomicBool::new(false));
        let ignored = ignored_signals();
        let numbers = TAKEN_OVER.into_iter().filter(|number| ignored & (1 << (number - 1)) == 0);
        let signals = SignalsInfo::<WithOrigin>::new(numbers)?;
        let forward = (sender.clone(), Arc::clone(&let_go));
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || relay(signals, &forward.0, &forward.1))?;
        Ok(Self { sender, receiver, let_go })
    }

    /// Reports the end of a child, leaving it to be reaped: its id stays valid until then.
    pub(super) fn watch(&self, child: &Child) -> io::Result<()> {
        let pid = Pid::from_child(child);
        let sender = self.sender.clone();
        thread::Builder::new()
            .name("child".to_owned())
            .spawn(move || {
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
                while waitid(WaitId::Pid(pid), options).err() == Some(rustix::io::Errno::INTR) {}
                // The program is ending when nobody listens.
                let _ = sender.send(Event::ChildEnded);
            })
            .map(drop)
    }

    /// The next event, or [`Event::TimeUp`] at the deadline.
    pub(super) fn next(&self, deadline: Option<Instant>) -> Event {
        let received = match deadline {
            None => self.receiver.recv().map_err(RecvTimeoutError::from),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                self.receiver.recv_timeout(left)
            }
        };
        received.unwrap_or(Event::TimeUp)
    }

    /// From now on a signal ends this process as if it had not been taken over.
    pub(super) fn let_go(&self) {
        self.let_go.store(true, Ordering::SeqCst);
    }
}

fn relay(mut signals: SignalsInfo<WithOrigin>, sender: &Sender<Event>, let_go: &AtomicBool) {
    for origin in signals.forever() {
        if let_go.load(Ordering::SeqCst) {
            // Ends the process; where it cannot there is nothing better to do.
            let _ = emulate_default_handler(origin.signal);
        }
        let event = Event::Signal { number: origin.signal, sent_by_process: origin.process.is_some() };
        if sender.send(event).is_err() {
            return;
        }
    }
}

/// Signals this process was told to ignore (`nohup`, background jobs): a child inherits that, but
/// only as long as no handler takes its place. Bit n-1 stands for signal n; none is known to be
/// ignored where `/proc` does not say.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
