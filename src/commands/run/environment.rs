//! The variables that make an OpenTelemetry SDK send its traces here.

use std::ffi::OsString;

/// Variables and their values for the child.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::commands) struct Environment {
    /// Set, in this order.
    pub(in crate::commands) set: Vec<(&'static str, OsString)>,
    /// Taken away, because they would win over what is set.
    pub(in crate::commands) removed: Vec<&'static str>,
}

/// Spans wait this long in the SDK: short, so that little is lost when the program is killed.
const SCHEDULE_DELAY_MS: &str = "200";

/// Spans an SDK keeps before it drops new ones; the default of 2048 is one burst of a test run.
const QUEUE_SPANS: &str = "32768";

/// Set whatever was there before: without them nothing arrives.
fn required(endpoint: &str, protocol: &str) -> [(&'static str, OsString); 4] {
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.into()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.into()),
        ("OTEL_TRACES_EXPORTER", "otlp".into()),
        ("OTEL_BSP_SCHEDULE_DELAY", SCHEDULE_DELAY_MS.into()),
    ]
}

/// Set where nothing was chosen.
const OPTIONAL: [(&str, &str); 7] = [
    ("OTEL_BSP_MAX_QUEUE_SIZE", QUEUE_SPANS),
    ("OTEL_TRACES_SAMPLER", "always_on"),
    ("OTEL_METRICS_EXPORTER", "none"),
    ("OTEL_LOGS_EXPORTER", "none"),
    // The others ask cloud metadata servers, and exports wait for their answers.
    ("OTEL_NODE_RESOURCE_DETECTORS", "env,host,os,process,serviceinstance"),
    // Switches that some runtimes ask for before they instrument anything.
    ("OTEL_PHP_AUTOLOAD_ENABLED", "true"),
    ("OTEL_DENO", "true"),
];

/// More specific than what is set, so they would send the traces elsewhere or nowhere.
const OVERRIDING: [&str; 4] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_CONFIG_FILE",
    "OTEL_SDK_DISABLED",
];

const PROXIES: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const PROXY_EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The variables for a receiver at `endpoint`, given those that are set now.
pub(super) fn for_child(
    endpoint: &str,
    service_name: Option<OsString>,
    current: impl Fn(&str) -> Option<OsString>,
) -> Environment {
    let present = |name: &str| current(name).filter(|value| !value.is_empty());
    let mut set = required(endpoint, protocol(present)).to_vec();
    for (name, value) in OPTIONAL {
        if present(name).is_none() {
            set.push((name, value.into()));
        }
    }
    let named = present("OTEL_SERVICE_NAME").is_some()
        || present("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|text| names_service(&text));
    if let Some(name) = service_name.filter(|_| !named) {
        set.push(("OTEL_SERVICE_NAME", name));
    }
    if PROXIES.iter().any(|name| present(name).is_some()) {
        set.extend(PROXY_EXCEPTIONS.map(|name| (name, with_loopback(present(name)))));
    }
    let removed = OVERRIDING.into_iter().filter(|name| present(name).is_some()).collect();
    Environment { set, removed }
}

/// Every exporter speaks HTTP, unless only the one over gRPC is installed: then the user says so.
fn protocol(present: impl Fn(&str) -> Option<OsString>) -> &'static str {
    let chosen =
        present("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL").or_else(|| present("OTEL_EXPORTER_OTLP_PROTOCOL"));
    // Python names the exporter with its protocol.
    let exporter = present("OTEL_TRACES_EXPORTER").unwrap_or_default();
    let is_grpc = chosen.is_some_and(|protocol| protocol == "grpc") || exporter == "otlp_proto_grpc";
    if is_grpc { "grpc" } else { "http/protobuf" }
}

fn names_service(attributes: &OsString) -> bool {
    let attributes = attributes.to_string_lossy();
    attributes.split(',').any(|attribute| attribute.trim_start().starts_with("service.name="))
}

/// A proxy cannot reach the loopback address of this machine.
fn with_loopback(exceptions: Option<OsString>) -> OsString {
    let mut list = exceptions.unwrap_or_default();
    if !list.is_empty() {
        list.push(",");
    }
    list.push("127.0.0.1,localhost");
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(current: &[(&str, &str)]) -> Environment {
        for_child("http://127.0.0.1:9", Some("shop".into()), |name| {
            let found = current.iter().find(|(key, _)| *key == name)?;
            Some(found.1.into())
        })
    }

    fn value<'e>(environment: &'e Environment, name: &str) -> Option<&'e str> {
        let mut set = environment.set.iter();
        set.find(|(key, _)| *key == name)?.1.to_str()
    }

    #[test]
    fn traces_are_sent_here_and_nothing_else_is_sent() {
        let environment = with(&[]);
        for (name, expected) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_TRACES_SAMPLER", "always_on"),
            ("OTEL_SERVICE_NAME", "shop"),
        ] {
            assert_eq!(value(&environment, name), Some(expected), "{name}");
        }
        assert!(environment.removed.is_empty());
        assert_eq!(value(&environment, "NO_PROXY"), None);
        assert_eq!(value(&environment, "TRACEPARENT"), None);
    }

    #[test]
    fn choices_of_the_user_stay() {
        let environment = with(&[
            ("OTEL_METRICS_EXPORTER", "console"),
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a=b, service.name=mine"),
        ]);
        assert_eq!(value(&environment, "OTEL_METRICS_EXPORTER"), None);
        assert_eq!(value(&environment, "OTEL_TRACES_SAMPLER"), None);
        assert_eq!(value(&environment, "OTEL_SERVICE_NAME"), None);
    }

    #[test]
    fn who_chose_grpc_keeps_it() {
        let name = "OTEL_EXPORTER_OTLP_PROTOCOL";
        for chosen in [
            (name, "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
            ("OTEL_TRACES_EXPORTER", "otlp_proto_grpc"),
        ] {
            assert_eq!(value(&with(&[chosen]), name), Some("grpc"), "{chosen:?}");
        }
        let http = [(name, "grpc"), ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json")];
        assert_eq!(value(&with(&http), name), Some("http/protobuf"));
    }

    #[test]
    fn what_would_send_traces_elsewhere_is_taken_away() {
        let environment = with(&[
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://vendor/v1/traces"),
            ("OTEL_TRACES_EXPORTER", "console"),
            ("OTEL_SDK_DISABLED", "true"),
        ]);
        let removed = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED"];
        assert_eq!(environment.removed, removed);
        assert_eq!(value(&environment, "OTEL_TRACES_EXPORTER"), Some("otlp"));
    }

    #[test]
    fn a_proxy_is_told_to_leave_the_receiver_alone() {
        let environment = with(&[("http_proxy", "http://proxy:3128"), ("NO_PROXY", "a,b")]);
        let exceptions = value(&environment, "NO_PROXY");
        assert_eq!(exceptions, Some("a,b,127.0.0.1,localhost"));
        assert_eq!(value(&environment, "no_proxy"), Some("127.0.0.1,localhost"));
    }
}
