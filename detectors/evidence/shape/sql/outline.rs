//! Verb and tables by the words alone: for what no parser understands, and for cut texts.

use std::collections::BTreeSet;

use super::text::Token;
use super::{Facts, Verb};

/// Tokens that may nest what follows into what came before; more are not given to a parser.
const NESTING_MAX: usize = 200;

/// Whether a tree of the statement could be too deep to walk.
pub(super) fn nests_deeply(tokens: &[Token]) -> bool {
    const WORDS: [&str; 22] = [
        "and",
        "or",
        "xor",
        "not",
        "is",
        "like",
        "ilike",
        "rlike",
        "regexp",
        "in",
        "between",
        "case",
        "union",
        "intersect",
        "except",
        "minus",
        "collate",
        "at",
        "select",
        "div",
        "similar",
        "end",
    ];
    let nests = tokens.iter().filter(|token| match token {
        Token::Word(word) => WORDS.contains(&&**word),
        Token::Symbol(symbol) => !matches!(&**symbol, "," | "." | ";" | ")" | "("),
        _ => false,
    });
    nests.count() > NESTING_MAX || depth(tokens) > 40
}

fn depth(tokens: &[Token]) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    for token in tokens {
        if token.is_symbol("(") || token.is_symbol("[") {
            now += 1;
            most = most.max(now);
        } else if token.is_symbol(")") || token.is_symbol("]") {
            now = now.saturating_sub(1);
        }
    }
    most
}

/// What the words say.
pub(super) fn outline(tokens: &[Token]) -> Facts {
    let verb = verb(tokens);
    let mut found = Found::default();
    found.read(tokens, verb);
    let has = |word: &str| tokens.iter().any(|token| token.is_word(word));
    let locks = tokens.windows(2).any(|pair| {
        pair[0].is_word("for") && ["update", "share", "no", "key"].iter().any(|word| pair[1].is_word(word))
    });
    let mut facts = Facts {
        verb,
        tables: found.tables.difference(&found.common).map(|table| table.as_str().into()).collect(),
        main: main_table(tokens).filter(|table| !found.common.contains(table)).map(String::into_boxed_str),
        written: found.written.difference(&found.common).map(|table| table.as_str().into()).collect(),
        limited: has("limit") || has("fetch"),
        paged: has("offset"),
        locks,
        ..Facts::default()
    };
    if verb == Verb::Select && facts.tables.is_empty() && !has("from") {
        facts.verb = without_table(tokens);
    }
    facts
}

fn words(tokens: &[Token]) -> impl Iterator<Item = (usize, &str)> {
    tokens.iter().enumerate().filter_map(|(at, token)| match token {
        Token::Word(word) => Some((at, &**word)),
        _ => None,
    })
}

fn verb(tokens: &[Token]) -> Verb {
    let mut words = words(tokens).map(|(_, word)| word);
    let first = words.next().unwrap_or_default();
    if first != "with" {
        return verb_of(first);
    }
    // The statement behind the common table expressions stands outside their parentheses.
    let mut depth = 0_usize;
    for token in tokens {
        match token {
            Token::Symbol(symbol) if &**symbol == "(" => depth += 1,
            Token::Symbol(symbol) if &**symbol == ")" => depth = depth.saturating_sub(1),
            Token::Word(word) if depth == 0 => match &**word {
                "select" | "insert" | "update" | "delete" | "merge" => return verb_of(word),
                _ => {}
            },
            _ => {}
        }
    }
    Verb::Select
}

fn verb_of(word: &str) -> Verb {
    match word {
        "select" | "values" | "table" => Verb::Select,
        "insert" => Verb::Insert,
        "update" => Verb::Update,
        "delete" => Verb::Delete,
        "merge" | "replace" => Verb::Merge,
        "call" | "do" | "exec" | "execute" => Verb::Call,
        "copy" | "load" => Verb::Copy,
        "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release" => {
            Verb::Transaction
        }
        "set" | "show" | "use" | "discard" | "reset" | "prepare" | "deallocate" | "pragma" | "listen"
        | "unlisten" | "notify" | "describe" | "desc" => Verb::Session,
        "create" | "alter" | "drop" | "truncate" | "analyze" | "vacuum" | "grant" | "revoke" | "comment"
        | "reindex" | "cluster" | "refresh" | "optimize" | "rename" => Verb::Definition,
        _ => Verb::Other,
    }
}

/// A `SELECT` that reads no table: a call of somebody's function, or a look at the session.
fn without_table(tokens: &[Token]) -> Verb {
    const OF_SESSION: [&str; 18] = [
        "version",
        "set_config",
        "current_setting",
        "current_database",
        "current_schema",
        "current_schemas",
        "pg_backend_pid",
        "pg_is_in_recovery",
        "last_insert_id",
        "connection_id",
        "database",
        "now",
        "nextval",
        "currval",
        "lastval",
        "txid_current",
        "found_rows",
        "row_count",
    ];
    let calls = tokens.windows(2).filter_map(|pair| match pair {
        [Token::Word(name), open] if open.is_symbol("(") => Some(&**name),
        [Token::Quoted(name), open] if open.is_symbol("(") => Some(&**name),
        _ => None,
    });
    let mut others = calls.filter(|name| {
        !OF_SESSION.contains(name) && !name.starts_with("pg_advisory") && !name.starts_with("pg_try_advisory")
    });
    if others.next().is_some() { Verb::Call } else { Verb::Session }
}

/// The first table that is named outside of all brackets.
fn main_table(tokens: &[Token]) -> Option<String> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match () {
            () if token.is_symbol("(") => depth += 1,
            () if token.is_symbol(")") => depth = depth.saturating_sub(1),
            () if depth == 0 && is_any(token, &["from", "into", "update"]) => {
                return table(tokens, at + 1).map(|(table, _)| table);
            }
            () => {}
        }
    }
    None
}

#[derive(Debug, Default)]
struct Found {
    tables: BTreeSet<String>,
    written: BTreeSet<String>,
    /// Names of common table expressions.
    common: BTreeSet<String>,
}

impl Found {
    fn read(&mut self, tokens: &[Token], verb: Verb) {
        for (at, word) in words(tokens) {
            let before = at.checked_sub(1).and_then(|before| tokens.get(before));
            let after = |word: &str| before.is_some_and(|before| before.is_word(word));
            let next = tokens.get(at + 1);
            match word {
                "from" if verb != Verb::Copy && !after("distinct") && !in_function(tokens, at) => {
                    self.list(tokens, at + 1, verb == Verb::Delete && self.written.is_empty());
                }
                "join" => self.list(tokens, at + 1, false),
                "into" => self.list(tokens, at + 1, matches!(verb, Verb::Insert | Verb::Merge)),
                "update" if before.is_none_or(|before| !is_any(before, &["for", "key", "do", "on"])) => {
                    self.list(tokens, at + 1, true);
                }
                "truncate" if at == 0 => self.list(tokens, at + 1, true),
                "copy" if at == 0 => {
                    self.list(tokens, at + 1, true);
                    if tokens.iter().any(|token| token.is_word("to")) {
                        self.written.clear();
                    }
                }
                "as" if next.is_some_and(|next| next.is_symbol("(")) && starts_with(tokens) => {
                    self.common.extend(before.and_then(name));
                }
                _ => {}
            }
        }
    }

    /// The names at `at`, behind commas too, aliases skipped.
    fn list(&mut self, tokens: &[Token], at: usize, writes: bool) {
        let mut at = at;
        while tokens.get(at).is_some_and(|token| is_any(token, &["only", "lateral", "table", "ignore"])) {
            at += 1;
        }
        loop {
            let Some((table, after)) = table(tokens, at) else { return };
            if !tokens.get(after).is_some_and(|token| token.is_symbol("(")) || writes {
                if writes {
                    self.written.insert(table.clone());
                }
                self.tables.insert(table);
            }
            let mut next = after;
            next += usize::from(tokens.get(next).is_some_and(|token| token.is_word("as")));
            next += usize::from(tokens.get(next).is_some_and(|token| name(token).is_some()));
            let comma = [after, next]
                .into_iter()
                .find(|at| tokens.get(*at).is_some_and(|token| token.is_symbol(",")));
            match comma {
                Some(comma) => at = comma + 1,
                None => return,
            }
        }
    }
}

fn is_any(token: &Token, words: &[&str]) -> bool {
    words.iter().any(|word| token.is_word(word))
}

fn starts_with(tokens: &[Token]) -> bool {
    tokens.first().is_some_and(|first| first.is_word("with"))
}

/// `extract(year FROM x)`: the parenthesis around belongs to such a function.
fn in_function(tokens: &[Token], at: usize) -> bool {
    let mut depth = 0_usize;
    for place in (0..at).rev().take(64) {
        match tokens.get(place) {
            Some(token) if token.is_symbol(")") => depth += 1,
            Some(token) if token.is_symbol("(") && depth == 0 => {
                let before = place.checked_sub(1).and_then(|before| tokens.get(before));
                let functions = ["extract", "substring", "trim", "overlay", "position"];
                return before.is_some_and(|before| is_any(before, &functions));
            }
            Some(token) if token.is_symbol("(") => depth -= 1,
            _ => {}
        }
    }
    false
}

fn name(token: &Token) -> Option<String> {
    const NEVER: [&str; 10] =
        ["select", "where", "set", "values", "on", "join", "left", "inner", "order", "group"];
    match token {
        Token::Word(word) if !NEVER.contains(&&**word) => Some(word.to_string()),
        Token::Quoted(name) => Some(name.to_string()),
        _ => None,
    }
}

/// A table's name at `at`, with its schema, and where it ends.
fn table(tokens: &[Token], at: usize) -> Option<(String, usize)> {
    let mut table = name(tokens.get(at)?)?;
    let mut at = at + 1;
    while tokens.get(at).is_some_and(|token| token.is_symbol("."))
        && let Some(part) = tokens.get(at + 1).and_then(name)
    {
        table.push('.');
        table.push_str(&part);
        at += 2;
    }
    Some((table, at))
}
