//! Whole spans that were read before: programs write the same ones again and again, and only ids, times and few values in
//! them are others.
//!
//! A mould is a span as it is written, without what differs. Bytes that fit into it need not be read: what it was typed
//! as holds for them, too, but for what the mould takes out of them. It is found by the name of the span, which says nearly
//! always which one it is; what fits into none is read in full, so that nothing depends on what came before.

mod layouts;
mod pattern;

pub(super) use layouts::Holes;
pub(super) use pattern::{Draft, Pattern};

use std::hash::Hasher;

use detectors::evidence::{OriginRef, Span, Traced};
use rustc_hash::FxHasher;

use self::layouts::{Layout, Layouts};

use super::familiar::Path;
use super::raw::{Attributes, RawSpan};
use super::typing::{Library, Prototype, Typing};
use super::{otlp_json, otlp_protobuf};

/// Spans of one name, or of names with the same hash, that are known together.
const WAYS: usize = 8;

/// A power of two: with [`WAYS`], [`BYTES_MAX`] and [`HOLES_MAX`] at most 12 MB, and a tenth of that where programs write.
const SETS: usize = 256;

/// Longer spans are not known.
pub(super) const BYTES_MAX: usize = 2048;

/// Nor are those in which more differs.
pub(super) const HOLES_MAX: usize = 32;

/// After so many spans that fitted into no mould only a few of those with such a name become one: each of them may have
/// something that no other one has.
const PATIENCE: u32 = 16;

/// How few then: each so manieth.
const SELDOM: u32 = 32;

/// A span that is next, of which ids were read.
pub(super) trait Candidate<'b, M> {
    /// Its name, where that is found at once.
    fn name(&mut self) -> Option<&'b [u8]>;

    /// Takes times and those attributes that differ, if it fits.
    fn fit(&mut self, mould: &M, span: &mut RawSpan<'_>, attributes: &mut Attributes<'b>) -> Option<()>;

    /// Its bytes behind the ids, if it may be of this length.
    fn bytes(&self, length: usize) -> Option<&'b [u8]>;

    /// Whether nothing in these bytes ends a text, or is written otherwise than it is.
    fn is_text(bytes: &[u8]) -> bool;

    /// Takes a span with these bytes behind the ids, of which the times are at some place.
    fn take(&mut self, bytes: &'b [u8], times: usize) -> Option<(u64, u64)>;

    /// The bytes that were taken of one that fits, and where something differs in them.
    fn holes(&self, mould: &M) -> Option<(&'b [u8], Holes)>;
}

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
    /// The set of the last span that was taken.
    last: usize,
    layouts: Layouts,
}

#[derive(Debug)]
struct Set<M> {
    /// Those that came more often are in front.
    known: Vec<Known<M>>,
    misses: u32,
    /// The set of what came after such a span last time.
    next: usize,
}

#[derive(Debug)]
struct Known<M> {
    /// What recorded it: the same attributes may mean something else where something else did.
    library: Library,
    mould: M,
    prototype: Prototype,
}

/// A span that is tried.
struct Trial<'t, 'b, C> {
    candidate: C,
    raw: RawSpan<'b>,
    attributes: &'t mut Attributes<'b>,
    library: Library,
}

impl<'b, C> Trial<'_, 'b, C> {
    #[inline(always)]
    fn fits<M>(&mut self, known: &Known<M>) -> bool
    where
        C: Candidate<'b, M>,
    {
        known.library == self.library
            && self.candidate.fit(&known.mould, &mut self.raw, self.attributes).is_some()
    }
}

impl<M> Moulds<M> {
    /// Knows none.
    fn new() -> Self {
        let set = |_| Set { known: Vec::new(), misses: 0, next: 0 };
        Self { sets: (0..SETS).map(set).collect(), last: 0, layouts: Layouts::new() }
    }

    /// Takes a span of which `raw` has the ids, if it fits and is like those before.
    #[inline(always)]
    pub(super) fn take<'b>(
        &mut self,
        (candidate, raw): (impl Candidate<'b, M>, RawSpan<'b>),
        attributes: &mut Attributes<'b>,
        (typing, origin): (&mut Typing<'_>, OriginRef),
        spans: &mut Vec<Traced>,
    ) -> Result<(), Fits> {
        let mut trial = Trial { candidate, raw, attributes, library: typing.library(origin) };
        let span = match self.by_layout(&mut trial, typing, origin) {
            Some(span) => span,
            None => self.by_mould(&mut trial, typing, origin)?,
        };
        spans.push(Traced { trace: trial.raw.trace, span });
        Ok(())
    }

    /// A span that is like one before in all of its bytes but for those that surely do not matter, or are taken out.
    #[inline(always)]
    fn by_layout<'b, C: Candidate<'b, M>>(
        &mut self,
        trial: &mut Trial<'_, 'b, C>,
        typing: &mut Typing<'_>,
        origin: OriginRef,
    ) -> Option<Span> {
        let candidate = &trial.candidate;
        let (span, bytes, times, set) =
            self.layouts.expected(trial.library, |length| candidate.bytes(length), C::is_text)?;
        let typed = if cfg!(debug_assertions) { self.by_mould(trial, typing, origin).ok() } else { None };
        self.last = set;
        let Trial { candidate, raw, .. } = trial;
        (raw.start_ns, raw.end_ns) = candidate.take(bytes, times)?;
        let RawSpan { id, parent, start_ns, end_ns, .. } = *raw;
        let span = Span { id, parent, start_ns, end_ns, origin, ..span };
        debug_assert!(typed.is_none_or(|typed| typed == span), "{typed:?} is not {span:?}");
        raw.is_sound().then_some(span)
    }

    /// A span that fits into a mould.
    #[inline(always)]
    fn by_mould<'b, C: Candidate<'b, M>>(
        &mut self,
        trial: &mut Trial<'_, 'b, C>,
        typing: &mut Typing<'_>,
        origin: OriginRef,
    ) -> Result<Span, Fits> {
        // Spans follow one another in the order in which they did last time.
        let guess = self.sets[self.last].next;
        let (set, number) = match self.sets[guess].known.first() {
            Some(known) if trial.fits(known) => (guess, 0),
            _ => self.find(trial).ok_or(Fits::No)?,
        };
        let Trial { candidate, raw, attributes, library } = trial;
        self.sets[self.last].next = set;
        self.last = set;
        let Set { known, misses, .. } = &mut self.sets[set];
        *misses = 0;
        let Known { mould, prototype, .. } = &known[number];
        if !raw.is_sound() {
            return Err(Fits::Otherwise);
        }
        self.layouts.taken_statement().into_iter().for_each(|alike| typing.pass(alike));
        let mut span = prototype.span_of(raw, origin);
        typing.like(prototype, attributes, &mut span).ok_or(Fits::Otherwise)?;
        if let Some(hash) = layout_hash(prototype, attributes, &span, (set, number)) {
            self.layouts.met(hash, || {
                let (bytes, holes) = candidate.holes(mould)?;
                layout(bytes, holes, prototype, typing, (*library, set), &span)
            });
        }
        Ok(span)
    }

    /// The first mould that a span fits into by its name: its set, and its number there.
    fn find<'b>(&mut self, trial: &mut Trial<'_, 'b, impl Candidate<'b, M>>) -> Option<(usize, usize)> {
        let place = place(trial.candidate.name()?);
        let set = &mut self.sets[place];
        match set.known.iter().position(|known| trial.fits(known)) {
            Some(0) => Some((place, 0)),
            Some(number) => {
                set.known.swap(number - 1, number);
                Some((place, number - 1))
            }
            None => {
                set.misses = set.misses.saturating_add(1);
                None
            }
        }
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
        let Set { known, misses, .. } = &mut self.sets[place(raw.name)];
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

/// A hash of what is the same in spans with one layout; `None` where a span cannot have one.
#[inline]
fn layout_hash(
    prototype: &Prototype,
    attributes: &Attributes<'_>,
    span: &Span,
    (set, number): (usize, usize),
) -> Option<u64> {
    let mut hasher = FxHasher::default();
    hasher.write_usize(set << 8 | number);
    if let Some(told) = prototype.only_text()? {
        let text = told.text_of(attributes)?;
        hasher.write_usize(text.len());
        match told.is_statement() {
            true => hasher.write_u32(span.shape.0),
            // It is compared whole.
            false => hasher.write(text),
        }
    }
    // Those that do not matter have a length, too.
    attributes.iter().for_each(|(_, value)| hasher.write_usize(value.length()));
    Some(hasher.finish())
}

/// The layout of a span that was typed by its prototype.
#[cold]
fn layout(
    bytes: &[u8],
    mut holes: Holes,
    prototype: &Prototype,
    typing: &Typing<'_>,
    place: (Library, usize),
    span: &Span,
) -> Option<Layout> {
    let told = prototype.only_text()?;
    let mut statement = None;
    for (key, text) in std::mem::take(&mut holes.texts) {
        match told.filter(|told| key == Some(told.key())) {
            Some(told) if told.is_statement() => {
                let alike = typing.alike(told, bytes.get(text.clone())?)?;
                statement = Some((text, alike));
            }
            // It is compared whole.
            Some(_) => {}
            None => holes.texts.push((key, text)),
        }
    }
    Layout::of(bytes, holes, statement, place, span)
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
