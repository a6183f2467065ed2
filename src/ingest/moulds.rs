//! Whole spans that were read before: programs write the same ones again and again, and only ids, times and few values in
//! them are others.
//!
//! A mould is a span as it is written, without what differs. Bytes that fit into it need not be read: what it was typed
//! as holds for them, too, but for what the mould takes out of them. It is found by the name of the span, which says nearly
//! always which one it is; what fits into none is read in full, so that nothing depends on what came before.

use detectors::evidence::{OriginRef, Traced};

use super::familiar::Path;
use super::raw::{Attributes, RawSpan};
use super::typing::{Library, Prototype, Typing};
use super::{otlp_json, otlp_protobuf};

/// Spans of one name, or of names with the same hash, that are known together.
const WAYS: usize = 8;

/// A power of two: with [`WAYS`] and [`BYTES_MAX`] at most 4 MB.
const SETS: usize = 256;

/// Longer spans are not known.
pub(super) const BYTES_MAX: usize = 2048;

/// After so many spans that fitted into no mould only a few of those with such a name become one: each of them may have
/// something that no other one has.
const PATIENCE: u32 = 16;

/// How few then: each so manieth.
const SELDOM: u32 = 32;

/// Why a span was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fits {
    /// It fits, but says something else.
    Otherwise,
    /// It fits into no mould.
    No,
}

/// The moulds of each format that is read so.
#[derive(Debug)]
pub(super) struct OfFormats {
    pub(super) json: Moulds<otlp_json::Mould>,
    pub(super) protobuf: Moulds<otlp_protobuf::Mould>,
}

impl Default for OfFormats {
    fn default() -> Self {
        Self { json: Moulds::new(), protobuf: Moulds::new() }
    }
}

/// Spans of one format as they are written, and what they were typed as.
#[derive(Debug)]
pub(super) struct Moulds<M> {
    sets: Vec<Set<M>>,
}

#[derive(Debug)]
struct Set<M> {
    /// Those that came more often are in front.
    known: Vec<Known<M>>,
    misses: u32,
}

#[derive(Debug)]
struct Known<M> {
    /// What recorded it: the same attributes may mean something else where something else did.
    library: Library,
    mould: M,
    prototype: Prototype,
}

impl<M> Moulds<M> {
    /// Knows none.
    fn new() -> Self {
        Self { sets: (0..SETS).map(|_| Set { known: Vec::new(), misses: 0 }).collect() }
    }

    /// Takes a span of which `raw` has the ids, with this name, if it fits and is like those before; `fit` takes the rest
    /// out of it by a mould.
    #[inline(always)]
    pub(super) fn take<'b>(
        &mut self,
        (name, mut raw): (&[u8], RawSpan<'b>),
        attributes: &mut Attributes<'b>,
        (typing, origin): (&mut Typing<'_>, OriginRef),
        spans: &mut Vec<Traced>,
        mut fit: impl FnMut(&M, &mut RawSpan<'b>, &mut Attributes<'b>) -> Option<()>,
    ) -> Result<(), Fits> {
        let library = typing.library(origin);
        let fit = |mould: &M| fit(mould, &mut raw, attributes);
        let prototype = self.find(name, library, fit).ok_or(Fits::No)?;
        if !raw.is_sound() {
            return Err(Fits::Otherwise);
        }
        let traced = spans.push_mut(Traced { trace: raw.trace, span: prototype.span_of(&raw, origin) });
        if typing.like(prototype, attributes, &mut traced.span).is_none() {
            spans.pop();
            return Err(Fits::Otherwise);
        }
        Ok(())
    }

    /// The first mould that a span fits into: the times that were taken, and what such spans were typed as.
    #[inline(always)]
    fn find(
        &mut self,
        name: &[u8],
        library: Library,
        mut fit: impl FnMut(&M) -> Option<()>,
    ) -> Option<&Prototype> {
        let set = self.sets.get_mut(place(name))?;
        let mut fits = set.known.iter().enumerate();
        let found = fits.find(|(_, known)| known.library == library && fit(&known.mould).is_some());
        let Some((mut number, _)) = found else {
            set.misses = set.misses.saturating_add(1);
            return None;
        };
        set.misses = 0;
        if number > 0 {
            set.known.swap(number - 1, number);
            number -= 1;
        }
        Some(&set.known[number].prototype)
    }

    /// Makes a mould of a span that fitted into none and was typed, where others are likely to fit.
    #[cold]
    pub(super) fn learn(
        &mut self,
        raw: &RawSpan<'_>,
        path: Path,
        (typing, origin): (&mut Typing<'_>, OriginRef),
        mould: impl FnOnce() -> Option<M>,
    ) {
        let library = typing.library(origin);
        let Some(prototype) = typing.prototype(raw, path, origin) else { return };
        let Set { known, misses } = &mut self.sets[place(raw.name)];
        let is_likely = *misses <= PATIENCE || *misses % SELDOM == 0;
        if !is_likely || !prototype.is_told_once(raw.attributes) {
            return;
        }
        let Some(mould) = mould() else { return };
        // The one that came least often goes where there are too many.
        known.truncate(WAYS - 1);
        known.push(Known { library, mould, prototype: prototype.clone() });
    }
}

/// The set of a name: by its length, its first and its last bytes.
#[inline(always)]
fn place(name: &[u8]) -> usize {
    let (first, last) = match (name.first_chunk(), name.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (name.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)), 0),
    };
    let mixed = (first ^ last.rotate_left(23) ^ name.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize % SETS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_length_have_a_place() {
        let names = ["", "a", "SELECT", "SELECT shop", "SELECT stock", "GET /orders/{id}"];
        let mut places: Vec<usize> = names.iter().map(|name| place(name.as_bytes())).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), names.len());
    }
}
