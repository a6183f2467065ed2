//! Protobuf's wire format: hops over fields, and borrows from the bytes.

/// Bytes that are taken from the front.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wire<'b>(pub(crate) &'b [u8]);

/// How the content of a field is written; groups are not in use any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Varint,
    Fixed64,
    Bytes,
    Fixed32,
}

/// A field, told by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) number: u64,
    pub(crate) kind: Kind,
    /// Bytes before the content.
    pub(crate) header: usize,
    /// Bytes of the content.
    pub(crate) content: usize,
}

/// Why there is no [`Field`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bytes end before it does.
    End,
    /// These bytes begin no field.
    Bad,
}

/// Steps that may still be taken in vain, in search of something whole behind damage: this bounds the work
/// on damaged bytes to a multiple of their length.
#[derive(Debug)]
pub(super) struct Credit(usize);

impl Credit {
    /// For so many bytes.
    pub(super) fn of(bytes: usize) -> Self {
        Self(CREDIT_MIN.max(4 * bytes))
    }

    /// Takes steps, or says that too few are left.
    pub(super) fn pay(&mut self, steps: usize) -> bool {
        let left = self.0.checked_sub(steps);
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }
}

/// Steps that few bytes may cost in any case.
const CREDIT_MIN: usize = 1 << 16;

/// Numbers and lengths that were read, in vain or not.
#[cfg(test)]
pub(super) mod counted {
    use std::cell::Cell;

    thread_local!(static READS: Cell<usize> = const { Cell::new(0) });

    pub(in super::super) fn take() -> usize {
        READS.take()
    }

    pub(super) fn one() {
        READS.set(READS.get() + 1);
    }
}

impl Field {
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, Fault> {
        let mut wire = Wire(bytes);
        let tag = wire.varint_or_fault()?;
        let number = tag >> 3;
        if !(1..=MAX_NUMBER).contains(&number) {
            return Err(Fault::Bad);
        }
        let tagged = bytes.len() - wire.0.len();
        let (kind, header, content) = match tag & 7 {
            0 => {
                wire.varint_or_fault()?;
                (Kind::Varint, tagged, bytes.len() - wire.0.len() - tagged)
            }
            1 => (Kind::Fixed64, tagged, 8),
            2 => {
                let length = usize::try_from(wire.varint_or_fault()?).map_err(|_| Fault::Bad)?;
                (Kind::Bytes, bytes.len() - wire.0.len(), length)
            }
            5 => (Kind::Fixed32, tagged, 4),
            _ => return Err(Fault::Bad),
        };
        if content <= LENGTH_MAX { Ok(Self { number, kind, header, content }) } else { Err(Fault::Bad) }
    }

    /// Bytes of the whole field.
    pub(crate) fn length(&self) -> usize {
        self.header + self.content
    }
}

/// The largest field number.
const MAX_NUMBER: u64 = (1 << 29) - 1;

/// The longest message: protobuf's own limit.
const LENGTH_MAX: usize = (1 << 31) - 1;

impl<'b> Wire<'b> {
    fn varint_or_fault(&mut self) -> Result<u64, Fault> {
        self.varint().ok_or(if self.0.len() < 10 { Fault::End } else { Fault::Bad })
    }

    /// A varint of at most 64 bits; the bytes stay as they are where none is.
    #[inline(always)]
    pub(crate) fn varint(&mut self) -> Option<u64> {
        #[cfg(test)]
        counted::one();
        match self.0 {
            [byte @ 0..0x80, rest @ ..] => {
                self.0 = rest;
                Some(u64::from(*byte))
            }
            [low, high @ 0..0x80, rest @ ..] => {
                self.0 = rest;
                Some(u64::from(low & 0x7f) | u64::from(*high) << 7)
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for (index, byte) in self.0.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if *byte < 0x80 {
                self.0 = &self.0[index + 1..];
                return Some(value);
            }
        }
        None
    }

    /// A length and as many bytes.
    #[inline(always)]
    pub(super) fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        let (content, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }

    /// Eight bytes as a number.
    #[inline(always)]
    pub(super) fn fixed64(&mut self) -> Option<u64> {
        let (content, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*content))
    }

    /// Steps over the content of a field with this tag.
    pub(super) fn skip(&mut self, tag: u64) -> Option<()> {
        match tag & 7 {
            _ if tag >> 3 == 0 => None,
            0 => self.varint().map(drop),
            1 => self.fixed64().map(drop),
            2 => self.bytes().map(drop),
            5 => {
                self.0 = self.0.get(4..)?;
                Some(())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_by_their_first_bytes() {
        let field = |number, kind, header, content| Ok(Field { number, kind, header, content });
        assert_eq!(Field::of(&[0x0a, 3]), field(1, Kind::Bytes, 2, 3));
        assert_eq!(Field::of(&[0x30, 0x80, 1]), field(6, Kind::Varint, 1, 2));
        assert_eq!(Field::of(&[0xc2, 0x3e, 0x80, 1]), field(1000, Kind::Bytes, 4, 128));
        assert_eq!(Field::of(&[0x39]), field(7, Kind::Fixed64, 1, 8));
        assert_eq!(Field::of(&[0x85, 0x01]), field(16, Kind::Fixed32, 2, 4));
        for end in [&[][..], &[0x0a], &[0x0a, 0x80], &[0xc2]] {
            assert_eq!(Field::of(end), Err(Fault::End), "{end:?}");
        }
        for bad in
            [&[0x00][..], &[0x02, 0], &[0x0b], &[0x0f, 1], &[0xff; 10], &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]]
        {
            assert_eq!(Field::of(bad), Err(Fault::Bad), "{bad:?}");
        }
    }

    #[test]
    fn varints_have_up_to_64_bits() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            let mut left = value;
            while left >= 0x80 {
                bytes.push(left as u8 | 0x80);
                left >>= 7;
            }
            bytes.push(left as u8);
            for end in 0..bytes.len() {
                assert_eq!(Wire(&bytes[..end]).varint(), None);
            }
            bytes.push(7);
            let mut wire = Wire(&bytes);
            assert_eq!((wire.varint(), wire.0), (Some(value), &[7][..]));
        }
    }
}
