//! The JSON of Jaeger, in the order in which it writes it: the processes of a trace behind its spans.

use serde_json::{Value as Json, json};

use super::{Resource, Value, json as otlp};

/// Every trace of these resources, each as one text.
pub(crate) fn traces(resources: &[Resource]) -> Vec<String> {
    super::by_trace(resources)
        .into_iter()
        .map(|(trace, spans)| {
            let list: Vec<String> =
                spans.iter().map(|(resource, scope, span)| put_span(trace, *resource, scope, span)).collect();
            let processes: Vec<String> = resources
                .iter()
                .enumerate()
                .map(|(number, resource)| put_process(number, resource))
                .collect();
            format!(
                r#"{{"traceID":"{trace:032x}","spans":[{}],"processes":{{{}}},"warnings":null}}"#,
                list.join(","),
                processes.join(",")
            )
        })
        .collect()
}

/// An answer of the API.
pub(crate) fn answer(traces: &[String]) -> String {
    format!(r#"{{"data":[{}],"total":0,"limit":0,"offset":0,"errors":null}}"#, traces.join(","))
}

fn put_span(trace: u128, resource: usize, scope: &str, span: &super::Span) -> String {
    let references = if span.parent == 0 {
        String::from("[]")
    } else {
        // Some writers leave leading zeros out.
        format!(r#"[{{"refType":"CHILD_OF","traceID":"{trace:x}","spanID":"{:x}"}}]"#, span.parent)
    };
    let mut tags: Vec<Json> = span.attributes.iter().map(tag).collect();
    tags.push(json!({"key": "otel.scope.name", "type": "string", "value": scope}));
    if let kind @ 1.. = span.kind as usize {
        let kind = ["internal", "server", "client", "producer", "consumer"][kind - 1];
        tags.push(json!({"key": "span.kind", "type": "string", "value": kind}));
    }
    if span.error {
        tags.push(json!({"key": "otel.status_code", "type": "string", "value": "ERROR"}));
        tags.push(json!({"key": "error", "type": "bool", "value": true}));
    }
    let logs = vec![
        json!({"timestamp": 1, "fields": [{"key": "event", "type": "string", "value": "x"}]});
        span.events
    ];
    let (start, duration) = (span.start_ns / 1_000, (span.end_ns - span.start_ns) / 1_000);
    let tags: Vec<String> = tags.iter().map(in_order).collect();
    format!(
        concat!(
            r#"{{"traceID":"{:032x}","spanID":"{:016x}","flags":1,"operationName":{},"references":{},"#,
            r#""startTime":{},"duration":{},"tags":[{}],"logs":{},"processID":"p{}","warnings":null}}"#
        ),
        trace,
        span.id,
        Json::from(span.name.as_str()),
        references,
        start,
        duration,
        tags.join(","),
        Json::from(logs),
        resource
    )
}

fn in_order(tag: &Json) -> String {
    format!(r#"{{"key":{},"type":{},"value":{}}}"#, tag["key"], tag["type"], tag["value"])
}

fn put_process(number: usize, resource: &Resource) -> String {
    let is_name = |(key, _): &&(String, Value)| key == "service.name";
    let service = resource.attributes.iter().find(is_name).map(|(_, value)| tag_value(value));
    let tags = resource.attributes.iter().filter(|attribute| !is_name(attribute)).map(tag);
    let tags: Vec<String> = tags.map(|tag| in_order(&tag)).collect();
    format!(
        r#""p{number}":{{"serviceName":{},"tags":[{}]}}"#,
        service.unwrap_or_else(|| "unknown".into()),
        tags.join(",")
    )
}

fn tag((key, value): &(String, Value)) -> Json {
    let kind = match value {
        Value::Text(_) | Value::List(_) => "string",
        Value::Integer(_) => "int64",
        Value::Double(_) => "float64",
        Value::Boolean(_) => "bool",
    };
    json!({"key": key, "type": kind, "value": tag_value(value)})
}

/// Lists are texts.
fn tag_value(value: &Value) -> Json {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Integer(number) => (*number).into(),
        Value::Double(number) => (*number).into(),
        Value::Boolean(truth) => (*truth).into(),
        Value::List(_) => otlp::plain(value).to_string().into(),
    }
}
