//! Shapes: what is left of a statement or URL when its values are taken out.
//!
//! The same statement has the same [`ShapeId`] wherever it is seen.

mod endpoint;
pub mod fold;
mod hash;
mod letters;
mod segment;
pub mod sql;
pub mod url;

use std::fmt;

/// Which normaliser made a shape, and its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ShapeId {
    /// What the shape normalises.
    pub family: Family,
    /// Hash over the normalised token stream.
    pub hash: u64,
}

impl ShapeId {
    /// Stands for all shapes beyond the dictionary's limit.
    pub const OTHER: Self = Self { family: Family::None, hash: u64::MAX };

    /// The id of a canonical text; statements have theirs from the lexer.
    pub(crate) fn of(family: Family, text: &str) -> Self {
        Self { family, hash: hash::finish(hash::bytes(hash::START ^ family as u64, text.as_bytes())) }
    }
}

/// What a shape normalises; its prefix carries the normaliser's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Family {
    /// No shape.
    #[default]
    None,
    /// A statement (`q1`).
    Statement,
    /// A URL with method and host (`u1`).
    Url,
    /// Any other command, method or destination (`o1`).
    Other,
    /// The name of an endpoint (`e1`).
    Endpoint,
    /// The name of a test (`t1`).
    Test,
}

impl fmt::Display for ShapeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.family {
            Family::None => "none",
            Family::Statement => "q1",
            Family::Url => "u1",
            Family::Other => "o1",
            Family::Endpoint => "e1",
            Family::Test => "t1",
        };
        write!(f, "{prefix}:{:016x}", self.hash)
    }
}

/// A normalised statement, URL, command or endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shape {
    /// Its id.
    pub id: ShapeId,
    /// The canonical text: depends on the token stream alone, holds no value.
    pub text: Box<str>,
    /// What a parser found in a statement; `None` for other families.
    pub facts: Option<Box<sql::Facts>>,
}

impl Shape {
    /// Bytes of memory behind it, about.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len() + self.facts.as_deref().map_or(0, sql::Facts::bytes)
    }

    /// The stand-in for shapes beyond the limit.
    pub(crate) fn other() -> Self {
        Self { id: ShapeId::OTHER, text: "(other)".into(), facts: None }
    }
}
