//! An OTLP receiver over HTTP and gRPC on one port, for exporters that send to this machine.
//!
//! It runs on one thread of its own. Back-pressure needs no queue: a request is answered when its
//! spans are in the spool, and an exporter sends its next batch after the answer.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, oneshot};

use super::received::{Received, Refused};
use super::spool::Spool;
use super::{exchange, grpc};

/// A connection that asks for nothing is closed after this time.
const IDLE_MAX: Duration = Duration::from_secs(300);

/// Bounds of a receiver.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one request, as sent and decompressed.
    pub body_bytes_max: usize,
    /// Connections open at one time; further ones wait.
    pub connections_max: usize,
    /// Requests whose body is read at one time; further ones wait.
    pub requests_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes_max: 64 << 20, connections_max: 512, requests_max: 64 }
    }
}

/// A receiver that listens until it is stopped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Receiver {
    /// Listens at an address; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// When the address is none of this machine or is taken.
    pub fn start(address: impl ToSocketAddrs, limits: Limits, spool: Spool) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(limits, spool));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("otlp-receiver".to_owned())
            .spawn(move || runtime.block_on(serve(listener, served, stopped)))?;
        Ok(Self { address, shared, stop, thread })
    }

    /// The address it listens at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What came in so far.
    pub fn received(&self) -> Received {
        self.shared.lock().received.clone()
    }

    /// How long ago the last request ended; zero while one is being read.
    pub fn quiet_for(&self) -> Duration {
        let state = self.shared.lock();
        match state.in_progress {
            0 => state.last_activity.elapsed(),
            _ => Duration::ZERO,
        }
    }

    /// Closes every connection and gives what came in. The spool is `None` only when the
    /// receiver had failed.
    pub fn stop(self) -> (Received, Option<Spool>) {
        // A receiver that is gone needs no order to stop.
        let _ = self.stop.send(());
        let _ = self.thread.join();
        let mut state = self.shared.lock();
        (state.received.clone(), state.spool.take())
    }
}

/// What all connections of a receiver share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The bounds.
    pub(super) limits: Limits,
    /// One large body at a time.
    pub(super) large: Semaphore,
    requests: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    received: Received,
    spool: Option<Spool>,
    in_progress: u32,
    last_activity: Instant,
}

/// A request whose body is being read; dropping it notes the end.
pub(super) struct Progress<'s> {
    shared: &'s Shared,
    _permit: Option<SemaphorePermit<'s>>,
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.in_progress -= 1;
        state.last_activity = Instant::now();
    }
}

impl Shared {
    fn new(limits: Limits, spool: Spool) -> Self {
        Self {
            limits,
            large: Semaphore::new(1),
            requests: Semaphore::new(limits.requests_max),
            state: Mutex::new(State {
                received: Received::default(),
                spool: Some(spool),
                in_progress: 0,
                last_activity: Instant::now(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn to read a body.
    pub(super) async fn begin(&self) -> Progress<'_> {
        self.lock().in_progress += 1;
        Progress { shared: self, _permit: self.requests.acquire().await.ok() }
    }

    /// Keeps one export request of traces.
    pub(super) fn store(&self, message: &[u8], spans: u64) -> Result<(), Refused> {
        let mut state = self.lock();
        let spool = state.spool.as_mut().ok_or(Refused::Storage)?;
        if !message.is_empty() {
            spool.append(message).map_err(|_| Refused::Storage)?;
        }
        state.received.trace_requests += 1;
        state.received.spans += spans;
        state.received.bytes += message.len() as u64;
        Ok(())
    }

    /// Counts a request of metrics.
    pub(super) fn count_metrics(&self) -> Result<(), Refused> {
        self.lock().received.metric_requests += 1;
        Ok(())
    }

    /// Counts a request of logs.
    pub(super) fn count_logs(&self) -> Result<(), Refused> {
        self.lock().received.log_requests += 1;
        Ok(())
    }

    /// Counts what was not taken.
    pub(super) fn refuse(&self, reason: Refused) {
        self.lock().received.refuse(reason);
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, stopped: oneshot::Receiver<()>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    tokio::spawn(accept(listener, shared));
    // Both an order to stop and a receiver that was dropped end it.
    let _ = stopped.await;
}

async fn accept(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    /// Pause when the system has no file descriptor left for a connection.
    const PAUSE: Duration = Duration::from_millis(50);
    let connections = Arc::new(Semaphore::new(shared.limits.connections_max));
    while let Ok(turn) = Arc::clone(&connections).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                shared.lock().received.connections += 1;
                tokio::spawn(converse(stream, Arc::clone(&shared), turn));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn converse(stream: TcpStream, shared: Arc<Shared>, _turn: OwnedSemaphorePermit) {
    match tokio::time::timeout(IDLE_MAX, opening(&stream)).await {
        Ok(Opening::Http1) => {}
        Ok(Opening::Http2) => return converse_in_streams(stream, shared).await,
        Ok(Opening::Tls) => return shared.refuse(Refused::Tls),
        Ok(Opening::Nothing) | Err(_) => return,
    }
    let service = service_fn(|request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, std::convert::Infallible>(exchange::answer(&shared, request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if served.is_err_and(|error| error.is_parse()) {
        shared.refuse(Refused::Malformed);
    }
}

/// Speaks HTTP/2, as gRPC does.
async fn converse_in_streams(stream: TcpStream, shared: Arc<Shared>) {
    /// Calls at one time; their bodies wait for each other, so all must fit into the connection's window.
    const STREAMS_MAX: u32 = 32;
    const STREAM_BYTES: u32 = 256 << 10;
    let service = service_fn(|request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, std::convert::Infallible>(grpc::answer(&shared, request).await) }
    });
    let served = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(IDLE_MAX)
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_BYTES)
        .initial_connection_window_size(STREAMS_MAX * STREAM_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if served.is_err_and(|error| error.is_parse()) {
        shared.refuse(Refused::Malformed);
    }
}

/// The protocol a client begins to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    Http1,
    Http2,
    Tls,
    Nothing,
}

async fn opening(stream: &TcpStream) -> Opening {
    let mut first = [0; 3];
    match stream.peek(&mut first).await {
        Ok(0) | Err(_) => Opening::Nothing,
        Ok(_) if first[0] == 0x16 => Opening::Tls,
        Ok(3) if &first == b"PRI" => Opening::Http2,
        Ok(_) => Opening::Http1,
    }
}
