//! Lines of sessions: what readers of databases' logs hand over ([`detectors::evidence::Session`]).

use std::hash::BuildHasher;

pub(super) use detectors::evidence::session_id as session;
use detectors::evidence::{
    Kind, LINE_BITS, Logged, OriginRef, Role, Span, SpanId, Symbol, TraceId, Traced, UNKNOWN, line_id,
};
use rustc_hash::FxBuildHasher;

use super::Reading;
use super::typing::{Comment, Typing};

/// The log that is read.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Begins the ids of its lines.
    number: u64,
    /// Of its name.
    pub(super) hash: u64,
}

impl Log {
    /// Begins with a file, and says whether it is another than before.
    pub(super) fn begin(&mut self, reading: &mut Reading<'_>, file: &str) -> bool {
        let hash = match &reading.places {
            Some(places) => FxBuildHasher.hash_one((file.as_bytes(), places.program())),
            None => FxBuildHasher.hash_one(file.as_bytes()),
        };
        let is_other = self.hash != hash;
        if is_other {
            *self = Self { number: hash >> LINE_BITS, hash };
            reading.typing.note_log(self.number, file);
        }
        is_other
    }

    /// The id of a line.
    pub(super) fn id(&self, line: u64) -> SpanId {
        line_id(self.number, line)
    }

    /// A line that tells of nothing yet.
    pub(super) fn line(
        &self,
        line: u64,
        at_ns: u64,
        (origin, target): (OriginRef, Symbol),
        logged: Logged,
    ) -> Span {
        Span {
            id: self.id(line),
            start_ns: at_ns,
            end_ns: at_ns,
            origin,
            target,
            kind: Kind::Sql,
            role: Role::Server,
            rows: UNKNOWN,
            response_bytes: UNKNOWN,
            thread: UNKNOWN,
            repeats: 1,
            logged,
            ..Span::default()
        }
    }
}

/// Hands over a line with a statement. What the statement's comment says stands in front of it; where that names the
/// span of a trace that sends it, the trace has the line, too. `parameters` are those that the line tells.
pub(super) fn push_statement(
    reading: &mut Reading<'_>,
    session: TraceId,
    line: Span,
    (text, parameters): (&[u8], Option<&[u8]>),
    type_it: impl FnOnce(&mut Typing<'_>, &mut Span),
) {
    let comment = reading.typing.comment(text);
    if let Some(Comment { endpoint, trace, .. }) = comment {
        let (id, end_ns) = (line.id - 1, line.start_ns);
        let tag = Span { id, end_ns, shape: endpoint, values: trace, logged: Logged::Tag, ..line };
        reading.spans.push(Traced { trace: session, span: tag });
    }
    let line = *push_uncommented(reading, session, line, (text, parameters), type_it);
    let sent_by = comment.and_then(|comment| comment.sent_by);
    if let (Some((trace, parent)), Some((start_ns, end_ns))) = (sent_by, line.executed_ns()) {
        // Connections are told apart by their sessions.
        let thread = (session as u32).min(UNKNOWN - 1);
        let span = Span { parent, start_ns, end_ns, thread, ..line };
        reading.spans.push(Traced { trace, span });
    }
}

/// Hands over a line with a statement whose comment says nothing.
#[inline]
pub(super) fn push_uncommented<'s>(
    reading: &'s mut Reading<'_>,
    session: TraceId,
    line: Span,
    (text, parameters): (&[u8], Option<&[u8]>),
    type_it: impl FnOnce(&mut Typing<'_>, &mut Span),
) -> &'s Span {
    let line = &mut reading.spans.push_mut(Traced { trace: session, span: line }).span;
    type_it(&mut reading.typing, line);
    if let Some(examples) = &mut reading.examples {
        examples.note(line, text, parameters);
    }
    line
}
