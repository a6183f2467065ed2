//! What a diagnosis says of access logs.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn diagnose(path: &Path, words: &[&str]) -> Output {
    let whyslow = Path::new(env!("CARGO_BIN_EXE_whyslow"));
    Command::new(whyslow)
        .current_dir(std::env::temp_dir())
        .arg("diagnose")
        .arg(path)
        .args(words)
        .output()
        .unwrap()
}

fn json(path: &Path, words: &[&str]) -> serde_json::Value {
    let output = diagnose(path, &[words, &["--format", "json"]].concat());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// Service, name, requests and median of each endpoint.
fn endpoints(report: &serde_json::Value) -> Vec<(String, String, u64, u64)> {
    let endpoint = |one: &serde_json::Value| {
        let text = |name: &str| one[name].as_str().unwrap().to_owned();
        let p50_ns = one["latency_ns"]["p50"].as_u64().unwrap();
        (text("service"), text("name"), one["requests"].as_u64().unwrap(), p50_ns / 1_000_000)
    };
    report["endpoints"].as_array().unwrap().iter().map(endpoint).collect()
}

#[test]
fn a_log_without_durations_says_what_to_change() {
    for file in ["nginx-combined", "apache-combined", "apache-common", "gunicorn", "uvicorn"] {
        let path = fixture(&format!("access-logs/without-times/{file}.log"));
        let output = diagnose(&path, &[]);
        assert_eq!(output.status.code(), Some(3), "{file}");
        let told = String::from_utf8(output.stderr).unwrap();
        let help = if file == "uvicorn" { "middleware" } else { "add $request_time to log_format of nginx" };
        assert!(told.contains("how long requests took") && told.contains(help), "{told}");
    }
}

/// Beside others it is a note.
#[test]
fn a_log_without_durations_is_noted_beside_others() {
    let folder = tempfile::tempdir().unwrap();
    let copy = |from: &str, to: &str| std::fs::copy(fixture(from), folder.path().join(to)).unwrap();
    copy("access-logs/without-times/nginx-combined.log", "a");
    copy("formats/nginx-log/timed.log", "b");
    let report = json(folder.path(), &[]);
    let notes = report["notes"].to_string();
    assert!(notes.contains("add $request_time"), "{notes}");
}

#[test]
fn latency_and_targets_are_told_by_endpoint() {
    for file in [
        "nginx-log/timed",
        "nginx-log/numbers",
        "nginx-log/quoted",
        "nginx-log/ingress",
        "nginx-json-log/json",
    ] {
        let path = fixture(&format!("formats/{file}.log"));
        let report = json(&path, &["--target", "GET /orders/{id} p50<40ms"]);
        let (service, name, requests, p50_ms) = &endpoints(&report)[0];
        assert_eq!((name.as_str(), *requests), ("GET /orders/{id}", 14), "{file} {service}");
        assert!((41..=43).contains(p50_ms), "{file}: {p50_ms}");
        assert_eq!(report["endpoints"][0]["target"]["met"], false, "{file}");
        let detectors: Vec<&str> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|one| one["detector"].as_str())
            .collect();
        assert!(detectors.iter().all(|id| *id == "uncompressed-payload"), "{file}: {detectors:?}");
        assert!(report["not_seen"].to_string().contains("what requests do"), "{file}");
        assert_eq!(report["skipped"]["records"], 1, "{file}: nonsense is no request");
    }
}

/// Only where both are told: a log without the encoding does not say that there is none.
#[test]
fn answers_count_as_plain_where_the_encoding_is_told() {
    let found = |file: &str| json(&fixture(&format!("formats/{file}.log")), &[])["findings"].to_string();
    assert!(found("nginx-log/quoted").contains("uncompressed-payload"));
    assert!(!found("nginx-log/timed").contains("uncompressed-payload"));
}

#[test]
fn what_is_taken_for_granted_is_said() {
    let notes = |file: &str| json(&fixture(&format!("formats/{file}.log")), &[])["notes"].to_string();
    assert!(notes("apache-log/combined-us").contains("taken for microseconds"));
    assert!(notes("apache-log/common-s").contains("whole seconds"));
    assert!(!notes("apache-log/vhost").contains("taken for"));
}

/// Members by name, with units; at once the command that repeats it.
#[test]
fn members_can_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    let line = |number: u64| {
        let at = format!("2026-11-28T17:09:{:02}.5Z", number % 60);
        match number % 2 {
            0 => format!(
                "{{\"at\":\"{at}\",\"http\":{{\"verb\":\"GET\",\"url\":\"/orders/{number}?q=1\"}},\"elapsed_ms\":42.5}}\n"
            ),
            _ => format!("at={at} http.verb=GET http.url=\"/orders/{number}\" elapsed_ms=42.5\n"),
        }
    };
    std::fs::write(&path, (0..20).map(line).collect::<String>()).unwrap();
    let map = "duration=elapsed_ms,path=http.url,method=http.verb,time=at";
    let report = json(&path, &["--map", map, "--target", "GET /orders/{id} p50<40ms"]);
    assert_eq!(endpoints(&report), [("log".to_owned(), "GET /orders/{id}".to_owned(), 20, 42)]);
    assert_eq!(report["endpoints"][0]["target"]["met"], false);
    for wrong in ["path=url", "duration=elapsed,path=url", "duration=took_ms,path=url,x=y"] {
        assert_eq!(diagnose(&path, &["--map", wrong]).status.code(), Some(2), "{wrong}");
    }
}

/// A format that no first lines would show: two whole numbers.
#[test]
fn columns_can_be_told_in_the_words_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let line = "10.0.0.1 - - [28/Nov/2026:17:09:59 +0000] \"GET /orders/1 HTTP/1.1\" 200 958 1200 41842\n";
    std::fs::write(&path, line.repeat(20)).unwrap();
    let format = r#"%h %l %u %t \"%r\" %>s %b %I %D"#.replace('\\', "");
    assert_eq!(diagnose(&path, &[]).status.code(), Some(3));
    let report = json(&path, &["--log-format", &format]);
    assert_eq!(endpoints(&report), [("log".to_owned(), "GET /orders/{id}".to_owned(), 20, 41)]);
}

/// What the servers sent with headers is no duration.
#[test]
fn sizes_are_not_taken_for_durations() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let line = |number: u64| {
        let size = number * 7_919 % 90_000;
        format!(
            "10.0.0.1 - - [28/Nov/2026:17:09:59 +0000] \"GET /a HTTP/1.1\" 200 {size} \"-\" \"-\" {}\n",
            size + 250 + number % 7
        )
    };
    std::fs::write(&path, (0..50).map(line).collect::<String>()).unwrap();
    let output = diagnose(&path, &[]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stderr).unwrap().contains("how long requests took"));
}

/// Requests that come together to a server that serves one at a time, by the address of the server.
#[test]
fn what_grows_with_the_load_is_told_of_servers_that_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = |address: &str| {
        let mut lines = String::new();
        for (burst, at_once) in [1_u64, 2, 4, 8, 16].into_iter().cycle().take(200).enumerate() {
            for place in 1..=at_once {
                let took_ms = at_once * 30 + place;
                let end = 1_795_885_797.0 + burst as f64 * 2.0 + took_ms as f64 / 1e3;
                let took = took_ms as f64 / 1e3;
                lines += &format!(
                    "{{\"msec\":\"{end:.3}\",\"request_method\":\"GET\",\"request_uri\":\"/cart\",\"status\":200,\
                     \"request_time\":{took:.3},\"upstream_response_time\":\"{took:.3}\"{address}}}\n"
                );
            }
        }
        lines
    };
    let told = |address: &str| {
        std::fs::write(&path, log(address)).unwrap();
        json(&path, &[])["findings"].to_string().contains("scaling-cost")
    };
    assert!(told(",\"upstream_addr\":\"10.0.0.7:8080\""));
    assert!(!told(""), "who serves them is not known");
}

/// HAProxy tells what waits in its queue.
#[test]
fn a_queue_in_front_of_a_server_is_told() {
    let report = json(&fixture("access-logs/haproxy-queue.log.zst"), &[]);
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0]["detector"], "worker-starvation");
    assert!(findings[0]["why"].as_str().unwrap().contains("2 requests are served"), "{}", findings[0]["why"]);
    assert!(report["notes"].to_string().contains("taken for UTC"));
}

/// A log of one process whose first requests take 300 ms, the others 20 ms.
fn slow_start(pid: &str) -> String {
    let line = |number: u64| {
        let took = if number < 8 { 0.3 } else { 0.02 };
        format!(
            "10.0.0.1 - - [28/Nov/2026:17:{:02}:{:02} +0000] \"GET /cart HTTP/1.1\" 200 2 \"-\" \"-\" {took:.6}{pid}\n",
            number / 60,
            number % 60
        )
    };
    (0..400).map(line).collect()
}

#[test]
fn a_slow_start_is_told_of_a_process_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (pid, expected) in [(" <4711>", true), ("", false)] {
        let path = folder.path().join("access.log");
        std::fs::write(&path, slow_start(pid)).unwrap();
        let found = json(&path, &["--target", "GET /cart p99<100ms"])["findings"].to_string();
        assert_eq!(found.contains("cold-cache"), expected, "{pid}: {found}");
    }
}

/// The same for any number of threads, in blocks and in memory that is too small.
#[test]
fn a_large_log_is_read_alike_by_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let recorded = std::fs::read_to_string(fixture("formats/nginx-log/timed.log")).unwrap();
    std::fs::write(&path, recorded.repeat(600)).unwrap();
    let of = |threads: &str| diagnose(&path, &["--format", "json", "--threads", threads]).stdout;
    let one = of("1");
    let report: serde_json::Value = serde_json::from_slice(&one).unwrap();
    assert_eq!(endpoints(&report)[0].2, 14 * 600);
    assert!(one == of("3"));
}

/// nginx names the trace of each request, and a comment in each statement does, too: nothing else is recorded.
#[test]
fn statements_that_name_the_trace_of_a_request_are_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (mut access, mut queries) = (String::new(), String::new());
    for number in 0..20 {
        let trace = format!("{:032x}", 0x4bf9_2f35_77b3_u64 + number);
        let ended = format!("17:00:{:02}.900", 10 + number);
        access += &format!(
            "{{\"time\":\"2026-11-28T{ended}+00:00\",\"request_method\":\"GET\",\"request_uri\":\"/cart\",\"status\":200,\
             \"request_time\":0.400,\"traceparent\":\"00-{trace}-00f067aa0ba902b7-01\"}}\n"
        );
        for statement in 0..20 {
            queries += &format!(
                "2026-11-28 17:00:{:02}.{} UTC [4242] LOG:  duration: 5.000 ms  statement: SELECT name FROM items WHERE \
                 id = {statement} /*traceparent='00-{trace}-b7ad6b7169203331-01'*/\n",
                10 + number,
                550 + statement * 15
            );
        }
    }
    std::fs::write(folder.path().join("access.log"), access).unwrap();
    std::fs::write(folder.path().join("postgresql.log"), queries).unwrap();
    let report = json(folder.path(), &[]);
    let finding = &report["findings"][0];
    assert_eq!((&finding["detector"], &finding["endpoint"]), (&"n-plus-one".into(), &"GET /cart".into()));
    assert_eq!(report["endpoints"][0]["statements_per_request"]["p50"], 20);
    assert_eq!(report["logged"]["by_time"][0]["sent_by"][0]["endpoint"], "GET /cart");
}
