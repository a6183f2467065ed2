//! Why a run brought no spans: what was set, what came in instead, and the way for each language.

use std::fmt;

use whyslow::collect::received::Refused;

use super::program::Language;
use super::{Run, counted, endpoint};

/// The text for a run without spans.
pub(super) struct Explanation<'r>(pub(super) &'r Run);

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.0;
        writeln!(out, "whyslow: no spans received")?;
        writeln!(out, "\n  seen   {}", what_came(run))?;
        if run.ending.is_some_and(|ending| ending.killed) {
            writeln!(out, "         the command was killed (SIGKILL): what it held is lost")?;
        }
        for (reason, _) in run.received.refused() {
            if let Some(advice) = advice(reason) {
                writeln!(out, "         {advice}")?;
            }
        }
        write_variables(out, run)?;
        write_ways(out, run)?;
        write!(out, "{OTHER_REASONS}")
    }
}

fn what_came(run: &Run) -> String {
    let received = &run.received;
    let refused = received.refused().map(|(_, count)| count).sum::<u64>();
    if received.is_untouched() {
        return format!("nobody connected to {}", endpoint(run.address));
    }
    let mut parts = vec![counted(received.connections, "connection")];
    for (count, noun, what) in [
        (received.trace_requests, "trace request", " without a span"),
        (received.metric_requests, "metric request", ""),
        (received.log_requests, "log request", ""),
        (refused, "request", " not kept"),
    ] {
        if count > 0 {
            parts.push(counted(count, noun) + what);
        }
    }
    parts.join(", ")
}

fn advice(reason: Refused) -> Option<&'static str> {
    Some(match reason {
        Refused::Tls => "an exporter spoke TLS: give it an address that begins with http://",
        Refused::Path => "an exporter used another path: traces are received at /v1/traces, or by gRPC",
        Refused::Storage => "the temporary directory is full: TMPDIR chooses another",
        _ => return None,
    })
}

fn write_variables(out: &mut fmt::Formatter<'_>, run: &Run) -> fmt::Result {
    if run.environment.set.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n  set for the command")?;
    for (name, value) in &run.environment.set {
        writeln!(out, "         {name}={}", value.to_string_lossy())?;
    }
    for name in &run.environment.removed {
        writeln!(out, "         {name} (removed)")?;
    }
    Ok(())
}

/// The likely language first, with its whole text; the others on a line each.
fn write_ways(out: &mut fmt::Formatter<'_>, run: &Run) -> fmt::Result {
    let likely = run.program.as_ref().and_then(|program| program.language);
    writeln!(out, "\n  usual reasons")?;
    let (first, others): (Vec<_>, Vec<_>) = WAYS.iter().partition(|way| match likely {
        Some(language) => way.language == language,
        None => COMMON.contains(&way.language),
    });
    for way in first {
        writeln!(out, "    {}\n{}", way.title, indented(way.text))?;
    }
    for way in others {
        writeln!(out, "    {:<12} {}", way.title, way.short)?;
    }
    Ok(())
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n")
}

/// Told in full when nothing says which language it is.
const COMMON: [Language; 4] = [Language::Python, Language::Node, Language::Java, Language::Go];

struct Way {
    language: Language,
    title: &'static str,
    short: &'static str,
    text: &'static str,
}

const WAYS: [Way; 8] = [
    Way {
        language: Language::Python,
        title: "Python",
        short: "whyslow run -- opentelemetry-instrument python app.py",
        text: "the program loads no OpenTelemetry: install it once, then start it through its launcher\n\
               pip install opentelemetry-distro opentelemetry-exporter-otlp-proto-http\n\
               opentelemetry-bootstrap -a install\n\
               whyslow run -- opentelemetry-instrument python app.py\n\
               Django is left alone where DJANGO_SETTINGS_MODULE is not set in the environment\n\
               workers that are spawned (uvicorn --workers, --reload) lose it: run one process",
    },
    Way {
        language: Language::Node,
        title: "Node",
        short: "NODE_OPTIONS='--require @opentelemetry/auto-instrumentations-node/register'",
        text: "the program loads no OpenTelemetry: install it once, it is then loaded by itself\n\
               npm install --no-save @opentelemetry/auto-instrumentations-node\n\
               NODE_OPTIONS='--require @opentelemetry/auto-instrumentations-node/register' whyslow run -- node app.js\n\
               process.exit() right after the work loses the last spans: let the program end by itself or by SIGTERM",
    },
    Way {
        language: Language::Java,
        title: "Java",
        short: "JAVA_TOOL_OPTIONS=-javaagent:opentelemetry-javaagent.jar",
        text: "the program has no OpenTelemetry agent: download opentelemetry-javaagent.jar\n\
               (github.com/open-telemetry/opentelemetry-java-instrumentation, releases)\n\
               JAVA_TOOL_OPTIONS=-javaagent:/path/opentelemetry-javaagent.jar whyslow run -- java -jar app.jar",
    },
    Way {
        language: Language::Go,
        title: "Go",
        short: "rebuild with otelhttp, otelsql and an OTLP exporter, or use eBPF",
        text: "a Go binary is not instrumented from outside: build with\n\
               go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp, a database wrapper such as\n\
               github.com/XSAM/otelsql, and go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp;\n\
               without a rebuild: the eBPF agent of opentelemetry-go-instrumentation, as root",
    },
    Way {
        language: Language::Ruby,
        title: "Ruby",
        short: "RUBYOPT='-r opentelemetry-auto-instrumentation' with the gem installed",
        text: "the program loads no OpenTelemetry\n\
               gem install opentelemetry-auto-instrumentation\n\
               RUBYOPT='-r opentelemetry-auto-instrumentation' whyslow run -- bundle exec puma",
    },
    Way {
        language: Language::Php,
        title: "PHP",
        short: "pecl install opentelemetry, and the packages open-telemetry/opentelemetry-auto-*",
        text: "the extension is missing, or the packages that use it\n\
               pecl install opentelemetry\n\
               composer require open-telemetry/sdk open-telemetry/exporter-otlp open-telemetry/opentelemetry-auto-pdo",
    },
    Way {
        language: Language::Dotnet,
        title: ".NET",
        short: "instrument.sh of opentelemetry-dotnet-instrumentation",
        text: "the profiler is not loaded: install opentelemetry-dotnet-instrumentation, then\n\
               . $HOME/.otel-dotnet-auto/instrument.sh && whyslow run -- dotnet app.dll",
    },
    Way {
        language: Language::Container,
        title: "Containers",
        short: "whyslow run --listen 0.0.0.0:4318, endpoint http://host.docker.internal:4318",
        text: "a container has its own loopback address and gets none of the variables\n\
               whyslow run --listen 0.0.0.0:4318\n\
               in the container: OTEL_EXPORTER_OTLP_ENDPOINT=http://host.docker.internal:4318 \
               OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n\
               (Linux: --add-host=host.docker.internal:host-gateway)",
    },
];

const OTHER_REASONS: &str = "
  also
    only an exporter over gRPC is installed: set OTEL_EXPORTER_OTLP_PROTOCOL=grpc, it stays as you set it
    the code names another endpoint than the variables
    the command hands over to a server that runs already (docker, a build daemon): start that one
      with whyslow run, or whyslow run --listen 127.0.0.1:4318 and the variables there
    it was killed (kill -9, out of memory) before it sent: end it with SIGTERM
    sampling: OTEL_TRACES_SAMPLER, or the code, drops the traces";
