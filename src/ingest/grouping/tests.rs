use std::collections::BTreeMap;

use detectors::evidence::{Kind, Status, Symbol, UNKNOWN, Values, session_id};

use super::*;

/// SplitMix64, so that every run tries the same inputs.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn shuffle<T>(&mut self, things: &mut [T]) {
        for place in (1..things.len()).rev() {
            things.swap(place, self.below(place as u64 + 1) as usize);
        }
    }
}

/// Traces of 1 to 40 spans; every 25th span comes twice, every 50th in two versions.
fn spans(count: usize, random: &mut Random) -> Vec<Traced> {
    let mut spans: Vec<Traced> = Vec::with_capacity(count);
    let (mut trace, mut left) = (0, 0);
    while spans.len() < count {
        if left == 0 {
            trace = TraceId::from(random.next()) << 64 | TraceId::from(random.next());
            left = 1 + random.below(40);
        }
        left -= 1;
        let start_ns = 1_700_000_000_000_000_000 + random.below(1 << 20);
        let span = Span {
            id: random.next() | 1,
            parent: random.next(),
            start_ns,
            end_ns: start_ns + random.below(1 << 30),
            name: Symbol(random.below(300) as u32),
            kind: if random.below(3) > 0 { Kind::Sql } else { Kind::Internal },
            thread: UNKNOWN,
            rows: random.below(1000) as u32,
            ..Span::default()
        };
        let later = Span { end_ns: span.end_ns + 1, start_ns: span.start_ns + 7, ..span };
        spans.push(Traced { trace, span });
        match spans.len() % 50 {
            1 => spans.push(Traced { trace, span }),
            26 => spans.push(Traced { trace, span: later }),
            _ => {}
        }
    }
    spans
}

/// What must come out: by trace, spans by start and id, the latest record of each.
fn expected(spans: &[Traced]) -> BTreeMap<TraceId, Vec<Span>> {
    let mut by_id: BTreeMap<(TraceId, u64), Span> = BTreeMap::new();
    for Traced { trace, span } in spans {
        let kept = by_id.entry((*trace, span.id)).or_insert(*span);
        if kept.end_ns < span.end_ns {
            *kept = *span;
        }
    }
    let mut traces: BTreeMap<TraceId, Vec<Span>> = BTreeMap::new();
    by_id.into_iter().for_each(|((trace, _), span)| traces.entry(trace).or_default().push(span));
    traces.values_mut().for_each(|spans| spans.sort_by_key(|span| (span.start_ns, span.id)));
    traces
}

/// As if the numbers of names were their texts.
fn by_name(one: &Span, other: &Span) -> Ordering {
    one.name.cmp(&other.name)
}

/// A span of the first trace.
fn traced(span: Span) -> Traced {
    Traced { trace: 1, span }
}

fn group(
    spans: &[Traced],
    memory_bytes: usize,
    threads: usize,
    batch: usize,
) -> (BTreeMap<TraceId, Vec<Span>>, Counts) {
    let grouping = Grouping::new(memory_bytes);
    on_threads(threads, {
        let waiting = Mutex::new(spans.chunks(batch));
        let grouping = &grouping;
        move || {
            while let Some(batch) = { lock(&waiting).next() } {
                grouping.add(&mut batch.to_vec()).unwrap();
            }
        }
    });
    let groups = grouping.finish().unwrap();
    let each = |traces: &mut Vec<_>, part: Part<'_>| traces.push((part.trace, part.spans.to_vec()));
    let (workers, counts) = groups.for_each(threads, Vec::new, |_| {}, by_name, each).unwrap();
    let traces: BTreeMap<TraceId, Vec<Span>> = workers.into_iter().flatten().collect();
    assert_eq!(counts.traces, traces.len() as u64);
    (traces, counts)
}

#[test]
fn gives_the_same_traces_for_any_order_batch_memory_and_number_of_threads() {
    let mut random = Random(1);
    let mut spans = spans(12_000, &mut random);
    let expected = expected(&spans);
    let kept = expected.values().map(Vec::len).sum::<usize>() as u64;
    for memory_bytes in [48 << 10, 300 << 10, 1 << 30] {
        for (threads, batch) in [(1, 7000), (2, 500), (3, 19), (1, 1)] {
            random.shuffle(&mut spans);
            let (traces, counts) = group(&spans, memory_bytes, threads, batch);
            assert!(traces == expected, "{memory_bytes} bytes, {threads} threads, batches of {batch}");
            assert_eq!(counts.spans, spans.len() as u64);
            assert_eq!(counts.duplicates, spans.len() as u64 - kept);
            assert_eq!(counts.spilled_bytes > 0, memory_bytes < 1 << 30);
            assert_eq!(counts.partitions > PARTITIONS as u64, memory_bytes == 48 << 10);
        }
    }
}

#[test]
fn a_trace_larger_than_memory_is_handed_out_whole() {
    let mut random = Random(2);
    let mut spans = spans(5000, &mut random);
    let large = spans[0].trace;
    spans[1000..].iter_mut().for_each(|span| span.trace = large);
    let (traces, counts) = group(&spans, 64 << 10, 2, 1000);
    assert!(traces == expected(&spans));
    assert!(counts.oversized >= 1);
}

#[test]
fn a_session_larger_than_memory_is_handed_out_in_parts() {
    let mut random = Random(5);
    let mut spans = spans(80_000, &mut random);
    let (session, other) = (session_id(1), session_id(2));
    // Most lines are of one hour, and many of one moment.
    for (number, traced) in spans.iter_mut().enumerate() {
        traced.trace = if number % 16 == 0 { other } else { session };
        traced.span.id = number as u64 + 1;
        traced.span.start_ns = [7, 3_600_000_000_000, 86_400_000_000_000][number % 3].min(random.next());
        traced.span.start_ns -= if number % 3 > 0 { random.below(3_000_000_000) } else { 0 };
        traced.span.end_ns = traced.span.start_ns;
    }
    spans.extend_from_within(..100);
    let expected = expected(&spans);
    for memory_bytes in [512 << 10, 4 << 20, 1 << 30] {
        random.shuffle(&mut spans);
        let grouping = Grouping::new(memory_bytes);
        spans.chunks(3000).for_each(|batch| grouping.add(&mut batch.to_vec()).unwrap());
        let each = |all: &mut BTreeMap<TraceId, Vec<(Vec<Span>, bool)>>, part: Part<'_>| {
            all.entry(part.trace).or_default().push((part.spans.to_vec(), part.more));
        };
        let groups = grouping.finish().unwrap();
        let (workers, counts) = groups.for_each(2, BTreeMap::new, |_| {}, by_name, each).unwrap();
        let parts: BTreeMap<TraceId, Vec<(Vec<Span>, bool)>> = workers.into_iter().flatten().collect();
        for (trace, parts) in &parts {
            let (last, before) = parts.split_last().unwrap();
            assert!(before.iter().all(|(_, more)| *more) && !last.1, "only the last part is the last");
            assert!(parts.iter().all(|(spans, _)| spans.len() < 40_000 || memory_bytes < 4 << 20));
            let whole: Vec<Span> = parts.iter().flat_map(|(spans, _)| spans).copied().collect();
            assert!(whole == expected[trace], "{memory_bytes} bytes");
        }
        assert!(parts[&session].len() > 2);
        assert_eq!((counts.traces, counts.duplicates), (2, 100));
        assert_eq!(counts.spilled_bytes > 0, memory_bytes < 1 << 30);
    }
}

#[test]
fn nothing_gives_nothing() {
    let (traces, counts) = group(&[], 1 << 20, 2, 1);
    assert!(traces.is_empty());
    assert_eq!(counts, Counts::default());
}

#[test]
fn of_several_records_of_one_span_the_same_is_kept_in_any_order() {
    let span = Span { id: 2, start_ns: 10, end_ns: 20, rows: UNKNOWN, ..Span::default() };
    let unfinished = Span { end_ns: 12, rows: 5, name: Symbol(4), ..span };
    let more = Span { rows: 5, ..span };
    let failed = Span { status: Status::Error, rows: 5, ..span };
    for records in
        [[span, unfinished, more, failed], [failed, more, unfinished, span], [more, failed, span, unfinished]]
    {
        let (traces, counts) = group(&records.map(traced), 1 << 20, 1, 4);
        assert_eq!(traces[&1], [failed]);
        assert_eq!(counts.duplicates, 3);
    }
}

#[test]
fn values_that_records_of_one_span_disagree_about_are_unknown() {
    let span = Span { id: 2, start_ns: 10, end_ns: 20, name: Symbol(3), ..Span::default() };
    let of = |values, name| Span { values: Values::hashed(values), name: Symbol(name), ..span };
    for records in [[of(5, 3), of(6, 3), of(7, 1)], [of(7, 1), of(6, 3), of(5, 3)]] {
        assert_eq!(
            group(&records.map(traced), 1 << 20, 1, 4).0[&1],
            [Span { values: Values::UNKNOWN, ..span }]
        );
    }
    assert_eq!(group(&[of(5, 3), of(6, 1)].map(traced), 1 << 20, 1, 4).0[&1], [of(5, 3)]);
    assert_eq!(group(&[of(5, 3), of(5, 3)].map(traced), 1 << 20, 1, 4).0[&1], [of(5, 3)]);
}

#[test]
fn what_stands_for_lost_spans_comes_first_and_once() {
    let mut random = Random(4);
    let mut spans = spans(3000, &mut random);
    let mut expected = expected(&spans);
    let lossy: Vec<TraceId> = expected.keys().copied().step_by(5).collect();
    for &trace in &lossy {
        expected.get_mut(&trace).unwrap().insert(0, Span::lost());
        spans.extend([Traced::lost(trace); 3]);
    }
    let kept = expected.values().map(Vec::len).sum::<usize>() - lossy.len();
    for memory_bytes in [64 << 10, 1 << 30] {
        random.shuffle(&mut spans);
        let (traces, counts) = group(&spans, memory_bytes, 2, 100);
        assert!(traces == expected);
        assert_eq!((counts.incomplete, counts.lost), (lossy.len() as u64, 3 * lossy.len() as u64));
        assert_eq!(counts.spans - counts.duplicates - counts.lost, kept as u64);
    }
}

#[test]
fn spans_are_prepared_before_they_are_handed_out() {
    let grouping = Grouping::new(1 << 20);
    let mut random = Random(3);
    let mut input = spans(100, &mut random);
    grouping.add(&mut input).unwrap();
    assert!(input.is_empty());
    let prepare = |span: &mut Span| span.name = Symbol(77);
    let each = |all: &mut bool, part: Part<'_>| *all &= part.spans.iter().all(|span| span.name == Symbol(77));
    let (workers, _) = grouping.finish().unwrap().for_each(2, || true, prepare, by_name, each).unwrap();
    assert_eq!(workers, [true, true]);
}

#[test]
fn ids_that_differ_in_few_bits_are_spread() {
    for shift in [0, 20, 64, 100] {
        for level in 0..=LEVEL_MAX {
            let mut met = [0; PARTITIONS];
            (0..6400).for_each(|number: u128| met[partition_of(number << shift, level)] += 1);
            assert!(met.iter().all(|&count| (50..160).contains(&count)), "{met:?}");
        }
    }
}
