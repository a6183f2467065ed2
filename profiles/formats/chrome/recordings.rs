//! V8's samples among the events of a trace: parts, in any order.

use rustc_hash::FxHashMap;

use super::events::{Data, Event, Sampled};
use crate::Profile;
use crate::formats::v8::samples::{Node, Samples};
use crate::formats::v8::times::Times;

/// Parts by the process and number of their profile.
#[derive(Default)]
pub(super) struct Recordings<'j> {
    /// In the order in which they are met.
    recordings: Vec<Vec<Part<'j>>>,
    numbers: FxHashMap<(&'j str, &'j str), usize>,
}

struct Part<'j> {
    at: f64,
    data: Data<'j>,
}

impl<'j> Recordings<'j> {
    /// Takes an event, if it is a part.
    pub(super) fn add(&mut self, event: &Event<'j>) -> bool {
        let Some(Sampled { data }) = event.args() else { return false };
        let text = |value: Option<&'j serde_json::value::RawValue>| value.map_or("", |value| value.get());
        let recordings = &mut self.recordings;
        let number = *self.numbers.entry((text(event.pid), text(event.id))).or_insert_with(|| {
            recordings.push(Vec::new());
            recordings.len() - 1
        });
        self.recordings[number].push(Part { at: event.ts.unwrap_or(0.0), data });
        true
    }

    /// All parts are there.
    pub(super) fn end(self, profile: &mut Profile) {
        for mut parts in self.recordings {
            parts.sort_by(|one, other| one.at.total_cmp(&other.at));
            add(&parts, profile);
        }
    }
}

/// Adds the parts of one profile.
fn add(parts: &[Part<'_>], profile: &mut Profile) {
    let nodes: Vec<&Node<'_>> =
        parts.iter().filter_map(|part| part.data.cpu_profile.as_ref()).flat_map(|part| &part.nodes).collect();
    let mut samples = Samples::new(profile);
    samples.nodes(&nodes, profile);
    let start = parts.iter().find_map(|part| part.data.start_time);
    let mut times = Times::from(start.unwrap_or(0.0));
    for Part { data, .. } in parts {
        let Some(part) = &data.cpu_profile else { continue };
        let deltas = if data.time_deltas.is_empty() { &part.deltas } else { &data.time_deltas };
        times.later(&part.samples, deltas, profile);
    }
    samples.times(times.timed(), None, profile);
}
