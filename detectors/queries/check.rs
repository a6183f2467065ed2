//! What is different between what was accepted and what was measured, and whether that may be.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Baseline, Measured, MeasuredPlace, MeasuredStatement, Place, PlaceKind, Statement, StatementKind,
};
use crate::figures::counted;
use crate::finding::Skipped;
use crate::settings::Allowance;

/// The version of the form.
const VERSION: u32 = 1;

/// Per cent of a service's executions that must tell their statement: below it nothing is said.
pub const TEXT_SHARE_MIN: u64 = 80;

/// A rule; several may hold for one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Sent more often than accepted.
    CountIncrease,
    /// Not accepted at this place.
    NewShape,
    /// Sent once for each row.
    NPlusOne,
    /// Sent again with the same values.
    MissedMemo,
    /// As often as accepted, but no longer together.
    TripsIncrease,
    /// Sent less often than accepted.
    CountDecrease,
    /// Accepted, but nothing was seen of the place.
    NotExercised,
    /// Too few executions tell their statement.
    UnusableInput,
}

/// Every rule in the order in which they are told, with its id and what it says.
pub const RULES: &[(Rule, &str, &str)] = &[
    (
        Rule::CountIncrease,
        "count-increase",
        "a request sends the statement more often than the baseline allows; fails",
    ),
    (
        Rule::NewShape,
        "new-shape",
        "a request sends a statement that the baseline does not have; fails, except in a test that is new as a whole",
    ),
    (
        Rule::NPlusOne,
        "n-plus-one",
        "the statement is sent in a loop, once for each row, as the detector of that name finds it; fails where the statement or its count is new",
    ),
    (
        Rule::MissedMemo,
        "missed-memo",
        "the statement is sent again with values whose answer is known, as the detector repeated-query finds it; fails where the statement or its count is new",
    ),
    (
        Rule::TripsIncrease,
        "trips-increase",
        "the statement is sent as often as before, but in more trips: a batch has come apart; fails",
    ),
    (
        Rule::CountDecrease,
        "count-decrease",
        "requests send the statement clearly less often, or no more; never fails, and asks for `whyslow ci accept`, so that the gain is kept",
    ),
    (
        Rule::NotExercised,
        "not-exercised",
        "the baseline has the endpoint or test, and no request of it was seen: nothing is known, and nothing is \"fixed\"; never fails",
    ),
    (
        Rule::UnusableInput,
        "unusable-input",
        "fewer than 80 % of a service's database spans tell their statement, or none came from where the baseline has some; nothing is compared, and the exit code is 3",
    ),
];

impl Rule {
    /// Its id everywhere.
    pub fn id(self) -> &'static str {
        RULES.iter().find(|(rule, ..)| *rule == self).map_or("", |(_, id, _)| id)
    }

    /// What it says.
    pub fn summary(self) -> &'static str {
        RULES.iter().find(|(rule, ..)| *rule == self).map_or("", |(.., summary)| summary)
    }
}

/// What a problem means for the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The check fails.
    Fail,
    /// It would fail, but is allowed.
    Allowed,
    /// The baseline should follow.
    Accept,
    /// Accepted as it is, and worth mending.
    Known,
}

/// Levels in the order in which they are told.
pub const LEVELS: [Level; 4] = [Level::Fail, Level::Allowed, Level::Accept, Level::Known];

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing that is not accepted.
    Passed,
    /// A statement came or multiplied.
    Failed,
    /// Nothing can be said.
    Unusable,
}

/// A baseline and a recording side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// Version of this form.
    pub version: u32,
    /// How it ended.
    pub verdict: Verdict,
    /// The baseline's file.
    pub baseline: String,
    /// Statements that are not as accepted: by level, then by place; what grew most first.
    pub problems: Vec<Problem>,
    /// Places of either side, by service, kind and name.
    pub places: Vec<PlaceState>,
    /// Why nothing can be said, with what would help; empty as a rule.
    pub unusable: Vec<String>,
    /// Records that could not be read.
    pub skipped: Skipped,
    /// What else is worth knowing, such as statements that count nowhere.
    pub notes: Vec<String>,
}

/// A statement that is not as accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What it means for the check.
    pub level: Level,
    /// The rules that hold, in their order; the first names it.
    pub rules: Vec<Rule>,
    /// Where.
    pub place: Place,
    /// Shape id.
    pub shape: String,
    /// What the statement does.
    pub kind: StatementKind,
    /// Its text, normalised; never a value.
    pub text: String,
    /// What the baseline allows in a request; `None` if it does not have the statement.
    pub before: Option<Counts>,
    /// What requests send now.
    pub now: Counts,
    /// Requests of the place that were seen.
    pub requests: u64,
    /// Those among them that send it.
    pub requests_with: u64,
    /// Why it is allowed, where it is.
    pub allowed: Option<String>,
}

/// How often one request sends a statement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// At least.
    pub min: u64,
    /// At most.
    pub max: u64,
    /// Trips to the server, at most.
    pub trips: u64,
}

impl From<&Statement> for Counts {
    fn from(statement: &Statement) -> Self {
        Self { min: statement.min, max: statement.max, trips: statement.trips }
    }
}

/// A place on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceState {
    /// Which one.
    pub place: Place,
    /// On which sides it is.
    pub state: State,
    /// Requests seen.
    pub requests: u64,
}

/// On which sides a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// On both.
    Compared,
    /// Seen, but not in the baseline.
    New,
    /// In the baseline, but not seen.
    NotExercised,
}

/// Compares what was measured with what was accepted. Which allowances were of no use is told beside it.
pub fn check<'a>(
    baseline: &Baseline,
    measured: &Measured,
    allowed: &'a [Allowance],
) -> (Check, Vec<&'a Allowance>) {
    let mut check = Check {
        version: VERSION,
        verdict: Verdict::Unusable,
        baseline: String::new(),
        problems: Vec::new(),
        places: places(baseline, measured),
        unusable: unusable(baseline, measured),
        skipped: Skipped::default(),
        notes: left_out(measured),
    };
    if !check.unusable.is_empty() {
        return (check, Vec::new());
    }
    let mut used = vec![false; allowed.len()];
    for (place, seen) in &measured.places {
        for mut problem in problems(place, baseline.get(place), seen) {
            if problem.level == Level::Fail {
                allow(&mut problem, allowed, &mut used);
            }
            check.problems.push(problem);
        }
    }
    check.problems.sort_by(|one, other| one.order().cmp(&other.order()));
    let fails = check.problems.iter().any(|problem| problem.level == Level::Fail);
    if !fails && !baseline.is_empty() && !check.places.iter().any(|place| place.state == State::Compared) {
        check.unusable.push("nothing of the baseline was exercised: are these the right traces?".to_owned());
        return (check, Vec::new());
    }
    check.verdict = if fails { Verdict::Failed } else { Verdict::Passed };
    let unused =
        allowed.iter().zip(used).filter(|(allowance, used)| !used && may_be_unused(allowance, &check));
    let unused = unused.map(|(allowance, _)| allowance).collect();
    (check, unused)
}

fn places(baseline: &Baseline, measured: &Measured) -> Vec<PlaceState> {
    let mut states: BTreeMap<&Place, (State, u64)> =
        baseline.keys().map(|place| (place, (State::NotExercised, 0))).collect();
    for (place, seen) in &measured.places {
        let state = if baseline.contains_key(place) { State::Compared } else { State::New };
        states.insert(place, (state, seen.requests));
    }
    let told = |(place, (state, requests)): (&Place, _)| PlaceState { place: place.clone(), state, requests };
    states.into_iter().map(told).collect()
}

/// Why nothing can be said; a check of nothing would pass.
fn unusable(baseline: &Baseline, measured: &Measured) -> Vec<String> {
    let blind =
        measured.texts.iter().filter(|(_, texts)| texts.known * 100 < texts.executions * TEXT_SHARE_MIN);
    let mut reasons: Vec<String> = blind
        .map(|(service, texts)| {
            format!(
                "{} of {} statements of {service} come with their text, and {TEXT_SHARE_MIN} % are needed: let its \
                 instrumentation record statements (attribute db.query.text or db.statement)",
                texts.known, texts.executions
            )
        })
        .collect();
    if measured.places.is_empty() {
        reasons.push(
            "there is no request in it: the server's framework must be instrumented, not only its database client"
                .to_owned(),
        );
    }
    let statements = |place: &Place| baseline.get(place).is_some_and(|statements| !statements.is_empty());
    let services = measured.places.keys().filter(|place| statements(place)).map(|place| &place.service);
    let mut silent: Vec<&String> =
        services.filter(|service| !measured.texts.contains_key(*service)).collect();
    silent.dedup();
    reasons.extend(silent.into_iter().map(|service| {
        format!(
            "{service} sent no statement at all, and the baseline has some at endpoints that were exercised: its \
             database client must be instrumented as it was when they were accepted"
        )
    }));
    reasons
}

fn left_out(measured: &Measured) -> Vec<String> {
    let left_out = measured.left_out;
    let reasons = [
        (left_out.outside, "sent outside of any request"),
        (left_out.incomplete, "sent by requests that were not recorded as a whole"),
        (left_out.background, "sent in the background, where nobody waits"),
        (left_out.around_tests, "sent around tests, such as to set them up"),
    ];
    let told = reasons.into_iter().filter(|(statements, _)| *statements > 0);
    told.map(|(statements, why)| format!("not counted: {} {why}", counted(statements, "statement"))).collect()
}

/// The statements of one exercised place that are not as accepted.
fn problems(
    place: &Place,
    accepted: Option<&BTreeMap<String, Statement>>,
    seen: &MeasuredPlace,
) -> Vec<Problem> {
    let before = |shape: &str| accepted.and_then(|statements| statements.get(shape));
    let new_test = accepted.is_none() && place.kind == PlaceKind::Test;
    let now = seen.statements.iter().filter_map(|(shape, now)| {
        let rules = rules(before(shape), now);
        let level = level(&rules, new_test)?;
        Some(problem(place, shape, level, rules, before(shape), Some(now), seen.requests))
    });
    let gone = accepted
        .into_iter()
        .flatten()
        .filter(|(shape, before)| !seen.statements.contains_key(*shape) && is_decrease(before, 0));
    let gone = gone.map(|(shape, before)| {
        problem(place, shape, Level::Accept, vec![Rule::CountDecrease], Some(before), None, seen.requests)
    });
    now.chain(gone).collect()
}

fn rules(before: Option<&Statement>, now: &MeasuredStatement) -> Vec<Rule> {
    let count = &now.statement;
    let more = before.is_some_and(|before| count.max > before.max);
    let holds = [
        (Rule::CountIncrease, more),
        (Rule::NewShape, before.is_none()),
        (Rule::NPlusOne, now.looped > 0),
        (Rule::MissedMemo, now.repeated > 0),
        (Rule::TripsIncrease, !more && before.is_some_and(|before| count.trips > before.trips)),
        (Rule::CountDecrease, before.is_some_and(|before| is_decrease(before, count.max))),
    ];
    holds.into_iter().filter(|(_, holds)| *holds).map(|(rule, _)| rule).collect()
}

/// Whether requests send a statement clearly less often: below all that was seen, or half. A statement that only
/// some requests send, once, may just not have been needed.
fn is_decrease(before: &Statement, max: u64) -> bool {
    max < before.min || before.max > 1 && max.saturating_mul(2) <= before.max
}

/// What rules mean together; `None` if nothing. A loop that is accepted is known, and no news.
fn level(rules: &[Rule], new_test: bool) -> Option<Level> {
    let has = |rule: Rule| rules.contains(&rule);
    match () {
        () if has(Rule::NewShape) && new_test && !has(Rule::NPlusOne) => Some(Level::Accept),
        () if has(Rule::CountIncrease) || has(Rule::NewShape) || has(Rule::TripsIncrease) => {
            Some(Level::Fail)
        }
        () if has(Rule::CountDecrease) => Some(Level::Accept),
        () if rules.is_empty() => None,
        () => Some(Level::Known),
    }
}

fn problem(
    place: &Place,
    shape: &str,
    level: Level,
    rules: Vec<Rule>,
    before: Option<&Statement>,
    now: Option<&MeasuredStatement>,
    requests: u64,
) -> Problem {
    let statement = now.map(|now| &now.statement).or(before);
    Problem {
        level,
        rules,
        place: place.clone(),
        shape: shape.to_owned(),
        kind: statement.map_or(StatementKind::Other, |statement| statement.kind),
        text: statement.map(|statement| statement.text.clone()).unwrap_or_default(),
        before: before.map(Counts::from),
        now: now.map(|now| Counts::from(&now.statement)).unwrap_or_default(),
        requests,
        requests_with: now.map_or(0, |now| now.requests),
        allowed: None,
    }
}

impl Problem {
    /// What grew most comes first at its place.
    fn order(&self) -> (Level, &Place, Reverse<u64>, Rule, &str) {
        let grown = self.now.max.saturating_sub(self.before.map_or(0, |before| before.max));
        (self.level, &self.place, Reverse(grown), self.rule(), &self.shape)
    }

    /// The rule that names it.
    pub fn rule(&self) -> Rule {
        self.rules.first().copied().unwrap_or(Rule::NewShape)
    }
}

fn allow(problem: &mut Problem, allowed: &[Allowance], used: &mut [bool]) {
    for (allowance, used) in allowed.iter().zip(used) {
        if allowance.covers(&problem.place, &problem.shape, &problem.text) {
            *used = true;
            problem.level = Level::Allowed;
            problem.allowed.get_or_insert_with(|| allowance.reason.clone());
        }
    }
}

/// Whether something was seen of the places that an allowance speaks of, or nothing is known of them at all.
fn may_be_unused(allowance: &Allowance, check: &Check) -> bool {
    let mut known = check.places.iter().filter(|state| allowance.is_at(&state.place)).peekable();
    known.peek().is_none() || known.any(|state| state.state != State::NotExercised)
}

#[cfg(test)]
mod tests {
    use super::super::{Accepting, accept};
    use super::*;
    use crate::testing::{TraceBuilder, trace};

    const ORDERS: &str = "SELECT * FROM orders WHERE shop = ?";
    const CUSTOMER: &str = "SELECT * FROM customers WHERE id = ?";

    /// Requests of `GET /orders`, each with so many loads of a customer.
    fn requests(customers: &[u32]) -> Measured {
        measured(customers.len() as u32, |trace, number| {
            let trace = trace.entry("GET /orders", 0.0, 900.0).sql(ORDERS, 1.0, 5.0);
            trace.each(customers[number as usize], |trace, number| {
                trace.sql(CUSTOMER, 10.0 + 2.0 * number, 11.0 + 2.0 * number).values(number as u64 + 7)
            })
        })
    }

    fn measured(traces: u32, request: impl Fn(TraceBuilder, u32) -> TraceBuilder) -> Measured {
        trace().count(traces, request)
    }

    fn accepted(measured: &Measured) -> Baseline {
        accept(Baseline::new(), measured, Accepting::default())
    }

    /// Level, rules, budget before and count now of each problem.
    fn told(before: &Measured, now: &Measured) -> Vec<(Level, Vec<Rule>, Option<u64>, u64)> {
        let (check, _) = check(&accepted(before), now, &[]);
        let told = |problem: Problem| {
            (problem.level, problem.rules, problem.before.map(|before| before.max), problem.now.max)
        };
        check.problems.into_iter().map(told).collect()
    }

    #[test]
    fn what_is_accepted_passes_however_many_requests_there_are() {
        let before = requests(&[3, 1, 2]);
        assert_eq!(told(&before, &before), []);
        assert_eq!(told(&before, &requests(&[2, 2, 2, 3, 3, 3, 3])), []);
        let statement = &accepted(&before).into_values().next().unwrap();
        let counts: Vec<(u64, u64)> = statement.values().map(|own| (own.min, own.max)).collect();
        assert_eq!(counts, [(1, 1), (1, 3)]);
    }

    #[test]
    fn what_multiplies_fails() {
        let loops = vec![Rule::CountIncrease, Rule::NPlusOne];
        assert_eq!(told(&requests(&[1, 1]), &requests(&[1, 20])), [(Level::Fail, loops, Some(1), 20)]);
        let more = vec![Rule::CountIncrease];
        assert_eq!(told(&requests(&[1]), &requests(&[2])), [(Level::Fail, more, Some(1), 2)]);
    }

    #[test]
    fn what_comes_fails_at_known_and_new_endpoints() {
        assert_eq!(told(&requests(&[0]), &requests(&[1])), [(Level::Fail, vec![Rule::NewShape], None, 1)]);
        let renamed = measured(1, |trace, _| trace.entry("GET /bills", 0.0, 9.0).sql(ORDERS, 1.0, 5.0));
        assert_eq!(told(&requests(&[0]), &renamed), [(Level::Fail, vec![Rule::NewShape], None, 1)]);
    }

    #[test]
    fn a_loop_that_is_accepted_is_known() {
        let many = requests(&[20]);
        assert_eq!(told(&many, &many), [(Level::Known, vec![Rule::NPlusOne], Some(20), 20)]);
    }

    #[test]
    fn what_is_asked_for_again_is_told_beside() {
        let same = |times| {
            measured(1, |trace, _| {
                let trace = trace.entry("GET /me", 0.0, 100.0);
                trace.each(times, |trace, number| {
                    trace.sql(CUSTOMER, 10.0 * number + 1.0, 10.0 * number + 5.0).values(7)
                })
            })
        };
        let again = vec![Rule::CountIncrease, Rule::MissedMemo];
        assert_eq!(told(&same(1), &same(2)), [(Level::Fail, again, Some(1), 2)]);
    }

    #[test]
    fn a_batch_that_comes_apart_fails() {
        let batch = |repeats: u32, times: u32| {
            measured(1, |trace, _| {
                let trace = trace.entry("POST /orders", 0.0, 100.0);
                trace.each(times, |trace, number| {
                    trace
                        .sql("INSERT INTO lines VALUES (?)", number * 10.0 + 1.0, number * 10.0 + 5.0)
                        .batch(repeats)
                })
            })
        };
        let apart = told(&batch(4, 1), &batch(1, 4));
        assert_eq!(apart, [(Level::Fail, vec![Rule::TripsIncrease], Some(4), 4)]);
        assert_eq!(told(&batch(1, 4), &batch(4, 1)), []);
    }

    #[test]
    fn less_never_fails_and_is_to_be_accepted() {
        let less = vec![Rule::CountDecrease];
        assert_eq!(told(&requests(&[4]), &requests(&[3])), [(Level::Accept, less.clone(), Some(4), 3)]);
        assert_eq!(told(&requests(&[0, 4]), &requests(&[0])), [(Level::Accept, less.clone(), Some(4), 0)]);
        assert_eq!(told(&requests(&[1]), &requests(&[0])), [(Level::Accept, less, Some(1), 0)]);
        assert_eq!(told(&requests(&[0, 1]), &requests(&[0])), [], "some requests do not need it");
        assert_eq!(told(&requests(&[1, 4]), &requests(&[3])), []);
    }

    /// A run of tests that each load orders, after a set-up; the second one by a request.
    fn tests(names: &[&str], loads: u32) -> Measured {
        measured(1, |trace, _| {
            let trace = trace.inside("test run", 0.0, 9_000.0).sql("INSERT INTO orders VALUES (?)", 1.0, 2.0);
            names.iter().zip([100.0, 300.0, 500.0]).fold(trace, |trace, (name, from)| {
                let trace = trace.test(name, from, from + 150.0).sql(ORDERS, from + 1.0, from + 2.0);
                let trace = trace.each(loads, |trace, number| {
                    trace
                        .sql(CUSTOMER, from + 3.0 * number + 3.0, from + 3.0 * number + 5.0)
                        .values(number as u64 + 7)
                });
                let trace = trace.endpoint_inside("GET /orders", from + 90.0, from + 149.0);
                trace.sql(ORDERS, from + 91.0, from + 99.0).out().out()
            })
        })
    }

    #[test]
    fn tests_are_places_of_their_own_and_what_they_ask_for_counts_at_its_endpoint() {
        let one = tests(&["a"], 1);
        let places = |measured: &Measured| -> Vec<(PlaceKind, String, u64, usize)> {
            let places = measured.places.iter();
            places
                .map(|(place, seen)| (place.kind, place.name.clone(), seen.requests, seen.statements.len()))
                .collect()
        };
        let endpoint = (PlaceKind::Endpoint, "GET /orders".to_owned(), 1, 1);
        assert_eq!(places(&one), [endpoint, (PlaceKind::Test, "a".to_owned(), 1, 2)]);
        assert_eq!(one.left_out.around_tests, 1);
        assert_eq!(told(&one, &one), []);
        let new: Vec<Level> =
            told(&one, &tests(&["a", "b"], 1)).into_iter().map(|(level, ..)| level).collect();
        assert_eq!(new, [Level::Accept, Level::Accept], "a test that is added fails nothing");
        let looped = told(&one, &tests(&["a", "b"], 20));
        let failed: Vec<u64> =
            looped.iter().filter(|(level, ..)| *level == Level::Fail).map(|(.., now)| *now).collect();
        assert_eq!(failed, [20, 20], "but for a loop: {looped:?}");
    }

    #[test]
    fn what_is_not_exercised_is_not_fixed_and_keeps_its_budget() {
        let (before, other) =
            (requests(&[9]), measured(1, |trace, _| trace.entry("GET /", 0.0, 5.0).sql(ORDERS, 1.0, 2.0)));
        let (check, _) = check(&accepted(&before), &other, &[]);
        let states: Vec<State> = check.places.iter().map(|place| place.state).collect();
        assert_eq!(states, [State::New, State::NotExercised]);
        let kept = accept(accepted(&before), &other, Accepting::default());
        assert_eq!(kept.len(), 2);
        assert_eq!(accept(accepted(&before), &other, Accepting { prune: true }).len(), 1);
    }

    #[test]
    fn what_drivers_send_by_themselves_does_not_count() {
        let noisy = measured(1, |trace, _| {
            let trace = trace.entry("GET /orders", 0.0, 99.0).sql("BEGIN", 0.5, 0.6).sql(ORDERS, 1.0, 5.0);
            trace.sql("SELECT 1", 6.0, 7.0).sql("SELECT oid FROM pg_type", 8.0, 9.0).sql("COMMIT", 90.0, 91.0)
        });
        assert_eq!(told(&requests(&[0]), &noisy), []);
    }

    #[test]
    fn work_outside_of_requests_and_damaged_traces_count_nowhere() {
        let outside = measured(1, |trace, _| trace.by("psycopg2").sql(ORDERS, 1.0, 5.0));
        assert_eq!((outside.places.len(), outside.left_out.outside), (0, 1));
        let damaged = measured(1, |trace, _| trace.entry("GET /", 0.0, 9.0).sql(ORDERS, 1.0, 5.0).lost());
        assert_eq!((damaged.places.len(), damaged.left_out.incomplete), (0, 1));
        let (check, _) = check(&Baseline::new(), &outside, &[]);
        assert_eq!(check.verdict, Verdict::Unusable, "a check of nothing is no success");
        assert_eq!(check.notes, ["not counted: 1 statement sent outside of any request"]);
    }

    #[test]
    fn statements_without_text_are_no_success() {
        let blind = measured(1, |trace, _| {
            trace.entry("GET /orders", 0.0, 99.0).call(crate::evidence::Kind::Sql, "SELECT shop", 1.0, 5.0)
        });
        let (check, _) = check(&Baseline::new(), &blind, &[]);
        assert_eq!(check.verdict, Verdict::Unusable);
        let silent = measured(1, |trace, _| trace.entry("GET /orders", 0.0, 99.0));
        let (check, _) = super::check(&accepted(&requests(&[1])), &silent, &[]);
        assert_eq!(check.verdict, Verdict::Unusable, "instrumentation is gone: {:?}", check.unusable);
        let (check, _) = super::check(&accepted(&silent), &silent, &[]);
        assert_eq!(check.verdict, Verdict::Passed, "an endpoint without statements");
        let other = measured(1, |trace, _| trace.entry("GET /", 0.0, 99.0));
        let (check, _) = super::check(&accepted(&requests(&[1])), &other, &[]);
        assert_eq!(check.verdict, Verdict::Unusable, "other traces: {:?}", check.unusable);
    }

    #[test]
    fn allowances_let_pass_and_are_told_when_they_are_of_no_use() {
        let allowance = |endpoint: &str, shape: &str| Allowance {
            endpoint: Some(endpoint.to_owned()),
            shape: shape.to_owned(),
            reason: "known".to_owned(),
            ..Allowance::default()
        };
        let allowed = [
            allowance("GET /o*", "SELECT * FROM customers *"),
            allowance("GET /orders", "DELETE *"),
            allowance("GET /later", "*"),
            allowance("GET /nowhere", "*"),
        ];
        let mut baseline = accepted(&requests(&[1]));
        let later = measured(1, |trace, _| trace.entry("GET /later", 0.0, 9.0).sql(ORDERS, 1.0, 5.0));
        baseline.extend(accepted(&later));
        let now = requests(&[20]);
        let (check, unused) = check(&baseline, &now, &allowed);
        assert_eq!(check.verdict, Verdict::Passed);
        assert_eq!(
            (check.problems[0].level, check.problems[0].allowed.as_deref()),
            (Level::Allowed, Some("known"))
        );
        let unused: Vec<&str> = unused.iter().filter_map(|one| one.endpoint.as_deref()).collect();
        assert_eq!(unused, ["GET /orders", "GET /nowhere"], "of GET /later nothing was seen");
    }
}
