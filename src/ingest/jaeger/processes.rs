//! Which process recorded a span: known behind the spans of its trace as a rule.

use detectors::evidence::{OriginRef, TraceId, Traced};
use rustc_hash::FxHashMap;

use crate::ingest::Reading;
use crate::ingest::attributes::Key;
use crate::ingest::json::Here;
use crate::ingest::owner::{HELD_MAX, Resource, SCOPE_BYTES_MAX};
use crate::ingest::raw::{RawSpan, Value};

/// Processes and scopes of one trace, at most; further ones are not told apart.
const GROUPS_MAX: usize = 1 << 14;

/// The processes of the trace that a decoder is in, and spans that wait for theirs.
#[derive(Debug, Default)]
pub(super) struct Processes {
    described: FxHashMap<Vec<u8>, Resource>,
    groups: Vec<Group>,
    /// Numbers of groups by [`Processes::key`].
    numbers: FxHashMap<Vec<u8>, u32>,
    /// Of the span that came last.
    last_group: u32,
    held: Vec<Traced>,
    /// The group of each span that is held.
    held_groups: Vec<u32>,
    /// Some spans were let go before their process came.
    overflowed: bool,
    /// Trace of the last span in earlier blocks; zero where there is none.
    last: TraceId,
    /// Room for keys.
    key: Vec<u8>,
}

/// Spans of one instrumentation scope in one process.
#[derive(Debug)]
struct Group {
    process: Vec<u8>,
    scope: Vec<u8>,
    origin: OriginRef,
    /// The process is described, and `origin` says so.
    known: bool,
}

impl Processes {
    /// Takes what is known of a process.
    pub(super) fn describe(&mut self, id: &[u8], attributes: &[(Key, Value<'_>)]) {
        self.described.insert(id.to_vec(), Resource::of(attributes));
    }

    /// Types a span and hands it over, or holds it until its process is described.
    pub(super) fn push(
        &mut self,
        reading: &mut Reading<'_>,
        raw: &RawSpan<'_>,
        process: &[u8],
        scope: &[u8],
    ) {
        let scope = &scope[..scope.len().min(SCOPE_BYTES_MAX)];
        let number = self.group(reading, process, scope);
        let Some(Group { origin, known, .. }) = self.groups.get(number as usize) else { return };
        let span = Traced { trace: raw.trace, span: reading.typing.span(raw, *origin) };
        if *known {
            reading.spans.push(span);
            return;
        }
        if self.held.len() >= HELD_MAX {
            self.overflowed = true;
            self.settle(reading);
            reading.spans.append(&mut self.held);
            self.held_groups.clear();
        }
        self.held.push(span);
        self.held_groups.push(number);
    }

    /// The number of a process and scope; spans of one come together.
    fn group(&mut self, reading: &mut Reading<'_>, process: &[u8], scope: &[u8]) -> u32 {
        let last = self.groups.get(self.last_group as usize);
        if last.is_some_and(|group| group.process == process && group.scope == scope) {
            return self.last_group;
        }
        self.key.clear();
        self.key.extend_from_slice(process);
        // Part of no text in UTF-8.
        self.key.push(0xff);
        self.key.extend_from_slice(scope);
        self.last_group = match self.numbers.get(&self.key) {
            Some(number) => *number,
            None if self.groups.len() >= GROUPS_MAX => self.last_group,
            None => self.new_group(reading, process, scope),
        };
        self.last_group
    }

    fn new_group(&mut self, reading: &mut Reading<'_>, process: &[u8], scope: &[u8]) -> u32 {
        let described = self.described.get(process);
        let known = described.is_some();
        let origin = described.unwrap_or(&Resource::default()).origin(reading, scope);
        let number = self.groups.len() as u32;
        self.groups.push(Group { process: process.to_vec(), scope: scope.to_vec(), origin, known });
        self.numbers.insert(self.key.clone(), number);
        number
    }

    /// Hands over the spans whose process is described by now.
    pub(super) fn settle(&mut self, reading: &mut Reading<'_>) {
        for group in self.groups.iter_mut().filter(|group| !group.known) {
            if let Some(resource) = self.described.get(&group.process) {
                (group.origin, group.known) = (resource.origin(reading, &group.scope), true);
            }
        }
        let numbers = std::mem::take(&mut self.held_groups);
        let held = std::mem::take(&mut self.held);
        for (mut held, number) in held.into_iter().zip(numbers) {
            match self.groups.get(number as usize) {
                Some(group) if group.known => {
                    held.span.origin = group.origin;
                    reading.spans.push(held);
                }
                _ => {
                    self.held.push(held);
                    self.held_groups.push(number);
                }
            }
        }
    }

    /// Leaves a trace: what is not known by now is not said at all.
    pub(super) fn end_trace(&mut self, here: &mut Here<'_, '_>) {
        self.settle(here.reading);
        let reason = if std::mem::take(&mut self.overflowed) {
            Some("processes behind more spans than can wait for them: their service is not known")
        } else {
            (!self.held.is_empty())
                .then_some("spans of a process that is not described: their service is not known")
        };
        if let Some(reason) = reason {
            here.skip_trace(reason);
        }
        here.reading.spans.append(&mut self.held);
        self.held_groups.clear();
        self.groups.clear();
        self.numbers.clear();
        self.described.clear();
        self.last_group = 0;
    }

    /// The trace of the span that came last: where the input is cut off, more of it was to come.
    pub(super) fn last_trace(&self, reading: &Reading<'_>) -> TraceId {
        self.held.last().or(reading.spans.last()).map_or(self.last, |span| span.trace)
    }

    /// The caller takes the spans; `ended` where no block follows.
    pub(super) fn end_block(&mut self, reading: &Reading<'_>, ended: bool) {
        self.last = if ended { 0 } else { self.last_trace(reading) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use detectors::evidence::Dictionary;

    use super::*;
    use crate::ingest::Place;

    #[test]
    fn spans_that_cannot_wait_any_longer_are_kept_and_said() {
        let dictionary = Mutex::new(Dictionary::default());
        let mut reading = Reading::new(&dictionary, 1);
        let place = Place { file: "traces.json".into(), offset: 0, line: 1 };
        let mut here = Here::new(&mut reading, &place);
        let mut processes = Processes::default();
        for id in 1..=HELD_MAX as u64 + 10 {
            let raw = RawSpan { trace: 1, id, start_ns: 1, ..RawSpan::default() };
            processes.push(here.reading, &raw, b"p1", b"");
        }
        processes.describe(b"p1", &[(Key::ServiceName, Value::Text(b"shop"))]);
        processes.end_trace(&mut here);
        assert_eq!(reading.spans.len(), HELD_MAX + 10);
        assert_eq!(reading.skipped.records, 1);
        let dictionary = dictionary.lock().unwrap();
        let service = |read: &Traced| dictionary.text(dictionary.origin(read.span.origin).service);
        assert_eq!(reading.spans.iter().filter(|span| service(span) == "shop").count(), 10);
    }
}
