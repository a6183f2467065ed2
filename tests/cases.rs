//! Every recorded case of requests under `fixtures/` gives the findings that are written beside it, and no other. Cases
//! of plans are in `plan_cases.rs`.
//!
//! `UPDATE_EXPECT=1 cargo test --test cases` writes them anew. A case that may not fire says so by
//! an empty list; all detectors run on all cases, so each guards against false alarms of the others.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

mod recorded;

use std::fs;
use std::path::{Path, PathBuf};

use detectors::finding::{Confidence, Finding, GainKind, Report};
use detectors::settings::Settings;
use recorded::{Described, described, difference, of_detector};
use serde::Serialize;
use whyslow::diagnosis::{Request, diagnose};
use whyslow::ingest::Input;

/// What a finding says, without times and prose.
#[derive(Debug, Serialize)]
struct Fact<'r> {
    detector: &'r str,
    endpoint: Option<&'r str>,
    subject: &'r str,
    confidence: Confidence,
    gain: GainKind,
}

impl<'r> From<&'r Finding> for Fact<'r> {
    fn from(finding: &'r Finding) -> Self {
        Self {
            detector: &finding.detector,
            endpoint: finding.endpoint.as_deref(),
            subject: &finding.subject.text,
            confidence: finding.confidence,
            gain: finding.gain.kind,
        }
    }
}

fn report_of(case: &Path) -> Report {
    report_of_inputs(recordings(case).map(Input::Path).collect(), &case.display().to_string())
}

fn report_of_inputs(inputs: Vec<Input>, named: &str) -> Report {
    let request = Request {
        settings: Settings::default(),
        memory_bytes: 256 << 20,
        threads: 1,
        command: String::new(),
        log_form: None,
        show_values: false,
        sampled: detectors::evidence::sampled::SampledProfiles::default(),
    };
    diagnose(inputs, &request, &|_| {}).unwrap_or_else(|error| panic!("{named}: {error}"))
}

/// What was recorded: traces, the log of a server, or both.
fn recordings(case: &Path) -> impl Iterator<Item = PathBuf> {
    let names =
        ["trace.otlp.zst", "postgresql.log.zst", "slow.log.zst", "pgbouncer.log.zst", "pgbouncer.txt.zst"];
    names.into_iter().map(|name| case.join(name)).filter(|path| path.exists())
}

/// Cases with a recording of requests.
fn cases() -> Vec<PathBuf> {
    recorded::cases(|case| recordings(case).next().is_some())
}

#[test]
fn each_case_gives_its_findings() {
    let cases = cases();
    assert!(!cases.is_empty(), "there are recorded cases");
    let mut differing = Vec::new();
    for case in &cases {
        let report = report_of(case);
        let mut facts: Vec<Fact<'_>> = report.findings.iter().map(Fact::from).collect();
        facts.sort_by_key(|fact| (fact.detector, fact.endpoint, fact.subject));
        differing.extend(difference(case, &facts));
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// Cases of PostgreSQL's log that were recorded as csvlog and jsonlog as well.
#[test]
fn the_same_events_give_the_same_findings_in_each_form() {
    let mut compared = 0;
    for case in cases() {
        let findings = |form: &str| {
            let path = case.join(format!("postgresql.{form}.zst"));
            let report = path
                .exists()
                .then(|| report_of_inputs(vec![Input::Path(path.clone())], &path.display().to_string()));
            let told = |finding: &Finding| {
                (finding.id.clone(), finding.requests, finding.gain.total_ns, finding.why.clone())
            };
            report.map(|report| report.findings.iter().map(told).collect::<Vec<_>>())
        };
        let (Some(log), Some(csv)) = (findings("log"), findings("csv")) else { continue };
        assert_eq!(log, csv, "{}", case.display());
        assert_eq!(Some(log), findings("json"), "{}", case.display());
        compared += 1;
    }
    assert!(compared > 2, "some cases have all three");
}

#[test]
fn each_detector_fires_where_it_must_and_stays_silent_where_it_must() {
    let cases = cases();
    for detector in detectors::ALL.iter().filter(|detector| detector.looks_at_requests()) {
        let must: Vec<bool> = of_detector(&cases, detector.id)
            .map(|case| {
                let Described { fires, subject } = described(case);
                let findings = report_of(case).findings;
                let fired = findings.iter().any(|finding| {
                    finding.detector == detector.id && finding.subject.text.starts_with(&subject)
                });
                assert_eq!(fired, fires, "{}", case.display());
                fires
            })
            .collect();
        assert!(must.contains(&true), "{} has a case that fires", detector.id);
        assert!(must.contains(&false), "{} has a case that stays silent", detector.id);
    }
}

/// From traces and a log with plans: endpoint, statement, node of its plan, index and the latency that is predicted.
#[test]
fn one_finding_names_all_from_the_endpoint_to_the_index() {
    let case =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/missing-index/visitor-three-hundred-times");
    let findings = report_of(&case).findings;
    let [finding] = &findings[..] else { panic!("{} findings", findings.len()) };
    assert_eq!(finding.endpoint.as_deref(), Some("GET /visitor/{number}"));
    let statement = "SELECT page, spent_ms FROM visits WHERE visitor = ? ORDER BY id DESC LIMIT ?";
    assert_eq!(finding.subject.text, statement);
    assert!(finding.why.contains("seen at Parallel Seq Scan visits in the plan"), "{}", finding.why);
    assert!(finding.fix[0].text.contains("CREATE INDEX CONCURRENTLY ON visits (visitor, id)"));
    let latency = &finding.latency_ns;
    assert!(latency.measured.p99 > Some(100_000_000), "320 requests have a 99th percentile: {latency:?}");
    assert!(latency.predicted.p99 < Some(30_000_000), "{latency:?}");
}

/// A database may have the name of the service that uses it.
#[test]
fn a_database_named_as_its_service_hides_nothing() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/n-plus-one/names-traced-and-logged");
    let log = zstd::decode_all(fs::File::open(case.join("postgresql.log.zst")).unwrap()).unwrap();
    let named = String::from_utf8(log).unwrap().replace("] LOG:  ", "] shop@shop LOG:  ");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("postgresql.log");
    fs::write(&path, named).unwrap();
    let inputs = vec![Input::Path(path), Input::Path(case.join("trace.otlp.zst"))];
    let report = report_of_inputs(inputs, "named alike");
    let facts: Vec<Fact<'_>> = report.findings.iter().map(Fact::from).collect();
    let told: Vec<_> = facts.iter().map(|fact| (fact.detector, fact.endpoint)).collect();
    assert_eq!(told, [("n-plus-one", Some("GET /names/{number}"))]);
}
