//! The general log.

use memchr::{memchr, memmem};

use super::{DIALECT, leave_out};
use crate::ingest::copies::{Page, Rewrite};
use crate::ingest::mysql::general::{Start, is_of_start};

/// Copies the general log.
#[derive(Debug, Default)]
pub(in crate::ingest) struct General {
    record: Option<Record>,
    /// Lines behind it that are blank or of a server's start, unless it goes on.
    behind: Vec<u8>,
}

/// A record while its lines are read.
#[derive(Debug)]
struct Record {
    command: Vec<u8>,
    text: Vec<u8>,
}

impl Rewrite for General {
    fn rewrite(&mut self, bytes: &[u8], page: &mut Page) {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let content = line.strip_suffix(b"\n").unwrap_or(line);
            if let Some(start) = Start::of(content) {
                self.end(page);
                page.out.extend_from_slice(&line[..start.text]);
                let text = line[start.text..].to_vec();
                self.record = Some(Record { command: start.command.to_vec(), text });
            } else if is_of_start(content) {
                self.behind.extend_from_slice(line);
            } else if let Some(record) =
                self.record.as_mut().filter(|record| is_of_statement(&record.command))
            {
                record.text.append(&mut self.behind);
                record.text.extend_from_slice(line);
            } else {
                self.end(page);
                leave_out(page, line);
            }
        }
        self.end(page);
    }
}

impl General {
    fn end(&mut self, page: &mut Page) {
        if let Some(Record { command, text }) = self.record.take() {
            self::text(page, &command, &text);
        }
        page.out.append(&mut self.behind);
    }
}

/// Its text is a statement, which may have several lines.
fn is_of_statement(command: &[u8]) -> bool {
    matches!(command, b"Query" | b"Execute" | b"Prepare")
}

fn text(page: &mut Page, command: &[u8], text: &[u8]) {
    let Page { out, hiding, .. } = page;
    match command {
        _ if is_of_statement(command) => hiding.statement(text, DIALECT, out),
        b"Init DB" | b"Create DB" | b"Drop DB" | b"Field List" => out.extend_from_slice(text),
        b"Connect" | b"Change user" if !text.starts_with(b"Access denied") => account(page, text),
        _ => hiding.prose(text, out),
    }
}

/// `shop@web1 on books using Socket`.
fn account(page: &mut Page, text: &[u8]) {
    let Page { out, hiding, .. } = page;
    let Some(host) = memchr(b'@', text).map(|at| at + 1) else { return hiding.prose(text, out) };
    let end =
        memmem::find(&text[host..], b" on ").map_or(text.trim_ascii_end().len().max(host), |at| host + at);
    out.extend_from_slice(&text[..host]);
    hiding.tokens.host(text[host..end].trim_ascii(), out);
    out.extend_from_slice(&text[end..]);
}
