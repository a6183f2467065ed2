//! Naming the endpoints whose requests were seen at several loads, when everything is merged.

use rustc_hash::FxHashMap;

use super::{CandidateKey, CandidateTally, Docket, EndpointKey, EndpointTally};
use crate::candidate::{Remedy, Subject};
use crate::evidence::Dictionary;
use crate::settings::Resolved;
use crate::timelines::{Load, Loads};
use crate::{ALL, Inspect};

impl Docket {
    /// Names what goes with the load: not to be merged afterwards.
    pub(crate) fn name_loads(
        &mut self,
        loads: &Loads,
        dictionary: &Dictionary,
        settings: impl Fn(&EndpointKey) -> Resolved,
    ) {
        for (place, detector) in ALL.iter().enumerate() {
            let Inspect::RequestAndLoad(.., least_ns) = detector.inspect else { continue };
            let mut growing: FxHashMap<EndpointKey, (u64, u32)> = FxHashMap::default();
            for (endpoint, load) in loads.endpoints() {
                let least_ns = least_ns(settings(&endpoint).of(place));
                let Some(tally) = self.load(&endpoint, load.map_or(0, Load::alone_ns), least_ns, dictionary)
                else {
                    continue;
                };
                let key = CandidateKey { detector: place, endpoint, subject: Subject::Load };
                let number = self.candidates.number(key, || tally);
                if load.is_some() {
                    growing.insert(endpoint, (least_ns, number));
                }
            }
            if !growing.is_empty() {
                self.sample.claim_requests(&self.endpoints, dictionary, |endpoint, duration_ns| {
                    growing
                        .get(endpoint)
                        .filter(|(least_ns, _)| duration_ns >= *least_ns)
                        .map(|(_, number)| *number)
                });
            }
        }
    }

    /// What the requests of an endpoint show that somebody waits for and that take at least a time.
    fn load(
        &self,
        endpoint: &EndpointKey,
        alone_ns: u64,
        least_ns: u64,
        dictionary: &Dictionary,
    ) -> Option<CandidateTally> {
        let answered =
            |tally: &&EndpointTally| tally.consumed == 0 && endpoint.name.is_of_requests(dictionary);
        let home = self.endpoints.find(endpoint)?;
        let tally = Some(&self.endpoints[home]).filter(answered)?;
        let remedy = Remedy::Alone { ns: alone_ns };
        let tally = CandidateTally::of_load(remedy, tally, least_ns, self.sample.of(home));
        (tally.full > 0).then_some(tally)
    }
}
