//! Spans in which everything is at the same place as in one before: also their texts are as long, and statements in
//! them differ in plain literals only. Bytes of such a span are compared in one go, and its statement is known with them.
//!
//! Spans follow one another in few orders, so that only those are tried that came next before. What a mould makes of a
//! span of which none came true may become a layout, if it comes again.

use std::ops::Range;

use detectors::evidence::Span;
use detectors::evidence::shape::sql::Alike;

use crate::ingest::attributes::Key;
use crate::ingest::typing::Library;

/// Layouts that are known at once; with [`BYTES_MAX`] at most 3 MB.
const LAYOUTS_MAX: usize = 1024;

/// Longer spans have none.
const BYTES_MAX: usize = 1024;

/// A power of two: so many spans that came once are remembered, those that have a layout for as long as it is.
const SLOTS: usize = 4096;

/// So many that may come next are tried.
const NEXT: usize = 4;

/// After so many spans without a layout all are forgotten where there is no room: other programs write now.
const MISSED_MAX: u32 = 1 << 17;

/// Bytes that are compared at once.
const WIDE: usize = 16;

/// The number of no layout: none was made yet.
const NONE: u32 = u32::MAX;

/// None can be made.
const NEVER: u32 = u32::MAX - 1;

/// Where in a span's bytes something differs that does not matter or is taken out of them.
#[derive(Debug, Default)]
pub(in crate::ingest) struct Holes {
    /// Where both times begin.
    pub(in crate::ingest) times: usize,
    /// What may be anything.
    pub(in crate::ingest) free: Vec<Range<usize>>,
    /// Texts of attributes that may be others; no key where they mean nothing.
    pub(in crate::ingest) texts: Vec<(Option<Key>, Range<usize>)>,
}

/// The layouts of one format.
#[derive(Debug)]
pub(super) struct Layouts {
    all: Vec<Layout>,
    /// For hashes of what spans are, such a hash and the number of its layout.
    slots: Vec<(u64, u32)>,
    /// Of the last span that had one.
    last: u32,
    /// The last span was taken by it.
    taken: bool,
    missed: u32,
}

/// Where everything is in a span, and what it was typed as.
#[derive(Debug)]
pub(super) struct Layout {
    library: Library,
    length: usize,
    /// What is compared: the bytes, zero where they differ, and where they do not. The last ones overlap.
    same: Box<[Wide]>,
    end: Wide,
    times: usize,
    /// Texts that may differ.
    texts: Box<[Range<usize>]>,
    statement: Option<(Range<usize>, Alike)>,
    span: Span,
    /// The set of its mould.
    set: usize,
    /// Those that came next before, the more frequent ones in front.
    next: [u32; NEXT],
}

/// Bytes, and which of their bits are compared.
#[derive(Debug, Clone, Copy)]
struct Wide {
    bytes: [u8; WIDE],
    mask: [u8; WIDE],
}

impl Layout {
    /// The layout of a span with these bytes that was typed as `span` by a mould of this set. All `texts` may differ, and
    /// so may the literals of the statement.
    pub(super) fn of(
        bytes: &[u8],
        Holes { times, free, texts }: Holes,
        statement: Option<(Range<usize>, Alike)>,
        (library, set): (Library, usize),
        span: &Span,
    ) -> Option<Self> {
        if bytes.len() > BYTES_MAX {
            return None;
        }
        let (mut same, mut mask) = (bytes.to_vec(), vec![u8::MAX; bytes.len()]);
        let mut texts: Vec<_> = texts.into_iter().map(|(_, text)| text).collect();
        let literals = statement.iter().flat_map(|(text, alike)| {
            alike.differs().map(|literal| text.start + literal.start..text.start + literal.end)
        });
        for differs in free.into_iter().chain(texts.iter().cloned()).chain(literals) {
            same.get_mut(differs.clone())?.fill(0);
            mask.get_mut(differs)?.fill(0);
        }
        texts.extend(statement.iter().map(|(text, _)| text.clone()));
        let (wide, masks) = (same.as_chunks().0, mask.as_chunks().0);
        Some(Self {
            library,
            length: bytes.len(),
            same: wide.iter().zip(masks).map(|(bytes, mask)| Wide { bytes: *bytes, mask: *mask }).collect(),
            end: Wide { bytes: *same.last_chunk()?, mask: *mask.last_chunk()? },
            times,
            texts: texts.into(),
            statement,
            span: *span,
            set,
            next: [NONE; NEXT],
        })
    }

    /// Whether bytes of its length are the same but for what may differ, and what does is text.
    #[inline(always)]
    fn fits(&self, bytes: &[u8], is_text: impl Fn(&[u8]) -> bool) -> bool {
        let Some(end) = bytes.last_chunk() else { return false };
        let (mut at_end, mut differ) = ([0; WIDE], [0; WIDE]);
        self.end.note(end, &mut at_end);
        // Those of another length end elsewhere.
        if at_end != [0; WIDE] {
            return false;
        }
        for (bytes, same) in bytes.as_chunks().0.iter().zip(&self.same) {
            same.note(bytes, &mut differ);
        }
        differ == [0; WIDE] && self.texts.iter().all(|text| bytes.get(text.clone()).is_some_and(&is_text))
    }

    /// The span that bytes stand for which fit, without its ids and times. `None` where a literal is of another kind.
    #[inline(always)]
    fn span(&self, bytes: &[u8]) -> Option<Span> {
        let values = match &self.statement {
            Some((text, alike)) => alike.values(bytes.get(text.clone())?)?,
            None => self.span.values,
        };
        Some(Span { values, ..self.span })
    }
}

impl Wide {
    /// Notes which bits differ that are compared.
    #[inline(always)]
    fn note(&self, bytes: &[u8; WIDE], differ: &mut [u8; WIDE]) {
        for (place, differ) in differ.iter_mut().enumerate() {
            *differ |= (bytes[place] ^ self.bytes[place]) & self.mask[place];
        }
    }
}

impl Layouts {
    pub(super) fn new() -> Self {
        Self { all: Vec::new(), slots: vec![(0, NONE); SLOTS], last: NONE, taken: false, missed: 0 }
    }

    /// The span whose bytes are next, if it has one of the layouts that came next before: without its ids and times.
    /// Also its bytes, where its times are, and the set of its mould. `bytes` gives as many as are asked for.
    #[inline(always)]
    pub(super) fn expected<'b>(
        &mut self,
        library: Library,
        bytes: impl Fn(usize) -> Option<&'b [u8]>,
        is_text: impl Fn(&[u8]) -> bool,
    ) -> Option<(Span, &'b [u8], usize, usize)> {
        let next = self.all.get(self.last as usize)?.next;
        for (place, number) in next.into_iter().enumerate() {
            let layout = self.all.get(number as usize)?;
            if let Some(bytes) = bytes(layout.length)
                && layout.library == library
                && layout.fits(bytes, &is_text)
            {
                let (span, times, set) = (layout.span(bytes)?, layout.times, layout.set);
                if place > 0 {
                    self.all[self.last as usize].next.swap(place - 1, place);
                }
                (self.last, self.taken) = (number, true);
                return Some((span, bytes, times, set));
            }
        }
        None
    }

    /// The statement of the last span, if it was taken by its layout.
    pub(super) fn taken_statement(&mut self) -> Option<&Alike> {
        let last = self.all.get(self.last as usize).filter(|_| std::mem::take(&mut self.taken))?;
        last.statement.as_ref().map(|(_, alike)| alike)
    }

    /// Notes a span that was typed by its mould, by a hash of what it is; `layout` makes one of it where it came
    /// before.
    #[inline]
    pub(super) fn met(&mut self, hash: u64, layout: impl FnOnce() -> Option<Layout>) {
        let places = [hash as usize % SLOTS, (hash as usize % SLOTS) ^ 1];
        match places.into_iter().find(|place| self.slots[*place].0 == hash) {
            Some(place) => match self.slots[place].1 {
                NONE => self.learn(place, layout),
                NEVER => {}
                number => self.follows(number),
            },
            None => {
                let place = places.into_iter().find(|place| matches!(self.slots[*place].1, NONE | NEVER));
                place.into_iter().for_each(|place| self.slots[place] = (hash, NONE));
            }
        }
    }

    #[cold]
    fn learn(&mut self, place: usize, layout: impl FnOnce() -> Option<Layout>) {
        if self.all.len() == LAYOUTS_MAX {
            self.missed += 1;
            if self.missed == MISSED_MAX {
                *self = Self::new();
            }
            return;
        }
        let layout = layout();
        let number = if layout.is_some() { self.all.len() as u32 } else { NEVER };
        self.slots[place].1 = number;
        if let Some(layout) = layout {
            self.all.push(layout);
            self.follows(number);
        }
    }

    /// Notes what comes after the last span, and is the last one now.
    fn follows(&mut self, number: u32) {
        let last = std::mem::replace(&mut self.last, number);
        let Some(layout) = self.all.get_mut(last as usize) else { return };
        if !layout.next.contains(&number) {
            let free = layout.next.iter().position(|next| *next == NONE);
            layout.next[free.unwrap_or(NEXT - 1)] = number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Range<usize> = 10..18;
    const TEXT: Range<usize> = 30..33;

    fn layout(bytes: &[u8], span: &Span) -> Option<Layout> {
        let holes = Holes { times: 9, free: vec![FREE], texts: vec![(None, TEXT)] };
        Layout::of(bytes, holes, None, (Library::Other, 7), span)
    }

    #[test]
    fn each_byte_is_compared_that_may_not_differ() {
        let bytes: Vec<u8> = (0..45).collect();
        let span = Span { rows: 3, ..Span::default() };
        let mut layouts = Layouts::new();
        (0..3).for_each(|_| layouts.met(9, || layout(&bytes, &span)));
        let mut seen = |bytes: &[u8], is_text: bool| {
            let given = |length| (length == bytes.len()).then_some(bytes);
            let found = layouts.expected(Library::Other, given, |_| is_text);
            found.map(|(span, _, times, set)| (span, times, set))
        };
        assert_eq!(seen(&bytes, true), Some((span, 9, 7)));
        assert_eq!(seen(&bytes, false), None);
        assert_eq!(seen(&bytes[..44], true), None);
        for place in 0..bytes.len() {
            let mut other = bytes.clone();
            other[place] ^= 1;
            let may_differ = FREE.contains(&place) || TEXT.contains(&place);
            assert_eq!(seen(&other, true).is_some(), may_differ, "{place}");
        }
    }

    #[test]
    fn what_has_none_is_not_asked_again_and_the_others_are_followed() {
        let spans: Vec<Vec<u8>> = (0..6_u8).map(|number| vec![number; 20 + usize::from(number)]).collect();
        let mut layouts = Layouts::new();
        let made =
            |bytes: &[u8]| Layout::of(bytes, Holes::default(), None, (Library::Other, 0), &Span::default());
        for _ in 0..3 {
            for (number, bytes) in spans.iter().enumerate() {
                layouts.met(number as u64 + 1, || if number == 2 { None } else { made(bytes) });
            }
        }
        layouts.met(3, || unreachable!("it has none"));
        assert_eq!(layouts.all.len(), 5);
        for number in [0, 1, 3, 4, 5, 0] {
            let bytes = &spans[number][..];
            let given = |length| (length == bytes.len()).then_some(bytes);
            assert!(layouts.expected(Library::Other, given, |_| true).is_some(), "{number}");
        }
        assert!(layout(&[0; 12], &Span::default()).is_none() && made(&[0; BYTES_MAX + 1]).is_none());
    }
}
