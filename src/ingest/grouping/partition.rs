//! One part of all traces: its spans in memory and those in the file.

use std::io;

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
}

impl Chunks {
    /// Nothing yet, with chunks of two to the power of `bits` spans.
    pub(super) fn new(bits: u32) -> Self {
        Self { chunks: Vec::new(), bits }
    }

    /// Adds a span; whether that took a new chunk.
    pub(super) fn push(&mut self, span: Span) -> bool {
        let size = 1 << self.bits;
        if let Some(last) = self.chunks.last_mut().filter(|last| last.len() < size) {
            last.push(span);
            return false;
        }
        let mut chunk = Vec::with_capacity(size);
        chunk.push(span);
        self.chunks.push(chunk);
        true
    }

    /// The span at a place.
    pub(super) fn get(&self, place: u32) -> &Span {
        let size_mask = (1 << self.bits) - 1;
        &self.chunks[(place >> self.bits) as usize][(place & size_mask) as usize]
    }

    /// All spans in the order of their places.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Span> {
        self.chunks.iter().flatten()
    }

    /// How many spans there are.
    pub(super) fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| ((self.chunks.len() - 1) << self.bits) + last.len())
    }

    /// Bytes that the chunks take.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.len() * (size_of::<Span>() << self.bits)
    }

    /// Takes the chunks out.
    pub(super) fn take(&mut self) -> Vec<Vec<Span>> {
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

    /// Adds spans; how many chunks that took.
    pub(super) fn extend<'a>(&mut self, spans: impl Iterator<Item = &'a Span>) -> usize {
        let mut taken = 0;
        for span in spans {
            self.mixed |= *self.first.get_or_insert(span.trace) != span.trace;
            taken += usize::from(self.chunks.push(*span));
        }
        taken
    }

    /// How many spans there are, in memory and in the file.
    pub(super) fn len(&self) -> u64 {
        self.chunks.len() as u64 + self.extents.iter().map(|extent| extent.spans).sum::<u64>()
    }

    /// Reads everything into memory.
    pub(super) fn load(mut self, spill: &Spill) -> io::Result<Chunks> {
        let mut bytes = Vec::new();
        for extent in std::mem::take(&mut self.extents) {
            spill.read(extent, &mut bytes, |span| {
                self.chunks.push(span);
            })?;
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
