//! Traces out of a store, asked for by service and time: kept in temporary files, then read like any other.
//!
//! Everything that a store may do is bounded: the time and the bytes of an answer, how often it is asked again, and
//! how many traces are kept. What was not fetched is told.

mod client;
mod jaeger;
mod kept;
mod tempo;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use detectors::figures::{count, counted};

use self::client::{Client, Place};
use self::kept::Kept;
use crate::ingest::Input;

/// A store that can be asked for traces.
pub struct Store {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line for documentation.
    pub summary: &'static str,
    /// Asks for traces and keeps them.
    fetch: fn(&Client, &Wanted, &mut Kept) -> Result<(), Error>,
}

/// Where stores answer.
const STORE: Place = Place {
    option: "--from",
    example: "http://localhost:16686",
    may_ask: false,
    token: "--token-env or --token-file",
    refused: "a token is given by the variable WHYSLOW_TOKEN, --token-env or --token-file, a tenant by --tenant",
};

/// Where programs give profiles.
const PROGRAM: Place = Place {
    option: "--url",
    example: "http://localhost:6060/debug/pprof/profile",
    may_ask: true,
    token: "--token-env",
    refused: "a token is given by the variable WHYSLOW_TOKEN or --token-env",
};

/// Every store that can be asked.
pub const STORES: &[Store] = &[jaeger::STORE, tempo::STORE];

/// Where a store answers, and what it must be shown.
#[derive(Debug, Clone)]
pub struct Access {
    /// Its address, with the path below which its API lies.
    pub url: String,
    /// What `Authorization` says: `Bearer …` or `Basic …`; a token alone is a bearer's.
    pub token: Option<String>,
    /// Tenant (`X-Scope-OrgID`).
    pub tenant: Option<String>,
    /// Certificates to trust beside those of the system, in PEM.
    pub ca: Option<PathBuf>,
    /// An answer must have come whole within this time.
    pub timeout: Duration,
}

/// Which traces are asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The service that takes part in them.
    pub service: String,
    /// From here on, in microseconds since 1970.
    pub start_us: u64,
    /// Until here.
    pub end_us: u64,
    /// How many at most.
    pub traces_max: usize,
}

impl Wanted {
    /// Traces of a service from the last so much time.
    pub fn since(service: String, since: Duration, traces_max: usize) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Self { service, start_us: us(now.saturating_sub(since)), end_us: us(now), traces_max }
    }
}

/// What a store gave.
pub struct Fetched {
    /// The traces, to be read.
    pub inputs: Vec<Input>,
    /// How many.
    pub traces: usize,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// Why there are no traces.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Misused(String),
    /// It did not answer, or not with traces.
    #[error("asked GET {url}: {problem}")]
    Refused {
        /// What was asked; never with secrets.
        url: String,
        /// What came instead.
        problem: String,
        /// The status of its answer.
        status: Option<u16>,
    },
    /// It has none of these.
    #[error("no traces of {service} at {url}: {hint}")]
    Nothing {
        /// The service.
        service: String,
        /// The store.
        url: String,
        /// What may help.
        hint: String,
    },
    /// What it gave cannot be kept.
    #[error("cannot keep traces in a temporary file (TMPDIR says where): {0}")]
    Kept(#[from] io::Error),
}

/// Asks an address for the one document that it names, such as a profile of a running program.
///
/// # Errors
///
/// When it cannot be asked or does not answer.
pub fn document(access: &Access) -> Result<Vec<u8>, Error> {
    Ok(Client::new(access, &PROGRAM)?.get_itself("*/*")?.body)
}

/// Asks a store for traces.
///
/// # Errors
///
/// When it cannot be asked, does not answer with traces, or has none of these.
pub fn fetch(store: &Store, access: &Access, wanted: &Wanted) -> Result<Fetched, Error> {
    let client = Client::new(access, &STORE)?;
    let mut kept = Kept::new(wanted.traces_max);
    (store.fetch)(&client, wanted, &mut kept)?;
    let traces = kept.traces();
    if traces == 0 {
        let hint = kept
            .hint
            .take()
            .unwrap_or_else(|| "is the name as the store has it, and the time right?".to_owned());
        return Err(Error::Nothing { service: wanted.service.clone(), url: client.shown(), hint });
    }
    if kept.is_full() {
        let limit = count(wanted.traces_max as u64);
        kept.notes.push(format!("the store may have more: {limit} traces were asked for (--limit)"));
    }
    if !kept.gone.is_empty() {
        let gone = counted(kept.gone.len() as u64, "trace");
        kept.notes.push(format!("{gone} could not be had: found, and then not there any more"));
    }
    let (inputs, notes) = kept.finish(store.name)?;
    Ok(Fetched { inputs, traces, notes })
}
