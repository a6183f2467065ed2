//! One part of all traces: its spans in memory and those in the file.

use std::io;
use std::ops::Range;

use detectors::evidence::{Span, TraceId};

use super::spill::{Extent, Spill};

/// Spans in a chunk are at most two to the power of this: 16 KiB, so that no growth moves spans
/// and what partly filled chunks waste is small.
pub(super) const CHUNK_BITS_MAX: u32 = 7;

/// Spans in chunks of one size; all but the last are full.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    chunks: Vec<Vec<Span>>,
    bits: u32,
    runs: Vec<Run>,
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
        Self { chunks: Vec::new(), bits, runs: Vec::new() }
    }

    /// Adds spans of one trace.
    pub(super) fn push(&mut self, spans: &[Span]) {
        let Some(&Span { trace, .. }) = spans.first() else { return };
        if self.runs.last().is_none_or(|last| last.trace != trace) {
            self.runs.push(Run { trace, first: self.len() as u32 });
        }
        let size = 1 << self.bits;
        let mut rest = spans;
        while !rest.is_empty() {
            let last = match self.chunks.last_mut() {
                Some(last) if last.len() < size => last,
                _ => self.chunks.push_mut(Vec::with_capacity(size)),
            };
            let (fits, more) = rest.split_at(rest.len().min(size - last.len()));
            last.extend_from_slice(fits);
            rest = more;
        }
    }

    /// The span at a place.
    pub(super) fn get(&self, place: u32) -> &Span {
        let size_mask = (1 << self.bits) - 1;
        &self.chunks[(place >> self.bits) as usize][(place & size_mask) as usize]
    }

    /// The trace of each run of spans that belong together, in the order in which they came.
    pub(super) fn traces(&self) -> impl Iterator<Item = TraceId> {
        self.runs.iter().map(|run| run.trace)
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
        self.chunks.len() * (size_of::<Span>() << self.bits) + self.runs.capacity() * size_of::<Run>()
    }

    /// Takes the chunks out.
    pub(super) fn take(&mut self) -> Vec<Vec<Span>> {
        self.runs = Vec::new();
        std::mem::take(&mut self.chunks)
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
}

impl Partition {
    /// Nothing yet, with chunks of two to the power of `bits` spans.
    pub(super) fn new(bits: u32) -> Self {
        Self { chunks: Chunks::new(bits), ..Self::default() }
    }

    /// Adds spans of one trace.
    pub(super) fn push(&mut self, spans: &[Span]) {
        if let Some(span) = spans.first() {
            self.mixed |= *self.first.get_or_insert(span.trace) != span.trace;
            self.chunks.push(spans);
        }
    }

    /// How many spans there are, in memory and in the file.
    pub(super) fn len(&self) -> u64 {
        self.chunks.len() as u64 + self.extents.iter().map(|extent| extent.spans).sum::<u64>()
    }

    /// Reads everything into memory.
    pub(super) fn load(mut self, spill: &Spill) -> io::Result<Chunks> {
        let mut bytes = Vec::new();
        for extent in std::mem::take(&mut self.extents) {
            spill.read(extent, &mut bytes, |span| self.chunks.push(&[span]))?;
        }
        Ok(self.chunks)
    }

    /// Hands all spans on, a piece at a time.
    pub(super) fn drain(
        mut self,
        spill: &Spill,
        mut each: impl FnMut(&mut Vec<Span>) -> io::Result<()>,
    ) -> io::Result<()> {
        for mut chunk in self.chunks.take() {
            each(&mut chunk)?;
        }
        let (mut bytes, mut spans) = (Vec::new(), Vec::new());
        for extent in self.extents {
            spill.read(extent, &mut bytes, |span| spans.push(span))?;
            each(&mut spans)?;
        }
        Ok(())
    }
}
