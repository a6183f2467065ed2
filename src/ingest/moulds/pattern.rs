//! What is the same in spans that are written alike, and what differs between it.

use super::HOLES_MAX;

/// Bytes that are the same, with holes of some kind between and behind them.
#[derive(Debug)]
pub(in crate::ingest) struct Pattern<H> {
    /// All bytes that are the same, one part after another.
    same: Box<[u8]>,
    steps: Box<[Step<H>]>,
}

/// So many bytes that are the same, and what follows.
#[derive(Debug)]
struct Step<H> {
    same: usize,
    then: H,
}

impl<H> Pattern<H> {
    /// Each hole, with what is the same before it.
    #[inline(always)]
    pub(in crate::ingest) fn steps(&self) -> impl Iterator<Item = (&[u8], &H)> {
        let mut rest = &*self.same;
        self.steps.iter().map_while(move |step| {
            let (same, behind) = rest.split_at_checked(step.same)?;
            rest = behind;
            Some((same, &step.then))
        })
    }
}

/// A pattern that is being made.
#[derive(Debug)]
pub(in crate::ingest) struct Draft<H> {
    same: Vec<u8>,
    /// How many of these bytes are before the last hole.
    before: usize,
    steps: Vec<Step<H>>,
}

impl<H> Draft<H> {
    pub(in crate::ingest) fn new() -> Self {
        Self { same: Vec::new(), before: 0, steps: Vec::new() }
    }

    /// Adds bytes that are the same in each span.
    pub(in crate::ingest) fn same(&mut self, bytes: &[u8]) {
        self.same.extend_from_slice(bytes);
    }

    /// Adds what differs.
    pub(in crate::ingest) fn hole(&mut self, then: H) {
        self.steps.push(Step { same: self.same.len() - self.before, then });
        self.before = self.same.len();
    }

    /// The pattern, whose last hole says what ends it; `None` where too much differs.
    pub(in crate::ingest) fn done(self) -> Option<Pattern<H>> {
        (self.steps.len() <= HOLES_MAX).then(|| Pattern { same: self.same.into(), steps: self.steps.into() })
    }
}
