//! Which durations count as one: those that agree in their first eleven bits, as in every HdrHistogram of three digits from one
//! nanosecond on.

/// Bits of a duration that are told apart.
const BITS: u32 = 11;

/// Bins of durations with the same number of bits, beyond the first `2 * STEPS`, of which each has one value.
pub(super) const STEPS: u32 = 1 << (BITS - 1);

/// Values that have a bin of their own.
const ALONE: u64 = (1 << BITS) - 1;

/// The bin of a duration.
pub(super) fn of(duration_ns: u64) -> u32 {
    let spare = (u64::BITS - (duration_ns | ALONE).leading_zeros()) - BITS;
    // What is left has eleven bits.
    #[expect(clippy::cast_possible_truncation)]
    let step = (duration_ns >> spare) as u32;
    spare * STEPS + step
}

/// Bits that durations of a bin have and that are not told apart.
pub(super) fn spare(bin: u32) -> u32 {
    (bin / STEPS).saturating_sub(1)
}

/// The shortest duration of a bin.
fn shortest(bin: u32) -> u64 {
    u64::from(bin - spare(bin) * STEPS) << spare(bin)
}

/// The longest duration of a bin, which stands for all of them.
pub(super) fn longest(bin: u32) -> u64 {
    shortest(bin) + ((1 << spare(bin)) - 1)
}

/// The middle of a bin, rounded up.
pub(super) fn middle(bin: u32) -> u64 {
    shortest(bin) + ((1 << spare(bin)) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_follow_each_other_without_a_gap() {
        for bin in 0..of(1 << 42) {
            assert_eq!((of(shortest(bin)), of(longest(bin))), (bin, bin));
            assert_eq!(shortest(bin + 1), longest(bin) + 1);
            assert_eq!(of(middle(bin)), bin);
        }
    }
}
