//! Who recorded a span: service, instance, machine and instrumentation.

use detectors::evidence::{Origin, Symbol};

use super::fields::Fields;
use crate::ingest::attributes::Key;
use crate::ingest::interning::Local;
use crate::ingest::raw::Value;

/// Instrumentation whose spans mean something that their attributes do not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::ingest) enum Library {
    /// Everything else.
    #[default]
    Other,
    /// SQLAlchemy: its `connect` is the checkout of a connection.
    Sqlalchemy,
    /// Reads and writes of files.
    Files,
    /// Sockets, name look-ups.
    Network,
    /// Reports work inside the process as calls.
    InProcess,
    /// ActiveJob: the class of the job is its name.
    ActiveJob,
    /// Runs jobs inside the process, without a message.
    Jobs,
}

impl Library {
    /// What a scope name says.
    pub(super) fn of(scope: &[u8]) -> Self {
        match scope {
            b"opentelemetry.instrumentation.sqlalchemy" => Self::Sqlalchemy,
            b"@opentelemetry/instrumentation-fs" => Self::Files,
            b"@opentelemetry/instrumentation-net" | b"@opentelemetry/instrumentation-dns" => Self::Network,
            b"@opentelemetry/instrumentation-dataloader" => Self::InProcess,
            b"OpenTelemetry::Instrumentation::ActiveJob" => Self::ActiveJob,
            b"OpenTelemetry.Instrumentation.Hangfire"
            | b"OpenTelemetry.Instrumentation.Quartz"
            | b"OpenTelemetry::Instrumentation::Rake" => Self::Jobs,
            _ => Self::Other,
        }
    }
}

/// Reads the attributes of a resource.
pub(super) fn origin(resource: &[(Key, Value<'_>)], scope: &[u8], local: &mut Local<'_>) -> Origin {
    let fields = Fields::new(resource);
    let service = fields.text([Key::ServiceName]).unwrap_or_default();
    let pod_or_container = fields.text([Key::PodName, Key::ContainerId]);
    let host = pod_or_container.or_else(|| fields.text([Key::HostName, Key::HostId])).unwrap_or_default();
    let (instance, by) = instance(&fields, host, service, local);
    Origin {
        service: local.symbol(service),
        instance,
        instance_by: local.symbol(by.as_bytes()),
        host: local.symbol(host),
        version: local.symbol(fields.text([Key::ServiceVersion]).unwrap_or_default()),
        language: local.symbol(fields.text([Key::SdkLanguage]).unwrap_or_default()),
        library: local.symbol(scope),
        ..Origin::default()
    }
}

/// What tells one running copy from another, and which attributes did.
fn instance(
    fields: &Fields<'_>,
    host: &[u8],
    service: &[u8],
    local: &mut Local<'_>,
) -> (Symbol, &'static str) {
    if let Some(id) = fields.text([Key::ServiceInstanceId]) {
        return (local.symbol(id), "service.instance.id");
    }
    if let (false, Some(pid)) = (host.is_empty(), fields.number([Key::ProcessPid])) {
        let both = [host, b"/", pid.to_string().as_bytes()].concat();
        return (local.symbol(&both), "host and process");
    }
    let by = match host {
        b"" => return (local.symbol(service), "service"),
        _ if fields.has(Key::PodName) => "pod",
        _ if fields.has(Key::ContainerId) => "container",
        _ => "host",
    };
    (local.symbol(host), by)
}
