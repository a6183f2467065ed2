//! Tables as database clients write them, line by line.
//!
//! Sources: `src/fe_utils/print.c` of PostgreSQL (aligned, unaligned, expanded, CSV); `client/mysql.cc` of MySQL and MariaDB
//! (`--batch`, `--table`, `\G`).

/// Bytes that a row may have; what is longer is left out.
const ROW_BYTES_MAX: usize = 8 << 20;

/// Columns that a table may have.
const COLUMNS_MAX: usize = 400;

/// How cells are set apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Commas, quotes where they are needed.
    Csv,
    /// Tabs, backslashes where they are needed.
    Tabs,
    /// `a|b`.
    Bars,
    /// ` a | b ` in columns, with a line below the names. Longer cells go on in the next line behind a plus.
    Aligned,
    /// `| a | b |`.
    Boxed,
    /// `-[ RECORD 1 ]-` and `name | value`.
    Expanded,
    /// `*** 1. row ***` and `name: value`.
    Vertical,
}

/// Reads a table.
#[derive(Debug, Default)]
pub(super) struct Table {
    layout: Option<Layout>,
    /// The first line, where only the next one tells what it is.
    first: Option<Vec<u8>>,
    /// It is no table.
    refused: bool,
    /// Names of the columns; in rows of lines those of the first row.
    names: Vec<Vec<u8>>,
    /// The row that is being read, and whether its cells go on in the next line.
    cells: Vec<(Vec<u8>, bool)>,
    /// Names of the row that is being read, where each row has its own.
    own_names: Vec<Vec<u8>>,
    /// Lines of a row that is not complete, and how many quotes or bars are in them.
    pending: Vec<u8>,
    marks: usize,
}

/// A row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cells {
    names: Vec<Vec<u8>>,
    values: Vec<Vec<u8>>,
}

impl Cells {
    /// The cell of a column, whose name is in lower case.
    pub(super) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let place = self.names.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        self.values.get(place).map(Vec::as_slice)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.values.iter().map(|value| value.len() as u64).sum()
    }
}

impl Table {
    /// Whether it is no table.
    pub(super) fn is_none(&self) -> bool {
        self.refused
    }

    /// Names of its columns, as far as they are known.
    pub(super) fn names(&self) -> &[Vec<u8>] {
        if self.names.is_empty() { &self.own_names } else { &self.names }
    }

    /// Takes a line, and gives the row that ends with it or before it.
    pub(super) fn line(&mut self, line: &[u8]) -> Option<Cells> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(layout) = self.layout else { return self.begin(line) };
        match layout {
            Layout::Csv => self.csv(line),
            Layout::Tabs => self.row(line.split(|byte| *byte == b'\t').map(unescaped).collect()),
            Layout::Bars => self.bars(line),
            Layout::Aligned | Layout::Boxed => self.aligned(line),
            Layout::Expanded => self.expanded(line),
            Layout::Vertical => self.vertical(line),
        }
    }

    /// Nothing follows.
    pub(super) fn end(&mut self) -> Option<Cells> {
        match self.layout {
            Some(Layout::Aligned | Layout::Boxed) => self.take_cells(),
            Some(Layout::Expanded | Layout::Vertical) => self.take_own(),
            _ => None,
        }
    }

    /// Finds out what it is, by its first line or its first two; the second may be a row.
    fn begin(&mut self, line: &[u8]) -> Option<Cells> {
        if let Some(first) = self.first.take() {
            let is_below = line.starts_with(b"-") && line.iter().all(|byte| b"-+".contains(byte));
            let layout = if is_below { Layout::Aligned } else { Layout::Bars };
            self.head(layout, first.split(|byte| *byte == b'|').map(trimmed).collect());
            return if is_below { None } else { self.bars(line) };
        }
        match () {
            () if line.trim_ascii().is_empty() || line.starts_with(b"+-") => {}
            () if line.starts_with(b"-[ RECORD ") => self.layout = Some(Layout::Expanded),
            () if line.starts_with(b"***") && line.ends_with(b"***") => self.layout = Some(Layout::Vertical),
            () if line.starts_with(b"| ") => self.head(Layout::Boxed, boxed(line)),
            () if line.contains(&b'\t') => {
                self.head(Layout::Tabs, line.split(|byte| *byte == b'\t').map(trimmed).collect());
            }
            () if line.contains(&b'|') => self.first = Some(line.to_vec()),
            () if line.contains(&b',') => self.head(Layout::Csv, csv_cells(line)),
            () => self.refused = true,
        }
        None
    }

    fn head(&mut self, layout: Layout, names: Vec<Vec<u8>>) {
        let is_name = |name: &Vec<u8>| {
            !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        };
        self.refused = names.len() > COLUMNS_MAX || !names.iter().all(is_name);
        (self.layout, self.names) = (Some(layout), names);
    }

    /// A row of as many cells as there are names.
    fn row(&self, values: Vec<Vec<u8>>) -> Option<Cells> {
        (values.len() == self.names.len()).then(|| Cells { names: self.names.clone(), values })
    }

    fn csv(&mut self, line: &[u8]) -> Option<Cells> {
        self.pend(line, b'"');
        if self.marks % 2 == 1 {
            return None;
        }
        let cells = csv_cells(&self.take_pending());
        self.row(cells)
    }

    /// Texts may have lines and bars of their own. A row ends where there are enough cells and those behind the text
    /// have no blanks, as numbers and names have none.
    fn bars(&mut self, line: &[u8]) -> Option<Cells> {
        if line.starts_with(b"(") && line.ends_with(b")") && !line.contains(&b'|') {
            return None;
        }
        self.pend(line, b'|');
        let behind = self.names.len().saturating_sub(1 + self.place_of_text().unwrap_or(0));
        let is_plain = |cell: &[u8]| !cell.iter().any(u8::is_ascii_whitespace);
        let ends =
            line.rsplit(|byte| *byte == b'|').take(behind).filter(|cell| is_plain(cell)).count() == behind;
        if self.marks + 1 < self.names.len() || !ends {
            return None;
        }
        let text = self.take_pending();
        let cells = self.joined(text.split(|byte| *byte == b'|').map(<[u8]>::to_vec).collect(), b"|");
        self.row(cells)
    }

    /// Puts a line to those before, and counts what sets cells apart or around.
    fn pend(&mut self, line: &[u8], mark: u8) {
        if self.pending.len() + line.len() > ROW_BYTES_MAX {
            self.take_pending();
        }
        self.marks += line.iter().filter(|byte| **byte == mark).count();
        self.pending.extend_from_slice(line);
        self.pending.push(b'\n');
    }

    /// The lines of a row, without the last newline.
    fn take_pending(&mut self) -> Vec<u8> {
        self.marks = 0;
        let mut text = std::mem::take(&mut self.pending);
        text.pop();
        text
    }

    /// Cells of which there are too many, as the text of the statement has what sets them apart.
    fn joined(&self, mut cells: Vec<Vec<u8>>, between: &[u8]) -> Vec<Vec<u8>> {
        let more = cells.len().saturating_sub(self.names.len());
        if let Some(place) = self.place_of_text().filter(|_| more > 0) {
            let text = cells[place..=place + more].join(between);
            cells.splice(place..=place + more, [text]);
        }
        cells
    }

    /// The column that holds statements.
    fn place_of_text(&self) -> Option<usize> {
        let is_text = |name: &Vec<u8>| {
            [&b"query"[..], b"digest_text"].iter().any(|text| name.eq_ignore_ascii_case(text))
        };
        self.names.iter().position(is_text)
    }

    fn aligned(&mut self, line: &[u8]) -> Option<Cells> {
        let is_end = line.is_empty() || line.starts_with(b"(") || line.starts_with(b"+-");
        if is_end || line.starts_with(b"--") {
            return None;
        }
        let inner = match self.layout {
            Some(Layout::Boxed) => {
                line.strip_prefix(b"|").and_then(|line| line.strip_suffix(b"|")).unwrap_or(line)
            }
            _ => line,
        };
        let parts = self.joined(inner.split(|byte| *byte == b'|').map(<[u8]>::to_vec).collect(), b"|");
        if parts.len() != self.names.len() {
            return None;
        }
        let goes_on = self.cells.iter().any(|(_, goes_on)| *goes_on);
        let done = if goes_on { None } else { self.take_cells() };
        self.cells.resize(self.names.len(), (Vec::new(), false));
        for ((text, goes_on), part) in self.cells.iter_mut().zip(parts) {
            let had_more = *goes_on || text.is_empty();
            *goes_on = part.ends_with(b"+") && self.layout == Some(Layout::Aligned);
            let part = part.strip_suffix(b"+").filter(|_| *goes_on).unwrap_or(&part).trim_ascii();
            if had_more && !part.is_empty() && text.len() + part.len() < ROW_BYTES_MAX {
                if !text.is_empty() {
                    text.push(b'\n');
                }
                text.extend_from_slice(part);
            }
        }
        done
    }

    fn take_cells(&mut self) -> Option<Cells> {
        if self.cells.is_empty() {
            return None;
        }
        let values = self.cells.drain(..).map(|(text, _)| text).collect();
        self.row(values)
    }

    fn expanded(&mut self, line: &[u8]) -> Option<Cells> {
        if line.starts_with(b"-[ RECORD ") {
            return self.take_own();
        }
        let bar = line.iter().position(|byte| *byte == b'|')?;
        let (name, value) = (line[..bar].trim_ascii(), line.get(bar + 1..).unwrap_or_default());
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match (name.is_empty(), self.cells.last_mut()) {
            (true, Some((text, _))) => {
                let without_mark = text.strip_suffix(b"+").map(<[u8]>::trim_ascii_end).map(<[u8]>::len);
                text.truncate(without_mark.unwrap_or(text.len()));
                append_line(text, value);
            }
            (true, None) => {}
            (false, _) => self.own(name, value),
        }
        None
    }

    fn vertical(&mut self, line: &[u8]) -> Option<Cells> {
        if line.starts_with(b"***") && line.ends_with(b"***") {
            return self.take_own();
        }
        let trimmed = line.trim_ascii_start();
        let colon = trimmed.iter().position(|byte| *byte == b':').unwrap_or(0);
        let is_name =
            colon > 0 && trimmed[..colon].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        match self.cells.last_mut() {
            _ if is_name => {
                let value = trimmed.get(colon + 1..).unwrap_or_default();
                self.own(&trimmed[..colon], value.strip_prefix(b" ").unwrap_or(value));
            }
            Some((text, _)) => append_line(text, line),
            None => {}
        }
        None
    }

    /// A cell with its name.
    fn own(&mut self, name: &[u8], value: &[u8]) {
        if self.own_names.len() < COLUMNS_MAX {
            self.own_names.push(name.to_vec());
            self.cells.push((value.to_vec(), false));
        }
    }

    fn take_own(&mut self) -> Option<Cells> {
        let values: Vec<Vec<u8>> = self.cells.drain(..).map(|(text, _)| text).collect();
        let names = std::mem::take(&mut self.own_names);
        if self.names.is_empty() {
            self.names.clone_from(&names);
        }
        (!names.is_empty()).then_some(Cells { names, values })
    }
}

fn append_line(text: &mut Vec<u8>, line: &[u8]) {
    if text.len() + line.len() < ROW_BYTES_MAX {
        text.push(b'\n');
        text.extend_from_slice(line);
    }
}

fn trimmed(cell: &[u8]) -> Vec<u8> {
    cell.trim_ascii().to_vec()
}

fn boxed(line: &[u8]) -> Vec<Vec<u8>> {
    let inner = line.strip_prefix(b"|").and_then(|line| line.strip_suffix(b"|")).unwrap_or(line);
    inner.split(|byte| *byte == b'|').map(trimmed).collect()
}

/// Cells between commas, those in quotes without them.
fn csv_cells(record: &[u8]) -> Vec<Vec<u8>> {
    let mut cells = vec![Vec::new()];
    let mut bytes = record.iter().copied().peekable();
    let mut quoted = false;
    while let Some(byte) = bytes.next() {
        let cell = cells.last_mut();
        match (byte, cell) {
            (b'"', Some(cell)) if quoted && bytes.peek() == Some(&b'"') => {
                bytes.next();
                cell.push(b'"');
            }
            (b'"', _) => quoted = !quoted,
            (b',', _) if !quoted => cells.push(Vec::new()),
            (byte, Some(cell)) => cell.push(byte),
            (_, None) => {}
        }
    }
    cells
}

/// A cell as mysql writes it: tabs, newlines, NUL and backslashes behind a backslash.
fn unescaped(cell: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(cell.len());
    let mut bytes = cell.iter().copied();
    while let Some(byte) = bytes.next() {
        text.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'0') => b' ',
                Some(other) => other,
                None => b'\\',
            },
            byte => byte,
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Query and calls of each row.
    fn rows(text: &str) -> Vec<(String, String)> {
        let mut table = Table::default();
        let mut rows: Vec<Cells> =
            text.split_inclusive('\n').filter_map(|line| table.line(line.as_bytes())).collect();
        rows.extend(table.end());
        let cell = |row: &Cells, name: &str| {
            String::from_utf8_lossy(row.get(name.as_bytes()).unwrap_or(b"none").trim_ascii()).into_owned()
        };
        rows.iter().map(|row| (cell(row, "query"), cell(row, "calls"))).collect()
    }

    #[test]
    fn tables_of_every_layout_are_the_same() {
        let expected = [("SELECT a || b\nFROM t", "3"), ("SELECT 2", "4")];
        let expected = expected.map(|(query, calls)| (query.to_owned(), calls.to_owned()));
        let layouts = [
            "userid,query,calls\n1,\"SELECT a || b\nFROM t\",3\n1,SELECT 2,4\n",
            "userid\tquery\tcalls\n1\tSELECT a || b\\nFROM t\t3\n1\tSELECT 2\t4\n",
            "userid|query|calls\n1|SELECT a || b\nFROM t|3\n1|SELECT 2|4\n(2 rows)\n",
            " userid |     query     | calls \n--------+---------------+-------\n      1 | SELECT a || b+|     3\n        | FROM t        |      \n      1 | SELECT 2      |     4\n(2 rows)\n\n",
            "-[ RECORD 1 ]---------\nuserid | 1\nquery  | SELECT a || b+\n       | FROM t\ncalls  | 3\n-[ RECORD 2 ]---------\nuserid | 1\nquery  | SELECT 2\ncalls  | 4\n\n",
            "*** 1. row ***\nuserid: 1\n query: SELECT a || b\nFROM t\n calls: 3\n*** 2. row ***\nuserid: 1\n query: SELECT 2\n calls: 4\n",
        ];
        for layout in layouts {
            assert_eq!(rows(layout), expected, "{layout}");
        }
        let boxed = "+--------+----------+-------+\n| userid | query    | calls |\n+--------+----------+-------+\n|      1 | SELECT 2 |     4 |\n+--------+----------+-------+\n";
        assert_eq!(rows(boxed), expected[1..]);
    }

    #[test]
    fn what_is_damaged_costs_its_row() {
        assert_eq!(rows("query,calls\nSELECT 1\nSELECT 2,4\n"), [("SELECT 2".to_owned(), "4".to_owned())]);
        assert_eq!(rows("nothing of the kind\n"), []);
        assert_eq!(rows("query|calls\n"), []);
        assert_eq!(rows("| query |"), []);
        assert_eq!(rows("-[ RECORD 1 ]-\n|\n | x"), []);
        assert_eq!(rows("*** 1. row ***\n:\n"), []);
    }
}
