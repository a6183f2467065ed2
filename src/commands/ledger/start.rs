//! `whyslow ledger start`: what is to be changed and what is expected, before anything is measured after.

use std::path::{Path, PathBuf};

use clap::Args;
use ledger::{Diagnosis, DiagnosisProblem, Open, Plan, Target, moment};
use measurement::Metric;

use super::{Outcome, Project, UsageError};
use crate::commands::say;

const EXAMPLES: &str = "\
Examples:
  whyslow ledger start 'load customers with the orders' --target 'GET /orders p99<500ms'
  whyslow ledger start 'index for the list' --finding missing-index-3f9a --report report.json --primary 'GET /orders p50'
  whyslow ledger start 'quicker build' --primary mean --margin 2

Exit codes:
  0  the entry is open
  2  arguments that make no sense, or another entry is open
  3  the report cannot be read";

/// Opens an entry: freezes what is changed, what is expected and which metric decides.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// The one thing that is changed, in a few words
    title: String,

    /// What is expected and why, in one sentence
    #[arg(long, value_name = "SENTENCE")]
    hypothesis: Option<String>,

    /// The finding that it mends: its id, or the begin of it
    #[arg(long, value_name = "ID")]
    finding: Option<String>,

    /// The report that has the finding, as whyslow diagnose --format json writes it [default: the last diagnosis]
    #[arg(long, value_name = "FILE", requires = "finding")]
    report: Option<PathBuf>,

    /// What is to be reached
    #[arg(long, value_name = "TARGET", value_parser = target)]
    target: Option<String>,

    /// The metric that the verdict is about, as p99 or 'GET /orders p99' [default: that of the target]
    #[arg(long, value_name = "METRIC", value_parser = primary, required_unless_present = "target")]
    primary: Option<(String, Metric)>,

    /// Differences within so many per cent count as none
    #[arg(long, value_name = "PERCENT", default_value = "3", value_parser = margin)]
    margin: u32,
}

fn target(text: &str) -> Result<String, String> {
    text.parse::<Target>().map(|_| text.to_owned())
}

/// `GET /orders p99`, or the metric alone.
fn primary(text: &str) -> Result<(String, Metric), String> {
    let text = text.trim();
    let (subject, metric) = text.rsplit_once(char::is_whitespace).unwrap_or(("", text));
    Ok((subject.trim().to_owned(), metric.parse()?))
}

/// Per cent in millionths.
fn margin(text: &str) -> Result<u32, &'static str> {
    let expected = "expected per cent between 0 and 50, as 3 or 0.5";
    let percent: f64 = text.trim_end_matches('%').trim().parse().map_err(|_| expected)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let ppm = (percent * 10_000.0).round() as u32;
    if percent.is_finite() && percent > 0.0 && percent <= 50.0 { Ok(ppm) } else { Err(expected) }
}

/// Opens an entry.
pub(super) fn execute(project: &Project, options: Options) -> anyhow::Result<Outcome> {
    let of_target = options.target.as_deref().and_then(|text| text.parse::<Target>().ok());
    let (of_target, metric_of_target) =
        of_target.map_or((String::new(), None), |target| (target.subject, Some(target.metric)));
    let (subject, metric) = match options.primary {
        // A metric alone is one of the target's endpoint.
        Some((subject, metric)) if subject.is_empty() => (of_target, metric),
        Some(primary) => primary,
        None => (of_target, metric_of_target.ok_or_else(|| UsageError("--primary is missing".to_owned()))?),
    };
    let mut plan = Plan::new(options.title, moment::now_s(), metric);
    plan.subject = subject;
    plan.hypothesis = options.hypothesis;
    plan.target = options.target;
    plan.margin_ppm = options.margin;
    plan.version = Some(project.git()?.version()?);
    if let Some(finding) = &options.finding {
        add_finding(&mut plan, &diagnosis(project, options.report.as_deref())?, finding)?;
    }
    let open = Open::begin(&project.root, plan).map_err(|problem| UsageError(problem.to_string()))?;
    say_what_next(&open.plan);
    Ok(Outcome::Done)
}

fn diagnosis(project: &Project, report: Option<&Path>) -> anyhow::Result<Diagnosis> {
    if let Some(report) = report {
        return Ok(Diagnosis::read(report)?);
    }
    let none =
        "there is no diagnosis of this project yet; --report names one (whyslow diagnose --format json)";
    Diagnosis::last(&project.root)?.ok_or_else(|| UsageError(none.to_owned()).into())
}

/// What a finding predicts, and what its remedy costs.
fn add_finding(plan: &mut Plan, diagnosis: &Diagnosis, begin: &str) -> Result<(), UsageError> {
    let finding =
        diagnosis.finding(begin).map_err(|problem: DiagnosisProblem| UsageError(problem.to_string()))?;
    plan.predicted = finding.predicted();
    plan.finding = Some(finding.id.clone());
    plan.tradeoff = finding.fix.first().map(|remedy| remedy.tradeoff.clone()).filter(|text| !text.is_empty());
    Ok(())
}

fn say_what_next(plan: &Plan) {
    let name = format!("{} {}", plan.subject, plan.primary);
    say(format_args!("whyslow: \"{}\" is open; {} decides", plan.title, name.trim()));
    for predicted in &plan.predicted {
        let [before, after] = [predicted.before_ns, predicted.after_ns].map(detectors::figures::duration);
        let (endpoint, metric) = (&predicted.endpoint, &predicted.metric);
        say(format_args!("  predicted: {endpoint} {metric} {before} to {after}"));
    }
    say(format_args!("next: whyslow measure --side before --runs 10 -- COMMAND"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_primary_metric_has_an_endpoint_or_none() {
        let p99: Metric = "p99".parse().unwrap();
        assert_eq!(primary("GET /orders p99"), Ok(("GET /orders".to_owned(), p99.clone())));
        assert_eq!(primary(" p99 "), Ok((String::new(), p99)));
        assert!(primary("GET /orders").is_err() && primary("").is_err());
    }

    #[test]
    fn margins_are_per_cent() {
        assert_eq!((margin("3"), margin("0.5 %")), (Ok(30_000), Ok(5_000)));
        assert!(["0", "-1", "51", "nan", "x"].iter().all(|text| margin(text).is_err()));
    }
}
