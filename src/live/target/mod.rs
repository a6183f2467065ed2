//! Where a server is, who asks, and how: out of an address, variables and files, as `libpq` reads them.

mod address;
mod files;
mod keywords;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use self::keywords::Parameters;
use super::problem::Problem;
use super::tls::{Tls, TlsMode};

/// A connection must stand within this time, unless `connect_timeout` says otherwise.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Folders where servers on this machine have their sockets.
const SOCKETS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// A server and a database.
pub struct Target {
    /// Names, addresses or folders of sockets, tried in this order.
    pub(super) hosts: Vec<Host>,
    /// Who asks.
    pub(super) user: String,
    /// What is asked.
    pub(super) database: String,
    /// The password; it is shown nowhere.
    pub(super) password: Option<String>,
    /// Whether and how the connection is encrypted.
    pub(super) tls: Tls,
    /// `options` of the address.
    pub(super) options: Option<String>,
    /// How long connecting may take.
    pub(super) connect_timeout: Duration,
}

/// One way to reach the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// A name, an address, or a folder with a socket.
    pub(super) name: String,
    /// Where to connect to, if that is not what the name says (`hostaddr`).
    pub(super) address: Option<std::net::IpAddr>,
    /// Its port.
    pub(super) port: u16,
}

impl Host {
    /// Whether it is the folder of a socket.
    pub(super) fn is_socket(&self) -> bool {
        self.name.starts_with('/')
    }
}

impl Target {
    /// Reads an address: `postgres://user@host/database?sslmode=require`, `host=… dbname=…`, or the name of a database;
    /// what it leaves open is taken from the service file, `PG*` variables and the password file.
    ///
    /// # Errors
    ///
    /// Where a word of it is not known or makes no sense, or a file that is named cannot be used.
    pub fn of(address: &str) -> Result<Self, Problem> {
        Self::with(address, &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn with(address: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, Problem> {
        let mut known = Parameters::of(address::parameters(address)?)?;
        files::add_service(&mut known, environment)?;
        known.add_environment(environment);
        let user = known.take("user").or_else(|| environment("USER")).ok_or_else(no_user)?;
        let database = known.take("dbname").unwrap_or_else(|| user.clone());
        let hosts = hosts(&mut known)?;
        let password = match known.take("password") {
            Some(password) => Some(password),
            None => files::password(&mut known, environment, &hosts, &database, &user)?,
        };
        Ok(Self {
            tls: tls(&mut known, environment)?,
            options: known.take("options"),
            connect_timeout: connect_timeout(&mut known)?,
            hosts,
            user,
            database,
            password,
        })
    }

    /// The database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Host and database, as `--build-on` names them.
    pub fn names(&self) -> Vec<String> {
        self.hosts.iter().map(|host| format!("{}/{}", host.name, self.database)).collect()
    }
}

impl fmt::Display for Target {
    /// `shop on db.example:5432 as reader`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} on ", self.database)?;
        for (place, host) in self.hosts.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            write!(out, "{comma}{}:{}", host.name, host.port)?;
        }
        write!(out, " as {}", self.user)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Target({self})")
    }
}

fn no_user() -> Problem {
    Problem::Misused(
        "no user: name one in the address (postgres://USER@HOST/DATABASE) or by PGUSER".to_owned(),
    )
}

/// All hosts with their ports; without any, the socket of this machine.
fn hosts(known: &mut Parameters) -> Result<Vec<Host>, Problem> {
    let list = |text: Option<String>| -> Vec<String> {
        text.map(|text| text.split(',').map(|word| word.trim().to_owned()).collect()).unwrap_or_default()
    };
    let (names, addresses) = (list(known.take("host")), list(known.take("hostaddr")));
    let ports = list(known.take("port"));
    let count = names.len().max(addresses.len()).max(1);
    if ports.len() > 1 && ports.len() != count {
        return Err(Problem::Misused(format!(
            "{count} hosts and {} ports: give one port, or one for each",
            ports.len()
        )));
    }
    let host = |place: usize| {
        let address = match addresses.get(place).filter(|text| !text.is_empty()) {
            Some(text) => Some(text.parse().map_err(|_| {
                Problem::Misused("hostaddr: expected an address such as 10.0.0.1".to_owned())
            })?),
            None => None,
        };
        let name = names.get(place).filter(|name| !name.is_empty()).cloned();
        let name = name.or_else(|| address.map(|address: std::net::IpAddr| address.to_string()));
        let port = ports.get(place).or(ports.first()).filter(|port| !port.is_empty());
        Ok(Host { name: name.unwrap_or_else(own_socket), address, port: port_of(port)? })
    };
    (0..count).map(host).collect()
}

fn port_of(text: Option<&String>) -> Result<u16, Problem> {
    let Some(text) = text else { return Ok(5432) };
    text.parse().map_err(|_| Problem::Misused("port: expected a number up to 65535".to_owned()))
}

fn own_socket() -> String {
    let folder = SOCKETS.iter().find(|folder| PathBuf::from(folder).is_dir());
    folder.copied().unwrap_or("localhost").to_owned()
}

fn tls(known: &mut Parameters, environment: &dyn Fn(&str) -> Option<String>) -> Result<Tls, Problem> {
    let given = known.take("sslrootcert");
    let system = given.as_deref() == Some("system");
    let usual =
        |name: &str| files::home(environment, &format!(".postgresql/{name}")).filter(|path| path.exists());
    let root = given.filter(|_| !system).map(PathBuf::from).or_else(|| usual("root.crt").filter(|_| !system));
    let mode = match known.take("sslmode") {
        Some(word) => TlsMode::of(&word)?,
        None if system => TlsMode::VerifyFull,
        None => TlsMode::Prefer,
    };
    let certificate = known.take("sslcert").map(PathBuf::from).or_else(|| usual("postgresql.crt"));
    let key = known.take("sslkey").map(PathBuf::from).or_else(|| usual("postgresql.key"));
    Ok(Tls { mode, root, certificate, key })
}

fn connect_timeout(known: &mut Parameters) -> Result<Duration, Problem> {
    let Some(text) = known.take("connect_timeout") else { return Ok(CONNECT_MAX) };
    match text.parse::<u32>() {
        Ok(0) => Ok(CONNECT_MAX),
        Ok(seconds) => Ok(Duration::from_secs(seconds.into())),
        Err(_) => Err(Problem::Misused("connect_timeout: expected seconds".to_owned())),
    }
}

#[cfg(test)]
mod tests;
