//! The forms in which graphs are written.

use std::fmt;
use std::io;

use crate::{Difference, Graph};
use crate::{folded, html, pprof, speedscope, svg};

/// Writes what is to be drawn.
pub type Write<T> = fn(&T, &mut dyn io::Write) -> io::Result<()>;

/// A form of output.
pub struct Output {
    /// As `--format` calls it.
    pub name: &'static str,
    /// What it is, for the documentation.
    pub summary: &'static str,
    /// Writes one profile.
    pub write: fn(&Graph<'_>, &mut dyn io::Write) -> io::Result<()>,
    /// Whether it holds all measures of a profile, and not only the one that is shown.
    pub has_all_measures: bool,
    /// Writes a difference, if the form has any.
    pub compare: Option<Write<Difference>>,
}

impl fmt::Debug for Output {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name)
    }
}

/// All forms; the first is the default.
pub static OUTPUTS: &[Output] =
    &[html::OUTPUT, svg::OUTPUT, folded::OUTPUT, speedscope::OUTPUT, pprof::OUTPUT];
