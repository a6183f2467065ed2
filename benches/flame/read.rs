//! What reading profiles costs: processor time, MB for each second of it, and the peak of memory.
//!
//! `cargo bench -p whyslow-profiles --bench read_profiles -- FILE` reads one file; `benches/flame/run.sh` generates files and measures
//! all.

#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]
#![allow(clippy::unwrap_used, reason = "a bench ends where something is not as expected")]
#![allow(missing_docs, reason = "a program")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

fn main() {
    // Cargo says `--bench`.
    for file in std::env::args().skip(1).filter(|argument| !argument.starts_with("--")) {
        let begin = cpu();
        let profile = profiles::read_file(Path::new(&file)).unwrap();
        let seconds = (cpu() - begin).as_secs_f64();
        let bytes = fs::metadata(&file).unwrap().len() as f64 / 1e6;
        println!(
            "{file}: {bytes:.0} MB, {}, {} records, {} nodes, {} frames: {seconds:.3} CPU s, {:.0} MB/CPU s, peak {} MB",
            profile.format,
            profile.records,
            profile.tree.len(),
            profile.frames.len(),
            bytes / seconds,
            peak_kib() / 1024,
        );
    }
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The most memory that this process had.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
