//! What logs of PostgreSQL tell of locks, alone and beside traces of the same requests.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::path::Path;

use detectors::finding::{GainKind, Report};
use detectors::settings::Settings;
use whyslow::diagnosis::{Request, diagnose};
use whyslow::ingest::Input;

/// What is told of files under `tests/logs/locks`.
fn report(names: &[&str]) -> Report {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs/locks");
    let request = Request {
        settings: Settings::default(),
        memory_bytes: 256 << 20,
        threads: 1,
        command: String::new(),
        log_form: None,
        show_values: false,
        sampled: detectors::evidence::sampled::SampledProfiles::default(),
    };
    let inputs = names.iter().map(|name| Input::Path(folder.join(name))).collect();
    diagnose(inputs, &request, &|_| {}).unwrap()
}

fn told(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.detector.as_str()).collect()
}

fn why(report: &Report, detector: &str) -> String {
    report.findings.iter().find(|finding| finding.detector == detector).unwrap().why.clone()
}

#[test]
fn connections_that_are_refused_are_told_though_no_statement_is_logged() {
    let report = report(&["refused.log"]);
    assert_eq!(told(&report), ["pool-starvation"]);
    assert_eq!(report.findings[0].gain.kind, GainKind::Risk);
    assert!(report.findings[0].is_open());
    assert!(why(&report, "pool-starvation").starts_with("the server refused 10 connections"));
}

#[test]
fn waits_for_an_idle_holder_are_told_once_though_traces_show_them_too() {
    assert_eq!(told(&report(&["idle_holder.log"])), ["long-transaction"]);
    let both = report(&["idle_holder.json", "idle_holder.log"]);
    assert_eq!(told(&both), ["heavy-compute", "long-transaction"]);
}

#[test]
fn what_waits_for_locks_in_the_log_is_no_slow_query_of_the_traces() {
    assert_eq!(told(&report(&["waits.json", "waits.log"])), ["long-transaction"]);
    assert_eq!(told(&report(&["waits.json"])), ["slow-query"]);
}

#[test]
fn a_connection_that_ends_without_a_commit_held_its_locks_until_then() {
    assert_eq!(told(&report(&["never_ended.log"])), ["long-transaction"]);
}

#[test]
fn one_that_waits_itself_is_not_named_for_a_first_holder_that_is_not_logged() {
    let why = why(&report(&["holder_not_logged.log"]), "lock-wait");
    assert!(why.ends_with("what held them is not in the log"), "{why}");
}

#[test]
fn a_lock_of_a_session_is_held_beyond_the_statement_that_took_it() {
    let why = why(&report(&["kept_by_session.log"]), "lock-wait");
    assert!(why.contains("held by SELECT pg_advisory_lock(?)"), "{why}");
    assert!(why.ends_with("% of it the holder was idle"), "{why}");
}

#[test]
fn who_is_given_up_in_a_deadlock_has_waited_and_the_deadlock_tells_of_both() {
    let report = report(&["deadlock.log"]);
    assert_eq!(told(&report), ["deadlock"]);
    let path = &report.endpoints[0].critical_path_ns.all;
    assert!(path.lock_wait > 50 * path.database, "{path:?}");
}
