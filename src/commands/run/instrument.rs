//! Makes a command load OpenTelemetry where what it takes is installed already.
//!
//! Nothing is installed and no file is touched: Python is started through the launcher beside its
//! interpreter, Node is told to load the package that the project has, Java gets an agent that
//! lies in the working directory.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::program::{Language, Program, interpreter_of};

/// A change to the command that makes it load OpenTelemetry.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Instrumentation {
    /// A word to put into the command line, and the place.
    pub(super) inserted: Option<(usize, OsString)>,
    /// A variable for the child.
    pub(super) variable: Option<(&'static str, OsString)>,
    /// What was done or left undone, and why.
    pub(super) notice: String,
}

/// What can be done for a command; `None` when there is nothing to do or it is done already.
pub(super) fn find(
    command: &[OsString],
    program: &Program,
    folder: &Path,
    current: impl Fn(&str) -> Option<OsString>,
) -> Option<Instrumentation> {
    let is_done = command
        .iter()
        .chain(&current("NODE_OPTIONS"))
        .chain(&current("JAVA_TOOL_OPTIONS"))
        .any(|word| word.to_string_lossy().contains("opentelemetry"));
    if is_done {
        return None;
    }
    match program.language? {
        Language::Python => python(command, program, folder),
        Language::Node => node(command, folder, current("NODE_OPTIONS")),
        Language::Java => java(program, folder),
        _ => None,
    }
}

const PYTHON_LAUNCHER: &str = "opentelemetry-instrument";

fn python(command: &[OsString], program: &Program, folder: &Path) -> Option<Instrumentation> {
    let runs_installer = command.windows(2).any(|pair| pair[0] == "-m" && pair[1] == "pip");
    if runs_installer {
        return None;
    }
    let launcher = python_folders(command, program, folder)
        .into_iter()
        .map(|folder| folder.join(PYTHON_LAUNCHER))
        .find(|launcher| is_python_script(launcher))?;
    Some(Instrumentation {
        notice: format!("Python is started through {}", launcher.display()),
        inserted: Some((program.position, launcher.into_os_string())),
        variable: None,
    })
}

/// Where the launcher of the program's interpreter can be, without that of another interpreter.
fn python_folders(command: &[OsString], program: &Program, folder: &Path) -> Vec<PathBuf> {
    let beside = |path: &Path| path.parent().map(Path::to_path_buf);
    // Behind `uv run` and its like the project's own environment counts.
    if command[..program.position].iter().any(|word| word == "run") {
        return vec![folder.join(".venv/bin")];
    }
    let Some(path) = &program.path else {
        return Vec::new();
    };
    let interpreter = match program.name.as_str() {
        "python" => Some(path.clone()),
        _ => interpreter_of(path),
    };
    let Some(interpreter) = interpreter else {
        return Vec::new();
    };
    let scripts = is_shim(&interpreter).then(|| scripts_folder(&interpreter)).flatten();
    [beside(path), beside(&interpreter), scripts].into_iter().flatten().collect()
}

/// Shims (pyenv, asdf) are scripts that choose the interpreter when they run.
fn is_shim(interpreter: &Path) -> bool {
    interpreter.parent().and_then(Path::file_name) == Some(OsStr::new("shims"))
}

fn scripts_folder(interpreter: &Path) -> Option<PathBuf> {
    let program = "import sysconfig; print(sysconfig.get_path('scripts'))";
    let output = Command::new(interpreter).args(["-c", program]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(text.trim_end()))
}

/// A launcher of shims is no Python script: it fails where the chosen interpreter has none.
fn is_python_script(launcher: &Path) -> bool {
    interpreter_of(launcher)
        .and_then(|path| path.file_name().map(|name| name.to_string_lossy().starts_with("python")))
        .unwrap_or(false)
}

/// The file to load, in new and in older versions of the package.
const NODE_REGISTER: [&str; 2] = [
    "@opentelemetry/auto-instrumentations-node/dist/register.cjs",
    "@opentelemetry/auto-instrumentations-node/build/src/register.js",
];
const NODE_MODULE_HOOK: &str = "@opentelemetry/instrumentation/hook.mjs";

/// Packages of those who start OpenTelemetry in their own code; two at once see things twice.
const NODE_OWN_SET_UP: [&str; 3] =
    ["@opentelemetry/sdk-node", "@opentelemetry/sdk-trace-node", "@opentelemetry/sdk-trace-base"];

fn node(command: &[OsString], folder: &Path, options: Option<OsString>) -> Option<Instrumentation> {
    let register = NODE_REGISTER.iter().find_map(|file| find_package_file(folder, file))?;
    let manifest = folder
        .ancestors()
        .find_map(|folder| fs::read_to_string(folder.join("package.json")).ok())
        .unwrap_or_default();
    let own = NODE_OWN_SET_UP.iter().find(|package| manifest.contains(&format!("\"{package}\"")));
    if let Some(package) = own {
        let notice =
            format!("Node is started as given: {package} in package.json starts OpenTelemetry itself");
        return Some(Instrumentation { notice, ..Instrumentation::default() });
    }
    let mut value = options.unwrap_or_default();
    add_option(&mut value, "--require", &register.display().to_string());
    if has_modules(command, &manifest) {
        let hook = find_package_file(folder, NODE_MODULE_HOOK)?;
        add_option(&mut value, "--import", &registration(&hook));
    }
    Some(Instrumentation {
        notice: format!("Node loads {}", register.display()),
        inserted: None,
        variable: Some(("NODE_OPTIONS", value)),
    })
}

/// Looks where Node looks: in `node_modules` of the folder and of all above.
fn find_package_file(folder: &Path, file: &str) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join("node_modules").join(file)).find(|path| path.is_file())
}

/// `NODE_OPTIONS` is split at spaces outside double quotes; a backslash keeps the next letter.
fn add_option(value: &mut OsString, name: &str, argument: &str) {
    if !value.is_empty() {
        value.push(" ");
    }
    let quoted = argument.replace('\\', "\\\\").replace('"', "\\\"");
    value.push(format!("{name} \"{quoted}\""));
}

/// Whether the program is written in ECMAScript modules, which `--require` alone does not reach.
fn has_modules(command: &[OsString], manifest: &str) -> bool {
    let manifest = serde_json::from_str::<serde_json::Value>(manifest).unwrap_or_default();
    manifest["type"] == "module"
        || command.iter().any(|word| Path::new(word).extension() == Some(OsStr::new("mjs")))
}

/// A module given as its own address that registers a hook for the loading of modules.
fn registration(hook: &Path) -> String {
    let mut address = String::new();
    for byte in hook.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'@' => {
                address.push(char::from(*byte));
            }
            // Escaped twice: the module's own address is decoded before it is read.
            _ => address.push_str(&format!("%25{byte:02X}")),
        }
    }
    format!("data:text/javascript,import{{register}}from'node:module';register('file://{address}')")
}

const JAVA_AGENT: &str = "opentelemetry-javaagent.jar";

fn java(program: &Program, folder: &Path) -> Option<Instrumentation> {
    let agent = folder.join(JAVA_AGENT);
    // Build tools start other machines, and would be traced themselves.
    if program.name != "java" || !agent.is_file() {
        return None;
    }
    let mut option = OsString::from("-javaagent:");
    option.push(&agent);
    Some(Instrumentation {
        notice: format!("Java loads {}", agent.display()),
        inserted: Some((program.position + 1, option)),
        variable: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn in_folder(line: &str, folder: &Path) -> Option<Instrumentation> {
        let command = words(line);
        let program = Program::of(&command)?;
        super::find(&command, &program, folder, |_| None)
    }

    fn place(folder: &Path, file: &str, text: &str) {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A folder with a Python environment whose interpreter is a script of the shell.
    fn environment() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let interpreter = folder.path().join(".venv/bin/python");
        place(folder.path(), ".venv/bin/python", "#!/bin/sh\n");
        for script in ["opentelemetry-instrument", "uvicorn"] {
            let text = format!("#!{}\n", interpreter.display());
            place(folder.path(), &format!(".venv/bin/{script}"), &text);
        }
        folder
    }

    #[test]
    fn python_programs_are_started_through_the_launcher_beside_them() {
        let folder = environment();
        let bin = folder.path().join(".venv/bin");
        let launcher = bin.join("opentelemetry-instrument").into_os_string();
        for (line, position) in [
            (format!("{}/python app.py", bin.display()), 0),
            (format!("{}/uvicorn shop:app", bin.display()), 0),
            (format!("env A=1 {}/uvicorn shop:app", bin.display()), 2),
            ("uv run uvicorn shop:app".to_owned(), 2),
        ] {
            let found = in_folder(&line, folder.path()).unwrap();
            assert_eq!(found.inserted, Some((position, launcher.clone())), "{line}");
        }
    }

    #[test]
    fn python_programs_stay_as_given_without_it_or_with_it() {
        let folder = environment();
        let bin = folder.path().join(".venv/bin");
        for line in [
            format!("{0}/opentelemetry-instrument {0}/python app.py", bin.display()),
            format!("{}/python -m pip list", bin.display()),
        ] {
            assert_eq!(in_folder(&line, folder.path()), None, "{line}");
        }
        fs::remove_file(bin.join("opentelemetry-instrument")).unwrap();
        let line = format!("{}/python app.py", bin.display());
        assert_eq!(in_folder(&line, folder.path()), None);
    }

    #[test]
    fn node_loads_the_package_of_the_project() {
        for file in NODE_REGISTER {
            let folder = tempfile::tempdir().unwrap();
            let register = format!("node_modules/{file}");
            place(folder.path(), &register, "");
            place(folder.path(), "package.json", r#"{"type":"commonjs"}"#);
            place(folder.path(), "part/keep", "");
            let found = in_folder("node app.js", &folder.path().join("part")).unwrap();
            let path = folder.path().join(&register);
            let expected = format!("--require \"{}\"", path.display());
            assert_eq!(found.variable, Some(("NODE_OPTIONS", expected.into())));
        }
    }

    #[test]
    fn node_modules_get_a_hook() {
        let folder = tempfile::tempdir().unwrap();
        place(folder.path(), &format!("node_modules/{}", NODE_REGISTER[0]), "");
        place(folder.path(), &format!("node_modules/{NODE_MODULE_HOOK}"), "");
        place(folder.path(), "package.json", r#"{"type":"module"}"#);
        let found = in_folder("npm start", folder.path()).unwrap();
        let (_, value) = found.variable.unwrap();
        assert!(value.to_string_lossy().contains("--import \"data:text/javascript,import"));
    }

    #[test]
    fn node_programs_that_start_it_themselves_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        place(folder.path(), &format!("node_modules/{}", NODE_REGISTER[0]), "");
        let manifest = r#"{"dependencies":{"@opentelemetry/sdk-node":"1"}}"#;
        place(folder.path(), "package.json", manifest);
        let found = in_folder("node app.js", folder.path()).unwrap();
        assert_eq!((found.inserted, found.variable), (None, None));
        assert!(found.notice.contains("sdk-node"));
        assert_eq!(in_folder("node -r ./opentelemetry.js app.js", folder.path()), None);
    }

    #[test]
    fn java_gets_the_agent_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(in_folder("java -jar shop.jar", folder.path()), None);
        place(folder.path(), JAVA_AGENT, "");
        let (position, option) = in_folder("java -jar shop.jar", folder.path()).unwrap().inserted.unwrap();
        assert_eq!(position, 1);
        assert!(option.to_string_lossy().starts_with("-javaagent:/"));
        assert_eq!(in_folder("mvn test", folder.path()), None);
    }
}
