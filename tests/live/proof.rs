//! Proof: what indexes give, and that nothing of them stays.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use detectors::indexes::{Workload, WorkloadStatement};
use serde_json::Value;
use whyslow::live::proof::{Measured, Proof, Times, ValuesFrom, Verdict, Wanted, prove, safety};
use whyslow::live::{Connection, Limits, Problem, Target, catalogue};

use super::{address, command, psql, refused, schema, told, variable, version, wait_until};

/// Everything that a schema is: definitions of all indexes, relations, and the rows of a table.
fn whole_schema() -> String {
    psql(
        "SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
            SELECT c.oid || ' ' || c.relname || ' ' || c.relkind::text AS line FROM pg_class c
                JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'
            UNION ALL SELECT pg_get_indexdef(indexrelid) || ' ' || indisvalid FROM pg_index
            UNION ALL SELECT count(*) || ' ' || sum(total) FROM orders) lines",
    )
}

fn target() -> Target {
    Target::of(&address("")).unwrap_or_else(|problem| panic!("{problem}"))
}

fn proof(statements: &[&str], wanted: &[&str], times: Times) -> Result<Proof, Problem> {
    proof_on(&target(), statements, wanted, times)
}

fn proof_on(target: &Target, statements: &[&str], wanted: &[&str], times: Times) -> Result<Proof, Problem> {
    let connection = Connection::open(target, Limits::default())?;
    let names = BTreeSet::from(["orders", "customers", "events"].map(str::to_owned));
    let known = catalogue::read(&connection, &names)?;
    let statements = statements.iter().map(|text| WorkloadStatement {
        text: (*text).to_owned(),
        executions: 10,
        ..WorkloadStatement::default()
    });
    let workload = Workload { statements: statements.collect(), ..Workload::default() };
    let wanted: Vec<Wanted> =
        wanted.iter().map(|ddl| Wanted { ddl: (*ddl).to_owned(), statements: Vec::new() }).collect();
    prove(&connection, &known.catalogue, &workload, &wanted, times)
}

fn proved(statements: &[&str], wanted: &[&str]) -> Proof {
    proof(statements, wanted, Times::default()).unwrap_or_else(|problem| panic!("{problem}"))
}

#[test]
fn an_index_is_proved_and_nothing_of_it_stays() {
    let before = whole_schema();
    let proof = proved(
        &[
            "SELECT * FROM orders WHERE customer_id = 17 ORDER BY created_at DESC LIMIT 5",
            "UPDATE orders SET total = 0 WHERE customer_id = $1",
            "SELECT count(*) FROM customers",
            "INSERT INTO customers VALUES ($1)",
        ],
        &[
            "CREATE INDEX CONCURRENTLY ON public.orders (customer_id, created_at)",
            "CREATE INDEX CONCURRENTLY ON public.orders (total)",
        ],
    );
    assert_eq!(whole_schema(), before);
    let first = &proof.indexes[0];
    assert_eq!(first.verdict, Verdict::Proven, "{first:?}");
    assert!(first.build_ns.unwrap() > 0 && first.bytes.unwrap() > 1_000_000, "{first:?}");
    assert_eq!(first.write_ns.is_some(), version() >= 110_000, "{first:?}");
    let select = &first.statements[0];
    assert_eq!((select.statement, select.values, select.is_search_only), (0, ValuesFrom::Recorded, false));
    assert!(select.factor() > 5.0, "{select:?}");
    assert!(select.before.blocks > 1_000 && select.after.blocks < 50, "{select:?}");
    // The server is a process of this machine, reached by its port.
    assert_eq!(proof.without_cpu, None);
    let cpu = |measured: Measured| measured.cpu_ns.unwrap();
    assert!(cpu(select.before) > 1_000_000 && cpu(select.before) > 5 * cpu(select.after), "{select:?}");
    assert!(cpu(select.before) <= 2 * select.before.time_ns, "{select:?}");
    let update = first.statements.iter().find(|one| one.statement == 1).unwrap();
    assert!(update.is_search_only && update.values != ValuesFrom::Recorded, "{update:?}");
    assert_eq!(proof.indexes[1].verdict, Verdict::NotUsed, "{:?}", proof.indexes[1]);
    assert_eq!(proof.unmeasured.len(), 1);
    assert_eq!(proof.unmeasured[0].0, 3);
}

#[test]
fn of_two_that_serve_the_same_one_is_used() {
    let proof = proved(
        &["SELECT * FROM orders WHERE customer_id = 17"],
        &[
            "CREATE INDEX ON public.orders (customer_id)",
            "CREATE INDEX ON public.orders (customer_id, total, status, note)",
        ],
    );
    let verdicts: Vec<Verdict> = proof.indexes.iter().map(|index| index.verdict).collect();
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Proven).count(), 1, "{proof:?}");
    assert_eq!(proof.together.len(), 1);
}

#[test]
fn of_two_that_a_statement_needs_both_are_proven() {
    let proof = proved(
        &["SELECT * FROM orders WHERE customer_id = 17 OR created_at = '2024-01-02'"],
        &["CREATE INDEX ON public.orders (customer_id)", "CREATE INDEX ON public.orders (created_at)"],
    );
    for index in &proof.indexes {
        assert_eq!(index.verdict, Verdict::Proven, "{proof:?}");
        assert!(index.reason.ends_with("together with others"), "{index:?}");
    }
    assert!(proof.together[0].factor() > 5.0, "{proof:?}");
}

/// A function that waits for some seconds.
const NAPS: &str = "CREATE OR REPLACE FUNCTION naps(float) RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep($1); RETURN 1; END'";

#[test]
fn time_on_the_processor_is_known_over_a_socket_and_leaves_waits_out() {
    let target = Target::of(&address(&format!("host={}", variable("WHYSLOW_SOCKET"))));
    let target = target.unwrap_or_else(|problem| panic!("{problem}"));
    let wanted = ["CREATE INDEX ON public.orders (customer_id)"];
    let slow = ["SELECT id, naps(0.02) FROM orders WHERE customer_id = 17"];
    psql(NAPS);
    let proof = proof_on(&target, &slow, &wanted, Times::default());
    psql("DROP FUNCTION naps(float)");
    let proof = proof.unwrap_or_else(|problem| panic!("{problem}"));
    let one = &proof.indexes[0].statements[0];
    assert_eq!(proof.without_cpu, None);
    assert!(one.after.time_ns > 200_000_000, "ten rows sleep 20 ms each: {one:?}");
    assert!(one.after.cpu_ns.unwrap() < one.after.time_ns / 4, "{one:?}");
    assert_eq!(proof.indexes[0].verdict, Verdict::Proven, "what is left is a wait: {proof:?}");
}

/// A planner that takes random reads for nearly free likes an index that reads each page many times.
#[test]
fn an_index_that_the_planner_likes_and_that_does_more_work_is_refused() {
    psql("ALTER ROLE shop IN DATABASE shop SET random_page_cost = 0.001");
    psql("ALTER ROLE shop IN DATABASE shop SET seq_page_cost = 100");
    psql("ALTER ROLE shop IN DATABASE shop SET enable_bitmapscan = off");
    let proof = proof(
        &["SELECT max(note) FROM orders WHERE customer_id <= 19000"],
        &["CREATE INDEX ON public.orders (customer_id)"],
        Times::default(),
    );
    psql("ALTER ROLE shop IN DATABASE shop RESET ALL");
    let index = &proof.unwrap_or_else(|problem| panic!("{problem}")).indexes[0];
    assert_eq!(index.verdict, Verdict::MoreWork, "{index:?}");
    assert!(index.statements[0].after.blocks > 10 * index.statements[0].before.blocks, "{index:?}");
}

#[test]
fn what_cannot_be_built_is_told_and_leaves_nothing() {
    let before = whole_schema();
    let proof = proved(
        &["SELECT * FROM orders WHERE customer_id = 17"],
        &[
            "CREATE INDEX ON public.orders (nothing)",
            "CREATE INDEX ON public.orders (total); DROP TABLE orders",
            "DROP TABLE orders",
            "CREATE INDEX ON public.orders (customer_id)",
        ],
    );
    for (index, reason) in
        proof.indexes.iter().zip(["does not exist", "multiple commands", "expected CREATE INDEX"])
    {
        assert_eq!(index.verdict, Verdict::NotBuilt);
        assert!(index.reason.contains(reason), "{index:?}");
    }
    assert_eq!(proof.indexes[3].verdict, Verdict::Proven);
    let short = Times { build: Duration::from_millis(1), ..Times::default() };
    let late = self::proof(&[], &["CREATE INDEX ON public.orders (customer_id)"], short);
    let late = late.unwrap_or_else(|problem| panic!("{problem}"));
    assert!(late.indexes[0].reason.contains("statement timeout"), "{late:?}");
    assert_eq!(whole_schema(), before);
}

#[test]
fn statements_that_would_change_something_do_not_run() {
    let before = whole_schema();
    psql(
        "CREATE FUNCTION wipe(bigint) RETURNS bigint LANGUAGE plpgsql AS
        'BEGIN DELETE FROM orders; RETURN $1; END'",
    );
    let proof = proof(
        &[
            "SELECT wipe(id) FROM orders WHERE customer_id = 17",
            "TRUNCATE orders",
            "SELECT nextval('numbers')",
        ],
        &["CREATE INDEX ON public.orders (customer_id)"],
        Times::default(),
    );
    psql("DROP FUNCTION wipe(bigint)");
    let proof = proof.unwrap_or_else(|problem| panic!("{problem}"));
    let reasons: Vec<&str> = proof.unmeasured.iter().map(|(_, reason)| reason.as_str()).collect();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons.contains(&"it changes data"), "{reasons:?}");
    assert_eq!(whole_schema(), before);
}

#[test]
fn a_partitioned_table_is_proved_as_a_whole() {
    let proof = proved(&["SELECT * FROM events WHERE id = 17"], &["CREATE INDEX ON public.events (id)"]);
    if version() < 110_000 {
        assert!(proof.indexes[0].reason.contains("cannot be built"), "{proof:?}");
        return;
    }
    assert_eq!(proof.indexes[0].statements.len(), 1, "{proof:?}");
    assert!(proof.indexes[0].bytes.unwrap() > 0);
    let unused = proved(&["SELECT count(*) FROM events"], &["CREATE INDEX ON public.events (id)"]);
    assert_eq!(unused.indexes[0].verdict, Verdict::NotUsed, "{unused:?}");
    assert!(unused.indexes[0].write_ns.is_some(), "{unused:?}");
}

#[test]
fn where_others_work_nothing_is_built_unless_it_is_meant() {
    let connection =
        Connection::open(&target(), Limits::default()).unwrap_or_else(|problem| panic!("{problem}"));
    while_another_works(|| {
        let refused = || safety::check(&connection, &target(), None).unwrap_err().to_string();
        // Sessions of before may still be ending.
        wait_until("it alone is seen", || refused().contains(": 1 other session"));
        let refused = refused();
        assert!(refused.contains("--build-on 127.0.0.1/shop"), "{refused}");
        assert!(safety::check(&connection, &target(), Some("127.0.0.1/shop")).is_ok());
        let other = safety::check(&connection, &target(), Some("db.example/shop")).unwrap_err().to_string();
        assert!(other.contains("127.0.0.1/shop"), "{other}");
        let (code, said) = refused_by_program();
        assert_eq!(code, 2);
        assert!(said.contains("no index is built on 127.0.0.1/shop"), "{said}");
    });
    wait_until("nobody else is seen", || safety::check(&connection, &target(), None).is_ok());
}

fn refused_by_program() -> (i32, String) {
    refused(&["index", "--db", &address(""), "--prove"])
}

/// Does something while another session works.
fn while_another_works(work: impl FnOnce()) {
    let mut other =
        Command::new("psql").args(["--no-psqlrc", "--command", "SELECT pg_sleep(60)"]).spawn().unwrap();
    let count = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sleep(60)'";
    wait_until("another session works", || psql(count) != "0");
    work();
    psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%sleep(60)'");
    wait_until("it is gone", || psql(count) == "0");
    other.wait().unwrap();
}

/// What became of a program that builds an index whose function sleeps, when a signal ends it meanwhile.
fn ended_by(signal: &str) -> std::process::Output {
    psql(
        "CREATE OR REPLACE FUNCTION slowly(bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(0.01); RETURN $1; END'",
    );
    let example = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples/prove_index");
    let mut program = Command::new(example);
    program.arg(address("")).arg("CREATE INDEX ON public.orders (slowly(id))").stderr(Stdio::piped());
    let program = program.spawn().unwrap();
    let builds =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'whyslow' AND state = 'active'
        AND query LIKE 'CREATE INDEX whyslow%'";
    wait_until("an index is built", || psql(builds) != "0");
    let kill = Command::new("kill").args([signal, &program.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = program.wait_with_output().unwrap();
    if signal == "-KILL" && version() < 140_000 {
        // Before 14 a server finds out when the statement ends.
        psql(&builds.replace("count(*)", "pg_terminate_backend(pid)"));
    }
    wait_until("nothing is built any more", || psql(builds) == "0");
    psql("DROP FUNCTION slowly(bigint)");
    output
}

#[test]
fn an_interrupt_ends_the_build() {
    let before = whole_schema();
    let output = ended_by("-INT");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Interrupted"));
    assert_eq!(whole_schema(), before);
}

/// The program itself ends as shells expect of one that a signal has ended.
#[test]
fn ctrl_c_ends_the_program_with_its_signal_and_nothing_stays() {
    psql(NAPS);
    let before = whole_schema();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("slow.sql");
    std::fs::write(&file, "SELECT id, naps(1) FROM orders WHERE customer_id = 17").unwrap();
    let works =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'whyslow' AND state = 'active'
        AND query LIKE '%naps(1)%'";
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let start =
            || command(&["index", "--db", &address(""), "--prove", file.to_str().unwrap()]).spawn().unwrap();
        let mut program = start();
        wait_until("the statement is executed", || {
            // What was cancelled before may hold the table for a moment longer.
            if program.try_wait().unwrap().is_some() {
                program = start();
            }
            psql(works) != "0"
        });
        assert!(Command::new("kill").args([signal, &program.id().to_string()]).status().unwrap().success());
        let output = program.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("cancelled and rolled back"), "{said}");
        wait_until("nothing is executed any more", || psql(works) == "0");
        assert_eq!(whole_schema(), before);
    }
    psql("DROP FUNCTION naps(float)");
}

#[test]
fn a_killed_program_leaves_no_index_and_no_build() {
    let before = whole_schema();
    let output = ended_by("-KILL");
    assert_eq!(output.status.signal(), Some(9));
    assert_eq!(whole_schema(), before);
}

/// The whole way: statements that the server counted, advice, proof, and what is said of it.
#[test]
fn the_program_proposes_what_is_proven() {
    let before = whole_schema();
    psql("SELECT pg_stat_statements_reset()");
    for customer in 1..5 {
        psql(&format!("SELECT * FROM orders WHERE customer_id = {customer}"));
    }
    psql("SELECT count(*) FROM orders");
    let told = told(&["index", "--format", "json", "--db", &address(""), "--prove"]);
    let advice: Value = serde_json::from_str(&told).unwrap();
    let schema_of_advice: Value =
        serde_json::from_str(include_str!("../../docs/indexes-v1.schema.json")).unwrap();
    assert_eq!(schema::violations(&schema_of_advice, &advice), Vec::<String>::new());
    assert_eq!(advice["proposals"].as_array().unwrap().len(), 1, "{told}");
    let only = &advice["proposals"][0];
    assert!(only["ddl"].as_str().unwrap().contains("(customer_id"), "{told}");
    assert_eq!(only["proof"], "proven", "{told}");
    let effect = &only["measured"][0];
    assert!(effect["before_ns"].as_u64().unwrap() > 5 * effect["after_ns"].as_u64().unwrap(), "{told}");
    assert_ne!(effect["values"], "recorded");
    assert!(effect["before_cpu_ns"].as_u64().unwrap() > effect["after_cpu_ns"].as_u64().unwrap(), "{told}");
    assert_eq!(advice["notes"], serde_json::json!([]), "{told}");
    assert!(told.contains("whole-table"), "{told}");
    assert_eq!(whole_schema(), before);
    let text = super::told(&["index", "--db", &address(""), "--prove"]);
    let (tried, predicted) = (text.find(" of CPU time, ").unwrap(), text.find("predicted: ").unwrap());
    assert!(text.contains("proven") && tried < predicted, "{text}");
}
