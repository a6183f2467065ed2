//! From what a log tells of a statement to a line of its session.

use std::hash::BuildHasher;

use detectors::evidence::shape::sql::Dialect;
use detectors::evidence::{Logged, OriginRef, Span, SpanId, Symbol, TraceId};
use rustc_hash::FxBuildHasher;

use crate::ingest::Reading;
use crate::ingest::session_lines::{Log, push_statement, session};

/// Makes lines of sessions.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    log: Log,
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
        self.log.begin(reading, file);
    }

    /// The id of a line.
    pub(super) fn id(&self, line: u64) -> SpanId {
        self.log.id(line)
    }

    /// The session of a connection of this server: numbers of connections are those of one server.
    pub(super) fn session(&self, connection: &[u8]) -> TraceId {
        session(FxBuildHasher.hash_one((self.log.hash, connection)))
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
        self.log.line(line, at_ns, (owner.origin, owner.target), logged)
    }

    /// Notes the text of a statement, after the line of what its comment says.
    pub(super) fn push(&self, reading: &mut Reading<'_>, session: TraceId, span: Span, text: &[u8]) {
        push_statement(reading, session, span, (text, None), |typing, span| {
            typing.logged_statement(text, Dialect::MySql, None, span);
        });
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
