//! CPU nanoseconds per span of grouping, on generated spans.
//!
//! `cargo bench --bench grouping -- [spans] [threads] [memory in MiB] [file|shuffled]`

use std::cmp::Ordering;
use std::io::Write;
use std::sync::Mutex;

use detectors::evidence::{Kind, ShapeRef, Span, Symbol, Traced, UNKNOWN, Values};
use rustix::time::{ClockId, clock_gettime};
use whyslow::ingest::grouping::{Grouping, Part};

/// Spans of one trace, as in the generated inputs of the other benchmarks.
const SPANS_OF_TRACE: u64 = 19;
/// Spans of one block of input.
const BLOCK: u64 = 7600;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |place: usize, default: u64| {
        arguments.get(place).and_then(|argument| argument.parse().ok()).unwrap_or(default)
    };
    let (spans, threads, memory) = (number(0, 1_000_000), number(1, 1) as usize, number(2, 154) as usize);
    let shuffled = arguments.get(3).is_some_and(|order| order == "shuffled");
    let generating = cpu_ns();
    generate(spans, threads, shuffled, |spans| {
        spans.clear();
        Ok(())
    })?;
    let begin = cpu_ns();
    let generated = begin - generating;
    let grouping = Grouping::new(memory << 20);
    generate(spans, threads, shuffled, |spans| grouping.add(spans))?;
    let added = cpu_ns();
    let groups = grouping.finish()?;
    let each = |sum: &mut u64, part: Part<'_>| *sum += part.spans.len() as u64;
    let (_, counts) = groups.for_each(threads, || 0, |_| {}, |_, _| Ordering::Equal, each)?;
    let done = cpu_ns();
    let per_span = |ns: u64| ns as f64 / spans as f64;
    writeln!(
        std::io::stdout(),
        "{threads} threads: add {:.0} ns, hand out {:.0} ns for each span; peak {} MB; {counts:?}",
        per_span((added - begin).saturating_sub(generated)),
        per_span(done - added),
        peak_mb(),
    )
}

/// Makes blocks of spans on several threads.
fn generate(
    spans: u64,
    threads: usize,
    shuffled: bool,
    take: impl Fn(&mut Vec<Traced>) -> std::io::Result<()> + Sync,
) -> std::io::Result<()> {
    let blocks = Mutex::new(0..spans.div_ceil(BLOCK));
    let failed = Mutex::new(Ok(()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut block_spans = Vec::new();
                let next = || blocks.lock().ok().and_then(|mut blocks| blocks.next());
                while let Some(block) = next() {
                    let numbers = block * BLOCK..spans.min((block + 1) * BLOCK);
                    block_spans.extend(numbers.map(|number| span(number, spans, shuffled)));
                    if let (Err(error), Ok(mut failed)) = (take(&mut block_spans), failed.lock()) {
                        *failed = Err(error);
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap_or(Ok(()))
}

fn span(number: u64, spans: u64, shuffled: bool) -> Traced {
    let traces = spans.div_ceil(SPANS_OF_TRACE);
    // Shuffled: the spans of one trace are as far apart as can be.
    let (trace, place) = if shuffled {
        (number % traces, number / traces)
    } else {
        (number / SPANS_OF_TRACE, number % SPANS_OF_TRACE)
    };
    let mixed = (trace + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let start_ns = 1_700_000_000_000_000_000 + trace * 10_000_000 + (SPANS_OF_TRACE - place) * 100_000;
    let span = Span {
        id: (mixed ^ place).wrapping_mul(0xbf58_476d_1ce4_e5b9),
        parent: mixed,
        start_ns,
        end_ns: start_ns + 90_000,
        values: Values::hashed(mixed ^ number),
        name: Symbol(place as u32 + 1),
        shape: ShapeRef(place as u32 + 1),
        rows: UNKNOWN,
        response_bytes: UNKNOWN,
        thread: UNKNOWN,
        repeats: 1,
        kind: Kind::Sql,
        ..Span::default()
    };
    Traced { trace: u128::from(mixed) << 64 | u128::from(mixed.rotate_left(17)), span }
}

fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The largest resident set so far, where the system tells it.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0) / 1000
}
