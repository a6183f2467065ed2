//! Traces to be written in every form that OTLP has: what tests and benchmarks read.

// Every test takes what it needs.
#![allow(dead_code)]

pub(crate) mod alike;
pub(crate) mod jaeger;
pub(crate) mod json;
pub(crate) mod layout;
pub(crate) mod protobuf;
pub(crate) mod reference;
pub(crate) mod shop;
pub(crate) mod zipkin;

/// What one resource sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resource {
    pub(crate) attributes: Vec<(String, Value)>,
    pub(crate) scopes: Vec<Scope>,
}

/// What one instrumentation scope sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    pub(crate) name: String,
    pub(crate) spans: Vec<Span>,
}

/// One span.
#[derive(Debug, Clone, Default)]
pub(crate) struct Span {
    pub(crate) trace: u128,
    pub(crate) id: u64,
    pub(crate) parent: u64,
    pub(crate) name: String,
    pub(crate) kind: u8,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) error: bool,
    pub(crate) attributes: Vec<(String, Value)>,
    pub(crate) events: usize,
}

/// The value of an attribute.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Double(f64),
    Boolean(bool),
    List(Vec<Value>),
}

/// A span with the number of its resource and the name of its scope.
pub(crate) type Placed<'r> = (usize, &'r str, &'r Span);

/// All spans by their traces.
pub(crate) fn by_trace(resources: &[Resource]) -> std::collections::BTreeMap<u128, Vec<Placed<'_>>> {
    let mut traces = std::collections::BTreeMap::<u128, Vec<_>>::new();
    for (number, resource) in resources.iter().enumerate() {
        for scope in &resource.scopes {
            for span in &scope.spans {
                traces.entry(span.trace).or_default().push((number, &*scope.name, span));
            }
        }
    }
    traces
}
