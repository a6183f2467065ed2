//! Whose turn it is.

/// The side of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The version before the change.
    Before,
    /// The version after it.
    After,
}

/// The sides of all runs: before, after, after, before, and again.
///
/// A machine that becomes steadily slower or faster gives both sides as much of it.
pub fn order(runs_each: u32) -> impl Iterator<Item = Turn> {
    (0..runs_each.saturating_mul(2)).map(|slot| match slot % 4 {
        0 | 3 => Turn::Before,
        _ => Turn::After,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_have_their_runs_and_the_same_place_in_time() {
        for runs in [1, 2, 5, 10] {
            let turns: Vec<Turn> = order(runs).collect();
            let places = |side: Turn| {
                turns.iter().zip(0i64..).filter(move |(turn, _)| **turn == side).map(|(_, place)| place)
            };
            assert_eq!(places(Turn::Before).count(), places(Turn::After).count());
            let apart = places(Turn::Before).sum::<i64>() - places(Turn::After).sum::<i64>();
            assert!(apart.abs() <= 1, "{runs}: {apart}");
        }
    }
}
