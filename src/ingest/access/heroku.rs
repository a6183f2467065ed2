//! Heroku: the lines of its router, as `heroku logs` prints them or a log drain receives them.
//!
//! `connect` is the time to reach a dyno, `service` what the dyno and the way back took. A line is written at the end.
//! Other lines of the same log are no requests and pass by.
//!
//! Source: Heroku Dev Center, "HTTP Routing", "Heroku router log format".

use memchr::memmem;

use super::lines::{Keep, Lines, ReadLine, cut, first_lines};
use super::request::{PassedOn, Told};
use super::times::{Unit, duration_ns, moment, number};
use super::tokens::{Tokens, labelled};
use crate::ingest::{Format, Framing, Head};

pub(in crate::ingest) const HEROKU: Format = Format {
    name: "heroku-router-log",
    summary: "logs of Heroku with lines of its router (`connect=1ms service=20ms`), also among others",
    sniff,
    cut,
    decoder: |_| Lines::boxed(Router, "heroku-router-log", "router", ""),
};

fn sniff(head: Head<'_>) -> Option<Framing> {
    let is_of_it = |line: &[u8]| is_of_router(line) && memmem::find(line, b" service=").is_some();
    first_lines(head.bytes, head.whole).any(is_of_it).then_some(Framing::Lines)
}

fn is_of_router(line: &[u8]) -> bool {
    memmem::find(line, b"heroku[router]:").or_else(|| memmem::find(line, b" heroku router - ")).is_some()
}

/// Reads its lines.
struct Router;

impl ReadLine for Router {
    fn read(&mut self, line: &[u8], keep: &mut Keep<'_, '_>) -> Result<(), &'static str> {
        if !is_of_router(line) {
            return Ok(());
        }
        let mut told = Told { at_end: true, ..Told::default() };
        let (mut connect_ns, mut service_ns, mut dyno) = (None, None, &b""[..]);
        for token in Tokens::of(line) {
            let (label, text) = match token.label {
                b"" => labelled(token.text),
                label => (label, token.text),
            };
            match label {
                b"" if told.moment.is_none() => told.moment = moment(text),
                b"method" => told.method = text,
                b"path" => told.target = text,
                b"host" => told.service = text,
                b"dyno" => dyno = text,
                b"connect" => connect_ns = duration_ns(text, Unit::Milliseconds),
                b"service" => service_ns = duration_ns(text, Unit::Milliseconds),
                b"status" => told.status = number(text),
                b"bytes" => told.bytes = number(text),
                _ => {}
            }
        }
        told.duration_ns = service_ns.map(|service_ns| service_ns.saturating_add(connect_ns.unwrap_or(0)));
        if let (false, Some(after_ns)) = (dyno.is_empty(), connect_ns) {
            let process = dyno.split(|byte| *byte == b'.').next().unwrap_or(dyno);
            told.passed_on = Some(PassedOn {
                service: process,
                instance: dyno,
                after_ns,
                took_ns: service_ns,
                status: None,
            });
        }
        keep.request(&told)
    }
}
