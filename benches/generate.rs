//! Writes traces of any number of spans: the input of all throughput figures.
//!
//! ```text
//! cargo run --release --example generate -- SPANS document|lines|protobuf|jaeger|zipkin FILE
//! ```
//!
//! 19 spans a trace, two thirds of them SQL with literals, three services; 26 traces to an export request
//! of about 500 spans, about 550 bytes a span in JSON. The same numbers give the same bytes.

#[path = "../tests/otlp/mod.rs"]
mod otlp;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use otlp::shop;

const TRACES_A_REQUEST: u64 = 26;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [spans, form, path] = arguments.as_slice() else {
        return usage();
    };
    let (Ok(spans), Some(form)) = (spans.parse(), Form::of(form)) else {
        return usage();
    };
    match write(spans, form, path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: cannot write {path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    let _ = writeln!(io::stderr(), "usage: generate SPANS document|lines|protobuf|jaeger|zipkin FILE");
    ExitCode::from(2)
}

#[derive(Clone, Copy)]
enum Form {
    Document,
    Lines,
    Protobuf,
    /// Jaeger's, a trace on each line.
    Jaeger,
    /// Zipkin's, the spans of a trace on each line.
    Zipkin,
}

impl Form {
    fn of(name: &str) -> Option<Self> {
        match name {
            "document" => Some(Self::Document),
            "lines" => Some(Self::Lines),
            "protobuf" => Some(Self::Protobuf),
            "jaeger" => Some(Self::Jaeger),
            "zipkin" => Some(Self::Zipkin),
            _ => None,
        }
    }
}

fn write(spans: u64, form: Form, path: &str) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let traces = spans.div_ceil(shop::SPANS_A_TRACE);
    let requests = traces.div_ceil(TRACES_A_REQUEST);
    if matches!(form, Form::Document) {
        out.write_all(br#"{"resourceSpans":["#)?;
    }
    for request in 0..requests {
        let first = request * TRACES_A_REQUEST;
        let resources = shop::resources(first..(first + TRACES_A_REQUEST).min(traces));
        match form {
            Form::Lines => writeln!(out, "{}", otlp::json::request(&resources))?,
            Form::Protobuf => {
                let message = otlp::protobuf::request(&resources);
                out.write_all(&otlp::protobuf::length_prefixed([&message[..]]))?;
            }
            Form::Jaeger => write_lines(&mut out, &otlp::jaeger::traces(&resources))?,
            Form::Zipkin => write_lines(&mut out, &otlp::zipkin::traces(&resources))?,
            Form::Document => {
                let mut text = String::new();
                for (number, resource) in resources.iter().enumerate() {
                    text.push_str(if request == 0 && number == 0 { "" } else { "," });
                    otlp::json::put_resource(&mut text, resource);
                }
                out.write_all(text.as_bytes())?;
            }
        }
    }
    if matches!(form, Form::Document) {
        out.write_all(b"]}\n")?;
    }
    out.flush()
}

fn write_lines(out: &mut impl Write, lines: &[String]) -> io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}
