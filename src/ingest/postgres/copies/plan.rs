//! Plans of `auto_explain` without values, in each of its forms.

use std::ops::Range;

use memchr::{memchr, memmem, memrchr};

use super::message::statement;
use crate::ingest::copies::Hiding;
use crate::ingest::postgres::message::{Quoting, end_of_quoted};
use detectors::evidence::shape::sql::Dialect;

/// Lines of the text form that count or time something.
const FIGURES: &[&[u8]] = &[
    b"Rows Removed by ",
    b"Heap Fetches: ",
    b"Heap Blocks: ",
    b"Buffers: ",
    b"I/O Timings: ",
    b"WAL: ",
    b"Sort Method: ",
    b"Buckets: ",
    b"Batches: ",
    b"Workers Planned: ",
    b"Workers Launched: ",
    b"Worker ",
    b"Planning Time: ",
    b"Execution Time: ",
    b"Query Identifier: ",
    b"Hits: ",
    b"Full-sort Groups: ",
    b"Pre-sorted Groups: ",
    b"Subplans Removed: ",
    b"Tuples Inserted: ",
    b"Conflicting Tuples: ",
    b"Functions: ",
    b"Timing: ",
    b"Planned Partitions: ",
    b"Peak Memory Usage: ",
    b"Index Searches: ",
    b"Trigger ",
    b"SubPlan ",
    b"InitPlan ",
    b"Storage: ",
];

/// What is behind `plan:`.
pub(super) fn plan(hiding: &mut Hiding, plan: &[u8], out: &mut Vec<u8>) {
    let text = plan.trim_ascii_start();
    if text.starts_with(b"{") || text.starts_with(b"Query Text: \"") {
        in_quotes(hiding, plan, out);
    } else if text.starts_with(b"<explain") {
        in_tags(hiding, plan, out);
    } else {
        hiding.statement_but(plan, Dialect::Postgres, out, |number| is_figure(plan, &number));
    }
}

/// Whether a number of the text form is what the planner or the executor counts, and none of the statement.
fn is_figure(plan: &[u8], number: &Range<usize>) -> bool {
    let start = memrchr(b'\n', &plan[..number.start]).map_or(0, |newline| newline + 1);
    let end = memchr(b'\n', &plan[number.end..]).map_or(plan.len(), |length| number.end + length);
    let line = &plan[start..end];
    if FIGURES.iter().any(|name| line.trim_ascii_start().starts_with(name)) {
        return true;
    }
    let costs = [&b"  (cost="[..], b"  (actual "].iter().filter_map(|name| memmem::find(line, name)).min();
    let has_rows = memmem::find(line, b" rows=").is_some() && memmem::find(line, b"..").is_some();
    has_rows && costs.is_some_and(|costs| number.start - start > costs)
}

/// JSON and YAML: values are in quotes, numbers outside of them are figures.
fn in_quotes(hiding: &mut Hiding, plan: &[u8], out: &mut Vec<u8>) {
    let (mut rest, mut text, mut hidden) = (plan, Vec::new(), Vec::new());
    while let Some(quote) = memchr(b'"', rest) {
        out.extend_from_slice(&rest[..=quote]);
        rest = &rest[quote + 1..];
        let Some(end) = end_of_quoted(rest) else { return };
        hidden.clear();
        statement(hiding, Quoting::Json.undo(&rest[..end], &mut text), &mut hidden);
        escape_json(&hidden, out);
        out.push(b'"');
        rest = &rest[end + 1..];
    }
    out.extend_from_slice(rest);
}

/// XML: what is no number between tags.
fn in_tags(hiding: &mut Hiding, plan: &[u8], out: &mut Vec<u8>) {
    let (mut rest, mut text, mut hidden) = (plan, Vec::new(), Vec::new());
    while !rest.is_empty() {
        let open = memchr(b'<', rest).unwrap_or(rest.len());
        let inner = &rest[..open];
        let is_figure = inner.iter().all(|byte| byte.is_ascii_digit() || b".- \t\r\n".contains(byte));
        if is_figure {
            out.extend_from_slice(inner);
        } else {
            hidden.clear();
            statement(hiding, Quoting::Xml.undo(inner, &mut text), &mut hidden);
            escape_xml(&hidden, out);
        }
        let tag = memchr(b'>', &rest[open..]).map_or(rest.len(), |length| open + length + 1);
        out.extend_from_slice(&rest[open..tag]);
        rest = &rest[tag..];
    }
}

/// A text between quotes in JSON.
pub(super) fn escape_json(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
}

fn escape_xml(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        match byte {
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'\r' => out.extend_from_slice(b"&#x0d;"),
            _ => out.push(byte),
        }
    }
}
