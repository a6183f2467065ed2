//! `--anonymize`: copies of query logs in a folder, without values.

use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use crate::ingest::IngestError;
use crate::ingest::copies::{Key, Kind, Original, originals};

/// Lists the copies of a folder, so that they can be written again and nothing else is.
const LIST: &str = ".whyslow-anonymized";

/// Why there are no copies.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for makes no sense.
    #[error("--anonymize: {0}")]
    Refused(String),
    /// An input cannot be opened.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A copy cannot be made.
    #[error("cannot write an anonymized copy of {name} to {}: {source}", to.display())]
    Copy {
        /// The log.
        name: String,
        /// The copy.
        to: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The folder cannot be written to.
    #[error("cannot write to {}: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// What was copied.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Logs.
    pub files: u64,
    /// Lines or records that were not recognised and are blank in the copies.
    pub left_out: u64,
    /// Files that are none of any known format.
    pub unknown: u64,
}

/// A log and its copy, relative to the folder.
struct Planned {
    original: Original,
    to: PathBuf,
}

/// Writes a copy of each query log among the files of these paths into a folder.
///
/// # Errors
///
/// Before anything is written: when an input is standard input or no query log, when a file would be overwritten that
/// is no copy, or two logs would have one name. When something cannot be read or written.
pub fn write(paths: &[PathBuf], folder: &Path) -> Result<Copied, Error> {
    let (planned, unknown) = plan(paths, folder)?;
    let cannot = |source| Error::Folder { folder: folder.to_path_buf(), source };
    fs::create_dir_all(folder).map_err(cannot)?;
    let known = listed(folder);
    refuse_foreign(&planned, folder, &known)?;
    let names = planned.iter().map(|copy| copy.to.clone());
    let mut names: Vec<PathBuf> = known.into_iter().chain(names).collect();
    names.sort();
    names.dedup();
    list(folder, &names).map_err(cannot)?;
    let key = Key::default();
    let mut copied = Copied { unknown, ..Copied::default() };
    for Planned { original, to } in &planned {
        let to = folder.join(to);
        let left_out = copy(original, &key, &to);
        let failed = |source| Error::Copy { name: original.name.to_string(), to: to.clone(), source };
        copied.left_out += left_out.map_err(failed)?;
        copied.files += 1;
    }
    Ok(copied)
}

/// What is to be copied, and how many files are in no known format.
fn plan(paths: &[PathBuf], folder: &Path) -> Result<(Vec<Planned>, u64), Error> {
    let mut planned: Vec<Planned> = Vec::new();
    let mut taken: HashMap<PathBuf, PathBuf> = HashMap::new();
    let mut unknown = 0;
    for path in paths {
        if path.as_os_str() == "-" {
            return Err(Error::Refused("standard input can be read once only; name files".to_owned()));
        }
        refuse_folder_within(path, folder)?;
        for original in originals(path)? {
            let name = original.name.to_string();
            match original.kind() {
                Kind::QueryLog => {}
                Kind::Unknown(_) if !original.named => {
                    unknown += 1;
                    continue;
                }
                Kind::Other(format) => {
                    return Err(Error::Refused(format!("{name} is no query log, but {format}")));
                }
                Kind::Unknown(problem) => {
                    return Err(Error::Refused(format!("{name} is no query log: {problem}")));
                }
            }
            let to = relative(path, &original);
            let real = fs::canonicalize(&original.path).unwrap_or_else(|_| original.path.clone());
            match taken.get(&to) {
                Some(other) if *other == real => continue,
                Some(other) => {
                    let (to, other) = (to.display(), other.display());
                    return Err(Error::Refused(format!(
                        "{name} and {other} would both be {to}: name their folder"
                    )));
                }
                None => drop(taken.insert(to.clone(), real)),
            }
            planned.push(Planned { original, to });
        }
    }
    Ok((planned, unknown))
}

/// Copies within an input would be read as logs the next time.
fn refuse_folder_within(path: &Path, folder: &Path) -> Result<(), Error> {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let known = folder.ancestors().find_map(real).or_else(|| real(Path::new(".")));
    match (path.is_dir(), real(path), known) {
        (true, Some(input), Some(folder_or_above)) if folder_or_above.starts_with(&input) => {
            let (folder, path) = (folder.display(), path.display());
            Err(Error::Refused(format!(
                "{folder} is within {path}, which is read: choose a folder elsewhere"
            )))
        }
        _ => Ok(()),
    }
}

/// The name of a copy: that within the folder that was named, without what tells of compression.
fn relative(path: &Path, original: &Original) -> PathBuf {
    let below = original.path.strip_prefix(path).ok().filter(|below| below.file_name().is_some());
    let file = || original.path.file_name().map(PathBuf::from);
    let name = below.map(Path::to_path_buf).or_else(file).unwrap_or_else(|| PathBuf::from("log"));
    let name: PathBuf = name.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    match name.extension().and_then(|extension| extension.to_str()) {
        Some("gz" | "zst" | "zstd") => name.with_extension(""),
        _ => name,
    }
}

fn refuse_foreign(planned: &[Planned], folder: &Path, known: &[PathBuf]) -> Result<(), Error> {
    let foreign = planned
        .iter()
        .find(|copy| !known.contains(&copy.to) && folder.join(&copy.to).symlink_metadata().is_ok());
    match foreign {
        Some(copy) => {
            let to = folder.join(&copy.to);
            Err(Error::Refused(format!(
                "{} is there already and no copy: choose another folder",
                to.display()
            )))
        }
        None => Ok(()),
    }
}

/// The copies that a folder has.
fn listed(folder: &Path) -> Vec<PathBuf> {
    let list = fs::read_to_string(folder.join(LIST)).unwrap_or_default();
    list.lines().map(PathBuf::from).collect()
}

fn list(folder: &Path, names: &[PathBuf]) -> io::Result<()> {
    let lines: Vec<String> = names.iter().map(|name| format!("{}\n", name.display())).collect();
    fs::write(folder.join(LIST), lines.concat())
}

/// Writes a copy, whole or not at all.
fn copy(original: &Original, key: &Key, to: &Path) -> io::Result<u64> {
    let folder = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new();
    let file = file.prefix(".whyslow-").permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
    let mut writer = BufWriter::new(file);
    let left_out = original.copy(key, &mut writer)?;
    writer.flush()?;
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.persist(to).map_err(|refused| refused.error)?;
    Ok(left_out)
}
