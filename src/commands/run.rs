//! `whyslow run`: collects the traces of a command, then diagnoses them.

mod child;
mod environment;
mod events;
mod instrument;
mod no_spans;
mod program;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use whyslow::collect::otlp_http::{Limits, Receiver};
use whyslow::collect::received::Received;
use whyslow::collect::spool::Spool;
use whyslow::duration;

use self::child::Ending;
pub(super) use self::environment::Environment;
use self::events::{Event, Events};
use self::program::Program;
use super::{Outcome, UsageError, diagnose, say};

/// A request within this time before keeps us listening after the command has ended.
const QUIET: Duration = Duration::from_secs(1);

/// The longest time we listen after the command has ended, unless told otherwise.
const LINGER_MAX: Duration = Duration::from_secs(5);

/// How often the end of the last flush is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

const EXAMPLES: &str = "\
Examples:
  whyslow run -- npm test
  whyslow run --target 'GET /orders p99<500ms' -- ./load.sh
  whyslow run --save traces.otlp --for 60s -- python app.py
  whyslow run --listen 127.0.0.1:4318      (services that run already send here; Ctrl-C ends it)";

/// Runs a command, collects its OpenTelemetry traces and says why it is slow.
///
/// The command gets the terminal, the signals and the exit code of this program. Its
/// OpenTelemetry SDK is told by variables to send traces here; nothing else has to be running.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Listen at this address instead of a free loopback port; without a command, until Ctrl-C
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,

    /// End after this time (30s, 5m); a command that still runs gets SIGTERM
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    time_max: Option<Duration>,

    /// Keep listening for this long after the command has ended [default: until no spans come for
    /// 1s, at most 5s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    linger: Option<Duration>,

    /// Keep the traces in this file, to be read by `whyslow diagnose`
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    /// Start the command as it is, even where OpenTelemetry could be loaded without a change
    #[arg(long)]
    no_instrument: bool,

    #[command(flatten)]
    diagnose: diagnose::Options,

    /// The command and its arguments
    #[arg(trailing_var_arg = true, value_name = "COMMAND", help_heading = None::<&str>)]
    command: Vec<OsString>,
}

/// What a run was, for those who explain its result.
struct Run {
    received: Received,
    address: SocketAddr,
    environment: Environment,
    program: Option<Program>,
    ending: Option<Ending>,
}

/// Runs the command or listens, then diagnoses what was received.
pub(crate) fn execute(options: Options) -> anyhow::Result<Outcome> {
    if options.command.is_empty() && options.listen.is_none() {
        let text = "nothing to run: give a command (whyslow run -- COMMAND) or --listen ADDRESS";
        return Err(UsageError(text.to_owned()).into());
    }
    let receiver = start_receiver(&options)?;
    let events = Events::listen().context("cannot take over signals")?;
    let address = receiver.address();
    let (environment, program, ending) = match options.command.is_empty() {
        true => {
            listen(&receiver, &events, options.time_max);
            (Environment::default(), None, None)
        }
        false => match run_command(&options, &receiver, &events) {
            Ok(run) => run,
            Err(error) => return not_started(&options.command, &error),
        },
    };
    let (received, spool) = receiver.stop();
    events.let_go();
    let run = Run { received, address, environment, program, ending };
    let spool = spool.context("the receiver failed")?;
    conclude(&options, &run, spool)
}

fn start_receiver(options: &Options) -> anyhow::Result<Receiver> {
    let spool = match &options.save {
        Some(path) => Spool::saved_as(path).with_context(|| format!("cannot write {}", path.display()))?,
        None => Spool::unnamed().context("cannot write a temporary file; TMPDIR says where")?,
    };
    let address = listening_address(options.listen.as_deref())?;
    Receiver::start(address.as_str(), Limits::default(), spool)
        .with_context(|| format!("cannot listen at {address}"))
}

/// `4318`, `:4318`, `host:4318`, `[::1]:4318`; a free loopback port when nothing is given.
fn listening_address(given: Option<&str>) -> Result<String, UsageError> {
    let given = given.unwrap_or("127.0.0.1:0");
    let (host, port) = given.rsplit_once(':').unwrap_or(("", given));
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    match port.parse::<u16>() {
        Ok(port) => Ok(format!("{host}:{port}")),
        Err(_) => Err(UsageError(format!(
            "--listen {given}: expected an address and a port, such as 127.0.0.1:4318"
        ))),
    }
}

/// Where a program on this machine reaches the receiver.
fn endpoint(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

fn listen(receiver: &Receiver, events: &Events, time_max: Option<Duration>) {
    let endpoint = endpoint(receiver.address());
    say(format_args!(
        "whyslow: listening at {endpoint}; send traces here with\n  \
         OTEL_EXPORTER_OTLP_ENDPOINT={endpoint} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf \
         OTEL_TRACES_EXPORTER=otlp\n\
         whyslow: Ctrl-C ends it and prints the diagnosis"
    ));
    let deadline = time_max.and_then(|time| Instant::now().checked_add(time));
    // A signal and the end of the time both end it.
    events.next(deadline);
}

type Started = (Environment, Option<Program>, Option<Ending>);

fn run_command(options: &Options, receiver: &Receiver, events: &Events) -> std::io::Result<Started> {
    let folder = std::env::current_dir()?;
    let prepared = Prepared::of(&options.command, receiver.address(), &folder, !options.no_instrument);
    let Prepared { command, environment, program } = prepared;
    let mut started = child::start(&command, &environment)?;
    events.watch(&started)?;
    let ending = child::wait(&mut started, events, options.time_max)?;
    wait_for_last_flush(receiver, events, options.linger);
    Ok((environment, program, Some(ending)))
}

/// A command that sends its traces to a receiver, as far as that can be had without changing it.
pub(super) struct Prepared {
    pub(super) command: Vec<OsString>,
    pub(super) environment: Environment,
    program: Option<Program>,
}

impl Prepared {
    /// A command as it is.
    pub(super) fn plain(command: &[OsString]) -> Self {
        Self { command: command.to_vec(), environment: Environment::default(), program: None }
    }

    /// Prepares a command that is started in a folder.
    pub(super) fn of(
        command: &[OsString],
        receiver: SocketAddr,
        folder: &Path,
        is_instrumented: bool,
    ) -> Self {
        let mut command = command.to_vec();
        let program = Program::of(&command);
        let service_name = program.as_ref().and_then(|program| program.service_name(&command, folder));
        let mut environment =
            environment::for_child(&endpoint(receiver), service_name, |name| std::env::var_os(name));
        if let Some(program) = program.as_ref().filter(|_| is_instrumented) {
            instrument(&mut command, &mut environment, program, folder);
        }
        Self { command, environment, program }
    }
}

fn instrument(command: &mut Vec<OsString>, environment: &mut Environment, program: &Program, folder: &Path) {
    let found = instrument::find(command, program, folder, |name| std::env::var_os(name));
    let Some(found) = found else {
        return;
    };
    say(format_args!("whyslow: {} (--no-instrument leaves it as it is)", found.notice));
    environment.set.extend(found.variable);
    if let Some((position, word)) = found.inserted {
        command.insert(position, word);
    }
}

/// Processes that outlive the command may still be sending.
fn wait_for_last_flush(receiver: &Receiver, events: &Events, linger: Option<Duration>) {
    let ended = Instant::now();
    let longest = linger.unwrap_or(LINGER_MAX);
    while ended.elapsed() < longest {
        let quiet = receiver.quiet_for().min(ended.elapsed());
        if linger.is_none() && quiet >= QUIET {
            return;
        }
        if let Event::Signal { .. } = events.next(Some(Instant::now() + LOOK_EVERY)) {
            return;
        }
    }
}

/// The codes that shells and `env` use.
fn not_started(command: &[OsString], error: &std::io::Error) -> anyhow::Result<Outcome> {
    let name = command.first().map(|word| word.to_string_lossy());
    say(format_args!("error: cannot run {}: {error}", name.unwrap_or_default()));
    Ok(Outcome::Passed(match error.kind() {
        std::io::ErrorKind::NotFound => 127,
        _ => 126,
    }))
}

fn conclude(options: &Options, run: &Run, spool: Spool) -> anyhow::Result<Outcome> {
    let failed = run
        .ending
        .filter(|ending| ending.code != 0 && !ending.by_us)
        .map(|ending| Outcome::Passed(ending.code));
    say_what_came(run);
    if run.received.spans == 0 {
        say(format_args!("{}", no_spans::Explanation(run)));
        return Ok(failed.unwrap_or(Outcome::CannotMeasure));
    }
    let messages = spool.finish().context("cannot keep the traces")?;
    if let Some(path) = &options.save {
        say(format_args!("whyslow: kept the traces in {}", path.display()));
    }
    let outcome = diagnose::report(&options.diagnose, messages, again(&options.command))?;
    Ok(failed.unwrap_or(outcome))
}

/// The command that repeats the run. Arguments are left out: a report is passed on, and they may
/// hold what must not be.
fn again(command: &[OsString]) -> String {
    match command {
        [] => "whyslow run --listen …".to_owned(),
        [program] => format!("whyslow run -- {}", program.to_string_lossy()),
        [program, ..] => format!("whyslow run -- {} …", program.to_string_lossy()),
    }
}

fn say_what_came(run: &Run) {
    let Received { spans, trace_requests, .. } = run.received;
    if spans > 0 {
        let requests = counted(trace_requests, "export");
        say(format_args!("whyslow: received {} in {requests}", counted(spans, "span")));
    }
    for (reason, count) in run.received.refused() {
        say(format_args!("whyslow: {} not kept: {reason}", counted(count, "request")));
    }
}

/// A count and its noun: `1 span`, `2 spans`.
fn counted(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_completed() {
        for (given, expected) in [
            (None, "127.0.0.1:0"),
            (Some("4318"), "127.0.0.1:4318"),
            (Some(":4318"), "127.0.0.1:4318"),
            (Some("0.0.0.0:4318"), "0.0.0.0:4318"),
            (Some("[::1]:4318"), "[::1]:4318"),
        ] {
            let address = listening_address(given).ok();
            assert_eq!(address.as_deref(), Some(expected));
        }
        assert!(listening_address(Some("localhost")).is_err());
        assert!(listening_address(Some("host:99999")).is_err());
    }

    #[test]
    fn programs_here_reach_a_receiver_on_all_addresses_by_loopback() {
        let reached = |text: &str| endpoint(text.parse().unwrap());
        assert_eq!(reached("0.0.0.0:4318"), "http://127.0.0.1:4318");
        assert_eq!(reached("[::]:4318"), "http://[::1]:4318");
        assert_eq!(reached("10.0.0.1:80"), "http://10.0.0.1:80");
    }
}
