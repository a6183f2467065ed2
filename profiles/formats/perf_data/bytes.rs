//! Numbers at places of a file, checked against its end.

/// Bytes of a record, a header or a whole file, little-endian.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'f>(pub(super) &'f [u8]);

impl<'f> Bytes<'f> {
    pub(super) fn u16(self, at: usize) -> Option<u16> {
        self.0.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
    }

    pub(super) fn u32(self, at: usize) -> Option<u32> {
        self.0.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }

    pub(super) fn u64(self, at: usize) -> Option<u64> {
        self.0.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// A part; `None` where it is not all there.
    pub(super) fn part(self, at: u64, length: u64) -> Option<Self> {
        let begin = usize::try_from(at).ok()?;
        let end = begin.checked_add(usize::try_from(length).ok()?)?;
        self.0.get(begin..end).map(Self)
    }

    /// The text up to the first zero.
    pub(super) fn text(self, at: usize) -> Option<&'f [u8]> {
        self.0.get(at..)?.split(|byte| *byte == 0).next()
    }
}
