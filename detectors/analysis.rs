//! One trace after the other: from its spans to what is left of it in the docket.

use crate::docket::Docket;
use crate::evidence::trace::Assembler;
use crate::evidence::{ConnectionUse, Dictionary, Span, TraceId};
use crate::inspection::Inspection;
use crate::settings::Settings;

/// What one worker has; workers are merged by their dockets.
#[derive(Debug)]
pub struct Analysis<'s> {
    assembler: Assembler,
    uses: ConnectionUse,
    inspection: Inspection<'s>,
    docket: Docket,
}

impl<'s> Analysis<'s> {
    /// Ready for the first trace.
    pub fn new(settings: &'s Settings) -> Self {
        Self {
            assembler: Assembler::default(),
            uses: ConnectionUse::default(),
            inspection: Inspection::new(settings),
            docket: Docket::default(),
        }
    }

    /// Takes the spans of one trace, sorted by start and id, each id once; before them one that stands for
    /// those that were lost, if any were.
    pub fn take(&mut self, id: TraceId, spans: &[Span], dictionary: &Dictionary) {
        let trace = self.assembler.assemble(id, spans, dictionary);
        if trace.requests.is_empty() {
            return;
        }
        self.uses.read(trace);
        let found = self.inspection.inspect(trace, &self.uses, dictionary);
        self.docket.add(trace, &self.uses, found, dictionary);
    }

    /// What is left of all traces.
    pub fn into_docket(self) -> Docket {
        self.docket
    }
}
