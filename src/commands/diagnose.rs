//! `whyslow diagnose`: reads evidence and says what to fix first.

mod anonymize;
mod compare;
pub(super) mod destination;
#[cfg(feature = "client")]
mod from;
mod gate;
#[cfg(feature = "postgres")]
mod live;
pub(super) mod log_form;
mod narrow;
mod profiles;
pub(super) mod progress;
mod since_last;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use detectors::finding::Report;
use detectors::settings::{Settings, Target};
use ledger::shell::quoted;
use ledger::{Diagnosis, Local};
use whyslow::diagnosis::{self, Request};
use whyslow::ingest::{Input, LogForms};
use whyslow::report::{self, OUTPUTS, Output, Style};
use whyslow::settings_file::endpoint::{canonical, nearest};
use whyslow::settings_file::target;

use self::destination::Destination;
use super::reading::{Reading, at_least_one};
use super::{Outcome, UsageError, project, say};

const EXAMPLES: &str = "\
Examples:
  whyslow diagnose traces.json
  whyslow diagnose exports/ --target 'GET /orders p99<500ms'
  zcat traces.json.gz | whyslow diagnose - --format json --output report.json
  whyslow diagnose traces.pb --endpoint 'GET /orders*' -v
  whyslow diagnose traces.json --fail-on target      (in CI)
  whyslow diagnose --compare before.json after.json
  whyslow diagnose postgresql.log mysql-slow.log
  whyslow diagnose access.log --target 'GET /orders/{id} p99<500ms'
  whyslow diagnose postgresql.log --anonymize shared/
  whyslow diagnose /var/log/postgresql/ --since-last      (each hour)
  whyslow diagnose app.log --map duration=elapsed_ms,path=url,time=at
  whyslow diagnose --from jaeger http://localhost:16686 --service shop --since 1h

Exit codes:
  0  done
  1  what --fail-on names has happened
  2  arguments or settings that make no sense
  3  nothing usable was read, an endpoint that was asked for was not seen, or a target could
     not be checked";

/// Reads traces and logs, and says, for each endpoint, where its time goes and what to fix first.
///
/// Formats are found by content: OTLP as JSON (one document, an array, lines) or protobuf (one
/// message, a stream with lengths), JSON of Jaeger and of Zipkin 2, access logs of web servers,
/// logs of PostgreSQL, MySQL and MariaDB, also out of syslog, journald, containers and clouds;
/// plain, gzip or zstd.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Command {
    /// Files and folders to read together; `-` is standard input
    #[arg(value_name = "PATH")]
    #[cfg_attr(all(feature = "client", feature = "postgres"), arg(required_unless_present_any = ["from", "db"]))]
    #[cfg_attr(all(feature = "client", not(feature = "postgres")), arg(required_unless_present = "from"))]
    #[cfg_attr(all(not(feature = "client"), feature = "postgres"), arg(required_unless_present = "db"))]
    #[cfg_attr(not(any(feature = "client", feature = "postgres")), arg(required = true))]
    paths: Vec<PathBuf>,

    /// Compare two recordings, the first before a change and the second after it: latency, statements
    /// and findings per request; --fail-on finding then means one that came
    #[arg(long, conflicts_with_all = ["show", "top"])]
    compare: bool,

    /// What a profiler saw of the services meanwhile: names the function where own code is slow. Profiles among the
    /// paths are told by their content, but for folded stacks, which look like other text
    #[arg(long = "profile", value_name = "FILE")]
    profiles: Vec<PathBuf>,

    #[cfg(feature = "client")]
    #[command(flatten)]
    from: from::Options,

    #[command(flatten)]
    logs: log_form::Options,

    /// Also write a copy of each query log into this folder that can be shared: values of statements, parameters
    /// and messages, hosts and addresses become tokens, the same value the same token in all of them; names and
    /// times stay
    #[arg(long, value_name = "FOLDER", help_heading = "Logs")]
    #[cfg_attr(feature = "client", arg(conflicts_with = "from"))]
    anonymize: Option<PathBuf>,

    /// Show statements of logs with their values: of each that the report tells of the slowest execution, as it is in
    /// the log. Without it no value is in a report
    #[arg(long, conflicts_with = "compare", help_heading = "Logs")]
    #[cfg_attr(feature = "client", arg(conflicts_with = "from"))]
    show_values: bool,

    #[command(flatten)]
    since: since_last::Options,

    #[cfg(feature = "postgres")]
    #[command(flatten)]
    live: live::Options,

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
    #[arg(long, value_name = "GLOB", value_parser = endpoint_glob)]
    endpoint: Option<String>,

    /// Report the first N findings only; what has one cause at several endpoints counts once
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    top: Option<std::num::NonZeroUsize>,

    /// End with 1 when there is a finding (that is neither accepted nor of low confidence), or when
    /// a target is missed
    #[arg(long, value_name = "WHAT")]
    fail_on: Option<FailOn>,

    #[command(flatten)]
    reading: Reading,

    /// Show the finding of this number only, with a request that shows it drawn in time: as measured,
    /// and with the fix
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    show: Option<std::num::NonZeroUsize>,

    /// Also tell what was considered and dismissed, leads of low confidence, and ranges
    #[arg(long, short)]
    verbose: bool,
}

/// `--fail-on target` without one.
const NO_TARGET: &str = "--fail-on target: there is no target; give --target or [[target]] in whyslow.toml";

/// What makes the program end with 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// A finding
    Finding,
    /// A missed target
    Target,
}

pub(super) fn endpoint_glob(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(canonical(text))
}

fn outputs() -> PossibleValuesParser {
    PossibleValuesParser::new(OUTPUTS.iter().map(|output| output.name))
}

/// Diagnoses files.
pub(crate) fn execute(command: Command) -> anyhow::Result<Outcome> {
    let settings = settings(&command.options)?;
    #[cfg(feature = "client")]
    if let Some(fetched) = command.from.fetch()? {
        let request = command.options.reading.request(settings, command.from.again());
        return diagnose(&command.options, &request, fetched.inputs, fetched.notes);
    }
    let log_form = command.logs.given();
    let given = profiles::Given::of(&command.paths, &command.profiles)?;
    let request = command
        .options
        .reading
        .request(settings, again(&command.paths, &command.profiles, log_form.as_ref()));
    let request = Request { log_form, show_values: command.show_values, sampled: given.sampled, ..request };
    if command.since.since_last && command.anonymize.is_some() {
        return Err(UsageError(WHOLE_COPIES.to_owned()).into());
    }
    if command.since.since_last {
        return since_last::diagnose(&command.since, &command.options, &request, &given.others);
    }
    let Some(folder) = &command.anonymize else {
        let inputs = Input::of_paths(&given.others).map_err(UsageError)?;
        return told(&command, &request, inputs, given.notes);
    };
    let kept = anonymize::Kept::of(&given.others)?;
    anonymize::write(&kept.paths, folder)?;
    told(&command, &request, kept.inputs()?, given.notes)
}

/// Copies hold whole logs, so that what is told of them is what is told of the logs.
const WHOLE_COPIES: &str = "--anonymize copies whole logs, and --since-last reads what came since the last time: run one after \
                            the other";

fn told(
    command: &Command,
    request: &Request,
    inputs: Vec<Input>,
    notes: Vec<String>,
) -> anyhow::Result<Outcome> {
    if command.compare {
        return compare::compare(&command.options, request, inputs);
    }
    #[cfg(feature = "postgres")]
    let (inputs, notes) = {
        let (inputs, of_server) = command.live.with(inputs)?;
        (inputs, [notes, of_server].concat())
    };
    diagnose(&command.options, request, inputs, notes)
}

/// The command that reads the same places again, where a new recording lies by then.
fn again(paths: &[PathBuf], profiles: &[PathBuf], log_form: Option<&LogForms>) -> String {
    let form = log_form.map_or_else(Vec::new, LogForms::options).into_iter().map(|word| quoted(&word));
    let paths = paths.iter().map(|path| quoted(&path.to_string_lossy()));
    let profiles = profiles.iter().map(|path| format!("--profile {}", quoted(&path.to_string_lossy())));
    let words: Vec<String> = form.chain(paths).chain(profiles).collect();
    if words.is_empty() {
        // An address may hold a password.
        return "whyslow diagnose --db ADDRESS  # after the change".to_owned();
    }
    format!("whyslow diagnose {}  # of a new recording", words.join(" "))
}

/// Diagnoses what was received as a stream of length-prefixed messages.
#[cfg(feature = "receiver")]
pub(crate) fn report(options: &Options, messages: std::fs::File, again: String) -> anyhow::Result<Outcome> {
    let received = Input::Stream { name: "what was received".into(), stream: Box::new(messages) };
    let request = options.reading.request(settings(options)?, again);
    diagnose(options, &request, vec![received], Vec::new())
}

/// Diagnoses a recording that has goals of its own, unless others are given.
pub(super) fn recorded(
    options: &Options,
    recording: &'static [u8],
    target: Target,
) -> anyhow::Result<Outcome> {
    let targets = match options.targets.is_empty() {
        true => vec![target],
        false => options.targets.clone(),
    };
    let input = Input::Stream { name: "the recording".into(), stream: Box::new(recording) };
    let settings = Settings { targets, ..Settings::default() };
    let request = options.reading.request(settings, "whyslow run -- COMMAND".to_owned());
    diagnose(options, &request, vec![input], Vec::new())
}

/// Diagnoses inputs; `notes` are what is known of them already.
fn diagnose(
    options: &Options,
    request: &Request,
    inputs: Vec<Input>,
    notes: Vec<String>,
) -> anyhow::Result<Outcome> {
    if options.fail_on == Some(FailOn::Target) && request.settings.targets.is_empty() {
        return Err(UsageError(NO_TARGET.to_owned()).into());
    }
    let destination = Destination::open(options.output.as_deref())?;
    let mut report = judged(inputs, request)?;
    report.notes.extend(notes);
    keep(&report);
    warn_of_unused_acceptances(&request.settings, &report);
    let told =
        narrow::narrow(&report, options.endpoint.as_deref(), options.top.map(std::num::NonZeroUsize::get));
    let show = options.show.map(std::num::NonZeroUsize::get);
    let style = Style { verbose: options.verbose, show, ..Style::default() };
    if let Some(show) = show.filter(|show| !is_numbered(&told, &style, *show)) {
        say(format_args!(
            "error: there is no finding {show}; without --show all are listed with their numbers"
        ));
        return Ok(Outcome::CannotMeasure);
    }
    destination.write(output(options).write, &told, style)?;
    if let Some(glob) = options.endpoint.as_ref().filter(|_| told.endpoints.is_empty()) {
        say(format_args!("error: no endpoint fits {glob}; {}", nearest(glob, &report.endpoints)));
        return Ok(Outcome::CannotMeasure);
    }
    Ok(match options.fail_on {
        Some(FailOn::Finding) => {
            gate::on_findings(&narrow::narrow(&report, options.endpoint.as_deref(), None))
        }
        Some(FailOn::Target) => gate::on_targets(&request.settings, &report),
        None => Outcome::Done,
    })
}

/// Keeps the report for `whyslow next`, where that is in use.
fn keep(report: &Report) {
    let Ok(root) = project::root() else { return };
    let mut text = Vec::new();
    let json = OUTPUTS.iter().find(|output| output.name == "json");
    let written = json.filter(|_| Local::is_begun(&root)).map(|json| {
        (json.write)(report, &Style::default(), &mut text).and_then(|()| Diagnosis::keep(&root, &text))
    });
    if let Some(Err(error)) = written {
        say(format_args!("warning: cannot keep the diagnosis for whyslow next: {error}"));
    }
}

fn output(options: &Options) -> &'static Output {
    OUTPUTS.iter().find(|output| output.name == options.format).unwrap_or(&OUTPUTS[0])
}

/// Reads and judges, with progress on a terminal.
fn judged(inputs: Vec<Input>, request: &Request) -> Result<Report, diagnosis::Error> {
    progress::shown(|progress| diagnosis::diagnose(inputs, request, progress))
}

fn settings(options: &Options) -> anyhow::Result<Settings> {
    let mut settings = options.reading.settings()?;
    settings.targets.extend(options.targets.iter().cloned());
    Ok(settings)
}

/// Whether a page for people has a finding of this number.
fn is_numbered(report: &Report, style: &Style, number: usize) -> bool {
    report::numbered(report, style).iter().any(|(known, _)| *known == number)
}

fn warn_of_unused_acceptances(settings: &Settings, report: &Report) {
    let used = |acceptance: &&detectors::settings::Acceptance| {
        report.findings.iter().any(|finding| acceptance.covers(finding))
    };
    for acceptance in settings.accepted.iter().filter(|acceptance| !used(acceptance)) {
        let named = [&acceptance.finding, &acceptance.detector, &acceptance.endpoint, &acceptance.shape];
        let named: Vec<&str> = named.into_iter().filter_map(|part| part.as_deref()).collect();
        say(format_args!("warning: accepted, but not found (any more): {}", named.join(" ")));
    }
}

#[cfg(test)]
#[allow(dead_code, reason = "tests of the outputs use the rest")]
#[path = "../../tests/samples/mod.rs"]
mod samples;

#[cfg(test)]
mod tests {
    use super::*;
    use detectors::finding::Confidence;
    use detectors::settings::Metric;

    fn ids(report: &Report) -> Vec<&str> {
        report.findings.iter().map(|finding| finding.id.as_str()).collect()
    }

    #[test]
    fn an_endpoint_keeps_what_concerns_it() {
        let cart = narrow::narrow(&samples::full(), Some("GET /cart"), None);
        assert_eq!(cart.endpoints.len(), 1);
        assert_eq!(ids(&cart), ["pool-starvation-0c0d"], "it makes GET /cart wait");
        assert_eq!(cart.dismissed.len(), 1);
        assert_eq!(cart.notes.last().map(String::as_str), Some("1 of 4 endpoints, as asked for"));
        assert_eq!(narrow::narrow(&samples::full(), Some("*"), None), samples::full());
        assert!(narrow::narrow(&samples::full(), Some("nothing"), None).endpoints.is_empty());
    }

    #[test]
    fn commands_can_be_copied() {
        let paths = ["traces.json", "a b/it's", "-"].map(PathBuf::from);
        assert_eq!(
            again(&paths, &[], None),
            r"whyslow diagnose traces.json 'a b/it'\''s' -  # of a new recording"
        );
    }

    #[test]
    fn joint_results_end_where_the_findings_end() {
        let first = narrow::narrow(&samples::full(), None, Some(1));
        assert_eq!(ids(&first), ["n-plus-one-3f9a", "slow-query-beef"], "what is accepted stays");
        assert_eq!(first.endpoints[0].after_fixes.len(), 1);
        assert_eq!(first.notes.last().map(String::as_str), Some("4 more findings, left out as asked for"));
        assert_eq!(narrow::narrow(&samples::full(), None, Some(4)), samples::full());
    }

    #[test]
    fn one_cause_at_several_endpoints_counts_once() {
        let first = narrow::narrow(&samples::one_cause_at_many_endpoints(), None, Some(1));
        let causes: Vec<&str> = first.findings.iter().map(|finding| finding.cause.as_str()).collect();
        assert_eq!(causes, ["c5e55"; 9]);
        let told = "1 more finding, left out as asked for";
        assert_eq!(first.notes.last().map(String::as_str), Some(told));
    }

    #[test]
    fn findings_fail_unless_they_are_accepted_or_leads() {
        let mut report = samples::full();
        assert_eq!(gate::on_findings(&report), Outcome::Failed);
        report.findings.retain(|finding| finding.accepted.is_some() || finding.confidence == Confidence::Low);
        assert_eq!(report.findings.len(), 2);
        assert_eq!(gate::on_findings(&report), Outcome::Done);
    }

    #[test]
    fn targets_fail_when_missed_and_are_no_success_when_unknown() {
        let target = |endpoint: &str| {
            let endpoint = endpoint.to_owned();
            Settings {
                targets: vec![Target { service: None, endpoint, metric: Metric::P99, max_ns: 1 }],
                ..Settings::default()
            }
        };
        assert_eq!(gate::on_targets(&target("GET /orders"), &samples::full()), Outcome::Failed);
        let few = samples::few_requests();
        assert_eq!(gate::on_targets(&target("GET /orders"), &few), Outcome::CannotMeasure);
        let mut met = samples::full();
        met.endpoints.remove(0);
        assert_eq!(gate::on_targets(&target("GET /cart"), &met), Outcome::Done);
        assert_eq!(gate::on_targets(&target("GET /cart/"), &met), Outcome::CannotMeasure);
    }
}
