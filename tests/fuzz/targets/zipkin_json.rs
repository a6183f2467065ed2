//! The reader of Zipkin's JSON, with blocks that end anywhere.
#![no_main]

mod in_parts;

use libfuzzer_sys::fuzz_target;
use whyslow::ingest::Framing;

fuzz_target!(|bytes: &[u8]| in_parts::decode("zipkin-json", &[Framing::Document, Framing::Lines], bytes));
