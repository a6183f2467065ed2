//! The slow log.

use memchr::memmem::{self, Finder};
use memchr::{memchr, memrchr};

use super::{DIALECT, leave_out};
use crate::ingest::copies::{Page, Rewrite};
use crate::ingest::mysql::slow::{Lines, USER, is_head, next_event, statement};

/// Copies the slow log.
#[derive(Debug)]
pub(in crate::ingest) struct Slow {
    user: Finder<'static>,
}

impl Default for Slow {
    fn default() -> Self {
        Self { user: Finder::new(USER) }
    }
}

/// What lines of a header begin with that count, time or name something.
const FIGURES: &[&[u8]] = &[
    b"# Time: ",
    b"# Thread_id: ",
    b"# Schema: ",
    b"# Query_time: ",
    b"# Rows_",
    b"# Bytes_sent: ",
    b"# Full_scan: ",
    b"# Filesort: ",
    b"# Tmp_",
    b"# QC_",
    b"# InnoDB_",
    b"#   InnoDB_",
    b"# No InnoDB statistics",
    b"# Log_slow_rate_",
    b"# Priority_queue: ",
    b"# Stored routine: ",
    b"# Stored_routine: ",
    b"# Profile_",
    b"# explain: ",
    b"# Pages_",
];

const COMMAND: &[u8] = b"# administrator command: ";

impl Rewrite for Slow {
    fn rewrite(&mut self, bytes: &[u8], page: &mut Page) {
        let next = |from| next_event(&self.user, bytes, from).unwrap_or((bytes.len(), bytes.len()));
        let (mut start, mut from) = next(0);
        let before = &bytes[..start];
        match is_head(before) {
            true => page.out.extend_from_slice(before),
            false => leave_out(page, before),
        }
        while start < bytes.len() {
            let (end, behind) = next(from);
            event(page, &bytes[start..end]);
            (start, from) = (end, behind);
        }
    }
}

fn event(page: &mut Page, event: &[u8]) {
    let mut lines = Lines { rest: event, number: 0 };
    while let Some(line) = lines.next_if(|line| line.starts_with(b"#") && !line.starts_with(COMMAND)) {
        header(page, line);
        page.out.push(b'\n');
    }
    if let Some(line) = lines.next_if(|line| line.starts_with(b"use ")) {
        page.out.extend_from_slice(line);
        page.out.push(b'\n');
    }
    let before = lines.rest;
    if lines.timestamp().is_some() {
        for line in before[..before.len() - lines.rest.len()].split_inclusive(|byte| *byte == b'\n') {
            settings(page, line);
        }
    }
    text(page, lines.rest);
}

fn header(page: &mut Page, line: &[u8]) {
    if line.starts_with(USER) {
        account(page, line);
    } else if line == b"#" || FIGURES.iter().any(|name| line.starts_with(name)) {
        page.out.extend_from_slice(line);
    } else {
        page.left_out += 1;
        page.out.push(b'#');
    }
}

/// `# User@Host: shop[shop] @ web1 [10.0.0.7]  Id:    42`.
fn account(page: &mut Page, line: &[u8]) {
    let Page { out, hiding, .. } = page;
    let Some(host) = memmem::find(line, b" @ ").map(|at| at + 3) else { return out.extend_from_slice(USER) };
    out.extend_from_slice(&line[..host]);
    let open = memchr(b'[', &line[host..]).map_or(line.len(), |at| host + at);
    let close = memrchr(b']', line).filter(|close| *close > open).unwrap_or(line.len());
    hiding.tokens.host(line[host..open].trim_ascii(), out);
    if open < close && close < line.len() {
        out.extend_from_slice(b" [");
        hiding.tokens.host(&line[open + 1..close], out);
        out.extend_from_slice(&line[close..]);
    }
}

/// `SET timestamp=1795888828;` and what is before it.
fn settings(page: &mut Page, line: &[u8]) {
    if line.starts_with(b"#") {
        header(page, line.trim_ascii_end());
        return page.out.push(b'\n');
    }
    let Page { out, hiding, .. } = page;
    if line.starts_with(b"Profile_") {
        return out.extend_from_slice(line);
    }
    if !line.starts_with(b"SET ") {
        return leave_out(page, line);
    }
    for (place, setting) in line.split(|byte| *byte == b',').enumerate() {
        out.extend_from_slice(if place > 0 { b"," } else { b"" });
        let name = setting.strip_prefix(b"SET ").unwrap_or(setting);
        match name
            .strip_prefix(b"timestamp=")
            .is_some_and(|time| time.iter().all(|byte| b"0123456789.;\r\n".contains(byte)))
        {
            true => out.extend_from_slice(setting),
            false => hiding.statement(setting, DIALECT, out),
        }
    }
}

/// The statement and what ends it; behind it a server may have started anew.
fn text(page: &mut Page, rest: &[u8]) {
    let Page { out, hiding, .. } = page;
    let said = statement(rest);
    let begin = rest.len() - rest.trim_ascii_start().len();
    let end = (begin + said.len()).min(rest.len());
    out.extend_from_slice(&rest[..begin]);
    match said.strip_prefix(COMMAND) {
        Some(name) if name.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b' ') => {
            out.extend_from_slice(said);
        }
        _ => hiding.statement(said, DIALECT, out),
    }
    out.extend_from_slice(&rest[end..]);
    if !rest.ends_with(b"\n") {
        out.push(b'\n');
    }
}
