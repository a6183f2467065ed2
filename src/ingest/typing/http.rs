//! HTTP and other remote calls, from their caller's side.

use detectors::evidence::{Kind, Span, Status, Symbol};

use super::content;
use super::fields::Fields;
use super::prototypes::{Made, Told};
use super::shaping::{Call, host_of};
use super::{Typing, saturated};
use crate::ingest::attributes::Key;
use crate::ingest::raw::{RawSpan, Value};

/// Names of the status codes of gRPC, each at its number.
const GRPC_CODES: [&[u8]; 17] = [
    b"OK",
    b"CANCELLED",
    b"UNKNOWN",
    b"INVALID_ARGUMENT",
    b"DEADLINE_EXCEEDED",
    b"NOT_FOUND",
    b"ALREADY_EXISTS",
    b"PERMISSION_DENIED",
    b"RESOURCE_EXHAUSTED",
    b"FAILED_PRECONDITION",
    b"ABORTED",
    b"OUT_OF_RANGE",
    b"UNIMPLEMENTED",
    b"INTERNAL",
    b"UNAVAILABLE",
    b"DATA_LOSS",
    b"UNAUTHENTICATED",
];

/// Whether a span is about HTTP, and from a client's side at that: it names the whole URL or the method.
pub(super) fn is_call(fields: &Fields<'_>) -> bool {
    fields.has(Key::HttpRequestMethod)
        || fields.has(Key::HttpMethod)
        || fields.has(Key::UrlFull)
        || fields.has(Key::HttpUrl)
}

/// Service and method; either may hold both, as the span's name does where neither is told.
pub(super) fn rpc_name<'a>(raw: &RawSpan<'a>, fields: &Fields<'a>) -> (&'a [u8], &'a [u8]) {
    let (service, method) = (fields.text([Key::RpcService]), fields.text([Key::RpcMethod]));
    (service.unwrap_or_default(), method.unwrap_or(if service.is_some() { b"" } else { raw.name }))
}

impl Typing<'_> {
    /// Types a call over HTTP.
    pub(super) fn http_call(&mut self, fields: &Fields<'_>, span: &mut Span) {
        span.kind = Kind::Http;
        self.call_status(fields, 400, span);
        let text = |key| fields.text([key]).unwrap_or_default();
        let told = fields.keyed_text([Key::UrlFull, Key::HttpUrl]);
        let url = told.map_or(&b""[..], |(_, url)| url);
        self.server(fields);
        let tells_server = self.scratch.is_empty();
        if tells_server {
            let host = host_of(url);
            self.scratch.extend_from_slice(if host.is_empty() { text(Key::HttpHost) } else { host });
        }
        span.target = self.local.symbol(&self.scratch);
        let method = fields.text([Key::HttpRequestMethod, Key::HttpMethod]).unwrap_or_default();
        let template = fields.text([Key::UrlTemplate, Key::HttpRoute]).unwrap_or_default();
        let graphql = text(Key::GraphqlName);
        if let Some((key, _)) = told
            && template.is_empty()
            && graphql.is_empty()
        {
            let call = Call { method, url, ..Call::default() };
            (span.shape, span.values) = self.shapes.call(&mut self.local, &call);
            self.told = Some(Told { key, made: Made::Call { method: method.into(), tells_server } });
            return;
        }
        // Host, then path with query, in one buffer.
        let host_ends = self.scratch.len();
        self.push_path(fields);
        let (host, path) = self.scratch.split_at(host_ends);
        let call = Call { method, url, scheme: text(Key::UrlScheme), host, path, template, graphql };
        (span.shape, span.values) = self.shapes.call(&mut self.local, &call);
    }

    /// Puts the path with its query behind what is in the scratch space.
    fn push_path(&mut self, fields: &Fields<'_>) {
        match fields.text([Key::UrlPath]) {
            None => self.scratch.extend_from_slice(fields.text([Key::HttpTarget]).unwrap_or_default()),
            Some(path) => {
                self.scratch.extend_from_slice(path);
                // Node keeps the mark.
                if let Some(query) = fields.text([Key::UrlQuery]) {
                    self.scratch.push(b'?');
                    self.scratch.extend_from_slice(query.strip_prefix(b"?").unwrap_or(query));
                }
            }
        }
    }

    /// Types a remote procedure call.
    pub(super) fn rpc_call(&mut self, raw: &RawSpan<'_>, fields: &Fields<'_>, span: &mut Span) {
        span.kind = Kind::Rpc;
        self.call_status(fields, 400, span);
        self.grpc_status(fields, true, span);
        span.target = self.server_symbol(fields);
        let (service, method) = rpc_name(raw, fields);
        span.shape = self.shapes.rpc(&mut self.local, service, method);
    }

    /// Status, size and encoding of an answer. From `error_from` on the status is an error.
    pub(super) fn call_status(&mut self, fields: &Fields<'_>, error_from: u16, span: &mut Span) {
        let status = fields.number([Key::HttpStatus, Key::OldHttpStatus]);
        span.status_code = status.and_then(|status| u16::try_from(status).ok()).unwrap_or(0);
        if span.status_code >= error_from {
            span.status = Status::Error;
        }
        span.response_bytes = saturated(fields.number([Key::ResponseBodySize, Key::OldResponseBodySize]));
        span.body = content::body(fields);
        span.retries = fields.number([Key::ResendCount]).map_or(0, |count| count.min(255) as u8);
    }

    /// The status of a gRPC call; to a server only some of them are its own error.
    pub(super) fn grpc_status(&mut self, fields: &Fields<'_>, is_client: bool, span: &mut Span) {
        let code = fields.number([Key::GrpcStatus]).and_then(|code| u16::try_from(code).ok()).or_else(|| {
            let Some(Value::Text(name)) = fields.value(Key::GrpcStatus) else { return None };
            GRPC_CODES.iter().position(|code| *code == name).map(|code| code as u16)
        });
        let Some(code) = code else { return };
        span.status_code = code;
        if code != 0 && (is_client || matches!(code, 2 | 4 | 12..=15)) {
            span.status = Status::Error;
        }
    }

    /// Types a call of which nothing is known but that another process was called.
    pub(super) fn unknown_call(&mut self, raw: &RawSpan<'_>, fields: &Fields<'_>, span: &mut Span) {
        span.kind = Kind::Rpc;
        span.target = self.server_symbol(fields);
        span.shape = self.shapes.operation(&mut self.local, raw.name, b"");
    }

    /// Server and port of what is called, in the scratch space.
    pub(super) fn server(&mut self, fields: &Fields<'_>) {
        self.scratch.clear();
        if let Some(server) = fields.text([Key::ServerAddress, Key::PeerName, Key::PeerAddress]) {
            self.scratch.extend_from_slice(server);
            if let Some(port) = fields.number([Key::ServerPort, Key::PeerPort]) {
                self.scratch.push(b':');
                self.push_number(port);
            }
        } else if let Some(service) = fields.text([Key::PeerService, Key::PoolName]) {
            self.scratch.extend_from_slice(service);
        }
    }

    fn server_symbol(&mut self, fields: &Fields<'_>) -> Symbol {
        self.server(fields);
        self.local.symbol(&self.scratch)
    }
}
