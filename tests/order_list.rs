//! The worked example from end to end: what the diagnosis of the list of orders predicts for its
//! fixes, against what was measured when each was made.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::fs;
use std::path::{Path, PathBuf};

use detectors::finding::{Latency, Report};
use detectors::settings::{Metric, Settings, Target};
use whyslow::diagnosis::{Request, diagnose};
use whyslow::ingest::Input;

const ENDPOINT: &str = "GET /orders";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/order-list")
}

fn report(recording: &str) -> Report {
    let target =
        Target { service: None, endpoint: ENDPOINT.to_owned(), metric: Metric::P99, max_ns: 500_000_000 };
    let settings = Settings { targets: vec![target], ..Settings::default() };
    let request = Request {
        settings,
        memory_bytes: 256 << 20,
        threads: 2,
        command: String::new(),
        log_form: None,
        show_values: false,
        sampled: detectors::evidence::sampled::SampledProfiles::default(),
    };
    diagnose(vec![Input::Path(folder().join(recording))], &request, &|_| {}).unwrap()
}

fn measured(variant: &str) -> (u64, u64) {
    let text = fs::read_to_string(folder().join("measured.json")).unwrap();
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let figure = |name: &str| all[variant][name].as_u64().unwrap();
    assert!(figure("requests") >= 600, "{variant} has enough requests");
    (figure("p50"), figure("p99"))
}

#[test]
fn the_causes_come_in_order_and_each_prefix_is_predicted() {
    let report = report("as-found.otlp.zst");
    let endpoint = report.endpoints.iter().find(|endpoint| endpoint.name == ENDPOINT).unwrap();
    assert_eq!(endpoint.target.as_ref().unwrap().met, Some(false));
    let detector = |id: &String| {
        let finding = report.findings.iter().find(|finding| finding.id == *id).unwrap();
        finding.detector.as_str()
    };
    let causes: Vec<&str> = endpoint.after_fixes.iter().map(|step| detector(&step.finding)).collect();
    assert_eq!(causes, ["n-plus-one", "blocking-call", "heavy-compute"]);
    let ranked: Vec<&str> = report.findings.iter().map(|finding| finding.detector.as_str()).collect();
    assert_eq!(ranked, causes, "the list is in the order of the fixes");
    let variants = ["customers-joined", "payment-deferred", "encoder-compiled"];
    for (step, variant) in endpoint.after_fixes.iter().zip(variants) {
        assert_close(variant, &step.latency_ns);
    }
    assert_eq!(endpoint.after_fixes[2].target_met, Some(true));
}

/// Within 20 % at the median and 30 % at the 99th percentile.
fn assert_close(variant: &str, predicted: &Latency) {
    let (p50, p99) = measured(variant);
    let off = |predicted: Option<u64>, measured: u64| predicted.unwrap() as f64 / measured as f64 - 1.0;
    let (at_median, at_tail) = (off(predicted.p50, p50), off(predicted.p99, p99));
    assert!(at_median.abs() <= 0.20, "{variant}: p50 is {:+.0} % off", at_median * 100.0);
    assert!(at_tail.abs() <= 0.30, "{variant}: p99 is {:+.0} % off", at_tail * 100.0);
}

#[test]
fn what_is_mended_is_not_found_again() {
    for (recording, gone) in [
        ("customers-joined.otlp.zst", &["n-plus-one"][..]),
        ("payment-deferred.otlp.zst", &["n-plus-one", "blocking-call"]),
        ("encoder-compiled.otlp.zst", &["n-plus-one", "blocking-call"]),
    ] {
        let report = report(recording);
        let here = report.findings.iter().filter(|finding| finding.endpoint.as_deref() == Some(ENDPOINT));
        let found: Vec<&str> = here.map(|finding| finding.detector.as_str()).collect();
        assert!(gone.iter().all(|detector| !found.contains(detector)), "{recording}: {found:?}");
    }
}
