//! CPU seconds by stage from a file to the report, on one thread: read (decode, type and shape),
//! group, assemble, inspect and note in the docket, judge.
//!
//! `cargo bench --bench pipeline -- FILE...`; `benches/stages.sh` generates files.

use std::cell::Cell;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use detectors::analysis::Analysis;
use detectors::docket::Docket;
use detectors::evidence::shape::fold::fold;
use detectors::evidence::{Dictionary, Traced};
use detectors::judge::judge;
use detectors::settings::Settings;
use rustix::time::{ClockId, clock_gettime};
use whyslow::ingest::grouping::{Grouping, Part};
use whyslow::ingest::{self, Input, Options};

const SPANS_BYTES: usize = 154 << 20;

fn main() -> io::Result<()> {
    let files = std::env::args().skip(1).filter(|argument| argument != "--bench" && argument != "--test");
    files.into_iter().try_for_each(|file| stages(&file))
}

fn stages(file: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let stage = Cell::new(cpu_s());
    let mut tell = |name: &str| {
        let now = cpu_s();
        writeln!(out, "  {name:<36} {:6.3} CPU s", now - stage.replace(now))
    };
    let settings = Settings::default();
    let dictionary = Mutex::new(Dictionary::default());
    let grouping = Grouping::new(SPANS_BYTES);
    let options =
        Options { threads: 1, values_key: 1, log_form: None, show_values: false, keep_texts: false };
    let adding = Mutex::new(0.0);
    let sink = |spans: &mut Vec<Traced>| {
        let begin = cpu_s();
        let added = grouping.add(spans);
        *adding.lock().unwrap_or_else(PoisonError::into_inner) += cpu_s() - begin;
        added
    };
    let read = ingest::read(vec![Input::Path(file.into())], &options, &dictionary, &sink, &|_, _| {});
    let spans = read.map_err(io::Error::other)?.spans;
    tell(&format!("{file}: read and gather"))?;
    let mut dictionary = dictionary.into_inner().unwrap_or_else(PoisonError::into_inner);
    let folded = fold(&mut dictionary);
    tell("fold")?;
    let analysing = Mutex::new((Analysis::<Docket>::new(&settings), 0.0));
    grouping.finish()?.for_each(
        1,
        || (),
        |span| span.shape = folded.shape(span.shape),
        |one, other| dictionary.compare_texts(one, other),
        |(), Part { trace, spans, more }| {
            let mut analysing = analysing.lock().unwrap_or_else(PoisonError::into_inner);
            let begin = cpu_s();
            analysing.0.take_part(trace, spans, more, &dictionary);
            analysing.1 += cpu_s() - begin;
        },
    )?;
    tell("group, assemble, inspect, docket")?;
    let (analysis, analysing) = analysing.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut docket = analysis.into_gathered();
    judge(&mut docket, &dictionary, &settings, "");
    tell("judge")?;
    let adding = *adding.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(out, "  of which: gather {adding:.3}, assemble to docket {analysing:.3}; {spans} spans")
}

/// CPU time of this process so far, in seconds.
fn cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
