//! `whyslow diagnose`: reads evidence and says what to fix first.

mod destination;
mod gate;
mod narrow;
mod progress;

use std::fs::File;
use std::path::PathBuf;

use anyhow::Context;
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use detectors::settings::{Settings, Target};
use whyslow::diagnosis::{self, Input, Request};
use whyslow::report::OUTPUTS;
use whyslow::settings_file::{self, Day, target};

use super::{Outcome, UsageError, say};

const EXAMPLES: &str = "\
Examples:
  whyslow diagnose traces.json
  whyslow diagnose exports/ --target 'GET /orders p99<500ms'
  zcat traces.json.gz | whyslow diagnose - --format json --output report.json
  whyslow diagnose traces.pb --endpoint 'GET /orders*' -v
  whyslow diagnose traces.json --fail-on target      (in CI)

Exit codes:
  0  done
  1  what --fail-on names has happened
  2  arguments or settings that make no sense
  3  nothing usable was read, or a target could not be checked";

/// Reads traces and says, for each endpoint, where its time goes and what to fix first.
///
/// Formats are found by content: OTLP as JSON (one document, an array, lines) or protobuf (one
/// message, a stream with lengths), plain, gzip or zstd.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Command {
    /// Files and folders to read together; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    options: Options,
}

/// What every command that ends in a diagnosis can be told.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Diagnosis")]
pub(crate) struct Options {
    /// What an endpoint must keep, such as 'GET /orders p99<500ms'; a service may come first
    /// ('shop: GET /orders p99<0.5s'); can be given several times
    #[arg(long = "target", value_name = "TARGET", value_parser = target::parse)]
    targets: Vec<Target>,

    /// The report's form
    #[arg(long, value_name = "FORMAT", default_value = OUTPUTS[0].name, value_parser = outputs())]
    format: String,

    /// Write the report to this file, whole or not at all
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Report on these endpoints only; `*` stands for anything
    #[arg(long, value_name = "GLOB")]
    endpoint: Option<String>,

    /// Report the first N findings only
    #[arg(long, value_name = "N")]
    top: Option<usize>,

    /// End with 1 when there is a finding (that is neither accepted nor of low confidence), or when
    /// a target is missed
    #[arg(long, value_name = "WHAT")]
    fail_on: Option<FailOn>,

    /// Hold so much evidence in memory; what is more goes to temporary files
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = super::size::parse)]
    memory: u64,

    /// Threads that read and inspect [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<std::num::NonZeroUsize>,

    /// The settings file [default: whyslow.toml here or in the nearest folder above]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Also tell what was considered and dismissed, leads of low confidence, and ranges
    #[arg(long, short)]
    verbose: bool,
}

/// What makes the program end with 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// A finding
    Finding,
    /// A missed target
    Target,
}

fn outputs() -> PossibleValuesParser {
    PossibleValuesParser::new(OUTPUTS.iter().map(|output| output.name))
}

/// Diagnoses files.
pub(crate) fn execute(command: Command) -> anyhow::Result<Outcome> {
    let again = "record again, then: whyslow diagnose …".to_owned();
    let stdin = |path: &PathBuf| path.as_os_str() == "-";
    if command.paths.iter().filter(|path| stdin(path)).count() > 1 {
        return Err(UsageError("standard input (`-`) can be read once only".to_owned()).into());
    }
    let inputs = command.paths.into_iter().map(|path| match stdin(&path) {
        true => Input::Stdin,
        false => Input::Path(path),
    });
    diagnose(&command.options, inputs.collect(), again)
}

/// Diagnoses what was received as a stream of length-prefixed messages.
pub(crate) fn report(options: &Options, messages: File, again: String) -> anyhow::Result<Outcome> {
    let name = "what was received".to_owned();
    diagnose(options, vec![Input::Open { name, file: messages }], again)
}

/// Diagnoses inputs; `again` is the command that shows later whether a fix worked.
pub(super) fn diagnose(options: &Options, inputs: Vec<Input>, again: String) -> anyhow::Result<Outcome> {
    let settings = settings(options)?;
    if options.fail_on == Some(FailOn::Target) && settings.targets.is_empty() {
        let text = "--fail-on target: there is no target; give --target or [[target]] in whyslow.toml";
        return Err(UsageError(text.to_owned()).into());
    }
    let threads = options.threads.or_else(|| std::thread::available_parallelism().ok());
    let request = Request {
        inputs,
        settings,
        memory_bytes: options.memory,
        threads: threads.map_or(1, std::num::NonZeroUsize::get),
        command: again,
    };
    let shown = progress::Shown::new();
    let result = diagnosis::diagnose(&request, &|progress| shown.update(progress));
    shown.end();
    let report = result?;
    warn_of_unused_acceptances(&request.settings, &report);
    let told = narrow::narrow(&report, options.endpoint.as_deref(), options.top);
    destination::write(options, &told)?;
    Ok(match options.fail_on {
        Some(FailOn::Finding) => {
            gate::on_findings(&narrow::narrow(&report, options.endpoint.as_deref(), None))
        }
        Some(FailOn::Target) => gate::on_targets(&request.settings, &report),
        None => Outcome::Done,
    })
}

fn settings(options: &Options) -> anyhow::Result<Settings> {
    let folder = std::env::current_dir().context("cannot tell the current folder")?;
    let read = settings_file::load(options.config.as_deref(), &folder, Day::today());
    let mut settings = read.map_err(|error| UsageError(error.to_string()))?;
    settings.targets.extend(options.targets.iter().cloned());
    Ok(settings)
}

fn warn_of_unused_acceptances(settings: &Settings, report: &detectors::finding::Report) {
    let used = |acceptance: &&detectors::settings::Acceptance| {
        report.findings.iter().any(|finding| acceptance.covers(finding))
    };
    for acceptance in settings.accepted.iter().filter(|acceptance| !used(acceptance)) {
        let named = [&acceptance.finding, &acceptance.detector, &acceptance.endpoint, &acceptance.shape];
        let named: Vec<&str> = named.into_iter().filter_map(|part| part.as_deref()).collect();
        say(format_args!("warning: accepted, but not found (any more): {}", named.join(" ")));
    }
}
