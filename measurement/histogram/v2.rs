//! Counts as HdrHistogram's libraries write them: V2 with deflate (`0x1c849314`), in base64. Early entries of ledgers have these.
//!
//! Within: a head of forty bytes, then for each bin its count, or for several empty bins together how many as a negative number;
//! numbers are zig-zag encoded in bytes of seven bits, the last of nine of eight
//! (`AbstractHistogram.java` and `ZigZagLEB128.java` of HdrHistogram 2.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libdeflater::{DecompressionError, Decompressor};

use super::filled::{COUNT_MAX, Filled};
use super::{BINS, DIGITS, HIGHEST_NS, LOWEST_NS};

/// What compressed histograms begin with.
const COMPRESSED: u32 = 0x1c84_9314;

/// What histograms begin with that are not compressed.
const PLAIN: u32 = 0x1c84_9313;

/// Bytes of the head.
const HEAD: usize = 40;

/// The longest number has so many bytes.
const NUMBER: usize = 9;

/// The head of a histogram with so many bytes of counts.
fn head(length: usize) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&PLAIN.to_be_bytes());
    head[4..8].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    head[12..16].copy_from_slice(&u32::from(DIGITS).to_be_bytes());
    head[16..24].copy_from_slice(&LOWEST_NS.to_be_bytes());
    head[24..32].copy_from_slice(&HIGHEST_NS.to_be_bytes());
    head[32..].copy_from_slice(&1f64.to_be_bytes());
    head
}

/// Bins and their counts out of text.
pub(super) fn decode(text: &str) -> Result<Vec<Filled>, String> {
    let bytes = STANDARD.decode(text).map_err(|error| error.to_string())?;
    let packed = bytes.strip_prefix(&COMPRESSED.to_be_bytes()).ok_or("it does not begin as one")?;
    let (length, packed) = packed.split_at_checked(4).ok_or("it ends early")?;
    if length != u32::try_from(packed.len()).unwrap_or(u32::MAX).to_be_bytes() {
        return Err("it is longer or shorter than it says".to_owned());
    }
    let plain = inflated(packed).map_err(|error| error.to_string())?;
    let (found, payload) = plain.split_at_checked(HEAD).ok_or("it ends early")?;
    match found == head(payload.len()) {
        true => counts(payload),
        false => Err("its bounds or its length are others".to_owned()),
    }
}

/// What is compressed; of a ledger hundreds of thousands are, of some hundred bytes each.
fn inflated(packed: &[u8]) -> Result<Vec<u8>, DecompressionError> {
    const MOST: usize = HEAD + BINS as usize * NUMBER;
    let mut decompressor = Decompressor::new();
    let mut room = (packed.len() * 4 + HEAD).min(MOST);
    loop {
        let mut plain = vec![0; room];
        match decompressor.zlib_decompress(packed, &mut plain) {
            Err(DecompressionError::InsufficientSpace) if room < MOST => room = (room * 4).min(MOST),
            length => {
                plain.truncate(length?);
                return Ok(plain);
            }
        }
    }
}

/// Bins and their counts out of a payload.
fn counts(mut payload: &[u8]) -> Result<Vec<Filled>, String> {
    // A number is a bin at most.
    let mut counts = vec![Filled::new(0, 0); payload.len()];
    let mut found = Found { bin: 0, bins: 0 };
    while !payload.is_empty() {
        payload = found.add_short(payload, &mut counts);
        if !payload.is_empty() {
            let number = pull(&mut payload).ok_or("a count ends early")?;
            found.add(number, &mut counts)?;
        }
    }
    counts.truncate(found.bins);
    Ok(counts)
}

/// How far counts are read.
struct Found {
    /// The bin of the next count.
    bin: u32,
    /// Bins that are not empty.
    bins: usize,
}

impl Found {
    /// Adds pairs of numbers of a byte each, of which the first may be a gap, and says what is left. Whether there are gaps cannot be
    /// foretold, so that nothing branches on it.
    fn add_short<'p>(&mut self, mut payload: &'p [u8], counts: &mut [Filled]) -> &'p [u8] {
        while let [first, second, ..] = payload {
            let (is_gap, is_short) = (first & 1, (first | second) < 0x80);
            let count = if is_gap == 1 { *second } else { *first };
            let bin = self.bin.saturating_add(u32::from(is_gap) * (u32::from(first >> 1) + 1));
            let Some(place) = counts.get_mut(self.bins).filter(|_| is_short && count & 1 == 0 && bin < BINS)
            else {
                break;
            };
            *place = Filled::new(bin, u64::from(count >> 1));
            self.bins += usize::from(count > 0);
            self.bin = bin + 1;
            payload = &payload[1 + usize::from(is_gap)..];
        }
        payload
    }

    /// Adds a number: a count, or how many bins are empty.
    fn add(&mut self, number: i64, counts: &mut [Filled]) -> Result<(), String> {
        if number < 0 {
            self.bin = u32::try_from(number.unsigned_abs()).unwrap_or(BINS).saturating_add(self.bin);
            return Ok(());
        }
        let place = counts.get_mut(self.bins).filter(|_| self.bin < BINS);
        let place = place.ok_or("it counts longer durations than there are")?;
        if number.unsigned_abs() > COUNT_MAX {
            return Err("a count is too large".to_owned());
        }
        *place = Filled::new(self.bin, number.unsigned_abs());
        self.bins += usize::from(number > 0);
        self.bin += 1;
        Ok(())
    }
}

/// Takes the next number; `None` where it ends early.
fn pull(bytes: &mut &[u8]) -> Option<i64> {
    let mut bits = 0u64;
    for place in 0..NUMBER {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let is_last = place == NUMBER - 1;
        bits |= u64::from(if is_last { *byte } else { byte & 0x7f }) << (7 * place);
        if is_last || byte & 0x80 == 0 {
            break;
        }
    }
    Some((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds a number in as many bytes as it needs.
    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "bits are moved, not numbers"
    )]
    fn push(bytes: &mut Vec<u8>, number: i64) {
        let mut rest = ((number << 1) ^ (number >> 63)) as u64;
        for _ in 1..NUMBER {
            if rest < 0x80 {
                break;
            }
            bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
    }

    #[test]
    fn numbers_come_back() {
        for number in [0, 1, -1, 63, -64, 64, 8_191, -33_791, i64::MAX, i64::MIN + 1] {
            let mut bytes = Vec::new();
            push(&mut bytes, number);
            assert!(bytes.len() <= NUMBER);
            assert_eq!(pull(&mut bytes.as_slice()), Some(number));
        }
        assert_eq!(pull(&mut &[0x80u8][..]), None);
    }

    #[test]
    fn numbers_of_any_length_and_order_are_read() {
        // Gaps that follow each other, bins that are empty, and a gap at the end are nobody's, but say what they say.
        let numbers = [-3i64, -2, 5, 0, 0, 7, 1, -200, 3, -1, 1_000_000, 0, -4];
        let mut payload = Vec::new();
        numbers.iter().for_each(|number| push(&mut payload, *number));
        let read = [(5, 5), (8, 7), (9, 1), (210, 3), (212, 1_000_000)];
        assert_eq!(counts(&payload), Ok(read.map(|(bin, count)| Filled::new(bin, count)).to_vec()));
        assert_eq!(counts(&[]), Ok(Vec::new()));
        assert!(counts(&[0x02, 0x80]).is_err() && counts(&[0x80]).is_err());
    }

    #[test]
    fn counts_beyond_the_last_bin_are_an_error() {
        let mut payload = Vec::new();
        push(&mut payload, -i64::from(BINS - 1));
        push(&mut payload, 7);
        assert_eq!(counts(&payload), Ok(vec![Filled::new(BINS - 1, 7)]));
        push(&mut payload, 1);
        assert!(counts(&payload).is_err());
    }
}
