//! What every session is set to before anything else is asked.

use std::time::Duration;

/// How long statements and waits for locks may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// One statement.
    pub statement: Duration,
    /// A wait for a lock.
    pub lock: Duration,
}

impl Default for Limits {
    /// A catalogue is read in milliseconds: what takes 30 s waits for something.
    fn default() -> Self {
        Self { statement: Duration::from_secs(30), lock: Duration::from_secs(2) }
    }
}

impl Limits {
    /// Settings that a session begins with, as `options` of its connection: it changes nothing, waits for nobody long, and
    /// reads literals as they are written.
    ///
    /// They are no `SET`, which a pooler of connections would leave to the next client.
    pub(super) fn options(&self) -> String {
        format!(
            "-c default_transaction_read_only=on -c statement_timeout={} -c lock_timeout={} \
             -c idle_in_transaction_session_timeout=60000 -c standard_conforming_strings=on -c DateStyle=ISO \
             -c client_min_messages=error",
            self.statement.as_millis().max(1),
            self.lock.as_millis().max(1),
        )
    }
}
