//! One OTLP/gRPC call and its answer (OTLP specification 1.x, section "OTLP/gRPC"; "gRPC over HTTP2").
//!
//! An export is a unary call: one message behind five bytes in the body, and the status in the trailers.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};

use super::body;
use super::exchange::{self, Encoding, Signal};
use super::otlp_http::Shared;
use super::received::Refused;

/// An answer over HTTP/2, with trailers or without.
pub(super) type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// Bytes before a message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// Answers one request over HTTP/2: a gRPC call, or OTLP/HTTP from a client that prefers this version.
pub(super) async fn answer(shared: &Shared, request: Request<Incoming>) -> Answer {
    if !is_grpc(&request) {
        return exchange::answer(shared, request).await.map(BodyExt::boxed_unsync);
    }
    match receive(shared, request).await {
        Ok(()) => success(),
        Err(refused) => {
            shared.refuse(refused);
            failure(refused)
        }
    }
}

fn is_grpc(request: &Request<Incoming>) -> bool {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.to_ascii_lowercase().starts_with("application/grpc"))
}

async fn receive(shared: &Shared, request: Request<Incoming>) -> Result<(), Refused> {
    let (head, mut incoming) = request.into_parts();
    let bytes_max = shared.limits.body_bytes_max;
    let signal = match wanted(&head) {
        Ok(signal) => signal,
        Err(refused) => {
            body::drop_rest(&mut incoming, bytes_max).await?;
            return Err(refused);
        }
    };
    let _progress = shared.begin().await;
    let framed = body::read(incoming, bytes_max.saturating_add(PREFIX_BYTES), &shared.large).await?;
    let (compressed, message) = message(framed)?;
    let compression = head.headers.get(GRPC_ENCODING).filter(|_| compressed);
    if compressed && compression.is_none() {
        return Err(Refused::Compression);
    }
    let message = body::decompress(message, compression, bytes_max)?;
    exchange::take(shared, signal, Encoding::Protobuf, &message)
}

fn wanted(head: &Parts) -> Result<Signal, Refused> {
    let signal = match head.uri.path() {
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => Signal::Traces,
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => Signal::Metrics,
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Signal::Logs,
        _ => return Err(Refused::Path),
    };
    if head.method == Method::POST { Ok(signal) } else { Err(Refused::Method) }
}

/// The only message of a call, and whether it is compressed.
fn message(mut framed: Vec<u8>) -> Result<(bool, Vec<u8>), Refused> {
    let Some([flag @ (0 | 1), length @ ..]) = framed.first_chunk::<PREFIX_BYTES>().copied() else {
        return Err(Refused::Malformed);
    };
    framed.drain(..PREFIX_BYTES);
    let is_whole = u32::from_be_bytes(length) as usize == framed.len();
    if is_whole { Ok((flag == 1, framed)) } else { Err(Refused::Malformed) }
}

/// An empty message, which is a response without a partial success, and the status OK behind it.
fn success() -> Answer {
    const EMPTY: &[u8] = &[0; PREFIX_BYTES];
    let trailers = HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static("0"))]);
    let body = Full::new(Bytes::from_static(EMPTY)).with_trailers(std::future::ready(Some(Ok(trailers))));
    respond(body.boxed_unsync())
}

/// A status without a message, in the headers.
fn failure(refused: Refused) -> Answer {
    let mut response = respond(Full::new(Bytes::new()).boxed_unsync());
    let headers = response.headers_mut();
    headers.insert(GRPC_STATUS, HeaderValue::from(code(refused)));
    headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity,gzip,deflate,zstd"));
    // Reasons are plain ASCII without a per cent sign.
    if let Ok(message) = HeaderValue::from_str(refused.reason()) {
        headers.insert(GRPC_MESSAGE, message);
    }
    response
}

/// The code of `google.rpc.Code`; none of those on which clients try again.
fn code(refused: Refused) -> u16 {
    const INVALID_ARGUMENT: u16 = 3;
    const RESOURCE_EXHAUSTED: u16 = 8;
    const UNIMPLEMENTED: u16 = 12;
    match refused {
        Refused::TooLarge | Refused::Storage => RESOURCE_EXHAUSTED,
        Refused::Compression | Refused::Path | Refused::Method => UNIMPLEMENTED,
        Refused::Malformed | Refused::ContentType | Refused::CutOff | Refused::Tls => INVALID_ARGUMENT,
    }
}

fn respond(body: UnsyncBoxBody<Bytes, Infallible>) -> Answer {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_one_whole_message() {
        assert_eq!(message(b"\0\0\0\0\x02ab".to_vec()), Ok((false, b"ab".to_vec())));
        assert_eq!(message(b"\x01\0\0\0\0".to_vec()), Ok((true, Vec::new())));
        for wrong in [&b""[..], b"\0\0\0\0", b"\0\0\0\0\x03ab", b"\0\0\0\0\x01ab", b"\x02\0\0\0\x01a"] {
            assert_eq!(message(wrong.to_vec()), Err(Refused::Malformed));
        }
    }

    #[test]
    fn reasons_can_stand_in_a_header() {
        for refused in Refused::ALL {
            let reason = refused.reason();
            assert!(reason.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'%'), "{reason}");
        }
    }
}
