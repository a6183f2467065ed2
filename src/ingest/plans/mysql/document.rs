//! JSON as MySQL and MariaDB write it: members in their order, and names that occur twice.
//!
//! MariaDB before 10.10 writes a member `table` for each table of a join, all in one object.

use crate::ingest::json::scanner::{Scan, Scanner, bad};

/// How deep objects and lists may be within others: a level of a statement is about four of them.
const DEEPEST: usize = 300;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    /// A number, text or truth value as it is written, without quotes; `null` is nothing.
    Scalar(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The next value of a scanner.
    pub(super) fn read(scanner: &mut Scanner<'_>, depth: usize) -> Scan<Self> {
        if depth > DEEPEST {
            return bad("objects within objects, more than a plan has");
        }
        match scanner.peek()? {
            b'{' => {
                scanner.at += 1;
                let mut members = Vec::new();
                while let Some(name) = scanner.next_key()? {
                    let name = String::from_utf8_lossy(name).into_owned();
                    members.push((name, Self::read(scanner, depth + 1)?));
                }
                Ok(Self::Object(members))
            }
            b'[' => {
                scanner.at += 1;
                let mut elements = Vec::new();
                while scanner.next_element()? {
                    elements.push(Self::read(scanner, depth + 1)?);
                }
                Ok(Self::List(elements))
            }
            _ => {
                let written = String::from_utf8_lossy(scanner.written()?).into_owned();
                Ok(Self::Scalar(if written == "null" { String::new() } else { written }))
            }
        }
    }

    pub(super) fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// Elements of a list; a value that is none stands for a list of itself.
    pub(super) fn elements(&self) -> &[Self] {
        match self {
            Self::List(elements) => elements,
            other => std::slice::from_ref(other),
        }
    }

    /// The first member of a name.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.members().iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// What a member of a name says; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        match self.get(name) {
            Some(Self::Scalar(text)) => text,
            _ => "",
        }
    }

    /// Texts of a list.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let elements = self.get(name).map(Self::elements).unwrap_or_default();
        let texts = elements.iter().filter_map(|element| match element {
            Self::Scalar(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        });
        texts.collect()
    }

    /// A number, also one in quotes.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.text(name).parse().ok()
    }

    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self.text(name), "true" | "1")
    }

    /// All of it in one line, for what is not known.
    pub(super) fn line(&self) -> String {
        let of = |parts: Vec<String>| parts.join(", ");
        match self {
            Self::Scalar(text) => text.clone(),
            Self::List(elements) => of(elements.iter().map(Self::line).collect()),
            Self::Object(members) => {
                of(members.iter().map(|(name, value)| format!("{name} {}", value.line())).collect())
            }
        }
    }
}
