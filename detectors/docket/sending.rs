//! Which endpoints send the statements that logs of databases tell of.

use rustc_hash::FxHashMap;

use super::EndpointKey;
use crate::evidence::timeline::{Executed, Extent};
use crate::evidence::trace::Trace;
use crate::evidence::{Dictionary, Execution, Kind, KnownBy, ShapeRef, Span, Symbol, Timelines};

/// What traces and logs show of the same time. Empty where only one of them was read.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    /// Whether both were read; `None` until it was asked.
    both: Option<bool>,
    /// What traces show of a statement, sent to somewhere by an endpoint.
    pub(crate) traced: FxHashMap<(ShapeRef, Symbol, EndpointKey), Traced>,
    /// From when to when the log of each database, with the service that it is told as, tells of statements.
    pub(crate) logs: FxHashMap<(Symbol, Symbol), (u64, u64)>,
    /// Requests and executions side by side.
    pub(crate) timelines: Timelines,
    /// Statements of the run that is taken in.
    run: Vec<Executed>,
}

/// Statements of one request that are looked at together.
const RUN_MAX: usize = 64;

/// What traces show of a statement of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Traced {
    pub(crate) executions: u64,
    /// What its clients waited for it.
    pub(crate) time_ns: u64,
    /// When the first began and the last ended.
    pub(crate) between_ns: (u64, u64),
}

impl Sending {
    pub(super) fn add(&mut self, trace: &Trace, dictionary: &Dictionary) {
        if !self.is_wanted(dictionary) {
            return;
        }
        self.timelines.add_open(trace, dictionary);
        for request in trace.requests.iter().filter(|request| !request.name.is_made_up()) {
            let endpoint = EndpointKey::of(request, dictionary);
            for operation in trace.operations_of(request).iter().filter(|it| it.kind == Kind::Sql) {
                let between_ns = (operation.start_ns, operation.end_ns);
                let executions = u64::from(operation.repeats.max(1));
                let traced = Traced { executions, time_ns: operation.duration_ns(), between_ns };
                self.add_traced((operation.shape, operation.target, endpoint), traced);
            }
        }
    }

    /// Takes in what seems to be of one request.
    pub(super) fn add_executions(&mut self, executions: &[Execution], dictionary: &Dictionary) {
        if !self.is_wanted(dictionary) {
            return;
        }
        self.run.clear();
        for Execution { span, known_by, .. } in executions {
            let service = dictionary.origin(span.origin).service;
            self.add_log((span.target, service), (span.start_ns, span.end_ns));
            if *known_by == KnownBy::Duration {
                self.add_execution(span);
            }
        }
        let (start_ns, end_ns) = executions.iter().fold((u64::MAX, 0), |between_ns, execution| {
            spanned(between_ns, (execution.span.start_ns, execution.span.end_ns))
        });
        for of_run in self.run.drain(..) {
            self.timelines.add_executed(Executed { start_ns, end_ns, ..of_run });
        }
    }

    fn add_execution(&mut self, span: &Span) {
        let (shape, database, extent) = (span.shape, span.target, Extent::One);
        let Span { start_ns, end_ns, .. } = *span;
        let time_ns = end_ns - start_ns;
        let one = Executed { shape, database, start_ns, end_ns, extent, executions: 1, time_ns };
        self.timelines.add_executed(one);
        let is_full = self.run.len() >= RUN_MAX;
        match self.run.iter_mut().find(|of_run| (of_run.shape, of_run.database) == (shape, database)) {
            Some(of_run) => {
                of_run.executions += 1;
                of_run.time_ns = of_run.time_ns.saturating_add(time_ns);
            }
            None if !is_full => self.run.push(Executed { extent: Extent::Run, ..one }),
            None => {}
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (statement, traced) in other.traced {
            self.add_traced(statement, traced);
        }
        for (database, between_ns) in other.logs {
            self.add_log(database, between_ns);
        }
        self.timelines.merge(other.timelines);
    }

    /// The databases that are told as a service: one, or those that are not named.
    pub(crate) fn databases_of(&self, service: Symbol) -> impl Iterator<Item = Symbol> {
        self.logs.keys().filter(move |(_, told_as)| *told_as == service).map(|(database, _)| *database)
    }

    fn is_wanted(&mut self, dictionary: &Dictionary) -> bool {
        *self.both.get_or_insert_with(|| dictionary.has_requests_and_logs())
    }

    fn add_traced(&mut self, statement: (ShapeRef, Symbol, EndpointKey), traced: Traced) {
        let known = self.traced.entry(statement);
        known.and_modify(|known| *known = known.with(traced)).or_insert(traced);
    }

    fn add_log(&mut self, database: (Symbol, Symbol), between_ns: (u64, u64)) {
        let known = self.logs.entry(database);
        known.and_modify(|known| *known = spanned(*known, between_ns)).or_insert(between_ns);
    }
}

impl Traced {
    fn with(self, other: Self) -> Self {
        Self {
            executions: self.executions + other.executions,
            time_ns: self.time_ns.saturating_add(other.time_ns),
            between_ns: spanned(self.between_ns, other.between_ns),
        }
    }
}

/// The time from the earlier begin to the later end.
fn spanned(one: (u64, u64), other: (u64, u64)) -> (u64, u64) {
    (one.0.min(other.0), one.1.max(other.1))
}
