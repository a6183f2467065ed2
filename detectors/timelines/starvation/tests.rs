//! Simulated pools: requests arrive, wait for a connection, use it and give it back.

use std::collections::VecDeque;

use super::*;
use crate::analysis::Analysis;
use crate::evidence::shape::{Family, Shape, ShapeId};
use crate::evidence::trace::Assembler;
use crate::evidence::{ConnectionUse, Kind, Origin, OriginRef, Role, Span, UNKNOWN};
use crate::finding::{Confidence, Finding};
use crate::judge::judge;
use crate::settings::Settings;
use crate::testing::Random;

const MS: u64 = 1_000_000;

/// Requests of one kind and the pool that they share.
#[derive(Clone)]
struct Simulation {
    pool: usize,
    requests: usize,
    /// Between two arrivals; of as many requests as there are clients, if `clients` is set.
    between_ns: u64,
    /// Each sends its next request when it has its answer.
    clients: Option<usize>,
    /// The service's own work before it asks for a connection.
    own_ns: u64,
    statements: usize,
    statement_ns: u64,
    /// Own work between statements, while the connection is held.
    pause_ns: u64,
    /// A call to another service between the statements.
    call_ns: u64,
    /// Given back after each statement, and asked for again.
    each_statement: bool,
    /// Given back only when the answer is sent.
    to_the_end: bool,
    /// The instrumentation reports checkouts.
    reported: bool,
    instance: &'static str,
}

const STARVED: Simulation = Simulation {
    pool: 5,
    requests: 600,
    between_ns: 9 * MS,
    clients: None,
    own_ns: 4 * MS,
    statements: 3,
    statement_ns: 15 * MS,
    pause_ns: 2 * MS,
    call_ns: 0,
    each_statement: false,
    to_the_end: false,
    reported: false,
    instance: "shop-1",
};

#[derive(Clone, Copy)]
enum Step {
    Own(u64),
    Ask,
    Statement(u64),
    Call(u64),
    GiveBack,
}

/// Spans of many traces and their dictionary.
#[derive(Default)]
struct Recorded {
    dictionary: Dictionary,
    traces: Vec<Vec<Span>>,
}

struct Running {
    number: usize,
    client: usize,
    steps: VecDeque<Step>,
    asked_ns: u64,
    start_ns: u64,
}

impl Recorded {
    fn simulate(mut self, it: &Simulation) -> Self {
        let mut random = Random(7);
        // Ready to go on at a time; those that wait for a connection are in `waiting`.
        let mut ready: std::collections::BTreeMap<(u64, usize), Running> = Default::default();
        let mut waiting: VecDeque<Running> = VecDeque::new();
        let (mut free, mut arrived) = (it.pool, 0);
        let begin_ns = 1_700_000_003 * 1_000_000_000;
        let mut at_ns = begin_ns;
        let mut spans: Vec<Vec<Span>> = vec![Vec::new(); it.requests];
        let first = it.clients.unwrap_or(it.requests);
        for client in 0..first {
            at_ns += random.about(it.between_ns);
            ready.insert((at_ns, arrived), it.arrive(arrived, client, at_ns, &mut random));
            arrived += 1;
        }
        while let Some(((now_ns, number), mut running)) = ready.pop_first() {
            let mut go_on = |running: Running, at_ns: u64| {
                ready.insert((at_ns, running.number), running);
            };
            match running.steps.pop_front() {
                Some(Step::Own(ns)) => go_on(running, now_ns + ns),
                Some(Step::Ask) => {
                    running.asked_ns = now_ns;
                    if free > 0 {
                        free -= 1;
                        self.handed(it, &running, now_ns, &mut spans);
                        go_on(running, now_ns + MS / 10);
                    } else {
                        waiting.push_back(running);
                    }
                }
                Some(Step::GiveBack) => {
                    match waiting.pop_front() {
                        Some(next) => {
                            self.handed(it, &next, now_ns, &mut spans);
                            go_on(next, now_ns + MS / 10);
                        }
                        None => free += 1,
                    }
                    go_on(running, now_ns);
                }
                Some(Step::Statement(ns)) => {
                    let span = self.span(it, Kind::Sql, "SELECT * FROM orders", (now_ns, now_ns + ns));
                    spans[number].push(span);
                    go_on(running, now_ns + ns + MS / 10);
                }
                Some(Step::Call(ns)) => {
                    let span =
                        self.span(it, Kind::Http, "POST http://payments/charge", (now_ns, now_ns + ns));
                    spans[number].push(span);
                    go_on(running, now_ns + ns);
                }
                None => {
                    let entry = self.span(it, Kind::Entry, "GET /orders", (running.start_ns, now_ns));
                    spans[number].insert(0, entry);
                    if it.clients.is_some() && arrived < it.requests {
                        let at_ns = now_ns + MS;
                        ready
                            .insert((at_ns, arrived), it.arrive(arrived, running.client, at_ns, &mut random));
                        arrived += 1;
                    }
                }
            }
        }
        for mut spans in spans {
            for (place, span) in spans.iter_mut().enumerate() {
                (span.id, span.parent) = (place as u64 + 1, u64::from(place > 0));
            }
            spans.sort_by_key(|span| (span.start_ns, span.id));
            self.traces.push(spans);
        }
        self
    }

    fn handed(&mut self, it: &Simulation, running: &Running, now_ns: u64, spans: &mut [Vec<Span>]) {
        if it.reported {
            let span = self.span(it, Kind::PoolWait, "wait for a connection", (running.asked_ns, now_ns));
            spans[running.number].push(span);
        }
    }

    fn span(&mut self, it: &Simulation, kind: Kind, text: &str, (start_ns, end_ns): (u64, u64)) -> Span {
        let (family, role) = match kind {
            Kind::Entry => (Family::Endpoint, Role::Server),
            Kind::Sql => (Family::Statement, Role::Client),
            _ => (Family::Other, Role::Client),
        };
        let hash = text.bytes().fold(7, |hash: u64, byte| hash.wrapping_mul(1_000_003) ^ u64::from(byte));
        let id = ShapeId { family, hash };
        let shape = self.dictionary.shape_ref(id, || Shape { id, text: text.into(), facts: None });
        let origin = self.origin(it.instance);
        let target = if kind == Kind::Sql { self.dictionary.symbol("shop@db") } else { Symbol::default() };
        Span {
            start_ns,
            end_ns,
            origin,
            shape,
            target,
            kind,
            role,
            rows: UNKNOWN,
            response_bytes: UNKNOWN,
            thread: UNKNOWN,
            repeats: 1,
            ..Span::default()
        }
    }

    fn origin(&mut self, instance: &str) -> OriginRef {
        let (service, instance) = (self.dictionary.symbol("shop"), self.dictionary.symbol(instance));
        self.dictionary.origin_ref(Origin { service, instance, ..Origin::default() })
    }

    /// Timelines of every trace for whose number this holds.
    fn timelines(&self, here: impl Fn(usize) -> bool) -> Timelines {
        let mut timelines = Timelines::default();
        let mut uses = ConnectionUse::default();
        let mut assembler = Assembler::default();
        for (number, spans) in self.traces.iter().enumerate().filter(|(number, _)| here(*number)) {
            let trace = assembler.assemble(number as u128 + 1, spans, &self.dictionary);
            uses.read(trace);
            timelines.add(trace, &uses, &self.dictionary);
        }
        timelines
    }

    fn starvation(&self) -> Option<Starvation> {
        let starvations = Starvations::of(&self.timelines(|_| true), &self.dictionary);
        let service = self.dictionary.find("shop").unwrap();
        starvations.confirms(service).cloned()
    }
}

impl Simulation {
    fn arrive(&self, number: usize, client: usize, at_ns: u64, random: &mut Random) -> Running {
        let mut steps = VecDeque::from([Step::Own(random.about(self.own_ns)), Step::Ask]);
        for statement in 0..self.statements {
            if statement > 0 {
                if self.each_statement {
                    steps.push_back(Step::GiveBack);
                }
                steps.push_back(Step::Own(random.about(self.pause_ns)));
                if self.call_ns > 0 {
                    steps.push_back(Step::Call(random.about(self.call_ns)));
                }
                if self.each_statement {
                    steps.push_back(Step::Ask);
                }
            }
            steps.push_back(Step::Statement(random.about(self.statement_ns)));
        }
        let after = Step::Own(random.about(self.own_ns * 2));
        steps.extend(if self.to_the_end { [after, Step::GiveBack] } else { [Step::GiveBack, after] });
        Running { number, client, steps, asked_ns: 0, start_ns: at_ns }
    }

    fn run(&self) -> Recorded {
        Recorded::default().simulate(self)
    }

    fn starvation(&self) -> Starvation {
        self.run().starvation().expect("the pool is used up")
    }

    fn is_silent(&self) {
        let found = self.run().starvation();
        assert!(found.is_none(), "{found:#?}");
    }
}

#[test]
fn gaps_tell_the_size_of_the_pool() {
    for pool in [1, 2, 5, 10, 20] {
        let between_ns = 45 * MS / pool as u64;
        let found = Simulation { pool, between_ns, ..STARVED }.starvation();
        assert_eq!(found.pool_size, (pool as u64, pool as u64), "{found:#?}");
        assert!(!found.reported);
        assert_eq!(found.held, Held::FirstToLast);
    }
}

#[test]
fn reported_waits_tell_the_size_of_the_pool() {
    for pool in [1, 5, 10] {
        let between_ns = 45 * MS / pool as u64;
        let found = Simulation { pool, between_ns, reported: true, ..STARVED }.starvation();
        assert_eq!(found.pool_size, (pool as u64, pool as u64), "{found:#?}");
        assert!(found.reported);
    }
}

#[test]
fn tells_when_connections_are_given_back() {
    let each = Simulation { each_statement: true, between_ns: 8 * MS, ..STARVED };
    for reported in [false, true] {
        let found = Simulation { reported, ..each.clone() }.starvation();
        // A wait that is reported before each statement says it already.
        let held = if reported { Held::FirstToLast } else { Held::EachStatement };
        assert_eq!((found.pool_size, found.held), ((5, 5), held), "{found:#?}");
        assert_eq!(found.is_for_each_statement(), !reported);
    }
    let end = Simulation { to_the_end: true, own_ns: 20 * MS, between_ns: 15 * MS, ..STARVED };
    for reported in [false, true] {
        let found = Simulation { reported, ..end.clone() }.starvation();
        assert_eq!((found.pool_size, found.held), ((5, 5), Held::ToTheEnd), "{found:#?}");
    }
}

#[test]
fn names_what_is_done_while_a_connection_is_held() {
    let recorded = Simulation { call_ns: 80 * MS, statements: 2, between_ns: 20 * MS, ..STARVED }.run();
    let found = recorded.starvation().unwrap();
    let (holding, share) = found.holders[0];
    let Holding::Call(shape) = holding else { panic!("{found:#?}") };
    assert_eq!(&*recorded.dictionary.shape(shape).text, "POST http://payments/charge");
    assert!((600..850).contains(&share), "{share}");
}

#[test]
fn says_which_size_would_do() {
    // 20 arrive in a second and hold a connection for 250 ms: five are always in use.
    let it = Simulation { statements: 1, statement_ns: 250 * MS, pool: 4, between_ns: 50 * MS, ..STARVED };
    let found = it.starvation();
    assert_eq!(found.pool_size, (4, 4));
    assert!((200 * MS..300 * MS).contains(&found.hold_mean_ns));
    assert!(found.size_p95 > found.size_mean && found.size_mean >= 4, "{found:#?}");
    assert!(found.asked_at_once_p95 > 4, "{found:#?}");
}

/// What is told in the end: the finding about the pool, if there is one, and whether one was dismissed.
fn told(recorded: &Recorded) -> (Option<Finding>, bool) {
    let settings = Settings::default();
    let mut analysis = Analysis::new(&settings);
    for (number, spans) in (1..).zip(&recorded.traces) {
        analysis.take(number, spans, &recorded.dictionary);
    }
    let mut report = judge(&mut analysis.into_gathered(), &recorded.dictionary, &settings, "whyslow");
    report.findings.retain(|finding| finding.detector == "pool-starvation");
    let dismissed = report.dismissed.iter().any(|it| it.detector == "pool-starvation");
    assert!(report.findings.len() < 2, "{:#?}", report.findings);
    (report.findings.pop(), dismissed)
}

#[test]
fn a_pool_that_is_used_up_becomes_a_finding() {
    let held = Simulation { call_ns: 80 * MS, statements: 2, between_ns: 20 * MS, ..STARVED };
    let starved = [STARVED, Simulation { each_statement: true, between_ns: 8 * MS, ..STARVED }, held];
    for (it, reported) in starved.iter().flat_map(|it| [(it, false), (it, true)]) {
        let recorded = Simulation { reported, ..it.clone() }.run();
        let (finding, _) = told(&recorded);
        let finding = finding.expect("it is told");
        let confidence = if reported { Confidence::High } else { Confidence::Medium };
        assert_eq!(finding.confidence, confidence);
        assert!(finding.why.contains("5 connections are in use"), "{}", finding.why);
        let first = &finding.fix[0].text;
        let shorter = first.starts_with("hold connections shorter: POST http://payments/charge");
        assert_eq!(shorter, it.call_ns > 0, "{first}");
        let holder = finding
            .also
            .iter()
            .any(|also| also.starts_with("blocking-call: POST http://payments/charge is "));
        assert_eq!(holder, it.call_ns > 0, "{:?}", finding.also);
        let measured = finding.latency_ns.measured.p50.unwrap();
        let predicted = finding.latency_ns.predicted.p50.unwrap();
        assert!(predicted < measured / 2, "{predicted} of {measured}");
    }
}

#[test]
fn gaps_that_no_pool_explains_are_dismissed() {
    let (finding, dismissed) = told(&Simulation { pool: 40, own_ns: 60 * MS, ..STARVED }.run());
    assert!(finding.is_none() && dismissed);
}

#[test]
fn instances_have_pools_of_their_own() {
    let recorded =
        STARVED.run().simulate(&Simulation { instance: "shop-2", pool: 4, between_ns: 12 * MS, ..STARVED });
    let recorded = recorded.simulate(&Simulation { instance: "shop-3", between_ns: 40 * MS, ..STARVED });
    let found = recorded.starvation().unwrap();
    assert_eq!((found.instances, found.instances_seen), (2, 3));
    assert_eq!((found.pool_size, found.pool_sizes), ((4, 5), 9));
}

#[test]
fn silent_on_quick_statements_one_after_another() {
    Simulation { between_ns: 100 * MS, statement_ns: MS, ..STARVED }.is_silent();
    Simulation { clients: Some(1), statement_ns: MS, pause_ns: 0, ..STARVED }.is_silent();
}

#[test]
fn silent_on_a_slow_database() {
    // Twenty statements run at once, and nobody waits for a connection.
    for reported in [false, true] {
        Simulation { pool: 100, statement_ns: 120 * MS, between_ns: 20 * MS, reported, ..STARVED }
            .is_silent();
    }
}

#[test]
fn silent_on_a_plateau_that_is_the_load_itself() {
    for (clients, own_ns) in [(5, 0), (5, MS), (5, 6 * MS), (10, 3 * MS), (2, 3 * MS)] {
        for reported in [false, true] {
            let clients = Some(clients);
            Simulation { pool: 100, clients, own_ns, reported, between_ns: MS, ..STARVED }.is_silent();
        }
    }
}

#[test]
fn silent_on_healthy_checkouts_and_own_work() {
    let healthy = Simulation { pool: 40, ..STARVED };
    Simulation { reported: true, ..healthy.clone() }.is_silent();
    Simulation { own_ns: 60 * MS, pause_ns: 30 * MS, between_ns: 20 * MS, ..healthy.clone() }.is_silent();
    Simulation { statement_ns: 2 * MS, own_ns: 30 * MS, between_ns: 3 * MS, ..healthy }.is_silent();
}

#[test]
fn three_dockets_with_a_third_each_find_the_same() {
    let recorded =
        STARVED.run().simulate(&Simulation { instance: "shop-2", pool: 3, between_ns: 15 * MS, ..STARVED });
    let whole = recorded.starvation().unwrap();
    let third = |third: usize| recorded.timelines(move |number| number % 3 == third);
    // One third alone sees other levels of use.
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let mut merged = Timelines::default();
        order.into_iter().for_each(|number| merged.merge(third(number)));
        let found = Starvations::of(&merged, &recorded.dictionary);
        assert_eq!(found.iter().collect::<Vec<_>>(), [&whole]);
    }
    let mut right = third(1);
    right.merge(third(2));
    let mut left = third(0);
    left.merge(right);
    assert_eq!(Starvations::of(&left, &recorded.dictionary).iter().next(), Some(&whole));
}
