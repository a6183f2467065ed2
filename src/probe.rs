//! Asks a live address with and without compression, and measures bytes and time of its answers.

use std::io::Read;
use std::time::{Duration, Instant};

use detectors::evidence::Media;
use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};
use reqwest::redirect::Policy;

use crate::ingest::typing::content::media;

/// What a client asks for that unpacks what is in use.
pub const ENCODINGS: &str = "gzip, deflate, br, zstd";

/// No more bytes of an answer are read.
pub const BODY_MAX: u64 = 64 << 20;

/// Addresses that are followed from the one that was given.
const REDIRECTS_MAX: usize = 5;

/// The longest name of a type or an encoding that is shown.
const NAME_MAX: usize = 60;

/// What is asked, and how.
#[derive(Debug, Clone)]
pub struct Question {
    /// The address: `http` or `https`, without a user.
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<String>,
    /// How often each way is asked and measured; at least once.
    pub repeats: u32,
    /// The time that one answer may take.
    pub timeout: Duration,
}

/// Answers to one way of asking: their medians.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Type of the content without its parameters.
    pub content_type: Option<String>,
    /// What kind of content that is.
    pub media: Media,
    /// Encoding that is named, unless it is `identity`.
    pub encoding: Option<String>,
    /// Bytes of the body, as sent.
    pub bytes: u64,
    /// From the request to the last byte.
    pub time_ns: u64,
    /// The body is larger than [`BODY_MAX`]: bytes and time are of its begin.
    pub cut: bool,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// Asked for what is not encoded.
    pub plain: Answer,
    /// Asked for any of [`ENCODINGS`].
    pub compressed: Answer,
}

/// Why an address could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It is no address that can be asked.
    #[error("expected an address such as https://shop.example/orders")]
    NotAnAddress,
    /// It holds a user or a password, which every list of processes would show.
    #[error("the address holds a user or a password; give a token by --token-env")]
    Credentials,
    /// No answer, or none that could be read; never shows the address.
    #[error(transparent)]
    Unanswered(#[from] reqwest::Error),
    /// The body could not be read.
    #[error("the answer ends before its end")]
    Cut(#[from] std::io::Error),
}

/// Asks both ways in turn, after an answer that is not measured: it opens the connection.
///
/// # Errors
///
/// Where the address makes no sense, or one question is not answered.
pub fn ask(question: &Question) -> Result<Answers, Problem> {
    check(&question.url)?;
    let client = Client::builder()
        .timeout(question.timeout)
        // Bytes are counted as they are sent.
        .no_gzip()
        .no_deflate()
        .no_brotli()
        .no_zstd()
        .redirect(Policy::limited(REDIRECTS_MAX))
        .user_agent(concat!("whyslow/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(reqwest::Error::without_url)?;
    ask_once(&client, question, "identity")?;
    let (mut plain, mut compressed) = (Vec::new(), Vec::new());
    for _ in 0..question.repeats.max(1) {
        plain.push(ask_once(&client, question, "identity")?);
        compressed.push(ask_once(&client, question, ENCODINGS)?);
    }
    let both = middle(plain).zip(middle(compressed));
    both.map(|(plain, compressed)| Answers { plain, compressed }).ok_or(Problem::NotAnAddress)
}

fn check(url: &str) -> Result<(), Problem> {
    let url = reqwest::Url::parse(url).map_err(|_| Problem::NotAnAddress)?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(Problem::NotAnAddress);
    }
    match url.username().is_empty() && url.password().is_none() {
        true => Ok(()),
        false => Err(Problem::Credentials),
    }
}

fn ask_once(client: &Client, question: &Question, encodings: &str) -> Result<Answer, Problem> {
    let mut request = client.get(&question.url).header(ACCEPT_ENCODING, encodings);
    if let Some(token) = &question.token {
        request = request.bearer_auth(token);
    }
    let begin = Instant::now();
    let response = request.send().map_err(reqwest::Error::without_url)?;
    read(response, begin)
}

fn read(response: Response, begin: Instant) -> Result<Answer, Problem> {
    let status = response.status().as_u16();
    let content_type = header(response.headers(), CONTENT_TYPE)
        .map(|value| value.split(';').next().unwrap_or_default().trim().to_owned());
    let encoding =
        header(response.headers(), CONTENT_ENCODING).filter(|value| !value.eq_ignore_ascii_case("identity"));
    let bytes = std::io::copy(&mut response.take(BODY_MAX + 1), &mut std::io::sink())?;
    Ok(Answer {
        status,
        media: content_type.as_ref().map_or(Media::Unknown, |name| media(name.as_bytes())),
        content_type,
        encoding,
        bytes: bytes.min(BODY_MAX),
        time_ns: u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX),
        cut: bytes > BODY_MAX,
    })
}

/// A header as text that is safe to show: printable, and not long.
fn header(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    Some(text.chars().take(NAME_MAX).collect())
}

/// The answer of median time with the median of bytes.
fn middle(mut answers: Vec<Answer>) -> Option<Answer> {
    let mut bytes: Vec<u64> = answers.iter().map(|answer| answer.bytes).collect();
    bytes.sort_unstable();
    answers.sort_by_key(|answer| answer.time_ns);
    let place = answers.len() / 2;
    let bytes = *bytes.get(place)?;
    Some(Answer { bytes, ..answers.swap_remove(place) })
}
