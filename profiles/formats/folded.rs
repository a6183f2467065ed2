//! Folded (collapsed) stacks: one on each line, `main;parse;read 42`, as `stackcollapse-*.pl`, inferno, py-spy and async-profiler write
//! them.
//!
//! The format has no escape and no unit: the number is behind the last space, whatever is before it is the stack. Two numbers are
//! before and after, as `difffolded.pl` writes them.

mod walk;

use memchr::{memchr, memrchr};

use self::walk::Walk;
use crate::limits::VALUE_MAX;
use crate::read::Format;
use crate::source::{Line, Source};
use crate::{Measure, Place, Profile, Unit, Unreadable};

pub(crate) const FORMAT: Format = Format {
    name: "folded",
    summary: "lines of `frame;frame;frame number`, also with `_[k]`, `_[i]`, `_[j]` behind frames, with fractions, with two numbers \
              (before and after), as UTF-16, and with py-spy's `function (file:line)`",
    evidence: "inferno 0.12 (`inferno-collapse-perf`), py-spy 0.4",
    recognise,
    read,
};

/// Lines that decide whether there are one or two numbers on each.
const LINES_LOOKED_AT: usize = 64;

/// Folded is the last to be asked: some line of the first ends in a number, or the first does not end, and there are no bytes that
/// texts do not have.
fn recognise(head: &[u8]) -> bool {
    let is_long = || memchr(b'\n', head).is_none() && memchr(b';', head).is_some();
    memchr(0, head).is_none() && (looked_at(head).any(|line| split(line).is_some()) || is_long())
}

/// Whether each of the first lines is a stack of several frames.
pub(crate) fn are_stacks(head: &[u8]) -> bool {
    let is_stack = |line: &[u8]| split(line).is_some_and(|(stack, _)| memchr(b';', stack).is_some());
    let mut lines = looked_at(head).peekable();
    memchr(0, head).is_none() && lines.peek().is_some() && lines.all(is_stack)
}

/// The first whole lines that may be stacks.
fn looked_at(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !is_comment(line))
        .take(LINES_LOOKED_AT)
}

fn is_comment(line: &[u8]) -> bool {
    line.is_empty() || line.starts_with(b"#")
}

fn read(source: Source<'_>, profile: &mut Profile) -> Result<(), Unreadable> {
    let is_pair = are_pairs(&source.head);
    let names: &[&str] = if is_pair { &["before", "after"] } else { &["value"] };
    profile.measures = names.iter().map(|name| Measure::new(*name, Unit::Unknown)).collect();
    let mut lines = source.lines();
    let mut walk = Walk::default();
    for number in 1.. {
        let Some(line) = lines.next()? else { break };
        let place = Some(Place::Line(number));
        let read = match line {
            Line::Text(text) => self::line(text, place, is_pair, &mut walk, profile),
            Line::TooLong => Err("longer than 16 MiB"),
        };
        match read {
            Ok(false) => {}
            Ok(true) => profile.notice_depth(place),
            Err(reason) => profile.skipped.add(reason, place),
        }
    }
    Ok(())
}

/// Whether each of the first lines ends in two numbers.
fn are_pairs(head: &[u8]) -> bool {
    let mut stacks = looked_at(head).filter_map(split).peekable();
    stacks.peek().is_some() && stacks.all(|(stack, _)| split(stack).is_some())
}

/// Cuts off the number at the end, and the space before it.
fn split(line: &[u8]) -> Option<(&[u8], f64)> {
    let space = memrchr(b' ', line).or_else(|| memrchr(b'\t', line))?;
    let value = number(&line[space + 1..])?;
    Some((line[..space].trim_ascii_end(), value))
}

/// A value: digits, or a fraction.
fn number(text: &[u8]) -> Option<f64> {
    if text.is_empty() || text.len() > 40 {
        return None;
    }
    if text.len() <= 15 && text.iter().all(u8::is_ascii_digit) {
        return Some(text.iter().fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0')) as f64);
    }
    let is_plain = text.iter().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(byte));
    let value: f64 = std::str::from_utf8(text).ok().filter(|_| is_plain)?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// Reads one line, and says whether its stack was deeper than the limit.
fn line(
    line: &[u8],
    place: Option<Place>,
    is_pair: bool,
    walk: &mut Walk,
    profile: &mut Profile,
) -> Result<bool, &'static str> {
    let line = line.trim_ascii_end();
    if is_comment(line) {
        return Ok(false);
    }
    let (stack, last) = split(line).ok_or("no number at the end")?;
    let (stack, values) = match is_pair {
        true => {
            let (stack, first) = split(stack).ok_or("one number where other lines have two")?;
            (stack, [first, last])
        }
        false => (stack, [last, 0.0]),
    };
    if values.iter().any(|value| *value < 0.0) {
        return Err("a negative value");
    }
    if values.iter().any(|value| *value >= VALUE_MAX) {
        return Err("a value of 2^63 or more");
    }
    let stack = stack.strip_suffix(b";").unwrap_or(stack);
    if stack.is_empty() {
        return Err("no stack before the number");
    }
    let (node, is_cut) = walk.node(stack, profile);
    for (measure, value) in values.into_iter().enumerate() {
        profile.add(node, measure, value, place);
    }
    profile.records += 1;
    Ok(is_cut)
}
