//! The statement that stands above a plan.

use detectors::evidence::plan::Plan;

/// Lines that a statement may have.
const LINES_MAX: usize = 500;

/// Words that a statement with a plan begins with.
const WORDS: [&str; 2] = ["EXPLAIN", "ANALYZE"];

/// Gives a plan without a statement the one of the `EXPLAIN` that is above its line, and below another; from one.
pub(super) fn above(lines: &[&str], below: u64, line: u64, plan: &mut Plan) {
    if plan.statement.is_some() {
        return;
    }
    let end = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX).min(lines.len());
    let below = usize::try_from(below).unwrap_or(usize::MAX);
    let first = end.saturating_sub(LINES_MAX).max(below).min(end);
    let Some(start) = (first..end).rev().find(|at| is_explain(bare(lines[*at]))) else { return };
    let said = lines[start..end].iter().map(|line| bare(line)).take_while(|line| !line.trim().is_empty());
    let whole = said.collect::<Vec<_>>().join("\n");
    let statement = whole.split_inclusive(';').next().unwrap_or_default();
    let statement = behind_options(statement.trim().trim_end_matches(';'));
    if !statement.is_empty() {
        plan.statement = Some(statement.into());
    }
}

/// Whether a text is such a statement.
pub(super) fn is_explain(text: &str) -> bool {
    let word =
        text.trim_start().split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or_default();
    WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// A line without what psql asks with: `base=#`, `base-#`.
pub(super) fn bare(line: &str) -> &str {
    match line.split_once("# ").or_else(|| line.split_once("> ")) {
        Some((prompt, rest))
            if prompt.ends_with(['=', '-', '(', '\'', '"', '*']) && !prompt.contains(' ') =>
        {
            rest
        }
        _ => line,
    }
}

/// What is behind `EXPLAIN` and its options.
fn behind_options(statement: &str) -> &str {
    let mut rest = statement.get("EXPLAIN".len()..).unwrap_or_default().trim_start();
    if let Some(options) = rest.strip_prefix('(') {
        // A statement may be in brackets too.
        let Some((inner, behind)) = options.split_once(')') else { return rest };
        match inner.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select")) {
            true => return rest,
            false => return behind.trim_start(),
        }
    }
    for word in ["ANALYZE", "ANALYSE", "VERBOSE"] {
        let is_first = rest.get(..word.len()).is_some_and(|first| first.eq_ignore_ascii_case(word));
        if is_first && rest[word.len()..].starts_with(char::is_whitespace) {
            rest = rest[word.len()..].trim_start();
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_above_is_found() {
        for (text, expected) in [
            ("base=# EXPLAIN (ANALYZE, BUFFERS) SELECT 1\nbase-# FROM t;\n", Some("SELECT 1\nFROM t")),
            ("explain analyze verbose\n  select 2", Some("select 2")),
            ("EXPLAIN (SELECT 3)", Some("(SELECT 3)")),
            ("Dear all,\nexplained below", None),
        ] {
            let lines: Vec<&str> = text.lines().collect();
            let mut plan = Plan::default();
            above(&lines, 0, lines.len() as u64 + 1, &mut plan);
            assert_eq!(plan.statement.as_deref(), expected);
        }
    }
}
