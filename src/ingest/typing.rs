//! From a raw span to a typed one: the only place that knows what attributes mean.

use std::sync::Mutex;

use detectors::evidence::{Dictionary, OriginRef, Span};

use super::attributes::Key;
use super::interning::Local;
use super::raw::{RawSpan, Value};

/// What one worker needs to type spans: its dictionary, lexer and scratch space.
#[derive(Debug)]
pub struct Typing<'r> {
    local: Local<'r>,
}

impl<'r> Typing<'r> {
    /// Ready for the first span. `values_key` keys the hashes of literals.
    pub fn new(shared: &'r Mutex<Dictionary>, _values_key: u64) -> Self {
        Self { local: Local::new(shared) }
    }

    /// Interns who recorded spans: resource attributes and the name of the instrumentation scope.
    /// Asked once for each scope of each message, not for each span.
    pub fn origin(&mut self, _resource: &[(Key, Value<'_>)], scope: &[u8]) -> OriginRef {
        let library = self.local.symbol(scope);
        self.local.origin_ref(detectors::evidence::Origin { library, ..Default::default() })
    }

    /// Types one span.
    pub fn span(&mut self, raw: &RawSpan<'_>, origin: OriginRef) -> Span {
        let name = self.local.symbol(raw.name);
        Span {
            trace: raw.trace,
            id: raw.id,
            parent: raw.parent,
            start_ns: raw.start_ns,
            end_ns: raw.end_ns.max(raw.start_ns),
            origin,
            name,
            ..Span::default()
        }
    }
}
