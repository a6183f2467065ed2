//! The protobuf reader in each framing, with blocks that end anywhere.
#![no_main]

mod in_parts;

use libfuzzer_sys::fuzz_target;
use whyslow::ingest::Framing;

const FRAMINGS: [Framing; 3] = [Framing::Message, Framing::LengthPrefixed, Framing::VarintPrefixed];

fuzz_target!(|bytes: &[u8]| in_parts::decode("otlp-protobuf", &FRAMINGS, bytes));
