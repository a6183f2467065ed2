//! Where the literals of a text stand, and its rows of `VALUES` that are alike.

use std::ops::Range;

use super::plain::{Plain, plain, separates};

/// Where a literal stands, or several plain ones of a kind with commas between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noted {
    /// First byte of the first, and the byte behind it.
    pub(super) start: u32,
    pub(super) end: u32,
    /// The byte behind the last.
    pub(super) until: u32,
    /// What the first is, if any other of its kind may stand for it.
    plain: Option<Plain>,
}

/// The first row of `VALUES`, and those behind it that are the same but for plain literals.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    /// Which of the literals are in the first one.
    pub(super) literals: Range<usize>,
    /// Its brackets and what is between them.
    pub(super) first: Range<usize>,
    /// The byte behind the last one.
    pub(super) until: usize,
}

/// What was noted of a text.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes {
    /// Its first literals; of rows that are alike those of the first.
    pub(super) places: Vec<Noted>,
    /// Its first rows, where there are several that are alike.
    pub(super) rows: Option<Rows>,
    /// Where the last placeholder begins.
    placeholder: Option<usize>,
}

impl Notes {
    /// Nothing yet.
    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.rows = None;
        self.placeholder = None;
    }

    /// Rows of which there is more than one.
    pub(super) fn repeated(&self) -> Option<&Rows> {
        self.rows.as_ref().filter(|rows| rows.until > rows.first.end)
    }
}

/// Where literals are noted.
pub(super) struct Noting<'p> {
    text: &'p [u8],
    /// Literals beyond one more than so many are not noted.
    most: usize,
    notes: &'p mut Notes,
}

impl<'p> Noting<'p> {
    /// Notes what is in a text.
    pub(super) fn new(text: &'p [u8], most: usize, notes: &'p mut Notes) -> Self {
        notes.clear();
        Self { text, most, notes }
    }

    /// A literal.
    pub(super) fn literal(&mut self, start: usize, end: usize) {
        let places = &mut self.notes.places;
        if places.len() > self.most {
            return;
        }
        let found = plain(self.text.get(start..).unwrap_or_default());
        let plain = found.filter(|(_, length)| start + length == end).map(|(plain, _)| plain);
        if let Some(last) = places.last_mut()
            && plain.is_some()
            && plain == last.plain
            && self.text.get(last.until as usize..start).is_some_and(separates)
        {
            last.until = end as u32;
            return;
        }
        places.push(Noted { start: start as u32, end: end as u32, until: end as u32, plain });
    }

    /// A placeholder: how many there are does not depend on literals alone where rows have some.
    pub(super) fn placeholder(&mut self, start: usize) {
        self.notes.placeholder = Some(start);
    }

    /// A row of `VALUES`, with its brackets.
    pub(super) fn row(&mut self, row: Range<usize>) {
        let places = &self.notes.places;
        let own = places.partition_point(|place| (place.start as usize) < row.start)..places.len();
        match &self.notes.rows {
            None if !own.is_empty() && self.may_repeat(&row, &own) => {
                self.notes.rows = Some(Rows { literals: own, until: row.end, first: row });
            }
            Some(rows) if self.is_like_first(rows, &row, &own) => {
                let literals = rows.literals.end;
                self.notes.places.truncate(literals);
                self.notes.rows = Some(Rows { until: row.end, ..rows.clone() });
            }
            _ => {}
        }
    }

    /// Whether it leaves no trace in the lexer when it is over but its literals: nothing but these, words, casts and
    /// brackets is in it.
    fn may_repeat(&self, row: &Range<usize>, own: &Range<usize>) -> bool {
        let has_placeholder = self.notes.placeholder.is_some_and(|start| start >= row.start);
        let is_simple = |byte: &u8| byte.is_ascii_alphanumeric() || b"(),._: \n\t\r".contains(byte);
        !has_placeholder && self.around(row, own).all(|text| text.iter().all(is_simple))
    }

    fn is_like_first(&self, rows: &Rows, row: &Range<usize>, own: &Range<usize>) -> bool {
        let literals = |own: &Range<usize>| self.notes.places.get(own.clone()).unwrap_or_default();
        let same = |(one, other): (&Noted, &Noted)| {
            let several = |place: &Noted| place.until > place.end;
            let text = |place: &Noted| self.text.get(place.start as usize..place.end as usize);
            one.plain == other.plain
                && several(one) == several(other)
                && (one.plain.is_some() || text(one) == text(other))
        };
        own.start == rows.literals.end
            && own.len() == rows.literals.len()
            && self.text.get(rows.until..row.start).is_some_and(separates)
            && literals(own).iter().zip(literals(&rows.literals)).all(same)
            && self.around(row, own).eq(self.around(&rows.first, &rows.literals))
    }

    /// What stands around the literals of a row.
    fn around(&self, row: &Range<usize>, own: &Range<usize>) -> impl Iterator<Item = &[u8]> {
        let own = self.notes.places.get(own.clone()).unwrap_or_default();
        let starts = own.iter().map(|place| place.start as usize).chain([row.end]);
        let ends = [row.start].into_iter().chain(own.iter().map(|place| place.until as usize));
        ends.zip(starts).map(|(end, start)| self.text.get(end..start).unwrap_or_default())
    }
}
