//! Copies of query logs in which values are tokens, to be shared: read as the logs are, written record by record.
//!
//! A copier knows the records of one format and which of their texts are statements, messages or names; what may be
//! a value in those is found by the lexer of statements. What is not recognised is left out and counted. Lines keep
//! their numbers, so what a report says of a copy fits the log.

mod enclosed;
mod prose;
mod statement;
mod tokens;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(in crate::ingest) use self::statement::Hiding;
use self::tokens::Tokens;
use super::blocks::{Buffer, Next, Source};
use super::input::{self, Listed};
use super::{Format, Framing, IngestError, Input, Place, mysql, postgres};

/// Writes records once more without their values.
pub(in crate::ingest) trait Rewrite {
    /// Writes a block of whole records.
    fn rewrite(&mut self, bytes: &[u8], page: &mut Page);
}

/// Where a copier writes.
#[derive(Debug, Default)]
pub(in crate::ingest) struct Page {
    pub(in crate::ingest) out: Vec<u8>,
    pub(in crate::ingest) hiding: Hiding,
    /// Lines or records that are not recognised.
    pub(in crate::ingest) left_out: u64,
}

type Copier = fn(Framing) -> Box<dyn Rewrite>;

/// The formats that can be copied.
static COPIERS: &[(&Format, Copier)] = &[
    (&postgres::STDERR, |framing| Box::new(postgres::StderrCopier::new(framing))),
    (&postgres::CSV, |_| Box::<postgres::CsvCopier>::default()),
    (&postgres::JSON, |_| Box::<postgres::JsonCopier>::default()),
    (&mysql::SLOW, |_| Box::<mysql::SlowCopier>::default()),
    (&mysql::GENERAL, |_| Box::<mysql::GeneralCopier>::default()),
];

fn copier(format: &Format) -> Option<Copier> {
    COPIERS.iter().find(|(known, _)| known.name == format.name).map(|(_, copier)| *copier)
}

/// What the values of all copies of a run become.
#[derive(Debug, Default)]
pub struct Key(Tokens);

/// An input that may be copied.
pub struct Original {
    /// Its name as given.
    pub name: Arc<str>,
    /// Where it is.
    pub path: PathBuf,
    /// It was named, and not found in a folder.
    pub named: bool,
    listed: Listed,
}

/// What an input is.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// A log that can be copied.
    QueryLog,
    /// Something else that whyslow reads.
    Other(&'static str),
    /// Nothing that whyslow reads, and why.
    Unknown(String),
}

/// All files of a path.
///
/// # Errors
///
/// When it cannot be opened.
pub fn originals(path: &Path) -> Result<Vec<Original>, IngestError> {
    let listed = input::list(vec![Input::Path(path.to_path_buf())])?;
    let original = |listed: Listed| {
        let path = listed.path()?.to_path_buf();
        Some(Original { name: Arc::clone(&listed.name), path, named: listed.named, listed })
    };
    Ok(listed.into_iter().filter_map(original).collect())
}

impl Original {
    /// What it is, by its first bytes.
    pub fn kind(&self) -> Kind {
        match self.open() {
            Ok((source, _)) if copier(source.format).is_some() => Kind::QueryLog,
            Ok((source, _)) => Kind::Other(source.format.name),
            Err(problem) => Kind::Unknown(problem),
        }
    }

    /// Writes a copy, and says how many lines or records were left out. A log inside the lines of another, such as
    /// syslog, is copied without these.
    ///
    /// # Errors
    ///
    /// When it cannot be read to its end or the copy cannot be written, or when there are several logs in one.
    pub fn copy(&self, key: &Key, to: &mut impl Write) -> io::Result<u64> {
        let (mut source, mut buffer) = self.open().map_err(io::Error::other)?;
        if source.is_envelope() {
            return enclosed::copy(&mut source, &mut buffer, key, to);
        }
        let copier = copier(source.format).ok_or_else(|| io::Error::other("it is no query log"))?;
        let mut copier = copier(source.framing);
        let mut page = Page { hiding: Hiding::new(key.0.clone()), ..Page::default() };
        loop {
            match source.next(&mut buffer) {
                Next::Block(..) => {}
                // A record that is too long: what begins within it is no record and left out.
                Next::InOrder => source.give_all(&buffer),
                Next::End => break,
            }
            copier.rewrite(buffer.bytes(), &mut page);
            to.write_all(&page.out)?;
            page.out.clear();
        }
        match source.leave().problem {
            Some(problem) => Err(io::Error::other(problem)),
            None => Ok(page.left_out),
        }
    }

    fn open(&self) -> Result<(Source, Buffer), String> {
        let stream = self.listed.reopen().map_err(|error| error.to_string())?;
        let mut buffer = Buffer::default();
        let place = Place { file: Arc::clone(&self.name), offset: 0, line: 1 };
        let source = Source::open(place, stream, &mut buffer, None)?;
        Ok((source, buffer))
    }
}
