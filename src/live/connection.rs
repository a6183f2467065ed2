//! A session on a server: one thread, one statement at a time, and an end that leaves nothing running there.

use std::cell::RefCell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, SimpleQueryMessage, SimpleQueryRow};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::problem::{Problem, of_asking, of_connecting};
use super::session::Limits;
use super::target::Target;

/// What the session is called in `pg_stat_activity`.
pub(super) const APPLICATION: &str = "whyslow";

/// The oldest server that is asked.
const VERSION_MIN: u32 = 100_000;

/// A session, read-only unless a transaction says otherwise.
pub struct Connection {
    runtime: Runtime,
    client: Client,
    tls: MakeRustlsConnect,
    version: u32,
    interrupts: RefCell<Interrupts>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Connection(version {})", self.version)
    }
}

impl Connection {
    /// Connects and sets the session up.
    ///
    /// # Errors
    ///
    /// Where that fails: what was tried and what would help.
    pub fn open(target: &Target, limits: Limits) -> Result<Self, Problem> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|problem| Problem::Failed(format!("cannot start: {problem}")))?;
        let tls = target.tls.connector()?;
        let client = runtime.block_on(connect(target, limits, tls.clone()))?;
        let interrupts = RefCell::new(runtime.block_on(async { Interrupts::new() })?);
        let mut connection = Self { runtime, client, tls, version: 0, interrupts };
        connection.check(target)?;
        connection.watch_the_client()?;
        Ok(connection)
    }

    /// Finds out the version, and whether the session is as it was asked for.
    fn check(&mut self, target: &Target) -> Result<(), Problem> {
        let rows = self.rows(
            "SELECT current_setting('server_version_num') AS version,
                current_setting('default_transaction_read_only') = 'on' AS read_only",
        )?;
        let row = rows.first();
        self.version = row.and_then(|row| row.number("version")).unwrap_or(0);
        match row.is_some_and(|row| row.is("read_only")) {
            _ if self.version < VERSION_MIN => {
                Err(Problem::Failed(format!("{target}: PostgreSQL 10 is the oldest that is asked")))
            }
            true => Ok(()),
            false => Err(Problem::Failed(format!(
                "{target}: the session is not read-only, as a pooler drops its settings; give the address of the server itself"
            ))),
        }
    }

    /// `150018` is 15.18.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Executes one of our own statements, or several.
    ///
    /// # Errors
    ///
    /// Where the server refuses, or the connection ends.
    pub fn execute(&self, statements: &str) -> Result<(), Problem> {
        self.rows(statements).map(drop)
    }

    /// All rows of our own statements.
    ///
    /// # Errors
    ///
    /// As [`Connection::execute`].
    pub fn rows(&self, statements: &str) -> Result<Vec<Row>, Problem> {
        let messages = self.wait_for(self.client.simple_query(statements))?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(Row(row)),
            _ => None,
        });
        Ok(rows.collect())
    }

    /// Rows of a statement that reads the catalogue: objects that others have made under the names of system functions
    /// are not in its way.
    ///
    /// # Errors
    ///
    /// As [`Connection::execute`].
    pub fn catalogue_rows(&self, statement: &str) -> Result<Vec<Row>, Problem> {
        let rows =
            self.rows(&format!("BEGIN READ ONLY; SET LOCAL search_path = pg_catalog; {statement}; ROLLBACK"));
        self.rolled_back(rows)
    }

    /// What came of a transaction that is over; where it failed, it is ended first.
    pub(super) fn rolled_back<T>(&self, outcome: Result<T, Problem>) -> Result<T, Problem> {
        if matches!(outcome, Err(Problem::Refused { .. })) {
            self.execute("ROLLBACK")?;
        }
        outcome
    }

    /// How many placeholders a statement has. The server reads it, plans and executes nothing, and refuses what is more
    /// than one statement.
    ///
    /// # Errors
    ///
    /// Where the server refuses the statement.
    pub fn placeholders(&self, statement: &str) -> Result<usize, Problem> {
        self.wait_for(self.client.prepare(statement)).map(|prepared| prepared.params().len())
    }

    /// From 14 on a server finds out by itself that a client is gone, also while it computes. Some systems cannot tell.
    fn watch_the_client(&self) -> Result<(), Problem> {
        if self.version < 140_000 {
            return Ok(());
        }
        match self.execute("SET client_connection_check_interval = '1s'") {
            Err(problem @ (Problem::Interrupted(_) | Problem::Failed(_))) => Err(problem),
            _ => Ok(()),
        }
    }

    /// Waits for an answer; who presses Ctrl-C meanwhile cancels what runs on the server. Who did so since the last answer is
    /// heard, too: then nothing more is asked.
    fn wait_for<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Problem> {
        let answered = self.runtime.block_on(first(answer, &mut self.interrupts.borrow_mut()));
        match answered {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(of_asking(&error)),
            Err(signal) => {
                // Where that fails, the server finds out by the closed connection.
                let _ = self.runtime.block_on(self.client.cancel_token().cancel_query(self.tls.clone()));
                Err(Problem::Interrupted(signal))
            }
        }
    }
}

async fn connect(target: &Target, limits: Limits, tls: MakeRustlsConnect) -> Result<Client, Problem> {
    let config = config(target, limits);
    match tokio::time::timeout(target.connect_timeout * 2, config.connect(tls)).await {
        Ok(Ok((client, connection))) => {
            // Its errors come back by the statements that wait for answers.
            tokio::spawn(connection);
            Ok(client)
        }
        Ok(Err(error)) => Err(of_connecting(&error, target)),
        Err(_) => Err(Problem::Failed(format!(
            "cannot connect to {target}: something there accepts and says nothing; is it PostgreSQL?"
        ))),
    }
}

fn config(target: &Target, limits: Limits) -> Config {
    let mut config = Config::new();
    config.user(&target.user).dbname(&target.database).application_name(APPLICATION);
    config.connect_timeout(target.connect_timeout).ssl_mode(target.tls.mode.asked());
    if let Some(password) = &target.password {
        config.password(password);
    }
    // Of two that set the same the later one holds.
    let own = target.options.as_deref().unwrap_or_default();
    config.options(format!("{own} {}", limits.options()));
    let has_addresses = target.hosts.iter().all(|host| host.address.is_some());
    for host in &target.hosts {
        config.host(&host.name).port(host.port);
        if let Some(address) = host.address.filter(|_| has_addresses) {
            config.hostaddr(address);
        }
    }
    config
}

/// Signals that end the program, by their numbers. Once these are waited for, they end it no more by themselves.
#[derive(Debug)]
pub struct Interrupts(Vec<(u8, Signal)>);

impl Interrupts {
    /// Those that come from now on. Needs a runtime of tokio with its drivers.
    ///
    /// # Errors
    ///
    /// Where the system does not let us wait for them.
    pub fn new() -> Result<Self, Problem> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let number = |kind: SignalKind| u8::try_from(kind.as_raw_value()).unwrap_or(u8::MAX);
        let signals = kinds.into_iter().map(|kind| signal(kind).map(|signal| (number(kind), signal)));
        let signals: Result<Vec<(u8, Signal)>, _> = signals.collect();
        signals.map(Self).map_err(|problem| Problem::Failed(format!("cannot wait for signals: {problem}")))
    }

    /// The number of the next one.
    pub async fn next(&mut self) -> u8 {
        std::future::poll_fn(|context| self.come(context).map_or(Poll::Pending, Poll::Ready)).await
    }

    /// One that has come; each is polled, so that each wakes us.
    fn come(&mut self, context: &mut Context<'_>) -> Option<u8> {
        let came = self
            .0
            .iter_mut()
            .filter_map(|(number, signal)| signal.poll_recv(context).is_ready().then_some(*number));
        came.reduce(|first, _| first)
    }
}

/// The output of the future, or the signal that comes before it.
async fn first<T>(future: impl Future<Output = T>, interrupts: &mut Interrupts) -> Result<T, u8> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        if let Some(signal) = interrupts.come(context) {
            return Poll::Ready(Err(signal));
        }
        Pin::new(&mut future).poll(context).map(Ok)
    })
    .await
}

/// A row; its fields are texts.
#[derive(Debug)]
pub struct Row(SimpleQueryRow);

impl Row {
    /// A field by its name; `None` where it is null or not there.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.try_get(name).ok().flatten()
    }

    /// A field as a number.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    /// Whether a field is true.
    pub fn is(&self, name: &str) -> bool {
        self.text(name) == Some("t")
    }

    /// Names of its fields, and what is in them.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let columns = self.0.columns().iter().enumerate();
        columns
            .map(|(place, column)| (column.name(), self.0.try_get(place).ok().flatten().unwrap_or_default()))
    }

    /// The first field.
    pub fn first(&self) -> Option<&str> {
        self.0.try_get(0).ok().flatten()
    }
}

/// Whether the server does not let this user see or do something.
pub(super) fn is_forbidden(problem: &Problem) -> bool {
    problem.has_code(&SqlState::INSUFFICIENT_PRIVILEGE)
}
