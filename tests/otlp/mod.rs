//! Traces to be written in every form that OTLP has: what tests and benchmarks read.

// Every test takes what it needs.
#![allow(dead_code)]

pub(crate) mod json;
pub(crate) mod layout;
pub(crate) mod protobuf;
pub(crate) mod reference;
pub(crate) mod shop;

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
