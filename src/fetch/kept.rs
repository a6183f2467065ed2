//! The traces that a store gave, each once, in files without a name.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use crate::ingest::Input;

/// Bytes that are kept of all traces; what is more stays in the store.
const BYTES_MAX: u64 = 4 << 30;

/// In which form a trace came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON, one document for each trace.
    Json,
    /// An OTLP message.
    Protobuf,
}

/// Traces in files that are given back to the system with the program's end.
#[derive(Debug)]
pub(super) struct Kept {
    files: [Option<BufWriter<File>>; 2],
    seen: HashSet<String>,
    bytes: u64,
    traces_max: usize,
    /// What was left out, and why.
    pub(super) notes: Vec<String>,
    /// Traces that were found and then were not there.
    pub(super) gone: HashSet<String>,
    /// What may help where there is none.
    pub(super) hint: Option<String>,
}

impl Kept {
    pub(super) fn new(traces_max: usize) -> Self {
        Self {
            files: [None, None],
            seen: HashSet::new(),
            bytes: 0,
            traces_max,
            notes: Vec::new(),
            gone: HashSet::new(),
            hint: None,
        }
    }

    /// How many traces there are.
    pub(super) fn traces(&self) -> usize {
        self.seen.len()
    }

    /// Whether there is no room for another trace.
    pub(super) fn is_full(&self) -> bool {
        self.seen.len() >= self.traces_max || self.bytes >= BYTES_MAX
    }

    /// Whether a trace is here, or was asked for in vain.
    pub(super) fn knows(&self, id: &str) -> bool {
        self.seen.contains(id) || self.gone.contains(id)
    }

    /// Keeps a trace, if it is new and there is room; whether it was new.
    pub(super) fn add(&mut self, id: &str, form: Form, trace: &[u8]) -> io::Result<bool> {
        if self.is_full() || self.knows(id) {
            return Ok(false);
        }
        let slot = &mut self.files[form as usize];
        let file = match slot {
            Some(file) => file,
            None => slot.insert(BufWriter::new(tempfile::tempfile()?)),
        };
        match form {
            Form::Json => {
                // One line a document: line breaks stand between tokens only, as texts must escape them.
                let line: Vec<u8> =
                    trace.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect();
                file.write_all(&line)?;
                file.write_all(b"\n")?;
            }
            Form::Protobuf => {
                let length = u32::try_from(trace.len()).map_err(io::Error::other)?;
                file.write_all(&length.to_be_bytes())?;
                file.write_all(trace)?;
            }
        }
        self.bytes += trace.len() as u64;
        self.seen.insert(id.to_owned());
        Ok(true)
    }

    /// The files, to be read from their beginnings, and the notes.
    pub(super) fn finish(self, store: &str) -> io::Result<(Vec<Input>, Vec<String>)> {
        let mut inputs = Vec::new();
        for file in self.files.into_iter().flatten() {
            let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.seek(SeekFrom::Start(0))?;
            inputs.push(Input::Stream { name: format!("what {store} gave").into(), stream: Box::new(file) });
        }
        Ok((inputs, self.notes))
    }
}
