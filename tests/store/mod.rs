//! A small HTTP server that stands for a store of traces: it answers as their documentation says, or wrongly.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

/// One question.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Path and query, as sent.
    pub(crate) target: String,
    /// Header lines, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
}

impl Asked {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        query.split('&').find_map(|pair| {
            let (known, value) = pair.split_once('=')?;
            (known == name).then(|| decoded(value))
        })
    }

    pub(crate) fn number(&self, name: &str) -> u64 {
        self.parameter(name).unwrap().parse().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                bytes.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
                rest = &after[2..];
                continue;
            }
            other => bytes.push(other),
        }
        rest = after;
    }
    String::from_utf8(bytes).unwrap()
}

/// What is answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// The connection ends before the body does.
    pub(crate) breaks_off: bool,
    /// The second half of the body is a long time coming.
    pub(crate) slowly: bool,
}

pub(crate) fn given(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Given {
    let headers = vec![("content-type", kind.to_owned())];
    Given { status, headers, body: body.into(), ..Given::default() }
}

pub(crate) fn json(body: impl Into<Vec<u8>>) -> Given {
    given(200, "application/json", body)
}

/// A server that runs until the test ends.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Asked) -> Given + Send + Sync + 'static) -> Self {
        Self::with(|stream| stream, answer)
    }

    /// A server whose connections are wrapped, as by TLS.
    pub(crate) fn with<S: Read + Write>(
        wrap: impl Fn(std::net::TcpStream) -> S + Send + Sync + 'static,
        answer: impl Fn(&Asked) -> Given + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let shared = Arc::new((wrap, answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, shared) = (Arc::clone(&seen), Arc::clone(&shared));
                thread::spawn(move || serve(shared.0(stream), &seen, &shared.1));
            }
        });
        Self { address, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// Answers one connection, question after question.
fn serve<S: Read + Write>(stream: S, seen: &Mutex<Vec<Asked>>, answer: &dyn Fn(&Asked) -> Given) {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = question(&mut stream) {
        seen.lock().unwrap().push(asked.clone());
        let Given { status, headers, body, breaks_off, slowly } = answer(&asked);
        let mut head = format!("HTTP/1.1 {status} Word\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let (first, second) = body.split_at(if breaks_off || slowly { body.len() / 2 } else { body.len() });
        let out = stream.get_mut();
        // In one piece, as two small ones may wait for each other.
        let sent = out.write_all(&[format!("{head}\r\n").as_bytes(), first].concat());
        if sent.and_then(|()| out.flush()).is_err() || breaks_off {
            return;
        }
        if slowly {
            thread::sleep(std::time::Duration::from_secs(5));
        }
        if out.write_all(second).and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

fn question(stream: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
            None => return Some(Asked { target, headers }),
        }
    }
}
