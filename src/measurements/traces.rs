//! Traces as runs: how long requests took at each endpoint, and what they sent, counted exactly.

use std::cmp::Reverse;
use std::io::Cursor;
use std::mem;
use std::path::Path;

use detectors::analysis::Gathers;
use detectors::docket::Found;
use detectors::evidence::sampled::SampledProfiles;
use detectors::evidence::trace::{EndpointName, NONE, Request as Served, Trace};
use detectors::evidence::{ConnectionUse, Dictionary, Status};
use detectors::queries::{Measured, PlaceKind, Queries};
use detectors::settings::Settings;
use measurement::import::Imported;
use measurement::{Histogram, Latency, Run, Sample};
use rustc_hash::FxHashMap;

use crate::diagnosis::{self, Request};
use crate::ingest::Input;

/// Spans beyond it go to temporary files.
const MEMORY_BYTES: u64 = 256 << 20;

/// Bits of a duration that are kept: it is known within a thousandth.
const BITS: u32 = 11;

/// Endpoints of a run, each with counts that take a quarter of a mebibyte: those with most requests.
const ENDPOINTS_MAX: usize = 200;

/// The run that a trace file holds, and what could not be read of it; `None` where it holds no traces.
pub(super) fn run(
    path: &Path,
    content: Vec<u8>,
) -> Result<Option<(Imported, Vec<String>)>, diagnosis::Error> {
    let stream = Box::new(Cursor::new(content));
    let input = Input::Stream { name: path.display().to_string().into(), stream };
    let mut read = match diagnosis::gather::<Timed>(vec![input], &request(), &|_| {}) {
        Ok(read) => read,
        Err(diagnosis::Error::Ingest(_) | diagnosis::Error::NothingUsable { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let notes = diagnosis::notes_of(&read);
    let timed = mem::take(&mut read.gathered);
    let mut run = timed.run(&read.dictionary);
    if run.samples.is_empty() {
        return Ok(None);
    }
    let measured = timed.queries.measured(&read.dictionary).ok_or(diagnosis::Error::TooManyStatements)?;
    run.samples.iter_mut().for_each(|(endpoint, sample)| count(&measured, endpoint, sample));
    Ok(Some((Imported { runs: vec![run], ..Imported::default() }, notes)))
}

fn request() -> Request {
    Request {
        settings: Settings::default(),
        memory_bytes: MEMORY_BYTES,
        threads: std::thread::available_parallelism().map_or(1, usize::from).min(8),
        command: String::new(),
        log_form: None,
        show_values: false,
        sampled: SampledProfiles::default(),
    }
}

/// Counts what requests of an endpoint send into its sample.
pub fn count(measured: &Measured, endpoint: &str, sample: &mut Sample) {
    let is_it = |name: &str, kind: PlaceKind| name == endpoint && kind == PlaceKind::Endpoint;
    for (_, seen) in measured.places.iter().filter(|(place, _)| is_it(&place.name, place.kind)) {
        let statements =
            || seen.statements.values().map(|seen| &seen.statement).filter(|one| one.kind.counts());
        let counts = [
            ("statements", statements().map(|one| one.max).sum::<u64>()),
            ("round_trips", statements().map(|one| one.trips).sum()),
        ];
        for (name, count) in counts {
            let known = sample.counts_milli.entry(name.to_owned()).or_default();
            *known = known.saturating_add(count.saturating_mul(1_000));
        }
    }
}

/// Durations of requests at the edge, by endpoint, and what all requests send.
#[derive(Debug, Default)]
struct Timed {
    queries: Queries,
    endpoints: FxHashMap<EndpointName, Answers>,
    /// The first start and the last end.
    ends: Option<(u64, u64)>,
}

/// Answers of an endpoint.
#[derive(Debug, Default)]
struct Answers {
    /// How often each duration came.
    durations: FxHashMap<u64, u64>,
    errors: u64,
}

impl Gathers for Timed {
    fn add(&mut self, trace: &Trace, uses: &ConnectionUse, found: &[Found], dictionary: &Dictionary) {
        self.queries.add(trace, uses, found, dictionary);
        for request in trace.requests.iter().filter(|request| is_at_the_edge(request)) {
            let answers = self.endpoints.entry(request.name).or_default();
            *answers.durations.entry(rounded(request.duration_ns())).or_default() += 1;
            answers.errors += u64::from(request.opened_by.status == Status::Error);
            self.widen(request.start_ns, request.end_ns);
        }
    }

    fn merge(&mut self, other: Self) {
        self.queries.merge(other.queries);
        for (endpoint, answers) in other.endpoints {
            let known = self.endpoints.entry(endpoint).or_default();
            known.errors += answers.errors;
            for (duration, times) in answers.durations {
                *known.durations.entry(duration).or_default() += times;
            }
        }
        if let Some((first, last)) = other.ends {
            self.widen(first, last);
        }
    }
}

/// Whether somebody outside asked, and the request was recorded.
fn is_at_the_edge(request: &Served) -> bool {
    request.caller == NONE
        && !request.guessed
        && matches!(request.name, EndpointName::Route(_) | EndpointName::Root(_))
}

/// A duration with its first bits only, so that few different ones are kept.
fn rounded(duration_ns: u64) -> u64 {
    let spare = (u64::BITS - duration_ns.leading_zeros()).saturating_sub(BITS);
    duration_ns >> spare << spare
}

impl Timed {
    fn widen(&mut self, first: u64, last: u64) {
        let (earliest, latest) = self.ends.unwrap_or((first, last));
        self.ends = Some((earliest.min(first), latest.max(last)));
    }

    fn run(&self, dictionary: &Dictionary) -> Run {
        let named = |(name, answers): (&EndpointName, _)| (name.text(dictionary), answers);
        let mut endpoints: Vec<(String, &Answers)> = self.endpoints.iter().map(named).collect();
        endpoints.sort_by_cached_key(|(name, answers)| (Reverse(answers.requests()), name.clone()));
        endpoints.truncate(ENDPOINTS_MAX);
        let mut run = Run {
            started_ms: self.ends.map(|(first, _)| first / 1_000_000),
            duration_ns: self.ends.map(|(first, last)| last - first),
            ..Run::default()
        };
        run.samples = endpoints.into_iter().map(|(name, answers)| (name, answers.sample())).collect();
        run
    }
}

impl Answers {
    fn requests(&self) -> u64 {
        self.durations.values().sum()
    }

    fn sample(&self) -> Sample {
        let mut histogram = Histogram::default();
        self.durations.iter().for_each(|(duration, times)| histogram.record_many(*duration, *times));
        Sample {
            requests: self.requests(),
            errors: Some(self.errors),
            latency: Latency::Histogram { histogram },
            ..Sample::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_kept_within_a_thousandth() {
        for duration in [0, 1, 2_047, 2_048, 1_234_567, u64::MAX] {
            let kept = rounded(duration);
            assert!(kept <= duration && duration - kept <= duration / 1_000, "{duration}: {kept}");
        }
    }
}
