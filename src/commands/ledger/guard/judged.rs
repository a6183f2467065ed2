//! Guards and what evidence says of them.

use std::collections::BTreeSet;

use detectors::finding::Endpoint;
use detectors::queries::MeasuredPlace;
use ledger::figures::value;
use ledger::undone::ends;
use ledger::{Bound, EntryId, Guard, Notes, What};
use measurement::Metric;
use serde::Serialize;

use super::evidence::Evidence;
use super::sampled;

/// A guard that is checked.
#[derive(Debug)]
pub(super) struct Watched {
    /// The entry whose guard it is.
    pub(super) entry: EntryId,
    /// The guard.
    pub(super) guard: Guard,
    /// The last day on which it may be broken, and why.
    waived: Option<(String, String)>,
}

/// What evidence says of a guard.
#[derive(Debug, Serialize)]
pub(super) struct Judged {
    /// The entry whose guard it is.
    pub(super) entry: EntryId,
    /// The guard.
    pub(super) guard: Guard,
    /// What evidence says.
    pub(super) state: State,
    /// The same in words, with numbers.
    pub(super) text: String,
    /// Whether this ends the program with 1.
    pub(super) fails: bool,
}

/// What evidence says of a guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// It is true.
    Holds,
    /// It is not.
    Broken,
    /// It seems not to be; times have to be measured again to tell.
    Unconfirmed,
    /// There is evidence, and nothing in it that it is about.
    Unmatched,
    /// There is no evidence of this kind.
    NoEvidence,
    /// It may be broken for now.
    Waived,
}

impl State {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Broken => "BROKEN",
            Self::Unconfirmed => "unconfirmed",
            Self::Unmatched => "unmatched",
            Self::NoEvidence => "no evidence",
            Self::Waived => "waived",
        }
    }
}

impl Watched {
    /// Guards of entries that hold still and touch files that are asked for; `today` as waivers write days.
    pub(super) fn of(notes: &Notes, is_asked_for: impl Fn(&str) -> bool, today: &str) -> Vec<Self> {
        let ended: BTreeSet<&EntryId> = notes.entries.iter().flat_map(ends).collect();
        let mut watched = Vec::new();
        for entry in notes.entries.iter().filter(|entry| !ended.contains(&entry.id)) {
            let Some(of) = entry.optimization() else { continue };
            // What touches no file of the repository is asked for always.
            let files = &of.change.files;
            if !files.is_empty() && !files.iter().any(|file| is_asked_for(&file.path)) {
                continue;
            }
            watched.extend(of.guards.iter().map(|guard| Self {
                entry: entry.id.clone(),
                guard: guard.clone(),
                waived: waiver(notes, &entry.id, guard, today),
            }));
        }
        watched
    }

    /// What evidence says of it.
    pub(super) fn judge(self, evidence: &Evidence) -> Judged {
        let Self { entry, guard, waived } = self;
        let (state, text) = match waived {
            Some((until, reason)) => (State::Waived, format!("until {until}: {reason}")),
            None => judge(&guard, evidence),
        };
        Judged { entry, fails: state == State::Broken, guard, state, text }
    }
}

fn waiver(notes: &Notes, id: &EntryId, guard: &Guard, today: &str) -> Option<(String, String)> {
    let waivers = notes.entries.iter().filter_map(|entry| match &entry.what {
        What::Waiver(waiver) if waiver.of == *id && waiver.guard == *guard => Some(waiver),
        _ => None,
    });
    let latest = waivers.max_by(|one, other| one.until.cmp(&other.until))?;
    (latest.until.as_str() >= today).then(|| (latest.until.clone(), latest.reason.clone()))
}

fn judge(guard: &Guard, evidence: &Evidence) -> (State, String) {
    match guard {
        Guard::Bounded { metric: Metric::Count(name), endpoint, bound } => {
            counted(name, bound, evidence.places(endpoint))
        }
        Guard::Bounded { metric, endpoint, bound } => timed(metric, bound, evidence.endpoints(endpoint)),
        Guard::ShapeAbsent { shape, endpoint } => absent(shape, endpoint.as_deref(), evidence),
        Guard::IndexUsed { index, shape } => used(index, shape.as_deref(), evidence),
        Guard::FrameAbsent { frame, endpoint } => {
            sampled::absent(frame, endpoint.as_deref(), evidence.profiles())
        }
        Guard::FrameShare { frame, bound } => {
            sampled::shared(frame, bound, evidence.profiles(), evidence.profiles_then())
        }
    }
}

fn no_evidence(of: &str) -> (State, String) {
    (State::NoEvidence, format!("nothing was seen of {of}"))
}

fn unmatched(what: &str) -> (State, String) {
    (State::Unmatched, format!("{what} was not seen"))
}

/// What one request sends, counted as by whyslow ci and whyslow measure.
fn counted(name: &str, bound: &Bound, places: Option<Vec<&MeasuredPlace>>) -> (State, String) {
    let Some(places) = places else { return no_evidence("statements") };
    let statements = |place: &MeasuredPlace| -> u64 {
        let seen = place.statements.values().map(|seen| &seen.statement).filter(|one| one.kind.counts());
        match name {
            "round_trips" => seen.map(|one| one.trips).sum(),
            _ => seen.map(|one| one.max).sum(),
        }
    };
    if !matches!(name, "statements" | "round_trips") {
        return no_evidence(&format!("{name}: traces tell statements and round_trips"));
    }
    let counts: Vec<u64> = places.into_iter().map(statements).collect();
    let Some(most) = counts.iter().max() else { return unmatched("the endpoint") };
    let holds = counts.iter().all(|count| bound.holds(count.saturating_mul(1_000)));
    (if holds { State::Holds } else { State::Broken }, format!("a request sends up to {most}"))
}

fn timed(metric: &Metric, bound: &Bound, endpoints: Option<Vec<&Endpoint>>) -> (State, String) {
    let Some(endpoints) = endpoints else { return no_evidence("latencies") };
    if endpoints.is_empty() {
        return unmatched("the endpoint");
    }
    let of = |endpoint: &&Endpoint| match metric {
        Metric::Percentile(50_000) => endpoint.latency_ns.p50,
        Metric::Percentile(95_000) => endpoint.latency_ns.p95,
        Metric::Percentile(99_000) => endpoint.latency_ns.p99,
        _ => None,
    };
    let values: Vec<u64> = endpoints.iter().filter_map(of).map(|ns| ns.saturating_mul(1_000)).collect();
    let Some(most) = values.iter().max() else {
        return no_evidence(&format!("{metric} with enough requests (p95 needs 60, p99 300)"));
    };
    match values.iter().all(|value| bound.holds(*value)) {
        true => (State::Holds, value(metric, *most)),
        false => (State::Unconfirmed, value(metric, *most)),
    }
}

fn absent(shape: &str, endpoint: Option<&str>, evidence: &Evidence) -> (State, String) {
    let Some(places) = evidence.places(endpoint.unwrap_or("*")) else { return no_evidence("statements") };
    if places.is_empty() {
        return unmatched("the endpoint");
    }
    if !evidence.knows_statements() {
        return no_evidence("the texts of statements");
    }
    let sent = places.iter().filter_map(|place| place.statements.get(shape)).map(|seen| seen.requests);
    match sent.sum::<u64>() {
        0 => (State::Holds, "no request sends it".to_owned()),
        requests => (State::Broken, format!("{requests} requests send it")),
    }
}

fn used(index: &str, shape: Option<&str>, evidence: &Evidence) -> (State, String) {
    let plans = evidence.plans();
    if plans.is_empty() {
        return no_evidence("plans: logs of auto_explain have them");
    }
    let of_shape: Vec<&str> = plans
        .iter()
        .filter(|(of, _)| shape.is_none_or(|shape| shape == *of))
        .map(|(_, outline)| *outline)
        .collect();
    let reads_by = |outline: &&&str| outline.split([',', ' ']).any(|word| word == index);
    match (of_shape.iter().filter(reads_by).count(), shape) {
        (0, Some(_)) if of_shape.is_empty() => unmatched("a plan of the statement"),
        (0, Some(_)) => (State::Broken, format!("the plan of the statement is {}", of_shape[0])),
        // Any other statement may have been planned without it.
        (0, None) => unmatched("a plan that reads by it"),
        (count, _) => (State::Holds, format!("{count} of {} plans read by it", of_shape.len())),
    }
}
