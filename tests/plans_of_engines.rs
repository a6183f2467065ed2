//! Plans in all forms of all engines: what says the same is read as the same, and damage never ends a reader.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

#[path = "plans/outline.rs"]
mod outline;
#[path = "plans/unmeasured.rs"]
mod unmeasured;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use detectors::evidence::plan::{Engine, Key, Plan};
use outline::outline;
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

/// The one plan of a file.
fn one(path: &Path) -> Plan {
    let found = all(path);
    let [Found { plan, .. }] = &found[..] else { panic!("{}: {} plans", path.display(), found.len()) };
    plan.clone()
}

#[test]
fn the_forms_of_mariadb_agree() {
    let keys =
        [Key::AccessType, Key::IndexName, Key::PossibleKeys, Key::KeyLength, Key::Ref, Key::PlanExaminedRows];
    for files in by_statement("mariadb-10.11").values() {
        let first = outline(&one(&files[0]), &keys);
        for other in files {
            assert_eq!(outline(&one(other), &keys), first, "{} and {}", other.display(), files[0].display());
            assert_eq!(one(other).engine, Engine::MariaDb);
        }
    }
}

/// Times of nodes are inclusive: none is longer than what it is part of, and together they are the execution's.
#[test]
fn times_of_mariadb_add_up() {
    for files in by_statement("mariadb-10.11").values() {
        let is_timed = |path: &&PathBuf| path.to_str().unwrap().contains("analyze_format_json");
        for plan in files.iter().filter(is_timed).map(|path| one(path)) {
            let Some(whole) = plan.facts.ns(Key::ExecutionTime) else { continue };
            let root = plan.nodes[0].inclusive_ns().unwrap();
            assert!(root.abs_diff(whole) <= whole / 500, "{root} of {whole}");
            for (number, node) in plan.nodes.iter().enumerate() {
                let below = plan.nodes.iter().filter(|one| one.parent == Some(number as u32));
                let below: u64 = below.filter_map(|one| one.inclusive_ns()).sum();
                assert!(below <= node.inclusive_ns().unwrap_or(below) + 1_000);
            }
        }
    }
}

#[test]
fn what_mariadb_measured_is_of_one_loop() {
    let join = one(&fixtures().join("mariadb-10.11/join.analyze_format_json.vertical.txt"));
    let lookup = &join.nodes[2];
    assert_eq!((lookup.loops(), lookup.facts.count(Key::PagesAccessed)), (6_666, 79_857));
    assert_eq!(lookup.rows().unwrap().round(), 3_311.0);
    assert_eq!(join.nodes[0].rows().unwrap().round(), 3_311.0);
    assert_eq!(join.nodes[1].facts.number(Key::RowsRemovedByFilter), Some(13_334.0));
    let buffered = one(&fixtures().join("mariadb-10.11/joinbuffer.analyze_format_json.vertical.txt"));
    assert_eq!(buffered.nodes[0].facts.number(Key::ActualRows), Some(1_999.0));
    assert_eq!(buffered.nodes[0].facts.number(Key::RowsRemovedByJoinFilter), Some(39_978_001.0));
}

#[test]
fn the_forms_of_mysql_agree() {
    let keys = [Key::AccessType, Key::IndexName, Key::PlanRows, Key::PlanExaminedRows];
    let files = &by_statement("mysql-documented")["country"];
    assert_eq!(files.len(), 4);
    for file in files {
        assert_eq!(outline(&one(file), &keys), outline(&one(&files[0]), &keys), "{}", file.display());
        assert_eq!(one(file).engine, Engine::MySql);
    }
}

#[test]
fn trees_of_the_manual_of_mysql_are_read() {
    let found = all(&fixtures().join("mysql-documented/analyze.tree.txt"));
    let [hashed, filtered, ranged] = &found[..] else { panic!("{found:?}") };
    let names: Vec<&str> = hashed.plan.nodes.iter().map(|node| node.node_type.name()).collect();
    assert_eq!(names, ["Hash Join", "Seq Scan", "Hash", "Seq Scan"]);
    assert_eq!(hashed.plan.execution_ns(), Some(35_000));
    let scan = &filtered.plan.nodes[0];
    assert_eq!(scan.facts.number(Key::RowsRemovedByFilter), Some(9.0));
    assert_eq!(
        (scan.facts.number(Key::PlanRows), scan.facts.number(Key::PlanExaminedRows)),
        (Some(5.0), Some(15.0))
    );
    assert_eq!(ranged.plan.nodes[0].facts.text(Key::IndexName), Some("PRIMARY"));
}

#[test]
fn the_forms_of_sqlite_agree() {
    for files in by_statement("sqlite-3.40").values() {
        assert_eq!(files.len(), 2);
        assert_eq!(one(&files[0]), one(&files[1]), "{}", files[0].display());
        assert_eq!(one(&files[0]).engine, Engine::Sqlite);
    }
}

/// What is lost, doubled or overwritten is read or refused, and never ends the program.
#[test]
fn no_damage_ends_a_reader() {
    let folders = ["postgresql-10", "postgresql-18", "mariadb-10.11", "mysql-documented", "sqlite-3.40"];
    let files = folders.iter().flat_map(|folder| by_statement(folder).into_values().flatten());
    for file in files {
        let text = std::fs::read(file).unwrap();
        for damaged in damaged(&text) {
            let _ = plans::read(&damaged);
        }
    }
}

fn damaged(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let places = (0..text.len()).step_by(1 + text.len() / 3);
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
