//! PostgreSQL's csvlog: 22 columns up to version 8.4, 23 up to 12, 24 in 13, 26 since 14.

use memchr::{memchr, memchr_iter, memchr2, memrchr};

use super::entry::{Entry, Recorder, known};
use super::runs::{Fronts, Run};
use super::severity;
use crate::ingest::json::MARK;
use crate::ingest::timestamp::Clock;
use crate::ingest::{Block, Decode, Format, Framing, Head, Reading};

/// csvlog.
pub(in crate::ingest) const FORMAT: Format = Format {
    name: "postgresql-csvlog",
    summary: "PostgreSQL's csvlog of any version",
    sniff,
    cut,
    decoder: |_| Box::new(Decoder::default()),
};

/// Columns that all versions have; the numbers of those that are read.
const COLUMNS_MIN: usize = 22;
const COLUMNS_MAX: usize = 26;
const USER: usize = 1;
const DATABASE: usize = 2;
const SESSION: usize = 5;
pub(super) const SEVERITY: usize = 11;
pub(super) const MESSAGE: usize = 13;
pub(super) const DETAIL: usize = 14;
pub(super) const CONTEXT: usize = 18;
pub(super) const STATEMENT: usize = 19;
pub(super) const APPLICATION: usize = 22;

fn sniff(head: Head<'_>) -> Option<Framing> {
    // The first lines may be the end of a record, where a file was cut.
    let text = head.text();
    (is_record(text) || is_record(&text[first_record(text)..])).then_some(Framing::Lines)
}

fn is_record(text: &[u8]) -> bool {
    let Some((fields, _)) = Fields::read(text) else { return false };
    let severity = fields.raw(SEVERITY);
    let known = [&b"LOG"[..], b"ERROR", b"FATAL", b"PANIC", b"WARNING", b"NOTICE", b"INFO"]
        .contains(&severity)
        || severity.starts_with(b"DEBUG");
    fields.at_ns(&mut Clock::default()).is_some() && known && memchr(b'.', fields.raw(SESSION)).is_some()
}

/// Where the first record begins: with its time, at the front of a line. The front of the text where none does.
fn first_record(text: &[u8]) -> usize {
    let begins = |at: &usize| {
        let front = text.get(*at..*at + TIME.len()).unwrap_or_default();
        let is_of =
            |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
        front.len() == TIME.len() && front.iter().zip(TIME).all(is_of)
    };
    let lines = memchr_iter(b'\n', text).map(|newline| newline + 1);
    std::iter::once(0).chain(lines).take(LINES_MAX).find(begins).unwrap_or(0)
}

/// How a record begins.
const TIME: &[u8] = b"0000-00-00 00:00:00.000 ";

/// Lines in which the first record is looked for.
const LINES_MAX: usize = 10_000;

fn cut(_: Framing, bytes: &[u8]) -> usize {
    end_of_records(bytes)
}

/// Behind the last newline outside of quotes: an even number of them is before it, as blocks begin with a record, or a file
/// with the end of one.
fn end_of_records(bytes: &[u8]) -> usize {
    let first = first_record(bytes);
    let Some(mut newline) = memrchr(b'\n', bytes) else { return 0 };
    let mut quotes = memchr_iter(b'"', bytes.get(first..newline).unwrap_or_default()).count();
    while quotes % 2 == 1 {
        let Some(before) = memrchr(b'\n', &bytes[..newline]) else { return 0 };
        quotes -= memchr_iter(b'"', &bytes[before..newline]).count();
        newline = before;
    }
    newline + 1
}

#[derive(Debug, Default)]
struct Decoder {
    recorder: Recorder,
    clock: Clock,
    alike: Alike,
    rooms: [Vec<u8>; 4],
}

/// Where a column is in its record, without quotes around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Column {
    start: u32,
    end: u32,
}

impl Column {
    fn of(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// The same, as told from a place on.
    pub(super) fn from(self, at: usize) -> Self {
        let at = at as u32;
        Self { start: self.start.saturating_sub(at), end: self.end.saturating_sub(at) }
    }

    /// The same, behind a place.
    pub(super) fn behind(self, at: usize) -> Self {
        let at = if self.end == 0 { 0 } else { at as u32 };
        Self { start: self.start + at, end: self.end + at }
    }
}

/// Columns of a record that are alike in others: those of its session in front, and those of its program at the end.
#[derive(Debug, Default)]
struct Alike {
    fronts: Fronts<{ MIDDLE - USER }>,
    end: Run<{ COLUMNS_MAX - END }>,
}

/// Where columns begin that are not alike, and those at the end that are.
const MIDDLE: usize = SESSION + 1;
const END: usize = DETAIL + 1;

/// The columns of a record; those in quotes without them, as they stand.
#[derive(Default)]
pub(super) struct Fields<'b> {
    text: &'b [u8],
    columns: [Column; COLUMNS_MAX],
    pub(super) count: usize,
    /// A bit for each column in which quotes are doubled.
    doubled: u32,
}

impl<'b> Fields<'b> {
    /// Reads the record at the front of a text: its columns, and its length without the newline. `None` where it
    /// is none.
    pub(super) fn read(text: &'b [u8]) -> Option<(Self, usize)> {
        let mut fields = Self::default();
        let length = fields.take(text, 0, &mut Alike::default())?;
        Some((fields, length))
    }

    /// Reads the record at the front of a text, of whose first column so many bytes are known to be no end of it; returns
    /// its length.
    fn take(&mut self, text: &'b [u8], known: usize, alike: &mut Alike) -> Option<usize> {
        self.text = text;
        self.columns.fill(Column::default());
        (self.count, self.doubled) = (0, 0);
        let at = self.front(known, &mut alike.fronts)?;
        let at = self.cut_until(SEVERITY, at, 0)?;
        let at = self.usual_severity(at);
        let at = self.cut_until(END, at, 0)?;
        self.end(at, &mut alike.end)
    }

    /// Cuts the columns up to that of the session; returns where the next one begins.
    fn front(&mut self, known: usize, fronts: &mut Fronts<{ MIDDLE - USER }>) -> Option<usize> {
        let is_timed = known > 0 && self.text.get(known) == Some(&b',');
        if is_timed && let Some(length) = fronts.fits(self.text, known, &mut self.columns[USER..MIDDLE]) {
            self.columns[0] = Column::of(0, known);
            self.count = MIDDLE;
            return Some(known + length);
        }
        let at = self.cut_until(MIDDLE, 0, known)?;
        if is_timed && self.doubled == 0 {
            fronts.note(self.text, known..at, &self.columns[USER..MIDDLE]);
        }
        Some(at)
    }

    /// Cuts the severity and the code of most records, if they are at a place; returns where the next column begins.
    fn usual_severity(&mut self, at: usize) -> usize {
        const USUAL: &[u8] = b"LOG,00000,";
        if !self.text.get(at..).is_some_and(|rest| rest.starts_with(USUAL)) {
            return at;
        }
        self.columns[SEVERITY] = Column::of(at, at + 3);
        self.columns[SEVERITY + 1] = Column::of(at + 4, at + 9);
        self.count += 2;
        at + USUAL.len()
    }

    /// Cuts columns from a place on up to one, which has to follow; returns where it begins.
    fn cut_until(&mut self, column: usize, mut at: usize, known: usize) -> Option<usize> {
        while self.count < column {
            // Many are empty.
            let empty = commas(self.text.get(at..)?).min(column - self.count);
            (at, self.count) = (at + empty, self.count + empty);
            if self.count < column && self.text.get(at)? != &b',' {
                let end = self.cut(at, known)?;
                at = (self.text.get(end)? == &b',').then_some(end + 1)?;
            }
        }
        Some(at)
    }

    /// Cuts the columns from a place on that are the last ones; returns where they end.
    fn end(&mut self, at: usize, known: &mut Run<{ COLUMNS_MAX - END }>) -> Option<usize> {
        if let Some(length) = known.fits(self.text, at, &mut self.columns[END..])
            && matches!(self.text.get(at + length), Some(b'\n') | None)
        {
            self.count += known.count();
            return Some(at + length);
        }
        let end = self.cut_last(at)?;
        if self.doubled >> END == 0 {
            known.note(self.text, at..end, &self.columns[END..], self.count - END);
        }
        Some(end)
    }

    fn cut_last(&mut self, mut at: usize) -> Option<usize> {
        self.columns[END..].fill(Column::default());
        let end = loop {
            let empty = commas(self.text.get(at..)?);
            (at, self.count) = (at + empty, self.count + empty);
            if self.text.get(at) == Some(&b',') {
                continue;
            }
            let end = self.cut(at, 0)?;
            match self.text.get(end) {
                Some(b',') => at = end + 1,
                Some(b'\n') | None => break end,
                Some(b'\r') if matches!(self.text.get(end + 1), Some(b'\n') | None) => break end + 1,
                Some(_) => return None,
            }
        };
        (self.count >= COLUMNS_MIN).then_some(end)
    }

    /// Cuts the next column, which begins at a place; returns where it ends.
    #[inline]
    fn cut(&mut self, at: usize, known: usize) -> Option<usize> {
        let column = self.columns.get_mut(self.count)?;
        let end = if self.text.get(at) == Some(&b'"') {
            let (end, is_doubled) = end_of_quoted(self.text, at + 1)?;
            self.doubled |= u32::from(is_doubled) << self.count;
            *column = Column::of(at + 1, end);
            end + 1
        } else {
            let end = end_of_column(self.text, if at == 0 { known } else { at });
            *column = Column::of(at, end);
            end
        };
        self.count += 1;
        Some(end)
    }

    pub(super) fn raw(&self, column: usize) -> &'b [u8] {
        let Column { start, end } = self.columns[column];
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    pub(super) fn at_ns(&self, clock: &mut Clock) -> Option<u64> {
        clock.date_and_time(self.raw(0)).map(|(at_ns, _)| at_ns)
    }

    /// A column with doubled quotes undone, if there are any.
    pub(super) fn text<'r>(&self, column: usize, room: &'r mut Vec<u8>) -> &'r [u8]
    where
        'b: 'r,
    {
        let raw = self.raw(column);
        if self.doubled >> column & 1 == 0 {
            return raw;
        }
        room.clear();
        let mut rest = raw;
        while let Some(at) = memchr(b'"', rest) {
            room.extend_from_slice(&rest[..=at]);
            rest = rest.get(at + 2..).unwrap_or_default();
        }
        room.extend_from_slice(rest);
        room
    }
}

/// How many commas a text begins with, as far as eight bytes tell.
fn commas(text: &[u8]) -> usize {
    match text.first_chunk() {
        Some(word) => {
            (u64::from_le_bytes(*word) ^ u64::from_le_bytes([b','; 8])).trailing_zeros() as usize / 8
        }
        None => text.iter().take_while(|byte| **byte == b',').count(),
    }
}

/// Where a column without quotes ends: most are short.
fn end_of_column(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let near = |at: usize| Some(at + until_in_chunk::<b',', b'\n'>(rest.get(at..)?.first_chunk()?)?);
    let end = near(0).or_else(|| near(16)).or_else(|| memchr2(b',', b'\n', rest));
    from + end.unwrap_or(rest.len())
}

/// How many of sixteen bytes are before the first that is one of two: all are compared at once.
#[inline(always)]
fn until_in_chunk<const ONE: u8, const OTHER: u8>(chunk: &[u8; 16]) -> Option<usize> {
    let is_end = chunk.map(|byte| if byte == ONE || byte == OTHER { u8::MAX } else { 0 });
    let first = u128::from_le_bytes(is_end).trailing_zeros() as usize / 8;
    (first < 16).then_some(first)
}

/// Where a quoted column ends, at a quote that is not doubled, and whether others before it are.
fn end_of_quoted(text: &[u8], from: usize) -> Option<(usize, bool)> {
    let (mut at, mut doubled) = (from, false);
    loop {
        at += quote(text.get(at..)?)?;
        if text.get(at + 1) != Some(&b'"') {
            return Some((at, doubled));
        }
        at += 2;
        doubled = true;
    }
}

/// How many bytes are before the first quote; most columns are short.
fn quote(text: &[u8]) -> Option<usize> {
    let near = text.first_chunk().and_then(until_in_chunk::<b'"', b'"'>);
    near.or_else(|| memchr(b'"', text))
}

/// How many newlines are within a record of some length: most are one line.
fn newlines(text: &[u8], length: usize) -> u64 {
    match memchr(b'\n', text) {
        Some(first) if first < length => memchr_iter(b'\n', &text[first..length]).count() as u64,
        _ => 0,
    }
}

impl Decode for Decoder {
    fn decode(&mut self, reading: &mut Reading<'_>, block: &Block<'_>) -> usize {
        let bytes = block.whole(end_of_records);
        self.recorder.begin(reading, &block.place.file);
        let mut fields = Fields::default();
        let mut number = block.place.line;
        let mut start = if bytes.starts_with(MARK) { MARK.len() } else { 0 };
        while start < bytes.len() {
            let text = &bytes[start..];
            let read = match self.clock.date_and_time(text) {
                // A comma may stand before a fraction elsewhere.
                Some((at_ns, known)) if text.get(19) != Some(&b',') => {
                    Some(at_ns).zip(fields.take(text, known, &mut self.alike))
                }
                _ => {
                    let length = fields.take(text, 0, &mut self.alike);
                    length.and_then(|length| Some((fields.at_ns(&mut self.clock)?, length)))
                }
            };
            let length = match read {
                Some((at_ns, length)) => {
                    if let Err(reason) = self.record(reading, at_ns, number, &fields) {
                        let offset = block.place.offset + start as u64;
                        reading.skipped.skip(&block.place.file, offset, number, length as u64, reason);
                    }
                    length
                }
                None => {
                    let length = memchr(b'\n', &bytes[start..]).unwrap_or(bytes.len() - start);
                    if !bytes[start..start + length].trim_ascii().is_empty() {
                        let offset = block.place.offset + start as u64;
                        let reason = "not a record of csvlog";
                        reading.skipped.skip(&block.place.file, offset, number, length as u64, reason);
                    }
                    length
                }
            };
            number += 1 + newlines(text, length);
            start += length + 1;
        }
        reading.remarks.extend(self.clock.assumed());
        bytes.len()
    }
}

impl Decoder {
    fn record(
        &mut self,
        reading: &mut Reading<'_>,
        at_ns: u64,
        line: u64,
        fields: &Fields<'_>,
    ) -> Result<(), &'static str> {
        let [message, detail, context, statement] = &mut self.rooms;
        let entry = Entry {
            at_ns,
            line,
            session: fields.raw(SESSION),
            user: fields.raw(USER),
            database: fields.raw(DATABASE),
            application: known(fields.raw(APPLICATION)),
            severity: severity::of_name(fields.raw(SEVERITY)),
            message: fields.text(MESSAGE, message),
            detail: fields.text(DETAIL, detail),
            context: fields.text(CONTEXT, context),
            statement: fields.text(STATEMENT, statement),
        };
        self.recorder.take(reading, &entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_end_between_records() {
        let record = b"2026-11-23 21:45:46.243 UTC,\"a\",\"b\n\"\"c\",1\n";
        let text = [&record[..], record].concat();
        assert_eq!(cut(Framing::Lines, &text), text.len());
        assert_eq!(cut(Framing::Lines, &text[..text.len() - 1]), record.len());
        assert_eq!(cut(Framing::Lines, &text[..record.len() - 4]), 0);
    }

    #[test]
    fn a_file_may_begin_within_a_record() {
        let record = [
            &b"2026-11-23 21:45:46.243 UTC,\"a\",\"b\",1,,6b04b409.a0c,1"[..],
            &b","[..].repeat(5),
            b"LOG,,\"a\nb\"",
        ];
        let record = [&record.concat(), &b","[..].repeat(12)[..], b"\n"].concat();
        let cut_off = [b"end of a \"\"statement\"\nwith lines\",,,\n", &record[..], &record].concat();
        let head = Head { bytes: &cut_off, whole: true };
        assert_eq!(sniff(head), Some(Framing::Lines));
        assert_eq!(cut(Framing::Lines, &cut_off), cut_off.len());
        assert_eq!(cut(Framing::Lines, &cut_off[..cut_off.len() - 1]), cut_off.len() - record.len());
        assert_eq!(sniff(Head { bytes: b"a,b\nc,d\n", whole: true }), None);
    }

    #[test]
    fn columns_of_any_length_end() {
        for length in 0..30 {
            let column = "x-+ -.".repeat(8)[..length].to_owned();
            for end in [",a,\n", "\na", ",", "\n", ""] {
                let text = format!("{column}{end}");
                assert_eq!(end_of_column(text.as_bytes(), 0), column.len(), "{text}");
                assert_eq!(
                    commas(&text.as_bytes()[length..]),
                    end.bytes().take_while(|byte| *byte == b',').count()
                );
                let text = format!("{column}\"{end}");
                assert_eq!(end_of_quoted(text.as_bytes(), 0), Some((column.len(), false)), "{text}");
            }
        }
    }

    #[test]
    fn times_are_read_before_columns_are() {
        let record = |time: &str| [time.as_bytes(), &b",x".repeat(23), b"\n"].concat();
        for time in ["2026-11-23 21:45:46.243 UTC", "\"2026-11-23 21:45:46.243 UTC\"", "2026-11-23 21:45:46"]
        {
            let text = record(time);
            let known = Clock::default().date_and_time(&text).map_or(0, |(_, length)| length);
            let (mut fields, (all, length)) = (Fields::default(), Fields::read(&text).expect("a record"));
            assert!(length + 1 == text.len() && all.raw(0) == time.trim_matches('"').as_bytes());
            if text.get(19) != Some(&b',') {
                assert_eq!(fields.take(&text, known, &mut Alike::default()), Some(length));
                assert_eq!(fields.columns, all.columns);
            }
        }
    }

    /// Records out of few parts.
    fn records() -> impl Iterator<Item = String> {
        let users = ["\"shop\"", "\"a \"\"b\"", "\"\"", ""];
        let sessions = ["6b04b409.a0c", "6b04b409.a0d", ""];
        let details = [",LOG,00000,\"a\nb\",\"c\"", ",LOG,00000,\"a \"\"b\",", ",ERROR,22012,x,\"c\",hint"];
        let ends = [
            ",,,,,,,,\"psql\",\"client backend\",,0\n",
            ",,,,,,,,\"a\"\"b\"\n",
            ",,,,,,,,\"\",,\r\n",
            ",,,,,,,,\"psql\",\"b\"\r\n",
            ",,,,,\n",
            ",,,,,,,,,,,,,,\n",
        ];
        users.into_iter().flat_map(move |user| {
            sessions.into_iter().flat_map(move |session| {
                let front = format!(
                    "2026-11-23 21:45:46.243 UTC,{user},\"shop\",4012,\"::1:5\",{session},7,\"SELECT\",,3/0,0"
                );
                details.into_iter().flat_map(move |detail| {
                    let front = front.clone();
                    ends.into_iter().map(move |end| format!("{front}{detail}{end}"))
                })
            })
        })
    }

    #[test]
    fn columns_that_come_again_are_those_that_are_read_anew() {
        let (mut fields, mut alike) = (Fields::default(), Alike::default());
        let (mut read, records) = (0, records().collect::<Vec<_>>());
        // Each after itself and after others.
        for record in records.iter().chain(records.iter().flat_map(|record| [record; 2])) {
            let text = record.as_bytes();
            let (_, known) = Clock::default().date_and_time(text).expect("a time");
            let anew = Fields::read(text);
            assert_eq!(
                fields.take(text, known, &mut alike),
                anew.as_ref().map(|(_, length)| *length),
                "{record}"
            );
            if let Some((anew, _)) = anew {
                let parts = |fields: &Fields<'_>| {
                    (0..COLUMNS_MAX).map(|column| fields.raw(column).to_vec()).collect::<Vec<_>>()
                };
                assert_eq!(parts(&fields), parts(&anew), "{record}");
                assert_eq!((fields.count, fields.doubled), (anew.count, anew.doubled), "{record}");
                read += 1;
            }
        }
        assert!(read > 3 * 100, "{read}");
    }

    #[test]
    fn reads_quoted_columns() {
        let text = [&b"a,\"b \"\"c\"\"\n,d\",,"[..], &b"x,".repeat(20), b"end\nnext"].concat();
        let (fields, length) = Fields::read(&text).expect("a record");
        let mut room = Vec::new();
        assert_eq!(fields.text(1, &mut room), b"b \"c\"\n,d");
        assert_eq!((fields.raw(0), fields.count, &text[length..]), (&b"a"[..], 24, &b"\nnext"[..]));
        assert!(Fields::read(b"a,\"b\n").is_none());
    }
}
