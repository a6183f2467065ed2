//! Events by thread, until all are there: they come in any order.

use rustc_hash::FxHashMap;

use super::events::{Event, Named, Position};
use super::recordings::Recordings;
use crate::formats::json;
use crate::formats::timeline::Timeline;
use crate::limits::VALUE_EXACT_MAX;
use crate::{Frame, FrameId, Kind, Measure, NodeId, Place, Profile, Unit};

/// Process and thread.
type Key = (Box<str>, Box<str>);

/// The latest time, and the longest, in microseconds: 285 years, beyond which they are no longer told exactly.
const TIME_MAX: f64 = VALUE_EXACT_MAX;

const NO_TIME: &str = "an event without a time, or of one that cannot be";

#[derive(Default)]
pub(super) struct Threads<'j> {
    /// In the order in which they are met.
    threads: Vec<(Key, Vec<Call>)>,
    numbers: FxHashMap<Key, usize>,
    /// Names by key; those of processes have no thread.
    names: FxHashMap<Key, Box<str>>,
    sampled: Recordings<'j>,
    measure: Option<usize>,
}

/// The begin or the end of a call, or both.
struct Call {
    at: f64,
    what: What,
    frame: Option<FrameId>,
    place: Option<Place>,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Begin,
    End,
    /// With how long it takes.
    Whole(f64),
}

impl<'j> Threads<'j> {
    pub(super) fn add(&mut self, event: &Event<'j>, place: Option<Place>, profile: &mut Profile) {
        let name = event.name.as_deref().unwrap_or_default();
        match (&*event.ph, name) {
            ("M", "process_name" | "thread_name") => self.name(event, name),
            (_, "Profile" | "ProfileChunk") if self.sampled.add(event) => {}
            ("B", _) => self.call(event, What::Begin, place, profile),
            ("E", _) => self.call(event, What::End, place, profile),
            ("X", _) => match event.dur {
                Some(duration) if duration > TIME_MAX => profile.skipped.add(NO_TIME, place),
                Some(duration) if duration >= 0.0 => self.call(event, What::Whole(duration), place, profile),
                _ => profile.skipped.add("an event that takes no time", place),
            },
            _ => {}
        }
    }

    fn name(&mut self, event: &Event<'_>, what: &str) {
        let Some(named) = event.args::<Named<'_>>() else { return };
        let (process, thread) = key(event);
        let thread = if what == "process_name" { "".into() } else { thread };
        self.names.insert((process, thread), named.name.into());
    }

    fn call(&mut self, event: &Event<'_>, what: What, place: Option<Place>, profile: &mut Profile) {
        let Some(at) = time(event, place, profile) else { return };
        let name = event.name.as_deref().filter(|name| !name.is_empty());
        let frame = match (name, what) {
            (None, What::End) => None,
            (name, _) => Some(profile.frames.intern(frame(name.unwrap_or("(no name)"), event))),
        };
        let key = key(event);
        let threads = &mut self.threads;
        let number = *self.numbers.entry(key.clone()).or_insert_with(|| {
            threads.push((key, Vec::new()));
            threads.len() - 1
        });
        self.threads[number].1.push(Call { at: at * 1e3, what, frame, place });
        profile.records += 1;
    }

    /// All events are there.
    pub(super) fn end(mut self, profile: &mut Profile) {
        let are_several = self.threads.windows(2).any(|pair| pair[0].0.0 != pair[1].0.0);
        for (key, calls) in std::mem::take(&mut self.threads) {
            let root = self.root(&key, are_several, profile);
            let Some(measure) = self.measure(profile) else { return };
            run(calls, Timeline::of(root, measure, f64::NEG_INFINITY), profile);
        }
        self.sampled.end(profile);
    }

    fn measure(&mut self, profile: &mut Profile) -> Option<usize> {
        self.measure = self.measure.or_else(|| profile.measure(Measure::new("duration", Unit::Nanoseconds)));
        self.measure
    }

    /// The node of a thread, below that of its process where there are several.
    fn root(&self, key: &Key, are_several: bool, profile: &mut Profile) -> NodeId {
        let process = (key.0.clone(), "".into());
        let mut node = NodeId::ROOT;
        if are_several {
            node = self.node(node, &process, "process", &key.0, profile);
        }
        if self.numbers.len() > 1 {
            node = self.node(node, key, "thread", &key.1, profile);
        }
        node
    }

    fn node(&self, above: NodeId, key: &Key, what: &str, number: &str, profile: &mut Profile) -> NodeId {
        let number = number.trim_matches('"');
        let name = match self.names.get(key) {
            Some(name) => name.clone(),
            None => format!("{what} {number}").into(),
        };
        let frame = profile.frames.intern(Frame { kind: Some(Kind::Thread), ..Frame::named(&name) });
        profile.tree.child(above, frame)
    }
}

fn key(event: &Event<'_>) -> Key {
    let raw = |value: Option<&serde_json::value::RawValue>| value.map_or("", |value| value.get()).into();
    (raw(event.pid), raw(event.tid))
}

/// When an event was, in microseconds; `None` where it cannot have been then.
fn time(event: &Event<'_>, place: Option<Place>, profile: &mut Profile) -> Option<f64> {
    let at = event.ts.filter(|at| at.abs() <= TIME_MAX);
    match at {
        None => profile.skipped.add(NO_TIME, place),
        Some(..0.0) => profile.noticed.add("events before time 0, taken as they are", place),
        Some(_) => {}
    }
    at
}

fn frame(name: &str, event: &Event<'_>) -> Frame {
    let position = event.args::<Position<'_>>();
    let line = position.as_ref().and_then(|position| position.line).and_then(json::line);
    Frame {
        file: json::text(position.as_ref().map(|position| &*position.filename)),
        line,
        ..Frame::named(name)
    }
}

/// Goes through the calls of a thread in the order of time.
fn run(mut calls: Vec<Call>, mut timeline: Timeline, profile: &mut Profile) {
    calls.sort_by(|one, other| one.at.total_cmp(&other.at));
    calls.chunk_by_mut(|one, other| one.at == other.at).for_each(longest_first);
    let Some(first) = calls.first() else { return };
    timeline.start(first.at);
    for call in &calls {
        match (call.what, call.frame) {
            (What::Begin, Some(frame)) => timeline.begin(frame, call.at, f64::INFINITY, call.place, profile),
            (What::Whole(duration), Some(frame)) => {
                timeline.begin(frame, call.at, call.at + duration * 1e3, call.place, profile);
            }
            (_, frame) => timeline.end(frame, call.at, call.place, profile),
        }
    }
    let end = calls.last().map_or(0.0, |call| call.at);
    timeline.finish(end, "calls that do not end, ended with the last event", profile);
}

/// Of whole calls that begin at the same time the longest is the outermost. Others stay where they are.
fn longest_first(calls: &mut [Call]) {
    let is_whole = |call: &Call| matches!(call.what, What::Whole(_));
    if calls.iter().all(is_whole) {
        let duration = |call: &Call| if let What::Whole(duration) = call.what { duration } else { 0.0 };
        calls.sort_by(|one, other| duration(other).total_cmp(&duration(one)));
    }
}
