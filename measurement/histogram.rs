//! Durations of one run as counts: they add, and percentiles of sums are right, which percentiles of percentiles are not.

mod bins;
mod filled;
mod text;
mod v2;

use std::borrow::Cow;
use std::fmt;

use filled::Filled;
use serde::{Deserialize, Deserializer as SerdeDeserializer, Serialize, Serializer as SerdeSerializer, de};
use text::Letters;

/// The shortest duration but none at all, in nanoseconds.
const LOWEST_NS: u64 = 1;

/// The longest duration that is told apart, in nanoseconds: an hour. Longer ones count as this.
const HIGHEST_NS: u64 = 3_600_000_000_000;

/// Digits that hold: a duration is known within 0.1 %.
const DIGITS: u8 = 3;

/// Bins up to the longest duration, and the rest of those with as many bits.
const BINS: u32 = 33_792;

/// Durations in nanoseconds as an HdrHistogram: how many fall into each bin (G. Tene's division of values, without the empty
/// bins between, as a run fills few).
///
/// As text it is a letter for most bins (docs/ledger.md); what HdrHistogram's libraries call V2 with deflate, in base64, is read,
/// too.
#[derive(Clone)]
pub struct Histogram(Counts);

/// What is counted.
#[derive(Clone)]
enum Counts {
    /// Bins with durations, in their order, each with how many, and all durations.
    Bins { filled: Vec<Filled>, total: u64 },
    /// A text that was read, as long as nothing is added.
    Letters(Letters),
}

/// A text is no histogram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable(String);

impl fmt::Display for Undecodable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "no histogram: {}", self.0)
    }
}

impl std::error::Error for Undecodable {}

impl fmt::Debug for Histogram {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Histogram({} durations, median {} ns)", self.count(), self.percentile(50_000))
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration_ns: u64) {
        self.record_many(duration_ns, 1);
    }

    /// Counts a duration several times.
    pub fn record_many(&mut self, duration_ns: u64, times: u64) {
        let bin = bins::of(duration_ns);
        self.add(if bin < BINS { bin } else { bins::of(HIGHEST_NS) }, times);
    }

    fn add(&mut self, bin: u32, times: u64) {
        if times == 0 {
            return;
        }
        if let Counts::Letters(letters) = &self.0 {
            self.0 = Counts::Bins { filled: letters.filled(), total: letters.total };
        }
        let Counts::Bins { filled, total } = &mut self.0 else { return };
        match filled.binary_search_by_key(&bin, |filled| filled.bin()) {
            Ok(place) => {
                let known = filled[place].count();
                filled[place] = Filled::new(bin, known.saturating_add(times));
                *total += filled[place].count() - known;
            }
            Err(place) => {
                filled.insert(place, Filled::new(bin, times));
                *total += filled[place].count();
            }
        }
    }

    /// Bins with durations, in their order.
    fn filled(&self) -> Cow<'_, [Filled]> {
        match &self.0 {
            Counts::Bins { filled, .. } => Cow::Borrowed(filled),
            Counts::Letters(letters) => Cow::Owned(letters.filled()),
        }
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        match &self.0 {
            Counts::Bins { total, .. } => *total,
            Counts::Letters(letters) => letters.total,
        }
    }

    /// The duration in nanoseconds that so many thousandths of a percent do not exceed: 99,900 is p99.9. 0 of nothing.
    pub fn percentile(&self, thousandths: u32) -> u64 {
        let share = (f64::from(thousandths) / 100_000.0).min(1.0);
        // Converting saturates.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let wanted = ((share * self.count() as f64).ceil() as u64).max(1);
        let reached = match &self.0 {
            // High percentiles are near the end.
            Counts::Bins { filled, total } => {
                filled::reached(filled, total.saturating_sub(wanted)).or(filled.first().copied())
            }
            Counts::Letters(letters) => letters.reached(wanted),
        };
        reached.map_or(0, Filled::longest)
    }

    /// The mean in nanoseconds; 0 of nothing.
    pub fn mean(&self) -> u64 {
        let sum = match &self.0 {
            Counts::Bins { filled, .. } => filled::sum(filled),
            Counts::Letters(letters) => letters.sum,
        };
        let total = u128::from(self.count());
        // A mean lies between values that fit.
        let rounded = (2 * sum + total).checked_div(2 * total).unwrap_or(0);
        u64::try_from(rounded).unwrap_or(u64::MAX)
    }

    /// Adds another's durations.
    pub fn merge(&mut self, other: &Self) {
        other.filled().iter().for_each(|filled| self.add(filled.bin(), filled.count()));
    }

    /// Durations from the shortest to the longest, each with how often it was counted.
    pub fn counts(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let filled = self.filled();
        (0..filled.len()).map(move |place| (filled[place].longest(), filled[place].count()))
    }

    /// As text; see the type.
    pub fn encode(&self) -> String {
        text::encode(&self.filled())
    }

    /// From text; see the type.
    ///
    /// # Errors
    ///
    /// A text that is no base64, or no histogram with these bounds in it.
    pub fn decode(text: &str) -> Result<Self, Undecodable> {
        let counts = match text.strip_prefix(text::BEGIN) {
            Some(letters) => Letters::read(letters.as_bytes()).map(Counts::Letters),
            None => v2::decode(text).map(Counts::of),
        };
        counts.map(Self).map_err(Undecodable)
    }
}

impl Counts {
    fn of(filled: Vec<Filled>) -> Self {
        Self::Bins { total: filled::total(&filled), filled }
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self(Counts::of(Vec::new()))
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        self.filled() == other.filled()
    }
}

impl Eq for Histogram {}

impl Extend<u64> for Histogram {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, durations: I) {
        durations.into_iter().for_each(|duration| self.record(duration));
    }
}

impl FromIterator<u64> for Histogram {
    fn from_iter<I: IntoIterator<Item = u64>>(durations: I) -> Self {
        let mut histogram = Self::default();
        histogram.extend(durations);
        histogram
    }
}

impl Serialize for Histogram {
    fn serialize<S: SerdeSerializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: SerdeDeserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

/// A histogram out of a text that need not be copied.
struct Text;

impl de::Visitor<'_> for Text {
    type Value = Histogram;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a histogram")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Histogram, E> {
        Histogram::decode(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};
    use rand_pcg::Pcg64Mcg;
    use rand_pcg::rand_core::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn percentiles_are_within_a_thousandth() {
        let histogram: Histogram = (1..=10_000u64).map(|step| step * 100_000).collect();
        for (thousandths, expected) in
            [(50_000, 500_000_000u64), (99_000, 990_000_000), (99_900, 999_000_000)]
        {
            let found = histogram.percentile(thousandths);
            assert!(found.abs_diff(expected) <= expected / 1_000, "{thousandths}: {found}");
        }
    }

    #[test]
    fn text_gives_the_same_counts() -> Result<(), Undecodable> {
        let histogram: Histogram = [1, 999, 1_234_567, HIGHEST_NS, u64::MAX].into_iter().collect();
        let read = Histogram::decode(&histogram.encode())?;
        assert!(read.counts().eq(histogram.counts()));
        assert_eq!((read.count(), read.mean()), (histogram.count(), histogram.mean()));
        assert_eq!(read.encode(), histogram.encode());
        Ok(())
    }

    /// Durations of a log-normal kind, with some that are odd.
    fn durations(seed: u64) -> impl Iterator<Item = u64> {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let mut next = move || random.next_u64();
        let odd = [0, 1, 2_047, 2_048, HIGHEST_NS, HIGHEST_NS + 1, u64::MAX];
        (0..1_000).map(move |_| (next() % 1_000_000_000) >> (next() % 20)).chain(odd)
    }

    /// The `hdrhistogram` crate says the same of the same durations, and what it writes is read.
    #[test]
    fn it_is_that_of_the_library() -> Result<(), Box<dyn std::error::Error>> {
        for seed in 0..20 {
            let mut theirs = hdrhistogram::Histogram::<u64>::new_with_bounds(LOWEST_NS, HIGHEST_NS, DIGITS)?;
            durations(seed).for_each(|duration| theirs.saturating_record(duration));
            let ours: Histogram = durations(seed).collect();
            assert_eq!(ours.count(), theirs.len());
            for thousandths in [0, 1, 50_000, 95_000, 99_000, 99_900, 100_000] {
                let expected = theirs.value_at_quantile(f64::from(thousandths) / 100_000.0);
                assert!(thousandths == 0 || ours.percentile(thousandths) == expected, "{thousandths}");
            }
            assert_eq!(ours.mean() as f64, theirs.mean().round());
            let mut written = Vec::new();
            V2DeflateSerializer::new().serialize(&theirs, &mut written)?;
            assert_eq!(Histogram::decode(&STANDARD.encode(written))?, ours);
            assert_eq!(Histogram::decode(&ours.encode())?, ours);
        }
        Ok(())
    }

    #[test]
    fn sums_are_those_of_all_durations() {
        let mut sum: Histogram = durations(1).collect();
        sum.merge(&durations(2).collect());
        assert_eq!(sum, durations(1).chain(durations(2)).collect());
        assert_eq!((Histogram::default().percentile(50_000), Histogram::default().mean()), (0, 0));
    }

    #[test]
    fn damaged_text_is_an_error() {
        for damaged in ["", "AAAA", "no base64!", "1", "2:!", "1:\"", "1: ", "1:ä", "1:~", "1:{!!", "1:z~~~!"]
        {
            assert!(Histogram::decode(damaged).is_err(), "{damaged}");
        }
    }
}
