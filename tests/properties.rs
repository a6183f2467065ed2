//! The same evidence gives the same findings: in any order, on any number of threads, in any number
//! of files, more than once, and with so little memory that everything goes through temporary files.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

mod otlp;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use detectors::finding::{Report, Waterfall};
use detectors::queries::Measured;
use detectors::settings::Settings;
use otlp::layout::Random;
use otlp::{Resource, Scope, Span, Value, shop};
use whyslow::diagnosis::{Request, count, diagnose};
use whyslow::ingest::Input;

const ENOUGH: u64 = 256 << 20;
const NEARLY_NOTHING: u64 = 64 << 10;

fn request(threads: usize, memory_bytes: u64) -> Request {
    Request {
        settings: Settings::default(),
        memory_bytes,
        threads,
        command: String::new(),
        log_form: None,
        show_values: false,
        sampled: detectors::evidence::sampled::SampledProfiles::default(),
    }
}

fn inputs(files: &[PathBuf]) -> Vec<Input> {
    files.iter().map(|file| Input::Path(file.clone())).collect()
}

/// The report without what tells how it came about.
fn report(files: &[PathBuf], threads: usize, memory_bytes: u64) -> Report {
    let report = diagnose(inputs(files), &request(threads, memory_bytes), &|_| {}).unwrap();
    Report { notes: Vec::new(), skipped: Default::default(), ..report }
}

/// The statements of each request.
fn counted(files: &[PathBuf], threads: usize, memory_bytes: u64) -> Measured {
    count(inputs(files), &request(threads, memory_bytes), &|_| {}).unwrap().measured
}

fn assert_equal(expected: &Report, found: &Report, what: &str) {
    let json = |report: &Report| serde_json::to_string_pretty(report).unwrap();
    let (expected, found) = (json(expected), json(found));
    let differs = expected.lines().zip(found.lines()).find(|(one, other)| one != other);
    assert!(expected == found, "{what}: {differs:?}");
}

/// Messages of a recording: each after its length in four bytes.
fn messages(recording: &Path) -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    zstd::Decoder::new(fs::File::open(recording).unwrap()).unwrap().read_to_end(&mut bytes).unwrap();
    let mut rest = &bytes[..];
    let mut messages = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (message, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        messages.push(message.to_vec());
        rest = after;
    }
    messages
}

fn shuffle<T>(items: &mut [T], random: &mut Random) {
    for last in (1..items.len()).rev() {
        items.swap(last, random.below(last + 1));
    }
}

/// Writes messages over several files.
fn spread(messages: &[Vec<u8>], files: usize, folder: &Path) -> Vec<PathBuf> {
    let per_file = messages.len().div_ceil(files).max(1);
    let parts = messages.chunks(per_file).enumerate().map(|(number, part)| {
        let path = folder.join(format!("{number}.otlp"));
        fs::write(&path, otlp::protobuf::length_prefixed(part.iter().map(Vec::as_slice))).unwrap();
        path
    });
    parts.collect()
}

/// One recording of each detector, and all recordings that show several processes.
fn recordings() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let cases = [
        "n-plus-one/customers-in-three-batches",
        "n-plus-one/stock-call-of-each-order",
        "n-plus-one/sequelize-customers",
        "pool-starvation/three-connections",
        "pool-starvation/psycopg-pool",
        "sequential-calls/weather-news-rates",
        "blocking-call/payment-inside-transaction",
        "heavy-compute/document-encoded-last",
        "slow-query/rating",
    ];
    cases.iter().map(|case| root.join(case).join("trace.otlp.zst")).collect()
}

#[test]
fn recordings_in_any_order_and_division() {
    let mut random = Random(7);
    for recording in recordings() {
        let folder = tempfile::tempdir().unwrap();
        let expected = report(std::slice::from_ref(&recording), 1, ENOUGH);
        let name = recording.display().to_string();
        assert!(!expected.findings.is_empty(), "{name} has findings");
        let statements = counted(std::slice::from_ref(&recording), 1, ENOUGH);
        assert!(!statements.places.is_empty(), "{name} has requests");
        let mut messages = messages(&recording);
        for (threads, files, memory_bytes) in [(2, 1, ENOUGH), (1, 3, NEARLY_NOTHING), (3, 4, ENOUGH)] {
            shuffle(&mut messages, &mut random);
            let files = spread(&messages, files, folder.path());
            assert_equal(&expected, &report(&files, threads, memory_bytes), &name);
            assert_eq!(statements, counted(&files, threads, memory_bytes), "{name}");
        }
        // Everything a second time, elsewhere in the order.
        let mut twice = [messages.clone(), messages].concat();
        shuffle(&mut twice, &mut random);
        let files = spread(&twice, 2, folder.path());
        assert_equal(&expected, &report(&files, 2, ENOUGH), &format!("{name} twice"));
        assert_eq!(statements, counted(&files, 2, ENOUGH), "{name} twice");
    }
}

/// A span with the attributes of its resource and the name of its scope.
type Lone = (Vec<(String, Value)>, String, Span);

/// Spans one by one, each with its resource and scope.
fn single_spans(traces: std::ops::Range<u64>) -> Vec<Lone> {
    let resources = shop::resources(traces);
    let spans = resources.into_iter().flat_map(|resource| {
        resource.scopes.into_iter().flat_map(move |scope| {
            let attributes = resource.attributes.clone();
            let name = scope.name;
            scope.spans.into_iter().map(move |span| (attributes.clone(), name.clone(), span))
        })
    });
    spans.collect()
}

/// Messages of 50 spans each, in the order given.
fn messages_of(spans: &[Lone]) -> Vec<Vec<u8>> {
    let resource = |(attributes, name, span): &(Vec<(String, Value)>, String, Span)| Resource {
        attributes: attributes.clone(),
        scopes: vec![Scope { name: name.clone(), spans: vec![span.clone()] }],
    };
    let message = |spans: &[_]| otlp::protobuf::request(&spans.iter().map(resource).collect::<Vec<_>>());
    spans.chunks(50).map(message).collect()
}

#[test]
fn spans_that_come_again_with_other_contents() {
    let mut spans = single_spans(0..60);
    let mut random = Random(5);
    let again: Vec<Lone> = spans.iter().step_by(3).cloned().collect();
    for (number, (mut attributes, scope, mut span)) in again.into_iter().enumerate() {
        match number % 4 {
            0 => span.name.push_str(" again"),
            1 => attributes.push(("service.version".into(), Value::Text(format!("{number}")))),
            2 => span.attributes.push(("code.function.name".into(), Value::Text("other".into()))),
            _ => span.attributes.iter_mut().for_each(|(_, value)| {
                if let Value::Text(text) = value {
                    text.push_str(" AND 1 = 7");
                }
            }),
        }
        spans.push((attributes, scope, span));
    }
    let folder = tempfile::tempdir().unwrap();
    let expected = report(&spread(&messages_of(&spans), 1, folder.path()), 1, ENOUGH);
    assert!(!expected.findings.is_empty());
    for (threads, files, memory_bytes) in [(1, 1, ENOUGH), (2, 3, ENOUGH), (2, 2, NEARLY_NOTHING)] {
        shuffle(&mut spans, &mut random);
        let files = spread(&messages_of(&spans), files, folder.path());
        assert_equal(&expected, &report(&files, threads, memory_bytes), &format!("{threads} threads"));
    }
}

/// A request of 400 ms that waits for three statements, one after another.
fn three_statements(number: u64) -> Vec<Resource> {
    let begin_ns = 1_760_000_000_000_000_000 + number * 1_000_000_000;
    let span = |place: u64, from_ms: u64, to_ms: u64| Span {
        trace: u128::from(number + 1),
        id: number * 10 + place,
        parent: if place == 1 { 0 } else { number * 10 + 1 },
        kind: if place == 1 { 2 } else { 3 },
        name: "GET /report".into(),
        start_ns: begin_ns + from_ms * 1_000_000,
        end_ns: begin_ns + to_ms * 1_000_000,
        attributes: match place {
            1 => vec![
                ("http.request.method".into(), Value::Text("GET".into())),
                ("http.route".into(), Value::Text("/report".into())),
            ],
            _ => vec![
                ("db.system.name".into(), Value::Text("postgresql".into())),
                ("db.query.text".into(), Value::Text(format!("SELECT sum(total) FROM table_{place}"))),
            ],
        },
        ..Span::default()
    };
    let spans = vec![span(1, 0, 400), span(2, 1, 132), span(3, 133, 265), span(4, 266, 399)];
    let attributes = vec![("service.name".to_owned(), Value::Text("shop".into()))];
    vec![Resource { attributes, scopes: vec![Scope { name: "lib".into(), spans }] }]
}

#[test]
fn time_of_spans_that_were_cut_off_is_no_own_time() {
    let own_time = |report: &Report| report.findings.iter().any(|found| found.detector == "heavy-compute");
    let folder = tempfile::tempdir().unwrap();
    let requests = [three_statements(0)];
    let json: Vec<String> = requests.iter().map(|request| otlp::json::request(request)).collect();
    let protobuf: Vec<Vec<u8>> = requests.iter().map(|request| otlp::protobuf::request(request)).collect();
    for (name, whole) in [
        ("document", otlp::json::request(&requests.concat()).into_bytes()),
        ("lines", json.join("\n").into_bytes()),
        ("request", otlp::protobuf::request(&requests.concat())),
        ("length-prefixed", otlp::protobuf::length_prefixed(protobuf.iter().map(Vec::as_slice))),
        ("varint-prefixed", otlp::protobuf::varint_prefixed(protobuf.iter().map(Vec::as_slice))),
    ] {
        let (file, other) = (folder.path().join("cut"), folder.path().join("other"));
        fs::write(&other, otlp::protobuf::request(&three_statements(9))).unwrap();
        let statement = memchr::memmem::rfind(&whole, b"table_3").unwrap();
        // Within the third statement, in its middle and behind it.
        for end in (statement - 90..statement + 40).step_by(7) {
            fs::write(&file, &whole[..end]).unwrap();
            let cut = report(&[file.clone(), other.clone()], 1, ENOUGH);
            assert!(!own_time(&cut), "{name}, cut at {end}");
            let files = [other.clone(), file.clone()];
            assert_equal(&cut, &report(&files, 2, NEARLY_NOTHING), &format!("{name}, cut at {end}"));
        }
    }
}

#[test]
fn two_hundred_thousand_spans_in_any_order() {
    let traces = 200_000 / shop::SPANS_A_TRACE;
    let mut spans = single_spans(0..traces);
    let folder = tempfile::tempdir().unwrap();
    let expected = report(&spread(&messages_of(&spans), 1, folder.path()), 1, ENOUGH);
    assert!(expected.findings.iter().any(|finding| finding.detector == "n-plus-one"));
    shuffle(&mut spans, &mut Random(11));
    let files = spread(&messages_of(&spans), 5, folder.path());
    assert_equal(&expected, &report(&files, 2, ENOUGH), "shuffled over five files, two threads");
    assert_equal(&expected, &report(&files, 1, NEARLY_NOTHING), "through temporary files");
}

/// All recordings below a folder.
fn recordings_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            recordings_below(&path, found);
        } else if path.ends_with("trace.otlp.zst") {
            found.push(path);
        }
    }
}

#[test]
fn drawn_requests_agree_with_themselves() {
    let mut recordings = Vec::new();
    recordings_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"), &mut recordings);
    let mut drawn_requests = 0;
    let mut wrong = Vec::new();
    for recording in recordings {
        for finding in report(std::slice::from_ref(&recording), 1, ENOUGH).findings {
            let Some(drawn) = &finding.waterfall else { continue };
            drawn_requests += 1;
            let told = what_disagrees(drawn);
            let name = recording.display();
            wrong.extend(
                told.iter().map(|what| format!("{name}: {} {}: {what}", finding.detector, finding.id)),
            );
        }
    }
    assert!(drawn_requests > 0 && wrong.is_empty(), "{drawn_requests} drawn\n{}", wrong.join("\n"));
}

fn what_disagrees(drawn: &Waterfall) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    let [best_ns, worst_ns] = drawn.fixed_ns;
    check(best_ns <= worst_ns && worst_ns <= drawn.duration_ns, format!("range {best_ns} to {worst_ns}"));
    let path_ns: u64 = drawn.rows.iter().map(|row| row.measured.path_ns).sum();
    let whole = drawn.rows_left_out == 0;
    check(path_ns <= drawn.duration_ns, format!("path of {path_ns} in {}", drawn.duration_ns));
    check(
        !whole || path_ns == drawn.duration_ns,
        format!("whole path of {path_ns} in {}", drawn.duration_ns),
    );
    check(drawn.rows.iter().any(|row| row.claimed), "nothing is changed".to_owned());
    check(drawn.rows.first().is_some_and(|row| row.depth == 0), "no request above all".to_owned());
    let mut depth = 0;
    for row in &drawn.rows {
        check(row.depth <= depth, format!("depth {} below {depth}: {}", row.depth, row.text));
        depth = row.depth + 1;
        let sides = [(Some(row.measured), drawn.duration_ns), (row.fixed, worst_ns)];
        for (at, end_ns) in sides.into_iter().filter_map(|(at, end_ns)| at.map(|at| (at, end_ns))) {
            let within = at.start_ns <= at.end_ns && at.end_ns <= end_ns;
            check(within, format!("{at:?} ends after {end_ns}: {}", row.text));
            check(at.path_ns <= at.duration_ns, format!("{at:?} has a longer path: {}", row.text));
            check(at.calls > 0, format!("no calls: {}", row.text));
        }
    }
    wrong
}
