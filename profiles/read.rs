//! Reads any profile; the table of formats.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::source::{self, Source};
use crate::{Place, Profile, Unit, formats};

/// Every format that can be read, in the order in which they are asked; an input belongs to the first that recognises it.
pub static FORMATS: &[Format] = &[
    formats::JFR,
    formats::PERF_DATA,
    formats::OTLP,
    formats::PPROF,
    formats::SPEEDSCOPE,
    formats::FIREFOX,
    formats::CHROME,
    formats::V8,
    formats::PERF_SCRIPT,
    formats::FOLDED,
];

/// A format that can be read.
pub struct Format {
    /// Its name in messages.
    pub name: &'static str,
    /// What of it is read, for the documentation.
    pub summary: &'static str,
    /// What its reader was tried on.
    pub evidence: &'static str,
    /// Whether an input is in this format, by its first 64 KiB, decompressed.
    pub(crate) recognise: fn(&[u8]) -> bool,
    /// Reads it to its end.
    pub(crate) read: fn(Source<'_>, &mut Profile) -> Result<(), Unreadable>,
}

impl Format {
    /// Whether what it recognises is nothing else: folded stacks are lines of text that end with a number, as those of other
    /// files may.
    fn is_unmistakable(&self) -> bool {
        self.name != formats::FOLDED.name
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name)
    }
}

/// Why an input is no profile.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The bytes could not be had.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// They are not what they seem to be, or nothing that is known.
    #[error("{}{what}", place.map(|place| format!("{place}: ")).unwrap_or_default())]
    Content {
        /// Lower case: what is wrong, and what would help.
        what: String,
        /// Where.
        place: Option<Place>,
    },
}

impl Unreadable {
    pub(crate) fn of(what: impl Into<String>) -> Self {
        Self::Content { what: what.into(), place: None }
    }
}

/// Reads a profile of any format, plain or in gzip, told by its content. Nothing else is looked at.
///
/// # Errors
///
/// The input cannot be read, is in no known format, or holds no stack at all.
pub fn read<'r>(input: impl Read + 'r) -> Result<Profile, Unreadable> {
    of_source(Source::open(input)?)
}

fn of_source(source: Source<'_>) -> Result<Profile, Unreadable> {
    let Some(format) = FORMATS.iter().find(|format| (format.recognise)(&source.head)) else {
        return Err(formats::unknown(&source.head));
    };
    let mut profile = Profile::new(format.name);
    match (format.read)(source, &mut profile) {
        Err(Unreadable::Io(error)) if source::is_cut_off(&error) && profile.records > 0 => {
            profile.skipped.add(source::CUT_OFF, None);
        }
        read => read?,
    }
    profile.notice_limits();
    if profile.is_empty() {
        return Err(empty(&profile));
    }
    show_processors_first(&mut profile);
    show_what_was_measured(&mut profile);
    notice_units(&mut profile);
    Ok(profile)
}

/// Of several types of events the one that tells what processors did is shown first, unless the format says which.
fn show_processors_first(profile: &mut Profile) {
    let is_of_processors = |name: &str| {
        matches!(name.split(':').next(), Some("cpu" | "cpu-clock" | "task-clock" | "cycles" | "cpu-cycles"))
    };
    if profile.format != formats::PPROF.name
        && let Some(first) = profile.measures.iter().position(|measure| is_of_processors(&measure.name))
    {
        profile.default_measure = first;
    }
}

/// A measure of which there is nothing is not shown first.
fn show_what_was_measured(profile: &mut Profile) {
    let has_any = |measure: &usize| profile.tree.total(*measure) > 0.0;
    let first = profile.default_measure;
    let Some(other) = (0..profile.measures.len()).find(has_any).filter(|_| !has_any(&first)) else { return };
    let name = |measure: usize| &*profile.measures[measure].name;
    let what = format!("{} is zero everywhere: {} is shown first", name(first), name(other));
    profile.default_measure = other;
    profile.noticed.add(what, None);
}

/// Tells of units that are not known, or missing in a format that has them.
fn notice_units(profile: &mut Profile) {
    let has_units = profile.format != formats::FOLDED.name && profile.format != formats::SPEEDSCOPE.name;
    for measure in &profile.measures {
        let what = match &measure.unit {
            Unit::Other(unit) => {
                format!("{} is in a unit that is not known, shown as told: {unit}", measure.name)
            }
            Unit::Unknown if has_units => format!("{} has no unit, so that it may be anything", measure.name),
            _ => continue,
        };
        profile.noticed.add(what, None);
    }
}

/// The format of an input, by its first bytes; `None` where it is no profile that can be read.
pub fn recognise(input: impl Read) -> Option<&'static Format> {
    let source = Source::open(input).ok()?;
    FORMATS.iter().find(|format| (format.recognise)(&source.head))
}

/// Whether a file is a profile without doubt.
pub fn is_profile(path: &Path) -> bool {
    let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file());
    let format = is_file.then(|| File::open(path).ok()).flatten().and_then(recognise);
    format.is_some_and(Format::is_unmistakable)
}

/// Whether a file looks like folded stacks, which are no profile without doubt: each of its first lines is `frame;frame number`.
pub fn may_be_folded(path: &Path) -> bool {
    let file = File::open(path).ok().filter(|_| path.is_file());
    let source = file.and_then(|file| Source::open(file).ok());
    source.is_some_and(|source| formats::are_stacks(&source.head))
}

/// Reads a profile from a file. Where it holds addresses alone, binaries of this machine tell the names of functions, if they are
/// those that were recorded.
///
/// # Errors
///
/// As [`read()`].
pub fn read_file(path: &Path) -> Result<Profile, Unreadable> {
    let file = File::open(path)?;
    let written = file.metadata()?.modified().ok();
    let mut source = Source::open(file)?;
    source.written = written;
    of_source(source)
}

/// The error of an input without any stack.
fn empty(profile: &Profile) -> Unreadable {
    match profile.skipped.iter().next() {
        Some(first) => Unreadable::Content {
            what: format!("no stack can be read ({}): {}", profile.format, first.reason),
            place: first.first,
        },
        None => Unreadable::of(format!("no stack is in it ({})", profile.format)),
    }
}
