//! OTLP in JSON as a general parser sees it: slow, simple, and only for text that is valid.

use serde_json::{Map, Value as Json};

use super::{Resource, Scope, Span, Value};

/// All resources of one document or of one on each line; `None` where the text is no valid JSON.
pub(crate) fn read(text: &str) -> Option<Vec<Resource>> {
    let text = text.replace('\u{feff}', "");
    let documents = serde_json::Deserializer::from_str(&text).into_iter::<Json>();
    let documents = documents.collect::<Result<Vec<_>, _>>().ok()?;
    Some(documents.iter().flat_map(requests).flat_map(resources).collect())
}

fn requests(document: &Json) -> Vec<&Json> {
    match document {
        Json::Array(requests) => requests.iter().collect(),
        Json::Object(members) => vec![members.get("trace").unwrap_or(document)],
        _ => Vec::new(),
    }
}

fn resources(request: &Json) -> Vec<Resource> {
    items(request, &["resourceSpans", "resource_spans", "batches"]).iter().map(resource).collect()
}

fn resource(json: &Json) -> Resource {
    const SCOPES: [&str; 3] = ["scopeSpans", "scope_spans", "instrumentationLibrarySpans"];
    let attributes = json.get("resource").map(attributes).unwrap_or_default();
    Resource { attributes, scopes: items(json, &SCOPES).iter().map(scope).collect() }
}

fn scope(json: &Json) -> Scope {
    let scope = member(json, &["scope", "instrumentationLibrary"]);
    let name = scope.and_then(|scope| scope.get("name")?.as_str()).unwrap_or_default().to_owned();
    Scope { name, spans: items(json, &["spans"]).iter().filter_map(span).collect() }
}

fn span(json: &Json) -> Option<Span> {
    let trace = id(member(json, &["traceId", "trace_id"])?, 16)?;
    let own = id(member(json, &["spanId", "span_id"])?, 8)?;
    let parent = match member(json, &["parentSpanId", "parent_span_id"]) {
        Some(parent) => id(parent, 8)?,
        None => 0,
    };
    let start_ns = time(member(json, &["startTimeUnixNano", "start_time_unix_nano"])?)?;
    let end_ns = match member(json, &["endTimeUnixNano", "end_time_unix_nano"]) {
        Some(end) => time(end)?,
        None => 0,
    };
    let status = json.get("status").and_then(|status| status.get("code"));
    let span = Span {
        trace,
        id: own as u64,
        parent: parent as u64,
        name: json.get("name").and_then(Json::as_str).unwrap_or_default().to_owned(),
        kind: enumeration(
            json.get("kind"),
            &["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"],
        ),
        start_ns,
        end_ns: end_ns.max(start_ns),
        error: enumeration(status, &["UNSET", "OK", "ERROR"]) == 2,
        attributes: attributes(json),
        events: 0,
    };
    (span.trace != 0 && span.id != 0 && span.start_ns != 0).then_some(span)
}

fn member<'j>(json: &'j Json, names: &[&str]) -> Option<&'j Json> {
    names.iter().find_map(|name| json.get(name)).filter(|value| !value.is_null())
}

fn items<'j>(json: &'j Json, names: &[&str]) -> &'j [Json] {
    member(json, names).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn id(json: &Json, bytes: usize) -> Option<u128> {
    let text = json.as_str()?;
    if text.len() == 2 * bytes || text.len() == 16 || text.is_empty() {
        return if text.is_empty() { Some(0) } else { u128::from_str_radix(text, 16).ok() };
    }
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
    let bits: Option<String> =
        text.chars().map(|digit| DIGITS.find(digit).map(|place| format!("{place:06b}"))).collect();
    u128::from_str_radix(bits?.get(..8 * bytes)?, 2).ok()
}

fn time(json: &Json) -> Option<u64> {
    let text = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    text.parse().ok().or_else(|| text.parse::<f64>().ok().filter(|time| *time >= 0.0).map(|time| time as u64))
}

fn enumeration(json: Option<&Json>, names: &[&str]) -> u8 {
    let text = match json {
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => return 0,
    };
    let place = names.iter().position(|name| text.ends_with(name));
    let number = || text.parse().ok().filter(|number| *number < names.len());
    place.or_else(number).unwrap_or(0) as u8
}

fn attributes(json: &Json) -> Vec<(String, Value)> {
    let pair = |attribute: &Json| {
        let key = attribute.get("key")?.as_str()?.to_owned();
        Some((key, value(attribute.get("value")?.as_object()?)?))
    };
    items(json, &["attributes"]).iter().filter_map(pair).collect()
}

fn value(json: &Map<String, Json>) -> Option<Value> {
    let (kind, value) = json.iter().next()?;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match kind.as_str() {
        "stringValue" | "string_value" => Some(Value::Text(text)),
        "boolValue" => Some(Value::Boolean(text == "true")),
        "intValue" => {
            Some(Value::Integer(text.parse::<f64>().map(|_| text.parse().unwrap_or(i64::MAX)).ok()?))
        }
        "doubleValue" => text.parse().ok().map(Value::Double),
        "arrayValue" => {
            let values = value.get("values")?.as_array()?;
            Some(Value::List(values.iter().filter_map(|one| self::value(one.as_object()?)).collect()))
        }
        _ => None,
    }
}
