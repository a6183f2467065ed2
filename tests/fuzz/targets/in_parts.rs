//! Decodes bytes whole and in parts; both ways must give the same spans.

use std::sync::{Arc, Mutex};

use detectors::evidence::{Dictionary, Traced};
use whyslow::ingest::{Block, FORMATS, Format, Framing, Place, Reading, Rest};

/// The first byte chooses the framing, the second the length of the parts.
pub fn decode(format: &str, framings: &[Framing], bytes: &[u8]) {
    let [choice, part, bytes @ ..] = bytes else {
        return;
    };
    let Some(format) = FORMATS.iter().find(|known| known.name == format) else {
        return;
    };
    let framing = framings[usize::from(*choice) % framings.len()];
    let whole = spans(format, framing, bytes, bytes.len().max(1));
    let parts = spans(format, framing, bytes, usize::from(*part) + 1);
    // Where a length is damaged, what is found behind it depends on what can be seen.
    if matches!(framing, Framing::Document | Framing::Lines) {
        assert_eq!(whole, parts);
    }
}

fn spans(format: &Format, framing: Framing, bytes: &[u8], part: usize) -> Vec<(u128, u64, u64, u64)> {
    let dictionary = Mutex::new(Dictionary::default());
    let mut reading = Reading::new(&dictionary, 1);
    let mut decoder = (format.decoder)(framing);
    let mut place = Place { file: Arc::from("fuzz"), offset: 0, line: 1 };
    let (mut start, mut end) = (0, part.min(bytes.len()));
    loop {
        let rest = if end == bytes.len() { Rest::Nothing } else { Rest::Follows };
        let done = decoder.decode(&mut reading, &Block { bytes: &bytes[start..end], place: &place, rest });
        assert!(done <= end - start);
        start += done;
        place.offset += done as u64;
        if rest == Rest::Nothing {
            break;
        }
        end = (end + part).min(bytes.len());
    }
    let mut spans: Vec<_> =
        reading.spans.iter().map(|Traced { trace, span }| (*trace, span.id, span.start_ns, span.end_ns)).collect();
    spans.sort_unstable();
    spans
}
