//! From inputs to a report: read, group, inspect, judge.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::{io, mem};

use detectors::analysis::{Analysis, Gathers};
use detectors::docket::Docket;
use detectors::evidence::plan::Plan;
use detectors::evidence::sampled::SampledProfiles;
use detectors::evidence::shape::fold::{Fold, fold};
use detectors::evidence::{Dictionary, Examples, ShapeRef};
use detectors::figures::counted;
use detectors::finding::{self, Report};
use detectors::judge::judge;
use detectors::plans::{self as plan_rules, KnownPlan, KnownPlans};
use detectors::queries::{Measured, Queries};
use detectors::settings::{Settings, Target};
use rustc_hash::FxHashMap;

use crate::ingest::grouping::{Counts, Grouping, Part};
use crate::ingest::skipped::Skipped;
use crate::ingest::texts::KeptText;
use crate::ingest::{self, IngestError, Input, LogForms, ReadSummary};
use crate::logged_plans::{self, LoggedPlan};
use crate::settings_file::endpoint::nearest;

/// Per cent of the memory that spans may take; the rest is for texts, skeletons and blocks.
const SPANS_SHARE: u64 = 25;

/// Inputs whose problems are told one by one; a folder may hold thousands of other files.
const PROBLEMS_MAX: usize = 5;

/// How evidence is diagnosed.
#[derive(Debug)]
pub struct Request {
    /// Goals, thresholds and accepted findings.
    pub settings: Settings,
    /// Records beyond it go to temporary files.
    pub memory_bytes: u64,
    /// Threads that read and inspect.
    pub threads: usize,
    /// The command that repeats this diagnosis after a fix.
    pub command: String,
    /// What logs do not tell.
    pub log_form: Option<LogForms>,
    /// Show an execution of statements in logs with its values.
    pub show_values: bool,
    /// What profilers saw of the services.
    pub sampled: SampledProfiles,
}

/// How far a diagnosis is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read so far, as they are stored.
    pub bytes: u64,
    /// Bytes of all inputs; `None` where an input has no known end.
    pub bytes_total: Option<u64>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The inputs cannot be read.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// Nothing in the inputs could be read.
    #[error("nothing usable in {inputs}: {reason}")]
    NothingUsable {
        /// What was read.
        inputs: String,
        /// What was found instead.
        reason: String,
    },
    /// Spans beyond the memory cannot be kept.
    #[error("cannot keep spans in a temporary file (TMPDIR says where): {0}")]
    Spill(#[source] io::Error),
    /// More different statements than can be compared.
    #[error(
        "more than a million pairs of endpoint and statement: nothing can be compared; are values part of endpoint names?"
    )]
    TooManyStatements,
}

/// Reads all inputs, in any order, and says what is slow. `progress` is called now and then, from
/// any thread.
///
/// # Errors
///
/// When an input that was named cannot be read, when there is no usable record in any of them, or
/// when temporary files cannot be written.
pub fn diagnose(
    inputs: Vec<Input>,
    request: &Request,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Report, Error> {
    let mut read = read::<Docket>(inputs, request, false, progress)?;
    let mut docket = mem::take(&mut read.gathered);
    report(&mut docket, read, request)
}

/// Says what is slow, and counts the statements of each request, in one reading.
///
/// # Errors
///
/// As [`diagnose`] and [`count`].
pub fn diagnose_and_count(
    inputs: Vec<Input>,
    request: &Request,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<(Report, Measured), Error> {
    let mut read = read::<(Docket, Queries)>(inputs, request, false, progress)?;
    let (mut docket, queries) = mem::take(&mut read.gathered);
    let measured = queries.measured(&read.dictionary).ok_or(Error::TooManyStatements)?;
    Ok((report(&mut docket, read, request)?, measured))
}

/// The report of what was gathered.
fn report<G>(docket: &mut Docket, read: Read<G>, request: &Request) -> Result<Report, Error> {
    let mut report = judge(docket, &read.dictionary, &request.settings, &request.command);
    if is_empty(&report) && is_of_databases(&read.summary) {
        return Err(nothing_usable(&read.summary, &[]));
    }
    report.seen.spans = read.counts.spans - read.counts.duplicates - read.counts.lost;
    report.skipped = skipped(&read.summary.skipped);
    report.notes.extend(notes(&read.summary, &read.counts));
    report.notes.extend(read.plans_unread);
    report.notes.extend(unused_targets(&request.settings, &report));
    if request.show_values {
        report.notes.extend(notes_of_values(read.dictionary.examples()));
    }
    Ok(report)
}

/// What one request of each endpoint sends.
#[derive(Debug)]
pub struct Counted {
    /// The counts.
    pub measured: Measured,
    /// Records that could not be read.
    pub skipped: finding::Skipped,
    /// Inputs with problems, and the like.
    pub notes: Vec<String>,
}

/// Reads all inputs, in any order, and counts the statements of each request.
///
/// # Errors
///
/// As [`diagnose`], and when there are too many different statements.
pub fn count(
    inputs: Vec<Input>,
    request: &Request,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Counted, Error> {
    let read = gather::<Queries>(inputs, request, progress)?;
    let measured = read.gathered.measured(&read.dictionary).ok_or(Error::TooManyStatements)?;
    let (skipped, notes) = (skipped(&read.summary.skipped), notes(&read.summary, &read.counts));
    Ok(Counted { measured, skipped, notes })
}

/// Reads as [`count`] does, and gathers whatever is asked for.
pub(crate) fn gather<G: Gathers + Send>(
    inputs: Vec<Input>,
    request: &Request,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Read<G>, Error> {
    let read = read::<G>(inputs, request, false, progress)?;
    match read.summary.spans {
        0 => Err(nothing_usable(&read.summary, &[])),
        _ => Ok(read),
    }
}

/// What was gathered from all inputs.
pub(crate) struct Read<G> {
    pub(crate) gathered: G,
    pub(crate) dictionary: Dictionary,
    summary: ReadSummary,
    counts: Counts,
    /// What to say of plans in logs that show nothing.
    plans_unread: Vec<String>,
    /// Plans of statements and whole texts, where these are to be kept.
    pub(crate) plans: FxHashMap<ShapeRef, Plan>,
    pub(crate) texts: FxHashMap<ShapeRef, KeptText>,
}

/// What there is to know of what was read.
pub(crate) fn notes_of<G>(read: &Read<G>) -> Vec<String> {
    let mut notes = notes(&read.summary, &read.counts);
    let skipped = &read.summary.skipped;
    if skipped.records > 0 {
        notes.push(format!("{} could not be read", counted(skipped.records, "record")));
    }
    notes.extend(read.plans_unread.iter().cloned());
    notes
}

/// Reads as [`diagnose`] does, and keeps whole texts and plans of statements instead of what these show.
pub(crate) fn read_whole<G: Gathers + Send>(
    inputs: Vec<Input>,
    request: &Request,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Read<G>, Error> {
    read(inputs, request, true, progress)
}

fn read<G: Gathers + Send>(
    inputs: Vec<Input>,
    request: &Request,
    is_whole: bool,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Read<G>, Error> {
    let dictionary = Mutex::new(Dictionary::default());
    let grouping = Grouping::new(spans_bytes(request.memory_bytes));
    let options = ingest::Options {
        threads: request.threads,
        values_key: RandomState::new().hash_one(0),
        log_form: request.log_form.clone(),
        show_values: request.show_values,
        keep_texts: is_whole,
    };
    let sink = |spans: &mut Vec<_>| {
        let shapes_bytes = dictionary.lock().unwrap_or_else(PoisonError::into_inner).shapes_bytes();
        grouping.limit(spans_bytes_beside(request.memory_bytes, shapes_bytes));
        grouping.add(spans)
    };
    let told = |bytes, bytes_total| progress(Progress { bytes, bytes_total });
    let names: Vec<String> = inputs.iter().map(Input::name).collect();
    let mut summary = ingest::read(inputs, &options, &dictionary, &sink, &told)?;
    // Logs of servers tell more than statements.
    let is_counted = summary.events.tells_of_poolers() || !summary.statistics.is_empty();
    if summary.spans == 0 && !is_counted && !is_of_databases(&summary) {
        return Err(nothing_usable(&summary, &names));
    }
    let mut dictionary = dictionary.into_inner().unwrap_or_else(PoisonError::into_inner);
    let fold = fold(&mut dictionary);
    let mut events = mem::take(&mut summary.events);
    events.settle(|shape| fold.shape(shape));
    dictionary.note_server(events);
    let files = summary.inputs.iter().filter_map(|input| dictionary.find(&input.name)).collect::<Vec<_>>();
    let statistics = mem::take(&mut summary.statistics).settle(&files, |shape| fold.shape(shape));
    dictionary.note_statistics(statistics);
    dictionary.note_examples(mem::take(&mut summary.examples).settle(|shape| fold.shape(shape)));
    let (mut known, mut plans) = (KnownPlans::default(), FxHashMap::default());
    let plans_unread = logged_plans::each(
        mem::take(&mut summary.plans),
        |shape| fold.shape(shape),
        |plan| match is_whole {
            true => drop(plans.insert(plan.shape, plan.found.plan)),
            false => known.note(plan.shape, known_plan(&plan, &request.settings)),
        },
    );
    dictionary.note_plans(known);
    dictionary.note_sampled(request.sampled.clone());
    let texts = mem::take(&mut summary.texts).settle(|shape| fold.shape(shape));
    let texts = texts.map(|(shape, text)| (shape, text.kept)).collect();
    let (gathered, counts) = analyse(grouping, &dictionary, &fold, request).map_err(Error::Spill)?;
    Ok(Read { gathered, dictionary, summary, counts, plans_unread, plans, texts })
}

/// What a plan of a log shows.
fn known_plan(plan: &LoggedPlan, settings: &Settings) -> KnownPlan {
    KnownPlan { report: plan_rules::judge(&plan.found.plan, settings), line: plan.line }
}

fn spans_bytes(memory_bytes: u64) -> usize {
    usize::try_from(memory_bytes / 100 * SPANS_SHARE).unwrap_or(usize::MAX)
}

/// What spans may take beside shapes: very many different statements take room from them, but not all. What is counted
/// of each later takes as much again.
fn spans_bytes_beside(memory_bytes: u64, shapes_bytes: usize) -> usize {
    let all = spans_bytes(memory_bytes);
    all.saturating_sub(shapes_bytes * 2).max(all / 6)
}

/// Groups the spans by trace and inspects each, on as many threads as were asked for.
fn analyse<G: Gathers + Send>(
    grouping: Grouping,
    dictionary: &Dictionary,
    fold: &Fold,
    request: &Request,
) -> io::Result<(G, Counts)> {
    let (workers, counts) = grouping.finish()?.for_each(
        request.threads,
        || Analysis::new(&request.settings),
        |span| span.shape = fold.shape(span.shape),
        |one, other| dictionary.compare_texts(one, other),
        |worker: &mut Analysis<'_, G>, Part { trace, spans, more }| {
            worker.take_part(trace, spans, more, dictionary)
        },
    )?;
    let gathered = workers.into_iter().map(Analysis::into_gathered);
    let gathered = gathered.reduce(|mut merged, gathered| {
        merged.merge(gathered);
        merged
    });
    Ok((gathered.unwrap_or_default(), counts))
}

fn nothing_usable(summary: &ReadSummary, names: &[String]) -> Error {
    if summary.inputs.is_empty() {
        let reason = "there is no file in it; looked for files (no hidden ones) with OTLP traces as JSON \
                      or protobuf, plain, gzip or zstd";
        return Error::NothingUsable { inputs: names.join(", "), reason: reason.to_owned() };
    }
    let inputs = named(summary);
    let first = summary.skipped.first.first();
    let reason = match (first, summary.inputs.iter().find_map(|input| input.problem.clone())) {
        (Some(skipped), _) => {
            format!(
                "{} records skipped; {}:{}: {}{}",
                summary.skipped.records,
                skipped.file,
                skipped.line,
                skipped.reason,
                told(summary)
            )
        }
        (None, Some(problem)) => problem,
        (None, None) => without_spans(summary),
    };
    Error::NothingUsable { inputs, reason }
}

/// What was read, in a few words.
fn named(summary: &ReadSummary) -> String {
    match &summary.inputs[..] {
        [only] => only.name.clone(),
        several => format!("{} inputs", several.len()),
    }
}

/// What was told or taken for granted, behind a semicolon.
fn told(summary: &ReadSummary) -> String {
    let misfits = summary.inputs.iter().filter_map(|input| input.misfit.as_deref());
    misfits.chain(summary.remarks.iter().copied()).map(|told| format!("; {told}")).collect()
}

/// Whether nothing is told of requests or statements.
fn is_empty(report: &Report) -> bool {
    report.seen.requests == 0
        && report.logged.is_none()
        && report.server.is_none()
        && report.findings.is_empty()
        && report.dismissed.is_empty()
}

/// Whether everything that was read are logs of databases.
fn is_of_databases(summary: &ReadSummary) -> bool {
    let mut formats = summary.inputs.iter().filter_map(|input| input.format).peekable();
    formats.peek().is_some()
        && formats.all(|format| format.starts_with("postgresql") || format.starts_with("mysql"))
}

/// What is in inputs that could be read and have no span.
fn without_spans(summary: &ReadSummary) -> String {
    let formats: Vec<&str> = summary.inputs.iter().filter_map(|input| input.format).collect();
    let all = |is: fn(&str) -> bool| !formats.is_empty() && formats.iter().all(|format| is(format));
    let what = if all(|format| format.starts_with("postgresql")) {
        "it is PostgreSQL's log, and no line of it tells of a statement: log_min_duration_statement = 0 logs all of \
         them, each with its duration"
    } else if all(|format| format.starts_with("mysql")) {
        "no statement is in it"
    } else if all(|format| format.ends_with("log")) {
        "no request is in it"
    } else {
        "there is no span in it"
    };
    format!("{what}{}", told(summary))
}

fn skipped(skipped: &Skipped) -> finding::Skipped {
    let first = skipped.first.iter().map(|record| finding::SkippedRecord {
        file: record.file.to_string(),
        line: (record.line > 0).then_some(record.line),
        offset: record.offset,
        reason: record.reason.clone(),
    });
    finding::Skipped {
        records: skipped.records,
        of: skipped.records + skipped.kept,
        bytes: skipped.bytes,
        first: first.collect(),
    }
}

/// Inputs with problems, duplicates and traces beyond the memory.
fn notes(summary: &ReadSummary, counts: &Counts) -> Vec<String> {
    let problems = summary.inputs.iter().filter_map(|input| {
        let problem = input.problem.as_ref()?;
        Some(format!("{}: {problem}", input.name))
    });
    let mut notes = at_most(problems.collect(), "could not be read");
    let others = summary.inputs.iter().filter_map(|input| {
        let (lines, programs) = input.others.as_ref()?;
        let envelope = input.envelope?;
        Some(format!(
            "{}: {envelope} with {} of other programs, which are not read: {programs}",
            input.name,
            counted(*lines, "line")
        ))
    });
    notes.extend(at_most(others.collect(), "have lines that are not read"));
    let misfits =
        summary.inputs.iter().filter_map(|input| Some(format!("{}: {}", input.name, input.misfit.as_ref()?)));
    notes.extend(at_most(misfits.collect(), "have other prefixes"));
    notes.extend(summary.remarks.iter().map(|&remark| remark.to_owned()));
    if counts.duplicates > 0 {
        notes.push(format!("{} spans came more than once and count once", counts.duplicates));
    }
    if counts.incomplete > 0 {
        notes.push(format!(
            "{} traces lost spans to damage: time without spans is no evidence there",
            counts.incomplete
        ));
    }
    if counts.oversized > 0 {
        notes.push(format!("{} traces are larger than the memory they were given", counts.oversized));
    }
    notes
}

/// What has to be known of a report with values.
fn notes_of_values(examples: &Examples) -> Vec<String> {
    let shown = "values shown (--show-values): statements of logs are here as they were executed, with what is in them";
    let left_out = "values of statements that take little are left out, as there are too many statements";
    let left_out = examples.is_full().then_some(left_out);
    [Some(shown), left_out].into_iter().flatten().map(str::to_owned).collect()
}

/// The first notes of inputs, and how many more there are of inputs like these.
fn at_most(mut notes: Vec<String>, inputs: &str) -> Vec<String> {
    let more = notes.len().saturating_sub(PROBLEMS_MAX);
    if more > 0 {
        notes.truncate(PROBLEMS_MAX);
        notes.push(format!("{} {inputs}", counted(more as u64, "further input")));
    }
    notes
}

/// Targets that no endpoint fits, with the names that come nearest.
fn unused_targets(settings: &Settings, report: &Report) -> Vec<String> {
    let unused = settings.targets.iter().filter(|target| {
        !report.endpoints.iter().any(|endpoint| target.covers(&endpoint.service, &endpoint.name))
    });
    let told = unused.map(|Target { endpoint, .. }| {
        format!("a target fits no endpoint: {endpoint}; {}", nearest(endpoint, &report.endpoints))
    });
    told.collect()
}
