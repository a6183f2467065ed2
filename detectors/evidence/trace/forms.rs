//! The forms of traces: programs send the same trees of requests again and again.
//!
//! Which request a span belongs to, what covers it and what it calls depends on times only where spans outlast what is above
//! them, begin together, or may report one call twice. Of a trace without any of that, what was found out is kept as its
//! *form*; another whose spans are the same but for ids, times and values is put together from it.

use std::hash::BuildHasher;

use rustc_hash::FxBuildHasher;

use super::path::slot;
use super::{EndpointName, NONE, Operation, Request, Segment, Trace, Waits};
use crate::evidence::{Kind, OriginRef, Role, ShapeRef, Span, TraceId};

/// Forms that are kept, each in the place that its spans tell.
pub(crate) const PLACES: usize = 64;

/// Traces of more spans have no form.
const SPANS_MAX: usize = 512;

/// After so many traces in a row that are of another form than the one in their place, the next takes it.
const MISSES_MAX: u32 = 4;

/// Tells a form from all others of its assembler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormId {
    /// Where it is kept.
    pub(crate) place: u32,
    /// How many were learned before it.
    pub(crate) number: u32,
}

/// The forms of the latest traces.
#[derive(Debug, Default)]
pub(super) struct Forms {
    places: Vec<Place>,
    learned: u32,
    moments: Moments,
}

#[derive(Debug, Clone, Default)]
struct Place {
    form: Option<Form>,
    misses: u32,
}

/// What traces of one form have in common.
#[derive(Debug, Clone)]
struct Form {
    id: FormId,
    members: Vec<Member>,
    requests: Vec<Opened>,
    operations: Vec<Placed>,
    stretches: Vec<Stretch>,
}

/// A span of each trace of the form.
#[derive(Debug, Clone, Copy)]
struct Member {
    /// Its parent's number; [`NONE`] for a root.
    parent: u32,
    /// The operation before it below the same parent, as the number of its span; [`NONE`] for the first.
    before: u32,
    origin: OriginRef,
    shape: ShapeRef,
    kind: Kind,
    role: Role,
    /// A parent is named, but not recorded.
    orphan: bool,
}

/// A request of each trace of the form.
#[derive(Debug, Clone, Copy)]
struct Opened {
    by: u32,
    name: EndpointName,
    caller: u32,
    waited_for: bool,
    /// Where its operations end.
    operations: u32,
    /// Where its stretches end.
    stretches: u32,
}

/// An operation of each trace of the form.
#[derive(Debug, Clone, Copy)]
struct Placed {
    span: u32,
    parent: u32,
    called: u32,
}

/// A stretch of the critical path where operations of one parent follow one another.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    operation: u32,
    from: Moment,
    to: Moment,
    waits: Waits,
}

/// The start or the end of a span: twice its number, and one more for the end.
type Moment = u32;

fn start(span: u32) -> Moment {
    span * 2
}

fn end(span: u32) -> Moment {
    span * 2 + 1
}

/// When the spans of a trace begin and end.
#[derive(Debug, Default)]
struct Moments {
    ns: Vec<u64>,
    /// Operations below one parent do not overlap, and none takes no time.
    follow: bool,
}

impl Forms {
    /// Puts a trace together from its form, if that is known; whether operations of one parent follow one another is told,
    /// or else their times and paths are left to be found out.
    pub(super) fn assemble(&mut self, id: TraceId, spans: &[Span], trace: &mut Trace) -> Option<bool> {
        let place = self.places.get_mut(place_of(spans, |span| span.shape)?)?;
        let form = place.form.as_ref().filter(|form| form.fits(spans, &mut self.moments))?;
        place.misses = 0;
        form.fill(id, spans, &self.moments, trace);
        Some(self.moments.follow)
    }

    /// Keeps the form of a trace that was put together without one, if `has_form` says that it has any.
    pub(super) fn learn(
        &mut self,
        spans: &[Span],
        parents: impl Iterator<Item = u32>,
        placed: &[u32],
        trace: &Trace,
        has_form: impl FnOnce() -> bool,
    ) {
        let Some(number) = place_of(spans, |span| span.shape) else { return };
        self.places.resize(PLACES, Place::default());
        let place = &mut self.places[number];
        place.misses += 1;
        if place.form.is_some() && place.misses <= MISSES_MAX {
            return;
        }
        place.misses = 0;
        if has_form() {
            let id = FormId { place: number as u32, number: self.learned };
            let form = Form::of(id, spans, parents, placed, trace);
            if form.fits(spans, &mut self.moments) {
                place.form = Some(form);
                self.learned = self.learned.wrapping_add(1);
            }
        }
    }
}

/// The place of what is known of spans or operations like these; `None` if they are too many for one.
pub(crate) fn place_of<T>(all: &[T], shape: impl Fn(&T) -> ShapeRef) -> Option<usize> {
    let shapes = [all.first()?, &all[all.len() / 2], all.last()?].map(shape);
    let told = FxBuildHasher.hash_one((all.len(), shapes));
    (all.len() <= SPANS_MAX).then_some(told as usize % PLACES)
}

impl Form {
    /// The form of a trace of these spans, whose operations are these of them.
    fn of(
        id: FormId,
        spans: &[Span],
        parents: impl Iterator<Item = u32>,
        placed: &[u32],
        trace: &Trace,
    ) -> Self {
        let members = spans.iter().zip(parents).map(|(span, parent)| Member {
            parent,
            before: NONE,
            origin: span.origin,
            shape: span.shape,
            kind: span.kind,
            role: span.role,
            orphan: parent == NONE && span.parent != 0,
        });
        let operations = trace.operations.iter().zip(placed);
        let operations = operations.map(|(it, &span)| Placed { span, parent: it.parent, called: it.called });
        let mut form = Self {
            id,
            members: members.collect(),
            requests: Vec::with_capacity(trace.requests.len()),
            operations: operations.collect(),
            stretches: Vec::new(),
        };
        for request in &trace.requests {
            form.open(request, spans);
        }
        form
    }

    fn open(&mut self, request: &Request, spans: &[Span]) {
        let by = spans.iter().position(|span| span.id == request.opened_by.id).unwrap_or(0) as u32;
        let own = request.operations.clone();
        // The last operation below the request itself, then below each of its operations.
        let mut last = vec![NONE; own.len() + 1];
        let mut before = vec![NONE; own.len()];
        for number in own.clone() {
            let Placed { span, parent, .. } = self.operations[number as usize];
            let known = &mut last[slot(parent, own.start)];
            before[(number - own.start) as usize] = *known;
            let known = std::mem::replace(known, number);
            self.members[span as usize].before =
                self.operations.get(known as usize).map_or(NONE, |it| it.span);
        }
        // What is walked back: an operation, its span, and the one below it that comes next, with what follows that.
        let mut walked = vec![(NONE, by, last[0], end(by))];
        while let Some((above, span, below, to)) = walked.pop() {
            let waits = if above == NONE { Waits::Own } else { Waits::of(self.members[span as usize].kind) };
            let Some(&Placed { span: inner, .. }) = self.operations.get(below as usize) else {
                self.stretches.push(Stretch { operation: above, from: start(span), to, waits });
                continue;
            };
            self.stretches.push(Stretch { operation: above, from: end(inner), to, waits });
            walked.push((above, span, before[(below - own.start) as usize], start(inner)));
            walked.push((below, inner, last[slot(below, own.start)], end(inner)));
        }
        self.requests.push(Opened {
            by,
            name: request.name,
            caller: request.caller,
            waited_for: request.waited_for,
            operations: own.end,
            stretches: self.stretches.len() as u32,
        });
    }

    /// Whether spans are of this form: the same, each within its parent and none at the same time as another.
    fn fits(&self, spans: &[Span], moments: &mut Moments) -> bool {
        if self.members.len() != spans.len() {
            return false;
        }
        moments.ns.clear();
        moments.follow = true;
        let mut before_ns = None;
        for (member, span) in self.members.iter().zip(spans) {
            if !member.is(span) || !member.hangs(span, spans) || before_ns >= Some(span.start_ns) {
                return false;
            }
            before_ns = Some(span.start_ns);
            let before = spans.get(member.before as usize);
            moments.follow &= before.is_none_or(|before| before.end_ns <= span.start_ns);
            moments.follow &= span.start_ns < span.end_ns;
            moments.ns.extend([span.start_ns, span.end_ns]);
        }
        true
    }

    fn fill(&self, id: TraceId, spans: &[Span], moments: &Moments, trace: &mut Trace) {
        let Trace { requests, operations, segments, .. } = trace;
        operations.extend(self.operations.iter().map(|placed| {
            let span = spans[placed.span as usize];
            // Where all follow one another, all of each is waited for.
            let path_ns = if moments.follow { span.end_ns - span.start_ns } else { 0 };
            Operation { span, parent: placed.parent, called: placed.called, path_ns, self_path_ns: 0 }
        }));
        let (mut first, mut stretched) = (0, 0);
        for opened in &self.requests {
            let opened_by = spans[opened.by as usize];
            let begun = segments.len() as u32;
            let mut path_ns = [0; Waits::COUNT];
            if moments.follow {
                for stretch in &self.stretches[stretched..opened.stretches as usize] {
                    stretch.add(moments, operations, segments, &mut path_ns);
                }
            }
            requests.push(Request {
                trace: id,
                opened_by,
                name: match opened.name {
                    EndpointName::Root(_) => EndpointName::Root(opened_by.name),
                    name => name,
                },
                start_ns: opened_by.start_ns,
                end_ns: opened_by.end_ns,
                caller: opened.caller,
                waited_for: opened.waited_for,
                operations: first..opened.operations,
                segments: begun..segments.len() as u32,
                path_ns,
                guessed: false,
            });
            (first, stretched) = (opened.operations, opened.stretches as usize);
        }
        trace.form = Some(self.id);
    }
}

impl Member {
    fn is(&self, span: &Span) -> bool {
        let same_place = self.origin == span.origin && self.shape == span.shape;
        same_place && self.kind == span.kind && self.role == span.role
    }

    /// Whether a span is below the one that it is below in this form, and within it.
    fn hangs(&self, span: &Span, spans: &[Span]) -> bool {
        // Where client and server share an id, what is below is told by more than that.
        if span.is_server_side() {
            return false;
        }
        match spans.get(self.parent as usize) {
            Some(parent) => {
                parent.id == span.parent && span.start_ns < parent.end_ns && span.end_ns <= parent.end_ns
            }
            None if self.orphan => span.parent != 0 && spans.iter().all(|other| other.id != span.parent),
            None => span.parent == 0,
        }
    }
}

impl Stretch {
    fn add(
        &self,
        moments: &Moments,
        operations: &mut [Operation],
        segments: &mut Vec<Segment>,
        path_ns: &mut [u64; Waits::COUNT],
    ) {
        let (start_ns, end_ns) = (moments.ns[self.from as usize], moments.ns[self.to as usize]);
        if start_ns == end_ns {
            return;
        }
        segments.push(Segment { operation: self.operation, start_ns, end_ns });
        path_ns[self.waits as usize] += end_ns - start_ns;
        if let Some(operation) = operations.get_mut(self.operation as usize) {
            operation.self_path_ns += end_ns - start_ns;
        }
    }
}
