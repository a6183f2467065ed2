//! What formats in JSON have in common.

use memchr::memmem;

use crate::{Place, Unreadable};

/// Whether the first byte that is no space begins an object.
pub(super) fn is_object(head: &[u8]) -> bool {
    head.trim_ascii_start().starts_with(b"{")
}

/// Whether the first bytes have this text.
pub(super) fn has(head: &[u8], text: &str) -> bool {
    memmem::find(head, text.as_bytes()).is_some()
}

/// The error of a document that is not what it seems to be.
pub(super) fn unreadable(format: &str, error: &serde_json::Error) -> Unreadable {
    let place = Some(Place::Line(error.line() as u64)).filter(|_| error.line() > 0);
    let help =
        if error.is_eof() { "it is cut off; write it anew" } else { "it is damaged, or of another version" };
    let what = error.to_string();
    // The place is told in front.
    let what = what.split(" at line ").next().unwrap_or_default();
    Unreadable::Content { what: format!("not a {format} profile as it should be: {what}: {help}"), place }
}

/// A text that is there and not empty.
pub(super) fn text(text: Option<&str>) -> Option<Box<str>> {
    text.filter(|text| !text.is_empty()).map(Into::into)
}

/// A line number, 1-based.
pub(super) fn line(number: f64) -> Option<u32> {
    (number >= 1.0 && number <= f64::from(u32::MAX)).then_some(number as u32)
}

/// A value that was scaled to a smaller unit, without what is left of the binary fraction: 0.02 seconds are 20,000,000 nanoseconds.
pub(super) fn whole(value: f64, scale: f64) -> f64 {
    if scale > 1.0 { value.round() } else { value }
}
