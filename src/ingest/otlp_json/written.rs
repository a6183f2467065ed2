//! Attributes as programs write them in JSON, without blanks.

use std::ops::Range;

use memchr::memrchr;

use crate::ingest::attributes::Key;
use crate::ingest::familiar::{Content, Keys, Written};
use crate::ingest::json::scanner::Scanner;
use crate::ingest::raw::Value;

/// How the value of an attribute ends, be it a text or a number in quotes.
const END: &[u8] = b"\"}}";

/// Digits of a number that surely fits into 64 bits.
const DIGITS_MAX: usize = 18;

/// An attribute that was read before.
#[derive(Debug)]
pub(in crate::ingest) struct Attribute {
    /// The whole attribute; up to its value where that varies.
    bytes: Box<[u8]>,
    pub(super) content: Content,
}

impl Attribute {
    /// An attribute as it is written, and what was read in it.
    pub(super) fn of(bytes: &[u8], read: &[(Key, Value<'_>)]) -> Option<Self> {
        let (compared, content) = Content::kept(bytes, read, before_value)?;
        // A name that means something may have a value of another kind next time.
        if read.is_empty() && is_known(&compared) {
            return None;
        }
        let attribute = Self { bytes: compared, content };
        let mut scanner = Scanner::new(bytes, 0, &mut []);
        let taken = attribute.take(&mut scanner)?;
        (scanner.at == bytes.len() && taken.as_slice() == read).then_some(attribute)
    }
}

impl Attribute {
    /// Where the value is of an attribute at some place that is like this one but for its value.
    pub(super) fn value_within(&self, attribute: Range<usize>) -> Range<usize> {
        attribute.start + self.bytes.len()..attribute.end - END.len()
    }
}

/// Whether the name in this begin of an attribute means something.
fn is_known(bytes: &[u8]) -> bool {
    let name = bytes.strip_prefix(b"{\"key\":\"").and_then(|name| name.split(|byte| *byte == b'"').next());
    name.is_some_and(|name| Key::of(name).is_some())
}

/// What is before the value, with its opening quote; `None` where it is written in another way.
fn before_value(bytes: &[u8]) -> Option<&[u8]> {
    let value_ends = bytes.strip_suffix(END)?;
    let opens = memrchr(b'"', value_ends)?;
    let before = &value_ends[..=opens];
    let is_usual = before.starts_with(b"{\"key\":\"") && before.ends_with(b"Value\":\"");
    (is_usual && !value_ends.contains(&b'\\')).then_some(before)
}

impl Written for Attribute {
    type Reader<'b> = Scanner<'b>;

    #[inline(always)]
    fn take<'b>(&self, scanner: &mut Self::Reader<'b>) -> Option<Option<(Key, Value<'b>)>> {
        let from = scanner.at;
        match &self.content {
            Content::Same(found) => {
                let taken = scanner.take(&self.bytes).then(|| &scanner.bytes()[from..])?;
                Some(found.as_ref().map(|(key, kept)| (*key, kept.value(taken))))
            }
            Content::Text(key) => {
                // Most of them are statements.
                let text = scanner.take_long(&self.bytes, END)?;
                Some(key.map(|key| (key, Value::Text(text))))
            }
            Content::Number(key) => {
                let text = scanner.take_plain(&self.bytes, END)?;
                let Some(number) = number(text) else {
                    scanner.at = from;
                    return None;
                };
                Some(Some((*key, Value::Integer(number))))
            }
        }
    }

    fn varying(&self) -> Keys {
        self.content.varying()
    }
}

/// A number in few digits.
fn number(text: &[u8]) -> Option<i64> {
    let is_one = (1..=DIGITS_MAX).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    is_one.then(|| text.iter().fold(0, |number, digit| 10 * number + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::attributes::Key;
    use crate::ingest::familiar::BYTES_MAX;

    /// What is taken from `next` by the attribute that was read before.
    fn taken<'b>(
        before: &str,
        read: &[(Key, Value<'_>)],
        next: &'b str,
    ) -> Option<(Option<(Key, Value<'b>)>, usize)> {
        let attribute = Attribute::of(before.as_bytes(), read)?;
        let mut scanner = Scanner::new(next.as_bytes(), 0, &mut []);
        let found = attribute.take(&mut scanner)?;
        Some((found, scanner.at))
    }

    /// An attribute whose value is written as `value`.
    fn written(key: &str, value: &str) -> String {
        format!("{{\"key\":\"{key}\",\"value\":{{{value}}}}}")
    }

    #[test]
    fn statements_and_sizes_vary_and_names_do_not() {
        let statement = |text: &str| written("db.statement", &format!("\"stringValue\":\"{text}\""));
        let before = statement("SELECT 1");
        let text = &before.as_bytes()[before.len() - 11..before.len() - 3];
        let next = statement("SELECT 22");
        let found = taken(&before, &[(Key::Statement, Value::Text(text))], &next);
        assert_eq!(found, Some((Some((Key::Statement, Value::Text(b"SELECT 22"))), next.len())));

        let rows = |digits: &str| written("db.row_count", &format!("\"intValue\":\"{digits}\""));
        let (before, next) = (rows("7"), rows("123"));
        let read = [(Key::Rows, Value::Integer(7))];
        assert_eq!(taken(&before, &read, &next), Some((Some((Key::Rows, Value::Integer(123))), next.len())));
        for other in ["-1", "1e3", "", "1234567890123456789"] {
            assert_eq!(taken(&before, &read, &rows(other)), None, "{other}");
        }

        let system = |name: &str| written("db.system", &format!("\"stringValue\":\"{name}\""));
        let before = system("mysql");
        let read = [(Key::DbSystem, Value::Text(&before.as_bytes()[before.len() - 8..before.len() - 3]))];
        assert_eq!(taken(&before, &read, &before).map(|(found, _)| found), Some(Some(read[0])));
        assert_eq!(taken(&before, &read, &system("mssql")), None);
    }

    #[test]
    fn what_is_written_in_another_way_is_read_in_full() {
        let escaped = written("db.statement", "\"stringValue\":\"SELECT \\\"a\\\"\"");
        assert!(
            Attribute::of(escaped.as_bytes(), &[(Key::Statement, Value::Text(b"SELECT \"a\""))]).is_none()
        );
        // The last text is not the value.
        let behind =
            "{\"key\":\"db.statement\",\"value\":{\"stringValue\":\"SELECT 1\"},\"x\":{\"yValue\":\"z\"}}";
        let text = Value::Text(&behind.as_bytes()[46..54]);
        assert!(Attribute::of(behind.as_bytes(), &[(Key::Statement, text)]).is_none());
        // An escape among what varies.
        let before = written("db.statement", "\"stringValue\":\"SELECT 1\"");
        let text = Value::Text(&before.as_bytes()[before.len() - 11..before.len() - 3]);
        assert_eq!(taken(&before, &[(Key::Statement, text)], &escaped), None);
        // More than is kept.
        let long = written("db.system", &format!("\"stringValue\":\"{}\"", "x".repeat(BYTES_MAX)));
        let text = Value::Text(&long.as_bytes()[40..40 + BYTES_MAX]);
        assert!(Attribute::of(long.as_bytes(), &[(Key::DbSystem, text)]).is_none());
        // Several values, as arrays have.
        let twice = [(Key::Collection, Value::Integer(1)), (Key::Collection, Value::Integer(2))];
        assert!(Attribute::of(b"{}", &twice).is_none());
    }

    #[test]
    fn what_means_nothing_is_passed_over() {
        let before = written("thread.name", "\"stringValue\":\"worker 1\"");
        let next = written("thread.name", "\"stringValue\":\"worker 23\"");
        assert_eq!(taken(&before, &[], &next), Some((None, next.len())));
        let other = written("thread.role", "\"stringValue\":\"worker 23\"");
        assert_eq!(taken(&before, &[], &other), None);
    }
}
