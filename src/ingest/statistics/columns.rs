//! Cells of a row by the names of their columns.

use super::layout::Cells;

pub(super) struct Columns<'c> {
    pub(super) cells: &'c Cells,
}

impl Columns<'_> {
    /// The first of the columns that has something in it; what databases write for nothing is nothing.
    pub(super) fn text(&self, names: &[&str]) -> &[u8] {
        let found = names.iter().filter_map(|name| self.cells.get(name.as_bytes()));
        found.map(<[u8]>::trim_ascii).find(|text| !text.is_empty() && *text != b"NULL").unwrap_or_default()
    }

    pub(super) fn count(&self, names: &[&str]) -> Option<u64> {
        self.scaled(names, 1.0)
    }

    /// A number times `unit`.
    pub(super) fn scaled(&self, names: &[&str], unit: f64) -> Option<u64> {
        let text = std::str::from_utf8(self.text(names)).ok()?;
        if unit == 1.0
            && let Ok(whole) = text.parse()
        {
            return Some(whole);
        }
        let number: f64 = text.parse().ok()?;
        (number >= 0.0 && number.is_finite()).then_some((number * unit).round() as u64)
    }
}
