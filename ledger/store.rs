//! Entries as files of the project: `.whyslow/ledger/YYYY/MM/ID.json`. There is no index, so that branches merge.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::write::write_whole;
use crate::{Entry, EntryId, EntryNote, EntryProblem, What, Written, read, written};

/// Where entries are, from the project's root.
pub(crate) const PLACE: &str = ".whyslow/ledger";

/// A larger file is no entry.
const BYTES_MAX: usize = 1 << 28;

/// Room for an entry of usual size.
const ROOM: usize = 1 << 16;

/// The ledger of a project.
#[derive(Debug, Clone)]
pub struct Ledger {
    root: PathBuf,
}

/// The file of an entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryFile {
    /// Year and month of its folder: `2026/11`.
    pub month: String,
    /// The id that it is named by.
    pub id: EntryId,
    /// Where it is.
    pub path: PathBuf,
}

/// All entries of a ledger, oldest first, without what was measured.
#[derive(Debug, Default)]
pub struct Notes {
    /// Those that can be read.
    pub entries: Vec<EntryNote>,
    /// Files that cannot, and why.
    pub unread: Vec<(PathBuf, String)>,
}

/// Why the ledger cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerProblem {
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// An entry cannot be read or written.
    #[error("{0}: {1}")]
    Entry(String, EntryProblem),
    /// No entry has an id that begins so.
    #[error("no entry has an id that begins with {0}: whyslow ledger list  shows all")]
    None(String),
    /// Several do.
    #[error("several entries have an id that begins with {0}: {1}")]
    Several(String, String),
}

impl Ledger {
    /// The ledger of the project with this topmost folder.
    pub fn of(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The project's topmost folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The files of all entries, by month and id; none where there is no ledger.
    ///
    /// # Errors
    ///
    /// A folder cannot be read.
    pub fn files(&self) -> Result<Vec<EntryFile>, LedgerProblem> {
        let mut files = Vec::new();
        for (year, folder) in folders(&self.root.join(PLACE))? {
            for (month, folder) in folders(&folder)? {
                let month = format!("{year}/{month}");
                files.extend(entries(&folder, &month)?);
            }
        }
        files.sort();
        Ok(files)
    }

    /// All entries without what was measured, oldest first; what cannot be read is named, and costs that entry.
    ///
    /// # Errors
    ///
    /// A folder cannot be read.
    pub fn notes(&self) -> Result<Notes, LedgerProblem> {
        let mut notes = Notes::default();
        let mut room = Vec::new();
        for file in self.files()? {
            match file.read_in(&mut room) {
                Ok(entry) => notes.entries.push(entry),
                Err(problem) => notes.unread.push((file.path, problem.to_string())),
            }
        }
        notes.entries.sort_by(|one, other| (&one.created, &one.id).cmp(&(&other.created, &other.id)));
        Ok(notes)
    }

    /// The file of the entry whose id begins so.
    ///
    /// # Errors
    ///
    /// None has such an id, or several have.
    pub fn find(&self, begin: &str) -> Result<EntryFile, LedgerProblem> {
        let mut fitting: Vec<EntryFile> =
            self.files()?.into_iter().filter(|file| file.id.as_str().starts_with(begin)).collect();
        match fitting.len() {
            0 => Err(LedgerProblem::None(begin.to_owned())),
            1 => Ok(fitting.remove(0)),
            _ => {
                let ids: Vec<&str> = fitting.iter().take(5).map(|file| file.id.as_str()).collect();
                Err(LedgerProblem::Several(begin.to_owned(), ids.join(", ")))
            }
        }
    }

    /// Adds an entry: its file is there whole or not at all, whenever the process ends.
    ///
    /// # Errors
    ///
    /// An entry that cannot be written, or a file that cannot.
    pub fn add(&self, author: &str, created: &str, what: &What) -> Result<EntryFile, LedgerProblem> {
        let parents: Vec<EntryId> = self.notes()?.heads().into_iter().collect();
        let Written { id, bytes } = written(author, created, &parents, what)
            .map_err(|problem| LedgerProblem::Entry("the new entry".to_owned(), problem))?;
        let month = created.get(..7).unwrap_or("0000-00").replace('-', "/");
        let path = self.root.join(PLACE).join(&month).join(format!("{id}.json"));
        write_whole(&path, &bytes).map_err(|error| LedgerProblem::File(path.clone(), error))?;
        Ok(EntryFile { month, id, path })
    }
}

impl Notes {
    /// The newest entries: those that no other names as a parent.
    pub fn heads(&self) -> BTreeSet<EntryId> {
        let parents: BTreeSet<&EntryId> = self.entries.iter().flat_map(|entry| &entry.parents).collect();
        let ids = self.entries.iter().map(|entry| &entry.id);
        ids.filter(|id| !parents.contains(id)).cloned().collect()
    }

    /// The entry with an id.
    pub fn get(&self, id: &EntryId) -> Option<&EntryNote> {
        self.entries.iter().find(|entry| entry.id == *id)
    }

    /// What later entries say of each.
    pub fn about(&self) -> BTreeMap<&EntryId, Vec<&EntryNote>> {
        let mut about: BTreeMap<&EntryId, Vec<&EntryNote>> = BTreeMap::new();
        for entry in &self.entries {
            let superseded = entry.optimization().map_or(&[][..], |optimization| &optimization.supersedes);
            for id in entry.what.about().into_iter().chain(superseded) {
                about.entry(id).or_default().push(entry);
            }
        }
        about
    }
}

impl EntryFile {
    /// The bytes of the file, in room that other files were read into.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn bytes<'r>(&self, room: &'r mut Vec<u8>) -> Result<&'r [u8], LedgerProblem> {
        whole(&self.path, room).map_err(|error| LedgerProblem::File(self.path.clone(), error))
    }

    /// The entry.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no entry.
    pub fn read<S: DeserializeOwned>(&self) -> Result<Entry<S>, LedgerProblem> {
        self.read_in(&mut Vec::new())
    }

    fn read_in<S: DeserializeOwned>(&self, room: &mut Vec<u8>) -> Result<Entry<S>, LedgerProblem> {
        read(self.bytes(room)?).map_err(|problem| LedgerProblem::Entry(self.id.to_string(), problem))
    }

    /// Where something that is made of the entry is: its page, its picture.
    pub fn beside(&self, extension: &str) -> PathBuf {
        self.path.with_extension(extension)
    }

    /// Writes something beside the entry that was made of it.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn write_beside(&self, extension: &str, text: &str) -> Result<(), LedgerProblem> {
        let path = self.beside(extension);
        write_whole(&path, text.as_bytes()).map_err(|error| LedgerProblem::File(path, error))
    }
}

/// The bytes of a file in one reading.
fn whole<'r>(path: &Path, room: &'r mut Vec<u8>) -> io::Result<&'r [u8]> {
    let mut file = File::open(path)?;
    let mut length = 0;
    while length < BYTES_MAX {
        if length == room.len() {
            room.resize((2 * length).max(ROOM), 0);
        }
        match file.read(&mut room[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(&room[..length])
}

/// Folders that are named by a number.
fn folders(folder: &Path) -> Result<Vec<(String, PathBuf)>, LedgerProblem> {
    let named = listed(folder)?
        .into_iter()
        .filter(|(name, path)| name.bytes().all(|byte| byte.is_ascii_digit()) && path.is_dir());
    Ok(named.collect())
}

/// Entries of a folder; any other file is none.
fn entries(folder: &Path, month: &str) -> Result<Vec<EntryFile>, LedgerProblem> {
    let files = listed(folder)?.into_iter().filter_map(|(name, path)| {
        let id = name.strip_suffix(".json")?.parse().ok()?;
        Some(EntryFile { month: month.to_owned(), id, path })
    });
    Ok(files.collect())
}

fn listed(folder: &Path) -> Result<Vec<(String, PathBuf)>, LedgerProblem> {
    let problem = |error| LedgerProblem::File(folder.to_owned(), error);
    let files = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        files => files.map_err(problem)?,
    };
    let named = files.map(|file| {
        let file = file.map_err(problem)?;
        Ok((file.file_name().to_string_lossy().into_owned(), file.path()))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Statement, samples};

    #[test]
    fn each_entry_names_those_that_were_newest() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let ledger = Ledger::of(folder.path());
        assert_eq!(ledger.files()?, []);
        let first = ledger.add("Ada <a@b>", "2026-11-29T03:31:45Z", &samples::improved())?;
        assert!(first.path.ends_with(format!(".whyslow/ledger/2026/11/{}.json", first.id)));
        let withdrawal = Statement { of: first.id.clone(), reason: "another data set".to_owned() };
        let second = ledger.add("Ada <a@b>", "2026-12-01T00:00:00Z", &What::Withdrawal(withdrawal))?;
        let notes = ledger.notes()?;
        assert_eq!(notes.heads(), [second.id.clone()].into());
        assert_eq!(notes.entries[1].parents, std::slice::from_ref(&first.id));
        assert_eq!(notes.about()[&first.id].len(), 1);
        assert_eq!(ledger.find(&first.id.as_str()[..6])?, first);
        assert!(matches!(ledger.find(""), Err(LedgerProblem::Several(..))));
        assert!(matches!(ledger.find("0"), Err(LedgerProblem::None(_))));
        Ok(())
    }

    #[test]
    fn what_is_no_entry_is_passed_over_and_what_is_damaged_is_named() -> Result<(), Box<dyn std::error::Error>>
    {
        let folder = tempfile::tempdir()?;
        let ledger = Ledger::of(folder.path());
        let file = ledger.add("Ada <a@b>", "2026-11-29T03:31:45Z", &samples::improved())?;
        fs::write(file.path.with_file_name(".writing-x1"), "{")?;
        fs::write(file.path.with_file_name("note.json"), "{")?;
        fs::write(file.path.with_file_name("aaaaaaaaaaaaaaaa.json"), "{")?;
        let notes = ledger.notes()?;
        assert_eq!((notes.entries.len(), notes.unread.len()), (1, 1));
        Ok(())
    }

    const FOLDER: &str = "WHYSLOW_TEST_LEDGER";

    /// Writes entries until it is killed; executed by the test below in a process of its own.
    #[test]
    #[ignore = "ends only when it is killed"]
    fn writes_until_it_is_killed() {
        let Some(folder) = std::env::var_os(FOLDER) else { return };
        for number in 0u64.. {
            let created = crate::moment::moment(1_795_923_105 + number);
            Ledger::of(&folder).add("Ada <a@b>", &created, &samples::improved()).unwrap();
        }
    }

    #[test]
    fn killing_at_any_moment_leaves_no_half_entry() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let ledger = Ledger::of(folder.path());
        for round in 0..12u64 {
            let mut command = std::process::Command::new(std::env::current_exe()?);
            command.args(["--exact", "store::tests::writes_until_it_is_killed", "--ignored"]);
            let mut child = command.env(FOLDER, folder.path()).stdout(std::process::Stdio::null()).spawn()?;
            let known = ledger.files()?.len();
            while ledger.files()?.len() == known && child.try_wait()?.is_none() {}
            std::thread::sleep(std::time::Duration::from_micros(round * 1_700));
            child.kill()?;
            child.wait()?;
            for file in ledger.files()? {
                crate::check_id(file.bytes(&mut Vec::new())?, &file.id)?;
            }
        }
        assert!(ledger.files()?.len() >= 12);
        Ok(())
    }
}
