//! Whose spans these are: the resource and the scope around them, also where these come later.

use detectors::evidence::{OriginRef, TraceId, Traced};

use super::attributes::Key;
use super::familiar::Path;
use super::raw::{Kept, RawSpan, Value};
use super::{Place, Reading};

/// Spans that wait for their resource or scope, at most; about 17 MB. Few in tests, which go beyond.
pub(super) const HELD_MAX: usize = if cfg!(test) { 1 << 10 } else { 1 << 17 };

/// Bytes kept of the name of a scope.
pub(super) const SCOPE_BYTES_MAX: usize = 1 << 10;

/// The resource and scope that a decoder is in.
#[derive(Debug, Default)]
pub(super) struct Owner {
    resource: Option<Resource>,
    scope: Option<Vec<u8>>,
    /// Of spans in this scope, once both are known.
    origin: Option<OriginRef>,
    held: Vec<Traced>,
    held_scopes: Vec<HeldScope>,
    /// The last of `held_scopes` is the scope that the decoder is in.
    holding: bool,
    /// Spans were let go before their resource came.
    overflowed: bool,
    /// Trace of the last span in earlier blocks; zero where there is none.
    last: TraceId,
}

/// A scope with spans that wait for their resource.
#[derive(Debug)]
struct HeldScope {
    first: usize,
    name: Vec<u8>,
}

impl Owner {
    /// Enters what one resource sent.
    pub(super) fn begin_resource(&mut self) {
        self.resource = None;
        self.begin_scope();
    }

    /// Takes the attributes of the resource.
    pub(super) fn resource(&mut self, attributes: &[(Key, Value<'_>)]) {
        self.resource = Some(Resource::of(attributes));
        self.origin = None;
    }

    /// Enters what one scope of the resource sent.
    pub(super) fn begin_scope(&mut self) {
        self.scope = None;
        self.origin = None;
        self.holding = false;
    }

    /// Takes the name of the scope.
    pub(super) fn scope(&mut self, name: &[u8]) {
        let name = &name[..name.len().min(SCOPE_BYTES_MAX)];
        if let Some(held) = self.held_scopes.last_mut().filter(|_| self.holding) {
            held.name = name.to_vec();
        }
        self.scope = Some(name.to_vec());
        self.origin = None;
    }

    /// Who recorded the spans that are next, if their resource and scope are known.
    #[inline]
    pub(super) fn origin(&mut self, reading: &mut Reading<'_>) -> Option<OriginRef> {
        if self.origin.is_none() {
            self.origin = self.known_origin(reading);
        }
        self.origin
    }

    fn known_origin(&self, reading: &mut Reading<'_>) -> Option<OriginRef> {
        Some(self.resource.as_ref()?.origin(reading, self.scope.as_ref()?))
    }

    /// Types a span and hands it over, or holds it until its resource and scope are known.
    #[inline]
    pub(super) fn push(&mut self, reading: &mut Reading<'_>, raw: &RawSpan<'_>, path: Path) {
        match self.origin(reading) {
            Some(origin) => {
                let span = reading.typing.familiar_span(raw, path, origin);
                reading.spans.push(Traced { trace: raw.trace, span });
            }
            None => self.hold(reading, raw),
        }
    }

    fn hold(&mut self, reading: &mut Reading<'_>, raw: &RawSpan<'_>) {
        if self.held.len() >= HELD_MAX {
            self.overflowed = true;
            self.settle(reading);
        }
        if !self.holding {
            self.holding = true;
            let name = self.scope.clone().unwrap_or_default();
            self.held_scopes.push(HeldScope { first: self.held.len(), name });
        }
        let origin = Resource::default().origin(reading, self.scope.as_deref().unwrap_or_default());
        let span = reading.typing.span(raw, origin);
        self.held.push(Traced { trace: raw.trace, span });
    }

    /// The trace of the span that came last: where the input is cut off, more of it was to come.
    pub(super) fn last_trace(&self, reading: &Reading<'_>) -> TraceId {
        self.held.last().or(reading.spans.last()).map_or(self.last, |span| span.trace)
    }

    /// The caller takes the spans; `ended` where no block follows.
    pub(super) fn end_block(&mut self, reading: &Reading<'_>, ended: bool) {
        self.last = if ended { 0 } else { self.last_trace(reading) };
    }

    /// Leaves a scope.
    pub(super) fn end_scope(&mut self, reading: &mut Reading<'_>) {
        if self.resource.is_some() {
            self.settle(reading);
        }
        self.begin_scope();
    }

    /// Leaves a resource: what is not known by now is not said at all.
    pub(super) fn end_resource(&mut self, reading: &mut Reading<'_>, place: &Place) {
        if std::mem::take(&mut self.overflowed) && self.resource.is_some() {
            let reason = "a resource behind more spans than can wait for it: their service is not known";
            reading.skipped.skip(&place.file, place.offset, place.line, 0, reason);
        }
        self.settle(reading);
        self.begin_resource();
    }

    fn settle(&mut self, reading: &mut Reading<'_>) {
        let unknown = Resource::default();
        let resource = self.resource.as_ref().unwrap_or(&unknown);
        let mut end = self.held.len();
        for scope in self.held_scopes.drain(..).rev() {
            let origin = resource.origin(reading, &scope.name);
            self.held[scope.first..end].iter_mut().for_each(|held| held.span.origin = origin);
            end = scope.first;
        }
        reading.spans.append(&mut self.held);
        self.holding = false;
    }
}

/// The attributes of a resource, kept beyond the block that they were read from.
#[derive(Debug, Default)]
pub(super) struct Resource {
    texts: Vec<u8>,
    attributes: Vec<(Key, Kept)>,
}

impl Resource {
    /// Takes the attributes of a resource.
    pub(super) fn of(attributes: &[(Key, Value<'_>)]) -> Self {
        let mut resource = Self::default();
        for (key, value) in attributes {
            let first = resource.texts.len();
            if let Value::Text(text) = *value {
                resource.texts.extend_from_slice(text);
            }
            resource.attributes.push((*key, Kept::at(first, *value)));
        }
        resource
    }

    /// Interns who recorded the spans of a scope.
    pub(super) fn origin(&self, reading: &mut Reading<'_>, scope: &[u8]) -> OriginRef {
        let attributes: Vec<_> =
            self.attributes.iter().map(|(key, kept)| (*key, kept.value(&self.texts))).collect();
        reading.typing.origin(&attributes, scope)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use detectors::evidence::Dictionary;

    use super::*;

    #[test]
    fn spans_that_cannot_wait_any_longer_are_kept_and_said() {
        let dictionary = Mutex::new(Dictionary::default());
        let mut reading = Reading::new(&dictionary, 1);
        let place = Place { file: "traces.json".into(), offset: 0, line: 1 };
        let mut owner = Owner::default();
        owner.begin_resource();
        for id in 1..=HELD_MAX as u64 + 10 {
            let raw = RawSpan { trace: 1, id, start_ns: 1, ..RawSpan::default() };
            owner.push(&mut reading, &raw, Path::default());
        }
        owner.resource(&[(Key::ServiceName, Value::Text(b"shop"))]);
        owner.end_resource(&mut reading, &place);
        assert_eq!(reading.spans.len(), HELD_MAX + 10);
        assert_eq!(reading.skipped.records, 1);
        let dictionary = dictionary.lock().unwrap();
        let service = |read: &Traced| dictionary.text(dictionary.origin(read.span.origin).service);
        assert_eq!(reading.spans.iter().filter(|span| service(span) == "shop").count(), 10);
    }
}
