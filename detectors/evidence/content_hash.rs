//! A hash of content that is the same in every run and on every machine: FNV-1a, 64 bits (Fowler, Noll, Vo).

/// The hash of nothing; where hashes must not be comparable, a key is mixed in.
pub const START: u64 = 0xcbf2_9ce4_8422_2325;

/// Continues a hash with bytes.
pub fn fnv_1a(start: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
