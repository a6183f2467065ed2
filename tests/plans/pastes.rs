//! A plan with something around it is the plan.

use std::path::PathBuf;

use whyslow::ingest::plans;

use super::{alike, difference, folder, read, written};

/// Puts something around a plan.
type Put = fn(&str) -> String;

/// What people and programs do to a plan.
const WAYS: &[(&str, Put)] = &[
    ("as it is", |plan| plan.to_owned()),
    ("ends of lines of Windows", |plan| plan.replace('\n', "\r\n")),
    ("a mark of the order of bytes", |plan| format!("\u{feff}{plan}")),
    ("a fence of Markdown", |plan| format!("It is slow:\n\n```sql\n{plan}\n```\n\nWhy: no idea.\n")),
    ("quoted in a mail", |plan| {
        format!("On Monday Ann wrote:\n{}\n\nThanks: Bob\n", each(plan, |line| format!("> {line}")))
    }),
    ("commented out", |plan| each(plan, |line| format!("-- {line}"))),
    ("indented", |plan| each(plan, |line| format!("    {line}"))),
    ("indented by a tab", |plan| each(plan, |line| format!("\t{line}"))),
    ("in double quotes", |plan| each(plan, |line| format!("\"{}\"", line.replace('"', "\"\"")))),
    ("in single quotes", |plan| each(plan, |line| format!("'{}'", line.replace('\'', "''")))),
    ("one cell in double quotes", |plan| format!("\"{}\"\n", plan.trim_end().replace('"', "\"\""))),
    ("numbered", |plan| numbered(plan)),
    ("blank lines between", |plan| plan.replace('\n', "\n\n")),
    ("in a table", |plan| table(plan, "|", "|")),
    ("in a table of Unicode", |plan| table(plan, "║", "↵║")),
    ("a log of docker", |plan| {
        each(plan, |line| serde_json::json!({"log": format!("{line}\n"), "stream": "stderr"}).to_string())
    }),
    ("a log of Kubernetes", |plan| {
        each(plan, |line| format!("2026-11-23T21:22:36.444123456Z stderr F {line}"))
    }),
    ("a log of docker compose", |plan| each(plan, |line| format!("db-1  | {line}"))),
    ("a line of a log in JSON", |plan| {
        serde_json::json!({"timestamp": "2026-11-23 21:22:36 UTC", "message": format!("duration: 1.2 ms  plan:\n{plan}")}).to_string()
    }),
    ("rows as objects", |plan| {
        let rows: Vec<_> = plan.lines().map(|line| serde_json::json!({"QUERY PLAN": line})).collect();
        serde_json::Value::Array(rows).to_string()
    }),
    ("csvlog", |plan| {
        let message = format!("duration: 1.2 ms  plan:\n{}", plan.trim_end()).replace('"', "\"\"");
        format!(
            "2026-11-23 21:22:36.444 UTC,\"a\",\"b\",7,\"[local]\",6,1,\"SELECT\",2026-11-23 21:22:30 UTC,3/4,0,LOG,00000,\"{message}\",,,,,,,,,\"psql\"\n"
        )
    }),
    ("a log on stderr", |plan| {
        format!(
            "2026-11-23 21:22:36.444 UTC [1989] bench@postgres LOG:  duration: 1.2 ms  plan:\n{}",
            each(plan, |line| format!("\t{line}"))
        )
    }),
    ("syslog", |plan| {
        let line = |(line, number): (&str, u32)| {
            format!("Nov 23 21:22:36 db postgres[1989]: [5-{number}] #011{line}\n")
        };
        plan.lines().zip(2..).map(line).collect()
    }),
    ("a tail of CloudWatch", |plan| {
        each(plan, |line| format!("2026-11-23T21:22:36.444000+00:00 shop-db.0 {line}"))
    }),
    ("HTML", |plan| {
        let escaped =
            plan.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        format!("<p>Slow:</p>\n<pre><code>{escaped}</code></pre>\n")
    }),
    ("broken at 80 columns", |plan| broken(plan, 80)),
    ("broken at 100 columns", |plan| broken(plan, 100)),
    ("broken at 60 columns", |plan| broken(plan, 60)),
];

/// Plans that show the most.
const PLANS: [&str; 12] = [
    "postgresql-18/cte.verbose",
    "postgresql-18/parallel.verbose",
    "postgresql-18/mergecmd.verbose",
    "postgresql-18/subplan.verbose",
    "postgresql-18/jit.verbose",
    "postgresql-18/initplan.verbose",
    "postgresql-18/hashbatch.verbose",
    "postgresql-18/window.verbose",
    "postgresql-12/paralleldisksort.verbose",
    "postgresql-10/insert.verbose",
    "postgresql-18/quoted.analyze",
    "postgresql-16/bitmaplossy.verbose",
];

fn each(plan: &str, line: impl Fn(&str) -> String) -> String {
    plan.lines().map(|text| line(text) + "\n").collect()
}

fn numbered(plan: &str) -> String {
    plan.lines().zip(1..).map(|(line, number): (&str, u32)| format!("{number:6}\t{line}\n")).collect()
}

fn table(plan: &str, side: &str, mark: &str) -> String {
    let width = plan.lines().map(|line| line.chars().count()).max().unwrap_or_default();
    let rule = format!("+{}+\n", "-".repeat(width + 2));
    let rows = each(plan, |line| format!("{side} {line:width$} {mark}"));
    format!("{rule}{side} {:^width$} {side}\n{rule}{rows}{rule}(12 lignes)\n\n", "QUERY PLAN")
}

/// As a terminal breaks lines: after so many columns.
fn broken(plan: &str, columns: usize) -> String {
    let pieces = |line: &str| {
        let letters: Vec<char> = line.chars().collect();
        let pieces = letters.chunks(columns).map(|piece| piece.iter().collect::<String>());
        pieces.collect::<Vec<_>>().join("\n")
    };
    each(plan, pieces)
}

#[test]
fn a_plan_stays_the_same_whatever_is_around_it() {
    let mut failed = Vec::new();
    for name in PLANS.iter().flat_map(|name| [format!("{name}.txt"), format!("{name}.json")]) {
        let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/plan-texts").join(&name);
        let text = std::fs::read_to_string(&own).expect("a fixture");
        let plain: Vec<_> =
            plans::read(text.as_bytes()).expect("a plan").into_iter().map(|found| found.plan).collect();
        for (way, put) in WAYS {
            let read = plans::read(put(&text).as_bytes());
            let what = match read {
                Ok(found) => {
                    difference(&plain, &found.into_iter().map(|found| found.plan).collect::<Vec<_>>())
                }
                Err(error) => Some(error.to_string()),
            };
            failed.extend(what.map(|what| format!("{name}, {way}: {what}")));
        }
    }
    assert!(failed.is_empty(), "{} differ:\n{}", failed.len(), failed.join("\n"));
}

/// Whatever psql can print: one statement, each time anew.
#[test]
fn what_psql_prints_in_any_format_is_one_plan() {
    let pastes: Vec<_> =
        super::samples().into_iter().filter(|path| path.to_string_lossy().contains("paste.psql-")).collect();
    assert!(pastes.len() >= 20, "too few pastes in {}", folder().display());
    for path in pastes {
        let truth =
            alike(read(&path.with_file_name("paste.psql-unaligned-header.json.txt")).expect("a plan"));
        let other = alike(read(&path).expect("a plan"));
        assert_eq!(difference(&truth, &other), None, "{}", path.display());
    }
}

#[test]
fn several_plans_are_read_with_their_statements_and_places() {
    let one = "EXPLAIN SELECT 1;\n               QUERY PLAN\n---------------\n Result  (cost=0.00..0.01 rows=1 width=4)\n(1 row)\n\n";
    let other = "base=# explain (analyze) select *\nbase-# from t;\n Seq Scan on t  (cost=0.00..1.00 rows=1 width=4)\n   Filter: (a = 1)\n";
    let found = plans::read(format!("{one}and\n\n{other}").as_bytes()).expect("plans");
    let told: Vec<_> = found.iter().map(|found| (found.line, found.plan.statement.as_deref())).collect();
    assert_eq!(told, [(4, Some("SELECT 1")), (11, Some("select *\nfrom t"))]);
}

#[test]
fn a_statement_in_a_log_is_read_whole() {
    let path = folder().join("postgresql-18/paste.serverlog-autoexplain.txt");
    let logged = read(&path).expect("a plan");
    let told = read(&path.with_file_name("paste.autoexplain-client.text.txt")).expect("a plan");
    assert_eq!(written(&[logged[0].plan.clone()]), written(&[told[0].plan.clone()]));
    let statement = logged[0].plan.statement.as_deref().expect("a statement");
    assert!(statement.starts_with("select c.name") && statement.ends_with("desc limit 3;"), "{statement}");
    let json = read(&path.with_file_name("paste.autoexplain-client.json.txt")).expect("a plan");
    assert_eq!(json[0].plan.statement.as_deref(), Some(statement));
}
