//! `locust --csv`: the file `_stats.csv`.

use super::super::{Imported, Unreadable, csv, subject, table, units};
use super::step;
use crate::{Latency, Load, Run, Sample};

/// The name of the line about all requests.
const ALL: &str = "Aggregated";

pub(super) fn is_it(output: &[u8]) -> bool {
    output.starts_with(b"Type,Name,Request Count,Failure Count,")
}

pub(super) fn run(output: &[u8]) -> Result<Imported, Unreadable> {
    let text = table::text(output);
    let mut rows = text.lines().enumerate().filter(|(_, line)| !line.is_empty());
    let names = rows.next().map_or_else(Vec::new, |(_, line)| csv::fields(line));
    let mut run = Run { load: Some(Load::Closed { connections: None }), ..Run::default() };
    for (index, line) in rows {
        let row: Vec<(&str, String)> =
            names.iter().map(|name| &**name).zip(csv::fields(line).into_iter().map(String::from)).collect();
        let row = Row { fields: row };
        if row.get("Name")? != ALL {
            run.samples.insert(row.subject()?, row.sample().map_err(|error| error.at(index))?);
        }
    }
    Ok(Imported::of(run))
}

struct Row<'t> {
    fields: Vec<(&'t str, String)>,
}

impl Row<'_> {
    fn get(&self, name: &str) -> Result<&str, Unreadable> {
        let found = self.fields.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str()).ok_or_else(|| table::missing(name))
    }

    fn number(&self, name: &str) -> Result<f64, Unreadable> {
        self.get(name)?.parse().map_err(|_| Unreadable::of(format!("no number for \"{name}\"")))
    }

    fn subject(&self) -> Result<String, Unreadable> {
        Ok(subject::request(self.get("Type")?, self.get("Name")?).trim_start().to_owned())
    }

    fn sample(&self) -> Result<Sample, Unreadable> {
        // Without any answer a percentile is `N/A`.
        let percentile = |(name, value): &(&str, String)| {
            Some((name.strip_suffix('%')?.parse().ok()?, value.parse().ok()?))
        };
        let mean = self.number("Average Response Time")?;
        let latency =
            subject::summary(self.fields.iter().filter_map(percentile), Some(mean), units::MILLISECOND)?;
        let median = match &latency {
            Latency::Summary { percentiles_ns, .. } => percentiles_ns.get(&50_000).copied().unwrap_or(0),
            _ => 0,
        };
        Ok(Sample {
            requests: units::count(self.number("Request Count")?)?,
            errors: Some(units::count(self.number("Failure Count")?)?),
            resolution_ns: Some(step(median)),
            latency,
            ..Sample::default()
        })
    }
}
