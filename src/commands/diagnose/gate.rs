//! `--fail-on`: how the program ends when a report shows what must not be.

use detectors::finding::{Finding, Report};
use detectors::settings::Settings;
use whyslow::settings_file::endpoint::nearest;

use crate::commands::{Outcome, say};

/// Fails on any finding that is neither accepted nor a mere lead.
pub(super) fn on_findings(report: &Report) -> Outcome {
    match report.findings.iter().any(Finding::is_open) {
        true => Outcome::Failed,
        false => Outcome::Done,
    }
}

/// Fails on a missed target. One that could not be checked is no success either.
pub(super) fn on_targets(settings: &Settings, report: &Report) -> Outcome {
    let verdicts =
        || report.endpoints.iter().filter_map(|endpoint| Some((endpoint, endpoint.target.as_ref()?)));
    if verdicts().any(|(_, target)| target.met == Some(false)) {
        return Outcome::Failed;
    }
    let mut unchecked = 0;
    for (endpoint, target) in verdicts().filter(|(_, target)| target.met.is_none()) {
        unchecked += 1;
        let (name, requests) = (&endpoint.name, endpoint.requests);
        say(format_args!("error: {requests} requests are too few to tell the {} of {name}", target.metric));
    }
    for target in &settings.targets {
        let covers =
            |endpoint: &&detectors::finding::Endpoint| target.covers(&endpoint.service, &endpoint.name);
        if !report.endpoints.iter().any(|endpoint| covers(&endpoint)) {
            unchecked += 1;
            let nearest = nearest(&target.endpoint, &report.endpoints);
            say(format_args!(
                "error: no request was seen at {}, which has a target; {nearest}",
                target.endpoint
            ));
        }
    }
    if unchecked == 0 { Outcome::Done } else { Outcome::CannotMeasure }
}
