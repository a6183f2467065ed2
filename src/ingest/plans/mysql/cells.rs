//! Rows of the tabular form out of what clients draw: boxes, columns that tabs separate, `\G`.

/// One row: values by the names of their columns, `NULL` as nothing.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Row(Vec<(String, String)>);

impl Row {
    /// The value of a column; empty where there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(column, _)| column.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    /// Whether there is such a column.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(column, _)| column.eq_ignore_ascii_case(name))
    }

    fn set(&mut self, column: &str, value: &str) {
        let value = if value.trim() == "NULL" { "" } else { value.trim() };
        self.0.push((column.trim().to_owned(), value.to_owned()));
    }
}

/// Rows of one plan, and its first line, from zero.
pub(super) type Rows = (usize, Vec<Row>);

/// All plans in a text.
pub(super) fn all(text: &str) -> Vec<Rows> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        match table(&lines[at..]).or_else(|| vertical(&lines[at..])) {
            Some((length, rows)) => {
                found.push((at, rows));
                at += length;
            }
            None => at += 1,
        }
    }
    found
}

/// The table that begins here: how many lines it takes.
fn table(lines: &[&str]) -> Option<(usize, Vec<Row>)> {
    let head = lines.first()?;
    if !head.contains("select_type") || !head.contains("possible_keys") {
        return None;
    }
    let separator = if head.contains('\t') { "\t" } else { " | " };
    let columns = cells(head, separator);
    let mut rows = Vec::new();
    let mut length = 1;
    for line in &lines[1..] {
        let is_drawn = line.contains("--") && line.chars().all(|mark| "+-|: ".contains(mark));
        let cells = cells(line, separator);
        if !is_drawn && (cells.len() != columns.len() || cells.len() < 2) {
            break;
        }
        if !is_drawn {
            let mut row = Row::default();
            columns.iter().zip(cells).for_each(|(column, value)| row.set(column, value));
            rows.push(row);
        }
        length += 1;
    }
    (!rows.is_empty()).then_some((length, rows))
}

fn cells<'l>(line: &'l str, separator: &str) -> Vec<&'l str> {
    if separator == "\t" {
        return line.split('\t').collect();
    }
    let line = line.trim();
    let line = line.strip_prefix('|').unwrap_or(line);
    line.strip_suffix('|').unwrap_or(line).split(separator).collect()
}

/// The rows that begin here, a column a line: how many lines they take.
fn vertical(lines: &[&str]) -> Option<(usize, Vec<Row>)> {
    let is_column = |name: &&str| {
        !name.is_empty() && name.trim().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let mut rows: Vec<Row> = Vec::new();
    let mut length = 0;
    for line in lines {
        let column = line.split_once(':').filter(|(name, _)| is_column(name));
        match (column, rows.last_mut()) {
            _ if line.trim_start().starts_with("***") => {}
            (Some((name, value)), row) if name.trim() == "id" => {
                if row.is_none() && !lines.get(length + 1)?.trim_start().starts_with("select_type:") {
                    return None;
                }
                let mut row = Row::default();
                row.set(name, value);
                rows.push(row);
            }
            (Some((name, value)), Some(row)) => row.set(name, value),
            _ => break,
        }
        length += 1;
    }
    (!rows.is_empty()).then_some((length, rows))
}
