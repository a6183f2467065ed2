//! Why a server could not be asked, in words that say what would help. No password is ever in them.

use std::error::Error as _;
use std::io;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::target::Target;

/// Characters of a server's message that are told.
const TOLD_MAX: usize = 400;

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// What was given makes no sense, or is refused: nothing was asked.
    #[error("{0}")]
    Misused(String),
    /// The server could not be asked, or said no.
    #[error("{0}")]
    Failed(String),
    /// The server refused a statement: its message, and the code of the error.
    #[error("{message}")]
    Refused {
        /// What it says.
        message: String,
        /// `42P01`.
        code: String,
    },
    /// Someone pressed Ctrl-C, or ended the program by this signal: what ran on the server was cancelled.
    #[error("interrupted: what ran on the server was cancelled and rolled back")]
    Interrupted(u8),
}

impl Problem {
    /// Whether the server refused with this code.
    pub(super) fn has_code(&self, wanted: &SqlState) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted.code())
    }
}

/// Why no session came about.
pub(super) fn of_connecting(error: &Error, target: &Target) -> Problem {
    Problem::Failed(format!("cannot connect to {target}: {}", reason(error, target)))
}

/// Why a statement gave nothing.
pub(super) fn of_asking(error: &Error) -> Problem {
    match error.as_db_error() {
        Some(refusal) => Problem::Refused { message: told(refusal), code: refusal.code().code().to_owned() },
        None if error.is_closed() => Problem::Failed("the server has closed the connection".to_owned()),
        None => Problem::Failed(causes(error)),
    }
}

fn reason(error: &Error, target: &Target) -> String {
    if let Some(refusal) = error.as_db_error() {
        if refusal.message().contains("startup parameter") {
            return "there is a pooler of connections that takes no settings; give the address of the server itself"
                .to_owned();
        }
        return match help(refusal.code(), target) {
            Some(help) => format!("{}; {help}", cut(refusal.message())),
            None => told(refusal),
        };
    }
    let text = causes(error);
    match advice(error, &text) {
        Some(advice) => format!("{text}; {advice}"),
        None => text,
    }
}

/// What helps where the server says no.
fn help(code: &SqlState, target: &Target) -> Option<String> {
    Some(match *code {
        SqlState::INVALID_PASSWORD => format!(
            "give the password of {} by PGPASSWORD or in ~/.pgpass (chmod 600)",
            target.user
        ),
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "pg_hba.conf on the server says who may connect from where, and whether with TLS (sslmode=require)"
                .to_owned()
        }
        SqlState::INVALID_CATALOG_NAME => {
            "psql --list shows the databases; name one by the address or PGDATABASE".to_owned()
        }
        SqlState::TOO_MANY_CONNECTIONS => {
            "all connections are in use: a superuser has reserved ones, and pg_stat_activity shows who holds them"
                .to_owned()
        }
        SqlState::CANNOT_CONNECT_NOW => "try again when it has started".to_owned(),
        _ => return None,
    })
}

/// What helps where the server did not answer in its protocol.
fn advice(error: &Error, text: &str) -> Option<&'static str> {
    let kind = io_kind(error);
    if text.contains("password missing") {
        return Some("give it by PGPASSWORD or in ~/.pgpass (chmod 600)");
    }
    if text.contains("does not support TLS") {
        return Some("the server has ssl = off: sslmode=disable or prefer asks without TLS");
    }
    if text.contains("certificate") {
        return Some(
            "sslrootcert=FILE names the certificate to trust, sslrootcert=system those of this machine; \
             sslmode=require encrypts without checking who answers",
        );
    }
    match kind? {
        io::ErrorKind::ConnectionRefused => Some("nothing listens there: check host and port"),
        io::ErrorKind::NotFound => Some("there is no such socket: check host and port"),
        io::ErrorKind::PermissionDenied => Some("the socket may not be opened by this user"),
        io::ErrorKind::TimedOut => {
            Some("no answer: check host, port and firewalls; connect_timeout=SECONDS waits longer")
        }
        _ => None,
    }
}

fn io_kind(error: &Error) -> Option<io::ErrorKind> {
    let mut cause = error.source();
    while let Some(current) = cause {
        if let Some(problem) = current.downcast_ref::<io::Error>() {
            return Some(problem.kind());
        }
        cause = current.source();
    }
    None
}

/// The error and its causes, each told once.
fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        let more = current.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = current.source();
    }
    cut(&text)
}

/// A refusal with the server's own hint. Its detail may hold values and is left out.
fn told(refusal: &tokio_postgres::error::DbError) -> String {
    let hint = refusal.hint().map(|hint| format!(" ({})", cut(hint))).unwrap_or_default();
    format!("{}{hint}", cut(&without_values(refusal.message(), refusal.code().code())))
}

/// A message without values of rows and of the statement. Those of data that does not fit (class 22) quote nothing else; errors of
/// syntax quote a name, or a literal.
fn without_values(message: &str, code: &str) -> String {
    let is_data = code.starts_with("22");
    let is_syntax = code == "42601";
    if !is_data && !is_syntax {
        return message.to_owned();
    }
    let Some((before, rest)) = message.split_once('"') else { return message.to_owned() };
    // A value may hold quotes itself: all up to the last one is it.
    let (value, after) = rest.rsplit_once('"').unwrap_or((rest, ""));
    let is_literal =
        value.contains('\'') || value.starts_with(|first: char| first == '$' || first.is_ascii_digit());
    match is_data || is_literal {
        true => format!("{before}\"…\"{after}"),
        false => message.to_owned(),
    }
}

fn cut(text: &str) -> String {
    let plain = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    plain.take(TOLD_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_server_tell_no_values() {
        for (code, message, expected) in [
            (
                "22P02",
                "invalid input syntax for type integer: \"ann@example.org\"",
                "invalid input syntax for type integer: \"…\"",
            ),
            (
                "22003",
                "value \"99\"99\" is out of range for type integer",
                "value \"…\" is out of range for type integer",
            ),
            ("22012", "division by zero", "division by zero"),
            ("42601", "syntax error at or near \"'secret'\"", "syntax error at or near \"…\""),
            (
                "42601",
                "unterminated quoted string at or near \"'se",
                "unterminated quoted string at or near \"…\"",
            ),
            ("42601", "syntax error at or near \"FORM\"", "syntax error at or near \"FORM\""),
            ("42703", "column \"nothing\" does not exist", "column \"nothing\" does not exist"),
        ] {
            assert_eq!(without_values(message, code), expected);
        }
    }
}
