//! Load by HTTP in an open loop.
//!
//! Requests are due at a rate that does not depend on answers, as those of users are. A request that cannot be sent when it is
//! due, because all connections wait for answers, waits too, and this counts: its duration begins when it was due. So a server
//! that stalls does not hide it (coordinated omission).

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use measurement::{Histogram, Latency, Load, Run, Sample};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Url};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// The highest rate, in requests in 1,000 seconds.
pub const RATE_MILLI_MAX: u64 = 100_000_000;

/// The most connections.
pub const CONNECTIONS_MAX: u32 = 1_000;

/// The longest time of a run.
pub const DURATION_MAX: Duration = Duration::from_secs(3_600);

/// What is asked, and how.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Addresses, asked in turns.
    pub targets: Vec<Target>,
    /// Requests in 1,000 seconds, of all targets together.
    pub rate_milli: u64,
    /// How long it is measured.
    pub duration: Duration,
    /// How long requests are sent before, without being measured.
    pub warm_up: Duration,
    /// Requests that may be under way at a time.
    pub connections: u32,
    /// The time that one answer may take.
    pub timeout: Duration,
}

/// One address.
#[derive(Debug, Clone)]
pub struct Target {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
}

/// Why a target cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It is no address.
    #[error("{0}: expected an address such as http://localhost:8080/orders, or POST and such an address")]
    NotAnAddress(String),
    /// It holds a user or a password, which every list of processes would show.
    #[error("the address holds a user or a password; give them in a header")]
    Credentials,
    /// It is on another machine.
    #[error("{0} is not this machine: --allow-host {0} says that load may be put on it")]
    Elsewhere(String),
    /// A header that cannot be sent; its value is not shown.
    #[error("--header {0}: expected a name, a colon and a value")]
    Header(String),
    /// A bound of the load.
    #[error("{0}")]
    Bound(String),
    /// The client cannot be made.
    #[error("cannot make an HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// Neither the network nor the clock can be used.
    #[error("cannot start: {0}")]
    Runtime(#[from] std::io::Error),
}

impl Target {
    /// Reads `http://localhost/orders` or `POST http://localhost/orders`; only loopback addresses and `allowed` hosts.
    ///
    /// # Errors
    ///
    /// No such address, one with a password, or one elsewhere.
    pub fn parse(text: &str, allowed: &[String]) -> Result<Self, Problem> {
        let (method, address) = text.split_once(' ').unwrap_or(("GET", text));
        let not_an_address = || Problem::NotAnAddress(text.to_owned());
        let url = Url::parse(address).map_err(|_| not_an_address())?;
        let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
        if !is_method || !matches!(url.scheme(), "http" | "https") {
            return Err(not_an_address());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Problem::Credentials);
        }
        let host = url.host_str().ok_or_else(not_an_address)?;
        if !is_loopback(host) && !allowed.iter().any(|allowed| allowed == host) {
            return Err(Problem::Elsewhere(host.to_owned()));
        }
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| not_an_address())?;
        Ok(Self { method, url, headers: HeaderMap::new(), body: None })
    }

    /// Adds a header, given as `Name: value`.
    ///
    /// # Errors
    ///
    /// A text that is no header.
    pub fn header(mut self, text: &str) -> Result<Self, Problem> {
        let (name, value) = text.split_once(':').ok_or_else(|| Problem::Header("…".to_owned()))?;
        let refused = || Problem::Header(name.to_owned());
        let header = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| refused())?;
        let mut value = HeaderValue::from_str(value.trim()).map_err(|_| refused())?;
        value.set_sensitive(true);
        self.headers.append(header, value);
        Ok(self)
    }

    /// Sends this body.
    pub fn body(mut self, body: Option<Vec<u8>>) -> Self {
        self.body = body;
        self
    }

    /// Method and path, as endpoints are named: `GET /orders`.
    pub fn subject(&self) -> String {
        format!("{} {}", self.method, self.url.path())
    }

    /// Host and port, to see whether something listens there.
    pub fn address(&self) -> String {
        let port = self.url.port_or_known_default().unwrap_or(80);
        format!("{}:{port}", self.url.host_str().unwrap_or_default())
    }

    /// Method and address without the values of its query.
    pub fn shown(&self) -> String {
        let mut url = self.url.clone();
        let names: Vec<String> = self.url.query_pairs().map(|(name, _)| format!("{name}=…")).collect();
        url.set_query(None);
        let query = if names.is_empty() { String::new() } else { format!("?{}", names.join("&")) };
        format!("{} {url}{query}", self.method)
    }
}

/// Names of this machine are those that nobody else can have.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Offer {
    /// Checks the bounds: no load without an end, and none that this machine cannot offer.
    ///
    /// # Errors
    ///
    /// The bound that is passed.
    pub fn check(&self) -> Result<(), Problem> {
        let bound = |text: String| Err(Problem::Bound(text));
        if self.targets.is_empty() {
            return bound("no address is given".to_owned());
        }
        if self.rate_milli == 0 || self.rate_milli > RATE_MILLI_MAX {
            return bound(format!(
                "a rate is above 0 and at most {} requests a second",
                RATE_MILLI_MAX / 1_000
            ));
        }
        if self.duration.is_zero() || self.duration + self.warm_up > DURATION_MAX {
            return bound(format!("a run takes more than nothing and at most {} s", DURATION_MAX.as_secs()));
        }
        if self.connections == 0 || self.connections > CONNECTIONS_MAX {
            return bound(format!("there are between 1 and {CONNECTIONS_MAX} connections"));
        }
        Ok(())
    }

    /// Requests that are sent before any is measured.
    pub fn warm_up_requests(&self) -> u64 {
        let milli = self.warm_up.as_nanos().saturating_mul(u128::from(self.rate_milli));
        u64::try_from(milli.div_ceil(1_000_000_000_000)).unwrap_or(u64::MAX)
    }

    /// When a request is due, from the begin.
    fn due(&self, index: u64) -> Duration {
        let ns = u128::from(index) * 1_000_000_000_000 / u128::from(self.rate_milli.max(1));
        Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
    }
}

/// What one connection measured, by target.
#[derive(Default)]
struct Counted {
    requests: u64,
    errors: u64,
    durations: Histogram,
}

/// Offers the load once and says what was measured: durations of requests that were answered without an error, and of those
/// that took longer than the timeout, as that long.
///
/// # Errors
///
/// A bound that is passed, or a client that cannot be made. Requests that fail are no error but counted.
pub fn offer(offer: &Offer, name: String) -> Result<Run, Problem> {
    offer.check()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let counted = runtime.block_on(send_all(offer))?;
    let samples =
        offer.targets.iter().zip(counted).map(|(target, counted)| (target.subject(), sample(counted)));
    Ok(Run {
        name,
        duration_ns: u64::try_from(offer.duration.as_nanos()).ok(),
        load: Some(Load::Open { rate_milli: offer.rate_milli }),
        samples: samples.collect(),
        ..Run::default()
    })
}

fn sample(counted: Counted) -> Sample {
    let latency = match counted.durations.count() {
        0 => Latency::Unknown,
        _ => Latency::Histogram { histogram: counted.durations },
    };
    Sample { requests: counted.requests, errors: Some(counted.errors), latency, ..Sample::default() }
}

async fn send_all(offer: &Offer) -> Result<Vec<Counted>, Problem> {
    let client = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(offer.connections as usize)
        .build()?;
    let shared = std::sync::Arc::new(Shared {
        offer: offer.clone(),
        client,
        next: AtomicU64::new(0),
        begin: Instant::now(),
    });
    let mut connections = JoinSet::new();
    for _ in 0..offer.connections {
        connections.spawn(connection(shared.clone()));
    }
    let mut all: Vec<Counted> = offer.targets.iter().map(|_| Counted::default()).collect();
    while let Some(counted) = connections.join_next().await {
        // A connection that panicked would be a fault of the client: what others measured holds.
        for (all, one) in all.iter_mut().zip(counted.unwrap_or_default()) {
            all.requests += one.requests;
            all.errors += one.errors;
            all.durations.merge(&one.durations);
        }
    }
    Ok(all)
}

struct Shared {
    offer: Offer,
    client: Client,
    next: AtomicU64,
    begin: Instant,
}

/// One request after the other, each when it is due or as soon as the one before is answered.
async fn connection(shared: std::sync::Arc<Shared>) -> Vec<Counted> {
    let Shared { offer, begin, .. } = &*shared;
    let mut counted: Vec<Counted> = offer.targets.iter().map(|_| Counted::default()).collect();
    let targets = offer.targets.len() as u64;
    loop {
        let index = shared.next.fetch_add(1, Ordering::Relaxed);
        let due = offer.due(index);
        if due >= offer.warm_up + offer.duration {
            return counted;
        }
        let (outcome, took) = request(&shared, index, *begin + due).await;
        if due >= offer.warm_up {
            #[expect(clippy::cast_possible_truncation)]
            let counted = &mut counted[(index % targets) as usize];
            counted.requests += 1;
            counted.errors += u64::from(outcome != Outcome::Answered);
            if outcome != Outcome::Failed {
                counted.durations.record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Answered,
    TimedOut,
    Failed,
}

/// Sends a request and reads its answer. It counts from when it was due, or from when it was sent where that was later only
/// because timers are coarse.
async fn request(shared: &Shared, index: u64, due: Instant) -> (Outcome, Duration) {
    let from = match Instant::now() < due {
        true => {
            sleep_until(due).await;
            Instant::now()
        }
        false => due,
    };
    let Shared { offer, client, .. } = shared;
    // A stalled server would keep requests waiting beyond the end of the run, one timeout each.
    if from.elapsed() >= offer.timeout {
        return (Outcome::TimedOut, from.elapsed());
    }
    #[expect(clippy::cast_possible_truncation)]
    let target = &offer.targets[(index % offer.targets.len() as u64) as usize];
    let mut request =
        client.request(target.method.clone(), target.url.clone()).headers(target.headers.clone());
    if let Some(body) = &target.body {
        request = request.body(body.clone());
    }
    let answered = timeout(offer.timeout, answer(request)).await;
    let outcome = match answered {
        Err(_) => Outcome::TimedOut,
        Ok(true) => Outcome::Answered,
        Ok(false) => Outcome::Failed,
    };
    (outcome, from.elapsed())
}

/// Whether a whole answer came that is no error.
async fn answer(request: reqwest::RequestBuilder) -> bool {
    let Ok(mut response) = request.send().await else { return false };
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    loop {
        match response.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => return !is_error,
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests;
