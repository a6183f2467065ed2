//! What a statement does, to which tables and by which conditions: a parser, once for each shape.

use super::lexer::Dialect;
use super::text::Token;
use super::{Facts, Verb};

pub(super) fn facts(tokens: &[Token], _dialect: Dialect, truncated: bool) -> Facts {
    Facts { verb: verb(tokens), truncated, ..Facts::default() }
}

/// The verb by the leading words.
fn verb(_tokens: &[Token]) -> Verb {
    Verb::Other
}
