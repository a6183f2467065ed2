//! How long the server's process of our session was on a processor.
//!
//! A server tells clients no CPU time: `log_executor_stats` is for superusers, and writes to its log. Linux tells it of every
//! process of the machine (`/proc/PID/schedstat`, else `/proc/PID/stat`; proc(5)). But a PID is only a number: the process that
//! has it here is another one where the server is on another machine or in a container. So it must have the title that a server
//! gives to the process of our session, with our port, and be as old as that.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use super::super::connection::Connection;
use super::super::problem::Problem;

/// Steps that `/proc/PID/stat` counts in: Linux tells programs hundredths of a second.
const TICK_NS: u64 = 10_000_000;

/// The ages of the process that two clocks tell may differ by this, in seconds: asking takes its time on a busy machine.
const AGE_DIFFERENCE_MAX: f64 = 2.0;

/// How often a process is looked at until it waits for us, and how long between.
const LOOKS: u32 = 5_000;
const BETWEEN_LOOKS: Duration = Duration::from_micros(100);

/// The process that executes what our session asks for.
#[derive(Debug)]
pub(super) struct Processor {
    pid: u32,
}

/// What the server says of it.
#[derive(Debug, Default)]
struct Told {
    pid: u32,
    user: String,
    database: String,
    /// Our port as the server sees it; `None` on a socket of the machine.
    port: Option<u16>,
    /// Seconds since it was started.
    age: f64,
}

impl Processor {
    /// The process of a session; or why its time on the processor is not known.
    pub(super) fn of(connection: &Connection) -> Result<Result<Self, String>, Problem> {
        let Some(told) = told(connection)? else {
            return Ok(Err("the server does not name its process".to_owned()));
        };
        let processor = Self { pid: told.pid };
        Ok(match () {
            () if !fs::exists("/proc/self/stat").unwrap_or(false) => {
                Err("this system has no /proc, which would tell it".to_owned())
            }
            () if !processor.is_that_of(&told) => {
                Err("the server is on another machine, or in a container of its own".to_owned())
            }
            () if processor.scheduled_ns().is_none() && processor.ticks().is_none() => {
                Err("this system does not tell it".to_owned())
            }
            () => Ok(processor),
        })
    }

    /// Nanoseconds on a processor so far, once the process waits for us: what it does at the moment is not counted yet. `None`
    /// where it does not come to that, or is gone.
    pub(super) fn ns(&self) -> Option<u64> {
        for _ in 0..LOOKS {
            if self.field(STATE)? == "S" {
                return self.scheduled_ns().or_else(|| Some(self.ticks()? * TICK_NS));
            }
            sleep(BETWEEN_LOOKS);
        }
        None
    }

    /// What lies between two readings of [`Processor::ns`]; of coarse ones only what is long enough to be told by them.
    pub(super) fn between(&self, before: u64, after: u64) -> Option<u64> {
        let passed = after.checked_sub(before)?;
        (self.scheduled_ns().is_some() || passed >= 10 * TICK_NS).then_some(passed)
    }

    fn is_that_of(&self, told: &Told) -> bool {
        let Some(title) = self.read("cmdline") else { return false };
        let age = self.age().unwrap_or(f64::INFINITY);
        is_title_of(title.trim_end_matches(['\0', ' ']), told) && (age - told.age).abs() <= AGE_DIFFERENCE_MAX
    }

    /// Seconds since it was started.
    fn age(&self) -> Option<f64> {
        let uptime = fs::read_to_string("/proc/uptime").ok()?;
        let uptime: f64 = uptime.split(' ').next()?.parse().ok()?;
        let started: u64 = self.field(START)?.parse().ok()?;
        Some(uptime - started as f64 * TICK_NS as f64 / 1e9)
    }

    /// The first field of its `schedstat`: nanoseconds on a processor.
    fn scheduled_ns(&self) -> Option<u64> {
        self.read("schedstat")?.split(' ').next()?.parse().ok()
    }

    /// Its time in programs and in the kernel.
    fn ticks(&self) -> Option<u64> {
        let ticks = |field| self.field(field)?.parse::<u64>().ok();
        Some(ticks(USER)? + ticks(SYSTEM)?)
    }

    /// A field of its `stat`, counted behind the name, which may hold anything.
    fn field(&self, number: usize) -> Option<String> {
        let stat = self.read("stat")?;
        let (_, fields) = stat.rsplit_once(") ")?;
        fields.split(' ').nth(number).map(str::to_owned)
    }

    fn read(&self, file: &str) -> Option<String> {
        let bytes = fs::read(format!("/proc/{}/{file}", self.pid)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Fields of `stat`: numbers 3, 14, 15 and 22 of proc(5).
const STATE: usize = 0;
const USER: usize = 11;
const SYSTEM: usize = 12;
const START: usize = 19;

fn told(connection: &Connection) -> Result<Option<Told>, Problem> {
    let rows = connection.catalogue_rows(
        "SELECT pid, session_user AS user, current_database() AS database, inet_client_port() AS port,
            extract(epoch FROM clock_timestamp() - backend_start) AS age
         FROM pg_stat_activity WHERE pid = pg_backend_pid()",
    )?;
    Ok(rows.first().and_then(|row| {
        Some(Told {
            pid: row.number("pid")?,
            user: row.text("user")?.to_owned(),
            database: row.text("database")?.to_owned(),
            port: row.number("port"),
            age: row.number("age")?,
        })
    }))
}

/// Whether a process has the title of our session: `postgres: main: shop orders 127.0.0.1(40412) idle`, where `main` is the name
/// of the cluster, if it has one, and `[local]` stands for a socket.
fn is_title_of(title: &str, told: &Told) -> bool {
    let who = format!(": {} {} ", told.user, told.database);
    let is_ours = |rest: &str| {
        let client = rest.split(' ').next().unwrap_or_default();
        told.port.map_or(client == "[local]", |port| client.ends_with(&format!("({port})")))
    };
    title.starts_with("postgres: ")
        && title.match_indices(&who).any(|(at, who)| is_ours(&title[at + who.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(port: Option<u16>) -> Told {
        let (user, database) = ("shop".to_owned(), "orders".to_owned());
        Told { pid: std::process::id(), user, database, port, age: 0.0 }
    }

    #[test]
    fn a_process_is_known_by_its_title() {
        for (title, port, expected) in [
            ("postgres: shop orders 127.0.0.1(40412) idle in transaction", Some(40412), true),
            ("postgres: 15/main: shop orders localhost(40412) SELECT", Some(40412), true),
            ("postgres: shop orders ::1(40412) idle", Some(40412), true),
            ("postgres: shop orders [local] idle", None, true),
            ("postgres: shop orders 127.0.0.1(40413) idle", Some(40412), false),
            ("postgres: shop orders 127.0.0.1(140412) idle", Some(40412), false),
            ("postgres: shop orders [local] idle", Some(40412), false),
            ("postgres: shop orders 127.0.0.1(40412) idle", None, false),
            ("postgres: shop other 127.0.0.1(40412) idle", Some(40412), false),
            ("postgres: workshop orders 127.0.0.1(40412) idle", Some(40412), false),
            ("vim postgres: shop orders 127.0.0.1(40412) idle", Some(40412), false),
            ("postgres: checkpointer", Some(40412), false),
            ("", None, false),
        ] {
            assert_eq!(is_title_of(title, &session(port)), expected, "{title}");
        }
    }

    #[test]
    fn another_process_with_that_number_is_not_taken_for_it() {
        let ours = Processor { pid: std::process::id() };
        assert!(!ours.is_that_of(&session(None)), "a test is no server");
        assert_eq!(Processor { pid: 0 }.ns(), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn time_on_the_processor_is_that_of_the_process() {
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let processor = Processor { pid: child.id() };
        let (first, second) = (processor.ns(), processor.ns());
        assert!(first.is_some_and(|ns| ns < 1_000_000_000), "{first:?}");
        assert_eq!(first, second, "it waits for its input meanwhile");
        assert!(processor.age().is_some_and(|age| (-0.1..60.0).contains(&age)), "{:?}", processor.age());
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(processor.ns(), None);
    }
}
