//! What servers have counted of statements themselves, saved as a table: `pg_stat_statements` of PostgreSQL and
//! `performance_schema.events_statements_summary_by_digest` of MySQL and MariaDB, in the forms that psql and mysql write.

mod columns;
mod layout;

use std::hash::{BuildHasher, Hasher};

use detectors::evidence::shape::sql::Dialect;
use detectors::evidence::{ShapeRef, SinceReset, Statistic, Sums};
use rustc_hash::FxBuildHasher;

use self::columns::Columns;
use self::layout::{Cells, Table};
use super::{Block, Decode, Format, Framing, Head, Reading, Rest};

/// `pg_stat_statements` of any version.
pub(super) const POSTGRESQL: Format = Format {
    name: "postgresql-statistics",
    summary: "`pg_stat_statements`: CSV with a header, psql's aligned, unaligned and expanded output",
    sniff: |head| sniff(head, Family::PostgreSql),
    cut: |_, _| 0,
    decoder: |_| Box::new(Decoder::new(Family::PostgreSql)),
};

/// Summaries by digest.
pub(super) const MYSQL: Format = Format {
    name: "mysql-statistics",
    summary: "`events_statements_summary_by_digest` of MySQL and MariaDB: tabs, CSV with a header, tables, `\\G`",
    sniff: |head| sniff(head, Family::MySql),
    cut: |_, _| 0,
    decoder: |_| Box::new(Decoder::new(Family::MySql)),
};

/// What counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    PostgreSql,
    MySql,
}

/// Rows of a table that are looked at for its names.
const SNIFFED_MAX: usize = 400;

fn sniff(head: Head<'_>, family: Family) -> Option<Framing> {
    let mut table = Table::default();
    for line in head.text().split_inclusive(|byte| *byte == b'\n').take(SNIFFED_MAX) {
        table.line(line);
        if table.is_none() {
            return None;
        }
    }
    family_of(table.names()).filter(|found| *found == family).map(|_| Framing::Document)
}

fn family_of(names: &[Vec<u8>]) -> Option<Family> {
    let has = |name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name.as_bytes()));
    match () {
        () if has("digest_text") && has("count_star") => Some(Family::MySql),
        () if has("query") && has("calls") && (has("total_exec_time") || has("total_time")) => {
            Some(Family::PostgreSql)
        }
        () => None,
    }
}

struct Decoder {
    family: Family,
    table: Table,
    /// Rows so far.
    row: u64,
}

impl Decoder {
    fn new(family: Family) -> Self {
        Self { family, table: Table::default(), row: 0 }
    }

    fn row(&mut self, reading: &mut Reading<'_>, block: &Block<'_>, cells: &Cells) {
        self.row += 1;
        let columns = Columns { cells };
        let read = match self.family {
            Family::PostgreSql => postgresql(&columns),
            Family::MySql => mysql(&columns),
        };
        match read {
            Ok(row) => row.keep(reading, block),
            Err(reason) => {
                let place = &block.place;
                reading.skipped.skip(&place.file, place.offset, self.row, cells.bytes(), reason);
            }
        }
    }
}

impl Decode for Decoder {
    fn decode(&mut self, reading: &mut Reading<'_>, block: &Block<'_>) -> usize {
        let whole = block.whole(super::end_of_lines);
        for line in whole.split_inclusive(|byte| *byte == b'\n') {
            if let Some(cells) = self.table.line(line) {
                self.row(reading, block, &cells);
            }
        }
        if block.rest == Rest::Nothing {
            if let Some(cells) = self.table.end() {
                self.row(reading, block, &cells);
            }
            *self = Self::new(self.family);
        }
        whole.len()
    }
}

/// A row, with the text of its statement.
struct Row {
    text: Vec<u8>,
    dialect: Dialect,
    database: Vec<u8>,
    entry: u64,
    sums: Sums,
    since_reset: SinceReset,
}

impl Row {
    fn keep(self, reading: &mut Reading<'_>, block: &Block<'_>) {
        let shape = reading.typing.counted_statement(&self.text, self.dialect);
        if shape == ShapeRef::default() {
            return;
        }
        let snapshot = reading.typing.text(block.place.file.as_bytes());
        let database = reading.typing.text(&self.database);
        let (entry, sums, since_reset) = (self.entry, self.sums, self.since_reset);
        reading.statistics.push(Statistic { snapshot, entry, shape, database, sums, since_reset });
        reading.skipped.kept += 1;
    }
}

const NO_CALLS: &str = "a row of statistics without a number of calls and a time";
const HIDDEN: &str = "the text of a statement is hidden: ask as a user with pg_read_all_stats";

/// Times are milliseconds, sizes blocks of 8 KB unless the server was built otherwise.
fn postgresql(columns: &Columns<'_>) -> Result<Row, &'static str> {
    const BLOCK_BYTES: u64 = 8_192;
    let text = columns.text(&["query"]);
    if text == b"<insufficient privilege>" {
        return Err(HIDDEN);
    }
    let milliseconds = |names: &[&str]| columns.scaled(names, 1e6);
    let calls = columns.count(&["calls"]).ok_or(NO_CALLS)?;
    let time_ns = milliseconds(&["total_exec_time", "total_time"]).ok_or(NO_CALLS)?;
    let database = columns.text(&["datname", "database", "dbname"]);
    Ok(Row {
        text: text.to_vec(),
        dialect: Dialect::Postgres,
        database: if database.is_empty() { columns.text(&["dbid"]) } else { database }.to_vec(),
        entry: entry(columns, &[&["queryid", "query"], &["userid"], &["dbid"], &["toplevel"]]),
        sums: Sums {
            calls,
            time_ns,
            plan_ns: milliseconds(&["total_plan_time"]).unwrap_or(0),
            rows: columns.count(&["rows"]).unwrap_or(0),
            spilled_bytes: columns.count(&["temp_blks_written"]).unwrap_or(0).saturating_mul(BLOCK_BYTES),
            ..Sums::default()
        },
        since_reset: SinceReset {
            max_ns: milliseconds(&["max_exec_time", "max_time"]),
            ..SinceReset::default()
        },
    })
}

/// Times are picoseconds.
fn mysql(columns: &Columns<'_>) -> Result<Row, &'static str> {
    let text = columns.text(&["digest_text"]);
    if text.is_empty() {
        return Err(
            "the server counted statements beyond its table together (performance_schema_digests_size)",
        );
    }
    let picoseconds = |names: &[&str]| columns.scaled(names, 1e-3);
    let calls = columns.count(&["count_star"]).ok_or(NO_CALLS)?;
    let time_ns = picoseconds(&["sum_timer_wait"]).ok_or(NO_CALLS)?;
    let sent = columns.count(&["sum_rows_sent"]).unwrap_or(0);
    let changed = columns.count(&["sum_rows_affected"]).unwrap_or(0);
    Ok(Row {
        text: text.to_vec(),
        dialect: Dialect::MySql,
        database: columns.text(&["schema_name"]).to_vec(),
        entry: entry(columns, &[&["digest", "digest_text"], &["schema_name"]]),
        sums: Sums {
            calls,
            time_ns,
            plan_ns: 0,
            rows: if sent > 0 { sent } else { changed },
            examined: columns.count(&["sum_rows_examined"]),
            lock_ns: picoseconds(&["sum_lock_time"]),
            full_scans: columns.count(&["sum_no_index_used"]),
            failed: columns.count(&["sum_errors"]).unwrap_or(0),
            spilled_bytes: 0,
        },
        since_reset: SinceReset {
            max_ns: picoseconds(&["max_timer_wait"]),
            p95_ns: picoseconds(&["quantile_95"]),
            p99_ns: picoseconds(&["quantile_99"]),
        },
    })
}

/// What the server tells statements apart by; of each group the first column that is there.
fn entry(columns: &Columns<'_>, groups: &[&[&str]]) -> u64 {
    let mut hasher = FxBuildHasher.build_hasher();
    for names in groups {
        hasher.write(columns.text(names));
        hasher.write_u8(0xff);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use detectors::evidence::shape::sql::{Dialect, Lexer};

    /// A statement as a server counts it has the shape of one as it is sent.
    #[test]
    fn what_servers_write_for_values_is_left_out_like_values() {
        let postgres = [
            ("SELECT a FROM t WHERE id = $1", "SELECT a FROM t WHERE id = 7"),
            ("SELECT a FROM t WHERE id IN ($1, $2, $3)", "select a from t where id in (1, 2)"),
            ("SELECT a FROM t WHERE id IN ($1 /*, ... */)", "SELECT a FROM t WHERE id IN (1, 2, 3)"),
            ("SELECT a FROM t LIMIT $1", "SELECT a FROM t LIMIT 20"),
            ("SELECT a FROM t WHERE b = $1::text", "SELECT a FROM t WHERE b = 'x'::text"),
            ("INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)", "INSERT INTO t (a, b) VALUES (1, 2)"),
        ];
        let mysql = [
            ("SELECT `a` FROM `t` WHERE ID = ? ", "SELECT a FROM t WHERE id = 7"),
            ("SELECT `a` FROM `t` WHERE `id` IN (...) ", "SELECT a FROM t WHERE id IN (1, 2, 3)"),
            ("SELECT `a` FROM `t` LIMIT ? ", "SELECT a FROM t LIMIT 20"),
            ("INSERT INTO `t` ( `a` , `b` ) VALUES (...) ", "INSERT INTO t (a, b) VALUES (1, 2)"),
            (
                "INSERT INTO `t` ( `a` , `b` ) VALUES (...) /* , ... */ ",
                "INSERT INTO t (a, b) VALUES (1, 2), (3, 4)",
            ),
            ("SELECT COUNT ( * ) FROM `t` WHERE `a` = ?", "SELECT COUNT(*) FROM t WHERE a = 'x'"),
            ("SELECT `shop` . `t` . `a` FROM `shop` . `t`", "SELECT shop.t.a FROM shop.t"),
        ];
        let lexer = Lexer::new(0);
        for (dialect, pairs) in [(Dialect::Postgres, &postgres[..]), (Dialect::MySql, &mysql)] {
            for (counted, sent) in pairs {
                let [counted, sent] = [counted, sent].map(|text| {
                    let shape = lexer.describe(text.as_bytes(), dialect);
                    (shape.text.to_string(), lexer.scan(text.as_bytes(), dialect).id)
                });
                assert_eq!(counted, sent);
            }
        }
    }
}
