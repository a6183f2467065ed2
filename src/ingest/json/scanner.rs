//! Steps over JSON text byte by byte and borrows from it; builds nothing that nobody asked for.
//!
//! Lenient where nothing can be mistaken (a missing or doubled comma), strict where an error shows that
//! text and structure have changed places (a bare word, a bracket of the other kind).

use memchr::{memchr, memchr3};

/// Brackets whose kinds are checked against each other; deeper ones are only counted.
const CHECKED_DEPTH: u32 = 128;

/// Why a scanner stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ingest) enum Stop {
    /// The text ends inside what was asked for.
    End,
    /// No room is left for texts without escapes: go on with a new scanner.
    Spent,
    /// It is not what was asked for.
    Bad(&'static str),
}

pub(in crate::ingest) type Scan<T> = Result<T, Stop>;

/// Refuses what is there.
#[cold]
pub(in crate::ingest) fn bad<T>(reason: &'static str) -> Scan<T> {
    Err(Stop::Bad(reason))
}

/// A value that is neither object nor array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::ingest) enum Scalar<'b> {
    /// A string, unescaped.
    Text(&'b [u8]),
    /// A number or one of its unofficial forms (`NaN`, `-Infinity`).
    Number(&'b [u8]),
    True,
    False,
    /// `null`, or a value that is no scalar and was stepped over.
    Nothing,
}

/// A place in a text, and room for strings whose escapes were undone.
pub(in crate::ingest) struct Scanner<'b> {
    bytes: &'b [u8],
    /// Where the scanner is.
    pub(in crate::ingest) at: usize,
    room: &'b mut [u8],
}

impl<'b> Scanner<'b> {
    pub(in crate::ingest) fn new(bytes: &'b [u8], at: usize, room: &'b mut [u8]) -> Self {
        Self { bytes, at, room }
    }

    pub(in crate::ingest) fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    #[inline(always)]
    fn rest(&self) -> &'b [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next byte that is not blank; the scanner stays at it.
    #[inline(always)]
    pub(in crate::ingest) fn peek(&mut self) -> Scan<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(&byte) => return Ok(byte),
                None => return Err(Stop::End),
            }
        }
    }

    /// The next byte that is neither blank nor a comma; the scanner stays at it.
    #[inline(always)]
    pub(in crate::ingest) fn separated(&mut self) -> Scan<u8> {
        loop {
            match self.peek()? {
                b',' => self.at += 1,
                byte => return Ok(byte),
            }
        }
    }

    /// Steps over this text if it is next, and says whether it was.
    #[inline(always)]
    pub(in crate::ingest) fn take(&mut self, text: &[u8]) -> bool {
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    /// Steps over this mark, or refuses what is there.
    pub(in crate::ingest) fn mark(&mut self, mark: &[u8]) -> Scan<()> {
        match self.rest() {
            rest if rest.starts_with(mark) => {
                self.at += mark.len();
                Ok(())
            }
            rest if mark.starts_with(rest) => Err(Stop::End),
            _ => bad("not a JSON document"),
        }
    }

    /// Steps over `text`, `N` bytes, a quote and a comma, and returns what the bytes mean; or stays
    /// where they mean nothing: there may be a quote among them.
    #[inline(always)]
    pub(in crate::ingest) fn take_fixed<const N: usize, T>(
        &mut self,
        text: &[u8],
        meaning: impl FnOnce(&[u8; N]) -> Option<T>,
    ) -> Option<T> {
        let value = self.rest().strip_prefix(text)?;
        let (value, after) = value.split_first_chunk::<N>()?;
        if !after.starts_with(b"\",") {
            return None;
        }
        let value = meaning(value)?;
        self.at += text.len() + N + 2;
        Some(value)
    }

    /// Steps over `text`, at most four digits and a comma; or stays.
    #[inline(always)]
    pub(in crate::ingest) fn skip_number(&mut self, text: &[u8]) {
        let Some(digits) = self.rest().strip_prefix(text) else {
            return;
        };
        let length = digits.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
        if digits.get(length) == Some(&b',') {
            self.at += text.len() + length + 1;
        }
    }

    /// The `N` bytes after `text`; the scanner stays.
    #[inline(always)]
    pub(in crate::ingest) fn ahead<const N: usize>(&self, text: &[u8]) -> Option<&'b [u8; N]> {
        self.rest().strip_prefix(text)?.first_chunk()
    }

    /// Steps over `text`, a string without escapes and `end` (from its closing quote on), and
    /// returns the string; or stays.
    #[inline(always)]
    pub(in crate::ingest) fn take_plain(&mut self, text: &[u8], end: &[u8]) -> Option<&'b [u8]> {
        self.take_text(text, end, special)
    }

    /// As [`Self::take_plain`], quicker on strings of a hundred bytes, slower on those of ten.
    #[inline(always)]
    pub(in crate::ingest) fn take_long(&mut self, text: &[u8], end: &[u8]) -> Option<&'b [u8]> {
        self.take_text(text, end, |value| memchr3(b'"', b'\\', 0, value))
    }

    #[inline(always)]
    fn take_text(
        &mut self,
        text: &[u8],
        end: &[u8],
        length: impl FnOnce(&[u8]) -> Option<usize>,
    ) -> Option<&'b [u8]> {
        let value = self.rest().strip_prefix(text)?;
        let length = length(value)?;
        let (value, after) = value.split_at_checked(length)?;
        if !after.starts_with(end) {
            return None;
        }
        self.at += text.len() + length + end.len();
        Some(value)
    }

    /// In an object: the next key, and the scanner is at its value; `None` after the object's end.
    #[inline(always)]
    pub(in crate::ingest) fn next_key(&mut self) -> Scan<Option<&'b [u8]>> {
        match self.separated()? {
            b'"' => {
                let key = self.text()?;
                match self.peek()? {
                    b':' => self.at += 1,
                    _ => return bad("a key without a value"),
                }
                self.peek()?;
                Ok(Some(key))
            }
            b'}' => {
                self.at += 1;
                Ok(None)
            }
            _ => bad("not a key where one belongs"),
        }
    }

    /// In an array: whether another element follows, and the scanner is at it; else behind the end.
    #[inline(always)]
    pub(in crate::ingest) fn next_element(&mut self) -> Scan<bool> {
        match self.separated()? {
            b']' => {
                self.at += 1;
                Ok(false)
            }
            _ => Ok(true),
        }
    }

    /// Steps into an object or array; `false` for `null`, which is stepped over.
    pub(in crate::ingest) fn open(&mut self, bracket: u8) -> Scan<bool> {
        match self.peek()? {
            byte if byte == bracket => {
                self.at += 1;
                Ok(true)
            }
            b'n' => self.word().map(|_| false),
            _ => bad("a value of another type than its key says"),
        }
    }

    /// The string that is next, its escapes undone.
    #[inline(always)]
    pub(in crate::ingest) fn text(&mut self) -> Scan<&'b [u8]> {
        let value = self.rest().get(1..).ok_or(Stop::End)?;
        let length = special(value).ok_or(Stop::End)?;
        let (plain, after) = value.split_at(length);
        if after.first() == Some(&b'"') {
            self.at += length + 2;
            return Ok(plain);
        }
        self.special_text()
    }

    fn special_text(&mut self) -> Scan<&'b [u8]> {
        let first = self.at + 1;
        self.skip_string()?;
        let raw = self.bytes.get(first..self.at - 1).unwrap_or_default();
        let room = std::mem::take(&mut self.room);
        match room.split_at_mut_checked(raw.len()) {
            Some((target, room)) => {
                self.room = room;
                let length = unescape(raw, target);
                Ok(&target[..length])
            }
            None => Err(Stop::Spent),
        }
    }

    /// Steps over the string that is next.
    #[inline(always)]
    pub(in crate::ingest) fn skip_string(&mut self) -> Scan<()> {
        let mut at = self.at + 1;
        loop {
            at += special(self.bytes.get(at..).unwrap_or_default()).ok_or(Stop::End)?;
            match self.bytes[at] {
                b'"' => {
                    self.at = at + 1;
                    return Ok(());
                }
                0 => return bad("a zero byte in a text"),
                _ => at += 2,
            }
        }
    }

    /// A number, `true`, `false`, `null` or an unofficial number.
    fn word(&mut self) -> Scan<Scalar<'b>> {
        let rest = self.rest();
        // Most are whole numbers.
        let sign = usize::from(rest.first() == Some(&b'-'));
        let end =
            rest.iter().skip(sign).position(|byte| !byte.is_ascii_digit()).map_or(0, |digits| sign + digits);
        if let (true, Some(b',' | b'}' | b']')) = (end > sign, rest.get(end)) {
            self.at += end;
            return Ok(Scalar::Number(&rest[..end]));
        }
        self.any_word(rest)
    }

    fn any_word(&mut self, rest: &'b [u8]) -> Scan<Scalar<'b>> {
        let length =
            rest.iter().position(|byte| matches!(byte, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t'));
        let word = &rest[..length.ok_or(Stop::End)?];
        let scalar = match word {
            b"true" => Scalar::True,
            b"false" => Scalar::False,
            b"null" => Scalar::Nothing,
            b"NaN" | b"Infinity" | b"-Infinity" => Scalar::Number(word),
            [b'-' | b'0'..=b'9', more @ ..] if more.iter().all(|byte| b"0123456789.eE+-".contains(byte)) => {
                Scalar::Number(word)
            }
            _ => return bad("a bare word where a value belongs"),
        };
        self.at += word.len();
        Ok(scalar)
    }

    /// The text or the bare word that is next, as it is written but for quotes and escapes.
    pub(in crate::ingest) fn written(&mut self) -> Scan<&'b [u8]> {
        let start = match self.peek()? {
            b'"' => return self.text(),
            _ => self.at,
        };
        self.word()?;
        Ok(&self.bytes[start..self.at])
    }

    /// The value that is next.
    pub(in crate::ingest) fn scalar(&mut self) -> Scan<Scalar<'b>> {
        match self.peek()? {
            b'"' => self.text().map(Scalar::Text),
            b'{' | b'[' => self.skip_value().map(|()| Scalar::Nothing),
            _ => self.word(),
        }
    }

    /// Steps over the value that is next, of any depth.
    pub(in crate::ingest) fn skip_value(&mut self) -> Scan<()> {
        let mut kinds: u128 = 0;
        let mut depth: u32 = 0;
        loop {
            match self.peek()? {
                b'"' => self.skip_string()?,
                open @ (b'{' | b'[') => {
                    kinds = if depth < CHECKED_DEPTH { kinds << 1 | u128::from(open == b'{') } else { kinds };
                    depth += 1;
                    self.at += 1;
                }
                close @ (b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    if depth < CHECKED_DEPTH {
                        if (kinds & 1 == 1) != (close == b'}') {
                            return bad("brackets that do not match");
                        }
                        kinds >>= 1;
                    }
                    self.at += 1;
                }
                b',' | b':' if depth > 0 => self.at += 1,
                _ => drop(self.word()?),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }
}

/// Most texts end within so many bytes; a search in larger steps takes longer to begin.
const NEAR: usize = 32;

/// Length of what comes before the next quote, backslash or zero byte: zeros are what a crash leaves of
/// blocks that were not written.
#[inline(always)]
pub(in crate::ingest) fn special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    while let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        if at == NEAR {
            return memchr3(b'"', b'\\', 0, &bytes[at..]).map(|length| at + length);
        }
        let word = u64::from_le_bytes(*eight);
        let quote = word ^ (ONES * b'"' as u64);
        let backslash = word ^ (ONES * b'\\' as u64);
        let is_zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let zero = is_zero(quote) | is_zero(backslash) | is_zero(word);
        if zero & HIGH != 0 {
            // The lowest set bit is exact; borrows spoil only those above it.
            return Some(at + (zero & HIGH).trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let tail = bytes.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0));
    tail.map(|position| at + position)
}

/// Undoes the escapes of a string into `target`, which is as long; returns the length.
fn unescape(raw: &[u8], target: &mut [u8]) -> usize {
    let mut written = 0;
    let mut rest = raw;
    let mut put = |bytes: &[u8]| {
        target[written..written + bytes.len()].copy_from_slice(bytes);
        written += bytes.len();
    };
    while let Some(plain) = memchr(b'\\', rest) {
        put(&rest[..plain]);
        let escape = rest.get(plain + 1).copied().unwrap_or(b'\\');
        rest = rest.get(plain + 2..).unwrap_or_default();
        match escape {
            b'n' => put(b"\n"),
            b't' => put(b"\t"),
            b'r' => put(b"\r"),
            b'b' => put(b"\x08"),
            b'f' => put(b"\x0c"),
            b'u' => match code_point(rest) {
                Some((character, used)) => {
                    rest = &rest[used..];
                    // Six bytes or more were read for at most four.
                    put(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                None => put(b"u"),
            },
            other => put(&[other]),
        }
    }
    put(rest);
    written
}

/// The character of the hexadecimal digits after `\u`, with its second surrogate where there is one,
/// and how many bytes they take; U+FFFD for half a pair, `None` for what are no four digits.
fn code_point(digits: &[u8]) -> Option<(char, usize)> {
    let first = four_digits(digits)?;
    let second = match digits.get(4..) {
        Some([b'\\', b'u', low @ ..]) if matches!(first, 0xd800..=0xdbff) => four_digits(low),
        _ => None,
    };
    let (code, used) = match second {
        Some(low @ 0xdc00..=0xdfff) => (0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00), 10),
        _ => (first, 4),
    };
    Some((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), used))
}

fn four_digits(digits: &[u8]) -> Option<u32> {
    let four = digits.first_chunk::<4>()?;
    four.iter().try_fold(0, |code, &digit| Some(code << 4 | (digit as char).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(json: &str) -> Vec<u8> {
        let mut room = [0; 256];
        Scanner::new(json.as_bytes(), 0, &mut room).text().unwrap().to_vec()
    }

    #[test]
    fn escapes_are_undone_as_a_general_parser_does() {
        for json in [
            r#""plain""#,
            r#""a\"b\\c\/d\b\f\n\r\t""#,
            r#""\u00e9\u20ac\ud83d\ude00 and \u0000""#,
            r#""eight bytes and then \"""#,
        ] {
            let expected: String = serde_json::from_str(json).unwrap();
            assert_eq!(text_of(json), expected.as_bytes(), "{json}");
        }
    }

    #[test]
    fn broken_escapes_lose_at_most_themselves() {
        assert_eq!(text_of(r#""a\ud83d!""#), "a\u{fffd}!".as_bytes());
        assert_eq!(text_of(r#""\ude00\ud83d\ud83d\ude00""#), "\u{fffd}\u{fffd}\u{1f600}".as_bytes());
        assert_eq!(text_of(r#""\u\u\u12\x""#), b"uuu12x");
    }

    fn skip(json: &str) -> Scan<usize> {
        let mut scanner = Scanner::new(json.as_bytes(), 0, &mut []);
        scanner.skip_value().map(|()| scanner.at)
    }

    #[test]
    fn values_of_any_depth_are_stepped_over() {
        let deep = format!("{}{}", "[{\"a\":".repeat(100_000), "1}]".repeat(100_000));
        for json in ["{}", "[1,2,{\"a\":\"]}\\\"\"}]", "\"\"", "{\"a\":[NaN,-Infinity,1e9,null,true]}", &deep]
        {
            assert_eq!(skip(&format!("{json},")), Ok(json.len()));
        }
    }

    #[test]
    fn text_that_changed_places_with_structure_is_noticed() {
        for json in ["[}", "{\"a\":[1}", "[word]", "{\"a\",b\":1}", "[1x]", "]", ","] {
            assert!(matches!(skip(json), Err(Stop::Bad(_))), "{json}");
        }
        for json in ["", "[", "\"abc", "\"abc\\", "{\"a\":1", "12"] {
            assert_eq!(skip(json), Err(Stop::End), "{json}");
        }
    }

    #[test]
    fn the_next_special_byte_is_found_at_every_distance() {
        for length in 0..100 {
            for byte in [b'"', b'\\', 0] {
                let mut bytes = vec![0xa2; length];
                bytes.extend([byte, b'"', b'\\']);
                assert_eq!(special(&bytes), Some(length));
            }
            assert_eq!(special(&vec![b'!'; length]), None);
        }
    }
}
