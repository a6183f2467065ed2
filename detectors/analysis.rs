//! One trace after the other: from its spans to what is left of it.

use crate::docket::{Docket, Found};
use crate::evidence::trace::{Assembler, Trace};
use crate::evidence::{ConnectionUse, Dictionary, Logged, Session, Span, TraceId};
use crate::inspection::Inspection;
use crate::settings::Settings;

/// What is left of the evidence; the same whatever the order of traces and of merging.
pub trait Gathers: Default {
    /// Takes in a trace and what was found in it, ordered by request.
    fn add(&mut self, trace: &Trace, uses: &ConnectionUse, found: &[Found], dictionary: &Dictionary);

    /// Takes in the executions of a session of a server's log; its requests come as traces.
    fn add_session(&mut self, session: &Session) {
        let _ = session;
    }

    /// Adds what another one over the same dictionary has taken in.
    fn merge(&mut self, other: Self);
}

/// What one worker has; workers are merged by what they have gathered.
#[derive(Debug)]
pub struct Analysis<'s, G = Docket> {
    assembler: Assembler,
    session: Session,
    uses: ConnectionUse,
    inspection: Inspection<'s>,
    gathered: G,
}

impl<'s, G: Gathers> Analysis<'s, G> {
    /// Ready for the first trace.
    pub fn new(settings: &'s Settings) -> Self {
        Self {
            assembler: Assembler::default(),
            session: Session::default(),
            uses: ConnectionUse::default(),
            inspection: Inspection::new(settings),
            gathered: G::default(),
        }
    }

    /// Takes the spans of one trace, sorted by start and id, each id once; before them one that stands for
    /// those that were lost, if any were. What are lines of a log are those of one session.
    pub fn take(&mut self, id: TraceId, spans: &[Span], dictionary: &Dictionary) {
        if spans.last().is_some_and(|span| span.logged != Logged::No) {
            return self.take_session(spans, dictionary);
        }
        let trace = self.assembler.assemble(id, spans, dictionary);
        if !trace.requests.is_empty() {
            self.uses.read(trace);
            let found = self.inspection.inspect(trace, &self.uses, dictionary);
            self.gathered.add(trace, &self.uses, found, dictionary);
        }
    }

    fn take_session(&mut self, lines: &[Span], dictionary: &Dictionary) {
        self.session.read(lines, dictionary);
        self.gathered.add_session(&self.session);
        while let Some(trace) = self.session.next_request(dictionary) {
            self.uses.read(trace);
            let found = self.inspection.inspect(trace, &self.uses, dictionary);
            self.gathered.add(trace, &self.uses, found, dictionary);
        }
    }

    /// What is left of all traces.
    pub fn into_gathered(self) -> G {
        self.gathered
    }
}
