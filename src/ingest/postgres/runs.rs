//! Columns of csvlog that stand side by side in the same bytes as in a record before: they need not be cut again.

use std::hash::BuildHasher;
use std::ops::Range;

use rustc_hash::FxBuildHasher;

use super::csv::Column;

/// A power of two: the fronts of so many sessions are known.
const FRONTS: usize = 1 << 8;

/// Longer stretches are not remembered.
const BYTES_MAX: usize = 1_024;

/// Bytes that tell fronts apart: up to the process id, unless names are long.
const KEY: usize = 40;

/// So many columns side by side, as they are written, with commas and quotes.
#[derive(Debug, Clone)]
pub(super) struct Run<const COLUMNS: usize> {
    bytes: Vec<u8>,
    columns: [Column; COLUMNS],
    /// How many there are.
    count: usize,
}

impl<const COLUMNS: usize> Default for Run<COLUMNS> {
    fn default() -> Self {
        Self { bytes: Vec::new(), columns: [Column::default(); COLUMNS], count: 0 }
    }
}

impl<const COLUMNS: usize> Run<COLUMNS> {
    /// How long it is, if it is at a place of a text; then the columns are told.
    #[inline]
    pub(super) fn fits(&self, text: &[u8], at: usize, columns: &mut [Column]) -> Option<usize> {
        let is_known = !self.bytes.is_empty() && text.get(at..)?.starts_with(&self.bytes);
        let columns = columns.first_chunk_mut::<COLUMNS>().filter(|_| is_known)?;
        for (column, known) in columns.iter_mut().zip(&self.columns) {
            *column = known.behind(at);
        }
        Some(self.bytes.len())
    }

    /// How many columns it has.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Remembers the columns that a stretch of a text is.
    pub(super) fn note(&mut self, text: &[u8], stretch: Range<usize>, columns: &[Column], count: usize) {
        let at = stretch.start;
        let (Some(bytes), Some(columns)) = (text.get(stretch), columns.first_chunk::<COLUMNS>()) else {
            return;
        };
        self.bytes.clear();
        if bytes.len() <= BYTES_MAX {
            self.bytes.extend_from_slice(bytes);
            self.columns = columns.map(|column| column.from(at));
            self.count = count;
        }
    }
}

/// What records of sessions begin with behind the time.
#[derive(Debug, Default)]
pub(super) struct Fronts<const COLUMNS: usize> {
    slots: Vec<Run<COLUMNS>>,
}

impl<const COLUMNS: usize> Fronts<COLUMNS> {
    /// How long the front at a place of a text is, if it is known; then the columns are told.
    #[inline]
    pub(super) fn fits(&self, text: &[u8], at: usize, columns: &mut [Column]) -> Option<usize> {
        self.slots.get(place(text, at)?)?.fits(text, at, columns)
    }

    /// Remembers the front that a stretch of a text is.
    pub(super) fn note(&mut self, text: &[u8], stretch: Range<usize>, columns: &[Column]) {
        let Some(place) = place(text, stretch.start) else { return };
        self.slots.resize(FRONTS, Run::default());
        self.slots[place].note(text, stretch, columns, COLUMNS);
    }
}

#[inline]
fn place(text: &[u8], at: usize) -> Option<usize> {
    let key = text.get(at..)?.first_chunk::<KEY>()?;
    Some(FxBuildHasher.hash_one(key) as usize % FRONTS)
}
