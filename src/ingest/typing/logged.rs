//! Statements of servers' logs.

use detectors::evidence::shape::sql::{self, Dialect};
use detectors::evidence::{Origin, OriginRef, Recorder, ShapeRef, Span, SpanId, Symbol, TraceId, Values};

use super::Typing;
pub use super::shaping::ReadStatement;

/// What a statement's comment says of where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comment {
    /// The endpoint; no shape where it names none.
    pub endpoint: ShapeRef,
    /// Hash of the trace's id; unknown where it names none.
    pub trace: Values,
    /// The trace, and the span in it that sends the statement, where it says that it is recorded.
    pub sent_by: Option<(TraceId, SpanId)>,
}

/// The trace and the span of a W3C `traceparent` (`00-trace-span-flags`) whose flags say that it is sampled.
fn recorded_parent(parent: &str) -> Option<(TraceId, SpanId)> {
    let mut parts = parent.split('-').skip(1);
    let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
    let is_sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
    let whole = trace.len() == 32 && span.len() == 16 && is_sampled;
    let (trace, span) = (TraceId::from_str_radix(trace, 16).ok()?, SpanId::from_str_radix(span, 16).ok()?);
    (whole && trace != 0 && span != 0).then_some((trace, span))
}

/// Stands for the database where a log does not name it.
const UNNAMED: &[u8] = b"(database)";

impl Typing<'_> {
    /// Who a line of a log is about: a database is told as a service, as it is what sends nothing and serves all.
    pub fn log_origin(&mut self, database: &[u8], application: &[u8]) -> (OriginRef, Symbol) {
        let service = self.local.symbol(if database.is_empty() { UNNAMED } else { database });
        let library = self.local.symbol(application);
        let instance_by = self.local.symbol(b"service");
        let recorder = Recorder::DatabaseLog;
        let origin =
            Origin { service, instance: service, instance_by, library, recorder, ..Origin::default() };
        (self.local.origin_ref(origin), self.local.symbol(database))
    }

    /// Notes the statement of a line, and what is known of its values.
    pub fn logged_statement(
        &mut self,
        text: &[u8],
        dialect: Dialect,
        parameters: Option<&[u8]>,
        span: &mut Span,
    ) {
        self.shapes.logged_statement(&mut self.local, text, dialect, parameters, span);
    }

    /// What the text of a statement says that was noted before, if nothing stands in front of it that says where it comes
    /// from.
    pub fn read_statement(&mut self, text: &[u8], dialect: Dialect) -> Option<ReadStatement> {
        match self.comment(text) {
            Some(_) => None,
            None => self.shapes.read_statement(&self.local, text, dialect),
        }
    }

    /// Notes what [`Self::logged_statement`] does of a text that was read before.
    #[inline]
    pub fn repeated_statement(
        &mut self,
        read: &ReadStatement,
        text: (&[u8], Dialect),
        parameters: Option<&[u8]>,
        span: &mut Span,
    ) {
        self.shapes.repeated_statement(&mut self.local, read, text, parameters, span);
    }

    /// The shape of a statement that is only mentioned.
    pub fn shape_of_logged(&mut self, text: &[u8], dialect: Dialect) -> ShapeRef {
        let mut span = Span::default();
        self.logged_statement(text, dialect, None, &mut span);
        span.shape
    }

    /// The shape of connecting to a database.
    pub fn connect_to(&mut self, database: &[u8]) -> ShapeRef {
        let database = if database.is_empty() { UNNAMED } else { database };
        self.shapes.operation(&mut self.local, b"connect", database)
    }

    /// A name that a log tells.
    pub fn logged_name(&mut self, name: &[u8]) -> Symbol {
        self.local.symbol(name)
    }

    /// What a statement's comment says of where it comes from (sqlcommenter, Marginalia), if it says anything.
    pub fn comment(&mut self, text: &[u8]) -> Option<Comment> {
        let body = text.trim_ascii();
        let body = body.strip_suffix(b";").unwrap_or(body);
        if !body.ends_with(b"*/") && !body.starts_with(b"/*") {
            return None;
        }
        let (mut route, mut controller, mut action, mut trace) = (None, None, None, None);
        for (key, value) in sql::tags(text) {
            match key {
                "route" => route = Some(value),
                "controller" => controller = Some(value),
                "action" => action = Some(value),
                "traceparent" => trace = Some(value),
                _ => {}
            }
        }
        let sent_by = trace.as_deref().and_then(recorded_parent);
        // Its second part is the id of the trace; what is behind a question mark in a route is a value.
        let trace = trace.as_deref().and_then(|parent| parent.split('-').nth(1));
        let trace = trace.map_or(Values::UNKNOWN, |trace| self.shapes.values(trace.as_bytes()));
        let route = route.as_deref().map(|route| route.split('?').next().unwrap_or_default());
        let endpoint = match (route, controller.zip(action)) {
            (Some(route), _) => self.shapes.endpoint_by_route(&mut self.local, b"", route.as_bytes()),
            (None, Some((controller, action))) => {
                let name = format!("{controller}#{action}");
                self.shapes.endpoint_by_name(&mut self.local, name.as_bytes())
            }
            (None, None) => ShapeRef::default(),
        };
        (endpoint != ShapeRef::default() || trace.is_known()).then_some(Comment { endpoint, trace, sent_by })
    }

    /// The shape of a statement that a server has counted.
    pub fn counted_statement(&mut self, text: &[u8], dialect: Dialect) -> ShapeRef {
        let mut span = Span::default();
        self.shapes.statement(&mut self.local, text, dialect, None, &mut span);
        span.shape
    }

    /// Interns a text that is none of a span.
    pub fn text(&mut self, text: &[u8]) -> Symbol {
        self.local.symbol(text)
    }

    /// Notes a log, by the number that ids of its lines begin with.
    pub fn note_log(&mut self, number: u64, name: &str) {
        self.local.note_log(number, name);
    }

    /// Notes that a log is in a database from a line on.
    pub fn note_database(&mut self, line: SpanId, origin: OriginRef, database: Symbol) {
        self.local.note_database(line, origin, database);
    }
}
