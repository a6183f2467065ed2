//! Where a report goes: the terminal, a pipe, or a file that is replaced whole.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use detectors::finding::Report;
use whyslow::report::{OUTPUTS, Output, Style};

use super::Options;

pub(super) fn write(options: &Options, report: &Report) -> anyhow::Result<()> {
    let output = OUTPUTS.iter().find(|output| output.name == options.format).unwrap_or(&OUTPUTS[0]);
    match &options.output {
        Some(path) => {
            let style = Style { verbose: options.verbose, ..Style::default() };
            to_file(path, |out| (output.write)(report, &style, out))
                .with_context(|| format!("cannot write {}", path.display()))
        }
        None => to_stdout(output, report, options.verbose).context("cannot write to standard output"),
    }
}

fn to_stdout(output: &Output, report: &Report, verbose: bool) -> io::Result<()> {
    let stdout = io::stdout().lock();
    // What is not a terminal gets a fixed width, so that its bytes do not depend on a window.
    let width = match stdout.is_terminal() {
        true => terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)),
        false => None,
    };
    let colour = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
    let style = Style { width: width.unwrap_or(Style::WIDTH_DEFAULT), verbose, colour };
    let mut out = BufWriter::new(stdout);
    (output.write)(report, &style, &mut out)?;
    out.flush()
}

/// A regular file gets its new content at once; a device or a pipe is written to.
fn to_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    if path.metadata().is_ok_and(|known| !known.is_file()) {
        let mut out = BufWriter::new(std::fs::OpenOptions::new().write(true).open(path)?);
        write(&mut out)?;
        return out.flush();
    }
    // A link keeps pointing at the file that it names.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let file = tempfile::Builder::new()
        .prefix(".whyslow-")
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    let file = out.into_inner()?;
    file.persist(&path).map_err(|refused| refused.error)?;
    Ok(())
}
