//! Addresses: URLs, keywords and values, or the name of a database.

use super::Problem;

/// Keywords and values of an address.
///
/// # Errors
///
/// Where it is no address. No part of it is in the error but keywords, as any other may be a password.
pub(super) fn parameters(address: &str) -> Result<Vec<(String, String)>, Problem> {
    let address = address.trim();
    for scheme in ["postgresql://", "postgres://"] {
        if let Some(rest) = address.strip_prefix(scheme) {
            return url(rest);
        }
    }
    if address.contains("://") {
        return Err(misused("expected postgres://USER@HOST/DATABASE"));
    }
    if !address.contains('=') {
        return Ok(vec![("dbname".to_owned(), address.to_owned())]);
    }
    words(address)
}

/// The part behind the scheme: `user:password@host:port,host/database?keyword=value`.
fn url(rest: &str) -> Result<Vec<(String, String)>, Problem> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (names, ports) = hosts_and_ports(hosts)?;
    let mut pairs = vec![
        ("user".to_owned(), decoded(user)?),
        ("password".to_owned(), decoded(password)?),
        ("host".to_owned(), names),
        ("port".to_owned(), ports),
        ("dbname".to_owned(), decoded(path)?),
    ];
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some((keyword, value)) = pair.split_once('=') else {
            return Err(misused("behind ? it has KEYWORD=VALUE, joined by &"));
        };
        pairs.push(match (keyword, value) {
            // As JDBC writes it.
            ("ssl", "true") => ("sslmode".to_owned(), "require".to_owned()),
            _ => (decoded(keyword)?, decoded(value)?),
        });
    }
    // A keyword of the query stands above the parts, unless it is empty.
    Ok(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect())
}

/// Names and ports of hosts, each joined by commas; ports are empty where no host has one.
fn hosts_and_ports(hosts: &str) -> Result<(String, String), Problem> {
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, port)) => (name, port.strip_prefix(':').unwrap_or(port)),
            None => host.split_once(':').unwrap_or((host, "")),
        };
        names.push(decoded(name)?);
        ports.push(port);
    }
    match ports.iter().all(|port| port.is_empty()) {
        true => Ok((names.join(","), String::new())),
        false => Ok((names.join(","), ports.join(","))),
    }
}

/// Text with its `%` escapes taken away.
fn decoded(text: &str) -> Result<String, Problem> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => escaped(rest.next(), rest.next())
                .ok_or_else(|| misused("behind % it has no two hexadecimal digits; a % itself is %25"))?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| misused("it is not UTF-8"))
}

fn escaped(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok().filter(|byte| *byte != 0)
}

/// `keyword = value` pairs; values may be in single quotes, with backslashes before what is meant as it is.
fn words(text: &str) -> Result<Vec<(String, String)>, Problem> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((keyword, behind)) = rest.split_once('=') else {
            return Err(misused("expected KEYWORD=VALUE; values with spaces are in single quotes"));
        };
        let (value, behind) = value(behind.trim_start())?;
        pairs.push((keyword.trim().to_owned(), value));
        rest = behind.trim_start();
    }
    Ok(pairs)
}

/// A value and what is behind it.
fn value(text: &str) -> Result<(String, &str), Problem> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut letters = text.char_indices().skip(usize::from(quoted));
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            '\'' if quoted => return Ok((value, &text[at + 1..])),
            letter if !quoted && letter.is_whitespace() => return Ok((value, &text[at..])),
            letter => value.push(letter),
        }
    }
    match quoted {
        true => Err(misused("a quote is not closed")),
        false => Ok((value, "")),
    }
}

fn misused(text: &str) -> Problem {
    Problem::Misused(format!("the address of the database: {text}"))
}
