//! One OTLP/HTTP request and its answer (OTLP specification 1.x, section "OTLP/HTTP").

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_TYPE, HeaderValue,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};

use super::otlp_http::Shared;
use super::received::Refused;
use super::{body, export};

/// What a path receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    /// A prefix is accepted: some set-ups keep that of the address they had before.
    fn of_path(path: &str) -> Option<Self> {
        let path = path.trim_end_matches('/');
        [("/v1/traces", Self::Traces), ("/v1/metrics", Self::Metrics), ("/v1/logs", Self::Logs)]
            .into_iter()
            .find_map(|(end, signal)| path.ends_with(end).then_some(signal))
    }
}

/// How messages of a request and of its answer are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    fn of_content_type(value: Option<&HeaderValue>) -> Option<Self> {
        let value = value?.to_str().ok()?;
        let media_type = value.split(';').next().unwrap_or_default().trim();
        match media_type.to_ascii_lowercase().as_str() {
            "application/x-protobuf" | "application/protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        })
    }

    /// An export response without a partial success: empty in protobuf.
    fn success(self) -> Bytes {
        Bytes::from_static(match self {
            Self::Protobuf => b"",
            Self::Json => b"{}",
        })
    }

    /// A `google.rpc.Status` (field 1 the code, field 2 the message).
    fn failure(self, code: u8, message: &str) -> Bytes {
        match self {
            Self::Protobuf => {
                let text = &message.as_bytes()[..message.len().min(127)];
                let mut status = vec![0x08, code, 0x12, text.len() as u8];
                status.extend_from_slice(text);
                status.into()
            }
            Self::Json => serde_json::json!({"code": code, "message": message}).to_string().into(),
        }
    }
}

/// Answers one request; what it brings is stored or counted before the answer goes out.
pub(super) async fn answer(shared: &Shared, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if request.method() == Method::OPTIONS {
        return preflight();
    }
    let encoding = Encoding::of_content_type(request.headers().get(CONTENT_TYPE));
    let outcome = receive(shared, encoding, request).await;
    let encoding = encoding.unwrap_or(Encoding::Json);
    match outcome {
        Ok(()) => respond(StatusCode::OK, encoding, encoding.success()),
        Err(refused) => {
            shared.refuse(refused);
            refusal(refused, encoding)
        }
    }
}

async fn receive(
    shared: &Shared,
    encoding: Option<Encoding>,
    request: Request<Incoming>,
) -> Result<(), Refused> {
    let (head, mut incoming) = request.into_parts();
    let bytes_max = shared.limits.body_bytes_max;
    let (signal, encoding) = match wanted(&head, encoding) {
        Ok(wanted) => wanted,
        Err(refused) => {
            // Answered before it is sent, the client may see a closed connection instead.
            body::drop_rest(&mut incoming, bytes_max).await?;
            return Err(refused);
        }
    };
    let _progress = shared.begin().await;
    let compressed = body::read(incoming, bytes_max, &shared.large).await?;
    let compression = head.headers.get(CONTENT_ENCODING);
    let message = body::decompress(compressed, compression, bytes_max)?;
    take(shared, signal, encoding, &message)
}

/// What a request brings and how, by its head.
fn wanted(head: &Parts, encoding: Option<Encoding>) -> Result<(Signal, Encoding), Refused> {
    let signal = Signal::of_path(head.uri.path()).ok_or(Refused::Path)?;
    if head.method != Method::POST {
        return Err(Refused::Method);
    }
    Ok((signal, encoding.ok_or(Refused::ContentType)?))
}

/// Stores or counts what a message brings.
pub(super) fn take(
    shared: &Shared,
    signal: Signal,
    encoding: Encoding,
    message: &[u8],
) -> Result<(), Refused> {
    let (message, records) = match encoding {
        Encoding::Protobuf => (message, export::count_protobuf(message)),
        Encoding::Json => {
            let text = without_padding(message);
            (text, export::count_json(text).ok())
        }
    };
    let records = records.ok_or(Refused::Malformed)?;
    match signal {
        Signal::Traces => shared.store(message, records),
        Signal::Metrics => shared.count_metrics(),
        Signal::Logs => shared.count_logs(),
    }
}

/// JSON from its brace on: the spool tells JSON from protobuf by the first byte.
fn without_padding(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii()
}

fn respond(status: StatusCode, encoding: Encoding, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, encoding.content_type());
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

fn refusal(refused: Refused, encoding: Encoding) -> Response<Full<Bytes>> {
    /// Codes of `google.rpc.Code`.
    const INVALID_ARGUMENT: u8 = 3;
    const RESOURCE_EXHAUSTED: u8 = 8;
    let (status, code) = match refused {
        Refused::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, RESOURCE_EXHAUSTED),
        Refused::Compression | Refused::ContentType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID_ARGUMENT),
        Refused::Path => (StatusCode::NOT_FOUND, INVALID_ARGUMENT),
        Refused::Method => (StatusCode::METHOD_NOT_ALLOWED, INVALID_ARGUMENT),
        Refused::CutOff => (StatusCode::REQUEST_TIMEOUT, INVALID_ARGUMENT),
        Refused::Storage => (StatusCode::INSUFFICIENT_STORAGE, RESOURCE_EXHAUSTED),
        Refused::Malformed | Refused::Tls => (StatusCode::BAD_REQUEST, INVALID_ARGUMENT),
    };
    let message = format!("refused: {}", refused.reason());
    respond(status, encoding, encoding.failure(code, &message))
}

/// Lets the page of another origin export: browsers ask before they send.
fn preflight() -> Response<Full<Bytes>> {
    let mut response = respond(StatusCode::NO_CONTENT, Encoding::Json, Bytes::new());
    let any = HeaderValue::from_static("*");
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, any);
    headers.remove(CONTENT_LENGTH);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_told_by_the_end_of_the_path() {
        assert_eq!(Signal::of_path("/v1/traces"), Some(Signal::Traces));
        assert_eq!(Signal::of_path("/otlp/v1/metrics/"), Some(Signal::Metrics));
        assert_eq!(Signal::of_path("/v1/logs"), Some(Signal::Logs));
        assert_eq!(Signal::of_path("/"), None);
        assert_eq!(Signal::of_path("/v1/traces/more"), None);
    }

    #[test]
    fn content_types_may_carry_parameters() {
        let of = |text| Encoding::of_content_type(Some(&HeaderValue::from_static(text)));
        assert_eq!(of("Application/JSON; charset=utf-8"), Some(Encoding::Json));
        assert_eq!(of("application/x-protobuf"), Some(Encoding::Protobuf));
        assert_eq!(of("text/plain"), None);
        assert_eq!(Encoding::of_content_type(None), None);
    }

    #[test]
    fn a_failure_is_a_status_message() {
        assert_eq!(&Encoding::Protobuf.failure(3, "no")[..], b"\x08\x03\x12\x02no");
        let long = Encoding::Protobuf.failure(3, &"x".repeat(300));
        assert_eq!(long.len(), 4 + 127);
        assert_eq!(&Encoding::Json.failure(3, "no")[..], br#"{"code":3,"message":"no"}"#);
    }
}
