//! The password file and the service file.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::keywords::Parameters;
use super::{Host, Problem};

/// Bytes of such a file that are read.
const FILE_MAX: u64 = 1 << 20;

/// A file below the home folder.
pub(super) fn home(environment: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<PathBuf> {
    Some(PathBuf::from(environment("HOME")?).join(name))
}

/// Adds what the service that is named says.
pub(super) fn add_service(
    known: &mut Parameters,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<(), Problem> {
    let named = known.take("servicefile").or_else(|| environment("PGSERVICEFILE"));
    let Some(service) = known.take("service").or_else(|| environment("PGSERVICE")) else { return Ok(()) };
    let own = named.map(PathBuf::from).or_else(|| home(environment, ".pg_service.conf"));
    let shared = environment("PGSYSCONFDIR").map(|folder| PathBuf::from(folder).join("pg_service.conf"));
    for path in own.into_iter().chain(shared) {
        let Some(text) = content(&path)? else { continue };
        if let Some(pairs) = section(&text, &service) {
            return known.add(pairs);
        }
    }
    Err(Problem::Misused(format!(
        "service {service}: no service file has [{service}] (~/.pg_service.conf, PGSERVICEFILE, PGSYSCONFDIR)"
    )))
}

/// Keywords and values of one service.
fn section(text: &str, service: &str) -> Option<Vec<(String, String)>> {
    let heading = format!("[{service}]");
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != heading);
    lines.next()?;
    let own = lines.take_while(|line| !line.starts_with('['));
    let pairs = own.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    Some(pairs.map(|(keyword, value)| (keyword.trim().to_owned(), value.trim().to_owned())).collect())
}

/// The password that the password file has for this connection.
pub(super) fn password(
    known: &mut Parameters,
    environment: &dyn Fn(&str) -> Option<String>,
    hosts: &[Host],
    database: &str,
    user: &str,
) -> Result<Option<String>, Problem> {
    let Some(path) = known.take("passfile").map(PathBuf::from).or_else(|| home(environment, ".pgpass"))
    else {
        return Ok(None);
    };
    let Some(text) = content(&path)? else { return Ok(None) };
    let found = hosts.iter().find_map(|host| of_host(&text, host, database, user));
    match found.is_some() && is_open_to_others(&path) {
        true => Err(Problem::Misused(format!(
            "the password file {0} can be read by others and is not used: chmod 600 {0}",
            path.display()
        ))),
        false => Ok(found),
    }
}

/// The first line that fits: `host:port:database:user:password`, where `*` fits anything.
fn of_host(text: &str, host: &Host, database: &str, user: &str) -> Option<String> {
    let name = if host.is_socket() { "localhost" } else { &host.name };
    let port = host.port.to_string();
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = fields(line);
        let [own_host, own_port, own_database, own_user, password] = &fields[..] else { return None };
        let fits = |own: &str, wanted: &str| own == "*" || own == wanted;
        let is_host = fits(own_host, name) || fits(own_host, &host.name);
        let is_it = is_host && fits(own_port, &port) && fits(own_database, database) && fits(own_user, user);
        is_it.then(|| password.clone())
    })
}

/// Fields between colons; a backslash takes the meaning from a colon or a backslash. The password is the rest.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        let is_end = letter == ':' && fields.len() < 5;
        let letter = if letter == '\\' { letters.next().unwrap_or('\\') } else { letter };
        match fields.last_mut() {
            Some(last) if !is_end => last.push(letter),
            _ => fields.push(String::new()),
        }
    }
    fields
}

fn is_open_to_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|known| known.is_file() && known.permissions().mode() & 0o077 != 0)
}

/// What a file holds; `None` where there is no such file.
fn content(path: &Path) -> Result<Option<String>, Problem> {
    let mut text = String::new();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(problem) => return Err(Problem::Misused(format!("cannot read {}: {problem}", path.display()))),
    };
    match file.take(FILE_MAX).read_to_string(&mut text) {
        Ok(_) => Ok(Some(text)),
        Err(problem) => Err(Problem::Misused(format!("cannot read {}: {problem}", path.display()))),
    }
}
