//! `--endpoint` and `--top`: the part of a report that was asked for.

use detectors::finding::{Endpoint, Finding, Report};
use detectors::settings::matches_glob;

/// The report on the endpoints that fit `glob`, with the first `top` findings; notes say what was left out.
pub(super) fn narrow(report: &Report, glob: Option<&str>, top: Option<usize>) -> Report {
    let mut report = report.clone();
    if let Some(glob) = glob {
        keep_endpoints(&mut report, glob);
    }
    if let Some(top) = top {
        keep_first(&mut report, top);
    }
    report
}

fn keep_endpoints(report: &mut Report, glob: &str) {
    let before = report.endpoints.len();
    report.endpoints.retain(|endpoint| matches_glob(glob, &endpoint.name));
    report.findings.retain(|finding| concerns(finding, glob));
    report.dismissed.retain(|one| one.endpoint.as_deref().is_some_and(|name| matches_glob(glob, name)));
    match report.endpoints.len() {
        0 => report.notes.push(format!("no endpoint of {before} fits {glob}")),
        kept if kept < before => report.notes.push(format!("{kept} of {before} endpoints, as asked for")),
        _ => {}
    }
}

/// Whether a finding lies at an endpoint that fits, or slows one down.
fn concerns(finding: &Finding, glob: &str) -> bool {
    let names = finding.affects.iter().map(|affected| &affected.endpoint).chain(&finding.endpoint);
    names.into_iter().any(|name| matches_glob(glob, name))
}

fn keep_first(report: &mut Report, top: usize) {
    let left_out = report.findings.len().saturating_sub(top);
    if left_out == 0 {
        return;
    }
    report.findings.truncate(top);
    let Report { endpoints, findings, notes, .. } = report;
    endpoints.iter_mut().for_each(|endpoint| keep_steps(endpoint, findings));
    notes.push(format!("{left_out} more findings, left out as asked for"));
}

/// Joint results stay true up to the first fix that is not told.
fn keep_steps(endpoint: &mut Endpoint, findings: &[Finding]) {
    let told = |id: &str| findings.iter().any(|finding| finding.id == id);
    let steps = endpoint.after_fixes.iter().take_while(|step| told(&step.finding)).count();
    endpoint.after_fixes.truncate(steps);
}
