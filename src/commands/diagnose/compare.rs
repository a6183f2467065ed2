//! `whyslow diagnose --compare BEFORE AFTER`: two recordings side by side.

use detectors::comparison::{State, compare as compared};
use detectors::finding::Report;
use whyslow::diagnosis::Request;
use whyslow::ingest::Input;
use whyslow::report::Style;

use super::destination::Destination;
use super::{FailOn, Options, gate, judged, narrow, output};
use crate::commands::{Outcome, UsageError};

/// Diagnoses both recordings and says what is different.
pub(super) fn compare(options: &Options, request: &Request, inputs: Vec<Input>) -> anyhow::Result<Outcome> {
    let Ok([before, after]) = <[Input; 2]>::try_from(inputs) else {
        return Err(UsageError("--compare takes two paths: BEFORE AFTER".to_owned()).into());
    };
    let Some(write) = output(options).compare else {
        let text = format!("--compare has no form {}: text, json and markdown it has", options.format);
        return Err(UsageError(text).into());
    };
    if options.fail_on == Some(FailOn::Target) && request.settings.targets.is_empty() {
        return Err(UsageError(super::NO_TARGET.to_owned()).into());
    }
    let destination = Destination::open(options.output.as_deref())?;
    let [before, whole] = [judged(vec![before], request)?, judged(vec![after], request)?];
    let told = |report: &Report| narrow::narrow(report, options.endpoint.as_deref(), None);
    let after = told(&whole);
    let comparison = compared(&told(&before), &after);
    let style = Style { verbose: options.verbose, ..Style::default() };
    destination.write(write, &comparison, style)?;
    let open = |id: &str| after.findings.iter().any(|finding| finding.id == id && finding.is_open());
    let came = |state: State| matches!(state, State::Came | State::NewEndpoint);
    Ok(match options.fail_on {
        Some(FailOn::Finding)
            if comparison.findings.iter().any(|change| came(change.state) && open(&change.id)) =>
        {
            Outcome::Failed
        }
        Some(FailOn::Target) => gate::on_targets(&request.settings, &whole),
        _ => Outcome::Done,
    })
}
