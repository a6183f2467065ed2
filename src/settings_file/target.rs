//! Goals: `[[target]]` in the file, `--target 'GET /orders p99<500ms'` on the command line.

use detectors::settings::{Metric, Target};

use super::section::Section;
use super::{Error, endpoint};
use crate::duration;

const METRICS: [Metric; 4] = [Metric::P50, Metric::P95, Metric::P99, Metric::Max];

const NAMES: &[&str] = &["endpoint", "service", "p50", "p95", "p99", "max"];

/// Reads a goal from the command line: `[SERVICE: ]ENDPOINT METRIC < DURATION`.
///
/// # Errors
///
/// A text that says what is expected.
pub fn parse(text: &str) -> Result<Target, String> {
    let wrong = |what: &str| {
        format!("{what}; expected such as 'GET /orders p99<500ms' or 'shop: GET /orders p99<0.5s'")
    };
    let (left, bound) = text.rsplit_once('<').ok_or_else(|| wrong("no `<`"))?;
    let (place, metric) = left.trim().rsplit_once(char::is_whitespace).ok_or_else(|| wrong("no endpoint"))?;
    let metric = Metric::parse(&metric.to_ascii_lowercase())
        .ok_or_else(|| wrong(&format!("`{metric}` is none of p50, p95, p99 and max")))?;
    if METRICS.iter().any(|metric| place.contains(&format!(" {}<", metric.name()))) {
        return Err(wrong("more than one bound; give one --target for each"));
    }
    let (service, endpoint) = endpoint::with_service(place);
    let max_ns = bound_ns(bound.trim()).map_err(|reason| wrong(&reason))?;
    Ok(Target { service, endpoint, metric, max_ns })
}

/// Reads one `[[target]]`, which may bound several metrics.
pub(super) fn read(section: &Section<'_>) -> Result<Vec<Target>, Error> {
    section.check_names(NAMES)?;
    let endpoint = section.text("endpoint", "GET /orders")?;
    let endpoint =
        endpoint.ok_or_else(|| section.error("a target needs an `endpoint`, such as \"GET /orders\""))?;
    let endpoint = endpoint::canonical(&endpoint);
    let service = section.text("service", "shop")?;
    let mut targets = Vec::new();
    for metric in METRICS {
        let Some(bound) = section.text(metric.name(), "500ms")? else { continue };
        let max_ns = bound_ns(&bound).map_err(|reason| section.error_at(metric.name(), reason))?;
        targets.push(Target { service: service.clone(), endpoint: endpoint.clone(), metric, max_ns });
    }
    match targets.is_empty() {
        true => Err(section.error("a target needs a bound, such as p99 = \"500ms\"")),
        false => Ok(targets),
    }
}

/// A bound without a unit would be guessed at.
fn bound_ns(text: &str) -> Result<u64, String> {
    if text.ends_with(|last: char| last.is_ascii_digit()) {
        return Err(format!("`{text}` has no unit: write {text}ms or {text}s (ns, us, ms, s, min, h)"));
    }
    let bound = duration::parse(text)?;
    match u64::try_from(bound.as_nanos()) {
        Ok(ns) if ns > 0 => Ok(ns),
        _ => Err("a bound must be above zero".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_on_the_command_line() {
        let target = |service: Option<&str>, endpoint: &str, metric, milliseconds: u64| Target {
            service: service.map(str::to_owned),
            endpoint: endpoint.to_owned(),
            metric,
            max_ns: milliseconds * 1_000_000,
        };
        for (text, expected) in [
            ("GET /orders p99<500ms", target(None, "GET /orders", Metric::P99, 500)),
            ("shop: GET /orders P50 < 0.5s", target(Some("shop"), "GET /orders", Metric::P50, 500)),
            ("shop:GET /users/<int:id> p50<1s", target(Some("shop"), "GET /users/{id}", Metric::P50, 1000)),
            ("GET /a/:b max<1m", target(None, "GET /a/{b}", Metric::Max, 60_000)),
            (" * p95 < 2 s ", target(None, "*", Metric::P95, 2000)),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "GET /orders",
            "p99<1s",
            "GET /orders p98<1s",
            "GET /orders p99<soon",
            "a p99<0s",
            "a p99<500",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
