//! Where a report goes: the terminal, a pipe, or a file that is replaced whole.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufWriter, IsTerminal, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;
use whyslow::report::{Style, Write};

/// A place that can be written to, found out before the long work begins.
pub(crate) enum Destination {
    /// Standard output.
    Stdout,
    /// Something that is no regular file: a device, a pipe.
    Special(PathBuf, File),
    /// A new file beside the one that it will replace.
    File(PathBuf, NamedTempFile),
}

impl Destination {
    /// Opens a path; nothing is standard output.
    pub(crate) fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::Stdout) };
        open(path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes a report or comparison; a file has all of it or stays as it was. Width and colour are those
    /// that fit the place.
    pub(crate) fn write<T>(self, write: Write<T>, told: &T, style: Style) -> anyhow::Result<()> {
        let plain = Style { width: columns().unwrap_or(Style::WIDTH_DEFAULT), colour: false, ..style };
        let cannot = |path: PathBuf| move || format!("cannot write {}", path.display());
        match self {
            Self::Stdout => to_stdout(write, told, style).context("cannot write to standard output"),
            Self::Special(path, file) => into(file, write, told, &plain).map(drop).with_context(cannot(path)),
            Self::File(path, file) => into(file, write, told, &plain)
                .and_then(|file| file.persist(&path).map_err(|refused| refused.error))
                .map(drop)
                .with_context(cannot(path)),
        }
    }
}

fn open(path: &Path) -> io::Result<Destination> {
    if path.metadata().is_ok_and(|known| !known.is_file()) {
        let file = OpenOptions::new().write(true).open(path)?;
        return Ok(Destination::Special(path.to_path_buf(), file));
    }
    // A link keeps pointing at the file that it names.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(io::Error::other(format!("{} is no folder", folder.display())));
    }
    let file = tempfile::Builder::new()
        .prefix(".whyslow-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    Ok(Destination::File(path, file))
}

fn into<W: io::Write, T>(file: W, write: Write<T>, told: &T, style: &Style) -> io::Result<W> {
    let mut out = BufWriter::new(file);
    write(told, style, &mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)
}

fn to_stdout<T>(write: Write<T>, told: &T, style: Style) -> io::Result<()> {
    let stdout = io::stdout().lock();
    // What is not a terminal gets a fixed width, so that its bytes do not depend on a window; who
    // wants another one exports it.
    let width = match stdout.is_terminal() {
        true => terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)),
        false => columns(),
    };
    let colour = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
    let style = Style { width: width.unwrap_or(Style::WIDTH_DEFAULT), colour, ..style };
    into(stdout, write, told, &style)?.flush()
}

/// The width that the environment asks for.
fn columns() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.trim().parse().ok().filter(|columns| *columns > 0)
}
