//! The line of an event.

use memchr::memchr_iter;

/// What the line of an event tells.
#[derive(Debug, PartialEq)]
pub(super) struct Event<'l> {
    /// The thread's name, which may have spaces in it.
    pub(super) thread: &'l [u8],
    /// How much of what the event counts passed since the last sample.
    pub(super) period: Option<f64>,
    /// Its type, without what says how precise it is.
    pub(super) name: &'l [u8],
    /// The only frame, where there are no stacks.
    pub(super) frame: &'l [u8],
}

/// Reads `thread pid[/tid] [[cpu]] time: [period] event: [frame]`.
pub(super) fn event(line: &[u8]) -> Option<Event<'_>> {
    if line.first().is_none_or(u8::is_ascii_whitespace) && !line.starts_with(b" ") {
        return None;
    }
    let (before, after) = at_time(line).or_else(|| without_time(line))?;
    let thread = thread(before)?;
    let (period, rest) = period(after.trim_ascii_start());
    let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
    let name = rest[..end].strip_suffix(b":")?;
    if name.is_empty() {
        return None;
    }
    let frame = rest[end..].trim_ascii();
    let is_frame = super::frames::parts(frame).is_some_and(|parts| parts.module.is_some());
    Some(Event { thread, period, name: plain(name), frame: if is_frame { frame } else { &[] } })
}

/// What is before the time, and what is behind it: the first `digits.digits:` after a space.
fn at_time(line: &[u8]) -> Option<(&[u8], &[u8])> {
    memchr_iter(b':', line).find_map(|colon| {
        let begin = line[..colon].iter().rposition(u8::is_ascii_whitespace)? + 1;
        let word = &line[begin..colon];
        let is_time = word.contains(&b'.') && word.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
        is_time.then(|| (&line[..begin], &line[colon + 1..]))
    })
}

/// The same without a time: what is before and behind the first number.
fn without_time(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut from = 0;
    loop {
        let begin = from + line[from..].iter().position(u8::is_ascii_whitespace)?;
        let word = begin + line[begin..].iter().position(|byte| !byte.is_ascii_whitespace())?;
        let end = word + line[word..].iter().position(u8::is_ascii_whitespace)?;
        if is_process(&line[word..end]) {
            return Some((&line[..end], &line[end..]));
        }
        from = end;
    }
}

/// The name before `pid`, `pid/tid` and `[cpu]`.
fn thread(before: &[u8]) -> Option<&[u8]> {
    let mut rest = before.trim_ascii();
    loop {
        let begin = rest.iter().rposition(u8::is_ascii_whitespace)? + 1;
        let word = &rest[begin..];
        rest = rest[..begin].trim_ascii_end();
        if is_process(word) {
            return (!rest.is_empty()).then_some(rest);
        }
        if !word.starts_with(b"[") {
            return None;
        }
    }
}

/// `12` or `12/34`; the idle task of a guest is `-1`.
fn is_process(word: &[u8]) -> bool {
    let word = word.strip_prefix(b"-").unwrap_or(word);
    word.first().is_some_and(u8::is_ascii_digit)
        && word.iter().all(|byte| byte.is_ascii_digit() || b"/-".contains(byte))
}

fn period(text: &[u8]) -> (Option<f64>, &[u8]) {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_period = digits > 0 && text.get(digits).is_some_and(u8::is_ascii_whitespace);
    if !is_period {
        return (None, text);
    }
    let period = text[..digits].iter().fold(0.0, |value, digit| value * 10.0 + f64::from(digit - b'0'));
    (Some(period), text[digits..].trim_ascii_start())
}

/// Without the modifiers that say how precise an event is (`:pppH`); those that say what is counted (`:u`) stay.
pub(in crate::formats) fn plain(name: &[u8]) -> &[u8] {
    match name.iter().rposition(|byte| *byte == b':') {
        Some(colon) if name[colon + 1..].iter().all(|byte| b"pPHGSD".contains(byte)) => &name[..colon],
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(&str, Option<f64>, &str, &str)> {
        let event = event(line.as_bytes())?;
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        Some((text(event.thread), event.period, text(event.name), text(event.frame)))
    }

    #[test]
    fn lines_as_perf_writes_them() {
        assert_eq!(
            read("pyenv-exec 13128  1330.192882:    5025125 cpu-clock: "),
            Some(("pyenv-exec", Some(5_025_125.0), "cpu-clock", ""))
        );
        assert_eq!(
            read("Web Content 1 4/5 [003] 12.5:   10101 cycles:ppp: "),
            Some(("Web Content 1", Some(10_101.0), "cycles", ""))
        );
        assert_eq!(read("java 4/5 cycles:u: "), Some(("java", None, "cycles:u", "")));
        assert_eq!(
            read("swapper 0 [000] 1.25: sched:sched_switch: prev_comm=swapper/0 prev_pid=0"),
            Some(("swapper", None, "sched:sched_switch", ""))
        );
        assert_eq!(
            read("app 7 1.25: 250000 cpu-clock:  55d0 main+0x4 (/usr/bin/app)"),
            Some(("app", Some(250_000.0), "cpu-clock", "55d0 main+0x4 (/usr/bin/app)"))
        );
    }

    #[test]
    fn other_lines() {
        for line in
            ["", "main;foo 12", "hello", "2026-01-01 12:00:00.5: error: x", "\t55d0 main+0x4 (app)", "a 1.5:"]
        {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
