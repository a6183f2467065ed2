//! Each sample is read by one tool, with the values that it states; damage is told and never more.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;

use super::*;
use crate::{Load, Metric};

macro_rules! sample {
    ($tool:literal, $file:literal) => {
        ($tool, $file, include_bytes!(concat!("../../fixtures/measurements/", $file)).as_slice())
    };
}

/// Tool, file, content.
const SAMPLES: [(&str, &str, &[u8]); 25] = [
    sample!("hyperfine", "hyperfine/two-commands.json"),
    sample!("hyperfine", "hyperfine/parameter.json"),
    sample!("k6", "k6/handle-summary.json"),
    sample!("k6", "k6/summary-export.json"),
    sample!("k6", "k6/machine-readable.json"),
    sample!("k6", "k6/points.json"),
    sample!("wrk", "wrk/latency.txt"),
    sample!("wrk2", "wrk2/latency.txt"),
    sample!("wrk2", "wrk2/mean.txt"),
    sample!("vegeta", "vegeta/report.json"),
    sample!("vegeta", "vegeta/report.txt"),
    sample!("vegeta", "vegeta/hdrplot.txt"),
    sample!("vegeta", "vegeta/requests.json"),
    sample!("vegeta", "vegeta/requests.csv"),
    sample!("oha", "oha/recorded.json"),
    sample!("ab", "ab/text.txt"),
    sample!("ab", "ab/percentages.csv"),
    sample!("ab", "ab/requests.tsv"),
    sample!("autocannon", "autocannon/result.json"),
    sample!("locust", "locust/summary.json"),
    sample!("locust", "locust/run_stats.csv"),
    sample!("criterion", "criterion/lists.json"),
    sample!("criterion", "criterion/sample.json"),
    sample!("criterion", "criterion/estimates.json"),
    sample!("go bench", "gobench/benchstat.txt"),
];

/// More of tools that have one above.
const MORE: [(&str, &str, &[u8]); 6] = [
    sample!("oha", "oha/result.json"),
    sample!("go bench", "gobench/recorded.bench"),
    sample!("criterion", "criterion/flat.json"),
    sample!("go bench", "gobench/memory.bench"),
    sample!("pytest-benchmark", "pytest-benchmark/with-data.json"),
    sample!("pytest-benchmark", "pytest-benchmark/statistics.json"),
];

fn samples() -> impl Iterator<Item = (&'static str, &'static str, &'static [u8])> {
    SAMPLES.into_iter().chain(MORE)
}

fn imported(file: &str) -> Imported {
    let (_, _, content) = samples().find(|(_, name, _)| *name == file).unwrap();
    read(content).unwrap().1.unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The only run of a file.
fn run(file: &str) -> Run {
    let mut imported = imported(file);
    assert_eq!(imported.runs.len(), 1, "{file}");
    imported.runs.remove(0)
}

/// A metric of a subject, in microseconds, or in thousandths of a count.
fn value(run: &Run, subject: &str, metric: &str) -> f64 {
    let metric: Metric = metric.parse().unwrap();
    let known: Vec<_> = run.samples.keys().collect();
    let sample = run.samples.get(subject).unwrap_or_else(|| panic!("{subject} is none of {known:?}"));
    let value = sample.value(&metric).unwrap_or_else(|| panic!("{subject} {metric} is not known")) as f64;
    if metric.is_exact() { value } else { value / 1e6 }
}

/// Within a thousandth, as histograms keep it.
#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= expected * 0.001 + 0.002, "{found} is not {expected}");
}

#[test]
fn each_sample_belongs_to_exactly_one_tool() {
    for (tool, file, content) in samples() {
        let claimed: Vec<&str> =
            TOOLS.iter().filter(|tool| tool.read(content).is_some()).map(|tool| tool.name).collect();
        assert_eq!(claimed, [tool], "{file}");
        assert!(
            TOOLS.iter().any(|known| known.name == tool && known.read(content).unwrap().is_ok()),
            "{file}"
        );
    }
    for tool in &TOOLS {
        assert!(samples().any(|(name, ..)| name == tool.name), "{tool:?} has no sample");
    }
}

#[test]
fn what_belongs_to_no_tool_is_not_read() {
    let change = include_bytes!("../../fixtures/measurements/criterion/change.json");
    let others: [&[u8]; 6] = [b"", b"{}", b"[]", b"hello", br#"{"resourceSpans":[]}"#, change];
    for other in others {
        assert!(read(other).is_none(), "{}", String::from_utf8_lossy(other));
    }
}

#[test]
fn without_durations_nothing_is_read() {
    let none = include_bytes!("../../fixtures/measurements/k6/without-requests.json");
    let (tool, read) = read(none).unwrap();
    assert_eq!((tool.name, read.unwrap_err().to_string().as_str()), ("k6", "it holds no duration"));
}

#[test]
fn hyperfine_has_a_run_for_each_time() {
    let runs = imported("hyperfine/two-commands.json").runs;
    assert_eq!(runs.len(), 20);
    near(value(&runs[0], "sleep 0.02", "mean"), 39_948.609);
    near(value(&runs[1], "sleep 0.025", "mean"), 102_832.501);
    assert!(runs.iter().all(|run| run.samples["sleep 0.02"].errors == Some(0)));
}

#[test]
fn k6_is_in_milliseconds_in_all_shapes() {
    let summary = run("k6/summary-export.json");
    assert_eq!(summary.samples.keys().collect::<Vec<_>>(), ["", "name:cart"]);
    near(value(&summary, "", "p50"), 21_946.235);
    near(value(&summary, "name:cart", "p95"), 33_043.213);
    assert_eq!((summary.samples[""].requests, summary.samples[""].errors), (143, Some(21)));
    let listed = run("k6/machine-readable.json");
    near(value(&listed, "", "p99"), 445_120.0);
    assert_eq!((listed.samples[""].requests, listed.samples[""].errors), (1_500, Some(30)));
    assert_eq!(listed.duration_ns, Some(60_000_000_000));
    let own = run("k6/handle-summary.json");
    near(value(&own, "", "p95"), 64_531.714);
    near(value(&own, "name:cart", "p99"), 74_429.209);
    assert_eq!((own.samples[""].requests, own.samples[""].errors), (143, Some(21)));
    assert_eq!(own.duration_ns, Some(3_141_469_417));
}

#[test]
fn k6_points_are_counted_by_name_and_group() {
    let points = run("k6/points.json");
    assert_eq!(points.samples.keys().collect::<Vec<_>>(), ["GET /err", "GET /orders", "my group: GET cart"]);
    near(value(&points, "my group: GET cart", "p50"), 18_880.946);
    let failed = &points.samples["GET /err"];
    assert_eq!((failed.requests, failed.errors), (2, Some(2)));
    assert_eq!(points.started_ms, Some(1_795_934_765_436));
}

#[test]
fn wrk_has_a_unit_behind_each_number() {
    let run = run("wrk/latency.txt");
    near(value(&run, "", "p50"), 3_130.0);
    near(value(&run, "", "p99"), 56_620.0);
    near(value(&run, "", "mean"), 6_810.0);
    assert_eq!(run.load, Some(Load::Closed { connections: Some(4) }));
    assert_eq!((run.samples[""].requests, run.duration_ns), (4_261, Some(4_140_000_000)));
}

#[test]
fn wrk2_gives_its_spectrum_back() {
    let of_latency = run("wrk2/latency.txt");
    for (metric, us) in [("p50", 6_671.0), ("p95", 10_015.0), ("p75", 7_783.0)] {
        near(value(&of_latency, "", metric), us);
    }
    // Stated 6.602; counts between rows are spread.
    let mean = value(&of_latency, "", "mean");
    assert!((mean - 6_602.0).abs() < 132.0, "{mean}");
    assert_eq!((of_latency.samples[""].requests, of_latency.load), (60_018, None));
    near(value(&run("wrk2/mean.txt"), "", "mean"), 6_460.0);
}

#[test]
fn wrk2_without_its_spectrum_gives_the_percentiles_that_it_states() {
    let (_, _, whole) = sample!("wrk2", "wrk2/latency.txt");
    let whole = std::str::from_utf8(whole).unwrap();
    let (head, spectrum) = whole.split_once("  Detailed Percentile spectrum:").unwrap();
    let (_, foot) = spectrum.split_once("----------").unwrap();
    let (tool, read) = read(format!("{head}----------{foot}").as_bytes()).unwrap();
    let run = read.unwrap().runs.remove(0);
    assert_eq!(tool.name, "wrk2");
    near(value(&run, "", "p50"), 6_670.0);
    near(value(&run, "", "p99"), 11_180.0);
    assert!(run.samples[""].latency.is_summary());
}

#[test]
fn vegeta_is_in_nanoseconds_and_open() {
    let report = run("vegeta/report.json");
    near(value(&report, "", "p50"), 2_854.306);
    near(value(&report, "", "mean"), 2_371.194);
    assert_eq!(report.load, Some(Load::Open { rate_milli: 101_010 }));
    assert_eq!(report.started_ms, Some(1_442_666_750_645));
    let text = run("vegeta/report.txt");
    near(value(&text, "", "p99"), 247_771.566);
    assert_eq!((text.samples[""].requests, text.samples[""].errors), (1_200, Some(535)));
    assert_eq!(text.duration_ns, Some(9_949_883_921));
    // The excerpt ends at 1,773: its 999th is the median of all.
    near(value(&run("vegeta/hdrplot.txt"), "", "p56.345"), 513.059);
}

#[test]
fn vegeta_requests_are_the_same_in_both_forms() {
    let json = run("vegeta/requests.json");
    assert_eq!(json, run("vegeta/requests.csv"));
    assert_eq!(json.samples.keys().collect::<Vec<_>>(), ["GET /cart", "GET /orders/{id}"]);
    assert_eq!(json.samples["GET /cart"].errors, Some(1));
    near(value(&json, "GET /orders/{id}", "p99"), 2_345.678);
    assert_eq!(json.load, Some(Load::Open { rate_milli: 10_000 }));
}

#[test]
fn oha_is_in_seconds() {
    let run = run("oha/result.json");
    near(value(&run, "", "p50"), 635.0);
    near(value(&run, "", "p95"), 1_443.542);
    near(value(&run, "", "p99.9"), 62_437.375);
    near(value(&run, "", "mean"), 1_378.559);
    assert_eq!((run.samples[""].requests, run.samples[""].errors), (21_636, Some(36)));
}

#[test]
fn a_recording_of_oha_agrees_with_its_server() {
    let run = run("oha/recorded.json");
    // The server slept for 18, 20 or 22 ms.
    near(value(&run, "", "p50"), 21_108.025);
    near(value(&run, "", "p99.9"), 29_915.505);
    assert_eq!((run.samples[""].requests, run.samples[""].errors), (199, Some(0)));
}

#[test]
fn ab_is_in_milliseconds_in_all_forms() {
    let text = run("ab/text.txt");
    near(value(&text, "", "p50"), 6_000.0);
    near(value(&text, "", "p99"), 121_000.0);
    near(value(&text, "", "mean"), 22_000.0);
    assert_eq!(text.samples[""].resolution_ns, Some(1_000_000));
    assert_eq!(text.load, Some(Load::Closed { connections: Some(4) }));
    let requests = run("ab/requests.tsv");
    assert_eq!(requests.samples[""].requests, 600);
    // The three are of one run.
    // ab takes the duration after the one at the percentile.
    near(value(&requests, "", "p95"), 87_000.0);
    assert!((value(&run("ab/percentages.csv"), "", "p95") - 89_000.0).abs() < 1_000.0);
}

#[test]
fn autocannon_is_in_whole_milliseconds() {
    let run = run("autocannon/result.json");
    near(value(&run, "", "p50"), 2_000.0);
    near(value(&run, "", "p97.5"), 29_000.0);
    near(value(&run, "", "mean"), 4_260.0);
    assert_eq!(run.samples[""].resolution_ns, Some(1_000_000));
    assert_eq!((run.started_ms, run.duration_ns), (Some(1_795_469_560_698), Some(4_120_000_000)));
}

#[test]
fn locust_is_in_rounded_milliseconds() {
    let summary = run("locust/summary.json");
    assert_eq!(summary.samples.keys().collect::<Vec<_>>(), ["GET /a", "GET /err"]);
    let failing = &summary.samples["GET /err"];
    assert_eq!((failing.requests, failing.errors, failing.resolution_ns), (61, Some(3), Some(1_000_000)));
    // Without rounding 1,418.08 ms of 61 requests.
    assert!((value(&summary, "GET /err", "mean") - 23_247.0).abs() < 500.0);
    let table = run("locust/run_stats.csv");
    near(value(&table, "GET /a", "p99"), 68_000.0);
    near(value(&table, "GET /err", "mean"), 18_618.347);
}

#[test]
fn criterion_has_one_value_for_a_process() {
    // The slope that criterion itself worked out of these samples.
    near(value(&run("criterion/lists.json"), "", "mean") * 1e3, 4.708_418);
    near(value(&run("criterion/sample.json"), "", "mean") * 1e3, 1_898.589);
    near(value(&run("criterion/estimates.json"), "", "mean") * 1e3, 1_898.589);
    // Flat: the mean.
    near(value(&run("criterion/flat.json"), "", "mean"), 19_489.953);
}

#[test]
fn go_has_a_run_for_each_repetition() {
    let imported = imported("gobench/benchstat.txt");
    assert_eq!(imported.runs.len(), 10);
    near(value(&imported.runs[0], "Encode/format=json-48", "mean") * 1e3, 1_423.0);
    near(value(&imported.runs[6], "Encode/format=gob-48", "mean") * 1e3, 3_186.0);
    assert_eq!(imported.facts["goos"], "linux");
    let memory = super::tests::imported("gobench/memory.bench");
    let name = "New/text=opticks/size=100K/bits=32-8";
    assert_eq!(value(&memory.runs[0], name, "bytes") as u64, 401_490_000);
    assert_eq!(value(&memory.runs[0], name, "allocs") as u64, 2_000);
    assert_eq!(memory.facts["cpu"], "Intel(R) Core(TM) i7-8665U CPU @ 1.90GHz");
    let recorded = super::tests::imported("gobench/recorded.bench");
    assert_eq!(recorded.runs.len(), 4);
    near(value(&recorded.runs[1], "Join-2", "mean") * 1e3, 34_447.0);
    near(value(&recorded.runs[3], "Sum/100-2", "mean") * 1e3, 273.3);
    assert_eq!(value(&recorded.runs[0], "Join-2", "bytes") as u64, 1_280_000);
}

#[test]
fn pytest_benchmark_is_in_seconds() {
    let with_data = imported("pytest-benchmark/with-data.json");
    let run = &with_data.runs[0];
    near(value(run, "test_b.py::test_parse", "p50"), 17.934);
    near(value(run, "test_b.py::test_sort", "mean"), 27.653);
    assert_eq!(run.samples["test_b.py::test_sort"].requests, 60);
    assert_eq!(with_data.facts["cpu"], "AMD EPYC");
    let statistics = self::run("pytest-benchmark/statistics.json");
    near(value(&statistics, "test_b.py::test_sort", "p50"), 27.07);
}

#[test]
fn what_is_cut_off_says_so() {
    for (_, file, content) in
        samples().filter(|(_, file, _)| file.ends_with(".json") && !file.contains("points"))
    {
        let cut = &content[..content.len() * 3 / 4];
        let Some((_, read)) = read(cut) else { panic!("{file} is not recognised any more") };
        if let Err(error) = read {
            assert!(error.to_string().starts_with("line "), "{file}: {error}");
        } else {
            assert!(file.contains("requests"), "{file}: was read although it is cut off");
        }
    }
}

#[test]
fn random_damage_is_an_error_or_a_run() {
    let mut random = Pcg64Mcg::new(7);
    for (_, file, content) in samples() {
        let content = &content[..content.len().min(20_000)];
        for _ in 0..20 {
            let damaged = damaged(content, &mut random);
            for tool in &TOOLS {
                let Some(Ok(imported)) = tool.read(&damaged) else { continue };
                let samples = || imported.runs.iter().flat_map(|run| run.samples.values());
                assert!(samples().any(|sample| !sample.latency.is_unknown()), "{file}");
                assert!(
                    imported.runs.iter().all(|run| run.samples.keys().all(|name| name.len() <= 800)),
                    "{file}"
                );
            }
        }
    }
}

/// Some bytes changed, left out, doubled or cut off.
fn damaged(content: &[u8], random: &mut Pcg64Mcg) -> Vec<u8> {
    let mut below = |end: usize| usize::try_from(random.next_u32()).unwrap() % end.max(1);
    let mut damaged = content.to_vec();
    for _ in 0..=below(4) {
        let from = below(damaged.len());
        let to = (from + below(40)).min(damaged.len());
        match below(5) {
            0 => damaged.truncate(from),
            1 => drop(damaged.drain(from..to)),
            2 => damaged[from..to].fill(b'9'),
            3 => damaged.splice(from..from, content[..to.min(content.len())].to_vec()).for_each(drop),
            _ => damaged[from..to].iter_mut().for_each(|byte| *byte ^= 0x2d),
        }
    }
    damaged
}
