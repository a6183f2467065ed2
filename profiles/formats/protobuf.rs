//! The wire format of Protocol Buffers, as far as telling messages apart needs it.

/// A field of a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Field<'b> {
    /// Its number.
    pub(super) number: u32,
    /// Its bytes, where it has a length; fewer where the input ends before.
    pub(super) message: Option<&'b [u8]>,
    /// Its value, where it is one number of any length.
    pub(super) value: Option<u64>,
    /// Whether all of it is there.
    pub(super) is_whole: bool,
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

/// The field at the begin, and what is behind it.
pub(super) fn field(bytes: &[u8]) -> Option<(Field<'_>, &[u8])> {
    let (tag, rest) = varint(bytes)?;
    let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0)?;
    let field = Field { number, message: None, value: None, is_whole: true };
    let fixed = |length: usize| {
        let is_whole = length <= rest.len();
        Some((Field { is_whole, ..field }, rest.get(length..).unwrap_or_default()))
    };
    match tag & 7 {
        0 => {
            let (value, behind) = varint(rest)?;
            Some((Field { value: Some(value), ..field }, behind))
        }
        1 => fixed(8),
        5 => fixed(4),
        2 => {
            let (length, rest) = varint(rest)?;
            let length = usize::try_from(length).ok()?;
            let (message, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            Some((Field { message: Some(message), is_whole: length <= rest.len(), ..field }, behind))
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
