//! The protobuf encoding of export requests.

use super::{Resource, Scope, Span, Value};

/// One export request.
pub(crate) fn request(resources: &[Resource]) -> Vec<u8> {
    let mut out = Vec::new();
    resources.iter().for_each(|resource| message(&mut out, 1, |out| put_resource(out, resource)));
    out
}

/// Requests after their lengths in four bytes, as the collector's file exporter writes them.
pub(crate) fn length_prefixed<'m>(messages: impl IntoIterator<Item = &'m [u8]>) -> Vec<u8> {
    let framed = |message: &[u8]| [&(message.len() as u32).to_be_bytes()[..], message].concat();
    messages.into_iter().flat_map(framed).collect()
}

/// Requests after their lengths as varints.
pub(crate) fn varint_prefixed<'m>(messages: impl IntoIterator<Item = &'m [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for message in messages {
        varint(&mut out, message.len() as u64);
        out.extend_from_slice(message);
    }
    out
}

fn put_resource(out: &mut Vec<u8>, resource: &Resource) {
    message(out, 1, |out| put_attributes(out, 1, &resource.attributes));
    resource.scopes.iter().for_each(|scope| message(out, 2, |out| put_scope(out, scope)));
}

fn put_scope(out: &mut Vec<u8>, scope: &Scope) {
    message(out, 1, |out| bytes(out, 1, scope.name.as_bytes()));
    scope.spans.iter().for_each(|span| message(out, 2, |out| put_span(out, span)));
}

fn put_span(out: &mut Vec<u8>, span: &Span) {
    bytes(out, 1, &span.trace.to_be_bytes());
    bytes(out, 2, &span.id.to_be_bytes());
    if span.parent != 0 {
        bytes(out, 4, &span.parent.to_be_bytes());
    }
    bytes(out, 5, span.name.as_bytes());
    number(out, 6, u64::from(span.kind));
    fixed64(out, 7, span.start_ns);
    fixed64(out, 8, span.end_ns);
    put_attributes(out, 9, &span.attributes);
    for _ in 0..span.events {
        message(out, 11, |out| {
            fixed64(out, 1, span.start_ns);
            bytes(out, 2, b"exception");
        });
    }
    message(out, 15, |out| {
        if span.error {
            number(out, 3, 2);
        }
    });
    varint(out, 16 << 3 | 5);
    out.extend_from_slice(&257_u32.to_le_bytes());
}

fn put_attributes(out: &mut Vec<u8>, field: u64, attributes: &[(String, Value)]) {
    for (key, value) in attributes {
        message(out, field, |out| {
            bytes(out, 1, key.as_bytes());
            message(out, 2, |out| put_value(out, value));
        });
    }
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Text(text) => bytes(out, 1, text.as_bytes()),
        Value::Boolean(truth) => number(out, 2, u64::from(*truth)),
        Value::Integer(integer) => number(out, 3, *integer as u64),
        Value::Double(double) => fixed64(out, 4, double.to_bits()),
        Value::List(values) => message(out, 5, |out| {
            values.iter().for_each(|value| message(out, 1, |out| put_value(out, value)));
        }),
    }
}

fn message(out: &mut Vec<u8>, field: u64, put: impl FnOnce(&mut Vec<u8>)) {
    let mut content = Vec::new();
    put(&mut content);
    bytes(out, field, &content);
}

fn bytes(out: &mut Vec<u8>, field: u64, content: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn fixed64(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
