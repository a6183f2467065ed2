//! Puts logs into envelopes, as those write them who collect them.

use std::collections::HashMap;

/// What splits lines in Docker and Kubernetes; 16 KiB there.
const PART: usize = 700;

/// Writes a line into an envelope, by its number.
pub(crate) type Wrap = fn(u64, &[u8], &mut Vec<u8>);

/// Every envelope.
pub(crate) const ENVELOPES: [(&str, Wrap); 8] = [
    ("Docker", docker),
    ("CRI", cri),
    ("a journal", journal),
    ("syslog", syslog),
    ("RFC 5424", rfc_5424),
    ("frames", frame),
    ("Cloud Logging", cloud_logging),
    ("Azure", azure),
];

/// A log line by line in an envelope.
pub(crate) fn wrap(log: &[u8], envelope: Wrap) -> Vec<u8> {
    let mut wrapped = Vec::new();
    let lines = log.strip_suffix(b"\n").unwrap_or(log).split(|byte| *byte == b'\n');
    (0..).zip(lines).for_each(|(number, line)| envelope(number, line, &mut wrapped));
    wrapped
}

fn time(number: u64) -> String {
    format!("2026-11-28T{:02}:{:02}:{:02}.123456789Z", number / 3600 % 24, number / 60 % 60, number % 60)
}

fn parts(line: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let last = line.len().saturating_sub(1) / PART;
    let part =
        move |number: usize| (&line[number * PART..line.len().min((number + 1) * PART)], number == last);
    (0..=last).map(part)
}

fn docker(number: u64, line: &[u8], wrapped: &mut Vec<u8>) {
    for (part, is_last) in parts(line) {
        wrapped.extend_from_slice(b"{\"log\":\"");
        escape(part, wrapped);
        let end = if is_last { "\\n" } else { "" };
        wrapped.extend_from_slice(
            format!("{end}\",\"stream\":\"stderr\",\"time\":\"{}\"}}\n", time(number)).as_bytes(),
        );
    }
}

fn cri(number: u64, line: &[u8], wrapped: &mut Vec<u8>) {
    for (part, is_last) in parts(line) {
        let tag = if is_last { "F" } else { "P" };
        wrapped.extend_from_slice(format!("{} stdout {tag} ", time(number)).as_bytes());
        wrapped.extend_from_slice(part);
        wrapped.push(b'\n');
    }
}

fn journal(number: u64, line: &[u8], wrapped: &mut Vec<u8>) {
    let head = format!(
        "{{\"_HOSTNAME\":\"db-1\",\"SYSLOG_IDENTIFIER\":\"app\",\"_PID\":\"12\",\"__REALTIME_TIMESTAMP\":\"{}\",\"MESSAGE\":",
        1_795_885_802_000_000 + number
    );
    wrapped.extend_from_slice(head.as_bytes());
    if std::str::from_utf8(line).is_ok() {
        wrapped.push(b'"');
        escape(line, wrapped);
        wrapped.push(b'"');
    } else {
        wrapped.extend_from_slice(format!("{line:?}").as_bytes());
    }
    wrapped.extend_from_slice(b"}\n");
}

fn syslog(number: u64, line: &[u8], wrapped: &mut Vec<u8>) {
    let head = format!("Nov 28 {} db-1 app[12]: ", &time(number)[11..19]);
    wrapped.extend_from_slice(head.as_bytes());
    for byte in line {
        match byte {
            0..32 => wrapped.extend_from_slice(format!("#{byte:03o}").as_bytes()),
            _ => wrapped.push(*byte),
        }
    }
    wrapped.push(b'\n');
}

fn rfc_5424(number: u64, line: &[u8], wrapped: &mut Vec<u8>) {
    wrapped.extend_from_slice(format!("<134>1 {} db-1 app 12 - - ", time(number)).as_bytes());
    wrapped.extend_from_slice(line);
    wrapped.push(b'\n');
}

fn frame(number: u64, line: &[u8], wrapped: &mut Vec<u8>) {
    let mut message = Vec::new();
    rfc_5424(number, line, &mut message);
    wrapped.extend_from_slice(format!("{} ", message.len()).as_bytes());
    wrapped.append(&mut message);
}

fn cloud_logging(number: u64, line: &[u8], wrapped: &mut Vec<u8>) {
    let head = format!(
        "{{\"insertId\":\"s=1;i={number}\",\"logName\":\"projects/shop/logs/cloudsql.googleapis.com%2Fpostgres.log\",\
         \"resource\":{{\"labels\":{{\"database_id\":\"shop:db-1\"}},\"type\":\"cloudsql_database\"}},\
         \"timestamp\":\"{}\",\"textPayload\":\"",
        time(number)
    );
    wrapped.extend_from_slice(head.as_bytes());
    escape(line, wrapped);
    wrapped.extend_from_slice(b"\"}\n");
}

/// Ten records in a list.
fn azure(number: u64, line: &[u8], wrapped: &mut Vec<u8>) {
    if number.is_multiple_of(10) {
        wrapped.extend_from_slice(if number == 0 { b"{\"records\":[" } else { b"]}\n{\"records\":[" });
    } else {
        wrapped.push(b',');
    }
    let head = format!(
        "{{\"LogicalServerName\":\"db-1\",\"category\":\"PostgreSQLLogs\",\"time\":\"{}\",\"properties\":{{\"message\":\"",
        time(number)
    );
    wrapped.extend_from_slice(head.as_bytes());
    escape(line, wrapped);
    wrapped.extend_from_slice(b"\",\"errorLevel\":\"LOG\"}}");
}

fn escape(text: &[u8], escaped: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'"' | b'\\' => escaped.extend_from_slice(&[b'\\', *byte]),
            b'\t' => escaped.extend_from_slice(b"\\t"),
            0..32 => escaped.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => escaped.push(*byte),
        }
    }
}

/// A log of PostgreSQL as its server sends it to syslog: messages in numbered parts, up to three of which come at once.
/// The prefix has to begin with a time and the process in brackets.
pub(crate) fn syslog_of_postgresql(log: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let mut waiting: Vec<(Vec<u8>, Vec<Vec<u8>>)> = Vec::new();
    let mut numbers: HashMap<Vec<u8>, u64> = HashMap::new();
    let mut wrapped = Vec::new();
    for message in messages(log) {
        let open = message.iter().position(|byte| *byte == b'[').unwrap();
        let close = message.iter().position(|byte| *byte == b']').unwrap();
        let process = message[open + 1..close].to_vec();
        // Those of one process come one after another.
        if waiting.len() == 3 || waiting.iter().any(|(other, _)| *other == process) {
            send(&mut waiting, &mut random, &mut wrapped);
        }
        let number = numbers.entry(process.clone()).or_insert(0);
        *number += 1;
        let part = |(place, part): (usize, Vec<u8>)| {
            let head = format!(
                "<134>Nov 28 17:10:02 db-1 postgres[{}]: [{number}-{}] ",
                String::from_utf8_lossy(&process),
                place + 1
            );
            let text = part.iter().flat_map(|byte| match byte {
                b'\t' => b"#011".to_vec(),
                byte => vec![*byte],
            });
            head.into_bytes().into_iter().chain(text).chain([b'\n']).collect()
        };
        let parts = split(&message).into_iter().enumerate().map(part).collect();
        waiting.push((process, parts));
    }
    send(&mut waiting, &mut random, &mut wrapped);
    wrapped
}

/// Sends parts of messages in turns, with lines of another program between them.
fn send(waiting: &mut Vec<(Vec<u8>, Vec<Vec<u8>>)>, random: &mut Random, wrapped: &mut Vec<u8>) {
    while !waiting.is_empty() {
        let place = random.below(waiting.len());
        let (_, parts) = &mut waiting[place];
        wrapped.append(&mut parts.remove(0));
        if parts.is_empty() {
            waiting.remove(place);
        }
        if random.below(4) == 0 {
            wrapped.extend_from_slice(b"<78>Nov 28 17:10:02 db-1 CRON[77]: (root) CMD (backup)\n");
        }
    }
}

/// The messages of a log, each with all of its lines.
fn messages(log: &[u8]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for line in log.strip_suffix(b"\n").unwrap_or(log).split(|byte| *byte == b'\n') {
        let begins = [&b" LOG:  "[..], b" ERROR:  ", b" FATAL:  "]
            .iter()
            .any(|severity| memchr::memmem::find(line, severity).is_some())
            && !line.starts_with(b"\t");
        match messages.last_mut() {
            Some(message) if !begins => {
                message.push(b'\n');
                message.extend_from_slice(line);
            }
            _ => messages.push(line.to_vec()),
        }
    }
    messages
}

/// As `write_syslog` of PostgreSQL does.
fn split(message: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut parts) = (message, Vec::new());
    while !rest.is_empty() {
        if rest[0] == b'\n' {
            rest = &rest[1..];
            continue;
        }
        let line = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let mut length = line.min(900);
        while length < rest.len() && rest[length] & 0xc0 == 0x80 {
            length -= 1;
        }
        if length < rest.len() && !rest[length].is_ascii_whitespace() {
            let blank = rest[1..length].iter().rposition(u8::is_ascii_whitespace);
            length = blank.map_or(length, |blank| blank + 1);
        }
        parts.push(rest[..length].to_vec());
        rest = &rest[length..];
    }
    parts
}

/// A log with the prefix `%m [%p] ` in RFC 5424, which tells what the prefix did.
pub(crate) fn without_prefix(log: &str) -> Vec<u8> {
    let mut wrapped = String::new();
    let (mut time, mut process) = (String::new(), String::new());
    for line in log.lines() {
        let text = match line.split_once("] ") {
            Some((prefix, text)) if !line.starts_with('\t') => {
                let (at, number) = prefix.split_once(" UTC [").unwrap();
                (time, process) = (at.replace(' ', "T"), number.to_owned());
                text
            }
            _ => line,
        };
        wrapped += &format!("<134>1 {time}Z db-1 postgres {process} - - {text}\n");
    }
    wrapped.into_bytes()
}

/// Numbers that look random and are the same each time (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }
}
