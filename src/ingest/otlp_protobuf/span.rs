//! One span, and the attributes of spans and resources.

use super::wire::Wire;
use super::written::Attribute;
use crate::ingest::attributes::Key;
use crate::ingest::familiar::Familiar;
use crate::ingest::raw::{Attributes, Found, RawSpan, Value};

/// Reads a span; its attributes replace those that are given. `None` when it is damaged.
#[inline]
pub(super) fn span<'b>(
    bytes: &'b [u8],
    attributes: &mut Attributes<'b>,
    familiar: &mut Familiar<Attribute>,
) -> Option<Found<'b>> {
    attributes.clear();
    let mut span = RawSpan::default();
    let mut problem = None;
    let mut path = familiar.begin();
    let mut wire = Wire(ids(bytes, &mut span));
    while let [tag, rest @ ..] = wire.0 {
        // Tags of one byte first: all that we want are.
        let before = std::mem::replace(&mut wire.0, rest);
        match *tag {
            0x0a => match id(wire.bytes()?) {
                Some(id) => span.trace = u128::from_be_bytes(id),
                None => problem = Some("a trace id that is no 16 bytes"),
            },
            0x12 => match id(wire.bytes()?) {
                Some(id) => span.id = u64::from_be_bytes(id),
                None => problem = Some("a span id that is no 8 bytes"),
            },
            0x22 => match id(wire.bytes()?) {
                Some(id) => span.parent = u64::from_be_bytes(id),
                None => problem = Some("a parent id that is no 8 bytes"),
            },
            0x2a => span.name = wire.bytes()?,
            0x30 => span.kind = u8::try_from(wire.varint()?).ok().filter(|kind| *kind <= 5).unwrap_or(0),
            0x39 => span.start_ns = wire.fixed64()?,
            0x41 => span.end_ns = wire.fixed64()?,
            0x4a => {
                wire.0 = before;
                if !familiar.take(&mut path, &mut wire, attributes) {
                    wire.0 = rest;
                    let read = attributes.len();
                    attribute(wire.bytes()?, attributes)?;
                    let written = &before[..before.len() - wire.0.len()];
                    familiar.learn(&mut path, || Attribute::of(written, &attributes[read..]));
                }
            }
            0x7a => span.error = is_error(wire.bytes()?)?,
            _ => {
                wire.0 = before;
                let tag = wire.varint()?;
                wire.skip(tag)?;
            }
        }
    }
    Some(Found { span, problem, path }.checked())
}

/// Takes the ids that nearly every span begins with: of its trace, and its own.
#[inline(always)]
fn ids<'b>(bytes: &'b [u8], span: &mut RawSpan<'_>) -> &'b [u8] {
    if let [0x0a, 16, rest @ ..] = bytes
        && let Some((trace, [0x12, 8, rest @ ..])) = rest.split_first_chunk()
        && let Some((id, rest)) = rest.split_first_chunk()
    {
        (span.trace, span.id) = (u128::from_be_bytes(*trace), u64::from_be_bytes(*id));
        return rest;
    }
    bytes
}

/// Takes all ids, where a span begins with them as nearly every one does; a trace state between them means nothing.
#[inline(always)]
pub(super) fn all_ids<'b>(bytes: &'b [u8], span: &mut RawSpan<'_>) -> Option<&'b [u8]> {
    let mut wire = Wire(ids(bytes, span));
    if wire.0.len() == bytes.len() {
        return None;
    }
    if let [0x1a, rest @ ..] = wire.0 {
        wire.0 = rest;
        wire.bytes()?;
    }
    if let [0x22, 8, rest @ ..] = wire.0
        && let Some((parent, rest)) = rest.split_first_chunk()
    {
        span.parent = u64::from_be_bytes(*parent);
        wire.0 = rest;
    }
    Some(wire.0)
}

/// The name, where its field is the first here and no longer than most.
#[inline(always)]
pub(super) fn name(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0x2a, length @ 0..0x80, rest @ ..] => rest.get(..usize::from(*length)),
        _ => None,
    }
}

/// An id of `N` bytes; all zero for an empty one.
#[inline(always)]
fn id<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    if bytes.is_empty() {
        return Some([0; N]);
    }
    bytes.try_into().ok()
}

fn is_error(status: &[u8]) -> Option<bool> {
    const ERROR: u64 = 2;
    let mut wire = Wire(status);
    let mut code = 0;
    while !wire.0.is_empty() {
        match wire.varint()? {
            0x18 => code = wire.varint()?,
            tag => wire.skip(tag)?,
        }
    }
    Some(code == ERROR)
}

/// The attributes of a resource.
pub(super) fn resource<'b>(bytes: &'b [u8]) -> Option<Attributes<'b>> {
    let mut attributes = Attributes::new();
    let mut wire = Wire(bytes);
    while !wire.0.is_empty() {
        match wire.varint()? {
            0x0a => attribute(wire.bytes()?, &mut attributes)?,
            tag => wire.skip(tag)?,
        }
    }
    Some(attributes)
}

/// The name of an instrumentation scope.
pub(super) fn scope_name(bytes: &[u8]) -> Option<&[u8]> {
    let mut name: &[u8] = b"";
    let mut wire = Wire(bytes);
    while !wire.0.is_empty() {
        match wire.varint()? {
            0x0a => name = wire.bytes()?,
            tag => wire.skip(tag)?,
        }
    }
    Some(name)
}

/// Reads a `KeyValue` with a name that means something.
#[inline(always)]
pub(super) fn attribute<'b>(bytes: &'b [u8], attributes: &mut Attributes<'b>) -> Option<()> {
    // Name first, in fewer than 128 bytes: the value of a name that means nothing is not looked at.
    if let [0x0a, length @ 0..0x80, rest @ ..] = bytes
        && let Some((name, value)) = rest.split_at_checked(usize::from(*length))
        && let [0x12, ..] = value
    {
        let mut wire = Wire(&value[1..]);
        let value = wire.bytes()?;
        if wire.0.is_empty() {
            return match Key::of(name) {
                Some(key) if let Some(text) = only_text(value) => {
                    attributes.push((key, Value::Text(text)));
                    Some(())
                }
                Some(key) => any_value(value, key, attributes, Arrays::Flat),
                None => Some(()),
            };
        }
    }
    any_order(bytes, attributes)
}

/// The text of an `AnyValue` that is nothing else and no longer than most.
#[inline(always)]
fn only_text(value: &[u8]) -> Option<&[u8]> {
    match value {
        [0x0a, length @ 0..0x80, text @ ..] if text.len() == usize::from(*length) => Some(text),
        _ => None,
    }
}

fn any_order<'b>(bytes: &'b [u8], attributes: &mut Attributes<'b>) -> Option<()> {
    let (mut name, mut value): (&[u8], Option<&[u8]>) = (b"", None);
    let mut wire = Wire(bytes);
    while !wire.0.is_empty() {
        match wire.varint()? {
            0x0a => name = wire.bytes()?,
            0x12 => value = Some(wire.bytes()?),
            tag => wire.skip(tag)?,
        }
    }
    match (Key::of(name), value) {
        (Some(key), Some(value)) => any_value(value, key, attributes, Arrays::Flat),
        _ => Some(()),
    }
}

/// Whether the elements of an array are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrays {
    /// One by one, under the key of the array.
    Flat,
    /// Not at all: this is inside an array already.
    Left,
}

/// An `AnyValue`; the last of its fields counts.
#[inline]
fn any_value<'b>(bytes: &'b [u8], key: Key, attributes: &mut Attributes<'b>, arrays: Arrays) -> Option<()> {
    let before = attributes.len();
    let mut wire = Wire(bytes);
    while !wire.0.is_empty() {
        let value = match wire.varint()? {
            0x0a => Value::Text(wire.bytes()?),
            0x10 => Value::Boolean(wire.varint()? != 0),
            0x18 => Value::Integer(wire.varint()? as i64),
            0x21 => Value::Double(f64::from_bits(wire.fixed64()?)),
            0x2a if arrays == Arrays::Flat => {
                attributes.truncate(before);
                array(wire.bytes()?, key, attributes)?;
                continue;
            }
            tag => {
                wire.skip(tag)?;
                continue;
            }
        };
        attributes.truncate(before);
        attributes.push((key, value));
    }
    Some(())
}

fn array<'b>(bytes: &'b [u8], key: Key, attributes: &mut Attributes<'b>) -> Option<()> {
    let mut wire = Wire(bytes);
    while !wire.0.is_empty() {
        match wire.varint()? {
            0x0a => any_value(wire.bytes()?, key, attributes, Arrays::Left)?,
            tag => wire.skip(tag)?,
        }
    }
    Some(())
}
