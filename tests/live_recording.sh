#!/usr/bin/env bash
# Records a case of each language now, from running programs, and expects the diagnosis to name the
# detector that the case's folder names.
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
