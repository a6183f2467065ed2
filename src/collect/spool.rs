//! Received messages in a file: four bytes of length (big-endian), then the message, and so on.
//!
//! This is the framing of the OpenTelemetry collector's file exporter, so a kept spool is an
//! input like any other. A message that begins with `{` is OTLP JSON, every other one protobuf.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Bytes a spool may hold before it takes no more.
pub const BYTES_MAX: u64 = 16 << 30;

/// A growing file of messages that no other program sees until it is finished.
#[derive(Debug)]
pub struct Spool {
    target: Target,
    bytes: u64,
    messages: u64,
}

#[derive(Debug)]
enum Target {
    Unnamed(File),
    Named { file: NamedTempFile, path: PathBuf },
}

impl Spool {
    /// A spool without a name: its space is given back when it is dropped.
    ///
    /// # Errors
    ///
    /// When the temporary directory cannot be written.
    pub fn unnamed() -> io::Result<Self> {
        Ok(Self::new(Target::Unnamed(tempfile::tempfile()?)))
    }

    /// A spool that becomes `path` when it is finished, whole or not at all.
    ///
    /// # Errors
    ///
    /// When the directory of `path` cannot be written.
    pub fn saved_as(path: &Path) -> io::Result<Self> {
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new()
            .prefix(".whyslow-")
            .permissions(std::fs::Permissions::from_mode(0o666))
            .tempfile_in(folder)?;
        let path = path.to_path_buf();
        Ok(Self::new(Target::Named { file, path }))
    }

    fn new(target: Target) -> Self {
        Self { target, bytes: 0, messages: 0 }
    }

    /// Adds one message.
    ///
    /// # Errors
    ///
    /// When the file cannot grow; what was added before stays readable.
    pub fn append(&mut self, message: &[u8]) -> io::Result<()> {
        let length = u32::try_from(message.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let grown = self.bytes + 4 + u64::from(length);
        if grown > BYTES_MAX {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if let Err(error) = self.write(&length.to_be_bytes(), message) {
            self.cut_back()?;
            return Err(error);
        }
        self.bytes = grown;
        self.messages += 1;
        Ok(())
    }

    fn write(&mut self, prefix: &[u8], message: &[u8]) -> io::Result<()> {
        let file = self.file();
        file.write_all(prefix)?;
        file.write_all(message)
    }

    /// Removes a half-written message.
    fn cut_back(&mut self) -> io::Result<()> {
        let bytes = self.bytes;
        let file = self.file();
        file.set_len(bytes)?;
        file.seek(SeekFrom::Start(bytes)).map(drop)
    }

    fn file(&mut self) -> &mut File {
        match &mut self.target {
            Target::Unnamed(file) => file,
            Target::Named { file, .. } => file.as_file_mut(),
        }
    }

    /// Messages held.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Ends the spool and gives its file, at its first byte. A spool with a name takes it now,
    /// unless it is empty: then a file that had the name stays as it was.
    ///
    /// # Errors
    ///
    /// When the file cannot take its name.
    pub fn finish(self) -> io::Result<File> {
        let empty = self.messages == 0;
        let mut file = match self.target {
            Target::Unnamed(file) => file,
            Target::Named { file, .. } if empty => file.into_file(),
            Target::Named { file, path } => {
                file.as_file().sync_all()?;
                file.persist(&path).map_err(|refused| refused.error)?
            }
        };
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }
}
