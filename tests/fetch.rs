//! `whyslow diagnose --from`: against a server that answers as the documentation of Jaeger and Tempo says, and against
//! others that do not.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]
#![cfg(feature = "client")]

mod otlp;
mod store;

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use store::{Asked, Given, Server, given, json};

fn whyslow(arguments: &[&str]) -> Output {
    whyslow_with(arguments, &[])
}

fn whyslow_with(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_whyslow"));
    command.arg("diagnose").args(arguments).current_dir(folder.path()).stdin(Stdio::null());
    command.env_remove("WHYSLOW_TOKEN").envs(variables.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Asks a store; the report, or what was said.
fn report(arguments: &[&str]) -> Result<Value, String> {
    let output = whyslow(&[&["--service", "shop", "--format", "json"], arguments].concat());
    match output.status.code() {
        Some(0) => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        code => Err(format!("{code:?} {}", text(&output.stderr))),
    }
}

fn requests(report: &Value) -> u64 {
    report["seen"]["requests"].as_u64().unwrap()
}

fn notes(report: &Value) -> String {
    report["notes"].to_string()
}

/// The time that is asked for ends now.
fn now_us() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as u64
}

/// A trace of Jaeger's: a request that began so long ago, with a statement.
fn jaeger_trace(number: u64, start_us: u64) -> Value {
    let id = format!("{:032x}", number + 1);
    let span = |id_of: u64, name: &str, tags: Value| {
        let parent = json!([{"refType": "CHILD_OF", "traceID": id, "spanID": format!("{:016x}", 1)}]);
        json!({
            "traceID": id, "spanID": format!("{id_of:016x}"), "operationName": name,
            "references": if id_of == 1 { json!([]) } else { parent },
            "startTime": start_us + id_of, "duration": if id_of == 1 { 20_000 } else { 10_000 }, "tags": tags, "logs": [],
            "processID": "p1", "warnings": null
        })
    };
    let tag = |key: &str, value: &str| json!({"key": key, "type": "string", "value": value});
    json!({
        "traceID": id,
        "spans": [
            span(1, "GET /orders", json!([tag("span.kind", "server"), tag("http.method", "GET"), tag("http.route", "/orders")])),
            span(2, "SELECT", json!([tag("span.kind", "client"), tag("db.system", "postgresql"), tag("db.statement", "SELECT 1 FROM orders")])),
        ],
        "processes": {"p1": {"serviceName": "shop", "tags": []}},
        "warnings": null
    })
}

/// As Jaeger's storages answer: the latest traces of the time, up to the limit.
fn jaeger(traces: Vec<(u64, Value)>) -> impl Fn(&Asked) -> Given + Send + Sync + 'static {
    move |asked| {
        if asked.path() == "/api/services" {
            return json(r#"{"data":["shop","pay"],"total":2,"limit":0,"offset":0,"errors":null}"#);
        }
        if asked.path() != "/api/traces" || asked.parameter("service").as_deref() != Some("shop") {
            return json(r#"{"data":[],"total":0,"limit":0,"offset":0,"errors":null}"#);
        }
        let times = asked.number("start")..=asked.number("end");
        let mut fitting: Vec<&(u64, Value)> =
            traces.iter().filter(|(start, _)| times.contains(start)).collect();
        fitting.sort_by_key(|(start, _)| u64::MAX - start);
        fitting.truncate(asked.number("limit") as usize);
        let data: Vec<&Value> = fitting.iter().map(|(_, trace)| trace).collect();
        json(json!({"data": data, "total": 0, "limit": 0, "offset": 0, "errors": null}).to_string())
    }
}

/// Traces of the last seconds, several of them at one time.
fn many(traces: u64) -> Vec<(u64, Value)> {
    let now_us = now_us();
    let start_us = |number: u64| now_us - 1_000_000 - number / 3 * 1_000;
    (0..traces).map(|number| (start_us(number), jaeger_trace(number, start_us(number)))).collect()
}

#[test]
fn jaeger_is_asked_page_by_page_and_each_trace_counts_once() {
    let server = Server::start(jaeger(many(530)));
    let report = report(&["--from", "jaeger", &server.url()]).unwrap();
    assert_eq!((requests(&report), notes(&report)), (530, "[]".to_owned()));
    let asked = server.asked();
    assert!((3..=5).contains(&asked.len()), "{} questions", asked.len());
    assert!(asked.windows(2).all(|two| two[0].number("end") > two[1].number("end")));
    let hour = asked[0].number("end") - asked[0].number("start");
    assert_eq!((hour, asked[0].parameter("lookback").as_deref()), (3_600_000_000, Some("custom")));
}

#[test]
fn a_limit_that_is_reached_is_told() {
    let server = Server::start(jaeger(many(530)));
    let report = report(&["--from", "jaeger", &server.url(), "--limit", "250", "--since", "10min"]).unwrap();
    assert_eq!(requests(&report), 250);
    assert!(
        notes(&report).contains("the store may have more: 250 traces were asked for (--limit)"),
        "{report}"
    );
}

#[test]
fn a_store_that_ignores_the_time_does_not_hold_us_for_ever() {
    let traces = many(200);
    let server = Server::start(move |_| {
        let data: Vec<&Value> = traces.iter().map(|(_, trace)| trace).collect();
        json(json!({"data": data}).to_string())
    });
    let report = report(&["--from", "jaeger", &server.url()]).unwrap();
    assert_eq!(requests(&report), 200);
    assert!(notes(&report).contains("the store gives the same traces for earlier times"), "{report}");
    assert!(server.asked().len() < 6);
}

#[test]
fn a_service_that_is_not_known_is_told_with_those_that_are() {
    let server = Server::start(jaeger(many(3)));
    let output = whyslow(&["--from", "jaeger", &server.url(), "--service", "shpo"]);
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr).replace(&server.address.to_string(), "HOST");
    assert_eq!(
        said,
        "error: no traces of shpo at http://HOST/: it knows pay, shop; --since asks for more time\n"
    );
}

#[test]
fn errors_within_an_answer_are_told() {
    let body = r#"{"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":500,"msg":"storage\u001b[2J is down"}]}"#;
    let server = Server::start(move |_| json(body));
    let said = report(&["--from", "jaeger", &server.url()]).unwrap_err();
    assert!(said.starts_with("Some(3)") && said.contains("storage") && said.contains("is down"), "{said}");
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

/// Busy at first: answers so many times with something else.
fn busy_at_first(times: usize, busy: Given, traces: u64) -> (Server, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let later = jaeger(many(traces));
    let server = Server::start(move |asked| match seen.fetch_add(1, Ordering::SeqCst) {
        number if number < times => busy.clone(),
        _ => later(asked),
    });
    (server, count)
}

#[test]
fn a_store_that_is_busy_is_asked_again() {
    for status in [429, 500, 502, 503, 504] {
        let (server, count) = busy_at_first(1, given(status, "text/plain", "later"), 3);
        assert_eq!(requests(&report(&["--from", "jaeger", &server.url()]).unwrap()), 3);
        assert_eq!(count.load(Ordering::SeqCst), 2, "{status}");
    }
    let broken = Given { breaks_off: true, ..json(r#"{"data": []}"#) };
    let (server, _) = busy_at_first(1, broken, 3);
    assert_eq!(requests(&report(&["--from", "jaeger", &server.url()]).unwrap()), 3);
}

#[test]
fn a_store_says_when_it_may_be_asked_again() {
    let wait = |value: &str| Given {
        headers: vec![("retry-after", value.to_owned())],
        ..given(429, "text/plain", "slow down")
    };
    let (server, _) = busy_at_first(1, wait("1"), 3);
    let start = std::time::Instant::now();
    report(&["--from", "jaeger", &server.url()]).unwrap();
    assert!(start.elapsed().as_millis() >= 1_000);
    let (server, count) = busy_at_first(usize::MAX, wait("3600"), 3);
    let said = report(&["--from", "jaeger", &server.url()]).unwrap_err();
    assert!(said.contains("answered 429") && said.contains("it asks to wait for 3600 s"), "{said}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn a_bad_address_says_what_was_asked_and_answered() {
    let page = "<html>\n<body>\u{1b}[31mLog in \u{202e}here</body></html>".repeat(20);
    for (answer, expected) in [
        (
            given(404, "text/plain", "404 page not found"),
            "answered 404 Not Found: 404 page not found; does the API lie below",
        ),
        (
            given(401, "text/plain", ""),
            "answered 401 Unauthorized: (empty); a token is given by the variable WHYSLOW_TOKEN",
        ),
        (
            given(200, "text/html", page.clone()),
            "the answer (text/html) is no list of Jaeger's traces: expected value at line 1 column 1: <html> <body>",
        ),
        (
            given(400, "application/json", r#"{"errors":[{"code":400,"msg":"limit"}]}"#),
            r#"answered 400 Bad Request: {"errors":[{"code":400,"msg":"limit"}]}"#,
        ),
        (
            Given {
                headers: vec![("location", "https://login.example/?next=x".into())],
                ..given(302, "text/plain", "")
            },
            "answered 302 Found, which is not followed, to https://login.example/?next=x",
        ),
        (json(r#"{"data":[{"spans":7}]}"#), "is no list of Jaeger's traces"),
        (json(vec![0xff, 0xfe, 0x00]), "is no list of Jaeger's traces"),
    ] {
        let server = Server::start(move |_| answer.clone());
        let said = report(&["--from", "jaeger", &format!("{}/base/", server.url())]).unwrap_err();
        assert!(said.starts_with("Some(3) error: asked GET http://127.0.0.1:"), "{said}");
        assert!(said.contains("/base/api/traces?service=shop&start=") && said.contains(expected), "{said}");
        assert!(
            !said.contains('\u{1b}') && !said.contains('\u{202e}') && said.lines().count() == 1,
            "{said}"
        );
        assert!(said.len() < 700, "{said}");
    }
}

#[test]
fn slow_answers_are_given_up() {
    let server = Server::start(|_| {
        std::thread::sleep(std::time::Duration::from_secs(5));
        json("{}")
    });
    let said = report(&["--from", "jaeger", &server.url(), "--timeout", "300ms"]).unwrap_err();
    assert!(said.contains("no answer within 300ms"), "{said}");
    let server = Server::start(|_| Given { slowly: true, ..json(vec![b' '; 1 << 16]) });
    let said = report(&["--from", "jaeger", &server.url(), "--timeout", "300ms"]).unwrap_err();
    assert!(said.contains("the answer did not end within 300ms"), "{said}");
    assert_eq!(server.asked().len(), 1, "a second time would take as long");
}

#[test]
fn nobody_listens() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = report(&["--from", "jaeger", &format!("http://{free}")]).unwrap_err();
    assert!(said.contains("no answer: ") && said.contains("refused") && said.contains("(4 times)"), "{said}");
}

#[test]
fn compressed_answers_are_read() {
    let plain = jaeger(many(30));
    let server = Server::start(move |asked| {
        assert!(asked.header("accept-encoding").unwrap().contains("gzip"));
        let Given { body, mut headers, .. } = plain(asked);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&body).unwrap();
        headers.push(("content-encoding", "gzip".into()));
        Given { status: 200, headers, body: encoder.finish().unwrap(), ..Given::default() }
    });
    assert_eq!(requests(&report(&["--from", "jaeger", &server.url()]).unwrap()), 30);
}

#[test]
fn secrets_come_from_the_environment_or_a_file_and_are_never_told() {
    let server = Server::start(jaeger(many(2)));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "Basic c2VjcmV0\n").unwrap();
    let url = server.url();
    let ask = |arguments: &[&str], variables: &[(&str, &str)]| {
        let always = ["--from", "jaeger", &url, "--service", "shop", "--format", "json", "-v"];
        whyslow_with(&[&always[..], arguments].concat(), variables)
    };
    let outputs = [
        ask(&[], &[("WHYSLOW_TOKEN", "secret-1")]),
        ask(&["--token-env", "OTHER"], &[("OTHER", "secret-2"), ("WHYSLOW_TOKEN", "no")]),
        ask(&["--token-file", file.to_str().unwrap(), "--tenant", "team-a"], &[]),
    ];
    let sent: Vec<Option<String>> =
        server.asked().iter().map(|asked| asked.header("authorization").map(str::to_owned)).collect();
    let expected =
        ["Bearer secret-1", "Bearer secret-2", "Basic c2VjcmV0"].map(|value| Some(value.to_owned()));
    assert_eq!(sent, expected);
    assert_eq!(server.asked()[2].header("x-scope-orgid"), Some("team-a"));
    for output in outputs {
        assert!(output.status.success(), "{}", text(&output.stderr));
        let told = text(&output.stdout) + &text(&output.stderr);
        assert!(!told.contains("secret-") && !told.contains("c2VjcmV0"), "{told}");
    }
    let closed = Server::start(|_| given(403, "text/plain", "no"));
    let always = ["--from", "jaeger", &closed.url(), "--service", "shop"].map(str::to_owned);
    let always: Vec<&str> = always.iter().map(String::as_str).collect();
    let output = whyslow_with(&always, &[("WHYSLOW_TOKEN", "secret-3")]);
    assert!(!text(&output.stderr).contains("secret-3"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (arguments, expected) in [
        (
            &["--from", "zipkin", "http://a", "--service", "s"][..],
            "--from zipkin: this store is not known; expected jaeger or tempo",
        ),
        (&["--from", "jaeger", "http://u:p@a", "--service", "s"], "a secret does not belong into a URL"),
        (&["--from", "jaeger", "ftp://a", "--service", "s"], "the URL is not of http or https"),
        (&["--from", "jaeger", "localhost", "--service", "s"], "no URL: "),
        (&["--from", "jaeger", "http://a/?x=1", "--service", "s"], "the URL must end with its path"),
        (
            &["--from", "jaeger", "http://a", "--service", "s", "--token-env", "NONE_SUCH"],
            "--token-env: NONE_SUCH holds no token",
        ),
        (
            &["--from", "jaeger", "http://a", "--service", "s", "--ca", "none.pem"],
            "cannot read certificates in none.pem",
        ),
        (&["--from", "jaeger", "http://a"], "--service <NAME>"),
        (&["--service", "s", "x.json"], "--service is for a store: --from KIND URL"),
        (&["--from", "jaeger", "http://a", "--service", "s", "--", "x.json"], "cannot be used with"),
    ] {
        let output = whyslow(arguments);
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?} {said}");
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("u:p@"), "{said}");
    }
}

/// An OTLP message of one request.
fn otlp_trace(number: u64, start_s: u64) -> Vec<u8> {
    let text = |text: &str| otlp::Value::Text(text.into());
    let attributes =
        vec![("http.request.method".into(), text("GET")), ("http.route".into(), text("/orders"))];
    let span = otlp::Span {
        trace: u128::from(number + 1),
        id: number + 1,
        kind: 2,
        name: "GET /orders".into(),
        start_ns: start_s * 1_000_000_000,
        end_ns: start_s * 1_000_000_000 + 20_000_000,
        attributes,
        ..otlp::Span::default()
    };
    otlp::protobuf::request(&[otlp::Resource {
        attributes: vec![("service.name".into(), text("shop"))],
        scopes: vec![otlp::Scope { name: "lib".into(), spans: vec![span] }],
    }])
}

/// `TraceByIDResponse`: the trace as field 1, its status as field 3.
fn wrapped(trace: &[u8], partial: bool) -> Vec<u8> {
    let mut message = vec![0x0a];
    let mut length = trace.len();
    while length >= 0x80 {
        message.push(length as u8 | 0x80);
        length >>= 7;
    }
    message.push(length as u8);
    message.extend(trace);
    // Metrics, which are of no interest, and the status.
    message.extend([0x12, 0x02, 0x08, 0x05]);
    message.extend(if partial { &[0x18, 0x01][..] } else { &[] });
    message
}

/// As Tempo answers: any traces of the time, up to the limit; `version` 2 knows the way that gives the status.
fn tempo(traces: u64, version: u8) -> impl Fn(&Asked) -> Given + Send + Sync + 'static {
    let now_s = now_us() / 1_000_000;
    let start_s = move |number: u64| now_s - 10 - number / 50;
    move |asked| {
        let found = |prefix: &str| {
            let id = asked.path().strip_prefix(prefix)?;
            u64::from_str_radix(id, 16)
                .ok()
                .map(|id| id - 1)
                .filter(|number| *number < traces && number % 100 != 7)
        };
        match asked.path() {
            "/api/search" => {
                assert_eq!(asked.parameter("q").as_deref(), Some(r#"{ resource.service.name = "shop" }"#));
                let times = asked.number("start")..=asked.number("end");
                let hits = (0..traces).filter(|number| times.contains(&start_s(*number)));
                let hits: Vec<Value> = hits
                    .take(asked.number("limit") as usize)
                    .map(|number| json!({"traceID": format!("{:x}", number + 1), "rootServiceName": "shop", "durationMs": 20}))
                    .collect();
                json(json!({"traces": hits, "metrics": {"inspectedTraces": 9}}).to_string())
            }
            path if path.starts_with("/api/v2/traces/") && version == 2 => match found("/api/v2/traces/") {
                Some(number) if asked.header("accept") == Some("application/protobuf") => {
                    let body = wrapped(&otlp_trace(number, start_s(number)), number == 3);
                    given(200, "application/protobuf", body)
                }
                _ => given(404, "text/plain", "trace not found"),
            },
            path if path.starts_with("/api/traces/") => match found("/api/traces/") {
                Some(number) => given(200, "application/protobuf", otlp_trace(number, start_s(number))),
                None => given(404, "text/plain", "trace not found"),
            },
            _ => given(404, "text/plain", "404 page not found"),
        }
    }
}

#[test]
fn tempo_is_searched_in_parts_and_gives_each_trace() {
    for version in [1, 2] {
        let server = Server::start(tempo(700, version));
        let report = report(&["--from", "tempo", &server.url()]).unwrap();
        assert_eq!(requests(&report), 693, "seven of them are not there any more");
        let told = notes(&report);
        assert!(told.contains("7 traces could not be had"), "{told}");
        assert_eq!(told.contains("1 trace came in part only"), version == 2, "{told}");
        let ids: Vec<String> = server
            .asked()
            .into_iter()
            .map(|asked| asked.target)
            .filter(|target| target.contains("traces/"))
            .collect();
        assert!(ids.len() < 720, "{}", ids.len());
    }
}

#[test]
fn tempo_may_answer_in_json() {
    let trace = json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeSpans": [{"scope": {"name": "lib"}, "spans": [{
            "traceId": "AAAAAAAAAAAAAAAAAAAAAQ==", "spanId": "AAAAAAAAAAE=", "name": "GET /orders", "kind": "SPAN_KIND_SERVER",
            "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000020000000",
            "attributes": [{"key": "http.route", "value": {"stringValue": "/orders"}}]
        }]}]
    }]});
    let batches = json!({"batches": trace["resourceSpans"]});
    for (path, body) in
        [("/api/v2/traces/1", json!({"trace": trace, "status": "PARTIAL"})), ("/api/traces/1", batches)]
    {
        let server = Server::start(move |asked| match asked.path() {
            "/api/search" => json(r#"{"traces":[{"traceID":"1"},{"traceID":"../../admin"}]}"#),
            known if known == path => json(format!("{body:#}")),
            _ => given(404, "text/plain", "not found"),
        });
        let report = report(&["--from", "tempo", &server.url()]).unwrap();
        assert_eq!(requests(&report), 1);
        assert!(server.asked().iter().all(|asked| !asked.target.contains("admin")));
    }
}

#[test]
fn tempo_gives_something_else() {
    for (search, trace, expected) in [
        (json("7"), json("{}"), "is no list of Tempo's traces"),
        (json(r#"{"traces":[{"traceID":"1"}]}"#), json("{}"), "is no trace of Tempo: missing field `trace`"),
        (
            json(r#"{"traces":[{"traceID":"1"}]}"#),
            given(200, "application/protobuf", vec![0x0a, 0xff, 0x01]),
            "is no trace of Tempo",
        ),
        (json(r#"{"traces":null}"#), json("{}"), "no traces of shop at http://127.0.0.1"),
        (
            given(400, "text/plain", "range specified by start and end exceeds 168h0m0s"),
            json("{}"),
            "answered 400 Bad Request: range specified",
        ),
    ] {
        let server = Server::start(move |asked| match asked.path() {
            "/api/search" => search.clone(),
            _ => trace.clone(),
        });
        let said = report(&["--from", "tempo", &server.url()]).unwrap_err();
        assert!(said.starts_with("Some(3)") && said.contains(expected), "{said}");
    }
}

#[test]
fn certificates_are_checked_and_others_may_be_trusted() {
    let certified =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let wrap = move |stream| {
        rustls::StreamOwned::new(rustls::ServerConnection::new(Arc::clone(&config)).unwrap(), stream)
    };
    let server = Server::with(wrap, jaeger(many(4)));
    let url = format!("https://{}", server.address);
    let said = report(&["--from", "jaeger", &url]).unwrap_err();
    assert!(said.contains("no answer: ") && said.contains("certificate"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, certified.cert.pem()).unwrap();
    assert_eq!(requests(&report(&["--from", "jaeger", &url, "--ca", ca.to_str().unwrap()]).unwrap()), 4);
    std::fs::write(&ca, "no certificate").unwrap();
    let said = report(&["--from", "jaeger", &url, "--ca", ca.to_str().unwrap()]).unwrap_err();
    assert!(said.starts_with("Some(2)") && said.contains("there is none in it"), "{said}");
}

#[test]
fn stores_without_tls_need_no_certificates() {
    let server = Server::start(jaeger(many(2)));
    let none = [("SSL_CERT_FILE", "/none"), ("SSL_CERT_DIR", "/none")];
    let ask = |url: &str| whyslow_with(&["--from", "jaeger", url, "--service", "shop"], &none);
    assert!(ask(&server.url()).status.success());
    let said = text(&ask("https://127.0.0.1:9").stderr);
    assert!(said.contains("cannot use TLS: ") && said.contains("--ca names certificates"), "{said}");
}

/// What a report says of how to check a fix.
#[test]
fn the_question_can_be_repeated() {
    let server = Server::start(jaeger(many(3)));
    let output = whyslow(&["--from", "jaeger", &server.url(), "--service", "shop"]);
    let (told, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said, format!("whyslow: 3 traces from {}\n", server.url()));
    assert!(told.contains("GET /orders"), "{told}");
}

/// Reads everything that a program with this option would send, to be sure that no more than is known leaves.
#[test]
fn nothing_else_is_sent() {
    let server = Server::start(jaeger(many(1)));
    report(&["--from", "jaeger", &server.url()]).unwrap();
    let asked = &server.asked()[0];
    let mut names: Vec<&str> = asked.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent"]);
}
