//! What is told of the whole, before and behind the nodes: statement, planning, triggers, JIT, settings.

use detectors::evidence::plan::{Facts, Key, Plan, Value};

use super::lines::{Line, Lines};
use super::{property, quoted};

/// How lines that are told of the whole begin.
const WORDS: [&str; 13] = [
    "Planning Time:",
    "Planning time:",
    "Planning:",
    "Execution Time:",
    "Execution time:",
    "Total runtime:",
    "JIT:",
    "Settings:",
    "Trigger ",
    "Serialization:",
    "Query Identifier:",
    "Query Text:",
    "Query Parameters:",
];

/// Whether a line begins so.
pub(super) fn is_known(text: &str) -> bool {
    WORDS.iter().any(|word| text.starts_with(word))
}

/// The part that deeper lines are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Planning,
    Jit,
    Serialization,
    Other,
}

/// What is read of the whole.
pub(super) struct Whole {
    pub(super) plan: Plan,
    /// The column of the root.
    column: usize,
    part: Option<Part>,
}

impl Whole {
    pub(super) fn new(column: usize) -> Self {
        Self { plan: Plan::default(), column, part: None }
    }

    /// Whether a line in a column is of a part that has begun.
    pub(super) fn is_open(&self, column: usize) -> bool {
        self.part.is_some() && column > self.column
    }

    /// Reads a line; whether it is one of the plan. Behind a gap only known lines are.
    pub(super) fn line(&mut self, line: Line<'_>, is_strict: bool) -> bool {
        if self.is_open(line.column) || self.continues(line.text) {
            self.of_part(line.text);
            return true;
        }
        let (name, value) = match line.text.split_once(':') {
            Some((name, value)) => (name, value.trim()),
            None => return false,
        };
        self.part = None;
        let plan = &mut self.plan;
        match name {
            "Planning" if value.is_empty() => self.part = Some(Part::Planning),
            "JIT" if value.is_empty() => self.part = Some(Part::Jit),
            "Serialization" => {
                self.part = Some(Part::Serialization);
                property::numbers(value, of_serialization, &mut plan.serialization);
                serialization_format(value, &mut plan.serialization);
            }
            "Settings" => settings(value, &mut plan.settings),
            "Planning Time" | "Planning time" | "Execution Time" | "Execution time" | "Total runtime"
            | "Query Identifier" => property::read(line.text, &mut plan.facts, &mut plan.others),
            _ if line.text.starts_with("Trigger") => match trigger(line.text) {
                Some(trigger) => plan.triggers.push(trigger),
                None => return false,
            },
            "Time" | "Query Text" => return false,
            _ if is_strict || !property::is_one(line.text) => return false,
            _ if value.is_empty() => self.part = Some(Part::Other),
            _ => plan.others.push((name.into(), value.into())),
        }
        true
    }

    /// Whether a line that stands where those of the whole do is a property of a node.
    pub(super) fn is_foreign(&self, text: &str) -> bool {
        property::is_known(text) && !is_known(text) && !self.continues(text)
    }

    /// Whether a line that lost its blanks can only be of the part that is open.
    fn continues(&self, text: &str) -> bool {
        let names: &[&str] = match self.part {
            Some(Part::Planning) => &["Buffers:", "I/O Timings:", "Memory:"],
            Some(Part::Jit) => &["Functions:", "Options:", "Timing:"],
            Some(Part::Serialization) => &["Buffers:", "I/O Timings:"],
            _ => &[],
        };
        names.iter().any(|name| text.starts_with(name))
    }

    fn of_part(&mut self, text: &str) {
        let plan = &mut self.plan;
        match self.part {
            Some(Part::Planning) => property::read(text, &mut plan.planning, &mut plan.others),
            Some(Part::Serialization) => property::read(text, &mut plan.serialization, &mut plan.others),
            Some(Part::Jit) => jit(text, &mut plan.jit, &mut plan.others),
            _ => {
                let (name, value) = text.split_once(':').unwrap_or(("", text));
                plan.others.push((name.into(), value.trim().into()));
            }
        }
    }
}

fn of_serialization(word: &str) -> Option<Key> {
    match word {
        "time" => Some(Key::Time),
        "output" => Some(Key::OutputVolume),
        _ => None,
    }
}

fn serialization_format(value: &str, facts: &mut Facts) {
    if let Some(format) = value.split_whitespace().find_map(|pair| pair.strip_prefix("format=")) {
        facts.set(Key::Format, Value::Text(format.into()));
    }
}

/// `work_mem = '4MB', enable_sort = 'off'`
fn settings(value: &str, settings: &mut Vec<(Box<str>, Box<str>)>) {
    for setting in quoted::list(value) {
        let Some((name, value)) = setting.split_once(" = ") else { continue };
        let value = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')).unwrap_or(value);
        settings.push((name.into(), value.replace("''", "'").into()));
    }
}

/// `Trigger name for constraint name on table: time=0.1 calls=2`, in which all but the numbers may be missing.
fn trigger(text: &str) -> Option<Facts> {
    let (names, numbers) = text.strip_prefix("Trigger")?.rsplit_once(": ")?;
    let mut facts = Facts::default();
    let of = |word: &str| match word {
        "time" => Some(Key::Time),
        "calls" => Some(Key::Calls),
        _ => None,
    };
    property::numbers(numbers, of, &mut facts);
    if facts.is_empty() {
        return None;
    }
    let (names, relation) = split(names, " on ");
    let (name, constraint) = split(names, " for constraint ");
    let named =
        [(Key::TriggerName, Some(name)), (Key::ConstraintName, constraint), (Key::Relation, relation)];
    for (key, name) in named {
        if let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) {
            facts.set(key, Value::Text(name.into()));
        }
    }
    Some(facts)
}

fn split<'a>(text: &'a str, word: &str) -> (&'a str, Option<&'a str>) {
    match text.rsplit_once(word) {
        Some((before, behind)) => (before, Some(behind)),
        None => (text, None),
    }
}

/// Lines of the JIT part: `Options: Inlining false, …` and `Timing: Generation 1.2 ms (Deform 0.3 ms), …`; in 11 each of
/// these has a line.
fn jit(text: &str, facts: &mut Facts, others: &mut property::Others) {
    let Some((name, value)) = text.split_once(':') else {
        return others.push(("JIT".into(), text.into()));
    };
    match name {
        "Options" => {
            for option in value.split(',').map(str::trim) {
                if let Some((name, value)) = option.split_once(' ') {
                    property::read(&format!("{name}: {value}"), facts, others);
                }
            }
        }
        "Timing" => {
            for time in value.split([',', '(']).map(|time| time.trim().trim_end_matches(')')) {
                if let Some((name, value)) = time.split_once(' ') {
                    property::read(&format!("{name} Time: {value}"), facts, others);
                }
            }
        }
        _ => property::read(text, facts, others),
    }
}

/// What stands between a plan and the one before it: the statement, as `auto_explain` writes it.
pub(super) fn head(lines: &Lines<'_>, between: std::ops::Range<usize>, plan: &mut Plan) {
    const TEXT: &str = "Query Text: ";
    let Some(start) = between.clone().rev().find(|at| lines.at(*at).text.starts_with(TEXT)) else { return };
    let mut statement = lines.at(start).text[TEXT.len()..].to_owned();
    for at in start + 1..between.end {
        let line = lines.raw(at);
        match line.trim_start().split_once(": ") {
            Some(("Query Parameters", value)) => {
                plan.others.push(("Query Parameters".into(), value.trim_end().into()));
            }
            _ => {
                statement.push('\n');
                statement.push_str(line);
            }
        }
    }
    plan.statement = Some(statement.trim_end().into());
}
