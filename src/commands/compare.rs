//! `whyslow compare`: what the runs of two sides say about a difference.

mod sides;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use measurement::{MARGIN_DEFAULT, Metric, Question};
use whyslow::measurements::comparison::{RunsComparison, primary};
use whyslow::measurements::{self, Measured};
use whyslow::report::{RUNS, Style};

use super::diagnose::destination::Destination;
use super::{Outcome, UsageError, say};

const EXAMPLES: &str = "\
Examples:
  whyslow compare before.json after.json
  whyslow compare results/                     files or folders in it named before... and after...
  whyslow compare runs-before/ runs-after/ --primary 'GET /orders p99'
  whyslow compare --before k6-*.json --after k6-new-*.json --primary p95
  whyslow compare --before old-*.txt --after new-*.txt --metric p90 --margin 5%
  whyslow compare main/target/criterion target/criterion --fail-on regression
  whyslow compare before/ after/ --format markdown --output comparison.md

Each file is one run, but of tools that tell each repetition: hyperfine, go test -bench. Ten runs a
side are usual; fewer than three decide nothing. docs/measuring.md says what is read, and how a
verdict comes about.

Exit codes:
  0  done
  1  something is worse, and --fail-on regression was given
  2  arguments that make no sense
  3  nothing usable was read, nothing was measured on both sides, or --fail-on has too few runs";

/// Compares runs of a load or benchmark tool from before a change with runs from after it.
///
/// Reads what hyperfine, k6, wrk, wrk2, vegeta, oha, ab, autocannon, locust, criterion, go test -bench and
/// pytest-benchmark write, what `whyslow measure --output` keeps, and traces, found by content, plain or gzip. Says what improved, regressed or stayed, by how much at
/// least, and what casts doubt on it.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Two outputs or folders of outputs, before and after; or one folder with both, named so
    #[arg(value_name = "PATH", num_args = 1..=2, conflicts_with_all = ["before", "after"])]
    sides: Vec<PathBuf>,

    /// Outputs from before the change, or folders of them
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "after")]
    before: Vec<PathBuf>,

    /// Outputs from after the change
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "before")]
    after: Vec<PathBuf>,

    /// The one metric that matters, chosen before measuring, as 'GET /orders p99', or p95 where one thing was measured;
    /// all others are then judged together, more strictly
    #[arg(long, value_name = "METRIC", value_parser = primary)]
    primary: Option<(String, Metric)>,

    /// Compare this metric too: p90, p99.9, mean, cpu, memory, or a count as allocs; can be given several times
    #[arg(long = "metric", value_name = "METRIC")]
    metrics: Vec<Metric>,

    /// Smaller differences are not worth telling
    #[arg(long, value_name = "PERCENT", default_value = "3%", value_parser = margin)]
    margin: u32,

    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = RUNS[0].name, value_parser = outputs())]
    format: String,

    /// Write the result to this file, whole or not at all
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// End with 1 when something is worse than before, beyond chance and margin
    #[arg(long, value_name = "WHAT")]
    fail_on: Option<FailOn>,
}

/// What makes the program end with 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// A metric that is worse
    Regression,
}

fn outputs() -> PossibleValuesParser {
    PossibleValuesParser::new(RUNS.iter().map(|output| output.name))
}

/// `3%`, `2.5` as millionths.
fn margin(text: &str) -> Result<u32, String> {
    let percent: Option<f64> = text.trim().trim_end_matches('%').trim_end().parse().ok();
    let percent = percent.filter(|percent| (0.1..=50.0).contains(percent));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let millionths = percent.map(|percent| (percent * 10_000.0).round() as u32);
    millionths
        .ok_or_else(|| format!("expected a percentage from 0.1% to 50%, as {}%", MARGIN_DEFAULT / 10_000))
}

/// Reads both sides and says what is different.
pub(crate) fn execute(options: Options) -> anyhow::Result<Outcome> {
    let [before, after] = options.paths()?;
    let unknown = || UsageError(format!("--format {}: there is no such form", options.format));
    let output = RUNS.iter().find(|output| output.name == options.format).ok_or_else(unknown)?;
    let destination = Destination::open(options.output.as_deref())?;
    let (before, after) = (measurements::read(&before)?, measurements::read(&after)?);
    let question = Question {
        primary: options.primary.clone(),
        metrics: options.metrics.clone(),
        margin_ppm: options.margin,
    };
    let comparison = RunsComparison::of(&before, &after, &question);
    if let Some(missing) = options.missing(&comparison, &before, &after) {
        say(format_args!("error: {missing}"));
        return Ok(Outcome::CannotMeasure);
    }
    destination.write(output.write, &comparison, Style::default())?;
    Ok(options.outcome(&comparison))
}

impl Options {
    fn paths(&self) -> anyhow::Result<[Vec<PathBuf>; 2]> {
        let paths = match self.sides.as_slice() {
            [before, after] => [vec![before.clone()], vec![after.clone()]],
            [folder] => sides::in_folder(folder)?,
            _ => [self.before.clone(), self.after.clone()],
        };
        match paths.iter().any(Vec::is_empty) {
            true => Err(UsageError(sides::WANTED.to_owned()).into()),
            false => Ok(paths),
        }
    }

    /// Why there is nothing to say, with what was measured instead.
    fn missing(&self, comparison: &RunsComparison, before: &Measured, after: &Measured) -> Option<String> {
        let subjects = |side: &Measured| {
            let names: BTreeSet<String> =
                side.runs.iter().flat_map(|run| run.samples.keys()).map(|name| named(name)).collect();
            names.into_iter().take(5).collect::<Vec<_>>().join(", ")
        };
        if comparison.decision.metrics.is_empty() {
            let (one, other) = (subjects(before), subjects(after));
            return Some(format!("nothing was measured on both sides: {one} before, {other} after"));
        }
        let (subject, metric) = self.primary.as_ref()?;
        comparison.decision.primary().is_none().then(|| {
            let asked = format!("{subject} {metric}");
            format!(
                "--primary {}: not measured on both sides, or of several subjects; there are {}",
                asked.trim(),
                subjects(after)
            )
        })
    }

    fn outcome(&self, comparison: &RunsComparison) -> Outcome {
        match self.fail_on {
            Some(FailOn::Regression) if !comparison.could_tell() => {
                say(format_args!("error: --fail-on regression: too few runs to tell; at least three a side"));
                Outcome::CannotMeasure
            }
            Some(FailOn::Regression) if comparison.has_regressed() => Outcome::Failed,
            _ => Outcome::Done,
        }
    }
}

/// A subject without a name is the only one of its tool.
fn named(subject: &str) -> String {
    if subject.is_empty() { "all requests".to_owned() } else { subject.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_are_percentages() {
        assert_eq!((margin("3%"), margin("2.5"), margin("10 %")), (Ok(30_000), Ok(25_000), Ok(100_000)));
        for text in ["", "%", "0", "-3%", "90%", "NaN", "three"] {
            assert!(margin(text).is_err(), "{text}");
        }
    }
}
