#!/usr/bin/env bash
# CPU seconds by stage, on generated traces in each form.
# usage: benches/stages.sh [SPANS] [FOLDER]     (1000000 spans, in a temporary folder)
set -eu
cd "$(dirname "$0")/.."
spans=${1:-1000000}
folder=${2:-$(mktemp -d)}
[ $# -ge 2 ] || trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"

cargo build --quiet --release --example generate
for form in document lines protobuf; do
  [ -s "$folder/$form-$spans" ] || target/release/examples/generate "$spans" "$form" "$folder/$form-$spans"
done

echo "== read, decode and type, one thread"
cargo bench --quiet --bench read -- "$folder/document-$spans" "$folder/lines-$spans" "$folder/protobuf-$spans"
echo "== the same with two threads"
cargo bench --quiet --bench read -- --threads 2 "$folder/lines-$spans" "$folder/protobuf-$spans"
