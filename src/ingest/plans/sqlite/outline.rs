//! Lines of `EXPLAIN QUERY PLAN` and how deep they are, out of the shell's drawing or out of a table.

use std::collections::BTreeMap;

/// A line: how deep it is, and what it says.
pub(super) struct Line {
    pub(super) depth: usize,
    pub(super) said: String,
}

/// What a line begins with.
const BEGINNINGS: [&str; 24] = [
    "SCAN ",
    "SEARCH ",
    "USE TEMP B-TREE",
    "COMPOUND ",
    "MULTI-INDEX ",
    "INDEX ",
    "CO-ROUTINE ",
    "MATERIALIZE ",
    "MERGE ",
    "LEFT-MOST ",
    "LEFT",
    "RIGHT",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "SCALAR SUBQUERY",
    "LIST SUBQUERY",
    "CORRELATED ",
    "EXECUTE ",
    "REUSE ",
    "RECURSIVE ",
    "SETUP",
    "BLOOM FILTER ",
    "USING ",
];

/// All plans in a text: the first line of each, from zero, and its lines.
pub(super) fn all(text: &str) -> Vec<(usize, Vec<Line>)> {
    let mut found = Vec::new();
    let mut table: Vec<Row> = Vec::new();
    let mut drawn: Vec<Line> = Vec::new();
    let mut begin = 0;
    for (number, line) in text.lines().chain([""]).enumerate() {
        if drawn.is_empty() && table.is_empty() {
            begin = number;
        }
        match (row(line), drawing(line)) {
            (Some(row), _) => table.push(row),
            (None, Some(line)) => drawn.push(line),
            _ => {
                let lines = match table.is_empty() {
                    true => std::mem::take(&mut drawn),
                    false => outlined(std::mem::take(&mut table)),
                };
                if !lines.is_empty() {
                    found.push((begin, lines));
                }
            }
        }
    }
    found
}

fn is_said(text: &str) -> bool {
    BEGINNINGS.iter().any(|begin| text.starts_with(begin))
}

/// A line of the shell's drawing: three characters for each level.
fn drawing(line: &str) -> Option<Line> {
    let line = line.trim_end();
    let said = line.trim_start_matches(['|', '`', '-', ' ']);
    let depth = (line.len() - said.len()).div_ceil(3);
    is_said(said).then(|| Line { depth, said: said.to_owned() })
}

/// A row of the table: three numbers, and what is said.
struct Row {
    numbers: [u64; 3],
    said: String,
}

fn row(line: &str) -> Option<Row> {
    let mut rest = line.trim().trim_matches('|').trim();
    let mut numbers = [0; 3];
    for number in &mut numbers {
        let (written, more) = rest.split_once(['|', ' ', '\t'])?;
        *number = written.parse().ok()?;
        rest = more.trim_start_matches(['|', ' ', '\t']);
    }
    is_said(rest).then(|| Row { numbers, said: rest.trim_end().to_owned() })
}

/// From 3.24 on the numbers are an own id and that of the parent; before, of the `SELECT` and of its place in the join.
fn outlined(rows: Vec<Row>) -> Vec<Line> {
    let is_own = |(at, row): (usize, &Row)| {
        row.numbers[0] > 0
            && (row.numbers[1] == 0 || rows[..at].iter().any(|one| one.numbers[0] == row.numbers[1]))
    };
    match rows.iter().enumerate().all(is_own) {
        true => by_parents(rows),
        false => by_selects(rows),
    }
}

fn by_parents(rows: Vec<Row>) -> Vec<Line> {
    let mut depths: BTreeMap<u64, usize> = BTreeMap::new();
    let line = |Row { numbers: [own, parent, _], said }| {
        let depth = depths.get(&parent).map_or(1, |depth| depth + 1);
        depths.insert(own, depth);
        Line { depth, said }
    };
    rows.into_iter().map(line).collect()
}

/// Puts each `SELECT` below the line that names it: `EXECUTE SCALAR SUBQUERY 1`, `SCAN SUBQUERY 1`, `COMPOUND SUBQUERIES 1 AND 2`.
fn by_selects(rows: Vec<Row>) -> Vec<Line> {
    let mut selects: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for row in rows {
        selects.entry(row.numbers[0]).or_default().push(row.said);
    }
    let mut lines = Vec::new();
    // What is to be written, the next of it last; each `SELECT` is taken once, so that this ends.
    let mut open: Vec<(usize, String)> = Vec::new();
    while let Some((_, first)) = selects.pop_first() {
        open.extend(first.into_iter().rev().map(|said| (1, said)));
        while let Some((depth, said)) = open.pop() {
            let named = named(&said);
            let is_compound = said.starts_with("COMPOUND");
            lines.push(Line { depth, said });
            for number in named.into_iter().rev() {
                let below = selects.remove(&number).unwrap_or_default();
                let inner = if is_compound { depth + 2 } else { depth + 1 };
                open.extend(below.into_iter().rev().map(|said| (inner, said)));
                if is_compound {
                    open.push((depth + 1, "LEFT-MOST SUBQUERY".to_owned()));
                }
            }
        }
    }
    lines
}

/// Numbers of the `SELECT`s that a line names.
fn named(said: &str) -> Vec<u64> {
    let Some((_, rest)) = said.split_once("SUBQUER") else { return Vec::new() };
    let words =
        rest.split([' ', '(']).skip(1).take_while(|word| *word == "AND" || word.parse::<u64>().is_ok());
    words.filter_map(|word| word.parse().ok()).collect()
}
