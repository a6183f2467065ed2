//! A span as a reader finds it, before its attributes are understood.

use detectors::evidence::{SpanId, TraceId};

use super::attributes::Key;

/// The value of an attribute, borrowed from the input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A text, unescaped; not checked for UTF-8.
    Text(&'a [u8]),
    /// An integer; beyond 64 bits it saturates.
    Integer(i64),
    /// A number with a fraction; may be NaN.
    Double(f64),
    /// A truth value.
    Boolean(bool),
}

/// One span of any format, with those attributes that have a [`Key`], in their order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RawSpan<'a> {
    /// Trace id; zero is refused by the reader.
    pub trace: TraceId,
    /// Span id; zero is refused by the reader.
    pub id: SpanId,
    /// Parent; zero for a root.
    pub parent: SpanId,
    /// Start in nanoseconds since the Unix epoch.
    pub start_ns: u64,
    /// End; a span that ends before it starts is taken to end when it starts.
    pub end_ns: u64,
    /// Span name, unescaped.
    pub name: &'a [u8],
    /// `SpanKind` of OTLP: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: u8,
    /// `StatusCode` of OTLP is ERROR.
    pub error: bool,
    /// Attributes that mean something here; elements of arrays come one by one under their key.
    pub attributes: &'a [(Key, Value<'a>)],
}
