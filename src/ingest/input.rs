//! What to read: files, folders, standard input; plain or compressed, told by content.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::{Head, IngestError, LogForms, access, postgres};

/// log2 of the largest window that is allocated for zstd: 32 MiB. `zstd --long` asks for more.
const ZSTD_WINDOW_LOG_MAX: u32 = 25;

/// Folders within folders, at most.
const DEPTH_MAX: usize = 64;

/// Something to read.
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file, or a folder with everything in it that is not hidden.
    Path(PathBuf),
    /// Something that is open already.
    Stream {
        /// What messages call it.
        name: Arc<str>,
        /// Its bytes.
        stream: Box<dyn Read + Send>,
    },
    /// A file from somewhere on.
    Part {
        /// What messages call it.
        name: Arc<str>,
        /// Its bytes, decompressed.
        stream: Box<dyn Read + Send>,
        /// How many, about.
        bytes: u64,
        /// Where they begin.
        offset: u64,
        /// The line that they begin with, 1-based.
        line: u64,
    },
}

impl From<PathBuf> for Input {
    /// `-` is standard input.
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == "-" { Self::Stdin } else { Self::Path(path) }
    }
}

impl Input {
    /// What paths name; `-` is standard input.
    ///
    /// # Errors
    ///
    /// When standard input is named twice.
    pub fn of_paths(paths: &[PathBuf]) -> Result<Vec<Self>, String> {
        if paths.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
            return Err("standard input (`-`) can be read once only".to_owned());
        }
        Ok(paths.iter().cloned().map(Self::from).collect())
    }
}

/// One input that will be opened.
pub(super) struct Listed {
    pub(super) name: Arc<str>,
    /// Bytes as stored; `None` where nobody knows.
    pub(super) bytes: Option<u64>,
    /// It was named, and not found in a folder.
    pub(super) named: bool,
    /// Offset and line of its first byte.
    pub(super) begin: (u64, u64),
    source: Input,
}

/// Every file of the inputs once: those of a folder sorted by name, hidden ones left out.
pub(super) fn list(inputs: Vec<Input>) -> Result<Vec<Listed>, IngestError> {
    let mut listed = Vec::new();
    let mut seen = HashSet::new();
    for source in inputs {
        match source {
            Input::Path(path) => {
                let failed = |source| IngestError::Open { name: path.display().to_string(), source };
                walk(&path, 0, &mut seen, &mut listed).map_err(failed)?;
            }
            Input::Stdin => {
                listed.push(Listed { name: "stdin".into(), bytes: None, named: true, begin: (0, 1), source });
            }
            Input::Stream { ref name, .. } => {
                let name = Arc::clone(name);
                listed.push(Listed { name, bytes: None, named: true, begin: (0, 1), source });
            }
            Input::Part { ref name, bytes, offset, line, .. } => {
                let name = Arc::clone(name);
                let begin = (offset, line);
                listed.push(Listed { name, bytes: Some(bytes), named: true, begin, source });
            }
        }
    }
    Ok(listed)
}

fn walk(path: &Path, depth: usize, seen: &mut HashSet<PathBuf>, listed: &mut Vec<Listed>) -> io::Result<()> {
    let metadata = fs::metadata(path)?;
    if !seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())) {
        return Ok(());
    }
    if !metadata.is_dir() {
        listed.push(Listed {
            name: path.display().to_string().into(),
            bytes: metadata.is_file().then_some(metadata.len()),
            named: depth == 0,
            begin: (0, 1),
            source: Input::Path(path.to_path_buf()),
        });
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries.iter().filter(|entry| !is_hidden(entry)) {
        let below = entry.path();
        // A link that leads nowhere, a pipe or a socket is none of the evidence.
        let useful = fs::metadata(&below).is_ok_and(|found| found.is_file() || found.is_dir());
        if useful && depth < DEPTH_MAX {
            walk(&below, depth + 1, seen, listed)?;
        }
    }
    Ok(())
}

fn is_hidden(entry: &fs::DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

impl Input {
    /// Every file that paths name, once: those of a folder sorted by name, hidden ones left out.
    ///
    /// # Errors
    ///
    /// When a path cannot be read.
    pub(crate) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, IngestError> {
        let listed = list(paths.iter().cloned().map(Self::Path).collect())?;
        let path = |listed: Listed| match listed.source {
            Self::Path(path) => Some(path),
            _ => None,
        };
        Ok(listed.into_iter().filter_map(path).collect())
    }

    /// The bytes of a file, and whether it is compressed.
    pub(crate) fn decompressed_file(path: &Path) -> io::Result<(Box<dyn Read + Send>, bool)> {
        decompressed(Counted { stream: Box::new(File::open(path)?), read: Arc::default() })
    }

    /// The name that messages use.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Stdin => "stdin".to_owned(),
            Self::Stream { name, .. } | Self::Part { name, .. } => name.to_string(),
        }
    }
}

impl Listed {
    /// Where it is, unless it is a stream.
    pub(super) fn path(&self) -> Option<&Path> {
        if let Input::Path(path) = &self.source { Some(path) } else { None }
    }

    /// Opens a file as often as it is needed.
    pub(super) fn reopen(&self) -> io::Result<Box<dyn Read + Send>> {
        let path = self.path().ok_or_else(|| io::Error::other("it can be read once only"))?;
        Input::decompressed_file(path).map(|(stream, _)| stream)
    }

    /// Opens it and undoes its compression; `read` grows by the bytes as they are stored.
    pub(super) fn open(self, read: &Arc<AtomicU64>) -> io::Result<Box<dyn Read + Send>> {
        let stream: Box<dyn Read + Send> = match self.source {
            Input::Stdin => Box::new(io::stdin()),
            Input::Path(path) => Box::new(File::open(path)?),
            Input::Stream { stream, .. } => stream,
            Input::Part { stream, .. } => return Ok(Box::new(Counted { stream, read: Arc::clone(read) })),
        };
        decompressed(Counted { stream, read: Arc::clone(read) }).map(|(stream, _)| stream)
    }
}

/// Counts what is read.
struct Counted {
    stream: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(buffer)?;
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

/// How an input is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    Gzip,
    Zstd,
    None,
}

impl Compression {
    fn of(begin: &[u8]) -> Self {
        match begin {
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            // A frame, or one of those that decoders leave out.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// The bytes of a stream, and whether it is compressed.
fn decompressed(mut stream: Counted) -> io::Result<(Box<dyn Read + Send>, bool)> {
    const BUFFER: usize = 128 << 10;
    let mut begin = Vec::new();
    stream.by_ref().take(4).read_to_end(&mut begin)?;
    let compression = Compression::of(&begin);
    let whole = io::Cursor::new(begin).chain(stream);
    let stream: Box<dyn Read + Send> = match compression {
        Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, whole))),
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(BufReader::with_capacity(BUFFER, whole))?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Box::new(decoder)
        }
        Compression::None => Box::new(whole),
    };
    Ok((stream, compression != Compression::None))
}

/// What an input that no format recognises may be, and what would help.
pub(super) fn unrecognised(head: Head<'_>, forms: Option<&LogForms>) -> String {
    let begin = head.bytes;
    if let Some(why) = access::without_durations(begin) {
        return why.to_owned();
    }
    if let Some(why) = postgres::unreadable(head.text(), forms.and_then(LogForms::line_prefix)) {
        return why;
    }
    let what = match begin {
        [] => "it is empty",
        [b'P', b'K', 3, 4, ..] => "it is a zip archive: unpack it first",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "it is compressed by xz: unpack it first (xz -d)",
        [b'B', b'Z', b'h', ..] => "it is compressed by bzip2: unpack it first (bunzip2)",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it is text in UTF-16: convert it to UTF-8 first",
        _ if begin.get(257..262) == Some(b"ustar") => "it is a tar archive: unpack it first (tar -x)",
        [b'{' | b'[', ..] => {
            "it is JSON, but without resourceSpans and without spans of Jaeger or Zipkin; the file exporter of the \
             OpenTelemetry collector and `whyslow run --save` write what can be read"
        }
        _ => {
            "the file exporter of the OpenTelemetry collector and `whyslow run --save` write what can be read"
        }
    };
    format!(
        "in no format that is known (traces and logs, plain, gzip or zstd; docs/formats.md lists them): {what}"
    )
}
