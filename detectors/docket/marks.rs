//! How many requests show which facts of a candidate.

use crate::candidate::Mark;

/// Counts by fact, sorted by it: a candidate has few, and the same ones in nearly each request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks(Vec<(Mark, u64)>);

/// Facts that are compared before one is searched for.
const COMPARED: usize = 8;

impl Marks {
    /// Counts a fact so many times more.
    pub(crate) fn add(&mut self, mark: Mark, times: u64) {
        // To compare the first ones for equality is quicker than to search among all.
        if let Some((_, known)) = self.0.iter_mut().take(COMPARED).find(|(known, _)| *known == mark) {
            *known += times;
            return;
        }
        match self.0.binary_search_by_key(&mark, |(known, _)| *known) {
            Ok(place) => self.0[place].1 += times,
            Err(place) => self.0.insert(place, (mark, times)),
        }
    }

    /// Adds what another one has counted.
    pub(crate) fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|(mark, times)| self.add(mark, times));
    }

    /// How many requests show a fact.
    pub(crate) fn of(&self, mark: Mark) -> u64 {
        self.0.binary_search_by_key(&mark, |(known, _)| *known).map_or(0, |place| self.0[place].1)
    }

    /// All facts with their counts.
    pub(crate) fn all(&self) -> &[(Mark, u64)] {
        &self.0
    }
}
