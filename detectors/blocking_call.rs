//! Finds calls to other services that a request waits for while nothing else runs.
//!
//! ## Why it is slow
//!
//! The caller's user waits for somebody else's machine, at its median on every request and at its
//! worst on some. A call that is made inside a transaction or while a connection is held makes
//! others wait as well: locks and connections are kept for as long as the other side takes.
//!
//! ## What counts
//!
//! HTTP and remote calls and messages handed over, on the critical path of a request that is
//! answered, with nothing else running meanwhile. A called service whose own trace shows what it
//! does is looked at there instead, unless the call is made inside a transaction. Calls that only
//! read are counted too: whether the answer is needed cannot be seen.
//!
//! ## Stays silent
//!
//! On a call that outlives most of the answers: nobody waits for it.
//!
//! - on background work, jobs and message handlers: nobody waits;
//! - on calls beside which other calls run for at least half of their time;
//! - on the request itself that a proxy passes on: its answer is all that is asked for;
//! - on further attempts at what failed: those are retry-storm;
//! - on calls that are done for the most part and still receive a large answer: those are uncompressed-payload;
//! - on loops: those are n-plus-one. Reads of a chain that sequential-calls names are leads only.
//!
//! ## Remedy
//!
//! Answer first and do the call afterwards, if the answer does not need it. Best case: nothing of
//! it is waited for. Worst case: handing it over takes 5 ms. The other ways are predicted apart:
//! run it beside the request's own work (best: only what lasts longer than the rest is waited for;
//! worst: half of that is won), give it up at its 95th percentile (wins at the tail only), keep the
//! answers of reads (worst: three in ten have to ask again). A circuit breaker helps while the other
//! side is down; that cannot be predicted from requests that succeeded.
//!
//! ## How to check
//!
//! The request's trace no longer waits for the call: it ends before it, or runs beside it.

use crate::candidate::{Advice, Candidates, Case, Check, Mark, Remedy, ShortOf, Subject, Told, View};
use crate::evidence::trace::{NONE, Operation, Waits};
use crate::evidence::{Kind, Role};
use crate::finding::{Confidence, Unit};
use crate::group::Group;
use crate::nature::Nature;
use crate::stack::Stack;
use crate::wording::{brief, duration};
use crate::{Detector, Inspect, n_plus_one, retry_storm, sequential_calls, uncompressed_payload};

pub(crate) const DETECTOR: Detector = Detector {
    id: "blocking-call",
    summary: "a call to another service that the request waits for, with nothing else running",
    page: include_str!("blocking_call.rs"),
    settings: &[],
    inspect: Inspect::Request(CALLS, inspect),
    plan: None,
    confirm: None,
    logs: false,
    tell: Some(tell),
};

/// How many operations before and after a call are searched for work beside it.
const LOOK_AROUND: usize = 64;

/// What is asked again in the worst case although answers are kept, per mille.
const MISSES_AT_WORST: u16 = 300;

fn inspect(view: &View<'_>, found: &mut Candidates) {
    if !view.is_answered() {
        return;
    }
    let mut held: Option<Held> = None;
    let mut explained: Vec<u32> = retry_storm::attempts_found(found).collect();
    explained.extend(uncompressed_payload::received_slowly(view, found));
    explained.sort_unstable();
    for numbers in view.groups().filter(|numbers| view.nature(numbers[0]).has(CALLS)) {
        let Some(group) = Group::of(view, numbers).filter(|group| !is_loop(group, found)) else { continue };
        let waits = |number: &u32| is_waited_for(view, *number) && explained.binary_search(number).is_err();
        let calls: Vec<u32> = numbers.iter().copied().filter(waits).collect();
        if let Some(&first) = calls.first() {
            let held = held.get_or_insert_with(|| Held::of(view));
            inspect_calls(&group, &calls, view.operation(first), held, found);
        } else if numbers.iter().any(|&number| view.operation(number).end_ns > view.request.end_ns) {
            found.short(Subject::Shape(group.first.shape), NOT_AWAITED);
        }
    }
}

/// Calls that a request may wait for.
const CALLS: Nature = Nature::SERVICE.or(Nature::PUBLISH);

/// A call that outlives the answer: here nobody waits for it.
const NOT_AWAITED: ShortOf = ShortOf { seen: 0, what: "calls that the answer waits for", needed: 1 };

fn inspect_calls(group: &Group<'_>, calls: &[u32], first: &Operation, held: &Held, found: &mut Candidates) {
    let view = group.view;
    let in_transaction = held.in_transaction(view, first);
    let holds_connection = in_transaction || held.holds_connection(first);
    let sees_inside = calls.iter().all(|&number| !is_opaque(view, view.operation(number)));
    if sees_inside && !in_transaction {
        return;
    }
    let in_chain = found
        .found_by(sequential_calls::PLACE)
        .filter(|chain| chain.confidence > Confidence::Low)
        .any(|chain| chain.claims.iter().any(|claim| calls.contains(&claim.operation)));
    let confidence = match (in_chain, holds_connection && !sees_inside) {
        (true, _) => Confidence::Low,
        (_, true) => Confidence::High,
        _ => Confidence::Medium,
    };
    let candidate = found.push(Subject::Shape(group.first.shape), Remedy::Defer, confidence);
    candidate.repeats(calls.len() as u64).claim(calls.iter().copied());
    group.mark_origin(candidate);
    let facts = [
        (in_transaction, Mark::InTransaction),
        (holds_connection, Mark::HoldsConnection),
        (group.writes(), Mark::Writes),
    ];
    candidate.marks.extend(facts.iter().filter(|(holds, _)| *holds).map(|(_, mark)| *mark));
}

fn is_loop(group: &Group<'_>, found: &Candidates) -> bool {
    found.has_found(n_plus_one::PLACE, &Subject::Shape(group.first.shape))
}

/// Whether the request waits for a call, and for nothing else meanwhile.
fn is_waited_for(view: &View<'_>, number: u32) -> bool {
    let call = view.operation(number);
    let inside_another =
        || view.upwards(call).skip(1).any(|above| matches!(above.kind, Kind::Http | Kind::Rpc));
    call.path_ns > 0
        && call.path_ns * 2 >= call.duration_ns()
        && call.role != Role::Consumer
        && !is_passed_on(view, call)
        && !inside_another()
        && busy_beside_ns(view, number) * 2 < call.duration_ns()
}

/// Whether a call is the request itself, which a proxy passes on without a span of its own for it.
fn is_passed_on(view: &View<'_>, call: &Operation) -> bool {
    let called = view.trace.requests.get(call.called as usize);
    called.is_some_and(|called| called.span() == call.id && called.name == view.request.name)
}

/// For how much of a call other calls run that are neither around nor below it.
fn busy_beside_ns(view: &View<'_>, number: u32) -> u64 {
    let call = view.operation(number);
    let operations = &view.request.operations;
    let first = number.saturating_sub(LOOK_AROUND as u32).max(operations.start);
    let last = number.saturating_add(LOOK_AROUND as u32).min(operations.end);
    let mut covered_ns = 0;
    let mut until_ns = call.start_ns;
    for other in (first..last).filter(|&other| other != number && view.is_call(other)) {
        let operation = view.operation(other);
        let (from_ns, to_ns) = (operation.start_ns.max(until_ns), operation.end_ns.min(call.end_ns));
        if from_ns < to_ns && !is_below(view, operation, number) && !is_below(view, call, other) {
            covered_ns += to_ns - from_ns;
            until_ns = to_ns;
        }
    }
    covered_ns
}

fn is_below(view: &View<'_>, operation: &Operation, above: u32) -> bool {
    std::iter::successors(Some(operation.parent).filter(|&parent| parent != NONE), |&parent| {
        Some(view.operation(parent).parent).filter(|&parent| parent != NONE)
    })
    .take(LOOK_AROUND)
    .any(|parent| parent == above)
}

/// Whether the trace does not show what the other side did: not traced, or own time for the most part.
fn is_opaque(view: &View<'_>, call: &Operation) -> bool {
    view.trace
        .requests
        .get(call.called as usize)
        .is_none_or(|called| called.path_ns[Waits::Own as usize].saturating_mul(2) >= called.duration_ns())
}

/// When the request holds a connection.
#[derive(Debug, Default)]
struct Held {
    /// Begin and end of transactions; an open one ends with the request.
    transactions: Vec<(u64, u64)>,
    /// When a connection was asked for.
    checkouts_ns: Vec<u64>,
    /// When statements began.
    statements_ns: Vec<u64>,
    /// When reads that lock rows began: they do so until their transaction ends.
    locks_ns: Vec<u64>,
}

impl Held {
    fn of(view: &View<'_>) -> Self {
        let mut held = Self::default();
        if !view.seen.has(Nature::CHECKOUT.or(Nature::TRANSACTION)) {
            // Nothing tells when a connection is held.
            return held;
        }
        let mut begun_ns = None;
        for (number, operation) in view.operations() {
            let nature = view.nature(number);
            if nature.has(Nature::CHECKOUT) {
                held.checkouts_ns.push(operation.start_ns);
            }
            if operation.kind == Kind::Sql {
                held.statements_ns.push(operation.start_ns);
            }
            if nature.has(Nature::LOCKS) {
                held.locks_ns.push(operation.start_ns);
            }
            if nature.has(Nature::BEGINS) {
                begun_ns = Some(operation.end_ns);
            }
            if nature.has(Nature::ENDS) {
                held.transactions.extend(begun_ns.take().map(|begun| (begun, operation.start_ns)));
            }
        }
        held.transactions.extend(begun_ns.map(|begun| (begun, view.request.end_ns)));
        held
    }

    fn in_transaction(&self, view: &View<'_>, call: &Operation) -> bool {
        let between = self.transactions.partition_point(|&(begun, _)| begun <= call.start_ns);
        let open = between > 0 && self.transactions[between - 1].1 >= call.end_ns;
        // Mappers report a transaction as a span around its statements.
        let around = |above: &Operation| {
            above.kind == Kind::Internal
                && view.memo.is_of_mapper(above.origin, view.dictionary)
                && view.dictionary.text(above.name).to_ascii_lowercase().contains("transaction")
        };
        let mut ancestors = std::iter::successors(view.above(call), |&above| view.above(above));
        open || self.holds_locks(call) || ancestors.any(around)
    }

    /// Rows were locked over the connection that is still held.
    fn holds_locks(&self, call: &Operation) -> bool {
        let checkouts = self.checkouts_ns.partition_point(|&start| start <= call.start_ns);
        let since = checkouts.checked_sub(1).map_or(0, |last| self.checkouts_ns[last]);
        self.holds_connection(call)
            && self.locks_ns.iter().any(|&start| (since..call.start_ns).contains(&start))
    }

    /// A connection was taken before, and the next statement takes no new one.
    fn holds_connection(&self, call: &Operation) -> bool {
        let next = self.statements_ns.partition_point(|&start| start < call.end_ns);
        let Some(&next_ns) = self.statements_ns.get(next) else { return false };
        let checkouts = self.checkouts_ns.partition_point(|&start| start <= call.start_ns);
        let used = self.statements_ns.first().is_some_and(|&first| first < call.start_ns);
        used && checkouts > 0 && self.checkouts_ns.get(checkouts).is_none_or(|&start| start > next_ns)
    }
}

fn tell(case: &Case<'_>) -> Told {
    let call = brief(case.dictionary, case.shape());
    let times = case.repeats.p50.max(1);
    Told {
        why: why(case, times),
        fix: fixes(case),
        verify: Check {
            metric: format!("waits in a request for {call}"),
            unit: Unit::Count,
            now: times,
            expected: 0,
        },
        confidence: None,
        dismissed: is_not_awaited(case).then(|| "most answers go out before the call ends".to_owned()),
    }
}

/// A call that outlives most answers is made beside the request; where it ended first, that was chance.
fn is_not_awaited(case: &Case<'_>) -> bool {
    case.requests_short > case.requests
}

fn why(case: &Case<'_>, times: u64) -> String {
    let (p50, p95) = (duration(case.single_ns.0), duration(case.single_ns.1));
    let each = if times > 1 { format!("{times} calls of ") } else { String::new() };
    let mut why = format!("the request waits {each}{p50} (p95 {p95}), and nothing else runs meanwhile");
    if case.mostly(Mark::InTransaction) {
        why.push_str("; a transaction is open meanwhile: its locks and its connection are kept from others");
    } else if case.mostly(Mark::HoldsConnection) {
        why.push_str(
            "; a database connection is held meanwhile: others wait for it when the pool is used up",
        );
    }
    why
}

fn fixes(case: &Case<'_>) -> Vec<Advice> {
    let writes = case.mostly(Mark::Writes);
    let mut fixes = vec![Advice {
        text: format!("if the answer does not need its result: {}", Stack::of_case(case).defer()),
        tradeoff: "the caller no longer learns of a failure: retry it, and make it safe to run twice"
            .to_owned(),
        remedy: None,
    }];
    if case.mostly(Mark::HoldsConnection) {
        fixes.push(Advice {
            text: "call before the transaction begins or after it is committed, with no connection held"
                .to_owned(),
            tradeoff: "spares the others, not this request; a failure after the commit has to be made good"
                .to_owned(),
            remedy: Some(Remedy::Shrink { best: 1000, worst: 1000 }),
        });
    }
    fixes.push(Advice {
        text: "start it first and wait for it last, beside the request's own work".to_owned(),
        tradeoff: "it is made even where that work fails; wins no more than that work takes".to_owned(),
        remedy: Some(Remedy::Beside),
    });
    if !writes {
        fixes.push(Advice {
            text: "keep its answers for a while, shared by all requests".to_owned(),
            tradeoff: "answers may be out of date for as long as they are kept".to_owned(),
            remedy: Some(Remedy::Remove { worst: MISSES_AT_WORST }),
        });
    }
    fixes.push(Advice {
        text: format!(
            "give it up after {} (its p95), with an answer for that case, and a circuit breaker that skips \
             it while the other side is down",
            duration(case.single_ns.1)
        ),
        tradeoff: "one call in twenty is given up; helps at the tail only".to_owned(),
        remedy: Some(Remedy::CutAt { ns: case.single_ns.1 }),
    });
    fixes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TraceBuilder, trace};

    const CHARGE: &str = "POST http://payments/charge";

    fn checkout() -> TraceBuilder {
        trace().entry("POST /checkout", 0.0, 400.0)
    }

    #[test]
    fn a_call_that_is_waited_for() {
        let inspected = checkout().sql("SELECT * FROM carts", 1.0, 9.0).http(CHARGE, 10.0, 310.0).inspect();
        let found = inspected.one("blocking-call");
        assert_eq!((found.repeats, found.confidence), (1, Confidence::Medium));
        assert_eq!(found.remedy, Remedy::Defer);
        assert!(found.marks.contains(&Mark::Writes));
        let read = checkout().http("GET http://rates", 10.0, 310.0).inspect();
        assert_eq!(read.one("blocking-call").confidence, Confidence::Medium);
        let rpc = checkout().call(Kind::Rpc, "mail.Mail/Send", 10.0, 310.0).inspect();
        assert_eq!(rpc.one("blocking-call").repeats, 1);
    }

    #[test]
    fn inside_a_transaction_or_with_a_connection_held() {
        let update = "UPDATE carts SET paid = ?";
        let open = checkout().sql("BEGIN", 1.0, 2.0).sql(update, 3.0, 9.0).http(CHARGE, 10.0, 310.0);
        let inspected = open.sql("COMMIT", 320.0, 321.0).inspect();
        let found = inspected.one("blocking-call");
        assert!(found.marks.contains(&Mark::InTransaction) && found.marks.contains(&Mark::HoldsConnection));
        assert_eq!(found.confidence, Confidence::High);
        let over = checkout().sql("BEGIN", 1.0, 2.0).sql(update, 3.0, 8.0).sql("COMMIT", 8.0, 9.0);
        let inspected = over.http(CHARGE, 10.0, 310.0).inspect();
        assert!(!inspected.one("blocking-call").marks.contains(&Mark::InTransaction));
        let held = checkout()
            .call(Kind::PoolWait, "connect", 1.0, 2.0)
            .sql(update, 3.0, 9.0)
            .http(CHARGE, 10.0, 310.0);
        let inspected = held.sql(update, 320.0, 330.0).inspect();
        let found = inspected.one("blocking-call");
        assert!(found.marks.contains(&Mark::HoldsConnection) && !found.marks.contains(&Mark::InTransaction));
        let given_back = checkout().call(Kind::PoolWait, "connect", 1.0, 2.0).sql(update, 3.0, 9.0);
        let given_back = given_back.http(CHARGE, 10.0, 310.0).call(Kind::PoolWait, "connect", 320.0, 321.0);
        let inspected = given_back.sql(update, 322.0, 330.0).inspect();
        assert!(!inspected.one("blocking-call").marks.contains(&Mark::HoldsConnection));
    }

    #[test]
    fn silent_beside_other_work() {
        let beside = checkout().http(CHARGE, 10.0, 310.0).sql("SELECT * FROM carts", 20.0, 250.0);
        beside.inspect().silent("blocking-call");
        let two = checkout().http("GET http://a", 10.0, 310.0).http("GET http://b", 12.0, 300.0);
        two.inspect().silent("blocking-call");
    }

    #[test]
    fn silent_on_a_request_that_a_proxy_passes_on() {
        let passed_on = |name: &str| checkout().service("payments").entry(name, 1.0, 399.0).inspect();
        passed_on("POST /checkout").silent("blocking-call");
        assert_eq!(passed_on("POST /charge").one("blocking-call").repeats, 1);
    }

    #[test]
    fn silent_on_background_work() {
        let after = checkout().sql("SELECT * FROM carts", 1.0, 390.0).http(CHARGE, 410.0, 700.0);
        after.inspect().silent("blocking-call");
        let mut job = checkout().http(CHARGE, 10.0, 310.0);
        job.spans[0].role = Role::Consumer;
        job.inspect().silent("blocking-call");
    }

    #[test]
    fn a_service_whose_work_is_seen_is_looked_at_there() {
        let inspected = checkout()
            .http("POST http://orders/orders", 10.0, 310.0)
            .below()
            .service("orders")
            .entry("POST /orders", 11.0, 309.0)
            .sql("SELECT * FROM stock WHERE id = ?", 12.0, 300.0)
            .inspect();
        inspected.silent("blocking-call");
        assert_eq!(inspected.by("slow-query").len(), 1);
        let opaque = checkout()
            .http("POST http://orders/orders", 10.0, 310.0)
            .below()
            .service("orders")
            .entry("POST /orders", 11.0, 309.0)
            .inspect();
        assert_eq!(opaque.by("blocking-call").len(), 1);
    }

    #[test]
    fn reads_that_could_overlap_are_leads() {
        let inspected = checkout()
            .http("GET http://a", 10.0, 110.0)
            .values(0)
            .http("GET http://b", 120.0, 220.0)
            .values(0)
            .inspect();
        assert_eq!(inspected.by("sequential-calls").len(), 1);
        assert!(inspected.by("blocking-call").iter().all(|found| found.confidence == Confidence::Low));
    }
}
