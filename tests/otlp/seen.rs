//! Spans by content, so that those of two readings can be compared; and what must be read of requests.

use std::sync::Mutex;

use detectors::evidence::{Dictionary, Span as Typed, Traced};
use whyslow::ingest::attributes::Key;
use whyslow::ingest::raw::{RawSpan, Value as Raw};
use whyslow::ingest::typing::Typing;

use crate::otlp::{Resource, Value};

/// The key of value hashes in all tests.
pub(crate) const VALUES_KEY: u64 = 1;

/// A typed span without references into a dictionary.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    pub(crate) id: u64,
    pub(crate) content: String,
}

impl Seen {
    pub(crate) fn of(Traced { trace, span }: &Traced, dictionary: &Dictionary) -> Self {
        let text = |symbol| dictionary.text(symbol);
        let origin = dictionary.origin(span.origin);
        let origin = [
            origin.service,
            origin.instance,
            origin.instance_by,
            origin.version,
            origin.language,
            origin.library,
        ];
        let location = dictionary
            .location(span.location)
            .map(|location| (text(location.file), location.line, text(location.function)));
        let bare = Typed {
            origin: Default::default(),
            name: Default::default(),
            shape: Default::default(),
            target: Default::default(),
            location: Default::default(),
            ..*span
        };
        let texts = (text(span.name), &dictionary.shape(span.shape).text, text(span.target));
        Self {
            id: span.id,
            content: format!("{trace:x} {bare:?} {texts:?} {location:?} {:?}", origin.map(text)),
        }
    }
}

/// What must be read of these resources, in the order of ids.
pub(crate) fn expected<'r>(resources: impl IntoIterator<Item = &'r Resource>) -> Vec<Seen> {
    let dictionary = Mutex::new(Dictionary::default());
    let mut typing = Typing::new(&dictionary, VALUES_KEY);
    let mut spans = Vec::new();
    for resource in resources {
        for scope in &resource.scopes {
            let origin = typing.origin(&attributes(&resource.attributes), scope.name.as_bytes());
            spans.extend(scope.spans.iter().map(|span| {
                let raw = RawSpan {
                    trace: span.trace,
                    id: span.id,
                    parent: span.parent,
                    start_ns: span.start_ns,
                    end_ns: span.end_ns,
                    name: span.name.as_bytes(),
                    kind: span.kind,
                    error: span.error,
                    attributes: &attributes(&span.attributes),
                };
                Traced { trace: span.trace, span: typing.span(&raw, origin) }
            }));
        }
    }
    drop(typing);
    all(&spans, &dictionary.into_inner().unwrap())
}

/// All spans by content, in the order of ids.
pub(crate) fn all(spans: &[Traced], dictionary: &Dictionary) -> Vec<Seen> {
    let mut seen: Vec<_> = spans.iter().map(|span| Seen::of(span, dictionary)).collect();
    seen.sort();
    seen
}

fn attributes(attributes: &[(String, Value)]) -> Vec<(Key, Raw<'_>)> {
    let known = attributes.iter().filter_map(|(key, value)| Some((Key::of(key.as_bytes())?, value)));
    known.flat_map(|(key, value)| elements(value).into_iter().map(move |value| (key, value))).collect()
}

fn elements(value: &Value) -> Vec<Raw<'_>> {
    match value {
        Value::Text(text) => vec![Raw::Text(text.as_bytes())],
        Value::Integer(integer) => vec![Raw::Integer(*integer)],
        Value::Double(double) => vec![Raw::Double(*double)],
        Value::Boolean(truth) => vec![Raw::Boolean(*truth)],
        Value::List(values) => {
            values.iter().filter(|value| !matches!(value, Value::List(_))).flat_map(elements).collect()
        }
    }
}
