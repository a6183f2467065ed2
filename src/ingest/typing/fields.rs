//! The attributes of one span, found by key without a search.

use std::cell::Cell;

use crate::ingest::attributes::Key;
use crate::ingest::familiar::Keys;
use crate::ingest::raw::Value;

/// The attributes of one span. Of several under one key the first counts.
pub(super) struct Fields<'a> {
    list: &'a [(Key, Value<'a>)],
    /// For each key one more than the place of its first attribute; zero if there is none.
    places: [u8; Key::COUNT],
    /// Keys that were asked for.
    asked: Cell<Keys>,
}

impl<'a> Fields<'a> {
    /// Finds the attributes; those beyond the 255th are too many to be looked at.
    pub(super) fn new(list: &'a [(Key, Value<'a>)]) -> Self {
        let mut fields = Self { list, places: [0; Key::COUNT], asked: Cell::default() };
        // From the last one on, so that the first of several is noted last.
        for (place, (key, _)) in list.iter().enumerate().take(u8::MAX.into()).rev() {
            fields.places[*key as usize] = place as u8 + 1;
        }
        fields
    }

    /// Keys that were asked for, whether or not there is anything under them: nothing else was decided by.
    pub(super) fn asked(&self) -> Keys {
        self.asked.get()
    }

    /// One more than the place of the first attribute with a key; zero if there is none.
    #[inline(always)]
    fn place(&self, key: Key) -> u8 {
        self.asked.set(self.asked.get().with(key));
        self.places[key as usize]
    }

    /// The value under a key.
    pub(super) fn value(&self, key: Key) -> Option<Value<'a>> {
        let place = self.place(key);
        (place != 0).then(|| self.list[usize::from(place) - 1].1)
    }

    /// Whether there is anything under a key.
    pub(super) fn has(&self, key: Key) -> bool {
        self.place(key) != 0
    }

    /// The text under the first of these keys that has one; never empty.
    pub(super) fn text<const N: usize>(&self, keys: [Key; N]) -> Option<&'a [u8]> {
        keys.into_iter().find_map(|key| match self.value(key) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        })
    }

    /// The text under the first of these keys that has one, with its key.
    pub(super) fn keyed_text<const N: usize>(&self, keys: [Key; N]) -> Option<(Key, &'a [u8])> {
        keys.into_iter().find_map(|key| Some((key, self.text([key])?)))
    }

    /// The whole number under the first of these keys that has one, also where it is told as a text.
    pub(super) fn number<const N: usize>(&self, keys: [Key; N]) -> Option<u64> {
        keys.into_iter().find_map(|key| number_of(self.value(key)?))
    }

    /// The truth value under a key, also where it is told as a text.
    pub(super) fn truth(&self, key: Key) -> Option<bool> {
        match self.value(key)? {
            Value::Boolean(truth) => Some(truth),
            Value::Text(b"true" | b"True" | b"hit") => Some(true),
            Value::Text(b"false" | b"False" | b"miss") => Some(false),
            _ => None,
        }
    }

    /// All values under a key, in their order.
    pub(super) fn all(&self, key: Key) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let first = usize::from(self.place(key));
        let list = if first == 0 { &[] } else { &self.list[first - 1..] };
        list.iter().filter(move |(other, _)| *other == key).map(|(_, value)| *value)
    }
}

/// A value as a whole number, also where it is told as a text.
pub(super) fn number_of(value: Value<'_>) -> Option<u64> {
    match value {
        Value::Integer(number) => u64::try_from(number).ok(),
        Value::Double(number) if number >= 0.0 => Some(number as u64),
        Value::Text(text) => std::str::from_utf8(text).ok()?.trim().parse().ok(),
        _ => None,
    }
}
