//! Application load balancers of AWS: the files that they write to S3.
//!
//! A line has three durations: until the request was handed to a target, until the target began to answer, until the
//! answer was handed to the client. It begins with when the answer was sent; newer ones tell when the request came.
//!
//! Source: AWS, "Access logs for your Application Load Balancer", "Access log entries".

use super::lines::{Keep, Lines, ReadLine, cut, first_lines};
use super::request::{PassedOn, Told};
use super::times::{Unit, duration_ns, moment, number};
use super::tokens::Tokens;
use crate::ingest::{Format, Framing, Head};

pub(in crate::ingest) const LOAD_BALANCER: Format = Format {
    name: "aws-alb-log",
    summary: "access logs of application load balancers of AWS, as they lie in S3",
    sniff,
    cut,
    decoder: |_| Lines::boxed(LoadBalancer, "aws-alb-log", "load balancer", ""),
};

/// Columns up to when the request came.
const COLUMNS: usize = 22;

fn sniff(head: Head<'_>) -> Option<Framing> {
    const TYPES: [&[u8]; 6] = [b"http", b"https", b"h2", b"grpcs", b"ws", b"wss"];
    let is_of_it = |line: &&[u8]| {
        let texts = texts(line);
        TYPES.contains(&texts[0])
            && moment(texts[1]).is_some()
            && texts[2].starts_with(b"app/")
            && !texts[12].is_empty()
    };
    let lines = || first_lines(head.bytes, head.whole);
    let fit = lines().filter(is_of_it).count();
    (fit > 0 && fit * 2 >= lines().count()).then_some(Framing::Lines)
}

fn texts(line: &[u8]) -> [&[u8]; COLUMNS] {
    let mut texts: [&[u8]; COLUMNS] = [b""; COLUMNS];
    for (text, token) in texts.iter_mut().zip(Tokens::of(line)) {
        *text = token.text;
    }
    texts
}

/// Reads its lines.
struct LoadBalancer;

impl ReadLine for LoadBalancer {
    fn read(&mut self, line: &[u8], keep: &mut Keep<'_, '_>) -> Result<(), &'static str> {
        let texts = texts(line);
        let [
            _,
            answered,
            name,
            _,
            target,
            handed,
            worked,
            answer,
            status,
            target_status,
            _,
            bytes,
            request,
            ..,
        ] = texts;
        // -1 is what did not come.
        let [handed_ns, worked_ns, answer_ns] =
            [handed, worked, answer].map(|text| duration_ns(text, Unit::Seconds));
        let took_ns = [handed_ns, worked_ns, answer_ns].into_iter().flatten().reduce(u64::saturating_add);
        let mut told =
            Told { status: number(status), bytes: number(bytes), duration_ns: took_ns, ..Told::default() };
        told.request_line(request);
        let came = moment(texts[COLUMNS - 1]);
        (told.moment, told.at_end) = (came.or_else(|| moment(answered)), came.is_none());
        // `app/name/id`
        told.service = name.split(|byte| *byte == b'/').nth(1).unwrap_or(name);
        if let (Some(handed_ns), Some(worked_ns)) = (handed_ns, worked_ns) {
            told.passed_on = Some(PassedOn {
                service: group(texts[16]),
                instance: target,
                after_ns: handed_ns,
                took_ns: Some(worked_ns),
                status: number(target_status),
            });
        }
        keep.request(&told)
    }
}

/// The name in `arn:aws:…:targetgroup/name/id`.
fn group(name: &[u8]) -> &[u8] {
    let mut parts = name.split(|byte| *byte == b'/');
    parts.nth(1).filter(|name| !name.is_empty()).unwrap_or(b"targets")
}
