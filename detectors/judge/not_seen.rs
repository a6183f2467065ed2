//! What the evidence cannot show, and the shortest way to see it.

use crate::docket::{Docket, EndpointKey, ServiceTally};
use crate::evidence::server::Connections;
use crate::evidence::trace::EndpointName;
use crate::evidence::{Dictionary, Recorder, Symbol};
use crate::finding::NotSeen;
use crate::group;
use crate::timelines::Senders;

/// Everything that stays in the dark, by service and name.
pub(super) fn not_seen(docket: &Docket, senders: &Senders, dictionary: &Dictionary) -> Vec<NotSeen> {
    // What a database's log does not show, no setting of a program will.
    let recorded = docket.endpoints.iter().filter(|(_, tally)| !tally.is_logged());
    let recorded = recorded.map(|(key, _)| key);
    let mut services: Vec<(&str, Symbol)> =
        recorded.map(|key| (dictionary.text(key.service), key.service)).collect();
    services.sort_unstable();
    services.dedup();
    let nothing = ServiceTally::default();
    let mut gaps = Vec::new();
    for (name, service) in services {
        let tally = docket.services.get(&service).unwrap_or(&nothing);
        let language = language_of(service, dictionary);
        let mut add = |what: &str, how: String| {
            gaps.push(NotSeen { what: what.to_owned(), service: Some(name.to_owned()), how });
        };
        if is_from_logs(service, dictionary) {
            add(NotSeen::WHAT_REQUESTS_DO, OF_LOGS.to_owned());
            continue;
        }
        if answers_plainly(docket, service, dictionary) {
            add("what answers hold", no_contents(language));
        }
        if tally.stores == 0 && tally.statements > 0 {
            add("database clients", ONLY_SERVER.to_owned());
        } else if tally.stores == 0 && senders.by_time(service) {
            add("database clients", ONLY_TIMES.to_owned());
        } else if tally.stores == 0 {
            add("database and cache clients", no_stores(tally, language));
        }
        if tally.statements > 0 && tally.pool_waits == 0 {
            add("connection pool", no_pool(language, is_django(service, dictionary)).to_owned());
        }
        if language == "php" && dictionary.shapes().any(|(_, shape)| group::hides_statement(shape)) {
            add("prepared statements", HIDDEN_PREPARED.to_owned());
        }
        let hidden = tally.statements > 0 && tally.values_hidden * 2 > tally.statements;
        if hidden && docket.sending.logs.is_empty() {
            add("values of statements", HIDDEN_VALUES.to_owned());
        }
    }
    let server = dictionary.server().counts();
    if server.records > 0 && server.connections == Connections::default() {
        gaps.push(NotSeen {
            what: "connections".to_owned(),
            service: None,
            how: "PostgreSQL does not log them: log_connections and log_disconnections tell how often programs connect"
                .to_owned(),
        });
    }
    gaps
}

const OF_LOGS: &str = "a log tells when requests came and how long they took, and nothing of their statements and calls: \
     start the service with `whyslow run`, or give its traces";

/// Whether all that is known of a service comes from access logs.
fn is_from_logs(service: Symbol, dictionary: &Dictionary) -> bool {
    let mut origins = dictionary.origins().filter(|(_, origin)| origin.service == service);
    origins.all(|(_, origin)| matches!(origin.recorder, Recorder::Log | Recorder::CoarseLog))
}

const ONLY_SERVER: &str = "statements are known by the database's log alone: the way there and back is not told; traces with \
     the instrumentation packages of its drivers tell it";

const ONLY_TIMES: &str = "its statements are known by when the database's log has them alone: traces with the instrumentation \
     packages of its drivers tell them for certain";

const HIDDEN_VALUES: &str = "the driver sends placeholders: whether a statement repeats the same values \
     shows in the server's query log (log_min_duration_statement = 0)";

const HIDDEN_PREPARED: &str = "PDO tells their text where they are prepared, not where they are executed: set \
     OTEL_PHP_INSTRUMENTATION_PDO_DISTRIBUTE_STATEMENT_TO_LINKED_SPANS=true";

/// Whether a service answers over HTTP, and no header of its answers was captured.
fn answers_plainly(docket: &Docket, service: Symbol, dictionary: &Dictionary) -> bool {
    let own = || docket.endpoints.iter().filter(|(key, _)| key.service == service);
    let is_path = |key: &EndpointKey| match key.name {
        EndpointName::Route(shape) => dictionary.shape(shape).text.contains(" /"),
        _ => false,
    };
    own().any(|(key, _)| is_path(key)) && own().all(|(_, tally)| tally.contents == 0)
}

fn no_contents(language: &str) -> String {
    let how = match language {
        "python" => "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE",
        "java" => "otel.instrumentation.http.server.capture-response-headers",
        "nodejs" => "headersToSpanAttributes.server.responseHeaders of instrumentation-http",
        "ruby" => "allowed_response_headers of the Rack instrumentation",
        "dotnet" => "OTEL_DOTNET_AUTO_TRACES_ASPNETCORE_INSTRUMENTATION_CAPTURE_RESPONSE_HEADERS",
        _ => "its instrumentation's capture of response headers",
    };
    format!(
        "no headers of its answers: whether large ones are compressed does not show; set {how} to \
         content-type,content-length,content-encoding, or ask an address: whyslow probe URL"
    )
}

fn language_of(service: Symbol, dictionary: &Dictionary) -> &str {
    let languages = dictionary
        .origins()
        .filter(|(_, origin)| origin.service == service)
        .map(|(_, origin)| dictionary.text(origin.language));
    languages.max().unwrap_or_default()
}

fn is_django(service: Symbol, dictionary: &Dictionary) -> bool {
    let mut origins = dictionary.origins().filter(|(_, origin)| origin.service == service);
    origins.any(|(_, origin)| dictionary.text(origin.library).contains("django"))
}

fn no_stores(tally: &ServiceTally, language: &str) -> String {
    let others = if tally.calls == 0 { "no client spans at all" } else { "calls, but no database spans" };
    let how = match language {
        "python" => {
            "install the instrumentation packages of its drivers (opentelemetry-bootstrap -a install)"
        }
        "nodejs" => "load @opentelemetry/auto-instrumentations-node before the drivers",
        "java" => "attach the OpenTelemetry Java agent",
        "go" => "wrap its drivers (otelsql, otelhttp)",
        _ => "instrument its database drivers",
    };
    format!("{others}: statements may hide in its own time; {how}, or give the server's query log")
}

fn no_pool(language: &str, is_django: bool) -> &'static str {
    match language {
        "python" if is_django => "Django emits no checkout spans: waits for a connection show as gaps only",
        "python" => {
            "its driver emits no checkout spans (where SQLAlchemy has the pool, \
             opentelemetry-instrumentation-sqlalchemy does); waits show as gaps only"
        }
        "nodejs" => {
            "no pg-pool spans: load @opentelemetry/instrumentation-pg before pg is required; waits show as gaps only"
        }
        "java" => "no pool spans: switch on the JDBC data source instrumentation of the Java agent",
        "go" => "no sql.conn spans: wrap the driver with otelsql; waits show as gaps only",
        _ => "no checkout spans: waits for a connection show as gaps only",
    }
}
