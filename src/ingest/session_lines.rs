//! Lines of sessions: what readers of databases' logs hand over ([`detectors::evidence::Session`]).

use std::hash::BuildHasher;

use detectors::evidence::{
    Kind, LINE_BITS, Logged, OriginRef, Role, Span, SpanId, Symbol, TraceId, Traced, UNKNOWN, line_id,
};
use rustc_hash::FxBuildHasher;

use super::Reading;

/// In front of the hash of a session, where a trace has its id.
const SESSION: TraceId = 0x7365_7373_696f_6e73 << 64;

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
        let hash = FxBuildHasher.hash_one(file.as_bytes());
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

/// What a session is grouped by.
pub(super) fn session(hash: u64) -> TraceId {
    SESSION | TraceId::from(hash)
}

/// Hands over what the comment of a statement says, which stands before the statement's line.
pub(super) fn push_comment(reading: &mut Reading<'_>, trace: TraceId, line: &Span, text: &[u8]) {
    if let Some((endpoint, values)) = reading.typing.comment(text) {
        let (id, end_ns) = (line.id - 1, line.start_ns);
        let tag = Span { id, end_ns, shape: endpoint, values, repeats: 1, logged: Logged::Tag, ..*line };
        reading.spans.push(Traced { trace, span: tag });
    }
}
