//! Numbers and texts of a chunk, checked against its end.

/// What is wrong with a recording.
pub(super) type Damage = &'static str;

/// The bytes of a chunk from a place on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'c> {
    chunk: &'c [u8],
    at: usize,
    /// Whether whole numbers have as many bytes as they need (LEB128), or as many as their type has.
    is_compressed: bool,
}

/// A text as it is recorded.
#[derive(Debug, Clone, Copy)]
pub(super) enum Text<'c> {
    Utf8(&'c [u8]),
    Latin1(&'c [u8]),
    /// UTF-16, and how many units: they have the form of numbers.
    Units(Bytes<'c>, usize),
    /// None, or an empty one.
    Empty,
    /// The number of a constant.
    Constant(i64),
}

impl<'c> Bytes<'c> {
    pub(super) fn new(chunk: &'c [u8], at: usize, is_compressed: bool) -> Self {
        Self { chunk, at, is_compressed }
    }

    /// The same at another place, which may be anywhere.
    pub(super) fn seek(self, at: usize) -> Self {
        Self { at, ..self }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'c [u8], Damage> {
        let rest = self.chunk.get(self.at..).unwrap_or_default();
        let taken = rest.get(..count).ok_or("cut off")?;
        self.at += count;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Damage> {
        Ok(self.take(1)?[0])
    }

    /// A number of eight bytes, also where others are compressed.
    pub(super) fn fixed(&mut self) -> Result<i64, Damage> {
        self.plain(8)
    }

    pub(super) fn long(&mut self) -> Result<i64, Damage> {
        self.whole(8)
    }

    pub(super) fn int(&mut self) -> Result<i64, Damage> {
        self.whole(4)
    }

    pub(super) fn short(&mut self) -> Result<i64, Damage> {
        self.whole(2)
    }

    /// How many things follow. Each of them has at least a byte.
    pub(super) fn count(&mut self) -> Result<usize, Damage> {
        let count = usize::try_from(self.int()?).map_err(|_| "a negative number of things")?;
        let rest = self.chunk.len().saturating_sub(self.at);
        (count <= rest).then_some(count).ok_or("more things than there is room for")
    }

    pub(super) fn text(&mut self) -> Result<Text<'c>, Damage> {
        Ok(match self.byte()? {
            0 | 1 => Text::Empty,
            2 => Text::Constant(self.long()?),
            3 => Text::Utf8(self.counted()?),
            4 => {
                let (units, begin) = (self.count()?, *self);
                for _ in 0..units {
                    self.short()?;
                }
                Text::Units(begin, units)
            }
            5 => Text::Latin1(self.counted()?),
            _ => return Err("a text in an unknown form"),
        })
    }

    fn counted(&mut self) -> Result<&'c [u8], Damage> {
        let count = self.count()?;
        self.take(count)
    }

    fn whole(&mut self, bytes: usize) -> Result<i64, Damage> {
        if self.is_compressed { self.compressed() } else { self.plain(bytes) }
    }

    fn plain(&mut self, bytes: usize) -> Result<i64, Damage> {
        let first = if self.chunk.get(self.at).is_some_and(|byte| byte & 0x80 != 0) { -1 } else { 0 };
        Ok(self.take(bytes)?.iter().fold(first, |value: i64, byte| value << 8 | i64::from(*byte)))
    }

    /// Seven bits a byte, the lowest first; the ninth byte has eight.
    fn compressed(&mut self) -> Result<i64, Damage> {
        let mut value = 0_u64;
        for index in 0..8 {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                return Ok(value.cast_signed());
            }
        }
        Ok((value | u64::from(self.byte()?) << 56).cast_signed())
    }
}

impl Text<'_> {
    /// The text; `None` where it is a constant.
    pub(super) fn read(self) -> Option<String> {
        Some(match self {
            Self::Utf8(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Latin1(bytes) => bytes.iter().map(|byte| char::from(*byte)).collect(),
            Self::Units(mut bytes, count) => {
                let units = (0..count).map_while(|_| bytes.short().ok().map(|unit| unit as u16));
                char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
            }
            Self::Empty => String::new(),
            Self::Constant(_) => return None,
        })
    }
}
