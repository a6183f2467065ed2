//! `whyslow ci` as a user has it: record, accept, change, check.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

mod schema;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use expect_test::{Expect, expect};
use serde_json::Value;

fn whyslow(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whyslow"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn fixture(name: &str) -> String {
    format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn case(name: &str) -> String {
    fixture(&format!("n-plus-one/{name}/trace.otlp.zst"))
}

/// A folder whose baseline is what a recording has.
fn accepted(recording: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = whyslow(folder.path(), &["ci", "accept", "--traces", recording]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    folder
}

fn baseline(folder: &Path) -> String {
    std::fs::read_to_string(folder.join(".whyslow/queries.toml")).unwrap()
}

/// Runs a command and compares its exit code and all that it says.
fn expect_said(folder: &Path, arguments: &[&str], expected: Expect) {
    let output = whyslow(folder, arguments);
    let code = output.status.code().unwrap();
    expected.assert_eq(&format!("{code}\n{}{}", text(&output.stdout), text(&output.stderr)));
}

#[test]
fn a_loop_that_comes_back_is_named_with_its_counts() {
    let folder = accepted(&case("customers-joined"));
    expect![[r##"
        # Statements that one request may send, at most; `whyslow ci check` compares with it.
        # Written by `whyslow ci accept`.
        version = 1
        normalizer = "q1"
        service = "shop"

        [endpoint."GET /joined/{number}"]
        "q1:52c485229ff56036" = { count = 1, kind = "select", text = "SELECT … FROM orders LEFT OUTER JOIN customers AS customers_1 ON customers_1.id = orders.customer_id WHERE orders.id > ? ORDER BY orders.id LIMIT ?" }
    "##]].assert_eq(&baseline(folder.path()));
    expect_said(
        folder.path(),
        &["ci", "check", "--traces", &case("customers-joined")],
        expect![[r#"
        0
        passed: 1 endpoint as accepted
    "#]],
    );
    expect_said(
        folder.path(),
        &["ci", "check", "--traces", &case("customer-of-each-order")],
        expect![[r#"
        1
        failed: 2 statements that came, at 1 of 1 endpoint

        not as accepted
          GET /lazy/{number} of shop
            new-shape, n-plus-one  SELECT … FROM customers WHERE customers.id = ?
              not in the baseline, now 20 in a request   shape q1:f7858df9c4aea846
            new-shape  SELECT … FROM orders WHERE orders.id > ? ORDER BY orders.id LIMIT ?
              not in the baseline, now 1 in a request   shape q1:e3c92e3a6e764d2d

        If this is meant: whyslow ci accept --traces FILES, and commit the baseline.

        not exercised, so nothing is known (1): GET /joined/{number} of shop
    "#]],
    );
    let before = baseline(folder.path());
    assert_eq!(before, baseline(accepted(&case("customers-joined")).path()), "a check never writes");
}

#[test]
fn counts_of_one_endpoint_before_and_after() {
    let folder = accepted(&fixture("order-list/as-found.otlp.zst"));
    let after = fixture("order-list/customers-joined.otlp.zst");
    expect_said(
        folder.path(),
        &["ci", "check", "--traces", &after, "--endpoint", "GET *", "-v"],
        expect![[r#"
            1
            failed: 1 statement that came, at 1 of 1 endpoint

            not as accepted
              GET /orders of shop
                new-shape  SELECT … FROM orders LEFT OUTER JOIN customers AS customers_1 ON customers_1.id = or…
                  not in the baseline, now 1 in a request   shape q1:fe9f91f5aff1012f

            to be accepted (never fails)
              GET /orders of shop
                count-decrease  SELECT … FROM orders WHERE orders.merchant_id = ? ORDER BY orders.placed_at
                  1 in a request before, now 0   shape q1:5f102446e619eaf4
                count-decrease  SELECT … FROM customers WHERE customers.id = ?
                  80 to 454 in a request before, now 0   shape q1:e71d0b4383747188

            If this is meant: whyslow ci accept --traces FILES, and commit the baseline.
        "#]],
    );
}

/// The baseline of a loop that was smaller once.
fn accepted_with(times: u64) -> tempfile::TempDir {
    let folder = accepted(&case("customer-of-each-order"));
    let text = baseline(folder.path());
    let smaller = text.replace("count = 20,", &format!("count = {times},"));
    assert_ne!(text, smaller);
    std::fs::write(folder.path().join(".whyslow/queries.toml"), smaller).unwrap();
    folder
}

#[test]
fn what_multiplied_fails_and_what_is_gone_does_not() {
    let folder = accepted_with(4);
    let recording = case("customer-of-each-order");
    let check =
        |format: &'static str| ["ci", "check", "--format", format, "--traces"].map(str::to_owned).to_vec();
    for (format, expected) in [
        (
            "text",
            expect![[r#"
            1
            failed: 1 statement that multiplied, at 1 of 1 endpoint

            not as accepted
              GET /lazy/{number} of shop
                count-increase, n-plus-one  SELECT … FROM customers WHERE customers.id = ?
                  4 in a request before, now 20   shape q1:f7858df9c4aea846

            If this is meant: whyslow ci accept --traces FILES, and commit the baseline.
        "#]],
        ),
        (
            "markdown",
            expect![[r#"
            1
            ## whyslow: failed: 1 statement that multiplied, at 1 of 1 endpoint

            **not as accepted**

            | rule | statement | at | per request |
            |---|---|---|---|
            | count-increase, n-plus-one | `SELECT customers.id AS customers_id, customers.name AS customers_name, customers.city AS customers_city FROM customers WHERE customers.id = ?` | `GET /lazy/{number} of shop` | 4 in a request before, now 20 |

            If this is meant: whyslow ci accept --traces FILES, and commit the baseline.
        "#]],
        ),
        (
            "github",
            expect![[r#"
            1
            ::error file=.whyslow/queries.toml,title=whyslow::failed: 1 statement that multiplied, at 1 of 1 endpoint. If this is meant: whyslow ci accept --traces FILES, and commit the baseline.
            ::error file=.whyslow/queries.toml,title=count-increase%2C n-plus-one at GET /lazy/{number} of shop::4 in a request before, now 20: SELECT customers.id AS customers_id, customers.name AS customers_name, customers.city AS customers_city FROM customers WHERE customers.id = ?
        "#]],
        ),
        (
            "junit",
            expect![[r#"
                1
                <?xml version="1.0" encoding="UTF-8"?>
                <testsuite name="whyslow ci" tests="1" failures="1" errors="0" skipped="0">
                  <testcase classname="shop" name="GET /lazy/{number}">
                    <failure message="1 statement not as accepted">count-increase, n-plus-one: 4 in a request before, now 20: SELECT customers.id AS customers_id, customers.name AS customers_name, customers.city AS customers_city FROM customers WHERE customers.id = ?</failure>
                  </testcase>
                </testsuite>
            "#]],
        ),
    ] {
        let mut arguments = check(format);
        arguments.push(recording.clone());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        expect_said(folder.path(), &arguments, expected);
    }
    expect_said(
        accepted_with(300).path(),
        &["ci", "check", "--traces", &recording],
        expect![[r#"
        0
        passed: 1 endpoint as accepted

        to be accepted (never fails)
          GET /lazy/{number} of shop
            n-plus-one, count-decrease  SELECT … FROM customers WHERE customers.id = ?
              300 in a request before, now 20   shape q1:f7858df9c4aea846

        If this is meant: whyslow ci accept --traces FILES, and commit the baseline.
    "#]],
    );
}

#[test]
fn json_is_as_its_schema_says() {
    let schema: Value = serde_json::from_str(include_str!("../docs/check-v1.schema.json")).unwrap();
    let folder = accepted(&case("customers-joined"));
    let mut verdicts = Vec::new();
    for recording in [
        case("customers-joined"),
        case("customer-of-each-order"),
        fixture("slow-query/rating/trace.otlp.zst"),
        fixture("heavy-compute/clients-not-instrumented/trace.otlp.zst"),
    ] {
        let arguments = ["ci", "check", "--format", "json", "--traces", &recording];
        let document: Value = serde_json::from_slice(&whyslow(folder.path(), &arguments).stdout).unwrap();
        assert_eq!(schema::violations(&schema, &document), Vec::<String>::new());
        verdicts.push(document["verdict"].as_str().unwrap().to_owned());
    }
    assert_eq!(verdicts, ["passed", "failed", "failed", "unusable"]);
}

/// A trace of one request with a statement; `attributes` tell what it is.
fn trace(attributes: &str) -> String {
    let span = |id: &str, parent: &str, kind: u8, attributes: &str| {
        format!(
            r#"{{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"{id}","parentSpanId":"{parent}","name":"GET /orders","kind":{kind},
"startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000350000000","attributes":[{attributes}]}}"#
        )
    };
    let server = span(
        "eee19b7ec3c1b174",
        "",
        2,
        r#"{"key":"http.route","value":{"stringValue":"/orders"}},{"key":"http.request.method","value":{"stringValue":"GET"}}"#,
    );
    let statement = span("eee19b7ec3c1b175", "eee19b7ec3c1b174", 3, attributes);
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},"scopeSpans":[{{"spans":[{server},{statement}]}}]}}]}}"#
    )
}

#[test]
fn code_hosts_are_told_at_the_baseline() {
    let folder = accepted_with(4);
    let recording = case("customer-of-each-order");
    let arguments = ["ci", "check", "--format", "sarif", "--traces", &recording];
    let output = whyslow(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let run = &document["runs"][0];
    let result = &run["results"][0];
    assert_eq!(
        (result["ruleId"].as_str(), result["level"].as_str()),
        (Some("count-increase"), Some("error"))
    );
    let place = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(place, ".whyslow/queries.toml");
    let rules: Vec<&str> = run["tool"]["driver"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|rule| rule["id"].as_str())
        .collect();
    assert!(rules.contains(&"count-increase") && rules.len() == 8, "{rules:?}");
}

#[test]
fn what_cannot_be_measured_is_no_success() {
    let folder = accepted(&case("customer-of-each-order"));
    let blind = trace(
        r#"{"key":"db.system.name","value":{"stringValue":"postgresql"}},{"key":"db.operation.name","value":{"stringValue":"SELECT"}}"#,
    );
    std::fs::write(folder.path().join("blind.json"), blind).unwrap();
    expect_said(
        folder.path(),
        &["ci", "check", "--traces", "blind.json"],
        expect![[r#"
            3
            nothing can be said
              unusable-input: 0 of 1 statements of shop come with their text, and 80 % are needed: let its
              instrumentation record statements (attribute db.query.text or db.statement)

            not exercised, so nothing is known (1): GET /lazy/{number} of shop
        "#]],
    );
    let before = baseline(folder.path());
    expect_said(
        folder.path(),
        &["ci", "accept", "--traces", "blind.json"],
        expect![[r#"
        3
        error: unusable-input: 0 of 1 statements of shop come with their text, and 80 % are needed: let its instrumentation record statements (attribute db.query.text or db.statement)
    "#]],
    );
    assert_eq!(before, baseline(folder.path()));
    std::fs::write(folder.path().join("none.json"), "{}").unwrap();
    expect_said(
        folder.path(),
        &["ci", "check", "--traces", "none.json"],
        expect![[r#"
            3
            error: cannot read none.json: in no format that is known (traces and logs, plain, gzip or zstd; docs/formats.md lists them): it is JSON, but without resourceSpans and without spans of Jaeger or Zipkin; the file exporter of the OpenTelemetry collector and `whyslow run --save` write what can be read
        "#]],
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let recording = case("customer-of-each-order");
    let check = ["ci", "check", "--traces", &recording];
    let refused = |expected: Expect| {
        let output = whyslow(folder.path(), &check);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()));
        let home = folder.path().canonicalize().unwrap().join("");
        expected.assert_eq(&text(&output.stderr).replace(home.to_str().unwrap(), ""));
    };
    refused(expect![[r#"
        error: there is no baseline .whyslow/queries.toml; whyslow ci accept --traces FILES writes one
    "#]]);
    std::fs::create_dir(folder.path().join(".whyslow")).unwrap();
    std::fs::write(folder.path().join(".whyslow/queries.toml"), "version = 1\nnormalizer = \"q0\"\n")
        .unwrap();
    refused(expect![[r#"
        error: .whyslow/queries.toml:2:14: its shapes are not of normalizer q1 and cannot be compared: record it again with `whyslow ci accept`, after removing it
    "#]]);
    std::fs::write(folder.path().join(".whyslow/queries.toml"), "version = 1\nnormalizer = \"q1\"\n")
        .unwrap();
    for (settings, expected) in [
        (
            "[[allow]]\nendpoint = \"*\"\nshape = \"*\"",
            expect![[r#"
            error: whyslow.toml:1:1: an allowance needs a `reason`
        "#]],
        ),
        (
            "[[allow]]\nshape = \"*\"\nreason = \"known\"",
            expect![[r#"
            error: whyslow.toml:1:1: an allowance needs an `endpoint` or a `test`, and not both ("*" fits all)
        "#]],
        ),
        (
            "[[allow]]\nendpoint = \"*\"\nreason = \"known\"",
            expect![[r#"
            error: whyslow.toml:1:1: an allowance needs a `shape`: a statement's text or id ("*" fits all)
        "#]],
        ),
        (
            "[[allow]]\ntest = \"*\"\nshape = \"*\"\nreason = \"known\"\nuntil = 2020-01-01",
            expect![[r#"
            error: whyslow.toml:5:9: this allowance ended on 2020-01-01; decide again: fix it, or set a later `until`
        "#]],
        ),
    ] {
        std::fs::write(folder.path().join("whyslow.toml"), settings).unwrap();
        refused(expected);
    }
}

#[test]
fn what_is_allowed_passes_and_an_allowance_of_no_use_is_told() {
    let folder = accepted_with(4);
    let settings = "[[allow]]\nendpoint = \"*\"\nshape = \"*\"\nreason = \"known to be slow\"\nuntil = 9999-12-31\n\
                    [[allow]]\nendpoint = \"*\"\nshape = \"DELETE *\"\nreason = \"old\"\n";
    std::fs::write(folder.path().join("whyslow.toml"), settings).unwrap();
    expect_said(
        folder.path(),
        &["ci", "check", "--traces", &case("customer-of-each-order")],
        expect![[r#"
            0
            passed: 1 endpoint as accepted

            allowed
              GET /lazy/{number} of shop
                count-increase, n-plus-one  SELECT … FROM customers WHERE customers.id = ?
                  4 in a request before, now 20   shape q1:f7858df9c4aea846   allowed: known to be slow
            warning: allowed, but not needed (any more): DELETE * at *
        "#]],
    );
}

#[test]
fn endpoints_are_accepted_one_by_one_and_forgotten_when_asked() {
    let folder = accepted(&case("customers-joined"));
    let both = |arguments: &[&str]| {
        let output = whyslow(folder.path(), &[&["ci", "accept", "--traces"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    };
    let places = || baseline(folder.path()).lines().filter(|line| line.starts_with('[')).count();
    let known = places();
    let (loops, rating) = (case("customer-of-each-order"), case("rating-of-each-product"));
    both(&[&rating, &loops, "--endpoint", "GET /laz*"]);
    assert_eq!(places(), known + 1);
    both(&[&rating]);
    assert_eq!(places(), known + 2);
    expect_said(
        folder.path(),
        &["ci", "accept", "--traces", &rating, "--endpoint", "GET /nowhere"],
        expect![[r#"
            3
            error: nothing was seen of what was asked for; seen: GET /ratings/{number}
        "#]],
    );
    both(&[&rating, "--prune"]);
    assert_eq!(baseline(folder.path()), baseline(accepted(&rating).path()));
    let left: Vec<_> = std::fs::read_dir(folder.path().join(".whyslow")).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is left beside it");
}

/// Tests as pytest-opentelemetry records them: fixtures/ci/.
#[test]
fn tests_have_rows_of_their_own() {
    let recorded = |name: &str| fixture(&format!("ci/pytest-{name}.otlp.zst"));
    let folder = accepted(&recorded("joined"));
    expect![[r##"
        # Statements that one request may send, at most; `whyslow ci check` compares with it.
        # Written by `whyslow ci accept`.
        version = 1
        normalizer = "q1"
        service = "shop"

        [endpoint."GET /orders"]
        "q1:910991f0e30151b2" = { count = 1, kind = "select", text = "SELECT id, customer FROM orders" }

        [test."test_shop.py::test_customers"]
        "q1:910991f0e30151b2" = { count = 1, kind = "select", text = "SELECT id, customer FROM orders" }
    "##]]
    .assert_eq(&baseline(folder.path()));
    expect_said(
        folder.path(),
        &["ci", "check", "--traces", &recorded("looped")],
        expect![[r#"
        1
        failed: 4 statements that came, at 2 of 2 endpoints and tests

        not as accepted
          GET /orders of shop
            new-shape, n-plus-one  SELECT customer FROM orders WHERE id = ?
              not in the baseline, now 7 in a request   shape q1:e1773808709d3910
            new-shape  SELECT id FROM orders
              not in the baseline, now 1 in a request   shape q1:9bd1e04f45f3b5c7
          test test_shop.py::test_customers of shop
            new-shape, n-plus-one  SELECT customer FROM orders WHERE id = ?
              not in the baseline, now 7 in a request   shape q1:e1773808709d3910
            new-shape  SELECT id FROM orders
              not in the baseline, now 1 in a request   shape q1:9bd1e04f45f3b5c7

        to be accepted (never fails)
          GET /orders of shop
            count-decrease  SELECT id, customer FROM orders
              1 in a request before, now 0   shape q1:910991f0e30151b2
          test test_shop.py::test_customers of shop
            count-decrease  SELECT id, customer FROM orders
              1 in a request before, now 0   shape q1:910991f0e30151b2

        If this is meant: whyslow ci accept --traces FILES, and commit the baseline.

        not counted: 28 statements sent around tests, such as to set them up
    "#]],
    );
    let folder = accepted(&recorded("looped"));
    expect_said(
        folder.path(),
        &["ci", "check", "--traces", &recorded("more")],
        expect![[r#"
        1
        failed: 1 statement that came, at 1 of 3 endpoints and tests

        not as accepted
          test test_shop.py::test_two_lists of shop
            new-shape, n-plus-one  SELECT customer FROM orders WHERE id = ?
              not in the baseline, now 14 in a request   shape q1:e1773808709d3910

        to be accepted (never fails)
          test test_shop.py::test_two_lists of shop
            new-shape, missed-memo  SELECT id FROM orders
              not in the baseline, now 2 in a request   shape q1:9bd1e04f45f3b5c7

        If this is meant: whyslow ci accept --traces FILES, and commit the baseline.

        not counted: 37 statements sent around tests, such as to set them up
    "#]],
    );
    let tests = ["ci", "accept", "--test", "*two_lists", "--traces", &recorded("more")];
    assert!(whyslow(folder.path(), &tests).status.success());
    assert_eq!(baseline(folder.path()), baseline(accepted(&recorded("more")).path()));
}

/// What differs from run to run is accepted with its range.
#[test]
fn several_recordings_give_ranges() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (case("customers-joined"), case("customer-of-each-order"));
    assert!(whyslow(folder.path(), &["ci", "accept", "--traces", &one, &other]).status.success());
    for recording in [one, other] {
        let output = whyslow(folder.path(), &["ci", "check", "--traces", &recording]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    }
}

#[test]
fn help() {
    let help = |arguments: &[&str]| text(&whyslow(Path::new("."), arguments).stdout);
    expect![[r#"
        Compares the statements that requests send with a baseline: what came, what multiplied.

        Counts are of one request and never totals: more tests or more requests change nothing. The baseline
        is a file of the project, .whyslow/queries.toml, one line a statement.

        Usage: whyslow ci <COMMAND>

        Commands:
          check   Checks that no request sends a statement more often than accepted, or one that is not
                  accepted
          accept  Accepts what requests send now: writes the baseline
          help    Print this message or the help of the given subcommand(s)

        Options:
          -h, --help
                  Print help (see a summary with '-h')

        Examples:
          whyslow run --save traces.otlp -- npm test       record the tests
          whyslow ci accept --traces traces.otlp           the first time, and after a change that is meant
          whyslow ci check --traces traces.otlp            in CI
    "#]]
    .assert_eq(&help(&["ci", "--help"]));
    expect![[r#"
        Checks that no request sends a statement more often than accepted, or one that is not accepted

        Usage: whyslow ci check [OPTIONS] --traces <PATH>...

        Options:
              --traces <PATH>...  Files and folders with the traces, read together; `-` is standard input
              --baseline <FILE>   The baseline [default: .whyslow/queries.toml here or in the nearest folder
                                  above]
              --endpoint <GLOB>   These endpoints only; `*` stands for anything; can be given several times
              --test <GLOB>       These tests only; `*` stands for anything; can be given several times
              --service <GLOB>    These services only; `*` stands for anything; can be given several times
              --memory <SIZE>     Hold so much evidence in memory; what is more goes to temporary files
                                  [default: 256MiB]
              --threads <N>       Threads that read and inspect [default: one for each core]
              --config <FILE>     The settings file [default: whyslow.toml here or in the nearest folder
                                  above]
              --format <FORMAT>   The form of the result [default: text] [possible values: text, json,
                                  markdown, github, junit, sarif]
          -o, --output <FILE>     Write the result to this file, whole or not at all
          -v, --verbose           Also tell loops that were accepted
          -h, --help              Print help

        Examples:
          whyslow ci check --traces traces.otlp
          whyslow ci check --traces unit.otlp e2e.otlp --format markdown --output comment.md
          whyslow ci check --traces traces.otlp --format github

        Exit codes:
          0  every statement is as accepted
          1  a statement came or multiplied
          2  arguments, settings or a baseline that make no sense, or no baseline at all
          3  nothing usable was read: no traces, no requests, or statements without their text
    "#]]
    .assert_eq(&help(&["ci", "check", "-h"]));
    expect![[r#"
        Accepts what requests send now: writes the baseline

        Usage: whyslow ci accept [OPTIONS] --traces <PATH>...

        Options:
              --traces <PATH>...  Files and folders with the traces, read together; `-` is standard input
              --baseline <FILE>   The baseline [default: .whyslow/queries.toml here or in the nearest folder
                                  above]
              --endpoint <GLOB>   These endpoints only; `*` stands for anything; can be given several times
              --test <GLOB>       These tests only; `*` stands for anything; can be given several times
              --service <GLOB>    These services only; `*` stands for anything; can be given several times
              --memory <SIZE>     Hold so much evidence in memory; what is more goes to temporary files
                                  [default: 256MiB]
              --threads <N>       Threads that read and inspect [default: one for each core]
              --config <FILE>     The settings file [default: whyslow.toml here or in the nearest folder
                                  above]
              --prune             Forget endpoints and tests that were not exercised
          -h, --help              Print help (see more with '--help')

        Examples:
          whyslow ci accept --traces traces.otlp
          whyslow ci accept --traces run-1.otlp run-2.otlp run-3.otlp    (counts that differ between runs)
          whyslow ci accept --traces traces.otlp --endpoint 'GET /orders*'

        Exit codes:
          0  the baseline is written
          2  arguments, settings or a baseline that make no sense
          3  nothing usable was read: no traces, no requests, or statements without their text
    "#]]
    .assert_eq(&help(&["ci", "accept", "-h"]));
}
