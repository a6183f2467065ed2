//! What the operations of a trace are, and which have one shape: as far as its form decides, found out once for the form.

use crate::evidence::trace::{FormId, NONE, Operation, PLACES, Trace, place_of};
use crate::evidence::{Dictionary, Kind, ShapeRef};
use crate::memo::Memo;
use crate::nature::Nature;

/// Outlines of traces of all forms that are kept, and of the latest without one, each in the place that its operations tell.
#[derive(Debug)]
pub(crate) struct Outlines {
    places: Vec<Outline>,
    /// Shape and number of each call, as one number: that is compared at once.
    calls: Vec<u64>,
}

/// What is alike in traces of one form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    form: Option<FormId>,
    natures: Vec<Nature>,
    by_shape: Vec<u32>,
    ends: Vec<u32>,
    requests: Vec<Bounds>,
    /// What it was drawn of, where that has no form.
    operations: Vec<Traits>,
}

/// What an outline takes of an operation: kind, shape, what is above it, and whether a recorded request is below it.
type Traits = (Kind, ShapeRef, u32, bool);

fn traits(operation: &Operation) -> Traits {
    (operation.kind, operation.shape, operation.parent, operation.called != NONE)
}

/// Where what belongs to a request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    operations: u32,
    by_shape: usize,
    ends: usize,
    seen: Nature,
}

/// What is alike in one request of such traces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outlined<'o> {
    /// What each operation is, but for what it tells itself.
    pub(crate) natures: &'o [Nature],
    /// What the request is by these.
    pub(crate) seen: Nature,
    /// Numbers of its calls, grouped by shape, in time order within a shape.
    pub(crate) by_shape: &'o [u32],
    /// Where each group ends in these.
    pub(crate) ends: &'o [u32],
}

impl Default for Outlines {
    fn default() -> Self {
        Self { places: vec![Outline::default(); 2 * PLACES + 1], calls: Vec::new() }
    }
}

impl Outlines {
    /// The outline of a trace.
    pub(crate) fn of(&mut self, trace: &Trace, memo: &Memo, dictionary: &Dictionary) -> &Outline {
        // Of traces that are too large to be kept only the latest is known.
        let place = match trace.form {
            Some(form) => form.place as usize,
            None => PLACES + place_of(&trace.operations, |operation| operation.shape).unwrap_or(PLACES),
        };
        let outline = &mut self.places[place];
        if !outline.is_of(trace) {
            outline.draw(trace, &mut self.calls, memo, dictionary);
        } else if cfg!(debug_assertions) {
            let mut anew = Outline::default();
            anew.draw(trace, &mut self.calls, memo, dictionary);
            debug_assert_eq!(*outline, anew);
        }
        outline
    }
}

impl Outline {
    /// A request of the trace.
    pub(crate) fn of(&self, trace: &Trace, request: usize) -> Outlined<'_> {
        let own = &trace.requests[request].operations;
        let before = request.checked_sub(1).map(|before| self.requests[before]);
        let (by_shape, ends) = before.map_or((0, 0), |before| (before.by_shape, before.ends));
        let bounds = self.requests[request];
        Outlined {
            natures: &self.natures[own.start as usize..own.end as usize],
            seen: bounds.seen,
            by_shape: &self.by_shape[by_shape..bounds.by_shape],
            ends: &self.ends[ends..bounds.ends],
        }
    }

    /// Whether it would be drawn as it is.
    fn is_of(&self, trace: &Trace) -> bool {
        if trace.form.is_some() || self.form.is_some() {
            return trace.form == self.form;
        }
        let same =
            self.operations.len() == trace.operations.len() && self.requests.len() == trace.requests.len();
        let ends = || self.requests.iter().zip(&trace.requests);
        let operations = || self.operations.iter().zip(&trace.operations);
        same && ends().all(|(bounds, request)| bounds.operations == request.operations.end)
            && operations().all(|(known, operation)| *known == traits(operation))
    }

    fn draw(&mut self, trace: &Trace, calls: &mut Vec<u64>, memo: &Memo, dictionary: &Dictionary) {
        self.form = trace.form;
        self.natures.clear();
        self.by_shape.clear();
        self.ends.clear();
        self.requests.clear();
        self.operations.clear();
        if trace.form.is_none() {
            self.operations.extend(trace.operations.iter().map(traits));
        }
        self.natures.resize(trace.operations.len(), Nature::NOTHING);
        for request in 0..trace.requests.len() {
            let repeated = self.group(trace, request, calls);
            let seen = self.look(trace, request, memo, dictionary) | Nature::when(repeated, Nature::REPEATED);
            let (by_shape, ends) = (self.by_shape.len(), self.ends.len());
            let operations = trace.requests[request].operations.end;
            self.requests.push(Bounds { operations, by_shape, ends, seen });
        }
    }

    /// Finds out what each operation of a request is; all that they are together.
    fn look(&mut self, trace: &Trace, request: usize, memo: &Memo, dictionary: &Dictionary) -> Nature {
        let (mut once, mut again) = (Nature::NOTHING, Nature::NOTHING);
        for number in trace.requests[request].operations.clone() {
            let operation = &trace.operations[number as usize];
            let nature = Nature::of(operation, memo, dictionary);
            again |= once.and(nature);
            once |= nature;
            self.natures[number as usize] = nature;
            if nature.has(Nature::CALL) {
                self.mark_around(trace, operation.parent);
            }
        }
        once | Nature::when(again.has(Nature::SERVICE), Nature::SERVICES)
            | Nature::when(again.has(Nature::STATEMENT), Nature::STATEMENTS)
    }

    /// Marks what is around a call, from the operation above it; what is above an operation comes before it.
    fn mark_around(&mut self, trace: &Trace, above: u32) {
        let mut above = above;
        while above != NONE && !self.natures[above as usize].has(Nature::AROUND) {
            self.natures[above as usize] |= Nature::AROUND;
            above = trace.operations[above as usize].parent;
        }
    }

    /// Puts the numbers of a request's calls in groups of one shape, in time order within each; whether any has several.
    fn group(&mut self, trace: &Trace, request: usize, calls: &mut Vec<u64>) -> bool {
        let own = trace.requests[request].operations.clone();
        let shaped = own.map(|number| (trace.operations[number as usize].shape, number));
        let shaped = shaped.filter(|(shape, _)| *shape != ShapeRef::default());
        calls.clear();
        calls.extend(shaped.map(|(shape, number)| u64::from(shape.0) << 32 | u64::from(number)));
        calls.sort_unstable();
        let (from, groups) = (self.by_shape.len(), self.ends.len());
        for group in calls.chunk_by(|one, other| one >> 32 == other >> 32) {
            self.by_shape.extend(group.iter().map(|call| *call as u32));
            self.ends.push((self.by_shape.len() - from) as u32);
        }
        self.ends.len() - groups < calls.len()
    }
}
