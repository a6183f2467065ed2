//! Attributes as they are written in protobuf: the name, then the value.

use super::wire::Wire;
use crate::ingest::attributes::Key;
use crate::ingest::familiar::{Content, Keys, Written};
use crate::ingest::raw::Value;

/// Tag of an attribute of a span.
const TAG: u8 = 0x4a;

/// An attribute that was read before.
#[derive(Debug)]
pub(in crate::ingest) struct Attribute {
    /// The whole field; where its value varies, the name's field.
    bytes: Box<[u8]>,
    pub(super) content: Content,
}

impl Attribute {
    /// An attribute as it is written, with its tag, and what was read in it.
    pub(super) fn of(bytes: &[u8], read: &[(Key, Value<'_>)]) -> Option<Self> {
        let (compared, content) = Content::kept(bytes, read, name_field)?;
        // A name that means something may have a value of another kind next time.
        if read.is_empty() && Key::of(&compared[2..]).is_some() {
            return None;
        }
        let attribute = Self { bytes: compared, content };
        let mut wire = Wire(bytes);
        let taken = attribute.take(&mut wire)?;
        (wire.0.is_empty() && taken.as_slice() == read).then_some(attribute)
    }
}

/// The field of the name, with its tag, where it comes before a value of the usual kind.
fn name_field(bytes: &[u8]) -> Option<&[u8]> {
    let content = Wire(bytes.strip_prefix(&[TAG])?).bytes()?;
    let mut wire = Wire(content.strip_prefix(&[0x0a])?);
    wire.bytes()?;
    Some(&content[..content.len() - wire.0.len()])
}

impl Attribute {
    /// The value of an attribute that is like this one, if it means nothing: what is in it does not matter.
    pub(super) fn meaningless<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let content = Wire(bytes.strip_prefix(&[TAG])?).bytes()?;
        matches!(self.content, Content::Text(None)).then(|| value_behind(content, &self.bytes))?
    }
}

/// The value behind a name, if nothing follows it.
#[inline(always)]
fn value_behind<'b>(content: &'b [u8], name: &[u8]) -> Option<&'b [u8]> {
    let mut wire = Wire(content.strip_prefix(name)?.strip_prefix(&[0x12])?);
    let value = wire.bytes()?;
    wire.0.is_empty().then_some(value)
}

impl Written for Attribute {
    type Reader<'b> = Wire<'b>;

    #[inline(always)]
    fn take<'b>(&self, wire: &mut Self::Reader<'b>) -> Option<Option<(Key, Value<'b>)>> {
        let from = wire.0;
        if let Content::Same(found) = &self.content {
            wire.0 = from.strip_prefix(&*self.bytes)?;
            return Some(found.as_ref().map(|(key, kept)| (*key, kept.value(from))));
        }
        let mut behind = Wire(from.strip_prefix(&[TAG])?);
        let mut value = Wire(value_behind(behind.bytes()?, &self.bytes)?);
        let found = match &self.content {
            // What means nothing is not looked into.
            Content::Text(None) | Content::Same(_) => None,
            Content::Text(Some(key)) => {
                value.0 = value.0.strip_prefix(&[0x0a])?;
                Some((*key, Value::Text(value.bytes().filter(|_| value.0.is_empty())?)))
            }
            Content::Number(key) => {
                value.0 = value.0.strip_prefix(&[0x18])?;
                Some((*key, Value::Integer(value.varint().filter(|_| value.0.is_empty())? as i64)))
            }
        };
        *wire = behind;
        Some(found)
    }

    fn varying(&self) -> Keys {
        self.content.varying()
    }
}
