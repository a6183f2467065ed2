//! What reading costs: CPU time by stage, spans per CPU second, peak memory, and how even the threads are.
//!
//! ```text
//! cargo bench --bench read -- [--threads N] [FILE...]
//! ```
//!
//! Without files it says what it needs: `benches/stages.sh` generates them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use detectors::evidence::{Dictionary, Traced};
use whyslow::ingest::{self, FORMATS, Head, Options};

const BLOCK_BYTES: usize = 1 << 20;

fn main() -> io::Result<()> {
    let mut threads = 1;
    let mut files = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--threads" => threads = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1),
            // Cargo says so.
            "--bench" | "--test" => {}
            _ => files.push(argument),
        }
    }
    let mut out = io::stdout().lock();
    if files.is_empty() {
        return writeln!(out, "no files: benches/stages.sh generates some and measures every stage");
    }
    for file in &files {
        let cut = cpu(|| cut(Path::new(file)))?;
        writeln!(out, "{file}\n  read and cut    {cut:6.3} CPU s")?;
        measure(&mut out, file, threads)?;
    }
    Ok(())
}

/// Reads and cuts a file as the first stage does.
fn cut(path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut block = vec![0; BLOCK_BYTES];
    let (mut used, mut known) = (0, None);
    loop {
        let length = file.read(&mut block[used..])?;
        used += length;
        if length == 0 {
            return Ok(());
        }
        if used < block.len() {
            continue;
        }
        let head = Head { bytes: &block[..used], whole: false };
        let sniffed = || FORMATS.iter().find_map(|format| Some((format, (format.sniff)(head)?)));
        known = known.or_else(sniffed);
        let cut = known.map_or(used, |(format, framing)| (format.cut)(framing, &block[..used]));
        let cut = if cut == 0 { used } else { cut };
        block.copy_within(cut..used, 0);
        used -= cut;
    }
}

fn measure(out: &mut impl Write, file: &str, threads: usize) -> io::Result<()> {
    let dictionary = Mutex::new(Dictionary::default());
    let by_thread = Mutex::new(Vec::<(std::thread::ThreadId, f64)>::new());
    let sink = |spans: &mut Vec<Traced>| {
        spans.clear();
        let id = std::thread::current().id();
        let seconds = thread_cpu();
        let mut all = by_thread.lock().unwrap_or_else(PoisonError::into_inner);
        match all.iter_mut().find(|(other, _)| *other == id) {
            Some((_, known)) => *known = seconds,
            None => all.push((id, seconds)),
        }
        Ok(())
    };
    let start = Instant::now();
    let mut summary = Ok(Default::default());
    let options = Options { threads, values_key: 1, log_form: None, show_values: false, keep_texts: false };
    let seconds = cpu(|| {
        summary = ingest::read(
            vec![Path::new(file).to_path_buf().into()],
            &options,
            &dictionary,
            &sink,
            &|_, _| {},
        );
        Ok(())
    })?;
    let summary = summary.map_err(io::Error::other)?;
    let wall = start.elapsed().as_secs_f64();
    let millions = summary.spans as f64 / 1e6;
    writeln!(
        out,
        "  all of reading  {seconds:6.3} CPU s  {wall:6.3} s  {:5.2} M spans per CPU s  {:6.0} MB per CPU s  \
         {} spans  {} skipped  peak {} MB",
        millions / seconds,
        summary.bytes as f64 / 1e6 / seconds,
        summary.spans,
        summary.skipped.records,
        peak_megabytes(),
    )?;
    let all = by_thread.into_inner().unwrap_or_else(PoisonError::into_inner);
    let busiest = all.iter().map(|(_, seconds)| *seconds).fold(0.0, f64::max);
    let total: f64 = all.iter().map(|(_, seconds)| *seconds).sum();
    if threads > 1 {
        writeln!(out, "  busiest thread  {:4.0} % of {} threads", 100.0 * busiest / total, all.len())?;
    }
    Ok(())
}

/// CPU seconds of the calling thread so far.
fn thread_cpu() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// CPU seconds that the process takes for something, all threads together.
fn cpu(work: impl FnOnce() -> io::Result<()>) -> io::Result<f64> {
    let before = process_cpu();
    work()?;
    Ok(process_cpu() - before)
}

/// User and system time of the process, threads that have ended included.
fn process_cpu() -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(") ").next().unwrap_or_default();
    let ticks: f64 = fields.split(' ').skip(11).take(2).filter_map(|text| text.parse::<f64>().ok()).sum();
    ticks / TICKS_A_SECOND
}

fn peak_megabytes() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}
