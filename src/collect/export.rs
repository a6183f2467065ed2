//! Checks that a body is an OTLP export request and counts its records, without building them.
//!
//! All three signals nest alike (opentelemetry-proto, `collector/*/v1`): field 1 holds what one
//! resource sent, its field 2 what one scope sent, and that one's field 2 the records.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// The field numbers from a request down to its records.
const RECORD_PATH: [u64; 3] = [1, 2, 2];

/// Records in a protobuf export request; `None` when it is no well-formed message.
pub(super) fn count_protobuf(message: &[u8]) -> Option<u64> {
    count_along(message, &RECORD_PATH)
}

fn count_along(mut message: &[u8], path: &[u64]) -> Option<u64> {
    let Some((wanted, below)) = path.split_first() else {
        return Some(1);
    };
    let mut records = 0;
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        let content = field_content(&mut message, tag & 7)?;
        match (tag >> 3, content) {
            (0, _) => return None,
            (number, Some(inner)) if number == *wanted => records += count_along(inner, below)?,
            _ => {}
        }
    }
    Some(records)
}

/// Takes one field's value; the inner bytes when it is length-delimited.
fn field_content<'m>(message: &mut &'m [u8], wire_type: u64) -> Option<Option<&'m [u8]>> {
    match wire_type {
        0 => varint(message).map(|_| None),
        1 => message.split_off(..8).map(|_| None),
        5 => message.split_off(..4).map(|_| None),
        2 => {
            let length = usize::try_from(varint(message)?).ok()?;
            message.split_off(..length).map(Some)
        }
        _ => None,
    }
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *message.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Records in a JSON export request; the place of the fault when it is none.
pub(super) fn count_json(message: &[u8]) -> Result<u64, serde_json::Error> {
    let request: JsonRequest = serde_json::from_slice(message)?;
    let scopes = request.resources.iter().flatten();
    Ok(scopes
        .flat_map(|resource| resource.scopes.iter().flatten())
        .map(|scope| scope.records.as_ref().map_or(0, Vec::len) as u64)
        .sum())
}

#[derive(Deserialize)]
struct JsonRequest {
    #[serde(
        alias = "resourceSpans",
        alias = "resource_spans",
        alias = "resourceMetrics",
        alias = "resourceLogs"
    )]
    resources: Option<Vec<JsonResource>>,
}

#[derive(Deserialize)]
struct JsonResource {
    #[serde(alias = "scopeSpans", alias = "scope_spans", alias = "scopeMetrics", alias = "scopeLogs")]
    scopes: Option<Vec<JsonScope>>,
}

#[derive(Deserialize)]
struct JsonScope {
    #[serde(alias = "spans", alias = "metrics", alias = "logRecords")]
    records: Option<Vec<IgnoredAny>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request of one resource with one scope that holds two empty spans and a schema address.
    const TWO_SPANS: [u8; 12] = [0x0a, 0x0a, 0x12, 0x08, 0x12, 0x00, 0x12, 0x00, 0x1a, 0x02, b'a', b'b'];

    #[test]
    fn records_of_a_protobuf_request_are_counted() {
        assert_eq!(count_protobuf(&TWO_SPANS), Some(2));
        assert_eq!(count_protobuf(&[]), Some(0));
    }

    #[test]
    fn every_cut_inside_a_message_is_noticed() {
        for end in 1..TWO_SPANS.len() {
            assert_eq!(count_protobuf(&TWO_SPANS[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn text_and_groups_are_no_protobuf_request() {
        assert_eq!(count_protobuf(b"{\"resourceSpans\":[]}"), None);
        assert_eq!(count_protobuf(b"hello"), None);
        assert_eq!(count_protobuf(&[0xff; 11]), None);
    }

    #[test]
    fn records_of_a_json_request_are_counted() {
        let text = br#"{"resourceSpans":[{"resource":{},"scopeSpans":[{"spans":[{"a":1e999},{}]}]},
            {"scopeSpans":null}],"other":[1]}"#;
        assert_eq!(count_json(text).ok(), Some(2));
        assert_eq!(count_json(b"{}").ok(), Some(0));
        assert!(count_json(b"{\"resourceSpans\":[{]}").is_err());
    }
}
