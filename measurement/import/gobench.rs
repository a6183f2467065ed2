//! What `go test -bench` prints: <https://go.dev/design/14313-benchmark-format>.

use std::collections::{BTreeMap, BTreeSet};

use super::{Imported, Tool, Unreadable, subject, table, units};
use crate::{Latency, Run, Sample};

pub(super) const TOOL: Tool = Tool {
    name: "go bench",
    summary: "the text of `go test -bench . -count 10`: each repetition is a run; `ns/op`, and `allocs` and `bytes` of \
              `-benchmem` as counts",
    evidence: "Go 1.27 (recorded), 1.16 and 1.17 (test data of benchstat)",
    read,
};

/// Repetitions of one benchmark; more are not looked at.
const RUNS_MAX: usize = 10_000;

/// Benchmarks of one output.
const BENCHMARKS_MAX: usize = 10_000;

/// What lines before the benchmarks tell of the machine.
const FACTS: [&str; 3] = ["goos", "goarch", "cpu"];

fn read(output: &[u8]) -> Option<Result<Imported, Unreadable>> {
    let is_it = is_first(output) && table::holds(output, " ns/op");
    is_it.then(|| runs(&table::text(output)))
}

/// Whether some line begins as a benchmark's.
fn is_first(output: &[u8]) -> bool {
    output.starts_with(b"Benchmark") || table::holds(output, "\nBenchmark")
}

fn runs(text: &str) -> Result<Imported, Unreadable> {
    let mut imported = Imported::default();
    let mut repeated: BTreeMap<String, usize> = BTreeMap::new();
    let packages: BTreeSet<&str> = text.lines().filter_map(|line| line.strip_prefix("pkg:")).collect();
    let mut package = "";
    for (index, line) in text.lines().enumerate() {
        if let Some((name, value)) = line.split_once(": ") {
            match FACTS.contains(&name) {
                true => _ = imported.facts.insert(name.to_owned(), subject::short(value)),
                false if name == "pkg" => package = value.trim(),
                false => {}
            }
        }
        let Some((name, sample)) = benchmark(line).map_err(|error| error.at(index))? else { continue };
        let name = if packages.len() > 1 { format!("{package}.{name}") } else { name.to_owned() };
        let name = subject::short(&name);
        if repeated.len() >= BENCHMARKS_MAX && !repeated.contains_key(&name) {
            return Err(Unreadable::of(format!("more than {BENCHMARKS_MAX} benchmarks")).at(index));
        }
        let place = repeated.entry(name.clone()).or_default();
        if *place == imported.runs.len() && *place < RUNS_MAX {
            imported.runs.push(Run::default());
        }
        if let Some(run) = imported.runs.get_mut(*place) {
            run.samples.insert(name, sample);
        }
        *place += 1;
    }
    Ok(imported)
}

/// `BenchmarkName-8   295   4052123 ns/op   24.68 MB/s   401490 B/op   2 allocs/op`.
fn benchmark(line: &str) -> Result<Option<(&str, Sample)>, Unreadable> {
    let mut words = line.split_ascii_whitespace();
    let Some(name) = words.next().and_then(|name| name.strip_prefix("Benchmark")) else { return Ok(None) };
    let Some(Ok(iterations)) = words.next().map(str::parse::<u64>) else { return Ok(None) };
    let mut sample = Sample { requests: iterations, ..Sample::default() };
    while let (Some(value), Some(unit)) = (words.next(), words.next()) {
        let value: f64 = value
            .parse()
            .map_err(|_| Unreadable::of(format!("no number before {}", subject::short(unit))))?;
        match unit {
            "ns/op" => sample.latency = Latency::Single { ps: units::picoseconds(value, units::NANOSECOND)? },
            "B/op" => _ = sample.counts_milli.insert("bytes".to_owned(), units::count(value * 1e3)?),
            "allocs/op" => _ = sample.counts_milli.insert("allocs".to_owned(), units::count(value * 1e3)?),
            _ => {}
        }
    }
    Ok((!sample.latency.is_unknown()).then_some((name, sample)))
}
