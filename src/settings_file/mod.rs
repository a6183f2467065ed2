//! `whyslow.toml`: goals, thresholds and accepted findings of a project. `docs/settings.md` is its page.

mod accept;
mod allow;
mod detector;
pub mod endpoint;
pub(crate) mod section;
pub mod target;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use detectors::settings::Settings;
use toml::de::DeTable;

use self::section::{Place, Section};

/// The file's name.
pub const NAME: &str = "whyslow.toml";

/// A longer file is refused.
pub const BYTES_MAX: u64 = 1 << 20;

/// Tables that a file may have.
const TABLES: &[&str] = &["target", "detector", "override", "accept", "allow"];

/// Why a settings file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It says something that has no meaning.
    #[error("{}:{line}:{column}: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, 1-based.
        line: usize,
        /// Column in characters, 1-based.
        column: usize,
        /// What is wrong and what would help.
        reason: String,
    },
}

/// A day of the calendar as whole days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

impl Day {
    /// The day of a date of the Gregorian calendar (the usual count with years that begin in March).
    pub fn of(year: u16, month: u8, day: u8) -> Self {
        let (month, day) = (i64::from(month), i64::from(day));
        let year = i64::from(year) - i64::from(month <= 2);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let of_era = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        Self(of_era + of_year - 719_468)
    }

    /// Today, at Greenwich.
    pub fn today() -> Self {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self(since_epoch.map_or(0, |time| (time.as_secs() / 86_400).cast_signed()))
    }
}

/// The settings that hold in a folder: those of `config`, else of the nearest file above `folder`,
/// else none.
///
/// # Errors
///
/// When the file cannot be read or says something that has no meaning.
pub fn load(config: Option<&Path>, folder: &Path, today: Day) -> Result<Settings, Error> {
    let Some(path) = config.map(Path::to_path_buf).or_else(|| find(folder)) else {
        return Ok(Settings::default());
    };
    let text = read(&path).map_err(|source| Error::Unreadable { path: path.clone(), source })?;
    parse(&text, &path, today)
}

/// The file of this folder or of the nearest one above it.
fn find(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().map(|above| above.join(NAME)).find(|path| path.is_file())
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let length = File::open(path)?.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    match length as u64 > BYTES_MAX {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 1 MiB is no settings file")),
        false => Ok(text),
    }
}

/// Reads the text of a settings file; `path` is for messages.
///
/// # Errors
///
/// At the first thing that has no meaning, with its place.
pub fn parse(text: &str, path: &Path, today: Day) -> Result<Settings, Error> {
    let place = Place { text, path };
    let root = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        place.error(span.start, error.message().replace('\n', "; "))
    })?;
    let root = Section::root(place, root.get_ref());
    root.check_names(TABLES)?;
    let mut settings = Settings::default();
    for section in root.list("target")? {
        settings.targets.extend(target::read(&section)?);
    }
    settings.overrides = detector::read(&root)?;
    for section in root.list("accept")? {
        settings.accepted.push(accept::read(&section, today)?);
    }
    for section in root.list("allow")? {
        settings.allowed.push(allow::read(&section, today)?);
    }
    Ok(settings)
}

/// What may stand in the place of an unknown name: the nearest one, else all.
pub fn expected(name: &str, known: &[&str]) -> String {
    let distance = |other: &&&str| strsim::damerau_levenshtein(name, other);
    match known.iter().min_by_key(distance) {
        Some(nearest) if distance(&nearest) <= 1 + name.chars().count() / 4 => {
            format!("did you mean `{nearest}`?")
        }
        _ => format!("expected one of {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!(Day::of(1970, 1, 1), Day(0));
        assert_eq!(Day::of(1969, 12, 31), Day(-1));
        assert_eq!(Day::of(2000, 2, 29), Day(11_016));
        assert_eq!(Day::of(2026, 11, 25), Day(20_782));
    }

    #[test]
    fn the_nearest_file_above_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(folder.path().join(NAME), "").unwrap();
        assert_eq!(find(&below), Some(folder.path().join(NAME)));
        std::fs::write(folder.path().join("a").join(NAME), "").unwrap();
        assert_eq!(find(&below), Some(folder.path().join("a").join(NAME)));
    }
}
