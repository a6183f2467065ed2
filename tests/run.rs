//! `whyslow run` from outside: what it receives, what the command sees, how both end.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]
#![cfg(feature = "receiver")]

mod exporter;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use exporter::{Exporter, grpc, json, protobuf};
use rustix::process::{Pid, Signal, kill_process};

const PROTOBUF: (&str, &str) = ("Content-Type", "application/x-protobuf");
const JSON: (&str, &str) = ("Content-Type", "application/json");

/// The program, without variables of those who run the tests.
fn whyslow(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whyslow"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OTEL_") {
            command.env_remove(name);
        }
    }
    command
}

fn output(arguments: &[&str]) -> Output {
    whyslow(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A program that listens, and where.
struct Listening {
    child: Child,
    stderr: BufReader<ChildStderr>,
    endpoint: String,
}

impl Listening {
    fn start(arguments: &[&str]) -> Self {
        let all = [&["run", "--listen", "127.0.0.1:0"], arguments].concat();
        let mut child = whyslow(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let endpoint = line.split([' ', ';']).find(|word| word.starts_with("http://")).unwrap();
        Self { child, endpoint: endpoint.to_owned(), stderr }
    }

    fn connect(&self) -> Exporter {
        Exporter::connect(&self.endpoint)
    }

    /// Ends it and gives its exit code and what it said.
    fn end(mut self, signal: Signal) -> (i32, String) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code().unwrap(), said)
    }
}

/// The messages of a kept file.
fn messages(path: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).unwrap();
    let mut rest = &bytes[..];
    let mut found = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (message, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        found.push(message.to_vec());
        rest = after;
    }
    assert!(rest.is_empty(), "whole messages only");
    found
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_encoding_is_received_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.otlp");
    let listening = Listening::start(&["--save", file.to_str().unwrap()]);
    let mut exporter = listening.connect();
    let (plain, text) = (protobuf(), json());
    let padded = [b"\xef\xbb\xbf \n", &text[..]].concat();
    let (first, second) = plain.split_at(7);
    let zipped = gzip(&plain);
    let zstd = zstd::encode_all(&plain[..], 1).unwrap();
    let (start, end) = zipped.split_at(9);
    let answers = [
        exporter.post("/v1/traces", &[PROTOBUF], &plain),
        exporter.post("/v1/traces", &[JSON], &text),
        exporter.post("/v1/traces/", &[("Content-Type", "application/json; charset=utf-8")], &padded),
        exporter.post("/v1/traces", &[PROTOBUF, ("Content-Encoding", "gzip")], &zipped),
        exporter.post("/v1/traces", &[PROTOBUF, ("Content-Encoding", "zstd")], &zstd),
        exporter.post_chunked(&[PROTOBUF], &[first, second]),
        exporter.post_chunked(&[PROTOBUF, ("Content-Encoding", "gzip")], &[start, end]),
    ];
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", self::text(&answer.body));
    }
    assert_eq!(answers[0].content_type, "application/x-protobuf");
    assert_eq!(answers[0].body, b"");
    assert_eq!(answers[1].content_type, "application/json");
    assert_eq!(answers[1].body, b"{}");
    let (code, said) = listening.end(Signal::INT);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("received 7 spans in 7 exports"), "{said}");
    let expected = [&plain, &text, &text, &plain, &plain, &plain, &plain];
    assert!(messages(&file).iter().eq(expected));
}

#[test]
fn metrics_and_logs_are_answered_and_dropped() {
    let listening = Listening::start(&[]);
    let mut exporter = listening.connect();
    assert_eq!(exporter.post("/v1/metrics", &[PROTOBUF], &protobuf()).status, 200);
    assert_eq!(exporter.post("/v1/logs", &[JSON], b"{\"resourceLogs\":[]}").status, 200);
    assert_eq!(exporter.post("/v1/traces", &[PROTOBUF], b"").status, 200);
    let (code, said) = listening.end(Signal::TERM);
    assert_eq!(code, 3, "{said}");
    let seen = "1 connection, 1 trace request without a span, 1 metric request, 1 log request";
    assert!(said.contains(seen), "{said}");
}

/// Path of the export of a signal.
const EXPORT_TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

#[test]
fn exports_over_grpc_come_to_the_same_port() {
    const GRPC: (&str, &str) = ("content-type", "application/grpc");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.otlp");
    let listening = Listening::start(&["--save", file.to_str().unwrap()]);
    let plain = protobuf();
    let zipped = grpc::framed(true, &gzip(&plain));
    let large = [plain.clone(), vec![0xfa, 0x07, 0x80, 0x80, 0x80, 0x01], vec![0; 2 << 20]].concat();
    let metrics = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    let logs = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    let answers = grpc::call(
        &listening.endpoint,
        &[
            (EXPORT_TRACES, &[GRPC], grpc::framed(false, &plain)),
            (EXPORT_TRACES, &[("content-type", "application/grpc+proto"), ("grpc-encoding", "gzip")], zipped),
            (EXPORT_TRACES, &[GRPC], grpc::framed(false, &large)),
            (EXPORT_TRACES, &[GRPC], grpc::framed(false, &large)),
            (metrics, &[GRPC], grpc::framed(false, b"")),
            (logs, &[GRPC], grpc::framed(false, b"")),
        ],
    );
    for answer in &answers {
        assert_eq!((&*answer.status, &answer.body[..]), ("0", &[0; 5][..]), "{answer:?}");
    }
    assert_eq!(listening.connect().post("/v1/traces", &[PROTOBUF], &plain).status, 200);
    let (code, said) = listening.end(Signal::INT);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("received 5 spans in 5 exports"), "{said}");
    let mut kept = messages(&file);
    kept.sort_by_key(Vec::len);
    assert!(kept == [plain.clone(), plain.clone(), plain, large.clone(), large]);
}

#[test]
fn calls_that_are_no_exports_are_refused_by_a_status() {
    const GRPC: (&str, &str) = ("content-type", "application/grpc");
    let listening = Listening::start(&[]);
    let call =
        |path, headers: &[_], body| grpc::call(&listening.endpoint, &[(path, headers, body)]).remove(0);
    let valid = || grpc::framed(false, &protobuf());
    for (status, reason, answer) in [
        ("12", "gRPC service", call("/grpc.health.v1.Health/Check", &[GRPC], valid())),
        ("3", "not a valid", call(EXPORT_TRACES, &[GRPC], protobuf())),
        ("3", "not a valid", call(EXPORT_TRACES, &[GRPC], grpc::framed(false, b"hello"))),
        ("3", "not a valid", call(EXPORT_TRACES, &[GRPC], b"".to_vec())),
        ("12", "compressed", call(EXPORT_TRACES, &[GRPC], grpc::framed(true, &gzip(&protobuf())))),
        (
            "12",
            "compressed",
            call(EXPORT_TRACES, &[GRPC, ("grpc-encoding", "snappy")], grpc::framed(true, b"x")),
        ),
        (
            "8",
            "larger",
            call(
                EXPORT_TRACES,
                &[GRPC, ("grpc-encoding", "gzip")],
                grpc::framed(true, &gzip(&vec![0; BODY_MAX + 1])),
            ),
        ),
        ("0", "", call(EXPORT_TRACES, &[GRPC], valid())),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.message.contains(reason), "{answer:?}");
    }
    let (code, said) = listening.end(Signal::TERM);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("3 requests not kept: not a valid export request"), "{said}");
}

#[test]
fn garbage_is_refused_with_the_reason_and_counted() {
    let listening = Listening::start(&[]);
    let mut exporter = listening.connect();
    let gzipped = ("Content-Encoding", "gzip");
    for (status, reason, answer) in [
        (400, "not a valid", exporter.post("/v1/traces", &[PROTOBUF], b"{\"hello\":1}")),
        (400, "not a valid", exporter.post("/v1/traces", &[JSON], b"{\"resourceSpans\":[")),
        (400, "not a valid", exporter.post("/v1/traces", &[PROTOBUF, gzipped], b"plain")),
        (415, "Content-Type", exporter.post("/v1/traces", &[], &protobuf())),
        (415, "compressed", exporter.post("/v1/traces", &[PROTOBUF, ("Content-Encoding", "br")], b"x")),
        (404, "/v1/traces", exporter.post("/api/v2/spans", &[JSON], b"[]")),
        (405, "POST", exporter.ask("GET", "/v1/traces")),
    ] {
        assert_eq!(answer.status, status, "{reason}");
        assert!(text(&answer.body).contains(reason), "{answer:?}");
    }
    assert_eq!(exporter.ask("OPTIONS", "/v1/traces").status, 204);
    assert_eq!(exporter.post("/v1/traces", &[JSON], &json()).status, 200);
    let (code, said) = listening.end(Signal::TERM);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("3 requests not kept: not a valid export request"), "{said}");
    assert!(said.contains("1 request not kept: not a POST"), "{said}");
}

#[test]
fn other_protocols_are_named() {
    let listening = Listening::start(&[]);
    for opening in [&b"\x16\x03\x01\x02\x00\x01\x00\x01"[..], b"nonsense\r\n\r\n"] {
        let mut exporter = listening.connect();
        exporter.send(opening);
        while !exporter.is_closed() {}
    }
    let (code, said) = listening.end(Signal::TERM);
    assert_eq!(code, 3);
    assert!(said.contains("1 request not kept: TLS"), "{said}");
    assert!(said.contains("begins with http://"), "{said}");
    assert!(said.contains("1 request not kept: not a valid"), "{said}");
}

/// The bound of one body, as sent and decompressed.
const BODY_MAX: usize = 64 << 20;

#[test]
fn bodies_above_the_bound_are_refused_and_the_next_is_received() {
    let listening = Listening::start(&[]);
    let large = vec![0; BODY_MAX + 1];
    let refused = [
        listening.connect().post("/v1/traces", &[PROTOBUF], &large),
        listening.connect().post_chunked(&[PROTOBUF], &[&large[..BODY_MAX / 2], &large[BODY_MAX / 2..]]),
        listening.connect().post("/v1/traces", &[JSON, ("Content-Encoding", "gzip")], &gzip(&large)),
    ];
    for answer in refused {
        assert_eq!(answer.status, 413, "{}", text(&answer.body));
        assert!(text(&answer.body).contains("larger than the bound"));
    }
    let answer = listening.connect().post("/v1/traces", &[PROTOBUF], &protobuf());
    assert_eq!(answer.status, 200);
    let (code, said) = listening.end(Signal::TERM);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("3 requests not kept: larger than the bound"), "{said}");
}

#[test]
fn many_exporters_at_once_lose_nothing() {
    let listening = Listening::start(&[]);
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                let mut exporter = listening.connect();
                for _ in 0..25 {
                    assert_eq!(exporter.post("/v1/traces", &[PROTOBUF], &protobuf()).status, 200);
                }
            });
        }
    });
    let (_, said) = listening.end(Signal::TERM);
    assert!(said.contains("received 1000 spans in 1000 exports"), "{said}");
}

/// Runs a shell script that gets `$1`, a file that it writes its endpoint into.
fn start_with_endpoint(script: &str, folder: &Path) -> (Child, String) {
    let file = folder.join("endpoint");
    let script = format!("echo $OTEL_EXPORTER_OTLP_ENDPOINT > $1.new; mv $1.new $1; {script}");
    let child = whyslow(&["run", "--", "sh", "-c", &script, "sh", file.to_str().unwrap()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !file.exists() {
        assert!(start.elapsed() < Duration::from_secs(20), "the script runs");
        std::thread::sleep(Duration::from_millis(10));
    }
    (child, std::fs::read_to_string(file).unwrap())
}

#[test]
fn a_slow_body_is_waited_for_after_the_command_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (child, endpoint) = start_with_endpoint("exit 0", folder.path());
    let mut exporter = Exporter::connect(&endpoint);
    let body = protobuf();
    exporter.send_head("/v1/traces", &[PROTOBUF], body.len());
    for part in body.chunks(body.len().div_ceil(3)) {
        std::thread::sleep(Duration::from_millis(700));
        exporter.send(part);
    }
    assert_eq!(exporter.answer().status, 200);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("received 1 span in 1 export"));
}

#[test]
fn a_body_that_never_ends_does_not_keep_us() {
    let folder = tempfile::tempdir().unwrap();
    let (child, endpoint) = start_with_endpoint("exit 5", folder.path());
    let mut exporter = Exporter::connect(&endpoint);
    exporter.send_head("/v1/traces", &[PROTOBUF], 1000);
    exporter.send(b"half");
    let start = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[test]
fn the_command_gets_the_variables() {
    let output = whyslow(&["run", "--", "env"])
        .env("OTEL_LOGS_EXPORTER", "console")
        .env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://elsewhere")
        .output()
        .unwrap();
    let environment = text(&output.stdout);
    for line in [
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        "OTEL_TRACES_EXPORTER=otlp",
        "OTEL_METRICS_EXPORTER=none",
        "OTEL_LOGS_EXPORTER=console",
        "OTEL_TRACES_SAMPLER=always_on",
    ] {
        assert!(environment.lines().any(|given| given == line), "{line} in\n{environment}");
    }
    assert!(environment.contains("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:"));
    assert!(!environment.contains("elsewhere"));
    assert!(!environment.contains("TRACEPARENT"));
}

#[test]
fn input_and_output_are_those_of_the_command() {
    let mut child = whyslow(&["run", "--", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"hello").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"hello");
}

#[test]
fn exit_codes_are_passed_through() {
    for (script, code) in [("exit 7", 7), ("kill -TERM $$", 143), ("kill -9 $$", 137), ("exit 0", 3)] {
        let output = output(&["run", "--", "sh", "-c", script]);
        assert_eq!(output.status.code(), Some(code), "{script}");
        assert!(text(&output.stderr).contains("no spans received"), "{script}");
        assert_eq!(output.stdout, b"", "{script}");
    }
}

#[test]
fn commands_that_cannot_start_end_as_in_a_shell() {
    let missing = output(&["run", "--", "./no-such-program"]);
    assert_eq!(missing.status.code(), Some(127));
    assert!(text(&missing.stderr).starts_with("error: cannot run ./no-such-program: "));
    let folder = tempfile::tempdir().unwrap();
    let refused = output(&["run", "--", folder.path().to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(126));
    for arguments in [&["run"][..], &["run", "--unknown", "true"], &["run", "--listen", "nowhere"]] {
        assert_eq!(output(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let taken = output(&["run", "--listen", "192.0.2.1:1", "--", "true"]);
    assert_eq!(taken.status.code(), Some(3));
    assert!(text(&taken.stderr).starts_with("error: cannot listen at 192.0.2.1:1: "));
}

#[test]
fn signals_of_processes_reach_the_command_once() {
    let signals = [
        (Signal::INT, "INT"),
        (Signal::TERM, "TERM"),
        (Signal::HUP, "HUP"),
        (Signal::QUIT, "QUIT"),
        (Signal::USR1, "USR1"),
    ];
    std::thread::scope(|scope| {
        for (signal, name) in signals {
            scope.spawn(move || assert_eq!(code_after(signal, name), Some(41), "{name}"));
        }
    });
}

/// Sends a signal to us while a command runs that ends with 40 and the signals it saw. The command
/// is no shell: some lose a signal that comes while they start a child.
fn code_after(signal: Signal, name: &str) -> Option<i32> {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready");
    let program = format!(
        "import signal, sys, time\n\
         seen = []\n\
         signal.signal(signal.SIG{name}, lambda *_: seen.append(1))\n\
         open({ready:?}, 'w').close()\n\
         time.sleep(1)\n\
         sys.exit(40 + len(seen))\n"
    );
    let child = whyslow(&["run", "--", "python3", "-c", &program]).stderr(Stdio::piped()).spawn().unwrap();
    while !ready.exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    kill_process(Pid::from_child(&child), signal).unwrap();
    child.wait_with_output().unwrap().status.code()
}

/// `script` of util-linux gives it a terminal of its own. No shell takes part: the one that `script` starts
/// hands over to us (dash that waited instead would end of the interrupt too, with 130), and the command is
/// none (one that is interrupted while it starts a child may end of it).
#[test]
fn an_interrupt_of_the_terminal_reaches_the_command_once_and_we_explain() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("interrupts");
    let inner = format!(
        "import signal, sys, time\n\
         signal.signal(signal.SIGINT, lambda *_: open({file:?}, 'a').write('interrupted\\n'))\n\
         print('ready', flush=True)\n\
         time.sleep(1.5)\n\
         sys.exit(9)\n"
    );
    let program = folder.path().join("program");
    std::fs::write(&program, inner).unwrap();
    let line = format!("exec {} run -- python3 {}", env!("CARGO_BIN_EXE_whyslow"), program.display());
    let mut child = Command::new("script")
        .args(["-qefc", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut screen = BufReader::new(child.stdout.take().unwrap());
    let mut shown = String::new();
    while !shown.contains("ready") {
        assert!(screen.read_line(&mut shown).unwrap() > 0, "{shown}");
    }
    let mut keyboard = child.stdin.take().unwrap();
    keyboard.write_all(b"\x03").unwrap();
    screen.read_to_string(&mut shown).unwrap();
    drop(keyboard);
    let seen = std::fs::read_to_string(file);
    assert_eq!(child.wait().unwrap().code(), Some(9), "{seen:?} {shown}");
    assert_eq!(seen.unwrap(), "interrupted\n");
    assert!(shown.contains("no spans received"), "{shown}");
}

#[test]
fn signals_that_were_ignored_stay_ignored_in_the_command() {
    let script = "trap '' HUP; exec \"$0\" run -- grep SigIgn /proc/self/status";
    let output = Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_whyslow")]).output().unwrap();
    let mask = text(&output.stdout);
    let mask = u64::from_str_radix(mask.trim().trim_start_matches("SigIgn:").trim(), 16).unwrap();
    assert_eq!(mask & 1, 1, "SIGHUP is the first bit of {mask:x}");
}

#[test]
fn a_command_is_ended_when_its_time_is_up() {
    let start = Instant::now();
    let output = output(&["run", "--for", "500ms", "--", "sleep", "60"]);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(output.status.code(), Some(3), "being ended by us is no failure");
    let said = text(&output.stderr);
    assert!(said.contains("no spans received"), "{said}");
}

#[test]
fn the_likely_language_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    for (program, first) in [
        ("node", "Node"),
        ("python3", "Python"),
        ("java", "Java"),
        ("rackup", "Ruby"),
        ("docker", "Containers"),
    ] {
        let path = folder.path().join(program);
        std::fs::copy("/bin/true", &path).unwrap();
        let output = output(&["run", "--", path.to_str().unwrap()]);
        let said = text(&output.stderr);
        let reasons = said.split("usual reasons\n").nth(1).unwrap();
        assert_eq!(reasons.lines().next().unwrap().trim(), first, "{said}");
        assert!(said.contains("OTEL_TRACES_EXPORTER=otlp"));
    }
}

#[test]
fn a_file_is_replaced_by_traces_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.otlp");
    std::fs::write(&file, "older").unwrap();
    let code = output(&["run", "--save", file.to_str().unwrap(), "--", "true"]).status.code();
    assert_eq!(code, Some(3));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "older");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    let nowhere = folder.path().join("none/traces.otlp");
    let refused = output(&["run", "--save", nowhere.to_str().unwrap(), "--", "true"]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(text(&refused.stderr).starts_with("error: cannot write "));
}
