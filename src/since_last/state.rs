//! The file that remembers how far logs were read, version 1. It holds no text of a log.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use detectors::evidence::content_hash::{START, fnv_1a};
use serde::{Deserialize, Serialize};

use super::Identity;
use super::noted::Noted;

/// First bytes of a log that are hashed.
pub(super) const HEAD_BYTES: usize = 4 << 10;

/// Logs that are remembered; those that were seen last stay.
const LOGS_MAX: usize = 10_000;

const VERSION: u32 = 1;

/// How far logs were read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    version: u32,
    /// Counts the times that something was remembered.
    runs: u64,
    logs: Vec<Remembered>,
}

/// One log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remembered {
    /// Where it was, for those who look.
    pub(super) path: String,
    pub(super) id: Identity,
    /// How many of its first bytes are hashed.
    pub(super) head_bytes: u64,
    pub(super) head: u64,
    /// How far it was read, decompressed.
    pub(super) offset: u64,
    /// Lines before.
    pub(super) lines: u64,
    /// How many bytes before the offset are hashed.
    pub(super) tail_bytes: u64,
    pub(super) tail: u64,
    /// When it was seen last.
    pub(super) run: u64,
}

impl Remembered {
    /// With what was read behind its offset.
    pub(super) fn after(self, noted: &Noted) -> Self {
        Self {
            offset: self.offset + noted.bytes,
            lines: self.lines + noted.lines,
            tail_bytes: noted.tail.len() as u64,
            tail: hash(&noted.tail),
            ..self
        }
    }
}

pub(super) fn hash(bytes: &[u8]) -> u64 {
    fnv_1a(START, bytes.iter().copied())
}

impl State {
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { version: VERSION, runs: 1, logs: Vec::new() });
            }
            Err(error) => return Err(error),
        };
        let state: Self = serde_json::from_slice(&text).map_err(|error| {
            io::Error::other(format!("it is no state of whyslow ({error}); remove it to begin anew"))
        })?;
        match state.version {
            VERSION => Ok(Self { runs: state.runs + 1, ..state }),
            other => Err(io::Error::other(format!("it is of version {other}, and {VERSION} is known"))),
        }
    }

    /// Takes out what is remembered of a log with these first bytes: of the same file, or of one that holds what was
    /// read.
    pub(super) fn find(
        &mut self,
        id: &Identity,
        head: &[u8],
        mut continues: impl FnMut(&Remembered) -> io::Result<bool>,
    ) -> io::Result<Option<Remembered>> {
        let begins = |known: &Remembered| {
            let length = usize::try_from(known.head_bytes).unwrap_or(usize::MAX);
            length > 0 && head.get(..length).is_some_and(|begin| hash(begin) == known.head)
        };
        let mut places: Vec<usize> =
            (0..self.logs.len()).filter(|place| begins(&self.logs[*place])).collect();
        places.sort_by_key(|place| {
            let known = &self.logs[*place];
            (!known.id.is_file(id), std::cmp::Reverse(known.offset))
        });
        for place in places {
            if continues(&self.logs[place])? {
                let known = &self.logs[place];
                // Of a copy the other one is still there.
                return Ok(Some(match known.id.is_file(id) {
                    true => self.logs.swap_remove(place),
                    false => known.clone(),
                }));
            }
        }
        Ok(None)
    }

    /// What is known of a log by now.
    pub(super) fn remember(&mut self, log: Remembered) {
        self.logs.push(Remembered { run: self.runs, ..log });
    }

    /// Writes the file anew, whole or not at all.
    pub(super) fn write(&mut self, path: &Path) -> io::Result<()> {
        self.logs.sort_by(|one, other| other.run.cmp(&one.run).then_with(|| one.path.cmp(&other.path)));
        self.logs.truncate(LOGS_MAX);
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.persist(path).map_err(|refused| refused.error)?;
        Ok(())
    }
}
