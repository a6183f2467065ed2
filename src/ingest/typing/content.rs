//! Content and encoding of an answer's body, as its headers say.

use detectors::evidence::{Body, Media};

use super::fields::Fields;
use crate::ingest::attributes::Key;

/// The body of an answer, as far as its headers were captured.
pub(super) fn body(fields: &Fields<'_>) -> Body {
    let media = fields.text([Key::ContentType]).map_or(Media::Unknown, media);
    let encoding = fields.text([Key::ContentEncoding]);
    Body::new(media, encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")))
}

/// What kind of content a media type names; its parameters, such as `charset`, say nothing.
pub(crate) fn media(content_type: &[u8]) -> Media {
    let name = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let (kind, format) = name.split_at(name.iter().position(|byte| *byte == b'/').unwrap_or(name.len()));
    let format = format.strip_prefix(b"/").unwrap_or_default();
    let is = |names: &[&[u8]]| names.iter().any(|name| format.eq_ignore_ascii_case(name));
    let after_plus = format.rsplit(|byte| *byte == b'+').next().filter(|last| last.len() < format.len());
    let ends_in = |name: &[u8]| after_plus.is_some_and(|last| last.eq_ignore_ascii_case(name));
    // Events are sent one by one over minutes.
    if is(&[b"event-stream"]) {
        return Media::Other;
    }
    if is(&[b"svg+xml", b"xhtml+xml", b"javascript", b"x-javascript", b"ecmascript"]) {
        return Media::Text;
    }
    if is(&[b"json", b"xml", b"x-ndjson", b"ndjson", b"json-seq"]) || ends_in(b"json") || ends_in(b"xml") {
        return Media::Data;
    }
    if kind.eq_ignore_ascii_case(b"text") { Media::Text } else { Media::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_content() {
        for (text, expected) in [
            ("application/json", Media::Data),
            ("Application/JSON; charset=utf-8", Media::Data),
            ("application/vnd.api+json", Media::Data),
            ("application/problem+xml", Media::Data),
            ("text/xml", Media::Data),
            ("text/html; charset=utf-8", Media::Text),
            ("text/csv", Media::Text),
            ("application/javascript", Media::Text),
            ("image/svg+xml", Media::Text),
            ("image/png", Media::Other),
            ("text/event-stream", Media::Other),
            ("application/octet-stream", Media::Other),
            ("application/zip", Media::Other),
            ("", Media::Other),
            ("json", Media::Other),
        ] {
            assert_eq!(media(text.as_bytes()), expected, "{text}");
        }
    }
}
