//! What logs of servers tell beside statements: one line for each thing.

use std::io;

use detectors::finding::Report;

use super::super::server;
use super::ink::{Ink, Line};
use super::page::Page;
use super::title;

/// Lists it, where there is anything.
pub(super) fn write(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let Some(told) = &report.server else { return Ok(()) };
    page.line(title("server"))?;
    for line in server::lines(told) {
        page.prose(Line::at(2), Ink::Plain, &line)?;
    }
    page.blank()
}
