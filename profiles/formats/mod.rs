//! One file a format.

mod chrome;
mod firefox;
mod folded;
mod jfr;
mod json;
mod names;
mod otlp;
mod perf_data;
mod perf_events;
mod perf_script;
mod pprof;
mod protobuf;
mod speedscope;
mod timeline;
mod v8;

use crate::Unreadable;

pub(crate) use chrome::FORMAT as CHROME;
pub(crate) use firefox::FORMAT as FIREFOX;
pub(crate) use folded::{FORMAT as FOLDED, are_stacks};
pub(crate) use jfr::FORMAT as JFR;
pub(crate) use otlp::FORMAT as OTLP;
pub(crate) use perf_data::FORMAT as PERF_DATA;
pub(crate) use perf_script::FORMAT as PERF_SCRIPT;
pub(crate) use pprof::FORMAT as PPROF;
pub(crate) use speedscope::FORMAT as SPEEDSCOPE;
pub(crate) use v8::FORMAT as V8;

/// The error of an input that nothing recognises: says what it is, where that is known and helps.
pub(crate) fn unknown(head: &[u8]) -> Unreadable {
    let has = |text: &[u8]| memchr::memmem::find(&head[..head.len().min(4096)], text).is_some();
    let what = match head {
        [] => "empty",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "compressed with zstd; decompress it first",
        [b'P', b'K', 3, 4, ..] => "a zip archive; give one of the files in it",
        [0x7f, b'E', b'L', b'F', ..] => "a program, not a profile of one",
        _ if head.starts_with(b"SQLite format 3") => {
            "a database; export the profile from the program that wrote it"
        }
        _ if has(b"<svg") || has(b"<!DOCTYPE html") || has(b"<html") => {
            "a picture or a page, not a profile; give the file that it was drawn from"
        }
        _ if is_old_pprof(head) => {
            "an old text form of pprof; `pprof -proto FILE` writes one that can be read"
        }
        _ if has(b"org.chromium.trace_metadata") || has(b"perfetto") => {
            "a trace of Perfetto in its binary form; record it as JSON (`--trace-startup-format=json`), or convert it \
             with `traceconv json`"
        }
        _ => "not a profile in a known format",
    };
    Unreadable::of(what)
}

/// Texts that Go and gperftools wrote before `profile.proto`.
fn is_old_pprof(head: &[u8]) -> bool {
    let begins =
        ["heap profile: ", "--- contention", "--- mutex", "--- threadz", "--- symbol", "goroutine profile: "];
    begins.iter().any(|text| head.starts_with(text.as_bytes()))
}
