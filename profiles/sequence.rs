//! What ran when: the order in time, which a tree of stacks does not have.

use crate::NodeId;
use crate::limits::STRETCHES_MAX;

/// Stretches of time one after another; those of one thread follow those of another.
#[derive(Debug, Clone, Default)]
pub struct Sequence {
    /// The measure whose values they are; an index of the profile's.
    measure: Option<usize>,
    stretches: Vec<Stretch>,
    missing: u64,
}

/// A time in which one stack ran.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// The stack. Above threads, or without a function, it is a time in which nothing ran.
    pub node: NodeId,
    /// How long, in the unit of the measure.
    pub value: f64,
    /// How many frames of the stretch before still run, at most: fewer than both stacks have in common, where a function returned and
    /// was called again. `None` where only samples tell it.
    pub kept: Option<u32>,
}

impl Sequence {
    /// The stretches, in the order of time.
    #[must_use]
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// The measure that they belong to, where there are any.
    #[must_use]
    pub fn measure(&self) -> Option<usize> {
        self.measure.filter(|_| !self.stretches.is_empty())
    }

    /// Adds what follows. Only one measure has a sequence: the first.
    pub(crate) fn add(&mut self, measure: usize, stretch: Stretch) {
        if *self.measure.get_or_insert(measure) != measure || stretch.value <= 0.0 {
            return;
        }
        let is_full = self.stretches.len() >= STRETCHES_MAX;
        match self.stretches.last_mut().filter(|last| last.node == stretch.node && stretch.goes_on()) {
            Some(last) => last.value += stretch.value,
            None if is_full => self.missing += 1,
            None => self.stretches.push(stretch),
        }
    }

    /// How many did not fit.
    pub(crate) fn missing(&self) -> u64 {
        self.missing
    }
}

impl Stretch {
    /// Whether samples cannot tell it from the same stack before it.
    const fn goes_on(&self) -> bool {
        self.kept.is_none()
    }
}
