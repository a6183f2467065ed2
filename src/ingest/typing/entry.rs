//! Entries: what opens a request, and the name of its endpoint.

use detectors::evidence::{Kind, Span};

use super::Typing;
use super::fields::Fields;
use super::http::rpc_name;
use super::messaging::{self, Handling};
use super::origin::Library;
use super::prototypes::{Made, Told};
use crate::ingest::attributes::Key;
use crate::ingest::raw::RawSpan;

impl Typing<'_> {
    /// Types a span that serves a remote call.
    pub(super) fn server_entry(&mut self, raw: &RawSpan<'_>, fields: &Fields<'_>, span: &mut Span) {
        span.kind = Kind::Entry;
        self.call_status(fields, 500, span);
        if fields.has(Key::RpcSystem) || fields.has(Key::RpcMethod) {
            self.grpc_status(fields, false, span);
            let (service, method) = rpc_name(raw, fields);
            span.shape = self.shapes.endpoint_by_rpc(&mut self.local, service, method);
            return;
        }
        if self.http_endpoint(fields, span) {
            return;
        }
        let function = fields.text([Key::FaasName]).filter(|_| fields.has(Key::FaasTrigger));
        span.shape = match function {
            Some(function) => self.shapes.endpoint_by_message(&mut self.local, b"run", function),
            None => self.shapes.endpoint_by_name(&mut self.local, raw.name),
        };
    }

    /// Names an endpoint by method and route, or else by its path as a template; false if neither is told.
    pub(super) fn http_endpoint(&mut self, fields: &Fields<'_>, span: &mut Span) -> bool {
        let method = fields.text([Key::HttpRequestMethod, Key::HttpMethod]).unwrap_or_default();
        if let Some(route) = fields.text([Key::HttpRoute]) {
            span.shape = self.shapes.endpoint_by_route(&mut self.local, method, route);
            return true;
        }
        let told = fields.keyed_text([Key::UrlPath, Key::HttpTarget, Key::UrlFull, Key::HttpUrl]);
        let Some((key, path)) = told else {
            return false;
        };
        span.shape = self.shapes.endpoint_by_path(&mut self.local, method, path);
        self.told = Some(Told { key, made: Made::Endpoint(method.into()) });
        true
    }

    /// Types a span that works a message or a job off.
    pub(super) fn consumer_entry(
        &mut self,
        raw: &RawSpan<'_>,
        fields: &Fields<'_>,
        library: Library,
        span: &mut Span,
    ) {
        span.kind = Kind::Entry;
        span.retries = fields.number([Key::ResendCount]).map_or(0, |count| count.min(255) as u8);
        if let Some(job) = job_name(fields, library) {
            span.shape = self.shapes.endpoint_by_message(&mut self.local, b"run", job);
            return;
        }
        let verb: &[u8] = match messaging::handling(fields) {
            Some(Handling::Receive) => b"receive",
            _ => b"process",
        };
        let destination = messaging::destination(fields);
        span.shape = if destination.is_empty() {
            self.shapes.endpoint_by_name(&mut self.local, raw.name)
        } else {
            self.shapes.endpoint_by_message(&mut self.local, verb, destination)
        };
    }

    /// Types the span of a test; false if it is none.
    ///
    /// pytest-opentelemetry has spans for the steps of a test, too: what sets it up is not the test.
    pub(super) fn test_entry(&mut self, raw: &RawSpan<'_>, fields: &Fields<'_>, span: &mut Span) -> bool {
        let node = fields.text([Key::TestNode]).filter(|_| raw.name.ends_with(b"::call"));
        let (file, name) = match (node, fields.text([Key::TestName])) {
            (Some(node), _) => (None, node),
            (None, Some(name)) => (fields.text([Key::FilePath]), name),
            (None, None) => return false,
        };
        span.kind = Kind::Entry;
        span.shape = self.shapes.test_by_name(&mut self.local, file.unwrap_or_default(), name);
        true
    }

    /// Types a job that runs on a schedule inside the process.
    pub(super) fn job_entry(&mut self, raw: &RawSpan<'_>, span: &mut Span) {
        span.kind = Kind::Entry;
        span.shape = self.shapes.endpoint_by_name(&mut self.local, raw.name);
    }
}

/// The name of a job, where the framework tells it.
pub(super) fn job_name<'a>(fields: &Fields<'a>, library: Library) -> Option<&'a [u8]> {
    let class = || fields.text([Key::CodeNamespace]).filter(|_| library == Library::ActiveJob);
    fields.text([Key::JobName]).or_else(class)
}
