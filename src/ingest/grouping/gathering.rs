//! From the spans of one partition to its traces, one after another.

use std::cmp::Reverse;

use detectors::evidence::{Span, SpanId, TraceId, UNKNOWN};
use rustc_hash::FxHashMap;

use super::partition::Chunks;

/// Scratch space for one worker.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    /// Number of each span's trace, by the span's place.
    numbers: Vec<u32>,
    /// Places of spans, grouped by trace.
    places: Vec<u32>,
    /// Where each trace ends in `places`.
    ends: Vec<u32>,
    /// Start, id and place of the spans of one trace.
    keys: Vec<(u64, SpanId, u32)>,
    ids: Vec<SpanId>,
    trace: Vec<Span>,
}

/// What was handed out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HandedOut {
    /// Traces.
    pub(super) traces: u64,
    /// Records of spans that came more than once.
    pub(super) duplicates: u64,
}

impl Gathering {
    /// Hands out every trace, its spans by start and id, each id once.
    pub(super) fn hand_out(
        &mut self,
        chunks: &Chunks,
        prepare: &impl Fn(&mut Span),
        mut each: impl FnMut(&[Span]),
    ) -> HandedOut {
        self.group(chunks);
        let mut handed_out = HandedOut { traces: self.ends.len() as u64, duplicates: 0 };
        let mut first = 0;
        for trace in 0..self.ends.len() {
            let end = self.ends[trace] as usize;
            handed_out.duplicates += self.gather(chunks, first..end, prepare);
            each(&self.trace);
            first = end;
        }
        handed_out
    }

    /// Groups the places of spans by trace: numbers for the traces, then a counting sort.
    fn group(&mut self, chunks: &Chunks) {
        self.number(chunks);
        let mut filled = 0;
        for end in &mut self.ends {
            let count = *end;
            *end = filled;
            filled += count;
        }
        self.places.clear();
        self.places.resize(self.numbers.len(), 0);
        for (place, &number) in self.numbers.iter().enumerate() {
            let end = &mut self.ends[number as usize];
            self.places[*end as usize] = place as u32;
            *end += 1;
        }
    }

    /// Numbers the traces in the order in which they are met and counts their spans in `ends`.
    fn number(&mut self, chunks: &Chunks) {
        self.numbers.clear();
        self.ends.clear();
        let mut known: FxHashMap<TraceId, u32> = FxHashMap::default();
        let mut last = None;
        for span in chunks.iter() {
            let number = match last {
                Some((trace, number)) if trace == span.trace => number,
                _ => *known.entry(span.trace).or_insert_with(|| {
                    self.ends.push(0);
                    self.ends.len() as u32 - 1
                }),
            };
            last = Some((span.trace, number));
            self.ends[number as usize] += 1;
            self.numbers.push(number);
        }
    }

    /// Copies the spans of one trace side by side; how many records were left out as duplicates.
    fn gather(
        &mut self,
        chunks: &Chunks,
        places: std::ops::Range<usize>,
        prepare: &impl Fn(&mut Span),
    ) -> u64 {
        self.keys.clear();
        self.ids.clear();
        for &place in &self.places[places] {
            let span = chunks.get(place);
            self.keys.push((span.start_ns, span.id, place));
            self.ids.push(span.id);
        }
        self.keys.sort_unstable();
        self.ids.sort_unstable();
        self.trace.clear();
        for &(_, _, place) in &self.keys {
            let mut span = *chunks.get(place);
            prepare(&mut span);
            self.trace.push(span);
        }
        let repeated = self.ids.windows(2).any(|pair| pair[0] == pair[1]);
        if repeated { self.fold() } else { 0 }
    }

    /// Keeps one record of each span; how many were left out.
    fn fold(&mut self) -> u64 {
        let all = self.trace.len();
        self.trace.sort_unstable_by_key(|span| (span.id, Reverse(preference(span))));
        self.trace.dedup_by_key(|span| span.id);
        self.trace.sort_unstable_by_key(|span| (span.start_ns, span.id));
        (all - self.trace.len()) as u64
    }
}

/// Which of several records of one span is kept, the highest: the one that ends last (a span may
/// be exported while it runs), then the one that says most. What is compared is the same in every
/// run; numbers of texts are not and come last, for records that agree in everything else.
fn preference(span: &Span) -> impl Ord + use<> {
    let counts = [span.rows, span.response_bytes, span.thread];
    let texts = [span.name.0, span.shape.0, span.target.0, span.location.0, span.origin.0];
    let known = counts.iter().filter(|&&count| count != UNKNOWN).count()
        + texts.iter().filter(|&&text| text != 0).count()
        + usize::from(span.values.is_known())
        + usize::from(span.status_code != 0)
        + usize::from(span.parent != 0);
    let small = [
        span.status as u32,
        span.status_code.into(),
        span.kind as u32,
        span.role as u32,
        span.cache as u32,
        span.encoded.into(),
        span.retries.into(),
        span.repeats,
        span.parameters,
    ];
    (span.end_ns, known, Reverse(span.start_ns), span.parent, small, counts, span.values.to_bits(), texts)
}
