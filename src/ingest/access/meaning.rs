//! What one column or one member of a log can mean.

use super::request::Told;
use super::times::{Unit, duration_ns, moment, number};

/// Why a line is of no use.
pub(super) const NO_TIME: &str = "a time that is none";

/// What a column or a member means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Meaning {
    /// Nothing that is kept.
    #[default]
    Other,
    /// A moment.
    Time,
    /// `GET /orders HTTP/1.1`.
    RequestLine,
    /// `GET`.
    Method,
    /// Path as the framework calls it.
    Route,
    /// Path with query.
    Target,
    /// Status code of the answer.
    Status,
    /// Bytes of the answer, as sent.
    Bytes,
    /// How long the request took.
    Duration(Unit),
    /// Whole seconds, a slash, microseconds.
    SecondsAndMicroseconds,
    /// How long each server behind this one took.
    UpstreamTimes(Unit),
    /// The status codes of their answers.
    UpstreamStatuses,
    /// Their addresses.
    UpstreamAddresses,
    /// The name that they have together.
    UpstreamName,
    /// Type of the answer's content.
    ContentType,
    /// As [`Meaning::ContentType`], where all headers of the answer are told.
    ContentTypeOfAllHeaders,
    /// Encoding of the answer's body.
    Encoding,
    /// How much the answer was compressed, or nothing.
    Ratio,
    /// `traceparent`, or the id of a trace.
    Trace,
    /// Name of the service.
    Service,
    /// Name and port of a virtual host.
    Host,
    /// The process.
    Process,
}

impl Meaning {
    /// Whether an empty text says something: that nothing was compressed.
    pub(super) fn may_be_empty(self) -> bool {
        matches!(self, Self::Encoding | Self::Ratio)
    }

    /// Notes what a text says that has this meaning.
    ///
    /// # Errors
    ///
    /// What it should be and is not.
    pub(super) fn take<'l>(self, text: &'l [u8], told: &mut Told<'l>) -> Result<(), &'static str> {
        let is_absent = matches!(text, b"-" | b"");
        match self {
            Self::Other => {}
            Self::Time => told.moment = Some(moment(text).ok_or(NO_TIME)?),
            Self::RequestLine => told.request_line(text),
            Self::Method => told.method = text,
            Self::Route => told.route = text,
            Self::Target => told.target = text,
            Self::Status => told.status = Some(number(text).ok_or("a status code that is no number")?),
            Self::Bytes => told.bytes = number(text),
            Self::Duration(unit) => {
                told.duration_ns = Some(duration_ns(text, unit).ok_or("a duration that is no number")?);
            }
            Self::SecondsAndMicroseconds => {
                let after = text.iter().position(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
                let took_ns = duration_ns(&text[after..], Unit::Microseconds);
                told.duration_ns = Some(took_ns.ok_or("a duration that is no number")?);
            }
            Self::UpstreamTimes(unit) => (told.upstream.times, told.upstream.unit) = (text, unit),
            Self::UpstreamStatuses => told.upstream.statuses = text,
            Self::UpstreamAddresses => told.upstream.addresses = text,
            Self::UpstreamName if !is_absent => told.upstream.name = text,
            Self::ContentType if !is_absent => told.content_type = text,
            Self::ContentTypeOfAllHeaders => {
                told.content_type = text;
                told.encoding.get_or_insert(b"");
            }
            Self::Encoding => told.encoding = Some(if is_absent { b"" } else { text }),
            Self::Ratio => told.encoding = Some(if is_absent { b"" } else { b"gzip" }),
            Self::Trace => told.trace(text),
            Self::Service if !is_absent => told.service = text,
            Self::Host if !is_absent => {
                told.service = text.split(|byte| *byte == b':').next().unwrap_or(text)
            }
            Self::Process => {
                told.instance = text
                    .trim_ascii()
                    .strip_prefix(b"<")
                    .and_then(|pid| pid.strip_suffix(b">"))
                    .unwrap_or(text)
            }
            Self::UpstreamName | Self::ContentType | Self::Service | Self::Host => {}
        }
        Ok(())
    }
}
