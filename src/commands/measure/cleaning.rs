//! What must be gone when measuring ends early: servers that were started, and work trees.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use runner::Tree;
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::commands::say;

/// Work trees and the process group of the server; a signal removes and ends them before it ends this program.
#[derive(Clone, Default)]
pub(super) struct Cleaning(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    trees: Vec<Tree>,
    group: Option<Pid>,
}

impl Cleaning {
    /// Listens for signals from now on.
    pub(super) fn begin() -> io::Result<Self> {
        let cleaning = Self::default();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let mine = cleaning.clone();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            if let Some(signal) = signals.forever().next() {
                mine.clean();
                say(format_args!("whyslow: ended by a signal; nothing of this measurement is kept"));
                std::process::exit(128 + signal);
            }
        })?;
        Ok(cleaning)
    }

    /// Makes a work tree and keeps it until measuring ends; a signal meanwhile waits until it is there, to remove it.
    pub(super) fn keep<E>(&self, make: impl FnOnce() -> Result<Tree, E>) -> Result<PathBuf, E> {
        let mut state = self.state();
        let tree = make()?;
        let folder = tree.folder().to_owned();
        state.trees.push(tree);
        Ok(folder)
    }

    /// The process group of the server that runs now.
    pub(super) fn runs(&self, group: Option<Pid>) {
        self.state().group = group;
    }

    /// Ends the server that still runs, and removes all work trees.
    pub(super) fn clean(&self) {
        let mut state = self.state();
        if let Some(group) = state.group.take() {
            // A group that has ended meanwhile needs nothing.
            let _ = kill_process_group(group, Signal::KILL);
        }
        state.trees.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
