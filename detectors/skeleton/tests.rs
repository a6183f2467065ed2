use super::*;
use crate::candidate::{Claim, Remedy};
use crate::evidence::trace::Assembler;
use crate::evidence::{Dictionary, Span};
use crate::impact::{Fix, Fixes, Outlook, Replayer};

const MS: u64 = 1_000_000;

/// Spans from `(id, parent, kind, start, end)` in milliseconds.
fn spans(described: &[(u64, u64, Kind, u64, u64)]) -> Vec<Span> {
    let mut spans: Vec<Span> = described
        .iter()
        .map(|&(id, parent, kind, start, end)| Span {
            id,
            parent,
            kind,
            start_ns: start * MS,
            end_ns: end * MS,
            repeats: 1,
            ..Span::default()
        })
        .collect();
    spans.sort_by_key(|span| (span.start_ns, span.id));
    spans
}

fn replayed(described: &[(u64, u64, Kind, u64, u64)], claimed: Kind, remedy: Remedy) -> [u64; 2] {
    let dictionary = Dictionary::default();
    let mut assembler = Assembler::default();
    let spans = spans(described);
    let trace = assembler.assemble(1, &spans, &dictionary);
    let claims = trace.operations.iter().enumerate().filter(|(_, operation)| operation.kind == claimed);
    let claims = claims.map(|(number, _)| (0, 0, Claim { operation: number as u32, part: Part::Whole }));
    let (mut sketcher, mut builder) = (Sketcher::default(), Builder::default());
    sketcher.prepare(trace, claims);
    let skeleton = builder.build(&sketcher.sketch(trace, 0)).unwrap();
    let mut replayer = Replayer::default();
    let measured = replayer.duration_ns(&skeleton, &Fixes::default(), Outlook::Best);
    assert_eq!(measured, trace.requests[0].duration_ns(), "nothing changed, nothing gained");
    let mut fixes = Fixes::default();
    fixes.set(0, Fix { remedy, row_share_ns: None });
    [Outlook::Best, Outlook::Worst].map(|outlook| replayer.duration_ns(&skeleton, &fixes, outlook) / MS)
}

fn a_loop() -> Vec<(u64, u64, Kind, u64, u64)> {
    let mut spans = vec![(1, 0, Kind::Entry, 0, 1100)];
    spans.extend((0..100).map(|n| (2 + n, 1, Kind::Sql, 50 + n * 10, 58 + n * 10)));
    spans
}

#[test]
fn a_loop_that_becomes_one_call_keeps_one_call_and_the_rest() {
    let [best, worst] = replayed(&a_loop(), Kind::Sql, Remedy::SendOnce);
    // 52 ms after the loop, one call, and what the 248 ms of gaps hold beyond 2 ms for each of 99.
    assert_eq!(best, 52 + 8 + 50);
    // Half of a call for each further row, a tenth of 2 ms a gap.
    assert_eq!(worst, 52 + 8 + 99 * 4 + 69);
}

#[test]
fn runs_are_folded() {
    let dictionary = Dictionary::default();
    let mut assembler = Assembler::default();
    let spans = spans(&a_loop());
    let trace = assembler.assemble(1, &spans, &dictionary);
    let (mut sketcher, mut builder) = (Sketcher::default(), Builder::default());
    sketcher.prepare(trace, std::iter::empty());
    let skeleton = builder.build(&sketcher.sketch(trace, 0)).unwrap();
    assert_eq!(skeleton.nodes.len(), 2);
    assert_eq!(skeleton.nodes[0].calls, 100);
    assert_eq!(skeleton.nodes[0].typical_ns, 8 * MS);
}

#[test]
fn what_runs_beside_a_longer_call_gives_nothing_back() {
    let spans = [(1, 0, Kind::Entry, 0, 100), (2, 1, Kind::Http, 10, 90), (3, 1, Kind::Sql, 10, 60)];
    assert_eq!(replayed(&spans, Kind::Sql, Remedy::Remove { worst: 0 }), [100, 100]);
    assert_eq!(replayed(&spans, Kind::Http, Remedy::Remove { worst: 0 }), [70, 70]);
}

#[test]
fn what_waits_for_a_shortened_call_moves_forward() {
    let spans = [
        (1, 0, Kind::Entry, 0, 100),
        (2, 1, Kind::Http, 0, 40),
        (3, 1, Kind::Sql, 45, 90),
        (4, 1, Kind::Cache, 5, 30),
    ];
    // The statement waited for both, and the cache needs until 30.
    assert_eq!(replayed(&spans, Kind::Http, Remedy::Defer), [90, 90]);
}

#[test]
fn calls_at_once_take_as_long_as_the_longest() {
    let spans = [
        (1, 0, Kind::Entry, 0, 100),
        (2, 1, Kind::Http, 0, 20),
        (3, 1, Kind::Http, 20, 50),
        (4, 1, Kind::Http, 55, 95),
    ];
    assert_eq!(replayed(&spans, Kind::Http, Remedy::Overlap), [50, 55]);
}

#[test]
fn a_call_beside_other_work_takes_what_that_does_not_cover() {
    let spans = [(1, 0, Kind::Entry, 0, 100), (2, 1, Kind::Http, 10, 80), (3, 1, Kind::Sql, 80, 95)];
    let [best, _] = replayed(&spans, Kind::Http, Remedy::Beside);
    assert_eq!(best, 70);
}

/// Numbers that look random, the same in every run (a linear congruential generator by Knuth).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn without_fixes_a_replay_takes_as_long_as_the_request() {
    let dictionary = Dictionary::default();
    let mut assembler = Assembler::default();
    let (mut sketcher, mut builder) = (Sketcher::default(), Builder::default());
    let mut replayer = Replayer::default();
    let kinds = [Kind::Internal, Kind::Sql, Kind::Http, Kind::Entry, Kind::Cache];
    for seed in 0..3_000 {
        let mut numbers = Numbers(seed);
        let count = 1 + numbers.below(40);
        let described: Vec<_> = (0..count)
            .map(|n| {
                let parent = if n == 0 { 0 } else { 1 + numbers.below(n) };
                let start = numbers.below(60);
                let end = start + numbers.below(if n == 0 { 90 } else { 25 });
                let kind = if n == 0 { Kind::Entry } else { kinds[numbers.below(5) as usize] };
                (n + 1, parent, kind, start, end)
            })
            .collect();
        let spans = spans(&described);
        let trace = assembler.assemble(1, &spans, &dictionary);
        sketcher.prepare(trace, std::iter::empty());
        for (number, request) in trace.requests.iter().enumerate() {
            let skeleton = builder.build(&sketcher.sketch(trace, number as u32)).unwrap();
            let replayed_ns = replayer.duration_ns(&skeleton, &Fixes::default(), Outlook::Worst);
            assert_eq!(replayed_ns, request.duration_ns(), "seed {seed}, request {number}: {described:?}");
            let placed = replayer.placed(&skeleton);
            assert!(
                placed.iter().all(|at| at.start_ns <= at.end_ns && at.end_ns <= replayed_ns),
                "seed {seed}"
            );
            let path_ns: u64 = placed.iter().map(|at| at.path_ns).sum();
            assert_eq!(path_ns, replayed_ns, "seed {seed}, request {number}: {described:?}");
            assert_eq!(request.path_ns.iter().sum::<u64>(), request.duration_ns(), "seed {seed}");
        }
    }
}
