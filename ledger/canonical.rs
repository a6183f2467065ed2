//! Reading canonical JSON, as entries are written: no spaces, whole numbers, few escapes. It takes less than reading any JSON.
//! What is written otherwise is left to the library, so that the same is refused as by it, and for the reason that it tells.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

/// Lists and objects within each other; entries have half as many.
const DEPTH_MAX: usize = 32;

/// Digits of numbers that surely fit.
const DIGITS_MAX: usize = 18;

/// Times that eight bytes of a text are looked at; what is longer are durations.
const SHORT: usize = 3;

/// Reads a value, in canonical form or not.
pub(crate) fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    canonical(text).map_or_else(|_| serde_json::from_str(text), Ok)
}

fn canonical<T: DeserializeOwned>(text: &str) -> Result<T, Other> {
    let mut reader = Reader { text, place: 0, depth: 0 };
    let value = T::deserialize(&mut reader)?;
    match &text.as_bytes()[reader.place..] {
        b"" | b"\n" => Ok(value),
        _ => Err(Other),
    }
}

/// It is not written as it should be, or is another value than was expected: the library says what is wrong.
#[derive(Debug)]
struct Other;

impl fmt::Display for Other {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("no canonical JSON, or another value")
    }
}

impl std::error::Error for Other {}

impl de::Error for Other {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// A text, and how far it was read.
struct Reader<'de> {
    text: &'de str,
    place: usize,
    /// Lists and objects that are open.
    depth: usize,
}

impl<'de> Reader<'de> {
    fn next(&self) -> Result<u8, Other> {
        self.text.as_bytes().get(self.place).copied().ok_or(Other)
    }

    fn take(&mut self, expected: u8) -> Result<(), Other> {
        let is_it = self.next()? == expected;
        self.place += 1;
        is_it.then_some(()).ok_or(Other)
    }

    fn take_all(&mut self, expected: &str) -> Result<(), Other> {
        let rest = self.text.get(self.place..).ok_or(Other)?;
        self.place += expected.len();
        rest.starts_with(expected).then_some(()).ok_or(Other)
    }

    /// A text, with its quotes.
    fn string(&mut self) -> Result<Cow<'de, str>, Other> {
        self.take(b'"')?;
        let begin = self.place;
        self.place += plain(&self.text.as_bytes()[begin..]);
        let text = self.text.get(begin..self.place).ok_or(Other)?;
        match self.next()? {
            b'"' => {
                self.place += 1;
                Ok(Cow::Borrowed(text))
            }
            _ => self.escaped(begin - 1).map(Cow::Owned),
        }
    }

    /// A text with escapes, which begins at its quote.
    fn escaped(&mut self, begin: usize) -> Result<String, Other> {
        while self.next()? != b'"' {
            self.place += if self.next()? == b'\\' { 2 } else { 1 };
        }
        self.place += 1;
        serde_json::from_str(self.text.get(begin..self.place).ok_or(Other)?).map_err(|_| Other)
    }

    fn number(&mut self) -> Result<u64, Other> {
        let rest = &self.text.as_bytes()[self.place..];
        let (mut number, mut count) = (0u64, 0);
        for digit in rest.iter().map(|byte| byte.wrapping_sub(b'0')).take_while(|digit| *digit < 10) {
            number = number.wrapping_mul(10).wrapping_add(digit.into());
            count += 1;
        }
        self.place += count;
        let is_usual = count == 1 || (1..=DIGITS_MAX).contains(&count) && rest[0] != b'0';
        is_usual.then_some(number).ok_or(Other)
    }

    /// A number below zero.
    fn negative(&mut self) -> Result<i64, Other> {
        self.take(b'-')?;
        let number = i64::try_from(self.number()?).map_err(|_| Other)?;
        (number > 0).then_some(-number).ok_or(Other)
    }

    /// Opens a list or an object.
    fn open(&mut self) -> Result<Items<'_, 'de>, Other> {
        self.place += 1;
        self.depth += 1;
        match self.depth > DEPTH_MAX {
            true => Err(Other),
            false => Ok(Items { reader: self, is_first: true }),
        }
    }

    /// Closes what was opened.
    fn close(&mut self, end: u8) -> Result<(), Other> {
        self.depth -= 1;
        self.take(end)
    }
}

/// How many bytes of a text come before its end, or before one that is not written as it is.
fn plain(bytes: &[u8]) -> usize {
    for (place, eight) in bytes.as_chunks().0.iter().enumerate().take(SHORT) {
        let other = other(u64::from_le_bytes(*eight));
        if other != 0 {
            return place * 8 + other.trailing_zeros() as usize / 8;
        }
    }
    let begin = (bytes.len() / 8).min(SHORT) * 8;
    let long = &bytes[begin..];
    let end = memchr::memchr2(b'"', b'\\', long).unwrap_or(long.len());
    // All are looked at, which takes less than stopping at one of them.
    let has_control = long[..end].iter().fold(false, |has, byte| has | (*byte < b' '));
    if has_control { begin } else { begin + end }
}

/// The highest bits of those of eight bytes that end a text or are not written as they are; but for the lowest of them some that
/// follow one may be others.
fn other(eight: u64) -> u64 {
    const EACH: u64 = u64::MAX / 255;
    let below = |bytes: u64, bound: u8| bytes.wrapping_sub(EACH * u64::from(bound)) & !bytes;
    let is = |byte: u8| below(eight ^ (EACH * u64::from(byte)), 1);
    (below(eight, b' ') | is(b'"') | is(b'\\')) & (EACH << 7)
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Other;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Other> {
        match self.next()? {
            b'"' => match self.string()? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            },
            b'{' => {
                let value = visitor.visit_map(self.open()?)?;
                self.close(b'}').map(|()| value)
            }
            b'[' => {
                let value = visitor.visit_seq(self.open()?)?;
                self.close(b']').map(|()| value)
            }
            b'0'..=b'9' => visitor.visit_u64(self.number()?),
            b'-' => visitor.visit_i64(self.negative()?),
            b'n' => self.take_all("null").and_then(|()| visitor.visit_unit()),
            b't' => self.take_all("true").and_then(|()| visitor.visit_bool(true)),
            b'f' => self.take_all("false").and_then(|()| visitor.visit_bool(false)),
            _ => Err(Other),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Other> {
        match self.next()? {
            b'n' => self.take_all("null").and_then(|()| visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Other> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Other> {
        match self.next()? {
            b'{' => {
                let value = visitor.visit_enum(self.open()?)?;
                self.close(b'}').map(|()| value)
            }
            _ => match self.string()? {
                Cow::Borrowed(text) => visitor.visit_enum(BorrowedStrDeserializer::new(text)),
                Cow::Owned(_) => Err(Other),
            },
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// What is in a list or an object.
struct Items<'r, 'de> {
    reader: &'r mut Reader<'de>,
    is_first: bool,
}

impl Items<'_, '_> {
    /// Whether one more follows, before what ends them.
    fn has_next(&mut self, end: u8) -> Result<bool, Other> {
        match self.reader.next()? {
            byte if byte == end => Ok(false),
            _ if std::mem::take(&mut self.is_first) => Ok(true),
            _ => self.reader.take(b',').map(|()| true),
        }
    }

    fn key<'de, K: DeserializeSeed<'de>>(reader: &mut Reader<'de>, seed: K) -> Result<K::Value, Other> {
        let key = reader.string()?;
        reader.take(b':')?;
        match key {
            Cow::Borrowed(key) => seed.deserialize(BorrowedStrDeserializer::new(key)),
            Cow::Owned(key) => seed.deserialize(StringDeserializer::new(key)),
        }
    }
}

impl<'de> de::MapAccess<'de> for Items<'_, 'de> {
    type Error = Other;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Other> {
        match self.has_next(b'}')? {
            true => Self::key(self.reader, seed).map(Some),
            false => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Other> {
        seed.deserialize(&mut *self.reader)
    }
}

impl<'de> de::SeqAccess<'de> for Items<'_, 'de> {
    type Error = Other;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Other> {
        match self.has_next(b']')? {
            true => seed.deserialize(&mut *self.reader).map(Some),
            false => Ok(None),
        }
    }
}

impl<'de> de::EnumAccess<'de> for Items<'_, 'de> {
    type Error = Other;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(mut self, seed: V) -> Result<(V::Value, Self), Other> {
        let is_one = self.has_next(b'}')?;
        let variant = Self::key(self.reader, seed)?;
        is_one.then_some((variant, self)).ok_or(Other)
    }
}

/// Entries have no other variants with something in them than those that hold one value.
impl<'de> de::VariantAccess<'de> for Items<'_, 'de> {
    type Error = Other;

    fn unit_variant(self) -> Result<(), Other> {
        Err(Other)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Other> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Other> {
        Err(Other)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Other> {
        Err(Other)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;
    use crate::{Entry, Side, SideNote, What, samples, written};

    fn entry() -> String {
        let mut optimization = samples::optimization(60);
        optimization.before.runs.truncate(1);
        optimization.after.runs.clear();
        let what = What::Optimization(Box::new(optimization));
        let written = written("Ada \"<é>\"\n", "2026-11-29T03:31:45Z", &[], &what).unwrap();
        String::from_utf8(written.bytes).unwrap()
    }

    #[test]
    fn entries_are_read_as_the_library_reads_them() {
        let text = entry();
        assert_eq!(canonical::<Entry<Side>>(&text).unwrap(), serde_json::from_str(&text).unwrap());
        assert_eq!(canonical::<Entry<SideNote>>(&text).unwrap(), serde_json::from_str(&text).unwrap());
        assert_eq!(canonical::<Value>(&text).unwrap(), serde_json::from_str::<Value>(&text).unwrap());
    }

    /// Each byte of an entry becomes others.
    #[test]
    fn what_the_library_refuses_is_refused() {
        let text = entry();
        for place in 0..text.len() {
            for byte in [b'"', b'\\', b']', b',', b'0', b' ', 7] {
                let mut bytes = text.clone().into_bytes();
                bytes[place] = byte;
                let Ok(altered) = String::from_utf8(bytes) else { continue };
                if let Ok(read) = canonical::<Value>(&altered) {
                    assert_eq!(read, serde_json::from_str::<Value>(&altered).unwrap(), "{place} {byte}");
                }
                if let Ok(read) = canonical::<Entry<SideNote>>(&altered) {
                    assert_eq!(read, serde_json::from_str(&altered).unwrap(), "{place} {byte}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_canonical_is_left_to_the_library() {
        let spaces = ["", " 1", "1 ", "1\n\n"];
        let numbers = ["01", "-0", "-", "1.5", "1e3", "12345678901234567890"];
        let unfinished = ["nul", "[1,]", "[,1]", "[1", "{\"a\"}", "{\"a\":1,}", "{a:1}"];
        let texts = ["\"\u{7}\"", "\"a", "\"\\x\"", "\"\\ud800\""];
        for text in spaces.into_iter().chain(numbers).chain(unfinished).chain(texts) {
            assert!(canonical::<Value>(text).is_err(), "{text}");
        }
        assert!(canonical::<Value>(&"[".repeat(10_000)).is_err());
        assert_eq!(from_str::<Value>(" [1.5] ").unwrap(), serde_json::json!([1.5]));
        #[derive(Debug, PartialEq, Deserialize)]
        struct Of {
            key: Option<String>,
        }
        assert_eq!(canonical::<Of>("{\"k\\u0065y\":\"\\n\"}").unwrap(), Of { key: Some("\n".to_owned()) });
        let long = "é".repeat(20);
        assert_eq!(canonical::<Value>(&format!("\"{long}\"")).unwrap(), Value::from(long.as_str()));
        assert!(canonical::<Value>(&format!("\"{long}\u{1}\"")).is_err());
        assert!(canonical::<Of>("{\"key\":null,\"key\":null}").is_err());
    }
}
