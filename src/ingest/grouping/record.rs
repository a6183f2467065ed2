//! A span in a temporary file: about 60 bytes instead of 96 and its trace's id.
//!
//! Private to one run: nothing reads it but the process that wrote it. Numbers are
//! varints (LEB128) where they are mostly small and little-endian where they are
//! not; a trace id is written only where it differs from the record before.

use detectors::evidence::{
    Body, CacheResult, Effort, Kind, LocationRef, Logged, OriginRef, Role, ShapeRef, Span, Status, Symbol,
    TraceId, Traced, Values,
};

const KINDS: [Kind; Kind::COUNT] = [
    Kind::Entry,
    Kind::Sql,
    Kind::Document,
    Kind::Http,
    Kind::Rpc,
    Kind::Cache,
    Kind::Publish,
    Kind::Connect,
    Kind::PoolWait,
    Kind::LockWait,
    Kind::File,
    Kind::Internal,
];
const ROLES: [Role; 5] = [Role::Internal, Role::Server, Role::Client, Role::Producer, Role::Consumer];
const STATUSES: [Status; 2] = [Status::Ok, Status::Error];
const LOGGED: [Logged; 17] = [
    Logged::No,
    Logged::Tag,
    Logged::Step,
    Logged::Announced,
    Logged::Duration,
    Logged::Plan,
    Logged::Execution,
    Logged::Begun,
    Logged::Waiting,
    Logged::Locked,
    Logged::Database,
    Logged::Fetch,
    Logged::Failed,
    Logged::Connected,
    Logged::Ready,
    Logged::Disconnected,
    Logged::Spilled,
];
const CACHE_RESULTS: [CacheResult; 3] = [CacheResult::Unknown, CacheResult::Hit, CacheResult::Miss];

/// Set in the second byte where the trace is that of the record before.
const SAME_TRACE: u8 = 1 << 7;
/// Set in the second byte where the span stands for calls that were recorded together.
const COMPOSITE: u8 = 1 << 6;
/// Where the second byte tells the body; status and cache are before it.
const BODY: u32 = 3;

/// Writes spans one after another.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// What is written so far.
    pub(super) bytes: Vec<u8>,
    trace: TraceId,
}

impl Writer {
    /// Starts anew, with a record that depends on none before.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.trace = 0;
    }

    /// Appends one span.
    pub(super) fn write(&mut self, trace: TraceId, span: &Span) {
        let same = trace == self.trace;
        self.bytes.push(span.kind as u8 | (span.role as u8) << 4);
        self.bytes.push(
            span.status as u8
                | (span.cache as u8) << 1
                | span.body.to_bits() << BODY
                | if span.composite { COMPOSITE } else { 0 }
                | if same { SAME_TRACE } else { 0 },
        );
        if !same {
            self.trace = trace;
            self.bytes.extend_from_slice(&trace.to_le_bytes());
        }
        for number in [span.id, span.parent, span.start_ns, span.values.to_bits()] {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        self.varint(span.end_ns - span.start_ns);
        let interned = [span.origin.0, span.name.0, span.shape.0, span.target.0, span.location.0];
        interned.into_iter().for_each(|number| self.varint(number.into()));
        // Unknown is the largest number; one more makes it the smallest.
        for number in [span.rows, span.response_bytes, span.thread] {
            self.varint(number.wrapping_add(1).into());
        }
        self.varint(span.parameters.into());
        self.varint(span.examined.into());
        self.varint(span.repeats.into());
        self.varint(span.status_code.into());
        self.bytes.extend_from_slice(&[span.retries, span.effort.to_bits(), span.logged as u8]);
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }
}

/// Reads back what a [`Writer`] wrote; `None` where the bytes are not what it writes.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    trace: TraceId,
}

impl<'a> Reader<'a> {
    /// Reads from the first record.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, trace: 0 }
    }

    /// Whether all is read.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next span.
    pub(super) fn read(&mut self) -> Option<Traced> {
        let [first, second] = self.array()?;
        if second & SAME_TRACE == 0 {
            self.trace = TraceId::from_le_bytes(self.array()?);
        }
        let id = self.word()?;
        let parent = self.word()?;
        let start_ns = self.word()?;
        let values = Values::from_bits(self.word()?);
        let end_ns = start_ns.checked_add(self.varint()?)?;
        let span = Span {
            id,
            parent,
            start_ns,
            end_ns,
            values,
            origin: OriginRef(self.number()?),
            name: Symbol(self.number()?),
            shape: ShapeRef(self.number()?),
            target: Symbol(self.number()?),
            location: LocationRef(self.number()?),
            rows: self.number()?.wrapping_sub(1),
            response_bytes: self.number()?.wrapping_sub(1),
            thread: self.number()?.wrapping_sub(1),
            parameters: self.number()?,
            examined: self.number()?,
            repeats: self.number()?,
            status_code: self.number()?.try_into().ok()?,
            retries: self.array::<1>()?[0],
            effort: Effort::from_bits(self.array::<1>()?[0]),
            kind: *KINDS.get(usize::from(first & 0x0f))?,
            role: *ROLES.get(usize::from(first >> 4))?,
            status: *STATUSES.get(usize::from(second & 1))?,
            cache: *CACHE_RESULTS.get(usize::from(second >> 1 & 3))?,
            body: Body::from_bits(second >> BODY),
            composite: second & COMPOSITE != 0,
            logged: *LOGGED.get(usize::from(self.array::<1>()?[0]))?,
        };
        Some(Traced { trace: self.trace, span })
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*array)
    }

    fn word(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn number(&mut self) -> Option<u32> {
        self.varint()?.try_into().ok()
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use detectors::evidence::UNKNOWN;

    use super::*;

    fn spans() -> Vec<Traced> {
        let first = Span { rows: UNKNOWN, end_ns: u64::MAX, ..Span::default() };
        let mut spans = vec![Traced { trace: 0, span: first }];
        for (number, &kind) in KINDS.iter().enumerate() {
            let number = number as u32;
            let span = Span {
                id: u64::MAX - u64::from(number),
                parent: number.into(),
                start_ns: 1_700_000_000_000_000_000,
                end_ns: 1_700_000_000_000_000_000 + (1 << (number * 3)),
                values: Values::hashed(u64::MAX >> number),
                origin: OriginRef(number),
                name: Symbol(1 << number),
                shape: ShapeRef(u32::MAX >> number),
                target: Symbol(127 + number),
                location: LocationRef(number),
                rows: UNKNOWN - number,
                parameters: UNKNOWN >> number,
                examined: UNKNOWN >> number,
                response_bytes: number,
                thread: UNKNOWN,
                repeats: number + 1,
                status_code: 0xffff >> number,
                retries: number as u8,
                effort: Effort::from_bits(number as u8),
                kind,
                role: ROLES[number as usize % ROLES.len()],
                status: STATUSES[number as usize % 2],
                cache: CACHE_RESULTS[number as usize % 3],
                body: Body::from_bits(number as u8),
                composite: number.is_multiple_of(3),
                logged: LOGGED[number as usize % LOGGED.len()],
            };
            spans.push(Traced { trace: 7 << 70 | TraceId::from(number / 3), span });
        }
        spans
    }

    #[test]
    fn reads_what_it_wrote() {
        let mut writer = Writer::default();
        spans().iter().for_each(|Traced { trace, span }| writer.write(*trace, span));
        let mut reader = Reader::new(&writer.bytes);
        for span in spans() {
            assert_eq!(reader.read(), Some(span));
        }
        assert!(reader.is_empty());
    }

    #[test]
    fn refuses_what_is_cut_or_overwritten() {
        let mut writer = Writer::default();
        spans().iter().take(2).for_each(|Traced { trace, span }| writer.write(*trace, span));
        for end in 1..writer.bytes.len() {
            let mut reader = Reader::new(&writer.bytes[..end]);
            while !reader.is_empty() && reader.read().is_some() {}
        }
        assert_eq!(Reader::new(&[0xff; 200]).read(), None);
    }
}
