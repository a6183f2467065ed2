//! The pure core of whyslow: what was seen, what is wrong with it, and what each fix gives back.
//!
//! Reads no file, clock, environment or socket, prints nothing and cannot fail.

pub mod evidence;
pub mod finding;
pub mod settings;

use settings::Setting;

/// A flaw that whyslow knows: one file, one entry in [`ALL`].
pub struct Detector {
    /// Its name everywhere.
    pub id: &'static str,
    /// One line for lists.
    pub summary: &'static str,
    /// The source file, whose module comment is the user's page.
    pub page: &'static str,
    /// Its thresholds.
    pub settings: &'static [Setting],
}

impl Detector {
    /// The documentation, as Markdown.
    pub fn explain(&self) -> String {
        let lines = self.page.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
    }
}

/// Every detector; the order is the precedence where two explain the same time equally well.
pub const ALL: &[Detector] = &[];
