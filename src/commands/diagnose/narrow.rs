//! `--endpoint` and `--top`: the part of a report that was asked for.

use detectors::figures::counted;
use detectors::finding::{Endpoint, Finding, Report};
use detectors::settings::matches_glob;
use whyslow::settings_file::endpoint::nearest;

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
    let nearest = nearest(glob, &report.endpoints);
    report.endpoints.retain(|endpoint| matches_glob(glob, &endpoint.name));
    report.findings.retain(|finding| concerns(finding, glob));
    report.dismissed.retain(|one| one.endpoint.as_deref().is_some_and(|name| matches_glob(glob, name)));
    match report.endpoints.len() {
        0 => report.notes.push(format!("no endpoint fits {glob}; {nearest}")),
        kept if kept < before => report.notes.push(format!("{kept} of {before} endpoints, as asked for")),
        _ => {}
    }
}

/// Whether a finding lies at an endpoint that fits, or slows one down.
fn concerns(finding: &Finding, glob: &str) -> bool {
    let names = finding.affects.iter().map(|affected| &affected.endpoint).chain(&finding.endpoint);
    names.into_iter().any(|name| matches_glob(glob, name))
}

/// Keeps the first causes with all that ranks above the next one, and what is accepted. What is
/// accepted or a mere lead takes no place of another.
fn keep_first(report: &mut Report, top: usize) {
    let causes = open_causes(&report.findings);
    let Some(next) = causes.get(top) else { return };
    let is_next = |finding: &Finding| finding.is_open() && finding.cause == *next;
    let end = report.findings.iter().position(is_next).unwrap_or(report.findings.len());
    let before = report.findings.len();
    let mut places = 0..before;
    report.findings.retain(|finding| {
        let above = places.next().is_some_and(|place| place < end);
        above || finding.accepted.is_some() || causes[..top].contains(&finding.cause)
    });
    let Report { endpoints, findings, notes, .. } = report;
    endpoints.iter_mut().for_each(|endpoint| keep_steps(endpoint, findings));
    let left_out = (before - findings.len()) as u64;
    notes.push(format!("{}, left out as asked for", counted(left_out, "more finding")));
}

/// Each cause that something has to be done about, once, in the order of rank.
fn open_causes(findings: &[Finding]) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.is_open()) {
        if !causes.contains(&finding.cause) {
            causes.push(finding.cause.clone());
        }
    }
    causes
}

/// Joint results stay true up to the first fix that is not told.
fn keep_steps(endpoint: &mut Endpoint, findings: &[Finding]) {
    let told = |id: &str| findings.iter().any(|finding| finding.id == id);
    let steps = endpoint.after_fixes.iter().take_while(|step| told(&step.finding)).count();
    endpoint.after_fixes.truncate(steps);
}
