//! How bad what a line tells is, and which part of a record a line holds.

use memchr::memmem;

/// What a line of PostgreSQL's log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// `LOG`, and what is less.
    Log,
    /// `ERROR`: the statement was given up.
    Error,
    /// `FATAL`, `PANIC`: the session was given up.
    Fatal,
    /// More about the record before.
    Part(Part),
}

/// What else is told of a record, each in a line of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Parameters, processes.
    Detail,
    /// Function that ran, or portal with its parameters.
    Context,
    /// The statement.
    Statement,
    /// What is not looked at.
    Other,
}

/// With the colon and both blanks.
const NAMES: &[(&[u8], Severity)] = &[
    (b"LOG:  ", Severity::Log),
    (b"DETAIL:  ", Severity::Part(Part::Detail)),
    (b"STATEMENT:  ", Severity::Part(Part::Statement)),
    (b"CONTEXT:  ", Severity::Part(Part::Context)),
    (b"ERROR:  ", Severity::Error),
    (b"FATAL:  ", Severity::Fatal),
    (b"PANIC:  ", Severity::Fatal),
    (b"WARNING:  ", Severity::Log),
    (b"NOTICE:  ", Severity::Log),
    (b"INFO:  ", Severity::Log),
    (b"HINT:  ", Severity::Part(Part::Other)),
    (b"QUERY:  ", Severity::Part(Part::Other)),
    (b"LOCATION:  ", Severity::Part(Part::Other)),
    (b"BACKTRACE:  ", Severity::Part(Part::Other)),
    (b"DEBUG:  ", Severity::Log),
    (b"DEBUG1:  ", Severity::Log),
    (b"DEBUG2:  ", Severity::Log),
    (b"DEBUG3:  ", Severity::Log),
    (b"DEBUG4:  ", Severity::Log),
    (b"DEBUG5:  ", Severity::Log),
];

/// How far into a line a severity is looked for: prefixes are shorter.
const PREFIX_MAX: usize = 600;

/// Whether a text begins with a severity.
pub(super) fn at(text: &[u8]) -> bool {
    read(text).is_some()
}

/// The severity that a text begins with, and how long it is with what follows up to the message.
pub(super) fn read(text: &[u8]) -> Option<(Severity, usize)> {
    let (name, severity) = NAMES.iter().find(|(name, _)| text.starts_with(name))?;
    let message = &text[name.len()..];
    // Others fill levels up to a width.
    (message.first() != Some(&b' ')).then(|| (*severity, name.len() + sqlstate(message)))
}

/// How long the SQLSTATE in front of a message is, which `log_error_verbosity = verbose` adds: `42P01: `.
fn sqlstate(message: &[u8]) -> usize {
    let is_state = message.split_first_chunk::<5>().is_some_and(|(state, rest)| {
        let is_code = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
        rest.starts_with(b": ") && state.iter().all(is_code)
    });
    if is_state { 7 } else { 0 }
}

/// The severity of csvlog and jsonlog, where it stands alone.
pub(super) fn of_name(name: &[u8]) -> Severity {
    match name {
        b"ERROR" => Severity::Error,
        b"FATAL" | b"PANIC" => Severity::Fatal,
        _ => Severity::Log,
    }
}

/// Where in a line the first severity is.
pub(super) fn find(line: &[u8]) -> Option<usize> {
    let line = &line[..line.len().min(PREFIX_MAX)];
    memmem::find_iter(line, b":  ").find_map(|colon| {
        let letters =
            line[..colon].iter().rev().take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        // An application's name may end right before it.
        (0..=letters.count()).rev().map(|length| colon - length).find(|&start| at(&line[start..]))
    })
}

/// Whether a line tells more of the record before.
pub(in crate::ingest) fn tells_more(line: &[u8]) -> bool {
    let found = find(line).and_then(|at| read(&line[at..]));
    found.is_some_and(|(severity, _)| matches!(severity, Severity::Part(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_severities() {
        assert_eq!(find(b"2026 [1] LOG:  duration"), Some(9));
        assert_eq!(find(b"psqlLOG:  duration"), Some(4));
        assert_eq!(find(b"PSQLERROR:  duration"), Some(4));
        assert_eq!(find(b"a:  b DETAIL:  x LOG:  y"), Some(6));
        assert_eq!(find(b"nothing: here"), None);
    }
}
