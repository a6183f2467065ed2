//! Findings whose place in the source is known, as SARIF 2.1.0: what code hosts show beside the lines.
//!
//! Source: OASIS SARIF 2.1.0; GitHub's limits: 5,000 results of a run are kept, each needs a file.

use std::io;

use detectors::ALL;
use detectors::figures::counted;
use detectors::finding::{Finding, Location, Report};
use detectors::queries::{Check, Level, Problem, RULES, Verdict};
use serde_json::{Value, json};

use super::words::{WHOLE_SERVICE, before_and_now, gain, is_at, place_name, rules};
use super::{CheckOutput, Output, Style};

pub(super) const OUTPUT: Output = Output {
    name: "sarif",
    summary: "SARIF 2.1.0: findings with a place in the source, for code hosts",
    write,
    compare: None,
};

pub(super) const CHECK: CheckOutput = CheckOutput {
    name: "sarif",
    summary: "SARIF 2.1.0: statements that are not as accepted, at the baseline, for code hosts",
    write: write_check,
};

/// Results that a host keeps of one run.
const RESULTS_MAX: usize = 5_000;

fn write(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let told = |finding: &&Finding| style.verbose || !finding.is_hidden();
    let (placed, elsewhere): (Vec<&Finding>, Vec<&Finding>) =
        report.findings.iter().filter(told).partition(|finding| file_of(finding).is_some());
    let results: Vec<Value> =
        placed.iter().take(RESULTS_MAX).filter_map(|finding| result(finding, report)).collect();
    let flaws: Vec<Value> = ALL
        .iter()
        .map(|detector| json!({"id": detector.id, "shortDescription": {"text": detector.summary}}))
        .collect();
    let notifications = match elsewhere.len() as u64 {
        0 => json!([]),
        without => {
            let text = format!("{} without a place in the source, left out", counted(without, "finding"));
            json!([{"level": "note", "message": {"text": text}}])
        }
    };
    write_document(flaws, results, true, notifications, out)
}

fn write_document(
    rules: Vec<Value>,
    results: Vec<Value>,
    successful: bool,
    notifications: Value,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "whyslow",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "invocations": [{"executionSuccessful": successful, "toolExecutionNotifications": notifications}],
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")
}

/// Statements that are not as accepted, at the baseline's file: traces seldom tell the line that sends them.
fn write_check(check: &Check, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let rules = RULES.iter().map(|(_, id, summary)| json!({"id": id, "shortDescription": {"text": summary}}));
    let told = check.problems.iter().filter(|problem| problem.level != Level::Known);
    let results = told.take(RESULTS_MAX).map(|problem| check_result(problem, &check.baseline));
    let unusable = check.unusable.iter().map(|reason| json!({"level": "error", "message": {"text": reason}}));
    let notifications = unusable.collect::<Vec<Value>>().into();
    let successful = check.verdict != Verdict::Unusable;
    write_document(rules.collect(), results.collect(), successful, notifications, out)
}

fn check_result(problem: &Problem, baseline: &str) -> Value {
    let place = place_name(&problem.place);
    let text = format!("{} at {place}: {}: {}", rules(problem), before_and_now(problem), problem.text);
    let mut result = json!({
        "ruleId": problem.rule().id(),
        "level": if problem.level == Level::Accept { "note" } else { "error" },
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(baseline)}}}],
        // Without counts and rules: a statement that multiplies further stays the same.
        "partialFingerprints": {"whyslow/v1": format!("{place} {}", problem.shape)},
    });
    if let Some(reason) = &problem.allowed {
        result["suppressions"] = json!([{"kind": "external", "justification": reason}]);
    }
    result
}

fn file_of(finding: &Finding) -> Option<(&Location, &str)> {
    let location = finding.location.as_ref()?;
    Some((location, location.file.as_deref()?))
}

fn result(finding: &Finding, report: &Report) -> Option<Value> {
    let (location, file) = file_of(finding)?;
    let mut place = json!({"artifactLocation": {"uri": uri(file)}});
    if let Some(line) = location.line {
        place["region"] = json!({"startLine": line});
    }
    let mut result = json!({
        "ruleId": finding.detector,
        "level": if misses_target(finding, report) { "warning" } else { "note" },
        "message": {"text": message(finding, report)},
        "locations": [{"physicalLocation": place}],
        // The id has neither line nor count: a finding that moves stays the same.
        "partialFingerprints": {"whyslow/v1": finding.id},
    });
    if let Some(reason) = &finding.accepted {
        result["suppressions"] = json!([{"kind": "external", "justification": reason}]);
    }
    Some(result)
}

/// Whether its endpoint misses a target.
fn misses_target(finding: &Finding, report: &Report) -> bool {
    let endpoint = report.endpoints.iter().find(|endpoint| is_at(finding, endpoint));
    endpoint.and_then(|endpoint| endpoint.target.as_ref()?.met) == Some(false)
}

fn message(finding: &Finding, report: &Report) -> String {
    let endpoint = report.endpoints.iter().find(|endpoint| is_at(finding, endpoint));
    let gain = gain(finding, endpoint, ["", ""]);
    let fix = finding.fix.first().map(|fix| format!(" Fix: {}.", fix.text)).unwrap_or_default();
    format!(
        "{} at {} of {}: {}. {}. {gain}.{fix}",
        finding.detector,
        finding.endpoint.as_deref().unwrap_or(WHOLE_SERVICE),
        finding.service,
        finding.subject.text,
        finding.why,
    )
}

/// A path as a URI: relative ones stay so; what has a meaning in URIs is encoded.
fn uri(file: &str) -> String {
    let mut uri = String::with_capacity(file.len());
    for byte in file.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                uri.push(byte.into())
            }
            b'\\' => uri.push('/'),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    match file.starts_with('/') {
        true => format!("file://{uri}"),
        false => uri,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("app/orders list.py"), "app/orders%20list.py");
        assert_eq!(uri("/srv/app/größe.py"), "file:///srv/app/gr%C3%B6%C3%9Fe.py");
        assert_eq!(uri(r"app\orders.py"), "app/orders.py");
    }
}
