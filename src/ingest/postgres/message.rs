//! What a message of PostgreSQL's log tells of a statement.
//!
//! Source: `src/backend/tcop/postgres.c` (`exec_simple_query` and its like) and `contrib/auto_explain`. The
//! texts are English; servers with another `lc_messages` translate them.

use detectors::evidence::server::{Connection, Event};
use memchr::{memchr, memmem};

use super::event;
use super::lock::LockWait;
use crate::ingest::timestamp::{number, three_digits};

/// What a message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said<'b> {
    /// A statement or a step of it took so long.
    Took { took_ns: u64, step: Step, text: &'b [u8] },
    /// A statement begins.
    Begins { text: &'b [u8] },
    /// Something took so long.
    Lasted { took_ns: u64 },
    /// The plan of a statement that took so long (`auto_explain`).
    Plan { took_ns: u64, text: &'b [u8] },
    /// A temporary file of so many bytes.
    Spilled { bytes: u64 },
    /// A process has waited so long for a lock.
    Waits(LockWait<'b>),
    /// A connection begins or ends.
    Connection(Connection),
    /// What the server does by itself.
    Event(Event<'b>),
    /// A duration that nothing takes.
    Damaged,
    /// Something else.
    Other,
}

/// What a message says of how long something took, and the words behind it; where it says nothing of that, the whole.
#[inline]
pub(super) fn timed(message: &[u8]) -> (Option<u64>, &[u8]) {
    let timed = message.strip_prefix(b"duration: ").and_then(|rest| {
        let (took_ns, length) = milliseconds(rest)?;
        Some((Some(took_ns), rest.get(length..)?.strip_prefix(b" ms  ")?))
    });
    timed.unwrap_or((None, message))
}

/// A step of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// All of it, on the simple protocol, or its execution on the extended one.
    Execute,
    /// Fetching more rows.
    Fetch,
    /// Parsing or binding, on the extended protocol.
    Prepare,
}

impl<'b> Said<'b> {
    /// Reads a message that has been logged at `LOG`.
    pub(super) fn of(message: &'b [u8]) -> Self {
        if let Some(rest) = message.strip_prefix(b"duration: ") {
            let is_number = rest.first().is_some_and(u8::is_ascii_digit);
            let unread = if is_number { Self::Damaged } else { Self::Other };
            return Self::duration(rest).unwrap_or(unread);
        }
        if let Some(text) = message.strip_prefix(b"statement: ") {
            return Self::Begins { text };
        }
        if let Some(rest) = message.strip_prefix(b"process ") {
            return LockWait::of(rest).map_or(Self::Other, Self::Waits);
        }
        if message.starts_with(b"temporary file: path ") {
            return spilled(message).map_or(Self::Other, |bytes| Self::Spilled { bytes });
        }
        if let Some(connection) = event::connection(message) {
            return Self::Connection(connection);
        }
        match message.strip_prefix(b"execute ").and_then(named) {
            Some((name, text)) if !name.starts_with(b"fetch from ") => Self::Begins { text },
            _ => event::event(message).map_or(Self::Other, Self::Event),
        }
    }

    fn duration(rest: &'b [u8]) -> Option<Self> {
        let (took_ns, length) = milliseconds(rest)?;
        let rest = rest[length..].strip_prefix(b" ms")?;
        let Some(rest) = rest.strip_prefix(b"  ") else {
            return rest.trim_ascii().is_empty().then_some(Self::Lasted { took_ns });
        };
        if let Some(text) = rest.strip_prefix(b"statement: ") {
            return Some(Self::Took { took_ns, step: Step::Execute, text });
        }
        if let Some(rest) = rest.strip_prefix(b"execute ") {
            let (name, text) = named(rest)?;
            let step = if name.starts_with(b"fetch from ") { Step::Fetch } else { Step::Execute };
            return Some(Self::Took { took_ns, step, text });
        }
        if let Some(rest) = rest.strip_prefix(b"bind ").or_else(|| rest.strip_prefix(b"parse ")) {
            return Some(Self::Took { took_ns, step: Step::Prepare, text: named(rest)?.1 });
        }
        if let Some(plan) = rest.strip_prefix(b"plan:") {
            return Some(Self::Plan { took_ns, text: plan });
        }
        // `fastpath function call: "f" (OID n)`.
        Some(Self::Lasted { took_ns })
    }
}

/// Milliseconds in the languages of the server.
const UNITS: &[&str] = &[" ms", " мс", " ミリ秒", " მწმ"];

/// Whether a message is a duration in another language: `Dauer: 0.5 ms  Anweisung: SELECT 1`.
pub(super) fn is_translated_duration(message: &[u8]) -> bool {
    const BEGIN: usize = 60;
    let begin = &message[..message.len().min(BEGIN)];
    let unit = UNITS.iter().find_map(|unit| memmem::find(begin, unit.as_bytes()));
    let digits =
        unit.map(|unit| &begin[..unit]).filter(|before| before.last().is_some_and(u8::is_ascii_digit));
    digits.is_some_and(|before| {
        let number = before.iter().rev().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
        let word = before[..before.len() - number].trim_ascii_end();
        before[before.len() - number..].contains(&b'.')
            && word.ends_with(b":")
            && !word.starts_with(b"duration")
    })
}

/// `…, size 700000`.
fn spilled(message: &[u8]) -> Option<u64> {
    let message = message.trim_ascii_end();
    let digits = message.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (before, size) = message.split_at(message.len() - digits);
    number(size).filter(|_| before.ends_with(b", size "))
}

/// The name of a statement or portal, and the statement behind it.
fn named(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    // Names are short.
    let end = rest.windows(2).position(|two| two == b": ")?;
    Some((&rest[..end], &rest[end + 2..]))
}

/// Nothing takes longer than some months; more is damage.
const DURATION_MAX_NS: u64 = 10_000_000_000_000_000;

/// `0.582` milliseconds as nanoseconds, and how many bytes that is.
pub(super) fn milliseconds(text: &[u8]) -> Option<(u64, usize)> {
    usual_milliseconds(text).or_else(|| any_milliseconds(text))
}

/// Those with up to eight digits before the point and three behind it, as servers write them.
fn usual_milliseconds(text: &[u8]) -> Option<(u64, usize)> {
    let (mut whole, mut at) = (0, 0);
    while at < 8
        && let Some(digit) = text.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10)
    {
        whole = whole * 10 + u64::from(digit);
        at += 1;
    }
    let [b'.', fraction @ .., next] = text.get(at..)?.first_chunk::<5>()? else { return None };
    let microseconds = three_digits(*fraction).filter(|_| at > 0 && !next.is_ascii_digit())?;
    Some((whole * 1_000_000 + microseconds * 1_000, at + 4))
}

fn any_milliseconds(text: &[u8]) -> Option<(u64, usize)> {
    let mut whole: u64 = 0;
    let mut at = 0;
    while let Some(digit) = text.get(at).filter(|byte| byte.is_ascii_digit()) {
        whole = whole.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        at += 1;
    }
    if at == 0 {
        return None;
    }
    let mut nanoseconds = whole.checked_mul(1_000_000).filter(|taken| *taken <= DURATION_MAX_NS)?;
    if text.get(at) == Some(&b'.') {
        at += 1;
        let mut unit = 100_000;
        while let Some(digit) = text.get(at).filter(|byte| byte.is_ascii_digit()) {
            nanoseconds = nanoseconds.checked_add(u64::from(digit - b'0') * unit)?;
            unit /= 10;
            at += 1;
        }
    }
    Some((nanoseconds, at))
}

/// The statement of a plan, as `auto_explain` writes it in front, and whether its text is escaped as in JSON.
///
/// The forms are those of `auto_explain.log_format`.
pub(super) fn statement_of_plan(plan: &[u8]) -> Option<(&[u8], Quoting)> {
    let plan = plan.trim_ascii_start();
    if let Some(rest) = plan.strip_prefix(b"Query Text: ") {
        return match rest.strip_prefix(b"\"") {
            // YAML. A statement in the text form hardly begins with a quote.
            Some(quoted) => Some((&quoted[..end_of_quoted(quoted)?], Quoting::Json)),
            None => Some((&rest[..end_of_text(rest)], Quoting::None)),
        };
    }
    if plan.starts_with(b"{") {
        let from = memmem::find(plan, b"\"Query Text\": \"")? + 15;
        let quoted = &plan[from..];
        return Some((&quoted[..end_of_quoted(quoted)?], Quoting::Json));
    }
    if plan.starts_with(b"<explain") {
        let from = memmem::find(plan, b"<Query-Text>")? + 12;
        let rest = &plan[from..];
        return Some((&rest[..memmem::find(rest, b"</Query-Text>")?], Quoting::Xml));
    }
    None
}

/// How a statement's text is written in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoting {
    /// As it is.
    None,
    /// With the escapes of JSON.
    Json,
    /// With the entities of XML.
    Xml,
}

impl Quoting {
    /// The text as it was sent, in `room`.
    pub(super) fn undo<'r>(self, text: &[u8], room: &'r mut Vec<u8>) -> &'r [u8] {
        room.clear();
        let mut rest = text;
        let mark = if self == Self::Xml { b'&' } else { b'\\' };
        while let Some(at) = memchr(mark, rest).filter(|_| self != Self::None) {
            room.extend_from_slice(&rest[..at]);
            let (meant, length) = match self {
                Self::Xml => entity(&rest[at..]),
                _ => escape(&rest[at..]),
            };
            room.push(meant);
            rest = &rest[(at + length).min(rest.len())..];
        }
        room.extend_from_slice(rest);
        room
    }
}

fn entity(text: &[u8]) -> (u8, usize) {
    let known: [(&[u8], u8); 5] =
        [(b"&lt;", b'<'), (b"&gt;", b'>'), (b"&amp;", b'&'), (b"&quot;", b'"'), (b"&#x0d;", b'\r')];
    let found = known.iter().find(|(entity, _)| text.starts_with(entity));
    found.map_or((b'&', 1), |(entity, meant)| (*meant, entity.len()))
}

fn escape(text: &[u8]) -> (u8, usize) {
    match text.get(1) {
        Some(b'n') => (b'\n', 2),
        Some(b't') => (b'\t', 2),
        Some(b'r') => (b'\r', 2),
        // Only control characters are written so.
        Some(b'u') => (b' ', 6),
        Some(&byte) => (byte, 2),
        None => (b'\\', 1),
    }
}

/// Where a quoted text ends.
pub(super) fn end_of_quoted(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Where a statement ends in the text form: before the first line of the plan, which has costs, or before what else
/// stands between.
fn end_of_text(text: &[u8]) -> usize {
    let mut start = 0;
    let mut first = true;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let trimmed = line.trim_ascii_start();
        let is_plan = memmem::find(line, b"  (cost=").is_some()
            || [&b"Query Parameters: "[..], b"Query Identifier: ", b"Settings: "]
                .iter()
                .any(|name| trimmed.starts_with(name));
        if is_plan && !first {
            return start;
        }
        first = false;
        start += line.len();
    }
    text.len()
}

/// The statement of `PREPARE name [(types)] AS statement`.
pub(super) fn prepared(text: &[u8]) -> Option<&[u8]> {
    let text = text.trim_ascii_start();
    let is_prepare = text.get(..8).is_some_and(|word| word.eq_ignore_ascii_case(b"PREPARE "));
    let words = if is_prepare { text } else { return None };
    let at = words.windows(4).position(|four| {
        four[0].is_ascii_whitespace()
            && four[1..3].eq_ignore_ascii_case(b"AS")
            && four[3].is_ascii_whitespace()
    })?;
    Some(&words[at + 4..])
}

/// Whether a statement is `EXECUTE name…` of SQL, which runs what was prepared.
pub(super) fn executes_prepared(text: &[u8]) -> bool {
    text.trim_ascii_start().get(..8).is_some_and(|word| word.eq_ignore_ascii_case(b"EXECUTE "))
}

/// Whether what is told happened within a function or trigger, and not for the statement that was sent.
pub(super) fn is_nested(context: &[u8]) -> bool {
    [
        &b"SQL statement \""[..],
        b"PL/pgSQL function ",
        b"SQL function ",
        b"PL/Python function ",
        b"PL/Perl function ",
    ]
    .iter()
    .any(|mark| memmem::find(context, mark).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the translations of PostgreSQL 15 have them.
    #[test]
    fn durations_in_other_languages_are_told() {
        for text in [
            "Dauer: 0.582 ms  Anweisung: SELECT 1",
            "duración: 0.582 ms  sentencia: SELECT 1",
            "durée : 0.582 ms, instruction : SELECT 1",
            "durata: 0.582 ms  istruzione: SELECT 1",
            "期間: 0.582 ミリ秒  文: SELECT 1",
            "продолжительность: 0.582 мс, оператор: SELECT 1",
            "执行时间: 0.582 ms 语句: SELECT 1",
        ] {
            assert!(is_translated_duration(text.as_bytes()), "{text}");
        }
        for text in [
            "duration: 0.582 ms  x",
            "process 4 still waiting for ShareLock after 1000.123 ms",
            "checkpoint complete: 1 ms",
        ] {
            assert!(!is_translated_duration(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn usual_durations_are_read_as_any() {
        for text in [
            "0.582 ms",
            "12345678.901 ms",
            "7.000 ms",
            "0.5821 ms",
            "1.5 ms",
            "12 ms",
            ".582 ms",
            "1.58x ",
            "9.123",
        ] {
            let usual = usual_milliseconds(text.as_bytes());
            assert!(usual.is_none_or(|usual| Some(usual) == any_milliseconds(text.as_bytes())), "{text}");
        }
        assert_eq!(usual_milliseconds(b"12345678.901 ms"), Some((12_345_678_901_000, 12)));
    }

    #[test]
    fn reads_messages() {
        let took = |step, took_ns, text: &'static str| Said::Took { took_ns, step, text: text.as_bytes() };
        let cases = [
            ("duration: 0.582 ms  statement: SELECT 1", took(Step::Execute, 582_000, "SELECT 1")),
            ("duration: 12 ms  execute <unnamed>: SELECT $1", took(Step::Execute, 12_000_000, "SELECT $1")),
            (
                "duration: 1.5 ms  execute fetch from a/b: SELECT $1",
                took(Step::Fetch, 1_500_000, "SELECT $1"),
            ),
            ("duration: 0.1 ms  bind P_0/C_1: SELECT $1", took(Step::Prepare, 100_000, "SELECT $1")),
            ("duration: 0.1 ms  parse <unnamed>: SELECT $1", took(Step::Prepare, 100_000, "SELECT $1")),
            ("duration: 0.1 ms", Said::Lasted { took_ns: 100_000 }),
            ("statement: BEGIN", Said::Begins { text: b"BEGIN" }),
            ("execute P_0: SELECT $1", Said::Begins { text: b"SELECT $1" }),
            (
                "temporary file: path \"base/pgsql_tmp/pgsql_tmp4050.0\", size 700000",
                Said::Spilled { bytes: 700_000 },
            ),
            ("duration: x ms", Said::Other),
            ("duration: 99999999999999999999 ms", Said::Damaged),
            ("connection received: host=::1", Said::Connection(Connection::Received)),
            ("checkpoint starting: time", Said::Event(Event::Checkpoint { by_wal: false })),
        ];
        for (message, expected) in cases {
            assert_eq!(Said::of(message.as_bytes()), expected, "{message}");
        }
    }

    #[test]
    fn finds_the_statement_of_a_plan_in_each_form() {
        let cases = [
            (
                "\n\tQuery Text: SELECT 'a\n\tb'\n\tSeq Scan on t  (cost=0.00..1.00 rows=1 width=4)",
                "SELECT 'a\n\tb'\n\t",
            ),
            (
                "\n\t{\n\t  \"Query Text\": \"SELECT \\\"a\\\"\\nFROM t\",\n\t \"Plan\": {}}",
                "SELECT \"a\"\nFROM t",
            ),
            ("\n\tQuery Text: \"SELECT \\\"a\\\"\"\n\tPlan: ", "SELECT \"a\""),
            ("\n\t<explain xmlns=\"x\">\n\t<Query-Text>SELECT 1 &lt; 2</Query-Text>", "SELECT 1 < 2"),
        ];
        for (plan, expected) in cases {
            let (text, quoting) = statement_of_plan(plan.as_bytes()).expect("a statement");
            let mut room = Vec::new();
            quoting.undo(text, &mut room);
            assert_eq!(String::from_utf8_lossy(&room).trim_end(), expected.trim_end());
        }
        assert_eq!(statement_of_plan(b"\n\t{\"Query Text\": \"cut"), None);
    }

    #[test]
    fn finds_what_was_prepared() {
        assert_eq!(prepared(b"PREPARE q(int) AS SELECT $1"), Some(&b"SELECT $1"[..]));
        assert_eq!(prepared(b"SELECT 1 AS x"), None);
        assert!(executes_prepared(b"execute q(42);"));
    }
}
