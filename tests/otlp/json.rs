//! The JSON encoding of export requests, in the order in which the collector writes it.

use std::fmt::Write;

use super::{Resource, Scope, Span, Value};

/// One export request.
pub(crate) fn request(resources: &[Resource]) -> String {
    let mut out = String::from(r#"{"resourceSpans":"#);
    list(&mut out, resources, put_resource);
    out.push('}');
    out
}

/// Writes one `ResourceSpans`.
pub(crate) fn put_resource(out: &mut String, resource: &Resource) {
    out.push_str(r#"{"resource":{"attributes":"#);
    list(out, &resource.attributes, put_attribute);
    out.push_str(r#"},"scopeSpans":"#);
    list(out, &resource.scopes, put_scope);
    out.push('}');
}

fn put_scope(out: &mut String, scope: &Scope) {
    out.push_str(r#"{"scope":{"name":"#);
    text(out, &scope.name);
    out.push_str(r#"},"spans":"#);
    list(out, &scope.spans, put_span);
    out.push('}');
}

fn put_span(out: &mut String, span: &Span) {
    let parent = if span.parent == 0 { String::new() } else { format!("{:016x}", span.parent) };
    let _ = write!(
        out,
        r#"{{"traceId":"{:032x}","spanId":"{:016x}","parentSpanId":"{parent}","flags":257,"name":"#,
        span.trace, span.id
    );
    text(out, &span.name);
    let _ = write!(
        out,
        r#","kind":{},"startTimeUnixNano":"{}","endTimeUnixNano":"{}","attributes":"#,
        span.kind, span.start_ns, span.end_ns
    );
    list(out, &span.attributes, put_attribute);
    if span.events > 0 {
        out.push_str(r#","events":"#);
        list(out, &vec![span.start_ns; span.events], |out, time| {
            let _ = write!(out, r#"{{"timeUnixNano":"{time}","name":"exception","attributes":[]}}"#);
        });
    }
    out.push_str(if span.error { r#","status":{"code":2}}"# } else { r#","status":{}}"# });
}

fn put_attribute(out: &mut String, (key, value): &(String, Value)) {
    out.push_str(r#"{"key":"#);
    text(out, key);
    out.push_str(r#","value":"#);
    put_value(out, value);
    out.push('}');
}

fn put_value(out: &mut String, value: &Value) {
    let _ = match value {
        Value::Text(value) => {
            out.push_str(r#"{"stringValue":"#);
            text(out, value);
            Ok(())
        }
        Value::Integer(value) => write!(out, r#"{{"intValue":"{value}""#),
        Value::Double(value) => write!(out, r#"{{"doubleValue":{value:?}"#),
        Value::Boolean(value) => write!(out, r#"{{"boolValue":{value}"#),
        Value::List(values) => {
            out.push_str(r#"{"arrayValue":{"values":"#);
            list(out, values, put_value);
            out.push('}');
            Ok(())
        }
    };
    out.push('}');
}

fn list<T>(out: &mut String, items: &[T], put: impl Fn(&mut String, &T)) {
    out.push('[');
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        put(out, item);
    }
    out.push(']');
}

fn text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        let _ = match character {
            '"' | '\\' => write!(out, "\\{character}"),
            '\n' => write!(out, "\\n"),
            control if control < ' ' => write!(out, "\\u{:04x}", control as u32),
            plain => write!(out, "{plain}"),
        };
    }
    out.push('"');
}

/// A value without its type.
pub(crate) fn plain(value: &Value) -> serde_json::Value {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Integer(number) => (*number).into(),
        Value::Double(number) => (*number).into(),
        Value::Boolean(truth) => (*truth).into(),
        Value::List(values) => values.iter().map(plain).collect(),
    }
}
