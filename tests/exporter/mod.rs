//! An exporter that speaks OTLP/HTTP by hand, so that tests decide about every byte.

pub(crate) mod grpc;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An export request with one span, in protobuf.
pub(crate) fn protobuf() -> Vec<u8> {
    let mut span = field(1, &[0x5b; 16]);
    span.extend(field(2, &[0xee; 8]));
    span.extend(field(5, b"GET /orders"));
    span.extend([6 << 3, 2]);
    span.extend(fixed(7, 1_700_000_000_000_000_000));
    span.extend(fixed(8, 1_700_000_000_100_000_000));
    field(1, &field(2, &field(2, &span)))
}

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    assert!(length < 128, "one byte of length");
    [&[number << 3 | 2, length], content].concat()
}

fn fixed(number: u8, value: u64) -> Vec<u8> {
    [&[number << 3 | 1][..], &value.to_le_bytes()].concat()
}

/// An export request with one span, in JSON.
pub(crate) fn json() -> Vec<u8> {
    br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c",
    "spanId":"eee19b7ec3c1b174","name":"GET /orders","kind":2,
    "startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000100000000"}]}]}]}"#
        .to_vec()
}

/// What a receiver answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

/// A kept-alive connection to a receiver.
pub(crate) struct Exporter {
    stream: TcpStream,
}

impl Exporter {
    /// Connects to `http://host:port`.
    pub(crate) fn connect(endpoint: &str) -> Self {
        let address = endpoint.trim().strip_prefix("http://").unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// Sends bytes as they are; a receiver that has closed meanwhile may not want them all.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends the head of a request with a body of a known length.
    pub(crate) fn send_head(&mut self, path: &str, headers: &[(&str, &str)], length: usize) {
        self.send(head("POST", path, headers, &format!("Content-Length: {length}")).as_bytes());
    }

    /// Posts a body of a known length.
    pub(crate) fn post(&mut self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send_head(path, headers, body.len());
        self.send(body);
        self.answer()
    }

    /// Posts a body in chunks, as exporters for Node do.
    pub(crate) fn post_chunked(&mut self, headers: &[(&str, &str)], chunks: &[&[u8]]) -> Answer {
        self.send(head("POST", "/v1/traces", headers, "Transfer-Encoding: chunked").as_bytes());
        for chunk in chunks {
            self.send(format!("{:x}\r\n", chunk.len()).as_bytes());
            self.send(chunk);
            self.send(b"\r\n");
        }
        self.send(b"0\r\n\r\n");
        self.answer()
    }

    /// Asks without a body.
    pub(crate) fn ask(&mut self, method: &str, path: &str) -> Answer {
        self.send(head(method, path, &[], "Content-Length: 0").as_bytes());
        self.answer()
    }

    /// Reads one answer.
    pub(crate) fn answer(&mut self) -> Answer {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            self.stream.read_exact(&mut byte).expect("an answer");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let value = |name: &str| {
            head.lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map_or("", |(_, value)| value)
        };
        let mut body = vec![0; value("content-length").parse().unwrap_or(0)];
        self.stream.read_exact(&mut body).unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            content_type: value("content-type").to_owned(),
            body,
        }
    }

    /// Whether the receiver closes without an answer.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0]), Ok(0) | Err(_))
    }
}

fn head(method: &str, path: &str, headers: &[(&str, &str)], framing: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text + "\r\n"
}
