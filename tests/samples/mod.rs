//! Reports as a diagnosis makes them, written by hand.

use detectors::finding::*;

const MS: u64 = 1_000_000;

fn latency(p50: u64, p95: u64, p99: u64) -> Latency {
    Latency { p50: Some(p50 * MS), p95: Some(p95 * MS), p99: Some(p99 * MS), max: Some(p99 * MS + 123_456) }
}

/// Too few requests for the higher percentiles.
fn few(p50: u64, max: u64) -> Latency {
    Latency { p50: Some(p50 * MS), max: Some(max * MS + 7), ..Latency::default() }
}

fn path(database: u64, call: u64, pool_wait: u64, own: u64, unexplained: u64) -> PathTime {
    let [database, call, pool_wait, own, unexplained] =
        [database, call, pool_wait, own, unexplained].map(|ms| ms * MS);
    PathTime { database, call, pool_wait, own, unexplained, ..PathTime::default() }
}

fn endpoint(service: &str, name: &str, requests: u64, latency_ns: Latency) -> Endpoint {
    Endpoint {
        service: service.to_owned(),
        name: name.to_owned(),
        entry: true,
        requests,
        errors: 0,
        latency_ns,
        statements_per_request: Spread { p50: 2, max: 3 },
        resource: Resource { class: Some(ResourceClass::Io), confidence: Confidence::High },
        critical_path_ns: CriticalPath { all: path(7, 0, 0, 2, 1), slowest: path(15, 0, 0, 4, 1) },
        logged: None,
        target: None,
        after_fixes: Vec::new(),
    }
}

fn target(p99_ms: u64, met: Option<bool>) -> TargetResult {
    TargetResult { metric: "p99".to_owned(), max_ns: p99_ms * MS, met }
}

fn step(finding: &str, latency_ns: Latency, target_met: Option<bool>) -> AfterFix {
    AfterFix { finding: finding.to_owned(), latency_ns, target_met }
}

fn finding(id: &str, detector: &str, subject: Subject, measured: Latency, predicted: Latency) -> Finding {
    let range = |ns: Option<u64>| ns.map(|ns| [ns / 10 * 9, ns / 10 * 12]);
    Finding {
        id: format!("{detector}-{id}"),
        cause: format!("c{id}"),
        detector: detector.to_owned(),
        service: "shop".to_owned(),
        endpoint: Some("GET /orders".to_owned()),
        affects: Vec::new(),
        subject,
        requests: 600,
        repeats: None,
        gain: Gain { kind: GainKind::Latency, total_ns: 600 * 970 * MS, total_bytes: None },
        resource: Some(ResourceClass::Io),
        confidence: Confidence::High,
        latency_ns: FindingLatency {
            measured,
            predicted,
            predicted_range: LatencyRange {
                p50: range(predicted.p50),
                p95: range(predicted.p95),
                p99: range(predicted.p99),
                max: range(predicted.max),
            },
        },
        location: None,
        why: String::new(),
        fix: Vec::new(),
        verify: Verify {
            metric: "statements per request".to_owned(),
            unit: Unit::Count,
            now: 203,
            expected: 4,
            command: "whyslow run -- python …".to_owned(),
        },
        evidence: vec![Evidence {
            trace: "5b8efff798038103d269b633813fc60c".to_owned(),
            spans: vec!["eee19b7ec3c1b174".to_owned(), "eee19b7ec3c1b175".to_owned()],
            duration_ns: 3_104_212_000,
        }],
        example: None,
        waterfall: None,
        also: Vec::new(),
        accepted: None,
        accepted_owner: None,
        accepted_until: None,
    }
}

fn subject(kind: SubjectKind, text: &str) -> Subject {
    let shape = (kind == SubjectKind::Statement).then(|| "q1:0123456789abcdef".to_owned());
    Subject { kind, text: text.to_owned(), shape }
}

fn advice(text: &str, tradeoff: &str) -> Fix {
    Fix { text: text.to_owned(), tradeoff: tradeoff.to_owned(), latency_ns: None }
}

fn waterfall() -> Waterfall {
    let placed = |calls, start_ms: u64, end_ms: u64, duration_ms: u64, path_ms: u64| {
        let [start_ns, end_ns, duration_ns, path_ns] =
            [start_ms, end_ms, duration_ms, path_ms].map(|ms| ms * 1_000_000);
        Placed { calls, start_ns, end_ns, duration_ns, path_ns }
    };
    let row = |depth, waits_for, text: &str, measured, fixed| WaterfallRow {
        depth,
        waits_for,
        text: text.to_owned(),
        claimed: text.contains("customers"),
        measured,
        fixed,
    };
    let whole = |end_ms| placed(1, 0, end_ms, end_ms, 200);
    Waterfall {
        trace: "5b8efff798038103d269b633813fc60c".to_owned(),
        duration_ns: 1_668_000_000,
        fixed_ns: [660_000_000, 742_000_000],
        rows: vec![
            row(0, WaitsFor::Request, "shop  GET /orders", whole(1668), Some(whole(742))),
            row(
                1,
                WaitsFor::Database,
                "SELECT orders.id, orders.total FROM orders WHERE orders.shop = ? LIMIT ?",
                placed(1, 10, 40, 30, 30),
                Some(placed(1, 10, 40, 30, 30)),
            ),
            row(
                1,
                WaitsFor::Database,
                "SELECT customers.id, customers.name FROM customers WHERE customers.id = ?",
                placed(200, 42, 1060, 980, 980),
                Some(placed(1, 42, 120, 78, 78)),
            ),
            row(2, WaitsFor::Cache, "GET customers:{}", placed(200, 42, 1060, 40, 40), None),
            row(
                1,
                WaitsFor::Call,
                "POST payments/charge",
                placed(1, 1070, 1370, 300, 300),
                Some(placed(1, 130, 430, 300, 300)),
            ),
            row(2, WaitsFor::Own, "flush", placed(1, 1100, 1120, 20, 0), Some(placed(1, 160, 180, 20, 0))),
        ],
        rows_left_out: 3,
    }
}

fn loop_of_queries() -> Finding {
    let text = "SELECT customers.id, customers.name, customers.email, customers.street, customers.city \
                FROM customers WHERE customers.id = ?";
    Finding {
        repeats: Some(Spread { p50: 200, max: 702 }),
        location: Some(Location {
            file: Some("app/orders.py".to_owned()),
            line: Some(41),
            function: Some("list_orders".to_owned()),
        }),
        why: "one query for each row of SELECT … FROM orders WHERE orders.shop = ? LIMIT ?, one after another; \
              each takes 4.9 ms, of which the network is most"
            .to_owned(),
        fix: vec![advice(
            "load the customers of all orders at once: SQLAlchemy joinedload(Order.customer) or \
             selectinload(Order.customer)",
            "wider rows with joinedload, one more statement with selectinload",
        )],
        waterfall: Some(waterfall()),
        also: vec!["repeated-query: 12 of the 200 ask for a customer that was loaded before".to_owned()],
        ..finding(
            "3f9a",
            "n-plus-one",
            subject(SubjectKind::Statement, text),
            latency(1668, 2402, 3021),
            latency(701, 760, 804),
        )
    }
}

fn blocking_call() -> Finding {
    Finding {
        confidence: Confidence::Medium,
        resource: Some(ResourceClass::Network),
        why: "300 ms in which nothing else runs, while a database connection is held".to_owned(),
        fix: vec![
            advice(
                "hand the charge to a queue and answer 202, if the answer does not need its result",
                "the caller learns later of a refused charge",
            ),
            Fix {
                latency_ns: Some(latency(1490, 2210, 2802)),
                ..advice("start it beside the query for the orders", "")
            },
        ],
        verify: Verify {
            metric: "p95 of POST https://payments/charge on the critical path".to_owned(),
            unit: Unit::Ns,
            now: 312 * MS,
            expected: 0,
            command: "whyslow run -- python …".to_owned(),
        },
        ..finding(
            "77b0",
            "blocking-call",
            subject(SubjectKind::Call, "POST https://payments/charge"),
            latency(1668, 2402, 3021),
            latency(1366, 2100, 2702),
        )
    }
}

fn lead() -> Finding {
    Finding {
        confidence: Confidence::Low,
        resource: Some(ResourceClass::Cpu),
        requests: 598,
        why: "own time after the last call, probably serialisation".to_owned(),
        fix: vec![advice("answer in pages, or send fewer fields", "callers ask more than once")],
        ..finding(
            "a1c2",
            "heavy-compute",
            subject(SubjectKind::Code, "after the last call"),
            latency(1668, 2402, 3021),
            latency(1466, 2200, 2810),
        )
    }
}

/// An endpoint that gets a tenth faster.
fn affected(endpoint: &str, gain_ms: u64, measured: Latency) -> Affected {
    let tenth = |ns: Option<u64>| ns.map(|ns| ns / 10 * 9);
    let Latency { p50, p95, p99, max } = measured;
    let predicted = Latency { p50: tenth(p50), p95: tenth(p95), p99: tenth(p99), max: tenth(max) };
    Affected {
        service: "shop".to_owned(),
        endpoint: endpoint.to_owned(),
        gain_ns: gain_ms * MS,
        latency_ns: FindingLatency { measured, predicted, predicted_range: LatencyRange::default() },
    }
}

fn starved_pool() -> Finding {
    Finding {
        endpoint: None,
        affects: vec![
            affected("GET /orders", 42_000, latency(900, 1800, 2600)),
            affected("GET /cart", 1_500, latency(40, 60, 90)),
        ],
        gain: Gain { kind: GainKind::Latency, total_ns: 43_500 * MS, total_bytes: None },
        requests: 310,
        why: "all 5 connections are in use for 61 % of the time; GET /orders holds them 92 % of it"
            .to_owned(),
        fix: vec![advice(
            "pool_size=12 (SQLAlchemy create_engine)",
            "12 connections for each of 2 instances",
        )],
        ..finding(
            "0c0d",
            "pool-starvation",
            subject(SubjectKind::Pool, "connections of shop to postgresql://db/shop"),
            Latency::default(),
            Latency::default(),
        )
    }
}

/// Costs the database something, and the callers nothing.
fn parallel_queries() -> Finding {
    Finding {
        service: "stock".to_owned(),
        endpoint: Some("POST /reserve".to_owned()),
        gain: Gain { kind: GainKind::DatabaseTime, total_ns: 41_250 * MS, total_bytes: None },
        confidence: Confidence::Medium,
        repeats: Some(Spread { p50: 40, max: 40 }),
        requests: 280,
        why: "40 statements at once; the cost is 40 statements and up to as many connections".to_owned(),
        fix: vec![advice("ask once: WHERE id = ANY($1)", "")],
        ..finding(
            "9e9e",
            "n-plus-one",
            subject(SubjectKind::Statement, "SELECT amount FROM stock WHERE id = ?"),
            latency(22, 31, 40),
            latency(22, 31, 40),
        )
    }
}

fn seen() -> Seen {
    Seen {
        spans: 148_299,
        traces: 1_800,
        requests: 1_800,
        statements: 123_000,
        cache_commands: 0,
        calls: 600,
    }
}

fn skipped() -> Skipped {
    let record = |line, offset, reason: &str| SkippedRecord {
        file: "traces.json".to_owned(),
        line,
        offset,
        reason: reason.to_owned(),
    };
    let first = vec![
        record(Some(8812), 4_551_022, "not JSON: a string that does not end"),
        record(Some(8813), 4_551_900, "no trace id"),
        record(None, 9_000_000, "the message ends in its middle"),
        record(None, 9_000_100, "the message ends in its middle"),
    ];
    Skipped { records: 12, of: 148_311, bytes: 80_412, first }
}

fn report() -> Report {
    Report { version: VERSION, seen: seen(), ..Report::default() }
}

/// A missed target, its causes, and all other things that a report can tell.
pub(crate) fn full() -> Report {
    let (queries, call) = (loop_of_queries(), blocking_call());
    let orders = Endpoint {
        errors: 3,
        statements_per_request: Spread { p50: 203, max: 703 },
        critical_path_ns: CriticalPath {
            all: path(1010, 301, 12, 260, 85),
            slowest: path(2207, 305, 121, 243, 148),
        },
        target: Some(target(500, Some(false))),
        after_fixes: vec![
            step(&queries.id, latency(701, 760, 804), Some(false)),
            step(&call.id, latency(399, 455, 498), Some(true)),
            step("pool-starvation-0c0d", latency(380, 401, 443), Some(true)),
        ],
        ..endpoint("shop", "GET /orders", 600, latency(1668, 2402, 3021))
    };
    let cart = Endpoint {
        target: Some(target(500, Some(true))),
        ..endpoint("shop", "GET /cart", 900, latency(10, 14, 21))
    };
    let accepted = Finding {
        service: "reports".to_owned(),
        endpoint: Some("GET /report/{year}".to_owned()),
        accepted: Some("runs at night only".to_owned()),
        accepted_owner: Some("data team".to_owned()),
        accepted_until: Some("2027-03-31".to_owned()),
        ..finding(
            "beef",
            "slow-query",
            subject(SubjectKind::Statement, "SELECT sum(total) FROM orders GROUP BY month"),
            latency(5000, 6000, 7000),
            latency(1000, 1200, 1400),
        )
    };
    let reserve = Endpoint {
        entry: false,
        statements_per_request: Spread { p50: 41, max: 41 },
        ..endpoint("stock", "POST /reserve", 300, latency(22, 31, 40))
    };
    Report {
        endpoints: vec![
            orders,
            cart,
            reserve,
            endpoint("reports", "GET /report/{year}", 300, latency(5000, 6000, 7000)),
        ],
        findings: vec![queries, call, starved_pool(), lead(), accepted, parallel_queries()],
        dismissed: vec![Dismissal {
            detector: "sequential-calls".to_owned(),
            service: "shop".to_owned(),
            endpoint: Some("GET /cart".to_owned()),
            subject: "SELECT … FROM carts WHERE id = ?, GET http://stock/{id}".to_owned(),
            requests: 900,
            reason: "gives back 0.4 ms of 14 ms".to_owned(),
        }],
        not_seen: vec![NotSeen {
            what: "connection pool".to_owned(),
            service: Some("shop".to_owned()),
            how: "SQLAlchemy emits no spans for it; `whyslow diagnose` of the server's log shows connects"
                .to_owned(),
        }],
        skipped: skipped(),
        notes: vec!["the clock of host web-2 is 12 ms behind; its spans were shifted".to_owned()],
        ..report()
    }
}

/// 21 requests without a target.
pub(crate) fn few_requests() -> Report {
    let queries = Finding {
        requests: 21,
        gain: Gain { kind: GainKind::Latency, total_ns: 20_370 * MS, total_bytes: None },
        latency_ns: FindingLatency {
            measured: few(1668, 2900),
            predicted: few(701, 790),
            predicted_range: LatencyRange::default(),
        },
        ..loop_of_queries()
    };
    let orders = Endpoint {
        critical_path_ns: CriticalPath {
            all: path(1010, 301, 0, 260, 85),
            slowest: path(2207, 305, 0, 243, 145),
        },
        after_fixes: vec![step(&queries.id, few(701, 790), None)],
        target: Some(target(500, None)),
        ..endpoint("shop", "GET /orders", 21, few(1668, 2900))
    };
    Report {
        endpoints: vec![orders],
        findings: vec![queries],
        seen: Seen { spans: 4300, traces: 21, requests: 21, statements: 4200, cache_commands: 40, calls: 21 },
        ..report()
    }
}

/// A loop that every request begins with, at nine endpoints: it is all there is at most of them,
/// one has a cause of its own, one misses its target.
pub(crate) fn one_cause_at_many_endpoints() -> Report {
    let text = "SELECT sessions.id, sessions.data FROM sessions WHERE sessions.id = ?";
    let paths = ["orders", "cart", "a", "b", "c", "d", "e", "f", "g/{id}/and/what/is/below"];
    let names = paths.map(|path| format!("GET /{path}"));
    let mut findings: Vec<Finding> = Vec::new();
    let mut endpoints = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let (before, after) = (latency(40, 60, 90 - place as u64), latency(30, 50, 70));
        let session = Finding {
            id: format!("n-plus-one-{place:04}"),
            cause: "c5e55".to_owned(),
            endpoint: Some(name.clone()),
            repeats: Some(Spread { p50: 4, max: 4 }),
            gain: Gain {
                kind: GainKind::Latency,
                total_ns: (9_000 - 100 * place as u64) * MS,
                total_bytes: None,
            },
            why: "4 statements of one shape, one after another".to_owned(),
            fix: vec![advice("load the sessions at once", "")],
            ..finding("", "n-plus-one", subject(SubjectKind::Statement, text), before, after)
        };
        let after_fixes = vec![step(&session.id, after, (place == 1).then_some(false))];
        let target = (place == 1).then(|| target(50, Some(false)));
        endpoints.push(Endpoint { after_fixes, target, ..endpoint("shop", name, 600, before) });
        findings.push(session);
    }
    let call = Finding { endpoint: Some("GET /a".to_owned()), ..blocking_call() };
    endpoints[2].after_fixes.push(step(&call.id, latency(20, 30, 40), None));
    findings.push(call);
    Report { endpoints, findings, ..report() }
}

/// Nothing found, and everything was seen.
pub(crate) fn clean() -> Report {
    let names = ["GET /cart", "GET /orders", "POST /a-rather-long-endpoint-name/{id}/that/goes/on"];
    Report {
        endpoints: names.map(|name| endpoint("shop", name, 600, latency(10, 14, 21))).to_vec(),
        ..report()
    }
}

/// Nothing found, since nothing could be seen.
pub(crate) fn blind() -> Report {
    let dark = Endpoint {
        statements_per_request: Spread::default(),
        resource: Resource { class: None, confidence: Confidence::Low },
        critical_path_ns: CriticalPath { all: path(0, 0, 0, 0, 800), slowest: path(0, 0, 0, 0, 2000) },
        ..endpoint("shop", "GET /orders", 600, latency(800, 1500, 2000))
    };
    Report {
        endpoints: vec![dark],
        seen: Seen { spans: 600, traces: 600, requests: 600, ..Seen::default() },
        not_seen: vec![NotSeen {
            what: "database and HTTP clients".to_owned(),
            service: Some("shop".to_owned()),
            how: "no client span: install opentelemetry-instrumentation-sqlalchemy".to_owned(),
        }],
        ..report()
    }
}

/// Nothing that could be read.
pub(crate) fn only_skipped() -> Report {
    Report { skipped: Skipped { of: 12, ..skipped() }, seen: Seen::default(), ..report() }
}

fn logged_statement(text: &str, executions: u64, each: u64) -> LoggedStatement {
    let at = |percent: u64| Some(each * percent * MS / 100);
    LoggedStatement {
        text: text.to_owned(),
        shape: "q1:0123456789abcdef".to_owned(),
        database: Some("shop".to_owned()),
        executions,
        time_ns: executions * each * MS,
        latency_ns: Latency { p50: at(90), p95: at(200), p99: at(250), max: at(400) },
        slowest: Some("postgresql.log:8812".to_owned()),
        ..LoggedStatement::default()
    }
}

/// A log beside traces that show no statement.
pub(crate) fn logged() -> Report {
    let sender = SentBy {
        service: "shop".to_owned(),
        endpoint: "GET /orders".to_owned(),
        executions: 118_000,
        time_ns: 236_000 * MS,
        by_time: true,
    };
    let many = LoggedStatement {
        sent_by: vec![sender.clone(), SentBy { endpoint: "GET /people".to_owned(), ..sender }],
        ..logged_statement("SELECT name FROM customers WHERE id = ?", 120_000, 2)
    };
    let sorted = LoggedStatement {
        rows: Some(7_000),
        rows_examined: Some(4_200_000),
        spills: 30,
        spilled_bytes: 213_000_000,
        spilled_bytes_max: 7_100_000,
        ..logged_statement("SELECT a || b FROM events ORDER BY payload", 70, 900)
    };
    let mut report = blind();
    report.endpoints[0].logged = Some(LoggedWithin {
        requests: 600,
        executions: 118_000,
        time_ns: 236_000 * MS,
        statement: many.text.clone(),
    });
    report.logged = Some(LoggedStatements {
        statements: 31,
        executions: 121_400,
        time_ns: 310_000 * MS,
        prepare_ns: 2_000 * MS,
        failed: 3,
        untimed: 12,
        by_time: vec![many, sorted],
        rest: LoggedRest { statements: 29, executions: 1_330, time_ns: 7_000 * MS, time_ns_max: 900 * MS },
        ..LoggedStatements::default()
    });
    report.server = Some(server());
    report
}

/// What logs of a server and of a pooler tell.
fn server() -> ServerLog {
    let failed = |text: &str, count| ServerFailed {
        text: text.to_owned(),
        shape: "q1:0c0d0c0d0c0d0c0d".to_owned(),
        count,
    };
    let failure = |why: &str, count, statements| ServerFailure { why: why.to_owned(), count, statements };
    let vacuum = |table: &str, analyze, runs, time_ns| ServerVacuum {
        table: table.to_owned(),
        analyze,
        runs,
        time_ns,
        time_ns_max: time_ns / 2,
    };
    ServerLog {
        connections: Some(ServerConnections {
            received: 3_660,
            authorized: 3_648,
            ended: 3_640,
            session_ns: 3_785_600 * MS,
            between_ns: 7_200_000 * MS,
        }),
        failures: vec![
            failure("deadlock", 22, vec![failed("UPDATE stock SET amount = amount - ? WHERE id = ?", 22)]),
            failure("too many connections", 6, Vec::new()),
        ],
        checkpoints: Some(ServerCheckpoints {
            count: 24,
            by_wal: 8,
            too_often: 3,
            time_ns: 648_000 * MS,
            time_ns_max: 30_000 * MS,
        }),
        vacuums: vec![
            vacuum("shop.public.events\u{1b}[2J", false, 4, 91_000 * MS),
            vacuum("shop.public.stock", true, 1, 20 * MS),
        ],
        vacuums_elsewhere: 17,
        poolers: vec![
            ServerPooler {
                pool: "all pools".to_owned(),
                transactions: 9_000,
                time_ns: 900_000 * MS,
                wait_ns: 340_000 * MS,
                logins: 60,
                timed_out: 9,
                refused: 2,
                ..ServerPooler::default()
            },
            ServerPooler {
                pool: "shop/shop".to_owned(),
                waiting: 8,
                waiting_ns_max: 403 * MS,
                in_use: 2,
                ..ServerPooler::default()
            },
        ],
    }
}

/// Text that tries to write on the terminal, and figures at their bounds.
pub(crate) fn hostile() -> Report {
    let text = "SELECT \u{1b}[2J\u{7}\u{202e} FROM \u{9b}31m".to_owned() + &"é".repeat(500);
    let bounds = Latency { p50: Some(0), p95: Some(u64::MAX), p99: Some(u64::MAX), max: Some(u64::MAX) };
    let bad = Finding {
        subject: subject(SubjectKind::Statement, &text),
        why: text.clone(),
        fix: vec![advice(&text, &text)],
        requests: u64::MAX,
        repeats: Some(Spread { p50: 0, max: u64::MAX }),
        location: Some(Location { file: None, line: Some(1), function: Some(text.clone()) }),
        evidence: Vec::new(),
        ..finding("0000", "n-plus-one", subject(SubjectKind::Code, ""), bounds, Latency::default())
    };
    Report {
        endpoints: vec![Endpoint {
            critical_path_ns: CriticalPath {
                all: PathTime { database: u64::MAX, ..PathTime::default() },
                slowest: PathTime::default(),
            },
            ..endpoint(&text, &text, u64::MAX, bounds)
        }],
        findings: vec![bad],
        notes: vec![text],
        ..report()
    }
}

/// All of them.
pub(crate) fn all() -> Vec<Report> {
    vec![
        full(),
        few_requests(),
        one_cause_at_many_endpoints(),
        clean(),
        blind(),
        logged(),
        only_skipped(),
        hostile(),
    ]
}
