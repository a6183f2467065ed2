//! Logs that are damaged, cut, mixed or huge, in envelopes or not: nothing panics, everything is counted, and what is read does
//! not depend on threads or on how it arrives.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "envelopes/wrap.rs"]
mod wrap;

use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Mutex;

use detectors::evidence::{Dictionary, Logged, Traced};
use whyslow::ingest::skipped::Skipped;
use whyslow::ingest::{self, FORMATS, Input, Options};
use wrap::Random;

/// A reader that gives so many bytes at once.
struct Slowly(Cursor<Vec<u8>>, usize);

impl Read for Slowly {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(self.1);
        self.0.read(&mut buffer[..length])
    }
}

/// Spans without what they say, what was left out, and the format.
#[derive(Debug, PartialEq)]
struct Seen {
    spans: Vec<(u128, u64, u64, u64, Logged)>,
    skipped: Skipped,
    format: Option<&'static str>,
}

/// What is read, or why nothing is.
fn read(bytes: &[u8], threads: usize, at_once: usize) -> Result<Seen, String> {
    let dictionary = Mutex::new(Dictionary::default());
    let spans = Mutex::new(Vec::new());
    let options = Options { threads, values_key: 1, log_form: None, show_values: false, keep_texts: false };
    let sink = |block: &mut Vec<Traced>| {
        let told = |Traced { trace, span }: Traced| (trace, span.id, span.start_ns, span.end_ns, span.logged);
        spans.lock().unwrap().extend(block.drain(..).map(told));
        Ok(())
    };
    let stream = Box::new(Slowly(Cursor::new(bytes.to_vec()), at_once));
    let input = Input::Stream { name: "input".into(), stream };
    let summary = ingest::read(vec![input], &options, &dictionary, &sink, &|_, _| {});
    let summary = summary.map_err(|error| error.to_string())?;
    assert_eq!(summary.bytes, bytes.len() as u64, "{:?}", summary.inputs);
    let mut spans = spans.into_inner().unwrap();
    spans.sort_unstable_by_key(|(trace, id, start_ns, end_ns, _)| (*trace, *id, *start_ns, *end_ns));
    Ok(Seen { spans, skipped: summary.skipped, format: summary.inputs[0].format })
}

/// Every fixture that is a log, small ones.
fn logs() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let is_log = |name: &&str| name.ends_with("log");
    let formats =
        FORMATS.iter().map(|format| format.name).filter(is_log).map(|name| format!("formats/{name}"));
    let mut logs = Vec::new();
    for folder in formats.chain(["envelopes".to_owned()]) {
        let mut files: Vec<_> =
            std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.retain(|path| path.extension().is_none_or(|extension| extension != "expected"));
        logs.extend(files.into_iter().map(|path| (path.display().to_string(), std::fs::read(path).unwrap())));
    }
    logs
}

/// Does one thing to a log that happens to logs, or worse.
fn damage(log: &mut Vec<u8>, random: &mut Random) {
    const STRANGE: [&[u8]; 8] =
        [b"\0\0\0\0", b"\xff\xfe\xfa", b"\r", b"\n", b"\n\n\t\n", b"\"", b"\\", b"\xef\xbb\xbf"];
    let place = random.below(log.len() + 1);
    let end = (place + random.below(300)).min(log.len());
    match random.below(7) {
        0 => log.truncate(place),
        1 => drop(log.drain(..place)),
        2 => drop(log.drain(place..end)),
        3 => {
            let strange = STRANGE[random.below(STRANGE.len())];
            drop(log.splice(place..place, strange.iter().copied()));
        }
        4 => {
            let again: Vec<u8> = log[place..end].to_vec();
            let elsewhere = random.below(log.len() + 1);
            drop(log.splice(elsewhere..elsewhere, again));
        }
        5 => log[place..end].iter_mut().for_each(|byte| *byte = byte.wrapping_add(random.below(256) as u8)),
        _ => {
            let lines: Vec<&[u8]> = log.split(|byte| *byte == b'\n').collect();
            *log = lines.join(&b"\r\n"[..]);
        }
    }
}

#[test]
fn damage_is_counted_and_the_same_however_it_arrives() {
    let mut random = Random(11);
    for (name, log) in logs() {
        for round in 0..6 {
            let mut log = match round % 3 {
                0 => log.clone(),
                _ => wrap::wrap(&log, wrap::ENVELOPES[random.below(wrap::ENVELOPES.len())].1),
            };
            for _ in 0..1 + random.below(6) {
                damage(&mut log, &mut random);
            }
            let whole = read(&log, 1, usize::MAX);
            let slowly = read(&log, 2, 1 + random.below(5_000));
            assert_eq!(slowly, whole, "{name}, round {round}");
        }
    }
}

/// Several blocks, with damage in each.
#[test]
fn damage_in_many_blocks_is_the_same_on_any_number_of_threads() {
    let mut random = Random(5);
    let names = [
        "postgresql-log/recorded",
        "postgresql-csvlog/recorded",
        "mysql-slow-log/mariadb",
        "rails-log/request",
    ];
    for (name, log) in logs().into_iter().filter(|(name, _)| names.iter().any(|part| name.contains(part))) {
        let many = log.repeat(1 + (5 << 18) / log.len());
        let (envelope, with) = wrap::ENVELOPES[random.below(wrap::ENVELOPES.len())];
        let wrapped = wrap::wrap(&many, with);
        for (form, mut log) in [("plain", many), (envelope, wrapped)] {
            for _ in 0..20 {
                let place = random.below(log.len());
                let strange = [b'\n', 0, 0xff, b'"', b'\t'][random.below(5)];
                log[place] = strange;
            }
            let one = read(&log, 1, usize::MAX);
            assert!(one.is_ok(), "{name} {form}: {one:?}");
            for (threads, at_once) in [(3, usize::MAX), (2, 70_001)] {
                let several = read(&log, threads, at_once);
                assert!(several == one, "{name} {form} on {threads} threads");
            }
        }
    }
}

/// A statement of 10 MB is read in every form; one of 20 MB costs itself.
#[test]
fn statements_of_any_length_cost_themselves() {
    let line = |second: usize, text: &str| {
        format!(
            "2026-11-23 21:45:{second:02}.843 UTC [2572] LOG:  duration: 0.5 ms  statement: SELECT {text}\n"
        )
    };
    for (bytes, is_read) in [(10 << 20, true), (20 << 20, false)] {
        let long = format!("'{}'", "many words ".repeat(bytes / 11));
        let log: String = (0..20).map(|second| line(second, if second == 7 { &long } else { "1" })).collect();
        let executions = |log: &[u8]| {
            let seen = read(log, 2, usize::MAX).unwrap();
            let executions = seen.spans.iter().filter(|(.., logged)| *logged == Logged::Execution).count();
            (executions, seen.skipped.records > 0)
        };
        let (found, _) = executions(log.as_bytes());
        assert!((19..=20).contains(&found) && (!is_read || found == 20), "{bytes}: {found}");
        let tried = if is_read { ["Docker", "frames"] } else { ["CRI", "syslog"] };
        for (envelope, with) in wrap::ENVELOPES.into_iter().filter(|(name, _)| tried.contains(name)) {
            let (found, skipped) = executions(&wrap::wrap(log.as_bytes(), with));
            assert!((19..=20).contains(&found), "{envelope} {bytes}: {found}");
            assert!(found == 20 || (skipped && !is_read), "{envelope} {bytes}: {found}");
        }
    }
}
