//! OTLP in protobuf: one export request, or a stream of them after their lengths.
//!
//! Read by hopping over fields and borrowing from the bytes; what is not needed is never looked into. A
//! decoder remembers between blocks which messages it is in, so that a message of any size takes the
//! memory of one block. A damaged span costs itself; behind a damaged length the stream goes on at the
//! next bytes that can only be a length and the begin of a message.
//!
//! Source: opentelemetry-proto `collector/trace/v1` and `trace/v1`, protobuf's encoding guide, and the
//! file exporter of the OpenTelemetry collector.

mod frames;
mod mould;
mod span;
pub(crate) mod wire;
mod written;

pub(super) use self::mould::Mould;
pub(super) use self::written::Attribute;
use detectors::evidence::{OriginRef, TraceId};

use self::frames::Frame;
use self::mould::BehindIds;
use self::wire::{Credit, Fault, Field, Kind, Wire};
use super::familiar::Path;
use super::moulds::Fits;
use super::owner::Owner;
use super::raw::{Attributes, RawSpan};
use super::{Block, Decode, Format, Framing, Head, Place, Reading, Rest};
use super::{json, otlp_json};

/// OTLP in protobuf.
pub(super) const FORMAT: Format = Format {
    name: "otlp-protobuf",
    summary: "OpenTelemetry traces in protobuf: one export request, or requests after their lengths",
    sniff,
    cut,
    decoder: |framing| Box::new(Decoder::new(framing)),
};

fn sniff(head: Head<'_>) -> Option<Framing> {
    if json::begins_text(head.bytes) {
        return None;
    }
    if frames::is_request(head.bytes) {
        return Some(Framing::Message);
    }
    let prefixed = [Framing::LengthPrefixed, Framing::VarintPrefixed];
    prefixed.into_iter().find(|framing| frames::is_stream(*framing, head.bytes))
}

fn cut(framing: Framing, bytes: &[u8]) -> usize {
    let mut at = 0;
    let mut credit = Credit::of(bytes.len());
    loop {
        let rest = &bytes[at..];
        let length = match framing {
            _ if rest.is_empty() => return at,
            Framing::Message => match Field::of(rest) {
                Ok(field) if field.length() <= rest.len() => field.length(),
                _ => return at,
            },
            _ => match Frame::of(framing, rest, Rest::Follows, &mut credit) {
                Frame::Message { end, .. } | Frame::Damaged { end } => end,
                _ => return at,
            },
        };
        at += length;
    }
}

/// A message that the decoder is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Request,
    Resource,
    Scope,
}

/// A message, and where it ends in the input.
#[derive(Debug, Clone, Copy)]
struct Open {
    level: Level,
    end: u64,
}

/// Bytes that belong to no record, until something that can be read follows.
#[derive(Debug)]
struct Gap {
    offset: u64,
    reason: &'static str,
    /// What begins at the offset is damaged itself, and not what is around it.
    inside: bool,
}

/// Where the decoder is between two blocks.
struct Decoder {
    framing: Framing,
    opened: Vec<Open>,
    owner: Owner,
    gap: Option<Gap>,
    /// Where the last gap ended.
    counted: u64,
    /// Everything before this offset is done with.
    hop: u64,
    /// Reads messages that are JSON.
    json: Box<dyn Decode>,
}

/// What is known of a step that has not been made.
enum Stop {
    /// The block ends inside of what comes next.
    End,
    /// It is damaged.
    Damaged(&'static str),
    /// It does not belong here: what is around it is damaged.
    Misplaced(&'static str),
}

impl Decoder {
    fn new(framing: Framing) -> Self {
        Self {
            framing,
            opened: Vec::new(),
            owner: Owner::default(),
            gap: None,
            counted: u64::MAX,
            hop: 0,
            json: (otlp_json::FORMAT.decoder)(Framing::Document),
        }
    }
}

impl Decode for Decoder {
    fn decode(&mut self, reading: &mut Reading<'_>, block: &Block<'_>) -> usize {
        let mut attributes = Attributes::new();
        let mut pass = Pass { decoder: self, reading, block, at: 0, credit: Credit::of(block.bytes.len()) };
        loop {
            let step = pass.step(&mut attributes);
            let ended = match step {
                Ok(more) => !more,
                Err(Stop::Damaged(reason)) => {
                    pass.open_gap(reason, true);
                    false
                }
                Err(Stop::Misplaced(reason)) => {
                    pass.open_gap(reason, false);
                    false
                }
                Err(Stop::End) => pass.end(),
            };
            if ended {
                let done = pass.at;
                self.owner.end_block(reading, block.rest == Rest::Nothing);
                return done;
            }
        }
    }
}

/// One walk over a block.
struct Pass<'p, 'r, 'b> {
    decoder: &'p mut Decoder,
    reading: &'p mut Reading<'r>,
    block: &'p Block<'b>,
    at: usize,
    credit: Credit,
}

impl<'b> Pass<'_, '_, 'b> {
    fn offset(&self) -> u64 {
        self.block.place.offset + self.at as u64
    }

    fn rest(&self) -> &'b [u8] {
        self.block.bytes.get(self.at..).unwrap_or_default()
    }

    /// Bytes from here to an offset in the input, which may lie behind the block.
    fn distance(&self, end: u64) -> usize {
        usize::try_from(end.saturating_sub(self.offset())).unwrap_or(usize::MAX)
    }

    /// Makes one step; `false` when nothing is left to do in this block.
    fn step(&mut self, attributes: &mut Attributes<'b>) -> Result<bool, Stop> {
        let hop = self.distance(self.decoder.hop).min(self.rest().len());
        self.at += hop;
        match self.decoder.opened.last().copied() {
            Some(open) if open.end <= self.offset() => self.leave(),
            _ if self.rest().is_empty() => return Err(Stop::End),
            _ if self.decoder.gap.is_some() => self.close_gap()?,
            Some(open) => self.field(open, attributes)?,
            None if self.decoder.framing == Framing::Message => self.enter(Level::Request, u64::MAX),
            None => self.frame()?,
        }
        Ok(true)
    }

    /// The block ended in a step; `true` when it is done with.
    fn end(&mut self) -> bool {
        let whole = self.rest().is_empty();
        match self.block.rest {
            Rest::Follows => true,
            Rest::TooLong => {
                self.open_gap("a record longer than can be read", true);
                self.at = self.block.bytes.len();
                true
            }
            Rest::Nothing if whole => {
                self.finish();
                true
            }
            Rest::Nothing if self.decoder.gap.is_some() => {
                self.at = self.block.bytes.len();
                false
            }
            Rest::Nothing => {
                self.cut_off();
                false
            }
        }
    }

    /// The input ends here.
    fn finish(&mut self) {
        let cut_off = self.decoder.hop > self.offset()
            || self.decoder.opened.iter().any(|open| open.end > self.offset() && open.end != u64::MAX);
        if cut_off && self.decoder.counted != self.offset() {
            self.cut_off();
        }
        self.count_gap();
        while !self.decoder.opened.is_empty() {
            self.leave();
        }
        (self.decoder.hop, self.decoder.counted) = (0, u64::MAX);
    }

    /// The input ends inside of what the decoder is in.
    fn cut_off(&mut self) {
        let last = self.decoder.owner.last_trace(self.reading);
        self.reading.lose(last);
        self.open_gap("the input ends inside a message", true);
    }

    /// Steps over or into the frame that is next.
    fn frame(&mut self) -> Result<(), Stop> {
        match Frame::of(self.decoder.framing, self.rest(), self.block.rest, &mut self.credit) {
            Frame::Message { start, end, sound } => {
                if !sound {
                    self.skip(start, "a message with a wrong length");
                }
                self.message(start, end);
            }
            Frame::Long { start, end } if self.rest().get(start) == Some(&b'{') => {
                self.skip(end, "a JSON message longer than can be read");
                self.decoder.hop = self.offset() + end as u64;
            }
            Frame::Long { start, end } => {
                let end = self.offset() + end as u64;
                self.at += start;
                self.enter(Level::Request, end);
            }
            Frame::CutOff { start } if self.rest().get(start) == Some(&b'{') => {
                self.message(start, self.rest().len());
            }
            Frame::CutOff { start } => {
                self.at += start;
                self.enter(Level::Request, u64::MAX - 1);
            }
            Frame::Damaged { end } => {
                // Its begin may be missing, and spans of it be there.
                self.enter(Level::Request, self.offset() + end as u64);
                self.open_gap("no message where one belongs", false);
            }
            Frame::Incomplete => return Err(Stop::End),
        }
        Ok(())
    }

    /// A whole message, from `start` to `end` from here.
    fn message(&mut self, start: usize, end: usize) {
        let bytes = &self.rest()[start..end];
        self.at += start;
        if bytes.first() != Some(&b'{') {
            return self.enter(Level::Request, self.offset() + bytes.len() as u64);
        }
        let place = Place { offset: self.offset(), line: 0, ..self.block.place.clone() };
        let block = Block { bytes, place: &place, rest: Rest::Nothing };
        self.decoder.json.decode(self.reading, &block);
        self.at += bytes.len();
    }

    /// Steps over or into the field that is next.
    fn field(&mut self, open: Open, attributes: &mut Attributes<'b>) -> Result<(), Stop> {
        let fits = match open.level {
            Level::Scope => match self.familiar_spans(open, attributes) {
                Ok(()) => return Ok(()),
                Err(fits) => fits,
            },
            _ => Fits::No,
        };
        let room = self.distance(open.end);
        let bytes = &self.rest()[..self.rest().len().min(room)];
        let field = match Field::of(bytes) {
            Ok(field) if field.length() <= room => field,
            // Where its length is damaged, it ends with what is around it.
            Ok(field) if open.level != Level::Scope && begins(open.level, bytes) => {
                Field { content: room - field.header, ..field }
            }
            Err(Fault::End) if bytes.len() < room => return Err(Stop::End),
            _ => return Err(Stop::Misplaced("a field that does not fit into its message")),
        };
        let content = bytes.get(field.header..field.length()).ok_or(Stop::End);
        match (open.level, field.number, field.kind) {
            (Level::Request, 1, Kind::Bytes) => self.step_into(Level::Resource, field),
            (Level::Request | Level::Resource, 2, Kind::Bytes)
                if begins(Level::Scope, bytes)
                    || open.level == Level::Request && begins(Level::Resource, bytes) =>
            {
                return Err(Stop::Misplaced("a span or scope outside of what it belongs to"));
            }
            (Level::Resource | Level::Scope, 1, Kind::Bytes) if begins(Level::Request, bytes) => {
                return Err(Stop::Misplaced("what one resource sent inside of what another one did"));
            }
            (Level::Resource, 2 | 1000, Kind::Bytes) => self.step_into(Level::Scope, field),
            (Level::Scope, 2, Kind::Bytes) => {
                self.span(content?, attributes, fits)?;
                self.at += field.length();
            }
            (Level::Resource, 1, Kind::Bytes) => {
                match span::resource(content?) {
                    Some(found) => self.decoder.owner.resource(&found),
                    None => self.in_vain(field.content, Stop::Damaged("a damaged resource"))?,
                }
                self.at += field.length();
            }
            (Level::Scope, 1, Kind::Bytes) => {
                match span::scope_name(content?) {
                    Some(name) => self.decoder.owner.scope(name),
                    None => self.in_vain(field.content, Stop::Damaged("a damaged scope"))?,
                }
                self.at += field.length();
            }
            _ => self.decoder.hop = self.offset() + field.length() as u64,
        }
        Ok(())
    }

    /// Takes spans that are next in a scope, at least one, as long as they are like some that were read before.
    #[inline]
    fn familiar_spans(&mut self, open: Open, attributes: &mut Attributes<'b>) -> Result<(), Fits> {
        let origin = self.decoder.owner.origin(self.reading).ok_or(Fits::No)?;
        let room = self.distance(open.end).min(self.rest().len());
        let bytes = &self.block.bytes[..self.at + room];
        let from = self.at;
        loop {
            let mut wire = Wire(&bytes[self.at..]);
            match self.familiar_span(&mut wire, origin, attributes) {
                Ok(()) => self.at = bytes.len() - wire.0.len(),
                Err(_) if self.at > from => return Ok(()),
                Err(fits) => return Err(fits),
            }
        }
    }

    /// Takes the span that is next if it is like one that was read before.
    #[inline(always)]
    fn familiar_span(
        &mut self,
        wire: &mut Wire<'b>,
        origin: OriginRef,
        attributes: &mut Attributes<'b>,
    ) -> Result<(), Fits> {
        wire.0 = wire.0.strip_prefix(&[SPAN]).ok_or(Fits::No)?;
        let content = wire.bytes().ok_or(Fits::No)?;
        let mut raw = RawSpan::default();
        let rest = span::all_ids(content, &mut raw).ok_or(Fits::No)?;
        let Reading { moulds, typing, spans, .. } = &mut *self.reading;
        moulds.protobuf.take((BehindIds(rest), raw), attributes, (typing, origin), spans)
    }

    /// Makes a mould of a span that was read in full.
    #[cold]
    fn learn(&mut self, bytes: &[u8], raw: &RawSpan<'_>, path: Path) {
        let Some(origin) = self.decoder.owner.origin(self.reading).filter(|_| path.is_known()) else {
            return;
        };
        let Reading { moulds, typing, .. } = &mut *self.reading;
        moulds.protobuf.learn(raw, path, (typing, origin), || {
            let rest = span::all_ids(bytes, &mut RawSpan::default())?;
            (span::name(rest)? == raw.name).then(|| Mould::of(rest))?
        });
    }

    #[inline]
    fn span(&mut self, bytes: &'b [u8], attributes: &mut Attributes<'b>, fits: Fits) -> Result<(), Stop> {
        let familiar = &mut self.reading.familiar.protobuf;
        let Some(found) = span::span(bytes, attributes, familiar) else {
            return self.in_vain(bytes.len(), Stop::Damaged("a damaged span"));
        };
        match found.problem {
            None => {
                let raw = RawSpan { attributes, ..found.span };
                self.decoder.owner.push(self.reading, &raw, found.path);
                if fits == Fits::No {
                    self.learn(bytes, &raw, found.path);
                }
            }
            // Read as a span, a scope has no ids.
            Some(_) if begins(Level::Resource, self.rest()) => {
                let stop = Stop::Misplaced("a scope among the spans of another one");
                return self.in_vain(bytes.len(), stop);
            }
            Some(reason) => {
                self.reading.lose(found.span.trace);
                self.skip(bytes.len(), reason);
            }
        }
        Ok(())
    }

    /// So many bytes were read in vain: stops there to look into them again, or leaves them out where that
    /// was done too often.
    #[cold]
    fn in_vain(&mut self, length: usize, stop: Stop) -> Result<(), Stop> {
        match stop {
            Stop::Damaged(reason) | Stop::Misplaced(reason) if !self.credit.pay(length) => {
                self.skip(length, reason);
                Ok(())
            }
            stop => Err(stop),
        }
    }

    fn step_into(&mut self, level: Level, field: Field) {
        let end = self.offset() + field.length() as u64;
        self.at += field.header;
        self.enter(level, end);
    }

    fn enter(&mut self, level: Level, end: u64) {
        match level {
            Level::Request => {}
            Level::Resource => self.decoder.owner.begin_resource(),
            Level::Scope => self.decoder.owner.begin_scope(),
        }
        self.decoder.opened.push(Open { level, end });
    }

    fn leave(&mut self) {
        self.count_gap();
        match self.decoder.opened.pop().map(|open| open.level) {
            Some(Level::Scope) => self.decoder.owner.end_scope(self.reading),
            Some(Level::Resource) => self.decoder.owner.end_resource(self.reading, self.block.place),
            _ => {}
        }
    }

    fn open_gap(&mut self, reason: &'static str, inside: bool) {
        if self.decoder.gap.is_none() {
            let trace = trace_of(self.rest());
            self.reading.lose(trace.unwrap_or(0));
            self.decoder.gap = Some(Gap { offset: self.offset(), reason, inside });
        }
    }

    /// Looks for the next span, scope or resource, also behind the stated end of what is around it: a
    /// length may be what is damaged.
    fn close_gap(&mut self) -> Result<(), Stop> {
        let (Some(request), Some(gap)) = (self.decoder.opened.first(), &self.decoder.gap) else {
            self.count_gap();
            return Ok(());
        };
        let room = self.distance(request.end);
        let bytes = &self.rest()[..self.rest().len().min(room)];
        let first = usize::from(gap.inside && gap.offset == self.offset());
        let fits = |at: usize, (level, length)| level != Level::Scope || length <= room - at;
        let found = (first..bytes.len())
            .find_map(|at| Some((at, begins_anything(&bytes[at..]).filter(|found| fits(at, *found))?)));
        match found {
            Some((distance, (level, length))) => {
                self.at += distance;
                self.count_gap();
                self.go_on(level, self.offset() + length as u64);
            }
            None if bytes.len() == room || self.block.rest == Rest::Nothing => {
                self.at += bytes.len();
                while self.decoder.opened.len() > 1 {
                    self.leave();
                }
            }
            None => {
                self.at += bytes.len().saturating_sub(BEGIN_BYTES_MAX).max(first);
                return Err(Stop::End);
            }
        }
        Ok(())
    }

    /// Makes `level` what the decoder is in, and everything around it reach `end`.
    fn go_on(&mut self, level: Level, end: u64) {
        const LEVELS: [Level; 3] = [Level::Request, Level::Resource, Level::Scope];
        let depth = LEVELS.iter().position(|other| *other == level).unwrap_or(0) + 1;
        let here = self.offset();
        let is_over = |open: &Open| open.end <= here;
        while self.decoder.opened.len() > depth
            || self.decoder.opened.len() > 1 && self.decoder.opened.last().is_some_and(is_over)
        {
            self.leave();
        }
        // The end of the whole message is sure.
        let end = self.decoder.opened.first().map_or(end, |request| request.end.min(end));
        for level in &LEVELS[self.decoder.opened.len().min(depth)..depth] {
            // Nobody knows where it ends.
            let outer_end = self.decoder.opened.last().map_or(end, |outer| outer.end);
            self.enter(*level, outer_end);
        }
        self.decoder.opened.iter_mut().for_each(|open| open.end = open.end.max(end));
    }

    fn count_gap(&mut self) {
        if let Some(Gap { offset, reason, .. }) = self.decoder.gap.take() {
            let length = self.offset().saturating_sub(offset);
            self.reading.skipped.skip(&self.block.place.file, offset, 0, length, reason);
            self.decoder.counted = self.offset();
        }
    }

    fn skip(&mut self, length: usize, reason: &str) {
        let file = &self.block.place.file;
        self.reading.skipped.skip(file, self.offset(), 0, length as u64, reason);
    }
}

/// Tag of a span in its scope.
const SPAN: u8 = 0x12;

/// Bytes that tell what begins somewhere are fewer than these, names of usual length included.
const BEGIN_BYTES_MAX: usize = 4096;

/// The message in which these bytes can only be what it repeats, and their length.
fn begins_anything(bytes: &[u8]) -> Option<(Level, usize)> {
    let level = match bytes.first()? {
        0x0a if begins(Level::Request, bytes) => Level::Request,
        0x12 if begins(Level::Scope, bytes) => Level::Scope,
        0x12 if begins(Level::Resource, bytes) => Level::Resource,
        _ => return None,
    };
    Some((level, Field::of(bytes).ok()?.length()))
}

/// The trace of a damaged span that begins here, where that can still be read.
fn trace_of(bytes: &[u8]) -> Option<TraceId> {
    let field = Field::of(bytes).ok().filter(|field| field.number == 2 && field.kind == Kind::Bytes)?;
    let id = bytes.get(field.header..)?.strip_prefix(&[0x0a, 16])?;
    Some(u128::from_be_bytes(*id.first_chunk()?))
}

/// Whether a field begins here that can only be the one that a message of this level repeats. What is not
/// there to its end is looked at as far as it goes.
fn begins(level: Level, bytes: &[u8]) -> bool {
    let tag = if level == Level::Request { 0x0a } else { 0x12 };
    let Some(field) = Field::of(bytes).ok().filter(|_| bytes[0] == tag) else {
        return false;
    };
    let content = bytes.get(field.header..).unwrap_or_default();
    let content = &content[..content.len().min(field.content)];
    if level == Level::Scope {
        // A span begins with its ids.
        return matches!(content, [0x0a, 16, rest @ ..] if rest.get(16..18) == Some(&[0x12, 8]));
    }
    // The scope, then a span; the resource, then a scope. The first may be missing.
    let Ok(first) = Field::of(content) else {
        return false;
    };
    let second = content.get(first.length()..).unwrap_or_default();
    let within = if level == Level::Request { Level::Resource } else { Level::Scope };
    begins(within, content) || first.number == 1 && first.kind == Kind::Bytes && begins(within, second)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use detectors::evidence::Dictionary;

    use super::*;

    /// Reads of numbers and lengths that decoding takes, for each byte.
    fn reads_a_byte(framing: Framing, bytes: &[u8]) -> usize {
        let dictionary = Mutex::new(Dictionary::default());
        let mut reading = Reading::new(&dictionary, 1);
        let place = Place { file: "hostile".into(), offset: 0, line: 0 };
        wire::counted::take();
        cut(framing, bytes);
        Decoder::new(framing).decode(&mut reading, &Block { bytes, place: &place, rest: Rest::Nothing });
        assert!(reading.skipped.records > 0);
        wire::counted::take() / bytes.len()
    }

    /// A number of up to 28 bits in four bytes.
    fn varint(value: usize) -> [u8; 4] {
        [0, 7, 14, 21].map(|shift| (value >> shift) as u8 & 0x7f | if shift < 21 { 0x80 } else { 0 })
    }

    fn field(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag][..], &varint(content.len()), content].concat()
    }

    fn ids() -> Vec<u8> {
        [&[0x0a, 16][..], &[7; 16], &[0x12, 8], &[7; 8]].concat()
    }

    /// In the name of a span begins one whose length reaches to the end, and in its next name another one.
    fn spans_within_spans(length: usize) -> Vec<u8> {
        let header = ids().len() + 10;
        let names = length / header;
        let mut spans = Vec::new();
        for left in (0..names).rev() {
            let inner = [&[0x12][..], &varint(left * header + ids().len() + 1), &ids()].concat();
            spans.extend(field(0x2a, &inner));
        }
        // No field begins so.
        spans.push(0x07);
        let outer = field(0x12, &[ids(), spans].concat());
        field(0x0a, &field(0x12, &outer))
    }

    /// Requests of many fields, and in each field a length and the begin of another one: it takes in all
    /// fields that follow, and ends within the last of them.
    fn lengths_within_lengths(length: usize) -> Vec<u8> {
        let request = |span: &[u8]| field(0x0a, &field(0x12, &field(0x12, span)));
        let inner = request(&ids());
        let whole = request(&[ids(), field(0x4a, &[&[0; 4], &inner[..]].concat())].concat()).len();
        let requests = length / whole;
        let mut bytes = vec![0xff; 4];
        for left in (0..requests).rev() {
            let reach = (left * whole + inner.len()).saturating_sub(1) as u32;
            bytes.extend(request(
                &[ids(), field(0x4a, &[&reach.to_be_bytes(), &inner[..]].concat())].concat(),
            ));
        }
        bytes.push(0x07);
        bytes
    }

    #[test]
    fn work_on_hostile_bytes_is_a_multiple_of_their_length() {
        for length in [1 << 16, 1 << 20] {
            let zeros = [0x80, 0x00].repeat(length / 2);
            for (name, framing, bytes) in [
                ("spans", Framing::Message, spans_within_spans(length)),
                ("lengths", Framing::LengthPrefixed, lengths_within_lengths(length)),
                ("zeros", Framing::VarintPrefixed, zeros.clone()),
                ("zeros", Framing::LengthPrefixed, zeros),
            ] {
                let reads = reads_a_byte(framing, &bytes);
                assert!(reads <= 64, "{name} of {length} bytes, {framing:?}: {reads} reads a byte");
            }
        }
    }
}
