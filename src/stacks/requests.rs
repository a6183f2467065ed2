//! Traces and logs as stacks: an endpoint, its operations, and the requests that these call.

use detectors::comparison::without_passing_ports;
use detectors::evidence::Dictionary;
use detectors::evidence::trace::Waits;
use detectors::figures::counted;
use detectors::settings::matches_glob;
use detectors::stacks::{StackNode, Stacks, Step};
use profiles::{Frame, Measure, NodeId, Profile, Unit};
use rustc_hash::FxHashMap;

use crate::diagnosis::{self, Progress, Request, gather, notes_of};
use crate::ingest::Input;

/// Which requests are shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chosen {
    /// Of endpoints that fit this glob only, also of those that other requests wait for.
    pub endpoint: Option<String>,
    /// The slowest of each endpoint only: so many per cent of its requests, and those that took about as long as the
    /// fastest of these (times are kept to 12 %).
    pub slowest: Option<f64>,
}

/// Why there are no stacks.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The inputs cannot be read, or nothing usable is in them.
    #[error(transparent)]
    Diagnosis(#[from] diagnosis::Error),
    /// No endpoint fits what was asked for.
    #[error("no endpoint fits {glob}; seen: {seen}")]
    NoEndpoint {
        /// What was asked for.
        glob: String,
        /// Some endpoints that there are.
        seen: String,
    },
}

/// Endpoints that are named where none fits.
const SEEN_MAX: usize = 5;

/// Reads traces and logs, in any order, and gives the stacks of their requests by three measures: time on the critical path,
/// which sums to the durations of requests; time of all work, whoever waits for it; and how many operations there are. What was
/// noticed while reading is in [`Profile::noticed`].
///
/// # Errors
///
/// As [`diagnosis::diagnose`], and when no endpoint is one that was asked for.
pub fn of_requests(
    inputs: Vec<Input>,
    request: &Request,
    chosen: &Chosen,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Profile, Error> {
    let read = gather::<Stacks>(inputs, request, progress)?;
    let kept = kept(read.gathered.nodes(), chosen, &read.dictionary)?;
    let mut profile = profile(read.gathered.nodes(), &kept, &read.dictionary);
    if read.gathered.is_full() {
        let told = "more different stacks than are kept: further ones are counted where they begin to be new";
        profile.noticed.add(told.to_owned(), None);
    }
    for note in notes_of(&read).into_iter().chain(plans_in(&read.dictionary)) {
        profile.noticed.add(note, None);
    }
    Ok(profile)
}

/// How many statements have plans in the logs, which are drawn apart.
fn plans_in(dictionary: &Dictionary) -> Option<String> {
    let statements = dictionary.plans().statements() as u64;
    (statements > 0).then(|| {
        format!("plans of {} are in the logs, which --plans draws", counted(statements, "statement"))
    })
}

/// Which stacks are shown: those that begin with a request that is chosen, wherever it stands. Requests that others wait for are
/// within the slowest if these are.
fn kept(nodes: &[StackNode], chosen: &Chosen, dictionary: &Dictionary) -> Result<Vec<bool>, Error> {
    let fits = |node: &StackNode| match (&chosen.endpoint, node.step.endpoint()) {
        (Some(glob), Some(key)) => matches_glob(glob, &key.name.text(dictionary)),
        _ => true,
    };
    let requests = || nodes.iter().filter(|node| node.step.endpoint().is_some());
    if let Some(glob) = chosen.endpoint.as_ref().filter(|_| !requests().any(&fits)) {
        let seen = seen(requests(), dictionary);
        return Err(Error::NoEndpoint { glob: glob.clone(), seen });
    }
    let roots = || nodes.iter().filter(|node| matches!(node.step, Step::Request(..)));
    let floors = chosen.slowest.map(|per_cent| floors(roots(), per_cent));
    let is_slow = |node: &StackNode| match (&floors, node.step) {
        (Some(floors), Step::Request(key, bucket)) => floors.get(&key).is_none_or(|floor| bucket >= *floor),
        _ => true,
    };
    let (mut slow, mut kept) = (vec![true; nodes.len()], vec![false; nodes.len()]);
    for (place, node) in nodes.iter().enumerate().skip(1) {
        let above = node.above as usize;
        slow[place] = slow[above] && is_slow(node);
        kept[place] = kept[above] || slow[place] && node.step.endpoint().is_some() && fits(node);
    }
    Ok(kept)
}

fn seen<'n>(roots: impl Iterator<Item = &'n StackNode>, dictionary: &Dictionary) -> String {
    let mut names: Vec<String> =
        roots.filter_map(|node| node.step.endpoint()).map(|key| key.name.text(dictionary)).collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(SEEN_MAX);
    names.truncate(SEEN_MAX);
    let names = names.join(", ");
    if more == 0 { names } else { format!("{names} and {more} more") }
}

/// The bucket of durations of each endpoint with which its slowest requests begin.
fn floors<'n>(
    roots: impl Iterator<Item = &'n StackNode>,
    per_cent: f64,
) -> FxHashMap<detectors::docket::EndpointKey, u16> {
    let mut buckets: FxHashMap<_, Vec<(u16, u64)>> = FxHashMap::default();
    for node in roots {
        if let Step::Request(key, bucket) = node.step {
            buckets.entry(key).or_default().push((bucket, node.own.times));
        }
    }
    let floor = |mut buckets: Vec<(u16, u64)>| {
        buckets.sort_unstable();
        let all: u64 = buckets.iter().map(|(_, times)| times).sum();
        let mut wanted = (all as f64 * per_cent / 100.0).ceil().max(1.0);
        let reached = buckets.iter().rev().find(|(_, times)| {
            wanted -= *times as f64;
            wanted <= 0.0
        });
        reached.map_or(0, |(bucket, _)| *bucket)
    };
    buckets.into_iter().map(|(key, buckets)| (key, floor(buckets))).collect()
}

fn profile(nodes: &[StackNode], kept: &[bool], dictionary: &Dictionary) -> Profile {
    let mut profile = Profile::new("requests");
    let measures = [
        Measure::new("critical path", Unit::Nanoseconds),
        Measure::new("all work", Unit::Nanoseconds),
        Measure::new("operations", Unit::Count),
    ]
    .map(|measure| profile.measure(measure));
    let mut places = vec![NodeId::ROOT; nodes.len()];
    for (place, node) in nodes.iter().enumerate().skip(1).filter(|(place, _)| kept[*place]) {
        let frame = profile.frames.intern(frame(node.step, dictionary));
        // What is not shown above a request that is chosen has no place but the root.
        let below = profile.tree.child(places[node.above as usize], frame);
        places[place] = below;
        let own = [node.own.path_ns, node.own.work_ns, node.own.times];
        for (measure, value) in measures.iter().zip(own) {
            if let Some(measure) = measure {
                profile.tree.add(below, *measure, value as f64);
            }
        }
        if !kept[node.above as usize] {
            profile.records += node.own.times;
        }
    }
    profile
}

/// A step under its name without values, and what its time is spent on.
fn frame(step: Step, dictionary: &Dictionary) -> Frame {
    let text = step.text(dictionary);
    let name = without_passing_ports(&text);
    // In place of a file: what tells statements apart that look the same, and is in reports, too; with a port it is another in
    // each run.
    let shape = step.shape(dictionary).filter(|_| name == text);
    Frame { module: Some(spent_on(step.waits()).into()), file: shape.map(Into::into), ..Frame::named(&name) }
}

/// In words.
fn spent_on(waits: Waits) -> &'static str {
    match waits {
        Waits::Database => "database",
        Waits::Cache => "cache",
        Waits::Call => "calls to other services",
        Waits::Pool => "waiting for a connection",
        Waits::Lock => "waiting for a lock",
        Waits::Own => "own code",
    }
}
