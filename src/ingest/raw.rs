//! A span as a reader finds it, before its attributes are understood.

use std::ops::Range;

use detectors::evidence::{SpanId, TraceId};

use super::attributes::Key;
use super::familiar::Path;

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

impl Value<'_> {
    /// Bytes of a text.
    pub(super) fn length(&self) -> usize {
        if let Self::Text(text) = self { text.len() } else { 0 }
    }
}

/// A value that outlives the input: of a text its place among bytes that are kept elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kept {
    Text(Range<usize>),
    Integer(i64),
    Double(f64),
    Boolean(bool),
}

impl Kept {
    /// A value whose text begins at `first` of what is kept.
    pub(super) fn at(first: usize, value: Value<'_>) -> Self {
        match value {
            Value::Text(text) => Self::Text(first..first + text.len()),
            Value::Integer(number) => Self::Integer(number),
            Value::Double(number) => Self::Double(number),
            Value::Boolean(truth) => Self::Boolean(truth),
        }
    }

    /// A value whose text is borrowed from these bytes; `None` if it is not.
    pub(super) fn within(bytes: &[u8], value: Value<'_>) -> Option<Self> {
        let first = match value {
            Value::Text(text) => text.as_ptr().addr().checked_sub(bytes.as_ptr().addr())?,
            _ => 0,
        };
        let kept = Self::at(first, value);
        let is_within = |range: &Range<usize>| range.end <= bytes.len();
        (!matches!(&kept, Self::Text(range) if !is_within(range))).then_some(kept)
    }

    /// The value, of which a text is among these bytes.
    #[inline(always)]
    pub(super) fn value<'b>(&self, bytes: &'b [u8]) -> Value<'b> {
        match self {
            Self::Text(range) => Value::Text(bytes.get(range.clone()).unwrap_or_default()),
            Self::Integer(number) => Value::Integer(*number),
            Self::Double(number) => Value::Double(*number),
            Self::Boolean(truth) => Value::Boolean(*truth),
        }
    }
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
    /// End in nanoseconds since the Unix epoch; not before the start, and not long after it.
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

impl RawSpan<'_> {
    /// Whether there is nothing about its ids and times that [`Found::checked`] would have to look at.
    #[inline(always)]
    pub(super) fn is_sound(&self) -> bool {
        let has_ids = self.trace != 0 && self.id != 0;
        has_ids
            && (1..LATEST_NS).contains(&self.start_ns)
            && self.end_ns.wrapping_sub(self.start_ns) <= LONGEST_NS
    }
}

/// Attributes that mean something here, in their order.
pub(super) type Attributes<'a> = Vec<(Key, Value<'a>)>;

/// A span that could be read; it may be of no use all the same.
#[derive(Default)]
pub(super) struct Found<'a> {
    /// The span, without its attributes.
    pub(super) span: RawSpan<'a>,
    /// Why it cannot be kept.
    pub(super) problem: Option<&'static str>,
    /// Whether such attributes were read before.
    pub(super) path: Path,
}

impl Found<'_> {
    /// With what every format asks of a span.
    #[inline]
    pub(super) fn checked(mut self) -> Self {
        self.problem = self.problem.or(match self.span {
            _ if self.span.is_sound() => None,
            RawSpan { trace: 0, .. } => Some("a span without a trace id"),
            RawSpan { id: 0, .. } => Some("a span without a span id"),
            RawSpan { start_ns: 0, .. } => Some("a span without a start time"),
            RawSpan { start_ns: LATEST_NS.., .. } => Some("a span of the year 2200 or later"),
            _ => self.without_duration(),
        });
        self
    }

    /// Why the times of a span are of no use; one that ends just before it starts takes no time.
    #[cold]
    fn without_duration(&mut self) -> Option<&'static str> {
        let RawSpan { start_ns, end_ns, .. } = self.span;
        match start_ns.checked_sub(end_ns) {
            _ if end_ns == 0 => Some("a span that has not ended"),
            None => Some("a span longer than 30 days"),
            Some(1..=CLOCK_STEP_NS_MAX) => {
                self.span.end_ns = start_ns;
                None
            }
            Some(_) => Some("a span that ends before it starts"),
        }
    }
}

/// No operation takes longer: a time is wrong, or in another unit than the other one.
const LONGEST_NS: u64 = 30 * 24 * 3600 * 1_000_000_000;

/// The first of January 2200, in nanoseconds since 1970: later times are wrong, or in another unit.
const LATEST_NS: u64 = 7_258_118_400 * 1_000_000_000;

/// A clock that is set back while a short operation runs makes it end before it starts, by no more.
const CLOCK_STEP_NS_MAX: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_cannot_be_are_refused() {
        const NOW: u64 = 1_760_000_000_000_000_000;
        let checked = |start_ns, end_ns| {
            let span = RawSpan { trace: 1, id: 1, start_ns, end_ns, ..RawSpan::default() };
            let Found { span, problem, .. } = Found { span, ..Found::default() }.checked();
            problem.map_or_else(|| Ok(span.end_ns - span.start_ns), Err)
        };
        assert_eq!(checked(NOW, NOW + 5), Ok(5));
        assert_eq!(checked(NOW, NOW), Ok(0));
        assert_eq!(checked(NOW, NOW - CLOCK_STEP_NS_MAX), Ok(0));
        assert_eq!(checked(NOW, NOW - CLOCK_STEP_NS_MAX - 1), Err("a span that ends before it starts"));
        assert_eq!(checked(NOW, NOW + LONGEST_NS), Ok(LONGEST_NS));
        assert_eq!(checked(NOW, NOW + LONGEST_NS + 1), Err("a span longer than 30 days"));
        assert_eq!(checked(1, u64::MAX), Err("a span longer than 30 days"));
        assert_eq!(checked(NOW, 0), Err("a span that has not ended"));
        assert_eq!(checked(5, 0), Err("a span that has not ended"));
        assert_eq!(checked(0, NOW), Err("a span without a start time"));
        assert_eq!(checked(LATEST_NS - 1, LATEST_NS + 5), Ok(6));
        for start_ns in [LATEST_NS, u64::MAX - 1, u64::MAX] {
            assert_eq!(checked(start_ns, u64::MAX), Err("a span of the year 2200 or later"));
        }
    }
}
