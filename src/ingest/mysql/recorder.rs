//! From what a log tells of a statement to a line of its session.

use std::hash::BuildHasher;

use detectors::evidence::shape::sql::Dialect;
use detectors::evidence::{
    Kind, LINE_BITS, Logged, OriginRef, Role, Span, SpanId, Symbol, TraceId, Traced, UNKNOWN, line_id,
};
use rustc_hash::FxBuildHasher;

use crate::ingest::Reading;

/// In front of the hash of a session, where a trace has its id.
const SESSION: TraceId = 0x7365_7373_696f_6e73 << 64;

/// Makes lines of sessions.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    /// Number of the log that is read, which begins the ids of its lines, and the hash of its name.
    log: (u64, u64),
    /// The database of the latest statement, and whose its statements are.
    latest: Option<(Box<[u8]>, Owner)>,
}

/// Whose statements those of a database are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Owner {
    pub(super) origin: OriginRef,
    pub(super) target: Symbol,
}

impl Recorder {
    /// Begins with a file.
    pub(super) fn begin(&mut self, reading: &mut Reading<'_>, file: &str) {
        let hash = FxBuildHasher.hash_one(file.as_bytes());
        let place = hash >> LINE_BITS;
        if self.log != (place, hash) {
            self.log = (place, hash);
            reading.typing.note_log(place, file);
        }
    }

    /// The id of a line.
    pub(super) fn id(&self, line: u64) -> SpanId {
        line_id(self.log.0, line)
    }

    /// The session of a connection of this server: numbers of connections are those of one server.
    pub(super) fn session(&self, connection: &[u8]) -> TraceId {
        SESSION | TraceId::from(FxBuildHasher.hash_one((self.log.1, connection)))
    }

    /// Whose the statements of a database are.
    pub(super) fn owner(&mut self, reading: &mut Reading<'_>, database: &[u8]) -> Owner {
        if let Some((_, owner)) = self.latest.as_ref().filter(|(known, _)| **known == *database) {
            return *owner;
        }
        let (origin, target) = reading.typing.log_origin(database, b"");
        let owner = Owner { origin, target };
        self.latest = Some((database.into(), owner));
        owner
    }

    /// A line without a statement yet.
    pub(super) fn line(&self, line: u64, at_ns: u64, owner: Owner, logged: Logged) -> Span {
        Span {
            id: self.id(line),
            start_ns: at_ns,
            end_ns: at_ns,
            origin: owner.origin,
            target: owner.target,
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

    /// Notes the text of a statement, after the line of what its comment says.
    pub(super) fn push(&self, reading: &mut Reading<'_>, trace: TraceId, mut span: Span, text: &[u8]) {
        if let Some((endpoint, values)) = reading.typing.comment(text) {
            let (id, end_ns) = (span.id - 1, span.start_ns);
            let tag = Span { id, end_ns, shape: endpoint, values, repeats: 1, logged: Logged::Tag, ..span };
            reading.spans.push(Traced { trace, span: tag });
        }
        reading.typing.logged_statement(text, Dialect::MySql, None, &mut span);
        reading.spans.push(Traced { trace, span });
    }
}

/// The name in ``use `shop`;``.
pub(super) fn name_of_use(text: &[u8]) -> Vec<u8> {
    let name = text.get(b"use ".len()..).unwrap_or_default().trim_ascii();
    let name = name.strip_suffix(b";").unwrap_or(name).trim_ascii();
    match name.strip_prefix(b"`").and_then(|name| name.strip_suffix(b"`")) {
        Some(quoted) => String::from_utf8_lossy(quoted).replace("``", "`").into_bytes(),
        None => name.to_vec(),
    }
}
