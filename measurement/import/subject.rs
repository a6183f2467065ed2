//! What was measured, as a name: never with values.

use std::collections::BTreeMap;

use super::Unreadable;
use crate::{Histogram, Latency, Sample};

/// Subjects of a run, each with counts that take a quarter of a mebibyte; what comes after these is counted together.
const SUBJECTS_MAX: usize = 200;

/// The subject of what has no place of its own.
pub const OTHERS: &str = "(others)";

/// Letters of a name.
const LETTERS_MAX: usize = 200;

/// A name as it is shown: without control characters, and not too long.
pub(super) fn short(name: &str) -> String {
    let shown = |letter: char| if letter.is_control() { ' ' } else { letter };
    name.trim().chars().map(shown).take(LETTERS_MAX).collect()
}

/// `GET /orders/{id}` of a method and an address: without host and query, and with numbers and identifiers taken out.
pub(super) fn request(method: &str, address: &str) -> String {
    let path = match address.split_once("://") {
        Some((_, rest)) => rest.find(['/', '?', '#']).map_or("/", |at| &rest[at..]),
        None => address,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').map(|part| if is_value(part) { "{id}" } else { part }).collect();
    let path = parts.join("/");
    let path = if path.is_empty() { "/" } else { &path };
    short(&format!("{method} {path}"))
}

/// Whether a part of a path is a number, or an identifier in hexadecimal digits.
fn is_value(part: &str) -> bool {
    let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_hexadecimal =
        part.len() >= 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_number || is_hexadecimal
}

/// Durations of requests, by subject.
#[derive(Debug, Default)]
pub(super) struct Requests {
    samples: BTreeMap<String, (Histogram, u64)>,
}

impl Requests {
    /// Counts a request.
    pub(super) fn add(&mut self, subject: String, duration_ns: u64, is_error: bool) {
        let has_place = self.samples.len() < SUBJECTS_MAX || self.samples.contains_key(&subject);
        let subject = if has_place { subject } else { OTHERS.to_owned() };
        let (histogram, errors) = self.samples.entry(subject).or_default();
        histogram.record(duration_ns);
        *errors += u64::from(is_error);
    }

    /// The samples of a run.
    pub(super) fn samples(self, resolution_ns: Option<u64>) -> BTreeMap<String, Sample> {
        let sample = |(histogram, errors): (Histogram, u64)| Sample {
            requests: histogram.count(),
            errors: Some(errors),
            latency: Latency::Histogram { histogram },
            resolution_ns,
            ..Sample::default()
        };
        self.samples.into_iter().map(|(subject, counted)| (subject, sample(counted))).collect()
    }
}

/// Percentiles of a summary by their thousandths, in nanoseconds.
pub(super) fn summary(
    percentiles: impl IntoIterator<Item = (f64, f64)>,
    mean: Option<f64>,
    unit: f64,
) -> Result<Latency, Unreadable> {
    let mut percentiles_ns = BTreeMap::new();
    for (percent, value) in percentiles {
        if let Some(at) = super::units::thousandths(percent) {
            percentiles_ns.insert(at, super::units::nanoseconds(value, unit)?);
        }
    }
    let mean_ns = mean.map(|mean| super::units::nanoseconds(mean, unit)).transpose()?;
    Ok(Latency::Summary { percentiles_ns, mean_ns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_named_without_values() {
        for (address, name) in [
            ("http://shop.test:80/orders/17?key=secret", "GET /orders/{id}"),
            ("http://shop.test", "GET /"),
            ("http://shop.test?q=1", "GET /"),
            ("/users/0b9c8f66-9f0e-4cf3-b1a8-2d8f7a6f0e11/cart", "GET /users/{id}/cart"),
            ("orders page", "GET orders page"),
        ] {
            assert_eq!(request("GET", address), name);
        }
    }

    #[test]
    fn many_names_are_counted_together() {
        let mut requests = Requests::default();
        (0..2_000).for_each(|number| requests.add(format!("GET /x{number}"), 1_000, false));
        let samples = requests.samples(None);
        assert_eq!(samples.len(), SUBJECTS_MAX + 1);
        assert_eq!(samples[OTHERS].requests, 1_800);
    }
}
