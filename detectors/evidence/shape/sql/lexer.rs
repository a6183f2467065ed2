//! The one-pass lexer behind every statement's id.
//!
//! Turns a text into canonical tokens and hands them to a [`Sink`]: a hash for
//! every execution, a text once for each shape. Lists collapse by going back to
//! a mark that was set when they opened, so nothing is read twice or stored.

use std::mem;
use std::ops::Range;

use crate::evidence::{Family, ShapeId, Values};
use crate::settings::matches_glob;

use super::super::hash;
use super::keywords::{Class, keyword};
use super::noted::{Notes, Noting};
use super::plain::{is_integer, separates};
use super::setting;

/// Whose lexical rules a text follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// PostgreSQL and what speaks its language: nested comments, dollar quotes, JSON operators.
    Postgres,
    /// MySQL and MariaDB: backslash escapes, `"text"`, `#` comments.
    MySql,
    /// SQL Server: `[names]`, `#tables`.
    SqlServer,
    /// Everything else: standard SQL.
    #[default]
    Generic,
}

impl Dialect {
    /// The dialect of a system as `db.system.name` or `db.system` names it.
    pub fn of(system: &[u8]) -> Self {
        match system {
            b"postgresql" | b"postgres" | b"cockroachdb" | b"redshift" | b"aws.redshift" | b"yugabytedb"
            | b"greenplum" | b"timescaledb" | b"edb" => Self::Postgres,
            b"mysql" | b"mariadb" | b"tidb" | b"gcp.bigquery" | b"bigquery" | b"spark" | b"hive" => {
                Self::MySql
            }
            b"mssql" | b"microsoft.sql_server" => Self::SqlServer,
            _ => Self::Generic,
        }
    }
}

/// What one execution's text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scanned {
    /// Id of the shape; the default id if the text holds no token.
    pub id: ShapeId,
    /// Hash of the literals; unknown where a placeholder or a cut hides one.
    pub values: Values,
    /// The text was cut off: its id is that of a beginning, not of a statement.
    pub truncated: bool,
    /// How many placeholders hide a value.
    pub placeholders: u32,
    literals: Literals,
}

impl Scanned {
    /// How many values the text has, those of lists included: placeholders and literals.
    pub fn parameters(&self) -> u32 {
        self.placeholders.saturating_add(self.literals.count)
    }

    /// The same statement with other literals, by the state of their hash and their number.
    pub(super) fn with_literals(mut self, state: u64, count: u32) -> Self {
        self.literals = Literals { state, count };
        let hidden = self.truncated || self.placeholders > 0;
        self.values = self.literals.values(hidden);
        self
    }
}

/// A literal of a text and the place its value takes in the canonical text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Literal {
    /// Which value of the canonical text stands for it, zero-based; all of a list share one, and of
    /// the rows of `VALUES` only the first is told.
    pub place: u32,
    /// First byte, sign and quotes included.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

/// Computes the ids of statements.
#[derive(Debug, Clone, Default)]
pub struct Lexer {
    values_key: u64,
    schemas: Vec<Schema>,
}

/// A glob over names of schemas, and the name that stands for all that fit.
#[derive(Debug, Clone)]
struct Schema {
    glob: Box<str>,
    folded: Box<str>,
}

impl Lexer {
    /// A lexer whose value hashes are keyed with `values_key`.
    pub fn new(values_key: u64) -> Self {
        Self { values_key, schemas: Vec::new() }
    }

    /// Folds schemas that hold one tenant each: every schema that fits a glob such as `tenant_*`
    /// counts as the glob without its stars.
    pub fn with_tenant_schemas(mut self, globs: &[&str]) -> Self {
        let schema = |glob: &&str| {
            let glob = glob.to_ascii_lowercase();
            Schema { folded: glob.replace('*', "").into(), glob: glob.into() }
        };
        self.schemas = globs.iter().map(schema).filter(|schema| !schema.folded.is_empty()).collect();
        self
    }

    /// Reads one text: about a nanosecond for each byte, nothing is allocated.
    pub fn scan(&self, text: &[u8], dialect: Dialect) -> Scanned {
        self.hash(text, dialect, None)
    }

    /// The same, and the places of the first literals: one more than `most` where there are more.
    pub(super) fn scan_noting(
        &self,
        text: &[u8],
        dialect: Dialect,
        most: usize,
        notes: &mut Notes,
    ) -> Scanned {
        self.hash(text, dialect, Some(Noting::new(text, most, notes)))
    }

    fn hash(&self, text: &[u8], dialect: Dialect, noting: Option<Noting<'_>>) -> Scanned {
        let mut sink = Hash { state: hash::START, noting };
        let end = self.feed(text, dialect, &mut sink);
        end.scanned(sink.state)
    }

    /// The state of the values' hash before the first literal.
    pub(super) fn no_literals(&self) -> u64 {
        self.values_key ^ hash::START
    }

    /// The state of the values' hash after one more literal.
    pub(super) fn and_literal(state: u64, literal: &[u8]) -> u64 {
        hash::bytes(state, literal)
    }

    /// The same of a literal in fewer than eight bytes, as a little-endian number.
    pub(super) fn and_short_literal(state: u64, literal: u64, length: usize) -> u64 {
        hash::tailed(state, literal, length)
    }

    /// The places of the first 1,024 literals of a text, in its order; `found` is cleared first.
    pub fn literals(&self, text: &[u8], dialect: Dialect, found: &mut Vec<Literal>) {
        found.clear();
        self.feed(text, dialect, &mut Places { place: 0, found });
    }

    /// The values of an execution whose parameters are known apart from the text.
    pub fn values_with<'p>(
        &self,
        scanned: &Scanned,
        parameters: impl IntoIterator<Item = &'p [u8]>,
    ) -> Values {
        let mut count = 0;
        let state = parameters.into_iter().fold(scanned.literals.state, |state, parameter| {
            count += 1;
            hash::bytes(state, parameter)
        });
        match (scanned.truncated, count) {
            (true, _) => Values::UNKNOWN,
            (false, 0) => scanned.values,
            (false, _) => Values::hashed(hash::finish(state)),
        }
    }

    pub(super) fn feed<S: Sink>(&self, text: &[u8], dialect: Dialect, sink: &mut S) -> End {
        let (text, cut) = without_ellipsis(text);
        let start = sink.mark();
        let setting = setting::bare_value(text);
        let mut scan = Scan {
            text: setting.as_ref().map_or(text, |value| &text[..value.start]),
            pos: 0,
            dialect,
            schemas: &self.schemas,
            truncated: cut,
            version_comment: false,
            last: Last::Start,
            class: Class::Name,
            word: Before { mark: start, last: Last::Start, list: List::None, rows: Rows::None },
            word_at: (0, 0),
            sign: (Last::Start, start),
            sign_at: 0,
            comma: start,
            run: false,
            more: false,
            semicolon: Before { mark: start, last: Last::Start, list: List::None, rows: Rows::None },
            depth: 0,
            brackets: 0,
            list: List::None,
            list_opened: Opened { mark: start, depth: 0, brackets: 0 },
            list_filled: false,
            rows: Rows::None,
            row_opened: Opened { mark: start, depth: 0, brackets: 0 },
            row_at: 0,
            literals: Literals { state: self.no_literals(), count: 0 },
            integers: 0..0,
            placeholders: 0,
            sink,
        };
        scan.run();
        if let Some(value) = setting {
            (scan.text, scan.pos) = (text, value.end);
            scan.literal(value.start, value.end);
            scan.run();
        }
        scan.end()
    }
}

/// Receives canonical tokens; what it does not care for does nothing.
pub(super) trait Sink {
    /// A state to go back to.
    type Mark: Copy;
    /// The state now.
    fn mark(&self) -> Self::Mark;
    /// Goes back to a state.
    fn reset(&mut self, mark: Self::Mark);
    /// A keyword or a name whose case does not matter; `packed` holds its first eight bytes folded.
    fn word(&mut self, _word: &[u8], _packed: u64) {}
    /// A name that needs its quotes, without them.
    fn quoted(&mut self, _name: &[u8]) {}
    /// A value.
    fn value(&mut self) {}
    /// The value before is the first of several.
    fn more(&mut self) {}
    /// An operator or a mark of punctuation, at most eight bytes.
    fn symbol(&mut self, _symbol: &[u8]) {}
    /// The text ends here though the statement does not.
    fn cut(&mut self) {}
    /// A literal was seen, after its value.
    fn literal(&mut self, _start: usize, _end: usize) {}
    /// A placeholder was seen, after its value.
    fn placeholder(&mut self, _start: usize, _end: usize) {}
    /// A comment was left out.
    fn comment(&mut self, _start: usize, _end: usize) {}
    /// From here on the text is left out: what begins here has no end.
    fn endless(&mut self, _start: usize) {}
    /// A row of `VALUES` was seen, brackets included.
    fn row(&mut self, _start: usize, _end: usize) {}
    /// Goes back to the end of the first row of `VALUES`.
    fn drop_row(&mut self, mark: Self::Mark) {
        self.reset(mark);
    }
}

/// What a scan found besides its tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) truncated: bool,
    empty: bool,
    placeholders: u32,
    literals: Literals,
}

impl End {
    fn scanned(self, state: u64) -> Scanned {
        let id = match self.empty {
            true => ShapeId::default(),
            false => ShapeId { family: Family::Statement, hash: hash::finish(state) },
        };
        Scanned {
            id,
            values: self.literals.values(self.truncated || self.placeholders > 0),
            truncated: self.truncated,
            placeholders: self.placeholders,
            literals: self.literals,
        }
    }
}

/// The keyed hash of the literals so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Literals {
    state: u64,
    count: u32,
}

impl Literals {
    /// What is known of the values, some of which may be hidden.
    fn values(self, hidden: bool) -> Values {
        match (hidden, self.count) {
            (true, _) => Values::UNKNOWN,
            (false, 0) => Values::NONE,
            (false, _) => Values::hashed(hash::finish(self.state)),
        }
    }
}

/// The hash of the tokens so far, and where the literals stand if that is asked for.
struct Hash<'p> {
    state: u64,
    noting: Option<Noting<'p>>,
}

impl Sink for Hash<'_> {
    type Mark = u64;

    fn mark(&self) -> u64 {
        self.state
    }

    fn reset(&mut self, mark: u64) {
        self.state = mark;
    }

    fn word(&mut self, word: &[u8], packed: u64) {
        let mut at = 8;
        while at < word.len() {
            let chunk = pack(word, at, (word.len() - at).min(8));
            self.state = hash::mix(self.state ^ chunk, hash::CONTINUED);
            at += 8;
        }
        self.state = hash::mix(self.state ^ packed, hash::WORD);
    }

    fn quoted(&mut self, name: &[u8]) {
        self.state = hash::mix(hash::bytes(self.state, name), hash::QUOTED);
    }

    fn value(&mut self) {
        self.state = hash::mix(self.state, hash::VALUE);
    }

    fn more(&mut self) {
        self.state = hash::mix(self.state, hash::MORE);
    }

    fn symbol(&mut self, symbol: &[u8]) {
        let packed = symbol.iter().fold(0, |packed, byte| packed << 8 | u64::from(*byte));
        self.state = hash::mix(self.state ^ packed, hash::SYMBOL);
    }

    fn cut(&mut self) {
        self.state = hash::mix(self.state, hash::CUT);
    }

    fn literal(&mut self, start: usize, end: usize) {
        if let Some(noting) = &mut self.noting {
            noting.literal(start, end);
        }
    }

    fn placeholder(&mut self, start: usize, _: usize) {
        if let Some(noting) = &mut self.noting {
            noting.placeholder(start);
        }
    }

    fn row(&mut self, start: usize, end: usize) {
        if let Some(noting) = &mut self.noting {
            noting.row(start..end);
        }
    }
}

/// Literals told of one text.
const LITERALS_MAX: usize = 1_024;

struct Places<'f> {
    place: u32,
    found: &'f mut Vec<Literal>,
}

impl Sink for Places<'_> {
    type Mark = u32;

    fn mark(&self) -> u32 {
        self.place
    }

    /// What was thrown away belonged to a list: its literals share the place of the first.
    fn reset(&mut self, mark: u32) {
        for literal in self.found.iter_mut().rev().take_while(|literal| literal.place > mark) {
            literal.place = mark;
        }
        self.place = mark;
    }

    fn value(&mut self) {
        self.place += 1;
    }

    fn literal(&mut self, start: usize, end: usize) {
        if self.found.len() == LITERALS_MAX {
            return;
        }
        let place = self.place.saturating_sub(1);
        self.found.push(Literal { place, start: start as u32, end: end as u32 });
    }

    fn drop_row(&mut self, mark: u32) {
        while self.found.pop_if(|last| last.place >= mark).is_some() {}
        self.place = mark;
    }
}

/// The kind of the token before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Start,
    Name,
    Keyword,
    Value,
    Comma,
    Open,
    Close,
    Dot,
    Operator,
    Star,
    Sign,
    Semicolon,
}

impl Last {
    fn is_operand(self) -> bool {
        matches!(self, Self::Name | Self::Value | Self::Close)
    }
}

/// A list that may turn out to hold values only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    None,
    Pure,
    /// Behind `::`: the words of a type.
    Cast,
}

/// Where in the rows of `VALUES` the scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    None,
    Await,
    First,
    After,
    Comma,
    Drop,
}

/// What held before a token.
#[derive(Debug, Clone, Copy)]
struct Before<M> {
    mark: M,
    last: Last,
    list: List,
    rows: Rows,
}

/// Where a list or a row began.
#[derive(Debug, Clone, Copy)]
struct Opened<M> {
    mark: M,
    depth: u32,
    brackets: u32,
}

struct Scan<'t, 's, S: Sink> {
    text: &'t [u8],
    pos: usize,
    dialect: Dialect,
    schemas: &'t [Schema],
    truncated: bool,
    version_comment: bool,
    last: Last,
    /// Class of the last word, forgotten behind values and closing brackets.
    class: Class,
    /// Before the last word, and where it stands in the text.
    word: Before<S::Mark>,
    word_at: (usize, usize),
    /// Before a run of unary signs.
    sign: (Last, S::Mark),
    sign_at: usize,
    /// Before a comma that follows a value.
    comma: S::Mark,
    /// The last comma follows a value.
    run: bool,
    /// The last value already counts as several.
    more: bool,
    semicolon: Before<S::Mark>,
    depth: u32,
    brackets: u32,
    list: List,
    list_opened: Opened<S::Mark>,
    list_filled: bool,
    rows: Rows,
    /// Depth of a row; mark behind the first.
    row_opened: Opened<S::Mark>,
    /// Where it opens.
    row_at: usize,
    literals: Literals,
    /// The latest literals, if they are whole numbers with commas between them: they are in no hash yet.
    integers: Range<usize>,
    placeholders: u32,
    sink: &'s mut S,
}

impl<S: Sink> Scan<'_, '_, S> {
    fn run(&mut self) {
        while let Some(&byte) = self.text.get(self.pos) {
            match KINDS[byte as usize] {
                Kind::Space => self.pos += 1,
                Kind::Letter => self.word(),
                Kind::Digit => self.number(),
                Kind::Quote => self.string(self.pos, self.pos, self.dialect == Dialect::MySql),
                Kind::DoubleQuote => self.double_quoted(),
                Kind::Backtick => self.quoted(b'`', true),
                Kind::Comma => self.comma(),
                Kind::Open => self.open(),
                Kind::Close => self.close(b")"),
                Kind::OpenBracket => self.open_bracket(),
                Kind::CloseBracket => self.close(b"]"),
                Kind::Dot => self.dot(),
                Kind::Semicolon => self.semicolon(),
                Kind::Colon => self.colon(),
                Kind::Question => self.question(),
                Kind::Dollar => self.dollar(),
                Kind::At => self.at(),
                Kind::Percent => self.percent(),
                Kind::Hash => self.number_sign(),
                Kind::Minus => self.minus(),
                Kind::Slash => self.slash(),
                Kind::Star => self.star(),
                Kind::Operator => self.operator(),
                Kind::Other => self.single(Last::Operator),
            }
        }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.pos + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.pos..).unwrap_or_default()
    }

    // Words

    fn word(&mut self) {
        let start = self.pos;
        let end = word_end(self.text, start + 1);
        if let Some(b'\'' | b'"' | b'&') = self.text.get(end)
            && self.prefixed(start, end)
        {
            return;
        }
        self.plain_word(start, end, end);
    }

    /// A keyword or name at `start..end`; the text goes on at `next`.
    fn plain_word(&mut self, start: usize, end: usize, next: usize) {
        let text = self.text;
        let word = text.get(start..end).unwrap_or_default();
        let packed = pack(text, start, word.len().min(8));
        let after_dot = self.last == Last::Dot;
        let class = if word.len() > 8 || after_dot { Class::Name } else { keyword(packed).class };
        self.pos = next;
        if self.class == Class::Extract && self.last == Last::Open {
            return self.literal(start, end);
        }
        if class == Class::Literal
            && !(self.last == Last::Keyword && matches!(self.class, Class::Is | Class::Not))
        {
            return self.literal(start, end);
        }
        if self.is_charset(word) {
            return;
        }
        self.before_word(start, next);
        self.leave(class);
        self.sink.word(word, packed);
        self.last = match class {
            Class::Name | Class::End | Class::Typed => Last::Name,
            _ => Last::Keyword,
        };
        self.class = class;
    }

    /// `E'…'`, `B'…'`, `X'…'`, `N'…'`, `U&'…'`.
    fn prefixed(&mut self, start: usize, end: usize) -> bool {
        let prefix = self.text.get(start..end).unwrap_or_default();
        let escapes = self.dialect == Dialect::MySql;
        match (prefix, self.text.get(end), self.text.get(end + 1)) {
            ([b'e' | b'E'], Some(b'\''), _) if self.dialect != Dialect::MySql => {
                self.string(start, end, true);
            }
            ([b'b' | b'B' | b'x' | b'X' | b'n' | b'N'], Some(b'\''), _) => {
                self.string(start, end, escapes);
            }
            ([b'u' | b'U'], Some(b'&'), Some(b'\'')) => self.string(start, end + 1, false),
            ([b'u' | b'U'], Some(b'&'), Some(b'"')) => {
                self.pos = end + 1;
                self.quoted(b'"', false);
            }
            _ => return false,
        }
        true
    }

    /// `_utf8mb4` before a text: says how to read it, not what it is.
    fn is_charset(&self, word: &[u8]) -> bool {
        if self.dialect != Dialect::MySql || word.first() != Some(&b'_') {
            return false;
        }
        const CHARSETS: [&[u8]; 7] =
            [b"_utf8", b"_utf8mb3", b"_utf8mb4", b"_latin1", b"_binary", b"_ascii", b"_ucs2"];
        CHARSETS.iter().any(|charset| word.eq_ignore_ascii_case(charset))
            && matches!(
                self.rest().trim_ascii_start(),
                [b'\'' | b'"' | b'?' | b'x' | b'X', ..] | [b'0', b'x' | b'X' | b'b' | b'B', ..]
            )
    }

    fn double_quoted(&mut self) {
        match self.dialect {
            Dialect::MySql => self.string(self.pos, self.pos, true),
            _ => self.quoted(b'"', false),
        }
    }

    /// A quoted name whose opening quote is at the position.
    fn quoted(&mut self, quote: u8, folds: bool) {
        let start = self.pos + 1;
        let Some(end) = closing(self.text, start, quote, false) else { return self.unterminated() };
        self.name_between(start, end, quote, folds, end + 1);
    }

    /// A quoted name at `start..end`; the text goes on at `next`.
    fn name_between(&mut self, start: usize, end: usize, quote: u8, folds: bool, next: usize) {
        let text = self.text;
        let name = text.get(start..end).unwrap_or_default();
        self.pos = next;
        // In quotes that no text has here, a name may hold a quote.
        let is_name = quote == b'`' || self.dialect == Dialect::Postgres;
        let is_odd = |byte: &u8| matches!(byte, b'@' | b'\n') || *byte == b'\'' && !is_name;
        if name.len() > NAME_BYTES || name.iter().any(is_odd) {
            // No name looks like this: a text in another dialect's quotes.
            return self.literal(start, end);
        }
        let simple = name.first().is_some_and(|byte| KINDS[*byte as usize] == Kind::Letter)
            && name.iter().all(|byte| IS_WORD[*byte as usize])
            && (folds || !name.iter().any(u8::is_ascii_uppercase));
        let reserved = simple && name.len() <= 8 && keyword(pack(text, start, name.len())).reserved;
        if simple && (!reserved || self.last == Last::Dot) {
            return self.plain_word(start, end, next);
        }
        let mut inner = Inner::default();
        let mut bytes = name.iter();
        while let Some(&byte) = bytes.next() {
            if byte == quote {
                bytes.next();
            }
            inner.push(if folds && simple { byte.to_ascii_lowercase() } else { byte });
        }
        self.before_word(start, next);
        self.leave(Class::Name);
        self.sink.quoted(inner.bytes());
        self.last = Last::Name;
        self.class = Class::Name;
    }

    // Values

    fn literal(&mut self, start: usize, end: usize) {
        let start = if self.last == Last::Sign { self.sign_at } else { start };
        self.count_literal(start, end);
        self.value();
        self.sink.literal(start, end);
    }

    /// Takes a literal into the hash of the values: whole numbers with commas between them as one text, which is quicker
    /// for lists of thousands.
    fn count_literal(&mut self, start: usize, end: usize) {
        self.literals.count = self.literals.count.saturating_add(1);
        let is_integer = is_integer(self.text, start..end);
        let between = self.text.get(self.integers.end..start).unwrap_or_default();
        if is_integer && !self.integers.is_empty() && separates(between) {
            self.integers.end = end;
            return;
        }
        self.take_integers();
        match is_integer {
            true => self.integers = start..end,
            false => self.take_literal(start..end),
        }
    }

    /// Takes the latest whole numbers into the hash of the values.
    fn take_integers(&mut self) {
        let integers = mem::take(&mut self.integers);
        if !integers.is_empty() {
            self.take_literal(integers);
        }
    }

    fn take_literal(&mut self, literal: Range<usize>) {
        let literal = self.text.get(literal).unwrap_or_default();
        self.literals.state = Lexer::and_literal(self.literals.state, literal);
    }

    fn placeholder(&mut self, length: usize) {
        let start = self.pos;
        self.pos += length;
        self.placeholders = self.placeholders.saturating_add(1);
        self.value();
        self.sink.placeholder(start, self.pos);
    }

    /// One value; a run of them behind commas counts as two.
    fn value(&mut self) {
        if self.last == Last::Sign {
            self.sink.reset(self.sign.1);
            self.last = self.sign.0;
        }
        if self.last == Last::Comma && self.run {
            self.sink.reset(self.comma);
            self.several();
        } else if self.last != Last::Value {
            self.leave_rows();
            self.sink.value();
            self.more = false;
        }
        self.list_filled = true;
        self.last = Last::Value;
        self.class = Class::Name;
    }

    fn several(&mut self) {
        if !self.more {
            self.sink.more();
            self.more = true;
        }
    }

    /// A text whose quote stands at `quote`, its prefix at `start`.
    fn string(&mut self, start: usize, quote: usize, escapes: bool) {
        let mark = self.text.get(quote).copied().unwrap_or(b'\'');
        match closing(self.text, quote + 1, mark, escapes) {
            Some(end) => {
                self.pos = end + 1;
                self.literal(start, end + 1);
            }
            None => self.unterminated(),
        }
    }

    fn unterminated(&mut self) {
        self.sink.endless(self.pos);
        self.truncated = true;
        self.pos = self.text.len();
    }

    fn number(&mut self) {
        let (start, text) = (self.pos, self.text);
        let mut end = word_end(text, start);
        let digits = text.get(start..end).unwrap_or_default();
        if self.dialect == Dialect::MySql && !is_number(digits) {
            return self.name_between(start, end, b'`', true, end);
        }
        let hexadecimal = matches!(digits, [b'0', b'x' | b'X', ..]);
        if text.get(end) == Some(&b'.') && text.get(end + 1) != Some(&b'.') {
            end = word_end(text, end + 1);
        }
        if !hexadecimal
            && matches!(text.get(end - 1), Some(b'e' | b'E'))
            && matches!(text.get(end), Some(b'+' | b'-'))
            && text.get(end + 1).is_some_and(u8::is_ascii_digit)
        {
            end = word_end(text, end + 1);
        }
        self.pos = end;
        self.literal(start, end);
    }

    fn question(&mut self) {
        let typed = self.last == Last::Name && self.class == Class::Typed;
        if self.last.is_operand() && !typed && self.dialect != Dialect::MySql {
            match (self.peek(1), self.peek(2)) {
                (b'|', b'|') | (b'&', b'&') => {}
                (b'|', _) => return self.symbol(b"?|", 2, Last::Operator),
                (b'&', _) => return self.symbol(b"?&", 2, Last::Operator),
                // The driver's way to write the operator where `?` is a placeholder.
                (b'?', _) => return self.symbol(b"?", 2, Last::Operator),
                _ if self.operand_at(self.pos + 1) => return self.symbol(b"?", 1, Last::Operator),
                _ => {}
            }
        }
        let digits = self.rest().iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
        self.placeholder(1 + digits);
        if self.peek(0) == b'+' && digits == 0 && self.after_blanks(self.pos + 1) == Some(b')') {
            self.pos += 1;
            self.several();
        }
    }

    fn after_blanks(&self, at: usize) -> Option<u8> {
        self.text.get(at..)?.iter().copied().find(|byte| !byte.is_ascii_whitespace())
    }

    /// Whether an operand starts behind the blanks and comments at `at`.
    fn operand_at(&self, at: usize) -> bool {
        let (text, mut at) = (self.text, at);
        loop {
            match (text.get(at), text.get(at + 1)) {
                (Some(byte), _) if byte.is_ascii_whitespace() => at += 1,
                (Some(b'-'), Some(b'-')) => at = line_end(text, at),
                (Some(b'/'), Some(b'*')) => match self.comment_end(at) {
                    Some(end) => at = end,
                    None => return false,
                },
                _ => break,
            }
        }
        let next = text.get(at + 1).copied().unwrap_or(0);
        match text.get(at).map_or(Kind::Other, |byte| KINDS[*byte as usize]) {
            Kind::Quote | Kind::DoubleQuote | Kind::Backtick | Kind::Digit | Kind::Question | Kind::Open => {
                true
            }
            Kind::Dollar => next == b'$' || IS_WORD[next as usize],
            Kind::At | Kind::Colon => IS_WORD[next as usize],
            Kind::Percent => python_placeholder(text, at).is_some(),
            Kind::OpenBracket => self.bracketed_name(at).is_some(),
            Kind::Letter => {
                let end = word_end(text, at);
                let class = if end - at > 8 { Class::Name } else { keyword(pack(text, at, end - at)).class };
                matches!(class, Class::Name | Class::Typed | Class::Array | Class::Literal | Class::Extract)
            }
            _ => false,
        }
    }

    /// `$1`, `$name`, `$tag$…$tag$`.
    fn dollar(&mut self) {
        let start = self.pos;
        if start + 1 == self.text.len() {
            return self.unterminated();
        }
        let end = word_end_without_dollar(self.text, start + 1);
        let tagged = self.text.get(end) == Some(&b'$')
            && !self.text.get(start + 1).is_some_and(u8::is_ascii_digit)
            && end - start <= NAME_BYTES
            && self.dialect != Dialect::MySql;
        if !tagged {
            return match end - start {
                1 => self.single(Last::Operator),
                length => self.placeholder(length),
            };
        }
        let tag = self.text.get(start..=end).unwrap_or_default();
        match find(self.text, end + 1, tag) {
            Some(found) => {
                self.pos = found + tag.len();
                self.literal(start, found + tag.len());
            }
            None => self.unterminated(),
        }
    }

    /// `:name`, `:1`, `::`, `:=`, the colon of a slice.
    fn colon(&mut self) {
        match self.peek(1) {
            b':' => {
                let list = self.list;
                self.symbol(b"::", 2, Last::Operator);
                self.list = if list == List::None { list } else { List::Cast };
            }
            b'=' => self.symbol(b":=", 2, Last::Operator),
            byte if IS_WORD[byte as usize] && !(self.brackets > 0 && self.last.is_operand()) => {
                self.placeholder(word_end(self.text, self.pos + 1) - self.pos);
            }
            _ => self.single(Last::Operator),
        }
    }

    /// `@name`, `@@variable`, `@>`.
    fn at(&mut self) {
        let end = word_end(self.text, self.pos + 2);
        match self.peek(1) {
            b'@' if end > self.pos + 2 && !self.last.is_operand() => self.plain_word(self.pos, end, end),
            b'\'' | b'"' | b'`' if self.dialect == Dialect::MySql => self.placeholder(1),
            byte if IS_WORD[byte as usize] => self.placeholder(end - self.pos),
            _ => self.operator(),
        }
    }

    fn percent(&mut self) {
        match python_placeholder(self.text, self.pos) {
            Some(length) if length > 2 || !self.last.is_operand() => self.placeholder(length),
            _ => self.operator(),
        }
    }

    // Lists

    fn comma(&mut self) {
        self.run = self.last == Last::Value;
        if self.run {
            self.comma = self.sink.mark();
        }
        if self.list == List::Cast && self.depth == self.list_opened.depth {
            self.list = List::Pure;
        }
        let rows = self.rows;
        self.leave_rows();
        if rows == Rows::After {
            self.rows = Rows::Comma;
        }
        self.sink.symbol(b",");
        self.pos += 1;
        self.last = Last::Comma;
    }

    fn open(&mut self) {
        const INTRODUCER: &[u8] = b"(_charset)";
        if self.dialect == Dialect::MySql && self.rest().starts_with(INTRODUCER) {
            self.pos += INTRODUCER.len();
            return;
        }
        let list = self.last == Last::Keyword && self.class == Class::In;
        let row = match self.rows {
            Rows::Await => Some(Rows::First),
            Rows::Comma => Some(Rows::Drop),
            _ => None,
        };
        self.leave_rows();
        let at = self.pos;
        self.opening(b"(");
        if let Some(row) = row {
            self.row_at = at;
            self.rows = row;
            self.row_opened.depth = self.depth;
            self.row_opened.brackets = self.brackets;
        }
        if list || row.is_some() {
            self.open_list();
        }
    }

    fn open_bracket(&mut self) {
        if let Some(end) = self.bracketed_name(self.pos) {
            return self.name_between(self.pos + 1, end, b']', true, end + 1);
        }
        let list = self.last == Last::Keyword && self.class == Class::Array;
        self.leave_rows();
        self.opening(b"[");
        self.brackets = self.brackets.saturating_add(1);
        if list {
            self.open_list();
        }
    }

    fn opening(&mut self, symbol: &[u8]) {
        self.depth = self.depth.saturating_add(1);
        self.sink.symbol(symbol);
        self.pos += 1;
        self.last = Last::Open;
    }

    fn open_list(&mut self) {
        self.list = List::Pure;
        self.list_opened = Opened { mark: self.sink.mark(), depth: self.depth, brackets: self.brackets };
        self.list_filled = false;
    }

    /// The end of `[name]` as SQL Server writes it.
    fn bracketed_name(&self, at: usize) -> Option<usize> {
        if self.dialect != Dialect::SqlServer {
            return None;
        }
        let near = self.text.len().min(at + 2 + NAME_BYTES);
        closing(self.text.get(..near)?, at + 1, b']', false)
    }

    fn close(&mut self, symbol: &[u8]) {
        if self.list != List::None && self.depth == self.list_opened.depth {
            self.collapse_list();
        }
        let row = matches!(self.rows, Rows::First | Rows::Drop) && self.depth == self.row_opened.depth;
        self.depth = self.depth.saturating_sub(1);
        if symbol == b"]" {
            self.brackets = self.brackets.saturating_sub(1);
        }
        self.leave_rows();
        self.sink.symbol(symbol);
        self.pos += 1;
        self.last = Last::Close;
        self.class = Class::Name;
        if row {
            self.close_row();
        }
    }

    fn collapse_list(&mut self) {
        if self.list_filled {
            self.sink.reset(self.list_opened.mark);
            self.sink.value();
            self.more = false;
        }
        self.brackets = self.list_opened.brackets;
        self.list = List::None;
    }

    fn close_row(&mut self) {
        self.sink.row(self.row_at, self.pos);
        match self.rows {
            Rows::First => self.row_opened.mark = self.sink.mark(),
            _ => {
                self.sink.drop_row(self.row_opened.mark);
                self.brackets = self.row_opened.brackets;
            }
        }
        self.rows = Rows::After;
    }

    /// A word comes: lists of values and rows end at it.
    fn leave(&mut self, class: Class) {
        if self.list == List::Pure {
            self.list = List::None;
        }
        if class != Class::Row {
            self.leave_rows();
        }
        if class == Class::Values && self.rows == Rows::None {
            self.rows = Rows::Await;
        }
    }

    fn leave_rows(&mut self) {
        if matches!(self.rows, Rows::Await | Rows::After | Rows::Comma) {
            self.rows = Rows::None;
        }
    }

    // Symbols

    fn single(&mut self, last: Last) {
        let byte = [self.peek(0)];
        self.symbol(&byte, 1, last);
    }

    fn symbol(&mut self, symbol: &[u8], length: usize, last: Last) {
        if self.list == List::Pure {
            self.list = List::None;
        }
        self.leave_rows();
        self.sink.symbol(symbol);
        self.pos += length;
        self.last = last;
    }

    fn dot(&mut self) {
        if self.rest().starts_with(b"...") {
            // MySQL's digests write it for the further values of a list.
            self.placeholder(3);
            return self.several();
        }
        if self.peek(1).is_ascii_digit() && !self.last.is_operand() {
            return self.number();
        }
        if self.last == Last::Name && !self.schemas.is_empty() {
            self.fold_schema();
        }
        self.single(Last::Dot);
    }

    fn fold_schema(&mut self) {
        let (start, end) = self.word_at;
        let name = self.text.get(start..end).unwrap_or_default();
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let name = name.trim_end_matches(['"', '`', ']']);
        if let Some(schema) = self.schemas.iter().find(|schema| matches_glob(&schema.glob, name)) {
            let folded = schema.folded.as_bytes();
            self.sink.reset(self.word.mark);
            self.sink.word(folded, pack(folded, 0, folded.len().min(8)));
        }
    }

    fn semicolon(&mut self) {
        if matches!(self.last, Last::Semicolon | Last::Start) {
            self.pos += 1;
            return;
        }
        self.semicolon = Before { mark: self.sink.mark(), last: self.last, list: self.list, rows: self.rows };
        self.single(Last::Semicolon);
    }

    /// Comments out of the way: MySQL's `#`, SQL Server's `#name`, PostgreSQL's `#>`.
    fn number_sign(&mut self) {
        let end = word_end(self.text, self.pos + 1);
        match self.dialect {
            Dialect::MySql => self.line_comment(),
            Dialect::SqlServer | Dialect::Generic if end > self.pos + 1 => {
                self.plain_word(self.pos, end, end)
            }
            _ => self.operator(),
        }
    }

    fn minus(&mut self) {
        match self.line_comment_at(self.pos) {
            true => self.line_comment(),
            false => self.operator(),
        }
    }

    fn line_comment_at(&self, at: usize) -> bool {
        let [first, second, third] = [0, 1, 2].map(|ahead| self.text.get(at + ahead).copied());
        first == Some(b'-')
            && second == Some(b'-')
            && (self.dialect != Dialect::MySql || third.is_none_or(|byte| byte <= b' '))
    }

    fn line_comment(&mut self) {
        self.comment(line_end(self.text, self.pos));
    }

    fn comment(&mut self, end: usize) {
        self.sink.comment(self.pos, end);
        self.pos = end;
    }

    fn slash(&mut self) {
        if self.peek(1) != b'*' {
            return self.operator();
        }
        let versioned = match self.rest() {
            [_, _, b'!', ..] => 3,
            [_, _, b'M', b'!', ..] => 4,
            _ => 0,
        };
        if versioned > 0 && matches!(self.dialect, Dialect::MySql | Dialect::Generic) {
            let digits = self.rest().iter().skip(versioned).take(6).take_while(|byte| byte.is_ascii_digit());
            self.pos += versioned + digits.count();
            self.version_comment = true;
            return;
        }
        match self.comment_end(self.pos) {
            Some(end) => self.comment(end),
            None => self.unterminated(),
        }
    }

    fn comment_end(&self, at: usize) -> Option<usize> {
        let nests = matches!(self.dialect, Dialect::Postgres | Dialect::SqlServer);
        let (mut at, mut open) = (at + 2, 1);
        loop {
            match (self.text.get(at)?, self.text.get(at + 1)) {
                (b'*', Some(b'/')) => {
                    open -= 1;
                    at += 2;
                    if open == 0 {
                        return Some(at);
                    }
                }
                (b'/', Some(b'*')) if nests => {
                    open += 1;
                    at += 2;
                }
                _ => at += 1,
            }
        }
    }

    fn star(&mut self) {
        if self.version_comment && self.peek(1) == b'/' {
            self.version_comment = false;
            self.pos += 2;
            return;
        }
        self.single(Last::Star);
    }

    fn operator(&mut self) {
        let text = self.text;
        let symbol = text.get(self.pos..self.operator_end()).unwrap_or_default();
        match symbol {
            b"-" | b"+" if !self.last.is_operand() => self.unary_sign(symbol),
            b"!=" => self.symbol(b"<>", 2, Last::Operator),
            _ => self.symbol(symbol, symbol.len().max(1), Last::Operator),
        }
    }

    fn unary_sign(&mut self, symbol: &[u8]) {
        if self.last != Last::Sign {
            self.sign = (self.last, self.sink.mark());
        }
        self.sign_at = self.pos;
        self.leave_rows();
        self.sink.symbol(symbol);
        self.pos += 1;
        self.last = Last::Sign;
    }

    /// The longest operator from here that leaves comments, placeholders and signs to what follows.
    fn operator_end(&self) -> usize {
        let (text, start) = (self.text, self.pos);
        let mut end = start + 1;
        while end - start < 8 && text.get(end).is_some_and(|byte| self.continues_operator(*byte, end)) {
            end += 1;
        }
        let is_special = |byte: &u8| b"~!@#%^&|`?".contains(byte);
        let special = text.get(start..end).unwrap_or_default().iter().any(is_special);
        while !special && end - start > 1 && matches!(text.get(end - 1), Some(b'-' | b'+')) {
            end -= 1;
        }
        end
    }

    fn continues_operator(&self, byte: u8, at: usize) -> bool {
        let text = self.text;
        let before = text.get(at - 1).copied().unwrap_or(0);
        let next = text.get(at + 1).copied().unwrap_or(0);
        if text.get(self.pos) == Some(&b'=') {
            return matches!(byte, b'>' | b'=') && at == self.pos + 1;
        }
        match byte {
            b'-' => !self.line_comment_at(at),
            b'/' => next != b'*',
            b'*' => next != b'/' || !self.version_comment,
            b'?' => before == b'@' && self.dialect == Dialect::Postgres,
            b'@' if IS_WORD[next as usize] => {
                before == b'@' || (before == b'<' && self.dialect == Dialect::Postgres)
            }
            b'%' => python_placeholder(text, at).is_none(),
            b'#' => self.dialect != Dialect::MySql,
            _ => matches!(KINDS[byte as usize], Kind::Operator | Kind::At),
        }
    }

    // Ends

    fn before_word(&mut self, start: usize, next: usize) {
        self.word = Before { mark: self.sink.mark(), last: self.last, list: self.list, rows: self.rows };
        self.word_at = (start, next);
    }

    fn go_back(&mut self, before: Before<S::Mark>) {
        self.sink.reset(before.mark);
        self.last = before.last;
        self.list = before.list;
        self.rows = before.rows;
    }

    fn end(&mut self) -> End {
        self.take_integers();
        if self.last == Last::Semicolon && !self.truncated {
            self.go_back(self.semicolon);
        }
        self.truncated |= self.depth > 0 || self.expects() || may_be_cut(self.text);
        if self.truncated {
            self.cut();
        }
        End {
            truncated: self.truncated,
            empty: self.last == Last::Start,
            placeholders: self.placeholders,
            literals: self.literals,
        }
    }

    /// No statement ends with the last token.
    fn expects(&self) -> bool {
        match self.last {
            Last::Comma | Last::Open | Last::Dot | Last::Operator | Last::Sign => true,
            Last::Keyword => matches!(self.class, Class::Expects | Class::In | Class::Is | Class::Not),
            _ => false,
        }
    }

    /// Ends at the last whole token, and as the whole statement would look up to there.
    fn cut(&mut self) {
        let word = matches!(self.last, Last::Name | Last::Keyword) && self.word_at.1 == self.text.len();
        if word && self.text.last().is_some_and(|byte| IS_WORD[*byte as usize]) {
            self.go_back(self.word);
        }
        if self.last == Last::Sign {
            self.sink.reset(self.sign.1);
            self.last = self.sign.0;
        }
        if self.last == Last::Comma && self.run {
            self.sink.reset(self.comma);
        }
        if self.list != List::None && self.list_filled {
            self.collapse_list();
        }
        if matches!(self.rows, Rows::Comma | Rows::Drop) {
            self.sink.drop_row(self.row_opened.mark);
        }
        if self.last != Last::Start {
            self.sink.cut();
        }
    }
}

/// A text of as many bytes as servers keep, that ends within a word.
pub(super) fn may_be_cut(text: &[u8]) -> bool {
    let length = text.len();
    length >= 1023
        && (length.is_power_of_two() || (length + 1).is_power_of_two())
        && text.last().is_some_and(|byte| IS_WORD[*byte as usize])
}

/// No longer name is quoted: what is longer is a text.
const NAME_BYTES: usize = 128;

/// A quoted name without its doubled quotes.
struct Inner {
    bytes: [u8; NAME_BYTES],
    length: usize,
}

impl Default for Inner {
    fn default() -> Self {
        Self { bytes: [0; NAME_BYTES], length: 0 }
    }
}

impl Inner {
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// What a byte begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Space,
    Letter,
    Digit,
    Quote,
    DoubleQuote,
    Backtick,
    Comma,
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Dot,
    Semicolon,
    Colon,
    Question,
    Dollar,
    At,
    Percent,
    Hash,
    Minus,
    Slash,
    Star,
    Operator,
    Other,
}

static KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => Kind::Space,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => Kind::Letter,
            b'0'..=b'9' => Kind::Digit,
            b'\'' => Kind::Quote,
            b'"' => Kind::DoubleQuote,
            b'`' => Kind::Backtick,
            b',' => Kind::Comma,
            b'(' => Kind::Open,
            b')' => Kind::Close,
            b'[' => Kind::OpenBracket,
            b']' => Kind::CloseBracket,
            b'.' => Kind::Dot,
            b';' => Kind::Semicolon,
            b':' => Kind::Colon,
            b'?' => Kind::Question,
            b'$' => Kind::Dollar,
            b'@' => Kind::At,
            b'%' => Kind::Percent,
            b'#' => Kind::Hash,
            b'-' => Kind::Minus,
            b'/' => Kind::Slash,
            b'*' => Kind::Star,
            b'+' | b'<' | b'>' | b'=' | b'~' | b'!' | b'^' | b'&' | b'|' => Kind::Operator,
            _ => Kind::Other,
        };
        byte += 1;
    }
    kinds
};

/// Bytes that continue a word.
static IS_WORD: [bool; 256] = {
    let mut is_word = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        is_word[byte] = matches!(KINDS[byte], Kind::Letter | Kind::Digit | Kind::Dollar);
        byte += 1;
    }
    is_word
};

fn word_end(text: &[u8], from: usize) -> usize {
    let mut end = from;
    while text.get(end).is_some_and(|byte| IS_WORD[*byte as usize]) {
        end += 1;
    }
    end
}

fn word_end_without_dollar(text: &[u8], from: usize) -> usize {
    let mut end = from;
    while text.get(end).is_some_and(|byte| IS_WORD[*byte as usize] && *byte != b'$') {
        end += 1;
    }
    end
}

fn line_end(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.iter().position(|byte| *byte == b'\n').map_or(text.len(), |length| from + length)
}

/// Where the closing quote of what begins at `from` stands.
fn closing(text: &[u8], from: usize, quote: u8, escapes: bool) -> Option<usize> {
    let mut at = from;
    loop {
        let byte = *text.get(at)?;
        if byte == quote {
            if text.get(at + 1) != Some(&quote) {
                return Some(at);
            }
            at += 1;
        } else if byte == b'\\' && escapes {
            at += 1;
        }
        at += 1;
    }
}

fn find(text: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    let last = text.len().checked_sub(wanted.len())?;
    (from..=last).find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(wanted)))
}

/// Up to eight bytes of a word from `at`, little-endian, ASCII letters in lower case.
pub(super) fn pack(text: &[u8], at: usize, length: usize) -> u64 {
    let rest = text.get(at..).unwrap_or_default();
    let packed = match rest.first_chunk::<8>() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => rest.iter().rev().fold(0, |packed, byte| packed << 8 | u64::from(*byte)),
    };
    // Bit 5 makes letters lower case, is set in digits and `$` already, and keeps `_` unlike them.
    let ascii = !packed & 0x8080_8080_8080_8080;
    let folded = packed | ascii >> 2;
    if length >= 8 { folded } else { folded & ((1 << (8 * length)) - 1) }
}

fn is_number(word: &[u8]) -> bool {
    match word {
        [b'0', b'x' | b'X', rest @ ..] => rest.iter().all(u8::is_ascii_hexdigit),
        [b'0', b'b' | b'B', rest @ ..] => rest.iter().all(|byte| matches!(byte, b'0' | b'1')),
        _ => {
            let digits = word.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(word.len());
            match word.get(digits..).unwrap_or_default() {
                [b'e' | b'E', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
                rest => rest.is_empty(),
            }
        }
    }
}

/// The length of `%s` or `%(name)s`.
fn python_placeholder(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at + 1..)?;
    let end = match rest.first()? {
        b's' => 1,
        b'(' => {
            let length = rest.iter().skip(1).take(NAME_BYTES).position(|byte| *byte == b')')?;
            match rest.get(length + 2) {
                Some(b's') => length + 3,
                _ => return None,
            }
        }
        _ => return None,
    };
    let ends = rest.get(end).is_none_or(|byte| !IS_WORD[*byte as usize]);
    ends.then_some(end + 1)
}

/// The text without the dots that stand for its missing end.
fn without_ellipsis(text: &[u8]) -> (&[u8], bool) {
    let trimmed = text.trim_ascii_end();
    let cut = match trimmed.strip_suffix("…".as_bytes()) {
        Some(cut) => cut,
        None => match trimmed.strip_suffix(b"...") {
            // A digest's list of values, not a cut.
            Some(cut) if !cut.ends_with(b"?, ") => cut,
            _ => return (text, false),
        },
    };
    (cut, true)
}
