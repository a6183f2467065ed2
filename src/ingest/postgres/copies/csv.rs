//! csvlog.

use memchr::{memchr, memchr_iter, memrchr};

use super::message;
use crate::ingest::copies::{Page, Rewrite};
use crate::ingest::json::MARK;
use crate::ingest::postgres::csv::{APPLICATION, CONTEXT, DETAIL, Fields, MESSAGE, SEVERITY, STATEMENT};
use crate::ingest::postgres::severity;
use crate::ingest::timestamp::Clock;

const USER: usize = 1;
const DATABASE: usize = 2;
const CLIENT: usize = 4;
const HINT: usize = 15;
const INTERNAL_QUERY: usize = 16;

/// Copies csvlog.
#[derive(Debug, Default)]
pub(in crate::ingest) struct Csv {
    clock: Clock,
    text: Vec<u8>,
    hidden: Vec<u8>,
}

impl Rewrite for Csv {
    fn rewrite(&mut self, bytes: &[u8], page: &mut Page) {
        let mut start = if bytes.starts_with(MARK) { MARK.len() } else { 0 };
        while start < bytes.len() {
            let read = Fields::read(&bytes[start..]);
            let known = read.filter(|(fields, _)| fields.at_ns(&mut self.clock).is_some());
            let length = match known {
                Some((fields, length)) => {
                    self.record(page, &fields);
                    length
                }
                None => {
                    let length = memchr(b'\n', &bytes[start..]).unwrap_or(bytes.len() - start);
                    let is_blank = bytes[start..start + length].trim_ascii().is_empty();
                    page.left_out += u64::from(!is_blank);
                    length
                }
            };
            page.out.push(b'\n');
            start += length + 1;
        }
    }
}

impl Csv {
    fn record(&mut self, page: &mut Page, fields: &Fields<'_>) {
        let raised = message::is_raised(fields.raw(CONTEXT));
        for column in 0..fields.count {
            page.out.extend_from_slice(if column > 0 { b"," } else { b"" });
            let raw = fields.raw(column);
            if raw.is_empty() {
                continue;
            }
            self.hidden.clear();
            let lines = memchr_iter(b'\n', raw).count();
            let text = fields.text(column, &mut self.text);
            let (hiding, out) = (&mut page.hiding, &mut self.hidden);
            let is_text = match column {
                MESSAGE => {
                    message::message(hiding, severity::of_name(fields.raw(SEVERITY)), raised, text, out);
                    true
                }
                DETAIL | HINT if raised => {
                    hiding.whole(text, out);
                    true
                }
                DETAIL => {
                    message::detail(hiding, text, out);
                    true
                }
                CONTEXT => {
                    message::context(hiding, text, out);
                    true
                }
                INTERNAL_QUERY | STATEMENT => {
                    message::statement(hiding, text, out);
                    true
                }
                HINT => {
                    hiding.prose(text, out);
                    true
                }
                CLIENT => {
                    client(page, text, out);
                    true
                }
                APPLICATION => {
                    hiding.program(text, out);
                    true
                }
                USER | DATABASE => {
                    out.extend_from_slice(text);
                    true
                }
                _ if is_plain(raw) => {
                    out.extend_from_slice(raw);
                    !raw[0].is_ascii_digit()
                }
                _ => {
                    hiding.prose(text, out);
                    true
                }
            };
            // Lines of the file keep their numbers.
            let written = memchr_iter(b'\n', &self.hidden).count();
            self.hidden.extend(std::iter::repeat_n(b'\n', lines.saturating_sub(written)));
            quoted(&self.hidden, is_text, &mut page.out);
        }
    }
}

fn quoted(text: &[u8], is_text: bool, out: &mut Vec<u8>) {
    if !is_text {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for &byte in text {
        out.extend_from_slice(if byte == b'"' { b"\"\"" } else { std::slice::from_ref(&byte) });
    }
    out.push(b'"');
}

/// Times, numbers, states and tags of commands.
fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_alphanumeric() || b" .:/_+-".contains(byte))
}

/// `10.0.0.7:4711`.
fn client(page: &Page, text: &[u8], out: &mut Vec<u8>) {
    let tokens = &page.hiding.tokens;
    match memrchr(b':', text).filter(|_| !text.starts_with(b"[")) {
        Some(colon) => {
            tokens.host(&text[..colon], out);
            out.push(b':');
            tokens.port(&text[colon + 1..], out);
        }
        None => tokens.host(text, out),
    }
}
