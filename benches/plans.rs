//! What reading plans costs: CPU seconds and megabytes per CPU second, of the recorded plans repeated or of files.
//!
//! ```text
//! cargo bench --bench plans -- [FILE...]
//! ```

use std::io::{self, Write};
use std::path::Path;

use whyslow::ingest::plans;

/// So much text is read where no files are given.
const BYTES: usize = 200_000_000;

fn main() -> io::Result<()> {
    let files: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let mut out = io::stdout().lock();
    for file in &files {
        measure(&mut out, file, &std::fs::read(file)?)?;
    }
    if files.is_empty() {
        for ending in ["json", "txt"] {
            measure(&mut out, &format!("recorded plans (.{ending})"), &recorded(ending)?)?;
        }
    }
    Ok(())
}

/// All recorded plans with an ending, as often as it takes.
fn recorded(ending: &str) -> io::Result<Vec<u8>> {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/plan-texts");
    let mut all = Vec::new();
    for folder in std::fs::read_dir(folders)?.filter_map(Result::ok).filter(|entry| entry.path().is_dir()) {
        for file in std::fs::read_dir(folder.path())?.filter_map(Result::ok) {
            let path = file.path();
            let is_paste = file.file_name().to_string_lossy().starts_with("paste.");
            if !is_paste && path.extension().is_some_and(|own| own == ending) {
                all.extend(std::fs::read(path)?);
                all.push(b'\n');
            }
        }
    }
    Ok(all.repeat(BYTES / all.len().max(1)))
}

fn measure(out: &mut impl Write, name: &str, text: &[u8]) -> io::Result<()> {
    let before = cpu();
    let read = plans::read(text);
    let seconds = cpu() - before;
    let megabytes = text.len() as f64 / 1e6;
    match read {
        Ok(found) => writeln!(
            out,
            "{name}: {} plans, {megabytes:.0} MB, {seconds:.2} CPU s, {:.0} MB per CPU s",
            found.len(),
            megabytes / seconds
        ),
        Err(error) => writeln!(out, "{name}: {error}"),
    }
}

/// CPU seconds of the process so far.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}
