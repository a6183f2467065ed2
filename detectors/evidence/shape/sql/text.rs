//! The canonical text of a statement: one spelling for each stream of tokens.

use super::lexer::{Dialect, Lexer, Sink};
use crate::evidence::Shape;

/// Tokens kept of one statement; what lists collapse to counts, not what they held.
const TOKENS_MAX: usize = 8_192;

/// Bytes kept of a canonical text, and given to a parser.
pub(super) const TEXT_BYTES: usize = 65_536;

impl Lexer {
    /// The shape of a statement; asked for once for each id that [`Lexer::scan`] gives.
    pub fn describe(&self, text: &[u8], dialect: Dialect) -> Shape {
        let id = self.scan(text, dialect).id;
        let (tokens, truncated) = self.tokens(text, dialect);
        let facts = super::parser::facts(&tokens, truncated);
        let mut text = render(&tokens, Style::Shown);
        if text.len() > TEXT_BYTES {
            text.truncate(text.floor_char_boundary(TEXT_BYTES));
            text.push_str(" ...");
        }
        Shape { id, text: text.into(), facts: Some(Box::new(facts)) }
    }

    fn tokens(&self, text: &[u8], dialect: Dialect) -> (Vec<Token>, bool) {
        let mut sink = Tokens { list: Vec::new(), beyond: 0 };
        let end = self.feed(text, dialect, &mut sink);
        (sink.list, end.truncated || sink.beyond > 0)
    }
}

/// A canonical token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword or name in lower case.
    Word(Box<str>),
    /// A name that needs its quotes, without them.
    Quoted(Box<str>),
    /// A value.
    Value,
    /// More values than one.
    More,
    /// An operator or a mark of punctuation.
    Symbol(Box<str>),
    /// The text was cut here.
    Cut,
}

impl Token {
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if &**own == word)
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self, Self::Symbol(own) if &**own == symbol)
    }
}

struct Tokens {
    list: Vec<Token>,
    /// Tokens that did not fit.
    beyond: usize,
}

impl Tokens {
    fn push(&mut self, token: Token) {
        if self.list.len() < TOKENS_MAX {
            self.list.push(token);
        } else {
            self.beyond += 1;
        }
    }
}

impl Sink for Tokens {
    type Mark = (usize, usize);

    fn mark(&self) -> (usize, usize) {
        (self.list.len(), self.beyond)
    }

    fn reset(&mut self, mark: (usize, usize)) {
        self.list.truncate(mark.0);
        self.beyond = mark.1;
    }

    fn word(&mut self, word: &[u8], _packed: u64) {
        self.push(Token::Word(String::from_utf8_lossy(word).to_ascii_lowercase().into()));
    }

    fn quoted(&mut self, name: &[u8]) {
        self.push(Token::Quoted(String::from_utf8_lossy(name).into()));
    }

    fn value(&mut self) {
        self.push(Token::Value);
    }

    fn more(&mut self) {
        self.push(Token::More);
    }

    fn symbol(&mut self, symbol: &[u8]) {
        self.push(Token::Symbol(String::from_utf8_lossy(symbol).into()));
    }

    fn cut(&mut self) {
        self.push(Token::Cut);
    }
}

/// For whom tokens are written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// People, and the lexer again.
    Shown,
    /// A parser: values are literals that it accepts at their place.
    Parsed(Dialect),
}

/// Writes tokens out; what stands before a token decides about the space between them.
pub(super) fn render(tokens: &[Token], style: Style) -> String {
    let mut text = String::with_capacity(tokens.len() * 6);
    let mut names_table = false;
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let starts = before.is_none_or(|before| before.is_symbol(";"));
        let after_dot = before.is_some_and(|before| before.is_symbol("."));
        if needs_space(before, token, names_table) {
            text.push(' ');
        }
        match token {
            Token::Word(word) if !after_dot && (starts || is_shown_upper(word)) => {
                text.push_str(&word.to_ascii_uppercase());
                names_table = &**word == "into";
            }
            Token::Word(word) => text.push_str(word),
            Token::Quoted(name) => quote(&mut text, name, style),
            Token::Value if style == Style::Shown => text.push('?'),
            Token::Value => text.push_str(literal(before, at.checked_sub(2).and_then(|at| tokens.get(at)))),
            Token::More if style == Style::Shown => text.push_str(", ?"),
            Token::More => text.push_str(", 1"),
            Token::Symbol(symbol) => {
                text.push_str(symbol);
                names_table &= &**symbol == ".";
            }
            Token::Cut if style == Style::Shown => text.push_str(" ..."),
            Token::Cut => {}
        }
    }
    text
}

fn needs_space(before: Option<&Token>, token: &Token, names_table: bool) -> bool {
    let Some(before) = before else { return false };
    let follows_operand = match before {
        Token::Word(word) => !is_shown_upper(word),
        Token::Quoted(_) | Token::Value | Token::More => true,
        Token::Symbol(symbol) => matches!(&**symbol, ")" | "]"),
        Token::Cut => false,
    };
    match token {
        Token::More | Token::Cut => false,
        Token::Symbol(symbol) => match &**symbol {
            "," | ")" | "]" | ";" => false,
            "." => before.is_symbol("."),
            "::" => !follows_operand,
            "[" => !follows_operand && !before.is_word("array") && !opens(before),
            "(" if matches!(before, Token::Word(_) | Token::Quoted(_)) => !follows_operand || names_table,
            _ => !opens(before),
        },
        _ => !opens(before),
    }
}

/// Nothing separates what follows from this token.
fn opens(token: &Token) -> bool {
    matches!(token, Token::Symbol(symbol) if matches!(&**symbol, "(" | "[" | "." | "::"))
}

fn quote(text: &mut String, name: &str, style: Style) {
    let mark = if style == Style::Parsed(Dialect::MySql) { '`' } else { '"' };
    text.push(mark);
    for letter in name.chars() {
        if letter == mark {
            text.push(mark);
        }
        text.push(letter);
    }
    text.push(mark);
}

/// A literal that a parser accepts behind the two tokens before.
fn literal(before: Option<&Token>, function: Option<&Token>) -> &'static str {
    const TYPED: [&str; 5] = ["date", "time", "timestamp", "interval", "escape"];
    match before {
        Some(Token::Word(word)) if TYPED.contains(&&**word) => "'1'",
        Some(open) if open.is_symbol("(") && function.is_some_and(|function| function.is_word("extract")) => {
            "YEAR"
        }
        _ => "1",
    }
}

/// Keywords that are written in capitals, sorted.
static SHOWN_UPPER: &[&str] = &[
    "all",
    "and",
    "array",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "conflict",
    "create",
    "cross",
    "default",
    "delete",
    "desc",
    "distinct",
    "do",
    "duplicate",
    "else",
    "end",
    "escape",
    "except",
    "exists",
    "false",
    "fetch",
    "for",
    "from",
    "full",
    "group",
    "having",
    "ilike",
    "in",
    "inner",
    "insert",
    "intersect",
    "interval",
    "into",
    "is",
    "join",
    "lateral",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "nothing",
    "nowait",
    "null",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "recursive",
    "returning",
    "right",
    "select",
    "set",
    "table",
    "then",
    "to",
    "true",
    "union",
    "update",
    "using",
    "values",
    "when",
    "where",
    "with",
];

fn is_shown_upper(word: &str) -> bool {
    SHOWN_UPPER.binary_search(&word).is_ok()
}

/// Shortens a canonical text to about `columns` characters: select lists and lists of inserted
/// columns give way to `…` first, then the end.
pub fn shortened(text: &str, columns: usize) -> String {
    let fits = |text: &str| text.chars().count() <= columns;
    if fits(text) {
        return text.to_owned();
    }
    let elided = without_select_list(&without_column_list(text));
    if fits(&elided) {
        return elided;
    }
    let mut cut: String = elided.chars().take(columns.saturating_sub(1)).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

fn without_select_list(text: &str) -> String {
    let Some(select) = text.find("SELECT ").filter(|at| *at == 0 || text.starts_with("WITH ")) else {
        return text.to_owned();
    };
    let list = select + "SELECT ".len();
    let from =
        outer_places(text, list).find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(" FROM ")));
    match from {
        Some(from) if from > list + 1 => {
            let kept = if text.get(list..).is_some_and(|rest| rest.starts_with("DISTINCT ")) {
                "DISTINCT "
            } else {
                ""
            };
            format!("{}{kept}…{}", text.get(..list).unwrap_or_default(), text.get(from..).unwrap_or_default())
        }
        _ => text.to_owned(),
    }
}

fn without_column_list(text: &str) -> String {
    let end = [") VALUES ", ") SELECT "].iter().filter_map(|end| text.find(end)).min();
    match (text.starts_with("INSERT "), text.find(" ("), end) {
        (true, Some(start), Some(end)) if start + 2 < end => {
            format!("{}…{}", text.get(..start + 2).unwrap_or_default(), text.get(end..).unwrap_or_default())
        }
        _ => text.to_owned(),
    }
}

/// The places of `text` from `start` that stand in no parentheses and no quotes.
fn outer_places(text: &str, start: usize) -> impl Iterator<Item = usize> {
    let mut depth = 0_i32;
    let mut quoted = false;
    text.bytes().enumerate().skip(start).filter_map(move |(at, byte)| {
        match byte {
            b'"' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth -= 1,
            _ => {}
        }
        (depth == 0 && !quoted).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::{Dialect, Lexer, shortened};

    fn text(statement: &str) -> String {
        Lexer::new(0).describe(statement.as_bytes(), Dialect::Postgres).text.into()
    }

    #[test]
    fn names_may_hold_quotes_where_nothing_else_has_theirs() {
        let of = |statement: &str, dialect| {
            String::from(Lexer::new(0).describe(statement.as_bytes(), dialect).text)
        };
        for (statement, dialect, expected) in [
            (
                "SELECT \"a'b\" FROM t WHERE \"a'b\" = 5",
                Dialect::Postgres,
                "SELECT \"a'b\" FROM t WHERE \"a'b\" = ?",
            ),
            (
                "SELECT `a'b` FROM t WHERE `a'b` = 5",
                Dialect::MySql,
                "SELECT \"a'b\" FROM t WHERE \"a'b\" = ?",
            ),
            // Texts in the quotes of another dialect, and what looks like an address.
            ("SELECT a FROM t WHERE b = \"it's\"", Dialect::MySql, "SELECT a FROM t WHERE b = ?"),
            ("SELECT a FROM t WHERE b = \"it's\"", Dialect::Generic, "SELECT a FROM t WHERE b = ?"),
            ("SELECT a FROM t WHERE b = \"a@b.c\"", Dialect::Postgres, "SELECT a FROM t WHERE b = ?"),
        ] {
            assert_eq!(of(statement, dialect), expected, "{statement}");
        }
    }

    #[test]
    fn writes_readable_texts() {
        let cases = [
            (
                "select a.id,count( * ) from A a where x=-5 and y in(1,2,3)",
                "SELECT a.id, count(*) FROM a a WHERE x = ? AND y IN (?)",
            ),
            (
                "insert into t(a,b) values(1,'x'),(2,'y') returning \"Id\";",
                "INSERT INTO t (a, b) VALUES (?) RETURNING \"Id\"",
            ),
            (
                "select data->>'a', x::int, arr[1:2] from \"user\"",
                "SELECT data ->> ?, x::int, arr[? : ?] FROM user",
            ),
            (
                "select * from t where id = any(array[1,2]::int[])",
                "SELECT * FROM t WHERE id = any(ARRAY[?]::int[])",
            ),
            (
                "update t set a = null where b is not null and c = true",
                "UPDATE t SET a = ? WHERE b IS NOT NULL AND c = ?",
            ),
            ("begin", "BEGIN"),
            ("select a from t where b = 'cut he", "SELECT a FROM t WHERE b = ..."),
        ];
        for (statement, canonical) in cases {
            assert_eq!(text(statement), canonical);
        }
    }

    #[test]
    fn shortens_the_select_list_first() {
        let long = "SELECT c.id, c.name, (SELECT max(x) FROM y) FROM customers WHERE id = ?";
        assert_eq!(shortened(long, 80), long);
        assert_eq!(shortened(long, 60), "SELECT … FROM customers WHERE id = ?");
        assert_eq!(shortened(long, 20), "SELECT … FROM custo…");
        let insert = "INSERT INTO orders (id, customer_id, total) VALUES (?)";
        assert_eq!(shortened(insert, 40), "INSERT INTO orders (…) VALUES (?)");
        assert_eq!(shortened("é", 0), "…");
    }
}
