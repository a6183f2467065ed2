//! Who recorded a span, where each record says it anew: a span of Zipkin, a line of a log.

use detectors::evidence::{OriginRef, Recorder};
use rustc_hash::FxHashMap;

use crate::ingest::Reading;
use crate::ingest::attributes::Key;
use crate::ingest::raw::Value;

/// Origins that are remembered; with more of them it begins anew.
const ORIGINS_MAX: usize = 1 << 12;

/// Origins by what spans say of them.
#[derive(Debug, Default)]
pub(super) struct Origins {
    known: FxHashMap<Vec<u8>, OriginRef>,
    /// What the last span said, and its origin.
    last: Vec<u8>,
    last_origin: Option<OriginRef>,
    /// What this span says.
    said: Vec<u8>,
}

impl Origins {
    /// The origin of a span by those of its attributes that belong to a resource, and its scope.
    pub(super) fn of(
        &mut self,
        reading: &mut Reading<'_>,
        attributes: &[(Key, Value<'_>)],
        scope: &[u8],
        recorder: Recorder,
    ) -> OriginRef {
        self.said.clear();
        self.said.push(recorder as u8);
        self.said.extend_from_slice(scope);
        for (key, value) in attributes.iter().filter(|(key, _)| key.is_of_resource()) {
            if let Value::Text(text) = value {
                // No text in UTF-8 has this byte.
                self.said.extend_from_slice(&[0xff, *key as u8]);
                self.said.extend_from_slice(text);
            }
        }
        match self.last_origin {
            Some(origin) if self.said == self.last => origin,
            _ => self.look_up(reading, attributes, scope, recorder),
        }
    }

    fn look_up(
        &mut self,
        reading: &mut Reading<'_>,
        attributes: &[(Key, Value<'_>)],
        scope: &[u8],
        recorder: Recorder,
    ) -> OriginRef {
        let known = self.known.get(&self.said).copied();
        let origin = known.unwrap_or_else(|| reading.typing.origin_of(attributes, scope, recorder));
        if known.is_none() {
            if self.known.len() >= ORIGINS_MAX {
                self.known.clear();
            }
            self.known.insert(self.said.clone(), origin);
        }
        self.last.clone_from(&self.said);
        self.last_origin = Some(origin);
        origin
    }
}
