//! Lists of attributes that were read before: programs write the same ones again and again, and differ in few values.
//!
//! A tree of attributes as they are written. Reading a list goes down the tree: what followed before is compared with the
//! bytes that are next, which is quicker than reading them, and whatever is not found there is read in full and added. A
//! list that was read to its end has a [`Path`], by which what was worked out about it can be found again.

use super::attributes::Key;
use super::raw::{Attributes, Kept, Value};
use super::{otlp_json, otlp_protobuf};

/// Attributes that are known at once; then what is new is not learned.
const NODES_MAX: usize = 8192;

/// Bytes that are kept of an attribute; one with more to compare is not learned. With [`NODES_MAX`] at most 4 MB.
pub(super) const BYTES_MAX: usize = 512;

/// Different attributes behind one: more are values that nobody would see again.
const NEXT_MAX: usize = 16;

/// After so many attributes that could not be learned all is forgotten: other programs write now.
const MISSED_MAX: u32 = 1 << 17;

/// What an attribute looks like where it is written.
pub(super) trait Written: Sized {
    /// Where a reader is in the bytes.
    type Reader<'b>;

    /// Takes the attribute from the reader, if it is next.
    fn take<'b>(&self, reader: &mut Self::Reader<'b>) -> Option<Option<(Key, Value<'b>)>>;

    /// The key whose value may be another one each time, or all of them where the value means nothing.
    fn varying(&self) -> Keys;
}

/// A set of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Keys(u128);

const _: () = assert!(Key::COUNT <= 128);

impl Keys {
    /// The set of these.
    pub(super) fn of(keys: &[Key]) -> Self {
        keys.iter().fold(Self::default(), |keys, key| keys.with(*key))
    }

    /// With one more.
    pub(super) fn with(self, key: Key) -> Self {
        Self(self.0 | 1 << key as u8)
    }

    /// Those of either.
    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of both.
    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that the other one lacks.
    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether a key is among them.
    pub(super) fn has(self, key: Key) -> bool {
        self.0 & 1 << key as u8 != 0
    }

    /// How many there are.
    pub(super) fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is none.
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A list of attributes that was read before: equal but for the values of some keys where the number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Path {
    /// Zero where it is not known; else no other list has had it.
    pub(super) number: u32,
    /// Keys whose values may be others than before.
    pub(super) varying: Keys,
}

impl Path {
    /// Whether such a list was read before.
    pub(super) fn is_known(self) -> bool {
        self.number != 0
    }
}

/// The attributes that one reader has seen, each behind those before it.
#[derive(Debug)]
pub(super) struct Familiar<W> {
    nodes: Vec<Node<W>>,
    /// Number of the first node.
    first: u32,
    missed: u32,
}

#[derive(Debug)]
struct Node<W> {
    /// `None` for the begin of all lists.
    written: Option<W>,
    /// Keys that vary in it or before it.
    varying: Keys,
    next: Vec<u32>,
}

impl<W: Written> Familiar<W> {
    /// Knows nothing; paths have numbers from `first` on, which is not zero.
    pub(super) fn new(first: u32) -> Self {
        Self {
            nodes: vec![Node { written: None, varying: Keys::default(), next: Vec::new() }],
            first,
            missed: 0,
        }
    }

    /// The begin of a list.
    pub(super) fn begin(&mut self) -> Path {
        if self.missed >= MISSED_MAX
            && let Some(first) = self.first.checked_add(self.nodes.len() as u32)
            && first >> 31 == self.first >> 31
        {
            *self = Self::new(first);
        }
        Path { number: self.first, varying: Keys::default() }
    }

    /// Takes the next attribute, if it is one that was seen behind this path.
    #[inline]
    pub(super) fn take<'b>(
        &mut self,
        path: &mut Path,
        reader: &mut W::Reader<'b>,
        attributes: &mut Attributes<'b>,
    ) -> bool {
        if !path.is_known() {
            return false;
        }
        let from = (path.number - self.first) as usize;
        for place in 0..self.nodes[from].next.len() {
            let number = self.nodes[from].next[place];
            let node = &self.nodes[number as usize];
            let Some(found) = node.written.as_ref().and_then(|written| written.take(reader)) else {
                continue;
            };
            attributes.extend(found);
            *path = Path { number: self.first + number, varying: node.varying };
            if place > 0 {
                // What comes often is tried first.
                self.nodes[from].next.swap(place - 1, place);
            }
            return true;
        }
        false
    }

    /// Adds an attribute that was read in full; the path is lost where that cannot be done.
    #[cold]
    pub(super) fn learn(&mut self, path: &mut Path, written: impl FnOnce() -> Option<W>) {
        let before = std::mem::take(path);
        if !before.is_known() {
            return;
        }
        let from = (before.number - self.first) as usize;
        let is_full = self.nodes.len() >= NODES_MAX || self.nodes[from].next.len() >= NEXT_MAX;
        let written = if is_full { None } else { written() };
        let Some(written) = written else {
            self.missed += 1;
            return;
        };
        let number = self.nodes.len() as u32;
        let varying = before.varying.or(written.varying());
        self.nodes.push(Node { written: Some(written), varying, next: Vec::new() });
        self.nodes[from].next.push(number);
        *path = Path { number: self.first + number, varying };
    }
}

/// What is known of the lists of each format that is read so; numbers of paths are of one format.
#[derive(Debug)]
pub(super) struct Lists {
    pub(super) json: Familiar<otlp_json::Attribute>,
    pub(super) protobuf: Familiar<otlp_protobuf::Attribute>,
}

impl Default for Lists {
    fn default() -> Self {
        Self { json: Familiar::new(1), protobuf: Familiar::new(1 << 31) }
    }
}

/// What is between the begin and the end of an attribute as it is written.
#[derive(Debug)]
pub(super) enum Content {
    /// The same bytes each time; what they mean, if they mean anything.
    Same(Option<(Key, Kept)>),
    /// A text of its own each time; no key where it means nothing.
    Text(Option<Key>),
    /// A whole number of its own each time.
    Number(Key),
}

impl Content {
    /// What is kept of an attribute that was read: the bytes to compare, and what is behind them. `before_value` gives what
    /// is before a value that varies; `None` where it is written in another way.
    pub(super) fn kept<'b>(
        bytes: &'b [u8],
        read: &[(Key, Value<'_>)],
        before_value: impl FnOnce(&'b [u8]) -> Option<&'b [u8]>,
    ) -> Option<(Box<[u8]>, Self)> {
        let content = Self::of(bytes, read)?;
        let compared = match content {
            Self::Same(_) => bytes,
            Self::Text(_) | Self::Number(_) => before_value(bytes)?,
        };
        (compared.len() <= BYTES_MAX).then(|| (compared.into(), content))
    }

    /// Decides whether an attribute that was read is likely to have another value each time. `None` for what cannot be
    /// compared. `bytes` are those that the values borrow from.
    fn of(bytes: &[u8], read: &[(Key, Value<'_>)]) -> Option<Self> {
        match *read {
            [] => Some(Self::Text(None)),
            [(key, Value::Text(_))] if key.varies() => Some(Self::Text(Some(key))),
            [(key, Value::Integer(_))] if key.varies() => Some(Self::Number(key)),
            [(key, value)] => Some(Self::Same(Some((key, Kept::within(bytes, value)?)))),
            _ => None,
        }
    }

    /// Whether its value may be another one each time.
    pub(super) fn is_varying(&self) -> bool {
        !matches!(self, Self::Same(_))
    }

    /// The key whose value may be another one each time.
    pub(super) fn varying(&self) -> Keys {
        match self {
            Self::Text(Some(key)) | Self::Number(key) => Keys::of(&[*key]),
            Self::Same(_) | Self::Text(None) => Keys::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A single byte: below ten it varies.
    #[derive(Debug)]
    struct Byte(u8);

    impl Written for Byte {
        type Reader<'b> = &'b [u8];

        fn take<'b>(&self, reader: &mut Self::Reader<'b>) -> Option<Option<(Key, Value<'b>)>> {
            let (first, rest) = reader.split_first()?;
            let is_it = *first == self.0 || self.0 < 10 && *first < 10;
            is_it.then(|| *reader = rest)?;
            Some(Some((Key::Rows, Value::Integer(i64::from(*first)))))
        }

        fn varying(&self) -> Keys {
            if self.0 < 10 { Keys::of(&[Key::Rows]) } else { Keys::default() }
        }
    }

    /// Reads a list, adding what is not known; how many bytes were.
    fn read(familiar: &mut Familiar<Byte>, list: &[u8]) -> (Path, usize) {
        let (mut path, mut rest, mut known) = (familiar.begin(), list, 0);
        let mut attributes = Attributes::new();
        while let Some(&next) = rest.first() {
            if familiar.take(&mut path, &mut rest, &mut attributes) {
                known += 1;
            } else {
                rest = &rest[1..];
                familiar.learn(&mut path, || (next < 200).then_some(Byte(next)));
            }
        }
        (path, known)
    }

    #[test]
    fn a_list_is_known_when_it_comes_again() {
        let mut familiar = Familiar::new(1);
        let (first, _) = read(&mut familiar, &[20, 30, 1]);
        assert_eq!(read(&mut familiar, &[20, 30, 2]), (first, 3));
        assert_eq!(first.varying, Keys::of(&[Key::Rows]));
        let (other, known) = read(&mut familiar, &[20, 31]);
        assert!(known == 1 && other.is_known() && other != first && other.varying.is_empty());
        assert_eq!(read(&mut familiar, &[20, 31]), (other, 2));
        // A part of a list is another list.
        assert!(read(&mut familiar, &[20]).0 != other);
    }

    #[test]
    fn what_cannot_be_learned_is_not_known() {
        let mut familiar = Familiar::new(1);
        assert_eq!(read(&mut familiar, &[20, 200, 30]), (Path::default(), 0));
        assert_eq!(read(&mut familiar, &[20, 200, 30]), (Path::default(), 1));
    }

    #[test]
    fn too_many_are_forgotten_and_numbers_never_come_again() {
        let mut familiar = Familiar::new(1);
        for value in 20..120 {
            read(&mut familiar, &[value]);
        }
        assert_eq!(familiar.nodes.len(), NEXT_MAX + 1);
        let known = read(&mut familiar, &[20]).0;
        assert!(known.is_known());
        (0..MISSED_MAX).for_each(|_| _ = read(&mut familiar, &[119]));
        let (again, found) = read(&mut familiar, &[20]);
        assert!(found == 0 && again.is_known() && again.number > known.number + NEXT_MAX as u32 - 1);
    }
}
