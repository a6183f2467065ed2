//! The temporary file that spans go to when memory is used up.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use detectors::evidence::Traced;

use super::partition::Chunks;
use super::record::{Reader, Writer};

/// Records that are written and read in one go; larger ones would cost memory, smaller ones calls.
const EXTENT_BYTES: usize = 512 * 1024;

/// A place in the file with whole records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    offset: u64,
    bytes: usize,
    /// How many spans it holds.
    pub(super) spans: u64,
}

/// One file without a name, made when it is first needed; it vanishes with its last handle.
#[derive(Debug, Default)]
pub(super) struct Spill(Mutex<Option<Opened>>);

#[derive(Debug)]
struct Opened {
    file: File,
    end: u64,
}

impl Spill {
    /// Writes spans down, releasing each chunk once it is encoded.
    pub(super) fn write(&self, chunks: Chunks) -> io::Result<Vec<Extent>> {
        let mut extents = Vec::new();
        let mut writer = Writer::default();
        let mut spans = 0;
        chunks.release(|trace, run| {
            run.iter().for_each(|span| writer.write(trace, span));
            spans += run.len() as u64;
            if writer.bytes.len() >= EXTENT_BYTES {
                extents.push(self.append(&writer.bytes, spans).map_err(cannot("write"))?);
                writer.clear();
                spans = 0;
            }
            io::Result::Ok(())
        })?;
        if spans > 0 {
            extents.push(self.append(&writer.bytes, spans).map_err(cannot("write"))?);
        }
        Ok(extents)
    }

    /// Reads spans back. `bytes` is scratch space.
    pub(super) fn read(
        &self,
        extent: Extent,
        bytes: &mut Vec<u8>,
        mut each: impl FnMut(Traced),
    ) -> io::Result<()> {
        self.fetch(extent, bytes).map_err(cannot("read"))?;
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            let span = reader.read().ok_or_else(|| io::Error::other("it was overwritten"));
            each(span.map_err(cannot("read"))?);
        }
        Ok(())
    }

    /// Bytes written so far.
    pub(super) fn bytes(&self) -> u64 {
        self.lock().as_ref().map_or(0, |opened| opened.end)
    }

    fn append(&self, bytes: &[u8], spans: u64) -> io::Result<Extent> {
        let mut opened = self.lock();
        let opened = match &mut *opened {
            Some(opened) => opened,
            none => none.insert(Opened { file: tempfile::tempfile()?, end: 0 }),
        };
        opened.file.seek(SeekFrom::Start(opened.end))?;
        opened.file.write_all(bytes)?;
        let extent = Extent { offset: opened.end, bytes: bytes.len(), spans };
        opened.end += bytes.len() as u64;
        Ok(extent)
    }

    fn fetch(&self, extent: Extent, bytes: &mut Vec<u8>) -> io::Result<()> {
        bytes.resize(extent.bytes, 0);
        let mut opened = self.lock();
        let file = opened.as_mut().map(|opened| &mut opened.file);
        let file = file.ok_or_else(|| io::Error::other("nothing was written"))?;
        file.seek(SeekFrom::Start(extent.offset))?;
        file.read_exact(bytes)
    }

    /// A thread that panicked leaves the file whole up to its last extent.
    fn lock(&self) -> MutexGuard<'_, Option<Opened>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says what failed, and where.
fn cannot(action: &'static str) -> impl FnOnce(io::Error) -> io::Error {
    move |error| {
        let folder = std::env::temp_dir();
        io::Error::new(
            error.kind(),
            format!("cannot {action} spans in a temporary file in {}: {error}", folder.display()),
        )
    }
}
