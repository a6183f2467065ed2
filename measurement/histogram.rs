//! Durations of one run as counts: they add, and percentiles of sums are right, which percentiles of percentiles are not.

use std::fmt;
use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use serde::{Deserialize, Deserializer as SerdeDeserializer, Serialize, Serializer as SerdeSerializer, de};

/// The longest duration that is told apart, in nanoseconds: an hour. Longer ones count as this.
const HIGHEST_NS: u64 = 3_600_000_000_000;

/// Digits that hold: a duration is known within 0.1 %.
const DIGITS: u8 = 3;

/// Durations in nanoseconds as an HdrHistogram.
///
/// As text it is the format that HdrHistogram's libraries call V2 with deflate, in base64: other tools read it.
#[derive(Clone, PartialEq)]
pub struct Histogram(hdrhistogram::Histogram<u64>);

/// A text is no histogram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable(String);

impl fmt::Display for Undecodable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "not a histogram in base64 (HdrHistogram V2, deflate): {}", self.0)
    }
}

impl std::error::Error for Undecodable {}

impl Default for Histogram {
    fn default() -> Self {
        Self(
            hdrhistogram::Histogram::new_with_bounds(1, HIGHEST_NS, DIGITS).expect("the bounds are in order"),
        )
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Histogram({} durations, median {} ns)", self.count(), self.percentile(50_000))
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration_ns: u64) {
        self.0.saturating_record(duration_ns);
    }

    /// Counts a duration several times.
    pub fn record_many(&mut self, duration_ns: u64, times: u64) {
        self.0.saturating_record_n(duration_ns, times);
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The duration in nanoseconds that so many thousandths of a percent do not exceed: 99,900 is p99.9.
    pub fn percentile(&self, thousandths: u32) -> u64 {
        self.0.value_at_quantile(f64::from(thousandths) / 100_000.0).min(self.0.max())
    }

    /// The mean in nanoseconds.
    pub fn mean(&self) -> u64 {
        // A mean lies between values that fit.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let mean = self.0.mean().round() as u64;
        mean
    }

    /// Adds another's durations.
    pub fn merge(&mut self, other: &Self) {
        // Both have the same bounds.
        let _ = self.0.add(&other.0);
    }

    /// Durations from the shortest to the longest, each with how often it was counted.
    pub fn counts(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()))
    }

    /// As text; see the type.
    pub fn encode(&self) -> String {
        let mut bytes = Vec::new();
        // Writing to memory does not fail, and counts are far from overflowing.
        let _ = V2DeflateSerializer::new().serialize(&self.0, &mut bytes);
        STANDARD.encode(bytes)
    }

    /// From text; see the type.
    ///
    /// # Errors
    ///
    /// A text that is no base64, or no histogram in it.
    pub fn decode(text: &str) -> Result<Self, Undecodable> {
        let bytes = STANDARD.decode(text).map_err(|error| Undecodable(error.to_string()))?;
        let read = Deserializer::new().deserialize::<u64, _>(&mut Cursor::new(bytes));
        let read = read.map_err(|error| Undecodable(error.to_string()))?;
        let mut histogram = Self::default();
        histogram.0.add(&read).map_err(|error| Undecodable(error.to_string()))?;
        Ok(histogram)
    }
}

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
        Self::decode(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(read.encode(), histogram.encode());
        Ok(())
    }

    #[test]
    fn damaged_text_is_an_error() {
        let text = [1u64, 2, 3].into_iter().collect::<Histogram>().encode();
        for damaged in ["", "AAAA", "no base64!", &text[..text.len() / 2]] {
            assert!(Histogram::decode(damaged).is_err(), "{damaged}");
        }
    }
}
