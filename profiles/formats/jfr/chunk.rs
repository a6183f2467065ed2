//! A chunk: a header, a description of types, constants, and events in no order.

use std::io::{self, Read};

use rustc_hash::{FxHashMap, FxHashSet};

use super::bytes::{Bytes, Damage};
use super::types::{Type, Types};
use super::values::{self, Constant, Value};
use crate::limits::DOCUMENT_BYTES_MAX;
use crate::source;

/// Bytes of a header.
pub(super) const HEADER_BYTES: usize = 68;

/// Constants of one chunk.
const CONSTANTS_MAX: usize = 8_000_000;

/// The types of the events that describe types, and that have constants.
const TYPES: i64 = 0;
const CONSTANTS: i64 = 1;

/// The header of a chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    /// Bytes of the chunk, with the header; `None` where it was not ended.
    pub(super) size: Option<u64>,
    constants: usize,
    types: usize,
    /// When it began, in nanoseconds since 1970.
    pub(super) start_ns: i64,
    pub(super) duration_ns: i64,
    pub(super) ticks_per_second: i64,
    is_compressed: bool,
}

impl Header {
    pub(super) fn read(header: &[u8]) -> Result<Self, Damage> {
        let mut bytes = Bytes::new(header, 8, false);
        if !header.starts_with(super::MAGIC) {
            return Err("no chunk where one should begin");
        }
        if !matches!(header.get(4..6), Some([0, 1 | 2])) {
            return Err("a chunk of an unknown version");
        }
        let offset = |offset: i64| usize::try_from(offset).map_err(|_| "a chunk with negative places");
        let size = match bytes.fixed()? {
            0 => None,
            size => Some(u64::try_from(size).unwrap_or(0)),
        };
        let (constants, types) = (offset(bytes.fixed()?)?, offset(bytes.fixed()?)?);
        let (start_ns, duration_ns) = (bytes.fixed()?, bytes.fixed()?);
        bytes.fixed()?;
        let ticks_per_second = bytes.fixed()?;
        let is_compressed = bytes.take(4)?[3] & 1 == 1;
        if size.is_some_and(|size| size < HEADER_BYTES as u64) || ticks_per_second <= 0 {
            return Err(
                "a chunk of a size or a clock that cannot be; dump the recording by `jcmd PID JFR.dump`",
            );
        }
        Ok(Self { size, constants, types, start_ns, duration_ns, ticks_per_second, is_compressed })
    }

    /// The whole chunk, or what is there of it.
    pub(super) fn body(&self, header: Vec<u8>, rest: &mut impl Read) -> io::Result<Vec<u8>> {
        let mut chunk = header;
        let size = self.size.unwrap_or(DOCUMENT_BYTES_MAX as u64);
        match rest.take(size - HEADER_BYTES as u64).read_to_end(&mut chunk) {
            Err(error) if !source::is_cut_off(&error) => Err(error),
            _ => Ok(chunk),
        }
    }

    /// Whether these are all of its bytes.
    pub(super) fn is_whole(&self, chunk: &[u8]) -> bool {
        self.size.is_some_and(|size| chunk.len() as u64 >= size)
    }

    /// Whether it is too large to be read.
    pub(super) fn is_too_large(&self) -> bool {
        self.size.is_some_and(|size| size > DOCUMENT_BYTES_MAX as u64)
    }
}

/// Places and types of the events of a chunk, up to where one is not all there.
struct Events<'c> {
    bytes: Bytes<'c>,
}

impl<'c> Events<'c> {
    fn of(bytes: Bytes<'c>) -> Self {
        Self { bytes: bytes.seek(HEADER_BYTES) }
    }
}

impl Iterator for Events<'_> {
    type Item = (usize, i64);

    fn next(&mut self) -> Option<Self::Item> {
        let (place, mut bytes) = (self.bytes.at(), self.bytes);
        if begins(bytes) {
            return None;
        }
        let size = usize::try_from(bytes.int().ok()?).ok()?;
        let class = bytes.long().ok()?;
        self.bytes.take(size).ok()?;
        (self.bytes.at() >= bytes.at()).then_some((place, class))
    }
}

/// Whether a chunk begins here: its first bytes as an event would be one of the first moments of a clock.
pub(super) fn begins(mut bytes: Bytes<'_>) -> bool {
    bytes.take(super::MAGIC.len()) == Ok(super::MAGIC)
}

/// What one needs to understand a chunk's events.
pub(super) struct Chunk<'c> {
    bytes: Bytes<'c>,
    pub(super) types: Types,
    /// Where each constant is.
    constants: FxHashMap<Constant, u32>,
    /// What is wrong with the constants, of which some are missing then.
    pub(super) damage: Option<Damage>,
}

impl<'c> Chunk<'c> {
    pub(super) fn read(bytes: &'c [u8], header: &Header) -> Result<Self, Damage> {
        let is_whole = header.is_whole(bytes);
        let bytes = Bytes::new(bytes, 0, header.is_compressed);
        if !is_whole {
            return Self::of_part(bytes);
        }
        let mut chunk = Self::with_types(bytes, header.types)?;
        chunk.damage = chunk.all_constants(header.constants).err();
        match chunk.damage {
            Some(damage) if chunk.constants.is_empty() => Err(damage),
            _ => Ok(chunk),
        }
    }

    /// What is there of a chunk: where things are is told by its header, which is written last, so that all events are looked at.
    fn of_part(bytes: Bytes<'c>) -> Result<Self, Damage> {
        let (mut types, mut constants) = (None, Vec::new());
        for (place, class) in Events::of(bytes) {
            match class {
                TYPES => types = Some(place),
                CONSTANTS => constants.push(place),
                _ => {}
            }
        }
        let mut chunk = Self::with_types(bytes, types.ok_or("cut off before its types are described")?)?;
        for place in constants {
            let read = chunk.some_constants(bytes.seek(place));
            chunk.damage = chunk.damage.or(read.err());
        }
        Ok(chunk)
    }

    fn with_types(bytes: Bytes<'c>, place: usize) -> Result<Self, Damage> {
        let types = Types::read(bytes.seek(place))?;
        Ok(Self { bytes, types, constants: FxHashMap::default(), damage: None })
    }

    /// The chunk from a place on.
    pub(super) fn at(&self, place: usize) -> Bytes<'c> {
        self.bytes.seek(place)
    }

    /// Each of the events with constants tells how far off the one before it is.
    fn all_constants(&mut self, last: usize) -> Result<(), Damage> {
        let mut seen = FxHashSet::default();
        let mut at = last;
        while seen.insert(at) {
            let delta = self.some_constants(self.bytes.seek(at))?;
            if delta == 0 {
                return Ok(());
            }
            let before = isize::try_from(delta).ok().and_then(|delta| at.checked_add_signed(delta));
            at = before.ok_or("constants at a place that is none")?;
        }
        Err("constants in a circle")
    }

    fn some_constants(&mut self, mut bytes: Bytes<'c>) -> Result<i64, Damage> {
        bytes.int()?;
        if bytes.long()? != CONSTANTS {
            return Err("no constants where they should be; the recording is cut off");
        }
        bytes.long()?;
        bytes.long()?;
        let delta = bytes.long()?;
        bytes.byte()?;
        for _ in 0..bytes.count()? {
            let class = bytes.long()?;
            for _ in 0..bytes.count()? {
                let index = bytes.long()?;
                if self.constants.len() == CONSTANTS_MAX {
                    return Err("more than 8,000,000 constants");
                }
                let at = bytes.at() as u32;
                values::skip(&self.types, &mut bytes, class)?;
                self.constants.insert(Constant { class, index }, at);
            }
        }
        Ok(delta)
    }

    /// A constant's bytes and type.
    pub(super) fn constant(&self, constant: Constant) -> Option<(Bytes<'c>, &Type)> {
        let at = *self.constants.get(&constant)? as usize;
        Some((self.bytes.seek(at), self.types.get(constant.class)?))
    }

    /// Fields of a constant; `None` for those that are not there.
    pub(super) fn fields<const N: usize>(
        &self,
        constant: Constant,
        names: [&str; N],
    ) -> [Option<Value<'c>>; N] {
        let mut found = [None; N];
        if let Some((mut bytes, of)) = self.constant(constant) {
            // The constant was read before: what is damaged was not kept.
            let _ = values::fields(&self.types, &mut bytes, of, &mut |name, value| {
                if let Some(index) = names.iter().position(|known| *known == name) {
                    found[index] = Some(value);
                }
            });
        }
        found
    }

    /// The text that a value is or stands for.
    pub(super) fn text(&self, value: Option<Value<'c>>) -> Option<String> {
        let constant = match value? {
            Value::Text(text) => return text.read(),
            Value::Constant(constant) => constant,
            _ => return None,
        };
        let (mut bytes, of) = self.constant(constant)?;
        if of.primitive.is_some() {
            return bytes.text().ok()?.read();
        }
        // Symbols and names of packages are objects with a text in it, which may be a constant once more.
        let [string, name] = self.fields(constant, ["string", "name"]);
        match string.or(name)? {
            Value::Text(text) => text.read(),
            Value::Constant(constant) => match self.fields(constant, ["string"]) {
                [Some(Value::Text(text))] => text.read(),
                _ => self.constant(constant).filter(|(_, of)| of.primitive.is_some())?.0.text().ok()?.read(),
            },
            _ => None,
        }
    }
}
