#!/usr/bin/env bash
# Records a case of each language now, from running programs, and expects the diagnosis to name the
# detector that the case's folder names. Then receives from a real exporter over gRPC.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cases=(n-plus-one/customer-of-each-order n-plus-one/express-names pool-starvation/three-connections)

into=$(mktemp -d)
trap 'rm -rf "$into"' EXIT
cargo build --quiet --locked
RECORD_INTO=$into fixtures/record.sh "${cases[@]/%//case.toml}"
for case in "${cases[@]}"; do
    target/debug/whyslow diagnose --format json "$into/fixtures/$case/trace.otlp.zst" >"$into/report.json"
    python3 - "$case" "$into/report.json" <<'PYTHON'
import json
import sys

case, path = sys.argv[1:]
found = [finding["detector"] for finding in json.load(open(path))["findings"]]
if case.split("/")[0] not in found:
    raise SystemExit(f"{case}: found {found}")
print(f"{case}: found {', '.join(found)}")
PYTHON
done

python3 -m venv "$into/grpc"
"$into/grpc/bin/pip" install --quiet --disable-pip-version-check opentelemetry-distro==0.66b1 \
    opentelemetry-exporter-otlp-proto-grpc==1.45.1
# export_by_grpc VARIABLE...: metrics are sent too, and must not disturb.
export_by_grpc() {
    env OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_METRICS_EXPORTER=otlp "$@" \
        target/debug/whyslow run --format json -- "$into/grpc/bin/opentelemetry-instrument" \
        "$into/grpc/bin/python" -c '
from opentelemetry import trace

for _ in range(30):
    with trace.get_tracer("live").start_as_current_span("GET /orders", kind=trace.SpanKind.SERVER):
        pass
' >"$into/report.json" 2>"$into/run.log"
    grep -q "received 30 spans" "$into/run.log" || { cat "$into/run.log" && return 1; }
    echo "gRPC $*: received 30 spans"
}
export_by_grpc
export_by_grpc OTEL_EXPORTER_OTLP_COMPRESSION=gzip
