//! The words that change how what follows them is read.

use Class::{Array, End, Expects, Extract, In, Is, Literal, Not, Plain, Row, Typed, Values};

/// What a word does to the tokens after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Class {
    /// No keyword: an operand.
    Name,
    /// A value or a name must follow sooner or later; a sign after it is unary.
    Plain,
    /// As `Plain`, and no statement ends with it.
    Expects,
    /// Opens a list.
    In,
    /// Opens rows.
    Values,
    /// Opens a list in brackets.
    Array,
    /// `EXTRACT`: PostgreSQL counts the field name as a constant.
    Extract,
    /// `NULL`, `TRUE`, `FALSE`: a literal, except after `IS` and `NOT`.
    Literal,
    /// `IS`.
    Is,
    /// `NOT`.
    Not,
    /// `ROW` before a row of `VALUES`.
    Row,
    /// `DATE` and the like: an operand unless a value follows, of which it tells the type.
    Typed,
    /// `END`: closes an operand.
    End,
}

/// A keyword that the lexer knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keyword {
    /// Its letters in lower case, little-endian, padded with zeros: at most eight.
    packed: u64,
    /// What it does.
    pub(super) class: Class,
    /// A name of this spelling has to be quoted, so a quoted one is another token.
    pub(super) reserved: bool,
}

const NONE: Keyword = Keyword { packed: 0, class: Class::Name, reserved: false };

const RESERVED: &[(&str, Class)] = &[
    ("select", Expects),
    ("from", Expects),
    ("where", Expects),
    ("and", Expects),
    ("or", Expects),
    ("not", Not),
    ("in", In),
    ("is", Is),
    ("null", Literal),
    ("true", Literal),
    ("false", Literal),
    ("like", Expects),
    ("between", Expects),
    ("as", Expects),
    ("on", Expects),
    ("by", Expects),
    ("set", Expects),
    ("values", Values),
    ("into", Expects),
    ("join", Expects),
    ("inner", Expects),
    ("left", Plain),
    ("right", Plain),
    ("cross", Plain),
    ("natural", Plain),
    ("using", Expects),
    ("group", Expects),
    ("order", Expects),
    ("having", Expects),
    ("limit", Expects),
    ("union", Expects),
    ("all", Plain),
    ("distinct", Plain),
    ("case", Expects),
    ("when", Expects),
    ("then", Expects),
    ("else", Expects),
    ("exists", Plain),
    ("interval", Plain),
    ("insert", Expects),
    ("update", Plain),
    ("delete", Plain),
    ("create", Plain),
    ("table", Plain),
    ("with", Expects),
    ("for", Expects),
    ("to", Plain),
    ("desc", Plain),
    ("asc", Plain),
    ("default", Plain),
    ("array", Array),
];

const UNRESERVED: &[(&str, Class)] = &[
    ("ilike", Expects),
    ("rlike", Expects),
    ("regexp", Expects),
    ("full", Plain),
    ("outer", Plain),
    ("offset", Plain),
    ("fetch", Plain),
    ("next", Plain),
    ("first", Plain),
    ("top", Plain),
    ("escape", Plain),
    ("at", Plain),
    ("div", Plain),
    ("xor", Plain),
    ("any", Plain),
    ("some", Plain),
    ("return", Plain),
    ("rows", Plain),
    ("only", Plain),
    ("date", Typed),
    ("time", Typed),
    ("datetime", Typed),
    ("end", End),
    ("row", Row),
    ("extract", Extract),
];

const SLOTS: usize = 256;
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

const fn slot(packed: u64) -> usize {
    (packed.wrapping_mul(SPREAD) >> 56) as usize
}

const fn pack(word: &str) -> u64 {
    let bytes = word.as_bytes();
    assert!(bytes.len() <= 8);
    let mut packed = 0;
    let mut index = 0;
    while index < bytes.len() {
        packed |= (bytes[index] as u64) << (8 * index);
        index += 1;
    }
    packed
}

const fn filled(mut table: [Keyword; SLOTS], words: &[(&str, Class)], reserved: bool) -> [Keyword; SLOTS] {
    let mut index = 0;
    while index < words.len() {
        let packed = pack(words[index].0);
        let mut at = slot(packed);
        while table[at].packed != 0 {
            at = (at + 1) % SLOTS;
        }
        table[at] = Keyword { packed, class: words[index].1, reserved };
        index += 1;
    }
    table
}

static TABLE: [Keyword; SLOTS] = filled(filled([NONE; SLOTS], RESERVED, true), UNRESERVED, false);

/// The keyword of a word of at most eight bytes, packed in lower case; a name if there is none.
pub(super) fn keyword(packed: u64) -> Keyword {
    let mut at = slot(packed);
    loop {
        let entry = TABLE[at];
        if entry.packed == packed || entry.packed == 0 {
            return entry;
        }
        at = (at + 1) % SLOTS;
    }
}
