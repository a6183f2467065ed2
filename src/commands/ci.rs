//! `whyslow ci`: whether requests send more statements than what was accepted.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use detectors::queries::{self, Accepting, Baseline, Check, Measured, Place, PlaceKind, Verdict};
use detectors::settings::{Allowance, Settings, matches_glob};
use whyslow::baseline_file::{self, BaselineFile};
use whyslow::diagnosis::{self, Counted};
use whyslow::ingest::Input;
use whyslow::report::{CHECKS, Style};

use super::diagnose::destination::Destination;
use super::diagnose::{endpoint_glob, progress};
use super::reading::Reading;
use super::{Outcome, UsageError, say};

const EXAMPLES: &str = "\
Examples:
  whyslow run --save traces.otlp -- npm test       record the tests
  whyslow ci accept --traces traces.otlp           the first time, and after a change that is meant
  whyslow ci check --traces traces.otlp            in CI";

/// Compares the statements that requests send with a baseline: what came, what multiplied.
///
/// Counts are of one request and never totals: more tests or more requests change nothing. The baseline is
/// a file of the project, .whyslow/queries.toml, one line a statement.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(CheckOptions),
    Accept(AcceptOptions),
}

const CHECK_EXAMPLES: &str = "\
Examples:
  whyslow ci check --traces traces.otlp
  whyslow ci check --traces unit.otlp e2e.otlp --format markdown --output comment.md
  whyslow ci check --traces traces.otlp --format github

Exit codes:
  0  every statement is as accepted
  1  a statement came or multiplied
  2  arguments, settings or a baseline that make no sense, or no baseline at all
  3  nothing usable was read: no traces, no requests, or statements without their text";

/// Checks that no request sends a statement more often than accepted, or one that is not accepted.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = CHECK_EXAMPLES)]
struct CheckOptions {
    #[command(flatten)]
    common: Common,

    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = CHECKS[0].name, value_parser = outputs())]
    format: String,

    /// Write the result to this file, whole or not at all
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Also tell loops that were accepted
    #[arg(long, short)]
    verbose: bool,
}

const ACCEPT_EXAMPLES: &str = "\
Examples:
  whyslow ci accept --traces traces.otlp
  whyslow ci accept --traces run-1.otlp run-2.otlp run-3.otlp    (counts that differ between runs)
  whyslow ci accept --traces traces.otlp --endpoint 'GET /orders*'

Exit codes:
  0  the baseline is written
  2  arguments, settings or a baseline that make no sense
  3  nothing usable was read: no traces, no requests, or statements without their text";

/// Accepts what requests send now: writes the baseline.
///
/// Endpoints and tests that were exercised get what was measured; all others keep what they have.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = ACCEPT_EXAMPLES)]
struct AcceptOptions {
    #[command(flatten)]
    common: Common,

    /// Forget endpoints and tests that were not exercised
    #[arg(long, conflicts_with_all = ["endpoints", "tests", "services"])]
    prune: bool,
}

/// Places that are named where none fits.
const NAMED: usize = 5;

/// What both can be told.
#[derive(Debug, Args)]
#[group(skip)]
struct Common {
    /// Files and folders with the traces, read together; `-` is standard input
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    traces: Vec<PathBuf>,

    /// The baseline [default: .whyslow/queries.toml here or in the nearest folder above]
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// These endpoints only; `*` stands for anything; can be given several times
    #[arg(long = "endpoint", value_name = "GLOB", value_parser = endpoint_glob)]
    endpoints: Vec<String>,

    /// These tests only; `*` stands for anything; can be given several times
    #[arg(long = "test", value_name = "GLOB")]
    tests: Vec<String>,

    /// These services only; `*` stands for anything; can be given several times
    #[arg(long = "service", value_name = "GLOB")]
    services: Vec<String>,

    #[command(flatten)]
    reading: Reading,
}

fn outputs() -> PossibleValuesParser {
    PossibleValuesParser::new(CHECKS.iter().map(|output| output.name))
}

/// Checks or accepts.
pub(crate) fn execute(options: Options) -> anyhow::Result<Outcome> {
    match options.command {
        Command::Check(options) => check(&options),
        Command::Accept(options) => accept(&options),
    }
}

fn check(options: &CheckOptions) -> anyhow::Result<Outcome> {
    let common = &options.common;
    let path = common.baseline()?;
    let Some(file) = load(&path)? else {
        let text =
            format!("there is no baseline {}; whyslow ci accept --traces FILES writes one", path.display());
        return Err(UsageError(text).into());
    };
    let settings = common.reading.settings()?;
    let destination = Destination::open(options.output.as_deref())?;
    let counted = common.count(settings.clone())?;
    let (baseline, measured) = (common.of(file.baseline), common.measured(counted.measured)?);
    let (mut check, unused) = queries::check(&baseline, &measured, &settings.allowed);
    check.baseline = shown(&path);
    check.skipped = counted.skipped;
    check.notes.splice(0..0, counted.notes);
    warn_of_unused(&unused);
    let output = CHECKS.iter().find(|output| output.name == options.format).unwrap_or(&CHECKS[0]);
    destination.write(output.write, &check, Style { verbose: options.verbose, ..Style::default() })?;
    Ok(match check.verdict {
        Verdict::Passed => Outcome::Done,
        Verdict::Failed => Outcome::Failed,
        Verdict::Unusable => {
            if options.output.is_some() {
                say_why(&check);
            }
            Outcome::CannotMeasure
        }
    })
}

fn say_why(check: &Check) {
    check.unusable.iter().for_each(|reason| say(format_args!("error: unusable-input: {reason}")));
}

fn accept(options: &AcceptOptions) -> anyhow::Result<Outcome> {
    let common = &options.common;
    let path = common.baseline()?;
    let mut file = load(&path)?.unwrap_or_default();
    let counted = common.count(common.reading.settings()?)?;
    let measured = common.measured(counted.measured)?;
    let (check, _) = queries::check(&Baseline::new(), &measured, &[]);
    if check.verdict == Verdict::Unusable {
        say_why(&check);
        return Ok(Outcome::CannotMeasure);
    }
    file.baseline = queries::accept(file.baseline, &measured, Accepting { prune: options.prune });
    file.name_service();
    write(&path, file.text())?;
    let (places, statements) =
        (file.baseline.len(), file.baseline.values().map(|own| own.len()).sum::<usize>());
    say(format_args!(
        "whyslow: {} statements of {} endpoints and tests are accepted in {}; {} of them as measured now",
        statements,
        places,
        shown(&path),
        measured.places.len()
    ));
    Ok(Outcome::Done)
}

fn load(path: &Path) -> Result<Option<BaselineFile>, UsageError> {
    baseline_file::load(path).map_err(|error| UsageError(error.to_string()))
}

/// Writes a file, whole or not at all.
fn write(path: &Path, text: String) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let destination = Destination::open(Some(path))?;
    destination.write(|text: &String, _, out| out.write_all(text.as_bytes()), &text, Style::default())
}

/// A path as seen from the current folder.
fn shown(path: &Path) -> String {
    let folder = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

fn warn_of_unused(unused: &[&Allowance]) {
    for allowance in unused {
        let place = allowance.endpoint.as_ref().or(allowance.test.as_ref()).map_or("", String::as_str);
        say(format_args!("warning: allowed, but not needed (any more): {} at {place}", allowance.shape));
    }
}

impl Common {
    fn baseline(&self) -> anyhow::Result<PathBuf> {
        let folder = || std::env::current_dir().context("cannot tell the current folder");
        Ok(match &self.baseline {
            Some(path) => path.clone(),
            None => baseline_file::find(&folder()?),
        })
    }

    fn count(&self, settings: Settings) -> anyhow::Result<Counted> {
        let inputs = Input::of_paths(&self.traces).map_err(UsageError)?;
        let request = self.reading.request(settings, String::new());
        Ok(progress::shown(|progress| diagnosis::count(inputs, &request, progress))?)
    }

    /// The part of a baseline that was asked for.
    fn of(&self, mut baseline: Baseline) -> Baseline {
        baseline.retain(|place, _| self.asks_for(place));
        baseline
    }

    /// The part of what was measured that was asked for.
    ///
    /// # Errors
    ///
    /// When nothing is left of it: a name that fits nothing is no success.
    fn measured(&self, mut measured: Measured) -> anyhow::Result<Measured> {
        let seen: Vec<String> = measured.places.keys().take(NAMED).map(|place| place.name.clone()).collect();
        measured.places.retain(|place, _| self.asks_for(place));
        if measured.places.is_empty() && !seen.is_empty() {
            bail!("nothing was seen of what was asked for; seen: {}", seen.join(", "));
        }
        measured.texts.retain(|service, _| self.services.is_empty() || fits(&self.services, service));
        Ok(measured)
    }

    fn asks_for(&self, place: &Place) -> bool {
        let globs = match place.kind {
            PlaceKind::Endpoint => &self.endpoints,
            PlaceKind::Test => &self.tests,
        };
        let all = self.endpoints.is_empty() && self.tests.is_empty();
        (all || fits(globs, &place.name))
            && (self.services.is_empty() || fits(&self.services, &place.service))
    }
}

fn fits(globs: &[String], name: &str) -> bool {
    globs.iter().any(|glob| matches_glob(glob, name))
}
