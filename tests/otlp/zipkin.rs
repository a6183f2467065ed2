//! The JSON of Zipkin, version 2, as exporters of OpenTelemetry write it: the resource among the tags.

use serde_json::{Map, Value as Json, json};

use super::{Resource, Value, json as otlp};

/// Every trace of these resources as a list of spans, each as one text.
pub(crate) fn traces(resources: &[Resource]) -> Vec<String> {
    super::by_trace(resources)
        .into_iter()
        .map(|(trace, spans)| {
            let list: Vec<String> = spans
                .iter()
                .map(|(resource, scope, span)| {
                    put_span(trace, &resources[*resource], scope, span).to_string()
                })
                .collect();
            format!("[{}]", list.join(","))
        })
        .collect()
}

fn put_span(trace: u128, resource: &Resource, scope: &str, span: &super::Span) -> Json {
    let mut tags = Map::new();
    for (key, value) in span.attributes.iter().chain(&resource.attributes) {
        tags.insert(key.clone(), text(value).into());
    }
    tags.insert("otel.scope.name".into(), scope.into());
    if span.error {
        tags.insert("otel.status_code".into(), "ERROR".into());
        tags.insert("error".into(), "it failed".into());
    }
    let service = resource.attributes.iter().find(|(key, _)| key == "service.name");
    let mut json = json!({
        "traceId": format!("{trace:032x}"),
        "id": format!("{:016x}", span.id),
        "name": span.name,
        "timestamp": span.start_ns / 1_000,
        "duration": (span.end_ns - span.start_ns) / 1_000,
        "localEndpoint": {"serviceName": service.map(|(_, value)| text(value)).unwrap_or_default()},
        "annotations": vec![json!({"timestamp": span.start_ns / 1_000, "value": "x"}); span.events],
        "tags": tags,
    });
    if span.parent != 0 {
        json["parentId"] = format!("{:016x}", span.parent).into();
    }
    if let kind @ 2.. = span.kind as usize {
        json["kind"] = ["SERVER", "CLIENT", "PRODUCER", "CONSUMER"][kind - 2].into();
    }
    json
}

/// Everything is a text.
fn text(value: &Value) -> String {
    match otlp::plain(value) {
        Json::String(text) => text,
        other => other.to_string(),
    }
}
