//! A folder as criterion.rs leaves it: `target/criterion`, with a folder for each benchmark, in which `new` is the last run.

use std::fs;
use std::path::{Path, PathBuf};

use measurement::import::Imported;
use measurement::{Run, Sample};
use serde::Deserialize;

use super::{MeasurementError, Output, output};

/// Folders within folders: a group, a function, a parameter.
const DEPTH_MAX: usize = 5;

/// Benchmarks of one folder.
const BENCHMARKS_MAX: usize = 2_000;

#[derive(Deserialize)]
struct Benchmark {
    full_id: String,
}

/// All benchmarks of a folder as one run, since one process took them; `None` where it has none.
pub(super) fn run(folder: &Path) -> Result<Option<Output>, MeasurementError> {
    let mut places = Vec::new();
    find(folder, 0, &mut places);
    places.sort();
    let mut run = Run::default();
    let mut tool = None;
    for place in places {
        let Some((name, (of, sample))) = named(&place).zip(sample(&place)?) else { continue };
        run.samples.insert(name, sample);
        tool = Some(of);
    }
    let imported = Imported { runs: vec![run], ..Imported::default() };
    Ok(tool.map(|tool| Output { tool, imported, notes: Vec::new() }))
}

/// Folders with the samples of a last run, or the folder itself.
fn find(folder: &Path, depth: usize, places: &mut Vec<PathBuf>) {
    let is_place = folder.join("benchmark.json").is_file() && folder.join("sample.json").is_file();
    let is_last = depth == 0 || folder.file_name().is_some_and(|name| name == "new");
    if is_place && is_last && places.len() < BENCHMARKS_MAX {
        places.push(folder.to_path_buf());
    }
    if depth < DEPTH_MAX && !is_place {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        entries
            .filter(|path| path.is_dir() && !path.is_symlink())
            .for_each(|path| find(&path, depth + 1, places));
    }
}

fn named(place: &Path) -> Option<String> {
    let text = fs::read(place.join("benchmark.json")).ok()?;
    let benchmark: Benchmark = serde_json::from_slice(&text).ok()?;
    Some(benchmark.full_id.chars().take(200).collect())
}

fn sample(place: &Path) -> Result<Option<(&'static str, Sample)>, MeasurementError> {
    let Some(Output { tool, imported, .. }) = output(&place.join("sample.json"))? else { return Ok(None) };
    let mut samples = imported.runs.into_iter().flat_map(|run| run.samples.into_values());
    Ok(samples.next().map(|sample| (tool, sample)))
}
