//! The wire format of Protocol Buffers, as far as telling messages apart needs it.

/// A field of a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Field<'b> {
    /// Its number.
    pub(super) number: u32,
    /// Its bytes, where it has a length; fewer where the input ends before.
    pub(super) message: Option<&'b [u8]>,
}

/// The fields of a message up to its end, or to the first byte that cannot be one.
pub(super) fn fields(bytes: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (field, behind) = field(rest)?;
        rest = behind;
        Some(field)
    })
}

/// Whether a message is two numbers, as types of values are in tables of texts.
pub(super) fn is_pair_of_numbers(message: &[u8]) -> bool {
    message.len() <= 22
        && fields(message).all(|field| field.message.is_none() && matches!(field.number, 1 | 2))
}

/// Whether a message is well-formed to the end of what is there of it; its first `known` fields are known to be.
pub(super) fn is_cut_at_end(bytes: &[u8], known: usize) -> bool {
    let mut rest = bytes;
    for _ in 0..known {
        match field(rest) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    known >= 32 || rest.len() < 10
}

fn field(bytes: &[u8]) -> Option<(Field<'_>, &[u8])> {
    let (tag, rest) = varint(bytes)?;
    let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0)?;
    let field =
        |length: usize| Some((Field { number, message: None }, rest.get(length..).unwrap_or_default()));
    match tag & 7 {
        0 => {
            let (_, behind) = varint(rest)?;
            Some((Field { number, message: None }, behind))
        }
        1 => field(8),
        5 => field(4),
        2 => {
            let (length, rest) = varint(rest)?;
            let length = usize::try_from(length).ok()?.min(rest.len());
            Some((Field { number, message: Some(&rest[..length]) }, &rest[length..]))
        }
        _ => None,
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * index as u32).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}
