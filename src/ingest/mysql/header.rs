//! What the lines before a statement in a slow log tell of it.

use detectors::evidence::{Effort, Failure};

use crate::ingest::timestamp::{self, number};

/// What is told before a statement; what is not told is empty or `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Header<'b> {
    /// Number of the connection.
    pub(super) thread: &'b [u8],
    /// Who sent it from where.
    pub(super) account: &'b [u8],
    /// The connection's database, which may be none.
    pub(super) schema: Option<&'b [u8]>,
    /// How long it took.
    pub(super) took_ns: Option<u64>,
    /// How long it waited for locks of tables, and from MySQL 8.0.28 on of rows.
    pub(super) locked_ns: u64,
    pub(super) rows_sent: Option<u64>,
    pub(super) rows_affected: Option<u64>,
    pub(super) rows_examined: Option<u64>,
    /// What reading took besides.
    pub(super) effort: Effort,
    /// Why it failed, if it did.
    pub(super) failure: Option<Failure>,
    /// The log has one of so many executions; zero where it does not say so.
    pub(super) one_of: u64,
    /// When it ended, where that is told more exactly than in seconds.
    pub(super) ended_ns: Option<u64>,
    /// Written by MariaDB.
    pub(super) of_mariadb: bool,
}

impl<'b> Header<'b> {
    /// Takes a line that begins with `#`.
    pub(super) fn line(&mut self, line: &'b [u8]) {
        let Some(line) = line.strip_prefix(b"# ") else { return };
        if let Some(time) = line.strip_prefix(b"Time: ") {
            // Six digits for the date are the server's own time, without its zone.
            self.ended_ns = timestamp::date_and_time(time).map(|(at_ns, _)| at_ns);
        } else if let Some(account) = line.strip_prefix(b"User@Host: ") {
            self.account(account);
        } else if !line.starts_with(b"explain: ") && !line.starts_with(b"Profile_") {
            self.fields(line);
        }
    }

    /// `shop[shop] @ web1 [10.0.0.7]  Id:    42`.
    fn account(&mut self, text: &'b [u8]) {
        let bracket = memchr::memrchr(b']', text).map_or(text.len(), |at| at + 1);
        let (account, rest) = text.split_at(bracket);
        self.account = account;
        if let Some(thread) = rest.trim_ascii().strip_prefix(b"Id:") {
            self.thread = thread.trim_ascii();
        }
    }

    fn fields(&mut self, line: &'b [u8]) {
        let mut rest = line;
        while let Some(colon) = memchr::memchr(b':', rest) {
            let key = rest[..colon].trim_ascii();
            rest = &rest[colon + 1..];
            let value = rest.strip_prefix(b" ").unwrap_or(rest);
            let end = match key {
                // A name may have blanks, two of them are the end.
                b"Schema" => memchr::memmem::find(value, b"  ").unwrap_or(value.len()),
                _ => memchr::memchr(b' ', value).unwrap_or(value.len()),
            };
            self.field(key, value[..end].trim_ascii());
            rest = &value[end..];
        }
    }

    fn field(&mut self, key: &[u8], value: &'b [u8]) {
        match key {
            b"Thread_id" => self.thread = value,
            b"Schema" => self.schema = Some(value),
            b"Query_time" => self.took_ns = seconds(value).filter(|took_ns| *took_ns <= DURATION_MAX_NS),
            b"Lock_time" => self.locked_ns = seconds(value).unwrap_or(0),
            b"Rows_sent" => self.rows_sent = number(value),
            b"Rows_affected" => self.rows_affected = number(value),
            b"Rows_examined" => self.rows_examined = number(value),
            b"Full_scan" if value == b"Yes" => self.effort.add(Effort::FULL_SCAN),
            b"Full_join" if value == b"Yes" => self.effort.add(Effort::FULL_JOIN),
            b"Tmp_table_on_disk" if value == b"Yes" => self.effort.add(Effort::DISK_TABLE),
            b"Created_tmp_disk_tables" | b"Tmp_disk_tables" if number(value) > Some(0) => {
                self.effort.add(Effort::DISK_TABLE);
            }
            b"Errno" | b"Last_errno" => self.failure = number(value).and_then(failure),
            b"Log_slow_rate_limit" => self.one_of = number(value).unwrap_or(0),
            b"End" => self.ended_ns = timestamp::date_and_time(value).map(|(at_ns, _)| at_ns),
            b"QC_hit" => self.of_mariadb = true,
            _ => {}
        }
    }
}

/// Nothing takes longer than some months; more is damage.
const DURATION_MAX_NS: u64 = 10_000_000_000_000_000;

/// Why a statement failed, by the number of the error (`mysqld_error.h`); `None` where it did not.
fn failure(error: u64) -> Option<Failure> {
    match error {
        0 => None,
        1205 => Some(Failure::LockTimeout),
        1213 => Some(Failure::Deadlock),
        _ => Some(Failure::Other),
    }
}

/// Seconds with a fraction in nanoseconds.
pub(super) fn seconds(text: &[u8]) -> Option<u64> {
    let (whole, fraction) = match memchr::memchr(b'.', text) {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &b""[..]),
    };
    let fraction = &fraction[..fraction.len().min(9)];
    let fraction_ns = match fraction {
        b"" => 0,
        digits => number(digits)? * 10u64.pow(9 - digits.len() as u32),
    };
    number(whole)?.checked_mul(1_000_000_000)?.checked_add(fraction_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_why_statements_fail() {
        let failures = [0, 1205, 1213, 1317].map(failure);
        let expected = [None, Some(Failure::LockTimeout), Some(Failure::Deadlock), Some(Failure::Other)];
        assert_eq!(failures, expected);
    }

    fn header(text: &str) -> Header<'_> {
        let mut header = Header::default();
        text.lines().for_each(|line| header.line(line.as_bytes()));
        header
    }

    #[test]
    fn reads_what_mariadb_tells() {
        let header = header(
            "# User@Host: root[root] @ localhost []\n\
             # Thread_id: 5  Schema:   QC_hit: No\n\
             # Query_time: 0.001462  Lock_time: 0.000085  Rows_sent: 1  Rows_examined: 5000\n\
             # Full_scan: Yes  Full_join: No  Tmp_table: Yes  Tmp_table_on_disk: No\n\
             #\n# explain: 1\tSIMPLE\torders\tALL\tNULL\tNULL\tNULL\tNULL\t5000\n#",
        );
        assert_eq!((header.thread, header.schema), (&b"5"[..], Some(&b""[..])));
        assert_eq!((header.took_ns, header.locked_ns), (Some(1_462_000), 85_000));
        assert_eq!((header.rows_sent, header.rows_examined), (Some(1), Some(5_000)));
        assert!(header.effort.has(Effort::FULL_SCAN) && !header.effort.has(Effort::DISK_TABLE));
        assert!(header.of_mariadb && header.ended_ns.is_none());
    }

    #[test]
    fn reads_what_mysql_tells_with_log_slow_extra() {
        let header = header(
            "# Time: 2026-11-23T21:35:36.000140+01:00\n\
             # User@Host: shop[shop] @ web1 [10.0.0.7]  Id:    42\n\
             # Query_time: 2.000100  Lock_time: 0.000003 Rows_sent: 1  Rows_examined: 10 Thread_id: 42 Errno: 1317 \
             Killed: 0 Bytes_received: 0 Created_tmp_disk_tables: 1 Start: 2026-11-23T21:35:33.500000+01:00 \
             End: 2026-11-23T21:35:35.500100+01:00",
        );
        assert_eq!((header.thread, header.account), (&b"42"[..], &b"shop[shop] @ web1 [10.0.0.7]"[..]));
        assert_eq!(header.ended_ns, Some(1_795_466_135_500_100_000));
        assert!(
            header.failure == Some(Failure::Other)
                && header.effort.has(Effort::DISK_TABLE)
                && header.schema.is_none()
        );
    }

    #[test]
    fn reads_what_percona_tells() {
        let header = header(
            "# Schema: my shop  Last_errno: 0  Killed: 0\n\
             # Query_time: 7.5  Lock_time: 0  Rows_sent: 4  Rows_examined: 1543720  Rows_affected: 0\n\
             # Log_slow_rate_type: query  Log_slow_rate_limit: 10",
        );
        assert_eq!((header.schema, header.one_of), (Some(&b"my shop"[..]), 10));
        assert_eq!((header.took_ns, header.failure), (Some(7_500_000_000), None));
    }

    #[test]
    fn numbers_that_are_none_are_not_told() {
        assert_eq!(seconds(b"18446744073709551615.0"), None);
        assert_eq!(seconds(b"-1.0"), None);
        assert_eq!(seconds(b"1.x"), None);
        assert_eq!(seconds(b"1."), Some(1_000_000_000));
    }
}
