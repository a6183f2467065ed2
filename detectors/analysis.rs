//! One trace after the other: from its spans to what is left of it.

use crate::docket::{Docket, Found};
use crate::evidence::server_lines::ServerLines;
use crate::evidence::trace::{Assembler, Trace};
use crate::evidence::{ConnectionUse, Dictionary, Execution, Session, Span, TraceId, is_session};
use crate::inspection::Inspection;
use crate::settings::Settings;

/// What is left of the evidence; the same whatever the order of traces and of merging.
pub trait Gathers: Default {
    /// Takes in a trace and what was found in it, ordered by request.
    fn add(&mut self, trace: &Trace, uses: &ConnectionUse, found: &[Found], dictionary: &Dictionary);

    /// Takes in executions of a session of a server's log, and how many durations nothing tells the statement of, with
    /// their sum; its requests come as traces.
    fn add_session(&mut self, executions: &[Execution], bare: (u64, u64), dictionary: &Dictionary) {
        let _ = (executions, bare, dictionary);
    }

    /// Takes in what one request of a session executes.
    fn add_executions(&mut self, executions: &[Execution], dictionary: &Dictionary) {
        let _ = (executions, dictionary);
    }

    /// Adds what another one over the same dictionary has taken in.
    fn merge(&mut self, other: Self);
}

/// Two at a time, of one reading.
impl<A: Gathers, B: Gathers> Gathers for (A, B) {
    fn add(&mut self, trace: &Trace, uses: &ConnectionUse, found: &[Found], dictionary: &Dictionary) {
        self.0.add(trace, uses, found, dictionary);
        self.1.add(trace, uses, found, dictionary);
    }

    fn add_session(&mut self, executions: &[Execution], bare: (u64, u64), dictionary: &Dictionary) {
        self.0.add_session(executions, bare, dictionary);
        self.1.add_session(executions, bare, dictionary);
    }

    fn add_executions(&mut self, executions: &[Execution], dictionary: &Dictionary) {
        self.0.add_executions(executions, dictionary);
        self.1.add_executions(executions, dictionary);
    }

    fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
        self.1.merge(other.1);
    }
}

/// What one worker has; workers are merged by what they have gathered.
#[derive(Debug)]
pub struct Analysis<'s, G = Docket> {
    assembler: Assembler,
    server_lines: ServerLines,
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
            server_lines: ServerLines::default(),
            session: Session::default(),
            uses: ConnectionUse::default(),
            inspection: Inspection::new(settings),
            gathered: G::default(),
        }
    }

    /// Takes the spans of one trace, sorted by start and id, each id once; before them one that stands for
    /// those that were lost, if any were. What are lines of a log are those of one session.
    pub fn take(&mut self, id: TraceId, spans: &[Span], dictionary: &Dictionary) {
        self.take_part(id, spans, false, dictionary);
    }

    /// Takes spans as [`Self::take`] does; where they are a session's lines, `more` of it may follow.
    pub fn take_part(&mut self, id: TraceId, spans: &[Span], more: bool, dictionary: &Dictionary) {
        if is_session(id) {
            return self.take_session(spans, more, dictionary);
        }
        // Only where a log was read, a trace may have lines of one.
        let lines = dictionary.has_logs().then_some(&mut self.server_lines);
        let spans = lines.and_then(|lines| lines.join(spans, dictionary)).unwrap_or(spans);
        let trace = self.assembler.assemble(id, spans, dictionary);
        if !trace.requests.is_empty() {
            self.uses.read(trace);
            let found = self.inspection.inspect(trace, &self.uses, dictionary);
            self.gathered.add(trace, &self.uses, found, dictionary);
        }
    }

    fn take_session(&mut self, lines: &[Span], more: bool, dictionary: &Dictionary) {
        self.session.read_part(lines, more, dictionary);
        while let Some((trace, executions)) = self.session.next_request(dictionary) {
            self.gathered.add_executions(executions, dictionary);
            self.uses.read(trace);
            let found = self.inspection.inspect(trace, &self.uses, dictionary);
            self.gathered.add(trace, &self.uses, found, dictionary);
        }
        self.gathered.add_session(self.session.handed_out(), self.session.bare, dictionary);
    }

    /// What is left of all traces.
    pub fn into_gathered(self) -> G {
        self.gathered
    }
}
