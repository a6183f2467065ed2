//! Whose line it is: entries whose change wrote a line, by git's blame.

use std::collections::{BTreeMap, BTreeSet};

use crate::{EntryNote, Git, GitProblem, Notes, Optimization, SideNote};

/// Entries that own lines, and commits that were asked about.
#[derive(Debug)]
pub struct Owners<'n> {
    git: &'n Git,
    entries: Vec<(&'n EntryNote, &'n Optimization<SideNote>)>,
    /// The entries of commits that were looked at.
    known: BTreeMap<String, Vec<&'n EntryNote>>,
}

/// A line, and the commit that wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blamed {
    /// The line that was asked about, from one.
    pub line: u64,
    /// The commit that wrote it; zeros where it is not committed.
    pub commit: String,
    /// The file as it was called then.
    pub path: String,
}

/// Entries that have to do with a line or a file.
#[derive(Debug, Default)]
pub struct Because<'n> {
    /// Their change wrote the line.
    pub own: Vec<&'n EntryNote>,
    /// Their change touched the file.
    pub near: Vec<&'n EntryNote>,
}

impl<'n> Owners<'n> {
    /// The owners of lines, by all entries of a ledger.
    pub fn of(git: &'n Git, notes: &'n Notes) -> Self {
        let entries = notes.entries.iter().filter_map(|entry| Some((entry, entry.optimization()?)));
        Self { git, entries: entries.collect(), known: BTreeMap::new() }
    }

    /// Entries of a line, or of a whole file.
    ///
    /// # Errors
    ///
    /// Git does not know the file, or it has no such line.
    pub fn why(&mut self, path: &str, line: Option<u64>) -> Result<Because<'n>, GitProblem> {
        let blamed = match line {
            Some(line) => blame(self.git, None, path, &[[line, line]])?,
            None => Vec::new(),
        };
        let mut own: Vec<&EntryNote> = Vec::new();
        for line in &blamed {
            own.extend(self.of_commit(&line.commit)?);
        }
        let names: BTreeSet<&str> = blamed.iter().map(|line| line.path.as_str()).chain([path]).collect();
        let touches = |of: &Optimization<SideNote>| names.iter().any(|name| of.change.touches(name));
        let is_own = |entry: &EntryNote| own.iter().any(|other| other.id == entry.id);
        let near = self.entries.iter().filter(|(entry, of)| touches(of) && !is_own(entry));
        let near = near.map(|(entry, _)| *entry).collect();
        Ok(Because { own, near })
    }

    /// Entries whose change a commit is, also after it was rebased, squashed or committed later.
    ///
    /// # Errors
    ///
    /// Git does not know the commit.
    pub fn of_commit(&mut self, commit: &str) -> Result<Vec<&'n EntryNote>, GitProblem> {
        if let Some(known) = self.known.get(commit) {
            return Ok(known.clone());
        }
        let named = self.entries.iter().filter(|(_, of)| of.change.has_commit(commit));
        let mut found: Vec<&EntryNote> = named.map(|(entry, _)| *entry).collect();
        let is_committed = commit.bytes().any(|digit| digit != b'0');
        if found.is_empty() && is_committed {
            let id = self.git.patch_id(&self.git.diff_of(commit)?)?;
            let alike = self.entries.iter().filter(|(_, of)| id.is_some() && of.change.patch_id == id);
            found = alike.map(|(entry, _)| *entry).collect();
        }
        self.known.insert(commit.to_owned(), found.clone());
        Ok(found)
    }
}

/// Who wrote lines of a file, in a commit or in the work tree.
///
/// # Errors
///
/// Git does not know the file, or it has no such line.
pub fn blame(
    git: &Git,
    commit: Option<&str>,
    path: &str,
    ranges: &[[u64; 2]],
) -> Result<Vec<Blamed>, GitProblem> {
    if ranges.is_empty() {
        return Ok(Vec::new());
    }
    let ranges: Vec<String> = ranges.iter().map(|[first, last]| format!("-L{first},{last}")).collect();
    let mut arguments = vec!["blame", "--porcelain"];
    arguments.extend(ranges.iter().map(String::as_str));
    arguments.extend(commit);
    arguments.extend(["--", path]);
    Ok(blamed(&String::from_utf8_lossy(&git.run(&arguments)?)))
}

/// Takes apart what `git blame --porcelain` writes: a head for each line, and once for each commit its facts.
fn blamed(text: &str) -> Vec<Blamed> {
    let mut paths: BTreeMap<String, String> = BTreeMap::new();
    let mut lines: Vec<Blamed> = Vec::new();
    for line in text.lines() {
        if line.starts_with('\t') {
            continue;
        }
        let mut words = line.split(' ');
        let first = words.next().unwrap_or_default();
        if first == "filename"
            && let Some(last) = lines.last()
        {
            paths.insert(last.commit.clone(), line["filename ".len()..].to_owned());
        }
        let is_head = first.len() >= 40 && first.bytes().all(|byte| byte.is_ascii_hexdigit());
        if let Some(number) = words.nth(1).and_then(|word| word.parse().ok()).filter(|_| is_head) {
            lines.push(Blamed { line: number, commit: first.to_owned(), path: String::new() });
        }
    }
    for line in &mut lines {
        line.path = paths.get(&line.commit).cloned().unwrap_or_default();
    }
    lines
}
