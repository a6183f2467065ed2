//! The baseline of `whyslow ci`: which statements a request may send, one to a line. `docs/ci.md` explains it.
//!
//! Lines are sorted by place and shape, so that branches which change different statements merge.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use detectors::queries::{Baseline, Place, PlaceKind, Statement, StatementKind};
use toml::de::DeTable;

use crate::settings_file::section::{Place as Text, Section};
use crate::settings_file::{Error, expected};

/// Where it lies, in the project's folder.
pub const NAME: &str = ".whyslow/queries.toml";

/// The version of the file's form.
const VERSION: u64 = 1;

/// What makes the shape ids: those of another normalizer say nothing about these.
const NORMALIZER: &str = "q1";

/// A longer file is refused.
const BYTES_MAX: u64 = 64 << 20;

/// What stands above all.
const HEAD: &str = "\
# Statements that one request may send, at most; `whyslow ci check` compares with it.
# Written by `whyslow ci accept`.
";

/// A baseline as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaselineFile {
    /// The service whose places are written without its name.
    pub service: Option<String>,
    /// What is accepted.
    pub baseline: Baseline,
}

/// The file of a folder or of the nearest one above it; where there is none, that of the folder itself.
pub fn find(folder: &Path) -> PathBuf {
    let above = folder.ancestors().map(|above| above.join(NAME)).find(|path| path.is_file());
    above.unwrap_or_else(|| folder.join(NAME))
}

/// Reads a file; `None` if there is none.
///
/// # Errors
///
/// When it cannot be read or says something that has no meaning.
pub fn load(path: &Path) -> Result<Option<BaselineFile>, Error> {
    match read(path) {
        Ok(text) => parse(&text, path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Unreadable { path: path.to_path_buf(), source }),
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let length = File::open(path)?.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    match length as u64 > BYTES_MAX {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 64 MiB is no baseline")),
        false => Ok(text),
    }
}

/// Reads the text of a file; `path` is for messages.
///
/// # Errors
///
/// At the first thing that has no meaning, with its place.
pub fn parse(text: &str, path: &Path) -> Result<BaselineFile, Error> {
    let place = Text { text, path };
    let root = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        place.error(span.start, error.message().replace('\n', "; "))
    })?;
    let root = Section::root(place, root.get_ref());
    check_version(&root)?;
    root.check_names(&["version", "normalizer", "service", "endpoint", "test", "services"])?;
    let service = root.text("service", "shop")?;
    let mut baseline = Baseline::new();
    read_places(&root, service.as_deref(), &mut baseline)?;
    if let Some(services) = root.table("services")? {
        for table in services.tables() {
            let (service, section) = table?;
            section.check_names(&["endpoint", "test"])?;
            read_places(&section, Some(service), &mut baseline)?;
        }
    }
    Ok(BaselineFile { service, baseline })
}

fn check_version(root: &Section<'_>) -> Result<(), Error> {
    match root.number("version")? {
        Some(VERSION) => {}
        Some(other) => {
            return Err(root.error_at(
                "version",
                format!("this program reads version {VERSION} of the baseline, and this is {other}"),
            ));
        }
        None => return Err(root.error("no baseline: `version` is missing; `whyslow ci accept` writes one")),
    }
    match root.text("normalizer", NORMALIZER)? {
        Some(known) if known == NORMALIZER => Ok(()),
        _ => Err(root.error_at(
            "normalizer",
            format!("its shapes are not of normalizer {NORMALIZER} and cannot be compared: record it again with `whyslow ci accept`, after removing it"),
        )),
    }
}

fn read_places(section: &Section<'_>, service: Option<&str>, baseline: &mut Baseline) -> Result<(), Error> {
    for (key, kind) in KINDS {
        let Some(places) = section.table(key)? else { continue };
        let Some(service) = service else {
            return Err(section.error_at(key, "whose are these? `service` is missing at the beginning"));
        };
        for table in places.tables() {
            let (name, statements) = table?;
            let place = Place { service: service.to_owned(), kind, name: name.to_owned() };
            let known = baseline.entry(place).or_default();
            for statement in statements.tables() {
                let (shape, fields) = statement?;
                known.insert(shape.to_owned(), read_statement(&fields)?);
            }
        }
    }
    Ok(())
}

/// Tables of a service, each with what its places are.
const KINDS: [(&str, PlaceKind); 2] = [("endpoint", PlaceKind::Endpoint), ("test", PlaceKind::Test)];

fn read_statement(fields: &Section<'_>) -> Result<Statement, Error> {
    fields.check_names(&["count", "min", "max", "trips", "kind", "text"])?;
    let (min, max) = match (fields.number("count")?, fields.number("min")?, fields.number("max")?) {
        (Some(count), None, None) => (count, count),
        (None, Some(min), Some(max)) if min <= max => (min, max),
        _ => return Err(fields.error("a statement needs `count`, or `min` and `max`")),
    };
    let name = fields.text("kind", "select")?.unwrap_or_else(|| "other".to_owned());
    let kind = StatementKind::parse(&name).ok_or_else(|| {
        let known = ["select", "insert", "update", "delete", "other"];
        fields.error_at("kind", format!("unknown kind `{name}`; {}", expected(&name, &known)))
    })?;
    let trips = fields.number("trips")?.unwrap_or(max);
    Ok(Statement { kind, min, max, trips, text: fields.text("text", "SELECT ?")?.unwrap_or_default() })
}

impl BaselineFile {
    /// Gives the places of the only service no name, where nothing is decided yet.
    pub fn name_service(&mut self) {
        let mut services = self.baseline.keys().map(|place| &place.service);
        if self.service.is_none()
            && let Some(first) = services.next()
            && services.all(|other| other == first)
        {
            self.service = Some(first.clone());
        }
    }

    /// The file's text; the same for the same content.
    pub fn text(&self) -> String {
        let mut text = format!("{HEAD}version = {VERSION}\nnormalizer = {}\n", quoted(NORMALIZER));
        if let Some(service) = &self.service {
            text.push_str(&format!("service = {}\n", quoted(service)));
        }
        let is_own = |place: &Place| Some(&place.service) == self.service.as_ref();
        let own = self.baseline.iter().filter(|(place, _)| is_own(place));
        let others = self.baseline.iter().filter(|(place, _)| !is_own(place));
        for (place, statements) in own.chain(others) {
            let service = match is_own(place) {
                true => String::new(),
                false => format!("services.{}.", quoted(&place.service)),
            };
            let kind = KINDS.iter().find(|(_, kind)| *kind == place.kind).map_or("endpoint", |(key, _)| key);
            // Writing to a text cannot fail.
            let _ = writeln!(text, "\n[{service}{kind}.{}]", quoted(&place.name));
            for (shape, statement) in statements {
                let _ = writeln!(text, "{} = {}", quoted(shape), fields(statement));
            }
        }
        text
    }
}

fn fields(statement: &Statement) -> String {
    let Statement { kind, min, max, trips, text } = statement;
    let count = match min == max {
        true => format!("count = {max}"),
        false => format!("min = {min}, max = {max}"),
    };
    let trips = if trips == max { String::new() } else { format!(", trips = {trips}") };
    format!("{{ {count}{trips}, kind = {}, text = {} }}", quoted(kind.name()), quoted(text))
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(service: &str, kind: PlaceKind, name: &str) -> Place {
        Place { service: service.to_owned(), kind, name: name.to_owned() }
    }

    fn file() -> BaselineFile {
        let statement = |min, max, trips, text: &str| Statement {
            kind: StatementKind::Select,
            min,
            max,
            trips,
            text: text.to_owned(),
        };
        let odd = statement(1, 1, 1, "SELECT \"a\\b\" FROM \u{7}größe\n");
        let baseline = [
            (
                place("shop", PlaceKind::Endpoint, "GET /orders"),
                vec![("q1:b", statement(0, 20, 1, "SELECT 1"))],
            ),
            (place("shop", PlaceKind::Endpoint, "a: \"b\" ]"), vec![("q1:a", odd)]),
            (place("shop", PlaceKind::Test, "tests/a.py::b[1]"), vec![]),
            (
                place("pay: \"x\"", PlaceKind::Endpoint, "POST /charge"),
                vec![("q1:a", statement(2, 2, 2, ""))],
            ),
        ];
        let baseline = baseline.into_iter().map(|(place, statements)| {
            let statements = statements.into_iter().filter(|(_, statement)| !statement.text.is_empty());
            (place, statements.map(|(shape, statement)| (shape.to_owned(), statement)).collect())
        });
        BaselineFile { service: Some("shop".to_owned()), baseline: baseline.collect() }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut file = file();
        assert_eq!(parse(&file.text(), Path::new("")).unwrap(), file);
        file.service = None;
        assert_eq!(parse(&file.text(), Path::new("")).unwrap(), file);
        file.name_service();
        assert_eq!(file.service, None, "there are two");
        let empty = BaselineFile::default();
        assert_eq!(parse(&empty.text(), Path::new("")).unwrap(), empty);
    }

    #[test]
    fn the_form() {
        let mut file = file();
        file.baseline.retain(|place, _| place.kind == PlaceKind::Test || place.name == "GET /orders");
        expect_test::expect![[r#"
            # Statements that one request may send, at most; `whyslow ci check` compares with it.
            # Written by `whyslow ci accept`.
            version = 1
            normalizer = "q1"
            service = "shop"

            [endpoint."GET /orders"]
            "q1:b" = { min = 0, max = 20, trips = 1, kind = "select", text = "SELECT 1" }

            [test."tests/a.py::b[1]"]
        "#]]
        .assert_eq(&file.text());
    }

    #[test]
    fn what_has_no_meaning_is_refused_with_its_place() {
        let head = "version = 1\nnormalizer = \"q1\"\nservice = \"shop\"\n";
        for (text, expected) in [
            ("", "b:1:1: no baseline: `version` is missing; `whyslow ci accept` writes one"),
            ("version = 2", "b:1:11: this program reads version 1 of the baseline, and this is 2"),
            (
                "version = 1\nnormalizer = \"q2\"",
                "b:2:14: its shapes are not of normalizer q1 and cannot be compared: record it again with `whyslow ci accept`, after removing it",
            ),
            (
                "version = 1\nnormalizer = \"q1\"\n[endpoint.\"GET /\"]",
                "b:3:2: whose are these? `service` is missing at the beginning",
            ),
            (
                &format!("{head}[endpoint.a]\n\"q1:a\" = {{ min = 2, max = 1 }}"),
                "b:5:10: a statement needs `count`, or `min` and `max`",
            ),
            (&format!("{head}[endpoint.a]\n\"q1:a\" = 7"), "b:5:10: `q1:a` must be a table, such as [q1:a]"),
            (
                &format!("{head}[endpoint.a]\n\"q1:a\" = {{ count = 1, kind = \"selct\" }}"),
                "b:5:30: unknown kind `selct`; did you mean `select`?",
            ),
        ] {
            assert_eq!(parse(text, Path::new("b")).unwrap_err().to_string(), expected);
        }
    }
}
