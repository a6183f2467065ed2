//! What is worked out once for each shape of one dictionary.

use super::ShapeRef;

/// Shapes whose answers are kept, those that came first. Of very many most come once, and are only counted.
const KEPT_MAX: usize = 1 << 16;

/// An answer for each shape that was asked for; shapes are numbered without gaps.
#[derive(Debug)]
pub(crate) struct ByShape<T> {
    known: Vec<Option<T>>,
}

impl<T> Default for ByShape<T> {
    fn default() -> Self {
        Self { known: Vec::new() }
    }
}

impl<T: Copy> ByShape<T> {
    /// The answer for a shape: that of the first time, or else what `work` gives.
    pub(crate) fn of(&mut self, shape: ShapeRef, work: impl FnOnce() -> T) -> T {
        let place = shape.0 as usize;
        if place >= KEPT_MAX {
            return work();
        }
        if self.known.len() <= place {
            self.known.resize(place + 1, None);
        }
        *self.known[place].get_or_insert_with(work)
    }
}
