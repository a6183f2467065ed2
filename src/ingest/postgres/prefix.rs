//! `log_line_prefix`: what stands in front of each line of PostgreSQL's log on stderr.
//!
//! Source: PostgreSQL's documentation, "Error Reporting and Logging", `log_line_prefix`.

use memchr::{memchr_iter, memmem};

use super::severity;
use crate::ingest::timestamp::{Clock, date_and_time, epoch};

/// What a prefix may have in bytes and escapes; a longer one is not known.
const PARTS_MAX: usize = 240;

/// Lines that are looked at to find the prefix out.
const LINES_MAX: usize = 200;

/// Of these so many in a hundred have to fit; others may be of another program, or of another prefix.
const FIT_MIN: usize = 30;

/// So many places are tried where a text may end.
const ENDS_MAX: usize = 8;

/// Prefixes that servers, packages and services set. The first that fits most lines is taken.
const KNOWN: &[&str] = &[
    "%m [%p] %q%u@%d ",
    "%t [%p-%l] %q%u@%d ",
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%m [%p] %q[user=%u,db=%d,app=%a] ",
    "%m [%p] %q[user=%u,db=%d,app=%a,host=%h] ",
    "%m [%p][%v] : [%l-1] %q[app=%a] ",
    "%m [%p][%b][%v][%x] %q[user=%u,db=%d,app=%a] ",
    "%t [%p]: [%l-1] user=%u,db=%d - PG-%e ",
    "%t [%p]: [%l-1] [trx_id=%x] user=%u,db=%d ",
    "%m [%p]: [%l-1] db=%d,user=%u ",
    "%t:%r:%u@%d:[%p]:",
    "%t [%p]: [%l-1] %c %x %d %u %a %h ",
    "%m %r %u %a [%c] [%p] ",
    "pid=%p,user=%u,db=%d,app=%a,client=%h ",
    "user=%u,db=%d,app=%a,client=%h ",
    "%p-%s-%c-%l-%h-%u-%d-%m ",
    "%n %p %Q %e %v %b %P ",
    "%c:%l:%s:%x:%i:%r:%a",
    "%t-%c-",
    " sql_error_code = %e time_ms = \"%m\" pid=\"%p\" proc_start_time=\"%s\" session_id=\"%c\" vtid=\"%v\" \
     tid=\"%x\" log_line=\"%l\" %qdatabase=\"%d\" connection_source=\"%r\" user=\"%u\" application_name=\"%a\" ",
    " sql_error_code = %e ",
    "%m [%p] ",
    "%t [%p] ",
    "%m [%p]: ",
    "%t [%p]: ",
    "%m ",
    "%t ",
    "",
];

/// A prefix; its escapes have the highest bit set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    length: u8,
    parts: [u8; PARTS_MAX],
}

impl std::fmt::Debug for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prefix({})", self.text())
    }
}

/// What a server sets where nothing else is said.
const DEFAULT: &str = "%m [%p] ";

/// Marks an escape.
pub(super) const ESCAPE: u8 = 0x80;

/// The escape for blanks that fill a field up to its width.
const PADDING: u8 = ESCAPE | b'_';

/// The escape for a word that means nothing here.
const WORD: u8 = ESCAPE | b'?';

/// What the prefix of a line says; what it does not is empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fields<'b> {
    /// Nanoseconds since the Unix epoch; zero where the line has no time.
    pub(super) at_ns: u64,
    /// `%c`.
    pub(super) session: &'b [u8],
    /// `%p`.
    pub(super) pid: &'b [u8],
    /// `%u`.
    pub(super) user: &'b [u8],
    /// `%d`.
    pub(super) database: &'b [u8],
    /// `%a`.
    pub(super) application: &'b [u8],
    /// `%r`, `%h` and `%L`.
    pub(super) hosts: [&'b [u8]; 3],
    /// A text did not end where it first could: what is behind the prefix may have decided that.
    pub(super) retried: bool,
}

impl Prefix {
    /// Reads what is given on the command line: a value of `log_line_prefix`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn given(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| {
            format!(
                "a prefix of more than {PARTS_MAX} bytes, or with letters that are not ASCII, is not read"
            )
        })
    }

    /// Reads the setting `log_line_prefix` of a `postgresql.conf`: the last one counts, and where all are comments the
    /// server's default.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn of_configuration(text: &str) -> Result<Self, String> {
        let mut is_mentioned = false;
        let mut value = None;
        for line in text.lines() {
            let line = line.trim_start();
            let (setting, is_comment) = match line.strip_prefix('#') {
                Some(setting) => (setting.trim_start(), true),
                None => (line, false),
            };
            let Some(rest) = setting.strip_prefix("log_line_prefix") else { continue };
            is_mentioned = true;
            if !is_comment {
                let rest = rest.trim_start();
                value = Some(setting_value(rest.strip_prefix('=').unwrap_or(rest).trim_start()));
            }
        }
        match value {
            Some(Some(value)) => Self::given(&value),
            Some(None) => Err("its log_line_prefix is not in single quotes".to_owned()),
            None if is_mentioned => Self::given(DEFAULT),
            None => Err("no log_line_prefix is in it".to_owned()),
        }
    }

    /// Itself, or with a blank behind, whichever fits lines of a text.
    pub(in crate::ingest) fn fitting(&self, text: &[u8]) -> Option<Self> {
        [Some(*self), self.with_blank()]
            .into_iter()
            .flatten()
            .find(|prefix| lines(text).any(|line| prefix.fits(line)))
    }

    /// With a blank behind, which is lost easily where it is given.
    pub(in crate::ingest) fn with_blank(&self) -> Option<Self> {
        let mut longer = *self;
        longer.push(b' ')?;
        Some(longer)
    }

    /// Reads a value of `log_line_prefix`; `None` where it is too long or not ASCII.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut prefix = Self { length: 0, parts: [0; PARTS_MAX] };
        let mut bytes = text.bytes().peekable();
        while let Some(byte) = bytes.next() {
            if byte != b'%' {
                prefix.push(byte)?;
                continue;
            }
            let right = bytes.next_if_eq(&b'-').is_some();
            let mut padded = right;
            while bytes.next_if(u8::is_ascii_digit).is_some() {
                padded = true;
            }
            let Some(escape) = bytes.next() else { break };
            match escape {
                b'%' => prefix.push(b'%')?,
                b'a' | b'u' | b'd' | b'r' | b'h' | b'L' | b'b' | b'p' | b'P' | b't' | b'm' | b'n' | b'i'
                | b'e' | b'c' | b'l' | b's' | b'v' | b'x' | b'q' | b'Q' => {
                    if padded && !right {
                        prefix.push_escape(PADDING)?;
                    }
                    prefix.push_escape(ESCAPE | escape)?;
                    if padded && right {
                        prefix.push_escape(PADDING)?;
                    }
                }
                // The server prints nothing for what it does not know.
                _ => {}
            }
        }
        Some(prefix)
    }

    fn push(&mut self, byte: u8) -> Option<()> {
        if byte >= ESCAPE {
            return None;
        }
        self.push_escape(byte)
    }

    fn push_escape(&mut self, part: u8) -> Option<()> {
        *self.parts.get_mut(usize::from(self.length))? = part;
        self.length += 1;
        Some(())
    }

    /// Its letters and escapes.
    pub(super) fn parts(&self) -> &[u8] {
        &self.parts[..usize::from(self.length)]
    }

    /// As it is written in `postgresql.conf`.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for &part in self.parts() {
            match part {
                PADDING => {}
                WORD => text.push('…'),
                b'%' => text.push_str("%%"),
                _ if part >= ESCAPE => text.extend(['%', char::from(part & !ESCAPE)]),
                _ => text.push(char::from(part)),
            }
        }
        text
    }

    /// Whether it tells when lines were written.
    pub(in crate::ingest) fn has_time(&self) -> bool {
        let times = [b'm', b't', b'n'].map(|escape| ESCAPE | escape);
        self.parts().iter().any(|part| times.contains(part))
    }

    /// Whether it tells sessions apart.
    pub(in crate::ingest) fn has_session(&self) -> bool {
        self.parts().iter().any(|&part| part == ESCAPE | b'c' || part == ESCAPE | b'p')
    }

    /// Reads the prefix of a line: what it says, and where the severity begins.
    pub(super) fn read<'b>(&self, line: &'b [u8], clock: &mut Clock) -> Option<(Fields<'b>, usize)> {
        let mut fields = Fields::default();
        let at = read(self.parts(), line, 0, clock, &mut fields)?;
        Some((fields, at))
    }

    /// Whether it tells a time or a session: other programs write lines with severities, too.
    fn tells_something(&self) -> bool {
        let times = [b'm', b't', b'n', b's'].map(|escape| ESCAPE | escape);
        self.has_session() || self.parts().iter().any(|part| times.contains(part))
    }

    /// Whether it has words of which nobody knows what they are.
    pub(in crate::ingest) fn has_unknown(&self) -> bool {
        self.parts().contains(&WORD)
    }

    fn fits(&self, line: &[u8]) -> bool {
        self.read(line, &mut Clock::default()).is_some()
    }

    /// How much it says, where several fit.
    fn weight(&self) -> usize {
        let escapes = self.parts().iter().filter(|&&part| part >= ESCAPE && part != WORD && part != PADDING);
        2 * escapes.count() + usize::from(self.has_session())
    }

    /// The prefix of the lines of a text; `None` where none fits.
    pub(super) fn detect(text: &[u8]) -> Option<Self> {
        let lines: Vec<&[u8]> = lines(text).collect();
        let known = KNOWN.iter().filter_map(|known| Self::parse(known));
        let guessed = lines.iter().take(8).filter_map(|line| Self::guess(line)).filter(Self::tells_something);
        let known =
            known.filter(|prefix| prefix.tells_something() || lines.iter().any(|line| is_bare_record(line)));
        let fitting = known.chain(guessed).filter_map(|prefix| {
            let fits = lines.iter().filter(|line| prefix.fits(line)).count();
            (fits * 100 >= lines.len() * FIT_MIN && fits > 0).then_some((fits, prefix))
        });
        // The last of equals would win otherwise.
        let all: Vec<(usize, Self)> = fitting.collect();
        let best = all.iter().map(|(fits, prefix)| (*fits, prefix.weight())).max()?;
        all.into_iter().find(|(fits, prefix)| (*fits, prefix.weight()) == best).map(|(_, prefix)| prefix)
    }

    /// A prefix that one line alone fits: for lines that were written before or after a change of the setting.
    pub(super) fn of_line(line: &[u8]) -> Option<Self> {
        severity::find(line)?;
        let known = KNOWN.iter().filter_map(|known| Self::parse(known));
        let mut fitting = known.filter(|prefix| prefix.length > 0 && prefix.fits(line));
        fitting.next().or_else(|| Self::guess(line).filter(|guess| guess.fits(line)))
    }

    /// Makes a prefix out of what the parts of a line look like.
    fn guess(line: &[u8]) -> Option<Self> {
        let end = severity::find(line)?;
        let mut prefix = Self { length: 0, parts: [0; PARTS_MAX] };
        // Where a number is in brackets, others are no process ids.
        let bracketed = |at: usize| at > 0 && matches!(line[at - 1], b'[' | b'{' | b'(' | b'<');
        let is_pid = |at: usize, digits: usize| {
            let after = line.get(at + digits);
            let apart =
                !matches!(after, Some(b'.' | b':' | b'/')) && (at == 0 || !b".:/".contains(&line[at - 1]));
            (2..=7).contains(&digits) && line[at] != b'0' && apart
        };
        let digits_at = |at: usize| line[at..end].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let in_brackets = (1..end).any(|at| {
            bracketed(at)
                && is_pid(at, digits_at(at))
                && matches!(line.get(at + digits_at(at)), Some(b']' | b'}' | b')' | b'>' | b'-'))
        });
        let (mut at, mut pid) = (0, false);
        while at < end {
            let rest = &line[at..end];
            let (part, length) = if let Some((_, length)) = date_and_time(rest) {
                (ESCAPE | b'm', length)
            } else if let Some((_, length)) =
                epoch(rest).filter(|(_, length)| rest.get(10) == Some(&b'.') && *length > 11)
            {
                (ESCAPE | b'n', length)
            } else if let Some(length) = session_id(rest) {
                (ESCAPE | b'c', length)
            } else if let Some((escape, key)) = named(rest) {
                rest[..key].iter().try_for_each(|&byte| prefix.push(byte))?;
                at += key;
                let value = line[at..end].iter().take_while(|byte| !b" ,\"]'|;".contains(byte)).count();
                (escape, value)
            } else {
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let word =
                    rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
                let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
                match (digits, word) {
                    // A field that is filled up to a width.
                    (0, 0) if blanks > 1 => (PADDING, blanks),
                    (0, 0) => {
                        prefix.push(rest[0])?;
                        at += 1;
                        continue;
                    }
                    (digits, word)
                        if digits == word
                            && !pid
                            && is_pid(at, digits)
                            && (bracketed(at) || !in_brackets) =>
                    {
                        pid = true;
                        (ESCAPE | b'p', digits)
                    }
                    (_, word) => (WORD, word),
                }
            };
            prefix.push_escape(part)?;
            at += length;
        }
        Some(prefix)
    }
}

/// The lines of a text that begin a record, up to [`LINES_MAX`]; the last one may be cut and is left out.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    let lines = memchr_iter(b'\n', text).map(move |end| &text[std::mem::replace(&mut start, end + 1)..end]);
    lines.filter(|line| line.first() != Some(&b'\t') && severity::find(line).is_some()).take(LINES_MAX)
}

/// A value in single quotes, which are doubled or behind a backslash in it.
fn setting_value(text: &str) -> Option<String> {
    let mut letters = text.strip_prefix('\'')?.chars().peekable();
    let mut value = String::new();
    loop {
        match letters.next()? {
            '\'' if letters.next_if_eq(&'\'').is_some() => value.push('\''),
            '\'' => return Some(value),
            '\\' => value.push(letters.next()?),
            letter => value.push(letter),
        }
    }
}

/// What a log is that looks like PostgreSQL's and is not read: `told` is the prefix that it was said to have.
pub(in crate::ingest) fn unreadable(text: &[u8], told: Option<&Prefix>) -> Option<String> {
    let (mut count, mut sample) = (0, None);
    for line in lines(text) {
        count += 1;
        sample.get_or_insert(line);
    }
    let Some(sample) = sample else {
        return is_translated(text).then(|| {
            "it looks like a log of PostgreSQL in another language than English: set lc_messages = 'C'"
                .to_owned()
        });
    };
    let (severity, _) = sample.split_at(severity::find(sample).unwrap_or(0));
    let shown = hidden(severity);
    let tried = told.map_or(String::new(), |told| {
        format!("--log-line-prefix '{}' fits none of its lines, and ", told.text())
    });
    Some(format!(
        "it looks like a log of PostgreSQL, but {tried}what its log_line_prefix is cannot be found out from {count} \
         lines such as `{shown}LOG:  …` (letters shown as x, digits as 9): give it by --log-line-prefix, as \
         `SHOW log_line_prefix` says"
    ))
}

/// Whether lines have `LOG` in a language that writes it otherwise.
fn is_translated(text: &[u8]) -> bool {
    const LOG: &[&str] =
        &["СООБЩЕНИЕ:  ", "ЗАПИСУВАННЯ:  ", "日志:  ", "로그:  ", "LOGG:  ", "ჟურნალი:  ", "DZIENNIK:  "];
    LOG.iter().any(|log| memmem::find(text, log.as_bytes()).is_some())
}

/// The form of a text without what it says: letters as `x`, digits as `9`.
pub(super) fn hidden(text: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&text[..text.len().min(HIDDEN_MAX)]);
    let form = shown.chars().map(|letter| match letter {
        '0'..='9' => '9',
        letter if letter.is_ascii_punctuation() || letter == ' ' => letter,
        _ => 'x',
    });
    form.collect()
}

/// Bytes of a text whose form is shown.
const HIDDEN_MAX: usize = 80;

/// A line without any prefix that can only be of PostgreSQL.
fn is_bare_record(line: &[u8]) -> bool {
    [&b"LOG:  duration: "[..], b"LOG:  statement: ", b"LOG:  execute ", b"LOG:  connection "]
        .iter()
        .any(|begin| line.starts_with(begin))
}

/// `user=` and the like: what follows, and how long the name is.
pub(super) fn named(text: &[u8]) -> Option<(u8, usize)> {
    const NAMES: &[(&[u8], u8)] = &[
        (b"user=", b'u'),
        (b"usr=", b'u'),
        (b"db=", b'd'),
        (b"database=", b'd'),
        (b"app=", b'a'),
        (b"application_name=", b'a'),
        (b"client=", b'h'),
        (b"host=", b'h'),
        (b"remote=", b'r'),
        (b"pid=", b'p'),
        (b"session=", b'c'),
        (b"session_id=", b'c'),
    ];
    let known = NAMES.iter().find(|(name, _)| text.starts_with(name));
    known.map(|(name, escape)| (ESCAPE | escape, name.len()))
}

/// How long a session id at the front is: `6b04b409.a0c`.
pub(super) fn session_id(text: &[u8]) -> Option<usize> {
    let hex = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let start = hex(text);
    if !(7..=9).contains(&start) || text.get(start) != Some(&b'.') {
        return None;
    }
    let pid = hex(&text[start + 1..]);
    (1..=8).contains(&pid).then_some(start + 1 + pid)
}

/// Reads parts from a place in a line on; returns where the severity begins.
pub(super) fn read<'b>(
    mut parts: &[u8],
    line: &'b [u8],
    mut at: usize,
    clock: &mut Clock,
    fields: &mut Fields<'b>,
) -> Option<usize> {
    loop {
        let text = line.get(at..)?;
        let Some((&part, rest)) = parts.split_first() else {
            return severity::at(text).then_some(at);
        };
        let length = match part & !ESCAPE {
            _ if part < ESCAPE => {
                if text.first() != Some(&part) {
                    return None;
                }
                1
            }
            b'q' if severity::at(text) => return Some(at),
            b'q' => 0,
            b'_' => while_in(text, |byte| byte == b' '),
            b'm' | b't' => {
                let (at_ns, length) = clock.date_and_time(text)?;
                fields.at_ns = at_ns;
                length
            }
            b'n' => {
                let (at_ns, length) = epoch(text)?;
                fields.at_ns = at_ns;
                length
            }
            b's' => date_and_time(text)?.1,
            b'c' => {
                let length = session_id(text)?;
                fields.session = &text[..length];
                length
            }
            b'p' => {
                let length = while_in(text, |byte| byte.is_ascii_digit());
                fields.pid = &text[..length];
                if length == 0 {
                    return None;
                }
                length
            }
            b'l' | b'x' | b'P' => while_in(text, |byte| byte.is_ascii_digit()),
            b'Q' => while_in(text, |byte| byte.is_ascii_digit() || byte == b'-'),
            b'v' => while_in(text, |byte| byte.is_ascii_digit() || byte == b'/'),
            b'e' | b'?' => while_in(text, |byte| byte.is_ascii_alphanumeric() || byte == b'_'),
            escape => return read_text(escape, rest, line, at, clock, fields),
        };
        at += length;
        parts = rest;
    }
}

/// How many bytes at the front are of a kind.
fn while_in(text: &[u8], is: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|byte| !is(*byte)).unwrap_or(text.len())
}

/// Reads a text of any form: it ends where what follows it fits.
fn read_text<'b>(
    escape: u8,
    rest: &[u8],
    line: &'b [u8],
    at: usize,
    clock: &mut Clock,
    fields: &mut Fields<'b>,
) -> Option<usize> {
    let literal = &rest[..rest.iter().take_while(|part| **part < ESCAPE).count()];
    let text = &line[at..];
    let mut take = |length: usize| {
        let end = read(rest, line, at + length, clock, fields)?;
        let value = &text[..length];
        match escape {
            b'u' => fields.user = value,
            b'd' => fields.database = value,
            b'a' => fields.application = value,
            b'r' => fields.hosts[0] = value,
            b'h' => fields.hosts[1] = value,
            b'L' => fields.hosts[2] = value,
            _ => {}
        }
        Some(end)
    };
    if literal.is_empty() {
        // Nothing tells where it ends but what follows: the severity, or another escape behind a blank.
        let end = severity::find(text)?;
        return take(if rest.is_empty() {
            end
        } else {
            text.iter().position(|byte| *byte == b' ').unwrap_or(end)
        });
    }
    let mut ends = memmem::find_iter(text, literal).take(ENDS_MAX);
    if let Some(end) = take(ends.next()?) {
        return Some(end);
    }
    let end = ends.find_map(&mut take)?;
    fields.retried = true;
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'b>(prefix: &str, line: &'b str) -> Option<(Fields<'b>, &'b str)> {
        let (fields, at) = Prefix::parse(prefix)?.read(line.as_bytes(), &mut Clock::default())?;
        Some((fields, &line[at..]))
    }

    #[test]
    fn each_known_prefix_can_be_parsed() {
        for known in KNOWN {
            assert_eq!(Prefix::parse(known).map(|prefix| prefix.text()).as_deref(), Some(*known));
        }
    }

    #[test]
    fn reads_fields() {
        let line = "2026-11-23 21:46:43.036 UTC [4012]: [2-1] user=api,db=shop,app=py driver, v=1,client=::1 LOG:  x";
        let (fields, rest) = read("%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ", line).expect("fits");
        assert_eq!(rest, "LOG:  x");
        assert_eq!((fields.pid, fields.user, fields.database), (&b"4012"[..], &b"api"[..], &b"shop"[..]));
        assert_eq!(fields.application, b"py driver, v=1");
        let (fields, rest) =
            read("%n %p %Q %e %v %b %P ", "1795470383.621 3607 -24 00000  not initialized  LOG:  x")
                .expect("fits");
        assert_eq!((fields.at_ns, fields.pid, rest), (1_795_470_383_621_000_000, &b"3607"[..], "LOG:  x"));
        let (fields, _) = read(
            "%c:%l:%s:%x:%i:%r:%a",
            "6b04b409.a0c:4:2026-11-23 21:45:45 UTC:0:CREATE TABLE:[local]:psqlERROR:  x",
        )
        .expect("fits");
        assert_eq!((fields.session, fields.application), (&b"6b04b409.a0c"[..], &b"psql"[..]));
        assert!(
            read("%m [%p] %q%u@%d ", "2026-11-23 21:45:45.843 UTC [1] LOG:  checkpoint starting: time")
                .is_some()
        );
        let (fields, _) = read("%-10u|%5p|", "api       | 4012|LOG:  x").expect("fits");
        assert_eq!((fields.user.trim_ascii(), fields.pid), (&b"api"[..], &b"4012"[..]));
        assert!(read("%m [%p] ", "2026-11-23 21:45:45.843 UTC [1] user x LOG:  y").is_none());
    }

    #[test]
    fn reads_configurations() {
        let read = |text: &str| Prefix::of_configuration(text).map(|prefix| prefix.text());
        assert_eq!(read("#log_line_prefix = '%m [%p] '\t\t# special values:\n"), Ok("%m [%p] ".to_owned()));
        assert_eq!(
            read("log_line_prefix = 'a'\n log_line_prefix='%t ''x'' \\'[%p]# '  # y\n"),
            Ok("%t 'x' '[%p]# ".to_owned())
        );
        assert_eq!(read("log_line_prefix '%m '"), Ok("%m ".to_owned()));
        assert!(read("port = 5432\n").is_err() && read("log_line_prefix = %m\n").is_err());
    }

    #[test]
    fn a_blank_that_is_lost_is_found() {
        let text = b"2026-11-23 21:45:45.843 UTC|4012 LOG:  x\n";
        let fitting = |prefix: &str| Prefix::given(prefix).ok()?.fitting(text).map(|prefix| prefix.text());
        assert_eq!(fitting("%m|%p"), Some("%m|%p ".to_owned()));
        assert_eq!(fitting("%m [%p] "), None);
    }

    #[test]
    fn what_cannot_be_read_shows_no_value() {
        let text = "shop über LOG:  duration: 5 ms\nshop über LOG:  x\n";
        let told = unreadable(text.as_bytes(), None).expect("looks like it");
        assert!(told.contains("2 lines such as `xxxx xxxx LOG:  …`") && !told.contains("shop"), "{told}");
        assert!(unreadable("СООБЩЕНИЕ:  x".as_bytes(), None).expect("looks like it").contains("lc_messages"));
        assert_eq!(unreadable(b"nothing: here\n", None), None);
    }

    #[test]
    fn finds_out_what_it_does_not_know() {
        let text = "<2026-11-23 21:45:45.843 UTC> {4012} user=api LOG:  duration: 1.0 ms\n\
                    <2026-11-23 21:45:46.843 UTC> {4013} user=web LOG:  duration: 1.0 ms\n";
        let prefix = Prefix::detect(text.as_bytes()).expect("some prefix");
        assert_eq!(prefix.text(), "<%m> {%p} user=%u ");
        let text = "2026-11-23 21:45:45.843 UTC     4012|api       |LOG:  duration: 1.0 ms\n\
                    2026-11-23 21:45:46.843 UTC   401233|web       |LOG:  duration: 1.0 ms\n";
        let prefix = Prefix::detect(text.as_bytes()).expect("some prefix");
        assert_eq!(prefix.read(text.as_bytes(), &mut Clock::default()).expect("fits").0.pid, b"4012");
    }
}
