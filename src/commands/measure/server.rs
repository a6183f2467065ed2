//! The server that is measured: started for a run and stopped after it.

use std::ffi::OsString;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use super::cleaning::Cleaning;
use crate::commands::run::Environment;

/// A server that does not listen after this time is taken for broken.
const START_MAX: Duration = Duration::from_secs(60);

/// After this time a server that was asked to end is killed.
const END_MAX: Duration = Duration::from_secs(10);

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A server that runs; it is stopped when this is dropped.
pub(super) struct Server<'c> {
    child: Child,
    address: String,
    cleaning: &'c Cleaning,
}

impl<'c> Server<'c> {
    /// Starts a command in a process group of its own, and waits until something listens at the address.
    pub(super) fn start(
        command: &[OsString],
        environment: &Environment,
        folder: &Path,
        address: &str,
        is_shown: bool,
        cleaning: &'c Cleaning,
    ) -> anyhow::Result<Self> {
        if is_listening(address) {
            bail!("something listens at {address} already: with --start the server is started for each run");
        }
        let (program, arguments) = command.split_first().context("no command to start")?;
        let mut started = Command::new(program);
        started.args(arguments).current_dir(folder).process_group(0).stdin(Stdio::null());
        environment.removed.iter().for_each(|name| {
            started.env_remove(name);
        });
        started.envs(environment.set.iter().map(|(name, value)| (name, value)));
        if !is_shown {
            started.stdout(Stdio::null()).stderr(Stdio::null());
        }
        let child = started.spawn().context("cannot start the server")?;
        cleaning.runs(Some(Pid::from_child(&child)));
        let mut server = Self { child, address: address.to_owned(), cleaning };
        server.wait_until_it_listens(address)?;
        Ok(server)
    }

    fn wait_until_it_listens(&mut self, address: &str) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !is_listening(address) {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended before it listened at {address}: {status} (-v shows what it writes)");
            }
            if begun.elapsed() > START_MAX {
                bail!("nothing listens at {address} {} s after --start", START_MAX.as_secs());
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Whether it still runs.
    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.child);
        // A group that has ended meanwhile needs no signal.
        let _ = kill_process_group(group, Signal::TERM);
        let asked = Instant::now();
        while self.is_running() && asked.elapsed() < END_MAX {
            thread::sleep(LOOK_EVERY);
        }
        // Also what the server left behind.
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
        // Processes that it has started are no children of this one: the next server needs what they let go of.
        let killed = Instant::now();
        while is_listening(&self.address) && killed.elapsed() < END_MAX {
            thread::sleep(LOOK_EVERY);
        }
        self.cleaning.runs(None);
    }
}

fn is_listening(address: &str) -> bool {
    let addresses = address.to_socket_addrs().into_iter().flatten();
    addresses.into_iter().any(|address| {
        let connected = TcpStream::connect_timeout(&address, Duration::from_secs(1));
        // Where nothing listens, a connection may be given the very port it asks for, and so reach itself.
        connected.is_ok_and(|stream| stream.local_addr().is_ok_and(|own| own != address))
    })
}
