//! `vegeta report`, the text: lines of names in brackets, and as many values.

use super::super::{Imported, Unreadable, subject, table, units};
use super::report::open;
use crate::{Run, Sample};

pub(super) fn run(text: &str) -> Result<Imported, Unreadable> {
    let requests = Row::of(text, "Requests")?;
    let duration = Row::of(text, "Duration")?;
    let latencies = Row::of(text, "Latencies")?;
    let total = requests.number("total")?;
    let success = Row::of(text, "Success")?.get("ratio").trim_end_matches('%').parse::<f64>();
    let success = success.map_err(|_| table::missing("Success"))?;
    let mut percentiles = Vec::new();
    for (name, value) in &latencies.fields {
        if let Ok(percent) = name.parse::<f64>() {
            percentiles.push((percent, latencies.duration(value)? as f64));
        }
    }
    let mean = latencies.duration(latencies.get("mean"))?;
    let sample = Sample {
        requests: units::count(total)?,
        errors: Some(units::count((1.0 - success / 100.0).max(0.0) * total)?),
        latency: subject::summary(percentiles, Some(mean as f64), units::NANOSECOND)?,
        ..Sample::default()
    };
    let run = Run {
        duration_ns: Some(duration.duration(duration.get("attack"))?),
        load: Some(open(requests.number("rate")?)?),
        ..Run::default()
    };
    Ok(Imported::one(run, sample))
}

/// `Latencies     [min, mean, 50, 95, 99, max]  90.438129ms, 113.172398ms, …`.
struct Row<'t> {
    line: usize,
    fields: Vec<(&'t str, &'t str)>,
}

impl<'t> Row<'t> {
    fn of(text: &'t str, name: &str) -> Result<Self, Unreadable> {
        let (line, behind) = table::behind(text, name).ok_or_else(|| table::missing(name))?;
        let bracket = behind.strip_prefix('[').and_then(|behind| behind.split_once(']'));
        let (names, values) = bracket.ok_or_else(|| table::missing(name).at(line))?;
        let fields = names.split(',').map(str::trim).zip(values.split(',').map(str::trim)).collect();
        Ok(Self { line, fields })
    }

    /// Empty where there is no such field.
    fn get(&self, name: &str) -> &'t str {
        self.fields.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    fn number(&self, name: &str) -> Result<f64, Unreadable> {
        self.get(name).parse().map_err(|_| Unreadable::of(format!("no number for {name}")).at(self.line))
    }

    fn duration(&self, text: &str) -> Result<u64, Unreadable> {
        units::with_unit(text).map_err(|error| error.at(self.line))
    }
}
