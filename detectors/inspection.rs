//! Shows each request of a trace to every detector that looks at requests.

use rustc_hash::FxHashMap;

use crate::candidate::{Candidates, View};
use crate::docket::{EndpointKey, Found};
use crate::evidence::Dictionary;
use crate::evidence::trace::Trace;
use crate::settings::{Resolved, Settings};
use crate::{ALL, Detector, Inspect};

/// Inspects traces; keeps its scratch space, and the settings of each endpoint, from one to the next.
#[derive(Debug)]
pub struct Inspection<'s> {
    settings: &'s Settings,
    /// What holds where nothing is changed.
    unchanged: Resolved,
    /// What holds at each endpoint, where anything is changed at all.
    resolved: FxHashMap<EndpointKey, Resolved>,
    by_shape: Vec<u32>,
    candidates: Candidates,
    found: Vec<Found>,
}

impl<'s> Inspection<'s> {
    /// Ready for traces of one dictionary.
    pub fn new(settings: &'s Settings) -> Self {
        Self {
            settings,
            unchanged: Settings::default().at("", ""),
            resolved: FxHashMap::default(),
            by_shape: Vec::new(),
            candidates: Candidates::default(),
            found: Vec::new(),
        }
    }

    /// What the detectors find in a trace, ordered by request and, within one, by detector.
    pub fn inspect(&mut self, trace: &Trace, dictionary: &Dictionary) -> &[Found] {
        self.found.clear();
        for (number, request) in trace.requests.iter().enumerate() {
            if request.operations.is_empty() {
                continue;
            }
            self.group(trace, number);
            let resolved = match self.settings.overrides.is_empty() {
                true => &self.unchanged,
                false => {
                    self.resolved.entry(EndpointKey::of(request, dictionary)).or_insert_with_key(|key| {
                        self.settings.at(dictionary.text(key.service), &key.name.text(dictionary))
                    })
                }
            };
            for (place, detector) in ALL.iter().enumerate() {
                let by_shape = &self.by_shape;
                let settings = resolved.of(place);
                let view = View { trace, request, dictionary, by_shape, settings };
                self.candidates.detector = place;
                show(&view, detector, &mut self.candidates);
            }
            let found = self.candidates.found.drain(..);
            self.found.extend(found.map(|candidate| Found { request: number as u32, candidate }));
        }
        &self.found
    }

    /// Puts the numbers of the request's calls in groups of one shape, in time order within each.
    fn group(&mut self, trace: &Trace, request: usize) {
        let shape = |number: u32| trace.operations[number as usize].shape;
        self.by_shape.clear();
        let own = trace.requests[request].operations.clone();
        self.by_shape.extend(own.filter(|&number| shape(number).0 != 0));
        self.by_shape.sort_unstable_by_key(|&number| (shape(number), number));
    }
}

fn show(view: &View<'_>, detector: &Detector, candidates: &mut Candidates) {
    match detector.inspect {
        Inspect::Request(inspect) => inspect(view, candidates),
    }
}
