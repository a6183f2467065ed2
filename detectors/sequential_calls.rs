//! Finds independent calls that are made one after another.
//!
//! ## Why it is slow
//!
//! Each call waits for another machine while this one does nothing. Calls that do not need each
//! other's answers could wait together: three calls of 100 ms take 100 ms instead of 300.
//!
//! ## What counts
//!
//! Reads over HTTP or remote procedure calls on the critical path, each begun after the one before
//! had ended. Independent are calls without parameters, calls whose parameters were in use before the
//! first of them was answered, and calls of one shape; that makes it likely. Where parameters are
//! hidden, calls to different services are likely independent, and calls to one are a lead only, with
//! low confidence. So are queries to databases that take at least `statement_share_min` each, for on
//! one connection they cannot overlap; where each takes a connection of its own from a pool, it is
//! likely.
//!
//! ## Stays silent
//!
//! - on calls that carry a value that was not in use before: an earlier answer may have brought it;
//! - on queries that ask by a key whose value is hidden: it most often comes from the row before;
//! - on queries of document stores whose values are hidden: a filter that is not told may hold a key;
//! - where something is written in between, or a transaction begins or ends;
//! - after a call that failed: the next is its fallback, or another attempt;
//! - on calls that overlap already, and on calls off the critical path;
//! - on pages of one result, and on loops: those are n-plus-one.
//!
//! ## Remedy
//!
//! Start the calls together and wait for all. Best case: they take as long as the longest. Worst
//! case: half of their sum, as if only two ran at a time, and never less than the longest.
//!
//! ## How to check
//!
//! In a trace after the change the calls overlap; the time that they cover is that of the longest.

use rustc_hash::FxHashSet;

use crate::candidate::{Candidates, Case, Check, Remedy, Subject, Told, View};
use crate::evidence::trace::Operation;
use crate::evidence::{Kind, ShapeRef, Status, Values};
use crate::finding::{Confidence, Unit};
use crate::group::{self, Group};
use crate::nature::Nature;
use crate::settings::Setting;
use crate::stack::Stack;
use crate::wording::{brief, duration, list};
use crate::{Detector, Inspect, n_plus_one, place_of};

const CALLS_MIN: Setting = Setting {
    name: "calls_min",
    unit: "calls",
    default: 2,
    why: "two can overlap; the time given back decides whether that is worth it",
};

const STATEMENT_SHARE_MIN: Setting = Setting {
    name: "statement_share_min",
    unit: "% of the request",
    default: 15,
    why: "overlapping statements takes a second connection: only for those that are a main cost",
};

/// Its place among all detectors.
pub(crate) const PLACE: usize = place_of(DETECTOR.id);

pub(crate) const DETECTOR: Detector = Detector {
    id: "sequential-calls",
    summary: "independent calls one after another",
    page: include_str!("sequential_calls.rs"),
    settings: &[CALLS_MIN, STATEMENT_SHARE_MIN],
    inspect: Inspect::Request(Nature::SERVICES.or(Nature::STATEMENTS), inspect),
    plan: None,
    confirm: None,
    logs: false,
    tell: Some(tell),
};

/// Calls that are looked at together: more in a row are several things.
const CHAIN_MAX: usize = 64;

fn inspect(view: &View<'_>, found: &mut Candidates) {
    if !view.is_answered() {
        return;
    }
    for class in [Class::Calls, Class::Statements] {
        if view.seen.has(class.several()) && class.has_several_long(view) {
            chains(view, class, found);
        }
    }
}

/// What may overlap with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Calls to other services.
    Calls,
    /// Queries to databases.
    Statements,
}

impl Class {
    /// What a request is that has several of them.
    fn several(self) -> Nature {
        match self {
            Self::Calls => Nature::SERVICES,
            Self::Statements => Nature::STATEMENTS,
        }
    }

    /// How long one is waited for at least.
    fn long_ns(self, view: &View<'_>) -> u64 {
        match self {
            Self::Calls => 0,
            Self::Statements => view.share_ns(view.settings.get(&STATEMENT_SHARE_MIN)),
        }
    }

    /// Whether more than one of them is waited for so long.
    fn has_several_long(self, view: &View<'_>) -> bool {
        let long_ns = self.long_ns(view);
        let operations = view.trace.operations_of(view.request).iter();
        operations.filter(|operation| operation.path_ns >= long_ns && self.holds(operation)).nth(1).is_some()
    }

    fn holds(self, operation: &Operation) -> bool {
        match self {
            Self::Calls => matches!(operation.kind, Kind::Http | Kind::Rpc),
            Self::Statements => matches!(operation.kind, Kind::Sql | Kind::Document),
        }
    }
}

/// Splits the request at everything that has to stay in order, and looks at each piece.
fn chains(view: &View<'_>, class: Class, found: &mut Candidates) {
    let mut chain: Vec<u32> = Vec::new();
    let mut until_ns = 0;
    let mut in_transaction = false;
    for (number, operation) in view.operations().filter(|(number, _)| view.is_call(*number)) {
        let nature = view.nature(number);
        if nature.has(Nature::BEGINS.or(Nature::ENDS)) {
            in_transaction = nature.has(Nature::BEGINS);
        }
        // The statements of a transaction share its connection.
        let member = class.holds(operation)
            && !(in_transaction && class == Class::Statements)
            && !nature.has(Nature::WRITES)
            && may_overlap(view, class, operation, found);
        let overlaps = operation.start_ns < until_ns;
        if is_barrier(nature) || member && overlaps || chain.len() == CHAIN_MAX {
            end_chain(view, class, &mut chain, found);
        }
        if member && !overlaps {
            chain.push(number);
        }
        if class.holds(operation) {
            until_ns = until_ns.max(operation.end_ns);
        }
        if member && operation.status == Status::Error {
            end_chain(view, class, &mut chain, found);
        }
    }
    end_chain(view, class, &mut chain, found);
}

/// Whether the order of other calls around this one matters.
fn is_barrier(nature: Nature) -> bool {
    // Filling a cache keeps nothing in order.
    nature.has(Nature::TRANSACTION) || nature.has(Nature::WRITES) && !nature.has(Nature::CACHE)
}

fn may_overlap(view: &View<'_>, class: Class, operation: &Operation, found: &Candidates) -> bool {
    let on_path = operation.path_ns > 0 && operation.path_ns * 2 >= operation.duration_ns();
    if !on_path || operation.retries > 0 {
        return false;
    }
    let inside_another = || view.upwards(operation).skip(1).any(|above| class.holds(above));
    let subject = Subject::Shape(operation.shape);
    let in_loop = || found.has_found(n_plus_one::PLACE, &subject);
    operation.path_ns >= class.long_ns(view) && !inside_another() && !in_loop()
}

/// How sure it is that a call does not need the answer of an earlier one of its chain; `None` where
/// it carries a value that was not in use before, to where the answer came from.
fn independence(
    view: &View<'_>,
    number: u32,
    earlier: &[&Operation],
    in_use: &FxHashSet<Values>,
) -> Option<Confidence> {
    let later = view.operation(number);
    let shape = view.dictionary.shape(later.shape);
    let same_shape = earlier.iter().any(|call| call.shape == later.shape);
    let other_target = earlier.iter().all(|call| call.target != later.target);
    let by_key = || Group::of(view, &[number]).is_none_or(|group| group.is_by_key());
    let without = matches!(later.kind, Kind::Http | Kind::Sql) && !group::has_parameters(shape);
    match group::known_values(later, shape) {
        _ if without => Some(Confidence::Medium),
        // A key most often comes from the row before, and a filter that is not told may hold one.
        None if later.kind == Kind::Document || later.kind == Kind::Sql && by_key() => None,
        None if other_target => Some(Confidence::Medium),
        None => Some(Confidence::Low),
        Some(values) if same_shape || in_use.contains(&values) => Some(Confidence::Medium),
        Some(_) => other_target.then_some(Confidence::Low),
    }
}

fn end_chain(view: &View<'_>, class: Class, chain: &mut Vec<u32>, found: &mut Candidates) {
    let needed = || usize::try_from(view.settings.get(&CALLS_MIN)).unwrap_or(usize::MAX).max(2);
    if chain.len() < 2 || chain.len() < needed() {
        chain.clear();
        return;
    }
    let (numbers, needed) = (std::mem::take(chain), needed());
    let all = independent(view, &numbers);
    let at_least = |least: Confidence| -> Vec<u32> {
        all.iter().filter(|(_, sure)| *sure >= least).map(|(number, _)| *number).collect()
    };
    let likely = at_least(Confidence::Medium);
    let (calls, confidence) = match class {
        Class::Calls if likely.len() >= needed => (likely, Confidence::Medium),
        Class::Statements if are_apart(view, &all) => (at_least(Confidence::Low), Confidence::Medium),
        _ => (at_least(Confidence::Low), Confidence::Low),
    };
    if calls.len() >= needed {
        push(view, &calls, confidence, found);
    }
}

/// The calls of a chain that may not need the answers of earlier ones, with how sure that is.
fn independent(view: &View<'_>, chain: &[u32]) -> Vec<(u32, Confidence)> {
    let first = view.operation(chain[0]);
    let in_use = values_in_use(view, first);
    let mut independent = vec![(chain[0], Confidence::Medium)];
    let mut earlier = vec![first];
    for &number in &chain[1..] {
        let call = view.operation(number);
        // The same call again waits for something to change, or should not be made at all.
        let again = |other: &&Operation| other.shape == call.shape && other.values == call.values;
        if earlier.iter().any(again) || group::is_paged(call.kind, view.dictionary.shape(call.shape)) {
            continue;
        }
        if let Some(sure) = independence(view, number, &earlier, &in_use) {
            independent.push((number, sure));
            earlier.push(call);
        }
    }
    independent
}

/// Whether queries share no connection: each takes one from the pool.
fn are_apart(view: &View<'_>, chain: &[(u32, Confidence)]) -> bool {
    let pooled = |pair: &[(u32, Confidence)]| {
        let mut between = (pair[0].0 + 1..pair[1].0).map(|number| view.operation(number));
        between.any(|operation| is_checkout(view, operation))
    };
    chain.windows(2).all(pooled)
}

/// Whether a connection is taken from a pool, or made ready to be given back.
fn is_checkout(view: &View<'_>, operation: &Operation) -> bool {
    let text = &view.dictionary.shape(operation.shape).text;
    let resets = || ["pg_advisory_unlock_all", "DISCARD ALL"].iter().any(|reset| text.contains(reset));
    matches!(operation.kind, Kind::PoolWait | Kind::Connect) || operation.kind == Kind::Sql && resets()
}

/// Parameters that were known before the first call of a chain was answered.
fn values_in_use(view: &View<'_>, first: &Operation) -> FxHashSet<Values> {
    let begun = view.operations().take_while(|(_, operation)| operation.start_ns < first.end_ns);
    let values = begun.map(|(_, operation)| operation.values).chain([view.request.opened_by.values]);
    values.filter(|values| values.is_known()).collect()
}

fn push(view: &View<'_>, numbers: &[u32], confidence: Confidence, found: &mut Candidates) {
    let mut shapes: Vec<ShapeRef> = Vec::new();
    for shape in numbers.iter().map(|&number| view.operation(number).shape) {
        if !shapes.contains(&shape) {
            shapes.push(shape);
        }
    }
    let candidate = found.push(Subject::Calls(shapes.into()), Remedy::Overlap, confidence);
    candidate.repeats(numbers.len() as u64).claim(numbers.iter().copied());
    view.mark_origin(view.operation(numbers[0]), candidate);
}

fn tell(case: &Case<'_>) -> Told {
    let Subject::Calls(shapes) = case.subject else { return Told::default() };
    let calls: Vec<String> = shapes.iter().take(4).map(|&shape| brief(case.dictionary, shape)).collect();
    let count = case.repeats.p50;
    let longest_ns = case.single_ns.1.min(case.claimed_ns.p50);
    Told {
        why: format!(
            "{count} calls one after another, {} together, though none seems to need the answer of \
             another: {}",
            duration(case.claimed_ns.p50),
            list(&calls)
        ),
        fix: Stack::of_case(case).overlap(is_store(case)),
        verify: Check {
            metric: "time that these calls cover".to_owned(),
            unit: Unit::Ns,
            now: case.claimed_ns.p50,
            expected: longest_ns,
        },
        confidence: None,
        dismissed: None,
    }
}

fn is_store(case: &Case<'_>) -> bool {
    case.dictionary.shape(case.shape()).facts.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TraceBuilder, trace};

    /// Three reads, one after another, with something between the first two.
    fn three(between: impl Fn(TraceBuilder) -> TraceBuilder) -> TraceBuilder {
        let trace =
            trace().entry("GET /page", 0.0, 400.0).http("GET http://users/{id}", 10.0, 110.0).values(42);
        between(trace)
            .http("GET http://prices/{id}", 130.0, 230.0)
            .values(42)
            .http("GET http://news", 240.0, 340.0)
            .values(0)
    }

    #[test]
    fn independent_calls_are_likely() {
        let inspected = three(|trace| trace).inspect();
        let found = inspected.one("sequential-calls");
        assert_eq!((found.repeats, found.confidence), (3, Confidence::Medium));
        assert_eq!(found.remedy, Remedy::Overlap);
        let read = three(|trace| trace.sql("SELECT * FROM users WHERE id = ?", 111.0, 120.0)).inspect();
        assert_eq!(read.one("sequential-calls").repeats, 3);
    }

    #[test]
    fn wrapped_calls_count_too() {
        let inspected = trace()
            .entry("GET /page", 0.0, 300.0)
            .inside("load_user", 1.0, 110.0)
            .http("GET http://users", 10.0, 110.0)
            .values(0)
            .out()
            .inside("load_news", 111.0, 230.0)
            .http("GET http://news", 120.0, 220.0)
            .values(0)
            .inspect();
        assert_eq!(inspected.one("sequential-calls").repeats, 2);
    }

    #[test]
    fn a_value_never_seen_before_may_come_from_an_answer() {
        let chain = |target: &str| {
            trace()
                .entry("GET /page", 0.0, 300.0)
                .http("GET http://sessions/{id}", 10.0, 110.0)
                .values(1)
                .target("sessions")
                .http("GET http://users/{id}", 120.0, 220.0)
                .values(2)
                .target(target)
                .inspect()
        };
        chain("sessions").silent("sequential-calls");
        assert_eq!(chain("users").one("sequential-calls").confidence, Confidence::Low);
    }

    #[test]
    fn hidden_values_to_different_services_are_likely_independent() {
        let inspected = trace()
            .entry("GET /page", 0.0, 300.0)
            .call(Kind::Rpc, "shop.Ads/GetAds", 10.0, 110.0)
            .target("ads")
            .call(Kind::Cache, "SET ads:?", 111.0, 112.0)
            .call(Kind::Rpc, "shop.Rates/GetRates", 120.0, 220.0)
            .target("rates")
            .inspect();
        assert_eq!(inspected.one("sequential-calls").confidence, Confidence::Medium);
    }

    #[test]
    fn writes_and_transactions_keep_their_order() {
        let split = |between: &str| {
            trace()
                .entry("POST /order", 0.0, 300.0)
                .http("GET http://users", 10.0, 110.0)
                .values(0)
                .sql(between, 111.0, 120.0)
                .http("GET http://news", 130.0, 230.0)
                .values(0)
                .inspect()
        };
        split("UPDATE users SET seen = ?").silent("sequential-calls");
        split("COMMIT").silent("sequential-calls");
        let token = trace()
            .entry("GET /", 0.0, 300.0)
            .http("POST http://auth/token", 10.0, 110.0)
            .values(0)
            .http("GET http://users/me", 130.0, 230.0)
            .values(0);
        token.inspect().silent("sequential-calls");
    }

    #[test]
    fn silent_on_calls_that_overlap_repeat_or_failed() {
        let both = trace()
            .entry("GET /", 0.0, 300.0)
            .http("GET http://users", 10.0, 110.0)
            .values(0)
            .http("GET http://news", 20.0, 130.0)
            .values(0);
        both.inspect().silent("sequential-calls");
        let again = trace()
            .entry("GET /", 0.0, 300.0)
            .http("GET http://job/{id}", 10.0, 110.0)
            .values(3)
            .http("GET http://job/{id}", 130.0, 230.0)
            .values(3);
        again.inspect().silent("sequential-calls");
        let fallback = trace()
            .entry("GET /", 0.0, 300.0)
            .http("GET http://primary", 10.0, 110.0)
            .values(0)
            .failed()
            .http("GET http://secondary", 130.0, 230.0)
            .values(0);
        fallback.inspect().silent("sequential-calls");
    }

    #[test]
    fn statements_are_a_lead_at_most() {
        let inspected = trace()
            .entry("GET /report", 0.0, 300.0)
            .sql("SELECT count(*) FROM orders", 10.0, 110.0)
            .values(0)
            .sql("SELECT count(*) FROM users", 120.0, 220.0)
            .values(0)
            .inspect();
        assert_eq!(inspected.one("sequential-calls").confidence, Confidence::Low);
        let in_transaction = trace()
            .entry("GET /report", 0.0, 300.0)
            .sql("BEGIN", 1.0, 2.0)
            .sql("SELECT count(*) FROM orders", 10.0, 110.0)
            .sql("SELECT count(*) FROM users", 120.0, 220.0)
            .sql("COMMIT", 221.0, 222.0);
        in_transaction.inspect().silent("sequential-calls");
    }

    #[test]
    fn a_hidden_filter_may_hold_a_key() {
        let inspected = trace()
            .entry("GET /orders", 0.0, 300.0)
            .call(Kind::Document, "Query orders", 10.0, 110.0)
            .call(Kind::Document, "BatchGetItem customers", 120.0, 220.0)
            .inspect();
        inspected.silent("sequential-calls");
    }

    #[test]
    fn statements_over_a_pool_are_likely_independent() {
        let over_pool = |text: &str| {
            let reset = "SELECT pg_advisory_unlock_all(); RESET ALL";
            trace()
                .entry("GET /report", 0.0, 300.0)
                .sql("SELECT sum(total) FROM orders WHERE day > ?", 10.0, 110.0)
                .sql(reset, 111.0, 112.0)
                .sql(text, 120.0, 220.0)
                .inspect()
        };
        let range = over_pool("SELECT count(*) FROM visits WHERE day > ?");
        assert_eq!(range.one("sequential-calls").confidence, Confidence::Medium);
        let by_key = over_pool("SELECT count(*) FROM visits WHERE user_id = ?");
        by_key.silent("sequential-calls");
    }

    #[test]
    fn a_loop_is_left_to_n_plus_one() {
        let inspected = trace()
            .entry("GET /", 0.0, 300.0)
            .each(8, |trace, number| {
                trace.http("GET http://a/{id}", number * 30.0, number * 30.0 + 20.0).values(number as u64 + 1)
            })
            .inspect();
        assert_eq!(inspected.one("n-plus-one").repeats, 8);
        inspected.silent("sequential-calls");
    }
}
