//! A log tells the same in every envelope that it may come in, on any number of threads, however it arrives.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

#[path = "envelopes/wrap.rs"]
mod wrap;

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use detectors::evidence::{Dictionary, LINE_BITS, Logged, Span, Traced};
use whyslow::ingest::{self, FORMATS, IngestError, Input, Options, ReadSummary};

/// A reader that gives so many bytes at once.
struct Slowly(Cursor<Vec<u8>>, usize);

impl Read for Slowly {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(self.1);
        self.0.read(&mut buffer[..length])
    }
}

/// What was read, by trace or session: without ids, which come from the places in a file.
type Seen = Vec<Vec<String>>;

fn read(bytes: &[u8], threads: usize, at_once: usize) -> Result<(Seen, ReadSummary), IngestError> {
    let dictionary = Mutex::new(Dictionary::default());
    let spans = Mutex::new(Vec::new());
    let options = Options { threads, values_key: 1, log_form: None, show_values: false, keep_texts: false };
    let sink = |block: &mut Vec<Traced>| {
        spans.lock().unwrap().append(block);
        Ok(())
    };
    let stream = Box::new(Slowly(Cursor::new(bytes.to_vec()), at_once));
    let input = Input::Stream { name: "input".into(), stream };
    let summary = ingest::read(vec![input], &options, &dictionary, &sink, &|_, _| {})?;
    let dictionary = dictionary.into_inner().unwrap();
    let mut by_trace: BTreeMap<u128, Vec<(u64, String)>> = BTreeMap::new();
    for Traced { trace, span } in spans.into_inner().unwrap() {
        let line = if span.logged == Logged::No { 0 } else { span.id & ((1 << LINE_BITS) - 1) };
        by_trace.entry(trace).or_default().push((line, content(&span, &dictionary)));
    }
    let mut seen: Seen = by_trace
        .into_values()
        .map(|mut spans| {
            spans.sort_unstable();
            spans.into_iter().map(|(_, content)| content).collect()
        })
        .collect();
    seen.sort_unstable();
    Ok((seen, summary))
}

fn content(span: &Span, dictionary: &Dictionary) -> String {
    let text = |symbol| dictionary.text(symbol);
    let origin = dictionary.origin(span.origin);
    format!(
        "{} {} {:?} {:?} {:?} {} {} {} {} {:?} {:?} {:?} {:?} {:?}",
        span.start_ns,
        span.end_ns,
        span.kind,
        span.logged,
        span.status,
        span.rows,
        span.response_bytes,
        if span.logged == Logged::No { span.status_code } else { 0 },
        span.repeats,
        span.parameters,
        dictionary.shape(span.shape).text,
        text(span.target),
        text(origin.service),
        text(origin.instance),
    )
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_none_or(|extension| extension != "expected"));
    files.sort();
    files
}

/// Every fixture that is a log, of every format.
fn logs() -> Vec<(&'static str, PathBuf, Vec<u8>)> {
    let of = |name: &'static str| files(&format!("formats/{name}")).into_iter().map(move |path| (name, path));
    let names = FORMATS.iter().map(|format| format.name).filter(|name| name.ends_with("log"));
    names.flat_map(of).map(|(name, path)| (name, path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Lines that are cut inside of letters are no text; in JSON that is written otherwise.
#[test]
fn a_log_in_an_envelope_tells_the_same() {
    for (format, path, bytes) in logs() {
        let (expected, plain) = read(&bytes, 1, usize::MAX).unwrap();
        for (envelope, with) in wrap::ENVELOPES {
            let wrapped = wrap::wrap(&bytes, with);
            let name = format!("{} in {envelope}", path.display());
            let (seen, summary) =
                read(&wrapped, 1, usize::MAX).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(summary.inputs[0].format, Some(format), "{name}");
            assert_eq!(summary.skipped.records, plain.skipped.records, "{name}: {:?}", summary.skipped.first);
            assert_eq!(summary.bytes, wrapped.len() as u64, "{name}");
            assert_eq!(seen.len(), expected.len(), "{name}");
            for (seen, expected) in seen.iter().zip(&expected) {
                assert_eq!(seen, expected, "{name}");
            }
        }
    }
}

/// The same log many times: blocks end somewhere in it.
#[test]
fn threads_and_arrival_change_nothing() {
    for (format, path, bytes) in logs() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_of_test = match format {
            "postgresql-log" | "postgresql-csvlog" => name.starts_with("recorded"),
            "mysql-slow-log" => name.starts_with("mariadb"),
            "rails-log" => name.starts_with("request-ids"),
            _ => false,
        };
        if !is_of_test {
            continue;
        }
        let many = bytes.repeat(1 + (5 << 18) / bytes.len());
        let step = if format == "postgresql-log" { 1 } else { 3 };
        for (envelope, with) in wrap::ENVELOPES.into_iter().step_by(step) {
            let wrapped = wrap::wrap(&many, with);
            let name = format!("{} in {envelope}", path.display());
            let (expected, one) = read(&wrapped, 1, usize::MAX).unwrap();
            for (threads, at_once) in [(3, usize::MAX), (2, 60_001)] {
                let (seen, several) = read(&wrapped, threads, at_once).unwrap();
                assert!(seen == expected, "{name} on {threads} threads");
                assert_eq!(several.skipped, one.skipped, "{name}");
                assert_eq!(several.inputs, one.inputs, "{name}");
            }
        }
    }
}

/// Messages in parts, between those of others and of other programs.
#[test]
fn parts_of_messages_are_put_together() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats/postgresql-log/recorded.log");
    let log = std::fs::read(path).unwrap();
    let long = format!(
        "2026-11-28 17:43:59.000 UTC [17526] shop@shop LOG:  duration: 0.5 ms  statement: SELECT {}\n\t  FROM orders\n\
         2026-11-28 17:43:59.500 UTC [17526] shop@shop LOG:  duration: 0.5 ms  statement: SELECT '{}'\n",
        "a_column, ".repeat(400),
        "é".repeat(2_000)
    );
    let log = [&log[..], long.as_bytes()].concat();
    let (expected, plain) = read(&log, 1, usize::MAX).unwrap();
    for seed in 0..20 {
        let wrapped = wrap::syslog_of_postgresql(&log, seed);
        let (seen, summary) = read(&wrapped, 1, usize::MAX).unwrap();
        assert_eq!(summary.skipped.records, plain.skipped.records, "{:?}", summary.skipped.first);
        assert_eq!(seen, expected, "{seed}");
        let (lines, programs) = summary.inputs[0].others.clone().unwrap();
        assert!(lines > 10 && programs == "CRON", "{lines} {programs}");
    }
}

/// Without a prefix the time and the process are those of the envelope.
#[test]
fn an_envelope_tells_what_an_empty_prefix_does_not() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats/postgresql-log/recorded.log");
    let log = String::from_utf8(std::fs::read(path).unwrap()).unwrap();
    let sessions = |seen: Seen| {
        let without_names = |span: String| span.replace("\"shop\"", "\"\"");
        let mut sessions: Vec<Vec<String>> =
            seen.into_iter().map(|spans| spans.into_iter().map(without_names).collect()).collect();
        sessions.sort_unstable();
        sessions
    };
    let named = log.replace("shop@shop ", "").replace("[unknown]@[unknown] ", "");
    let (expected, plain) = read(named.as_bytes(), 1, usize::MAX).unwrap();
    assert_eq!(plain.skipped.records, 0);
    let wrapped = wrap::without_prefix(&named);
    let (seen, summary) = read(&wrapped, 1, usize::MAX).unwrap();
    assert_eq!(summary.skipped.records, 0, "{:?}", summary.skipped.first);
    let (seen, expected) = (sessions(seen), sessions(expected));
    assert_eq!(seen.len(), expected.len());
    for (seen, expected) in seen.iter().flatten().zip(expected.iter().flatten()) {
        assert_eq!(seen, expected);
    }
}

/// What rsyslog wrote of a live PostgreSQL in its three forms, and what the server wrote to stderr at the same time.
#[test]
fn what_was_recorded_is_the_same_in_every_form() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/envelopes");
    let of = |form: &str| {
        let bytes = std::fs::read(folder.join(format!("postgresql-{form}.log"))).unwrap();
        read(&bytes, 1, usize::MAX).unwrap()
    };
    let (expected, plain) = of("plain");
    assert!(expected.len() > 2 && plain.inputs[0].envelope.is_none());
    for form in ["bsd", "iso", "protocol"] {
        let (seen, summary) = of(form);
        assert_eq!(summary.inputs[0].envelope, Some("syslog"), "{form}");
        assert_eq!(seen, expected, "{form}");
    }
}

/// `fixtures/envelopes/*`: as they occur, and beside each what must be read.
#[test]
fn what_exists_in_practice_is_read() {
    for path in files("envelopes") {
        let bytes = std::fs::read(&path).unwrap();
        let (seen, summary) = read(&bytes, 1, usize::MAX).unwrap();
        let input = &summary.inputs[0];
        let mut told = format!("{:?} in {:?}, others: {:?}\n", input.format, input.envelope, input.others);
        for session in seen {
            told += &format!("session\n  {}\n", session.join("\n  "));
        }
        for record in &summary.skipped.first {
            told += &format!("skipped: line {}, offset {}: {}\n", record.line, record.offset, record.reason);
        }
        let snapshot = path.with_extension(format!("{}.expected", path.extension().unwrap().display()));
        expect_test::expect_file![snapshot].assert_eq(&told);
    }
}

/// A log in an envelope that is in another one: what is read of it, and where.
#[test]
fn envelopes_may_be_in_envelopes() {
    let of = |name: &str| wrap::ENVELOPES.into_iter().find(|(known, _)| *known == name).unwrap().1;
    for (format, path, bytes) in logs() {
        let is_of_test = path.file_name().unwrap().to_str().unwrap().contains("recorded");
        if !is_of_test || !matches!(format, "postgresql-log" | "postgresql-csvlog" | "mysql-slow-log") {
            continue;
        }
        let (expected, plain) = read(&bytes, 1, usize::MAX).unwrap();
        for (outer, inner) in [
            ("Docker", "syslog"),
            ("CRI", "RFC 5424"),
            ("a journal", "Docker"),
            ("RFC 5424", "Cloud Logging"),
        ] {
            let name = format!("{} in {inner} in {outer}", path.display());
            let wrapped = wrap::wrap(&wrap::wrap(&bytes, of(inner)), of(outer));
            let (seen, summary) =
                read(&wrapped, 1, usize::MAX).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(summary.inputs[0].format, Some(format), "{name}");
            assert_eq!(summary.skipped.records, plain.skipped.records, "{name}: {:?}", summary.skipped.first);
            assert!(seen == expected, "{name}");
            assert_eq!(read(&wrapped, 3, 60_001).unwrap().0, expected, "{name} on threads");
        }
        let thrice = wrap::wrap(&wrap::wrap(&wrap::wrap(&bytes, of("syslog")), of("Docker")), of("CRI"));
        assert!(read(&thrice, 1, usize::MAX).unwrap().0 == expected, "three: {}", path.display());
    }
}

#[test]
fn places_in_envelopes_in_envelopes_are_those_of_the_file() {
    let line = |number: u32| {
        format!("2026-11-28 17:10:{number:02}.123 UTC [71] LOG:  duration: 0.5 ms  statement: SELECT 1\n")
    };
    let mut log: String = (0..30).map(line).collect();
    log += "2026-11-28 17:11:00.123 UTC [71] LOG:  duration: 9223372036854775807 ms  statement: SELECT 1\n";
    log += &line(40);
    let of = |name: &str| wrap::ENVELOPES.into_iter().find(|(known, _)| *known == name).unwrap().1;
    let wrapped = wrap::wrap(&wrap::wrap(log.as_bytes(), of("syslog")), of("CRI"));
    let (_, summary) = read(&wrapped, 1, usize::MAX).unwrap();
    assert_eq!(summary.skipped.records, 1);
    let first = &summary.skipped.first[0];
    assert_eq!(first.line, 31, "{first:?}");
    let lines_before =
        wrapped.split_inclusive(|byte| *byte == b'\n').take(30).map(<[u8]>::len).sum::<usize>();
    assert_eq!(first.offset, lines_before as u64);
}
