//! What is worked out once for each shape of one dictionary.

use super::{ShapeRef, place_in};

/// Shapes whose answers are kept, those that came first. Of very many most come once, and are only counted.
const KEPT_MAX: u32 = 1 << 16;

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
        if shape.0 >= KEPT_MAX {
            return work();
        }
        *place_in(&mut self.known, shape.0, || None).get_or_insert_with(work)
    }
}
