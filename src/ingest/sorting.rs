//! Which inputs are evidence, in a format that is known, and which are something else: each is one of both.

use std::io::{self, Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;

use super::blocks::{BLOCK_BYTES, Claim};
use super::input::{self, Listed};
use super::{Head, IngestError, Input, LogForms, Place};

/// Inputs by what they are.
#[derive(Default)]
pub struct Sorted {
    /// Those that a format recognises.
    pub evidence: Vec<Recognised>,
    /// All others, in their order.
    pub others: Vec<Other>,
}

/// An input in a format that is known.
pub struct Recognised {
    /// The input.
    pub input: Input,
    /// All of it, where it is short and one of the first: for a second look, should nothing be found in it.
    pub short: Option<Vec<u8>>,
}

/// Short inputs that are kept for a second look, each at most a block.
const SHORT_MAX: usize = 16;

/// An input that no format recognises.
pub struct Other {
    /// The file, or `stdin`.
    pub name: String,
    /// It was named, and not found in a folder.
    pub is_named: bool,
    /// All of it, decompressed.
    pub stream: Box<dyn Read + Send>,
}

/// Sorts what paths name, by the first bytes; `is_wanted` says by its name whether evidence in a format is taken as such.
///
/// # Errors
///
/// When an input that was named cannot be opened, or standard input is named twice.
pub fn sorted(
    paths: &[PathBuf],
    forms: Option<&LogForms>,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Sorted, IngestError> {
    let mut sorted = Sorted::default();
    for listed in input::list(paths.iter().cloned().map(Input::from).collect())? {
        let (name, is_named) = (Arc::clone(&listed.name), listed.named);
        let path = listed.path().map(PathBuf::from);
        let opened = begin(listed);
        let (head, stream) = match opened {
            Ok(opened) => opened,
            Err(_) if !is_named => continue,
            Err(source) => return Err(IngestError::Open { name: name.to_string(), source }),
        };
        let place = Place { file: Arc::clone(&name), offset: 0, line: 1 };
        let whole = head.len() < BLOCK_BYTES;
        let claim = Claim::of(Head { bytes: &head, whole }, &place, forms);
        let is_evidence = claim.is_ok_and(|claim| is_wanted(claim.format.name));
        let is_short = is_evidence && whole && sorted.evidence.len() < SHORT_MAX;
        let short = is_short.then(|| head.clone());
        let stream: Box<dyn Read + Send> = Box::new(Cursor::new(head).chain(stream));
        match (is_evidence, path) {
            (true, Some(path)) => sorted.evidence.push(Recognised { input: Input::Path(path), short }),
            (true, None) => sorted.evidence.push(Recognised { input: Input::Stream { name, stream }, short }),
            (false, _) => sorted.others.push(Other { name: name.to_string(), is_named, stream }),
        }
    }
    Ok(sorted)
}

/// The first bytes of an input, and what is behind them.
fn begin(listed: Listed) -> io::Result<(Vec<u8>, Box<dyn Read + Send>)> {
    let mut stream = listed.open(&Arc::default())?;
    let mut head = Vec::new();
    stream.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut head)?;
    Ok((head, stream))
}
