//! Tables of a TOML document whose every complaint has a line and a column.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Day, Error};

/// The document, for messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'d> {
    pub(crate) text: &'d str,
    pub(crate) path: &'d Path,
}

impl Place<'_> {
    /// Complains about what begins at this byte.
    pub(crate) fn error(&self, byte: usize, reason: impl Into<String>) -> Error {
        let before = self.text.get(..byte).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Error::Invalid {
            path: self.path.to_path_buf(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            reason: reason.into(),
        }
    }
}

/// A table and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Section<'d> {
    place: Place<'d>,
    table: &'d DeTable<'d>,
    span: Range<usize>,
    name: String,
}

impl<'d> Section<'d> {
    pub(crate) fn root(place: Place<'d>, table: &'d DeTable<'d>) -> Self {
        Self { place, table, span: 0..0, name: String::new() }
    }

    /// Complains about the table as a whole.
    pub(crate) fn error(&self, reason: impl Into<String>) -> Error {
        self.place.error(self.span.start, reason)
    }

    /// Complains about the value of a key.
    pub(crate) fn error_at(&self, key: &str, reason: impl Into<String>) -> Error {
        let byte = self.get(key).map_or(self.span.start, |value| value.span().start);
        self.place.error(byte, reason)
    }

    /// Refuses keys that are not in `known`; the first of the file is named.
    pub(crate) fn check_names(&self, known: &[&str]) -> Result<(), Error> {
        let unknown = self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref()));
        match unknown.min_by_key(|key| key.span().start) {
            Some(key) => Err(self.place.error(key.span().start, self.unknown(key.get_ref(), known))),
            None => Ok(()),
        }
    }

    fn unknown(&self, name: &str, known: &[&str]) -> String {
        let place = if self.name.is_empty() { String::new() } else { format!(" in {}", self.name) };
        format!("unknown key `{name}`{place}; {}", crate::settings_file::expected(name, known))
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    fn get(&self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.table.get(key)
    }

    /// A text; `example` shows one.
    pub(crate) fn text(&self, key: &str, example: &str) -> Result<Option<String>, Error> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::String(text) if !text.is_empty() => Ok(Some(text.to_string())),
            _ => Err(self.error_at(key, format!("`{key}` must be a text, such as {key} = \"{example}\""))),
        }
    }

    /// A whole number.
    pub(crate) fn number(&self, key: &str) -> Result<Option<u64>, Error> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        number
            .map(Some)
            .ok_or_else(|| self.error_at(key, format!("`{key}` must be a whole number, 0 or more")))
    }

    /// A date, as such or as text.
    pub(crate) fn date(&self, key: &str) -> Result<Option<toml::value::Date>, Error> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let date = match value.get_ref() {
            DeValue::Datetime(time) => time.date,
            DeValue::String(text) => text.parse::<toml::value::Datetime>().ok().and_then(|time| time.date),
            _ => None,
        };
        date.map(Some)
            .ok_or_else(|| self.error_at(key, format!("`{key}` must be a date, such as 2027-03-31")))
    }

    /// Refuses what has passed its `until`, so that somebody decides again; `what` names it.
    pub(super) fn check_until(&self, today: Day, what: &str) -> Result<(), Error> {
        let Some(date) = self.date("until")? else { return Ok(()) };
        match Day::of(date.year, date.month, date.day) < today {
            true => {
                let reason =
                    format!("this {what} ended on {date}; decide again: fix it, or set a later `until`");
                Err(self.error_at("until", reason))
            }
            false => Ok(()),
        }
    }

    /// The table below a key.
    pub(crate) fn table(&self, key: &str) -> Result<Option<Self>, Error> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::Table(table) => Ok(Some(self.below(key, table, value.span()))),
            _ => Err(self.error_at(key, format!("`{key}` must be a table, such as [{key}]"))),
        }
    }

    /// The table below each of its keys, with the key.
    pub(crate) fn tables(&self) -> impl Iterator<Item = Result<(&'d str, Self), Error>> + use<'_, 'd> {
        let table: &'d DeTable<'d> = self.table;
        table.keys().map(|key| {
            let key: &'d str = key.get_ref();
            let wrong = || self.error_at(key, format!("`{key}` must be a table"));
            Ok((key, self.table(key)?.ok_or_else(wrong)?))
        })
    }

    /// The tables `[[key]]`.
    pub(crate) fn list(&self, key: &str) -> Result<Vec<Self>, Error> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let wrong = || format!("`{key}` must be a list of tables, each begun with [[{key}]]");
        let DeValue::Array(items) = value.get_ref() else { return Err(self.error_at(key, wrong())) };
        items
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::Table(table) => Ok(self.below(key, table, item.span())),
                _ => Err(self.place.error(item.span().start, wrong())),
            })
            .collect()
    }

    fn below(&self, key: &str, table: &'d DeTable<'d>, span: Range<usize>) -> Self {
        let name = if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
        Self { place: self.place, table, span, name }
    }
}
