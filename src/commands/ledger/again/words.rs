//! How an entry was measured, as words of `whyslow measure`: what the entry keeps, what was given, and what this machine
//! remembers of the last time.

use std::path::Path;

use ledger::shell::quoted;
use ledger::{Local, Side, Workload};

use super::UsageError;
use crate::commands::say;

/// Settings of a load that are options of `whyslow measure`; their values have units behind them.
const SETTINGS: [(&str, &str); 4] = [
    ("rate", "--rate"),
    ("duration", "--duration"),
    ("warm-up", "--warm-up"),
    ("connections", "--connections"),
];

/// How it was measured, in words.
pub(super) fn described(workload: &Workload) -> String {
    let settings = workload.settings.iter().map(|(name, value)| format!(" {name} {value}"));
    format!("{}: {}{}", workload.tool, workload.what, settings.collect::<String>())
}

/// The words that measure a side again; what is given comes last, so that it holds.
pub(super) fn of(side: &Side, given: &[String], root: &Path) -> Result<Vec<String>, UsageError> {
    let last = Local::load(root).measured_with;
    let mut given = given.to_vec();
    // What begins with no option is a command; `--` before it was taken for the end of our own options.
    if given.first().is_some_and(|word| !word.starts_with('-')) {
        given.insert(0, "--".to_owned());
    }
    let mut words = vec!["--runs".to_owned(), side.runs.len().to_string()];
    match side.workload.tool.as_str() {
        "whyslow" => {
            words.extend(load(&side.workload, &given, &last)?);
            words.extend(given);
        }
        "command" => {
            let command = if has(&given, "--") { Vec::new() } else { command(&side.workload, &last)? };
            words.extend(given);
            words.extend(command);
        }
        tool => {
            let text = format!(
                "it was measured by {tool}: make new runs by it, and see `whyslow ledger remeasure --open`"
            );
            return Err(UsageError(text));
        }
    }
    Ok(words)
}

/// Addresses and settings of a load, and how its server is started.
fn load(workload: &Workload, given: &[String], last: &[String]) -> Result<Vec<String>, UsageError> {
    let mut words = Vec::new();
    if !has(given, "--url") {
        if workload.what.contains('…') {
            return Err(missing(workload, "--url, as values of addresses are not kept"));
        }
        words.extend(workload.what.split(", ").flat_map(|url| ["--url".to_owned(), url.to_owned()]));
    }
    for (name, option) in SETTINGS {
        let value = workload.settings.get(name).map(|value| value.replace(' ', ""));
        words.extend(
            value
                .into_iter()
                .flat_map(|value| [option.to_owned(), value.strip_suffix("/s").unwrap_or(&value).to_owned()]),
        );
    }
    let is_started = workload.settings.get("server").is_some_and(|server| server.starts_with("started"));
    if is_started && !has(given, "--start") {
        let start = value(last, "--start").ok_or_else(|| missing(workload, "--start COMMAND"))?;
        say(format_args!("whyslow: as it was measured here the last time: --start {}", quoted(start)));
        words.extend(["--start".to_owned(), start.to_owned()]);
    }
    Ok(words)
}

/// The command of the last time, where it is that of the entry as far as that tells.
fn command(workload: &Workload, last: &[String]) -> Result<Vec<String>, UsageError> {
    let words = last.iter().position(|word| word == "--").map_or(&[][..], |place| &last[place..]);
    let program = workload.what.split(' ').next().unwrap_or_default();
    match words.get(1).is_some_and(|word| word == program) {
        true => {
            let shown: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            say(format_args!("whyslow: as it was measured here the last time: {}", shown.join(" ")));
            Ok(words.to_vec())
        }
        false => Err(missing(workload, "-- COMMAND")),
    }
}

fn missing(workload: &Workload, what: &str) -> UsageError {
    UsageError(format!("it was measured by {}: give {what}", described(workload)))
}

fn has(words: &[String], option: &str) -> bool {
    let own = words.iter().take_while(|word| *word != "--");
    let is_it = |word: &String| word.split('=').next() == Some(option);
    own.clone().any(is_it) || (option == "--" && words.iter().any(|word| word == "--"))
}

/// The value of an option among words.
fn value<'w>(words: &'w [String], option: &str) -> Option<&'w str> {
    let mut own = words.iter().take_while(|word| *word != "--");
    own.find_map(|word| match word.split_once('=') {
        Some((name, value)) if name == option => Some(Some(value)),
        _ => (word == option).then_some(None),
    })?
    .or_else(|| own.next().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(tool: &str, what: &str, settings: &[(&str, &str)]) -> Side {
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let workload = Workload { tool: tool.to_owned(), what: what.to_owned(), settings };
        Side { workload, runs: vec![measurement::Run::default(); 3], ..Side::default() }
    }

    fn split(text: &str) -> Vec<String> {
        text.split_terminator(' ').map(str::to_owned).collect()
    }

    /// In a project where `last` was measured the last time.
    fn words(side: &Side, given: &str, last: &str) -> Result<String, String> {
        let root = tempfile::tempdir().unwrap();
        Local { measured_with: split(last), ..Local::default() }.save(root.path()).unwrap();
        of(side, &split(given), root.path()).map(|words| words.join(" ")).map_err(|problem| problem.0)
    }

    #[test]
    fn a_load_is_that_of_the_entry() {
        let settings =
            [("rate", "50/s"), ("duration", "2.5 s"), ("warm-up", "0 s"), ("server", "runs already")];
        let side = side("whyslow", "GET http://localhost/a, POST http://localhost/b", &settings);
        let found = words(&side, "--runs 9", "");
        let expected = "--runs 3 --url GET http://localhost/a --url POST http://localhost/b --rate 50 --duration 2.5s \
            --warm-up 0s --runs 9";
        assert_eq!(found.as_deref(), Ok(expected));
    }

    #[test]
    fn what_is_not_kept_is_given_or_that_of_the_last_time() {
        let started = side("whyslow", "GET http://localhost/a", &[("server", "started for each run")]);
        assert!(words(&started, "", "").unwrap_err().ends_with("give --start COMMAND"));
        assert!(words(&started, "", "--start ./serve.sh").unwrap().ends_with(" --start ./serve.sh"));
        assert!(
            words(&started, "--start=./other.sh", "--start ./serve.sh")
                .unwrap()
                .ends_with(" --start=./other.sh")
        );
        let hidden = side("whyslow", "GET http://localhost/a?page=…", &[]);
        assert!(
            words(&hidden, "", "").is_err() && words(&hidden, "--url http://localhost/a?page=1", "").is_ok()
        );
        let command = side("command", "./load.sh …", &[]);
        assert!(words(&command, "", "-- ./build.sh 7").is_err());
        let found = words(&command, "--runs 9", "--runs 5 -- ./load.sh 7");
        assert_eq!(found.as_deref(), Ok("--runs 3 --runs 9 -- ./load.sh 7"));
        assert_eq!(
            words(&command, "-- ./load.sh 8", "-- ./load.sh 7").as_deref(),
            Ok("--runs 3 -- ./load.sh 8")
        );
        assert_eq!(
            words(&command, "./load.sh 8", "-- ./load.sh 7").as_deref(),
            Ok("--runs 3 -- ./load.sh 8")
        );
        assert!(words(&side("k6", "", &[]), "", "").is_err());
    }
}
