//! What is in brackets behind the name of a node: estimates and measurements.

use detectors::evidence::plan::{Facts, Key, Value};

/// Takes estimates and measurements off the end of a line: what is before them.
///
/// They are read from the end, as a name may hold anything, even what looks like them.
pub(super) fn take<'a>(line: &'a str, facts: &mut Facts) -> &'a str {
    let mut head = line.trim_end();
    while let Some(open) = head.strip_suffix(')').and_then(|inner| inner.rfind('(')) {
        let inner = &head[open + 1..head.len() - 1];
        let is_read = match inner.split_once(['=', ' ']) {
            Some(("cost", _)) => estimated(inner, facts),
            Some(("actual", rest)) => measured(rest, facts),
            Some(("never", "executed")) => never(facts),
            _ => false,
        };
        if !is_read {
            break;
        }
        head = head[..open].trim_end();
    }
    head
}

/// `cost=0.00..1.00 rows=1 width=4`
fn estimated(text: &str, facts: &mut Facts) -> bool {
    pairs(text, |name, value| match name {
        "cost" => range(value, Key::StartupCost, Key::TotalCost, facts),
        "rows" => number(value, Key::PlanRows, facts),
        "width" => number(value, Key::PlanWidth, facts),
        _ => None,
    })
}

/// `time=0.006..0.007 rows=0.00 loops=1`, where times were measured, else without.
pub(super) fn measured(text: &str, facts: &mut Facts) -> bool {
    pairs(text, |name, value| match name {
        "time" => range(value, Key::ActualStartupTime, Key::ActualTotalTime, facts),
        "rows" => number(value, Key::ActualRows, facts),
        "loops" => number(value, Key::ActualLoops, facts),
        _ => None,
    })
}

fn never(facts: &mut Facts) -> bool {
    facts.set(Key::ActualRows, Value::Number(0.0));
    facts.set(Key::ActualLoops, Value::Number(0.0));
    true
}

/// Whether everything is a name with a value that could be read.
fn pairs(text: &str, mut read: impl FnMut(&str, &str) -> Option<()>) -> bool {
    text.split_whitespace()
        .all(|pair| pair.split_once('=').is_some_and(|(name, value)| read(name, value).is_some()))
}

fn range(text: &str, first: Key, last: Key, facts: &mut Facts) -> Option<()> {
    let (start, end) = text.split_once("..")?;
    number(start, first, facts)?;
    number(end, last, facts)
}

fn number(text: &str, key: Key, facts: &mut Facts) -> Option<()> {
    let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
    facts.set(key, Value::Number(number));
    Some(())
}
