//! Plans that logs tell of their statements, kept until all is read: of each statement that of the slowest execution.

use detectors::evidence::{ShapeRef, Span, SpanId};
use rustc_hash::FxHashMap;

/// Bytes of one plan that is kept; what is longer is left out.
const PLAN_BYTES_MAX: usize = 1 << 20;

/// Bytes of all plans that are kept.
const BYTES_MAX: usize = 16 << 20;

/// Plans by statement.
#[derive(Debug, Default)]
pub struct KeptPlans {
    by_shape: FxHashMap<ShapeRef, KeptPlan>,
    bytes: usize,
    /// Plans that were left out: too long, or of statements that take less than others.
    left_out: u64,
}

/// The plan of one execution.
#[derive(Debug)]
pub struct KeptPlan {
    /// What the execution took, and its line.
    rank: (u64, SpanId),
    /// As the log has it.
    pub text: Box<[u8]>,
}

impl KeptPlan {
    /// Where the log tells of it.
    pub fn line(&self) -> SpanId {
        self.rank.1
    }
}

impl KeptPlans {
    /// Notes the plan that a line tells.
    pub(in crate::ingest) fn note(&mut self, line: &Span, text: &[u8]) {
        let rank = (line.end_ns.saturating_sub(line.start_ns), line.id);
        if line.shape == ShapeRef::default()
            || self.by_shape.get(&line.shape).is_some_and(|kept| kept.rank >= rank)
        {
            return;
        }
        match text.len() <= PLAN_BYTES_MAX {
            true => self.put(line.shape, KeptPlan { rank, text: text.into() }),
            false => self.left_out += 1,
        }
    }

    /// Adds what another worker kept.
    pub(in crate::ingest) fn merge(&mut self, other: Self) {
        self.left_out += other.left_out;
        other.by_shape.into_iter().for_each(|(shape, kept)| self.put(shape, kept));
    }

    /// The plans by statement, those together whose shapes are one after all.
    pub fn settle(self, shape: impl Fn(ShapeRef) -> ShapeRef) -> impl Iterator<Item = (ShapeRef, KeptPlan)> {
        let mut settled = Self::default();
        self.by_shape.into_iter().for_each(|(folded, kept)| settled.put(shape(folded), kept));
        settled.by_shape.into_iter()
    }

    /// How many plans were left out, as they are too long or too many.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    fn put(&mut self, shape: ShapeRef, kept: KeptPlan) {
        let known = self.by_shape.remove(&shape);
        self.bytes -= known.as_ref().map_or(0, |known| known.text.len());
        let kept = match known {
            Some(known) if known.rank > kept.rank => known,
            _ => kept,
        };
        self.bytes += kept.text.len();
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
        self.bytes = self.by_shape.values().map(|kept| kept.text.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(shape: u32, number: SpanId, took_ns: u64) -> Span {
        Span { id: number, end_ns: took_ns, shape: ShapeRef(shape), ..Span::default() }
    }

    #[test]
    fn of_each_statement_the_slowest_is_kept() {
        let (mut one, mut other) = (KeptPlans::default(), KeptPlans::default());
        one.note(&line(1, 1, 50), b"quick");
        other.note(&line(1, 2, 70), b"slow");
        other.note(&line(2, 3, 10), b"else");
        other.note(&line(0, 4, 90), b"of nothing");
        one.merge(other);
        let mut texts: Vec<Vec<u8>> = one.settle(|shape| shape).map(|(_, kept)| kept.text.into()).collect();
        texts.sort();
        assert_eq!(texts, [b"else".to_vec(), b"slow".to_vec()]);
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let mut plans = KeptPlans::default();
        let long = vec![b'x'; PLAN_BYTES_MAX];
        (1..=40_u32)
            .for_each(|number| plans.note(&line(number, u64::from(number), u64::from(number)), &long));
        plans.note(&line(99, 99, 99), &[long, vec![b'x']].concat());
        assert!(plans.bytes <= BYTES_MAX && plans.left_out() > 20);
        assert!(plans.settle(|shape| shape).any(|(shape, _)| shape == ShapeRef(40)));
    }
}
