//! What logs put in front of lines: a time, an output, a program; and the plans of `auto_explain` in csvlog.
//!
//! What `log_line_prefix` puts in front of a record stands in its first line alone, above the plan.

use super::Row;

/// Of so many lines all but one begin alike.
const FIT: usize = 5;

/// Takes prefixes off each line, then plans out of csvlog, or tabs off what goes on with a record.
pub(super) fn take_off(rows: &[Row]) -> Option<Vec<Row>> {
    let bare = unprefixed(rows);
    let left = bare.as_deref().unwrap_or(rows);
    csv(left).or_else(|| untabbed(left)).or(bare)
}

/// Lines of a container or a stream: with a time and words, or a name and a bar, in front of most.
fn unprefixed(rows: &[Row]) -> Option<Vec<Row>> {
    let written: Vec<&Row> = rows.iter().filter(|row| !row.text.trim().is_empty()).collect();
    let most = |fit: usize| fit > 2 && fit * FIT >= written.len() * (FIT - 1);
    for take in [service, timed, syslog as fn(&str) -> Option<&str>] {
        let fit = written.iter().filter(|row| take(&row.text).is_some()).count();
        if most(fit) {
            let bare =
                |row: &Row| Row::new(take(&row.text).unwrap_or(&row.text).replace("#011", "\t"), row.line);
            return Some(without_stream(rows.iter().map(bare).collect()));
        }
    }
    None
}

/// Takes away the name of a stream that all lines have behind their times.
fn without_stream(rows: Vec<Row>) -> Vec<Row> {
    let first = rows.iter().find_map(|row| row.text.split(' ').next().filter(|word| word.len() > 2));
    let Some(stream) = first.map(|word| format!("{word} ")) else { return rows };
    if stream.starts_with("--") || !rows.iter().all(|row| row.text.starts_with(&stream)) {
        return rows;
    }
    rows.into_iter().map(|row| Row::new(&row.text[stream.len()..], row.line)).collect()
}

/// `Nov 23 21:22:36 host postgres[1989]: [5-2] #011text`, as syslog and the journal write it.
fn syslog(text: &str) -> Option<&str> {
    let (front, rest) = text.split_once("]: ")?;
    let (before, process) = front.rsplit_once('[')?;
    let is_one =
        process.bytes().all(|byte| byte.is_ascii_digit()) && before.contains(':') && !before.contains('(');
    let number = rest.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let rest = number.filter(|(number, _)| is_number(number)).map_or(rest, |(_, rest)| rest);
    is_one.then_some(rest)
}

/// Takes one tab off lines that go on with a record of a plan.
fn untabbed(rows: &[Row]) -> Option<Vec<Row>> {
    let mut is_plan = false;
    let mut is_any = false;
    let bare = |row: &Row| {
        let tabbed = row.text.strip_prefix('\t').filter(|_| is_plan);
        is_any |= tabbed.is_some();
        is_plan =
            tabbed.is_some() || row.text.contains("duration: ") && row.text.trim_end().ends_with("plan:");
        Row::new(tabbed.unwrap_or(&row.text), row.line)
    };
    let kept: Vec<Row> = rows.iter().map(bare).collect();
    is_any.then_some(kept)
}

/// `db-1  | text`, as `docker compose logs` writes it.
fn service(text: &str) -> Option<&str> {
    let (name, rest) = text.split_once('|')?;
    let name = name.trim_end();
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '/');
    let is_one = name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.chars().all(is_name);
    is_one.then(|| rest.strip_prefix(' ').unwrap_or(rest))
}

/// `2026-11-23T21:22:36.444Z stdout F text`, as container runtimes and cloud consoles write it.
fn timed(text: &str) -> Option<&str> {
    let (time, rest) = text.split_at_checked(text.find([' ', '\t'])?)?;
    let is_time = time.len() >= 19
        && time.as_bytes().get(10) == Some(&b'T')
        && time.bytes().all(|byte| byte.is_ascii_digit() || b"-:.TZ+".contains(&byte));
    if !is_time {
        return None;
    }
    let rest = &rest[1..];
    let outputs = ["stdout F ", "stderr F ", "stdout P ", "stderr P "];
    let bare = outputs.iter().find_map(|output| rest.strip_prefix(output));
    Some(bare.unwrap_or(rest))
}

/// Records of csvlog: of those with a plan the message, of others nothing.
fn csv(rows: &[Row]) -> Option<Vec<Row>> {
    let begins = |row: &Row| {
        row.text.find(",\"duration: ").filter(|_| row.text.starts_with(|first: char| first.is_ascii_digit()))
    };
    rows.iter().find_map(begins)?;
    let mut kept = Vec::with_capacity(rows.len());
    let mut is_within = false;
    for row in rows {
        let start = begins(row).filter(|_| !is_within).map(|at| at + 2);
        is_within |= start.is_some();
        if !is_within {
            kept.push(Row::new("", row.line));
            continue;
        }
        let (text, is_end) = field(&row.text[start.unwrap_or(0)..]);
        is_within = !is_end;
        kept.push(Row::new(text, row.line));
    }
    Some(kept)
}

/// A line within a quoted field, and whether the field ends in it.
fn field(line: &str) -> (String, bool) {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('"') {
        text.push_str(&rest[..at]);
        match rest[at + 1..].strip_prefix('"') {
            Some(behind) => {
                text.push('"');
                rest = behind;
            }
            None => return (text, true),
        }
    }
    text.push_str(rest);
    (text, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(texts: &[&str]) -> Option<Vec<String>> {
        let rows: Vec<Row> = texts.iter().zip(1..).map(|(text, line)| Row::new(*text, line)).collect();
        take_off(&rows).map(|rows| rows.into_iter().map(|row| row.text).collect())
    }

    #[test]
    fn prefixes_go() {
        let times = [
            "2026-11-23T21:22:36.4Z stderr F a",
            "2026-11-23T21:22:36.4Z stderr F   b",
            "2026-11-23T21:22:36.4Z stderr F c",
        ];
        assert_eq!(left(&times), Some(vec!["a".into(), "  b".into(), "c".into()]));
        assert_eq!(
            left(&["db-1  | a", "db-1  |   b", "db-1  | c"]),
            Some(vec!["a".into(), "  b".into(), "c".into()])
        );
        assert_eq!(left(&["a", "b", "c"]), None);
    }

    #[test]
    fn messages_of_csvlog_are_taken_out() {
        let lines = [
            "2026-11-23 21:22:36.444 UTC,\"a\",\"b\",1,,6,LOG,00000,\"duration: 1 ms  plan:",
            "Query Text: select \"\"A\"\"",
            "Result  (cost=0)\",,,,,\"psql\"",
            "2026-11-23 21:22:36.445 UTC,\"a\",\"b\",1,,6,LOG,00000,\"bye\",,,",
        ];
        let expected = ["duration: 1 ms  plan:", "Query Text: select \"A\"", "Result  (cost=0)", ""];
        assert_eq!(left(&lines), Some(expected.map(str::to_owned).to_vec()));
    }
}
