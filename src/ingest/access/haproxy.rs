//! HAProxy: `option httplog`, with or without the prefix of syslog, and the older one with `Tq` and `Tt`.
//!
//! A line tells the request of the proxy and that of the server behind it: the server has it after the time in queues
//! (`Tw`) and the time to connect (`Tc`). The time in which the client sends the request (`TR`, `Tq`) is left out. A
//! line begins with when the request came.
//!
//! Source: HAProxy 2.6, "Configuration Manual", 8.2.3 "HTTP log format" and 8.4 "Timing events"; for the older one that
//! of version 1.6.

use memchr::memrchr;

use super::lines::{Keep, Lines, ReadLine, cut, first_lines};
use super::request::{PassedOn, Told};
use super::times::{moment, number};
use super::tokens::{Around, Tokens};
use crate::ingest::{Format, Framing, Head};

pub(in crate::ingest) const HAPROXY: Format = Format {
    name: "haproxy-log",
    summary: "HTTP logs of HAProxy (`option httplog`), with or without a prefix of syslog: time in queues, and the server's",
    sniff,
    cut,
    decoder: |_| Lines::boxed(Haproxy, "haproxy-log", "haproxy", ""),
};

fn sniff(head: Head<'_>) -> Option<Framing> {
    let (mut all, mut fit) = (0, 0);
    for line in first_lines(head.bytes, head.whole) {
        all += 1;
        fit += usize::from(Parts::of(line).is_some());
    }
    (fit > 0 && fit * 2 >= all).then_some(Framing::Lines)
}

/// Reads its lines.
struct Haproxy;

/// What a line has, from the time on.
struct Parts<'l> {
    accepted: &'l [u8],
    frontend: &'l [u8],
    /// Backend and server.
    server: &'l [u8],
    timers: [Option<u64>; 5],
    status: &'l [u8],
    bytes: &'l [u8],
    request: &'l [u8],
}

impl<'l> Parts<'l> {
    fn of(line: &'l [u8]) -> Option<Self> {
        let mut tokens = Tokens::of(line);
        let accepted =
            tokens.find(|token| token.around == Around::Brackets && moment(token.text).is_some())?.text;
        let mut next = || tokens.next().map(|token| token.text);
        let (frontend, server) = (next()?, next()?);
        let timers = timers(next()?)?;
        let (status, bytes) = (next()?, next()?);
        // Captured headers stand between, some of them or none.
        let end = line.len() - usize::from(line.ends_with(b"\""));
        let start = memrchr(b'"', &line[..end]).map_or(end, |quote| quote + 1);
        let request = &line[start..end];
        Some(Self { accepted, frontend, server, timers, status, bytes, request })
    }
}

/// Five milliseconds with slashes between; -1 is an event that did not come, and a plus stands before what was logged
/// too early.
fn timers(text: &[u8]) -> Option<[Option<u64>; 5]> {
    let mut timers = [None; 5];
    let mut parts = text.split(|byte| *byte == b'/');
    for timer in &mut timers {
        let part = parts.next()?;
        *timer = match part {
            b"-1" => None,
            part => Some(number(part.strip_prefix(b"+").unwrap_or(part))?),
        };
    }
    parts.next().is_none().then_some(timers)
}

impl ReadLine for Haproxy {
    fn read(&mut self, line: &[u8], keep: &mut Keep<'_, '_>) -> Result<(), &'static str> {
        const MS: u64 = 1_000_000;
        let parts = Parts::of(line).ok_or("a line that is no request of HAProxy")?;
        let [sent, queued, connected, _, total] = parts.timers;
        let mut told = Told { status: number(parts.status), bytes: number(parts.bytes), ..Told::default() };
        told.request_line(parts.request);
        let sent_ns = sent.unwrap_or(0).saturating_mul(MS);
        let total_ns = total.ok_or("a request that does not say how long it took")?.saturating_mul(MS);
        told.duration_ns = Some(total_ns.saturating_sub(sent_ns));
        let mut came = moment(parts.accepted).ok_or("a request without its time")?;
        came.at_ns = came.at_ns.saturating_add(sent_ns);
        told.moment = Some(came);
        let slash = parts.server.iter().position(|byte| *byte == b'/').unwrap_or(parts.server.len());
        let (backend, server) = (&parts.server[..slash], parts.server.get(slash + 1..).unwrap_or_default());
        // `~` marks TLS. Of what is proxy and servers in one the servers have the name.
        let frontend = parts.frontend.strip_suffix(b"~").unwrap_or(parts.frontend);
        let is_served = !server.starts_with(b"<");
        told.service = if is_served && frontend == backend { b"" } else { frontend };
        if let (Some(queued), Some(connected)) = (queued, connected)
            && is_served
        {
            told.passed_on = Some(PassedOn {
                service: backend,
                instance: server,
                after_ns: (queued + connected).saturating_mul(MS),
                took_ns: None,
                status: None,
            });
        }
        keep.request(&told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_may_be_missing_or_early() {
        assert_eq!(timers(b"0/40/1/42/83"), Some([Some(0), Some(40), Some(1), Some(42), Some(83)]));
        assert_eq!(timers(b"10/0/-1/-1/+5000"), Some([Some(10), Some(0), None, None, Some(5000)]));
        for text in ["", "0/0/0/0", "0/0/0/0/0/0", "a/0/0/0/0", "0/0/0/0/-"] {
            assert_eq!(timers(text.as_bytes()), None, "{text}");
        }
    }
}
