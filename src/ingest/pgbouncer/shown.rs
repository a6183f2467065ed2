//! Tables of PgBouncer's console as psql shows them: `SHOW POOLS` and `SHOW STATS`, aligned, unaligned or as CSV.
//!
//! Columns are known by their names, of which later versions have more.

use detectors::evidence::server::{PoolNow, PoolerTotals};
use memchr::memchr;

use crate::ingest::timestamp::number;
use crate::ingest::{Block, Decode, Format, Framing, Head, Reading};

/// The tables.
pub(in crate::ingest) const FORMAT: Format = Format {
    name: "pgbouncer-show",
    summary: "what PgBouncer's console answers to SHOW POOLS and SHOW STATS, as psql prints it or as CSV",
    sniff,
    cut: |_, _| 0,
    decoder: |_| Box::new(Decoder::default()),
};

/// So many lines may stand before the first table: the titles of `\watch`.
const LINES_MAX: usize = 8;

/// The console's own database.
const CONSOLE: &str = "pgbouncer";

fn sniff(head: Head<'_>) -> Option<Framing> {
    let mut lines = head.text().split(|byte| *byte == b'\n').take(LINES_MAX);
    lines.any(|line| Table::of(line).is_some()).then_some(Framing::Document)
}

/// The columns of a table by the line that names them.
#[derive(Debug)]
struct Table {
    separator: u8,
    names: Vec<Box<str>>,
    is_pools: bool,
}

impl Table {
    fn of(line: &[u8]) -> Option<Self> {
        let separator = *line.iter().find(|byte| matches!(byte, b'|' | b','))?;
        let names: Vec<Box<str>> =
            cells(line, separator).map(|name| String::from_utf8_lossy(name).into()).collect();
        let has = |wanted: &str| names.iter().any(|name| **name == *wanted);
        let is_pools = has("cl_waiting") && has("maxwait");
        let is_stats = has("total_xact_count") && has("total_wait_time");
        (has("database") && (is_pools || is_stats)).then_some(Self { separator, names, is_pools })
    }

    /// The cells of a row; `None` where it has more or fewer than columns.
    fn row<'b>(&self, line: &'b [u8]) -> Option<Row<'_, 'b>> {
        let cells: Vec<&[u8]> = cells(line, self.separator).collect();
        (cells.len() == self.names.len()).then_some(Row { names: &self.names, cells })
    }
}

fn cells(line: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    line.split(move |byte| *byte == separator).map(|cell| {
        let cell = cell.trim_ascii();
        cell.strip_prefix(b"\"").and_then(|cell| cell.strip_suffix(b"\"")).unwrap_or(cell)
    })
}

struct Row<'t, 'b> {
    names: &'t [Box<str>],
    cells: Vec<&'b [u8]>,
}

impl Row<'_, '_> {
    fn text(&self, name: &str) -> String {
        let place = self.names.iter().position(|known| **known == *name);
        place.map_or_else(String::new, |place| String::from_utf8_lossy(self.cells[place]).into_owned())
    }

    /// A number; zero where there is no such column. `None` where it is none.
    fn number(&self, name: &str) -> Option<u64> {
        match self.text(name).as_str() {
            "" => Some(0),
            text => number(text.as_bytes()),
        }
    }

    fn totals(&self) -> Option<PoolerTotals> {
        let ns = |name| Some(self.number(name)?.saturating_mul(1_000));
        let (time_ns, wait_ns) = (ns("total_xact_time")?, ns("total_wait_time")?);
        let transactions = self.number("total_xact_count")?;
        Some(PoolerTotals { transactions, time_ns, wait_ns, at_most: (transactions, time_ns) })
    }

    fn now(&self) -> Option<PoolNow> {
        let seconds_ns = self.number("maxwait")?.saturating_mul(1_000_000_000);
        // Tested ones are on their way to be idle.
        let idle = self.number("sv_idle")?.saturating_add(self.number("sv_used")?);
        Some(PoolNow {
            waiting: self.number("cl_waiting")?,
            longest_ns: seconds_ns.saturating_add(self.number("maxwait_us")?.saturating_mul(1_000)),
            in_use: self.number("sv_active")?,
            idle,
        })
    }
}

#[derive(Debug, Default)]
struct Decoder {
    table: Option<Table>,
}

impl Decoder {
    fn line(&mut self, reading: &mut Reading<'_>, line: &[u8]) -> Option<()> {
        if let Some(table) = Table::of(line) {
            self.table = Some(table);
            return Some(());
        }
        let table = self.table.as_ref()?;
        let row = table.row(line)?;
        let database = row.text("database");
        match table.is_pools {
            _ if database == CONSOLE => {}
            true => reading.events.pool_now(&database, &row.text("user"), row.now()?),
            false => reading.events.pooler_totals(&database, row.totals()?),
        }
        Some(())
    }
}

impl Decode for Decoder {
    fn decode(&mut self, reading: &mut Reading<'_>, block: &Block<'_>) -> usize {
        let bytes = block.whole(crate::ingest::end_of_lines);
        let (mut number, mut start) = (block.place.line, 0);
        while start < bytes.len() {
            let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |length| start + length);
            let line = bytes[start..end].trim_ascii_end();
            // Lines below names, numbers of rows and titles hold no separator.
            let is_row = self.table.as_ref().is_none_or(|table| memchr(table.separator, line).is_some());
            if self.line(reading, line).is_none() && is_row && !line.is_empty() {
                let offset = block.place.offset + start as u64;
                let reason = "not a row of a table of PgBouncer";
                reading.skipped.skip(&block.place.file, offset, number, line.len() as u64, reason);
            }
            number += 1;
            start = end + 1;
        }
        if block.rest == crate::ingest::Rest::Nothing {
            self.table = None;
        }
        bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIGNED: &str = " database |   user    | cl_active | cl_waiting | sv_active | sv_idle | sv_used | maxwait | maxwait_us";

    #[test]
    fn reads_tables_of_each_form() {
        let rows = [
            (
                ALIGNED,
                " shop     | shop      |         2 |          8 |         2 |       0 |       0 |       1 |     403841",
            ),
            (
                "database|user|cl_active|cl_waiting|sv_active|sv_idle|sv_used|maxwait|maxwait_us|pool_mode",
                "shop|shop|2|8|2|0|0|1|403841|transaction",
            ),
            ("database,user,cl_waiting,sv_active,sv_idle,maxwait,maxwait_us", "\"shop\",shop,8,2,0,1,403841"),
        ];
        for (names, row) in rows {
            let table = Table::of(names.as_bytes()).expect("names");
            let now = table.row(row.as_bytes()).and_then(|row| row.now());
            let expected = PoolNow { waiting: 8, longest_ns: 1_403_841_000, in_use: 2, idle: 0 };
            assert_eq!((table.is_pools, now), (true, Some(expected)), "{names}");
        }
        let names = "database,total_xact_count,total_xact_time,total_wait_time";
        let table = Table::of(names.as_bytes()).expect("names");
        let totals = table.row(b"shop,42,14238684,11813071").and_then(|row| row.totals());
        let (transactions, time_ns) = (42, 14_238_684_000);
        let at_most = (transactions, time_ns);
        let expected = PoolerTotals { transactions, time_ns, wait_ns: 11_813_071_000, at_most };
        assert_eq!(totals, Some(expected));
    }

    #[test]
    fn leaves_other_tables_alone() {
        assert!(Table::of(b"database|user|name").is_none());
        assert!(Table::of(b"").is_none());
        let table = Table::of(ALIGNED.as_bytes()).expect("names");
        assert!(table.row(b"shop|shop").is_none());
        let wrong = b"shop | shop | 2 | many | 2 | 0 | 0 | 1 | 4";
        assert!(table.row(wrong).is_some_and(|row| row.now().is_none()));
    }
}
