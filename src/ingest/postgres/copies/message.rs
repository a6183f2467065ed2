//! Texts of records without values: messages, and what else is told beside them.
//!
//! Source: PostgreSQL's messages in `src/backend`, in English.

use detectors::evidence::shape::sql::Dialect;
use memchr::{memchr, memmem};

use super::plan;
use crate::ingest::copies::Hiding;
use crate::ingest::postgres::lock;
use crate::ingest::postgres::message::Said;
use crate::ingest::postgres::severity::Severity;

/// Messages of the server about itself: their numbers and names are no values.
const OF_SERVER: &[&[u8]] = &[
    b"checkpoint starting: ",
    b"checkpoint complete: ",
    b"checkpoints are occurring too frequently ",
    b"restartpoint starting: ",
    b"restartpoint complete: ",
    b"automatic vacuum of table ",
    b"automatic aggressive vacuum of table ",
    b"automatic vacuum to prevent wraparound of table ",
    b"automatic aggressive vacuum to prevent wraparound of table ",
    b"automatic analyze of table ",
    b"connection ready: ",
    b"redo starts at ",
    b"redo done at ",
    b"starting PostgreSQL ",
    b"database system was ",
    b"out of shared memory",
];

/// Messages that tell of a client.
const OF_CLIENTS: &[&[u8]] = &[
    b"connection received: ",
    b"connection authorized: ",
    b"connection authenticated: ",
    b"replication connection authorized: ",
    b"disconnection: ",
];

/// Begin lines of `CONTEXT`.
const FRAMES: &[&[u8]] = &[
    b"SQL statement \"",
    b"SQL function ",
    b"PL/",
    b"COPY ",
    b"portal ",
    b"unnamed portal ",
    b"extended query ",
    b"while ",
    b"JSON data, ",
    b"automatic ",
    b"referential ",
    b"parallel worker",
    b"processing ",
    b"SQL expression \"",
];

/// Statements in messages.
pub(super) fn statement(hiding: &mut Hiding, text: &[u8], out: &mut Vec<u8>) {
    hiding.statement(text, Dialect::Postgres, out);
}

/// A message. Those that programs raise may be anything.
pub(super) fn message(hiding: &mut Hiding, severity: Severity, raised: bool, text: &[u8], out: &mut Vec<u8>) {
    if raised {
        return hiding.whole(text, out);
    }
    if severity != Severity::Log {
        return hiding.prose(text, out);
    }
    match Said::of(text) {
        Said::Took { text: said, .. } | Said::Begins { text: said } => {
            out.extend_from_slice(&text[..text.len() - said.len()]);
            statement(hiding, said, out);
        }
        Said::Plan { text: said, .. } => {
            out.extend_from_slice(&text[..text.len() - said.len()]);
            plan::plan(hiding, said, out);
        }
        Said::Lasted { .. } => {
            let length = memmem::find(text, b" ms").map_or(0, |at| at + b" ms".len());
            out.extend_from_slice(&text[..length]);
            hiding.prose(&text[length..], out);
        }
        Said::Spilled { .. } => out.extend_from_slice(text),
        Said::Waits(_) => lock_line(hiding, text, out),
        _ if OF_CLIENTS.iter().any(|begin| text.starts_with(begin)) => client(hiding, text, out),
        _ if OF_SERVER.iter().any(|begin| text.starts_with(begin)) => out.extend_from_slice(text),
        _ => hiding.prose(text, out),
    }
}

/// Whether a message was raised by a program of the user: what it says is not known.
pub(super) fn is_raised(context: &[u8]) -> bool {
    let line = &context[..memchr(b'\n', context).unwrap_or(context.len())];
    line.trim_ascii_end().ends_with(b" at RAISE")
}

/// `DETAIL`.
pub(super) fn detail(hiding: &mut Hiding, text: &[u8], out: &mut Vec<u8>) {
    let heads: [&[u8]; 3] = [b"parameters: ", b"Parameters: ", b"prepare: "];
    if let Some(head) = heads.iter().find(|head| text.starts_with(head)) {
        out.extend_from_slice(head);
        statement(hiding, &text[head.len()..], out);
    } else if text.starts_with(b"Process") {
        processes(hiding, text, out);
    } else if text.starts_with(b"Key (") {
        key(hiding, text, out);
    } else if text.starts_with(b"Failing row contains (") {
        row(hiding, text, out);
    } else {
        hiding.prose(text, out);
    }
}

/// `process 42 still waiting for …`; the keys of advisory locks are values.
fn lock_line(hiding: &Hiding, text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(open) = memchr(b'[', rest) {
        out.extend_from_slice(&rest[..=open]);
        rest = &rest[open + 1..];
        let inner = &rest[..memchr(b']', rest).unwrap_or(rest.len())];
        for (place, number) in inner.split(|byte| *byte == b',').enumerate() {
            out.extend_from_slice(if place > 0 { b"," } else { b"" });
            hiding.tokens.value(number, out);
        }
        rest = &rest[inner.len()..];
    }
    out.extend_from_slice(rest);
}

/// Who holds a lock, or the sides of a deadlock with their statements.
fn processes(hiding: &mut Hiding, text: &[u8], out: &mut Vec<u8>) {
    let mut from = 0;
    for side in lock::statements_of_deadlock(text) {
        let Some(at) = memmem::find(&text[from..], side).map(|at| from + at).filter(|_| !side.is_empty())
        else {
            continue;
        };
        lock_line(hiding, &text[from..at], out);
        statement(hiding, side, out);
        from = at + side.len();
    }
    lock_line(hiding, &text[from..], out);
}

/// `Key (a, b)=(1, x) already exists.`
fn key(hiding: &mut Hiding, text: &[u8], out: &mut Vec<u8>) {
    const ENDS: [&[u8]; 4] = [
        b") already exists.",
        b") is duplicated.",
        b") is not present in table \"",
        b") is still referenced from table \"",
    ];
    const OTHER: &[u8] = b") conflicts with existing key (";
    let Some(equals) = memmem::find(text, b")=(") else { return hiding.prose(text, out) };
    let (columns, values) = (&text[..equals], &text[equals + 3..]);
    statement(hiding, columns, out);
    out.extend_from_slice(b")=(");
    let count = columns.windows(2).filter(|two| two == b", ").count();
    if let Some(at) = memmem::find(values, OTHER) {
        list(hiding, &values[..at], Some(count), out);
        out.extend_from_slice(&OTHER[..OTHER.len() - 1]);
        return key(hiding, &values[at + OTHER.len() - 1..], out);
    }
    let end = ENDS.iter().filter_map(|end| memmem::rfind(values, end)).max();
    let end = end.or_else(|| values.trim_ascii_end().strip_suffix(b").").map(<[u8]>::len));
    let (values, tail) = values.split_at(end.unwrap_or(values.len()));
    list(hiding, values, Some(count), out);
    hiding.prose(tail, out);
}

/// `Failing row contains (1, x, null).`
fn row(hiding: &Hiding, text: &[u8], out: &mut Vec<u8>) {
    let open = memchr(b'(', text).map_or(0, |at| at + 1);
    let close = memchr::memrchr(b')', text).filter(|close| *close >= open);
    out.extend_from_slice(&text[..open]);
    list(hiding, &text[open..close.unwrap_or(text.len())], None, out);
    out.extend_from_slice(if close.is_some() { b")." } else { b"" });
}

/// Values with commas between them; where their number is not the right one, they have commas of their own.
fn list(hiding: &Hiding, values: &[u8], commas: Option<usize>, out: &mut Vec<u8>) {
    let found: Vec<usize> = memmem::find_iter(values, b", ").collect();
    if commas.is_some_and(|commas| commas != found.len()) {
        return hiding.tokens.value(values, out);
    }
    let mut from = 0;
    for end in found.into_iter().chain([values.len()]) {
        match &values[from..end] {
            b"null" => out.extend_from_slice(b"null"),
            value => hiding.tokens.value(value, out),
        }
        out.extend_from_slice(if end < values.len() { b", " } else { b"" });
        from = (end + 2).min(values.len());
    }
}

/// Names of databases and users stay, where the client is does not.
fn client(hiding: &Hiding, text: &[u8], out: &mut Vec<u8>) {
    for (place, word) in text.split(|byte| *byte == b' ').enumerate() {
        out.extend_from_slice(if place > 0 { b" " } else { b"" });
        if let Some(host) = word.strip_prefix(b"host=") {
            out.extend_from_slice(b"host=");
            hiding.tokens.host(host, out);
        } else if let Some(port) = word.strip_prefix(b"port=") {
            out.extend_from_slice(b"port=");
            hiding.tokens.port(port, out);
        } else {
            hiding.program(word, out);
        }
    }
}

/// `CONTEXT`: frames, each with what it tells.
pub(super) fn context(hiding: &mut Hiding, text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while !rest.is_empty() {
        let end = end_of_frame(rest);
        frame(hiding, &rest[..end], out);
        rest = &rest[end..];
    }
}

/// Where the next frame begins.
fn end_of_frame(text: &[u8]) -> usize {
    let begins = |at: &usize| {
        let line = &text[*at..];
        let line = line.strip_prefix(b"\t").unwrap_or(line);
        FRAMES.iter().any(|begin| line.starts_with(begin))
    };
    memchr::memchr_iter(b'\n', text).map(|newline| newline + 1).find(begins).unwrap_or(text.len())
}

fn frame(hiding: &mut Hiding, frame: &[u8], out: &mut Vec<u8>) {
    let begin = usize::from(frame.first() == Some(&b'\t'));
    out.extend_from_slice(&frame[..begin]);
    let frame = &frame[begin..];
    let quoted: [&[u8]; 2] = [b"SQL statement \"", b"SQL expression \""];
    let portals: [&[u8]; 3] = [b"portal ", b"unnamed portal ", b"extended query "];
    if let Some(head) = quoted.iter().find(|head| frame.starts_with(head)) {
        let end = memchr::memrchr(b'"', frame).filter(|end| *end >= head.len()).unwrap_or(frame.len());
        out.extend_from_slice(head);
        statement(hiding, &frame[head.len()..end], out);
        out.extend_from_slice(if end < frame.len() { b"\"" } else { b"" });
        return hiding.prose(&frame[(end + 1).min(frame.len())..], out);
    }
    let parameters = memmem::find(frame, b"$").filter(|_| portals.iter().any(|head| frame.starts_with(head)));
    if let Some(at) = parameters {
        out.extend_from_slice(&frame[..at]);
        return statement(hiding, &frame[at..], out);
    }
    if frame.starts_with(b"JSON data, ") {
        let at = memmem::find(frame, b": ").map_or(frame.len(), |at| at + 2);
        out.extend_from_slice(&frame[..at]);
        return hiding.whole(&frame[at..], out);
    }
    // Function with the types of its arguments and a line; what it assigns is quoted.
    let known: [&[u8]; 3] = [b"PL/pgSQL function ", b"SQL function ", b"while "];
    if known.iter().any(|head| frame.starts_with(head))
        && is_of_one_line(frame)
        && memchr(b'\'', frame).is_none()
    {
        return out.extend_from_slice(frame);
    }
    hiding.prose(frame, out);
}

fn is_of_one_line(frame: &[u8]) -> bool {
    memchr(b'\n', frame.trim_ascii_end()).is_none()
}
