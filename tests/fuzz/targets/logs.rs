//! Any bytes as a log, in an envelope or not: the same on any number of threads, however they arrive.
#![no_main]

use std::io::{Cursor, Read};
use std::sync::Mutex;

use detectors::evidence::{Dictionary, Traced};
use libfuzzer_sys::fuzz_target;
use whyslow::ingest::{self, Input, Options};

/// A reader that gives so many bytes at once.
struct Slowly(Cursor<Vec<u8>>, usize);

impl Read for Slowly {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(self.1);
        self.0.read(&mut buffer[..length])
    }
}

/// What is compressed is counted as it comes out.
fn is_compressed(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

type Seen = (Vec<(u128, u64, u64, u64)>, u64, u64);

fn read(bytes: &[u8], threads: usize, at_once: usize) -> Option<Seen> {
    let stream = Box::new(Slowly(Cursor::new(bytes.to_vec()), at_once));
    let dictionary = Mutex::new(Dictionary::default());
    let spans = Mutex::new(Vec::new());
    let sink = |block: &mut Vec<Traced>| {
        let told = |Traced { trace, span }: Traced| (trace, span.id, span.start_ns, span.end_ns);
        spans.lock().map(|mut spans| spans.extend(block.drain(..).map(told))).ok();
        Ok(())
    };
    let options = Options { threads, values_key: 1, log_form: None, show_values: false, keep_texts: false };
    let input = Input::Stream { name: "fuzz".into(), stream };
    let summary = ingest::read(vec![input], &options, &dictionary, &sink, &|_, _| {}).ok()?;
    if !is_compressed(bytes) {
        assert_eq!(summary.bytes, bytes.len() as u64);
    }
    let mut spans = spans.into_inner().ok()?;
    spans.sort_unstable();
    Some((spans, summary.skipped.records, summary.skipped.kept))
}

fuzz_target!(|bytes: &[u8]| {
    let whole = read(bytes, 1, usize::MAX);
    let slowly = read(bytes, 2, 4_097);
    // How much a decompressor gives out before damage depends on how the bytes arrive.
    if !is_compressed(bytes) {
        assert_eq!(slowly, whole);
    }
});
