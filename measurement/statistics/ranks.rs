//! Checks that need no distribution, beside the interval: the shift of Hodges and Lehmann, and a permutation of runs.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::mean;

/// The median of all differences between a run after and a run before (J. L. Hodges, E. L. Lehmann, 1963).
///
/// One odd run hardly moves it. `None` where a side has no runs.
pub fn shift(before: &[f64], after: &[f64]) -> Option<f64> {
    let mut differences: Vec<f64> =
        after.iter().flat_map(|after| before.iter().map(move |before| after - before)).collect();
    differences.sort_by(f64::total_cmp);
    let middle = differences.len() / 2;
    match differences.len() % 2 {
        1 => Some(differences[middle]),
        _ => Some((differences.get(middle.checked_sub(1)?)? + differences[middle]) / 2.0),
    }
}

/// Ways to deal the runs that are tried where there are more.
const TRIED: u32 = 1_999;

/// How often runs that are dealt to both sides at random differ as much, to either side.
///
/// With fewer than four runs a side it cannot be small, whatever the difference. The chance comes from a fixed seed, so that it
/// is the same again.
pub fn permutation(before: &[f64], after: &[f64]) -> f64 {
    let seen = (mean(after) - mean(before)).abs();
    let mut pool: Vec<f64> = before.iter().chain(after).copied().collect();
    let mut random = Pcg64Mcg::seed_from_u64(0x5eed);
    // The way that was seen is one of them.
    let mut as_far = 1;
    for _ in 0..TRIED {
        deal(&mut pool, &mut random);
        let (dealt_before, dealt_after) = pool.split_at(before.len());
        // Sums in another order differ in their last digits.
        as_far += u32::from((mean(dealt_after) - mean(dealt_before)).abs() >= seen - 1e-12);
    }
    f64::from(as_far) / f64::from(TRIED + 1)
}

/// Shuffles (R. Durstenfeld, 1964).
fn deal(pool: &mut [f64], random: &mut Pcg64Mcg) {
    for last in (1..pool.len()).rev() {
        // Sides have few runs: the remainder favours none of them noticeably.
        #[expect(clippy::cast_possible_truncation)]
        let with = (random.next_u64() % (last as u64 + 1)) as usize;
        pool.swap(last, with);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_odd_run_hardly_moves_the_shift() {
        let shift = shift(&[1.0, 1.1, 0.9, 1.0, 9.0], &[0.5, 0.6, 0.4, 0.5, 0.5]).unwrap();
        assert!((shift + 0.5).abs() < 0.11, "{shift}");
        assert_eq!(super::shift(&[], &[1.0]), None);
    }

    /// All ten runs apart: of 252 ways to deal, 2 are as far, which is 0.0079.
    #[test]
    fn the_chance_is_that_of_counting_all_ways() {
        let chance = permutation(&[5.0, 5.1, 5.2, 5.3, 5.4], &[4.0, 4.1, 4.2, 4.3, 4.4]);
        assert!((chance - 0.0079).abs() < 0.005, "{chance}");
        assert_eq!(permutation(&[1.0, 1.0], &[1.0, 1.0]), 1.0);
    }
}
