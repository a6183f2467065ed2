//! What the outputs make of a report.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

mod samples;
mod schema;

use detectors::comparison::compare;
use detectors::finding::{
    Affected, Confidence, Latency, LoggedStatement, LoggedStatements, NotSeen, Report, Verify,
};
use expect_test::{expect, expect_file};
use serde_json::Value;
use whyslow::report::{OUTPUTS, Style};

fn text(report: &Report, style: Style) -> String {
    written("text", report, style)
}

fn written(name: &str, report: &Report, style: Style) -> String {
    let output = OUTPUTS.iter().find(|output| output.name == name).unwrap();
    let mut bytes = Vec::new();
    (output.write)(report, &style, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn at(width: usize) -> Style {
    Style { width, ..Style::default() }
}

#[test]
fn a_missed_target_and_its_causes() {
    let report = samples::full();
    expect_file!["report/full-80.txt"].assert_eq(&text(&report, at(80)));
    expect_file!["report/full-160.txt"].assert_eq(&text(&report, at(160)));
    expect_file!["report/full-verbose.txt"].assert_eq(&text(&report, Style { verbose: true, ..at(100) }));
    expect_file!["report/full-colour.txt"].assert_eq(&text(&report, Style { colour: true, ..at(100) }));
}

#[test]
fn a_finding_is_shown_with_a_request() {
    let report = samples::full();
    let show = |number, width| text(&report, Style { show: Some(number), ..at(width) });
    expect_file!["report/show-80.txt"].assert_eq(&show(1, 80));
    expect_file!["report/show-120.txt"].assert_eq(&show(1, 120));
    for width in [80, 120, 200] {
        let bars = |line: &&str| line.contains(" ms  ") || line.contains(" s  ");
        let wide = show(1, width).lines().filter(bars).map(|line| line.chars().count()).max();
        assert!(wide.is_some_and(|wide| wide <= width), "{wide:?} columns of {width}");
    }
    assert!(show(2, 80).contains("no request that shows it was kept whole"));
}

#[test]
fn a_pull_request_is_told_briefly() {
    let style = Style::default();
    expect_file!["report/full.md"].assert_eq(&written("markdown", &samples::full(), style));
    expect_file!["report/blind.md"].assert_eq(&written("markdown", &samples::blind(), style));
    for report in samples::all() {
        assert!(written("markdown", &report, style).len() < 65_536);
    }
}

/// GitHub refuses a longer comment as a whole.
#[test]
fn a_comment_has_room_for_any_report() {
    let long = "`*|&<@_ ".repeat(400);
    let mut report = samples::full();
    let (endpoint, finding) = (report.endpoints[0].clone(), report.findings[0].clone());
    report.endpoints = (0..300)
        .map(|number| {
            let mut endpoint = endpoint.clone();
            endpoint.name = format!("{number} {long}");
            endpoint
        })
        .collect();
    report.findings = (0..300)
        .map(|number| {
            let mut finding = finding.clone();
            finding.id = format!("{number:012x}");
            (finding.subject.text, finding.why) = (long.clone(), long.clone());
            finding
        })
        .collect();
    report.notes = vec![long.clone(); 300];
    let told = written("markdown", &report, Style::default());
    assert!(told.len() < 65_536, "{} bytes", told.len());
    assert!(told.contains("1. ") && told.contains("more findings, not listed here."));
    assert!(
        told.contains("more endpoints, not listed here.") && told.contains("more notes, not listed here.")
    );
    assert!(told.ends_with("</details>\n"));

    let output = OUTPUTS.iter().find(|output| output.name == "markdown").unwrap();
    let mut compared = Vec::new();
    output.compare.unwrap()(&compare(&report, &report), &Style::default(), &mut compared).unwrap();
    assert!(compared.len() < 65_536, "{} bytes compared", compared.len());
}

#[test]
fn a_page_for_browsers_needs_nothing_else() {
    let page = written("html", &samples::full(), Style::default());
    expect_file!["report/full.html"].assert_eq(&page);
    for loaded in ["src=", "<link", "@import", "url("] {
        assert!(!page.contains(loaded), "{loaded}");
    }
}

/// Texts come from whoever wrote the traces.
#[test]
fn names_mean_nothing_to_browsers_and_in_comments() {
    let mut report = samples::full();
    let text = "</code><script>alert(1)</script> `*x*` @everyone | \"'";
    report.endpoints[0].name = text.to_owned();
    for finding in &mut report.findings {
        finding.endpoint = Some(text.to_owned());
        finding.why = text.to_owned();
        finding.subject.text = text.to_owned();
        finding
            .waterfall
            .iter_mut()
            .flat_map(|drawn| &mut drawn.rows)
            .for_each(|row| row.text = text.to_owned());
    }
    let page = written("html", &report, Style::default());
    assert_eq!(page.matches("<script>").count(), 1, "its own");
    assert!(!page.contains("\"'") && page.contains("&lt;script&gt;"));
    let comment = written("markdown", &report, Style::default());
    let words = comment.lines().find(|line| line.starts_with("- **why**")).unwrap();
    assert_eq!(
        words,
        "- **why** &lt;/code>&lt;script>alert(1)&lt;/script> \\`\\*x\\*\\` @\u{200b}everyone \\| \"'"
    );
    assert!(comment.contains("``` </code>") || comment.contains("`` </code><script>"), "{comment}");
    for report in [samples::hostile()] {
        for name in ["html", "markdown"] {
            let told = written(name, &report, Style::default());
            assert!(!told.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']));
        }
    }
}

#[test]
fn one_cause_is_told_once() {
    let report = samples::one_cause_at_many_endpoints();
    let told = text(&report, at(80));
    expect_file!["report/shared-80.txt"].assert_eq(&told);
    expect_file!["report/shared-120.txt"].assert_eq(&text(&report, at(120)));
    let fixes = |text: &str| text.matches("load the sessions at once").count();
    assert_eq!(fixes(&told), 1);
    assert_eq!(fixes(&text(&report, Style { verbose: true, ..at(80) })), 9);
}

/// The first fix takes 199 of 203 statements away.
#[test]
fn a_check_counts_on_the_fixes_before_it() {
    let told = |expected: u64| {
        let mut report = samples::full();
        let loop_of_queries = report.findings[0].verify.clone();
        report.findings[1].verify = Verify { expected, ..loop_of_queries };
        text(&report, at(160))
    };
    assert!(told(200).contains("check  statements per request 4 → 1 after fix 1: "));
    assert!(told(100).contains("check  statements per request 203 → 100 by this fix alone: "));
}

#[test]
fn an_endpoint_that_calls_what_is_fixed_is_not_without_a_finding() {
    let mut report = samples::one_cause_at_many_endpoints();
    report.findings[3].endpoint = Some("GET /called".to_owned());
    let told = text(&report, at(100));
    assert!(
        told.contains("GET /b                         600 requests  p99 87 ms → 70 ms  after fix 1\n"),
        "{told}"
    );
    assert!(!told.contains("endpoints without a finding"));
}

#[test]
fn of_many_endpoints_that_a_fix_helps_the_first_are_named() {
    let mut report = samples::full();
    let one = report.findings[2].affects[0].clone();
    report.findings[0].affects =
        (0..9).map(|n| Affected { endpoint: format!("GET /{n}"), ..one.clone() }).collect();
    let words = |style: Style| text(&report, style).split_whitespace().collect::<Vec<_>>().join(" ");
    let told = words(at(160));
    assert!(
        told.contains("and 4 more endpoints")
            && told.contains("GET /4 (p99 2.6 s → 2.34 s, p50 900 ms → 810 ms; 42 s in all)"),
        "{told}"
    );
    assert!(!told.contains("GET /5 (p99"), "{told}");
    assert!(words(Style { verbose: true, ..at(160) }).contains("GET /8 (p99"));
}

#[test]
fn what_is_not_seen_at_several_services_is_told_once() {
    let mut report = samples::full();
    let other = NotSeen { service: Some("stock".to_owned()), ..report.not_seen[0].clone() };
    report.not_seen.push(other);
    let told = text(&report, at(160));
    assert!(told.contains("not seen   connection pool (shop, stock): "), "{told}");
    assert_eq!(told.matches("connection pool (").count(), 1);
}

/// As `--endpoint` leaves them, where another cause gives back more at all endpoints together.
#[test]
fn at_one_endpoint_findings_are_numbered_as_they_are_read() {
    let mut report = samples::full();
    report.findings.retain(|finding| finding.endpoint.as_deref() == Some("GET /orders"));
    report.findings.swap(0, 1);
    let told = text(&report, at(100));
    let numbers: Vec<&str> = told
        .lines()
        .filter(|line| line.contains("  n-plus-one  ") || line.contains("  blocking-call  "))
        .collect();
    assert!(
        numbers[0].starts_with("  1  n-plus-one") && numbers[1].starts_with("  2  blocking-call"),
        "{told}"
    );
    assert!(told.contains("predicted, after fix 1\n"), "{told}");
}

/// As `--top` leaves them, where the first step of an endpoint is another fix.
#[test]
fn without_a_joint_result_a_cause_is_told_alone() {
    let mut report = samples::one_cause_at_many_endpoints();
    report.endpoints[3].after_fixes.clear();
    let told = text(&report, at(100));
    assert!(told.contains("600 requests  p99 87 ms → 70 ms  see finding 1\n"), "{told}");
}

#[test]
fn what_only_lacks_its_request_is_shown() {
    let mut report = samples::full();
    let loop_of_queries = &mut report.findings[5];
    (loop_of_queries.confidence, loop_of_queries.endpoint) =
        (Confidence::Low, Some("(incomplete)".to_owned()));
    let told = text(&report, at(100));
    assert!(told.contains("4  n-plus-one  SELECT amount FROM stock WHERE id = ?\n"), "{told}");
    assert!(told.contains("low confidence: a lead"), "{told}");
}

#[test]
fn hidden_leads_say_where_they_are() {
    let told = text(&samples::full(), at(100));
    assert!(told.contains("not shown: 1 lead of low confidence (GET /orders), 1 suspicion dismissed"));
}

#[test]
fn few_requests() {
    expect_file!["report/few.txt"].assert_eq(&text(&samples::few_requests(), at(100)));
}

#[test]
fn statements_in_logs() {
    let report = samples::logged();
    expect_file!["report/logged.txt"].assert_eq(&text(&report, at(100)));
    expect_file!["report/logged.md"].assert_eq(&written("markdown", &report, Style::default()));
    let page = written("html", &report, Style::default());
    let (_, table) = page.split_once("<h2>Statements in logs</h2>").unwrap();
    expect_file!["report/logged.html"].assert_eq(table.split_once("</main>").unwrap().0);
}

#[test]
fn silence_is_not_blindness() {
    expect_file!["report/clean.txt"].assert_eq(&text(&samples::clean(), at(100)));
    expect_file!["report/blind.txt"].assert_eq(&text(&samples::blind(), at(100)));
    expect_file!["report/only-skipped.txt"].assert_eq(&text(&samples::only_skipped(), at(100)));
}

#[test]
fn text_cannot_write_on_the_terminal_or_overflow() {
    for width in [0, 1, 40, 80, 300] {
        for verbose in [false, true] {
            let text = text(&samples::hostile(), Style { width, verbose, ..Style::default() });
            assert!(!text.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{text}");
        }
    }
}

#[test]
fn lines_keep_to_the_width() {
    for report in [
        samples::full(),
        samples::few_requests(),
        samples::one_cause_at_many_endpoints(),
        samples::clean(),
        samples::blind(),
    ] {
        for width in [80, 100, 160] {
            for line in text(&report, at(width)).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }
}

#[test]
fn colours_change_nothing_else() {
    let report = samples::full();
    let coloured = text(&report, Style { colour: true, ..at(100) });
    let mut plain = String::new();
    for part in coloured.split('\u{1b}') {
        plain.push_str(
            part.strip_prefix('[').and_then(|code| code.split_once('m')).map_or(part, |(_, rest)| rest),
        );
    }
    assert_eq!(plain, text(&report, at(100)));
}

fn schema() -> Value {
    serde_json::from_str(include_str!("../docs/report-v1.schema.json")).unwrap()
}

#[test]
fn reports_are_as_the_schema_says() {
    let schema = schema();
    for report in samples::all() {
        let document: Value = serde_json::from_str(&written("json", &report, Style::default())).unwrap();
        assert_eq!(schema::violations(&schema, &document), Vec::<String>::new());
    }
    let mut document: Value = serde_json::to_value(samples::full()).unwrap();
    document["findings"][0]["confidence"] = "certain".into();
    document["endpoints"][0]["requests"] = Value::Null;
    document["more"] = 1.into();
    document.as_object_mut().unwrap().remove("seen");
    assert_eq!(schema::violations(&schema, &document).len(), 4);
}

#[test]
fn unknown_is_null() {
    let document = written("json", &samples::few_requests(), Style::default());
    expect![[r#"
        "errors": 0,
        "latency_ns": {
        "p50": 1668000000,
        "p95": null,
        "p99": null,
        "max": 2900000007"#]]
    .assert_eq(&document.lines().skip(8).take(6).map(str::trim).collect::<Vec<_>>().join("\n"));
}

#[test]
fn places_in_the_source_are_told_to_code_hosts() {
    let mut report = samples::full();
    report.findings[1].accepted = Some("known".to_owned());
    let told: Value = serde_json::from_str(&written("sarif", &report, Style::default())).unwrap();
    let run = &told["runs"][0];
    let placed = report.findings.iter().filter(|finding| finding.location.is_some()).count();
    assert_eq!(run["results"].as_array().unwrap().len(), placed);
    let first = &run["results"][0];
    assert_eq!(first["ruleId"], "n-plus-one");
    assert_eq!(first["level"], "warning", "its endpoint misses a target");
    let place = &first["locations"][0]["physicalLocation"];
    assert_eq!(
        (&place["artifactLocation"]["uri"], &place["region"]["startLine"]),
        (&"app/orders.py".into(), &41.into())
    );
    assert_eq!(first["partialFingerprints"]["whyslow/v1"], "n-plus-one-3f9a");
    let note = run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].as_str().unwrap();
    assert!(note.contains("without a place in the source"), "{note}");
    let rules: Vec<&str> = run["tool"]["driver"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["id"].as_str().unwrap())
        .collect();
    assert!(rules.contains(&"n-plus-one"));
}

fn comparison_schema() -> Value {
    serde_json::from_str(include_str!("../docs/comparison-v1.schema.json")).unwrap()
}

#[test]
fn two_reports_are_compared() {
    let mut after = samples::full();
    after.findings.remove(0);
    after.endpoints.remove(1);
    after.endpoints[0].latency_ns.p50 = Some(701_000_000);
    let comparison = compare(&samples::full(), &after);
    let written = |name: &str, width: usize| {
        let write =
            OUTPUTS.iter().find(|output| output.name == name).and_then(|output| output.compare).unwrap();
        let mut bytes = Vec::new();
        write(&comparison, &at(width), &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    expect_file!["report/compared-80.txt"].assert_eq(&written("text", 80));
    expect_file!["report/compared-120.txt"].assert_eq(&written("text", 120));
    expect_file!["report/compared.md"].assert_eq(&written("markdown", 100));
    let document: Value = serde_json::from_str(&written("json", 100)).unwrap();
    assert_eq!(schema::violations(&comparison_schema(), &document), Vec::<String>::new());
}

/// Ten statements of a log; the first takes `first_us`, the last is executed so often.
fn logged(first_us: u64, last: u64) -> Report {
    let statement = |number: u64| {
        let executions = if number == 9 { last } else { 1_000 };
        let quartiles =
            [8, 10, 13].map(|part| part * if number == 0 { first_us } else { 100 * number } * 100);
        LoggedStatement {
            text: format!("SELECT * FROM t{number} WHERE id = ?"),
            shape: format!("q1:000000000000000{number}"),
            executions,
            time_ns: executions * quartiles[1],
            latency_ns: Latency { p50: Some(quartiles[1]), ..Latency::default() },
            quartiles_ns: Some(quartiles),
            ..LoggedStatement::default()
        }
    };
    let by_time: Vec<LoggedStatement> = (0..10).map(statement).filter(|one| one.executions > 0).collect();
    let sum = |part: fn(&LoggedStatement) -> u64| by_time.iter().map(part).sum();
    let logged = LoggedStatements {
        statements: by_time.len() as u64,
        executions: sum(|one| one.executions),
        time_ns: sum(|one| one.time_ns),
        period_ns: Some(600_000_000_000),
        by_time,
        ..LoggedStatements::default()
    };
    Report { logged: Some(logged), ..Report::default() }
}

#[test]
fn statements_of_two_logs_are_compared() {
    let comparison = compare(&logged(1_000, 0), &logged(3_000, 800));
    for (name, file) in [("text", "compared-logs.txt"), ("markdown", "compared-logs.md"), ("json", "")] {
        let write =
            OUTPUTS.iter().find(|output| output.name == name).and_then(|output| output.compare).unwrap();
        let mut bytes = Vec::new();
        write(&comparison, &at(100), &mut bytes).unwrap();
        let written = String::from_utf8(bytes).unwrap();
        match name {
            "json" => {
                let document: Value = serde_json::from_str(&written).unwrap();
                assert_eq!(schema::violations(&comparison_schema(), &document), Vec::<String>::new());
            }
            _ => expect_test::expect_file![format!("{}/tests/report/{file}", env!("CARGO_MANIFEST_DIR"))]
                .assert_eq(&written),
        }
    }
}

/// Every field is explained in `docs/report.md` in the schema's words.
#[test]
fn the_page_explains_every_field() {
    fn descriptions<'s>(schema: &'s Value, found: &mut Vec<&'s str>) {
        for (key, value) in schema.as_object().into_iter().flatten() {
            match value {
                Value::String(text) if key == "description" => found.push(text),
                other => descriptions(other, found),
            }
        }
    }
    let schemas = [schema(), comparison_schema()];
    let mut explained = Vec::new();
    for schema in &schemas {
        descriptions(&schema["properties"], &mut explained);
        descriptions(&schema["$defs"], &mut explained);
    }
    assert!(explained.len() > 100);
    let page = include_str!("../docs/report.md");
    explained.retain(|text| !page.contains(text) && !text.starts_with("[low, high]"));
    assert_eq!(explained, Vec::<&str>::new());
}

#[test]
fn times_that_a_log_does_not_have_are_not_shown_as_none() {
    use whyslow::diagnosis::{Request, diagnose};
    let log = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs/begins_only.gen");
    let request = Request {
        settings: Default::default(),
        memory_bytes: 64 << 20,
        threads: 1,
        command: String::new(),
        log_form: None,
        show_values: false,
        sampled: detectors::evidence::sampled::SampledProfiles::default(),
    };
    let report = diagnose(vec![whyslow::ingest::Input::Path(log)], &request, &|_| {}).unwrap();
    let text = text(&report, at(100));
    assert!(text.contains("n-plus-one") && text.contains("how long they took is not in this log"), "{text}");
    assert!(!text.contains("0 ms") && !text.contains("0 %"), "{text}");
}
