//! Lines in columns: which column means what is found out once, by the first lines of an input.

use super::lines::{Keep, ReadLine};
use super::meaning::{Meaning, NO_TIME};
use super::request::Told;
use super::times::LastTime;
use super::tokens::{Tokens, labelled};

/// Columns of which the meaning is kept; what follows means nothing.
pub(super) const COLUMNS_MAX: usize = 40;

/// What the columns of a log mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    pub(super) meanings: [Meaning; COLUMNS_MAX],
    /// How many there are up to the last that means something.
    pub(super) length: u8,
    /// A moment is that of a request's end.
    pub(super) at_end: bool,
    /// What was guessed in telling them, which the report should say.
    pub(super) guessed: Option<&'static str>,
}

impl Columns {
    /// With these meanings.
    pub(super) fn new(meanings: &[Meaning], at_end: bool) -> Self {
        let mut columns = Self { meanings: [Meaning::Other; COLUMNS_MAX], length: 0, at_end, guessed: None };
        for (place, meaning) in meanings.iter().enumerate() {
            columns.set(place, *meaning);
        }
        columns
    }

    pub(super) fn set(&mut self, place: usize, meaning: Meaning) {
        if let Some(known) = self.meanings.get_mut(place) {
            *known = meaning;
            self.length = self.length.max(if meaning == Meaning::Other { 0 } else { place as u8 + 1 });
        }
    }

    pub(super) fn has(&self, is: impl Fn(&Meaning) -> bool) -> bool {
        self.meanings.iter().any(is)
    }

    /// What a line tells.
    ///
    /// # Errors
    ///
    /// Why it cannot be read by these columns.
    pub(super) fn told<'l>(&self, line: &'l [u8]) -> Result<Told<'l>, &'static str> {
        self.told_with(line, &mut LastTime::default())
    }

    fn told_with<'l>(&self, line: &'l [u8], times: &mut LastTime) -> Result<Told<'l>, &'static str> {
        let mut told = Told { at_end: self.at_end, ..Told::default() };
        let mut tokens = Tokens::of(line);
        for meaning in &self.meanings[..usize::from(self.length)] {
            let token = tokens.next().ok_or("a line with fewer columns than the first ones")?;
            if *meaning == Meaning::Time && !token.is_plain() {
                told.moment = Some(times.moment(token.text).ok_or(NO_TIME)?);
            } else if *meaning != Meaning::Other {
                let text = if token.is_plain() { labelled(token.text).1 } else { token.text };
                meaning.take(text, &mut told)?;
            }
        }
        Ok(told)
    }
}

/// Reads lines in columns.
pub(super) struct ByColumns {
    columns: Columns,
    times: LastTime,
}

impl ByColumns {
    pub(super) fn new(columns: Columns) -> Self {
        Self { columns, times: LastTime::default() }
    }
}

impl ReadLine for ByColumns {
    fn read(&mut self, line: &[u8], keep: &mut Keep<'_, '_>) -> Result<(), &'static str> {
        let told = self.columns.told_with(line, &mut self.times)?;
        if let Some(guessed) = self.columns.guessed {
            keep.remark(guessed);
        }
        keep.request(&told)
    }
}
