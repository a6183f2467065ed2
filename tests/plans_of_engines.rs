//! Plans in all forms of all engines: what says the same is read as the same, and damage never ends a reader.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

#[path = "plans/unmeasured.rs"]
mod unmeasured;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use detectors::evidence::plan::Plan;
use unmeasured::unmeasured;
use whyslow::ingest::plans::{self, Found};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/plans")
}

fn all(path: &Path) -> Vec<Found> {
    let text = std::fs::read(path).unwrap();
    plans::read(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Files of a folder by what is before the first point of their names.
fn by_statement(folder: &str) -> BTreeMap<String, Vec<PathBuf>> {
    let mut files: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for file in fixtures().join(folder).read_dir().unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        files.entry(name.split('.').next().unwrap().to_owned()).or_default().push(path);
    }
    files
}

#[test]
fn the_forms_of_postgresql_agree() {
    for folder in ["postgresql-10", "postgresql-18"] {
        for (statement, files) in by_statement(folder) {
            let read = |path: &PathBuf| -> Vec<Plan> {
                all(path).iter().map(|found| unmeasured(&found.plan)).collect()
            };
            let forms: Vec<&str> = files.iter().flat_map(|path| all(path)).map(|found| found.form).collect();
            for form in ["postgresql-json", "postgresql-yaml", "postgresql-xml"] {
                assert!(forms.contains(&form), "{folder}: {statement} is not there in {form}");
            }
            let first = read(&files[0]);
            assert_eq!(first.len(), 1);
            for other in &files[1..] {
                assert_eq!(read(other), first, "{} and {}", other.display(), files[0].display());
            }
        }
    }
}

/// What is lost, doubled or overwritten in any file is read or refused, and never ends the program.
#[test]
fn no_damage_ends_a_reader() {
    let folders = fixtures().read_dir().unwrap().map(|folder| folder.unwrap().path());
    let files = folders.filter(|path| path.is_dir()).flat_map(|path| path.read_dir().unwrap());
    for file in files {
        let text = std::fs::read(file.unwrap().path()).unwrap();
        for damaged in damaged(&text) {
            let _ = plans::read(&damaged);
        }
    }
}

fn damaged(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let places = (0..text.len()).step_by(1 + text.len() / 29);
    places.flat_map(move |at| {
        let hole = at..(at + 1 + at % 23).min(text.len());
        let without = [&text[..hole.start], &text[hole.end..]].concat();
        let doubled = [&text[..hole.end], &text[hole.start..]].concat();
        let overwritten = b"\"{<:-\xff".iter().map(move |byte| {
            let mut overwritten = text.to_vec();
            overwritten[hole.clone()].fill(*byte);
            overwritten
        });
        [text[..at].to_vec(), text[at..].to_vec(), without, doubled].into_iter().chain(overwritten)
    })
}
