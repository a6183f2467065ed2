//! The earliest requests of each instance of a service; merging is exact in any order.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{EndpointKey, hash_of};
use crate::evidence::content_hash::{START, fnv_1a};
use crate::evidence::trace::{EndpointName, Request};
use crate::evidence::{Dictionary, OriginRef, SpanId, TraceId, place_in};

/// Requests that are kept of each instance.
const REQUESTS_MAX: usize = 200;

/// Instances that are kept: those with the smallest hashes. All together take some 10 MB.
const INSTANCES_MAX: usize = 500;

/// One of the earliest requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Early {
    pub(crate) endpoint: EndpointKey,
    pub(crate) duration_ns: u64,
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    /// Who recorded it.
    pub(crate) origin: OriginRef,
}

/// Requests by start, and at the same start by the hash of their ids.
pub(crate) type ByStart = BTreeMap<(u64, u64), Early>;

/// The earliest requests of each instance, by a hash of service, version and instance.
#[derive(Debug, Default)]
pub(crate) struct Earliest {
    by_instance: BTreeMap<u64, ByStart>,
    /// Hashes of this size or larger are not kept.
    below: Option<u64>,
    hashes: FxHashMap<OriginRef, u64>,
    /// By number of the origin: requests that begin later are not among those that are kept.
    until_ns: Vec<u64>,
}

impl Earliest {
    /// Takes in a request.
    pub(crate) fn add(&mut self, endpoint: EndpointKey, request: &Request, dictionary: &Dictionary) {
        if !matches!(request.name, EndpointName::Route(_) | EndpointName::Root(_)) {
            return;
        }
        let origin = request.opened_by.origin;
        let until_ns = self.until_ns.get(origin.0 as usize);
        if until_ns.is_some_and(|until_ns| request.start_ns > *until_ns) {
            return;
        }
        let until_ns = self.keep(endpoint, request, dictionary);
        *place_in(&mut self.until_ns, origin.0, || u64::MAX) = until_ns;
    }

    /// Keeps a request if it is among the earliest of its instance, and says until when others may be, which only
    /// gets earlier.
    fn keep(&mut self, endpoint: EndpointKey, request: &Request, dictionary: &Dictionary) -> u64 {
        let origin = request.opened_by.origin;
        if !dictionary.origin(origin).is_one_process() {
            return 0;
        }
        let instance = self.instance(origin, dictionary);
        if self.below.is_some_and(|below| instance >= below) {
            return 0;
        }
        let place = (request.start_ns, hash_of(request.trace, request.span()));
        let (duration_ns, trace, span) = (request.duration_ns(), request.trace, request.span());
        let requests = self.by_instance.entry(instance).or_default();
        requests.insert(place, Early { endpoint, duration_ns, trace, span, origin });
        cut(requests);
        let last = requests.last_key_value().filter(|_| requests.len() >= REQUESTS_MAX);
        let until_ns = last.map_or(u64::MAX, |((start_ns, _), _)| *start_ns);
        self.cut();
        until_ns
    }

    /// Adds what another one over the same dictionary has taken in.
    pub(crate) fn merge(&mut self, other: Self) {
        self.below = self.below.into_iter().chain(other.below).min();
        for (instance, requests) in other.by_instance {
            let mine = self.by_instance.entry(instance).or_default();
            mine.extend(requests);
            cut(mine);
        }
        if let Some(below) = self.below {
            self.by_instance.split_off(&below);
        }
        self.cut();
    }

    /// The requests of each instance.
    pub(crate) fn instances(&self) -> impl Iterator<Item = &ByStart> {
        self.by_instance.values()
    }

    /// Whether there were more instances than are kept.
    pub(crate) fn is_cut(&self) -> bool {
        self.below.is_some()
    }

    fn instance(&mut self, origin: OriginRef, dictionary: &Dictionary) -> u64 {
        *self.hashes.entry(origin).or_insert_with(|| {
            let origin = dictionary.origin(origin);
            let texts = [origin.service, origin.version, origin.instance].map(|text| dictionary.text(text));
            fnv_1a(START, texts.iter().flat_map(|text| text.bytes().chain([0xff])))
        })
    }

    fn cut(&mut self) {
        while self.by_instance.len() > INSTANCES_MAX {
            self.below = self.by_instance.pop_last().map(|(instance, _)| instance).or(self.below);
        }
    }
}

fn cut(requests: &mut ByStart) {
    while requests.len() > REQUESTS_MAX {
        requests.pop_last();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Gathers;
    use crate::docket::Docket;
    use crate::testing::trace;

    /// Starts and durations of what is kept of the requests with these numbers.
    fn kept(parts: [Vec<u32>; 2]) -> Vec<(u64, u64)> {
        let [one, other] = parts.map(|numbers| {
            let count = numbers.len() as u32;
            trace().gather::<Docket>(count, |trace, place| {
                let number = f64::from(numbers[place as usize]);
                trace.entry("GET /price", number * 20.0, number * 20.0 + 5.0).internal(
                    "look up",
                    number * 20.0,
                    number * 20.0 + 1.0,
                )
            })
        });
        let mut merged = one;
        merged.merge(other);
        let requests = merged.earliest.instances().flatten();
        requests.map(|((start_ns, _), early)| (*start_ns, early.duration_ns)).collect()
    }

    #[test]
    fn merging_keeps_the_earliest_in_any_order() {
        let all: Vec<u32> = (0..500).collect();
        let expected = kept([all.clone(), Vec::new()]);
        assert_eq!(expected.len(), REQUESTS_MAX);
        let parts = || all.iter().copied().partition::<Vec<u32>, _>(|number| number % 3 == 0);
        let (some, others) = parts();
        assert_eq!(kept([others.iter().rev().copied().collect(), some.clone()]), expected);
        assert_eq!(kept([some, others]), expected);
    }
}
