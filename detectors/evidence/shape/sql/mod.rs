//! Statements: a one-pass lexer for every execution, a parser once for each shape.

mod keywords;
mod lexer;
mod noted;
mod outline;
mod parser;
mod parts;
mod placeholders;
mod plain;
mod recognizer;
mod setting;
mod tags;
mod text;

pub use lexer::{Dialect, Lexer, Literal, Scanned};
pub use parts::Part;
pub use placeholders::numbered;
pub use recognizer::{Alike, Recognizer};
pub use tags::tags;
pub use text::shortened;

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Verb {
    /// Reads rows.
    Select,
    /// Adds rows.
    Insert,
    /// Changes rows.
    Update,
    /// Removes rows.
    Delete,
    /// `MERGE`, `REPLACE`, upserts keep `Insert`.
    Merge,
    /// `CALL`, `DO`, `EXEC`.
    Call,
    /// `COPY`, `LOAD DATA`.
    Copy,
    /// `BEGIN`, `COMMIT`, `ROLLBACK`, savepoints.
    Transaction,
    /// `SET`, `SHOW`, `USE`, `DISCARD`, `SELECT` without a table such as `SELECT 1`.
    Session,
    /// `CREATE`, `ALTER`, `DROP`, `TRUNCATE`, `ANALYZE`, ...
    Definition,
    /// Anything else.
    #[default]
    Other,
}

/// A column compared in a `WHERE`, `ON` or `HAVING`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    /// Table name (alias resolved) where it can be told.
    pub table: Option<Box<str>>,
    /// Column name.
    pub column: Box<str>,
    /// How it is compared.
    pub comparison: Comparison,
}

/// How a predicate compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=` with a value.
    Equal,
    /// `IN (…)` or `= ANY(…)`.
    In,
    /// `<`, `>`, `BETWEEN`.
    Range,
    /// `LIKE`, `ILIKE`, `~`.
    Pattern,
    /// `IS NULL`, `IS NOT NULL`.
    Null,
    /// `=` with a column of another table.
    Join,
    /// Everything else.
    Other,
}

/// What a parser found in a statement, once for each shape.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// What it does.
    pub verb: Verb,
    /// Tables read or written, lower-cased where unquoted, sorted, each once.
    pub tables: Vec<Box<str>>,
    /// The table whose rows it is about, where the words tell: the first behind the outermost `FROM`,
    /// `INTO` or `UPDATE`.
    pub main: Option<Box<str>>,
    /// The tables among them that are written.
    pub written: Vec<Box<str>>,
    /// Columns compared.
    pub predicates: Vec<Predicate>,
    /// The outermost query has a `LIMIT`, `FETCH FIRST` or `TOP`.
    pub limited: bool,
    /// The only predicate is an equality on one key-like column (a limit of 1 is a value: no
    /// shape tells it from others).
    pub single_row: bool,
    /// An `OFFSET` or a keyset comparison with a limit: it looks like a page.
    pub paged: bool,
    /// Takes row locks (`FOR UPDATE`, `FOR SHARE`).
    pub locks: bool,
    /// The text was cut off; the shape stands for a beginning.
    pub truncated: bool,
    /// The parser understood it; otherwise verb and tables come from the tokens.
    pub parsed: bool,
}

impl Facts {
    /// Bytes of memory that they take, about: each text has one of its own.
    pub(crate) fn bytes(&self) -> usize {
        const TEXT: usize = 32;
        let names = self.tables.len() + self.written.len() + 1;
        size_of::<Self>() + names * (TEXT + 16) + self.predicates.len() * (2 * TEXT + size_of::<Predicate>())
    }
}
