//! Any bytes as an input: sniffing, decompression, cutting and decoding never panic.
#![no_main]

use std::io::Cursor;
use std::sync::Mutex;

use detectors::evidence::Dictionary;
use libfuzzer_sys::fuzz_target;
use whyslow::ingest::{self, Input, Options};

fuzz_target!(|bytes: &[u8]| {
    let stream = Box::new(Cursor::new(bytes.to_vec()));
    let dictionary = Mutex::new(Dictionary::default());
    let sink = |spans: &mut Vec<_>| {
        spans.clear();
        Ok(())
    };
    let input = Input::Stream { name: "fuzz".into(), stream };
    let options = Options { threads: 1, values_key: 1, log_form: None, show_values: false, keep_texts: false };
    if let Ok(summary) = ingest::read(vec![input], &options, &dictionary, &sink, &|_, _| {}) {
        assert_eq!(summary.spans, summary.skipped.kept);
    }
});
