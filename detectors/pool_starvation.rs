//! Finds requests that wait for a connection because all connections of the pool are in use.
//!
//! ## Why it is slow
//!
//! A pool hands out a fixed number of connections. Who comes when all are in use waits until another
//! request gives one back: the time of others is added to its own. Under load the queue grows much
//! faster than the load, and an endpoint that needs 5 ms of the database waits for seconds.
//!
//! ## What counts
//!
//! What several requests of one process show together. Waits are spans that report a checkout and
//! take 1 ms or longer or, where the instrumentation reports none, gaps before statements. They
//! count when they end as another request gives its connection back (after a statement, after its
//! last one, or with the request: whichever explains most), at least half of the time that is waited
//! and far more than by chance, and when at these moments the number of connections in use is the
//! same maximum, which is then taken for the size of the pool. A queue for worker threads looks the
//! same without reported checkouts; confidence is medium then.
//!
//! A pooler beside the database tells it itself: PgBouncer's log and `SHOW STATS` say how long clients wait for a
//! connection to the server, `SHOW POOLS` where they do as none is idle. No request shows that, so it is told of the
//! pooler as a whole. So it is where PostgreSQL's log says that it refused connections (`sorry, too many clients
//! already`): then the pools of all its clients together are larger than what it allows, and whoever comes fails.
//!
//! ## Stays silent
//!
//! - on quick statements one after another, whose pauses no other request ends;
//! - on a slow database: all its connections may be busy, but nobody waits for one;
//! - on a plateau that is the load itself: as many requests as connections, and none of them waits;
//! - on healthy checkouts, and on work of the service itself before a statement.
//!
//! ## Remedy
//!
//! Hold connections for a shorter time, or have more of them. Best case: nobody waits. Worst case: a
//! fifth of the reported waits is left, as the server is busier, and half of the gaps, as part of
//! them is the service's own work. As many connections as would do follow from Little's law: arrivals
//! times the time that one is held. More connections than the server's processors can feed move the
//! queue into the server: what holds the connections is the cause, and shortening it costs nothing.
//!
//! ## How to check
//!
//! The 95th percentile of the waits. Under the same load no request waits for a connection for 1 ms.

use crate::candidate::{Advice, Candidates, Case, Check, Mark, Part, Remedy, Subject, Told, View};
use crate::docket::CandidateKey;
use crate::evidence::server::{PoolNow, PoolerCounts, PoolerTotals};
use crate::evidence::timeline::{Noted, WAIT_MIN_NS, Waited};
use crate::evidence::{Dictionary, OriginRef};
use crate::figures::counted;
use crate::finding::{Confidence, Unit};
use crate::nature::Nature;
use crate::settings::{Setting, Values};
use crate::shown::{Shown, Unconfirmed, Whole};
use crate::timelines::{Holding, Starvation};
use crate::wording::{brief, duration, list};
use crate::{Detector, Inspect};

const WAIT_MIN: Setting = Setting {
    name: "wait_min",
    unit: "ms",
    default: 1,
    why: "a healthy checkout takes microseconds, with a test of the connection one round trip",
};

const GAP_MIN: Setting = Setting {
    name: "gap_min",
    unit: "ms",
    default: 5,
    why: "shorter gaps before a statement are mostly the service's own work",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "pool-starvation",
    summary: "requests that wait for a connection while all of the pool are in use",
    page: include_str!("pool_starvation.rs"),
    settings: &[WAIT_MIN, GAP_MIN],
    inspect: Inspect::Request(Nature::WAITED, inspect),
    plan: None,
    confirm: Some(confirm),
    logs: false,
    tell: Some(tell),
};

/// What is left of reported waits in the worst case, per mille.
const WAITS_AT_WORST: u16 = 200;
/// What is left of gaps in the worst case, per mille.
const GAPS_AT_WORST: u16 = 500;
/// A holder with this share of the time, per mille, is the cause.
const CAUSE_MIN: u64 = 300;

/// Names what may be waits; the timelines tell whether they are.
fn inspect(view: &View<'_>, found: &mut Candidates) {
    if view.request.duration_ns() < WAIT_MIN_NS {
        return;
    }
    for each_statement in [false, true] {
        let mut counted = view.waits.iter().filter(|wait| counts(view, wait, each_statement)).peekable();
        if counted.peek().is_some() {
            let service = view.dictionary.origin(view.request.opened_by.origin).service;
            claim(view, Subject::Pool { service, each_statement }, counted, found);
        }
    }
}

/// Whether a wait is one for a connection, if one is taken for each statement or once by a request.
fn counts(view: &View<'_>, wait: &Waited, each_statement: bool) -> bool {
    let long = |setting| wait.duration_ns >= view.settings.get(setting).saturating_mul(1_000_000);
    match wait.noted {
        Noted::Wait => !each_statement && long(&WAIT_MIN),
        Noted::GapInHold => each_statement && long(&GAP_MIN),
        _ => long(&GAP_MIN),
    }
}

fn claim<'w>(
    view: &View<'_>,
    subject: Subject,
    waits: impl Iterator<Item = &'w Waited>,
    found: &mut Candidates,
) {
    let candidate = found.push(subject, Remedy::Remove { worst: WAITS_AT_WORST }, Confidence::High);
    for wait in waits {
        let part = if wait.noted == Noted::Wait { Part::Whole } else { Part::GapBefore };
        if part == Part::GapBefore {
            candidate.remedy = Remedy::Remove { worst: GAPS_AT_WORST };
            candidate.confidence = Confidence::Medium;
        }
        candidate.claim_part(wait.operation, part);
        let mark = Mark::By(view.operation(wait.operation).origin);
        if !candidate.marks.contains(&mark) {
            candidate.mark(mark);
        }
    }
}

/// What the timelines show of the pool. It is considered in two ways and dismissed once.
fn confirm<'a>(whole: &'a Whole<'a>, key: &CandidateKey) -> Result<Shown<'a>, Unconfirmed> {
    let Subject::Pool { service, each_statement } = key.subject else { return Err(Unconfirmed(None)) };
    match whole.starvations.confirms(service) {
        Some(starvation) if starvation.is_for_each_statement() == each_statement => {
            Ok(Shown::Pool(starvation))
        }
        None if !each_statement => {
            Err(Unconfirmed::because("no other request gave a connection back when the wait ended"))
        }
        _ => Err(Unconfirmed(None)),
    }
}

fn tell(case: &Case<'_>) -> Told {
    Told {
        dismissed: None,
        why: pool_of(case).map_or_else(String::new, |pool| why(case.dictionary, pool)),
        fix: pool_of(case).map_or_else(Vec::new, |pool| fixes(case, pool)),
        verify: Check {
            metric: format!("p95 of a wait for a connection at {}", case.endpoint),
            unit: Unit::Ns,
            now: case.single_ns.1,
            expected: 0,
        },
        confidence: pool_of(case)
            .map(|pool| if pool.reported { Confidence::High } else { Confidence::Medium }),
    }
}

fn pool_of<'a>(case: &Case<'a>) -> Option<&'a Starvation> {
    if let Shown::Pool(starvation) = *case.shown { Some(starvation) } else { None }
}

fn why(dictionary: &Dictionary, pool: &Starvation) -> String {
    let percent = |per_mille: u64| format!("{} %", per_mille / 10);
    let waits = if pool.reported { "waits" } else { "gaps before statements" };
    format!(
        "{} of the time of {} {waits} ends when another request gives a connection back ({} by chance), and \
         {} of these end while {} are in use, which is the inferred size of the pool; at the busiest \
         instance {} are taken in a second and held for {} on average (p95 {}): {}",
        percent(pool.explained),
        pool.waits,
        percent(pool.by_chance),
        percent(pool.at_plateau),
        connections(pool),
        per_second(pool.arrivals_per_1000_s),
        duration(pool.hold_mean_ns),
        duration(pool.hold_p95_ns),
        list(&holders(dictionary, pool)),
    )
}

fn holders(dictionary: &Dictionary, pool: &Starvation) -> Vec<String> {
    let holders = pool.holders.iter().filter(|(_, share)| *share >= 10);
    holders.map(|(holding, share)| format!("{} ({} %)", name(dictionary, *holding), share / 10)).collect()
}

fn name(dictionary: &Dictionary, holding: Holding) -> String {
    match holding {
        Holding::Statement(shape) | Holding::Call(shape) => brief(dictionary, shape),
        Holding::Own => "the service's own code".to_owned(),
    }
}

fn connections(pool: &Starvation) -> String {
    match pool.pool_size {
        (1, 1) => "1 connection".to_owned(),
        (least, most) if least == most => format!("{most} connections"),
        (least, most) => format!("{least} to {most} connections"),
    }
}

fn per_second(per_1000_s: u64) -> String {
    match per_1000_s {
        10_000.. => format!("{}", per_1000_s / 1000),
        _ => format!("{}.{}", per_1000_s / 1000, per_1000_s % 1000 / 100),
    }
}

/// The cause first: what else is done while connections are held; else more connections.
fn fixes(case: &Case<'_>, pool: &Starvation) -> Vec<Advice> {
    let mut fixes = vec![larger(case, pool)];
    let most = pool.holders.first().filter(|(_, share)| *share >= CAUSE_MIN);
    match most.map(|(holding, _)| *holding) {
        Some(Holding::Statement(shape)) => fixes.push(plain(
            format!("make what holds the connections faster: {}", brief(case.dictionary, shape)),
            "the statement may be needed as it is; see its own finding, if there is one",
        )),
        Some(Holding::Call(shape)) => fixes.insert(
            0,
            plain(
                format!(
                    "hold connections shorter: {} before one is taken, or after it is given back and the \
                     transaction is committed",
                    brief(case.dictionary, shape)
                ),
                "what is read before and written after is no longer one transaction; a failure between \
                 them has to be made good",
            ),
        ),
        Some(Holding::Own) => fixes.insert(
            0,
            plain(
                "hold connections shorter: give one back (close the session) before the service's own work, \
                 such as serialising the answer"
                    .to_owned(),
                "objects can no longer load anything later; what is needed has to be loaded before",
            ),
        ),
        None => {}
    }
    fixes
}

fn larger(case: &Case<'_>, pool: &Starvation) -> Advice {
    let (_, size) = pool.pool_size;
    let enough = pool.size_p95.max(size + 1);
    let together = enough.saturating_mul(pool.instances_seen.max(1));
    let instances = match pool.instances_seen {
        0 | 1 => String::new(),
        instances => format!("; {instances} instances together {together}"),
    };
    plain(
        format!(
            "raise {} from {size} to {enough} (arrivals x time held: {} by the mean, {} by the p95; {} wanted \
             one at once){instances}, below the server's max_connections less what others use; behind \
             PgBouncer its default_pool_size",
            setting_of(case),
            pool.size_mean,
            pool.size_p95,
            pool.asked_at_once_p95,
        ),
        "memory of the server for each; beyond what its processors and disks can work on at once, statements \
         only slow each other down",
    )
}

/// What a server's log tells of clients that it sent away.
pub(crate) fn tell_refused(refused: u64) -> Told {
    Told {
        why: format!(
            "the server refused {} since all that it allows were in use: those who asked failed",
            counted(refused, "connection")
        ),
        fix: vec![
            Advice::new(
                "give each program a pool with an upper limit, and keep the sum of all of them, over all instances, below \
                 max_connections",
                "who finds its pool in use waits there, and does not fail",
            ),
            Advice::new(
                "put a pooler between them (PgBouncer with pool_mode = transaction): many clients share few connections",
                "what lasts longer than a transaction (SET, session locks, LISTEN) does not work through it",
            ),
            Advice::new(
                "find out who keeps connections without using them: pg_stat_activity by state and application_name",
                "a larger max_connections costs memory for each, and processors do not get more",
            ),
        ],
        verify: Check {
            metric: "connections refused".to_owned(),
            unit: Unit::Count,
            now: refused,
            expected: 0,
        },
        confidence: None,
        dismissed: None,
    }
}

/// What a pooler tells of its clients.
#[derive(Debug)]
pub(crate) struct Pooled {
    pub(crate) totals: PoolerTotals,
    /// Lines of its log.
    pub(crate) counts: PoolerCounts,
    /// Pools in which clients waited when they were shown.
    pub(crate) starved: Vec<(String, PoolNow)>,
}

/// What is left of waits that a pooler tells.
pub(crate) const WAITS_LEAVE: Remedy = Remedy::Remove { worst: WAITS_AT_WORST };

/// Shorter waits of a transaction are a healthy checkout.
pub(crate) fn wait_min_ns(settings: Values<'_>) -> u64 {
    settings.get(&WAIT_MIN).saturating_mul(1_000_000)
}

/// What a pooler tells, in words.
pub(crate) fn tell_pooled(pooled: &Pooled) -> Told {
    let Pooled { totals, counts, starved } = pooled;
    // Of fewer than one in a second only the most that there may have been is known.
    let transactions = if totals.transactions > 0 { totals.transactions } else { totals.at_most.0 };
    let time_ns = if totals.transactions > 0 { totals.time_ns } else { totals.at_most.1 };
    let each = |ns: u64| ns / transactions.max(1);
    let wait_ns = each(totals.wait_ns);
    let mut why = format!(
        "a transaction waits {} for a connection to the server on average; it takes {} by PgBouncer's count, of {}{} \
         transactions",
        duration(wait_ns),
        duration(each(time_ns)),
        if totals.transactions > 0 { "" } else { "at most " },
        transactions,
    );
    for (pool, now) in starved.iter().take(STARVED_MAX) {
        why.push_str(&format!(
            "; in {pool} {} clients wait, the first for {}, while all {} connections are in use",
            now.waiting,
            duration(now.longest_ns),
            now.in_use
        ));
    }
    let refusals = [
        (counts.timed_out, "gave up waiting (query_wait_timeout)"),
        (counts.refused, "were sent away (no more connections allowed)"),
    ];
    for (clients, what) in refusals.iter().filter(|(clients, _)| *clients > 0) {
        why.push_str(&format!("; {clients} clients {what}"));
    }
    Told {
        why,
        fix: fixes_of_pooler(),
        verify: Check {
            metric: "wait for a connection of a transaction, by PgBouncer's statistics".to_owned(),
            unit: Unit::Ns,
            now: wait_ns,
            expected: 0,
        },
        confidence: None,
        dismissed: None,
    }
}

/// Pools that are named.
const STARVED_MAX: usize = 3;

fn fixes_of_pooler() -> Vec<Advice> {
    vec![
        plain(
            "hold connections shorter: a connection of the pool is taken until the transaction ends (in session mode until \
             the client goes), so calls to others and long statements in a transaction keep everybody waiting; \
             pool_mode = transaction, where sessions are pooled"
                .to_owned(),
            "in transaction mode what is set for a session (SET, temporary tables, LISTEN, advisory locks) is lost",
        ),
        plain(
            "a larger pool: default_pool_size, or pool_size of the database, by as many as wait on average".to_owned(),
            "more connections than the server's processors can feed move the queue into the server; max_connections is \
             the limit",
        ),
    ]
}

fn plain(text: String, tradeoff: &str) -> Advice {
    Advice { text, tradeoff: tradeoff.to_owned(), remedy: None }
}

/// Part of an instrumentation's name, and what the pool's size is called; the first that fits.
const SIZES: [(&str, &str); 29] = [
    ("hikari", "HikariCP maximumPoolSize"),
    ("c3p0", "c3p0 maxPoolSize"),
    ("dbcp", "DBCP maxTotal"),
    ("sqlalchemy", "SQLAlchemy pool_size + max_overflow"),
    ("django", "Django OPTIONS[\"pool\"][\"max_size\"] (psycopg_pool max_size)"),
    ("asyncpg", "asyncpg create_pool max_size"),
    ("psycopg2", "psycopg2 ThreadedConnectionPool maxconn"),
    ("psycopg", "psycopg_pool max_size"),
    ("prisma", "Prisma connection_limit"),
    ("sequelize", "Sequelize pool.max"),
    ("typeorm", "TypeORM poolSize"),
    ("knex", "knex pool.max"),
    ("instrumentation-pg", "node pg Pool max"),
    ("instrumentation-mysql", "mysql connectionLimit"),
    ("mongodb", "MongoDB maxPoolSize"),
    ("pgx", "pgxpool MaxConns"),
    ("otelsql", "Go SetMaxOpenConns"),
    ("database/sql", "Go SetMaxOpenConns"),
    ("gorm", "Go SetMaxOpenConns"),
    ("active_record", "ActiveRecord pool (database.yml)"),
    ("activerecord", "ActiveRecord pool (database.yml)"),
    ("rails", "ActiveRecord pool (database.yml)"),
    ("npgsql", "Npgsql Maximum Pool Size"),
    ("entityframework", "Maximum Pool Size in the connection string"),
    ("sqlclient", "Max Pool Size in the connection string"),
    ("sqlx", "sqlx max_connections"),
    ("diesel", "r2d2 max_size"),
    ("sea_orm", "SeaORM max_connections"),
    ("jdbc", "HikariCP maximumPoolSize"),
];

/// Languages with one usual pool.
const SIZES_BY_LANGUAGE: [(&str, &str); 6] = [
    ("java", "HikariCP maximumPoolSize"),
    ("go", "Go SetMaxOpenConns"),
    ("ruby", "ActiveRecord pool (database.yml)"),
    ("dotnet", "Maximum Pool Size in the connection string"),
    ("nodejs", "the pool's max (node pg Pool max)"),
    ("rust", "max_connections of the pool"),
];

/// What the size of the pool is called, by the instrumentation.
fn setting_of(case: &Case<'_>) -> &'static str {
    let origins: Vec<OriginRef> = case
        .marks
        .iter()
        .filter_map(|(mark, _)| if let Mark::By(origin) = mark { Some(*origin) } else { None })
        .collect();
    let text = |read: fn(&crate::evidence::Origin) -> crate::evidence::Symbol| -> Vec<String> {
        let texts = origins.iter().map(|&origin| case.dictionary.text(read(case.dictionary.origin(origin))));
        texts.map(str::to_ascii_lowercase).collect()
    };
    let (libraries, languages) = (text(|origin| origin.library), text(|origin| origin.language));
    let by_library = SIZES.iter().find(|(part, _)| libraries.iter().any(|library| library.contains(part)));
    let by_language =
        || SIZES_BY_LANGUAGE.iter().find(|(name, _)| languages.iter().any(|language| language == name));
    by_library.or_else(by_language).map_or("the size of the pool", |(_, setting)| setting)
}
