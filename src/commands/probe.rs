//! `whyslow probe`: what a live address sends with and without compression.

use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use detectors::evidence::Media;
use detectors::evidence::shape::url::Templates;
use detectors::figures::{bytes, counted, duration, share};
use whyslow::probe::{Answer, Answers, BODY_MAX, ENCODINGS, Problem, Question, ask};

use super::{Outcome, UsageError, say};

const EXAMPLES: &str = "\
Examples:
  whyslow probe https://shop.example/orders
  whyslow probe https://shop.example/orders --token-env SHOP_TOKEN

Exit codes:
  0  done
  2  arguments that make no sense
  3  no answer, or one that is an error";

/// Less of text is not worth a compression.
const SMALL_BYTES: u64 = 1_000;

/// Asks an address with and without compression, and measures its answers.
///
/// Nothing is sent but these requests (GET). Paths are shown as templates, and query strings not at all.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The address that users ask: http or https
    #[arg(value_name = "URL")]
    url: String,

    /// Ask each way so often, and tell the median
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=100))]
    repeats: u32,

    /// Wait no longer for one answer
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = whyslow::duration::parse)]
    timeout: Duration,

    /// Send the token in this variable of the environment as `Authorization: Bearer`
    #[arg(long, value_name = "NAME")]
    token_env: Option<String>,
}

/// Asks, and prints what came back.
pub(crate) fn execute(options: Options) -> anyhow::Result<Outcome> {
    let shown = Templates::new(0).call(b"GET", options.url.as_bytes()).text.to_owned();
    let question = Question {
        token: options.token_env.as_deref().map(token).transpose()?,
        url: options.url,
        repeats: options.repeats,
        timeout: options.timeout,
    };
    let answers = match ask(&question) {
        Ok(answers) => answers,
        Err(problem @ (Problem::NotAnAddress | Problem::Credentials)) => {
            return Err(UsageError(problem.to_string()).into());
        }
        Err(problem) => return Err(anyhow::Error::new(problem).context(format!("cannot ask {shown}"))),
    };
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{shown}   median of {}, after one that opens the connection",
        counted(question.repeats.into(), "answer")
    )?;
    write_answer(&mut out, "as it is", &answers.plain)?;
    write_answer(&mut out, ENCODINGS, &answers.compressed)?;
    let failed =
        [&answers.plain, &answers.compressed].into_iter().find(|answer| !(200..300).contains(&answer.status));
    match failed {
        Some(answer) => {
            say(format_args!(
                "error: it answers with status {}: nothing is known of its usual answer",
                answer.status
            ));
            Ok(Outcome::CannotMeasure)
        }
        None => {
            writeln!(out, "{}", verdict(&answers))?;
            Ok(Outcome::Done)
        }
    }
}

fn token(name: &str) -> Result<String, UsageError> {
    std::env::var(name).map_err(|_| UsageError(format!("--token-env {name}: there is no such variable")))
}

fn write_answer(out: &mut dyn Write, asked: &str, answer: &Answer) -> io::Result<()> {
    let content_type = answer.content_type.as_deref().unwrap_or("no type");
    let encoding = answer.encoding.as_deref().unwrap_or("plain");
    let more = if answer.cut { "more than " } else { "" };
    writeln!(
        out,
        "  {asked:24}  {}  {content_type}  {encoding}  {more}{} in {}",
        answer.status,
        bytes(answer.bytes),
        duration(answer.time_ns)
    )
}

/// What follows from both answers.
fn verdict(Answers { plain, compressed }: &Answers) -> String {
    match (&compressed.encoding, compressed.media) {
        _ if plain.cut || compressed.cut => {
            format!("Only the first {} were read: ask for less.", bytes(BODY_MAX))
        }
        (Some(encoding), _) => format!(
            "It compresses: {encoding} leaves {} of the bytes, and the answer comes {} from here.",
            share(compressed.bytes, plain.bytes),
            compared(plain.time_ns, compressed.time_ns)
        ),
        (None, Media::Other) => "What it sends is compressed in itself, or does not shrink.".to_owned(),
        (None, Media::Unknown) => {
            "It names no type and no encoding: what it sends may be anything.".to_owned()
        }
        (None, Media::Data | Media::Text) if compressed.bytes < SMALL_BYTES => {
            "It does not compress; so small an answer would not shrink much.".to_owned()
        }
        (None, Media::Data | Media::Text) => {
            "It does not compress, though it sends text: gzip leaves 10 to 30 % of \
             most. What to do: whyslow rules uncompressed-payload"
                .to_owned()
        }
    }
}

fn compared(plain_ns: u64, compressed_ns: u64) -> String {
    match compressed_ns <= plain_ns {
        true => format!("{} sooner", duration(plain_ns - compressed_ns)),
        false => format!("{} later", duration(compressed_ns - plain_ns)),
    }
}
