//! What is known of the columns that a statement names: from the catalogue, else from the conditions of its plan.

use std::collections::BTreeMap;

use super::catalogue::{Catalogue, Column, Table};
use crate::evidence::plan::{Key, Plan};

/// Properties of nodes that name columns.
const CONDITIONS: [Key; 6] =
    [Key::Filter, Key::IndexCond, Key::RecheckCond, Key::HashCond, Key::MergeCond, Key::JoinFilter];

/// What is known of columns.
#[derive(Debug)]
pub(super) struct Known<'a> {
    catalogue: &'a Catalogue,
    /// The alias that a column stands behind in the plan; `None` where there are several.
    aliases: BTreeMap<String, Option<String>>,
    /// The type of the values that a column is compared with there.
    types: BTreeMap<String, String>,
}

impl<'a> Known<'a> {
    /// Knows what a catalogue and plans of the statement tell.
    pub(super) fn new(catalogue: &'a Catalogue, plans: &[Plan]) -> Self {
        let mut known = Self { catalogue, aliases: BTreeMap::new(), types: BTreeMap::new() };
        for node in plans.iter().flat_map(|plan| &plan.nodes) {
            for text in CONDITIONS.into_iter().filter_map(|key| node.facts.text(key)) {
                known.read(text);
            }
            for text in node.facts.list(Key::SortKey).iter().chain(node.facts.list(Key::GroupKey)) {
                known.read(text);
            }
        }
        known
    }

    /// Whether indexes can hold columns beside their keys.
    pub(super) fn has_include(&self) -> bool {
        !self.catalogue.is_before_11()
    }

    /// A table by its name in a statement, with or without schema.
    pub(super) fn table(&self, name: &str) -> Option<&'a Table> {
        let tables = &self.catalogue.tables;
        let by_last = || {
            let last = name.rsplit('.').next().unwrap_or(name);
            tables.values().find(|table| table.name == last && !name.contains('.'))
        };
        tables.get(name).or_else(|| tables.get(&format!("public.{name}"))).or_else(by_last)
    }

    /// All tables.
    pub(super) fn tables(&self) -> impl Iterator<Item = &'a Table> + use<'a> {
        self.catalogue.tables.values()
    }

    /// Whether a table has partitions.
    pub(super) fn has_partitions(&self, table: &Table) -> bool {
        let is_parent = |parent: &str| parent.rsplit('.').next() == Some(&table.name);
        self.catalogue.tables.values().any(|other| other.partition_of.as_deref().is_some_and(is_parent))
    }

    /// A column.
    pub(super) fn column(&self, table: &str, column: &str) -> Option<&'a Column> {
        self.table(table)?.columns.iter().find(|known| known.name == column)
    }

    /// Whether a table has a column; `None` where its columns are not known.
    pub(super) fn has_column(&self, table: &str, column: &str) -> Option<bool> {
        let table = self.table(table).filter(|table| !table.columns.is_empty())?;
        Some(table.columns.iter().any(|known| known.name == column))
    }

    /// The alias that the plan names a column with.
    pub(super) fn alias_of(&self, column: &str) -> Option<&str> {
        self.aliases.get(column)?.as_deref()
    }

    /// The type of a column.
    pub(super) fn type_of(&self, table: &str, column: &str) -> Option<&str> {
        match self.column(table, column) {
            Some(column) if !column.type_name.is_empty() => Some(&column.type_name),
            _ => self.types.get(column).map(String::as_str),
        }
    }

    /// Takes `alias.column` and `column = 'value'::type` out of a condition.
    fn read(&mut self, text: &str) {
        let mut scan = Scan { text, at: 0 };
        let mut last: Option<(&str, usize)> = None;
        while let Some((start, piece)) = scan.next() {
            match piece {
                Piece::Name(qualifier, column) => {
                    if let Some(alias) = qualifier {
                        let known =
                            self.aliases.entry(column.to_owned()).or_insert_with(|| Some(alias.to_owned()));
                        known.take_if(|known| known != alias);
                    }
                    last = Some((column, scan.at));
                }
                Piece::Typed(type_name) => {
                    let between = |end: usize| text.get(end..start).unwrap_or_default().trim();
                    if let Some((column, _)) =
                        last.take().filter(|(_, end)| COMPARED.contains(&between(*end)))
                    {
                        self.types.entry(column.to_owned()).or_insert_with(|| type_name.to_owned());
                    }
                }
                Piece::Other => {}
            }
        }
    }
}

/// What stands between a column and a value that has its type.
const COMPARED: [&str; 13] =
    ["=", "<>", "<", "<=", ">", ">=", "= ANY (", "&&", "@>", "<<", "<<=", ">>", ">>="];

/// A piece of a condition as plans have it.
enum Piece<'t> {
    /// A column, with its alias where it has one.
    Name(Option<&'t str>, &'t str),
    /// A literal with its type.
    Typed(&'t str),
    /// Anything else.
    Other,
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scan<'t> {
    /// The next piece and where it begins.
    fn next(&mut self) -> Option<(usize, Piece<'t>)> {
        let start = self.at;
        let rest = self.text.get(self.at..)?;
        let first = rest.chars().next()?;
        let piece = match first {
            '\'' => self.literal(rest),
            ':' if rest.starts_with("::") => {
                self.at += 2;
                self.type_name();
                Piece::Other
            }
            first if first.is_alphabetic() || first == '_' => self.word(rest),
            first => {
                self.at += first.len_utf8();
                Piece::Other
            }
        };
        Some((start, piece))
    }

    fn literal(&mut self, rest: &'t str) -> Piece<'t> {
        let mut end = rest.len();
        let mut bytes = rest.bytes().enumerate().skip(1).peekable();
        while let Some((place, byte)) = bytes.next() {
            if byte == b'\'' && bytes.next_if(|(_, next)| *next == b'\'').is_none() {
                end = place + 1;
                break;
            }
        }
        self.at += end;
        match self.text.get(self.at..).is_some_and(|rest| rest.starts_with("::")) {
            true => {
                self.at += 2;
                Piece::Typed(self.type_name())
            }
            false => Piece::Other,
        }
    }

    fn type_name(&mut self) -> &'t str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let ends = |character: char| {
            !(character.is_alphanumeric() || matches!(character, '_' | ' ' | '[' | ']' | '"'))
        };
        let name = &rest[..rest.find(ends).unwrap_or(rest.len())];
        let name = [" AND", " OR", " END", " THEN"]
            .iter()
            .filter_map(|word| name.find(word))
            .min()
            .map_or(name, |end| &name[..end]);
        self.at += name.len();
        name.trim()
    }

    fn word(&mut self, rest: &'t str) -> Piece<'t> {
        let ends = |character: char| !(character.is_alphanumeric() || matches!(character, '_' | '.' | '$'));
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.at += word.len();
        let is_call = self.text.get(self.at..).is_some_and(|rest| rest.starts_with('('));
        let is_keyword = word.bytes().all(|byte| byte.is_ascii_uppercase());
        match word.rsplit_once('.') {
            _ if is_call || is_keyword => Piece::Other,
            Some((qualifier, column)) => Piece::Name(qualifier.rsplit('.').next(), column),
            None => Piece::Name(None, word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::plan::{Node, Value};

    fn known(filter: &str, check: impl FnOnce(&Known<'_>)) {
        let mut node = Node::default();
        node.facts.set(Key::Filter, Value::Text(filter.into()));
        let plan = Plan { nodes: vec![node], ..Plan::default() };
        check(&Known::new(&Catalogue::default(), &[plan]));
    }

    #[test]
    fn plans_tell_aliases_and_types() {
        known(
            "((u.email = 'o''x'::text) AND (o.at >= '2026-01-01 00:00:00+00'::timestamp with time zone))",
            |known| {
                assert_eq!(known.alias_of("email"), Some("u"));
                assert_eq!(known.type_of("orders", "at"), Some("timestamp with time zone"));
                assert_eq!(known.type_of("users", "email"), Some("text"));
            },
        );
    }

    #[test]
    fn types_of_expressions_are_not_those_of_columns() {
        let filter = "((lower(email) = 'x'::text) AND ((id)::text = '7'::text) AND (date(at) = '2026-01-01'::date) AND \
                      ((body ->> 'a'::text) = 'b'::text))";
        known(filter, |known| {
            for column in ["email", "id", "at", "body"] {
                assert_eq!(known.type_of("users", column), None, "{column}");
            }
        });
    }
}
