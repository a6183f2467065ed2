//! Finds statements that wait for a lock which another request holds.
//!
//! ## Why it is slow
//!
//! A write locks its row until its transaction ends; so do `SELECT … FOR UPDATE` and locks that have a
//! name. Where all requests want the same one, they queue: each waits as long as all before it hold the
//! lock. The statement itself is quick, and no index makes it quicker.
//!
//! ## What counts
//!
//! Writes, locking reads and named locks (`pg_advisory_lock`, `GET_LOCK`) of 10 ms or longer, by the table or
//! name that they lock. It counts when they end always the same short time after another request's statement,
//! transaction or request (whichever explains most): at least half of the time that is waited and far more than
//! by chance, while one request at a time holds the lock, and one does for most of the time that the others wait.
//! How long such a statement takes without waiting is the median of those that began while no other request wanted
//! the lock (of fewer than three: the fastest of all), and at most that short time.
//!
//! The same holds for spans of the service's own code with nothing below them, in one process: a mutex lets one
//! request in at a time. So does an interpreter's lock where threads compute in turns: medium confidence.
//!
//! A server's log tells more and needs no inference: which statement waited how long on which table
//! (`log_lock_waits = on` in PostgreSQL, `Lock_time` in MySQL and MariaDB), and which transaction held the lock, whose
//! statements are in the log, too. Then exactly those waits count. A log that tells of no wait is looked at as traces are:
//! its transactions are the requests. Where there are few waits each has to end as another transaction does that held the
//! lock for most of its time, which is a lead.
//!
//! ## Stays silent
//!
//! - on statements that are slow when they run alone: slow-query tells them;
//! - on threads that share the processor: they end at any time after each other;
//! - where requests lock different rows and nobody waits;
//! - on a server that is slow for everybody: waits end at no particular moment; or that stands still and then answers
//!   all: nobody holds anything meanwhile. Where the lock is given back after
//!   each statement, a server that works on one at a time looks the same: medium confidence;
//!
//! ## Remedy
//!
//! Hold the lock for a shorter time: what is done between taking it and the end of the transaction is the cause.
//! Best case: each statement takes what it takes alone. Worst case: half of the waits is left.
//!
//! ## How to check
//!
//! The 95th percentile of the statement under the same load; `log_lock_waits` of PostgreSQL names who waits for
//! whom, where a wait is longer than `deadlock_timeout`.

use crate::blockings::Blocked;
use crate::candidate::{Advice, Candidates, Case, Check, OwnTime, Remedy, Subject, Told, View};
use crate::docket::CandidateKey;
use crate::evidence::{Dictionary, Kind, ShapeRef};
use crate::figures::counted;
use crate::finding::{Confidence, Unit};
use crate::nature::Nature;
use crate::settings::Setting;
use crate::shown::{Shown, Unconfirmed, Whole};
use crate::timelines::{Contention, Held, Holding, ToldBy};
use crate::wording::{brief, duration, list};
use crate::{Detector, Inspect};

const WAIT_MIN: Setting = Setting {
    name: "wait_min",
    unit: "ms",
    default: 10,
    why: "shorter statements wait too little to be told, whatever they wait for",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "lock-wait",
    summary: "statements that wait for a lock which another request holds",
    page: include_str!("lock_wait.rs"),
    settings: &[WAIT_MIN],
    inspect: Inspect::Request(Nature::EXCLUDES.or(Nature::INTERNAL).or(Nature::LOGGED), inspect),
    plan: None,
    confirm: Some(confirm),
    logs: true,
    tell: Some(tell),
};

/// What a transaction of a log is told to do that does nothing.
const IDLE: &str = "nothing: the transaction is idle";

/// Tables that are named.
const NAMED_MAX: usize = 3;

/// What waits in a log is quick without waiting: the slow executions take so many times the quickest one.
const QUICK_ALONE: u64 = 10;

/// What holds the lock for this share of the time, per mille, is named as the cause.
const CAUSE_MIN: u64 = 300;

/// Names statements that may wait; the timelines tell whether they do, or the server's log.
fn inspect(view: &View<'_>, found: &mut Candidates) {
    let long_ns = view.settings.get(&WAIT_MIN).saturating_mul(1_000_000);
    if view.request.is_logged() {
        return inspect_log(view, long_ns, found);
    }
    for group in view.groups() {
        let Some(first) = group.first().map(|&number| view.operation(number)) else { continue };
        if !view.nature(group[0]).has(Nature::EXCLUDES) {
            continue;
        }
        let mut long =
            group.iter().filter(|&&number| view.operation(number).duration_ns() >= long_ns).peekable();
        if long.peek().is_none() {
            continue;
        }
        // What it takes alone is known when all is merged.
        let remedy = Remedy::Alone { ns: 0 };
        let candidate = found.push(Subject::Shape(first.shape), remedy, Confidence::High);
        candidate.claim(long.copied());
        view.mark_origin(first, candidate);
    }
    if view.memo.event_loop(view.request.opened_by.origin, view.dictionary).is_none() {
        inspect_code(view, long_ns, found);
    }
}

/// Names statements that waited as the server's log says: no more than that is given back.
fn inspect_log(view: &View<'_>, long_ns: u64, found: &mut Candidates) {
    let waits = view.operations().filter(|(_, operation)| operation.kind == Kind::LockWait);
    if !view.dictionary.server().tells_of_waits() {
        return inspect_unlogged(view, long_ns, found);
    }
    for (number, wait) in waits.filter(|(_, wait)| wait.duration_ns() >= long_ns) {
        let Some(statement) = view.above(wait).filter(|statement| !statement.is_given_up()) else { continue };
        let subject = Subject::Shape(statement.shape);
        found.about(subject, Remedy::Alone { ns: 0 }, Confidence::High).claim([number]);
    }
}

/// Names statements of a log that may wait, where that is not logged. What is quick in most executions is known when all
/// are merged.
fn inspect_unlogged(view: &View<'_>, long_ns: u64, found: &mut Candidates) {
    for (number, operation) in view.operations().filter(|(_, operation)| operation.kind == Kind::Sql) {
        let is_long = operation.duration_ns() >= long_ns && !operation.is_given_up();
        if is_long && view.memo.locked_by(operation.shape, view.dictionary).is_some() {
            let subject = Subject::Shape(operation.shape);
            found.about(subject, Remedy::Alone { ns: 0 }, Confidence::Medium).claim([number]);
        }
    }
}

/// Names spans of the service's own code that may wait.
fn inspect_code(view: &View<'_>, long_ns: u64, found: &mut Candidates) {
    for (number, operation) in view.operations().filter(|(_, operation)| operation.kind == Kind::Internal) {
        if operation.self_path_ns < long_ns || operation.self_path_ns < operation.path_ns {
            continue;
        }
        let subject = Subject::Own(OwnTime::Span(operation.name));
        let candidate = found.about(subject, Remedy::Alone { ns: 0 }, Confidence::Medium);
        if candidate.claims.is_empty() {
            view.mark_origin(operation, candidate);
        }
        candidate.claim([number]);
    }
}

fn confirm<'a>(whole: &'a Whole<'a>, key: &CandidateKey) -> Result<Shown<'a>, Unconfirmed> {
    let lock = match key.subject {
        Subject::Shape(shape) => whole.contentions.confirms(shape),
        Subject::Own(OwnTime::Span(name)) => whole.contentions.confirms_code(key.endpoint.service, name),
        _ => None,
    };
    let is_of_log = whole.docket.is_logged(&key.endpoint);
    let logged = match key.subject {
        Subject::Shape(shape) => whole.blockings.confirms(shape),
        _ => None,
    };
    match (logged, lock) {
        // In the log the wait alone is claimed.
        (Some(blocked), _) if is_of_log => Ok(Shown::Blocked(blocked, 0)),
        (None, _) if is_of_log => unlogged(whole, &key.subject).ok_or(Unconfirmed(None)),
        (Some(blocked), lock) if lock.is_none_or(|(inferred, _)| tells_most(blocked, inferred)) => {
            Ok(Shown::Blocked(blocked, lock.map_or(0, |(_, alone_ns)| alone_ns)))
        }
        (_, Some((inferred, alone_ns))) => Ok(Shown::Lock(inferred, alone_ns)),
        _ => Err(Unconfirmed::because("no other request gave a lock back when it ended")),
    }
}

/// A lock that a statement of a log seems to wait for, which its log does not tell.
fn unlogged<'a>(whole: &'a Whole<'a>, subject: &Subject) -> Option<Shown<'a>> {
    let Subject::Shape(shape) = *subject else { return None };
    let (contention, alone_ns) = whole.logged_contentions.confirms(shape)?;
    let timed = whole.docket.logged.of_shape(shape).map(|(_, tally)| tally).filter(|tally| tally.timed > 0);
    let (quickest_ns, p95_ns) = timed
        .map(|tally| (tally.durations.quantile(0), tally.durations.quantile(950)))
        .reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))?;
    let alone_ns = if contention.alone == 0 { quickest_ns } else { alone_ns.max(quickest_ns) };
    (quickest_ns.saturating_mul(QUICK_ALONE) <= p95_ns).then_some(Shown::Lock(contention, alone_ns))
}

/// Whether a log has most of the waits that traces let infer: it has those alone that are longer than
/// `deadlock_timeout`.
fn tells_most(logged: &Blocked, inferred: &Contention) -> bool {
    logged.waits.saturating_mul(2) >= inferred.waits
}

fn tell(case: &Case<'_>) -> Told {
    let (lock, alone_ns) = match *case.shown {
        Shown::Lock(lock, alone_ns) => (lock, alone_ns),
        Shown::Blocked(blocked, alone_ns) => return tell_blocked(case, blocked, alone_ns),
        _ => return Told::default(),
    };
    Told {
        dismissed: None,
        why: why(case.dictionary, lock, alone_ns),
        fix: match lock.code {
            Some(_) => fixes_of_code(),
            None => fixes(cause(case.dictionary, lock).filter(|cause| cause != IDLE)),
        },
        verify: Check {
            metric: match lock.code {
                Some((_, name)) => format!("p95 of {}", case.dictionary.text(name)),
                None => format!("p95 of {}", brief(case.dictionary, case.shape())),
            },
            unit: Unit::Ns,
            now: case.single_ns.1,
            expected: alone_ns,
        },
        confidence: confidence(lock),
    }
}

fn confidence(lock: &Contention) -> Option<Confidence> {
    // A server that works on one statement at a time looks the same, as does what code waits for elsewhere.
    let looks_alike = lock.held == Held::EachStatement || lock.code.is_some();
    match lock.told_by {
        ToldBy::LogOfFew => Some(Confidence::Low),
        ToldBy::Log if looks_alike => Some(Confidence::Low),
        ToldBy::Log => Some(Confidence::Medium),
        ToldBy::Traces => looks_alike.then_some(Confidence::Medium),
    }
}

/// What a server's log says of who waits for whom.
fn tell_blocked(case: &Case<'_>, blocked: &Blocked, alone_ns: u64) -> Told {
    let dictionary = case.dictionary;
    let cause =
        blocked.busy.first().filter(|(_, busy_ns)| *busy_ns * 2 >= blocked.known_ns).map(|(shape, _)| *shape);
    Told {
        why: why_blocked(dictionary, blocked, cause),
        fix: fixes(cause.filter(|shape| *shape != case.shape()).map(|shape| brief(dictionary, shape))),
        verify: Check {
            metric: format!("p95 of waits for locks by {}", brief(dictionary, case.shape())),
            unit: Unit::Ns,
            now: case.single_ns.1,
            expected: alone_ns,
        },
        confidence: None,
        dismissed: None,
    }
}

fn why_blocked(dictionary: &Dictionary, blocked: &Blocked, cause: Option<ShapeRef>) -> String {
    let waits = counted(blocked.waits, "wait");
    let mut why = format!("{waits} for locks took {}", duration(blocked.total_ns));
    let named: Vec<String> =
        blocked.relations.iter().take(NAMED_MAX).map(|(name, _)| name.to_string()).collect();
    if !named.is_empty() {
        why.push_str(&format!(", on {}", list(&named)));
    }
    match blocked.holders.first() {
        Some((holder, _)) => why.push_str(&format!("; held by {}", brief(dictionary, *holder))),
        None if blocked.known_ns == 0 && blocked.total_ns > 0 => {
            why.push_str("; what held them is not in the log");
        }
        None => {}
    }
    if let Some(cause) =
        cause.filter(|cause| blocked.holders.first().is_none_or(|(holder, _)| holder != cause))
    {
        why.push_str(&format!(", most of the time for {}", brief(dictionary, cause)));
    }
    if blocked.idle_ns * 5 >= blocked.known_ns.max(1) {
        let percent = blocked.idle_ns.saturating_mul(100) / blocked.known_ns.max(1);
        why.push_str(&format!("; for {percent} % of it the holder was idle"));
    }
    why
}

fn why(dictionary: &Dictionary, lock: &Contention, alone_ns: u64) -> String {
    let percent = |per_mille: u64| per_mille / 10;
    let (who, unlogged) = match lock.told_by {
        ToldBy::Traces => ("request", ""),
        ToldBy::Log | ToldBy::LogOfFew => (
            "session",
            "; inferred, as waits are not in this log: with log_lock_waits = on it tells who waits for whom",
        ),
    };
    format!(
        "it takes {} {}; {} % of the time of {} waits ends when another \
         {who} {} ({} % by chance); the lock is held for {} on average{}{unlogged}",
        duration(alone_ns),
        if lock.alone > 0 { "while no other request wants the lock" } else { "at its fastest" },
        percent(lock.explained),
        lock.waits,
        if lock.code.is_some() { "leaves this code" } else { gives_back(lock.held) },
        percent(lock.by_chance),
        duration(lock.hold_mean_ns),
        cause(dictionary, lock).map_or_else(String::new, |cause| format!(", most of it for {cause}")),
    )
}

fn gives_back(held: Held) -> &'static str {
    match held {
        Held::EachStatement => "ends its statement",
        Held::FirstToLast => "ends its transaction",
        Held::ToTheEnd => "ends",
    }
}

/// What the lock is held for most of the time, if anything is.
fn cause(dictionary: &Dictionary, lock: &Contention) -> Option<String> {
    let (holding, _) = lock.holders.first().filter(|(_, share)| *share >= CAUSE_MIN)?;
    match holding {
        Holding::Statement(shape) | Holding::Call(shape) if shape.0 != 0 => Some(brief(dictionary, *shape)),
        Holding::Own if lock.told_by != ToldBy::Traces => Some(IDLE.to_owned()),
        Holding::Own if lock.held != Held::EachStatement => Some("the service's own code".to_owned()),
        _ => None,
    }
}

/// What helps where code lets one request in at a time.
fn fixes_of_code() -> Vec<Advice> {
    let plain = |text: &str, tradeoff: &str| Advice {
        text: text.to_owned(),
        tradeoff: tradeoff.to_owned(),
        remedy: None,
    };
    vec![
        plain(
            "hold the lock of this code (a mutex, synchronized, a connection that only one may use) for less: do what \
             takes long before or after, and only change what is shared inside",
            "what is shared may change between two parts: check it again",
        ),
        plain(
            "share less: a lock for each key instead of one for all, or what only one may use in several copies",
            "memory for each; what needs all of them at once has to take all locks in one order",
        ),
    ]
}

fn fixes(cause: Option<String>) -> Vec<Advice> {
    let plain = |text: String, tradeoff: &str| Advice { text, tradeoff: tradeoff.to_owned(), remedy: None };
    let shorter = match cause {
        Some(cause) => plain(
            format!(
                "hold the lock shorter: {cause} before it is taken or after the commit, and what takes it last in the \
                 transaction"
            ),
            "what is read before may have changed when the lock is taken: check it again in the statement's WHERE",
        ),
        None => plain(
            "hold the lock shorter: take it last in the transaction, and commit at once".to_owned(),
            "what is read before may have changed when the lock is taken: check it again in the statement's WHERE",
        ),
    };
    vec![
        shorter,
        plain(
            "have fewer want the same one: a row for each part (day, shop, shard of a counter) that are added up when \
             read, or INSERT of events instead of UPDATE of their sum"
                .to_owned(),
            "reading has to add up",
        ),
        plain(
            "where a row only has to be free, take another: FOR UPDATE SKIP LOCKED, or NOWAIT and a later attempt"
                .to_owned(),
            "suits queues, not totals",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::evidence::UNKNOWN;
    use crate::finding::Report;
    use crate::testing::trace;

    const TAKEN: &str = "UPDATE stock SET amount = ? WHERE id = ?";

    /// Statements in a log that take so long, of which they wait for a lock for so long.
    fn judged(took: f64, waited: f64) -> Report {
        trace().judge(20, |trace, number| {
            let from = f64::from(number) * 5_000.0;
            let trace = trace.execution("BEGIN", from, from + 0.1, UNKNOWN);
            let trace = match waited {
                0.0 => trace,
                waited => trace.locked(TAKEN, from + 1.0, from + 1.0 + waited),
            };
            trace.execution(TAKEN, from + 1.0, from + 1.0 + took, UNKNOWN)
        })
    }

    fn told(report: &Report) -> Vec<&str> {
        report.findings.iter().map(|finding| finding.detector.as_str()).collect()
    }

    #[test]
    fn a_wait_that_a_log_tells_gives_back_that_and_no_more() {
        let report = judged(1_000.0, 600.0);
        assert_eq!(told(&report), ["lock-wait", "slow-query"]);
        let gain_ns = report.findings[0].gain.total_ns;
        // In the middle of all of it and half.
        assert_eq!(gain_ns, 20 * 450_000_000);
        assert!(
            report.findings[0].why.starts_with("20 waits for locks took 12 s"),
            "{}",
            report.findings[0].why
        );
    }

    /// A transaction that holds a lock for 800 ms now and then, and one statement that ends so long after each.
    fn judged_without_waits(turns: u32, late: impl Fn(u32) -> f64) -> Report {
        trace().judge(turns * 2, |trace, number| {
            let turn = number / 2;
            let from = f64::from(turn) * 7_000.0 + 0.3;
            if number % 2 == 0 {
                let trace = trace.execution("BEGIN", from, from + 0.1, UNKNOWN);
                let trace = trace.execution(TAKEN, from + 1.0, from + 1.2, 1);
                return trace.execution("COMMIT", from + 800.0, from + 801.0, UNKNOWN);
            }
            let trace = trace.execution(TAKEN, from + 5_000.0, from + 5_000.2, 1);
            trace.execution(TAKEN, from + 300.0, from + 801.0 + late(turn), 1)
        })
    }

    #[test]
    fn waits_that_no_log_tells_are_a_lead_where_each_ends_as_a_holder_does() {
        let report = judged_without_waits(5, |_| 0.5);
        assert_eq!(told(&report), ["lock-wait"]);
        let finding = &report.findings[0];
        assert!(finding.is_lead() && !finding.is_hidden());
        assert!(finding.why.contains("the transaction is idle; inferred"), "{}", finding.why);
        assert!(told(&judged_without_waits(2, |_| 0.5)).is_empty(), "two may be a chance");
        assert!(told(&judged_without_waits(5, |turn| f64::from(turn) * 120.0 - 250.0)).is_empty());
    }

    #[test]
    fn what_waits_all_the_time_is_not_slow() {
        assert_eq!(told(&judged(1_000.0, 999.0)), ["lock-wait"]);
    }

    #[test]
    fn silent_where_nothing_waits() {
        assert_eq!(told(&judged(1_000.0, 0.0)), ["slow-query"]);
        assert_eq!(told(&judged(1_000.0, 5.0)), ["slow-query"]);
    }
}
