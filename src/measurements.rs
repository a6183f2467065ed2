//! Runs out of files: outputs of load and benchmark tools, of `whyslow measure`, and traces; alone, in folders, compressed.

pub mod comparison;
mod criterion;
pub mod traces;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use ledger::Side;
use measurement::Run;
use measurement::import::{self, Imported};
use serde::Serialize;

use crate::diagnosis;

/// What whyslow itself measured.
const MEASURE: &str = "whyslow measure";

/// Bytes of one output, decompressed.
const BYTES_MAX: u64 = 512 << 20;

/// Outputs in one folder.
const FILES_MAX: usize = 10_000;

/// The runs of one side, and where they come from.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// The runs, named by their files.
    pub runs: Vec<Run>,
    /// What is known of them.
    pub sources: Sources,
}

/// Where runs come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sources {
    /// Files that were read, in their order.
    pub files: Vec<String>,
    /// Files of folders that are no output of a known tool.
    pub passed_over: u64,
    /// The tools that wrote them.
    pub tools: BTreeSet<String>,
    /// What could not be read of them.
    pub notes: Vec<String>,
    /// What they tell of machine and version: `cpu`, `commit`, …; several where files differ.
    pub facts: BTreeMap<String, BTreeSet<String>>,
}

/// Why runs cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MeasurementError {
    /// The system refuses.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// What was to be read.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// A tool's output is damaged or says nothing.
    #[error("cannot read {path} as the output of {tool}: {reason}")]
    Damaged {
        /// The file.
        path: String,
        /// Whose output it is.
        tool: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Traces that cannot be gathered.
    #[error(transparent)]
    Traces(#[from] diagnosis::Error),
    /// Not the output of a known tool.
    #[error(
        "{0} holds neither traces nor the output of a tool that is known: {tools} (docs/measuring.md says which)",
        tools = tools()
    )]
    Unknown(String),
    /// Too large to be held.
    #[error("{0} is larger than {mebibytes} MiB; the summary of the tool is smaller than all its requests", mebibytes = BYTES_MAX >> 20)]
    TooLarge(String),
    /// Nothing was found.
    #[error("there is no output of a known tool in {0}")]
    Empty(String),
}

fn tools() -> String {
    import::TOOLS.iter().map(|tool| tool.name).collect::<Vec<_>>().join(", ")
}

/// Reads the runs that paths name, in their order: files, and folders with all outputs in them. `-` is standard input.
///
/// # Errors
///
/// A file that is named is not readable, damaged, or of no known tool; a folder holds no output at all.
pub fn read(paths: &[PathBuf]) -> Result<Measured, MeasurementError> {
    let mut measured = Measured::default();
    for path in paths {
        match path.is_dir() {
            true => measured.add_folder(path)?,
            false => {
                let output = output(path)?.ok_or_else(|| MeasurementError::Unknown(name(path)))?;
                measured.add(name(path), output);
            }
        }
    }
    Ok(measured)
}

impl Measured {
    /// A folder is what criterion leaves, or holds outputs.
    fn add_folder(&mut self, folder: &Path) -> Result<(), MeasurementError> {
        if let Some(output) = criterion::run(folder)? {
            self.add(name(folder), output);
            return Ok(());
        }
        let before = self.sources.files.len();
        for path in files(folder)? {
            match output(&path)? {
                Some(output) => self.add(name(&path), output),
                None => self.sources.passed_over += 1,
            }
        }
        match self.sources.files.len() == before {
            true => Err(MeasurementError::Empty(name(folder))),
            false => Ok(()),
        }
    }

    fn add(&mut self, file: String, Output { tool, imported, notes }: Output) {
        let is_only = imported.runs.len() == 1;
        for (index, run) in imported.runs.into_iter().enumerate() {
            let name = if is_only { file.clone() } else { format!("{file}#{}", index + 1) };
            self.runs.push(Run { name, ..run });
        }
        for (name, value) in imported.facts {
            self.sources.facts.entry(name).or_default().insert(value);
        }
        self.sources.tools.insert(tool.to_owned());
        self.sources.notes.extend(notes.into_iter().map(|note| format!("{file}: {note}")));
        self.sources.files.push(file);
    }
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

/// What a file holds, and whose output it is.
struct Output {
    tool: &'static str,
    imported: Imported,
    /// What could not be read of it.
    notes: Vec<String>,
}

/// What a file holds; `None` where it is no output of a known tool, and no traces.
fn output(path: &Path) -> Result<Option<Output>, MeasurementError> {
    let unreadable = |error| MeasurementError::Unreadable { path: name(path), error };
    let content = content(path).map_err(unreadable)?;
    if content.len() as u64 > BYTES_MAX {
        return Err(MeasurementError::TooLarge(name(path)));
    }
    if let Some(side) = Side::read(&content) {
        let own = |reason| MeasurementError::Damaged { path: name(path), tool: MEASURE, reason };
        return Ok(Some(of_side(side.map_err(own)?)));
    }
    if let Some((tool, read)) = import::read(&content) {
        let damaged = |error: import::Unreadable| MeasurementError::Damaged {
            path: name(path),
            tool: tool.name,
            reason: error.to_string(),
        };
        return Ok(Some(Output { tool: tool.name, imported: read.map_err(damaged)?, notes: Vec::new() }));
    }
    let told = |(imported, notes)| Output { tool: "traces", imported, notes };
    Ok(traces::run(path, content)?.map(told))
}

/// What `whyslow measure --output` keeps.
fn of_side(side: Side) -> Output {
    let mut facts = BTreeMap::new();
    if let Some(version) = side.version {
        let changed = if version.uncommitted_sha256.is_some() { " with changes" } else { "" };
        facts.insert("commit".to_owned(), format!("{}{changed}", version.commit));
    }
    if let Some(machine) = side.environment {
        facts.extend([("cpu".to_owned(), machine.processor), ("kernel".to_owned(), machine.kernel)]);
        facts.extend(machine.facts);
    }
    facts.insert("workload".to_owned(), side.workload.what);
    Output { tool: MEASURE, imported: Imported { runs: side.runs, facts }, notes: Vec::new() }
}

/// All bytes, one more than the limit at most.
fn content(path: &Path) -> io::Result<Vec<u8>> {
    let raw: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(path)?),
    };
    let mut content = Vec::new();
    raw.take(BYTES_MAX + 1).read_to_end(&mut content)?;
    if !content.starts_with(&[0x1f, 0x8b]) {
        return Ok(content);
    }
    let mut plain = Vec::new();
    MultiGzDecoder::new(content.as_slice()).take(BYTES_MAX + 1).read_to_end(&mut plain)?;
    Ok(plain)
}

/// The files of a folder that are not hidden, by name; those of folders below are not looked at.
fn files(folder: &Path) -> Result<Vec<PathBuf>, MeasurementError> {
    let unreadable = |error| MeasurementError::Unreadable { path: name(folder), error };
    let entries = fs::read_dir(folder).map_err(unreadable)?.take(FILES_MAX);
    let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| Ok(entry?.path())).collect();
    let is_hidden =
        |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let mut paths = paths.map_err(unreadable)?;
    paths.retain(|path| path.is_file() && !is_hidden(path));
    paths.sort();
    Ok(paths)
}
