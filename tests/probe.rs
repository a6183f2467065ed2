//! `whyslow probe` against a server of a few lines.
#![cfg(feature = "client")]
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Answers to any number of requests of any connection, until the test ends.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(&stream.unwrap()));
        }
    });
    address
}

fn answer(stream: &TcpStream) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(first) = lines.next() {
        let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        let asks = |name: &str| head.iter().find(|line| line.to_ascii_lowercase().starts_with(name));
        let zipped =
            first.contains("/zipped") && asks("accept-encoding").is_some_and(|it| it.contains("gzip"));
        let refused = first.contains("/secret") && asks("authorization: bearer t0ken").is_none();
        let text = r#"{"name":"a product"},"#.repeat(20_000);
        let mut body = text.into_bytes();
        if zipped {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(&body).unwrap();
            body = gzip.finish().unwrap();
        }
        let status = if refused { "401 Unauthorized" } else { "200 OK" };
        let encoding = if zipped { "Content-Encoding: gzip\r\n" } else { "" };
        let kind = if first.contains("/picture") { "image/png" } else { "application/json; charset=utf-8" };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{encoding}Content-Length: {}\r\n\r\n",
            body.len()
        );
        let mut out = stream;
        out.write_all(head.as_bytes()).and_then(|()| out.write_all(&body)).unwrap();
    }
}

fn probe(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whyslow"));
    command.args(["probe", "--repeats", "2"]).args(arguments).env("PROBE_TOKEN", "t0ken").output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn both_ways_are_asked_and_measured() {
    let address = serve();
    let plain = probe(&[&format!("{address}/orders/4711?key=hidden")]);
    let text = stdout(&plain);
    assert_eq!(plain.status.code(), Some(0), "{text}");
    assert!(text.contains("/orders/{id}") && !text.contains("4711") && !text.contains("hidden"), "{text}");
    assert_eq!(text.matches("200  application/json  plain  420 kB").count(), 2, "{text}");
    assert!(text.contains("It does not compress, though it sends text"), "{text}");
    let zipped = stdout(&probe(&[&format!("{address}/zipped")]));
    assert!(
        zipped.contains("application/json  gzip") && zipped.contains("It compresses: gzip leaves"),
        "{zipped}"
    );
    let picture = stdout(&probe(&[&format!("{address}/picture")]));
    assert!(picture.contains("compressed in itself"), "{picture}");
}

#[test]
fn a_token_comes_from_the_environment() {
    let address = format!("{}/secret", serve());
    let without = probe(&[&address]);
    assert_eq!(without.status.code(), Some(3), "{}", stdout(&without));
    let with = probe(&[&address, "--token-env", "PROBE_TOKEN"]);
    assert_eq!(with.status.code(), Some(0), "{}", stdout(&with));
}

#[test]
fn what_cannot_be_asked_says_why_and_shows_no_secret() {
    for (address, code) in [
        ("ftp://shop.example/", 2),
        ("orders", 2),
        ("http://someone:hidden@127.0.0.1:1/", 2),
        ("http://127.0.0.1:1/orders?key=hidden", 3),
    ] {
        let output = probe(&[address]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{address}: {error}");
        assert!(error.starts_with("error: ") && !error.contains("hidden"), "{error}");
    }
}
