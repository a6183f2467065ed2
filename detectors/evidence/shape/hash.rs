//! The mixing behind shape ids and value hashes: fixed, so that an id means the same everywhere.
//!
//! Folded multiplication (the 128-bit product's halves xored), as in wyhash.

/// Odd constants without structure: the fractional digits of square roots.
pub(super) const WORD: u64 = 0xbb67_ae85_84ca_a73b;
pub(super) const CONTINUED: u64 = 0x3c6e_f372_fe94_f82b;
pub(super) const QUOTED: u64 = 0xa54f_f53a_5f1d_36f1;
pub(super) const SYMBOL: u64 = 0x510e_527f_ade6_82d1;
pub(super) const VALUE: u64 = 0x9b05_688c_2b3e_6c1f;
pub(super) const MORE: u64 = 0x1f83_d9ab_fb41_bd6b;
pub(super) const CUT: u64 = 0x5be0_cd19_137e_2179;
pub(super) const START: u64 = 0x6a09_e667_f3bc_c909;

/// Mixes two words into one.
pub(super) fn mix(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    product as u64 ^ (product >> 64) as u64
}

/// Spreads every bit of a state over the whole word (the finaliser of MurmurHash3).
pub(super) fn finish(state: u64) -> u64 {
    let state = (state ^ (state >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let state = (state ^ (state >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    state ^ (state >> 33)
}

/// Continues a state with bytes and their length.
pub(super) fn bytes(state: u64, bytes: &[u8]) -> u64 {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let state = chunks.iter().fold(state, |state, chunk| mix(state ^ u64::from_le_bytes(*chunk), CONTINUED));
    tailed(state, tail(rest), bytes.len())
}

/// Continues a state with the last up to seven of some bytes, as a little-endian number, and how many there are.
pub(super) fn tailed(state: u64, tail: u64, length: usize) -> u64 {
    mix(state ^ tail, WORD ^ ((length as u64) << 1))
}

/// Up to seven bytes as a little-endian number.
fn tail(bytes: &[u8]) -> u64 {
    let four = |chunk: &[u8; 4]| u64::from(u32::from_le_bytes(*chunk));
    // Bytes in the middle are in both, or in all.
    match (bytes.first_chunk(), bytes.last_chunk(), bytes) {
        (Some(first), Some(last), _) => four(first) | four(last) << (8 * (bytes.len() - 4)),
        (_, _, [first, .., last]) => {
            let middle = bytes.len() / 2;
            u64::from(*first)
                | u64::from(bytes[middle]) << (8 * middle)
                | u64::from(*last) << (8 * (bytes.len() - 1))
        }
        (_, _, [only]) => u64::from(*only),
        (_, _, []) => 0,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_tail_is_a_little_endian_number() {
        let bytes = [0x01, 0x82, 0x03, 0xf4, 0x05, 0x86, 0x07];
        for length in 0..=bytes.len() {
            let expected = bytes[..length].iter().rev().fold(0, |tail, byte| tail << 8 | u64::from(*byte));
            assert_eq!(super::tail(&bytes[..length]), expected);
        }
    }
}
