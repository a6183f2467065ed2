//! What is kept of statements until all is read: of each what belongs to the slowest execution, within a bound.

use detectors::evidence::{ShapeRef, Span, SpanId};
use rustc_hash::FxHashMap;

/// Bytes of one that is kept; what is longer is left out.
pub(super) const ONE_BYTES_MAX: usize = 1 << 20;

/// Bytes of all that are kept.
pub(super) const BYTES_MAX: usize = 16 << 20;

/// Something that is kept.
pub trait Weighs {
    /// Bytes of memory behind it, about.
    fn bytes(&self) -> usize;
}

impl Weighs for Box<[u8]> {
    fn bytes(&self) -> usize {
        self.len()
    }
}

/// What is kept, by statement.
#[derive(Debug)]
pub struct Slowest<T> {
    by_shape: FxHashMap<ShapeRef, Kept<T>>,
    bytes: usize,
    /// What was left out: too long, or of statements that take less than others.
    left_out: u64,
}

/// What is kept of one execution.
#[derive(Debug)]
pub struct Kept<T> {
    /// What makes it better than another: what the execution took, and its line.
    rank: (u64, SpanId),
    /// What is kept.
    pub kept: T,
}

impl<T> Kept<T> {
    /// What the execution took, in nanoseconds.
    pub fn took_ns(&self) -> u64 {
        self.rank.0
    }

    /// Where a log tells of it.
    pub fn line(&self) -> SpanId {
        self.rank.1
    }
}

impl<T> Default for Slowest<T> {
    fn default() -> Self {
        Self { by_shape: FxHashMap::default(), bytes: 0, left_out: 0 }
    }
}

impl<T: Weighs> Slowest<T> {
    /// Notes what an execution tells, if none that is known is slower.
    pub(super) fn note(&mut self, line: &Span, bytes: usize, kept: impl FnOnce() -> T) {
        self.note_ranked(line.shape, (line.end_ns.saturating_sub(line.start_ns), line.id), bytes, kept);
    }

    /// The same with a rank of its own.
    pub(super) fn note_ranked(
        &mut self,
        shape: ShapeRef,
        rank: (u64, SpanId),
        bytes: usize,
        kept: impl FnOnce() -> T,
    ) {
        if shape == ShapeRef::default() || self.by_shape.get(&shape).is_some_and(|known| known.rank >= rank) {
            return;
        }
        match bytes <= ONE_BYTES_MAX {
            true => self.put(shape, Kept { rank, kept: kept() }),
            false => self.left_out += 1,
        }
    }

    /// Adds what another worker kept.
    pub(super) fn merge(&mut self, other: Self) {
        self.left_out += other.left_out;
        other.by_shape.into_iter().for_each(|(shape, kept)| self.put(shape, kept));
    }

    /// What is kept by statement, that together whose shapes are one after all.
    pub fn settle(self, shape: impl Fn(ShapeRef) -> ShapeRef) -> impl Iterator<Item = (ShapeRef, Kept<T>)> {
        let mut settled = Self::default();
        self.by_shape.into_iter().for_each(|(folded, kept)| settled.put(shape(folded), kept));
        settled.by_shape.into_iter()
    }

    /// How many were left out, as they are too long or too many.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    fn put(&mut self, shape: ShapeRef, kept: Kept<T>) {
        let known = self.by_shape.remove(&shape);
        self.bytes -= known.as_ref().map_or(0, |known| known.kept.bytes());
        let kept = match known {
            Some(known) if known.rank > kept.rank => known,
            _ => kept,
        };
        self.bytes += kept.kept.bytes();
        self.by_shape.insert(shape, kept);
        if self.bytes > BYTES_MAX {
            self.leave_out_half();
        }
    }

    /// Leaves out the half whose executions take least.
    fn leave_out_half(&mut self) {
        let mut ranks: Vec<(u64, SpanId)> = self.by_shape.values().map(|kept| kept.rank).collect();
        let middle = ranks.len() / 2;
        let (_, &mut least, _) = ranks.select_nth_unstable(middle);
        let before = self.by_shape.len();
        self.by_shape.retain(|_, kept| kept.rank > least);
        self.left_out += (before - self.by_shape.len()) as u64;
        self.bytes = self.by_shape.values().map(|kept| kept.kept.bytes()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(shape: u32, number: SpanId, took_ns: u64) -> Span {
        Span { id: number, end_ns: took_ns, shape: ShapeRef(shape), ..Span::default() }
    }

    fn note(plans: &mut Slowest<Box<[u8]>>, line: &Span, text: &[u8]) {
        plans.note(line, text.len(), || text.into());
    }

    #[test]
    fn of_each_statement_the_slowest_is_kept() {
        let (mut one, mut other) = (Slowest::default(), Slowest::default());
        note(&mut one, &line(1, 1, 50), b"quick");
        note(&mut other, &line(1, 2, 70), b"slow");
        note(&mut other, &line(2, 3, 10), b"else");
        note(&mut other, &line(0, 4, 90), b"of nothing");
        one.merge(other);
        let mut texts: Vec<Vec<u8>> = one.settle(|shape| shape).map(|(_, kept)| kept.kept.into()).collect();
        texts.sort();
        assert_eq!(texts, [b"else".to_vec(), b"slow".to_vec()]);
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let mut plans = Slowest::default();
        let long = vec![b'x'; ONE_BYTES_MAX];
        (1..=40_u32)
            .for_each(|number| note(&mut plans, &line(number, u64::from(number), u64::from(number)), &long));
        note(&mut plans, &line(99, 99, 99), &[long, vec![b'x']].concat());
        assert!(plans.bytes <= BYTES_MAX && plans.left_out() > 20);
        assert!(plans.settle(|shape| shape).any(|(shape, _)| shape == ShapeRef(40)));
    }
}
