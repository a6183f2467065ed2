//! What logs of servers tell beside statements: one line for each thing.

use std::io;

use detectors::finding::Report;

use super::super::words::server_lines;
use super::ink::{Ink, Line};
use super::page::Page;
use super::title;

/// Lists it, where there is anything.
pub(super) fn write(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let Some(server) = &report.server else { return Ok(()) };
    page.line(title("server"))?;
    for line in server_lines(server) {
        page.prose(Line::at(2), Ink::Plain, &line)?;
    }
    page.blank()
}
