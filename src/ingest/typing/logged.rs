//! Statements of servers' logs.

use detectors::evidence::shape::sql::{self, Dialect};
use detectors::evidence::{Origin, OriginRef, ShapeRef, Span, SpanId, Symbol};

use super::Typing;

/// Stands for the database where a log does not name it.
const UNNAMED: &[u8] = b"(database)";

impl Typing<'_> {
    /// Who a line of a log is about: a database is told as a service, as it is what sends nothing and serves all.
    pub fn log_origin(&mut self, database: &[u8], application: &[u8]) -> (OriginRef, Symbol) {
        let service = self.local.symbol(if database.is_empty() { UNNAMED } else { database });
        let library = self.local.symbol(application);
        let instance_by = self.local.symbol(b"service");
        let origin = Origin { service, instance: service, instance_by, library, ..Origin::default() };
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
        self.shapes.statement(&mut self.local, text, dialect, parameters, span);
    }

    /// The endpoint that a statement's comment names (sqlcommenter, Marginalia), if it has one.
    pub fn endpoint_of_comment(&mut self, text: &[u8]) -> Option<ShapeRef> {
        let body = text.trim_ascii();
        let body = body.strip_suffix(b";").unwrap_or(body);
        if !body.ends_with(b"*/") && !body.starts_with(b"/*") {
            return None;
        }
        let (mut route, mut controller, mut action) = (None, None, None);
        for (key, value) in sql::tags(text) {
            match key {
                "route" => route = Some(value),
                "controller" => controller = Some(value),
                "action" => action = Some(value),
                _ => {}
            }
        }
        if let Some(route) = route {
            return Some(self.shapes.endpoint_by_route(&mut self.local, b"", route.as_bytes()));
        }
        let (controller, action) = controller.zip(action)?;
        self.scratch.clear();
        self.scratch.extend_from_slice(controller.as_bytes());
        self.scratch.push(b'#');
        self.scratch.extend_from_slice(action.as_bytes());
        Some(self.shapes.endpoint_by_name(&mut self.local, &self.scratch))
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
