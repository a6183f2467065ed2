//! Spans as they wait for their trace, in half of the memory that they take else: what each has of its own, and what it
//! has in common with many others, which is kept once for all of these.

use std::hash::Hasher;

use detectors::evidence::{
    Body, CacheResult, Effort, Kind, LocationRef, Logged, OriginRef, Role, ShapeRef, Span, SpanId, Status,
    Symbol, UNKNOWN, Values,
};
use rustc_hash::FxHasher;

/// What a span has of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    pub(super) id: SpanId,
    parent: SpanId,
    pub(super) start_ns: u64,
    values: Values,
    shape: ShapeRef,
    /// How long it took, but for what is beyond 32 bits.
    took_ns: u32,
    /// The count that differs most, if one is known.
    count: u32,
    /// The number of what it has in common with others.
    common: u32,
}

const _: () = assert!(size_of::<Own>() == 48, "more memory for each span that waits for its trace");

/// What many spans have in common: everything that is not their own.
#[derive(Debug, Clone, Copy)]
struct Common {
    origin: OriginRef,
    name: Symbol,
    target: Symbol,
    location: LocationRef,
    /// [`UNKNOWN`] where it is each one's own.
    response_bytes: u32,
    thread: u32,
    repeats: u32,
    parameters: u32,
    examined: u32,
    /// What is beyond 32 bits of how long they took.
    took_ns: u32,
    status_code: u16,
    retries: u8,
    kind: Kind,
    role: Role,
    status: Status,
    cache: CacheResult,
    body: Body,
    effort: Effort,
    composite: bool,
    logged: Logged,
    count: Count,
}

/// All of what spans have in common.
type Words = [u64; 7];

/// Which count each has of its own: the first of these that is known.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Count {
    Rows,
    ResponseBytes,
    Thread,
}

/// What the spans of one partition have in common.
#[derive(Debug, Default)]
pub(super) struct Commons {
    all: Vec<Common>,
    /// The numbers of the two that came last for each hash, the later one in front.
    latest: Vec<[u32; 2]>,
}

impl Commons {
    /// What is left of a span when what it has in common with others is kept here, where twice `hashes` of these are
    /// found again: a power of two.
    #[inline]
    pub(super) fn own(&mut self, span: &Span, hashes: usize) -> Own {
        let (common, count) = Common::of(span);
        let number = self.number(&common.words(), hashes, || Common::of(span).0);
        Own {
            id: span.id,
            parent: span.parent,
            start_ns: span.start_ns,
            values: span.values,
            shape: span.shape,
            took_ns: span.end_ns.wrapping_sub(span.start_ns) as u32,
            count,
            common: number,
        }
    }

    /// The number of what has these words, which is described where it is not found again.
    #[inline(always)]
    fn number(&mut self, words: &Words, hashes: usize, describe: impl FnOnce() -> Common) -> u32 {
        if self.latest.is_empty() {
            self.latest.resize(hashes, [0; 2]);
        }
        let place = hash(words) as usize & (self.latest.len() - 1);
        let is_it = |number: &u32| self.all.get(*number as usize).is_some_and(|it| it.is(words));
        let latest = self.latest[place].into_iter().find(is_it);
        latest.unwrap_or_else(|| self.add(describe, place))
    }

    #[cold]
    #[inline(never)]
    fn add(&mut self, describe: impl FnOnce() -> Common, place: usize) -> u32 {
        let number = self.all.len() as u32;
        self.all.push(describe());
        self.latest[place] = [number, self.latest[place][0]];
        number
    }

    /// The whole span.
    #[inline]
    pub(super) fn span(&self, own: &Own) -> Span {
        let common = &self.all[own.common as usize];
        let took_ns = u64::from(common.took_ns) << 32 | u64::from(own.took_ns);
        let (mut rows, mut response_bytes, mut thread) = (UNKNOWN, common.response_bytes, common.thread);
        match common.count {
            Count::Rows => rows = own.count,
            Count::ResponseBytes => response_bytes = own.count,
            Count::Thread => thread = own.count,
        }
        Span {
            id: own.id,
            parent: own.parent,
            start_ns: own.start_ns,
            end_ns: own.start_ns.wrapping_add(took_ns),
            values: own.values,
            origin: common.origin,
            name: common.name,
            shape: own.shape,
            target: common.target,
            location: common.location,
            rows,
            response_bytes,
            thread,
            repeats: common.repeats,
            parameters: common.parameters,
            examined: common.examined,
            status_code: common.status_code,
            retries: common.retries,
            kind: common.kind,
            role: common.role,
            status: common.status,
            cache: common.cache,
            body: common.body,
            effort: common.effort,
            composite: common.composite,
            logged: common.logged,
        }
    }

    /// Bytes that these take.
    pub(super) fn bytes(&self) -> usize {
        self.all.capacity() * size_of::<Common>() + self.latest.capacity() * size_of::<[u32; 2]>()
    }
}

impl Common {
    /// What a span has in common with others, and the count that it has of its own.
    #[inline(always)]
    fn of(span: &Span) -> (Self, u32) {
        let (count, own, response_bytes, thread) = match (span.rows, span.response_bytes) {
            (UNKNOWN, UNKNOWN) => (Count::Thread, span.thread, UNKNOWN, UNKNOWN),
            (UNKNOWN, bytes) => (Count::ResponseBytes, bytes, UNKNOWN, span.thread),
            (rows, bytes) => (Count::Rows, rows, bytes, span.thread),
        };
        let common = Self {
            origin: span.origin,
            name: span.name,
            target: span.target,
            location: span.location,
            response_bytes,
            thread,
            repeats: span.repeats,
            parameters: span.parameters,
            examined: span.examined,
            took_ns: (span.end_ns.wrapping_sub(span.start_ns) >> 32) as u32,
            status_code: span.status_code,
            retries: span.retries,
            kind: span.kind,
            role: span.role,
            status: span.status,
            cache: span.cache,
            body: span.body,
            effort: span.effort,
            composite: span.composite,
            logged: span.logged,
            count,
        };
        (common, own)
    }

    /// All of it in few words, which are quickly compared.
    #[inline(always)]
    fn words(&self) -> Words {
        let two = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let [status, code] = self.status_code.to_le_bytes();
        let (body, effort, composite) = (self.body.to_bits(), self.effort.to_bits(), self.composite as u8);
        let (logged, kind, role) = (self.logged as u8, self.kind as u8, self.role as u8);
        let (cache, count, ended) = (self.cache as u8, self.count as u8, self.status as u8);
        [
            two(self.origin.0, self.name.0),
            two(self.target.0, self.location.0),
            two(self.response_bytes, self.thread),
            two(self.repeats, self.parameters),
            two(self.examined, self.took_ns),
            // In the order in which they are kept, so that they are read at once.
            u64::from_le_bytes([status, code, self.retries, body, effort, logged, kind, role]),
            u64::from_le_bytes([cache, count, ended, composite, 0, 0, 0, 0]),
        ]
    }

    #[inline(always)]
    fn is(&self, words: &Words) -> bool {
        self.words().iter().zip(words).fold(0, |differ, (one, other)| differ | (one ^ other)) == 0
    }
}

/// A hash of the words that differ most.
#[inline(always)]
fn hash(words: &Words) -> u64 {
    let mut hasher = FxHasher::default();
    words[..6].iter().for_each(|word| hasher.write_u64(*word));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_come_out_as_they_went_in() {
        let counts =
            [(UNKNOWN, UNKNOWN, UNKNOWN), (3, 4, 5), (UNKNOWN, 4, UNKNOWN), (UNKNOWN, UNKNOWN, 9), (0, 0, 0)];
        let took = [0, 5, u64::from(u32::MAX), 1 << 32, 86_400_000_000_000, u64::MAX - 9];
        let mut spans = vec![Span::lost()];
        for (rows, response_bytes, thread) in counts {
            for (number, took_ns) in took.into_iter().enumerate() {
                let name = Symbol(number as u32 % 2);
                let (id, end_ns) = (number as u64 + 1, 9 + took_ns);
                let values = Values::hashed(u64::MAX - took_ns);
                spans.push(Span {
                    id,
                    start_ns: 9,
                    end_ns,
                    rows,
                    response_bytes,
                    thread,
                    name,
                    values,
                    ..Span::default()
                });
            }
        }
        for hashes in [1, 2, 64] {
            let mut commons = Commons::default();
            let own: Vec<Own> = spans.iter().chain(&spans).map(|span| commons.own(span, hashes)).collect();
            assert!(own.iter().zip(spans.iter().chain(&spans)).all(|(own, span)| commons.span(own) == *span));
            assert!(hashes < 64 || commons.all.len() <= spans.len());
            let [one, other] = [5, 6].map(|id| commons.own(&Span { id, ..spans[3] }, hashes).common);
            assert_eq!(one, other);
        }
    }
}
