//! Every form of every format gives the same spans, and damage costs what it hits.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

mod otlp;
#[path = "otlp/seen.rs"]
mod seen;

use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::Mutex;

use detectors::evidence::{Dictionary, Logged, ServerEvents, Traced};
use otlp::layout::Random;
use otlp::{Resource, Scope, Span, Value};
use seen::{Seen, VALUES_KEY, all};
use whyslow::diagnosis::{Request, diagnose};
use whyslow::ingest::{
    self, Block, FORMATS, Format, Framing, Head, IngestError, Input, Options, Place, ReadSummary, Reading,
    Rest,
};

fn read(input: &[u8]) -> (Vec<Seen>, ReadSummary) {
    read_with(vec![stream(input)], 1).unwrap()
}

fn stream(input: &[u8]) -> Input {
    Input::Stream { name: "input".into(), stream: Box::new(Cursor::new(input.to_vec())) }
}

fn read_with(inputs: Vec<Input>, threads: usize) -> Result<(Vec<Seen>, ReadSummary), IngestError> {
    let dictionary = Mutex::new(Dictionary::default());
    let spans = Mutex::new(Vec::new());
    let options =
        Options { threads, values_key: VALUES_KEY, log_form: None, show_values: false, keep_texts: false };
    let sink = |block: &mut Vec<Traced>| {
        spans.lock().unwrap().extend(block.drain(..).filter(|read| !read.span.is_lost()));
        Ok(())
    };
    let summary = ingest::read(inputs, &options, &dictionary, &sink, &|_, _| {})?;
    let dictionary = dictionary.into_inner().unwrap();
    let seen = all(&spans.into_inner().unwrap(), &dictionary);
    assert_eq!(summary.spans, seen.len() as u64);
    assert_eq!(summary.skipped.kept, seen.len() as u64);
    Ok((seen, summary))
}

/// Requests of several resources and scopes; `number` makes their ids differ.
fn sample(number: u64, spans: u64) -> Vec<Resource> {
    let span = |index: u64| Span {
        trace: u128::from(number + 1) << 64 | u128::from(index / 19 + 1),
        id: (number << 32) + index + 1,
        parent: if index.is_multiple_of(19) { 0 } else { (number << 32) + index },
        name: format!("GET /orders/\"{}\"\n{{id}}", index % 7),
        kind: (index % 6) as u8,
        start_ns: 1_700_000_000_000_000_000 + index * 1_000,
        end_ns: 1_700_000_000_000_000_000 + index * 1_000 + 5_000,
        error: index.is_multiple_of(5),
        attributes: vec![
            ("db.system".into(), Value::Text("postgresql".into())),
            ("db.statement".into(), Value::Text(format!("SELECT * FROM \"orders\" WHERE id = {index}"))),
            ("http.response.status_code".into(), Value::Integer(200)),
            ("some.ratio".into(), Value::Double(0.5)),
            ("process.tags".into(), Value::List(vec![Value::Boolean(true), Value::Text("a{\"b".into())])),
        ],
        events: (index % 4) as usize,
    };
    let scope = |name: &str, range: std::ops::Range<u64>| Scope {
        name: name.into(),
        spans: range.map(span).collect(),
    };
    let service = |name: &str| vec![("service.name".to_owned(), Value::Text(name.into()))];
    vec![
        Resource {
            attributes: service("shop"),
            scopes: vec![scope("http", 0..spans / 4), scope("sql", spans / 4..spans / 2)],
        },
        Resource { attributes: service("stock"), scopes: vec![scope("http", spans / 2..spans)] },
    ]
}

fn expected(requests: &[Vec<Resource>]) -> Vec<Seen> {
    seen::expected(requests.iter().flatten())
}

fn pretty(json: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

/// Every form in which requests are found, and the format that must recognise it.
fn forms(requests: &[Vec<Resource>]) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let json: Vec<String> = requests.iter().map(|request| otlp::json::request(request)).collect();
    let protobuf: Vec<Vec<u8>> = requests.iter().map(|request| otlp::protobuf::request(request)).collect();
    let mixed: Vec<Vec<u8>> = json
        .iter()
        .zip(&protobuf)
        .enumerate()
        .map(
            |(number, (json, protobuf))| if number % 2 == 0 { json.clone().into() } else { protobuf.clone() },
        )
        .collect();
    let document = otlp::json::request(&requests.concat());
    let jaeger: Vec<String> = requests.iter().flat_map(|request| otlp::jaeger::traces(request)).collect();
    let zipkin: Vec<String> = requests.iter().flat_map(|request| otlp::zipkin::traces(request)).collect();
    let spans_of_zipkin =
        format!("[{}]", zipkin.iter().map(|list| &list[1..list.len() - 1]).collect::<Vec<_>>().join(","));
    vec![
        ("spans of Zipkin", "zipkin-json", spans_of_zipkin.clone().into()),
        ("pretty-printed spans of Zipkin", "zipkin-json", pretty(&spans_of_zipkin).into()),
        ("answer of Zipkin", "zipkin-json", format!("[{}]", zipkin.join(",")).into()),
        ("traces of Zipkin on lines", "zipkin-json", (zipkin.join("\n") + "\n").into()),
        ("answer of Jaeger", "jaeger-json", otlp::jaeger::answer(&jaeger).into()),
        ("pretty-printed answer of Jaeger", "jaeger-json", pretty(&otlp::jaeger::answer(&jaeger)).into()),
        ("traces of Jaeger", "jaeger-json", format!("[{}]", jaeger.join(",\n")).into()),
        ("traces of Jaeger on lines", "jaeger-json", (jaeger.join("\n") + "\n").into()),
        (
            "answers of Jaeger on lines",
            "jaeger-json",
            jaeger
                .iter()
                .map(|trace| otlp::jaeger::answer(std::slice::from_ref(trace)) + "\n")
                .collect::<String>()
                .into(),
        ),
        ("one document", "otlp-json", document.clone().into()),
        ("pretty-printed", "otlp-json", pretty(&document).into()),
        ("array", "otlp-json", format!("[{}]", json.join(",\n")).into()),
        ("pretty-printed array", "otlp-json", pretty(&format!("[{}]", json.join(","))).into()),
        ("lines", "otlp-json", (json.join("\n") + "\n").into()),
        ("lines of Windows", "otlp-json", json.join("\r\n").into()),
        ("one after another", "otlp-json", json.concat().into()),
        (
            "pretty-printed, one after another",
            "otlp-json",
            json.iter().map(|one| pretty(one)).collect::<String>().into(),
        ),
        ("byte order mark", "otlp-json", format!("\u{feff}{document}").into()),
        ("request", "otlp-protobuf", otlp::protobuf::request(&requests.concat())),
        (
            "length-prefixed",
            "otlp-protobuf",
            otlp::protobuf::length_prefixed(protobuf.iter().map(Vec::as_slice)),
        ),
        (
            "varint-prefixed",
            "otlp-protobuf",
            otlp::protobuf::varint_prefixed(protobuf.iter().map(Vec::as_slice)),
        ),
        (
            "length-prefixed, mixed",
            "otlp-protobuf",
            otlp::protobuf::length_prefixed(mixed.iter().map(Vec::as_slice)),
        ),
    ]
}

#[test]
fn every_form_gives_the_same_spans() {
    let requests: Vec<_> = (0..8).map(|number| sample(number, 40)).collect();
    let expected = expected(&requests);
    for (form, format, input) in forms(&requests) {
        let (seen, summary) = read(&input);
        assert_eq!(summary.skipped.records, 0, "{form}: {:?}", summary.skipped);
        assert_eq!(seen.len(), expected.len(), "{form}");
        assert_eq!(seen, expected, "{form}");
        assert_eq!(summary.inputs[0].format, Some(format), "{form}");
        assert_eq!(summary.bytes, input.len() as u64, "{form}");
    }
}

/// What is known of a span before must not speak for one that says something else.
#[test]
fn spans_that_are_alike_are_told_apart() {
    for seed in 0..20 {
        let requests = [otlp::alike::spans(400, &mut Random(seed))];
        let expected = expected(&requests);
        let document = otlp::json::request(&requests[0]);
        let inputs = [
            ("JSON", document.clone().into()),
            ("pretty-printed JSON", pretty(&document).into()),
            ("protobuf", otlp::protobuf::request(&requests[0])),
        ];
        for (form, input) in inputs {
            let input: Vec<u8> = input;
            let (seen, summary) = read(&input);
            assert_eq!(summary.skipped.records, 0, "{form}, seed {seed}: {:?}", summary.skipped);
            let differs = seen.iter().zip(&expected).find(|(seen, expected)| seen != expected);
            assert!(seen == expected, "{form}, seed {seed}: {differs:?}");
        }
    }
}

#[test]
fn inputs_larger_than_a_block_are_read_by_any_number_of_threads() {
    let requests: Vec<_> = (0..5).map(|number| sample(number, 500)).collect();
    let expected = expected(&requests);
    for (form, _, input) in forms(&requests) {
        for threads in [1, 3] {
            let (seen, summary) = read_with(vec![stream(&input)], threads).unwrap();
            assert_eq!(summary.skipped.records, 0, "{form}: {:?}", summary.skipped);
            assert!(seen == expected, "{form} with {threads} threads");
            assert_eq!(summary.bytes, input.len() as u64, "{form}");
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_inputs_are_told_by_content() {
    let requests: Vec<_> = (0..4).map(|number| sample(number, 40)).collect();
    let expected = expected(&requests);
    for (form, _, input) in forms(&requests) {
        let (first, second) = input.split_at(input.len() / 2);
        for compressed in [
            [gzip(first), gzip(second)].concat(),
            zstd::encode_all(&input[..], 1).unwrap(),
            [zstd::encode_all(first, 1).unwrap(), zstd::encode_all(second, 1).unwrap()].concat(),
        ] {
            assert!(read(&compressed).0 == expected, "{form}");
        }
    }
}

#[test]
fn any_layout_of_a_document_gives_the_same_spans() {
    for seed in 0..25 {
        let mut random = Random(seed);
        let requests = vec![sample(seed, 24), sample(seed + 100, 13)];
        let mut text = String::new();
        for request in &requests {
            let value = serde_json::from_str(&otlp::json::request(request)).unwrap();
            otlp::layout::write(&value, &mut random, &mut text);
        }
        let (seen, summary) = read(text.as_bytes());
        assert_eq!(summary.skipped.records, 0, "seed {seed}: {:?}\n{text}", summary.skipped);
        assert!(seen == expected(&requests), "seed {seed}\n{text}");
    }
}

/// Where each span's bytes are, by its id: found by the id's own bytes.
fn place_of(input: &[u8], span: &Seen) -> Option<usize> {
    let hex = format!("\"{:016x}\"", span.id);
    let wire = [&[0x12, 8][..], &span.id.to_be_bytes()].concat();
    let find = |needle: &[u8]| memchr::memmem::find(input, needle);
    // A parent comes after its children's mention of it in some layouts: its own id follows its key.
    find(format!("\"spanId\":{hex}").as_bytes())
        .or_else(|| find(format!("\"spanId\": {hex}").as_bytes()))
        .or_else(|| find(format!("\"spanID\":{hex}").as_bytes()))
        .or_else(|| find(format!("\"spanID\": {hex}").as_bytes()))
        .or_else(|| find(format!("\"id\":{hex}").as_bytes()))
        .or_else(|| find(format!("\"id\": {hex}").as_bytes()))
        .or_else(|| find(&wire))
}

/// How many spans were lost that lie outside of `hit`, a range of bytes: a span reaches at most two times
/// the mean length of one around its id.
fn lost_elsewhere(input: &[u8], hit: std::ops::Range<usize>, whole: &[Seen], seen: &[Seen]) -> usize {
    let known: std::collections::HashSet<u64> = seen.iter().map(|span| span.id).collect();
    let lost = whole.iter().filter(|span| !known.contains(&span.id));
    let reach = 2 * input.len() / whole.len();
    let near = |at: usize| at + reach > hit.start && at < hit.end + reach;
    lost.filter(|span| !place_of(input, span).is_some_and(near)).count()
}

#[test]
fn damage_costs_what_it_hits() {
    let requests: Vec<_> = (0..5).map(|number| sample(number, 24)).collect();
    let whole = expected(&requests);
    for (form, _, input) in forms(&requests) {
        for seed in 0..std::env::var("SEEDS").map_or(8, |text| text.parse().unwrap()) {
            let mut random = Random(seed);
            let at = random.below(input.len());
            let mut damaged = input.clone();
            let hit = match seed % 4 {
                // One byte is another one.
                0 => {
                    damaged[at] ^= 1 << random.below(8);
                    at..at + 1
                }
                // Some bytes are missing.
                1 => {
                    let end = (at + 1 + random.below(60)).min(input.len());
                    damaged.drain(at..end);
                    at..end
                }
                // Zeros.
                2 => {
                    let end = (at + 1 + random.below(300)).min(input.len());
                    damaged[at..end].fill(0);
                    at..end
                }
                // The end is missing.
                _ => {
                    damaged.truncate(at);
                    at..input.len()
                }
            };
            let Ok((seen, summary)) = read_with(vec![stream(&damaged)], 1) else {
                continue;
            };
            let lost = whole.len().saturating_sub(seen.len());
            let elsewhere = lost_elsewhere(&input, hit.clone(), &whole, &seen);
            assert!(
                elsewhere == 0,
                "{form}, seed {seed}, {hit:?}: {lost} lost, {elsewhere} elsewhere; {:?}",
                summary.skipped
            );
            let may_be_silent = matches!(seed % 4, 1 | 3);
            assert!(
                lost == 0 || may_be_silent || summary.skipped.records > 0,
                "{form}, seed {seed}, {hit:?}: {lost} lost silently"
            );
        }
    }
}

fn fixtures(folder: &str) -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_none_or(|extension| extension != "expected"));
    files.sort();
    files
}

/// `fixtures/formats/<format>/*`: one peculiarity each, and beside it what must be read.
#[test]
fn what_exists_in_practice_is_read() {
    let of_format = |format: &'static Format| {
        fixtures(&format!("formats/{}", format.name)).into_iter().map(|path| (format.name, path))
    };
    for (format, path) in FORMATS.iter().flat_map(of_format) {
        let bytes = std::fs::read(&path).unwrap();
        let dictionary = Mutex::new(Dictionary::default());
        let lines = Mutex::new(Vec::new());
        let sink = |spans: &mut Vec<Traced>| {
            let dictionary = dictionary.lock().unwrap();
            for Traced { trace, span } in spans.drain(..) {
                if span.is_lost() {
                    lines.lock().unwrap().push(format!("{trace:032x} lost spans"));
                    continue;
                }
                let origin = dictionary.origin(span.origin);
                let (service, library) = (dictionary.text(origin.service), dictionary.text(origin.library));
                let times = format!(
                    "{trace:032x} {:016x} {:016x} {} {}",
                    span.id, span.parent, span.start_ns, span.end_ns
                );
                // What a log tells has no name but that of its endpoint.
                let what = match dictionary.shape(span.shape).text.as_ref() {
                    text if span.logged != Logged::No => {
                        let read = match span.rows_examined() {
                            Some(examined) => {
                                format!(" {} of {examined} rows, {:#x}", span.rows, span.effort.to_bits())
                            }
                            None => String::new(),
                        };
                        format!(
                            "{library} {:?} {:?} {} {text:?}{read}",
                            span.logged, span.kind, span.parameters
                        )
                    }
                    endpoint if format.ends_with("log") => {
                        let (instance, code, bytes) =
                            (dictionary.text(origin.instance), span.status_code, span.response_bytes);
                        format!("{instance} {endpoint:?} {code} {bytes} {:?}", span.body)
                    }
                    _ => format!("{library} {:?}", dictionary.text(span.name)),
                };
                lines
                    .lock()
                    .unwrap()
                    .push(format!("{times} {:?} {:?} {service} {what}", span.role, span.status));
            }
            Ok(())
        };
        let options = Options {
            threads: 1,
            values_key: VALUES_KEY,
            log_form: None,
            show_values: false,
            keep_texts: false,
        };
        let summary = ingest::read(vec![stream(&bytes)], &options, &dictionary, &sink, &|_, _| {}).unwrap();
        let mut lines = lines.into_inner().unwrap();
        let dictionary = dictionary.into_inner().unwrap();
        lines.extend(summary.statistics.rows().iter().map(|row| {
            let (text, database) = (&dictionary.shape(row.shape).text, dictionary.text(row.database));
            format!("{database} {text:?} {:?} {:?}", row.sums, row.since_reset)
        }));
        lines.extend(summary.skipped.first.iter().map(|record| {
            format!("skipped: line {}, offset {}: {}", record.line, record.offset, record.reason)
        }));
        let snapshot = path.with_extension(format!("{}.expected", path.extension().unwrap().display()));
        expect_test::expect_file![snapshot].assert_eq(&(lines.join("\n") + "\n"));
        assert_eq!(summary.inputs[0].format, Some(format), "{}", path.display());
        if summary.skipped.records == 0
            && format == "otlp-json"
            && let Ok(text) = String::from_utf8(bytes.clone())
            && let Some(resources) = otlp::reference::read(&text)
        {
            assert_eq!(read(&bytes).0, seen::expected(&resources), "{}", path.display());
        }
    }
}

/// Compressed ones are told apart like what is in them.
#[test]
fn exactly_one_format_claims_an_input() {
    for format in FORMATS {
        for path in fixtures(&format!("formats/{}", format.name)) {
            let bytes = std::fs::read(&path).unwrap();
            let plain = match path.extension().unwrap().to_str().unwrap() {
                "gz" => continue,
                "zst" => zstd::decode_all(&bytes[..]).unwrap(),
                _ => bytes,
            };
            for length in [plain.len(), plain.len().min(1 << 20)] {
                let head = Head { bytes: &plain[..length], whole: length == plain.len() };
                let claims = FORMATS.iter().filter(|format| (format.sniff)(head).is_some());
                let claims: Vec<_> = claims.map(|format| format.name).collect();
                assert_eq!(claims, [format.name], "{}", path.display());
            }
        }
    }
}

/// Ids and times of what is read in blocks that grow by so many bytes, and what is told beside.
fn in_parts(format: &Format, framing: Framing, bytes: &[u8], part: usize) -> (Vec<[u64; 3]>, ServerEvents) {
    let dictionary = Mutex::new(Dictionary::default());
    let mut reading = Reading::new(&dictionary, VALUES_KEY);
    let mut decoder = (format.decoder)(framing);
    let mut place = Place { file: "input".into(), offset: 0, line: 1 };
    let (mut start, mut end) = (0, part.min(bytes.len()));
    loop {
        let rest = if end == bytes.len() { Rest::Nothing } else { Rest::Follows };
        let done = decoder.decode(&mut reading, &Block { bytes: &bytes[start..end], place: &place, rest });
        place.offset += done as u64;
        place.line += bytes[start..start + done].iter().filter(|byte| **byte == b'\n').count() as u64;
        start += done;
        if rest == Rest::Nothing {
            break;
        }
        end = (end + part).min(bytes.len());
    }
    let mut spans: Vec<_> =
        reading.spans.iter().map(|one| [one.span.id, one.span.start_ns, one.span.end_ns]).collect();
    spans.sort_unstable();
    (spans, reading.events)
}

#[test]
fn blocks_of_a_document_may_end_anywhere() {
    for format in FORMATS.iter().filter(|format| format.name.ends_with("json")) {
        for path in fixtures(&format!("formats/{}", format.name)) {
            let bytes = std::fs::read(&path).unwrap();
            let whole = in_parts(format, Framing::Document, &bytes, bytes.len());
            for part in [1, 2, 7, 17, 256] {
                let parts = in_parts(format, Framing::Document, &bytes, part);
                assert!(parts == whole, "{} in parts of {part}", path.display());
            }
        }
    }
}

#[test]
fn blocks_of_a_log_may_end_anywhere() {
    for format in FORMATS.iter().filter(|format| format.name.ends_with("log")) {
        for path in fixtures(&format!("formats/{}", format.name)) {
            let bytes = std::fs::read(&path).unwrap();
            let framing = (format.sniff)(Head { bytes: &bytes, whole: true }).unwrap();
            let whole = in_parts(format, framing, &bytes, bytes.len());
            assert!(whole.0.len() > 2 || whole.1.tells_of_poolers(), "{}", path.display());
            for part in [1, 7, 256] {
                let parts = in_parts(format, framing, &bytes, part);
                assert!(parts == whole, "{} in parts of {part}", path.display());
            }
        }
    }
}

/// A slow log says which database it is in when that changes, for all connections.
#[test]
fn databases_of_a_log_do_not_depend_on_its_blocks() {
    let mut log = String::new();
    let mut expected = std::collections::BTreeMap::new();
    for number in 0..20_000 {
        let database = ["shop", "books", "news"][number / 5_000 % 3];
        let changed = if number % 5_000 == 0 { format!("use {database};\n") } else { String::new() };
        *expected.entry(Some(database.to_owned())).or_insert(0) += 1;
        log += &format!(
            "# Time: 2026-11-23T21:{:02}:{:02}.000001Z\n# User@Host: shop[shop] @ web1 [10.0.0.7]  Id: {:5}\n\
             # Query_time: 0.000311  Lock_time: 0.000057 Rows_sent: 1  Rows_examined: 1\n{changed}\
             SET timestamp=1795469736;\nSELECT name FROM customers WHERE id = {number};\n",
            number / 60 % 60,
            number % 60,
            number % 7
        );
    }
    for threads in [1, 3] {
        let settings = detectors::settings::Settings::default();
        let request = Request {
            settings,
            memory_bytes: 256 << 20,
            threads,
            command: String::new(),
            log_form: None,
            show_values: false,
            sampled: detectors::evidence::sampled::SampledProfiles::default(),
        };
        let report = diagnose(vec![stream(log.as_bytes())], &request, &|_| {}).unwrap();
        let rows = report.logged.unwrap().by_time;
        let found: std::collections::BTreeMap<_, _> =
            rows.into_iter().map(|row| (row.database, row.executions)).collect();
        assert_eq!(found, expected, "{threads} threads");
    }
}

/// A line costs itself, whatever is in it.
#[test]
fn damage_of_a_log_costs_its_lines() {
    for format in FORMATS.iter().filter(|format| format.name.ends_with("log")) {
        for path in fixtures(&format!("formats/{}", format.name)) {
            let bytes = std::fs::read(&path).unwrap();
            let (whole, _) = read(&bytes);
            for seed in 0..40 {
                let mut random = Random(seed);
                let mut damaged = bytes.clone();
                let at = random.below(bytes.len() - 1);
                match seed % 3 {
                    0 => damaged[at] = [0, b'"', b' ', b'\n', b'[', b'{', 0xff, b'-'][random.below(8)],
                    1 => drop(damaged.drain(at..(at + 1 + random.below(40)).min(bytes.len()))),
                    _ => damaged.truncate(at.max(bytes.len() / 2)),
                }
                let Ok((seen, _)) = read_with(vec![stream(&damaged)], 1) else { continue };
                let least = if seed % 3 == 2 { whole.len() / 4 } else { whole.len().saturating_sub(10) };
                assert!(seen.len() >= least, "{} seed {seed}: {} left", path.display(), seen.len());
            }
        }
    }
}

#[test]
fn a_general_parser_reads_the_same() {
    for seed in 0..15 {
        let mut random = Random(seed);
        let value = serde_json::from_str(&otlp::json::request(&sample(seed, 30))).unwrap();
        let mut text = String::new();
        otlp::layout::write(&value, &mut random, &mut text);
        // Its depth is bounded.
        if let Some(resources) = otlp::reference::read(&text) {
            assert_eq!(read(text.as_bytes()).0, seen::expected(&resources), "seed {seed}");
        }
    }
}

#[test]
fn folders_are_read_in_order_without_hidden_files() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let requests: Vec<_> = (0..3).map(|number| sample(number, 20)).collect();
    write("b.json", otlp::json::request(&requests[0]).as_bytes());
    write("a/late.bin", &gzip(&otlp::protobuf::request(&requests[1])));
    write("c", &otlp::protobuf::length_prefixed([&otlp::protobuf::request(&requests[2])[..]]));
    write(".hidden", b"{");
    write(".git/x.json", otlp::json::request(&requests[0]).as_bytes());
    write("notes.txt", b"not evidence");
    write("empty", b"");
    for threads in [1, 2, 5] {
        let inputs =
            vec![Input::from(folder.path().to_path_buf()), Input::from(folder.path().join("b.json"))];
        let (seen, summary) = read_with(inputs, threads).unwrap();
        assert_eq!(seen, expected(&requests));
        let names: Vec<_> = summary
            .inputs
            .iter()
            .map(|input| (input.name.rsplit('/').next().unwrap().to_owned(), input.spans, input.format))
            .collect();
        let (json, protobuf) = (Some("otlp-json"), Some("otlp-protobuf"));
        let expected = [
            ("late.bin", 20, protobuf),
            ("b.json", 20, json),
            ("c", 20, protobuf),
            ("empty", 0, None),
            ("notes.txt", 0, None),
        ];
        assert_eq!(names, expected.map(|(name, spans, format)| (name.to_owned(), spans, format)));
    }
}

#[test]
fn what_cannot_be_read_says_what_would_help() {
    let problem = |bytes: &[u8]| read_with(vec![stream(bytes)], 1).unwrap_err().to_string();
    for (bytes, help) in [
        (&b""[..], "it is empty"),
        (b"PK\x03\x04rest", "unpack it first"),
        (b"\xff\xfe{\0", "UTF-16"),
        (b"{\"data\":[]}", "without resourceSpans"),
        (b"hello", "traces and logs, plain, gzip or zstd; docs/formats.md lists them"),
    ] {
        let text = problem(bytes);
        assert!(text.contains(help), "{text}");
        assert!(text.starts_with("cannot read input: "), "{text}");
    }
    let missing = read_with(vec![Input::from(std::path::PathBuf::from("/does/not/exist"))], 1);
    assert!(missing.unwrap_err().to_string().starts_with("cannot read /does/not/exist: "));
}

#[test]
fn a_compressed_input_that_is_cut_gives_what_it_holds() {
    let requests: Vec<_> = (0..20).map(|number| sample(number, 40)).collect();
    let input = otlp::protobuf::length_prefixed(
        requests
            .iter()
            .map(|request| otlp::protobuf::request(request))
            .collect::<Vec<_>>()
            .iter()
            .map(Vec::as_slice),
    );
    let whole = gzip(&input);
    let (seen, summary) = read(&whole[..whole.len() / 2]);
    assert!(seen.len() > 200 && seen.len() < 800, "{}", seen.len());
    assert!(summary.inputs[0].problem.as_deref().unwrap().starts_with("not read to its end: "));
}

/// Recordings of real programs hold nothing that is left out.
#[test]
fn recordings_are_read_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/order-list");
    let (seen, summary) = read_with(vec![Input::from(folder)], 2).unwrap();
    assert!(seen.len() > 1_000);
    assert_eq!(summary.skipped.records, 0, "{:?}", summary.skipped);
    assert!(summary.inputs.iter().all(|input| input.problem.is_none() || input.format.is_none()));
}

/// The spans of an input as they are, but without their times.
fn timeless(path: &Path) -> Vec<Seen> {
    let dictionary = Mutex::new(Dictionary::default());
    let spans = Mutex::new(Vec::new());
    let sink = |block: &mut Vec<Traced>| {
        spans.lock().unwrap().append(block);
        Ok(())
    };
    let options =
        Options { threads: 1, values_key: VALUES_KEY, log_form: None, show_values: false, keep_texts: false };
    ingest::read(vec![Input::from(path.to_path_buf())], &options, &dictionary, &sink, &|_, _| {}).unwrap();
    let mut spans = spans.into_inner().unwrap();
    spans.iter_mut().for_each(|Traced { span, .. }| (span.start_ns, span.end_ns) = (0, 0));
    all(&spans, &dictionary.into_inner().unwrap())
}

/// What a diagnosis of an input finds, with times in whole milliseconds.
fn findings(path: &Path) -> Vec<String> {
    let settings = detectors::settings::Settings::default();
    let request = Request {
        settings,
        memory_bytes: 256 << 20,
        threads: 1,
        command: String::new(),
        log_form: None,
        show_values: false,
        sampled: detectors::evidence::sampled::SampledProfiles::default(),
    };
    let report = diagnose(vec![Input::from(path.to_path_buf())], &request, &|_| {}).unwrap();
    let endpoints = report.endpoints.iter().map(|endpoint| {
        let p50_ms = endpoint.latency_ns.p50.map(|p50_ns| (p50_ns + 500_000) / 1_000_000);
        let statements = &endpoint.statements_per_request;
        format!("{} {} {} {p50_ms:?} {statements:?}", endpoint.service, endpoint.name, endpoint.requests)
    });
    let findings = report.findings.iter().map(|finding| {
        let (subject, gain) = (&finding.subject.text, finding.gain.kind);
        format!(
            "{} {} {:?} {subject} {:?} {:?} {gain:?} {:?} {:?}",
            finding.id,
            finding.detector,
            finding.endpoint,
            finding.requests,
            finding.repeats,
            finding.confidence,
            finding.location,
        )
    });
    endpoints.chain(findings).collect()
}

/// `fixtures/formats/one-recording`: one run that was exported in several formats.
#[test]
fn one_recording_gives_the_same_in_every_format() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats/one-recording");
    let of = |format: &str| folder.join(format!("{format}.zst"));
    let (spans, found) = (timeless(&of("otlp")), findings(&of("otlp")));
    assert!(spans.len() == 1_000 && found.iter().any(|line| line.contains("n-plus-one")));
    for format in ["jaeger", "zipkin"] {
        assert!(timeless(&of(format)) == spans, "{format}");
        assert_eq!(findings(&of(format)), found, "{format}");
    }
}

/// A reader that gives its bytes as a slow network would.
struct Slowly(Cursor<Vec<u8>>, usize);

impl std::io::Read for Slowly {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(self.1);
        self.0.read(&mut buffer[..length])
    }
}

#[test]
fn documents_that_begin_anywhere_in_a_block_are_read() {
    let document = otlp::json::request(&sample(0, 19));
    // Shifts the begin of the second document over the end of the first block.
    let block = 1 << 20;
    for shift in 0..20 {
        let text = format!("{document}{}{document}", " ".repeat(block - document.len() - shift));
        let stream = Box::new(Slowly(Cursor::new(text.into_bytes()), 4096));
        let input = Input::Stream { name: "slow".into(), stream };
        let (seen, summary) = read_with(vec![input], 1).unwrap();
        assert_eq!((seen.len(), summary.skipped.records), (38, 0), "{shift}");
    }
}
