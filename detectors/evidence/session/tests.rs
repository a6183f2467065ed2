use super::*;
use crate::evidence::shape::sql::{Dialect, Lexer};
use crate::evidence::{Kind, Role};

const MS: u64 = 1_000_000;

/// A session's lines, written one after another.
#[derive(Default)]
struct Log {
    dictionary: Dictionary,
    lines: Vec<Span>,
}

impl Log {
    /// A line of a moment that says that something took so long; both in milliseconds.
    fn line(mut self, logged: Logged, at_ms: u64, took_ms: u64, text: &str) -> Self {
        let shape = match text {
            "" => ShapeRef::default(),
            _ => {
                let shape = Lexer::new(1).describe(text.as_bytes(), Dialect::Postgres);
                self.dictionary.shape_ref(shape.id, || shape)
            }
        };
        let start_ns = (1_000_000 + at_ms) * MS;
        let id = super::line_id(7, self.lines.len() as u64 + 1);
        let end_ns = start_ns + took_ms * MS;
        self.lines.push(Span {
            id,
            start_ns,
            end_ns,
            shape,
            logged,
            kind: Kind::Sql,
            role: Role::Server,
            ..Span::default()
        });
        self
    }

    /// Executions as `known by, milliseconds, of preparing, text`.
    fn executions(&self) -> Vec<String> {
        let mut session = Session::default();
        session.read(&self.lines, &self.dictionary);
        let told = session.executions().iter().map(|execution| {
            let Execution { span, prepare_ns, known_by, .. } = execution;
            let text = &self.dictionary.shape(span.shape).text;
            let failed = if span.status == Status::Error { " failed" } else { "" };
            format!("{known_by:?} {} {} {text}{failed}", (span.end_ns - span.start_ns) / MS, prepare_ns / MS)
        });
        told.collect()
    }

    /// The statements of each request.
    fn requests(&self) -> Vec<Vec<String>> {
        let mut session = Session::default();
        session.read(&self.lines, &self.dictionary);
        let mut requests = Vec::new();
        while let Some((trace, _)) = session.next_request(&self.dictionary) {
            let texts = trace
                .operations
                .iter()
                .map(|operation| self.dictionary.shape(operation.shape).text.to_string());
            requests.push(texts.collect());
        }
        requests
    }
}

#[test]
fn parse_bind_and_execute_are_one_execution() {
    let log = Log::default()
        .line(Logged::Step, 0, 2, "SELECT 1 FROM a")
        .line(Logged::Step, 1, 1, "SELECT 1 FROM a")
        .line(Logged::Execution, 9, 5, "SELECT 1 FROM a")
        .line(Logged::Step, 10, 1, "SELECT 2 FROM b");
    assert_eq!(log.executions(), ["Duration 5 3 SELECT ? FROM a", "Preparation 0 1 SELECT ? FROM b"]);
}

#[test]
fn what_is_announced_finds_its_duration() {
    let log = Log::default()
        // The extended protocol: two durations of parse and bind come before the statement's line.
        .line(Logged::Duration, 0, 1, "")
        .line(Logged::Duration, 0, 2, "")
        .line(Logged::Announced, 1, 0, "SELECT 1 FROM a")
        .line(Logged::Duration, 9, 8, "")
        .line(Logged::Announced, 10, 0, "SELECT 1 FROM b")
        .line(Logged::Failed, 11, 0, "SELECT 1 FROM b")
        .line(Logged::Announced, 12, 0, "SELECT 1 FROM c");
    assert_eq!(
        log.executions(),
        [
            "Duration 8 3 SELECT ? FROM a",
            "Announcement 0 0 SELECT ? FROM b failed",
            "Announcement 0 0 SELECT ? FROM c"
        ]
    );
}

#[test]
fn a_plan_is_of_the_execution_before_or_behind_it() {
    let log = Log::default()
        .line(Logged::Plan, 9, 4, "SELECT 1 FROM a")
        .line(Logged::Execution, 9, 5, "SELECT 1 FROM a")
        // The portal is closed when the next statement is bound.
        .line(Logged::Execution, 20, 5, "SELECT 1 FROM b")
        .line(Logged::Plan, 21, 5, "SELECT 1 FROM b")
        // Quicker ones have no line.
        .line(Logged::Plan, 30, 1, "SELECT 1 FROM c")
        .line(Logged::Execution, 40, 5, "SELECT 1 FROM a");
    assert_eq!(
        log.executions(),
        [
            "Duration 5 0 SELECT ? FROM a",
            "Duration 5 0 SELECT ? FROM b",
            "Plan 1 0 SELECT ? FROM c",
            "Duration 5 0 SELECT ? FROM a"
        ]
    );
}

#[test]
fn fetches_belong_to_their_execution() {
    let log = Log::default()
        .line(Logged::Execution, 9, 5, "SELECT 1 FROM a")
        .line(Logged::Fetch, 12, 2, "SELECT 1 FROM a")
        .line(Logged::Fetch, 13, 2, "SELECT 1 FROM unknown");
    assert_eq!(log.executions(), ["Duration 7 0 SELECT ? FROM a"]);
}

#[test]
fn durations_alone_are_no_executions() {
    let mut session = Session::default();
    let log = Log::default().line(Logged::Duration, 0, 3, "").line(Logged::Duration, 5, 4, "");
    session.read(&log.lines, &log.dictionary);
    assert_eq!((session.executions().len(), session.bare), (0, (2, 7 * MS)));
}

#[test]
fn transactions_and_pauses_tell_requests_apart() {
    let run = |log: Log, from: u64| {
        log.line(Logged::Execution, from + 5, 4, "SELECT 1 FROM a").line(
            Logged::Execution,
            from + 9,
            3,
            "SELECT 1 FROM b",
        )
    };
    let log = run(run(Log::default(), 0), 200)
        .line(Logged::Execution, 210, 0, "BEGIN")
        .line(Logged::Execution, 212, 1, "SELECT 1 FROM c")
        // However long it waits: it is one transaction.
        .line(Logged::Execution, 900, 1, "SELECT 1 FROM d")
        .line(Logged::Execution, 901, 0, "ROLLBACK TO SAVEPOINT x")
        .line(Logged::Execution, 901, 0, "COMMIT");
    let log = run(log, 902);
    let (a, b) = ("SELECT ? FROM a", "SELECT ? FROM b");
    assert_eq!(
        log.requests(),
        [
            vec![a, b],
            vec![a, b],
            vec!["BEGIN", "SELECT ? FROM c", "SELECT ? FROM d", "ROLLBACK TO savepoint x", "COMMIT"],
            vec![a, b]
        ]
    );
}

#[test]
fn comments_name_endpoints_of_what_follows() {
    let log = Log::default()
        .line(Logged::Tag, 0, 0, "SELECT 'GET /orders'")
        .line(Logged::Execution, 0, 0, "SELECT 1 FROM a")
        .line(Logged::Tag, 1, 0, "SELECT 'GET /orders'")
        .line(Logged::Execution, 1, 0, "SELECT 1 FROM b")
        .line(Logged::Execution, 2, 0, "SELECT 1 FROM c");
    assert_eq!(log.requests(), [vec!["SELECT ? FROM a", "SELECT ? FROM b"], vec!["SELECT ? FROM c"]]);
}

#[test]
fn statements_of_one_second_keep_their_order() {
    // Lines that have seconds only: each is in the same one, and takes longer than what is left of it.
    let log = Log::default().line(Logged::Execution, 0, 300, "SELECT 1 FROM a").line(
        Logged::Execution,
        0,
        200,
        "SELECT 1 FROM b",
    );
    let mut session = Session::default();
    session.read(&log.lines, &log.dictionary);
    let [first, second] = session.executions() else { panic!("two executions") };
    assert_eq!(second.span.start_ns, first.span.end_ns);
}

#[test]
fn a_request_is_at_its_line() {
    let log = Log::default().line(Logged::Execution, 0, 1, "SELECT 1 FROM a");
    let mut dictionary = log.dictionary;
    dictionary.note_log(7, "postgresql.log");
    let mut session = Session::default();
    session.read(&log.lines, &dictionary);
    let trace = session.next_request(&dictionary).expect("a request").0.id;
    assert_eq!(dictionary.place_of_line(super::line_of(trace).expect("of a log")), "postgresql.log:1");
    assert_eq!(super::line_of(TraceId::from(u64::MAX)), None);
}

#[test]
fn a_line_may_have_the_time_of_its_begin() {
    let log = Log::default()
        .line(Logged::Locked, 0, 40, "")
        .line(Logged::Begun, 0, 300, "SELECT 1 FROM a")
        .line(Logged::Begun, 0, 200, "SELECT 1 FROM b")
        .line(Logged::Begun, 1_000, 200, "SELECT 1 FROM b");
    let mut session = Session::default();
    session.read(&log.lines, &log.dictionary);
    let begun: Vec<_> = session.executions().iter().map(|one| one.span.start_ns / MS - 1_000_000).collect();
    assert_eq!(begun, [0, 300, 1_000]);
    let locked: Vec<_> = session.executions().iter().map(|one| one.locked_ns / MS).collect();
    assert_eq!(locked, [40, 0, 0]);
}

#[test]
fn a_line_without_a_database_is_in_that_of_its_log() {
    let log = Log::default().line(Logged::Begun, 0, 1, "SELECT 1").line(Logged::Begun, 9, 1, "SELECT 1");
    let mut dictionary = log.dictionary;
    let shop = dictionary.symbol("shop");
    let origin = dictionary.origin_ref(crate::evidence::Origin { service: shop, ..Default::default() });
    dictionary.note_database(super::line_id(7, 2), origin, shop);
    let other = dictionary.symbol("other");
    dictionary.note_database(super::line_id(8, 1), origin, other);
    let mut session = Session::default();
    session.read(&log.lines, &dictionary);
    let databases: Vec<_> = session.executions().iter().map(|one| one.span.target).collect();
    assert_eq!(databases, [Symbol::default(), shop]);
}

#[test]
fn a_session_may_say_which_database_it_is_in() {
    let mut log = Log::default()
        .line(Logged::Announced, 0, 0, "SELECT 1")
        .line(Logged::Database, 1, 0, "")
        .line(Logged::Announced, 2, 0, "SELECT 1")
        .line(Logged::Announced, 3, 0, "SELECT 1");
    let [shop, other] = ["shop", "other"].map(|name| log.dictionary.symbol(name));
    (log.lines[1].target, log.lines[3].target) = (shop, other);
    let mut session = Session::default();
    session.read(&log.lines, &log.dictionary);
    let databases: Vec<_> = session.executions().iter().map(|one| one.span.target).collect();
    assert_eq!(databases, [Symbol::default(), shop, other]);
}

#[test]
fn temporary_files_are_of_the_statement_beside_them() {
    let spilled = |log: Log, text: &str, bytes: u32| {
        let mut log = log.line(Logged::Spilled, 9, 0, text);
        log.lines.last_mut().expect("a line").response_bytes = bytes;
        log
    };
    let plain = |mut log: Log| {
        log.lines
            .iter_mut()
            .filter(|line| line.logged != Logged::Spilled)
            .for_each(|line| line.response_bytes = UNKNOWN);
        log
    };
    // With its statement before the execution's line; then, without one, behind that of an extended execution.
    let log = spilled(Log::default(), "SELECT 1 FROM a", 7).line(Logged::Execution, 9, 5, "SELECT 1 FROM a");
    let log = spilled(
        log.line(Logged::Step, 10, 0, "SELECT 1 FROM b").line(Logged::Execution, 19, 5, "SELECT 1 FROM b"),
        "",
        20,
    );
    let log = spilled(log, "", 3).line(Logged::Step, 20, 0, "SELECT 1 FROM c").line(
        Logged::Execution,
        29,
        5,
        "SELECT 1 FROM c",
    );
    let mut session = Session::default();
    let log = plain(log);
    session.read(&log.lines, &log.dictionary);
    let bytes: Vec<u32> =
        session.executions().iter().map(|execution| execution.span.response_bytes).collect();
    assert_eq!(bytes, [7, 23, UNKNOWN]);
}

const ORDER: &str = "UPDATE stock SET amount = 1";

impl Log {
    /// The server's process that wrote the lines so far, and those of a wait that is noted for another process.
    fn by(mut self, process: u64) -> Self {
        self.lines.iter_mut().for_each(|line| line.parent = process);
        self
    }

    /// Another process waits for one of this log from and until, in milliseconds.
    fn waited_for(mut self, process: u64, began_ms: u64, told_ms: u64) -> Self {
        let ns = |ms: u64| (1_000_000 + ms) * MS;
        let relation = self.dictionary.symbol("stock");
        let mut events = crate::evidence::ServerEvents::default();
        events.wait(
            super::line_id(9, 1),
            crate::evidence::server::NotedWait {
                began_ns: ns(began_ms),
                told_ns: ns(told_ms),
                relation,
                holders: [process, 0, 0, 0],
            },
        );
        events.settle(|shape| shape);
        self.dictionary.note_server(events);
        self
    }

    /// What each request has to do with locks.
    fn locking(&self) -> Vec<Locking> {
        let mut session = Session::default();
        session.read(&self.lines, &self.dictionary);
        let mut locking = Vec::new();
        while let Some((trace, _)) = session.next_request(&self.dictionary) {
            locking.push(trace.locking.clone());
        }
        locking
    }
}

#[test]
fn a_wait_that_is_told_several_times_is_one() {
    let log = Log::default()
        .line(Logged::Waiting, 100, 100, ORDER)
        .line(Logged::Waiting, 300, 300, ORDER)
        .line(Logged::Locked, 450, 450, ORDER)
        .line(Logged::Execution, 451, 451, ORDER);
    assert_eq!(log.executions(), ["Duration 451 0 UPDATE stock SET amount = ?"]);
    let locking = log.locking();
    let waits: Vec<(u64, u64)> =
        locking[0].waits.iter().map(|wait| (wait.began_ns / MS, wait.waited_ns / MS)).collect();
    assert_eq!(waits, [(1_000_000, 450)]);
}

#[test]
fn what_waited_and_was_not_logged_otherwise_is_known_by_its_wait() {
    let log = Log::default()
        .line(Logged::Waiting, 100, 100, ORDER)
        .line(Logged::Locked, 250, 250, ORDER)
        .line(Logged::Execution, 300, 20, "SELECT 1 FROM a")
        // Given up while it waits: until then.
        .line(Logged::Waiting, 500, 100, ORDER)
        .line(Logged::Failed, 700, 0, ORDER);
    assert_eq!(
        log.executions(),
        [
            "Wait 250 0 UPDATE stock SET amount = ?",
            "Duration 20 0 SELECT ? FROM a",
            "Wait 300 0 UPDATE stock SET amount = ? failed"
        ]
    );
}

#[test]
fn a_transaction_holds_what_it_has_locked_until_it_ends() {
    let log = Log::default()
        .line(Logged::Execution, 0, 0, "BEGIN")
        .line(Logged::Execution, 10, 5, ORDER)
        .line(Logged::Execution, 20, 5, "SELECT 1 FROM a")
        .line(Logged::Execution, 400, 100, "SELECT 2 FROM b")
        .line(Logged::Execution, 520, 5, "COMMIT")
        .by(42)
        .waited_for(42, 50, 150);
    let [locking] = &log.locking()[..] else { panic!("one request") };
    let [holding] = locking.holdings[..] else { panic!("one wait") };
    let text = |shape| log.dictionary.shape(shape).text.to_string();
    assert_eq!(text(holding.took), "UPDATE stock SET amount = ?");
    assert_eq!(text(holding.after), "SELECT ? FROM a");
    assert_eq!((text(holding.busy.0), holding.busy.1 / MS), ("SELECT ? FROM b".to_owned(), 100));
    // From the begin of the wait, and from the end of the last statement to the commit.
    assert_eq!(holding.idle_ns / MS, 250 + 115);
    let idle: Vec<u64> = locking.idle.iter().map(|(_, idle_ns)| idle_ns / MS).collect();
    assert_eq!(idle, [280, 115]);
}

#[test]
fn nothing_is_held_after_a_transaction_or_by_another_process() {
    let log = || {
        Log::default()
            .line(Logged::Execution, 0, 0, "BEGIN")
            .line(Logged::Execution, 10, 5, ORDER)
            .line(Logged::Execution, 20, 5, "COMMIT")
            .by(42)
    };
    for log in [log().waited_for(42, 50, 150), log().waited_for(43, 5, 15)] {
        assert!(log.locking().iter().all(|locking| locking.holdings.is_empty() && locking.idle.is_empty()));
    }
}

#[test]
fn a_transaction_whose_end_is_not_logged_is_open_until_something_else_begins() {
    let log = Log::default()
        .line(Logged::Execution, 0, 0, "BEGIN")
        .line(Logged::Execution, 10, 5, ORDER)
        .line(Logged::Execution, 90_000, 5, "COMMIT")
        .by(42)
        .waited_for(42, 50_000, 70_000);
    let locking = log.locking();
    assert_eq!(locking.len(), 2);
    assert_eq!(locking[0].holdings[0].idle_ns / MS, 89_995 - 50_000);
    assert_eq!(locking[0].idle, [(1, (89_995 - 10) * MS)]);
}

#[test]
fn setting_up_a_connection_is_part_of_its_first_request() {
    let first = |log: &Log| {
        let mut session = Session::default();
        session.read(&log.lines, &log.dictionary);
        let (trace, _) = session.next_request(&log.dictionary).expect("a request");
        let kinds: Vec<(Kind, u64)> =
            trace.operations.iter().map(|it| (it.kind, it.duration_ns() / MS)).collect();
        kinds
    };
    let connected = || Log::default().line(Logged::Connected, 12, 0, "connect shop");
    // It came 30 ms before it ended, which is 8 ms before it was known whose it is.
    let log = connected().line(Logged::Execution, 20, 5, ORDER).line(Logged::Disconnected, 34, 30, "");
    assert_eq!(first(&log), [(Kind::Connect, 8), (Kind::Sql, 5)]);
    let ready = connected().line(Logged::Ready, 13, 9, "").line(Logged::Execution, 20, 5, ORDER);
    assert_eq!(first(&ready), [(Kind::Connect, 9), (Kind::Sql, 5)]);
    // Its end is not in the log.
    assert_eq!(first(&connected().line(Logged::Execution, 20, 5, ORDER)), [(Kind::Sql, 5)]);
    let unused = connected().line(Logged::Disconnected, 34, 30, "").line(Logged::Execution, 90, 5, ORDER);
    assert_eq!(first(&unused), [(Kind::Sql, 5)]);
}

#[test]
fn a_transaction_is_over_with_its_connection() {
    let log = Log::default()
        .line(Logged::Execution, 0, 0, "BEGIN")
        .line(Logged::Execution, 10, 5, ORDER)
        // The server ends it, as it was idle for too long; later another one comes.
        .line(Logged::Connected, 5_010, 0, "")
        .line(Logged::Connected, 9_000, 0, "connect shop")
        .line(Logged::Execution, 9_010, 5, "SELECT 1 FROM a")
        .by(42)
        .waited_for(42, 50, 150);
    let locking = log.locking();
    assert_eq!(locking[0].idle, [(1, 5_000 * MS)]);
    assert_eq!(locking[0].holdings[0].idle_ns / MS, 5_010 - 50);
    assert!(locking[1].holdings.is_empty());
}

#[test]
fn waits_of_what_failed_are_not_those_of_the_next_statement() {
    let failed = |text| {
        Log::default().line(Logged::Waiting, 100, 100, text).line(Logged::Failed, 300, 0, "").line(
            Logged::Execution,
            400,
            20,
            "SELECT 1 FROM a",
        )
    };
    assert_eq!(
        failed(ORDER).executions(),
        ["Wait 300 0 UPDATE stock SET amount = ? failed", "Duration 20 0 SELECT ? FROM a"]
    );
    let log = failed("");
    assert_eq!(log.executions(), ["Duration 20 0 SELECT ? FROM a"]);
    assert!(log.locking()[0].waits.is_empty());
}

#[test]
fn waits_of_executions_that_were_not_logged_are_told_apart() {
    let log = || {
        Log::default()
            .line(Logged::Waiting, 100, 100, ORDER)
            .line(Logged::Locked, 250, 250, ORDER)
            // The next step of the same wait.
            .line(Logged::Waiting, 360, 100, ORDER)
            .line(Logged::Locked, 400, 140, ORDER)
            // Another one, later.
            .line(Logged::Waiting, 5_100, 100, ORDER)
            .line(Logged::Locked, 5_300, 300, ORDER)
    };
    let waits = ["Wait 390 0 UPDATE stock SET amount = ?", "Wait 300 0 UPDATE stock SET amount = ?"];
    assert_eq!(log().executions(), waits);
    let logged = log().line(Logged::Execution, 5_310, 310, ORDER);
    assert_eq!(logged.executions(), [waits[0], "Duration 310 0 UPDATE stock SET amount = ?"]);
    // One that waits, computes and waits again.
    let long = log().line(Logged::Execution, 5_310, 5_310, ORDER);
    assert_eq!(long.executions(), ["Duration 5310 0 UPDATE stock SET amount = ?"]);
    let failed = log().line(Logged::Failed, 5_400, 0, ORDER);
    assert_eq!(failed.executions(), [waits[0], "Wait 400 0 UPDATE stock SET amount = ? failed"]);
}
