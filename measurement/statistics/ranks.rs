//! Checks that need no distribution, beside the interval: the shift of Hodges and Lehmann, and a permutation of runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::mean;

/// The median of all differences between a run after and a run before (J. L. Hodges, E. L. Lehmann, 1963).
///
/// One odd run hardly moves it. `None` where a side has no runs.
pub fn shift(before: &[f64], after: &[f64]) -> Option<f64> {
    let mut differences = Vec::with_capacity(before.len() * after.len());
    for after in after {
        differences.extend(before.iter().map(|before| after - before));
    }
    let (count, middle) = (differences.len(), differences.len() / 2);
    if count == 0 {
        return None;
    }
    let (lower, middle, _) = differences.select_nth_unstable_by(middle, f64::total_cmp);
    match count % 2 {
        1 => Some(*middle),
        _ => Some((lower.iter().copied().max_by(f64::total_cmp)? + *middle) / 2.0),
    }
}

/// Ways to deal the runs that are tried where there are more.
const TRIED: u32 = 1_999;

/// Runs below which halves say nothing.
const RUNS_MIN: usize = 5;

/// Sums in another order differ in their last digits.
const SAME: f64 = 1e-12;

/// Means that are further apart differ, however sums are rounded.
const APART: f64 = 1e-6;

/// How often runs that are dealt to both sides at random differ as much, to either side.
///
/// With fewer than four runs a side it cannot be small, whatever the difference. The chance comes from a fixed seed, so that it
/// is the same again.
pub fn permutation(before: &[f64], after: &[f64]) -> f64 {
    if before.is_empty() || after.is_empty() {
        return 1.0;
    }
    let deals = deals(before.len(), after.len());
    let as_far = match is_apart(before, after) {
        true => deals.as_seen,
        false => dealt_as_far(before, after, &deals),
    };
    // The way that was seen is one of them.
    f64::from(as_far + 1) / f64::from(TRIED + 1)
}

/// Ways to deal in which sides differ as much as they do.
fn dealt_as_far(before: &[f64], after: &[f64], deals: &Deals) -> u32 {
    let seen = (mean(after) - mean(before)).abs();
    let middle = mean(&[mean(before), mean(after)]);
    let pool: Vec<f64> = before.iter().chain(after).map(|value| value - middle).collect();
    let apart = apart(pool.iter().sum(), before.len(), after.len());
    let is_as_far = |(dealt, _): &(f64, u32)| apart(*dealt) >= seen - SAME;
    deals.sums(&pool).filter(is_as_far).map(|(_, times)| times).sum()
}

/// Whether each run of one side is below all of the other, and there are as many: no other way to deal them then differs as much,
/// but that which exchanges the sides.
fn is_apart(before: &[f64], after: &[f64]) -> bool {
    let ends = |values: &[f64]| {
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(*value), high.max(*value))
        })
    };
    let ((low_before, high_before), (low_after, high_after)) = (ends(before), ends(after));
    let gap = (low_after - high_before).max(low_before - high_after);
    before.len() == after.len() && gap / before.len() as f64 > APART
}

/// How far two halves of the same runs are apart at most in 95 of 100 ways to halve them, as a difference of means: what is
/// measured where nothing was changed. `None` with fewer than five runs.
pub fn noise(runs: &[f64]) -> Option<f64> {
    if runs.len() < RUNS_MIN {
        return None;
    }
    let half = runs.len() / 2;
    let middle = mean(runs);
    let pool: Vec<f64> = runs.iter().map(|value| value - middle).collect();
    let apart = apart(pool.iter().sum(), half, runs.len() - half);
    let deals = deals(half, runs.len() - half);
    let mut halves: Vec<(f64, u32)> = deals.sums(&pool).map(|(dealt, times)| (apart(dealt), times)).collect();
    Some(exceeded(&mut halves, TRIED - TRIED * 95 / 100))
}

/// The value that so many are not below, of values that came up so often; the least where there are fewer.
fn exceeded(mut values: &mut [(f64, u32)], mut wanted: u32) -> f64 {
    loop {
        let (middle, all) = (values.len() / 2, values);
        if all.is_empty() {
            return 0.0;
        }
        let (above, (value, times), below) =
            all.select_nth_unstable_by(middle, |(one, _), (other, _)| other.total_cmp(one));
        let of_above: u32 = above.iter().map(|(_, times)| times).sum();
        if of_above >= wanted {
            values = above;
        } else if of_above + *times >= wanted || below.is_empty() {
            return *value;
        } else {
            wanted -= of_above + *times;
            values = below;
        }
    }
}

/// How far the means of both sides are apart where `dealt` of the sum of all goes to the side after.
fn apart(all: f64, before: usize, after: usize) -> impl Fn(f64) -> f64 {
    let (each_before, each_after) = (1.0 / before as f64, 1.0 / after as f64);
    let (mean_of_all, each) = (all * each_before, each_before + each_after);
    move |dealt| (dealt * each - mean_of_all).abs()
}

/// Ways to deal runs.
#[derive(Debug)]
struct Deals {
    sizes: (usize, usize),
    /// Whether a run goes to the side after, eight runs in a byte: the first eight for all ways, then the next ones.
    ways: Vec<u8>,
    /// How often each way came up: of few runs there are few ways.
    times: Vec<u32>,
    /// How often the sides came up as they are, or exchanged.
    as_seen: u32,
}

/// Those of the sizes that were asked for last: many entries in a row have as many runs.
static LAST: Mutex<Vec<Arc<Deals>>> = Mutex::new(Vec::new());

/// Sizes that are kept: two for each number of runs, as sides are compared and halved.
const KEPT: usize = 4;

fn deals(before: usize, after: usize) -> Arc<Deals> {
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = last.iter().find(|deals| deals.sizes == (before, after)) {
        return Arc::clone(known);
    }
    last.truncate(KEPT - 1);
    last.insert(0, Arc::new(Deals::of(before, after)));
    Arc::clone(&last[0])
}

impl Deals {
    fn of(before: usize, after: usize) -> Self {
        let mut places: Vec<usize> = (0..before + after).collect();
        let mut random = Pcg64Mcg::seed_from_u64(0x5eed);
        let mut ways: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
        for _ in 0..TRIED {
            shuffle(&mut places, &mut random);
            *ways.entry(way(&places[before..], before + after)).or_default() += 1;
        }
        let places: Vec<usize> = (0..before + after).collect();
        let (kept, exchanged) = (&places[before..], &places[..before]);
        let came_up = |side: &[usize]| ways.get(&way(side, places.len())).copied().unwrap_or(0);
        Self {
            sizes: (before, after),
            as_seen: came_up(kept) + came_up(exchanged),
            times: ways.values().copied().collect(),
            ways: (0..places.len().div_ceil(8))
                .flat_map(|eight| ways.keys().map(move |way| way[eight]))
                .collect(),
        }
    }

    /// For each way the sum of the values that go to the side after, and how often it came up: sums of eight at a time are worked
    /// out once.
    fn sums(&self, pool: &[f64]) -> impl Iterator<Item = (f64, u32)> {
        let mut sums = vec![0.0; self.times.len()];
        for (ways, eight) in self.ways.chunks_exact(sums.len().max(1)).zip(pool.chunks(8)) {
            let of_eight = sums_of_eight(eight);
            sums.iter_mut().zip(ways).for_each(|(sum, way)| *sum += of_eight[usize::from(*way)]);
        }
        sums.into_iter().zip(self.times.iter().copied())
    }
}

/// Eight of all runs in a byte, whether they are of a side.
fn way(side: &[usize], all: usize) -> Vec<u8> {
    let mut way = vec![0; all.div_ceil(8)];
    side.iter().for_each(|place| way[place / 8] |= 1 << (place % 8));
    way
}

/// The sum of each choice of eight values.
fn sums_of_eight(values: &[f64]) -> [f64; 256] {
    let mut sums = [0.0; 256];
    for choice in 1..sums.len() {
        let without_lowest = choice & (choice - 1);
        let lowest = choice.trailing_zeros() as usize;
        sums[choice] = sums[without_lowest] + values.get(lowest).copied().unwrap_or(0.0);
    }
    sums
}

/// Shuffles (R. Durstenfeld, 1964).
fn shuffle(places: &mut [usize], random: &mut Pcg64Mcg) {
    for last in (1..places.len()).rev() {
        // Sides have few runs: the remainder favours none of them noticeably.
        #[expect(clippy::cast_possible_truncation)]
        let with = (random.next_u64() % (last as u64 + 1)) as usize;
        places.swap(last, with);
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
        assert_eq!(permutation(&[], &[]), 1.0);
    }

    /// Ten runs with a deviation of 3 %: halves of five differ by 1.96 * 3 % * sqrt(2 / 5), with what is lost as they are of
    /// the same ten.
    #[test]
    fn halves_of_the_same_runs_differ_as_their_deviation_says() {
        let runs = [0.9, -1.3, 0.2, -0.4, 1.5, -0.8, 0.6, -1.0, 1.1, -0.8].map(|value| 25.0 + value * 0.03);
        let found = noise(&runs).unwrap();
        assert!((found - 0.036).abs() < 0.006, "{found}");
        assert_eq!((noise(&[7.0; 6]), noise(&runs[..4])), (Some(0.0), None));
    }

    /// Dealing the values themselves, one way after the other.
    fn dealt_one_by_one(before: &[f64], after: &[f64]) -> f64 {
        let pool: Vec<f64> = before.iter().chain(after).copied().collect();
        let mut places: Vec<usize> = (0..pool.len()).collect();
        let mut random = Pcg64Mcg::seed_from_u64(0x5eed);
        let seen = (mean(after) - mean(before)).abs();
        let mut as_far = 1;
        for _ in 0..TRIED {
            shuffle(&mut places, &mut random);
            let dealt: Vec<f64> = places.iter().map(|place| pool[*place]).collect();
            let (one, other) = dealt.split_at(before.len());
            as_far += u32::from((mean(other) - mean(one)).abs() >= seen - SAME);
        }
        f64::from(as_far) / f64::from(TRIED + 1)
    }

    /// Also where no run of one side is among those of the other, which is told without dealing.
    #[test]
    fn sums_of_eight_at_a_time_say_the_same() {
        for (before, after) in [(3, 3), (5, 4), (5, 5), (6, 6), (10, 10), (17, 31)] {
            let value = |place: usize, by: f64| 25.0 + (place * 7 % 11) as f64 * 0.01 - by;
            let of = |count: usize, by: f64| (0..count).map(|place| value(place, by)).collect::<Vec<_>>();
            for by in [0.02, 0.5, -0.5] {
                let (before, after) = (of(before, 0.0), of(after, by));
                assert_eq!(permutation(&before, &after), dealt_one_by_one(&before, &after));
            }
        }
    }

    #[test]
    fn the_value_that_so_many_exceed_is_that_of_sorting() {
        for count in [1, 2, 7, 40, 252] {
            let values: Vec<(f64, u32)> =
                (0..count).map(|place| (f64::from(place * 37 % 101), place as u32 % 5 + 1)).collect();
            let mut sorted: Vec<f64> = values
                .iter()
                .flat_map(|(value, times)| std::iter::repeat_n(*value, *times as usize))
                .collect();
            sorted.sort_by(|one, other| other.total_cmp(one));
            for wanted in 1..=sorted.len() {
                assert_eq!(exceeded(&mut values.clone(), wanted as u32), sorted[wanted - 1]);
            }
            assert_eq!(exceeded(&mut values.clone(), 10_000), sorted[sorted.len() - 1]);
        }
    }
}
