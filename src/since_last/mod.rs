//! What came to logs since the last time: how far each was read is remembered in a file.
//!
//! A log is known by its device and inode and by a hash of its first bytes; where it was read to, a hash of the bytes before
//! must fit as well. So a log that was renamed, copied, compressed, or truncated and begun anew is read neither twice nor too
//! little: what does not fit is read from its begin.

mod noted;
mod state;

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use detectors::figures::{bytes, counted};

use self::noted::{Noted, Noting};
use self::state::{HEAD_BYTES, Remembered, State};
use crate::ingest::{IngestError, Input};

/// Logs that go on, and the file that remembers how far they were read.
#[derive(Debug)]
pub struct SinceLast {
    path: PathBuf,
    state: State,
    /// Logs that are read now: what they are, and what is noted while they are read.
    reading: Vec<(Remembered, Arc<Mutex<Noted>>)>,
    /// Logs with nothing new, logs that go on, and logs that are read for the first time.
    unchanged: u64,
    going_on: u64,
    first: u64,
    /// Bytes that were read before, decompressed.
    skipped_bytes: u64,
}

/// Why what came since cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file that remembers.
    #[error("cannot use {}: {source}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What the system says, or what is wrong in it.
        source: io::Error,
    },
    /// A log.
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

/// The file that remembers unless another one is given: in the folder for states of programs (XDG); `None` where none is
/// named.
pub fn default_path() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let states = named("XDG_STATE_HOME").or_else(|| Some(named("HOME")?.join(".local/state")))?;
    Some(states.join("whyslow/since-last.json"))
}

impl SinceLast {
    /// Reads the file that remembers; where there is none, nothing was read before.
    ///
    /// # Errors
    ///
    /// When it cannot be read or is none.
    pub fn open(path: PathBuf) -> Result<Self, Error> {
        let state = State::read(&path).map_err(|source| Error::State { path: path.clone(), source })?;
        Ok(Self { path, state, reading: Vec::new(), unchanged: 0, going_on: 0, first: 0, skipped_bytes: 0 })
    }

    /// What is new in the files of paths; none where nothing is.
    ///
    /// # Errors
    ///
    /// When a path or a file in it cannot be read.
    pub fn inputs(&mut self, paths: &[PathBuf]) -> Result<Vec<Input>, Error> {
        let mut inputs = Vec::new();
        for path in Input::files(paths)? {
            let open = |source| IngestError::Open { name: path.display().to_string(), source };
            inputs.extend(self.input(&path).map_err(open)?);
        }
        Ok(inputs)
    }

    /// What is skipped, for the report.
    pub fn note(&self) -> String {
        let mut parts = Vec::new();
        for (count, what) in [
            (self.going_on, "log that goes on"),
            (self.first, "log that was not read before"),
            (self.unchanged, "log without anything new"),
        ] {
            if count > 0 {
                let (one, rest) = what.split_once(' ').unwrap_or((what, ""));
                parts.push(format!("{} {}", counted(count, one), plural(rest, count)));
            }
        }
        format!(
            "since the last time: {}; {} that were read before are left out",
            parts.join(", "),
            bytes(self.skipped_bytes)
        )
    }

    /// Remembers how far all was read: to be called when what was read has been told.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; then it is as before.
    pub fn save(mut self) -> Result<(), Error> {
        for (log, noted) in self.reading.drain(..) {
            let noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
            self.state.remember(log.after(&noted));
        }
        self.state.write(&self.path).map_err(|source| Error::State { path: self.path.clone(), source })
    }

    fn input(&mut self, path: &Path) -> io::Result<Option<Input>> {
        let log = Log::open(path)?;
        let before = self.state.find(&log.id, &log.head, |known| log.continues(known))?;
        let begin = before.as_ref().map_or((0, 0), |known| (known.offset, known.lines));
        let name: Arc<str> = path.display().to_string().into();
        let now = log.remembered(path, begin);
        let Some((stream, length)) = log.rest(begin.0, before.as_ref())? else {
            self.unchanged += 1;
            self.skipped_bytes += begin.0;
            // Under its present name and number.
            let kept = before.map(|known| Remembered { path: now.path.clone(), id: now.id, ..known });
            kept.into_iter().for_each(|known| self.state.remember(known));
            return Ok(None);
        };
        match begin.0 {
            0 => self.first += 1,
            _ => self.going_on += 1,
        }
        self.skipped_bytes += begin.0;
        let noted = Arc::new(Mutex::new(Noted::default()));
        let stream = Box::new(Noting::new(stream, Arc::clone(&noted)));
        self.reading.push((now, noted));
        Ok(Some(Input::Part { name, stream, bytes: length, offset: begin.0, line: begin.1 + 1 }))
    }
}

fn plural(rest: &str, count: u64) -> String {
    match count {
        1 => rest.to_owned(),
        _ => rest.replace("that goes on", "that go on").replace("was not", "were not"),
    }
}

/// A log that lies there now.
struct Log {
    path: PathBuf,
    id: Identity,
    is_compressed: bool,
    /// Its first bytes, decompressed.
    head: Vec<u8>,
}

/// What tells a file from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Identity {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    /// Bytes as they are stored.
    pub(crate) stored_bytes: u64,
}

impl Identity {
    fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        #[cfg(unix)]
        let (device, inode) = {
            use std::os::unix::fs::MetadataExt;
            (metadata.dev(), metadata.ino())
        };
        #[cfg(not(unix))]
        let (device, inode) = (0, 0);
        Ok(Self { device, inode, stored_bytes: metadata.len() })
    }

    /// Whether it is the same file, perhaps longer by now.
    pub(crate) fn is_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

impl Log {
    fn open(path: &Path) -> io::Result<Self> {
        let id = Identity::of(&File::open(path)?)?;
        let (stream, is_compressed) = Input::decompressed_file(path)?;
        let mut head = Vec::new();
        stream.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        Ok(Self { path: path.to_path_buf(), id, is_compressed, head })
    }

    /// Whether it holds what was read before, up to where that ended: the bytes before are the same.
    fn continues(&self, known: &Remembered) -> io::Result<bool> {
        if self.is_compressed && known.id == self.id {
            return Ok(true);
        }
        let from = known.offset.saturating_sub(known.tail_bytes);
        let mut tail = Vec::new();
        self.stream_from(from)?.take(known.tail_bytes).read_to_end(&mut tail)?;
        Ok(tail.len() as u64 == known.tail_bytes && state::hash(&tail) == known.tail)
    }

    /// Its bytes from an offset, decompressed.
    fn stream_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        if self.is_compressed {
            let (mut stream, _) = Input::decompressed_file(&self.path)?;
            io::copy(&mut stream.by_ref().take(offset), &mut io::sink())?;
            return Ok(stream);
        }
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(BufReader::new(file)))
    }

    /// What is behind an offset, and how much that is as it is stored; `None` where nothing is.
    fn rest(
        &self,
        offset: u64,
        known: Option<&Remembered>,
    ) -> io::Result<Option<(Box<dyn Read + Send>, u64)>> {
        if self.is_compressed {
            if known.is_some_and(|known| known.id == self.id) {
                return Ok(None);
            }
            let mut stream = self.stream_from(offset)?;
            let mut next = Vec::new();
            stream.by_ref().take(1).read_to_end(&mut next)?;
            let is_more = !next.is_empty();
            let rest: Box<dyn Read + Send> = Box::new(io::Cursor::new(next).chain(stream));
            return Ok(is_more.then_some((rest, self.id.stored_bytes)));
        }
        let end = self.end_of_lines(offset)?;
        let length = end.saturating_sub(offset);
        let rest: Box<dyn Read + Send> = Box::new(self.stream_from(offset)?.take(length));
        Ok((length > 0).then_some((rest, length)))
    }

    /// Where the last whole line ends: a server may be writing the next one. Of a text that has none all of it is taken.
    fn end_of_lines(&self, offset: u64) -> io::Result<u64> {
        const STEP: u64 = 64 << 10;
        let size = fs::metadata(&self.path)?.len();
        let mut end = size;
        while end > offset {
            let from = end.saturating_sub(STEP).max(offset);
            let mut bytes = Vec::new();
            self.stream_from(from)?.take(end - from).read_to_end(&mut bytes)?;
            if let Some(newline) = memchr::memrchr(b'\n', &bytes) {
                return Ok(from + newline as u64 + 1);
            }
            end = from;
        }
        Ok(if offset == 0 { size } else { offset })
    }

    fn remembered(&self, path: &Path, (offset, lines): (u64, u64)) -> Remembered {
        Remembered {
            path: path.display().to_string(),
            id: self.id,
            head_bytes: self.head.len() as u64,
            head: state::hash(&self.head),
            offset,
            lines,
            tail_bytes: 0,
            tail: state::hash(&[]),
            run: 0,
        }
    }
}
