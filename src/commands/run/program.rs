//! What a command line runs: the program behind launchers, its language, a name for the service.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A runtime that OpenTelemetry reaches in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    Node,
    Java,
    Go,
    Ruby,
    Php,
    Dotnet,
    /// A program in a container, which has its own loopback address.
    Container,
}

/// Programs whose name tells the language, without a version (`python3.13`).
const PROGRAMS: [(Language, &[&str]); 8] = [
    (
        Language::Python,
        &[
            "python",
            "uvicorn",
            "gunicorn",
            "hypercorn",
            "daphne",
            "granian",
            "flask",
            "fastapi",
            "django-admin",
            "celery",
            "pytest",
            "waitress-serve",
            "uwsgi",
            "tox",
            "nox",
        ],
    ),
    (
        Language::Node,
        &[
            "node", "nodejs", "npm", "npx", "yarn", "pnpm", "tsx", "ts-node", "nodemon", "next", "nest",
            "jest", "vitest", "mocha", "pm2",
        ],
    ),
    (Language::Java, &["java", "mvn", "mvnw", "gradle", "gradlew", "sbt", "kotlin"]),
    (Language::Go, &["go"]),
    (Language::Ruby, &["ruby", "rails", "rake", "puma", "rspec", "bundle", "rackup"]),
    (Language::Php, &["php", "artisan", "symfony", "composer"]),
    (Language::Dotnet, &["dotnet"]),
    (Language::Container, &["docker", "docker-compose", "podman", "nerdctl", "kubectl"]),
];

const SCRIPTS: [(&str, Language); 8] = [
    ("py", Language::Python),
    ("js", Language::Node),
    ("mjs", Language::Node),
    ("cjs", Language::Node),
    ("ts", Language::Node),
    ("jar", Language::Java),
    ("rb", Language::Ruby),
    ("php", Language::Php),
];

/// Programs that start the one that counts, with the words between them and it.
const LAUNCHERS: [&[&str]; 15] = [
    &["env"],
    &["exec"],
    &["time"],
    &["nice"],
    &["nohup"],
    &["setsid"],
    &["sudo"],
    &["uv", "run"],
    &["poetry", "run"],
    &["pipenv", "run"],
    &["pdm", "run"],
    &["hatch", "run"],
    &["rye", "run"],
    &["bundle", "exec"],
    &["dumb-init"],
];

/// Bytes at the start of a program that tell what it is.
const HEAD_BYTES: u64 = 64 << 10;

/// The program that a command line runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    /// Its place in the command line.
    pub(super) position: usize,
    /// Its file name, without folder and version.
    pub(super) name: String,
    /// Where it is, if it was found.
    pub(super) path: Option<PathBuf>,
    /// Its language, if it can be told.
    pub(super) language: Option<Language>,
}

impl Program {
    /// Looks at a command line, and at the file of its program.
    pub(super) fn of(command: &[OsString]) -> Option<Self> {
        let position = position_of_program(command);
        let word = command.get(position)?;
        let name = plain_name(word);
        let path = find(word);
        let language = language_of_name(&name)
            .or_else(|| language_of_shell_words(&name, &command[position + 1..]))
            .or_else(|| language_of_file(path.as_deref()?));
        Some(Self { position, name, path, language })
    }

    /// A name for the service, when the command line is one program that has one. Launchers of
    /// several programs give none: it would make one service of all.
    pub(super) fn service_name(&self, command: &[OsString], folder: &Path) -> Option<OsString> {
        let arguments = &command[self.position + 1..];
        let own = match self.name.as_str() {
            "python" | "node" | "ruby" | "php" | "tsx" | "ts-node" => script_name(arguments),
            "java" | "dotnet" => arguments.iter().find_map(|word| archive_name(word)),
            "uvicorn" | "gunicorn" | "hypercorn" | "granian" | "daphne" => {
                arguments.iter().find_map(|word| module_name(word))
            }
            "flask" | "fastapi" | "rails" | "puma" => Some(String::new()),
            _ if self.is_own_file(command) => Some(stem(command[self.position].as_ref())),
            _ => None,
        }?;
        match GENERIC_NAMES.contains(&own.as_str()) {
            true => folder.file_name().map(OsStr::to_os_string),
            false => Some(own.into()),
        }
    }

    /// Whether it is a program given by its path that a known language built.
    fn is_own_file(&self, command: &[OsString]) -> bool {
        let by_path = command[self.position].to_string_lossy().contains('/');
        by_path && !matches!(self.language, None | Some(Language::Container))
    }
}

/// Names that say nothing about what a service is for.
const GENERIC_NAMES: [&str; 18] = [
    "", "app", "main", "index", "server", "manage", "wsgi", "asgi", "run", "start", "api", "web", "www",
    "cli", "src", "dist", "build", "test",
];

fn position_of_program(command: &[OsString]) -> usize {
    let mut position = 0;
    while let Some(words) = LAUNCHERS.iter().find(|words| {
        let after = &command[position.min(command.len())..];
        after.len() > words.len() && words.iter().zip(after).all(|(word, given)| given == word)
    }) {
        position += words.len();
        let assignments =
            command[position..].iter().take_while(|word| word.to_string_lossy().contains('=')).count();
        position = (position + assignments).min(command.len() - 1);
    }
    position
}

/// The file name without a version: `/usr/bin/python3.13` is `python`.
fn plain_name(word: &OsStr) -> String {
    let name = Path::new(word).file_name().unwrap_or(word);
    let name = name.to_string_lossy();
    let plain = name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    if plain.is_empty() { &name } else { plain }.to_owned()
}

fn language_of_name(name: &str) -> Option<Language> {
    let extension = Path::new(name).extension().and_then(OsStr::to_str);
    PROGRAMS.iter().find(|(_, names)| names.contains(&name)).map(|(language, _)| *language).or_else(|| {
        SCRIPTS.iter().find(|(ending, _)| extension == Some(ending)).map(|(_, language)| *language)
    })
}

/// The first known program in `sh -c '...'`.
fn language_of_shell_words(shell: &str, arguments: &[OsString]) -> Option<Language> {
    let [flag, text, ..] = arguments else {
        return None;
    };
    let is_shell = matches!(shell, "sh" | "bash" | "dash" | "zsh");
    let is_text = flag.to_string_lossy().starts_with('-') && flag.to_string_lossy().contains('c');
    if !is_shell || !is_text {
        return None;
    }
    text.to_string_lossy().split_whitespace().find_map(|word| language_of_name(&plain_name(OsStr::new(word))))
}

/// From `#!` or from the note that the Go linker leaves.
fn language_of_file(path: &Path) -> Option<Language> {
    let head = head_of(path)?;
    if let Some(interpreter) = interpreter(&head) {
        return interpreter.iter().find_map(|word| language_of_name(&plain_name(word)));
    }
    // An ELF note of type 4 with the owner "Go" holds the build id.
    let is_go = head.windows(8).any(|bytes| bytes == b"\x04\0\0\0Go\0\0");
    (head.starts_with(b"\x7fELF") && is_go).then_some(Language::Go)
}

/// The first bytes of a regular file.
fn head_of(path: &Path) -> Option<Vec<u8>> {
    if !path.is_file() {
        return None;
    }
    let mut head = Vec::new();
    let file = File::open(path).ok()?;
    file.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    Some(head)
}

/// The words of a script's first line.
fn interpreter(head: &[u8]) -> Option<Vec<OsString>> {
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let words = String::from_utf8_lossy(line);
    Some(words.split_whitespace().map(OsString::from).collect())
}

/// The interpreter that a script names, found.
pub(super) fn interpreter_of(path: &Path) -> Option<PathBuf> {
    let words = interpreter(&head_of(path)?)?;
    let by_env = words.first()?.to_string_lossy().ends_with("/env");
    find(words.get(usize::from(by_env))?)
}

/// Where a program is: as given when it has a folder, else through `PATH`.
fn find(word: &OsStr) -> Option<PathBuf> {
    if Path::new(word).components().count() > 1 {
        return Some(PathBuf::from(word)).filter(|path| path.is_file());
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(word)).find(|path| path.is_file())
}

/// `app.py` after the options of an interpreter, or the module after `-m`.
fn script_name(arguments: &[OsString]) -> Option<String> {
    let mut words = arguments.iter();
    loop {
        let word = words.next()?;
        let text = word.to_string_lossy();
        match text.as_ref() {
            "-m" => return module_name(words.next()?),
            "-c" | "-e" | "--eval" | "-p" => return None,
            "-r" | "--require" | "--import" | "--loader" | "-W" | "-X" => {
                words.next()?;
            }
            _ if text.starts_with('-') => {}
            _ => return Some(stem(word.as_ref())),
        }
    }
}

/// `shop` of `shop.main:application`.
fn module_name(word: &OsStr) -> Option<String> {
    let text = word.to_string_lossy();
    let module = text.split(':').next()?;
    let named = !module.is_empty() && !module.starts_with('-') && !module.contains('/');
    let package = module.split('.').next()?;
    (named && (text.contains(':') || !package.starts_with(|first: char| first.is_ascii_digit())))
        .then(|| package.to_owned())
}

fn archive_name(word: &OsStr) -> Option<String> {
    let path = Path::new(word);
    let extension = path.extension()?;
    (extension == "jar" || extension == "dll").then(|| stem(path))
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn program(line: &str) -> Program {
        Program::of(&words(line)).unwrap()
    }

    #[test]
    fn languages_are_told_by_the_program_behind_launchers() {
        for (line, language) in [
            ("python3.11 app.py", Some(Language::Python)),
            ("/opt/venv/bin/gunicorn shop:app", Some(Language::Python)),
            ("env A=1 B=2 node index.js", Some(Language::Node)),
            ("uv run --no-sync pytest", None),
            ("uv run pytest -q", Some(Language::Python)),
            ("bundle exec rspec", Some(Language::Ruby)),
            ("./manage.py runserver", Some(Language::Python)),
            ("./gradlew test", Some(Language::Java)),
            ("docker compose up", Some(Language::Container)),
            ("sh -c npm", Some(Language::Node)),
            ("env", None),
            ("env A=1", None),
            ("make test", None),
        ] {
            assert_eq!(program(line).language, language, "{line}");
        }
    }

    #[test]
    fn services_are_named_for_what_is_run() {
        for (line, name) in [
            ("python -X dev orders.py --port 1", Some("orders")),
            ("python -m billing.worker", Some("billing")),
            ("python app.py", Some("folder")),
            ("python -c 1", None),
            ("uvicorn --reload shop.main:app", Some("shop")),
            ("gunicorn -w 4 shop.wsgi:application", Some("shop")),
            ("node --require ./trace.js dist/checkout.js", Some("checkout")),
            ("java -jar target/stock-1.2.jar", Some("stock-1.2")),
            ("flask run", Some("folder")),
            ("npm test", None),
            ("make test", None),
            ("docker compose up", None),
        ] {
            let found = program(line).service_name(&words(line), Path::new("/some/folder"));
            assert_eq!(found, name.map(OsString::from), "{line}");
        }
    }
}
