//! What a diagnosis says of logs of databases that tell little, or that cannot be read.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::path::Path;
use std::process::{Command, Output};

const COMPLETE: &str = "LOG:  checkpoint complete: wrote 42 buffers (0.3%); 0 WAL file(s) added, 0 removed, 0 recycled; write=4.108 s, \
                        sync=0.012 s, total=4.137 s; sync files=12, longest=0.004 s, average=0.001 s; distance=214 kB, \
                        estimate=214 kB";

const PREFIX: &str = "2026-11-23 21:45:45.843 UTC [2572] ";

fn diagnose(folder: &Path, log: &str, words: &[&str]) -> Output {
    std::fs::write(folder.join("server.log"), log).unwrap();
    let whyslow = Path::new(env!("CARGO_BIN_EXE_whyslow"));
    Command::new(whyslow).current_dir(folder).args(["diagnose", "server.log"]).args(words).output().unwrap()
}

/// What is said of a log that is of no use.
fn refused(log: &str, words: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = diagnose(folder.path(), log, words);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn json(log: &str, words: &[&str]) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let output = diagnose(folder.path(), log, &[words, &["--format", "json"]].concat());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// Lines behind a prefix.
fn lines(prefix: &str, messages: &[&str]) -> String {
    messages.iter().map(|message| format!("{prefix}{message}\n")).collect()
}

fn statements(prefix: &str) -> String {
    let statement = |number| format!("LOG:  duration: 0.500 ms  statement: SELECT {number} FROM secrets");
    let statements: Vec<String> = (0..20).map(statement).collect();
    lines(prefix, &statements.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_log_without_statements_says_so() {
    let checkpoints = lines(PREFIX, &["LOG:  checkpoint starting: time", COMPLETE]);
    let told = refused(&lines(PREFIX, &["LOG:  listening on IPv4 address \"0.0.0.0\", port 5432"]), &[]);
    assert!(told.contains("no line of it tells of a statement: log_min_duration_statement = 0"), "{told}");
    let report = json(&checkpoints, &[]);
    assert!(report["server"]["checkpoints"].is_object() && report["logged"].is_null(), "{report}");
}

#[test]
fn another_language_is_named() {
    let german =
        lines(PREFIX, &["LOG:  Dauer: 0.582 ms  Anweisung: SELECT 1", "FEHLER:  Division durch Null"]);
    let russian = lines(PREFIX, &["СООБЩЕНИЕ:  продолжительность: 0.5 мс, оператор: SELECT 1"]);
    for log in [&german, &russian] {
        assert!(refused(log, &[]).contains("set lc_messages = 'C'"));
    }
    let report = json(&(german + &statements(PREFIX)), &[]);
    assert_eq!(report["skipped"]["records"], 1);
    assert!(report["notes"].to_string().contains("another language"), "{}", report["notes"]);
}

#[test]
fn a_prefix_that_cannot_be_found_out_is_shown_without_values() {
    let log = statements("shop worker ");
    for words in [&[][..], &["--log-line-prefix", "%m [%p] "]] {
        let told = refused(&log, words);
        assert!(told.contains("`xxxx xxxxxx LOG:  …`") && told.contains("--log-line-prefix"), "{told}");
        assert!(!told.contains("shop") && !told.contains("secrets"), "{told}");
        assert_eq!(words.is_empty(), !told.contains("'%m [%p] ' fits none of its lines"), "{told}");
    }
    let report = json(&log, &["--log-line-prefix", "%d %a"]);
    assert_eq!(report["logged"]["executions"], 20);
    let notes = report["notes"].to_string();
    assert!(notes.contains("no time in front") && notes.contains("names no process"), "{notes}");
    assert!(
        report["command"].to_string().contains("--log-line-prefix '%d %a'") || report["command"].is_null()
    );
}

#[test]
fn a_prefix_is_taken_from_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("postgresql.conf"), "log_line_prefix = '%d %a '\t# what\n").unwrap();
    let words = |file: &'static str| ["--log-line-prefix", file, "--format", "json"];
    let output = diagnose(folder.path(), &statements("shop worker "), &words("@postgresql.conf"));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    for (file, problem) in
        [("@server.log", "no log_line_prefix is in it"), ("@nowhere", "cannot read nowhere")]
    {
        let output = diagnose(folder.path(), &statements("shop worker "), &words(file));
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(problem), "{problem}");
    }
}

#[test]
fn a_prefix_that_fits_nothing_is_no_obstacle_where_another_is_found() {
    let report = json(&statements(PREFIX), &["--log-line-prefix", "%t|%p|"]);
    assert_eq!(report["logged"]["executions"], 20);
    assert!(
        report["notes"].to_string().contains("'%t|%p|' fits none of its lines; they are read as '%m [%p] ")
    );
}

#[test]
fn marks_and_ends_of_what_is_not_there_are_counted() {
    let report = json(&format!("\u{feff}{}", statements(PREFIX)), &[]);
    assert_eq!((&report["skipped"]["records"], &report["logged"]["executions"]), (&0.into(), &20.into()));
    let report = json(&format!("\tFROM a\n\tWHERE b\n{}", statements(PREFIX)), &[]);
    assert_eq!((&report["skipped"]["records"], &report["logged"]["executions"]), (&2.into(), &20.into()));
}

/// Statements without times stand alone: nothing says that they follow one another.
#[test]
fn without_times_statements_are_no_request() {
    let report = json(&statements("[2572] "), &[]);
    assert_eq!(report["logged"]["executions"], 20);
    assert_eq!(report["seen"]["requests"], 20);
}

#[test]
fn a_sampled_log_is_scaled() {
    let log =
        statements(PREFIX) + &lines(PREFIX, &["LOG:  duration: 300.000 ms  statement: SELECT a FROM slow"]);
    let figures = |words: &[&str]| {
        let report = json(&log, words);
        let figure = |name: &str| report["logged"][name].as_u64().unwrap();
        (figure("executions"), figure("time_ns") / 1_000_000, figure("unlogged"))
    };
    assert_eq!(figures(&[]), (21, 310, 0));
    assert_eq!(figures(&["--log-sample-rate", "0.1"]), (210, 3_100, 189));
    assert_eq!(figures(&["--log-sample-rate", "0.1<250ms"]), (201, 400, 180));
}

/// One statement in all forms, which took so many milliseconds.
fn forms(took: &str, zone: &str) -> [String; 3] {
    let at = format!("2026-11-23 21:45:45.843 {zone}");
    let message = format!("duration: {took} ms  statement: SELECT 1");
    let csv = format!(
        "{at},\"u\",\"d\",7,\"[local]\",6b0.7,1,\"SELECT\",{at},3/1,0,LOG,00000,\"{message}\",,,,,,,,,\"\",\"client backend\",,0"
    );
    let json = format!(
        "{{\"timestamp\":\"{at}\",\"user\":\"u\",\"dbname\":\"d\",\"pid\":7,\"session_id\":\"6b0.7\",\"line_num\":1,\
         \"error_severity\":\"LOG\",\"message\":\"{message}\",\"backend_type\":\"client backend\"}}"
    );
    [format!("{at} [7] u@d LOG:  {message}"), csv, json].map(|line| line + "\n")
}

#[test]
fn durations_that_nothing_takes_are_skipped_with_their_place() {
    let (good, bad) = (forms("0.5", "UTC"), forms("9223372036854775807", "UTC"));
    for (good, bad) in good.iter().zip(&bad) {
        let report = json(&format!("{good}{good}{bad}{good}"), &[]);
        assert_eq!(report["logged"]["executions"], 3, "{good}");
        assert_eq!(report["skipped"]["records"], 1);
        let first = &report["skipped"]["first"][0];
        assert_eq!((&first["line"], &first["offset"]), (&3.into(), &(2 * good.len()).into()), "{first}");
        assert_eq!(first["reason"], "a duration longer than anything takes");
    }
}

#[test]
fn zones_that_mean_no_one_offset_are_named_once() {
    for (zone, told) in [("IST", "taken for UTC"), ("BRT", "taken for UTC"), ("CST", "America")] {
        for form in forms("0.5", zone) {
            let notes = json(&form.repeat(3), &[])["notes"].clone();
            let notes: Vec<&str> =
                notes.as_array().unwrap().iter().filter_map(|note| note.as_str()).collect();
            assert_eq!(notes.iter().filter(|note| note.contains(told)).count(), 1, "{zone}: {notes:?}");
        }
    }
    for zone in ["UTC", "CEST", "+03"] {
        let notes = json(&forms("0.5", zone)[0].repeat(3), &[])["notes"].to_string();
        assert!(!notes.contains("time zone"), "{zone}: {notes}");
    }
}

#[test]
fn lines_of_syslog_without_any_year_say_so() {
    let line = |time: &str| {
        format!("Nov 28 17:10:02 host postgres[71]: {time}[71] LOG:  duration: 0.5 ms  statement: SELECT 1\n")
            .repeat(20)
    };
    let year = "name no year";
    assert!(json(&line(""), &[])["notes"].to_string().contains(year));
    assert!(!json(&line("2026-11-28 17:10:02.123 UTC "), &[])["notes"].to_string().contains(year));
}

#[test]
fn statements_that_are_ranked_by_what_comes_before_them_show_it() {
    let folder = tempfile::tempdir().unwrap();
    let line = |step: &str, took: &str, text: &str| {
        format!("{PREFIX}LOG:  duration: {took} ms  {step}: SELECT {text}\n")
    };
    let planned =
        line("parse <unnamed>", "9.000", "a FROM b") + &line("execute <unnamed>", "1.000", "a FROM b");
    let log = (planned + &line("statement", "2.000", "c FROM d")).repeat(10);
    let output = diagnose(folder.path(), &log, &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("parse+bind") && text.contains("90 ms"), "{text}");
    let output = diagnose(folder.path(), &line("statement", "2.000", "c FROM d").repeat(10), &[]);
    assert!(!String::from_utf8(output.stdout).unwrap().contains("parse+bind"));
}

#[test]
fn a_log_without_times_shows_none() {
    let mut log = String::new();
    for turn in 0..15 {
        let statement = |text: &str| format!("{PREFIX}LOG:  statement: {text}\n");
        log += &statement("BEGIN");
        log += &statement("SELECT id FROM orders WHERE day = 1");
        (0..20).for_each(|row| {
            log += &statement(&format!("SELECT * FROM customers WHERE id = {}", turn * 100 + row))
        });
        (0..12).for_each(|_| log += &statement("SELECT value FROM settings WHERE name = 'a'"));
        log += &statement("COMMIT");
    }
    for form in ["text", "markdown", "html"] {
        let folder = tempfile::tempdir().unwrap();
        let output = diagnose(folder.path(), &log, &["-v", "--format", form]);
        let page = String::from_utf8(output.stdout).unwrap();
        assert!(page.contains("n-plus-one"), "{page}");
        assert!(!page.replace("= 0 ms", "").contains(" 0 ms") && !page.contains(">0 ms"), "{form}: {page}");
    }
}
