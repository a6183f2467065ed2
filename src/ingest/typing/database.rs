//! Statements, queries and cache commands.

use detectors::evidence::shape::sql::Dialect;
use detectors::evidence::{CacheResult, Kind, ShapeRef, Span, Status, Symbol, Values};

use super::documents::{self, first_word};
use super::fields::Fields;
use super::prototypes::{Made, TEXTS, Told};
use super::{Typing, saturated};
use crate::ingest::attributes::Key;
use crate::ingest::raw::{RawSpan, Value};

/// What kind of database a product is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    Sql(Dialect),
    Document,
    Cache,
}

impl Store {
    fn of(system: &[u8]) -> Self {
        match system {
            b"redis" | b"valkey" | b"memcached" | b"keydb" | b"dragonfly" | b"hazelcast" | b"aerospike"
            | b"geode" | b"ehcache" => Self::Cache,
            b"mongodb" | b"mongo" | b"mongoose" | b"elasticsearch" | b"opensearch" | b"dynamodb"
            | b"aws.dynamodb" | b"couchdb" | b"couchbase" | b"cosmosdb" | b"azure.cosmosdb" | b"neo4j"
            | b"hbase" | b"firestore" | b"gcp.firestore" | b"solr" | b"influxdb" | b"meilisearch"
            | b"typesense" | b"qdrant" | b"milvus" | b"weaviate" | b"pinecone" | b"chroma" | b"arangodb"
            | b"rethinkdb" => Self::Document,
            _ => Self::Sql(Dialect::of(system)),
        }
    }
}

/// Statements that are sent without a text, by the name of the span.
fn statement_of_name(name: &[u8]) -> Option<&'static [u8]> {
    match name {
        b"sql.conn.begin_tx"
        | b"PDO::beginTransaction"
        | b"mysqli::begin_transaction"
        | b"BEGIN"
        | b"begin" => Some(b"BEGIN"),
        b"sql.tx.commit" | b"PDO::commit" | b"mysqli::commit" | b"COMMIT" | b"commit" => Some(b"COMMIT"),
        b"sql.tx.rollback" | b"PDO::rollBack" | b"mysqli::rollback" | b"ROLLBACK" | b"rollback" => {
            Some(b"ROLLBACK")
        }
        _ => None,
    }
}

/// Steps around an execution, by the name of the span: they carry the statement but do not execute it.
fn step_of_name(name: &[u8]) -> Option<&'static [u8]> {
    match name {
        b"sql.conn.prepare" | b"PDO::prepare" | b"mysqli::prepare" => Some(b"PREPARE"),
        b"sql.conn.ping" => Some(b"PING"),
        _ if name.starts_with(b"prepare ") => Some(b"PREPARE"),
        // One span for each row or batch of rows that a cursor is asked for.
        _ if name.starts_with(b"CURSOR: ") => Some(b"FETCH"),
        _ => None,
    }
}

/// Whether a name is a whole statement; `SELECT shop` is not.
fn is_statement(name: &[u8]) -> bool {
    let verb = first_word(name);
    let verbs: [&[u8]; 5] = [b"select", b"insert", b"update", b"delete", b"with"];
    let words = name.split(|&byte| byte == b' ').filter(|word| !word.is_empty()).count();
    words > 3 && verbs.iter().any(|known| known.eq_ignore_ascii_case(verb))
}

/// Whether the status of an answer says that all went well. Most instrumentation tells errors only, some
/// every status: zero, an SQLSTATE of the classes success, warning and no data, or that of HTTP.
fn is_success(fields: &Fields<'_>, store: Store) -> bool {
    let text = fields.text([Key::DbStatusCode]).unwrap_or_default();
    let mild = |class: &[u8]| matches!(class, b"00" | b"01" | b"02");
    match fields.number([Key::DbStatusCode]) {
        Some(0) => true,
        Some(100..400) if store == Store::Document => true,
        _ => text.len() == 5 && text.get(..2).is_some_and(mild),
    }
}

/// Whether what is told as a statement is none: ioredis calls its connect so.
pub(super) fn is_connect(text: &[u8]) -> bool {
    text == b"connect"
}

/// What works inside the driver only.
fn is_inside(name: &[u8]) -> bool {
    matches!(
        name,
        b"sql.rows" | b"sql.conn.reset_session" | b"PDOStatement::fetchAll" | b"PDOStatement::fetch"
    )
}

impl Typing<'_> {
    /// Types a span that names a database product or has a statement.
    pub(super) fn database(
        &mut self,
        raw: &RawSpan<'_>,
        fields: &Fields<'_>,
        system: &[u8],
        span: &mut Span,
    ) {
        span.target = self.database_target(fields);
        span.rows = saturated(fields.number([Key::Rows]));
        if let Some(size @ 2..) = fields.number([Key::BatchSize]) {
            span.repeats = saturated(Some(size));
        }
        let store = Store::of(system);
        if fields.has(Key::DbStatusCode) && !is_success(fields, store) {
            span.status = Status::Error;
            span.status_code =
                fields.number([Key::DbStatusCode]).and_then(|code| u16::try_from(code).ok()).unwrap_or(0);
        }
        // One span for calls to the same server has the text of the first one only.
        let differ = fields.text([Key::CompositeStrategy]) == Some(b"same_kind");
        let text = if differ { None } else { fields.keyed_text(TEXTS) };
        match store {
            Store::Sql(dialect) => self.statement(raw, fields, text, dialect, span),
            Store::Document => self.query(raw, fields, text.map(|(_, text)| text), span),
            Store::Cache => self.command(raw, fields, text, span),
        }
    }

    fn statement(
        &mut self,
        raw: &RawSpan<'_>,
        fields: &Fields<'_>,
        told: Option<(Key, &[u8])>,
        dialect: Dialect,
        span: &mut Span,
    ) {
        span.kind = Kind::Sql;
        if is_inside(raw.name) {
            (span.kind, span.name) = (Kind::Internal, self.local.symbol(raw.name));
            return;
        }
        if let Some(step) = step_of_name(raw.name) {
            span.shape = self.shapes.operation(&mut self.local, step, b"");
            return;
        }
        if let Some(text) = told.map(|(_, text)| text).or_else(|| statement_of_name(raw.name)) {
            let bound = self.push_parameters(fields);
            let parameters = bound.then_some(&*self.scratch);
            self.shapes.statement(&mut self.local, text, dialect, parameters, span);
            self.told = told
                .filter(|_| !bound && span.shape != ShapeRef::default())
                .map(|(key, _)| Told { key, made: Made::Statement(dialect) });
        }
        // A text may hold nothing but comments.
        if span.shape == ShapeRef::default() {
            self.without_text(raw, fields, dialect, span);
        }
    }

    /// A statement of which only the operation and the table are told.
    fn without_text(&mut self, raw: &RawSpan<'_>, fields: &Fields<'_>, dialect: Dialect, span: &mut Span) {
        let operation = fields.text([Key::DbOperationName, Key::DbOperation]);
        let table = fields.text([Key::Collection, Key::OldCollection]);
        if let (Some(text), None) = (operation.and_then(statement_of_name), table) {
            self.shapes.statement(&mut self.local, text, dialect, None, span);
            return;
        }
        let (operation, object): (&[u8], &[u8]) = match (fields.text([Key::QuerySummary]), operation, table) {
            (None, Some(operation), Some(table)) => (operation, table),
            (Some(summary), ..) => (summary, b""),
            _ if is_statement(raw.name) => {
                self.shapes.statement(&mut self.local, raw.name, dialect, None, span);
                return;
            }
            (None, Some(operation), None) => (operation, b""),
            // Such as `copy_from orders`.
            (None, None, _) => (raw.name, b""),
        };
        span.shape = self.shapes.operation(&mut self.local, operation, object);
    }

    /// A query to a document store: operation, collection and the keys it asks for.
    fn query(&mut self, raw: &RawSpan<'_>, fields: &Fields<'_>, text: Option<&[u8]>, span: &mut Span) {
        span.kind = Kind::Document;
        let first_word = text.map(first_word).filter(|word| !word.is_empty());
        let path = fields.text([Key::SearchPath]).map(|_| raw.name);
        let operation =
            fields.text([Key::DbOperationName, Key::DbOperation, Key::RpcMethod]).or(first_word).or(path);
        let collection = fields.text([Key::Collection, Key::OldCollection]);
        self.scratch.clear();
        for word in [operation.unwrap_or(raw.name), collection.unwrap_or_default()] {
            self.scratch.extend_from_slice(word);
            self.scratch.push(b' ');
        }
        documents::push_keys(text.unwrap_or_default(), &mut self.scratch);
        span.shape = self.shapes.operation(&mut self.local, &self.scratch, b"");
        span.values = self.values_of(fields, text);
    }

    /// What is known of the values of a query that has no lexer here.
    fn values_of(&mut self, fields: &Fields<'_>, text: Option<&[u8]>) -> Values {
        if self.push_parameters(fields) {
            return self.shapes.values(&self.scratch);
        }
        match text.filter(|text| documents::shows_values(text)) {
            Some(text) => self.shapes.values(text),
            None => Values::UNKNOWN,
        }
    }

    /// A command to a cache: its name and the first part of its key.
    fn command(
        &mut self,
        raw: &RawSpan<'_>,
        fields: &Fields<'_>,
        told: Option<(Key, &[u8])>,
        span: &mut Span,
    ) {
        span.kind = Kind::Cache;
        span.cache = cache_result(fields);
        // Commands that are sent together have a span each, but not a trip each.
        let together = fields.text([Key::DbOperationName]).map(first_word).unwrap_or_default();
        let together: &[u8] = if matches!(together, b"PIPELINE" | b"MULTI") { together } else { b"" };
        if let Some((key, text)) = told {
            self.command_of(together, text, span);
            if self.push_parameters(fields) {
                span.values = self.shapes.values(&self.scratch);
            } else {
                self.told = Some(Told { key, made: Made::Command(together.into()) });
            }
            return;
        }
        let name = raw.name.strip_prefix(b"redis-").unwrap_or(raw.name);
        self.command_of(
            together,
            fields.text([Key::DbOperationName, Key::DbOperation]).unwrap_or(name),
            span,
        );
        span.values = self.values_of(fields, None);
    }

    /// Notes what the text of a command says.
    pub(super) fn command_of(&mut self, together: &[u8], text: &[u8], span: &mut Span) {
        self.scratch.clear();
        self.scratch.extend_from_slice(together);
        documents::push_command_pattern(text, &mut self.scratch);
        span.shape = self.shapes.operation(&mut self.local, &self.scratch, b"");
        span.values = if documents::shows_values(text) { self.shapes.values(text) } else { Values::UNKNOWN };
    }

    /// The server with the database.
    pub(super) fn database_target(&mut self, fields: &Fields<'_>) -> Symbol {
        let database = fields.text([Key::DbNamespace, Key::DbName]).map(|name| {
            // The stable name of a PostgreSQL database may be followed by its schema.
            name.split(|&byte| byte == b'|').next().unwrap_or(name)
        });
        let number = fields.number([Key::RedisDatabase]);
        self.server(fields);
        if !self.scratch.is_empty() && (database.is_some() || number.is_some()) {
            self.scratch.push(b'/');
        }
        match (database, number) {
            (Some(name), _) => self.scratch.extend_from_slice(name),
            (None, Some(number)) => self.push_number(number),
            (None, None) => {}
        }
        self.local.symbol(&self.scratch)
    }

    /// Puts bound parameters into the scratch space; false if none are told.
    fn push_parameters(&mut self, fields: &Fields<'_>) -> bool {
        self.scratch.clear();
        for parameter in fields.all(Key::QueryParameter) {
            match parameter {
                Value::Text(text) => self.scratch.extend_from_slice(text),
                Value::Integer(number) => self.scratch.extend_from_slice(&number.to_le_bytes()),
                Value::Double(number) => self.scratch.extend_from_slice(&number.to_bits().to_le_bytes()),
                Value::Boolean(truth) => self.scratch.push(u8::from(truth)),
            }
            // No text holds this byte, so that no two lists look alike.
            self.scratch.push(0xff);
        }
        !self.scratch.is_empty()
    }
}

/// Whether a cache had the value, where the instrumentation says so.
pub(super) fn cache_result(fields: &Fields<'_>) -> CacheResult {
    match fields.truth(Key::CacheHit).or_else(|| fields.truth(Key::CacheResult)) {
        None => CacheResult::Unknown,
        Some(true) => CacheResult::Hit,
        Some(false) => CacheResult::Miss,
    }
}
