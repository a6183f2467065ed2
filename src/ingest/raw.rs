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

/// Attributes that mean something here, in their order.
pub(super) type Attributes<'a> = Vec<(Key, Value<'a>)>;

/// A span that could be read; it may be of no use all the same.
pub(super) struct Found<'a> {
    /// The span, without its attributes.
    pub(super) span: RawSpan<'a>,
    /// Why it cannot be kept.
    pub(super) problem: Option<&'static str>,
}

impl Found<'_> {
    /// With what every format asks of a span.
    #[inline]
    pub(super) fn checked(mut self) -> Self {
        self.span.end_ns = self.span.end_ns.max(self.span.start_ns);
        self.problem = self.problem.or(match self.span {
            RawSpan { trace: 0, .. } => Some("a span without a trace id"),
            RawSpan { id: 0, .. } => Some("a span without a span id"),
            RawSpan { start_ns: 0, .. } => Some("a span without a start time"),
            _ => None,
        });
        self
    }
}
