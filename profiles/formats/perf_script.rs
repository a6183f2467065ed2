//! The text of `perf script`: a line for each event, the stack below it with the leaf first, an empty line behind it.
//!
//! ```text
//! nginx  4242/4243 [002]  1330.192882:    5025125 cpu-clock:pppH:
//!         ffffffff8162f76a kmem_cache_free+0x5a ([kernel.kallsyms])
//!                    20d07 mprotect+0x7 (/usr/lib/x86_64-linux-gnu/libc.so.6)
//! ```
//!
//! Each type of event is a measure of its own, by its periods, beside the number of its samples. The thread's name is the root.

mod event;
mod frames;

pub(super) use event::plain;
pub(super) use frames::nameless;

use self::frames::FrameLines;
use super::perf_events::EventTypes;
use crate::limits::DEPTH_MAX;
use crate::read::Format;
use crate::source::{Line, Lines, Source};
use crate::{Frame, FrameId, Kind, NodeId, Place, Profile, Unreadable};

pub(crate) const FORMAT: Format = Format {
    name: "perf script",
    summary: "the text of `perf script`: event types apart, by period and by samples; inlined, kernel and compiled-at-run-time frames \
              are told apart",
    evidence: "perf 6.1",
    recognise,
    read,
};

/// Lines that are looked at for an event.
const LINES_LOOKED_AT: usize = 200;

/// An event with a frame below it or on its line.
fn recognise(head: &[u8]) -> bool {
    let mut lines = head
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.starts_with(b"#"))
        .take(LINES_LOOKED_AT)
        .peekable();
    while let Some(line) = lines.next() {
        if let Some(event) = event::event(line.trim_ascii_end()) {
            let is_below = |next: &&[u8]| next.starts_with(b"\t") || next.starts_with(b" ");
            if !event.frame.is_empty()
                || lines
                    .peek()
                    .filter(|next| is_below(next))
                    .is_some_and(|next| frames::parts(next).is_some())
            {
                return true;
            }
        }
    }
    false
}

fn read(source: Source<'_>, profile: &mut Profile) -> Result<(), Unreadable> {
    let mut reader = Reader::default();
    let mut lines = source.lines();
    while reader.next(&mut lines, profile)? {}
    reader.end(profile);
    reader.types.name_samples(profile);
    Ok(())
}

#[derive(Default)]
struct Reader {
    frames: FrameLines,
    types: EventTypes,
    /// The event whose stack is being read.
    open: Option<Open>,
    /// Its frames so far, the leaf first.
    stack: Vec<FrameId>,
}

#[derive(Clone, Copy)]
struct Open {
    event: usize,
    thread: FrameId,
    period: Option<f64>,
    place: Place,
    is_cut: bool,
}

impl Reader {
    /// Reads a line; `false` at the end.
    fn next(&mut self, lines: &mut Lines<'_>, profile: &mut Profile) -> Result<bool, Unreadable> {
        let place = Place::Line(lines.number() + 1);
        match lines.next()? {
            None => return Ok(false),
            Some(Line::TooLong) => profile.skipped.add("a line longer than 16 MiB", Some(place)),
            Some(Line::Text(line)) => match line.first() {
                None => self.end(profile),
                Some(b' ' | b'\t') if self.open.is_some() => self.frame(line, place, profile),
                Some(b'#') => {}
                Some(_) if line.trim_ascii().is_empty() => self.end(profile),
                Some(_) => {
                    self.end(profile);
                    self.begin(line.trim_ascii_end(), place, profile);
                }
            },
        }
        Ok(true)
    }

    fn begin(&mut self, line: &[u8], place: Place, profile: &mut Profile) {
        let Some(event) = event::event(line) else {
            return profile.skipped.add("neither an event nor a frame", Some(place));
        };
        let Some(number) = self.types.number(event.name, event.period.is_some(), profile) else {
            return profile.skipped.add("events of more than 32 types", Some(place));
        };
        let thread = self.frames.thread(event.thread, profile);
        self.open = Some(Open { event: number, thread, period: event.period, place, is_cut: false });
        if !event.frame.is_empty() {
            self.frames.push(event.frame, &mut self.stack, profile);
        }
    }

    fn frame(&mut self, line: &[u8], place: Place, profile: &mut Profile) {
        if !self.frames.push(line, &mut self.stack, profile) {
            profile.noticed.add("lines below an event that are no frame", Some(place));
        }
        // The root comes last, and it is the leaf's side that is cut.
        if self.stack.len() >= 2 * DEPTH_MAX {
            self.stack.drain(..DEPTH_MAX);
            self.open = self.open.map(|open| Open { is_cut: true, ..open });
        }
    }

    /// The stack is complete.
    fn end(&mut self, profile: &mut Profile) {
        let Some(open) = self.open.take() else { return };
        let thread = profile.tree.child(NodeId::ROOT, open.thread);
        let frames = self.stack.iter().rev().take(DEPTH_MAX - 1);
        let node = frames.fold(thread, |node, frame| profile.tree.child(node, *frame));
        if open.is_cut || self.stack.len() >= DEPTH_MAX {
            profile.notice_depth(Some(open.place));
        }
        self.stack.clear();
        self.types.add(open.event, open.period, node, Some(open.place), profile);
    }
}

/// The frame of a thread.
fn thread(name: &str) -> Frame {
    Frame { kind: Some(Kind::Thread), ..Frame::named(name) }
}
