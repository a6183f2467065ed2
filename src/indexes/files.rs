//! Statements and plans of files, put together.

use std::collections::BTreeMap;
use std::path::Path;

use detectors::evidence::plan::{Engine, Plan};
use detectors::evidence::shape::ShapeId;
use detectors::evidence::shape::sql::{Dialect, Lexer, Part};
use detectors::figures::counted;
use detectors::indexes::{Workload, WorkloadStatement};

use super::{dialect, join};
use crate::ingest::plans::read;
use crate::plans::Problem;

/// Statements of a file beyond this many are left out.
const STATEMENTS_MAX: usize = 100_000;

/// Places of others that are named.
const PLACES_MAX: usize = 5;

/// What names a pair of files: `top.sql` and `top.plan.json` are of one statement.
fn stem(file: &str) -> String {
    let input = Path::new(file);
    let name = input.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    input.with_file_name(stem).display().to_string()
}

/// What a statement begins with.
const VERBS: [&str; 9] = ["select", "with", "insert", "update", "delete", "merge", "table", "values", "("];

fn is_sql(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    split(&text).into_iter().any(|(_, statement)| begins_as_statement(statement))
}

fn begins_as_statement(statement: &str) -> bool {
    let first = statement
        .split(|letter: char| !letter.is_ascii_alphabetic() && letter != '(')
        .next()
        .unwrap_or_default();
    VERBS.contains(&&*first.to_ascii_lowercase()) || statement.starts_with('(')
}

/// Statements and plans before they are put together.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    engine: Option<Engine>,
    statements: Vec<(String, WorkloadStatement)>,
    /// Plans without their statement and their places, by the stem of their file.
    alone: BTreeMap<String, Vec<(String, Plan)>>,
    /// Where texts begin that are no statements that search rows.
    others: Others,
}

/// What stands beside statements, or beyond those that are looked at.
#[derive(Debug, Default)]
struct Others {
    count: u64,
    /// The places of the first ones.
    places: Vec<String>,
}

impl Others {
    fn add(&mut self, place: String) {
        self.count += 1;
        if self.places.len() < PLACES_MAX {
            self.places.push(place);
        }
    }

    fn note(&self) -> Option<String> {
        let more = match self.count.checked_sub(self.places.len() as u64)? {
            0 => String::new(),
            more => format!(" and {}", counted(more, "more place")),
        };
        (self.count > 0).then(|| {
            format!(
                "left out: {} that {}: {}{more}",
                counted(self.count, "text"),
                if self.count == 1 {
                    "is no statement that searches rows"
                } else {
                    "are no statements that search rows"
                },
                self.places.join(", ")
            )
        })
    }
}

impl Gathered {
    /// Takes the plans or statements of a file.
    ///
    /// # Errors
    ///
    /// Where it holds neither.
    pub(super) fn file(&mut self, file: &str, text: &[u8]) -> Result<(), Problem> {
        let stem = stem(file);
        let problem = match read(text) {
            Ok(plans) => {
                plans.into_iter().for_each(|found| {
                    self.plan(&stem, format!("{file}:{}", found.line), found.plan);
                });
                return Ok(());
            }
            Err(problem) => problem,
        };
        match is_sql(text) && self.statements(&stem, file, &String::from_utf8_lossy(text)) > 0 {
            true => Ok(()),
            false => Err(Problem::Unreadable(file.to_owned(), problem)),
        }
    }

    fn plan(&mut self, stem: &str, place: String, plan: Plan) {
        self.engine.get_or_insert(plan.engine);
        let Some(text) = plan.statement.as_deref().map(str::to_owned) else {
            return self.alone.entry(stem.to_owned()).or_default().push((place, plan));
        };
        let statement = WorkloadStatement {
            text,
            executions: 1,
            plans: vec![plan],
            place,
            ..WorkloadStatement::default()
        };
        self.statements.push((stem.to_owned(), statement));
    }

    /// Takes the statements of a text; says how many there are.
    fn statements(&mut self, stem: &str, file: &str, text: &str) -> usize {
        let before = self.statements.len();
        for (line, statement) in split(text) {
            let place = format!("{file}:{line}");
            if !begins_as_statement(statement) || self.statements.len() - before >= STATEMENTS_MAX {
                self.others.add(place);
                continue;
            }
            let statement = WorkloadStatement {
                text: statement.to_owned(),
                executions: 1,
                place,
                ..WorkloadStatement::default()
            };
            self.statements.push((stem.to_owned(), statement));
        }
        self.statements.len() - before
    }

    /// What there is to know of texts that were left out.
    pub(super) fn note(&self) -> Option<String> {
        self.others.note()
    }

    /// Each statement once, with its plans: those that stand with it, else those of a file of the same name, in order. Others
    /// are added to these.
    pub(super) fn workload(mut self, others: Vec<WorkloadStatement>) -> Workload {
        let engine = self.engine.unwrap_or_default();
        self.pair();
        let mut places: BTreeMap<ShapeId, usize> = BTreeMap::new();
        let mut statements: Vec<WorkloadStatement> = Vec::new();
        for statement in self.statements.into_iter().map(|(_, statement)| statement).chain(others) {
            let id = Lexer::default().describe(statement.text.as_bytes(), dialect(engine)).id;
            let is_known = !statement.text.is_empty();
            match places.get(&id).filter(|_| is_known).and_then(|place| statements.get_mut(*place)) {
                Some(known) => join(known, statement),
                None => {
                    places.insert(id, statements.len());
                    statements.push(statement);
                }
            }
        }
        Workload { engine, statements, ..Workload::default() }
    }

    fn pair(&mut self) {
        let without = |statement: &WorkloadStatement| statement.plans.is_empty();
        for (stem, plans) in std::mem::take(&mut self.alone) {
            let fitting =
                self.statements.iter_mut().filter(|(own, statement)| *own == stem && without(statement));
            let mut fitting: Vec<&mut WorkloadStatement> = fitting.map(|(_, statement)| statement).collect();
            let is_only = fitting.is_empty() && plans.len() == 1;
            if is_only {
                let all = self.statements.iter_mut().filter(|(_, statement)| without(statement));
                fitting = all.map(|(_, statement)| statement).collect();
                fitting.truncate(if fitting.len() == 1 { 1 } else { 0 });
            }
            let mut plans = plans.into_iter();
            fitting.into_iter().zip(&mut plans).for_each(|(statement, (_, plan))| statement.plans.push(plan));
            for (place, plan) in plans {
                let statement = WorkloadStatement {
                    executions: 1,
                    plans: vec![plan],
                    place,
                    ..WorkloadStatement::default()
                };
                self.statements.push((stem.clone(), statement));
            }
        }
    }
}

/// The statements of a text with the lines they begin at, cut at semicolons that are outside of literals and comments.
fn split(text: &str) -> Vec<(u64, &str)> {
    let mut parts = Vec::new();
    Lexer::default().parts(text.as_bytes(), Dialect::Postgres, &mut parts);
    let ranges: Vec<(usize, usize)> = parts
        .iter()
        .map(|part| match part {
            Part::Literal(range) | Part::Comment(range) => (range.start, range.end),
            Part::Endless(start) => (*start, text.len()),
        })
        .collect();
    let is_inside = |place: usize| {
        let next = ranges.partition_point(|(start, _)| *start <= place);
        next.checked_sub(1).is_some_and(|before| place < ranges[before].1)
    };
    let ends = text.match_indices(';').map(|(place, _)| place).filter(|place| !is_inside(*place));
    let mut statements = Vec::new();
    let (mut start, mut line) = (0, 1);
    for end in ends.chain([text.len()]) {
        let piece = &text[start..end];
        let comments = parts.iter().filter_map(|part| match part {
            Part::Comment(range) if range.start >= start && range.end <= end => Some(range.end),
            _ => None,
        });
        let begin = first_word(text, start, end, comments);
        if begin < end {
            let own = line + newlines(&text[start..begin]);
            statements.push((own, text[begin..end].trim_end()));
        }
        line += newlines(piece);
        start = (end + 1).min(text.len());
    }
    statements
}

/// Where a statement begins behind white space and comments.
fn first_word(text: &str, start: usize, end: usize, comments: impl Iterator<Item = usize>) -> usize {
    let skip = |from: usize| from + text[from..end].len() - text[from..end].trim_start().len();
    let mut begin = skip(start);
    for comment_end in comments {
        let is_comment = text[begin..end].starts_with("--") || text[begin..end].starts_with("/*");
        if !is_comment {
            break;
        }
        begin = skip(comment_end.min(end));
    }
    begin
}

fn newlines(text: &str) -> u64 {
    text.bytes().filter(|byte| *byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_semicolons_outside_of_literals() {
        let text = "-- a; b\nSELECT ';' FROM a;\n\n/* x */ SELECT 2;\n";
        assert_eq!(split(text), [(2, "SELECT ';' FROM a"), (4, "SELECT 2")]);
        assert!(!is_sql(b"hello; world"));
    }
}
