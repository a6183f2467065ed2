//! From the spans of one partition to its traces, one after another.

use std::cmp::{Ordering, Reverse};
use std::ops::Range;

use detectors::evidence::{Span, SpanId, TraceId, UNKNOWN, Values, is_session};
use rustc_hash::FxHashMap;

use super::Part;
use super::partition::Chunks;

/// Lines of a session that are handed out together: a session may be as long as a log.
const LINES_OF_PART: usize = 1 << 15;

/// Scratch space for one worker.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    /// Traces by the order in which they are met.
    known: FxHashMap<TraceId, u32>,
    /// Number of each run's trace.
    numbers: Vec<u32>,
    /// Runs of spans, grouped by trace.
    runs: Vec<u32>,
    /// Where each trace ends in `runs`.
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
    /// Records that stand for lost spans.
    pub(super) lost: u64,
    /// Traces with such records.
    pub(super) incomplete: u64,
}

/// What is done with each span and with those that came more than once.
pub(super) struct Rules<P, T> {
    /// Changes a span before it is handed out.
    pub(super) prepare: P,
    /// Compares the texts of two records of one span.
    pub(super) by_texts: T,
}

impl Gathering {
    /// Hands out every trace, its spans by start and id, each id once; one that stands for all that were
    /// lost comes first. A long session comes in parts; so does one that `more` parts follow of.
    pub(super) fn hand_out(
        &mut self,
        chunks: &Chunks,
        rules: &Rules<impl Fn(&mut Span), impl Fn(&Span, &Span) -> Ordering>,
        more: bool,
        mut each: impl FnMut(Part<'_>),
    ) -> HandedOut {
        self.group(chunks);
        let mut handed_out = HandedOut { traces: self.ends.len() as u64, ..HandedOut::default() };
        let mut first = 0;
        for number in 0..self.ends.len() {
            let end = self.ends[number] as usize;
            let trace = chunks.trace_of(self.runs[first]);
            let lost = self.sort(chunks, first..end);
            handed_out.lost += lost;
            handed_out.incomplete += u64::from(lost > 0);
            let mut place = 0;
            while let Some(part) = self.next_part(trace, place) {
                let is_last = part.end == self.keys.len();
                place = part.end + usize::from(is_last);
                handed_out.duplicates += self.gather(chunks, part, rules);
                each(Part { trace, spans: &self.trace, more: more || !is_last });
                self.trace.clear();
            }
            first = end;
        }
        handed_out
    }

    /// The keys of the spans from a place on that are handed out together; records of one span stay so.
    fn next_part(&self, trace: TraceId, from: usize) -> Option<Range<usize>> {
        let all = self.keys.len();
        let most = if is_session(trace) { LINES_OF_PART } else { all };
        let least = from.saturating_add(most).min(all);
        let same = self.keys[least..].iter().take_while(|key| least > 0 && key.1 == self.keys[least - 1].1);
        (from <= all).then(|| from..least + same.count())
    }

    /// Groups runs of spans by trace: numbers for the traces, then a counting sort.
    fn group(&mut self, chunks: &Chunks) {
        self.number(chunks);
        let mut filled = 0;
        for end in &mut self.ends {
            let count = *end;
            *end = filled;
            filled += count;
        }
        self.runs.clear();
        self.runs.resize(self.numbers.len(), 0);
        for (run, &number) in self.numbers.iter().enumerate() {
            let end = &mut self.ends[number as usize];
            self.runs[*end as usize] = run as u32;
            *end += 1;
        }
    }

    /// Numbers the traces in the order in which they are met and counts their runs in `ends`.
    fn number(&mut self, chunks: &Chunks) {
        self.numbers.clear();
        self.ends.clear();
        self.known.clear();
        for trace in chunks.traces() {
            let number = *self.known.entry(trace).or_insert_with(|| {
                self.ends.push(0);
                self.ends.len() as u32 - 1
            });
            self.ends[number as usize] += 1;
            self.numbers.push(number);
        }
    }

    /// Sorts the spans of one trace, and begins it with one that stands for the lost ones; says how many these are.
    fn sort(&mut self, chunks: &Chunks, runs: Range<usize>) -> u64 {
        self.keys.clear();
        self.trace.clear();
        let mut lost = 0;
        for place in self.runs[runs].iter().flat_map(|&run| chunks.run(run)) {
            let (start_ns, id) = chunks.key(place);
            // Those that stand for lost ones have no id.
            if id == 0 {
                self.trace.extend((lost == 0).then(|| chunks.span(place)));
                lost += 1;
                continue;
            }
            self.keys.push((start_ns, id, place));
        }
        self.keys.sort_unstable();
        lost
    }

    /// Copies spans of one trace side by side; how many records were left out as duplicates.
    fn gather(
        &mut self,
        chunks: &Chunks,
        keys: Range<usize>,
        rules: &Rules<impl Fn(&mut Span), impl Fn(&Span, &Span) -> Ordering>,
    ) -> u64 {
        for &(_, _, place) in &self.keys[keys.clone()] {
            let mut span = chunks.span(place);
            (rules.prepare)(&mut span);
            self.trace.push(span);
        }
        if self.repeats(keys) { self.fold(&rules.by_texts) } else { 0 }
    }

    /// Whether an id comes more than once.
    fn repeats(&mut self, keys: Range<usize>) -> bool {
        let mut marks = Marks::default();
        let keys = &self.keys[keys];
        if keys.iter().all(|&(_, id, _)| marks.is_new(id)) {
            return false;
        }
        self.ids.clear();
        self.ids.extend(keys.iter().map(|&(_, id, _)| id));
        self.ids.sort_unstable();
        self.ids.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// Keeps one record of each span; how many were left out.
    fn fold(&mut self, by_texts: &impl Fn(&Span, &Span) -> Ordering) -> u64 {
        let all = self.trace.len();
        let rank = |one: &Span, other: &Span| {
            preference(one).cmp(&preference(other)).then_with(|| by_texts(one, other))
        };
        self.trace.sort_unstable_by(|one, other| one.id.cmp(&other.id).then_with(|| rank(other, one)));
        self.trace.dedup_by(|later, kept| {
            if later.id != kept.id {
                return false;
            }
            // Hashes of values have another order in each run.
            if later.values != kept.values && rank(later, kept) == Ordering::Equal {
                kept.values = Values::UNKNOWN;
            }
            true
        });
        self.trace.sort_unstable_by_key(|span| (span.start_ns, span.id));
        (all - self.trace.len()) as u64
    }
}

/// One bit for each hash of an id: as long as all are new no id can have come before.
struct Marks([u64; Self::WORDS]);

impl Marks {
    /// A power of two; 4,096 bits are enough for traces of a few dozen spans.
    const WORDS: usize = 64;

    fn is_new(&mut self, id: SpanId) -> bool {
        let hash = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let word = &mut self.0[(hash >> 6) as usize % Self::WORDS];
        let bit = 1 << (hash % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

impl Default for Marks {
    fn default() -> Self {
        Self([0; Self::WORDS])
    }
}

/// Which of several records of one span is kept, the highest: the one that ends last (a span may
/// be exported while it runs), then the one that says most. What is compared is the same in every
/// run and for every order of reading: neither numbers of texts nor hashes of values.
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
        span.body.to_bits().into(),
        span.retries.into(),
        span.repeats,
        span.parameters,
    ];
    (span.end_ns, known, Reverse(span.start_ns), span.parent, small, counts)
}
