//! One store over HTTP: patient with those that are busy, and never longer or more than is good.

use std::fs;
use std::io::Read;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use reqwest::blocking::Response;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, StatusCode, Url};

use super::{Access, Error};

/// A connection must stand within this time.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Bytes of one answer, decompressed.
const BODY_MAX: u64 = 512 << 20;

/// How often it is asked before it is given up.
const ATTEMPTS: u32 = 4;

/// The pause before the second attempt; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest pause that a store may ask for.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Characters of an answer that are told.
const TOLD_MAX: usize = 160;

/// Asks one store.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::blocking::Client,
    base: Url,
    timeout: Duration,
    place: &'static Place,
}

/// An answer that is a success.
#[derive(Debug)]
pub(super) struct Answer {
    /// What was asked.
    pub(super) url: String,
    /// What the body is said to be.
    content_type: String,
    pub(super) body: Vec<u8>,
}

/// One attempt that failed.
struct Failure {
    problem: String,
    status: Option<u16>,
    /// Asking again may help, after this time if the store says so.
    again: Option<Option<Duration>>,
}

/// What kind of address is asked, for messages about it.
#[derive(Debug)]
pub(super) struct Place {
    /// The option that names it.
    pub(super) option: &'static str,
    pub(super) example: &'static str,
    /// Whether it may have a query.
    pub(super) may_ask: bool,
    /// How a token is given.
    pub(super) token: &'static str,
    /// What may help where one is refused.
    pub(super) refused: &'static str,
}

impl Client {
    pub(super) fn new(access: &Access, place: &'static Place) -> Result<Self, Error> {
        let base = base(&access.url, place)?;
        let builder = reqwest::blocking::Client::builder()
            .user_agent(concat!("whyslow/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers(access)?)
            // A token would go along, and pages to log in are no traces.
            .redirect(Policy::none())
            .connect_timeout(CONNECT_MAX)
            .timeout(access.timeout);
        let certificates = certificates(access)?;
        let builder = match base.scheme() {
            "https" => builder.tls_certs_merge(certificates),
            // A system without certificates can reach stores without TLS.
            _ => builder.tls_certs_only(certificates),
        };
        let no_tls =
            |error| Error::Misused(format!("cannot use TLS: {}; --ca names certificates", causes(&error)));
        let http = builder.build().map_err(no_tls)?;
        Ok(Self { http, base, timeout: access.timeout, place })
    }

    /// The store's address.
    pub(super) fn shown(&self) -> String {
        self.base.to_string()
    }

    /// Asks for what lies at `path` below the store's address.
    pub(super) fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
        accept: &'static str,
    ) -> Result<Answer, Error> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.ask(&url, accept)
    }

    /// Asks for what the address itself names.
    pub(super) fn get_itself(&self, accept: &'static str) -> Result<Answer, Error> {
        self.ask(&self.base, accept).map_err(|error| match error {
            // A query may hold anything.
            Error::Refused { problem, status, .. } => {
                Error::Refused { url: without_query(&self.base), problem, status }
            }
            other => other,
        })
    }

    /// Asks, several times if that may help.
    fn ask(&self, url: &Url, accept: &'static str) -> Result<Answer, Error> {
        let (mut attempts, mut pause) = (1, PAUSE);
        loop {
            match self.attempt(url, accept) {
                Ok(answer) => return Ok(answer),
                Err(Failure { again: Some(asked), .. }) if attempts < ATTEMPTS => {
                    sleep(asked.unwrap_or(pause).min(PAUSE_MAX));
                    attempts += 1;
                    pause *= 2;
                }
                Err(Failure { problem, status, .. }) => {
                    let times = if attempts > 1 { format!(" ({attempts} times)") } else { String::new() };
                    return Err(Error::Refused {
                        url: url.to_string(),
                        problem: format!("{problem}{times}"),
                        status,
                    });
                }
            }
        }
    }

    /// Why there was no answer at all.
    fn no_answer(&self, error: &reqwest::Error) -> String {
        match () {
            () if error.is_timeout() && error.is_connect() => {
                format!("no connection within {} s", CONNECT_MAX.as_secs())
            }
            () if error.is_timeout() => format!("no answer within {:?}", self.timeout),
            () => format!("no answer: {}", causes(error)),
        }
    }

    fn attempt(&self, url: &Url, accept: &'static str) -> Result<Answer, Failure> {
        let failed = |error: reqwest::Error| Failure {
            again: (error.is_connect() || error.is_request() && !error.is_timeout()).then_some(None),
            problem: self.no_answer(&error),
            status: None,
        };
        let response = self.http.get(url.clone()).header(ACCEPT, accept).send().map_err(failed)?;
        let status = response.status();
        if !status.is_success() {
            return Err(refusal(response, self.place));
        }
        let content_type = header(&response, &CONTENT_TYPE).to_owned();
        let body = body(response, self.timeout)?;
        Ok(Answer { url: url.to_string(), content_type, body })
    }
}

impl Answer {
    /// Whether the body is JSON: as it says, else as it begins.
    pub(super) fn is_json(&self) -> bool {
        match &self.content_type {
            kind if kind.contains("json") => true,
            // The first bytes of a message may be a line break and a brace.
            kind if kind.contains("protobuf") => false,
            _ => self.body.trim_ascii_start().starts_with(b"{"),
        }
    }

    /// Says that this is not what was asked for.
    pub(super) fn is_no(&self, what: &str, why: &dyn std::fmt::Display) -> Error {
        let kind = if self.content_type.is_empty() {
            String::new()
        } else {
            format!(" ({})", told(&self.content_type))
        };
        let why = told(&why.to_string());
        let problem = format!("the answer{kind} is no {what}: {why}: {}", words(&self.body));
        Error::Refused { url: self.url.clone(), problem, status: None }
    }
}

/// The address of a store, which holds no secret.
fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}

fn base(text: &str, place: &Place) -> Result<Url, Error> {
    let Place { option, example, token, .. } = place;
    let wrong = |what: &str| Error::Misused(format!("{option}: {what}; expected such as {example}"));
    let url = Url::parse(text).map_err(|error| wrong(&format!("no URL: {error}")))?;
    match () {
        () if !matches!(url.scheme(), "http" | "https") => Err(wrong("the URL is not of http or https")),
        () if !url.username().is_empty() || url.password().is_some() => {
            Err(wrong(&format!("a secret does not belong into a URL: give it by {token}")))
        }
        () if (url.query().is_some() && !place.may_ask) || url.fragment().is_some() => {
            Err(wrong("the URL must end with its path"))
        }
        () => Ok(url),
    }
}

fn headers(access: &Access) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    if let Some(token) = &access.token {
        let token = token.trim();
        let value = match token.split_once(' ') {
            Some(("Bearer" | "Basic", _)) => token.to_owned(),
            _ => format!("Bearer {token}"),
        };
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| Error::Misused("the token holds characters that no header may have".to_owned()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    if let Some(tenant) = &access.tenant {
        let value = HeaderValue::from_str(tenant)
            .map_err(|_| Error::Misused("--tenant holds characters that no header may have".to_owned()))?;
        headers.insert("x-scope-orgid", value);
    }
    Ok(headers)
}

/// The certificates that are trusted beside those of the system.
fn certificates(access: &Access) -> Result<Vec<Certificate>, Error> {
    let Some(path) = &access.ca else { return Ok(Vec::new()) };
    let wrong =
        |why: String| Error::Misused(format!("cannot read certificates in {}: {why}", path.display()));
    let text = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&text).map_err(|error| wrong(causes(&error)))?;
    match certificates.is_empty() {
        true => Err(wrong("there is none in it; expected PEM".to_owned())),
        false => Ok(certificates),
    }
}

/// Reads a body whose length and time are bounded.
fn body(response: Response, timeout: Duration) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    match response.take(BODY_MAX + 1).read_to_end(&mut body) {
        Ok(_) if body.len() as u64 > BODY_MAX => Err(Failure {
            problem: format!(
                "the answer is longer than {} MiB; ask for less time or fewer traces",
                BODY_MAX >> 20
            ),
            status: None,
            again: None,
        }),
        Ok(_) => Ok(body),
        Err(error) => {
            let late = error.kind() == std::io::ErrorKind::TimedOut || causes(&error).contains("timed out");
            let problem = match late {
                true => format!("the answer did not end within {timeout:?}"),
                false => format!("the answer broke off: {}", causes(&error)),
            };
            Err(Failure { problem, status: None, again: (!late).then_some(None) })
        }
    }
}

/// An answer that is no success.
fn refusal(response: Response, place: &Place) -> Failure {
    let status = response.status();
    let busy = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    );
    let wait = wait(header(&response, &RETRY_AFTER));
    let too_long = wait.filter(|wait| *wait > PAUSE_MAX);
    let location = header(&response, &LOCATION).to_owned();
    let mut start = Vec::new();
    // Whatever can be read of it tells more than nothing.
    let _ = response.take(4 * TOLD_MAX as u64).read_to_end(&mut start);
    let mut problem = format!("answered {status}: {}", words(&start));
    if status.is_redirection() {
        problem = format!("answered {status}, which is not followed, to {}", told(&location));
    }
    if let Some(wait) = too_long {
        problem.push_str(&format!("; it asks to wait for {} s", wait.as_secs()));
    }
    if let Some(help) = help(status, place) {
        problem.push_str(&format!("; {help}"));
    }
    Failure { problem, status: Some(status.as_u16()), again: (busy && too_long.is_none()).then_some(wait) }
}

fn help(status: StatusCode, place: &Place) -> Option<&'static str> {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(place.refused),
        StatusCode::NOT_FOUND => Some("does the API lie below another path, or at another port?"),
        _ => None,
    }
}

fn header<'r>(response: &'r Response, name: &reqwest::header::HeaderName) -> &'r str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// How long a store asks to be left alone: seconds, or a date.
fn wait(text: &str) -> Option<Duration> {
    match text.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let until = httpdate::parse_http_date(text.trim()).ok()?;
            Some(until.duration_since(SystemTime::now()).unwrap_or_default())
        }
    }
}

/// The first cause of an error: what is around it only repeats the URL.
fn causes(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    told(&cause.to_string())
}

/// The first words of a body, on one line.
fn words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * TOLD_MAX)]);
    match told(&text) {
        empty if empty.is_empty() => "(empty)".to_owned(),
        text => text,
    }
}

/// A text that cannot act on a terminal, shortened, on one line.
fn told(text: &str) -> String {
    let clean = crate::report::clean(text);
    let words: Vec<&str> = clean.split_whitespace().collect();
    let words = words.join(" ");
    match words.char_indices().nth(TOLD_MAX) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_begin_like_json_are_none() {
        let answer = |kind: &str, body: &[u8]| {
            Answer { url: String::new(), content_type: kind.to_owned(), body: body.to_vec() }.is_json()
        };
        assert!(!answer("application/protobuf", b"\n{ message"));
        assert!(answer("application/json; charset=utf-8", b""));
        assert!(answer("", b"\n {}") && !answer("", b"\n\x12"));
    }

    #[test]
    fn stores_say_how_long_to_wait_in_seconds_or_by_a_date() {
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!((wait(""), wait("soon"), wait("-1")), (None, None, None));
        let later = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        assert!(wait(&later).is_some_and(|wait| (95..=100).contains(&wait.as_secs())));
    }
}
