//! Finds requests that open a connection of their own instead of using one that is open.
//!
//! ## Why it is slow
//!
//! Opening a connection takes several round trips before the first byte of work: TCP, TLS, then the
//! server starts a process or a session and checks who asks. The next request pays all of it again,
//! and under load the server is busy with greeting.
//!
//! ## What counts
//!
//! Spans that report a real connect (to a database, a cache or another server, with its TLS and
//! authentication) on the critical path of at least `share_min` of an endpoint's requests, at least
//! `requests_min` of them in one process, and more than four times as many as could have been in use
//! at once: a pool would have kept them.
//!
//! The log of a PostgreSQL tells it as well (`log_connections` and `log_disconnections`): connections that are used by
//! fewer than ten transactions or runs of statements, with what setting them up takes the server. How long the client
//! waits for that, with the way there and back, no server knows.
//!
//! ## Stays silent
//!
//! - on the connect in the first request of each process, and on a pool that is filled by the first
//!   requests under load;
//! - on a checkout of a pool that is called `connect`, as SQLAlchemy's: a wait for a connection is
//!   pool-starvation's;
//! - on connects that nobody waits for, and those of background work;
//! - where drivers report no connect at all (psycopg, Django, most of Python): then nothing is seen.
//!
//! ## Remedy
//!
//! Keep connections open and use them again. Best case: no request opens one. Worst case: one in ten
//! still does, as idle connections expire and pools grow.
//!
//! ## How to check
//!
//! Count the connects of one request before and after: under a steady load there are none.

use rustc_hash::FxHashMap;

use crate::candidate::{Advice, Candidates, Case, Check, Mark, Remedy, Subject, Told, View};
use crate::evidence::trace::EndpointName;
use crate::evidence::{Failure, Kind, Symbol};
use crate::finding::{Confidence, Unit};
use crate::nature::Nature;
use crate::settings::Setting;
use crate::stack::{Language, Stack};
use crate::wording::{brief, duration};
use crate::{Detector, Inspect};

const SHARE_MIN: Setting = Setting {
    name: "share_min",
    unit: "% of the endpoint's requests",
    default: 50,
    why: "with a pool only the first requests of a process open a connection, and some after a pause",
};

const REQUESTS_MIN: Setting = Setting {
    name: "requests_min",
    unit: "requests of one process",
    default: 5,
    why: "fewer may be a process that has just started, or a test that builds the service anew",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "connection-per-request",
    summary: "a connection is opened inside the request, again each time",
    page: include_str!("connection_per_request.rs"),
    settings: &[SHARE_MIN, REQUESTS_MIN],
    inspect: Inspect::Request(Nature::CONNECT, inspect),
    plan: None,
    confirm: None,
    logs: true,
    tell: Some(tell),
};

/// Connections that are still opened in the worst case, per mille.
const OPENED_AT_WORST: u16 = 100;

/// A pool opens as many connections as are in use at once; this many times as many are thrown away.
const TIMES_AT_ONCE: u64 = 4;

/// A connection that so many transactions use is kept, or so many statements: not every run of them has an end.
const USES_MIN: u64 = 10;
const STATEMENTS_MIN: u64 = 100;

fn inspect(view: &View<'_>, found: &mut Candidates) {
    if !matches!(view.request.name, EndpointName::Route(_)) && !view.request.is_logged() {
        return;
    }
    for numbers in view.groups() {
        if view.operation(numbers[0]).kind == Kind::Connect {
            inspect_connects(view, numbers, found);
        }
    }
}

/// The connects to one target; what a driver does below its connect is part of it.
fn inspect_connects(view: &View<'_>, numbers: &[u32], found: &mut Candidates) {
    let is_outermost = |number: &u32| {
        let above = view.upwards(view.operation(*number)).skip(1);
        above.filter(|above| above.kind == Kind::Connect).count() == 0
    };
    let is_waited_for = |number: &u32| view.operation(*number).path_ns > 0;
    let connects: Vec<u32> = numbers.iter().copied().filter(is_outermost).filter(is_waited_for).collect();
    let Some(&first) = connects.first() else { return };
    let subject = Subject::Shape(view.operation(first).shape);
    let candidate = found.push(subject, Remedy::Remove { worst: OPENED_AT_WORST }, Confidence::High);
    candidate.repeats(connects.len() as u64).claim(connects);
    view.mark_origin(view.operation(first), candidate);
    let in_pool = view.upwards(view.operation(first)).any(|above| above.kind == Kind::PoolWait);
    if in_pool {
        candidate.mark(Mark::FromPool);
    }
    if view.request.is_logged() {
        candidate.mark(Mark::Logged);
    }
}

fn tell(case: &Case<'_>) -> Told {
    if case.mostly(Mark::Logged) {
        return tell_logged(case);
    }
    let opened = case.repeats.p50.max(1);
    let connect = brief(case.dictionary, case.shape());
    let share = share(case);
    let times = if opened > 1 { format!("{opened} connections") } else { "a connection".to_owned() };
    Told {
        why: format!(
            "{share} % of the requests open {times} of their own ({connect}), {} each (p95 {}), and no later \
             request uses it: {} were opened while about {} were in use at once",
            duration(case.single_ns.0),
            duration(case.single_ns.1),
            case.requests.saturating_mul(opened),
            case.at_once,
        ),
        fix: fixes(case),
        verify: Check {
            metric: format!("requests of a hundred that open one: {connect}"),
            unit: Unit::Count,
            now: share,
            expected: 0,
        },
        confidence: None,
        dismissed: dismissed(case),
    }
}

/// What a server's log tells: each connection that is set up, and how many transactions use it.
fn tell_logged(case: &Case<'_>) -> Told {
    let server = case.dictionary.server().counts();
    let refused = match server.failures(Failure::TooManyConnections) {
        0 => String::new(),
        refused => format!("; the server refused {refused} more, as all were taken"),
    };
    let application = case.most(|mark| match mark {
        Mark::By(origin) => Some(case.dictionary.text(case.dictionary.origin(origin).library)),
        _ => None,
    });
    let by = match application.unwrap_or_default() {
        "" => String::new(),
        name => format!(", most of them by {name}"),
    };
    let uses = case.requests_of_endpoint.saturating_mul(10) / case.requests.max(1);
    Told {
        why: format!(
            "{} connections were set up for {} transactions and runs of statements ({}.{} each){by}; setting one up \
             takes the server {} (p95 {}){refused}",
            case.requests,
            case.requests_of_endpoint,
            uses / 10,
            uses % 10,
            duration(case.single_ns.0),
            duration(case.single_ns.1),
        ),
        fix: of_store(pool_of(Language::Other)),
        verify: Check {
            metric: "connections for each transaction or run of statements, in per cent".to_owned(),
            unit: Unit::Count,
            now: share(case),
            expected: 0,
        },
        confidence: None,
        dismissed: dismissed_logged(case),
    }
}

/// Why connections are those that a pool needs.
fn dismissed_logged(case: &Case<'_>) -> Option<String> {
    let requests_min = case.settings.get(&REQUESTS_MIN);
    if case.requests < requests_min {
        return Some(format!("seen {} connections, needs {requests_min}", case.requests));
    }
    if case.requests <= case.at_once.saturating_mul(TIMES_AT_ONCE) {
        return Some(filled(case.requests, case.at_once));
    }
    let uses = case.requests_of_endpoint / case.requests.max(1);
    let statements = uses.saturating_mul(case.statements_per_request.p50);
    (uses >= USES_MIN || statements >= STATEMENTS_MIN).then(|| {
        format!("{uses} transactions and runs of statements use each connection, with {statements} statements: it is kept")
    })
}

/// The share of the endpoint's requests that show it, in per cent.
fn share(case: &Case<'_>) -> u64 {
    case.requests.saturating_mul(100) / case.requests_of_endpoint.max(1)
}

/// Why connects are what every process needs.
fn dismissed(case: &Case<'_>) -> Option<String> {
    let (share, share_min) = (share(case), case.settings.get(&SHARE_MIN));
    let in_process = requests_of_one_process(case);
    let requests_min = case.settings.get(&REQUESTS_MIN);
    if share < share_min {
        return Some(format!("{share} % of the requests open a connection, needs {share_min} %"));
    }
    if in_process < requests_min {
        return Some(format!("seen {in_process} requests of one process, needs {requests_min}"));
    }
    let opened = case.requests.saturating_mul(case.repeats.p50.max(1));
    (opened <= case.at_once.saturating_mul(TIMES_AT_ONCE)).then(|| filled(opened, case.at_once))
}

fn filled(opened: u64, at_once: u64) -> String {
    format!("{opened} were opened while about {at_once} were in use at once: a pool was filled")
}

/// Requests that show it in the process that shows it most.
fn requests_of_one_process(case: &Case<'_>) -> u64 {
    let mut most: FxHashMap<Symbol, u64> = FxHashMap::default();
    for (mark, count) in case.marks {
        if let Mark::By(origin) = mark {
            let known = most.entry(case.dictionary.origin(*origin).instance).or_default();
            *known = (*known).max(*count);
        }
    }
    most.into_values().max().unwrap_or(0)
}

fn fixes(case: &Case<'_>) -> Vec<Advice> {
    let stack = Stack::of_case(case);
    let advice = |text: &str, tradeoff: &str| Advice {
        text: text.to_owned(),
        tradeoff: tradeoff.to_owned(),
        remedy: None,
    };
    if case.mostly(Mark::FromPool) {
        return vec![advice(
            kept_by_pool(&stack),
            "idle connections take memory at the server; a firewall may cut them, so test one before use",
        )];
    }
    let library = |part: &str| {
        case.marks.iter().any(|(mark, _)| {
            let Mark::By(origin) = mark else { return false };
            let library = case.dictionary.text(case.dictionary.origin(*origin).library);
            library.to_ascii_lowercase().contains(part)
        })
    };
    let is_store = ["-pg", "mysql", "redis", "mongo", "npgsql", "jdbc", "sql", "pdo", "pgx", "oracle"]
        .iter()
        .any(|part| library(part));
    if !is_store {
        return vec![advice(
            kept_alive(stack.language),
            "the other side may close an idle connection just as it is used: a safe call must be tried once more",
        )];
    }
    let pool = match stack.language {
        _ if library("redis") => "one client for the process, connected once when it starts",
        _ if library("mongo") => "one client for the process: it holds a pool",
        Language::Node if library("mysql") => {
            "one pool for the process: createPool({ connectionLimit: … }) beside the handlers, pool.query() in them"
        }
        Language::Node => {
            "one pool for the process: new Pool({ max: … }) beside the handlers, pool.query() instead of new Client() in them"
        }
        other => pool_of(other),
    };
    of_store(pool)
}

fn of_store(pool: &str) -> Vec<Advice> {
    vec![
        Advice::new(
            pool,
            "connections stay open while idle: all processes together must stay below the server's limit; settings of a session outlive the request",
        ),
        Advice::new(
            "a pooler beside the database (PgBouncer, ProxySQL, RDS Proxy), where processes live too short to keep one",
            "one more thing to run; the connect to it remains, without the start of a session; in transaction mode no session state",
        ),
    ]
}

fn pool_of(language: Language) -> &'static str {
    match language {
        Language::Python => {
            "a pool for the process (psycopg_pool, SQLAlchemy's QueuePool, Django: CONN_MAX_AGE or OPTIONS[\"pool\"])"
        }
        Language::Java => "a pool (HikariCP) in place of the plain DataSource or DriverManager",
        Language::Go => {
            "one sql.DB for the process, SetMaxIdleConns near SetMaxOpenConns (2 are kept by default)"
        }
        Language::DotNet => {
            "Pooling=true in the connection string, the same string each time, Minimum Pool Size"
        }
        Language::Php => "persistent connections (PDO::ATTR_PERSISTENT)",
        _ => "one pool for the process, made when it starts",
    }
}

fn kept_by_pool(stack: &Stack) -> &'static str {
    match stack.language {
        Language::Node => {
            "let the pool keep its connections: a longer idleTimeoutMillis (pg: 10 s), min above zero, no maxUses"
        }
        Language::Go => {
            "let the pool keep its connections: SetMaxIdleConns near SetMaxOpenConns (2 are kept by default), a longer SetConnMaxIdleTime"
        }
        Language::Java => {
            "let the pool keep its connections: minimumIdle at maximumPoolSize, a longer maxLifetime"
        }
        Language::DotNet => {
            "let the pool keep its connections: Minimum Pool Size, a longer Connection Idle Lifetime"
        }
        _ => "let the pool keep its connections: more idle ones, for longer",
    }
}

fn kept_alive(language: Language) -> &'static str {
    match language {
        Language::Node => {
            "keep connections: one new Agent({ keepAlive: true }) for the process, or fetch, which does"
        }
        Language::Python => {
            "keep connections: one requests.Session (httpx.Client, aiohttp.ClientSession) for the process"
        }
        Language::Go => {
            "keep connections: one http.Client for the process, MaxIdleConnsPerHost above 2, read each body to its end and close it"
        }
        Language::DotNet => "keep connections: IHttpClientFactory, or one HttpClient for the process",
        Language::Java => "keep connections: one client with a connection pool for the process",
        Language::Ruby => "keep connections: net-http-persistent, or Faraday over it",
        Language::Php => {
            "keep connections: one Guzzle client and one curl handle for all calls of a request, a local proxy between requests"
        }
        Language::Rust => "keep connections: one client (reqwest::Client) for the process, cloned",
        Language::Other => "keep connections open between requests, one client for the process",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Report;
    use crate::testing::trace;

    const CONNECT: &str = "connect shop";
    const NAME: &str = "SELECT name FROM customers WHERE id = ?";

    /// Requests of 40 ms one after another, of which those for which `opens` holds connect.
    fn judged(requests: u32, apart_ms: f64, opens: impl Fn(u32) -> bool) -> Report {
        trace().judge(requests, |trace, number| {
            let from = f64::from(number) * apart_ms;
            let trace = trace.entry("GET /name", from, from + 40.0).by("@opentelemetry/instrumentation-pg");
            let trace = match opens(number) {
                true => trace.call(Kind::Connect, CONNECT, from + 1.0, from + 31.0),
                false => trace,
            };
            trace.sql(NAME, from + 31.0, from + 39.0)
        })
    }

    fn told(report: &Report) -> Vec<&str> {
        report.findings.iter().map(|finding| &*finding.detector).filter(|id| *id == DETECTOR.id).collect()
    }

    #[test]
    fn a_connection_of_each_request() {
        let report = judged(20, 50.0, |_| true);
        assert_eq!(told(&report), [DETECTOR.id]);
        let finding = &report.findings[0];
        assert_eq!((finding.verify.now, finding.confidence), (100, Confidence::High));
        assert!(finding.why.contains("29.9 ms each"), "{}", finding.why);
        assert!(finding.fix[0].text.contains("pool"), "{:?}", finding.fix);
    }

    #[test]
    fn silent_on_the_first_requests() {
        assert!(told(&judged(20, 50.0, |number| number == 0)).is_empty());
        assert!(told(&judged(4, 50.0, |_| true)).is_empty());
        let filled = judged(12, 0.5, |_| true);
        assert!(told(&filled).is_empty());
        assert!(filled.dismissed.iter().any(|it| it.reason.contains("a pool was filled")));
    }

    #[test]
    fn what_is_below_a_connect_is_part_of_it() {
        let nested = trace().entry("GET /name", 0.0, 40.0).call(Kind::Connect, CONNECT, 1.0, 31.0).below();
        let nested = nested.call(Kind::Connect, "connect db", 2.0, 9.0).out().sql(NAME, 31.0, 39.0);
        let inspected = nested.inspect();
        let found = inspected.one(DETECTOR.id);
        assert_eq!((found.claims.len(), found.repeats), (1, 1));
    }

    #[test]
    fn silent_on_checkouts_and_beside_the_path() {
        let checkout = trace().entry("GET /", 0.0, 40.0).call(Kind::PoolWait, "wait", 1.0, 31.0);
        checkout.inspect().silent(DETECTOR.id);
        let beside = trace().entry("GET /", 0.0, 40.0).call(Kind::Connect, CONNECT, 1.0, 9.0).http(
            "GET http://a",
            0.5,
            39.0,
        );
        beside.inspect().silent(DETECTOR.id);
    }

    #[test]
    fn a_pool_that_keeps_nothing_is_told_to_keep() {
        let report = trace().judge(20, |trace, number| {
            let from = f64::from(number) * 50.0;
            let trace = trace.entry("GET /name", from, from + 40.0);
            let trace = trace.call(Kind::PoolWait, "wait for a connection", from + 1.0, from + 31.0).below();
            let trace = trace.call(Kind::Connect, CONNECT, from + 2.0, from + 30.0).out();
            trace.sql(NAME, from + 31.0, from + 39.0)
        });
        let finding = report.findings.iter().find(|finding| finding.detector == DETECTOR.id);
        assert!(finding.is_some_and(|finding| finding.fix[0].text.contains("keep its connections")));
    }
}
