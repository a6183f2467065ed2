//! Snapshots of what servers count, from files to the report.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::path::Path;

use detectors::finding::{LoggedStatements, Report, StatementSource};
use detectors::settings::Settings;
use whyslow::diagnosis::{Request, diagnose};
use whyslow::ingest::Input;

fn report(files: &[&str]) -> Report {
    let formats = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats");
    let inputs = files.iter().map(|file| Input::Path(formats.join(file))).collect();
    let request = Request {
        settings: Settings::default(),
        memory_bytes: 64 << 20,
        threads: 2,
        command: String::new(),
        log_form: None,
        show_values: false,
        sampled: detectors::evidence::sampled::SampledProfiles::default(),
    };
    diagnose(inputs, &request, &|_| {}).unwrap()
}

fn statements(report: &Report) -> &LoggedStatements {
    report.logged.as_ref().unwrap()
}

/// Calls of a statement that begins like this.
fn calls(report: &Report, begin: &str) -> Option<u64> {
    let found = statements(report).by_time.iter().find(|one| one.text.starts_with(begin));
    found.map(|one| one.executions)
}

const FIRST: &str = "postgresql-statistics/postgresql-15-first.csv";
const SECOND: &str = "postgresql-statistics/postgresql-15-second.csv";
const THIRD: &str = "postgresql-statistics/postgresql-15-third.csv";

#[test]
fn one_snapshot_is_what_was_since_the_reset() {
    let report = report(&[FIRST]);
    let told = statements(&report);
    assert_eq!((told.from, told.statements, told.executions), (StatementSource::Statistics, 8, 94));
    assert_eq!(calls(&report, "BEGIN"), Some(10));
    let one = &told.by_time[0];
    assert_eq!((one.database.as_deref(), one.latency_ns.p50, one.rows), (Some("shop"), None, Some(20)));
    assert!(one.latency_ns.max.is_some_and(|max_ns| max_ns <= one.time_ns));
    assert!(
        report.notes.iter().any(|note| note.contains("since the server's latest reset")),
        "{:?}",
        report.notes
    );
}

#[test]
fn two_snapshots_are_what_happened_between_them() {
    let report = report(&[FIRST, SECOND]);
    assert_eq!(calls(&report, "BEGIN"), Some(4));
    assert!(statements(&report).by_time.iter().all(|one| one.latency_ns.max.is_none()));
    assert!(!report.notes.iter().any(|note| note.contains("latest reset")), "{:?}", report.notes);
}

#[test]
fn what_was_reset_between_is_told() {
    let report = report(&[SECOND, THIRD]);
    assert_eq!(calls(&report, "WITH"), Some(2));
    assert!(report.notes.iter().any(|note| note.contains("were reset or pushed out")), "{:?}", report.notes);
}

#[test]
fn beside_a_log_statistics_do_not_count_twice() {
    let log = "mysql-slow-log/mariadb-10.11-recorded.log";
    let (alone, both) = (report(&[log]), report(&[log, "mysql-statistics/mariadb-10.11.tsv"]));
    assert_eq!(statements(&both), statements(&alone));
    assert!(both.notes.iter().any(|note| note.contains("not counted beside its log")), "{:?}", both.notes);
}

#[test]
fn statements_of_statistics_have_the_shapes_of_logs() {
    let log = report(&["mysql-slow-log/mariadb-10.11-recorded.log"]);
    let counted = report(&["mysql-statistics/mariadb-10.11.vertical.txt"]);
    let shapes: Vec<&str> = statements(&log).by_time.iter().map(|one| one.shape.as_str()).collect();
    let shared = statements(&counted).by_time.iter().filter(|one| shapes.contains(&one.shape.as_str()));
    assert!(shared.count() >= 2, "{shapes:?}");
}
