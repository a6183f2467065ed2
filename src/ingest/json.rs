//! Formats in JSON: text is read in order by a walk that remembers between blocks what it is in, so that a
//! document of any size and layout takes the memory of one block.
//!
//! After an error the walk goes on at the next object that can only be one of its own: a damaged span
//! costs itself.

pub(super) mod scanner;
pub(super) mod values;

use std::mem;

use detectors::evidence::TraceId;
use memchr::{memchr, memchr_iter, memmem, memrchr};

use self::scanner::{Scalar, Scan, Scanner, Stop, bad};
use super::attributes::Key;
use super::raw::{Attributes, Found, Value};
use super::{Block, Decode, Framing, Head, Place, Reading, Rest};

/// A byte order mark in UTF-8.
pub(super) const MARK: &[u8] = b"\xef\xbb\xbf";

/// What tells one format in JSON from another: where its spans are.
pub(super) trait Walk: Send + Default {
    /// What an object is, as far as its beginning tells.
    type Start: Copy;

    /// What the object is that begins here; `None` where it is not of this format, or cannot be told.
    fn start_at(bytes: &[u8]) -> Scan<Option<Self::Start>>;

    /// Reads the object that is next as a span, if it is one.
    fn span<'b>(
        start: Self::Start,
        scanner: &mut Scanner<'b>,
        attributes: &mut Attributes<'b>,
    ) -> Option<Scan<Found<'b>>>;

    /// The trace of a damaged span that begins here, if that can still be read.
    fn trace_of(bytes: &[u8]) -> Option<TraceId>;

    /// One step by what the walk is in. Changes what it is in only after its last read, so that a step
    /// that meets the end of the block can be taken again.
    fn step<'b>(
        &mut self,
        here: &mut Here<'_, '_>,
        scanner: &mut Scanner<'b>,
        attributes: &mut Attributes<'b>,
    ) -> Scan<()>;

    /// Goes on at an object as if all brackets around it had been read.
    fn go_on(&mut self, here: &mut Here<'_, '_>, start: Self::Start);

    /// Leaves everything: nothing follows.
    fn leave_all(&mut self, here: &mut Here<'_, '_>);

    /// Whether the walk is outside of all documents.
    fn is_outside(&self) -> bool;

    /// Whether the walk is where spans are.
    fn is_at_spans(&self) -> bool;

    /// The trace of the span that came last; zero if there is none.
    fn last_trace(&self, reading: &Reading<'_>) -> TraceId;

    /// The caller takes the spans; `ended` where no block follows.
    fn end_block(&mut self, reading: &Reading<'_>, ended: bool);
}

/// Bytes that belong to no record, until something that can be read follows.
#[derive(Debug)]
struct Gap {
    offset: u64,
    line: u64,
    reason: &'static str,
}

/// Decodes by a walk; where it is between two blocks.
#[derive(Debug, Default)]
pub(super) struct Decoder<W> {
    walk: W,
    gap: Option<Gap>,
    /// Room for texts whose escapes were undone.
    room: Vec<u8>,
}

/// Bytes of a block that may be read again in any case.
const CREDIT_MIN: usize = 1 << 20;

/// Bytes for texts without escapes at first; a text that is longer gets more.
const ROOM_BYTES: usize = 64 << 10;

impl<W: Walk> Decode for Decoder<W> {
    fn decode(&mut self, reading: &mut Reading<'_>, block: &Block<'_>) -> usize {
        let mut room = mem::take(&mut self.room);
        let mut done = 0;
        let mut pass = Pass {
            walk: &mut self.walk,
            gap: &mut self.gap,
            here: Here::new(reading, block.place),
            rest: block.rest,
            credit: CREDIT_MIN.max(4 * block.bytes.len()),
        };
        loop {
            if room.is_empty() {
                room.resize(ROOM_BYTES, 0);
            }
            let (at, ended) = pass.run(block.bytes, done, &mut room);
            if ended {
                done = at;
                break;
            }
            if at == done {
                let longer = (2 * room.len()).max(ROOM_BYTES);
                room.resize(longer, 0);
            }
            done = at;
        }
        self.room = room;
        self.walk.end_block(reading, block.rest == Rest::Nothing);
        done
    }
}

/// The block that a walk is in, and where what it finds goes.
pub(super) struct Here<'p, 'r> {
    pub(super) reading: &'p mut Reading<'r>,
    pub(super) place: &'p Place,
    /// A position in the block, and its line.
    counted: (usize, u64),
}

impl<'p, 'r> Here<'p, 'r> {
    /// At the begin of a block.
    pub(super) fn new(reading: &'p mut Reading<'r>, place: &'p Place) -> Self {
        Self { reading, place, counted: (0, place.line) }
    }

    /// Counts a record that is left out.
    pub(super) fn skip(&mut self, bytes: &[u8], start: usize, length: usize, reason: &str) {
        let line = self.line(bytes, start);
        let offset = self.place.offset + start as u64;
        self.reading.skipped.skip(&self.place.file, offset, line, length as u64, reason);
    }

    /// Counts a span that was read from `start` on and is of no use; its trace lost it.
    pub(super) fn refuse(&mut self, scanner: &Scanner<'_>, start: usize, trace: TraceId, reason: &str) {
        self.reading.lose(trace);
        self.skip(scanner.bytes(), start, scanner.at - start, reason);
    }

    /// Counts something that is wrong with a whole trace, at the begin of the block in which it ends.
    pub(super) fn skip_trace(&mut self, reason: &str) {
        self.reading.skipped.skip(&self.place.file, self.place.offset, self.place.line, 0, reason);
    }

    /// The line of a position; positions mostly come in their order.
    fn line(&mut self, bytes: &[u8], at: usize) -> u64 {
        if self.place.line == 0 {
            return 0;
        }
        let (from, line) = if self.counted.0 <= at { self.counted } else { (0, self.place.line) };
        self.counted = (at, line + memchr_iter(b'\n', &bytes[from..at]).count() as u64);
        self.counted.1
    }
}

/// One walk over a block.
struct Pass<'p, 'r, W> {
    walk: &'p mut W,
    gap: &'p mut Option<Gap>,
    here: Here<'p, 'r>,
    rest: Rest,
    /// Bytes that may still be read again in search of something whole: this bounds the work on
    /// damaged text to a multiple of its length.
    credit: usize,
}

impl<W: Walk> Pass<'_, '_, W> {
    /// Walks until the block is done with (`true`) or the room is spent (`false`), and returns how far
    /// it came.
    fn run<'b>(&mut self, bytes: &'b [u8], from: usize, room: &'b mut [u8]) -> (usize, bool) {
        let mut scanner = Scanner::new(bytes, from, room);
        let mut attributes = Attributes::new();
        loop {
            let start = scanner.at;
            let step = match self.gap {
                Some(_) => self.close_gap(&mut scanner, &mut attributes),
                None => self.walk.step(&mut self.here, &mut scanner, &mut attributes),
            };
            match step {
                Ok(()) => {}
                Err(Stop::Spent) => return (start, false),
                Err(Stop::Bad(reason)) => {
                    self.lose_span(&bytes[start..]);
                    self.open_gap(bytes, start, reason);
                    scanner.at = start;
                }
                Err(Stop::End) => match self.end(bytes, start, scanner.at) {
                    Some(done) => return (done, true),
                    None => scanner.at = start,
                },
            }
        }
    }

    /// The block ended in a step; how many bytes are done with, or `None` to look for what can be
    /// read behind the start of the step.
    fn end(&mut self, bytes: &[u8], start: usize, at: usize) -> Option<usize> {
        let in_gap = self.gap.is_some();
        match self.rest {
            // Only blanks are left.
            _ if !in_gap && self.walk.is_outside() && is_blank(&bytes[start..]) => Some(bytes.len()),
            Rest::Follows if in_gap => Some(at),
            Rest::Follows => Some(start),
            Rest::TooLong => {
                if !in_gap {
                    self.open_gap(bytes, start, "a value longer than can be read");
                }
                Some(bytes.len())
            }
            Rest::Nothing if in_gap => {
                self.count_gap(bytes.len());
                self.walk.leave_all(&mut self.here);
                Some(bytes.len())
            }
            Rest::Nothing => {
                let last = self.walk.last_trace(self.here.reading);
                self.here.reading.lose(last);
                self.lose_span(&bytes[start..]);
                self.open_gap(bytes, start, "the text ends before the document does");
                None
            }
        }
    }

    fn open_gap(&mut self, bytes: &[u8], start: usize, reason: &'static str) {
        let line = self.here.line(bytes, start);
        *self.gap = Some(Gap { offset: self.here.place.offset + start as u64, line, reason });
    }

    /// Looks at the next object that may be whole; the gap ends before it if it is.
    fn close_gap<'b>(&mut self, scanner: &mut Scanner<'b>, attributes: &mut Attributes<'b>) -> Scan<()> {
        let bytes = scanner.bytes();
        let Some(distance) = memchr(b'{', &bytes[scanner.at..]) else {
            scanner.at = bytes.len();
            return Err(Stop::End);
        };
        scanner.at += distance;
        let candidate = scanner.at;
        let Some(start) = W::start_at(&bytes[candidate..])? else {
            scanner.at += 1;
            return Ok(());
        };
        let Some(found) = W::span(start, scanner, attributes) else {
            self.go_on(candidate, start);
            return Ok(());
        };
        let reached = mem::replace(&mut scanner.at, candidate);
        match found {
            Ok(found) if found.problem.is_none() => self.go_on(candidate, start),
            Err(Stop::End) if self.rest == Rest::Follows => return Err(Stop::End),
            Err(Stop::Spent) => return Err(Stop::Spent),
            // Not read to its end is not read far: the scanner stands before what stopped it.
            Err(Stop::End) => scanner.at = self.pass_over(bytes, candidate, bytes.len()),
            _ => scanner.at = self.pass_over(bytes, candidate, reached),
        }
        Ok(())
    }

    /// Where to go on after a candidate that was read up to `reached` in vain.
    fn pass_over(&mut self, bytes: &[u8], candidate: usize, reached: usize) -> usize {
        self.lose_span(&bytes[candidate..]);
        match self.credit.checked_sub(reached - candidate) {
            Some(credit) => {
                self.credit = credit;
                candidate + 1
            }
            None => reached.max(candidate + 1),
        }
    }

    /// Ends the gap before an object.
    fn go_on(&mut self, end: usize, start: W::Start) {
        self.count_gap(end);
        self.walk.go_on(&mut self.here, start);
    }

    /// What begins here cannot be read; if it is a span, its trace may be known all the same.
    fn lose_span(&mut self, bytes: &[u8]) {
        if self.walk.is_at_spans() {
            self.here.reading.lose(W::trace_of(bytes).unwrap_or(0));
        }
    }

    fn count_gap(&mut self, end: usize) {
        if let Some(Gap { offset, line, reason }) = self.gap.take() {
            let place = self.here.place;
            let length = (place.offset + end as u64).saturating_sub(offset);
            self.here.reading.skipped.skip(&place.file, offset, line, length, reason);
        }
    }
}

/// Whether nothing is here but what may stand between documents.
fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b','))
}

/// The first bytes of a text, without what may stand before its first bracket.
pub(super) fn beginning(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(MARK).unwrap_or(bytes).trim_ascii_start()
}

/// Whether this is the begin of a text in JSON: protobuf has bytes that no text has among so many.
pub(super) fn begins_text(bytes: &[u8]) -> bool {
    const BYTES: usize = 64;
    let text = beginning(bytes);
    let is_blank = |byte: u8| matches!(byte, b'\n' | b'\r' | b'\t');
    matches!(text.first(), Some(b'{' | b'['))
        && !text.iter().take(BYTES).any(|&byte| byte.is_ascii_control() && !is_blank(byte))
}

/// Recognises a format by what its text has; the first line may be the end of one that was cut.
pub(super) fn sniff(head: Head<'_>, is_format: impl FnOnce(&[u8]) -> bool) -> Option<Framing> {
    let text = beginning(head.bytes);
    let framing = framing(text, head.whole);
    let is_json = matches!(text.first(), Some(b'{' | b'[')) || framing == Framing::Lines;
    (is_json && is_format(text)).then_some(framing)
}

/// Whether a text is one document on each line, or one that is read in its order.
pub(super) fn framing(text: &[u8], whole: bool) -> Framing {
    if is_one_a_line(text, whole) { Framing::Lines } else { Framing::Document }
}

/// A line break between a closing and an opening bracket is never inside a document.
fn is_one_a_line(text: &[u8], whole: bool) -> bool {
    let Some(end) = memchr(b'\n', text) else {
        return false;
    };
    let (first, rest) = (text[..end].trim_ascii_end(), text[end..].trim_ascii_start());
    match rest.first() {
        Some(byte) => matches!(byte, b'{' | b'[') && !matches!(first.last(), Some(b'[' | b',' | b'{' | b':')),
        None => whole && matches!(first.last(), Some(b'}' | b']')),
    }
}

/// Whole lines at the front, where each is a document.
pub(super) fn cut(framing: Framing, bytes: &[u8]) -> usize {
    match framing {
        Framing::Lines => memrchr(b'\n', bytes).map_or(0, |end| end + 1),
        _ => 0,
    }
}

/// Whether a member of this name stands anywhere in a text, with a value that begins with one of these
/// bytes.
pub(super) fn has_member(text: &[u8], name: &str, values: &[u8]) -> bool {
    memmem::find_iter(text, name).any(|at| {
        let after = text.get(at + name.len()..).and_then(|after| after.strip_prefix(b"\""));
        let value = after.and_then(|after| after.trim_ascii_start().strip_prefix(b":"));
        let begin = value.and_then(|value| value.trim_ascii_start().first());
        at > 0 && text[at - 1] == b'"' && begin.is_some_and(|begin| values.contains(begin))
    })
}

/// The longest key that is looked at before an object is read, its quotes, and blanks before it.
const FIRST_KEY_BYTES_MAX: usize = 256;

/// The first key of the object that begins here; `None` where there is none, or a longer one.
pub(super) fn first_key(bytes: &[u8]) -> Scan<Option<&[u8]>> {
    let Some(inner) = bytes.strip_prefix(b"{") else {
        return Ok(None);
    };
    let key = match inner.trim_ascii_start() {
        [b'"', key @ ..] => key,
        [] if bytes.len() < FIRST_KEY_BYTES_MAX => return Err(Stop::End),
        _ => return Ok(None),
    };
    match memchr(b'"', &key[..key.len().min(FIRST_KEY_BYTES_MAX)]) {
        Some(end) => Ok(Some(&key[..end])),
        None if key.len() < FIRST_KEY_BYTES_MAX => Err(Stop::End),
        None => Ok(None),
    }
}

/// The text of a member among the first of a damaged object, by the first of these names that it has.
pub(super) fn early_text<'b>(bytes: &'b [u8], names: &[&[u8]]) -> Option<&'b [u8]> {
    const BYTES_MAX: usize = 512;
    let start = &bytes[..bytes.len().min(BYTES_MAX)];
    let find = |name: &&[u8]| memmem::find(start, name).map(|at| &start[at + name.len()..]);
    let value = names.iter().find_map(find)?;
    let text = value.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    Some(&text[..memchr(b'"', text)?])
}

/// A scalar, where a list or an object shows that bytes are missing: spans may be inside.
pub(super) fn plain<'b>(scanner: &mut Scanner<'b>) -> Scan<Scalar<'b>> {
    match scanner.peek()? {
        b'{' | b'[' => bad("a value of another type than its key says"),
        _ => scanner.scalar(),
    }
}

/// A text; empty for every other value.
pub(super) fn text(scalar: Scalar<'_>) -> &[u8] {
    match scalar {
        Scalar::Text(text) => text,
        _ => b"",
    }
}

/// What a scalar means, if it is one; what cannot be understood is a problem.
pub(super) fn known<'b, T>(
    scalar: Scalar<'b>,
    meaning: fn(Scalar<'b>) -> Option<T>,
    reason: &'static str,
    problem: &mut Option<&'static str>,
) -> Option<T> {
    let value = meaning(scalar);
    if value.is_none() && scalar != Scalar::Nothing {
        *problem = Some(reason);
    }
    value
}

/// Steps over the events of a span, unless among them are members that only spans have.
pub(super) fn skip_events(scanner: &mut Scanner<'_>, of_spans: &[&[u8]]) -> Scan<()> {
    if !scanner.open(b'[')? {
        return Ok(());
    }
    while scanner.next_element()? {
        if scanner.peek()? != b'{' {
            scanner.skip_value()?;
            continue;
        }
        scanner.at += 1;
        while let Some(key) = scanner.next_key()? {
            if of_spans.contains(&key) {
                return bad("a span among the events of another one");
            }
            scanner.skip_value()?;
        }
    }
    Ok(())
}

/// Adds a text under a key, or the elements of a list that was written as one: formats without lists
/// write `["a","b"]`.
pub(super) fn push_texts<'b>(key: Key, text: &'b [u8], attributes: &mut Attributes<'b>) {
    let is_listed = matches!(
        key,
        Key::OldCollection
            | Key::OldResponseBodySize
            | Key::ContentType
            | Key::ContentEncoding
            | Key::QueryParameter
    );
    let inner = text.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]"));
    let Some(inner) = inner.filter(|_| is_listed) else {
        attributes.push((key, Value::Text(text)));
        return;
    };
    let before = attributes.len();
    let mut scanner = Scanner::new(inner, 0, &mut []);
    while let Ok(b'"') = scanner.separated() {
        // Nothing is unescaped here: an element with escapes leaves the list as it is.
        let Ok(element) = scanner.text() else { break };
        attributes.push((key, Value::Text(element)));
    }
    if scanner.at < inner.len() || attributes.len() == before {
        attributes.truncate(before);
        attributes.push((key, Value::Text(text)));
    }
}
