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
    let name = name.to_ascii_lowercase();
    let (kind, format) = name.split_at(name.iter().position(|byte| *byte == b'/').unwrap_or(name.len()));
    let format = format.strip_prefix(b"/").unwrap_or_default();
    match format {
        b"svg+xml" => Media::Text,
        b"xhtml+xml" => Media::Text,
        // Events are sent one by one over minutes.
        b"event-stream" => Media::Other,
        b"json" | b"xml" | b"x-ndjson" | b"ndjson" | b"json-seq" => Media::Data,
        _ if format.ends_with(b"+json") || format.ends_with(b"+xml") => Media::Data,
        b"javascript" | b"x-javascript" | b"ecmascript" => Media::Text,
        _ if kind == b"text" => Media::Text,
        _ => Media::Other,
    }
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
