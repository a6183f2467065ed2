//! One part of all traces: its spans in memory and those in the file.

use std::io;
use std::ops::Range;

use detectors::evidence::{Span, SpanId, TraceId, Traced, is_session};

use super::spill::{Extent, Spill};
use super::waiting::{Commons, Own};

/// Spans in a chunk are at most two to the power of this: 48 KiB, so that no growth moves spans, threads seldom ask the
/// system for memory, and what partly filled chunks waste is small.
pub(super) const CHUNK_BITS_MAX: u32 = 10;

/// Spans in chunks of one size; all but the last are full.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    chunks: Vec<Vec<Own>>,
    bits: u32,
    runs: Vec<Run>,
    commons: Commons,
}

/// Spans of one trace that came one after another: exporters send most of them so.
#[derive(Debug, Clone, Copy)]
struct Run {
    trace: TraceId,
    /// Place of its first span.
    first: u32,
}

impl Chunks {
    /// Nothing yet, with chunks of two to the power of `bits` spans.
    pub(super) fn new(bits: u32) -> Self {
        Self { bits, ..Self::default() }
    }

    /// Adds spans of one trace.
    pub(super) fn push(&mut self, run: &[Traced]) {
        let Some(&Traced { trace, .. }) = run.first() else { return };
        if self.runs.last().is_none_or(|last| last.trace != trace) {
            self.runs.push(Run { trace, first: self.len() as u32 });
        }
        let size = 1 << self.bits;
        let mut rest = run;
        while !rest.is_empty() {
            let last = match self.chunks.last_mut() {
                Some(last) if last.len() < size => last,
                _ => self.chunks.push_mut(Vec::with_capacity(size)),
            };
            let (fits, more) = rest.split_at(rest.len().min(size - last.len()));
            // What is found again takes a third of a chunk.
            last.extend(fits.iter().map(|traced| self.commons.own(&traced.span, 2 * size)));
            rest = more;
        }
    }

    /// The span at a place.
    #[inline]
    pub(super) fn span(&self, place: u32) -> Span {
        self.commons.span(self.own(place))
    }

    /// When the span at a place starts, and its id.
    #[inline]
    pub(super) fn key(&self, place: u32) -> (u64, SpanId) {
        let own = self.own(place);
        (own.start_ns, own.id)
    }

    #[inline]
    fn own(&self, place: u32) -> &Own {
        let size_mask = (1 << self.bits) - 1;
        &self.chunks[(place >> self.bits) as usize][(place & size_mask) as usize]
    }

    /// The trace of each run of spans that belong together, in the order in which they came.
    pub(super) fn traces(&self) -> impl Iterator<Item = TraceId> {
        self.runs.iter().map(|run| run.trace)
    }

    /// The trace of a run.
    pub(super) fn trace_of(&self, run: u32) -> TraceId {
        self.runs[run as usize].trace
    }

    /// The places of a run's spans.
    pub(super) fn run(&self, number: u32) -> Range<u32> {
        let first_of = |number: usize| self.runs.get(number).map_or(self.len() as u32, |run| run.first);
        first_of(number as usize)..first_of(number as usize + 1)
    }

    /// How many spans there are.
    pub(super) fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| ((self.chunks.len() - 1) << self.bits) + last.len())
    }

    /// Bytes that the chunks take.
    pub(super) fn bytes(&self) -> usize {
        let chunks = self.chunks.len() * (size_of::<Own>() << self.bits);
        chunks + self.runs.capacity() * size_of::<Run>() + self.commons.bytes()
    }

    /// Takes everything out.
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new(self.bits))
    }

    /// Hands all spans on, run by run, and gives back the memory of each chunk once it is done with.
    pub(super) fn release<E>(self, mut each: impl FnMut(TraceId, &[Span]) -> Result<(), E>) -> Result<(), E> {
        let all = self.len();
        let ends = self.runs.iter().skip(1).map(|run| run.first as usize).chain([all]);
        let mut runs = self.runs.iter().zip(ends).peekable();
        let mut place = 0;
        let mut spans = Vec::with_capacity(1 << self.bits);
        for chunk in self.chunks {
            spans.clear();
            spans.extend(chunk.iter().map(|own| self.commons.span(own)));
            drop(chunk);
            let mut rest = &spans[..];
            while !rest.is_empty()
                && let Some((run, end)) = runs.peek()
            {
                let (together, more) = rest.split_at(rest.len().min(end - place));
                each(run.trace, together)?;
                place += together.len();
                rest = more;
                if place == *end {
                    runs.next();
                }
            }
        }
        Ok(())
    }
}

/// The spans of those traces whose ids have one hash.
#[derive(Debug, Default)]
pub(super) struct Partition {
    /// In memory.
    pub(super) chunks: Chunks,
    /// In the file.
    pub(super) extents: Vec<Extent>,
    first: Option<TraceId>,
    /// There is more than one trace.
    pub(super) mixed: bool,
    /// When the first and the last of the lines of a session are written, as long as it is the only one.
    starts_ns: Option<(u64, u64)>,
}

impl Partition {
    /// Nothing yet, with chunks of two to the power of `bits` spans.
    pub(super) fn new(bits: u32) -> Self {
        Self { chunks: Chunks::new(bits), ..Self::default() }
    }

    /// Adds spans of one trace.
    pub(super) fn push(&mut self, run: &[Traced]) {
        if let Some(&Traced { trace, .. }) = run.first() {
            self.mixed |= *self.first.get_or_insert(trace) != trace;
            if is_session(trace) && !self.mixed {
                let all_ns = run
                    .iter()
                    .map(|traced| (traced.span.start_ns, traced.span.start_ns))
                    .chain(self.starts_ns);
                self.starts_ns = all_ns.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
            }
            self.chunks.push(run);
        }
    }

    /// When the first and the last line are written, where all are of one session and not of one moment.
    pub(super) fn session_extent(&self) -> Option<(TraceId, (u64, u64))> {
        let session = self.first.filter(|&trace| is_session(trace) && !self.mixed)?;
        self.starts_ns.filter(|(from_ns, until_ns)| from_ns < until_ns).map(|extent_ns| (session, extent_ns))
    }

    /// How many spans there are, in memory and in the file.
    pub(super) fn len(&self) -> u64 {
        self.chunks.len() as u64 + self.extents.iter().map(|extent| extent.spans).sum::<u64>()
    }

    /// Whether it is in memory, or takes no more than so many bytes of it.
    pub(super) fn fits(&self, bytes: usize) -> bool {
        self.extents.is_empty() || self.len().saturating_mul(size_of::<Span>() as u64) <= bytes as u64
    }

    /// Reads everything into memory.
    pub(super) fn load(mut self, spill: &Spill) -> io::Result<Chunks> {
        let mut bytes = Vec::new();
        for extent in std::mem::take(&mut self.extents) {
            spill.read(extent, &mut bytes, |traced| self.chunks.push(&[traced]))?;
        }
        Ok(self.chunks)
    }

    /// Hands all spans on, a piece at a time.
    pub(super) fn drain(
        mut self,
        spill: &Spill,
        mut each: impl FnMut(&mut Vec<Traced>) -> io::Result<()>,
    ) -> io::Result<()> {
        let (mut bytes, mut spans) = (Vec::new(), Vec::new());
        self.chunks.take().release(|trace, run| {
            spans.extend(run.iter().map(|&span| Traced { trace, span }));
            if spans.len() >> CHUNK_BITS_MAX > 0 { each(&mut spans) } else { Ok(()) }
        })?;
        for extent in self.extents {
            spill.read(extent, &mut bytes, |traced| spans.push(traced))?;
            each(&mut spans)?;
        }
        each(&mut spans)
    }
}
